//! Metadata of others, from an address: what is believed, what is refused, and what stands when a
//! source fails. The aggregates are signed by xmlsec1.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use saml::KeyKind;
use serde_json::Value;
use visits::{Client, House, Partner, forge};

pub(crate) const DAY: i64 = 24 * 3600;

/// A server whose answers the test chooses, path by path.
pub(crate) struct Origin {
    pub(crate) base: String,
    answers: Arc<Mutex<HashMap<String, String>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Origin {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let answers: Arc<Mutex<HashMap<String, String>>> = Arc::default();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (known, noted) = (Arc::clone(&answers), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (known, noted) = (Arc::clone(&known), Arc::clone(&noted));
                std::thread::spawn(move || answer(stream, &known, &noted));
            }
        });
        Self {
            base,
            answers,
            asked,
        }
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// How many times a path was asked for.
    pub(crate) fn times(&self, path: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|one| *one == path).count()
    }

    pub(crate) fn says(&self, path: &str, answer: String) {
        self.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    pub(crate) fn gives(&self, path: &str, body: &str) {
        self.says(path, response("200 OK", "", body));
    }
}

fn answer(
    mut stream: TcpStream,
    known: &Mutex<HashMap<String, String>>,
    asked: &Mutex<Vec<String>>,
) {
    let mut head = [0; 8192];
    let length = stream.read(&mut head).unwrap_or(0);
    let head = String::from_utf8_lossy(&head[..length]).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    asked.lock().unwrap().push(path.to_owned());
    let text = known.lock().unwrap().get(path).cloned();
    let text = text.unwrap_or_else(|| response("404 Not Found", "", ""));
    if path == "/drip" {
        // One byte a second, until nobody listens.
        for byte in text.as_bytes() {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    stream.write_all(text.as_bytes()).ok();
}

pub(crate) fn response(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// A key in files, as xmlsec1 and `--key` take it.
pub(crate) struct Key {
    private: PathBuf,
    pub(crate) certificate: PathBuf,
    text: String,
}

pub(crate) fn key(folder: &Path, name: &str) -> Key {
    let seed = [name.len().try_into().unwrap(); 16];
    let pair = saml::keys::generate(KeyKind::Rsa2048, name, seed, forge::now(), 30).unwrap();
    let (private, certificate) = (
        folder.join(format!("{name}.key")),
        folder.join(format!("{name}.pem")),
    );
    std::fs::write(&private, &pair.key_pem).unwrap();
    std::fs::write(&certificate, &pair.cert_pem).unwrap();
    let text = pair
        .cert_pem
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    Key {
        private,
        certificate,
        text,
    }
}

pub(crate) fn provider(host: &str, key: &Key) -> String {
    format!(
        "<md:EntityDescriptor entityID=\"https://{host}/idp\">\n\
         <md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\n\
         <md:KeyDescriptor><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data>\
         </ds:KeyInfo></md:KeyDescriptor>\n<md:SingleSignOnService \
         Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"https://{host}/sso\"/>\n\
         </md:IDPSSODescriptor></md:EntityDescriptor>\n",
        key.text
    )
}

/// An aggregate that ends in that many seconds, not signed yet; without an end when there are none.
pub(crate) fn aggregate(entities: &str, seconds: Option<i64>) -> String {
    let until = seconds.map_or(String::new(), |seconds| {
        let until = forge::now() + chrono::Duration::seconds(seconds);
        format!(" validUntil=\"{}\"", until.format("%Y-%m-%dT%H:%M:%SZ"))
    });
    format!(
        "<md:EntitiesDescriptor ID=\"_all\"{until} xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" \
         xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">{entities}</md:EntitiesDescriptor>"
    )
}

/// The same, signed by xmlsec1.
pub(crate) fn signed(xml: &str, key: &Key) -> String {
    const TEMPLATE: &str = "<ds:Signature><ds:SignedInfo>\
        <ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>\
        <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/>\
        <ds:Reference URI=\"#_all\"><ds:Transforms>\
        <ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>\
        <ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/></ds:Transforms>\
        <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue/>\
        </ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature>";
    let end = xml.find('>').unwrap() + 1;
    let (head, rest) = xml.split_at(end);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("unsigned.xml");
    std::fs::write(&file, format!("{head}{TEMPLATE}{rest}")).unwrap();
    let output = Command::new("xmlsec1")
        .args(["--sign", "--privkey-pem"])
        .arg(&key.private)
        .args([
            "--id-attr:ID",
            "urn:oasis:names:tc:SAML:2.0:metadata:EntitiesDescriptor",
        ])
        .arg(&file)
        .output()
        .expect("xmlsec1 runs");
    assert!(output.status.success(), "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    text[text.find("<md:").unwrap()..].to_owned()
}

pub(crate) fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// What the portal does with a provider: whether it asks it.
pub(crate) fn is_trusted(client: &Client, host: &str) -> bool {
    let query = visits::client::form(&[("entityID", &format!("https://{host}/idp"))]);
    let answer = client.get(&format!("/portail/login?{query}"));
    answer
        .header("location")
        .is_some_and(|to| to.starts_with(&format!("https://{host}/sso?")))
}

pub(crate) fn wait_until(client: &Client, host: &str, trusted: bool) {
    let started = Instant::now();
    while is_trusted(client, host) != trusted {
        assert!(started.elapsed().as_secs() < 20, "{host}: not {trusted}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn m01_m04_m13_a_source_is_believed_by_its_key_alone_and_its_last_good_copy_stands() {
    let house = House::with(&[("EDULINE__FEDERATION__REFRESH_S", "1")]);
    let client = house.client();
    let (origin, folder) = (Origin::start(), tempfile::tempdir().unwrap());
    let (theirs, stranger) = (key(folder.path(), "theirs"), key(folder.path(), "stranger"));
    let pem = theirs.certificate.display().to_string();
    let one = provider("one.example", &theirs);
    let good = signed(&aggregate(&one, Some(7 * DAY)), &theirs);
    let add = |place: &str, name: &str| {
        house.run(&[
            "metadata", "source", "add", place, "--key", &pem, "--name", name,
        ])
    };
    // A good one: trusted by the running server, with what breaks a rule left out.
    let broken = one.replace("https://one.example/sso", "javascript:alert(1)");
    let broken = broken.replace("one.example/idp", "bad.example/idp");
    let twice = format!("{one}{broken}{one}{}", provider("two.example", &theirs));
    let several = signed(&aggregate(&twice, Some(7 * DAY)), &theirs);
    origin.gives("/good", &several);
    let added = add(&origin.at("/good"), "good");
    assert!(added.status.success(), "{}", said(&added));
    wait_until(&client, "two.example", true);
    assert!(is_trusted(&client, "one.example") && !is_trusted(&client, "bad.example"));
    let left_out = said(&added);
    assert!(
        left_out.contains("bad.example") && left_out.contains("twice"),
        "{left_out}"
    );
    // A second source with the same entity is told that an earlier one has it.
    origin.gives("/second", &good);
    let second = add(&origin.at("/second"), "second");
    assert!(second.status.success(), "{}", said(&second));
    let listed = house.run(&["metadata", "source", "list", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(
        (listed[0]["name"].as_str(), listed[0]["entities"].as_u64()),
        (Some("good"), Some(2))
    );
    assert!(
        listed[1]["left_out"][0]
            .as_str()
            .unwrap()
            .contains("earlier source"),
        "{listed}"
    );
    assert_eq!(
        house
            .run(&["metadata", "source", "remove", "second"])
            .status
            .code(),
        Some(0)
    );

    // Whatever the source says now, what it said stands: other key, gone, another document.
    let evil = provider("evil.example", &stranger);
    let forged = signed(&aggregate(&evil, Some(8 * DAY)), &stranger);
    for (what, answer, code) in [
        ("re-signed", response("200 OK", "", &forged), "EDU-2211"),
        (
            "changed",
            response(
                "200 OK",
                "",
                &several.replace("two.example", "evil.example"),
            ),
            "EDU-2211",
        ),
        ("gone", response("500 Oh", "", ""), "status 500"),
        (
            "elsewhere",
            response("302 Found", "location: file:///etc/passwd\r\n", ""),
            "not followed",
        ),
    ] {
        origin.says("/good", answer);
        let refreshed = house.run(&["metadata", "refresh"]);
        let told = said(&refreshed);
        assert_eq!(refreshed.status.code(), Some(1), "{what}: {told}");
        assert!(
            told.contains(code) || code == "EDU-2211" && told.contains("EDU-5003"),
            "{what}: {told}"
        );
        // The server has read it again meanwhile, or will: it refreshes each second.
        std::thread::sleep(Duration::from_millis(1200));
        assert!(is_trusted(&client, "two.example"), "{what}");
        assert!(!is_trusted(&client, "evil.example"), "{what}");
    }
    // News arrive by themselves, and a source that is removed takes its entities along.
    let three = format!("{one}{}", provider("three.example", &theirs));
    origin.gives("/good", &signed(&aggregate(&three, Some(9 * DAY)), &theirs));
    wait_until(&client, "three.example", true);
    assert!(!is_trusted(&client, "two.example"), "it is gone");
    what_changed_is_told(&house, &theirs);
    assert!(
        house
            .run(&["metadata", "refresh", "--json"])
            .status
            .success()
    );
    assert!(
        house
            .run(&["metadata", "source", "remove", "good"])
            .status
            .success()
    );
    wait_until(&client, "three.example", false);
    assert_eq!(
        house
            .run(&["metadata", "source", "remove", "good"])
            .status
            .code(),
        Some(1)
    );
    std::fs::write(house.data.path().join("sources/x.toml"), "file = 1\n").unwrap();
    let checked = house.run(&["check"]);
    assert!(
        said(&checked).contains("sources/x.toml"),
        "{}",
        said(&checked)
    );
}

/// M15: who came and who went, by a command and in the journal; and whom a source may not bring.
fn what_changed_is_told(house: &House, theirs: &Key) {
    let about = |text: &str| said(&house.run(&["metadata", "changes", text]));
    assert!(about("three.example").contains("good: + https://three.example/idp"));
    assert!(about("two.example").contains("good: - https://two.example/idp"));
    assert_eq!(about("evil.example").trim(), "");
    let all = house.run(&["metadata", "changes", "good", "--json"]);
    let all: Value = serde_json::from_slice(&all.stdout).unwrap();
    assert_eq!(
        all.as_array().unwrap().len(),
        2,
        "first, then the news: {all}"
    );
    let told = |name: &str| house.journal().iter().any(|line| line["event"] == name);
    assert!(told("metadata.changed") && told("metadata.failed"));
    // A source that may bring nobody whom another one registered.
    let file = house.data.path().join("one.xml");
    let one = aggregate(&provider("one.example", theirs), Some(7 * DAY));
    std::fs::write(&file, signed(&one, theirs)).unwrap();
    let (file, pem) = (
        file.display().to_string(),
        theirs.certificate.display().to_string(),
    );
    let add = [
        "metadata", "source", "add", &file, "--key", &pem, "--name", "picky",
    ];
    let picky = [
        &add[..],
        &["--registrar", "https://registrar.example/", "--json"],
    ]
    .concat();
    let picky: Value = serde_json::from_slice(&house.run(&picky).stdout).unwrap();
    assert_eq!(
        (picky["entities"].as_u64(), picky["set_aside"].as_u64()),
        (Some(0), Some(1))
    );
    let written = std::fs::read_to_string(house.data.path().join("sources/picky.toml")).unwrap();
    assert!(
        written.contains("registrars = [\"https://registrar.example/\"]"),
        "{written}"
    );
    assert!(
        house
            .run(&["metadata", "source", "remove", "picky"])
            .status
            .success()
    );
}

#[test]
fn m14_a_document_is_looked_at_line_by_line_and_its_signature_by_a_key() {
    let house = House::start();
    let folder = tempfile::tempdir().unwrap();
    let (theirs, stranger) = (key(folder.path(), "theirs"), key(folder.path(), "stranger"));
    let file = folder.path().join("all.xml");
    let path = file.display().to_string();
    let one = provider("one.example", &theirs);
    let broken = one.replace("https://one.example/sso", "http://one.example/sso");
    let broken = broken.replace("one.example/idp", "bad.example/idp");
    let all = aggregate(&format!("\n{one}{broken}{one}"), Some(DAY));
    let lint = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let output = house.run(&["metadata", "lint", &path, "--json"]);
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), told)
    };
    let (code, told) = lint(&all);
    assert_eq!(code, Some(1), "{told}");
    let errors: Vec<(u64, &str, &str)> = told["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["level"] == "error")
        .map(|one| {
            (
                one["line"].as_u64().unwrap(),
                one["code"].as_str().unwrap(),
                one["entityID"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        errors,
        [
            (7, "EDU-2711", "https://bad.example/idp"),
            (12, "EDU-2706", "https://one.example/idp"),
        ],
        "{told}"
    );
    let plain = said(&house.run(&["metadata", "lint", &path]));
    assert!(plain.contains(&format!("{path}:12: erreur")), "{plain}");
    assert!(plain.contains("shibmd:Scope"), "advice too: {plain}");
    for (text, code) in [
        ("<a/>", "EDU-2701"),
        ("<a>", "EDU-2015"),
        ("<!DOCTYPE a><a/>", "EDU-2007"),
    ] {
        let (exit, told) = lint(text);
        assert_eq!(
            (exit, told["findings"][0]["code"].as_str()),
            (Some(1), Some(code))
        );
    }
    // What only could be better is no error.
    let (code, told) = lint(&Partner::new("sp.example").metadata());
    assert_eq!(code, Some(0), "{told}");
    assert!(!told["findings"].as_array().unwrap().is_empty());

    std::fs::write(&file, signed(&all, &theirs)).unwrap();
    let verify = |key: &Key| {
        let pem = key.certificate.display().to_string();
        house.run(&["metadata", "verify", &path, "--key", &pem])
    };
    let good = verify(&theirs);
    assert!(
        good.status.success() && said(&good).contains("signed_by"),
        "{}",
        said(&good)
    );
    let bad = verify(&stranger);
    assert_eq!(bad.status.code(), Some(1), "{}", said(&bad));
    std::fs::write(&file, &all).unwrap();
    let bare = verify(&theirs);
    assert!(said(&bare).contains("EDU-2201"), "{}", said(&bare));
}
