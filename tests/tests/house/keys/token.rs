//! Keys in a PKCS#11 token.

use std::time::{Duration, Instant};

use serde_json::Value;
use visits::House;
use visits::client::form;
use visits::token::Token;

use super::{STAFF, STAFF_METADATA, done, listed, refused, until_known, until_published};

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
