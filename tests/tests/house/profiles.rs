//! What our own entities publish and ask, against the lines of `docs/conformance.md`.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::pkey::Id;
use openssl::x509::X509;
use percent_encoding::percent_decode_str;
use visits::House;
use visits::client::between;

/// The text of `path`, once it is sure to be one entity's metadata.
fn published(house: &House, path: &str) -> String {
    let answer = house.client().get(path);
    assert_eq!(answer.status, 200, "{path}");
    assert!(answer.body.starts_with("<md:EntityDescriptor "), "{path}");
    answer.body
}

/// SDP-G04, SDP-MD03 to MD06, SDP-MD08, SDP-MD11: what every entity says.
fn says_what_all_say(xml: &str) {
    assert!(!xml.contains("<!DOCTYPE"));
    let id = between(xml, " entityID=\"", "\"").unwrap();
    assert!(id.len() <= 256 && url::Url::parse(&id).is_ok(), "{id}");
    assert!(xml.contains(" validUntil=\""));
    assert!(xml.contains("<md:KeyDescriptor use=\"signing\">"));
    let mut rest = xml;
    while let Some((_, after)) = rest.split_once("<ds:X509Certificate>") {
        let (text, next) = after.split_once('<').unwrap();
        let der = STANDARD.decode(text).unwrap();
        let key = X509::from_der(&der).unwrap().public_key().unwrap();
        let least = if key.id() == Id::RSA { 2048 } else { 256 };
        assert!(key.bits() >= least, "{} bits", key.bits());
        rest = next;
    }
    for lang in ["fr", "en"] {
        assert!(xml.contains(&format!("<mdui:DisplayName xml:lang=\"{lang}\">")));
    }
    assert!(xml.contains("<md:ContactPerson contactType=\"technical\">"));
    assert!(xml.contains("<md:EmailAddress>mailto:"));
}

/// SDP-MD09, SDP-MD10, M12: what every entity shows, and who stands behind it.
fn shows_itself(house: &House, xml: &str) {
    for (element, texts) in [
        ("mdui:Description", 2),
        ("mdui:InformationURL", 2),
        ("mdui:PrivacyStatementURL", 2),
        ("md:OrganizationName", 2),
        ("md:OrganizationDisplayName", 2),
        ("md:OrganizationURL", 2),
        ("mdui:Logo", 1),
    ] {
        let found = xml.matches(&format!("<{element} ")).count();
        assert_eq!(found, texts, "{element}: {xml}");
    }
    let authority = format!("registrationAuthority=\"{}\"", house.at(""));
    assert!(xml.contains(&authority), "{xml}");
    for kind in [
        "technical",
        "support",
        "other\" remd:contactType=\"http://refeds.org/metadata/contactType/security",
    ] {
        assert!(
            xml.contains(&format!("contactType=\"{kind}\">")),
            "{kind}: {xml}"
        );
    }
    assert!(xml.contains("<alg:SigningMethod") && xml.contains("<alg:DigestMethod"));
    // The logo is ours, and what its size says.
    let logo = between(xml, "<mdui:Logo ", "</mdui:Logo>").unwrap();
    let (size, address) = logo.rsplit_once('>').unwrap();
    assert!(size.contains("height=\"120\"") && size.contains("width=\"160\""));
    assert_eq!(address, house.at("/logo.png"));
    let shown = house.client().get("/logo.png");
    assert_eq!(shown.header("content-type"), Some("image/png"));
    assert_eq!(
        shown.header("cross-origin-resource-policy"),
        Some("cross-origin")
    );
    let bytes = std::fs::read(visits::house::root().join("templates/assets/logo.png")).unwrap();
    let pixels = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!((pixels(16), pixels(20)), (160, 120));
    // What is referred to, is there.
    for address in ["mdui:PrivacyStatementURL", "mdui:InformationURL"] {
        let at = between(xml, &format!("<{address} xml:lang=\"fr\">"), "<").unwrap();
        let client = house.client();
        let answer = client.follow(client.get(&at));
        assert_eq!(answer.status, 200, "{at}");
    }
}

#[test]
fn m12_what_our_entities_publish_is_what_the_profiles_want() {
    let house = House::start();
    for realm in ["personnel", "eleve", "parent", "partenaire"] {
        let xml = published(&house, &format!("/idp/{realm}/metadata"));
        says_what_all_say(&xml);
        shows_itself(&house, &xml);
        // SDP-MD12, RFC 8409 4.
        let error = between(&xml, " errorURL=\"", "\"").unwrap();
        assert!(error.starts_with(&house.at("/erreur?")), "{error}");
        for word in ["CODE", "TS", "RP", "TID", "CTX"] {
            assert!(error.contains(&format!("=ERRORURL_{word}")), "{error}");
        }
        assert!(xml.contains("Name=\"http://macedir.org/entity-category-support\""));
        assert!(xml.contains(">https://refeds.org/category/code-of-conduct/v2<"));
        // SDP-IDP02, SDP-IDP14, SDP-IDP25: where it is asked, and scopes that are no expressions.
        for (service, at) in [
            ("SingleSignOnService", "sso/redirect"),
            ("SingleLogoutService", "slo/redirect"),
        ] {
            let location = house.at(&format!("/idp/{realm}/{at}"));
            let line = format!(
                "<md:{service} Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"{location}\">"
            );
            assert!(xml.contains(&line), "{line}");
        }
        assert!(xml.contains("<shibmd:Scope"));
        assert!(!xml.contains("regexp=\"true\""));
    }
    for (path, identifier) in [
        ("/portail/saml/metadata", None),
        ("/magistere/saml/metadata", Some("pairwise-id")),
        ("/compte/saml/metadata", Some("subject-id")),
    ] {
        let xml = published(&house, path);
        says_what_all_say(&xml);
        shows_itself(&house, &xml);
        // Subject Identifier Attributes 4.1.1: told where the service cannot do without it.
        let signal = between(&xml, "subject-id:req\"", "</saml:AttributeValue>");
        let signal = signal.as_deref().and_then(|text| text.rsplit('>').next());
        assert_eq!(signal, identifier, "{path}");
        // SDP-SP10, SDP-SP28: a key to encrypt for, and the promise to sign.
        assert!(xml.contains("<md:KeyDescriptor use=\"encryption\">"));
        assert!(xml.contains("AuthnRequestsSigned=\"true\""));
        assert!(xml.contains("<md:AssertionConsumerService"));
    }
}

/// SDP-SP02 to SDP-SP07: by Redirect, signed, no policy of names, the address and never its number.
#[test]
fn what_our_services_ask_is_what_the_profiles_want() {
    let house = House::start();
    let provider = visits::client::form(&[("entityID", &house.at("/idp/personnel"))]);
    for service in ["portail", "magistere"] {
        let answer = house.client().get(&format!("/{service}/login?{provider}"));
        assert_eq!(answer.status, 303);
        let (to, query) = answer.location().split_once('?').unwrap();
        assert_eq!(to, house.at("/idp/personnel/sso/redirect"));
        assert!(query.contains("&Signature="));
        let field = query.strip_prefix("SAMLRequest=").unwrap();
        let field = percent_decode_str(field.split('&').next().unwrap()).collect::<Vec<u8>>();
        let mut xml = String::new();
        flate2::read::DeflateDecoder::new(&STANDARD.decode(field).unwrap()[..])
            .read_to_string(&mut xml)
            .unwrap();
        let acs = house.at(&format!("/{service}/saml/acs"));
        assert!(
            xml.contains(&format!("AssertionConsumerServiceURL=\"{acs}\"")),
            "{xml}"
        );
        for absent in [
            "AssertionConsumerServiceIndex",
            "NameIDPolicy",
            "RequestedAuthnContext",
        ] {
            assert!(!xml.contains(absent), "{xml}");
        }
    }
}
