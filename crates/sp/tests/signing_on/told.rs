//! What an identity provider says of a logout, and what others say in its name.

use actix_web::test::TestRequest;
use chrono::TimeDelta;
use saml::logout::{LogoutRequest, LogoutResponse, LogoutResponseExpected, Outcome};
use saml::response::NameId;
use saml::{Binding, NameIdFormat, Received};

use crate::scene::{Answer, OTHER, PROVIDER, SERVICE, Scene, id, key};
use crate::visitor::Browser;

const SLO: &str = "https://service.example/notes/saml/slo";

async fn signed_in<'a>(scene: &'a Scene, provider: &'static str) -> Browser<'a> {
    let browser = scene.browser();
    let genuine = browser.ask(provider, "/notes/").await;
    let delivered = browser.deliver(&genuine.signed_by(provider)).await;
    browser.land(&delivered).await;
    assert!(browser.user().await.is_some());
    browser
}

/// Everybody in these tests is called the same by every provider, in a session of the same index.
fn request(scene: &Scene, provider: &str) -> LogoutRequest {
    LogoutRequest {
        id: scene.fresh(),
        issue_instant: scene.now(),
        issuer: id(provider),
        destination: Some(SLO.into()),
        not_on_or_after: Some(scene.now() + TimeDelta::minutes(5)),
        reason: None,
        name_id: NameId {
            value: "_opaque".into(),
            format: NameIdFormat::Transient,
            name_qualifier: None,
            sp_name_qualifier: None,
        },
        session_indexes: vec!["_index".into()],
        asynchronous: false,
    }
}

async fn by_soap(scene: &Scene, envelope: String) -> Answer {
    let request = TestRequest::post()
        .uri("/notes/saml/slo")
        .insert_header(("content-type", saml::soap::CONTENT_TYPE))
        .set_payload(envelope);
    scene.call(request).await
}

async fn told(scene: &Scene, request: &LogoutRequest, signer: &'static str) -> Answer {
    by_soap(scene, saml::soap::compose(request, &key(signer)).unwrap()).await
}

fn outcome(scene: &Scene, request: &LogoutRequest, answer: &Answer) -> Outcome {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let expected = LogoutResponseExpected {
        issuer: &id(SERVICE),
        in_response_to: &request.id,
        destination: "",
        binding: Binding::Soap,
        now: scene.now(),
    };
    Received::<LogoutResponse>::by_soap(answer.body.as_bytes())
        .and_then(|said| said.verify(&[key("service").verifying()]))
        .and_then(|said| said.accept(&expected))
        .unwrap()
        .message()
        .outcome()
}

#[actix_web::test]
async fn a_provider_ends_the_sessions_it_opened_and_no_others() {
    let scene = Scene::open().await;
    let (one, two) = (
        signed_in(&scene, PROVIDER).await,
        signed_in(&scene, PROVIDER).await,
    );
    let foreign = signed_in(&scene, OTHER).await;
    let request = request(&scene, PROVIDER);
    let answer = told(&scene, &request, PROVIDER).await;
    assert_eq!(outcome(&scene, &request, &answer), Outcome::Done);
    assert_eq!((one.user().await, two.user().await), (None, None));
    assert!(
        foreign.user().await.is_some(),
        "of another provider's opening"
    );
}

#[actix_web::test]
async fn what_is_not_the_providers_fresh_word_for_this_session_ends_nothing() {
    let scene = Scene::open().await;
    let browser = signed_in(&scene, PROVIDER).await;
    let with = |change: &dyn Fn(&mut LogoutRequest)| {
        let mut changed = request(&scene, PROVIDER);
        change(&mut changed);
        changed
    };
    let now = scene.now();
    let minutes = TimeDelta::minutes;
    for (what, request, signer) in [
        ("a stranger's key", with(&|_| {}), "stranger"),
        ("another provider's key", with(&|_| {}), OTHER),
        ("the service's own key", with(&|_| {}), "service"),
        (
            "old",
            with(&|it| it.issue_instant = now - minutes(10)),
            PROVIDER,
        ),
        (
            "early",
            with(&|it| it.issue_instant = now + minutes(10)),
            PROVIDER,
        ),
        (
            "over",
            with(&|it| it.not_on_or_after = Some(now - minutes(4))),
            PROVIDER,
        ),
        (
            "for another service",
            with(&|it| it.destination = Some("https://other.example/slo".into())),
            PROVIDER,
        ),
        (
            "of nobody",
            with(&|it| it.issuer = id("https://nobody.example/idp")),
            "stranger",
        ),
    ] {
        let refused = told(&scene, &request, signer).await;
        assert!(
            matches!(refused.status, 400 | 403),
            "{what}: {}",
            refused.status
        );
        assert!(refused.code().is_some(), "{what}: {}", refused.body);
        assert!(browser.user().await.is_some(), "{what}");
    }
    let genuine = saml::soap::compose(&with(&|_| {}), &key(PROVIDER)).unwrap();
    let start = genuine.find("<ds:Signature").unwrap();
    let end = genuine.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let unsigned = format!("{}{}", &genuine[..start], &genuine[end..]);
    for (what, envelope) in [
        ("unsigned", unsigned),
        ("another name in it", genuine.replace("_opaque", "_another")),
        ("no envelope", "<x/>".to_owned()),
        ("nothing", String::new()),
    ] {
        let refused = by_soap(&scene, envelope).await;
        assert!(
            matches!(refused.status, 400 | 403),
            "{what}: {}",
            refused.status
        );
        assert!(browser.user().await.is_some(), "{what}");
    }
    // Signed and fresh, and about somebody or something else: done, for there is nothing to end.
    for request in [
        request(&scene, OTHER),
        with(&|it| it.session_indexes = vec!["_another".into()]),
        with(&|it| it.name_id.value = "_another".into()),
    ] {
        let signer = if request.issuer == id(OTHER) {
            OTHER
        } else {
            PROVIDER
        };
        let answer = told(&scene, &request, signer).await;
        assert_eq!(outcome(&scene, &request, &answer), Outcome::Done);
        assert!(browser.user().await.is_some());
    }
}

#[actix_web::test]
async fn a_request_ends_sessions_once() {
    let scene = Scene::open().await;
    let browser = signed_in(&scene, PROVIDER).await;
    let mut request = request(&scene, PROVIDER);
    request.session_indexes.clear();
    told(&scene, &request, PROVIDER).await;
    assert_eq!(browser.user().await, None);
    let browser = signed_in(&scene, PROVIDER).await;
    scene.wait(299);
    let again = told(&scene, &request, PROVIDER).await;
    assert_eq!((again.status, again.code()), (403, Some("EDU-7021")));
    assert!(browser.user().await.is_some());
}

#[actix_web::test]
async fn an_answer_that_is_still_on_its_way_opens_nothing_that_has_ended() {
    let scene = Scene::open().await;
    let browser = scene.browser();
    let genuine = browser.ask(PROVIDER, "/notes/").await;
    let delivered = browser.deliver(&genuine.signed()).await;
    told(&scene, &request(&scene, PROVIDER), PROVIDER).await;
    let landed = browser.land(&delivered).await;
    assert_eq!((landed.status, landed.code()), (403, Some("EDU-7020")));
    assert_eq!(browser.user().await, None);
}

#[actix_web::test]
async fn an_asynchronous_request_gets_no_answer() {
    let scene = Scene::open().await;
    let browser = signed_in(&scene, PROVIDER).await;
    let mut request = request(&scene, PROVIDER);
    request.asynchronous = true;
    let answer = told(&scene, &request, PROVIDER).await;
    assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    assert_eq!(browser.user().await, None);
}

#[actix_web::test]
async fn a_form_carries_one_message_and_an_answer_answers_something() {
    let scene = Scene::open().await;
    let browser = signed_in(&scene, PROVIDER).await;
    for fields in [
        &[][..],
        &[("SAMLRequest", "PHg+"), ("SAMLResponse", "PHg+")],
    ] {
        let refused = browser.post("/notes/saml/slo", fields).await;
        assert_eq!((refused.status, refused.code()), (400, Some("EDU-7022")));
    }
    let response = LogoutResponse {
        id: scene.fresh(),
        issue_instant: scene.now(),
        issuer: id(PROVIDER),
        destination: Some(SLO.into()),
        in_response_to: Some(scene.fresh()),
        status: saml::response::Status::Success.said(),
    };
    let xml = saml::post::compose(&response, &key(PROVIDER)).unwrap();
    let field = saml::post::encode(&xml);
    let refused = browser
        .post("/notes/saml/slo", &[("SAMLResponse", &field)])
        .await;
    assert_eq!((refused.status, refused.code()), (403, Some("EDU-7023")));
    assert!(browser.user().await.is_some());
}
