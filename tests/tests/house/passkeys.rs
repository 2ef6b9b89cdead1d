//! Passkeys, with a real browser and its virtual authenticator; and what no browser would send.

use serde_json::json;
use visits::mailbox::Mailbox;
use visits::{Browser, House, PASSWORD};

/// What an authenticator is: built in, verifying its user, keeping its keys.
async fn authenticator(browser: &Browser, verifies: bool) {
    browser
        .command(
            "webauthn/authenticator",
            json!({
                "protocol": "ctap2", "transport": "internal", "hasResidentKey": true,
                "hasUserVerification": verifies, "isUserVerified": verifies, "isUserConsenting": true,
            }),
        )
        .await;
}

async fn at_login(browser: &Browser, path: &str) {
    browser.page.delete_all_cookies().await.expect("none");
    browser.goto(path).await;
    browser.click("button[value=personnel]").await;
    browser.find("[name=password]").await;
}

#[tokio::test]
async fn a04_a_passkey_is_made_then_taken_beside_the_password_and_in_its_place() {
    let mailbox = Mailbox::start();
    let house = mailbox.house(&[]);
    let browser = house.browser().await;
    authenticator(&browser, true).await;
    at_login(&browser, "/compte/passkeys").await;
    browser.sign_in("amartin", PASSWORD).await;
    browser.find("form[data-passkey]:not([hidden])").await;
    browser.assert_fine("the page of passkeys").await;
    browser.picture("account-passkeys").await;
    browser.fill("name", "Mon ordinateur").await;
    browser.click("form[data-passkey] button").await;
    browser.find("ol.codes").await;
    // A15: she hears of it wherever she is reached.
    for place in ["anne.martin@perso.example", "anne.martin@ac-demo.example"] {
        mailbox.wait_for(place, "deuxième facteur");
    }

    // Beside the password, where a factor is asked for; it is listed like any other.
    at_login(&browser, "/compte/otp").await;
    browser.picture("login-with-passkey").await;
    browser.sign_in("amartin", PASSWORD).await;
    browser.find("[name=otp]").await;
    browser
        .assert_fine("the second factor with a passkey")
        .await;
    browser.picture("second-factor-with-passkey").await;
    browser.click("form[data-passkey] button").await;
    browser.find("ul.keys").await;
    let text = browser.text().await;
    assert!(
        text.contains("Mon ordinateur") && text.contains("Clé d'accès"),
        "{text}"
    );

    // In its place: nothing is typed, and both factors are proven.
    at_login(&browser, "/compte/otp").await;
    browser.click("form[data-passkey] button").await;
    browser.find("ul.keys").await;
    assert_eq!(browser.user().await.as_deref(), Some("amartin"));

    // Of another realm it is nobody's; and what is removed counts no more.
    browser.page.delete_all_cookies().await.expect("none");
    browser.goto("/portail/").await;
    browser.click("button[value=parent]").await;
    browser.find("[name=password]").await;
    browser.click("form[data-passkey] button").await;
    browser.find("main[data-code=\"EDU-4031\"]").await;
    browser.assert_fine("the refusal of a passkey").await;
    at_login(&browser, "/compte/otp").await;
    browser.click("form[data-passkey] button").await;
    browser.click("ul.keys summary").await;
    browser.click("button[value=remove]").await;
    browser.find("main [role=status]").await;
    at_login(&browser, "/portail/").await;
    browser.click("form[data-passkey] button").await;
    browser.find("main[data-code=\"EDU-4031\"]").await;
    browser.close().await;
    let journal = house.journal();
    let results: Vec<_> = journal
        .iter()
        .filter(|line| line["event"] == "idp.passkey")
        .map(|line| line["result"].as_str().unwrap_or_default().to_owned())
        .collect();
    let expected = ["accepted", "accepted", "refused", "accepted", "refused"];
    assert_eq!(results, expected);
}

#[tokio::test]
async fn a04_in_place_of_a_password_a_passkey_must_know_its_user_and_what_is_forged_opens_nothing()
{
    let house = House::start();
    let browser = house.browser().await;
    authenticator(&browser, false).await;
    at_login(&browser, "/compte/passkeys").await;
    browser.sign_in("bleroy", PASSWORD).await;
    browser.find("form[data-passkey]:not([hidden])").await;
    let handle = "return document.querySelector('[data-user]').dataset.user";
    let handle = browser.script(handle).await;
    browser.click("form[data-passkey] button").await;
    browser.find("ol.codes").await;
    // Beside the password it does.
    at_login(&browser, "/compte/otp").await;
    browser.sign_in("bleroy", PASSWORD).await;
    browser.find("[name=otp]").await;
    let known = "return document.querySelector('[data-known]').dataset.known";
    let known = browser.script(known).await;
    browser.click("form[data-passkey] button").await;
    browser.find("ul.keys").await;
    // In its place it does not, whatever a page is made to ask: nobody was verified.
    at_login(&browser, "/portail/").await;
    let bytes = "text => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), c => c.charCodeAt(0))";
    browser
        .script(&format!(
            "const bytes = {bytes}; const get = navigator.credentials.get.bind(navigator.credentials);\
             navigator.credentials.get = async ({{publicKey}}) => {{\
             const id = bytes({known}); publicKey.userVerification = 'discouraged';\
             publicKey.allowCredentials = [{{ type: 'public-key', id }}];\
             const {{ rawId, response }} = await get({{ publicKey }});\
             const {{ clientDataJSON, authenticatorData, signature }} = response;\
             const userHandle = bytes({handle});\
             return {{ rawId, response: {{ clientDataJSON, authenticatorData, signature, userHandle }} }}; }};"
        ))
        .await;
    browser.click("form[data-passkey] button").await;
    browser.find("main[data-code=\"EDU-4031\"]").await;
    browser.goto("/portail/").await;
    assert_eq!(browser.user().await, None);
    browser.close().await;

    // What no browser sends.
    let client = house.client();
    let login = client.choose(&client.open("/portail/"), "personnel");
    let action = login.action("data-passkey").expect("a form");
    let form = login.body.split("data-passkey").nth(1).expect("a form");
    let csrf = visits::client::between(form, "name=\"csrf\" value=\"", "\"").expect("a token");
    let flow = login.field("flow").expect("a flow");
    for (csrf, credential, handle, status) in [
        ("x", "b25l", "YQ", 303),
        (csrf.as_str(), "", "", 403),
        (&csrf, "b25l", "YW1hcnRpbg", 403),
        (&csrf, "%%%", "%%%", 403),
        (&csrf, &"A".repeat(30_000), &"A".repeat(30_000), 403),
    ] {
        let sent = [
            ("csrf", csrf),
            ("flow", &flow),
            ("credential", credential),
            ("user_handle", handle),
        ];
        assert_eq!(
            client.post(&action, &sent).status,
            status,
            "{credential:.9}"
        );
    }
    assert_eq!(client.open("/portail/").user(), None);
    // Nor does a passkey that nobody made count at the account's page.
    let page = client.choose(&client.open("/compte/passkeys"), "personnel");
    let page = client.sign_in(&page, "cdupont", PASSWORD);
    let page = client.follow(client.deliver(&page));
    assert!(
        page.body.contains("data-without-passkey"),
        "other ways are named: {}",
        page.body
    );
    let form = page.body.split("data-passkey=").nth(1).expect("a form");
    let csrf = visits::client::between(form, "name=\"csrf\" value=\"", "\"").expect("a token");
    for csrf in ["x", &csrf] {
        let told = client.post("/compte/passkeys", &[("csrf", csrf), ("key", "a2V5")]);
        assert!(told.body.contains("role=\"alert\""), "{}", told.body);
    }
    assert_eq!(house.client().get("/compte/passkeys").status, 303);
}
