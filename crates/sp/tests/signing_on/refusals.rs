//! What must be refused, each by its name: with a code, a page, and nobody signed in.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use saml::response::{ErrorPlan, SignWhat, Status};

use crate::scene::{ACS, Answer, OTHER, PROVIDER, SCOPE, Scene, id, key};
use crate::visitor::{Browser, Genuine, attribute, request};

/// A browser that asked `PROVIDER` and waits.
async fn asked(scene: &Scene) -> (Browser<'_>, Genuine) {
    let browser = scene.browser();
    let genuine = browser.ask(PROVIDER, "/notes/deep").await;
    (browser, genuine)
}

/// The answer is refused with this code, and the attempt still serves the genuine one.
async fn assert_refused(browser: &Browser<'_>, genuine: &Genuine, xml: &str, code: &str) {
    let refused = browser.deliver(xml).await;
    assert_page(&refused, code);
    assert_eq!(browser.user().await, None);
    let delivered = browser.deliver(&genuine.signed()).await;
    assert_eq!(browser.land(&delivered).await.leads_to(), "/notes/deep");
}

/// A refusal page with this code and a way out.
fn assert_page(refused: &Answer, code: &str) {
    assert!(matches!(refused.status, 400 | 403), "{}", refused.status);
    let found = refused.code().unwrap_or_else(|| panic!("{}", refused.body));
    assert!(found.starts_with(code), "{found} where {code} was due");
    assert!(refused.body.contains("href=\"/notes/"), "{}", refused.body);
}

#[actix_web::test]
async fn a_strangers_signature() {
    let scene = Scene::open().await;
    let (browser, genuine) = asked(&scene).await;
    assert_refused(&browser, &genuine, &genuine.signed_by("stranger"), "EDU-2").await;
}

#[actix_web::test]
async fn the_signature_of_another_provider_of_the_federation() {
    let scene = Scene::open().await;
    let (browser, genuine) = asked(&scene).await;
    assert_refused(&browser, &genuine, &genuine.signed_by(OTHER), "EDU-2").await;
}

#[actix_web::test]
async fn another_provider_than_the_one_that_was_asked() {
    let scene = Scene::open().await;
    let (browser, genuine) = asked(&scene).await;
    let mut other = genuine.clone();
    other.issuer = id(OTHER);
    assert_refused(&browser, &genuine, &other.signed_by(OTHER), "EDU-7012").await;
}

#[actix_web::test]
async fn a_refusal_that_takes_the_browsers_cookie_away() {
    let scene = Scene::open().await;
    let (browser, genuine) = asked(&scene).await;
    // The POST is cross-site: the cookie is not seen, yet it is there, and other tabs need it.
    let refused = browser.deliver(&genuine.signed_by("stranger")).await;
    assert_page(&refused, "EDU-2");
    assert_eq!(refused.header("set-cookie"), None);
}

#[actix_web::test]
async fn no_signature() {
    let scene = Scene::open().await;
    let (browser, mut genuine) = asked(&scene).await;
    genuine.sign = SignWhat::Response;
    let xml = genuine.signed();
    let (before, rest) = xml.split_once("<ds:Signature").unwrap();
    let (_, after) = rest.split_once("</ds:Signature>").unwrap();
    assert_refused(&browser, &genuine, &format!("{before}{after}"), "EDU-2").await;
}

#[actix_web::test]
async fn a_changed_value() {
    let scene = Scene::open().await;
    let (browser, genuine) = asked(&scene).await;
    let xml = genuine.signed().replace("amartin", "operateur");
    assert_refused(&browser, &genuine, &xml, "EDU-2").await;
}

#[actix_web::test]
async fn an_audience_that_is_another_service() {
    let scene = Scene::open().await;
    let (browser, genuine) = asked(&scene).await;
    let mut other = genuine.clone();
    other.audience = id("https://service.example/other");
    assert_refused(&browser, &genuine, &other.signed(), "EDU-2").await;
}

#[actix_web::test]
async fn a_recipient_that_is_another_address() {
    let scene = Scene::open().await;
    let (browser, genuine) = asked(&scene).await;
    for acs in [
        "https://service.example/other/saml/acs",
        "http://service.example/notes/saml/acs",
    ] {
        let mut other = genuine.clone();
        other.acs = acs.into();
        assert_page(&browser.deliver(&other.signed()).await, "EDU-2");
    }
    assert_eq!(genuine.acs, ACS);
    let delivered = browser.deliver(&genuine.signed()).await;
    assert_eq!(browser.land(&delivered).await.leads_to(), "/notes/deep");
}

#[actix_web::test]
async fn an_answer_that_has_expired() {
    let scene = Scene::open().await;
    let (browser, genuine) = asked(&scene).await;
    let mut late = genuine.clone();
    late.now -= TimeDelta::hours(1);
    assert_refused(&browser, &genuine, &late.signed(), "EDU-2").await;
}

#[actix_web::test]
async fn an_answer_from_the_future() {
    let scene = Scene::open().await;
    let (browser, genuine) = asked(&scene).await;
    let mut early = genuine.clone();
    early.now += TimeDelta::hours(1);
    assert_refused(&browser, &genuine, &early.signed(), "EDU-2").await;
}

#[actix_web::test]
async fn an_unsolicited_answer() {
    let scene = Scene::open().await;
    let (browser, genuine) = asked(&scene).await;
    let mut unsolicited = genuine.clone();
    unsolicited.in_response_to = None;
    assert_refused(&browser, &genuine, &unsolicited.signed(), "EDU-7010").await;
}

#[actix_web::test]
async fn an_answer_to_a_request_never_made() {
    let scene = Scene::open().await;
    let (browser, genuine) = asked(&scene).await;
    let mut other = genuine.clone();
    other.in_response_to = Some(scene.fresh());
    assert_refused(&browser, &genuine, &other.signed(), "EDU-7011").await;
}

#[actix_web::test]
async fn a_replayed_response() {
    let scene = Scene::open().await;
    let (browser, genuine) = asked(&scene).await;
    let xml = genuine.signed();
    browser.land(&browser.deliver(&xml).await).await;
    assert_page(&browser.deliver(&xml).await, "EDU-7011");
    let thief = scene.browser();
    assert_page(&thief.deliver(&xml).await, "EDU-7011");
    assert_eq!(thief.user().await, None);
}

#[actix_web::test]
async fn an_assertion_replayed_in_answer_to_another_attempt() {
    let scene = Scene::open().await;
    let (browser, genuine) = asked(&scene).await;
    browser
        .land(&browser.deliver(&genuine.signed()).await)
        .await;
    let (thief, mut again) = asked(&scene).await;
    again.assertion_id = genuine.assertion_id.clone();
    assert_page(&thief.deliver(&again.signed()).await, "EDU-7014");
    assert_eq!(thief.user().await, None);
}

#[actix_web::test]
async fn one_answer_posted_ten_times_at_once_is_admitted_once() {
    let scene = Scene::open().await;
    let (browser, genuine) = asked(&scene).await;
    let xml = genuine.signed();
    let all = (0..10).map(|_| browser.deliver(&xml));
    let admitted = join_all(all)
        .await
        .iter()
        .filter(|answer| answer.status == 303)
        .count();
    assert_eq!(admitted, 1);
}

#[actix_web::test]
async fn an_attempt_that_is_more_than_an_hour_old() {
    let scene = Scene::open().await;
    let (browser, mut genuine) = asked(&scene).await;
    scene.wait(3601);
    genuine.now = scene.now();
    assert_page(&browser.deliver(&genuine.signed()).await, "EDU-7011");
}

#[actix_web::test]
async fn a_provider_that_left_the_federation_meanwhile() {
    let scene = Scene::open().await;
    let (browser, genuine) = asked(&scene).await;
    scene.expel(PROVIDER).await;
    assert_page(&browser.deliver(&genuine.signed()).await, "EDU-7013");
}

#[actix_web::test]
async fn a_foreign_browser_at_the_landing() {
    let scene = Scene::open().await;
    let (browser, genuine) = asked(&scene).await;
    let delivered = browser.deliver(&genuine.signed()).await;
    let victim = scene.browser();
    assert_page(&victim.land(&delivered).await, "EDU-7017");
    assert_eq!(victim.user().await, None);
    // The ticket is spent: what was handed around serves nobody.
    assert_page(&browser.land(&delivered).await, "EDU-7016");
}

#[actix_web::test]
async fn a_foreign_browser_that_has_cookies_of_its_own() {
    let scene = Scene::open().await;
    let (browser, genuine) = asked(&scene).await;
    let delivered = browser.deliver(&genuine.signed()).await;
    let (victim, _) = asked(&scene).await;
    assert_page(&victim.land(&delivered).await, "EDU-7017");
    assert_eq!(victim.user().await, None);
}

#[actix_web::test]
async fn tickets_that_are_unknown_spent_late_or_nonsense() {
    let scene = Scene::open().await;
    let (browser, genuine) = asked(&scene).await;
    for query in [
        "",
        "?ticket=",
        "?ticket=abcdefghijklmnopqrstuv",
        "?ticket=../../x",
    ] {
        assert_page(
            &browser.get(&format!("/notes/land{query}")).await,
            "EDU-7016",
        );
    }
    let delivered = browser.deliver(&genuine.signed()).await;
    scene.wait(121);
    assert_page(&browser.land(&delivered).await, "EDU-7016");
}

#[actix_web::test]
async fn an_error_status_is_told_kindly_and_leaves_the_attempt() {
    let scene = Scene::open().await;
    let (browser, genuine) = asked(&scene).await;
    for status in [
        Status::AuthnFailed,
        Status::NoPassive,
        Status::RequestDenied,
    ] {
        let xml = no(&scene, &genuine, status);
        let refused = browser.deliver(&xml).await;
        assert_page(&refused, "EDU-2");
        let kind = "votre fournisseur d’identité a répondu";
        assert!(
            refused.body.to_lowercase().contains(kind),
            "{}",
            refused.body
        );
        assert!(refused.body.contains("/notes/login?target=%2Fnotes%2Fdeep"));
    }
    let delivered = browser.deliver(&genuine.signed()).await;
    assert_eq!(browser.land(&delivered).await.leads_to(), "/notes/deep");
}

/// The provider says no.
fn no(scene: &Scene, genuine: &Genuine, status: Status) -> String {
    let plan = ErrorPlan {
        response_id: &scene.fresh(),
        in_response_to: genuine.in_response_to.as_ref(),
        issuer: &genuine.issuer,
        acs: ACS,
        now: genuine.now,
        status,
        message: Some("no"),
    };
    saml::response::compose_error(&plan, &key(PROVIDER)).unwrap()
}

#[actix_web::test]
async fn more_attributes_than_a_session_may_hold() {
    let scene = Scene::open().await;
    let (browser, mut genuine) = asked(&scene).await;
    let long = "x".repeat(900);
    for number in 0..30 {
        genuine
            .attributes
            .push(attribute(&format!("urn:x:{number}"), &[&long]));
    }
    assert_page(&browser.deliver(&genuine.signed()).await, "EDU-7015");
}

#[actix_web::test]
async fn scopes_of_others_give_nobody_an_identifier() {
    let scene = Scene::open().await;
    let (browser, mut genuine) = asked(&scene).await;
    let subject = saml::attribute::SUBJECT_ID.name;
    genuine.attributes = vec![attribute(subject, &[&format!("root@{SCOPE}.evil.example")])];
    browser
        .land(&browser.deliver(&genuine.signed()).await)
        .await;
    assert_eq!(browser.user().await.as_deref(), Some("_opaque"));
}

#[actix_web::test]
async fn a_parameter_given_twice() {
    let scene = Scene::open().await;
    let (browser, genuine) = asked(&scene).await;
    let field = STANDARD.encode(genuine.signed());
    for fields in [
        [("SAMLResponse", field.as_str()), ("SAMLResponse", &field)],
        [("SAMLResponse", field.as_str()), ("SAMLResponse", "")],
    ] {
        assert_eq!(browser.deliver_fields(&fields).await.status, 400);
    }
    for path in [
        "/notes/login?target=/notes/&target=/notes/",
        "/notes/login?entityID=a&entityID=b",
        "/notes/land?ticket=a&ticket=b",
    ] {
        assert_eq!(browser.get(path).await.status, 400, "{path}");
    }
}

#[actix_web::test]
async fn bodies_that_are_no_answer() {
    let scene = Scene::open().await;
    let (browser, genuine) = asked(&scene).await;
    for field in ["", "%%%", "é", "AAAA=AAAA", "PHg+", "PHgvPg==", "\0"] {
        let answer = browser.deliver_fields(&[("SAMLResponse", field)]).await;
        assert_eq!(answer.status, 400, "{field:?}");
        assert!(answer.code().is_some());
    }
    assert_eq!(browser.deliver_fields(&[]).await.status, 400);
    assert_eq!(
        browser
            .deliver_fields(&[("SAMLRequest", "PHg+")])
            .await
            .status,
        400
    );
    let delivered = browser.deliver(&genuine.signed()).await;
    assert_eq!(browser.land(&delivered).await.leads_to(), "/notes/deep");
}

#[actix_web::test]
async fn a_megabyte() {
    let scene = Scene::open().await;
    let browser = scene.browser();
    let mega = "A".repeat(1 << 20);
    let answer = browser.deliver_fields(&[("SAMLResponse", &mega)]).await;
    assert!(matches!(answer.status, 400 | 413), "{}", answer.status);
}

#[actix_web::test]
async fn what_is_no_form_or_no_post() {
    let scene = Scene::open().await;
    let browser = scene.browser();
    let json = TestRequest::post()
        .uri("/notes/saml/acs")
        .insert_header(("content-type", "application/json"))
        .set_payload("{}");
    assert_eq!(browser.send(json, false).await.status, 415);
    for (method, path) in [
        (Method::GET, "/notes/saml/acs?SAMLResponse=PHg%2B"),
        (Method::PUT, "/notes/saml/acs"),
        (Method::POST, "/notes/login"),
        (Method::POST, "/notes/land"),
        (Method::POST, "/notes/saml/metadata"),
        (Method::DELETE, "/notes/logout"),
    ] {
        let answer = browser.send(request(method.clone(), path), false).await;
        assert_eq!(answer.status, 405, "{method} {path}");
    }
}

#[actix_web::test]
async fn a_provider_unknown_to_us_chosen_at_the_discovery_service_does_not_turn_in_circles() {
    let scene = Scene::open().await;
    let browser = scene.browser();
    let answer = browser
        .get("/notes/login?attempt=abcdefghijklmnopqrstuv&entityID=https://evil.example/idp")
        .await;
    assert_page(&answer, "EDU-7001");
}

#[actix_web::test]
async fn the_journal_knows_refusals_by_their_request() {
    let scene = Scene::open().await;
    let (browser, genuine) = asked(&scene).await;
    browser.deliver(&genuine.signed_by("stranger")).await;
    let journal = scene.journal();
    let line = journal
        .lines()
        .find(|line| line.contains("sp.response.refused"))
        .unwrap_or_else(|| panic!("{journal}"));
    let request = genuine.in_response_to.as_ref().unwrap().as_str();
    assert!(line.contains(request), "{line}");
    assert!(!journal.contains("amartin"));
}

/// Runs all at once on this thread.
async fn join_all<F: Future<Output = Answer>>(all: impl Iterator<Item = F>) -> Vec<Answer> {
    let mut running: Vec<_> = all.map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        for (one, done) in &mut running {
            if done.is_none()
                && let std::task::Poll::Ready(answer) = one.as_mut().poll(context)
            {
                *done = Some(answer);
            }
        }
        if running.iter().all(|(_, done)| done.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    running.into_iter().filter_map(|(_, done)| done).collect()
}
