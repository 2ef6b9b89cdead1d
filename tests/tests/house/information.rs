//! What a person is told before an answer leaves, and what they see of it afterwards.

use saml::metadata::{Localized, Ui};
use saml::{AuthnRequest, attribute};
use visits::browser::Kind;
use visits::partner::decoded;
use visits::{Answer, Browser, Client, House, PASSWORD, Partner};

const RELEASES: &str = "/idp/personnel/releases";
const PAGE: &str = "name=\"shown\"";

/// A service that shows something of itself, in both languages.
pub(crate) fn books(host: &str) -> Partner {
    let text = |lang: &str, text: &str| Localized {
        lang: lang.to_owned(),
        text: text.to_owned(),
    };
    let mut partner = Partner::new(host).asking("mail", true);
    partner.ui = Ui {
        display_names: vec![text("fr", "Des <livres>"), text("en", "Some books")],
        descriptions: vec![text("fr", "Pour la classe"), text("en", "For the class")],
        privacy_urls: vec![
            text("fr", "https://books.example/donnees"),
            text("en", "https://books.example/data"),
        ],
        ..Ui::default()
    };
    partner
}

pub(crate) fn ask(partner: &Partner, house: &House, client: &Client) -> (Answer, AuthnRequest) {
    let request = partner.request(house);
    let page = client.open(&partner.address(house, &request));
    let page = if page.action("name=\"password\"").is_some() {
        client.sign_in(&page, "amartin", PASSWORD)
    } else {
        page
    };
    (page, request)
}

/// Sends the form of the page, with these fields in place of its own.
pub(crate) fn send(client: &Client, page: &Answer, with: &[(&str, &str)]) -> Answer {
    let action = page
        .action(PAGE)
        .unwrap_or_else(|| panic!("no form: {}", page.body));
    let own: Vec<(&str, String)> = ["csrf", "flow", "sp", "shown"]
        .into_iter()
        .filter(|name| with.iter().all(|(other, _)| other != name))
        .map(|name| (name, page.field(name).unwrap()))
        .collect();
    let own = own.iter().map(|(name, value)| (*name, value.as_str()));
    let fields: Vec<(&str, &str)> = own.chain(with.iter().copied()).collect();
    client.follow(client.post(&action, &fields))
}

pub(crate) fn is_told(page: &Answer) -> bool {
    page.action(PAGE).is_some()
}

#[test]
fn r07_the_very_names_and_values_are_shown_before_the_first_answer() {
    let mut house = House::start();
    let partner = books("books.example");
    partner.register(&house, &["--attribute", "rne", "--information", "once"]);
    let client = house.client();
    let (page, request) = ask(&partner, &house, &client);
    assert_eq!(page.status, 200);
    for shown in [
        "Des &lt;livres&gt;",
        "Pour la classe",
        "https:&#x2f;&#x2f;books.example&#x2f;donnees",
        "Adresse de messagerie",
        "anne.martin@ac-demo.example",
        "Établissement principal (UAI)",
        "9990101F",
    ] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    assert_eq!(page.field("SAMLResponse"), None, "nothing left yet");
    let english = client.get(&format!("{}&lang=en", page.url));
    for shown in ["Some books", "For the class", "data", "Mail address"] {
        assert!(english.body.contains(shown), "{shown}: {}", english.body);
    }
    client.get("/idp/personnel/logout?lang=fr");

    let answer = send(&client, &page, &[("choice", "continue")]);
    let login = partner.receive(&house, &answer, Some(&request.id));
    assert_eq!(
        login.value(attribute::MAIL.name),
        Some("anne.martin@ac-demo.example")
    );
    assert_eq!(login.value(attribute::RNE.name), Some("9990101F"));

    // Not remembered: shown again. Remembered: not shown, whatever happens to the process.
    let (page, request) = ask(&partner, &house, &client);
    assert!(is_told(&page), "{}", page.body);
    let answer = send(&client, &page, &[("choice", "continue"), ("remember", "1")]);
    partner.receive(&house, &answer, Some(&request.id));
    house.kill();
    house.open();
    partner.sign_on(&house, &client, "amartin");

    // Another person is told on their own account.
    let other = house.client();
    let page = other.open(&partner.address(&house, &partner.request(&house)));
    let page = other.sign_in(&page, "bleroy", PASSWORD);
    assert!(is_told(&page) && page.body.contains("bruno.leroy@"));

    // And when what is sent changes, everybody is told again.
    partner.register(&house, &["--attribute", "title", "--information", "once"]);
    let started = std::time::Instant::now();
    while !is_told(&ask(&partner, &house, &client).0) {
        assert!(started.elapsed().as_secs() < 10, "never told again");
    }
}

#[test]
fn r07_who_turns_back_sends_nothing_and_the_service_is_told() {
    let house = House::start();
    let partner = books("books.example");
    partner.register(&house, &["--information", "always"]);
    let client = house.client();
    let (page, request) = ask(&partner, &house, &client);
    assert_eq!(page.field("remember"), None, "always is always");
    let answer = send(&client, &page, &[("choice", "stop")]);
    assert_eq!(answer.action("SAMLResponse"), Some(partner.acs.clone()));
    let said = decoded(&answer.field("SAMLResponse").unwrap());
    for part in [
        "status:Responder",
        "status:RequestDenied",
        request.id.as_str(),
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("Assertion") && !said.contains("anne.martin"));
    // The flow is used up.
    let again = send(&client, &page, &[("choice", "continue")]);
    assert_eq!(again.field("SAMLResponse"), None);
    assert!(!is_told(&again), "{}", again.body);
    let journal = house.journal();
    let results: Vec<&str> = journal
        .iter()
        .filter(|line| line["event"] == "idp.information")
        .filter_map(|line| line["result"].as_str())
        .collect();
    assert_eq!(results, ["shown", "stopped"]);
    let all = serde_json::to_string(&journal).unwrap();
    assert!(!all.contains("anne.martin@"), "values are not journalled");
}

#[test]
fn r07_a_passive_request_is_answered_only_when_nothing_is_left_to_be_told() {
    let house = House::start();
    let partner = books("books.example");
    partner.register(&house, &["--information", "once"]);
    let client = house.client();
    let (page, _) = ask(&partner, &house, &client);
    let passive = || AuthnRequest {
        is_passive: true,
        ..partner.request(&house)
    };
    let refused = client.open(&partner.address(&house, &passive()));
    let said = decoded(&refused.field("SAMLResponse").unwrap());
    assert!(said.contains("status:NoPassive"), "{said}");
    send(&client, &page, &[("choice", "continue"), ("remember", "1")]);
    let request = passive();
    let answer = client.open(&partner.address(&house, &request));
    partner.receive(&house, &answer, Some(&request.id));
}

#[test]
fn r07_nothing_leaves_but_what_was_shown_to_this_browser() {
    let house = House::start();
    let partner = books("books.example");
    partner.register(&house, &["--information", "once"]);
    let client = house.client();
    let (page, request) = ask(&partner, &house, &client);
    for (what, with) in [
        ("no token", [("csrf", ""), ("choice", "continue")]),
        ("a foreign token", [("csrf", "x"), ("choice", "stop")]),
        ("other values", [("shown", "x"), ("choice", "continue")]),
        ("no choice", [("remember", "1"), ("choice", "")]),
    ] {
        let again = send(&client, &page, &with);
        assert!(is_told(&again), "{what}: {}", again.body);
        assert!(again.body.contains("role=\"alert\""), "{what}");
    }
    // The address alone does not go past the page.
    let flow = page.field("flow").unwrap();
    let skipped = client.open(&format!("/idp/personnel/continue?flow={flow}"));
    assert!(is_told(&skipped), "{}", skipped.body);
    // Another browser, another realm, nobody's flow.
    let stranger = house.client();
    stranger.open("/portail/");
    for (client, path) in [
        (&stranger, format!("/idp/personnel/information?flow={flow}")),
        (&client, format!("/idp/eleve/information?flow={flow}")),
        (&client, "/idp/personnel/information?flow=x".to_owned()),
        (&client, "/idp/personnel/information".to_owned()),
    ] {
        let page = client.open(&path);
        assert!(!is_told(&page), "{path}: {}", page.body);
        assert!(!page.body.contains("anne.martin"), "{path}");
    }
    let theirs = send(&stranger, &page, &[("choice", "continue")]);
    assert_eq!(theirs.field("SAMLResponse"), None, "{}", theirs.body);
    assert_eq!(
        house
            .client()
            .without_cookies()
            .post("/idp/personnel/information", &[("flow", &flow)])
            .code()
            .as_deref(),
        Some("EDU-4007")
    );
    // A session that ended meanwhile is asked for again.
    let csrf = client.get("/idp/personnel/logout").field("csrf").unwrap();
    client.post("/idp/personnel/logout", &[("csrf", &csrf)]);
    let login = send(&client, &page, &[("choice", "continue")]);
    let told = client.sign_in(&login, "amartin", PASSWORD);
    let answer = send(&client, &told, &[("choice", "continue")]);
    partner.receive(&house, &answer, Some(&request.id));
}

#[test]
fn r06_what_is_required_and_missing_is_told_with_its_reason() {
    let house = House::start();
    let partner = Partner::new("needy.example")
        .asking("mail", true)
        .asking("FrEduResDel", true);
    partner.register(&house, &[]);
    let client = house.client();
    let (page, request) = ask(&partner, &house, &client);
    assert_eq!((page.status, page.code()), (200, None));
    for shown in [
        "Délégations",
        "Votre compte n’en contient pas",
        "mailto:federation@ac-demo.example",
        "EDU-4008",
        "Continuer quand même",
    ] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    let answer = send(&client, &page, &[("choice", "continue")]);
    let login = partner.receive(&house, &answer, Some(&request.id));
    assert_eq!(login.attributes.len(), 1, "{:?}", login.attributes);
    let journal = house.journal();
    let told = journal
        .iter()
        .find(|line| line["event"] == "idp.release.missing")
        .unwrap();
    assert_eq!(told["code"], "EDU-4008");
    assert_eq!(told["attributes"], "FrEduResDel");
    assert_eq!(told["sp"], partner.id.as_str());

    // Somebody who has it is not stopped.
    let other = house.client();
    let page = other.open(&partner.address(&house, &partner.request(&house)));
    let page = other.sign_in(&page, "bleroy", PASSWORD);
    assert!(page.field("SAMLResponse").is_some(), "{}", page.body);

    // Nor anybody when the operator says so.
    let quiet = Partner::new("quiet.example").asking("FrEduResDel", true);
    quiet.register(&house, &["--missing", "send"]);
    let login = quiet.sign_on(&house, &client, "amartin");
    assert_eq!(login.attributes, []);
}

#[test]
fn r06_an_operator_may_refuse_what_would_not_work() {
    let house = House::start();
    let partner = Partner::new("strict.example").asking("mail", true);
    partner.register(&house, &["--withhold", "mail", "--missing", "refuse"]);
    let client = house.client();
    let (page, request) = ask(&partner, &house, &client);
    assert_eq!(page.status, 403);
    assert_eq!(page.code().as_deref(), Some("EDU-4008"));
    assert!(page.body.contains("a décidé de ne pas la transmettre"));
    assert!(!page.body.contains("value=\"continue\""), "{}", page.body);
    let reference = page.reference().unwrap();
    let story = house.run(&["trace", &reference]);
    let story = String::from_utf8_lossy(&story.stdout).into_owned();
    assert!(story.contains("idp.release.missing"), "{story}");
    // Who goes on all the same meets the same page.
    let forced = send(&client, &page, &[("choice", "continue")]);
    assert_eq!((forced.status, forced.field("SAMLResponse")), (403, None));
    let passive = AuthnRequest {
        is_passive: true,
        ..partner.request(&house)
    };
    let told = client.open(&partner.address(&house, &passive));
    let said = decoded(&told.field("SAMLResponse").unwrap());
    assert!(said.contains("status:NoPassive"), "{said}");
    let answer = send(&client, &page, &[("choice", "stop")]);
    let said = decoded(&answer.field("SAMLResponse").unwrap());
    assert!(said.contains("status:RequestDenied") && said.contains(request.id.as_str()));
}

#[test]
fn r08_a_person_sees_what_was_sent_and_is_shown_it_again() {
    let house = House::start();
    let partner = books("books.example");
    partner.register(&house, &["--information", "once"]);
    let nobody = house.client().get(RELEASES);
    assert!(nobody.status == 200 && nobody.body.contains("Personne n’est connecté"));
    let client = house.client();
    let (page, _) = ask(&partner, &house, &client);
    send(&client, &page, &[("choice", "continue"), ("remember", "1")]);
    partner.sign_on(&house, &client, "amartin");
    let shown = client.get(RELEASES);
    for text in [
        "Des &lt;livres&gt;",
        partner.id.as_str().replace('/', "&#x2f;").as_str(),
        "Adresse de messagerie",
        "<td>2</td>",
        "Ce qui a été transmis ne peut pas être rappelé",
    ] {
        assert!(shown.body.contains(text), "{text}: {}", shown.body);
    }
    assert!(!shown.body.contains("anne.martin@"), "no values are kept");
    let logout = client.get("/idp/personnel/logout");
    assert!(
        logout
            .body
            .contains("&#x2f;idp&#x2f;personnel&#x2f;releases")
    );

    // Nobody else sees it, nor forgets it for somebody else.
    let other = house.client();
    other.arrive("personnel", "bleroy");
    let theirs = other.get(RELEASES);
    assert!(!theirs.body.contains("books.example"), "{}", theirs.body);
    let token = theirs.field("csrf").unwrap_or_default();
    other.post(
        RELEASES,
        &[("csrf", &token), ("service", partner.id.as_str())],
    );
    let refused = client.post(RELEASES, &[("csrf", "x"), ("service", partner.id.as_str())]);
    assert!(refused.body.contains("role=\"alert\""), "{}", refused.body);
    partner.sign_on(&house, &client, "amartin");

    let csrf = shown.field("csrf").unwrap();
    let service = shown.field("service").unwrap();
    let done = client.post(RELEASES, &[("csrf", &csrf), ("service", &service)]);
    assert!(done.body.contains("role=\"status\""), "{}", done.body);
    assert!(done.body.contains("<td>3</td>"), "it stays listed");
    assert_eq!(done.field("service"), None, "nothing is left to forget");
    assert!(is_told(&ask(&partner, &house, &client).0));
    let forgotten = house.journal().into_iter();
    let forgotten = forgotten.filter(|line| line["event"] == "idp.information.forgotten");
    assert_eq!(forgotten.count(), 1);
}

#[test]
fn r08_past_releases_are_kept_when_the_house_is_closed_properly() {
    let mut house = House::start();
    let partner = books("books.example");
    partner.register(&house, &[]);
    let client = house.client();
    partner.sign_on(&house, &client, "amartin");
    house.stop();
    house.open();
    let shown = client.get(RELEASES);
    assert!(shown.body.contains("Des &lt;livres&gt;"), "{}", shown.body);
    assert!(shown.body.contains("<td>1</td>"));
}

/// Our own services are silent until the operator says otherwise.
fn with_decisions(text: &str) -> (House, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("services.toml");
    std::fs::write(&file, text).unwrap();
    let house = House::with(&[("EDULINE__IDP__SERVICES", &file.display().to_string())]);
    (house, folder)
}

#[test]
fn r07_a_bad_word_is_told_by_check_and_a_pupil_is_told_tu() {
    let (house, folder) = with_decisions("[\"{public_url}/portail\"]\ninformation = \"once\"\n");
    let client = house.client();
    let wayf = client.open("/portail/");
    let login = client.choose(&wayf, "eleve");
    let page = client.sign_in(&login, "jeanne.b", PASSWORD);
    assert!(page.body.contains("de ton compte") && page.body.contains("Jeanne"));
    assert!(!page.body.contains(" vous "), "{}", page.body);
    let answer = send(&client, &page, &[("choice", "continue"), ("remember", "1")]);
    assert_eq!(client.deliver(&answer).user().as_deref(), Some("jeanne.b"));

    let file = folder.path().join("services.toml");
    for word in ["information = \"sometimes\"", "missing = \"shout\""] {
        std::fs::write(&file, format!("[\"https://a.example\"]\n{word}\n")).unwrap();
        let checked = house.run(&["check"]);
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert_eq!(checked.status.code(), Some(1), "{word}");
        assert!(
            said.contains("services.toml") && said.contains("line 2"),
            "{said}"
        );
    }
}

async fn walk(house: &House, kind: Kind, name: &str) {
    let browser = Browser::open(&house.url(), kind).await;
    let look = async |what: &str| {
        let what = format!("{what}-{name}");
        browser.assert_fine(&what).await;
        browser.picture(&what).await;
    };
    // The button of the page that follows: the one at hand has buttons, too.
    let deliver = async || {
        if !kind.scripts {
            browser.click("form[data-hand-over] button").await;
        }
    };
    browser.goto("/magistere/").await;
    browser.click("button[value=personnel]").await;
    browser.find("[name=password]").await;
    browser.sign_in("cdupont", PASSWORD).await;
    browser.find("[name=remember]").await;
    look("information-missing").await;
    browser.click("#remember").await;
    browser.click("button[value=continue]").await;
    deliver().await;
    browser.find("body[data-user]").await;

    browser.goto("/portail/").await;
    browser.click("button[value=personnel]").await;
    browser.find("[name=choice][value=stop]").await;
    look("information").await;
    browser.click("button[value=stop]").await;
    deliver().await;
    browser.find("main[data-code]").await;
    look("information-stopped").await;

    browser.goto("/idp/personnel/logout").await;
    browser
        .click("main a[href='/idp/personnel/releases']")
        .await;
    browser.find("[name=service]").await;
    look("releases").await;
    browser.click("main form button[type=submit]").await;
    browser.find("main [role=status]").await;
    look("releases-forgotten").await;
    browser.goto("/idp/parent/releases").await;
    look("releases-nobody").await;

    let strict = Partner::new("strict.example").asking("FrEduResDel", true);
    strict.register(house, &["--missing", "refuse"]);
    let address = strict.address(house, &strict.request(house));
    browser.goto(&address).await;
    browser.find("main[data-code='EDU-4008']").await;
    look("information-refused").await;
    browser.close().await;
}

/// Services of ours that tell, one of which lacks something it requires; both by words of the operator.
async fn walk_at(kind: Kind, name: &str) {
    let (house, _folder) = with_decisions(
        "[\"{public_url}/magistere\"]\ninformation = \"once\"\nmissing = \"tell\"\n\
         withheld = [\"pairwise-id\"]\n\n[\"{public_url}/portail\"]\ninformation = \"once\"\n",
    );
    walk(&house, kind, name).await;
}

#[tokio::test]
async fn r07_what_is_told_is_fine_at_1280_px() {
    walk_at(Kind::DESKTOP, "1280").await;
}

#[tokio::test]
async fn r07_what_is_told_is_fine_at_360_px_without_scripts() {
    walk_at(Kind::PHONE.without_scripts(), "360-bare").await;
}

#[tokio::test]
async fn r07_what_is_told_is_fine_at_360_px_in_english() {
    walk_at(Kind::PHONE.lang("en"), "360").await;
}

#[tokio::test]
async fn r07_what_is_told_is_fine_at_1280_px_in_the_dark() {
    walk_at(Kind::DESKTOP.dark(), "1280-dark").await;
}

#[tokio::test]
async fn r07_what_is_told_is_fine_at_360_px_in_the_dark() {
    walk_at(Kind::PHONE.dark(), "360-dark").await;
}
