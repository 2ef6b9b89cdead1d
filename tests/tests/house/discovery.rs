//! The discovery protocol (OASIS, Identity Provider Discovery Service Protocol and Profile).

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use visits::client::{between, unescape};
use visits::{Answer, Client, House, PASSWORD, Partner};

fn ask(house: &House, parameters: &[(&str, &str)]) -> String {
    let query: Vec<String> = parameters
        .iter()
        .map(|(n, v)| format!("{n}={}", utf8_percent_encode(v, NON_ALPHANUMERIC)))
        .collect();
    format!("{}?{}", house.at("/wayf/"), query.join("&"))
}

#[track_caller]
fn assert_refused(answer: &Answer) {
    assert!(
        matches!(answer.status, 400 | 403),
        "{} {:?}",
        answer.status,
        answer.header("location")
    );
    assert!(
        answer.code().is_some_and(|code| code.starts_with("EDU-")),
        "{}",
        answer.body
    );
    assert_eq!(answer.header("location"), None);
}

#[test]
fn d01_d03_the_answer_is_percent_encoded_and_keeps_the_query() {
    let house = House::start();
    let back = house.at("/portail/login?attempt=kept%20here&x=1");
    let client = house.client();
    let page = client.get(&ask(
        &house,
        &[("entityID", &house.at("/portail")), ("return", &back)],
    ));
    assert_eq!(page.status, 200, "{}", page.body);
    let csrf = page.field("csrf").unwrap();
    let action = page
        .action("name=\"profile\"")
        .unwrap_or_else(|| page.url.clone());
    let hidden: Vec<(&str, String)> = ["entityID", "return", "returnIDParam", "policy"]
        .into_iter()
        .filter_map(|name| Some((name, page.field(name)?)))
        .collect();
    let mut fields = vec![("csrf", csrf.as_str()), ("profile", "eleve")];
    fields.extend(hidden.iter().map(|(n, v)| (*n, v.as_str())));
    let answer = client.post(&action, &fields);
    assert_eq!(answer.status, 303, "{}", answer.body);
    let chosen = utf8_percent_encode(&house.at("/idp/eleve"), NON_ALPHANUMERIC).to_string();
    let location = answer.location();
    assert!(
        location.starts_with(&back),
        "the query is kept as it was: {location}"
    );
    let given = location
        .strip_prefix(&format!("{back}&entityID="))
        .expect("one more parameter");
    let plain = percent_encoding::percent_decode_str(given)
        .decode_utf8()
        .unwrap()
        .into_owned();
    assert_eq!(plain, house.at("/idp/eleve"));
    assert!(
        !given.contains([':', '/', '&', '=']),
        "{given} is not percent-encoded as {chosen}"
    );
}

#[test]
fn d02_return_is_matched_exactly() {
    let house = House::start();
    let portal = house.at("/portail");
    let port = house.port;
    for back in [
        "https://evil.example/".to_owned(),
        format!("http://localhost:{port}.evil.example/portail/login"),
        format!("http://localhost:{port}@evil.example/portail/login"),
        format!("http://evil.example:{port}/portail/login"),
        format!("https://localhost:{port}/portail/login"),
        format!("HTTP://localhost:{port}/portail/login"),
        format!("http://LOCALHOST:{port}/portail/login"),
        format!("http://localhost.:{port}/portail/login"),
        format!("http://localhost:0{port}/portail/login"),
        format!("http://localhost:1{port}/portail/login"),
        "http://localhost/portail/login".to_owned(),
        format!("http://127.0.0.1:{port}/portail/login"),
        house.at("/portail/login/"),
        house.at("/portail/login/../applications"),
        house.at("/portail/login%2f.."),
        house.at("/Portail/login"),
        house.at("/portail/applications"),
        house.at("/portail"),
        house.at("/portail/login#x"),
        house.at("/portail/login\\@evil.example"),
        format!("http://x@localhost:{port}/portail/login"),
        format!("http://localhost:{port}\\portail\\login"),
        house.at("/portail/%6cogin"),
        house.at("/portail/login%3fx"),
        house.at("/portail%2flogin"),
        house.at("//portail/login"),
        house.at("/portail/login?%65ntityID=https://evil.example/idp"),
        house.at("/portail/login?a=b&entityID"),
        house.at("/portail/login?\u{e9}"),
        house.at("/portail/login?entityID=https://evil.example/idp"),
        house.at("/portail/login\r\nSet-Cookie: a=b"),
        "javascript:alert(1)".to_owned(),
        "//evil.example/portail/login".to_owned(),
        "/portail/login".to_owned(),
        String::new(),
    ] {
        let client = house.client();
        for passive in ["false", "true"] {
            let parameters = [
                ("entityID", portal.as_str()),
                ("return", &back),
                ("isPassive", passive),
            ];
            assert_refused(&client.get(&ask(&house, &parameters)));
        }
    }
}

#[test]
fn d02_an_unknown_service_is_refused() {
    let house = House::start();
    let answer = house
        .client()
        .get(&ask(&house, &[("entityID", "https://unknown.example/sp")]));
    assert_refused(&answer);
}

#[test]
fn d04_a_passive_question_returns_at_once() {
    let house = House::start();
    let client = house.client();
    let back = house.at("/portail/login?attempt=a");
    let question = ask(
        &house,
        &[
            ("entityID", &house.at("/portail")),
            ("return", &back),
            ("isPassive", "true"),
        ],
    );
    let answer = client.get(&question);
    assert_eq!(
        (answer.status, answer.location()),
        (303, back.as_str()),
        "nothing is remembered"
    );
    // After a choice, the same question answers with it.
    client.choose(&client.open("/portail/"), "parent");
    let answer = client.get(&question);
    assert_eq!(answer.status, 303);
    assert!(
        answer.location().starts_with(&format!("{back}&entityID=")),
        "{}",
        answer.location()
    );
    assert!(answer.location().contains("parent"));
}

#[test]
fn d05_the_return_parameter_is_a_token() {
    let house = House::start();
    let portal = house.at("/portail");
    for name in ["a&b", "a=b", "", "é", "a b", "a#b", &"a".repeat(200)] {
        let question = ask(&house, &[("entityID", &portal), ("returnIDParam", name)]);
        assert_refused(&house.client().get(&question));
    }
}

#[test]
fn an_unknown_policy_is_refused() {
    let house = House::start();
    let portal = house.at("/portail");
    let question = ask(&house, &[("entityID", &portal), ("policy", "urn:x:other")]);
    assert_refused(&house.client().get(&question));
    let single = "urn:oasis:names:tc:SAML:profiles:SSO:idp-discovery-protocol:single";
    let question = ask(&house, &[("entityID", &portal), ("policy", single)]);
    assert_eq!(house.client().get(&question).status, 200);
}

#[test]
fn d11_a_profile_that_comes_later_cannot_be_chosen() {
    let house = House::with(&[("EDULINE__WAYF__SOON", "eleve,parent,partenaire")]);
    let client = house.client();
    let page = client.open("/portail/");
    assert_eq!(
        page.body.matches("disponible par la suite").count(),
        3,
        "{}",
        page.body
    );
    let csrf = page.field("csrf").unwrap();
    let action = page
        .action("name=\"profile\"")
        .unwrap_or_else(|| page.url.clone());
    let hidden: Vec<(&str, String)> = ["entityID", "return", "returnIDParam", "policy"]
        .into_iter()
        .filter_map(|name| Some((name, page.field(name)?)))
        .collect();
    let (open, later) = (house.at("/idp/personnel"), house.at("/idp/eleve"));
    for (profile, provider) in [
        ("eleve", None),
        ("eleve", Some(&later)),
        ("eleve", Some(&open)),
        ("personnel", Some(&later)),
        ("nobody", None),
        ("", None),
    ] {
        let mut fields = vec![("csrf", csrf.as_str()), ("profile", profile)];
        fields.extend(hidden.iter().map(|(n, v)| (*n, v.as_str())));
        fields.extend(provider.map(|provider| ("provider", provider.as_str())));
        let answer = client.post(&action, &fields);
        assert_refused(&answer);
        assert_eq!(answer.code().as_deref(), Some("EDU-3005"), "{profile}");
        // The way out is the same question again.
        let again = client.open(&way_out(&answer));
        assert_eq!(again.field("return"), page.field("return"));
    }
    assert!(
        !client.cookies().contains_key("wayf"),
        "nothing is kept of it"
    );
    let login = client.choose(&page, "personnel");
    assert!(login.body.contains("name=\"password\""));
}

#[test]
fn the_wayf_opened_directly_serves_the_portal() {
    let house = House::start();
    let client = house.client();
    let login = client.choose(&client.get("/wayf/"), "personnel");
    let answer = client.sign_in(&login, "amartin", PASSWORD);
    let home = client.deliver(&answer);
    assert_eq!(
        (home.url.as_str(), home.user().as_deref()),
        (house.at("/portail/").as_str(), Some("amartin"))
    );
}

#[test]
fn d15_the_asking_service_is_shown_by_its_name() {
    let house = House::start();
    let french = house.client().open("/magistere/");
    assert!(french.body.contains("Magistère"), "{}", french.body);
    assert!(
        !french.body.contains(">http://localhost"),
        "an entityID is never shown alone"
    );
}

/// Where the first link of a page's main part leads.
fn way_out(page: &Answer) -> String {
    let main = page.body.split("<main").nth(1).expect("a main part");
    unescape(&between(main, "href=\"", "\"").unwrap_or_else(|| panic!("no way out: {main}")))
}

/// The metadata's own default address answers to the same rules as one that was asked for.
#[test]
fn d02_the_default_address_obeys_the_same_rules() {
    let house = House::start();
    let partner = Partner {
        discovery: Some("https://sp.example/login?entityID=x".to_owned()),
        ..Partner::new("sp.example")
    };
    partner.register(&house, &[]);
    let ask = |parameters: &[(&str, &str)]| {
        let mut all = vec![("entityID", "https://sp.example/sp")];
        all.extend(parameters);
        house.client().get(&ask(&house, &all))
    };
    assert_refused(&ask(&[]));
    assert_refused(&ask(&[("isPassive", "true")]));
    let fine = ask(&[("returnIDParam", "idp")]);
    assert_eq!(fine.status, 200, "{}", fine.body);
    let passive = ask(&[("returnIDParam", "idp"), ("isPassive", "true")]);
    assert_eq!(passive.location(), "https://sp.example/login?entityID=x");
}

/// Posts the WAYF's form with these fields.
pub(crate) fn post(client: &Client, page: &Answer, fields: &[(&str, &str)]) -> Answer {
    let kept: Vec<(&str, String)> = ["csrf", "entityID", "return", "returnIDParam"]
        .into_iter()
        .filter_map(|name| Some((name, page.field(name)?)))
        .collect();
    let mut all: Vec<(&str, &str)> = kept.iter().map(|(n, v)| (*n, v.as_str())).collect();
    all.extend(fields);
    client.post("/wayf/", &all)
}

#[test]
fn d06_each_remembered_choice_is_seen_and_forgotten_on_its_own() {
    let house = House::start();
    let client = house.client();
    for profile in ["personnel", "parent", "eleve"] {
        client.choose(&client.get("/wayf/"), profile);
    }
    let remembered = |page: &Answer| -> Vec<String> {
        let offered = page.body.split("name=\"forget\" value=\"").skip(1);
        offered
            .map(|rest| unescape(rest.split('"').next().unwrap_or_default()))
            .map(|id| id.rsplit('/').next().unwrap_or_default().to_owned())
            .collect()
    };
    let page = client.open("/portail/applications?categorie=formation");
    assert_eq!(remembered(&page), ["eleve", "parent", "personnel"]);
    let answer = post(&client, &page, &[("forget", &house.at("/idp/parent"))]);
    assert_eq!(answer.status, 303, "a reload forgets nothing more");
    let page = client.follow(answer);
    assert_eq!(remembered(&page), ["eleve", "personnel"]);
    let page = client.follow(post(
        &client,
        &page,
        &[("forget", "https://unknown.example/")],
    ));
    assert_eq!(remembered(&page), ["eleve", "personnel"]);
    for realm in ["eleve", "personnel"] {
        let page = client.get("/wayf/");
        post(
            &client,
            &page,
            &[("forget", &house.at(&format!("/idp/{realm}")))],
        );
    }
    assert_eq!(remembered(&client.get("/wayf/")), Vec::<String>::new());
    assert!(!client.cookies().contains_key("wayf"));
    // The question was kept all along.
    let login = client.choose(&page, "personnel");
    let home = client.deliver(&client.sign_in(&login, "amartin", PASSWORD));
    assert_eq!(
        home.url,
        house.at("/portail/applications?categorie=formation")
    );
}

#[test]
fn d11_each_tile_has_its_picture_and_its_hint_and_help_is_at_hand() {
    let house = House::start();
    for (lang, hint, help) in [
        (
            "fr",
            "Collectivités, associations",
            "Besoin d’aide\u{202f}?",
        ),
        ("en", "Local authorities, associations", "Need help?"),
    ] {
        let body = house.client().get(&format!("/wayf/?lang={lang}")).body;
        assert_eq!(body.matches("class=\"tile-icon\"").count(), 4, "{body}");
        assert_eq!(body.matches("class=\"tile-hint\"").count(), 4, "{body}");
        assert!(body.contains(hint) && body.contains(help), "{body}");
    }
}

#[test]
fn d17_another_profile_is_chosen_without_losing_the_target() {
    let house = House::start();
    let client = house.client();
    let mut tabs = Vec::new();
    for target in [
        "/portail/applications?categorie=formation",
        "/portail/applications?categorie=intranet",
        "/magistere/",
    ] {
        let login = client.choose(&client.open(target), "eleve");
        tabs.push((target, login));
    }
    for (target, login) in tabs {
        let (_, main) = login.body.split_once("<main").expect("a main part");
        let links = main.split("href=\"").skip(1);
        let other = links
            .map(|rest| unescape(rest.split('"').next().unwrap_or_default()))
            .find(|href| href.starts_with("/idp/eleve/other?"))
            .expect("a way to another profile");
        // Somebody else's link leads nowhere in particular, and to no refusal.
        let stranger = house.client().open(&other);
        assert_eq!((stranger.status, stranger.code()), (200, None));
        let mut page = client.choose(&client.open(&other), "personnel");
        if page.field("SAMLResponse").is_none() {
            page = client.sign_in(&page, "amartin", PASSWORD);
        }
        let landed = client.deliver(&page);
        assert_eq!(landed.url, house.at(target));
        assert_eq!(landed.user().as_deref(), Some("amartin"));
    }
}
