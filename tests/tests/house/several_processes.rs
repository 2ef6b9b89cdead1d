//! The story on the contract's topology: proxy with TLS, a process per service, Redis; from the
//! files that containers use.

use visits::PASSWORD;
use visits::topology::Topology;

#[test]
fn o01_o05_the_story_on_several_processes_behind_tls() {
    let mut house = Topology::start();
    let client = house.client();
    let home = client.arrive("personnel", "amartin");
    assert_eq!(home.user().as_deref(), Some("amartin"), "{}", home.body);
    assert_eq!(home.url, house.at("/portail/"));
    for name in client.cookies().keys() {
        assert!(name.starts_with("__Host-"), "{name}");
    }
    let idp = house.at("/idp/personnel");
    let login = visits::client::form(&[("entityID", &idp)]);
    let answer = client.open(&format!("/magistere/login?{login}"));
    let viewer = client.deliver(&answer);
    assert_eq!(viewer.user().as_deref(), Some("amartin"), "{}", viewer.body);
    assert_eq!(viewer.url, house.at("/magistere/"));

    // Sessions are in Redis: a service that dies and comes back knows its people.
    house.kill("portal");
    house.open("portal");
    house.wait_until_ready();
    assert_eq!(client.get("/portail/").user().as_deref(), Some("amartin"));

    // Plain http is nowhere, and what is inside stays inside.
    let page = client.get("/portail/");
    assert!(page.header("strict-transport-security").is_some());
    assert_eq!(house.client().get("/metrics").status, 404);
}

#[tokio::test]
async fn o01_the_story_in_a_browser_behind_tls() {
    let house = Topology::start();
    let browser = house.browser().await;
    browser.goto("/portail/").await;
    browser.click("button[name=profile][value=personnel]").await;
    browser.sign_in("bleroy", PASSWORD).await;
    browser.hand_over(true).await;
    browser.find("body[data-user]").await;
    assert_eq!(browser.path().await, "/portail/");
    browser.click_link("Applications").await;
    browser.click_link("Formation à distance").await;
    browser.click_link("Magistere").await;
    browser.wait_for_path("/magistere/").await;
    assert_eq!(browser.user().await.as_deref(), Some("bleroy"));
    browser.close().await;
}
