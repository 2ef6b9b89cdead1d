//! What crosses from one site to another: the cookies that do, and the forms that come without any.

use saml::AuthnRequest;
use visits::peers::{Peer, Pysaml, Setup};
use visits::topology::Topology;
use visits::{Answer, Client, House, PASSWORD, Partner, forge, partner};

/// Posts a request of the partner as its page does in a browser of ours: without our cookies. Where the
/// browser goes from there.
fn posted(house: &House, partner: &Partner, request: &AuthnRequest) -> String {
    let to = house.at("/idp/personnel/sso/post");
    let request = AuthnRequest {
        destination: Some(to.clone()),
        ..request.clone()
    };
    let xml = saml::post::compose(&request, &partner.key).unwrap();
    let field = saml::post::encode(&xml);
    let sent = house.client().post(&to, &[("SAMLRequest", &field)]);
    assert_eq!(sent.status, 303, "{}", sent.body);
    assert_eq!(
        sent.header("set-cookie"),
        None,
        "in the way of the browser's own"
    );
    sent.location().to_owned()
}

fn registered(house: &House) -> Partner {
    let partner = Partner::new("posting.example");
    partner.register(house, &[]);
    partner
}

/// Whether an answer says that it went well.
fn is_good(page: &Answer) -> bool {
    let response = page.field("SAMLResponse");
    let xml = partner::decoded(&response.unwrap_or_else(|| panic!("no answer: {}", page.body)));
    xml.contains("status:Success")
}

#[test]
fn h09_a_request_that_another_site_posts_finds_who_is_signed_on() {
    let house = House::start();
    let partner = registered(&house);
    let client = house.client();
    client.arrive("personnel", "amartin");
    for is_passive in [false, true] {
        let request = AuthnRequest {
            is_passive,
            ..partner.request(&house)
        };
        let to = posted(&house, &partner, &request);
        let page = client.get(&to);
        assert!(is_good(&page), "no password was asked for");
        let login = partner.receive(&house, &page, Some(&request.id));
        assert!(!login.assertion_id.is_empty());
        // Once.
        let again = client.open(&to);
        assert_eq!((again.status, again.field("SAMLResponse")), (200, None));
    }
    // Nobody is signed on in another browser: nobody is there to be asked, or a password is.
    let passive = AuthnRequest {
        is_passive: true,
        ..partner.request(&house)
    };
    let told = house.client().get(&posted(&house, &partner, &passive));
    assert!(!is_good(&told));
    let asked = house
        .client()
        .open(&posted(&house, &partner, &partner.request(&house)));
    assert!(asked.field("password").is_some(), "{}", asked.body);
    // A browser that keeps no cookies is told so, and does not turn in circles.
    let none = house.client().without_cookies();
    let told = none.open(&posted(&house, &partner, &partner.request(&house)));
    assert!(told.code().is_some(), "{} {}", told.status, told.body);
}

#[test]
fn h09_a_request_that_another_site_posts_takes_nothing_from_other_tabs() {
    let house = House::start();
    let partner = registered(&house);
    let client = house.client();
    let first = client.choose(&client.open("/portail/"), "personnel");
    let request = partner.request(&house);
    let second = client.open(&posted(&house, &partner, &request));
    assert!(second.field("password").is_some(), "{}", second.body);
    // The first tab's form, and where it leads, are as they were.
    let landed = client.deliver(&client.sign_in(&first, "amartin", PASSWORD));
    assert_eq!(landed.user().as_deref(), Some("amartin"), "{}", landed.body);
    let answer = client.sign_in(&second, "amartin", PASSWORD);
    partner.receive(&house, &answer, Some(&request.id));
    // What is kept for one browser is nobody else's to go on with.
    let waiting = client.open(&partner.address(&house, &forced(&house, &partner)));
    let flow = waiting.field("flow").expect("a form");
    let query = visits::client::form(&[("flow", &flow), ("sp", partner.id.as_str())]);
    for who in [&client, &house.client()] {
        let stale = who.open(&format!("/idp/personnel/sso/arrived?{query}"));
        assert!(stale.field("password").is_none() && stale.field("SAMLResponse").is_none());
    }
    let answer = client.sign_in(&waiting, "amartin", PASSWORD);
    assert!(answer.field("SAMLResponse").is_some(), "{}", answer.body);
    // Of another realm, of nobody.
    let other = posted(&house, &partner, &partner.request(&house));
    let other = other.replacen("/idp/personnel/", "/idp/eleve/", 1);
    for address in [
        other.as_str(),
        "/idp/personnel/sso/arrived",
        "/idp/personnel/sso/arrived?flow=",
    ] {
        let stale = client.open(address);
        assert_eq!(stale.status, 200, "{}", stale.body);
        assert!(stale.field("password").is_none() && stale.field("SAMLResponse").is_none());
    }
}

fn forced(house: &House, partner: &Partner) -> AuthnRequest {
    AuthnRequest {
        force_authn: true,
        ..partner.request(house)
    }
}

/// In a real browser, whose own rules say which cookies go along.
#[tokio::test(flavor = "multi_thread")]
async fn h09_p01_a_browser_posts_a_request_from_another_site_and_is_known() {
    let house = House::start();
    let peer = Pysaml::registered(
        &house,
        Setup {
            signs: true,
            by_post: true,
            ..Setup::default()
        },
    );
    let browser = house.browser().await;
    let provider = visits::client::form(&[("entityID", &house.at("/idp/personnel"))]);
    browser.goto(&format!("/portail/login?{provider}")).await;
    browser.sign_in("amartin", PASSWORD).await;
    browser.find("[data-user=amartin]").await;
    // Passive: it is answered only for who is known.
    let passive = peer.door().replacen("plain", "passive", 1);
    browser.goto(&passive).await;
    browser.wait_for_text("Martin").await;
    assert!(peer.page().ends_with(&browser.path().await));
    browser.goto("/portail/").await;
    browser.find("[data-user=amartin]").await;
    browser.close().await;
}

/// Every cookie of a visit, as it was set.
fn set(answers: &[&Answer]) -> Vec<String> {
    let headers = answers.iter().flat_map(|answer| &answer.headers);
    headers
        .filter(|(name, _)| name == "set-cookie")
        .map(|(_, line)| line.clone())
        .collect()
}

#[test]
fn h09_behind_tls_cookies_are_this_hosts_alone_and_no_form_of_another_site_needs_one() {
    let house = Topology::start();
    let client: Client = house.client();
    let portal = client.get("/portail/?lang=en");
    let wayf = client.follow(portal.clone());
    let login = client.choose(&wayf, "personnel");
    let csrf = login.field("csrf").unwrap();
    let flow = login.field("flow").unwrap();
    let action = login.action("name=\"password\"").unwrap();
    let fields = [
        ("csrf", csrf.as_str()),
        ("flow", &flow),
        ("username", "amartin"),
        ("password", PASSWORD),
    ];
    let proven = client.post(&action, &fields);
    let answer = client.follow(proven.clone());
    // The answer is posted from the provider's page to the service: as from any other site, without a
    // cookie, and without one in return.
    let field = answer.field("SAMLResponse").unwrap();
    let to = answer.action("SAMLResponse").unwrap();
    let received = house.client().post(&to, &[("SAMLResponse", &field)]);
    assert_eq!(received.status, 303, "{}", received.body);
    assert_eq!(set(&[&received]), [""; 0]);
    let landed = client.get(received.location());
    let home = client.follow(landed.clone());
    assert_eq!(home.user().as_deref(), Some("amartin"), "{}", home.body);
    let lines = set(&[&portal, &wayf, &login, &proven, &landed]);
    // Browser, language, the provider's session, the service's.
    assert!(lines.len() >= 4, "{lines:?}");
    for line in &lines {
        let line = line.to_ascii_lowercase();
        assert!(line.starts_with("__host-"), "{line}");
        for part in ["; secure", "; httponly", "; path=/"] {
            assert!(line.contains(part), "{line}");
        }
        // A link from elsewhere finds who is signed in; a form from elsewhere does not.
        assert!(line.contains("; samesite=lax"), "{line}");
        assert!(!line.contains("domain="), "{line}");
    }
    // Nor does a logout that the provider posts.
    let key = forge::key_in(&house.data.path().join("eduline/keys"), "idp-personnel");
    let to = house.at("/portail/saml/slo");
    let request = forge::logout(&house.at("/idp/personnel"), &to);
    let xml = saml::post::compose(&request, &key).unwrap();
    let told = house
        .client()
        .post(&to, &[("SAMLRequest", &saml::post::encode(&xml))]);
    assert_eq!(told.status, 200, "{}", told.body);
    assert_eq!(set(&[&told]), [""; 0]);
}
