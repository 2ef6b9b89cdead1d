//! The viewer: what it received, from whom, and why it believed it (X03).

use visits::browser::Kind;
use visits::client::unescape;
use visits::{Browser, Client, House, PASSWORD, forge};

/// The viewer's page of somebody who just signed on.
fn received(client: &Client, login: &str) -> String {
    let page = client.choose(&client.open("/magistere/"), "personnel");
    client.deliver(&client.sign_in(&page, login, PASSWORD));
    let page = client.get("/magistere/");
    assert_eq!(page.user().as_deref(), Some(login), "{}", page.body);
    unescape(&page.body)
}

#[test]
fn x03_the_viewer_shows_every_check_with_its_clause_and_the_key() {
    let house = House::start();
    let client = house.client();
    let page = received(&client, "amartin");
    let key = forge::key(&house, "idp-personnel").verifying();
    let provider = house.at("/idp/personnel");
    for words in [
        "anne.martin@ac-demo.example",
        provider.as_str(),
        key.fingerprint(),
        &key.certificate_fingerprint(),
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "Réponse et assertion signées",
        "L’assertion était chiffrée",
    ] {
        let words = words.replace('\'', "’");
        assert!(page.replace('\'', "’").contains(&words), "{words}: {page}");
    }
    let rules: Vec<&str> = page.split("<li class=\"").skip(1).collect();
    let rules: Vec<&str> = { rules }
        .into_iter()
        .filter(|rule| rule.contains("<span class=\"badge\">"))
        .collect();
    assert!(rules.len() >= 14, "{}: {page}", rules.len());
    assert!(rules.iter().all(|rule| rule.starts_with("holds\"")));
    // The rule, its clause, and what was found.
    for (words, clause, found) in [
        ("Signature vérifiée", "XML Signature 3.2", key.fingerprint()),
        ("(Audience)", "SAML Core 2.5.1.4", &house.at("/magistere")),
        (
            "(Destination)",
            "SAML Bindings 3.5.5.2",
            &house.at("/magistere/saml/acs"),
        ),
        ("(InResponseTo)", "SAML Profiles 4.1.4.3", "_"),
        ("Au porteur", "SAML Profiles 4.1.4.3", "/magistere/saml/acs"),
        ("pour la première fois", "SAML Profiles 4.1.4.5", "_"),
        ("Le navigateur", "SECURITY 11", ""),
    ] {
        let rule = rules.iter().find(|rule| rule.contains(words));
        let rule = rule.unwrap_or_else(|| panic!("{words}: {page}"));
        assert!(rule.contains(clause) && rule.contains(found), "{rule}");
    }
    // Nobody else's session shows anything of it, and none of it is in the journal.
    assert!(house.client().get("/magistere/").body.is_empty());
    let journal = serde_json::to_string(&house.journal()).unwrap();
    assert!(!journal.contains("anne.martin"));
}

#[test]
fn x03_what_came_unencrypted_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("services.toml");
    let said = "[\"{public_url}/magistere\"]\nencrypt = \"never\"\n";
    std::fs::write(&file, said).unwrap();
    let house = House::with(&[("EDULINE__IDP__SERVICES", &file.display().to_string())]);
    let page = received(&house.client(), "bleroy");
    assert!(page.contains("assertion n’était pas chiffrée"), "{page}");
}

#[tokio::test]
async fn x03_the_viewer_is_fine_at_both_widths() {
    let house = House::start();
    for (kind, name) in [(Kind::DESKTOP, "1280"), (Kind::PHONE.dark(), "360-dark")] {
        let browser = Browser::open(&house.url(), kind).await;
        browser.goto("/magistere/").await;
        browser.click("button[value=personnel]").await;
        browser.sign_in("amartin", PASSWORD).await;
        browser.find("#rules").await;
        browser.assert_fine(&format!("viewer {name}")).await;
        browser.picture(&format!("viewer-{name}")).await;
        browser.close().await;
    }
}
