//! Lines of both deployment profiles that no other story shows: what our services ask for and take,
//! what attributes are called, what messages of logout look like.

use saml::logout::{LogoutRequest, LogoutResponse, LogoutResponseExpected, Notice};
use saml::names::{PASSWORD as PASSWORD_CONTEXT, REFEDS_MFA};
use saml::response::NameId;
use saml::{Binding, EntityId, NameIdFormat, Received};
use visits::client::{between, form};
use visits::partner::decoded;
use visits::{Answer, Client, House, PASSWORD, Partner, Phone, forge};

/// What `config/demo/accounts.csv` gives epetit.
const SEED: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

/// IIP-SP03, IIP-SP06, IIP-SP07, SDP-SP11.
#[test]
fn t13_the_portal_asks_for_a_way_of_signing_on_and_takes_no_other() {
    let house = House::with(&[
        (
            "EDULINE__PORTAL__CONTEXTS",
            "urn:example:stronger,https://refeds.org/profile/mfa",
        ),
        ("EDULINE__PORTAL__NAME_ID_POLICY", "true"),
    ]);
    let provider = form(&[("entityID", &house.at("/idp/personnel"))]);
    let login = format!("/portail/login?{provider}");
    let xml = forge::request_in(house.client().get(&login).location());
    for part in [
        "<samlp:NameIDPolicy AllowCreate=\"true\">",
        "Comparison=\"exact\"",
        ">urn:example:stronger</saml:AuthnContextClassRef>",
        ">https://refeds.org/profile/mfa</saml:AuthnContextClassRef>",
    ] {
        assert!(xml.contains(part), "{part}: {xml}");
    }
    // Who cannot prove it: the provider says no, and the portal says so, with a way on.
    let client = house.client();
    let page = client.sign_in(&client.open(&login), "amartin", PASSWORD);
    let refused = client.deliver(&page);
    assert_eq!(
        (refused.status, refused.user()),
        (403, None),
        "{}",
        refused.body
    );
    assert_eq!(refused.code().as_deref(), Some("EDU-2502"));
    let way_on = visits::client::unescape(&refused.body);
    assert!(way_on.contains("href=\"/portail/login?"), "{way_on}");
    // Who can is in.
    let client = house.client();
    let asked = client.sign_in(&client.open(&login), "epetit", PASSWORD);
    let field = |name: &str| asked.field(name).unwrap_or_default();
    let code = Phone::with(SEED).code();
    let fields = [
        ("csrf", field("csrf")),
        ("flow", field("flow")),
        ("sp", field("sp")),
        ("otp", code),
    ];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let action = asked.action("name=\"otp\"").expect("a code is asked");
    let page = client.deliver(&client.follow(client.post(&action, &fields)));
    assert_eq!(page.user().as_deref(), Some("epetit"), "{}", page.body);
    // An answer that is genuine in every other way.
    let client = house.client();
    let answer = forge::attempt(&house, &client);
    let xml = answer.compose(&forge::key(&house, "idp-personnel"));
    assert!(xml.contains(PASSWORD_CONTEXT) && !xml.contains(REFEDS_MFA));
    let posted = [("SAMLResponse", forge::base64(&xml))];
    let posted = posted
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let refused = client.follow(client.post("/portail/saml/acs", &posted));
    assert_eq!(
        refused.code().as_deref(),
        Some("EDU-7019"),
        "{}",
        refused.body
    );
    assert_eq!(
        (refused.status, client.get("/portail/").user()),
        (403, None)
    );
    // What is no context is refused at the door.
    let check = |value: &str| {
        let mut command = house.command(&["check"]);
        let command = command.env("EDULINE__PORTAL__CONTEXTS", value);
        command.output().unwrap().status.code()
    };
    assert_eq!(
        (check("mfa"), check("urn:a,<b:c>"), check("urn:a")),
        (Some(1), Some(1), Some(0))
    );
}

/// IIP-IDP01, IIP-IDP02, SDP-IDP18 to SDP-IDP20.
#[test]
fn r04_an_attribute_has_the_name_and_format_its_service_knows() {
    let services = tempfile::NamedTempFile::new().unwrap();
    let uri = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri";
    let text = format!(
        "[\"https://named.example/sp\"]\nattributes = [\"mail\", \"FrEduRne\", \"sn\"]\n\
         [\"https://named.example/sp\".names.mail]\nname = \"http://claims.example/mail\"\n\
         [\"https://named.example/sp\".names.FrEduRne]\nname = \"urn:example:places\"\n\
         format = \"{uri}\"\n"
    );
    std::fs::write(services.path(), text).unwrap();
    let path = services.path().display().to_string();
    let house = House::with(&[("EDULINE__IDP__SERVICES", &path)]);
    let (named, other) = (Partner::new("named.example"), Partner::new("plain.example"));
    let other = other
        .asking("mail", true)
        .asking("eduPersonAffiliation", true);
    named.register(&house, &[]);
    other.register(&house, &[]);
    let received = |partner: &Partner| {
        let client = house.client();
        let page = client.open(&partner.address(&house, &partner.request(&house)));
        let page = client.sign_in(&page, "cdupont", PASSWORD);
        decoded(&page.field("SAMLResponse").expect("an answer"))
    };
    let xml = received(&named);
    for (name, value) in [
        (
            "http://claims.example/mail",
            "camille.dupont@ac-demo.example",
        ),
        ("urn:example:places", "9990203S"),
        (saml::attribute::SN.name, "Dupont"),
    ] {
        let attribute = format!("Name=\"{name}\" NameFormat=\"{uri}\"");
        let said = between(&xml, &attribute, "</saml:Attribute>");
        let said = said.unwrap_or_else(|| panic!("{attribute}: {xml}"));
        assert!(said.contains(value), "{said}");
    }
    let xml = received(&other);
    assert!(!xml.contains("claims.example"), "by service: {xml}");
    // Standard attributes have names that are addresses; every value is one text, several values are
    // several elements.
    let document = roxmltree::Document::parse(&xml).unwrap();
    let elements = |name: &'static str| {
        let all = document.descendants();
        all.filter(move |node| node.tag_name().name() == name)
    };
    let mut several = 0;
    for attribute in elements("Attribute") {
        assert_eq!(attribute.attribute("NameFormat"), Some(uri));
        several = several.max(attribute.children().count());
    }
    assert!(several > 1, "{xml}");
    for value in elements("AttributeValue") {
        let parts: Vec<_> = value.children().collect();
        assert_eq!(parts.len(), 1, "{xml}");
        assert!(parts[0].is_text());
    }
    // A name that is none is refused at the door.
    std::fs::write(
        services.path(),
        "[\"https://a.example\".names.mail]\nname = \" \"\n",
    )
    .unwrap();
    let check = house.run(&["check"]);
    assert_eq!(check.status.code(), Some(1));
}

/// Leaves the readable assertion of one sign-on at the portal with its browser.
fn at_the_portal(house: &House) -> (Client, NameId, String) {
    let client = house.client();
    let login = client.choose(&client.open("/portail/"), "personnel");
    let answer = client.sign_in(&login, "amartin", PASSWORD);
    let xml = decoded(&answer.field("SAMLResponse").expect("an answer"));
    client.deliver(&answer);
    let tag = between(&xml, "<saml:NameID ", "</saml:NameID>").expect("readable");
    let part = |name: &str| between(&tag, &format!(" {name}=\""), "\"");
    let name_id = NameId {
        value: tag.rsplit('>').next().unwrap().to_owned(),
        format: NameIdFormat::Transient,
        name_qualifier: part("NameQualifier").or_else(|| between(&tag, "NameQualifier=\"", "\"")),
        sp_name_qualifier: part("SPNameQualifier"),
    };
    let index = between(&xml, "SessionIndex=\"", "\"").expect("an index");
    (client, name_id, index)
}

/// SDP-SP26, SDP-SP30, SDP-SP31, SDP-SP33, SDP-IDP27.
#[test]
fn s02_what_is_said_of_a_logout_is_signed_goes_by_redirect_and_names_in_clear() {
    let services = tempfile::NamedTempFile::new().unwrap();
    let text = "[\"{public_url}/portail\"]\nencrypt = \"never\"\n";
    std::fs::write(services.path(), text).unwrap();
    let path = services.path().display().to_string();
    let house = House::with(&[("EDULINE__IDP__SERVICES", &path)]);
    let us = EntityId::parse(&house.at("/idp/personnel")).unwrap();
    let portal = EntityId::parse(&house.at("/portail")).unwrap();
    // The provider tells the portal by Redirect; it ends its session and answers so.
    let (client, name_id, session_index) = at_the_portal(&house);
    let to = house.at("/portail/saml/slo");
    let request = LogoutRequest {
        id: forge::random_id(),
        issue_instant: forge::now(),
        issuer: us.clone(),
        destination: Some(to.clone()),
        not_on_or_after: None,
        reason: None,
        name_id,
        session_indexes: vec![session_index],
        asynchronous: false,
    };
    let key = forge::key(&house, "idp-personnel");
    let address = saml::redirect::compose(&request, &to, Some("state"), &key).unwrap();
    assert_eq!(client.get("/portail/").user().as_deref(), Some("amartin"));
    let answer = client.get(&address);
    assert_eq!(client.get("/portail/").user(), None);
    let back = house.at("/idp/personnel/slo/redirect");
    let (at, query) = answer.location().split_once('?').expect("a query");
    assert_eq!(at, back);
    assert!(query.contains("&RelayState=state&") && query.contains("&Signature="));
    let Ok(Notice::Response(received)) = Notice::from_query(query) else {
        panic!("no answer: {query}");
    };
    let expected = LogoutResponseExpected {
        issuer: &portal,
        in_response_to: &request.id,
        destination: &back,
        binding: Binding::Redirect,
        now: forge::now(),
    };
    let received: Received<LogoutResponse> = received;
    let portals = [forge::key(&house, "portail").verifying()];
    let read = received
        .verify(&portals)
        .unwrap()
        .accept(&expected)
        .unwrap();
    assert!(read.message().status.code.ends_with(":Success"));

    // The portal asks: the name as it was given, readable.
    let (client, name_id, _) = at_the_portal(&house);
    let csrf = client.get("/portail/logout").field("csrf").expect("a form");
    let left = client.post("/portail/logout", &[("csrf", &csrf)]);
    let xml = forge::request_in(client.get(&everywhere(&left)).location());
    assert!(
        xml.contains(&format!(">{}</saml:NameID>", name_id.value)),
        "{xml}"
    );
    assert!(!xml.contains("EncryptedID"), "{xml}");

    // The provider asks a service by Redirect: likewise.
    let mut partner = Partner::new("leaving.example");
    partner.slo = vec![Binding::Redirect];
    partner.register(&house, &[]);
    let client = house.client();
    let login = partner.sign_on(&house, &client, "amartin");
    let csrf = client.get("/idp/personnel/logout").field("csrf").unwrap();
    let page = client.follow(client.post("/idp/personnel/logout", &[("csrf", &csrf)]));
    let body = visits::client::unescape(&page.body);
    let next = between(&body, "href=\"/idp/personnel/logout/next", "\"").expect("a link");
    let sent = client.get(&format!("/idp/personnel/logout/next{next}"));
    let xml = forge::request_in(sent.location());
    let name = login.name_id.expect("a name").value;
    assert!(xml.contains(&format!(">{name}</saml:NameID>")), "{xml}");
    assert!(!xml.contains("EncryptedID") && sent.location().contains("&Signature="));
}

fn everywhere(left: &Answer) -> String {
    let body = visits::client::unescape(&left.body);
    let rest = between(&body, "href=\"/portail/logout/everywhere", "\"").expect("a link");
    format!("/portail/logout/everywhere{rest}")
}
