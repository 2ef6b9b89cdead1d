//! What was given by somebody else: a password that is changed at the next sign-on, and tries that are forgotten.

use std::time::{Duration, Instant};

use visits::{Answer, Client, House, PASSWORD};

use crate::lost_password::{choose, prove};

const CHANGE: &str = "/compte/mot-de-passe";
const NEW: &str = "Brume-8 ocre, Rz5#";

/// Signs in at the portal; says where the first answer leads, not followed.
fn given(client: &Client, login: &str, password: &str) -> Answer {
    let page = client.choose(&client.open("/portail/"), "personnel");
    client.sign_in(&page, login, password)
}

fn is_choosing(page: &Answer) -> bool {
    page.body.contains("name=\"nouveau\"")
}

fn json(house: &House, arguments: &[&str]) -> serde_json::Value {
    let told = house.run(&[arguments, &["--json"]].concat());
    let why = String::from_utf8_lossy(&told.stderr);
    serde_json::from_slice(&told.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {why}"))
}

/// `account reset`: nobody is answered until its person has a password of their own; then they are where they went.
#[test]
fn u12_a_password_that_was_given_is_changed_at_the_next_sign_on() {
    let house = House::with(&[("EDULINE__SERVER__PROXIES", "127.0.0.1")]);
    assert_eq!(
        json(&house, &["account", "show", "cdupont"])["must_change"],
        false
    );
    let reset = json(&house, &["account", "reset", "cdupont"]);
    let password = reset["password"].as_str().expect("told").to_owned();
    assert_eq!(
        json(&house, &["account", "show", "cdupont"])["must_change"],
        true
    );
    let client = house.client();
    let page = given(&client, "cdupont", &password);
    assert!(
        is_choosing(&page) && page.url.ends_with(CHANGE),
        "{} {}",
        page.url,
        page.body
    );
    assert!(page.body.contains("autres mains"), "{}", page.body);
    // Its session answers nobody, here or from another tab, nor in silence.
    let again = client.choose(&client.open("/portail/"), "personnel");
    assert!(is_choosing(&again) && again.field("SAMLResponse").is_none());
    assert!(client.get("/portail/").user().is_none());
    // A ticket is one browser's, once.
    let page = client.choose(&client.open("/magistere/"), "personnel");
    assert!(is_choosing(&page));
    let other = house.client();
    other.open("/portail/");
    for ticket in ["x", "../x", &"t".repeat(5000)] {
        assert!(
            !is_choosing(&other.open(&format!("{CHANGE}?billet={ticket}"))),
            "{ticket}"
        );
    }
    let journal = house.journal();
    let last = journal
        .iter()
        .rfind(|line| line["event"] == "idp.password.to-change");
    let flow = last.expect("told")["flow"]
        .as_str()
        .expect("a flow")
        .to_owned();
    let ticket = client.get(&format!("/idp/personnel/continue?flow={flow}"));
    let ticket = ticket.location().to_owned();
    assert!(ticket.contains("billet="), "{ticket}");
    assert!(!is_choosing(&other.open(&ticket)), "another browser's");
    assert!(!is_choosing(&other.get(CHANGE)));
    for (new, confirmation, named) in [
        (
            password.as_str(),
            password.as_str(),
            "derniers mots de passe",
        ),
        ("court", "court", "il en manque"),
        (NEW, "autre", "pas identiques"),
    ] {
        let told = choose(&client, &page, new, confirmation);
        let text = told.body.replace(['\u{a0}', '\u{202f}'], " ");
        assert!(told.status == 400 && text.contains(named), "{new}: {text}");
    }
    // The flow that was begun last goes on, with no password typed again.
    let arrived = choose(&client, &page, NEW, NEW);
    let landed = client.deliver(&arrived);
    assert_eq!(landed.user().as_deref(), Some("cdupont"), "{}", landed.body);
    assert!(landed.url.contains("/magistere/"), "{}", landed.url);
    let portal = client.choose(&client.open("/portail/"), "personnel");
    assert_eq!(
        client.deliver(&portal).user().as_deref(),
        Some("cdupont"),
        "signed on once"
    );
    assert!(
        given(&house.client(), "cdupont", NEW)
            .field("SAMLResponse")
            .is_some()
    );
    assert!(
        given(&house.client(), "cdupont", &password)
            .field("username")
            .is_some()
    );
    assert_eq!(
        json(&house, &["account", "show", "cdupont"])["must_change"],
        false
    );
    let journal = house.journal();
    let told = |event: &str| journal.iter().find(|line| line["event"] == event).cloned();
    assert!(told("idp.password.to-change").is_some());
    let changed = told("account.password.changed").expect("told");
    assert_eq!(changed["given"], "true");
    assert!(
        !journal
            .iter()
            .any(|line| line.to_string().contains(&password))
    );

    // U07: whoever unlocks somebody ends their waiting on the account pages, too, by each of their names.
    for name in ["bleroy", "bruno.leroy@ac-demo.example"] {
        let source = "203.0.113.7";
        let waits = || prove(&house.client(), name, "Wrong-word-77", source).status == 429;
        while !waits() {}
        while !waits() {}
        json(&house, &["account", "unlock", "bleroy"]);
        let started = Instant::now();
        while prove(&house.client(), name, PASSWORD, source).status == 429 {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "{name} still waits"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// A desk's code: who still knows the password of before changes it at the next sign-on; who brings the code has
/// changed it.
#[test]
fn u12_what_a_desk_handed_over_is_changed_at_the_next_sign_on() {
    let house = House::with(&[("EDULINE__SERVER__PROXIES", "127.0.0.1")]);
    let code = crate::help_desk::hand_over(&house, "amartin");
    let before = house.client();
    assert!(is_choosing(&given(&before, "amartin", PASSWORD)));
    let after = house.client();
    let page = prove(&after, "amartin", &code, "192.0.2.9");
    assert!(is_choosing(&page), "{}", page.body);
    let told = choose(&after, &page, PASSWORD, PASSWORD);
    assert_eq!(told.status, 400, "not the one of before");
    let done = choose(&after, &page, NEW, NEW);
    assert!(done.body.contains("est changé"), "{}", done.body);
    assert!(
        given(&house.client(), "amartin", NEW)
            .field("SAMLResponse")
            .is_some()
    );
    assert!(
        given(&house.client(), "amartin", PASSWORD)
            .field("SAMLResponse")
            .is_none()
    );
}
