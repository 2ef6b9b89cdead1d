//! Sessions that end without a visit: an account is disabled, a password changes (S10).

use std::time::{Duration, Instant};

use serde_json::Value;
use visits::peers::{Mellon, Peer, Setup, Wish};
use visits::process::free_port;
use visits::{Client, House, PASSWORD};

use crate::lost_password::{choose, prove};

const LOGOUT: &str = "/idp/personnel/logout";

/// Signed in at the portal and the viewer.
fn in_both(house: &House, login: &str) -> Client {
    let client = house.client();
    client.arrive("personnel", login);
    let wayf = client.open("/magistere/");
    client.deliver(&client.choose(&wayf, "personnel"));
    assert!(is_in(&client), "{login}");
    client
}

fn is_in(client: &Client) -> bool {
    let user = |path| client.get(path).user().is_some();
    user("/portail/") && user("/magistere/") && is_signed_on(client)
}

fn is_out(client: &Client) -> bool {
    let user = |path| client.get(path).user().is_some();
    !user("/portail/") && !user("/magistere/") && !is_signed_on(client)
}

fn is_signed_on(client: &Client) -> bool {
    client.get(LOGOUT).field("csrf").is_some()
}

#[track_caller]
fn done(house: &House, arguments: &[&str]) {
    let output = house.run(arguments);
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {why}");
}

/// A running server acts within two seconds; a busy machine is given more.
#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) -> Duration {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(15), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
    started.elapsed()
}

fn told(house: &House, event: &str) -> Vec<Value> {
    let lines = house.journal().into_iter();
    lines.filter(|line| line["event"] == event).collect()
}

#[test]
fn s10_who_is_disabled_is_out_everywhere_and_nobody_else_is() {
    let admin = free_port().to_string();
    let listen = format!("127.0.0.1:{admin}");
    let mut house = House::with(&[("EDULINE__ADMIN__LISTEN", &listen)]);
    let mellon = Mellon::registered(&house, Setup::default());
    let (first, second) = (in_both(&house, "amartin"), in_both(&house, "amartin"));
    let other = in_both(&house, "bleroy");
    // At a service of another make, too, which is told by SOAP.
    first_at(&mellon, &first);

    done(&house, &["account", "disable", "personnel", "amartin"]);
    until("out at our services, in both browsers", || {
        is_out(&first) && is_out(&second)
    });
    until("out at mellon", || mellon.known(&first).is_none());
    assert!(is_in(&other), "somebody else goes on");
    let ended = until_told(&house, "idp.sessions.ended");
    assert_eq!(
        (&ended["why"], &ended["sessions"]),
        (&"disabled".into(), &"2".into())
    );
    assert_eq!(ended["services"], "5");
    let services = told(&house, "idp.logout.service");
    assert_eq!(services.len(), 5, "{services:?}");
    for one in &services {
        assert_eq!(
            (&one["state"], &one["binding"]),
            (&"done".into(), &"soap".into()),
            "{one}"
        );
    }
    let private = Client::new(format!("http://{listen}"));
    let metrics = private.get("/metrics").body;
    let counter = "eduline_sessions_ended_total{realm=\"personnel\",why=\"disabled\"} 2";
    assert!(metrics.contains(counter), "{metrics}");

    // Enabled again, a person signs on again; what ended stays so.
    done(&house, &["account", "enable", "personnel", "amartin"]);
    until("enabled", || {
        house
            .client()
            .arrive("personnel", "amartin")
            .user()
            .is_some()
    });
    assert!(is_out(&first) && is_out(&second));

    // What is told while no server runs is heard by the next one.
    house.kill();
    done(&house, &["account", "disable", "bleroy"]);
    house.open();
    until("out after a start", || is_out(&other));
    assert_eq!(told(&house, "idp.sessions.ended").len(), 2, "each once");
}

/// From the session that stands to a page of mellon's.
fn first_at(mellon: &Mellon, client: &Client) {
    let answer = mellon.ask(client, Wish::Plain);
    client.deliver(&answer);
    assert!(mellon.known(client).is_some(), "{}", mellon.complaints());
}

/// The first such event, once there is one.
fn until_told(house: &House, event: &str) -> Value {
    let mut found = Vec::new();
    for _ in 0..30 {
        found = told(house, event);
        if !found.is_empty() {
            break;
        }
    }
    found.first().cloned().unwrap_or_else(|| panic!("{event}"))
}

#[test]
fn s10_a_new_password_ends_what_the_one_before_opened() {
    let house = House::start();
    let client = in_both(&house, "dmoreau");
    let told = house.run(&["account", "reset", "dmoreau", "--json"]);
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let password = told["password"].as_str().unwrap();
    // Signed on with the new one before the server has heard of it: that session is not meant.
    let fresh = house.client();
    let login = fresh.choose(&fresh.open("/portail/"), "personnel");
    let page = fresh.sign_in(&login, "dmoreau", password);
    let own = "Brume-8 ocre, Rz5#";
    let page = fresh.deliver(&crate::lost_password::choose(&fresh, &page, own, own));
    assert_eq!(page.user().as_deref(), Some("dmoreau"));
    until("out", || is_out(&client));
    let ended = until_told(&house, "idp.sessions.ended");
    assert_eq!(
        (&ended["why"], &ended["sessions"]),
        (&"password".into(), &"1".into())
    );
    assert_eq!(fresh.get("/portail/").user().as_deref(), Some("dmoreau"));
    let login = client.choose(&client.open("/portail/"), "personnel");
    assert!(
        client
            .sign_in(&login, "dmoreau", PASSWORD)
            .field("SAMLResponse")
            .is_none()
    );
    // An account that is replaced by a file has another password, too.
    let file = house.data.path().join("people.csv");
    let demo = visits::house::root().join("config/demo/accounts.csv");
    std::fs::copy(demo, &file).unwrap();
    done(&house, &["account", "import", &file.display().to_string()]);
    until("out once more", || fresh.get("/portail/").user().is_none());
}

/// SDP-SP35: forgetting who is signed in here is no logout.
#[test]
fn s11_a_portal_that_forgets_who_is_idle_logs_nobody_out() {
    let house = House::with(&[("EDULINE__PORTAL__IDLE_S", "2")]);
    let client = in_both(&house, "amartin");
    let wayf = until_idle(&client);
    assert!(
        wayf.url.contains("/wayf/"),
        "asked who is there: {}",
        wayf.url
    );
    assert!(is_signed_on(&client), "the provider knows its own");
    let viewer = client.get("/magistere/").user();
    assert_eq!(viewer.as_deref(), Some("amartin"));
    let logouts = house.journal().into_iter();
    let logouts: Vec<Value> = logouts
        .filter(|line| {
            line["event"]
                .as_str()
                .is_some_and(|name| name.contains("logout"))
        })
        .collect();
    assert_eq!(logouts, Vec::<Value>::new());
    // Back in without a password.
    let page = client.deliver(&client.choose(&wayf, "personnel"));
    assert_eq!(page.user().as_deref(), Some("amartin"));
    // Who is there stays, however short the time is.
    for _ in 0..6 {
        std::thread::sleep(Duration::from_millis(500));
        client.get("/portail/");
    }
    let stays = client.get("/portail/").user();
    assert_eq!(stays.as_deref(), Some("amartin"));
}

/// Leaves the portal alone until it has forgotten who is there: what it says then.
fn until_idle(client: &Client) -> visits::Answer {
    for _ in 0..5 {
        std::thread::sleep(Duration::from_millis(2600));
        let page = client.open("/portail/");
        if page.user().is_none() {
            return page;
        }
    }
    panic!("never forgotten");
}

/// Who changes their password stays where they do it, and is out everywhere else.
#[test]
fn s10_a_person_who_changes_their_password_leaves_every_other_browser() {
    let house = House::with(&[("EDULINE__SERVER__PROXIES", "127.0.0.1")]);
    let (here, there) = (in_both(&house, "cdupont"), in_both(&house, "cdupont"));
    let somebody = in_both(&house, "bleroy");
    let account = here.choose(&here.open("/compte/identite"), "personnel");
    here.deliver(&account);
    let new = "Vélo-7 gris, Tn4#";
    let page = prove(&here, "cdupont", PASSWORD, "192.0.2.7");
    let done = choose(&here, &page, new, new);
    assert_eq!((done.status, done.code()), (200, None), "{}", done.body);
    until("out in the other browser", || is_out(&there));
    assert!(is_in(&here) && is_in(&somebody));
    let ended = until_told(&house, "idp.sessions.ended");
    assert_eq!(
        (&ended["why"], &ended["sessions"]),
        (&"password".into(), &"1".into())
    );
    // Without a session of one's own nothing is spared.
    let nobody = house.client();
    nobody.open("/compte/");
    let newer = "Vélo-8 bleu, Tn5#";
    let page = prove(&nobody, "cdupont", new, "192.0.2.8");
    choose(&nobody, &page, newer, newer);
    until("out here, too", || is_out(&here));
}
