//! No dead end: five tabs, the back button, bookmarks, forms left open (rows P16, P17).

use visits::{House, PASSWORD};

#[tokio::test]
async fn p17_five_tabs_at_once_each_reach_their_own_target() {
    let house = House::start();
    let browser = house.browser().await;
    let targets = [
        "/portail/",
        "/portail/applications",
        "/portail/applications?categorie=formation",
        "/magistere/",
        "/portail/applications?categorie=intranet",
    ];
    let mut tabs = Vec::new();
    for (number, target) in targets.iter().enumerate() {
        if number > 0 {
            let tab = browser.page.new_window(true).await.expect("a tab");
            browser
                .page
                .switch_to_window(tab.handle)
                .await
                .expect("switched");
        }
        browser.goto(target).await;
        browser.click("button[name=profile][value=personnel]").await;
        browser.find("[name=password]").await;
        tabs.push(browser.page.window().await.expect("window"));
    }
    for (tab, target) in tabs.iter().zip(targets) {
        browser
            .page
            .switch_to_window(tab.clone())
            .await
            .expect("switched");
        browser.sign_in("amartin", PASSWORD).await;
        browser.find("body[data-user]").await;
        assert_eq!(browser.path().await, target);
        assert_eq!(browser.user().await.as_deref(), Some("amartin"));
    }
    browser.close().await;
}

#[tokio::test]
async fn p16_the_back_button_after_signing_in_is_no_dead_end() {
    let house = House::start();
    let browser = house.browser().await;
    browser.goto("/portail/").await;
    browser.click("button[value=personnel]").await;
    browser.sign_in("amartin", PASSWORD).await;
    browser.find("body[data-user]").await;
    for _ in 0..4 {
        browser.page.back().await.expect("back");
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        assert!(
            !browser.has("main[data-code]").await,
            "refused at {}",
            browser.path().await
        );
        if browser.has("[name=password]").await {
            browser.sign_in("amartin", PASSWORD).await;
            break;
        }
        if browser.has("body[data-user]").await && browser.path().await == "/portail/" {
            break;
        }
    }
    browser.goto("/portail/").await;
    browser.find("body[data-user]").await;
    browser.close().await;
}

#[test]
fn p16_a_bookmarked_login_page_starts_again() {
    let house = House::start();
    let first = house.client();
    let login = first.choose(&first.open("/portail/"), "personnel");
    // Another browser, the same address: the flow is not theirs.
    let other = house.client();
    let page = other.open(&login.url);
    assert!(
        page.status < 500 && page.code().is_none(),
        "{} {}",
        page.status,
        page.body
    );
    let home = start_again(&house, &other, &page);
    assert_eq!(home.as_deref(), Some("amartin"));
    // The same browser, after the flow was used.
    let answer = first.sign_in(&login, "amartin", PASSWORD);
    assert_eq!(first.deliver(&answer).user().as_deref(), Some("amartin"));
    let page = first.open(&login.url);
    assert!(
        page.status < 500 && page.code().is_none(),
        "{} {}",
        page.status,
        page.body
    );
    // No flow at all.
    let bare = house.client().open("/idp/personnel/login");
    assert!(
        bare.status < 500 && bare.code().is_none(),
        "{} {}",
        bare.status,
        bare.body
    );
}

#[test]
fn p16_an_expired_form_is_shown_again_and_loses_nothing() {
    let house = House::start();
    let client = house.client();
    let login = client.choose(&client.open("/portail/"), "personnel");
    let action = login.action("name=\"password\"").expect("a form");
    let flow = login.field("flow").expect("a flow");
    let again = client.post(
        &action,
        &[
            ("csrf", "old"),
            ("flow", &flow),
            ("username", "amartin"),
            ("password", PASSWORD),
        ],
    );
    assert_eq!(again.field("username").as_deref(), Some("amartin"));
    let answer = client.sign_in(&again, "amartin", PASSWORD);
    assert_eq!(client.deliver(&answer).user().as_deref(), Some("amartin"));

    let wayf = house.client();
    let page = wayf.open("/portail/applications?categorie=formation");
    let action = page
        .action("name=\"profile\"")
        .unwrap_or_else(|| page.url.clone());
    let hidden: Vec<(&str, String)> = ["entityID", "return", "returnIDParam", "policy"]
        .into_iter()
        .filter_map(|name| Some((name, page.field(name)?)))
        .collect();
    let mut fields = vec![("csrf", "old"), ("profile", "personnel")];
    fields.extend(hidden.iter().map(|(n, v)| (*n, v.as_str())));
    let again = wayf.follow(wayf.post(&action, &fields));
    let login = wayf.choose(&again, "personnel");
    let answer = wayf.sign_in(&login, "amartin", PASSWORD);
    assert_eq!(
        wayf.deliver(&answer).url,
        house.at("/portail/applications?categorie=formation")
    );
}

/// Without cookies nothing can be bound to a browser: it is said once, with a way that works as soon
/// as they are allowed.
#[test]
fn p16_a_browser_without_cookies_is_told_so() {
    let house = House::start();
    let bare = house.client().without_cookies();
    let wayf = bare.open("/portail/applications?categorie=formation");
    let told = bare.choose(&wayf, "personnel");
    assert_eq!(
        (told.status, told.code().as_deref()),
        (403, Some("EDU-3007")),
        "{}",
        told.body
    );
    let login = format!(
        "/portail/login?{}",
        visits::client::form(&[("entityID", &house.at("/idp/personnel"))])
    );
    let refused = bare.open(&login);
    assert_eq!(
        (refused.status, refused.code().as_deref()),
        (403, Some("EDU-4007")),
        "{}",
        refused.body
    );
    // The same visitor, once cookies are allowed, by the way out of each page.
    for page in [told, refused] {
        let client = house.client();
        assert_eq!(
            start_again(&house, &client, &page).as_deref(),
            Some("amartin")
        );
    }
    // A form that was filled in before cookies were switched off.
    let client = house.client();
    let login = client.choose(&client.open("/portail/"), "personnel");
    let answer = client
        .without_cookies()
        .sign_in(&login, "amartin", PASSWORD);
    assert_eq!(answer.code().as_deref(), Some("EDU-4007"));
    assert!(answer.field("SAMLResponse").is_none());
}

/// A first visit to the login page from a service elsewhere has no cookie yet, and needs none.
#[test]
fn p16_the_address_that_is_bookmarked_says_nothing_of_the_browser() {
    let house = House::start();
    let client = house.client();
    let asked = client.open(&format!(
        "/portail/login?{}",
        visits::client::form(&[("entityID", &house.at("/idp/personnel"))])
    ));
    let request = house.client();
    let sso = client.get(&format!(
        "/portail/login?{}",
        visits::client::form(&[("entityID", &house.at("/idp/personnel"))])
    ));
    let login = request.open(sso.location());
    assert!(login.field("password").is_some(), "{}", login.body);
    for page in [asked, login] {
        assert!(!page.url.contains("first="), "{}", page.url);
    }
}

/// From a page that says "start again": follows its way out, signs in, and says who arrived.
fn start_again(house: &House, client: &visits::Client, page: &visits::Answer) -> Option<String> {
    let way = page
        .body
        .split("<main")
        .nth(1)
        .and_then(|main| visits::client::between(main, "href=\"", "\""))
        .map(|href| visits::client::unescape(&href));
    let next = match way {
        Some(href) if page.field("password").is_none() => client.open(&href),
        _ => page.clone(),
    };
    let login = if next.field("password").is_some() {
        next
    } else {
        client.choose(&next, "personnel")
    };
    let answer = client.sign_in(&login, "amartin", PASSWORD);
    let home = client.deliver(&answer);
    assert!(home.url.starts_with(&house.url()));
    home.user()
}
