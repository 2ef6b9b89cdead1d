//! The story: a teacher chooses her profile, signs in, and arrives in Magistère.

use visits::browser::Kind;
use visits::{Browser, House, PASSWORD};

/// The whole story in one browser, with a picture of each page.
async fn walk(house: &House, kind: Kind, name: &str) {
    let browser = Browser::open(&house.url(), kind).await;
    browser.goto("/portail/").await;
    assert!(
        browser.path().await.starts_with("/wayf/"),
        "no session leads to the WAYF"
    );
    let text = browser.text().await;
    let tiles: Vec<_> = [
        "Personnel de l'Éducation nationale",
        "Élève",
        "Parent ou responsable d'élève",
        "Partenaire",
    ]
    .iter()
    .map(|tile| {
        text.find(tile)
            .unwrap_or_else(|| panic!("{tile} is not in {text}"))
    })
    .collect();
    assert!(
        tiles.is_sorted(),
        "the tiles stand in the seed's order: {text}"
    );
    fine(&browser, kind, "wayf").await;
    browser.picture(&format!("{name}-1-wayf")).await;

    browser.click("button[name=profile][value=personnel]").await;
    browser.find("[name=password]").await;
    assert!(browser.path().await.starts_with("/idp/personnel/"));
    fine(&browser, kind, "login").await;
    browser.picture(&format!("{name}-2-login")).await;
    browser.sign_in("amartin", PASSWORD).await;
    browser.hand_over(kind.scripts).await;

    browser.find("body[data-user]").await;
    assert_eq!(browser.path().await, "/portail/");
    assert_eq!(browser.user().await.as_deref(), Some("amartin"));
    fine(&browser, kind, "portal").await;
    browser.picture(&format!("{name}-3-portal")).await;

    browser.click_link("Applications").await;
    browser.find("nav a[aria-current=page]").await;
    let text = browser.text().await;
    for word in [
        "Mes Favoris",
        "Formation à distance",
        "Intranet, Référentiels et Outils",
        "Ressources documentaires",
        "Pas de Favoris sélectionnés. Dans la rubrique « Référentiels et Outils » vous trouverez la \
         possibilité de les gérer en cliquant sur « Gérer mes favoris » sous « Autres outils »",
    ] {
        assert!(text.contains(word), "{word} is not in {text}");
    }
    fine(&browser, kind, "applications").await;
    browser.picture(&format!("{name}-4-applications")).await;

    browser.click_link("Formation à distance").await;
    browser.wait_for_text("Plateforme de formation").await;
    fine(&browser, kind, "category").await;
    browser.picture(&format!("{name}-5-formation")).await;
    browser.click_link("Magistere").await;
    browser.hand_over(kind.scripts).await;

    browser.wait_for_path("/magistere/").await;
    assert_eq!(browser.user().await.as_deref(), Some("amartin"));
    let text = browser.text().await;
    assert!(text.contains("Anne Martin"), "greets by name: {text}");
    assert!(
        text.contains("FrEduRne"),
        "shows the attributes received: {text}"
    );
    fine(&browser, kind, "magistere").await;
    browser.picture(&format!("{name}-6-magistere")).await;
    browser.close().await;
}

/// axe-core needs scripts itself; the pages are the same without them.
async fn fine(browser: &Browser, kind: Kind, what: &str) {
    if kind.scripts {
        browser.assert_fine(what).await;
    }
}

#[tokio::test]
async fn story_at_1280_px() {
    let house = House::start();
    walk(&house, Kind::DESKTOP, "1280").await;
}

#[tokio::test]
async fn story_at_360_px() {
    let house = House::start();
    walk(&house, Kind::PHONE, "360").await;
}

#[tokio::test]
async fn d08_story_without_scripts() {
    let house = House::start();
    walk(&house, Kind::DESKTOP.without_scripts(), "1280-noscript").await;
    walk(&house, Kind::PHONE.without_scripts(), "360-noscript").await;
}

#[tokio::test]
async fn story_in_the_dark() {
    let house = House::start();
    walk(&house, Kind::DESKTOP.dark(), "1280-dark").await;
    walk(&house, Kind::PHONE.dark(), "360-dark").await;
}

/// Every profile leads to its own realm, and arrives.
#[tokio::test]
async fn each_of_the_four_realms_works() {
    let house = House::start();
    for (profile, login) in [
        ("personnel", "bleroy"),
        ("eleve", "jeanne.b"),
        ("parent", "f.bernard"),
        ("partenaire", "mairie.lille"),
    ] {
        let client = house.client();
        let home = client.arrive(profile, login);
        assert_eq!(
            home.user().as_deref(),
            Some(login),
            "{profile}: {}",
            home.body
        );
        assert_eq!(home.url, house.at("/portail/"), "{profile}");
        let viewer = client.open("/magistere/");
        let viewer = if viewer.field("SAMLResponse").is_some() {
            client.deliver(&viewer)
        } else {
            client.deliver(&client.choose(&viewer, profile))
        };
        assert_eq!(
            viewer.user().as_deref(),
            Some(login),
            "{profile}: {}",
            viewer.body
        );
    }
}

/// "Les Directeurs d'Ecole ont davantage d'applications disponibles."
#[test]
fn t01_a_head_of_school_sees_more_applications_than_a_teacher() {
    let house = House::start();
    let count = |login: &str| {
        let client = house.client();
        client.arrive("personnel", login);
        let page = client.get("/portail/applications");
        assert_eq!(page.status, 200);
        let mut seen = 0;
        let mut categories = 0;
        for link in page.body.split("href=\"").skip(1) {
            let href = visits::client::unescape(link.split('"').next().unwrap_or_default());
            if href.starts_with("/portail/applications?categorie=") {
                categories += 1;
                let body = client.get(&href).body;
                seen += body.matches("data-application=\"").count();
            }
        }
        assert!(categories >= 4, "{login}: {categories} categories");
        seen
    };
    let (teacher, head) = (count("amartin"), count("bleroy"));
    assert!(
        teacher >= 10 && head > teacher,
        "amartin {teacher}, bleroy {head}"
    );
}

/// Nobody learns from the login page whether an account exists.
#[test]
fn u06_a_wrong_password_says_the_same_as_an_unknown_login() {
    let house = House::start();
    let refusal = |username: &str| {
        let client = house.client();
        let login = client.choose(&client.open("/portail/"), "personnel");
        let again = client.sign_in(&login, username, "Wrong-pass-1234");
        let flow = again.field("flow").expect("the same flow");
        assert_eq!(
            again.field("username").as_deref(),
            Some(username),
            "what was typed is kept"
        );
        assert_eq!(
            again.field("password").unwrap_or_default(),
            "",
            "the password is not sent back"
        );
        // What is drawn anew for every page, for the form of the password and for that of a passkey.
        let drawn = ["name=\"csrf\" value=\"", "data-challenge=\""];
        let body = drawn.iter().fold(again.body.clone(), |body, before| {
            let mut pieces = body.split(before);
            let first = pieces.next().unwrap_or_default().to_owned();
            pieces.fold(first, |kept, piece| {
                let (_, after) = piece.split_once('"').expect("a whole attribute");
                format!("{kept}{before}\"{after}")
            })
        });
        let body = body.replace(&flow, "FLOW").replace(username, "LOGIN");
        assert_eq!(body.matches("name=\"csrf\" value=\"\"").count(), 2);
        (again.status, body)
    };
    let (known, unknown) = (refusal("amartin"), refusal("zmartin"));
    assert_eq!(known.0, unknown.0);
    assert_eq!(known.1, unknown.1);
    assert!(
        known.1.contains("role=\"alert\"") || known.1.contains("aria-live"),
        "{}",
        known.1
    );
}

/// Logging out ends the session, and going back shows nothing private.
#[tokio::test]
async fn logging_out_leaves_nothing_behind() {
    let house = House::start();
    let browser = house.browser().await;
    browser.goto("/portail/").await;
    browser.click("button[value=personnel]").await;
    browser.sign_in("amartin", PASSWORD).await;
    browser.find("body[data-user]").await;
    browser.goto("/portail/applications").await;
    browser
        .click("form[action=\"/portail/logout\"] button")
        .await;
    browser.wait_for_text("déconnect").await;
    browser.assert_fine("logged out").await;
    browser.picture("1280-7-logged-out").await;
    browser.page.back().await.expect("back");
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let text = browser.text().await;
    assert!(
        !text.contains("Mes Favoris") && !text.contains("Anne"),
        "{text}"
    );
    assert!(!browser.has("body[data-user]").await);
    browser.close().await;
}

/// A deep link survives discovery and login.
#[test]
fn t14_a_deep_link_arrives_where_it_pointed() {
    let house = House::start();
    let client = house.client();
    let wayf = client.open("/portail/applications?categorie=formation");
    let login = client.choose(&wayf, "personnel");
    let answer = client.sign_in(&login, "amartin", PASSWORD);
    let page = client.deliver(&answer);
    assert_eq!(
        page.url,
        house.at("/portail/applications?categorie=formation")
    );
    assert!(page.body.contains("Plateforme de formation"));
}

/// A bookmark of a category ends well: the favourites are one, and what is not there says so.
#[test]
fn t02_every_bookmark_of_a_category_ends_well() {
    let house = House::start();
    let client = house.client();
    client.arrive("personnel", "amartin");
    for favourites in ["", "?categorie=", "?categorie=favoris"] {
        let page = client.get(&format!("/portail/applications{favourites}"));
        assert_eq!(page.status, 200, "{favourites}");
        assert!(page.body.contains("Pas de Favoris"), "{favourites}");
        assert_eq!(page.body.matches("aria-current=\"page\"").count(), 1);
    }
    for absent in ["none-such", "finances", "%3Cscript%3E", "FORMATION"] {
        let page = client.get(&format!("/portail/applications?categorie={absent}"));
        assert_eq!(page.code().as_deref(), Some("EDU-1404"), "{absent}");
        assert!(
            visits::client::unescape(&page.body).contains("href=\"/portail/applications\""),
            "{}",
            page.body
        );
    }
}

/// A search finds what is open to this person, whatever the accents, and nothing else; what is
/// hidden is in no list.
#[test]
fn t04_a_search_needs_no_accents_and_finds_only_what_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("applications.toml");
    let shipped = visits::house::root().join("config/applications.toml");
    let shipped = std::fs::read_to_string(shipped).unwrap();
    let hidden = shipped.replacen("id = \"sofia\"", "id = \"sofia\"\ncachee = true", 1);
    assert_ne!(shipped, hidden);
    std::fs::write(&file, hidden).unwrap();
    let catalogue = file.display().to_string();
    let house = House::with(&[("EDULINE__PORTAL__CATALOGUE", &catalogue)]);
    let client = house.client();
    client.arrive("personnel", "amartin");
    let found = |typed: &str| {
        let query = visits::client::form(&[("q", typed)]);
        let page = client.get(&format!("/portail/applications?{query}"));
        assert_eq!(page.status, 200, "{typed}");
        let ids = page.body.split("data-application=\"").skip(1);
        let ids = ids.map(|rest| rest.split('"').next().unwrap().to_owned());
        (ids.collect::<Vec<_>>(), page.body.clone())
    };
    for typed in [
        "magistere",
        "MAGISTÈRE",
        "formation continue magist",
        " Magiste\u{300}re ",
    ] {
        assert!(found(typed).0.contains(&"magistere".to_owned()), "{typed}");
    }
    for typed in ["magistere zzz", "sofia", "<script>alert(1)</script>", "%"] {
        let (ids, body) = found(typed);
        assert!(ids.is_empty(), "{typed}: {ids:?}");
        assert!(body.contains("Essayez avec moins de mots"), "{typed}");
        assert!(!body.contains("<script>alert"), "{body}");
    }
    let listed = client.get("/portail/applications?categorie=formation").body;
    assert!(
        listed.contains("data-application=\"magistere\""),
        "{listed}"
    );
    assert!(!listed.contains("data-application=\"sofia\""), "{listed}");
    assert!(found(" ").1.contains("Pas de Favoris"), "no search at all");
    client.arrive_again("eleve", "jeanne.b");
    assert!(found("magistere").0.is_empty(), "not open to pupils");
}

/// What the guide names is there for everybody, and another site is given no hand on this one.
#[test]
fn t02_the_tools_that_the_guide_names_are_listed() {
    let house = House::start();
    let client = house.client();
    client.arrive("personnel", "bleroy");
    let intranet = client.get("/portail/applications?categorie=intranet").body;
    for id in [
        "messagerie",
        "annuaire",
        "listes",
        "favoris",
        "compte",
        "cle-otp",
    ] {
        assert!(
            intranet.contains(&format!("data-application=\"{id}\"")),
            "{id}: {intranet}"
        );
    }
    let support = client.get("/portail/applications?categorie=support").body;
    for id in ["deblocage", "consultation-journal"] {
        assert!(
            support.contains(&format!("data-application=\"{id}\"")),
            "{id}: {support}"
        );
    }
    let outside = client
        .get("/portail/applications?categorie=documentation")
        .body;
    let main = outside.split("<main").nth(1).unwrap_or_default();
    let links: Vec<&str> = main
        .split("<a ")
        .filter(|link| link.contains("href=\"https"))
        .collect();
    assert!(!links.is_empty(), "{main}");
    for link in links {
        let tag = link.split('>').next().unwrap_or_default();
        assert!(tag.contains("rel=\"noopener noreferrer\""), "{tag}");
    }
}
