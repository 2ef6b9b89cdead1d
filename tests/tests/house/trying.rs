//! Trying a service with somebody who does not exist (X02).

use serde_json::Value;
use visits::browser::Kind;
use visits::client::{form, unescape};
use visits::{Answer, Browser, Client, House, PASSWORD, Partner, forge};

use crate::sources::said;

const PAGE: &str = "/idp/personnel/essai";

fn address(service: &str, kind: &str) -> String {
    format!("{PAGE}?{}", form(&[("service", service), ("kind", kind)]))
}

fn passes(page: &Answer) -> Option<String> {
    visits::client::between(&page.body, "data-passes=\"", "\"")
}

fn tried(house: &House, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = house.run(&[&["sp", "try", "--json"], arguments].concat());
    let told = serde_json::from_slice(&output.stdout);
    let told = told.unwrap_or_else(|why| panic!("{why}: {}", said(&output)));
    (output.status.code(), told)
}

fn verdict<'a>(told: &'a Value, word: &str) -> &'a Value {
    let mut checks = told["checks"].as_array().unwrap().iter();
    checks
        .find(|check| check["word"] == word)
        .unwrap_or_else(|| panic!("no {word}: {told}"))
}

fn operator(house: &House) -> Client {
    let operator = house.client();
    operator.arrive("personnel", "operateur");
    operator
}

#[test]
fn x02_a_service_is_tried_with_somebody_who_does_not_exist_check_by_check() {
    let house = House::start();
    let partner = Partner::new("tried.example").asking("mail", true);
    partner.register(&house, &[]);
    let id = partner.id.as_str();
    let (code, told) = tried(&house, &[id, "--kind", "personnel/directeur_ecole"]);
    assert_eq!(
        (code, &told["passes"]),
        (Some(0), &Value::Bool(true)),
        "{told}"
    );
    for (word, found) in [
        ("idp.try-acs", partner.acs.as_str()),
        ("viewer.check-audience", id),
        ("viewer.check-bearer", &partner.acs),
    ] {
        let check = verdict(&told, word);
        assert_eq!(
            (&check["verdict"], &check["found"]),
            (&"holds".into(), &found.into())
        );
    }
    let response = told["response"].as_str().unwrap();
    assert!(
        response.contains("personne.fictive@essai.invalid"),
        "{response}"
    );

    // A pupil has no mail for others: what the service cannot do without is missing, and said.
    let (code, told) = tried(&house, &[id, "--kind", "eleve"]);
    assert_eq!((code, &told["passes"]), (Some(1), &Value::Bool(false)));
    let missing = verdict(&told, "idp.try-required");
    assert_eq!(
        (&missing["verdict"], &missing["found"]),
        (&"fails".into(), &"mail".into())
    );

    // The page says the same, to operators alone.
    let asked = address(id, "personnel/directeur_ecole");
    let client = house.client();
    assert_eq!(client.get(&asked).code().as_deref(), Some("EDU-4030"));
    client.arrive("personnel", "amartin");
    assert_eq!(client.get(&asked).code().as_deref(), Some("EDU-4030"));
    let operator = operator(&house);
    let page = operator.get(&asked);
    assert_eq!(
        (page.status, passes(&page).as_deref()),
        (200, Some("yes")),
        "{}",
        page.body
    );
    let shown = unescape(&page.body);
    assert!(shown.contains("personne.fictive@essai.invalid") && shown.contains(&partner.acs));
    let pupil = operator.get(&address(id, "eleve"));
    assert_eq!(passes(&pupil).as_deref(), Some("no"));
    let nobody = operator.get(&address("https://nobody.example", "eleve"));
    assert!(nobody.body.contains("aria-invalid=\"true\""));
    assert_eq!(operator.post(PAGE, &[]).status, 405);
    for wrong in [
        vec!["https://nobody.example"],
        vec![id, "--kind", "personnel/king"],
    ] {
        let refused = house.run(&[&["sp", "try"], &wrong[..]].concat());
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    }
    let journal = house.journal();
    let tries = journal.iter().filter(|line| line["event"] == "idp.try");
    let tries: Vec<_> = tries.collect();
    assert_eq!(tries.len(), 4, "{tries:?}");
    assert_eq!(
        tries
            .iter()
            .filter(|line| line["operator"].is_string())
            .count(),
        2
    );
}

#[test]
fn x02_who_does_not_exist_is_signed_on_nowhere() {
    let house = House::start();
    let portal = house.at("/portail");
    let operator = operator(&house);
    let page = operator.get(&address(&portal, "personnel/directeur_ecole"));
    assert_eq!(passes(&page).as_deref(), Some("yes"), "{}", page.body);
    assert_eq!(
        operator.get("/portail/").user().as_deref(),
        Some("operateur")
    );

    // What is shown, posted to whom it names: refused, even where an answer is waited for.
    let (_, told) = tried(&house, &[&portal]);
    let response = told["response"].as_str().unwrap();
    let victim = house.client();
    forge::attempt(&house, &victim);
    let request = visits::client::between(response, "InResponseTo=\"", "\"").unwrap();
    assert!(request.starts_with('_'));
    for xml in [response.to_owned(), response.replace('\n', "")] {
        let posted = victim.post(
            "/portail/saml/acs",
            &[("SAMLResponse", &forge::base64(&xml))],
        );
        assert!(
            posted.status >= 400 && posted.user().is_none(),
            "{}",
            posted.body
        );
    }
    assert_eq!(victim.get("/portail/").user(), None);
    // Its key is in nobody's metadata, and the person in no directory.
    let key = visits::client::between(response, "<ds:X509Certificate>", "<");
    let metadata = house.client().get("/idp/personnel/metadata").body;
    assert!(key.is_none_or(|key| !metadata.contains(key.trim())));
    for name in ["essai-directeur_ecole", "essai-personnel-directeur_ecole"] {
        let client = house.client();
        let wayf = client.open("/portail/");
        let page = client.choose(&wayf, "personnel");
        let refused = client.sign_in(&page, name, PASSWORD);
        assert!(refused.field("SAMLResponse").is_none(), "{name}");
        let found = house.run(&["account", "show", "personnel", name]);
        assert_eq!(found.status.code(), Some(1), "{}", said(&found));
    }
    let journal = house.journal();
    let fictive = journal.iter().filter(|line| {
        line["event"] == "idp.response.sent" || line["event"] == "idp.login.accepted"
    });
    assert!(
        fictive
            .into_iter()
            .all(|line| !line.to_string().contains("essai-"))
    );
}

#[test]
fn x02_what_is_decided_and_the_service_cannot_do_fails_the_try() {
    let house = House::start();
    let partner = Partner::new("kept.example");
    partner.register(&house, &["--encrypt", "always"]);
    let (code, told) = tried(&house, &[partner.id.as_str()]);
    assert_eq!(code, Some(1));
    let sealed = verdict(&told, "idp.try-encryption");
    assert_eq!(
        sealed["verdict"], "fails",
        "it publishes no key for that: {told}"
    );
}

#[tokio::test]
async fn x02_the_try_is_fine_at_both_widths() {
    let house = House::start();
    let viewer = house.at("/magistere");
    for (kind, name) in [(Kind::DESKTOP, "1280"), (Kind::PHONE.dark(), "360-dark")] {
        let browser = Browser::open(&house.url(), kind).await;
        browser.goto("/portail/").await;
        browser.click("button[value=personnel]").await;
        browser.sign_in("operateur", PASSWORD).await;
        browser.find("body[data-user]").await;
        for (what, path) in [
            ("try", PAGE.to_owned()),
            ("try-wrong", address("nobody", "eleve")),
            ("try-viewer", address(&viewer, "personnel/directeur_ecole")),
            ("try-pupil", address(&viewer, "eleve")),
        ] {
            browser.goto(&path).await;
            browser.find("main form").await;
            browser.assert_fine(&format!("{what} {name}")).await;
            browser.picture(&format!("{what}-{name}")).await;
        }
        browser.close().await;
    }
}
