//! A form that arrives after its session ended comes back to be confirmed (SDP-SP22, IIP-SP09), to whom it
//! came from and to nobody else.

use std::time::{Duration, Instant};

use visits::browser::Kind;
use visits::client::{between, form, unescape};
use visits::{Answer, Browser, Client, House, PASSWORD};

use crate::portal::favourites;

const LOGOUT: &str = "/idp/personnel/logout";
const PORTAL: &str = "/portail/favoris";
/// Long enough for a slow machine to confirm in, short enough to wait for.
const IDLE: [(&str, &str); 1] = [("EDULINE__PORTAL__IDLE_S", "5")];

/// The part of a page that is its own: the button to sign out, above, has a token too.
fn main_of(page: &Answer) -> Answer {
    let main = page.body.split("<main").nth(1);
    let main = main.unwrap_or_else(|| panic!("no main: {}", page.body));
    Answer {
        body: main.to_owned(),
        ..page.clone()
    }
}

fn token(client: &Client, path: &str) -> String {
    let page = main_of(&client.get(path));
    let csrf = page.field("csrf");
    csrf.unwrap_or_else(|| panic!("no form: {}", page.body))
}

/// Signed in as amartin, with a token of the page of favourites, and then forgotten by the portal.
fn forgotten(house: &House) -> (Client, String) {
    let client = house.client();
    client.arrive("personnel", "amartin");
    let csrf = token(&client, PORTAL);
    std::thread::sleep(Duration::from_millis(5_500));
    (client, csrf)
}

fn add(client: &Client, csrf: &str) -> Answer {
    client.follow(client.post(PORTAL, &[("csrf", csrf), ("add", "magistere")]))
}

/// From the discovery service back to where it leads, with the session that the provider has.
fn back(client: &Client, wayf: &Answer) -> Answer {
    client.deliver(&client.choose(wayf, "personnel"))
}

/// Presses the button of the page that gives a form back.
fn confirm(client: &Client, page: &Answer) -> Answer {
    let main = main_of(page);
    let action = main.action("name=\"csrf\"").expect("a form");
    let fields: Vec<(String, String)> = main
        .body
        .split("<input type=\"hidden\" ")
        .skip(1)
        .map(|field| {
            let name = between(field, "name=\"", "\"").expect("a name");
            let value = between(field, "value=\"", "\"").expect("a value");
            (name, unescape(&value))
        })
        .collect();
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    client.follow(client.post(&action, &fields))
}

fn told(house: &House, event: &str) -> Vec<String> {
    let lines = house.journal().into_iter();
    lines
        .filter(|line| line["event"] == event)
        .map(|line| {
            let why = line["why"].as_str().unwrap_or_default();
            format!("{} {why}", line["form"].as_str().unwrap_or_default())
        })
        .collect()
}

#[test]
fn sp22_a_form_sent_after_its_session_comes_back_to_be_confirmed() {
    let house = House::with(&IDLE);
    let (client, csrf) = forgotten(&house);
    let wayf = add(&client, &csrf);
    assert!(wayf.url.contains("/wayf/"), "{}", wayf.url);
    let page = back(&client, &wayf);
    assert!(
        page.url.contains("/portail/reprise?ticket="),
        "{}",
        page.url
    );
    assert_eq!(page.user().as_deref(), Some("amartin"));
    let main = main_of(&page);
    assert!(main.body.contains("Magistere"), "{}", main.body);
    assert_eq!(main.action("magistere").as_deref(), Some(PORTAL));
    assert_eq!(
        favourites(&client),
        Vec::<String>::new(),
        "nothing is done yet"
    );
    let done = confirm(&client, &page);
    assert_eq!(done.status, 200, "{}", done.body);
    assert_eq!(favourites(&client), ["magistere"]);
    // Once: its address gives nothing any more.
    let again = client.open(&page.url);
    assert_eq!((again.status, main_of(&again).field("add")), (200, None));
    assert_eq!(told(&house, "sp.form.kept"), ["favourites "]);
    assert_eq!(told(&house, "sp.form.returned"), ["favourites "]);
    // Who turns back has done nothing.
    std::thread::sleep(Duration::from_millis(5_500));
    let fields = [("csrf", csrf.as_str()), ("remove", "magistere")];
    let wayf = client.follow(client.post(PORTAL, &fields));
    let page = back(&client, &wayf);
    let leave = main_of(&page);
    let leave = between(&leave.body, "button quiet\" href=\"", "\"").expect("a way out");
    assert_eq!(client.get(&unescape(&leave)).status, 200);
    assert_eq!(favourites(&client), ["magistere"]);
}

#[test]
fn sp22_the_other_forms_of_the_portal_come_back_too() {
    let house = House::with(&IDLE);
    let client = house.client();
    client.arrive("personnel", "cdupont");
    let home = client.get("/portail/applications");
    let form = home.body.split("action=\"/portail/role\"").nth(1);
    let form = form.unwrap_or_else(|| panic!("no posts: {}", home.body));
    let csrf = between(form, "name=\"csrf\" value=\"", "\"").expect("a token");
    let options = form.split("<option value=\"").skip(1);
    let role = options
        .filter_map(|rest| rest.split('"').next())
        .find(|value| !value.is_empty())
        .expect("a post");
    let page = client.get(PORTAL).body;
    let uses = page
        .split("action=\"/portail/usage\"")
        .nth(1)
        .expect("uses");
    let uses = between(uses, "name=\"csrf\" value=\"", "\"").expect("a token");
    for (path, fields, word) in [
        (
            "/portail/role",
            [("csrf", csrf.as_str()), ("role", role)],
            "Changer d",
        ),
        (
            "/portail/usage",
            [("csrf", uses.as_str()), ("compter", "non")],
            "Ne plus retenir",
        ),
    ] {
        std::thread::sleep(Duration::from_millis(5_500));
        let wayf = client.follow(client.post(path, &fields));
        let page = back(&client, &wayf);
        assert!(main_of(&page).body.contains(word), "{}", page.body);
        let done = confirm(&client, &page);
        assert_eq!((done.status, done.code()), (200, None), "{}", done.body);
    }
    let events: Vec<_> = house
        .journal()
        .into_iter()
        .map(|line| line["event"].clone())
        .collect();
    for event in ["portal.role", "portal.uses"] {
        assert!(events.contains(&event.into()), "{event}");
    }
}

#[test]
fn sp22_a_kept_form_is_for_its_browser_and_its_person_alone() {
    let house = House::with(&IDLE);
    let (client, csrf) = forgotten(&house);
    // Another browser of the same person, that came by the address.
    let wayf = add(&client, &csrf);
    let page = client.choose(&wayf, "personnel");
    let page = client.post(
        &page.action("SAMLResponse").expect("an address"),
        &[(
            "SAMLResponse",
            &page.field("SAMLResponse").expect("an answer"),
        )],
    );
    let landed = client.get(page.location());
    let ticket = landed.location().to_owned();
    assert!(ticket.contains("/portail/reprise?ticket="), "{ticket}");
    let other = house.client();
    other.arrive("personnel", "amartin");
    let shown = main_of(&other.open(&ticket));
    assert_eq!(
        (shown.status, shown.field("add")),
        (200, None),
        "{}",
        shown.body
    );

    // Somebody else who signs on in that browser.
    let csrf = token(&client, PORTAL);
    std::thread::sleep(Duration::from_millis(5_500));
    let wayf = add(&client, &csrf);
    let leave = token(&client, LOGOUT);
    client.post(LOGOUT, &[("csrf", &leave)]);
    let login = client.choose(&wayf, "personnel");
    let page = client.deliver(&client.sign_in(&login, "bleroy", PASSWORD));
    assert_eq!(page.user().as_deref(), Some("bleroy"));
    let main = main_of(&page);
    assert_eq!(main.field("add"), None, "{}", main.body);
    assert!(!main.body.contains("Magistere"), "{}", main.body);
    assert_eq!(told(&house, "sp.form.dropped"), ["favourites other-person"]);
    assert_eq!(told(&house, "sp.form.returned"), Vec::<String>::new());
}

#[test]
fn sp22_what_another_site_sends_or_proves_who_somebody_is_is_not_kept() {
    let house = House::with(&IDLE);
    let (client, csrf) = forgotten(&house);
    let plain = |answer: Answer| {
        let page = back(&client, &client.follow(answer));
        std::thread::sleep(Duration::from_millis(5_500));
        page.url
    };
    // A token of nobody's, and a form of another site's with the right one.
    let forged = client.post(PORTAL, &[("csrf", "x"), ("add", "magistere")]);
    assert_eq!(plain(forged), house.at(PORTAL));
    let body = form(&[("csrf", csrf.as_str()), ("add", "magistere")]);
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "cross-site"),
    ];
    let foreign = client.send("POST", PORTAL, &headers, Some(body.as_bytes()));
    assert_eq!(plain(foreign.expect("an answer")), house.at(PORTAL));
    // More than a page of text.
    let long = "a,".repeat(6_000);
    let long = client.post(PORTAL, &[("csrf", csrf.as_str()), ("order", &long)]);
    assert_eq!(plain(long), house.at(PORTAL));
    // Who logged out is nobody.
    back(&client, &client.open("/portail/"));
    let leave = token(&client, "/portail/logout");
    client.post("/portail/logout", &[("csrf", &leave)]);
    let nobody = client.post(PORTAL, &[("csrf", csrf.as_str()), ("add", "magistere")]);
    assert_eq!(plain(nobody), house.at(PORTAL));
    assert_eq!(told(&house, "sp.form.kept"), Vec::<String>::new());
    assert_eq!(
        told(&house, "sp.form.dropped"),
        ["token", "token", "too-long", "nobody"].map(|why| format!("favourites {why}"))
    );
}

#[test]
fn sp22_what_was_typed_at_the_account_comes_back_and_is_sealed_meanwhile() {
    const TYPED: &str = "zz-sentinel@perso.example";
    let house = House::start();
    let sign_on = |client: &Client, path: &str| {
        let login = client.choose(&client.open(path), "personnel");
        client.deliver(&client.sign_in(&login, "amartin", PASSWORD))
    };
    let client = house.client();
    let page = main_of(&sign_on(&client, "/compte/secours"));
    let csrf = page
        .field("csrf")
        .unwrap_or_else(|| panic!("{}", page.body));
    // From another browser they close every other session.
    let other = house.client();
    let page = sign_on(&other, "/compte/sessions");
    let form = page.body.split("value=\"others\"").next().unwrap();
    let form = form.rsplit("<form").next().unwrap();
    let leave = between(form, "name=\"csrf\" value=\"", "\"").expect("others to close");
    let fields = [("csrf", leave.as_str()), ("choice", "others")];
    assert_eq!(other.post("/compte/sessions", &fields).status, 200);
    let started = Instant::now();
    while client.get("/compte/secours").status == 200 {
        assert!(
            started.elapsed() < Duration::from_secs(15),
            "still signed in"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    // What is typed then comes back, after a password.
    let fields = [
        ("csrf", csrf.as_str()),
        ("courriel", TYPED),
        ("action", "envoyer"),
    ];
    let wayf = client.follow(client.post("/compte/secours", &fields));
    assert_eq!(told(&house, "sp.form.kept"), ["contact "]);
    for entry in std::fs::read_dir(house.data.path()).unwrap().flatten() {
        let bytes = std::fs::read(entry.path()).unwrap_or_default();
        let found = bytes.windows(11).any(|part| part == b"zz-sentinel");
        assert!(!found, "{}", entry.path().display());
    }
    let login = client.choose(&wayf, "personnel");
    let page = client.deliver(&client.sign_in(&login, "amartin", PASSWORD));
    assert!(main_of(&page).body.contains(TYPED), "{}", page.body);
    let done = confirm(&client, &page);
    assert_eq!((done.status, done.code()), (200, None), "{}", done.body);
    assert!(
        done.body.contains(TYPED),
        "a code was sent there: {}",
        done.body
    );
    // A code is not kept.
    let leave = token(&client, LOGOUT);
    client.post(LOGOUT, &[("csrf", &leave)]);
    let fields = [
        ("csrf", csrf.as_str()),
        ("code", "12345"),
        ("action", "confirmer"),
    ];
    client.post("/compte/secours", &fields);
    let journal = format!("{:?}", house.journal());
    assert!(
        !journal.contains("zz-sentinel"),
        "the journal tells no field"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sp22_the_page_that_gives_a_form_back_is_fine_at_both_widths() {
    let house = House::with(&IDLE);
    for (kind, name) in [(Kind::DESKTOP, "1280"), (Kind::PHONE.dark(), "360-dark")] {
        let browser = Browser::open(&house.url(), kind).await;
        browser.goto(PORTAL).await;
        browser.click("button[value=personnel]").await;
        browser.sign_in("bleroy", PASSWORD).await;
        browser.find("button[name=add][value=magistere]").await;
        tokio::time::sleep(Duration::from_millis(5_500)).await;
        browser.click("button[name=add][value=magistere]").await;
        browser.click("button[value=personnel]").await;
        browser.find("main input[name=add]").await;
        browser.assert_fine(&format!("kept {name}")).await;
        browser.picture(&format!("kept-{name}")).await;
        browser.goto("/portail/reprise").await;
        browser.find("main [role=alert]").await;
        browser.assert_fine(&format!("kept-gone {name}")).await;
        browser.picture(&format!("kept-gone-{name}")).await;
        browser.close().await;
    }
}
