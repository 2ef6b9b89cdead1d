//! What must work: asking, landing, and coming back.

use saml::request::AcsChoice;
use saml::response::SignWhat;
use saml::{Binding, attribute as names};

use crate::scene::{ACS, Answer, OTHER, PROVIDER, SCOPE, SERVICE, Scene, WAYF, between, key};
use crate::visitor::{Browser, attribute, read_request, request};

/// The address the discovery service must send the visitor back to.
fn return_of(answer: &Answer) -> String {
    let (address, query) = answer.leads_to().split_once('?').unwrap();
    assert_eq!(address, WAYF);
    let mut fields: std::collections::BTreeMap<String, String> =
        url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
    assert_eq!(fields.remove("entityID").as_deref(), Some(SERVICE));
    let back = fields.remove("return").unwrap();
    assert!(fields.is_empty(), "{fields:?}");
    back.strip_prefix("https://service.example")
        .unwrap()
        .to_owned()
}

#[actix_web::test]
async fn a_visitor_without_a_session_chooses_signs_in_and_lands_where_they_wanted() {
    let scene = Scene::open().await;
    let browser = scene.browser();
    let back = return_of(&browser.get("/notes/deep?x=%C3%A9&y=1").await);
    assert!(back.starts_with("/notes/login?attempt="), "{back}");
    let sent = browser.get(&format!("{back}&entityID={PROVIDER}")).await;
    let asked = read_request(sent.leads_to(), PROVIDER, scene.now());
    let delivered = browser
        .deliver(&browser.genuine(PROVIDER, &asked).signed())
        .await;
    let landed = browser.land(&delivered).await;
    assert_eq!(landed.leads_to(), "/notes/deep?x=%C3%A9&y=1");
    assert_eq!(browser.user().await.as_deref(), Some("amartin"));
}

#[actix_web::test]
async fn the_request_says_what_the_deployment_profile_asks_and_no_more() {
    let scene = Scene::open().await;
    let browser = scene.browser();
    let sent = browser
        .get(&format!("/notes/login?entityID={PROVIDER}"))
        .await;
    assert!(!sent.leads_to().contains("RelayState"));
    let asked = read_request(sent.leads_to(), PROVIDER, scene.now());
    assert_eq!(asked.name_id_policy, None, "SDP-SP04");
    assert_eq!(asked.acs, AcsChoice::Url(ACS.into()), "SDP-SP05");
    assert_eq!(asked.protocol_binding, Some(Binding::Post));
    assert_eq!(asked.requested_context, None, "SDP-SP07");
    assert_eq!(asked.issuer.as_str(), SERVICE);
    assert!(!asked.force_authn && !asked.is_passive);
}

#[actix_web::test]
async fn five_tabs_at_once_each_land_on_their_own_target() {
    let scene = Scene::open().await;
    let browser = scene.browser();
    // The first visit gives the browser its cookie; tabs opened by a restored session share it.
    browser.get("/notes/").await;
    let mut tabs = Vec::new();
    for number in 0..5 {
        let target = format!("/notes/deep?tab={number}");
        tabs.push((browser.ask(PROVIDER, &target).await, target));
    }
    for (genuine, target) in tabs.iter().rev() {
        let delivered = browser.deliver(&genuine.signed()).await;
        assert_eq!(browser.land(&delivered).await.leads_to(), target);
        assert_eq!(browser.user().await.as_deref(), Some("amartin"));
    }
}

#[actix_web::test]
async fn a_response_or_an_assertion_signed_alone_is_enough() {
    let scene = Scene::open().await;
    for sign in [SignWhat::Response, SignWhat::Assertion] {
        let browser = scene.browser();
        let mut genuine = browser.ask(PROVIDER, "/notes/").await;
        genuine.sign = sign;
        let delivered = browser.deliver(&genuine.signed()).await;
        assert_eq!(browser.land(&delivered).await.leads_to(), "/notes/");
    }
}

#[actix_web::test]
async fn relay_state_is_not_believed() {
    let scene = Scene::open().await;
    let browser = scene.browser();
    let genuine = browser.ask(PROVIDER, "/notes/deep").await;
    let field = encode(&genuine.signed());
    let delivered = browser
        .deliver_fields(&[
            ("SAMLResponse", &field),
            ("RelayState", "https://evil.example/"),
        ])
        .await;
    assert_eq!(browser.land(&delivered).await.leads_to(), "/notes/deep");
}

#[actix_web::test]
async fn the_back_button_onto_the_landing_leads_home() {
    let scene = Scene::open().await;
    let browser = scene.browser();
    let genuine = browser.ask(PROVIDER, "/notes/deep").await;
    let delivered = browser.deliver(&genuine.signed()).await;
    browser.land(&delivered).await;
    assert_eq!(browser.land(&delivered).await.leads_to(), "/notes/");
}

#[actix_web::test]
async fn the_session_gets_a_new_token_at_each_landing() {
    let scene = Scene::open().await;
    let browser = scene.browser();
    let mut tokens = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let genuine = browser.ask(PROVIDER, "/notes/").await;
        let delivered = browser.deliver(&genuine.signed()).await;
        let landed = browser.land(&delivered).await;
        let cookie = landed
            .headers
            .iter()
            .find(|(name, value)| name == "set-cookie" && value.contains("notes="))
            .unwrap();
        tokens.insert(cookie.1.clone());
    }
    assert_eq!(tokens.len(), 2);
}

#[actix_web::test]
async fn an_unknown_or_absent_provider_leads_to_discovery_and_keeps_the_target() {
    let scene = Scene::open().await;
    for named in [
        "",
        "entityID=&",
        "entityID=nonsense&",
        "entityID=https://evil.example/idp&",
    ] {
        let browser = scene.browser();
        let back = return_of(
            &browser
                .get(&format!("/notes/login?{named}target=/notes/deep"))
                .await,
        );
        arrive(&scene, &browser, &back, "/notes/deep").await;
    }
}

#[actix_web::test]
async fn a_target_elsewhere_becomes_home() {
    let scene = Scene::open().await;
    for target in [
        "https://evil.example/",
        "//evil.example",
        "/%5Cevil.example",
        "/notes/../idp/logout",
        "/notes//evil.example",
        "/other/",
        "/notes/login",
        "/notes/%0D%0ASet-Cookie:%20a=b",
    ] {
        let browser = scene.browser();
        let genuine = browser.ask(PROVIDER, target).await;
        let delivered = browser.deliver(&genuine.signed()).await;
        assert_eq!(
            browser.land(&delivered).await.leads_to(),
            "/notes/",
            "{target}"
        );
    }
}

#[actix_web::test]
async fn a_stale_or_foreign_attempt_is_begun_again_and_loses_its_target_only() {
    let scene = Scene::open().await;
    let first = scene.browser();
    let back = return_of(&first.get("/notes/deep").await);
    let other = scene.browser();
    arrive(&scene, &other, &back, "/notes/").await;
    // The visitor who comes back to choose again still has it.
    arrive(&scene, &first, &back, "/notes/deep").await;
    arrive(&scene, &first, &back, "/notes/deep").await;
    scene.wait(3601);
    arrive(&scene, &first, &back, "/notes/").await;
    arrive(&scene, &first, "/notes/login?attempt=..%2F..", "/notes/").await;
}

#[actix_web::test]
async fn scoped_values_of_other_scopes_are_stripped_and_journalled_without_their_value() {
    let scene = Scene::open().await;
    let browser = scene.browser();
    let mut genuine = browser.ask(PROVIDER, "/notes/").await;
    let own = format!("amartin@{SCOPE}");
    genuine.attributes.push(attribute(
        names::SUBJECT_ID.name,
        &["root@evil.example", &own],
    ));
    let delivered = browser.deliver(&genuine.signed()).await;
    browser.land(&delivered).await;
    assert!(browser.get("/notes/").await.body.ends_with(">1"));
    let journal = scene.journal();
    assert!(journal.contains("sp.scope.stripped"), "{journal}");
    assert!(!journal.contains("evil.example"), "{journal}");
}

#[actix_web::test]
async fn the_journal_tells_the_whole_way_and_no_value() {
    let scene = Scene::open().await;
    let browser = scene.browser();
    let back = return_of(&browser.get("/notes/").await);
    arrive(&scene, &browser, &back, "/notes/").await;
    let journal = scene.journal();
    let mut rest = journal.as_str();
    for event in [
        "sp.attempt.opened",
        "sp.request.sent",
        "sp.response.received",
        "sp.response.accepted",
        "sp.landed",
    ] {
        rest = rest
            .split_once(event)
            .unwrap_or_else(|| panic!("{event}: {journal}"))
            .1;
    }
    assert!(!journal.contains("amartin"), "{journal}");
    // From the reference of the landing, the trace finds the visit that began it.
    let landed = journal.lines().find(|line| line.contains("sp.landed"));
    let reference = between(landed.unwrap(), "\"ref\":\"", "\"").unwrap();
    let reference = web::Reference::parse(reference).unwrap();
    let story = web::Journal::trace(&scene.journal_folder(), &reference).unwrap();
    assert!(
        story
            .iter()
            .any(|event| event["event"] == "sp.attempt.opened"),
        "{story:#?}"
    );
}

#[actix_web::test]
async fn metadata_is_published_signed_and_cached() {
    let scene = Scene::open().await;
    let browser = scene.browser();
    let published = browser.get("/notes/saml/metadata").await;
    assert_eq!(published.status, 200);
    assert_eq!(
        published.header("content-type"),
        Some("application/samlmetadata+xml")
    );
    let etag = published.header("etag").unwrap();
    let policy = saml::metadata::ReadPolicy {
        pinned: &[key("metadata").verifying()],
        now: scene.now(),
        horizon_days: Some(14),
        loopback_http: false,
    };
    let document = saml::metadata::read(&published.body, &policy).unwrap();
    let entity = &document.entities[0];
    assert_eq!(entity.id.as_str(), SERVICE);
    let role = entity.sp.as_ref().unwrap();
    assert_eq!(role.acs[0].location, ACS);
    assert_eq!(
        role.default_discovery(),
        Some("https://service.example/notes/login")
    );
    assert!(role.signs_requests);
    let slo = role
        .slo
        .iter()
        .map(|slo| (slo.binding, slo.location.as_str()));
    let address = "https://service.example/notes/saml/slo";
    let all = [Binding::Redirect, Binding::Post, Binding::Soap].map(|how| (how, address));
    assert_eq!(slo.collect::<Vec<_>>(), all);

    let again = request(actix_web::http::Method::GET, "/notes/saml/metadata")
        .insert_header(("if-none-match", format!("W/\"x\", {etag}")));
    let again = browser.send(again, false).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    scene.wait(25 * 3600);
    let later = browser.get("/notes/saml/metadata").await;
    assert_ne!(
        later.header("etag"),
        Some(etag),
        "composed again after a day"
    );
}

#[actix_web::test]
async fn a_session_ends_when_the_provider_said_so() {
    let scene = Scene::open().await;
    let browser = scene.browser();
    let genuine = browser.ask(PROVIDER, "/notes/").await;
    let delivered = browser.deliver(&genuine.signed()).await;
    browser.land(&delivered).await;
    // Visited every half hour it would live longer.
    for _ in 0..15 {
        scene.wait(1800);
        assert!(browser.user().await.is_some());
    }
    scene.wait(1800);
    assert_eq!(browser.user().await, None);
}

#[actix_web::test]
async fn another_provider_of_the_federation_may_be_chosen() {
    let scene = Scene::open().await;
    let browser = scene.browser();
    let genuine = browser.ask(OTHER, "/notes/").await;
    let delivered = browser.deliver(&genuine.signed_by(OTHER)).await;
    assert_eq!(browser.land(&delivered).await.leads_to(), "/notes/");
}

/// Goes on from the discovery service's answer to the landing.
async fn arrive(scene: &Scene, browser: &Browser<'_>, back: &str, target: &str) {
    let sent = browser.get(&format!("{back}&entityID={PROVIDER}")).await;
    let asked = read_request(sent.leads_to(), PROVIDER, scene.now());
    let delivered = browser
        .deliver(&browser.genuine(PROVIDER, &asked).signed())
        .await;
    assert_eq!(browser.land(&delivered).await.leads_to(), target);
    assert!(between(&browser.get("/notes/").await.body, "data-user=\"", "\"").is_some());
}

fn encode(xml: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(xml)
}
