//! Values go out and come back as they were, or do not go out at all.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use saml::metadata::{Entity, ReadPolicy};
use saml::response::{
    Attribute, ErrorPlan, Login, NameId, Response, ResponseExpected, SignWhat, Status,
};
use saml::{MessageId, NameIdFormat, Received, Refusal};

use crate::documents::{
    ACS, HARD, IDP, Key, P256, REQUEST, RSA, SP, attributes, entity, entity_attributes, id,
    identity_provider, imprint, keys, name_id, now, requested, response_about, service, ui,
};

/// Our own service receives `xml`.
fn receive(xml: &str, key: &Key) -> Result<Login, Refusal> {
    let request: MessageId = id(REQUEST);
    let expected = ResponseExpected {
        issuer: &entity(IDP),
        audience: &entity(SP),
        acs: ACS,
        in_response_to: Some(&request),
        now: now(),
    };
    Received::<Response>::from_form(&STANDARD.encode(xml))?
        .verify(&[key.signing.verifying()])?
        .accept(&expected)
        .map(saml::Accepted::into_message)
}

#[test]
fn what_we_say_is_what_we_understand() {
    for key in keys() {
        for sign in [SignWhat::Both, SignWhat::Response, SignWhat::Assertion] {
            let xml = response_about(&name_id(), &attributes(), sign, &key.signing).unwrap();
            let login = receive(&xml, key).unwrap();
            assert_eq!(login.name_id, Some(name_id()));
            assert_eq!(login.attributes, attributes());
            assert_eq!(login.session_index.as_deref(), Some(HARD));
            assert_eq!(login.session_ends, Some(now() + chrono::Duration::hours(9)));
            assert_eq!(login.signed, sign);
        }
    }
}

fn read(xml: &str, key: &Key) -> Entity {
    let policy = ReadPolicy {
        pinned: &[key.signing.verifying()],
        now: now(),
        horizon_days: Some(14),
        loopback_http: false,
    };
    let mut document = saml::metadata::read(xml, &policy).unwrap();
    assert_eq!(document.left_out, []);
    assert_eq!(document.entities.len(), 1);
    assert_eq!(document.cache_s, Some(3600));
    assert_eq!(
        document.key.as_deref(),
        Some(key.signing.verifying().fingerprint())
    );
    document.entities.remove(0)
}

/// White space around a text that people read is layout to those who show it.
fn laid_out(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shows_itself(entity: &Entity) {
    let (read, sent) = (&entity.ui, ui());
    assert_eq!(read.display_names, sent.display_names);
    assert_eq!(
        laid_out(&read.descriptions[0].text),
        laid_out(&sent.descriptions[0].text)
    );
    assert_eq!(read.logos, sent.logos);
    assert_eq!(read.information_urls, sent.information_urls);
    assert_eq!(read.privacy_urls, sent.privacy_urls);
    assert_eq!(read.technical_contact, sent.technical_contact);
    assert_eq!(read.organization, sent.organization);
    let told = entity_attributes().len() + imprint().attributes.len();
    assert_eq!(entity.attributes.len(), told);
    let registration = imprint().registration.as_ref().unwrap();
    assert_eq!(
        entity.registrar.as_deref(),
        Some(registration.authority.as_str())
    );
    assert_eq!(entity.valid_until, Some(now() + chrono::Duration::days(10)));
}

#[test]
fn an_identity_provider_comes_back_from_its_metadata() {
    for key in keys() {
        let entity = read(&identity_provider(true, &key.signing), key);
        shows_itself(&entity);
        assert_eq!(entity.id.as_str(), IDP);
        let role = entity.idp.unwrap();
        let published = [key.signing.verifying(), RSA.signing.verifying()];
        assert!(published.iter().all(|key| role.signing_keys.contains(key)));
        assert_eq!(role.sso.len(), 2);
        assert_eq!(role.sso[0].location, "https://idp.example/sso?a=1&b=2");
        let answers = role.slo[0].response_location.as_deref();
        assert_eq!(answers, Some("https://idp.example/slo/answer?a&b"));
        assert_eq!(role.scopes, ["ac-demo.example", "écoles.example"]);
        assert_eq!(
            role.error_url.as_deref(),
            Some("https://idp.example/error?a=1&b='2'")
        );
        assert!(role.wants_signed_requests);
        assert_eq!(
            role.name_id_formats,
            [NameIdFormat::Transient, NameIdFormat::Persistent]
        );
    }
}

#[test]
fn a_service_comes_back_from_its_metadata() {
    for key in keys() {
        let entity = read(&service(true, &key.signing), key);
        shows_itself(&entity);
        assert_eq!(entity.id.as_str(), SP);
        let role = entity.sp.unwrap();
        assert_eq!(
            role.acs,
            [crate::documents::acs(0), crate::documents::acs(1)]
        );
        assert_eq!(role.discovery.len(), 2);
        assert!(role.signs_requests && role.wants_signed_assertions);
        assert_eq!(role.requested_attributes, requested());
    }
}

/// Every character XML 1.0 (2.2) forbids and Rust knows.
fn forbidden() -> impl Iterator<Item = char> {
    ('\0'..' ')
        .filter(|c| !matches!(c, '\t' | '\n' | '\r'))
        .chain(['\u{fffe}', '\u{ffff}'])
}

#[test]
fn what_xml_forbids_is_never_said() {
    let attribute = |name: &str, friendly: &str, value: &str| Attribute {
        name: name.to_owned(),
        name_format: "urn:x".to_owned(),
        friendly_name: Some(friendly.to_owned()),
        values: vec![value.to_owned()],
    };
    for c in forbidden() {
        let bad = format!("Dupont{c}fils");
        let named = |value: &str, qualifier: &str| NameId {
            value: value.to_owned(),
            format: NameIdFormat::Transient,
            name_qualifier: Some(qualifier.to_owned()),
            sp_name_qualifier: None,
        };
        for (name_id, attribute) in [
            (named(&bad, "x"), attribute("x", "x", "x")),
            (named("x", &bad), attribute("x", "x", "x")),
            (named("x", "x"), attribute(&bad, "x", "x")),
            (named("x", "x"), attribute("x", &bad, "x")),
            (named("x", "x"), attribute("x", "x", &bad)),
        ] {
            let composed = response_about(&name_id, &[attribute], SignWhat::Both, &P256.signing);
            assert_eq!(composed.unwrap_err().code(), "EDU-2901", "{c:?}");
        }
        let plan = ErrorPlan {
            response_id: &id("_response"),
            in_response_to: None,
            issuer: &entity(IDP),
            acs: ACS,
            now: now(),
            status: Status::AuthnFailed,
            message: Some(&bad),
        };
        let composed = saml::response::compose_error(&plan, &P256.signing);
        assert_eq!(composed.unwrap_err().code(), "EDU-2901", "{c:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_name_is_understood_as_it_was_said(
        text in "[\\t\\n\\r -\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]{1,40}",
    ) {
        let mut attributes = attributes();
        attributes[0].values = vec![text.clone(), HARD.to_owned(), format!("<![CDATA[{text}]]>")];
        let xml = response_about(&name_id(), &attributes, SignWhat::Both, &P256.signing).unwrap();
        prop_assert_eq!(receive(&xml, &P256).unwrap().attributes, attributes.clone());
        let document = roxmltree::Document::parse(&xml).unwrap();
        let value = document
            .descendants()
            .find(|node| node.tag_name().name() == "AttributeValue")
            .unwrap();
        prop_assert_eq!(value.text(), Some(text.as_str()));
    }
}
