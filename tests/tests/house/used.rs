//! What is at hand on the portal: hidden as one types, and offered again once it was opened.

use visits::browser::Kind;
use visits::client::between;
use visits::{Answer, Browser, Client, House, PASSWORD};

use crate::who_sees::token;

/// Ids of the applications under a heading of the first page.
fn under(page: &Answer, heading: &str) -> Vec<String> {
    let mark = format!("id=\"{heading}-");
    let parts = page.body.split(mark.as_str()).skip(1);
    parts
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect()
}

/// Tells the portal that it was opened, as the script does.
fn open(client: &Client, id: &str) -> Answer {
    let home = client.get("/portail/");
    let csrf = between(&home.body, "data-csrf=\"", "\"").unwrap();
    client.post("/portail/usage", &[("csrf", &csrf), ("application", id)])
}

#[test]
fn t12_what_was_opened_is_at_hand_unless_one_does_not_want_it() {
    let mut house = House::start();
    let client = house.client();
    let home = client.arrive("personnel", "amartin");
    assert!(under(&home, "recent").is_empty());
    for id in [
        "annuaire",
        "annuaire",
        "annuaire",
        "sofia",
        "listes",
        "eduscol",
        "magistere",
    ] {
        assert_eq!(open(&client, id).status, 204, "{id}");
    }
    // What is not theirs, or not there, is not counted; nor is it told apart.
    for id in ["onde", "none-such", "<script>", ""] {
        assert_eq!(open(&client, id).status, 204, "{id}");
    }
    house.kill();
    house.open();
    let home = client.get("/portail/");
    let recent = ["magistere", "eduscol", "listes", "sofia"];
    assert_eq!(under(&home, "recent"), recent);
    assert_eq!(under(&home, "often"), ["annuaire"]);
    assert!(under(&client.arrive_again("personnel", "bleroy"), "recent").is_empty());
    client.arrive_again("personnel", "amartin");

    // Neither one use nor one choice; an old form; nobody.
    let manage = client.get("/portail/favoris");
    assert!(manage.body.contains("value=\"non\""), "{}", manage.body);
    let csrf = token(&manage, "/portail/usage");
    let press = |fields: &[(&str, &str)]| {
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend(fields);
        client.post("/portail/usage", &all)
    };
    for fields in [
        &[][..],
        &[("compter", "peut-être")],
        &[("compter", "non"), ("application", "sofia")],
    ] {
        let refused = press(fields);
        assert_eq!(refused.code().as_deref(), Some("EDU-8001"), "{fields:?}");
    }
    let old = client.post("/portail/usage", &[("csrf", "old"), ("compter", "non")]);
    assert!(old.body.contains("role=\"alert\""), "{}", old.body);
    let stranger = house.client();
    let nobody = stranger.post("/portail/usage", &[("application", "sofia")]);
    assert!(nobody.location().contains("/wayf/"), "{nobody:?}");
    assert_eq!(client.get("/portail/usage").status, 405);

    // Opted out: forgotten at once, and no longer counted; in again: from nothing.
    let answer = press(&[("compter", "non")]);
    assert_eq!(answer.location(), "/portail/favoris#usage");
    assert_eq!(open(&client, "sofia").status, 204);
    assert!(under(&client.get("/portail/"), "recent").is_empty());
    assert!(
        client
            .get("/portail/favoris")
            .body
            .contains("value=\"oui\"")
    );
    press(&[("compter", "oui")]);
    assert!(under(&client.get("/portail/"), "recent").is_empty());
    assert_eq!(open(&client, "listes").status, 204);
    assert_eq!(under(&client.get("/portail/"), "recent"), ["listes"]);
    let told = house.journal();
    let told = told.iter().filter(|line| line["event"] == "portal.uses");
    assert_eq!(told.count(), 2);
}

#[tokio::test]
async fn t04_t12_a_list_shrinks_as_one_types_and_what_is_followed_is_counted() {
    let house = House::start();
    let browser = Browser::open(&house.url(), Kind::DESKTOP).await;
    browser
        .goto("/portail/applications?categorie=formation")
        .await;
    browser.click("button[value=personnel]").await;
    browser.sign_in("amartin", PASSWORD).await;
    browser.hand_over(true).await;
    browser.find("[data-application=magistere]").await;
    let shown = async || {
        let ids = "return [...document.querySelectorAll('li[data-application]')]\
            .filter((one) => one.offsetParent).map((one) => one.dataset.application).join()";
        browser.script(ids).await.as_str().unwrap().to_owned()
    };
    let all = shown().await;
    assert!(all.contains("magistere,") && all.contains("elea"), "{all}");
    let field = browser.find("[data-filter]").await;
    for (typed, left) in [
        ("élÉa", "elea"),
        ("zzz", ""),
        ("MAGIST continue", "magistere"),
    ] {
        field.clear().await.unwrap();
        field.send_keys(typed).await.unwrap();
        assert_eq!(shown().await, left, "{typed}");
        let none = browser
            .text()
            .await
            .contains("Rien ne correspond dans cette liste");
        assert_eq!(none, left.is_empty(), "{typed}");
    }
    browser.assert_fine("a list that shrank").await;
    // Followed with the list as it is: Magistère opens, and is at hand the next time.
    browser.click("[data-application=magistere] a.app").await;
    browser.wait_for_path("/magistere/").await;
    browser.goto("/portail/").await;
    browser.find("#recent-magistere a.app").await;
    browser.goto("/portail/catalogue").await;
    browser
        .find("[data-filter]")
        .await
        .send_keys("onde")
        .await
        .unwrap();
    assert!(shown().await.split(',').any(|id| id == "onde"));
    assert!(shown().await.split(',').count() < 10);
    browser.assert_fine("the catalogue").await;
    browser.close().await;
}
