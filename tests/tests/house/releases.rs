//! What a service receives, and who decided it.

use std::io::Write;
use std::process::Stdio;

use saml::attribute;
use saml::request::NameIdPolicy;
use saml::{AuthnRequest, NameIdFormat};
use visits::{House, Partner};

const CATEGORY: &str = "http://macedir.org/entity-category";
const SIGNAL: &str = "urn:oasis:names:tc:SAML:profiles:subject-id:req";

fn names(login: &saml::response::Login) -> Vec<&str> {
    login.attributes.iter().map(|a| a.name.as_str()).collect()
}

#[test]
fn r02_a_service_of_a_category_receives_its_bundle() {
    let house = House::start();
    let partner =
        Partner::new("anonymous.example").with(CATEGORY, "https://refeds.org/category/anonymous");
    partner.register(&house, &[]);
    let login = partner.sign_on(&house, &house.client(), "amartin");
    assert_eq!(
        names(&login),
        [
            attribute::SCOPED_AFFILIATION.name,
            attribute::HOME_ORGANIZATION.name
        ]
    );
    assert_eq!(
        login.value(attribute::HOME_ORGANIZATION.name),
        Some("ac-demo.example")
    );
}

#[test]
fn r03_requested_attributes_count_for_what_the_operator_says() {
    let house = House::start();
    let partner = Partner::new("asks.example")
        .asking("mail", true)
        .asking("sn", false);
    partner.register(
        &house,
        &[
            "--attribute",
            "rne",
            "--withhold",
            "sn",
            "--name-style",
            "friendly",
        ],
    );
    let login = partner.sign_on(&house, &house.client(), "amartin");
    assert_eq!(names(&login), ["mail", "rne"]);
    assert!(login.value("mail").is_some_and(|mail| mail.contains('@')));
}

#[test]
fn p11_the_identifier_that_a_service_signals_is_what_it_receives() {
    let house = House::start();
    let client = house.client();
    for (signal, expected) in [
        ("subject-id", attribute::SUBJECT_ID),
        ("any", attribute::PAIRWISE_ID),
    ] {
        let partner = Partner::new(&format!("{signal}.example")).with(SIGNAL, signal);
        partner.register(&house, &[]);
        let login = partner.sign_on(&house, &client, "amartin");
        assert_eq!(names(&login), [expected.name], "{signal}");
    }
}

#[test]
fn p10_p12_name_identifiers_are_what_the_service_and_the_operator_want() {
    let house = House::start();
    let client = house.client();
    let one = Partner::new("one.example").asking("mail", false);
    one.register(&house, &[]);
    let asked = |partner: &Partner, format: Option<NameIdFormat>| {
        let request = AuthnRequest {
            name_id_policy: format.map(|format| NameIdPolicy {
                format: Some(format),
                allow_create: true,
                sp_name_qualifier: None,
            }),
            ..partner.request(&house)
        };
        let page = client.open(&partner.address(&house, &request));
        let page = if page.action("name=\"password\"").is_some() {
            client.sign_in(&page, "amartin", visits::PASSWORD)
        } else {
            page
        };
        (page, request.id)
    };
    let named = |partner: &Partner, format: Option<NameIdFormat>| {
        let (page, request) = asked(partner, format);
        partner.receive(&house, &page, Some(&request)).name_id
    };
    let lasting = named(&one, Some(NameIdFormat::Persistent)).unwrap();
    assert_eq!(lasting.format, NameIdFormat::Persistent);
    assert_eq!(
        named(&one, Some(NameIdFormat::Persistent)).unwrap(),
        lasting
    );
    let mail = named(&one, Some(NameIdFormat::EmailAddress)).unwrap();
    assert!(mail.value.ends_with("@ac-demo.example"), "{mail:?}");
    assert_eq!(named(&one, None).unwrap().format, NameIdFormat::Transient);

    let other = Partner::new("other.example");
    other.register(&house, &["--name-id", "none"]);
    assert_eq!(named(&other, None), None, "no name identifier at all");
    let theirs = named(&other, Some(NameIdFormat::Persistent)).unwrap();
    assert_ne!(theirs.value, lasting.value, "nobody can compare");
    for impossible in [
        // It does not receive the address as an attribute.
        NameIdFormat::EmailAddress,
        NameIdFormat::Other("urn:nobody:knows".to_owned()),
    ] {
        let (page, _) = asked(&other, Some(impossible));
        let answer = visits::partner::decoded(&page.field("SAMLResponse").unwrap());
        assert!(answer.contains("status:InvalidNameIDPolicy"), "{answer}");
    }
}

#[test]
fn r04_the_catalogue_goes_out_under_its_own_names_and_formats() {
    let house = House::start();
    let mut everything = Partner::new("everything.example");
    for wire in attribute::ALL {
        everything = everything.asking(wire.short, false);
    }
    everything.register(&house, &["--missing", "send"]);
    let login = everything.sign_on(&house, &house.client(), "bleroy");
    let sent = |name: &str| login.attributes.iter().find(|one| one.name == name);
    for (short, name, format, value) in [
        ("uid", "urn:oid:0.9.2342.19200300.100.1.1", "uri", "bleroy"),
        (
            "schacHomeOrganization",
            "urn:oid:1.3.6.1.4.1.25178.1.2.9",
            "uri",
            "ac-demo.example",
        ),
        (
            "eduPersonPrincipalName",
            "urn:oid:1.3.6.1.4.1.5923.1.1.1.6",
            "uri",
            "bleroy@ac-demo.example",
        ),
        ("ct-remote-user", "ct-remote-user", "basic", "bleroy"),
        ("FrEduFonctAdm", "FrEduFonctAdm", "basic", "DEC"),
        ("title", "urn:oid:2.5.4.12", "uri", "DEC"),
        ("title", "title", "basic", "DEC"),
    ] {
        let one = sent(name).unwrap_or_else(|| panic!("{name} is missing: {login:?}"));
        assert_eq!(one.friendly_name.as_deref(), Some(short));
        assert!(
            one.name_format
                .ends_with(&format!("attrname-format:{format}"))
        );
        assert_eq!(one.values, [value], "{name}");
    }
    let places = &sent("FrEduRne").unwrap().values;
    assert!(
        places.iter().all(|one| one.contains("$UAJ$PU$DEC$")),
        "{places:?}"
    );
    assert!(!sent("FrEduRneResp").unwrap().values.is_empty());
    assert!(login.attributes.len() >= 30, "{}", login.attributes.len());
    for absent in [
        "employeeNumber",
        "schacDateOfBirth",
        "FrEduCtId",
        "FrEduGestResp",
        "supannCodeINE",
    ] {
        let wire = attribute::find(absent).unwrap();
        assert!(sent(wire.name).is_none(), "{absent}");
    }
    assert!(login.attributes.iter().all(|one| one.values != ["X"]));
}

#[test]
fn r04_r05_values_are_said_otherwise_but_never_with_a_foreign_scope() {
    let services = tempfile::NamedTempFile::new().unwrap();
    let text = "[\"https://scopes.example/sp\"]\n\
        attributes = [\"eduPersonPrincipalName\", \"subject-id\", \"FrEduGestResp\", \"ctgrps\"]\n\
        legacy = true\n\
        [\"https://scopes.example/sp\".values.eduPersonPrincipalName]\n\
        \"amartin@ac-demo.example\" = \"rector@elsewhere.example\"\n";
    std::fs::write(services.path(), text).unwrap();
    let path = services.path().display().to_string();
    let house = House::with(&[("EDULINE__IDP__SERVICES", &path)]);
    let partner = Partner::new("scopes.example");
    partner.register(&house, &[]);
    let metadata = house.client().get("/idp/personnel/metadata").body;
    assert!(
        metadata.contains(">ac-demo.example</shibmd:Scope>"),
        "{metadata}"
    );
    let login = partner.sign_on(&house, &house.client(), "amartin");
    assert_eq!(login.value(attribute::PRINCIPAL_NAME.name), None);
    let subject = login.value(attribute::SUBJECT_ID.name).unwrap();
    assert!(subject.ends_with("@ac-demo.example"), "{subject}");
    assert_eq!(login.value("FrEduGestResp"), Some("X"), "{login:?}");
    assert!(house.journal().iter().any(|line| {
        line["event"] == "idp.release.foreign-scope"
            && line["attributes"] == "eduPersonPrincipalName"
            && line["sp"] == partner.id.as_str()
    }));
}

#[test]
fn r10_people_are_the_same_when_the_house_moves_to_another_address() {
    let mut house = House::start();
    let partner = Partner::new("lasting.example")
        .asking("pairwise-id", true)
        .asking("subject-id", true);
    partner.register(&house, &[]);
    let said = |house: &House| {
        let login = partner.sign_on(house, &house.client(), "amartin");
        let value = |wire: attribute::Wire| login.value(wire.name).unwrap().to_owned();
        (value(attribute::PAIRWISE_ID), value(attribute::SUBJECT_ID))
    };
    let before = said(&house);
    house.stop();
    // Another port is another public URL, another entityID of ours and other addresses.
    house.port = visits::process::free_port();
    house.open();
    assert_eq!(said(&house), before);
}

#[test]
fn p14_a_comparison_other_than_exact_is_answered_with_no_authn_context() {
    let house = House::start();
    let client = house.client();
    let partner = Partner::new("comparing.example");
    partner.register(&house, &[]);
    for (exact, class) in [(false, saml::names::PASSWORD), (true, "urn:nobody:knows")] {
        let request = AuthnRequest {
            requested_context: Some(saml::request::RequestedContext {
                exact,
                classes: vec![class.to_owned()],
            }),
            ..partner.request(&house)
        };
        let page = client.open(&partner.address(&house, &request));
        let field = page.field("SAMLResponse");
        let answer = visits::partner::decoded(&field.unwrap_or_else(|| panic!("{}", page.body)));
        assert!(answer.contains("status:NoAuthnContext"), "{answer}");
        assert!(!answer.contains("Assertion "), "{answer}");
    }
}

#[test]
fn r09_what_would_be_sent_is_shown_before_anybody_signs_in() {
    let house = House::start();
    let partner = Partner::new("preview.example")
        .asking("mail", true)
        .asking("sn", false);
    partner.register(&house, &["--attribute", "rne", "--withhold", "sn"]);
    let preview = |user: &str| -> serde_json::Value {
        let output = house.run(&["sp", "preview", user, partner.id.as_str(), "--json"]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let shown = preview("amartin");
    let find = |shown: &serde_json::Value, name: &str| {
        let all = shown["attributes"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).cloned().unwrap()
    };
    assert_eq!(find(&shown, "mail")["required"], true);
    assert!(
        find(&shown, "mail")["values"][0]
            .as_str()
            .unwrap()
            .contains('@')
    );
    assert_eq!(find(&shown, "sn")["held_back"], "withheld");
    assert!(
        find(&shown, "rne")["rule"]
            .as_str()
            .unwrap()
            .contains("operator")
    );
    assert_eq!(
        find(&preview("eleve/jeanne.b"), "mail")["held_back"],
        "minor"
    );

    // The same as a sign-on sends.
    let login = partner.sign_on(&house, &house.client(), "amartin");
    assert_eq!(
        login.value(attribute::MAIL.name),
        find(&shown, "mail")["values"][0].as_str()
    );
    assert_eq!(names(&login).len(), 2);

    for (user, id) in [
        ("nobody", partner.id.as_str()),
        ("nowhere/amartin", partner.id.as_str()),
        ("amartin", "https://nobody.example"),
    ] {
        let refused = house.run(&["sp", "preview", user, id]);
        assert_eq!(refused.status.code(), Some(1), "{user} {id}");
        assert!(!refused.stderr.is_empty());
    }
}

#[test]
fn decisions_are_read_from_the_file_of_services_and_checked() {
    let house = House::start();
    let refused = house.run(&["sp", "add", "/dev/null", "--name-style", "urn"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("urn"));

    let services = house.data.path().join("services.toml");
    let setting = services.display().to_string();
    let check = |text: &str| {
        std::fs::write(&services, text).unwrap();
        let output = house
            .command(&["check"])
            .env("EDULINE__IDP__SERVICES", &setting)
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    assert_eq!(
        check("[\"https://a.example/sp\"]\nname_id = \"none\"\n").0,
        Some(0)
    );
    let (code, said) = check("\n[\"https://a.example/sp\"]\nattributes = [\"shoe\"]\n");
    assert_eq!(code, Some(1));
    assert!(
        said.contains("services.toml") && said.contains("shoe"),
        "{said}"
    );
}

/// SDP-G02: 256 characters, however many bytes they take; what is longer is left out, never cut.
#[test]
fn r01_no_value_longer_than_every_service_must_take_is_sent() {
    let house = House::start();
    let (given, surname) = ("é".repeat(200), "É".repeat(256));
    let mut made = house
        .command(&["account", "add", "personnel", "zlong", "--password-stdin"])
        .args(["--given-name", &given, "--surname", &surname])
        .args(["--post", "enseignant_1d:9990101F:École Jules-Ferry"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut typed = made.stdin.take().unwrap();
    typed.write_all(visits::PASSWORD.as_bytes()).unwrap();
    drop(typed);
    assert!(made.wait().unwrap().success());
    let partner = Partner::new("long.example")
        .asking("givenName", false)
        .asking("displayName", false)
        .asking("sn", false);
    partner.register(&house, &[]);
    let login = partner.sign_on(&house, &house.client(), "zlong");
    assert_eq!(
        names(&login),
        [attribute::GIVEN_NAME.name, attribute::SN.name]
    );
    assert_eq!(login.value(attribute::SN.name), Some(surname.as_str()));
    let preview = house.run(&["sp", "preview", "zlong", partner.id.as_str()]);
    let said = String::from_utf8_lossy(&preview.stdout);
    assert!(said.contains("longer than 256 characters"), "{said}");
}
