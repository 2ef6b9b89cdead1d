//! Several posts, one person: at sign-on they say for which one they come, and services receive that one.

use saml::attribute::{FREDU_FONCT_ADM, FREDU_RNE, RNE};
use tempfile::TempDir;
use visits::browser::Kind;
use visits::client::{between, form, unescape};
use visits::{Answer, Browser, Client, House, PASSWORD, Partner};

use crate::portal::ids;
use crate::who_sees::hire;

const AT: &str = "/idp/personnel/affectation";
const TEACHER: &str = "enseignant_1d.9990101F";
const HEAD: &str = "directeur_ecole.9990102G";
/// An application that heads of primary schools see, and teachers do not.
const FOR_HEADS: &str = "onde";
/// The service that the catalogue binds to it.
const HEADS: &str = "heads.example";

/// A house that asks its staff, with somebody of two posts, and a service that heads of schools alone open.
fn asking() -> (TempDir, House) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("applications.toml");
    let shipped = visits::house::root().join("config/applications.toml");
    let text = std::fs::read_to_string(shipped).unwrap();
    let bound = format!("id = \"{FOR_HEADS}\"\nsp = \"https://{HEADS}/sp\"");
    let text = text.replacen(&format!("id = \"{FOR_HEADS}\""), &bound, 1);
    std::fs::write(&file, text).unwrap();
    let house = House::with(&[
        ("EDULINE__IDP__CHOOSE_POST", "personnel"),
        ("EDULINE__PORTAL__CATALOGUE", &file.display().to_string()),
    ]);
    hire(
        &house,
        "tworoles",
        &[
            "enseignant_1d:9990101F:École <Jules-Ferry>",
            "directeur_ecole:9990102G:École Les Tilleuls",
        ],
    );
    (folder, house)
}

/// A service that wants to know where people work, and as what.
fn service(house: &House, host: &str) -> Partner {
    let partner = Partner::new(host)
        .asking("rne", false)
        .asking("FrEduRne", false)
        .asking("FrEduFonctAdm", false);
    partner.register(house, &[]);
    partner
}

fn is_asked(page: &Answer) -> bool {
    page.url.contains(AT) && page.field("SAMLResponse").is_none()
}

/// Chooses on the page, and follows.
fn choose(client: &Client, page: &Answer, post: &str) -> Answer {
    let csrf = page.field("csrf").expect("a token");
    let (flow, sp) = (page.field("flow"), page.field("sp"));
    let mut fields = vec![("csrf", csrf.as_str()), ("post", post)];
    fields.extend(flow.iter().map(|flow| ("flow", flow.as_str())));
    fields.extend(sp.iter().map(|sp| ("sp", sp.as_str())));
    client.follow(client.post(AT, &fields))
}

/// What a service is told of somebody who is signed on and has chosen: main place, places, function.
fn told(house: &House, client: &Client, partner: &Partner) -> (String, Vec<String>, String) {
    let login = partner.sign_on(house, client, "nobody");
    let one = |name: &str| login.value(name).unwrap_or_default().to_owned();
    let places = login.values(FREDU_RNE.name).map(str::to_owned).collect();
    (one(RNE.name), places, one(FREDU_FONCT_ADM.name))
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one walk, from the first choice to the last"
)]
fn d16_a_person_of_several_posts_says_at_sign_on_for_which_one_they_come() {
    let (_folder, house) = asking();
    let partner = service(&house, "sp.posts.example");
    let client = house.client();
    let request = partner.request(&house);
    let login = client.open(&partner.address(&house, &request));
    let page = client.sign_in(&login, "tworoles", PASSWORD);
    assert!(is_asked(&page), "{}: {}", page.url, page.body);
    assert!(!page.body.contains("<Jules-Ferry>"), "written as text");
    let text = unescape(&page.body);
    for said in [
        "École <Jules-Ferry>",
        "École Les Tilleuls",
        "9990102G",
        "Toutes mes affectations (2)",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    // What is no post of theirs, nothing, and an old form: asked again, and nobody is answered.
    for post in ["dasen.9990102G", "directeur_ecole.9990101F", "<b>", ""] {
        assert!(is_asked(&choose(&client, &page, post)), "{post}");
    }
    let flow = page.field("flow").unwrap();
    let fields = [("csrf", "old"), ("flow", flow.as_str()), ("post", HEAD)];
    let old = client.post(AT, &fields);
    assert!(old.body.contains("role=\"alert\""), "{}", old.body);
    // Whose flow it is not, and who keeps no cookies, chooses nothing.
    let stranger = house.client();
    stranger.open("/portail/");
    let stale = stranger.follow(stranger.post(AT, &fields));
    assert_eq!((stale.status, stale.field("SAMLResponse")), (200, None));
    let bare = house.client().without_cookies();
    assert_eq!(bare.post(AT, &fields).status, 403);
    // A passive request asks nothing, and is told that something would be asked.
    let passive = saml::AuthnRequest {
        is_passive: true,
        ..partner.request(&house)
    };
    let no = client.open(&partner.address(&house, &passive));
    let no = visits::partner::decoded(&no.field("SAMLResponse").unwrap());
    assert!(no.contains("status:NoPassive"), "{no}");

    // The one that is chosen is what the service receives.
    let answer = choose(&client, &page, TEACHER);
    let login = partner.receive(&house, &answer, Some(&request.id));
    assert_eq!(login.value(RNE.name), Some("9990101F"));
    assert_eq!(login.values(FREDU_RNE.name).count(), 1);
    assert_eq!(login.value(FREDU_FONCT_ADM.name), None);
    let (rne, _, function) = told(&house, &client, &partner);
    assert_eq!((rne.as_str(), function.as_str()), ("9990101F", ""));

    // The portal shows it, and opens what it opens.
    let answer = client.choose(&client.open("/portail/"), "personnel");
    let home = client.deliver(&answer);
    assert_eq!(home.user().as_deref(), Some("tworoles"), "{}", home.body);
    let text = unescape(&home.body);
    let spaced = text.replace(['\u{a0}', '\u{202f}'], " ");
    assert!(spaced.contains("ici pour : École <Jules-Ferry>"), "{text}");
    assert!(!home.body.contains("id=\"role\""), "one choice, not two");
    let opened = |client: &Client| {
        let found = client.get(&format!("/portail/applications?q={FOR_HEADS}"));
        ids(&found).contains(&FOR_HEADS.to_owned())
    };
    assert!(!opened(&client));
    // A service that only the other post opens is entered in that one, and it stays so for that service alone.
    let heads = service(&house, HEADS);
    let (rne, places, function) = told(&house, &client, &heads);
    assert_eq!((rne.as_str(), places.len()), ("9990102G", 1));
    assert_eq!(function, "DEC");
    assert_eq!(told(&house, &client, &partner).0, "9990101F");

    // It is changed without a password, from the portal and back.
    assert!(
        text.contains(&format!("href=\"{}\"", house.at(AT))),
        "{text}"
    );
    let page = client.open(AT);
    assert!(page.body.contains("aria-current=\"true\""), "{}", page.body);
    let home = client.deliver(&choose(&client, &page, HEAD));
    assert!(home.body.contains("École Les Tilleuls"), "{}", home.body);
    assert!(opened(&client));
    let (rne, _, function) = told(&house, &client, &partner);
    assert_eq!((rne.as_str(), function.as_str()), ("9990102G", "DEC"));
    // All of them, if that is what they want.
    let home = client.deliver(&choose(&client, &client.open(AT), "*"));
    assert!(
        home.body.contains("toutes vos affectations"),
        "{}",
        home.body
    );
    let (rne, places, _) = told(&house, &client, &partner);
    assert_eq!((rne.as_str(), places.len()), ("9990101F", 2));

    // A sign-out forgets it. Who holds one post is asked nothing, nor is anybody of another realm.
    let csrf = client.get("/idp/personnel/logout").field("csrf").unwrap();
    client.post("/idp/personnel/logout", &[("csrf", &csrf)]);
    let login = client.open(&partner.address(&house, &partner.request(&house)));
    assert!(is_asked(&client.sign_in(&login, "tworoles", PASSWORD)));
    let other = house.client();
    let login = partner.sign_on(&house, &other, "amartin");
    assert!(login.value(RNE.name).is_some());
    assert!(
        other.open(AT).field("SAMLResponse").is_some(),
        "on to the portal"
    );
    let nobody = house.client().open(AT);
    assert!(nobody.status == 200 && !is_asked(&nobody), "{}", nobody.url);
    assert_eq!(nobody.field("post"), None);
    let lines = house.journal();
    let chosen: Vec<_> = lines
        .iter()
        .filter(|line| line["event"] == "idp.post")
        .collect();
    assert_eq!(chosen.len(), 3, "{chosen:?}");
    assert!(
        chosen
            .iter()
            .all(|line| !line.to_string().contains("999010"))
    );
}

#[test]
fn d16_nobody_is_asked_where_the_operator_does_not_want_it() {
    let house = House::start();
    let partner = service(&house, "sp.posts.example");
    let client = house.client();
    let login = partner.sign_on(&house, &client, "cdupont");
    assert_eq!(login.values(FREDU_RNE.name).count(), 2);
    let page = client.open(AT);
    assert!(!page.body.contains("name=\"post\""), "{}", page.body);
    let posted = client.post(AT, &[("post", "*")]);
    assert_eq!(posted.status, 303, "{}", posted.body);
    let faulty = house
        .command(&["check"])
        .env("EDULINE__IDP__CHOOSE_POST", "personnel,king")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&faulty.stderr).into_owned()
        + &String::from_utf8_lossy(&faulty.stdout);
    assert_eq!(faulty.status.code(), Some(1), "{said}");
    assert!(said.contains("choose_post: expected one of"), "{said}");
}

/// In a browser: the page is fine on a telephone, works by keys alone, and without scripts.
#[tokio::test]
async fn d16_the_choice_of_a_post_is_for_everybody() {
    let (_folder, house) = asking();
    for (kind, name) in [
        (Kind::PHONE, "phone"),
        (Kind::DESKTOP.without_scripts().lang("en"), "bare"),
    ] {
        let browser = Browser::open(&house.url(), kind).await;
        let provider = form(&[("entityID", &house.at("/idp/personnel"))]);
        browser.goto(&format!("/portail/login?{provider}")).await;
        browser.sign_in("tworoles", PASSWORD).await;
        let head = format!("button[name=post][value=\"{HEAD}\"]");
        let button = browser.find(&head).await;
        if name == "phone" {
            browser.assert_fine("post").await;
            browser.picture("post").await;
        }
        // The key that presses a button.
        button.send_keys("\u{e007}").await.expect("keys");
        if name == "bare" {
            browser.hand_over(false).await;
        }
        browser.wait_for_text("Les Tilleuls").await;
        if name == "phone" {
            browser.wait_for_path("/portail/").await;
            browser.assert_fine("post-portal").await;
            browser.goto(AT).await;
            browser.find("button[aria-current=true]").await;
            browser.assert_fine("post-changed").await;
        }
        browser.close().await;
    }
    // Markup of the page as it is sent: one heading, a list of buttons.
    let client = house.client();
    let login = client.open(&format!(
        "/portail/login?{}",
        form(&[("entityID", &house.at("/idp/personnel"))])
    ));
    let page = client.sign_in(&login, "tworoles", PASSWORD);
    let list = between(&page.body, "<ul class=\"orgs\"", "</ul>").unwrap();
    assert_eq!(list.matches("<button").count(), 2, "{list}");
    assert_eq!(list.matches(TEACHER).count(), 1, "{list}");
}
