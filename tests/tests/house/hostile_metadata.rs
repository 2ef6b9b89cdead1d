//! Metadata that is signed and means harm: what it says of itself is text, leads nowhere, and costs
//! nobody else anything.

use std::fmt::Write;

use saml::metadata::{Localized, Ui};
use visits::client::{form, unescape};
use visits::{Answer, Client, House, PASSWORD, Partner, process};

use crate::search::{aggregate, configuration, idp, json, open, publish, wait_for};

/// Out of a text, out of an attribute, out of a script.
const SCRIPT: &str =
    "zzevil\"'></title></script><script>alert(1)</script><img src=x onerror=alert(1)>";
/// What leads nowhere, however it is written.
const ADDRESSES: [&str; 5] = [
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:alert(1)",
    "//evil.example/x",
];

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

/// Everything a provider may show of itself says `text`, and so does its name in the federation.
fn provider(text: &str, address: &str) -> String {
    let (text, address) = (escaped(text), escaped(address));
    let mut more = String::new();
    for (name, says) in [
        ("Description", &text),
        ("InformationURL", &address),
        ("PrivacyStatementURL", &address),
    ] {
        write!(more, "<mdui:{name} xml:lang=\"fr\">{says}</mdui:{name}>").unwrap();
    }
    let logo = format!("<mdui:Logo height=\"60\" width=\"80\">{address}</mdui:Logo>");
    let hints = format!(
        "<mdui:DiscoHints><mdui:IPHint>{text}</mdui:IPHint><mdui:DomainHint>{text}</mdui:DomainHint>\
         <mdui:GeolocationHint>{text}</mdui:GeolocationHint></mdui:DiscoHints>"
    );
    let organisation = format!(
        "<md:Organization><md:OrganizationName xml:lang=\"fr\">{text}</md:OrganizationName>\
         <md:OrganizationDisplayName xml:lang=\"fr\">{text}</md:OrganizationDisplayName>\
         <md:OrganizationURL xml:lang=\"fr\">{address}</md:OrganizationURL></md:Organization>"
    );
    let names = [("fr", text.as_str()), ("en", text.as_str())];
    let xml = aggregate(&[idp("evil.example", &names, "")]);
    let scope: String = text.split(' ').collect();
    xml.replace(
        "</mdui:UIInfo>",
        &format!("<mdui:Keywords xml:lang=\"{text}\">{text}</mdui:Keywords>{more}{logo}</mdui:UIInfo>{hints}"),
    )
    .replace(">evil.example</shibmd:Scope>", &format!(">{scope}</shibmd:Scope>"))
    .replace(
        "entityID=\"https://evil.example/idp\"",
        &format!("entityID=\"https://evil.example/{scope}\""),
    )
    .replace("</md:EntityDescriptor>", &format!("{organisation}</md:EntityDescriptor>"))
}

/// A service that says so of itself, where people are shown it.
fn service(text: &str, address: &str) -> Partner {
    let said = |text: &str| {
        ["fr", "en"].map(|lang| Localized {
            lang: lang.to_owned(),
            text: text.to_owned(),
        })
    };
    let mut partner = Partner::new("evil.example").asking("mail", true);
    partner.discovery = Some("https://evil.example/login".to_owned());
    partner.ui = Ui {
        display_names: said(text).into(),
        descriptions: said(text).into(),
        keywords: said(text).into(),
        information_urls: said(address).into(),
        privacy_urls: said(address).into(),
        organization: Some(text.to_owned()),
        ..Ui::default()
    };
    partner
}

#[track_caller]
fn assert_text(page: &Answer) {
    assert_eq!(page.status, 200, "{}", page.body);
    let body = page.body.to_lowercase();
    for bad in ["<script>alert", "<img src=x", "<title></title"] {
        assert!(!body.contains(bad), "{bad}: {}", page.body);
    }
    for address in ["javascript:", "data:text", "vbscript:", "//evil.example/x"] {
        for name in ["href", "src", "action", "content"] {
            let unescaped = unescape(&body);
            assert!(
                !unescaped.contains(&format!("{name}=\"{address}")),
                "{}",
                page.body
            );
        }
    }
}

/// The pages that a service and its name are shown on, from the choice to what was sent.
fn pages_of(partner: &Partner, house: &House, client: &Client) -> Vec<Answer> {
    let asked = form(&[("entityID", partner.id.as_str())]);
    let choice = client.get(&format!("/wayf/?{asked}"));
    let request = partner.request(house);
    let login = client.open(&partner.address(house, &request));
    let told = client.sign_in(&login, "amartin", PASSWORD);
    vec![choice, login, told]
}

#[test]
fn d15_script_in_every_field_of_metadata_is_text_on_every_page() {
    let config = configuration();
    let house = open(config.path());
    publish(&house, "evil.xml", &provider(SCRIPT, SCRIPT));
    let partner = service(SCRIPT, SCRIPT);
    partner.register(&house, &["--information", "always"]);
    let client = house.client();
    wait_for(&client, "zzevil");
    for lang in ["fr", "en"] {
        let found = client.get(&format!("/wayf/search?q=zzevil&lang={lang}"));
        assert_text(&found);
        assert!(found.body.contains("&lt;script&gt;alert"), "{}", found.body);
    }
    // For programs it is what it is, and no browser takes it for a page.
    for path in ["/wayf/search?q=zzevil", "/wayf/feed"] {
        let told = client.get_with(path, &[("accept", "application/json")]);
        assert_eq!(told.header("content-type"), Some("application/json"));
        assert_eq!(told.header("x-content-type-options"), Some("nosniff"));
        assert!(told.body.contains("zzevil"), "{path}");
    }
    for page in pages_of(&partner, &house, &client) {
        assert_text(&page);
        assert!(page.body.contains("zzevil"), "it is shown: {}", page.body);
    }
}

#[test]
fn d15_addresses_of_metadata_that_are_none_of_the_web_lead_nowhere() {
    let config = configuration();
    let house = open(config.path());
    for (number, address) in ADDRESSES.iter().enumerate() {
        let name = format!("zzlead{number}");
        let xml =
            provider(&name, address).replace("evil.example", &format!("evil{number}.example"));
        publish(&house, &format!("{name}.xml"), &xml);
        let mut partner = service(&name, address);
        let id = format!("https://evil{number}.example/sp");
        partner.id = saml::EntityId::parse(&id).unwrap();
        partner.register(&house, &["--information", "always"]);
        let client = house.client();
        wait_for(&client, &name);
        assert_text(&client.get(&format!("/wayf/search?q={name}")));
        let pages = pages_of(&partner, &house, &client);
        assert!(
            pages[2].body.contains("name=\"shown\""),
            "{}",
            pages[2].body
        );
        for page in pages {
            assert_text(&page);
        }
    }
}

#[test]
fn d09_ten_thousand_keywords_and_fifty_megabytes_of_logo_are_nobody_elses_burden() {
    let config = configuration();
    let house = open(config.path());
    let client = house.client();
    let words: Vec<String> = (0..10_000).map(|number| format!("kw{number}")).collect();
    let words = words.join(" ");
    let many = [
        idp("many.example", &[("fr", "Institut Bavard")], &words),
        idp("quiet.example", &[("fr", "Institut Discret")], "kw9999"),
    ];
    publish(&house, "many.xml", &aggregate(&many));
    wait_for(&client, "institut discret");
    let names = |query: &str| -> Vec<String> {
        let found = json(&client, &form(&[("q", query), ("lang", "fr")]));
        let results = found["results"].as_array().unwrap().iter();
        results
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names("institut bavard"), ["Institut Bavard"]);
    assert_eq!(
        names("kw9999"),
        ["Institut Discret"],
        "whoever shouts is not heard more"
    );
    let page = client.get("/wayf/search?q=institut");
    assert!(page.body.len() < 30_000, "{}", page.body.len());

    let (_, before) = process::memory_kb(house.pid());
    let logo = "A".repeat(50 << 20);
    let heavy = aggregate(&[idp("heavy.example", &[("fr", "Institut Lourd")], "")]).replace(
        "</mdui:UIInfo>",
        &format!("<mdui:Logo height=\"60\" width=\"80\">data:image/png;base64,{logo}</mdui:Logo></mdui:UIInfo>"),
    );
    publish(&house, "heavy.xml", &heavy);
    publish(
        &house,
        "light.xml",
        &aggregate(&[idp("light.example", &[("fr", "Institut Léger")], "")]),
    );
    wait_for(&client, "institut léger");
    assert_eq!(names("lourd"), Vec::<String>::new(), "it is left out alone");
    assert_eq!(names("institut discret"), ["Institut Discret"]);
    let (_, after) = process::memory_kb(house.pid());
    assert!(after < before + 30_000, "{before} kB, then {after} kB");
}
