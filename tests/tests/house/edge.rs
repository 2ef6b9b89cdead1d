//! What every answer carries, and what no answer shows.

use visits::{House, PASSWORD};

#[test]
fn h10_every_page_carries_the_headers() {
    let house = House::start();
    let client = house.client();
    client.arrive("personnel", "amartin");
    for path in [
        "/wayf/",
        "/portail/",
        "/portail/applications",
        "/idp/personnel/login",
        "/magistere/saml/acs",
        "/nowhere",
        "/portail/logout",
        "/idp/personnel/metadata",
    ] {
        let answer = client.get(path);
        let header = |name: &str| {
            answer
                .header(name)
                .unwrap_or_else(|| panic!("{path}: no {name}"))
                .to_owned()
        };
        let csp = header("content-security-policy");
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action",
        ] {
            assert!(csp.contains(part), "{path}: {csp}");
        }
        assert!(!csp.contains("unsafe"), "{path}: {csp}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert!(
            path.ends_with("metadata") || header("cache-control").contains("no-store"),
            "{path}: {}",
            header("cache-control")
        );
        assert_eq!(
            answer.header("strict-transport-security"),
            None,
            "plain http promises nothing"
        );
        assert!(
            !answer.body.contains("<style") && !answer.body.contains(" style="),
            "{path}"
        );
        assert!(
            !answer.body.contains("<script>") && !answer.body.contains(" onload="),
            "{path}"
        );
    }
}

#[test]
fn h10_the_answer_may_be_posted_to_its_own_address_only() {
    let house = House::start();
    let client = house.client();
    let login = client.choose(&client.open("/portail/"), "personnel");
    let page = client.sign_in(&login, "amartin", PASSWORD);
    let csp = page.header("content-security-policy").unwrap();
    let actions = csp
        .split(';')
        .find(|part| part.trim().starts_with("form-action"))
        .unwrap();
    assert_eq!(
        actions.split_whitespace().skip(1).collect::<Vec<_>>(),
        [house.at("/portail/saml/acs").as_str()]
    );
}

#[test]
fn h09_cookies_are_ours_alone() {
    let house = House::start();
    let client = house.client();
    let mut seen = 0;
    let wayf = client.open("/portail/");
    let login = client.choose(&wayf, "personnel");
    let csrf = login.field("csrf").unwrap();
    let flow = login.field("flow").unwrap();
    let action = login.action("name=\"password\"").unwrap();
    let fields = [
        ("csrf", csrf.as_str()),
        ("flow", &flow),
        ("username", "amartin"),
        ("password", PASSWORD),
    ];
    for answer in [
        house.client().get("/wayf/"),
        house.client().get("/portail/"),
        client.post(&action, &fields),
    ] {
        for (_, line) in answer
            .headers
            .iter()
            .filter(|(name, _)| name == "set-cookie")
        {
            seen += 1;
            let line = line.to_ascii_lowercase();
            assert!(line.contains("httponly"), "{line}");
            assert!(
                line.contains("samesite=lax") || line.contains("samesite=strict"),
                "{line}"
            );
            assert!(line.contains("path=/"), "{line}");
            assert!(!line.contains("domain="), "{line}");
        }
    }
    assert!(seen >= 3, "{seen} cookies");
}

#[test]
fn addresses_come_from_the_settings_never_from_the_request() {
    let house = House::start();
    let client = house.client();
    for headers in [
        [("host", "evil.example")],
        [("x-forwarded-host", "evil.example")],
        [("forwarded", "host=evil.example;proto=https")],
        [("x-forwarded-proto", "https")],
    ] {
        for path in ["/portail/", "/idp/personnel/metadata", "/wayf/", "/nowhere"] {
            let answer = client.get_with(path, &headers);
            assert!(!answer.body.contains("evil.example"), "{path} {headers:?}");
            assert!(
                answer
                    .header("location")
                    .is_none_or(|to| to.starts_with(&house.url()) || to.starts_with('/')),
                "{path} {headers:?}"
            );
        }
    }
}

#[test]
fn csrf_a_form_of_another_site_changes_nothing() {
    let house = House::start();
    let client = house.client();
    client.arrive("personnel", "amartin");
    for token in ["", "x"] {
        client.post("/portail/logout", &[("csrf", token)]);
        assert_eq!(
            client.get("/portail/").user().as_deref(),
            Some("amartin"),
            "still signed in"
        );
    }
    // The token of another browser is no better.
    let other = house.client();
    other.arrive("personnel", "bleroy");
    let foreign = other.get("/portail/").field("csrf").expect("a token");
    client.post("/portail/logout", &[("csrf", &foreign)]);
    assert_eq!(client.get("/portail/").user().as_deref(), Some("amartin"));
    // And the right token from the wrong place.
    let own = client.get("/portail/").field("csrf").expect("a token");
    let body = visits::client::form(&[("csrf", &own)]);
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://evil.example"),
    ];
    client
        .send("POST", "/portail/logout", &headers, Some(body.as_bytes()))
        .unwrap();
    assert_eq!(client.get("/portail/").user().as_deref(), Some("amartin"));
    client.post("/portail/logout", &[("csrf", &own)]);
    assert_eq!(
        client.get("/portail/").status,
        303,
        "the right token from the right place works"
    );
}

#[test]
fn sessions_are_renewed_at_sign_in() {
    let house = House::start();
    let client = house.client();
    client.arrive("personnel", "amartin");
    let before = client.cookies();
    client.set_cookie("fixed", "kept");
    client.arrive_again("personnel", "bleroy");
    let after = client.cookies();
    let changed = before
        .iter()
        .filter(|(name, value)| after.get(*name).is_some_and(|v| v != *value))
        .count();
    assert!(changed >= 1, "{before:?} {after:?}");
}

#[test]
fn o10_every_page_speaks_both_languages() {
    let house = House::start();
    let client = house.client();
    let french = client.open("/portail/");
    assert!(french.body.contains("lang=\"fr\"") && french.body.contains("Personnel de l"));
    let english = house
        .client()
        .get_with("/wayf/", &[("accept-language", "en-GB,en;q=0.9")]);
    assert!(
        english.body.contains("lang=\"en\"") && english.body.contains("National Education staff"),
        "{}",
        english.body
    );
    let chosen = client.get("/wayf/?lang=en");
    assert!(chosen.body.contains("lang=\"en\""));
    let kept = client.get("/wayf/");
    assert!(
        kept.body.contains("lang=\"en\""),
        "the choice is remembered"
    );
}

#[test]
fn h14_secrets_never_reach_the_journal() {
    let house = House::start();
    let client = house.client();
    let login = client.choose(&client.open("/portail/"), "personnel");
    let again = client.sign_in(&login, "amartin", "Wrong-but-secret-77");
    let answer = client.sign_in(&again, "amartin", PASSWORD);
    client.deliver(&answer);
    let text: Vec<String> = house.journal().iter().map(ToString::to_string).collect();
    assert!(text.len() > 5, "the journal tells the story");
    for secret in [PASSWORD, "Wrong-but-secret-77", "Martin", "09X"] {
        assert!(
            !text.iter().any(|line| line.contains(secret)),
            "{secret} is in the journal"
        );
    }
    for cookie in client.cookies().values().filter(|value| value.len() > 15) {
        assert!(
            !text.iter().any(|line| line.contains(cookie.as_str())),
            "a cookie is in the journal"
        );
    }
}
