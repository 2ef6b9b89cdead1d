//! The portal that people open every morning: favourites, two ways to show a list, and what the
//! operator writes for a time.

use tempfile::TempDir;
use visits::client::{between, unescape};
use visits::process::free_port;
use visits::{Answer, Client, House};

/// Ids of the applications on a page, in order.
pub(crate) fn ids(page: &Answer) -> Vec<String> {
    let parts = page.body.split("data-application=\"").skip(1);
    parts
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect()
}

pub(crate) fn favourites(client: &Client) -> Vec<String> {
    let page = client.get("/portail/applications");
    assert_eq!(page.status, 200, "{}", page.body);
    ids(&page)
}

/// Presses a button of the page of favourites.
pub(crate) fn press(client: &Client, fields: &[(&str, &str)]) -> Answer {
    let page = client.get("/portail/favoris");
    // The button to sign out, above, has a token of its own.
    let main = page.body.split("<main").nth(1).unwrap_or_default();
    let csrf = between(main, "name=\"csrf\" value=\"", "\"");
    let csrf = unescape(&csrf.unwrap_or_else(|| panic!("no csrf: {}", page.body)));
    let mut all = vec![("csrf", csrf.as_str())];
    all.extend(fields);
    client.post("/portail/favoris", &all)
}

/// A house whose catalogue is the shipped one, changed, with `more` behind it.
pub(crate) fn house_of(changes: &[(&str, &str)], more: &str) -> (TempDir, House) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("applications.toml");
    let shipped = visits::house::root().join("config/applications.toml");
    let mut text = std::fs::read_to_string(shipped).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    std::fs::write(&file, text + more).unwrap();
    let catalogue = file.display().to_string();
    let house = House::with(&[("EDULINE__PORTAL__CATALOGUE", &catalogue)]);
    (folder, house)
}

#[test]
fn t03_favourites_are_chosen_put_in_order_and_kept() {
    let mut house = House::start();
    let client = house.client();
    client.arrive("personnel", "amartin");
    let empty = client.get("/portail/applications");
    assert!(
        empty.body.contains("Pas de Favoris sélectionnés"),
        "{}",
        empty.body
    );
    // Where the seed's notice says it is.
    let tools = client.get("/portail/applications?categorie=intranet").body;
    let tools = tools.split("Autres outils").nth(1).unwrap();
    assert!(
        unescape(tools).contains("href=\"/portail/favoris\""),
        "{tools}"
    );

    for id in ["magistere", "sofia", "annuaire", "magistere"] {
        let answer = press(&client, &[("add", id)]);
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(answer.location(), format!("/portail/favoris#app-{id}"));
    }
    assert_eq!(favourites(&client), ["magistere", "sofia", "annuaire"]);
    for (button, id, after) in [
        ("up", "annuaire", ["magistere", "annuaire", "sofia"]),
        ("up", "magistere", ["magistere", "annuaire", "sofia"]),
        ("down", "magistere", ["annuaire", "magistere", "sofia"]),
        ("down", "sofia", ["annuaire", "magistere", "sofia"]),
        ("up", "listes", ["annuaire", "magistere", "sofia"]),
        (
            "order",
            "sofia,nothing,magistere",
            ["sofia", "magistere", "annuaire"],
        ),
    ] {
        assert_eq!(press(&client, &[(button, id)]).status, 303, "{button} {id}");
        assert_eq!(favourites(&client), after, "{button} {id}");
    }
    // A star beside an application comes back to where it was pressed, and nowhere else.
    let there = "/portail/applications?categorie=intranet";
    let back = press(&client, &[("add", "listes"), ("from", there)]);
    assert_eq!(back.location(), format!("{there}#app-listes"));
    for elsewhere in [
        "https://evil.example/",
        "//evil.example",
        "/portail/applications@x",
    ] {
        let back = press(&client, &[("remove", "listes"), ("from", elsewhere)]);
        assert_eq!(back.location(), "/portail/favoris", "{elsewhere}");
    }

    // What is no change, two changes, or an application that this person does not have.
    for (fields, code) in [
        (&[][..], "EDU-8001"),
        (&[("add", "listes"), ("remove", "sofia")], "EDU-8001"),
        (&[("order", "")], "EDU-8001"),
        (&[("add", "op-ale")], "EDU-8002"),
        (&[("add", "")], "EDU-8002"),
        (&[("add", "<script>alert(1)</script>")], "EDU-8002"),
        (&[("add", "listes"), ("add", "acce")], "EDU-1002"),
    ] {
        let refused = press(&client, fields);
        assert_eq!(refused.code().as_deref(), Some(code), "{fields:?}");
    }
    for csrf in ["", "old"] {
        let page = client.post("/portail/favoris", &[("add", "listes"), ("csrf", csrf)]);
        assert_eq!(page.status, 200);
        assert!(page.body.contains("role=\"alert\""), "{}", page.body);
    }
    let stranger = house.client();
    let answer = stranger.post("/portail/favoris", &[("add", "listes")]);
    assert!(answer.location().contains("/wayf/"), "{answer:?}");

    // Kept: after kill -9, on another device; and nobody else's.
    house.kill();
    house.open();
    let kept = ["sofia", "magistere", "annuaire"];
    assert_eq!(favourites(&client), kept);
    let home = stranger.arrive("personnel", "amartin");
    assert_eq!(ids(&home), kept, "on the first page too");
    stranger.arrive_again("personnel", "bleroy");
    assert!(favourites(&stranger).is_empty());
    let told = house.journal();
    let changes: Vec<_> = told
        .iter()
        .filter(|line| line["event"] == "portal.favourites")
        .collect();
    assert!(!changes.is_empty());
    assert!(
        changes
            .iter()
            .all(|line| !line.to_string().contains("amartin")),
        "{changes:?}"
    );
}

#[test]
fn t03_favourites_are_kept_by_redis_too() {
    let folder = TempDir::new().unwrap();
    let port = free_port();
    let mut redis = visits::redis::start(folder.path(), port, &[]);
    let url = format!("redis://127.0.0.1:{port}/0");
    let mut house = House::with(&[
        ("EDULINE__STORE__KIND", "redis"),
        ("EDULINE__STORE__URL", &url),
    ]);
    let client = house.client();
    client.arrive("eleve", "jeanne.b");
    let page = client.get("/portail/favoris");
    let first = between(&page.body, "name=\"add\" value=\"", "\"").expect("something to add");
    assert_eq!(press(&client, &[("add", &first)]).status, 303);
    house.kill();
    house.open();
    assert_eq!(favourites(&client), [first]);
    redis.kill();
    let away = client.get("/portail/favoris");
    assert_eq!(away.status, 503, "{}", away.body);
}

#[test]
fn t05_a_list_is_shown_as_tiles_or_as_lines() {
    let house = House::start();
    let client = house.client();
    client.arrive("personnel", "amartin");
    let lines = |query: &str| {
        let page = client.get(&format!("/portail/applications?{query}"));
        assert_eq!(page.status, 200, "{query}");
        page.body.contains("class=\"list lines\"")
    };
    assert!(!lines("categorie=formation"));
    let page = client.get("/portail/applications?categorie=formation").body;
    assert!(
        unescape(&page).contains("?categorie=formation&vue=liste"),
        "{page}"
    );
    assert!(lines("categorie=formation&vue=liste"));
    assert!(lines("categorie=intranet"), "it is kept");
    assert!(lines("q=magistere&vue=elsewise"), "what is no way is none");
    assert!(!lines("q=magistere&vue=tuiles"));
    assert!(!lines("categorie=intranet"));
}

const MESSAGES: &str = r#"
[[message]]
id = "sogo"
titre = "Maintenance SOGo"
titre_en = "SOGo maintenance"
texte = "La messagerie sera arrêtée <vendredi>."
texte_en = "Mail stops on Friday."
debut = "2026-01-28T08:00:00+01:00"
fin = "2099-01-31T20:00:00+01:00"
profils = ["personnel", "eleve"]
fonctions = ["@tous_personnels"]

[[message]]
id = "direction"
titre = "Enquête de rentrée"
titre_en = "Survey"
texte = "À remplir avant vendredi."
texte_en = "Due on Friday."
debut = "2026-01-28T08:00:00+01:00"
fin = "2099-01-31T20:00:00+01:00"
profils = ["personnel"]
fonctions = ["directeur_ecole"]
important = true

[[message]]
id = "past"
titre = "Phishing"
titre_en = "Phishing"
texte = "Passé."
texte_en = "Past."
debut = "2010-03-23T08:00:00+01:00"
fin = "2010-04-23T08:00:00+02:00"
profils = ["personnel"]
fonctions = ["*"]

[[message]]
id = "to-come"
titre = "Bientôt"
titre_en = "Soon"
texte = "À venir."
texte_en = "To come."
debut = "2098-03-23T08:00:00+01:00"
fin = "2099-04-23T08:00:00+02:00"
profils = ["personnel"]
fonctions = ["*"]
"#;

#[test]
fn t06_t09_t11_what_the_operator_writes_is_shown_to_whom_it_is_for() {
    let rest = |more: &str| {
        format!(
            "maintenance = {{ texte = \"Panne <b>.\", texte_en = \"Outage.\", fin = \"2099-11-25T18:05:00+01:00\"{more} }}"
        )
    };
    let (closed, open) = (rest(""), rest(", ouverte = true"));
    let (_folder, house) = house_of(
        &[
            ("id = \"magistere\"", "id = \"magistere\"\ncachee = true"),
            ("id = \"favoris\"", &format!("id = \"favoris\"\n{open}")),
            ("id = \"eduscol\"", &format!("id = \"eduscol\"\n{closed}")),
        ],
        MESSAGES,
    );
    let client = house.client();
    let home = client.arrive("personnel", "amartin");
    // Hidden: in no list, found by no search, no favourite; open at its address.
    let listed = client.get("/portail/applications?categorie=formation");
    assert!(!ids(&listed).contains(&"magistere".to_owned()));
    assert!(ids(&client.get("/portail/applications?q=magistere")).is_empty());
    let refused = press(&client, &[("add", "magistere")]);
    assert_eq!(refused.code().as_deref(), Some("EDU-8002"));
    let provider = visits::client::form(&[("entityID", &house.at("/idp/personnel"))]);
    let answer = client.open(&format!("/magistere/login?{provider}"));
    let opened = client.deliver(&answer);
    assert_eq!(opened.user().as_deref(), Some("amartin"), "{}", opened.body);

    // In maintenance: marked with its text and its end, and no link unless it opens all the same.
    let intranet = client.get("/portail/applications?categorie=intranet").body;
    let documentation = client
        .get("/portail/applications?categorie=documentation")
        .body;
    let marked = |page: &str, id: &str| {
        let item = between(page, &format!("data-application=\"{id}\""), "</li>").unwrap();
        let item = unescape(&item).replace(['\u{a0}', '\u{202f}'], " ");
        assert!(
            item.contains("En maintenance jusqu'au 25/11/2099 à 18 h 05")
                || item.contains("En maintenance jusqu’au 25/11/2099 à 18 h 05"),
            "{item}"
        );
        assert!(item.contains("Panne <b>."), "{item}");
        item.contains("<a class=\"app\"")
    };
    assert!(!intranet.contains("Panne <b>"), "written as text");
    assert!(marked(&intranet, "favoris"), "open all the same");
    assert!(!marked(&documentation, "eduscol"));
    for page in [&intranet, &documentation] {
        assert_eq!(page.matches("En maintenance").count(), 1, "of one alone");
    }

    // Messages: by profile, by function, by date.
    let told = |page: &str| -> Vec<String> {
        let parts = page.split("id=\"message-").skip(1);
        parts
            .map(|rest| rest.split('"').next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(told(&home.body), ["sogo"]);
    assert!(unescape(&home.body).contains("28/01/2026"), "{}", home.body);
    assert!(!home.body.contains("<vendredi>"), "written as text");
    assert!(told(&listed.body).is_empty(), "news is for the first page");
    let english = client.get("/portail/?lang=en").body;
    assert!(english.contains("Mail stops on Friday."), "{english}");
    let home = client.arrive_again("personnel", "bleroy");
    assert_eq!(told(&home.body), ["sogo", "direction"]);
    let listed = client.get("/portail/applications");
    assert_eq!(
        told(&listed.body),
        ["direction"],
        "what matters is everywhere"
    );
    assert_eq!(
        told(&client.arrive_again("eleve", "jeanne.b").body),
        ["sogo"]
    );
    assert!(told(&client.arrive_again("parent", "f.bernard").body).is_empty());

    // What is wrong with such a catalogue is told with its line.
    let (other, faulty) = (
        TempDir::new().unwrap(),
        MESSAGES.replace("2099-01-31", "2026-01-01"),
    );
    let file = other.path().join("applications.toml");
    std::fs::write(&file, faulty.replace("directeur_ecole", "roi")).unwrap();
    let checked = house
        .command(&["check"])
        .env("EDULINE__PORTAL__CATALOGUE", &file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stderr).into_owned()
        + &String::from_utf8_lossy(&checked.stdout);
    assert_eq!(checked.status.code(), Some(1), "{said}");
    for fault in [
        "sogo: the message ends before it begins",
        "direction: no function is called \"roi\"",
        "applications.toml:2:",
    ] {
        assert!(said.contains(fault), "{fault} is not in {said}");
    }
}

#[test]
fn x10_a_service_that_cannot_let_somebody_in_is_explained() {
    let house = House::start();
    let client = house.client();
    // The address of our own metadata, filled in as services do it.
    let metadata = client.get("/idp/personnel/metadata").body;
    let address = unescape(&between(&metadata, "errorURL=\"", "\"").expect("an errorURL"));
    let ours = house
        .at("/magistere")
        .replace(':', "%3A")
        .replace('/', "%2F");
    let mail = "urn%3Aoid%3A0.9.2342.19200300.100.1.3";
    let filled = address
        .replace("ERRORURL_CODE", "IDENTIFICATION_FAILURE")
        .replace("ERRORURL_TS", "1790000000")
        .replace("ERRORURL_RP", &ours)
        .replace("ERRORURL_TID", "_4a1")
        .replace("ERRORURL_CTX", mail);
    let page = client.get(&filled);
    assert_eq!(page.status, 200, "{}", page.body);
    let main = |page: &Answer| page.body.split("<main").nth(1).unwrap().to_owned();
    for said in [
        "Le service ne vous reconnaît pas",
        "Magistère",
        "Adresse de messagerie",
        "2026-09-21",
        "_4a1",
    ] {
        assert!(main(&page).contains(said), "{said}: {}", page.body);
    }
    let mfa = "code=AUTHENTICATION_FAILURE&ctx=https://refeds.org/profile/mfa";
    for (query, said) in [
        (mfa, "Un second facteur"),
        (
            "ERRORURL_CODE=AUTHORIZATION_FAILURE",
            "ne vous est pas ouvert",
        ),
        ("code=OTHER_ERROR", "pas pu vous accueillir"),
        ("code=%3Cscript%3E", "pas pu vous accueillir"),
        ("", "pas pu vous accueillir"),
    ] {
        let page = client.get(&format!("/erreur?{query}"));
        assert_eq!(page.status, 200, "{query}");
        assert!(main(&page).contains(said), "{query}: {}", page.body);
    }
    // An address that a service did not fill in shows none of its words.
    let bare = client.get(&address);
    assert!(!main(&bare).contains("ERRORURL_"), "{}", bare.body);
    // Whoever writes the address writes text: no markup, no link, and never long.
    let evil = format!(
        "/erreur?rp=https://evil.example/%3Cb%3E&tid=%3Cscript%3E{}&ctx=javascript:alert(1)",
        "x".repeat(2000)
    );
    let page = client.get(&evil);
    assert_eq!(page.status, 200, "{}", page.body);
    let shown = main(&page);
    assert!(
        !shown.contains("<script") && !shown.contains("<b>"),
        "{shown}"
    );
    assert!(!shown.contains("href=\"https://evil") && !shown.contains("href=\"javascript"));
    assert!(!shown.contains(&"x".repeat(300)), "cut");
    for query in ["code=a&code=b", "code=%ff"] {
        let refused = client.get(&format!("/erreur?{query}"));
        assert_eq!(refused.status, 400, "{query}");
        assert!(refused.code().unwrap().starts_with("EDU-1"), "{query}");
    }
    let told = house.journal();
    let told: Vec<_> = told
        .iter()
        .filter(|line| line["event"] == "portal.errorurl")
        .collect();
    assert!(told.len() >= 7, "{told:?}");
    assert!(
        told.iter()
            .all(|line| !line.to_string().contains("0.9.2342")),
        "what a service lacks is not kept"
    );
}
