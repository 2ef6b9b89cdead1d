//! Looking after accounts and keys by command: unlock, reset, roles; the next key by the contract's
//! words.

use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;
use visits::{Client, House, PASSWORD};

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[track_caller]
fn done(house: &House, arguments: &[&str]) -> String {
    let output = house.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
fn json(house: &House, arguments: &[&str]) -> Value {
    let text = done(house, &[arguments, &["--json"]].concat());
    serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}"))
}

/// What a try at the login page comes to.
fn tried(client: &Client, login: &str, password: &str) -> u16 {
    let page = client.choose(&client.open("/portail/"), "personnel");
    let answer = client.sign_in(&page, login, password);
    // One that was made by command opens the page where its person chooses another.
    let is_right = answer.field("SAMLResponse").is_some() || answer.field("nouveau").is_some();
    if is_right { 303 } else { answer.status }
}

/// Until a running server has heard: nobody is promised that in less than two seconds, and a busy
/// machine may take longer.
fn until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(15), "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn accounts_are_unlocked_reset_and_given_roles_by_command() {
    let house = House::start();
    // Who was guessed at waits; whoever unlocks them ends that.
    let guesser = house.client();
    loop {
        let page = guesser.choose(&guesser.open("/portail/"), "personnel");
        let answer = guesser.sign_in(&page, "amartin", "Wrong-pass-1234");
        let Some(seconds) = answer.header("retry-after") else {
            continue;
        };
        let seconds: u64 = seconds.parse().unwrap();
        // Long enough that it does not end by itself before it is ended.
        if seconds >= 6 {
            break;
        }
        std::thread::sleep(Duration::from_secs(seconds));
    }
    let told = done(&house, &["account", "unlock", "personnel", "amartin"]);
    assert!(told.contains("unlocked personnel/amartin"), "{told}");
    let unlocked = |line: &Value| line["event"] == "idp.unlocked";
    until("unlocked", || house.journal().iter().any(unlocked));
    assert_eq!(tried(&house.client(), "amartin", PASSWORD), 303);

    // A new password is told once, and opens; the one before does not.
    let reset = json(&house, &["account", "reset", "cdupont"]);
    assert_eq!(reset["account"], "personnel/cdupont");
    let password = reset["password"].as_str().expect("told");
    assert!(password.len() >= 16 && password != PASSWORD);
    assert_eq!(tried(&house.client(), "cdupont", PASSWORD), 200);
    assert_eq!(tried(&house.client(), "cdupont", password), 303);
    let again = done(&house, &["account", "reset", "personnel/cdupont"]);
    assert!(again.contains("(shown this once)"), "{again}");
    assert!(!again.contains(password), "another one each time");

    // Functions and roles.
    let roles = |more: &[&str]| json(&house, &[&["account", "roles", "amartin"], more].concat());
    let before = roles(&[]);
    assert_eq!(before["posts"][0]["function"], "enseignant_1d");
    assert_eq!(before["roles"], serde_json::json!([]));
    let post = "directeur_ecole:9990102g:École primaire Les Tilleuls";
    let now = roles(&[
        "--post",
        post,
        "--grant",
        "assistance",
        "--grant",
        "assistance",
    ]);
    assert_eq!(now["posts"][0]["uai"], "9990102g".to_uppercase());
    assert_eq!(now["posts"].as_array().unwrap().len(), 1);
    assert_eq!(now["roles"], serde_json::json!(["assistance"]));
    until("the portal knows the new function", || {
        let client = house.client();
        client.arrive("personnel", "amartin");
        let viewer = client.choose(&client.open("/magistere/"), "personnel");
        client.deliver(&viewer).body.contains("9990102G")
    });
    let taken = roles(&["--revoke", "assistance", "--no-posts"]);
    assert_eq!(taken["roles"], serde_json::json!([]));
    assert_eq!(taken["posts"], serde_json::json!([]));

    for (arguments, code) in [
        (&["account", "unlock", "personnel", "nobody"][..], 1),
        (&["account", "reset", "king", "amartin"], 1),
        (&["account", "reset", "eleve", "amartin"], 1),
        (&["account", "roles", "amartin", "--grant", "king"], 1),
        (
            &["account", "roles", "amartin", "--post", "king:9990102G:x"],
            1,
        ),
        (
            &["account", "roles", "amartin", "--post", "dsi:9990102A:x"],
            1,
        ),
        (&["account", "roles", "amartin", "--post", "dsi"], 1),
        (&["account", "unlock"], 2),
        (&["account", "reset", "personnel", "amartin", "more"], 2),
        (
            &["account", "roles", "amartin", "--no-posts", "--post", post],
            2,
        ),
    ] {
        let output = house.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
    for command in ["unlock", "reset", "roles", "disable"] {
        let help = done(&house, &["account", command, "--help"]);
        assert!(help.contains("--json"), "{help}");
    }
    // What was made for them alone stands nowhere in clear.
    let journal = std::fs::read_dir(house.data.path().join("journal")).unwrap();
    for file in journal.flatten() {
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert!(!text.contains(password), "{:?}", file.path());
    }
}

#[test]
fn a_next_key_is_generated_promoted_and_retired_by_the_contracts_words() {
    let house = House::start();
    let states = || {
        let listed = json(&house, &["keys", "list"]);
        let keys = listed.as_array().unwrap().clone().into_iter();
        keys.filter(|one| one["name"] == "idp-eleve")
            .map(|one| one["state"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let made = json(&house, &["keys", "generate", "--realm", "eleve"]);
    assert_eq!(made[0]["name"], "idp-eleve");
    assert_eq!(states(), ["current", "next"]);
    // One next key at a time; without a name nothing is missing.
    let twice = house.run(&["keys", "generate", "eleve"]);
    assert_eq!(twice.status.code(), Some(1), "{}", said(&twice));
    assert_eq!(
        json(&house, &["keys", "generate"])["made"],
        serde_json::json!([])
    );
    let early = house.run(&["keys", "promote", "--realm", "eleve"]);
    assert!(said(&early).contains("--now"), "{}", said(&early));
    done(&house, &["keys", "promote", "--realm", "eleve", "--now"]);
    assert_eq!(states(), ["current", "retired"]);
    done(&house, &["keys", "retire", "--realm", "eleve", "--now"]);
    assert_eq!(states(), ["current"]);
    // One that is gone altogether is made.
    std::fs::remove_file(house.data.path().join("keys/idp-parent.pem")).unwrap();
    let made = json(&house, &["keys", "generate", "parent"]);
    assert!(made[0]["current"].is_string(), "{made}");
    let unknown = house.run(&["keys", "generate", "--realm", "king"]);
    assert_eq!(unknown.status.code(), Some(1));
}
