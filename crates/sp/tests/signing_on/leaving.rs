//! Leaving.

use crate::scene::{OTHER, PROVIDER, Scene, between};
use crate::visitor::Browser;

async fn sign_in(browser: &Browser<'_>, provider: &'static str) {
    let genuine = browser.ask(provider, "/notes/").await;
    let delivered = browser.deliver(&genuine.signed_by(provider)).await;
    browser.land(&delivered).await;
    assert!(browser.user().await.is_some());
}

async fn token(browser: &Browser<'_>) -> String {
    let page = browser.get("/notes/logout").await;
    assert_eq!(page.status, 200);
    let form = between(&page.body, "action=\"/notes/logout\"", "</form>").unwrap();
    between(form, "value=\"", "\"").unwrap().to_owned()
}

#[actix_web::test]
async fn logging_out_ends_the_session_and_offers_to_end_the_providers() {
    let scene = Scene::open().await;
    let browser = scene.browser();
    sign_in(&browser, PROVIDER).await;
    let csrf = token(&browser).await;
    let left = browser.post("/notes/logout", &[("csrf", &csrf)]).await;
    assert_eq!(left.status, 200);
    assert!(left.body.contains("déconnecté") && !left.body.contains("data-user"));
    assert!(left.body.contains("/idp/personnel/logout"), "{}", left.body);
    assert!(left.header("cache-control").unwrap().contains("no-store"));
    assert_eq!(browser.user().await, None);
    assert!(scene.journal().contains("sp.logout"));
}

#[actix_web::test]
async fn a_provider_without_a_page_of_its_own_is_not_offered() {
    let scene = Scene::open().await;
    let browser = scene.browser();
    sign_in(&browser, OTHER).await;
    let csrf = token(&browser).await;
    let left = browser.post("/notes/logout", &[("csrf", &csrf)]).await;
    assert!(!left.body.contains("idp.example"), "{}", left.body);
}

#[actix_web::test]
async fn a_form_of_another_site_logs_nobody_out() {
    let scene = Scene::open().await;
    let browser = scene.browser();
    sign_in(&browser, PROVIDER).await;
    for fields in [&[][..], &[("csrf", "")], &[("csrf", "nonsense")]] {
        let shown = browser.post("/notes/logout", fields).await;
        assert_eq!(shown.status, 200);
        assert!(
            shown.body.contains("action=\"/notes/logout\""),
            "the form again"
        );
    }
    assert!(browser.user().await.is_some());
}

#[actix_web::test]
async fn a_token_of_another_browser_logs_nobody_out() {
    let scene = Scene::open().await;
    let (browser, other) = (scene.browser(), scene.browser());
    sign_in(&browser, PROVIDER).await;
    sign_in(&other, PROVIDER).await;
    let csrf = token(&other).await;
    browser.post("/notes/logout", &[("csrf", &csrf)]).await;
    assert!(browser.user().await.is_some());
}

#[actix_web::test]
async fn asking_to_leave_changes_nothing_and_nobody_may_ask() {
    let scene = Scene::open().await;
    let browser = scene.browser();
    let page = browser.get("/notes/logout").await;
    assert_eq!(page.status, 200);
    assert!(!page.body.contains("action=\"/notes/logout\""));
    sign_in(&browser, PROVIDER).await;
    browser.get("/notes/logout").await;
    assert!(browser.user().await.is_some());
}
