//! Guessing passwords: it gets slow, and it shuts nobody out.

use visits::client::form;
use visits::{Answer, Client, House, PASSWORD};

/// A try at the login page, as from `source`.
fn guess(client: &Client, login: &str, password: &str, source: &str) -> Answer {
    let page = client.choose(&client.open("/portail/"), "personnel");
    let field = |name: &str| page.field(name).unwrap_or_default();
    let body = form(&[
        ("csrf", &field("csrf")),
        ("flow", &field("flow")),
        ("username", login),
        ("password", password),
    ]);
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-forwarded-for", source),
    ];
    let action = page.action("name=\"password\"").expect("a login page");
    let sent = client.send("POST", &action, &headers, Some(body.as_bytes()));
    client.follow(sent.expect("an answer"))
}

fn is_in(answer: &Answer) -> bool {
    answer.field("SAMLResponse").is_some()
}

/// A12: on as it is installed; per account and source; a delay that ends, never a lock.
#[test]
fn a12_guessing_gets_slow_and_shuts_nobody_out() {
    let house = House::with(&[("EDULINE__SERVER__PROXIES", "127.0.0.1")]);
    let client = house.client();
    let guesser = "203.0.113.7";
    let mut tries = 0;
    let told = loop {
        let answer = guess(&client, "amartin", "Wrong-pass-1234", guesser);
        assert!(!is_in(&answer));
        if answer.status == 429 {
            break answer;
        }
        tries += 1;
        assert!(tries < 20, "nobody was slowed down");
    };
    assert!(tries >= 5, "five tries are free, not {tries}");
    assert_eq!(told.code().as_deref(), Some("EDU-4029"));
    let seconds: u32 = told.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=300).contains(&seconds), "{seconds}");
    // While the guesser waits, the right password does not help them, and says no more.
    let held = guess(&client, "amartin", PASSWORD, guesser);
    assert_eq!((held.status, is_in(&held)), (429, false));
    // The person elsewhere, and another person at the same place, notice nothing.
    assert!(is_in(&guess(
        &house.client(),
        "amartin",
        PASSWORD,
        "198.51.100.9"
    )));
    assert!(is_in(&guess(&house.client(), "bleroy", PASSWORD, guesser)));
    // The delay ends by itself.
    let started = std::time::Instant::now();
    while !is_in(&guess(&house.client(), "amartin", PASSWORD, guesser)) {
        assert!(started.elapsed().as_secs() < 60, "it does not end");
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
}
