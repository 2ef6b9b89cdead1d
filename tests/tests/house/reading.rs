//! What the operator writes: a charter that is accepted, pages to read.

use std::time::{Duration, Instant};

use tempfile::TempDir;
use visits::browser::Kind;
use visits::{Answer, Browser, Client, House, PASSWORD};

const FIRST: &str = "# Charte des usages\n\n## Vos devoirs\n\nLire *tout* & <3 partager.\n";

/// A house with a charter for its staff, and the folder of texts.
fn house() -> (House, TempDir) {
    let folder = TempDir::new().expect("a folder");
    std::fs::create_dir(folder.path().join("pages")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("charte.md", FIRST);
    write(
        "pages/10-hameconnage.md",
        "# L'hameçonnage\n\nNe donnez **jamais** votre code.\n",
    );
    write(
        "pages/actualite.md",
        "# La rentrée\n\n[Le portail](/portail/) ouvre.\n",
    );
    let at = |name: &str| folder.path().join(name).display().to_string();
    let settings = [
        ("EDULINE__ACCOUNT__CHARTER_PERSONNEL", at("charte.md")),
        ("EDULINE__ACCOUNT__PAGES", at("pages")),
    ];
    let settings: Vec<_> = settings
        .iter()
        .map(|(key, at)| (*key, at.as_str()))
        .collect();
    (House::with(&settings), folder)
}

fn signed_in(client: &Client, realm: &str, login: &str) -> Answer {
    let page = client.choose(&client.open("/portail/"), realm);
    client.sign_in(&page, login, PASSWORD)
}

fn is_asked(page: &Answer) -> bool {
    page.url.contains("/charte?") && page.field("SAMLResponse").is_none()
}

fn answer(client: &Client, page: &Answer, more: &[(&str, &str)]) -> Answer {
    let field = |name: &str| page.field(name).unwrap_or_default();
    let (csrf, flow, sp, version) = (field("csrf"), field("flow"), field("sp"), field("version"));
    let mut fields = vec![
        ("csrf", csrf.as_str()),
        ("flow", &flow),
        ("sp", &sp),
        ("version", &version),
    ];
    fields.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
    fields.extend_from_slice(more);
    client.follow(client.post("/idp/personnel/charte", &fields))
}

#[test]
fn u14_a_charter_is_accepted_at_the_first_sign_on_and_anew_when_it_changes() {
    let (house, folder) = house();
    let client = house.client();
    let page = signed_in(&client, "personnel", "amartin");
    assert!(is_asked(&page), "{} {}", page.url, page.body);
    for part in ["<h2>Vos devoirs</h2>", "<em>tout</em> &amp; &lt;3 partager"] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    // Neither the session nor another service goes past it.
    assert!(is_asked(
        &client.choose(&client.open("/magistere/"), "personnel")
    ));
    for wrong in [
        [("csrf", "x"), ("choice", "accept")],
        [("version", "x"), ("choice", "accept")],
        [("version", ""), ("choice", "accept")],
        [("choice", "x"), ("x", "x")],
    ] {
        let told = answer(&client, &page, &wrong);
        assert!(told.field("SAMLResponse").is_none(), "{wrong:?}");
        assert!(
            is_asked(&client.choose(&client.open("/portail/"), "personnel")),
            "{wrong:?}"
        );
    }
    // Nobody else can, with another browser; and the realm without one asks for nothing.
    let stranger = house.client();
    stranger.open("/portail/");
    let told = answer(&stranger, &page, &[("choice", "accept")]);
    assert!(told.field("SAMLResponse").is_none(), "{}", told.body);
    let pupil = house.client();
    assert!(
        signed_in(&pupil, "eleve", "jeanne.b")
            .field("SAMLResponse")
            .is_some()
    );
    // Who refuses: the service is told, and they are asked again.
    let other = house.client();
    let refused = answer(
        &other,
        &signed_in(&other, "personnel", "bleroy"),
        &[("choice", "refuse")],
    );
    let xml =
        visits::partner::decoded(&refused.field("SAMLResponse").expect("the service is told"));
    assert!(
        xml.contains("status:RequestDenied") && !xml.contains("Assertion"),
        "{xml}"
    );
    assert!(is_asked(
        &other.choose(&other.open("/portail/"), "personnel")
    ));

    let accepted = answer(&client, &page, &[("choice", "accept")]);
    assert_eq!(client.deliver(&accepted).user().as_deref(), Some("amartin"));
    let again = house.client();
    assert!(
        signed_in(&again, "personnel", "amartin")
            .field("SAMLResponse")
            .is_some(),
        "once"
    );
    let read = |client: &Client, path: &str| {
        let page = client.open(path);
        if page.field("profile").is_none() {
            return page;
        }
        let page = client.choose(&page, "personnel");
        client.follow(client.deliver(&page))
    };
    let own = read(&client, "/compte/charte");
    assert!(
        own.body.contains("<h2>Vos devoirs</h2>") && own.body.contains("version "),
        "{}",
        own.body
    );
    let version = visits::client::between(&own.body, "?version=", "\"").expect("one was accepted");

    // Another text is another charter, also for who is signed on.
    std::fs::write(
        folder.path().join("charte.md"),
        FIRST.replace("tout", "bien"),
    )
    .unwrap();
    let started = Instant::now();
    let page = loop {
        let fresh = house.client();
        let page = signed_in(&fresh, "personnel", "amartin");
        if is_asked(&page) {
            assert!(page.body.contains("<em>bien</em>"), "{}", page.body);
            break answer(&fresh, &page, &[("choice", "accept")]);
        }
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "it is never asked anew"
        );
        std::thread::sleep(Duration::from_millis(500));
    };
    assert!(page.field("SAMLResponse").is_some());
    // The same browser on a new connection: the old one ends with the house that stood.
    let cookies = client.cookies();
    let client = house.client();
    cookies
        .iter()
        .for_each(|(name, value)| client.set_cookie(name, value));
    let own = read(&client, "/compte/charte");
    assert!(own.body.contains("<em>bien</em>"), "{}", own.body);
    assert_eq!(
        own.body.matches("?version=").count(),
        2,
        "both are in the archive"
    );
    let past = read(&client, &format!("/compte/charte?version={version}"));
    assert!(
        past.body.contains("<em>tout</em>"),
        "as it stood: {}",
        past.body
    );
    let none = read(&client, "/compte/charte?version=x");
    assert!(none.body.contains("<em>bien</em>"));
    let results: Vec<_> = house
        .journal()
        .iter()
        .filter(|line| line["event"] == "idp.charter")
        .map(|line| line["result"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(results, ["refused", "accepted", "accepted"]);

    // Pages for everybody.
    let login = house.client();
    let page = login.choose(&login.open("/portail/"), "personnel");
    let body = visits::client::unescape(&page.body);
    assert!(
        body.contains("href=\"/compte/informations\""),
        "{}",
        page.body
    );
    let home = house.client().get("/compte/");
    assert!(
        home.body.contains("/compte/informations/hameconnage"),
        "{}",
        home.body
    );
    let page = house.client().get("/compte/informations/hameconnage");
    assert!(
        page.body.contains("<strong>jamais</strong>"),
        "{}",
        page.body
    );
    let page = house.client().get("/compte/informations/none");
    assert_eq!(
        (page.status, page.code().as_deref()),
        (404, Some("EDU-7404"))
    );
    // What is more than text is refused before anybody sees it.
    std::fs::write(
        folder.path().join("pages/actualite.md"),
        "# A\n\n<script>x()</script>\n",
    )
    .unwrap();
    let checked = house.run(&["check"]);
    let told = String::from_utf8_lossy(&checked.stderr);
    assert_eq!(checked.status.code(), Some(1));
    assert!(told.contains("actualite.md: line 3: raw HTML"), "{told}");
    std::thread::sleep(Duration::from_secs(3));
    let page = house.client().get("/compte/informations/actualite");
    assert!(
        page.status == 200 && !page.body.contains("x()"),
        "the last good ones stand"
    );
}

#[tokio::test]
async fn u14_what_the_operator_writes_is_read_on_a_telephone() {
    let (house, _folder) = house();
    let browser = Browser::open(&house.url(), Kind::PHONE).await;
    browser.goto("/compte/informations").await;
    browser.assert_fine("list").await;
    browser.picture("reading-1-list").await;
    browser.click_link("hameçonnage").await;
    browser.wait_for_text("Ne donnez jamais").await;
    browser.assert_fine("page").await;
    browser.goto("/portail/").await;
    browser.click("button[name=profile][value=personnel]").await;
    browser.sign_in("amartin", PASSWORD).await;
    browser.find("button[value=accept]").await;
    browser.assert_fine("charter").await;
    browser.picture("reading-2-charter").await;
    browser.click("button[value=accept]").await;
    browser.find("body[data-user]").await;
    browser.goto("/compte/charte").await;
    browser.click("button[name=profile][value=personnel]").await;
    browser.find(".log").await;
    browser.assert_fine("accepted").await;
    browser.picture("reading-3-accepted").await;
    browser.goto("/compte/").await;
    browser.assert_fine("home").await;
    browser.picture("reading-4-home").await;
    browser.close().await;
}
