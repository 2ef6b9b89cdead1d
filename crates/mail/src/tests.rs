use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use super::*;

fn dice() -> Dice {
    Arc::new(|bytes: &mut [u8]| {
        for byte in bytes {
            *byte = RandomState::new().hash_one(7).to_le_bytes()[0];
        }
    })
}

fn clock() -> Clock {
    #[expect(clippy::disallowed_methods, reason = "files carry the system's time")]
    Arc::new(Utc::now)
}

fn letter(text: &str) -> Letter {
    Letter {
        to: "anne@perso.example".to_owned(),
        subject: "Votre code : été".to_owned(),
        text: text.to_owned(),
    }
}

type Heard = Arc<Mutex<Vec<(Outcome, String)>>>;

fn open(folder: &Path, means: Means, heard: &Heard) -> Post {
    let heard = Arc::clone(heard);
    Post::open(PostParts {
        folder: folder.to_path_buf(),
        key: [5; 32],
        from: "Académie <noreply@ac-demo.example>".to_owned(),
        means,
        clock: clock(),
        dice: dice(),
        told: Arc::new(move |_, outcome, why| {
            heard.lock().unwrap().push((outcome, why.to_owned()));
        }),
    })
    .unwrap()
}

fn soon() -> DateTime<Utc> {
    clock()() + TimeDelta::minutes(15)
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed().as_secs() < 20, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn smtp(port: u16, tls: Tls) -> Means {
    Means::Smtp(Smtp {
        host: "127.0.0.1".to_owned(),
        port,
        tls,
        login: None,
    })
}

/// A mail server of a few lines that answers RCPT as told and keeps what it is sent.
fn server(rcpt: &'static str, mails: Arc<Mutex<Vec<String>>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut out = stream.try_clone().unwrap();
            let mut lines = BufReader::new(stream).lines();
            out.write_all(b"220 here\r\n").ok();
            let mut mail = None::<String>;
            while let Some(Ok(line)) = lines.next() {
                if let Some(text) = mail.as_mut() {
                    if line != "." {
                        text.push_str(&line);
                        text.push('\n');
                        continue;
                    }
                    mails.lock().unwrap().push(mail.take().unwrap());
                }
                let said = match line.get(..4).unwrap_or_default() {
                    "DATA" => {
                        mail = Some(String::new());
                        "354 go on"
                    }
                    "RCPT" => rcpt,
                    "QUIT" => "221 bye",
                    _ => "250 yes",
                };
                out.write_all(format!("{said}\r\n").as_bytes()).ok();
            }
        }
    });
    port
}

#[test]
fn a_letter_becomes_a_file_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (queue, out) = (folder.path().join("queue"), folder.path().join("out"));
    let heard = Heard::default();
    let office = open(&queue, Means::Folder(out.clone()), &heard);
    office.take(letter("K7QPR-3MXDT, été"), soon()).unwrap();
    wait_for("it leaves", || heard.lock().unwrap().len() == 1);
    assert_eq!(heard.lock().unwrap()[0].0, Outcome::Sent);
    let file = std::fs::read_dir(&out).unwrap().next().unwrap().unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let mail = std::fs::read_to_string(file.path()).unwrap();
    for part in [
        "To: anne@perso.example",
        "noreply@ac-demo.example",
        "Auto-Submitted: auto-generated",
        "K7QPR-3MXDT",
        "Message-ID: <",
    ] {
        assert!(mail.contains(part), "{part}: {mail}");
    }
    assert_eq!(office.waiting(), 0);
}

#[test]
fn what_waits_is_sealed_and_leaves_when_the_server_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let heard = Heard::default();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let office = open(folder.path(), smtp(port, Tls::Never), &heard);
    office.take(letter("K7QPR-3MXDT"), soon()).unwrap();
    wait_for("it is tried", || !heard.lock().unwrap().is_empty());
    assert_eq!(heard.lock().unwrap()[0].0, Outcome::Delayed);
    assert_eq!(office.waiting(), 1);
    let mut kept = Vec::new();
    for entry in std::fs::read_dir(folder.path()).unwrap().flatten() {
        kept.extend(std::fs::read(entry.path()).unwrap());
    }
    let kept = String::from_utf8_lossy(&kept).into_owned();
    assert!(!kept.is_empty());
    for secret in ["K7QPR", "anne@", "Votre"] {
        assert!(!kept.contains(secret), "{secret}");
    }
    // Another process, later, with the same key and a server that answers.
    drop(office);
    let mails = Arc::new(Mutex::new(Vec::new()));
    let port = server("250 yes", Arc::clone(&mails));
    let again = open(folder.path(), smtp(port, Tls::Never), &heard);
    wait_for("it leaves", || mails.lock().unwrap().len() == 1);
    wait_for("it is away", || again.waiting() == 0);
    assert!(mails.lock().unwrap()[0].contains("K7QPR-3MXDT"));
}

#[test]
fn a_server_that_says_never_is_asked_once_and_nobody_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let heard = Heard::default();
    let port = server("550 no anne@perso.example here", Arc::default());
    let office = open(folder.path(), smtp(port, Tls::Never), &heard);
    office.take(letter("x"), soon()).unwrap();
    wait_for("it is lost", || office.waiting() == 0);
    wait_for("it is told", || !heard.lock().unwrap().is_empty());
    let heard = heard.lock().unwrap();
    assert_eq!(heard[0].0, Outcome::Lost);
    assert!(!heard[0].1.contains("anne"), "{heard:?}");
}

#[test]
fn nothing_is_sent_in_clear_where_tls_is_required() {
    let folder = tempfile::tempdir().unwrap();
    let (heard, mails) = (Heard::default(), Arc::new(Mutex::new(Vec::new())));
    let port = server("250 yes", Arc::clone(&mails));
    let office = open(folder.path(), smtp(port, Tls::Required), &heard);
    office.take(letter("x"), soon()).unwrap();
    wait_for("it is tried", || !heard.lock().unwrap().is_empty());
    assert_ne!(heard.lock().unwrap()[0].0, Outcome::Sent);
    assert!(mails.lock().unwrap().is_empty());
}

#[test]
fn an_old_letter_is_forgotten_and_a_pretended_one_never_was() {
    let folder = tempfile::tempdir().unwrap();
    let (queue, out) = (folder.path().join("queue"), folder.path().join("out"));
    let heard = Heard::default();
    let office = open(&queue, Means::Folder(out.clone()), &heard);
    office.pretend(letter("x"), soon()).unwrap();
    office
        .take(letter("x"), clock()() - TimeDelta::seconds(1))
        .unwrap();
    wait_for("it is forgotten", || !heard.lock().unwrap().is_empty());
    assert_eq!(heard.lock().unwrap()[0].0, Outcome::Lost);
    assert!(!out.exists());
    assert_eq!(std::fs::read_dir(&queue).unwrap().count(), 0);
}

#[test]
fn an_address_is_one_and_nothing_else() {
    for good in ["anne.martin@perso.example", "a@b"] {
        assert!(is_address(good), "{good}");
    }
    for bad in [
        "",
        "anne",
        "a@b\r\nBcc: c@d",
        "a@b, c@d",
        "Anne <a@b>",
        "a b@c",
    ] {
        assert!(!is_address(bad), "{bad}");
    }
}

#[test]
fn a_server_is_written_as_an_address() {
    let smtp = Smtp::parse("smtp://eduline:p%40ss+w@mail.example", "required").unwrap();
    let login = smtp
        .login
        .as_ref()
        .map(|(user, word)| (user.as_str(), word.as_str()));
    let read = (smtp.host.as_str(), smtp.port, smtp.tls, login);
    let expected = (
        "mail.example",
        587,
        Tls::Required,
        Some(("eduline", "p@ss+w")),
    );
    assert_eq!(read, expected);
    let smtps = Smtp::parse("smtps://mail.example:4465", "never").unwrap();
    assert_eq!((smtps.port, smtps.tls), (4465, Tls::Whole));
    let near = Smtp::parse("smtp://a:b@127.0.0.1:1025", "never").unwrap();
    assert_eq!((near.port, near.tls), (1025, Tls::Never));
    for (text, tls) in [
        ("", "required"),
        ("mail.example", "required"),
        ("http://mail.example", "required"),
        ("smtp://", "required"),
        ("smtp://mail.example", "maybe"),
        ("smtp://a:secret@mail.example", "never"),
        ("smtp://a:secret@mail.example", "offered"),
    ] {
        let told = Smtp::parse(text, tls).err();
        assert!(
            told.is_some_and(|why| !why.contains("secret")),
            "{text} {tls}"
        );
    }
}

#[test]
fn who_letters_are_from_is_checked_at_once() {
    for bad in ["", "nobody", "a@b, c@d"] {
        assert!(check_from(bad).is_err(), "{bad}");
    }
    check_from("Académie <ne-pas-repondre@ac-demo.example>").unwrap();
}
