//! Keys roll while people sign on.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use saml::metadata::ReadPolicy;
use serde_json::Value;
use visits::client::form;
use visits::token::Token;
use visits::{Client, House, forge};

/// The key of the staff, and where it is published.
const STAFF: &str = "idp-personnel";
const STAFF_METADATA: &str = "/idp/personnel/metadata";

/// What a command said, which it must have done.
#[track_caller]
pub(crate) fn done(house: &House, arguments: &[&str]) -> String {
    let output = house.run(arguments);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {complaints}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Why a command was refused, which it must have been.
#[track_caller]
fn refused(house: &House, arguments: &[&str]) -> String {
    let output = house.run(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The fingerprints of the keys of a name, by state, as `keys list` tells them.
fn listed(house: &House, name: &str) -> Vec<(String, String)> {
    let told: Value = serde_json::from_str(&done(house, &["keys", "list", "--json"])).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let keys = told.as_array().unwrap().iter();
    keys.filter(|one| one["name"] == name)
        .map(|one| (text(&one["state"]), text(&one["fingerprint"])))
        .collect()
}

/// The fingerprints of the signing keys that the metadata at `path` publishes, in its order, and of
/// the key it is signed with.
fn published(house: &House, path: &str) -> (Vec<String>, String) {
    let text = house.client().get(path).body;
    let folder = std::fs::read_dir(house.data.path().join("keys")).unwrap();
    let pinned: Vec<_> = folder
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("metadata"))
        .map(|entry| forge::certificate(&entry.path()))
        .collect();
    let policy = ReadPolicy {
        pinned: &pinned,
        now: forge::now(),
        horizon_days: Some(60),
        loopback_http: true,
    };
    let document = saml::metadata::read(&text, &policy).expect("good metadata");
    let entity = document.entities.first().expect("an entity");
    let keys = match (&entity.idp, &entity.sp) {
        (Some(role), _) => &role.signing_keys,
        (_, Some(role)) => &role.signing_keys,
        _ => panic!("no role"),
    };
    let keys = keys
        .iter()
        .map(|key| key.fingerprint().to_owned())
        .collect();
    (keys, document.key.expect("verified"))
}

/// Waits until what is published is what is listed: every process has turned the page.
#[track_caller]
fn until_published(house: &House, name: &str, path: &str) {
    let listed: Vec<String> = listed(house, name)
        .into_iter()
        .map(|(_, key)| key)
        .collect();
    let started = Instant::now();
    while published(house, path).0 != listed {
        assert!(started.elapsed() < Duration::from_secs(3), "{path}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until the journal tells that the portal and the viewer know what is published: our own
/// metadata was read again, and once more.
fn until_known() {
    std::thread::sleep(Duration::from_secs(2));
}

/// Sign-ons that never stop: new people at the portal, and one who is at the viewer already in a
/// moment; each must succeed.
struct Stream {
    stop: AtomicBool,
    done: Mutex<Vec<String>>,
    failed: Mutex<Vec<String>>,
}

impl Stream {
    fn new() -> Self {
        Self {
            stop: AtomicBool::new(false),
            done: Mutex::default(),
            failed: Mutex::default(),
        }
    }

    /// Signs on again and again, with a session that lives meanwhile, until it is stopped.
    fn flow(&self, house: &House, path: &str) {
        let client = house.client();
        let provider = form(&[("entityID", &house.at("/idp/personnel"))]);
        client.arrive("personnel", "amartin");
        while !self.stop.load(Ordering::SeqCst) {
            // The service forgets us; the identity provider does not.
            leave(&client, path);
            let page = client.open(&format!("{path}/login?{provider}"));
            if page.field("SAMLResponse").is_none() {
                self.fail(&page.body);
                continue;
            }
            let arrived = client.deliver(&page);
            if arrived.user().as_deref() == Some("amartin") {
                self.done.lock().unwrap().push(path.to_owned());
            } else {
                self.fail(&arrived.body);
            }
        }
    }

    fn fail(&self, story: &str) {
        self.failed.lock().unwrap().push(story.to_owned());
    }

    /// Waits until each service has let somebody in `more` times since.
    fn wait_for(&self, more: usize) {
        let count = |path: &str| {
            let done = self.done.lock().unwrap();
            done.iter().filter(|one| *one == path).count()
        };
        let wanted = SERVICES.map(|path| (path, count(path) + more));
        let started = Instant::now();
        while wanted.iter().any(|(path, number)| count(path) < *number) {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "nobody signs on any more: {:?}",
                self.failed.lock().unwrap().first()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

const SERVICES: [&str; 2] = ["/portail", "/magistere"];

fn leave(client: &Client, path: &str) {
    let logout = format!("{path}/logout");
    if let Some(csrf) = client.get(&logout).field("csrf") {
        client.post(&logout, &[("csrf", &csrf)]);
    }
}

/// Runs `story` while people sign on without a pause; nobody may fail.
fn while_people_sign_on(house: &House, story: impl FnOnce(&Stream)) {
    let stream = Stream::new();
    std::thread::scope(|scope| {
        for path in SERVICES {
            let stream = &stream;
            scope.spawn(move || stream.flow(house, path));
        }
        stream.wait_for(2);
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| story(&stream)));
        stream.stop.store(true, Ordering::SeqCst);
        if let Err(why) = told {
            std::panic::resume_unwind(why);
        }
    });
    let failed = stream.failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} failed: {}", failed.len(), failed[0]);
}

#[test]
fn m09_a_realms_key_rolls_while_people_sign_on() {
    let house = House::start();
    let first = listed(&house, STAFF);
    assert_eq!(first.len(), 1);
    while_people_sign_on(&house, |stream| {
        let told = done(&house, &["keys", "next", "personnel"]);
        assert!(told.contains("keys promote idp-personnel"), "{told}");
        until_published(&house, STAFF, STAFF_METADATA);
        let rolling = listed(&house, STAFF);
        assert_eq!(rolling[0], first[0]);
        assert_eq!(rolling[1].0, "next");
        stream.wait_for(3);
        // Not everybody has read our metadata again: only who insists is let through.
        let why = refused(&house, &["keys", "promote", "personnel"]);
        assert!(why.contains("--now"), "{why}");
        assert_eq!(listed(&house, STAFF), rolling);
        until_known();
        done(&house, &["keys", "promote", "personnel", "--now"]);
        until_published(&house, STAFF, STAFF_METADATA);
        let rolled = listed(&house, STAFF);
        assert_eq!(rolled[0].1, rolling[1].1);
        assert_eq!(rolled[1], ("retired".to_owned(), first[0].1.clone()));
        stream.wait_for(3);
        // It stays published for a while, unless somebody insists.
        assert!(done(&house, &["keys", "retire"]).contains("nothing to do"));
        assert_eq!(listed(&house, STAFF), rolled);
        done(&house, &["keys", "retire", "personnel", "--now"]);
        until_published(&house, STAFF, STAFF_METADATA);
        assert_eq!(listed(&house, STAFF), [rolled[0].clone()]);
        stream.wait_for(3);
    });
    // The answers were signed with the one, then with the other.
    let journal = house.journal();
    let signed_with = |key: &str| {
        let accepted =
            |line: &&Value| line["event"] == "sp.response.accepted" && line["key"] == key;
        journal.iter().filter(accepted).count()
    };
    let second = &listed(&house, STAFF)[0].1;
    assert!(signed_with(&first[0].1) >= 4 && signed_with(second) >= 4);
    let changes: Vec<_> = journal
        .iter()
        .filter(|line| line["event"] == "keys.changed")
        .collect();
    assert_eq!(changes.len(), 3, "{changes:?}");
    assert!(changes.iter().all(|line| line["key"] == STAFF));
}

/// A house whose token holds the key of the staff, and that token.
fn with_a_token(kind: &str) -> (House, Token) {
    let token = Token::make();
    let mut settings = token.settings();
    settings.push(("EDULINE__KEYS__KIND", kind.to_owned()));
    let settings: Vec<(&str, &str)> = settings.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let house = House::with(&settings);
    let before = listed(&house, STAFF);
    done(
        &house,
        &["keys", "next", "personnel", "--pkcs11", "staff-2026"],
    );
    until_published(&house, STAFF, STAFF_METADATA);
    until_known();
    done(&house, &["keys", "promote", "personnel", "--now"]);
    until_published(&house, STAFF, STAFF_METADATA);
    assert_eq!(listed(&house, STAFF)[1].1, before[0].1);
    (house, token)
}

#[test]
fn h11_a_key_in_a_token_signs() {
    for kind in ["rsa-2048", "p-256"] {
        let (house, _token) = with_a_token(kind);
        let file = house.data.path().join("keys/idp-personnel.pem");
        let stands = std::fs::read_to_string(file).unwrap();
        assert!(stands.starts_with("pkcs11:object=staff-2026\n"));
        assert!(!stands.contains("PRIVATE KEY"));
        let told: Value = serde_json::from_str(&done(&house, &["keys", "list", "--json"])).unwrap();
        let keys = told.as_array().unwrap();
        let in_token = keys.iter().filter(|one| one["in_token"] == true);
        assert_eq!(in_token.count(), 1, "{told}");
        let arrived = house.client().arrive("personnel", "amartin");
        assert_eq!(
            arrived.user().as_deref(),
            Some("amartin"),
            "{}",
            arrived.body
        );
        let key = &listed(&house, STAFF)[0].1;
        let journal = house.journal();
        let signed = |line: &&Value| line["event"] == "sp.response.accepted" && line["key"] == *key;
        assert_eq!(journal.iter().filter(signed).count(), 1);
        assert!(done(&house, &["check"]).contains("no fault"));
    }
}

#[test]
fn h11_a_token_that_is_away_costs_an_answer_and_not_the_house() {
    let (mut house, token) = with_a_token("rsa-2048");
    let client = house.client();
    client.arrive("personnel", "amartin");
    token.unplug();
    let provider = form(&[("entityID", &house.at("/idp/personnel"))]);
    let again = format!("/magistere/login?{provider}");
    let refused = client.open(&again);
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert_eq!(refused.code().as_deref(), Some("EDU-4001"));
    assert!(refused.header("retry-after").is_some());
    assert_eq!(house.client().get("/health/ready").status, 503);
    assert_eq!(house.client().get("/health/live").status, 200);
    let faults = house.run(&["check"]);
    let said = String::from_utf8_lossy(&faults.stderr).into_owned();
    assert_eq!(faults.status.code(), Some(1));
    assert!(
        said.contains("idp-personnel.pem") && said.contains("away"),
        "{said}"
    );
    // The keys of the others are in files.
    let pupil = house.client().arrive("eleve", "jeanne.b");
    assert_eq!(pupil.user().as_deref(), Some("jeanne.b"));
    // What is listed does not need the token.
    assert_eq!(listed(&house, STAFF).len(), 2);
    token.plug();
    let started = Instant::now();
    let page = loop {
        let page = client.open(&again);
        if page.status == 200 {
            break page;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{}", page.body);
        std::thread::sleep(Duration::from_millis(200));
    };
    assert_eq!(client.deliver(&page).user().as_deref(), Some("amartin"));
    assert!(house.is_alive());
}

#[test]
fn h11_a_token_is_only_used_as_it_is_set_up() {
    let token = Token::make();
    let settings = token.settings();
    let house = House::start();
    let with = |changed: (&str, &str), arguments: &[&str]| {
        let mut command = house.command(arguments);
        command.envs(settings.iter().map(|(name, value)| (*name, value.as_str())));
        command.env(changed.0, changed.1);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    };
    let next = ["keys", "next", "personnel", "--pkcs11", "staff"];
    // Without a token, there is no key in one.
    assert!(refused(&house, &next).contains("[pkcs11]"));
    for (name, value, told) in [
        ("EDULINE__PKCS11__TOKEN", "another", "another"),
        (
            "EDULINE__PKCS11__TOKEN",
            "",
            "all of module, token and pin_file",
        ),
        ("EDULINE__PKCS11__MODULE", "/nowhere.so", "/nowhere.so"),
        ("EDULINE__PKCS11__PIN_FILE", "/nowhere", "/nowhere"),
        ("EDULINE__PKCS11__SESSIONS", "0", "1 to 64"),
    ] {
        let (code, said) = with((name, value), &next);
        assert_eq!(code, Some(1), "{name}={value}");
        assert!(said.contains(told), "{name}={value}: {said}");
    }
    let usual = ("RUST_LOG", "info");
    for label in ["", "two words", "a/b", "x;type=public"] {
        let (code, said) = with(usual, &["keys", "next", "personnel", "--pkcs11", label]);
        assert_eq!(code, Some(1), "{label}");
        assert!(said.contains("is called by letters"), "{said}");
    }
    let (code, _) = with(usual, &["keys", "next", "--all", "--pkcs11", "staff"]);
    assert_eq!(code, Some(1));
    assert_eq!(listed(&house, STAFF).len(), 1, "nothing was made");
}
