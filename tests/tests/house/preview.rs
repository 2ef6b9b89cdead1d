//! The operator's page: what a person would send to a service, and which rule decided (R09).

use std::time::{Duration, Instant};

use visits::browser::Kind;
use visits::client::{between, form};
use visits::{Answer, Browser, Client, House, PASSWORD, Partner};

const PAGE: &str = "/idp/personnel/apercu";

fn address(user: &str, service: &str) -> String {
    format!("{PAGE}?{}", form(&[("user", user), ("service", service)]))
}

/// What the page says of one attribute.
fn row(page: &Answer, name: &str) -> String {
    let row = between(&page.body, &format!("data-attribute=\"{name}\""), "</tr>");
    visits::client::unescape(&row.unwrap_or_else(|| panic!("no {name}: {}", page.body)))
}

#[track_caller]
fn is_refused(client: &Client, path: &str) {
    let refused = client.get(path);
    assert_eq!(refused.status, 403, "{path}");
    assert_eq!(refused.code().as_deref(), Some("EDU-4030"), "{path}");
    assert!(refused.reference().is_some(), "{path}");
    assert!(!refused.body.contains("anne.martin"), "{path}");
}

#[test]
fn r09_an_operator_sees_what_would_be_sent_and_which_rule_decides() {
    let house = House::start();
    let partner = Partner::new("preview.example")
        .asking("mail", true)
        .asking("sn", false)
        .asking("FrEduResDel", false);
    let decided = ["--attribute", "rne", "--withhold", "sn"];
    partner.register(&house, &decided);
    let id = partner.id.as_str();
    let asked = address("amartin", id);

    // Nobody, and somebody without the role.
    let client = house.client();
    is_refused(&client, PAGE);
    is_refused(&client, &asked);
    client.arrive("personnel", "amartin");
    is_refused(&client, &asked);

    let operator = house.client();
    operator.arrive("personnel", "operateur");
    let bare = operator.get(PAGE);
    assert_eq!((bare.status, bare.code()), (200, None), "{}", bare.body);
    let suggested = visits::client::unescape(&bare.body);
    assert!(suggested.contains("<datalist") && suggested.contains("/portail\""));
    let page = operator.get(&asked);
    assert_eq!(page.status, 200);
    // As the command says it, which decides as a sign-on does.
    let said = house.run(&["sp", "preview", "amartin", id, "--json"]);
    let said: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    for one in said["attributes"].as_array().unwrap() {
        let row = row(&page, one["name"].as_str().unwrap());
        for value in one["values"].as_array().unwrap() {
            assert!(row.contains(value.as_str().unwrap()), "{one} {row}");
        }
        assert_eq!(
            row.contains("Non transmis"),
            !one["held_back"].is_null(),
            "{one}"
        );
    }
    for (name, words) in [
        (
            "mail",
            &["ses métadonnées le demandent", "indispensable"][..],
        ),
        ("rne", &["décision de l’opérateur", "9990101F"]),
        ("sn", &["l’opérateur le retient"]),
        ("FrEduResDel", &["cette personne n’en a pas"]),
    ] {
        let row = row(&page, name);
        assert!(words.iter().all(|word| row.contains(word)), "{row}");
    }
    let pupil = operator.get(&address("eleve/jeanne.b", id));
    assert!(row(&pupil, "mail").contains("jamais pour un élève"));
    let english = operator.get(&format!("{asked}&lang=en"));
    assert!(english.body.contains("Its metadata") || english.body.contains("its metadata"));
    operator.get("/portail/?lang=fr");

    // What cannot be found is told; what is malformed is refused.
    for (user, service) in [
        ("nobody", id),
        ("king/amartin", id),
        ("<script>", id),
        ("amartin", "https://nobody.example"),
        ("amartin", "not an entity"),
    ] {
        let page = operator.get(&address(user, service));
        assert_eq!(page.status, 200, "{user} {service}");
        assert!(
            page.body.contains("aria-invalid=\"true\""),
            "{user} {service}"
        );
        assert!(!page.body.contains("<script>"), "{user} {service}");
    }
    assert_eq!(operator.get(&format!("{asked}&user=x")).status, 400);
    assert_eq!(operator.post(PAGE, &[]).status, 405);
    // The session of one realm opens nothing at another.
    is_refused(
        &operator,
        &asked.replace("personnel/apercu", "eleve/apercu"),
    );

    // The journal tells who looked at whom, and nothing of what was seen.
    let journal = house.journal();
    let looked: Vec<_> = journal
        .iter()
        .filter(|line| line["event"] == "idp.preview")
        .collect();
    assert_eq!(looked.len(), 3);
    assert!(
        looked
            .iter()
            .all(|line| line["operator"].is_string() && line["sp"] == id)
    );
    let all = serde_json::to_string(&journal).unwrap();
    assert!(!all.contains("anne.martin@"), "values are not journalled");

    // A role that is taken back is taken back.
    let revoked = house.run(&["account", "roles", "operateur", "--revoke", "operateur"]);
    assert!(revoked.status.success());
    let started = Instant::now();
    while operator.get(PAGE).status != 403 {
        assert!(
            started.elapsed() < Duration::from_secs(15),
            "still an operator"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The preview, and the page on which a person chooses.
#[tokio::test]
async fn r09_r07_both_pages_are_fine_at_both_widths() {
    let house = House::start();
    let partner = crate::information::books("books.example")
        .asking("sn", false)
        .asking("eduPersonAffiliation", false);
    partner.register(&house, &["--information", "once"]);
    for (kind, name) in [(Kind::DESKTOP, "1280"), (Kind::PHONE.dark(), "360-dark")] {
        let browser = Browser::open(&house.url(), kind).await;
        browser.goto("/portail/").await;
        browser.click("button[value=personnel]").await;
        browser.sign_in("operateur", PASSWORD).await;
        browser.find("body[data-user]").await;
        let viewer = house.at("/magistere");
        let pages = [
            ("preview", PAGE.to_owned()),
            ("preview-wrong", address("nobody", &viewer)),
            ("preview-viewer", address("bleroy", &viewer)),
            ("choice", partner.address(&house, &partner.request(&house))),
        ];
        for (what, path) in pages {
            browser.goto(&path).await;
            browser.find("main form").await;
            browser.assert_fine(&format!("{what} {name}")).await;
            browser.picture(&format!("{what}-{name}")).await;
        }
        browser.close().await;
    }
}
