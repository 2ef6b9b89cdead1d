//! Metadata that must not be believed though a pinned key signed some of it.

use chrono::Duration;
use proptest::prelude::*;
use saml::metadata::{Document, ReadPolicy, read, scan};
use saml::{Refusal, VerifyingKey};

use crate::forge::{ENVELOPED, RSA, RSA_SHA256, SHA256, STANDARD_ENTITY, STRANGER, now, template};
use crate::mutations::PIECES;

fn receive(xml: &str) -> Result<Document, Refusal> {
    let pinned = [RSA.signing.verifying()];
    let policy = ReadPolicy {
        pinned: &pinned,
        now: now(),
        horizon_days: Some(30),
        loopback_http: false,
    };
    let read = read(xml, &policy);
    // What streams by is refused wherever it is refused as a whole, and says the same where not.
    match (scan(xml.as_bytes(), &policy), &read) {
        (Ok(scan), Ok(read)) => assert_eq!(scan.entities.len(), read.entities.len(), "{xml}"),
        (Ok(_), Err(why)) => panic!("scanned, and not read ({why}): {xml}"),
        (Err(_), _) => {}
    }
    read
}

#[track_caller]
fn refused(xml: &str) -> &'static str {
    match receive(xml) {
        Ok(document) => panic!("taken, with {} entities: {xml}", document.entities.len()),
        Err(refusal) => refusal.code(),
    }
}

/// An entity before it is signed; `@S@` is where its signature goes.
fn entity(id: &str) -> String {
    let until = (now() + Duration::days(7))
        .format("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    STANDARD_ENTITY
        .replace("@ID@", id)
        .replace("@UNTIL@", &until)
}

/// Without the declaration that xmlsec writes, so that it can stand inside another document.
fn bare(xml: String) -> String {
    let end = xml.find("<md:").unwrap();
    xml[end..].to_owned()
}

fn signed_as(shape: &dyn Fn(String) -> String) -> String {
    bare(RSA.sign(&entity("_m").replace("@S@", &shape(template("_m")))))
}

pub(crate) fn genuine() -> String {
    signed_as(&|template| template)
}

#[test]
fn genuine_metadata_is_taken() {
    let document = receive(&genuine()).ok().unwrap();
    assert_eq!(document.entities.len(), 1);
    assert!(document.key.is_some());
}

#[test]
fn metadata_of_a_stranger_or_of_nobody_is_refused() {
    assert_eq!(refused(&entity("_m").replace("@S@", "")), "EDU-2201");
    let stranger = STRANGER.sign(&entity("_m").replace("@S@", &template("_m")));
    assert_eq!(refused(&stranger), "EDU-2211");
    let changed = genuine().replace("sp.example/acs", "evil.example/acs");
    assert_eq!(refused(&changed), "EDU-2211");
}

#[test]
fn metadata_signed_with_sha1_is_refused() {
    let method = "http://www.w3.org/2000/09/xmldsig#rsa-sha1";
    let xml = signed_as(&|template| template.replace(RSA_SHA256, method));
    assert_eq!(refused(&xml), "EDU-2209");
    let digest = "http://www.w3.org/2000/09/xmldsig#sha1";
    let xml = signed_as(&|template| template.replace(SHA256, digest));
    assert_eq!(refused(&xml), "EDU-2210");
}

#[test]
fn transforms_and_references_of_metadata_are_the_same_few() {
    let xpath = "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"><ds:XPath>true()</ds:XPath></ds:Transform>";
    let first = format!("<ds:Transform Algorithm=\"{ENVELOPED}\"/>");
    let xml = genuine().replace(&first, &format!("{first}{xpath}"));
    assert_eq!(refused(&xml), "EDU-2207");
    for uri in ["", "http://127.0.0.1:9/x", "file:///etc/passwd", "#_other"] {
        let xml = genuine().replace("URI=\"#_m\"", &format!("URI=\"{uri}\""));
        assert_eq!(refused(&xml), "EDU-2206", "{uri}");
    }
}

#[test]
fn wrapped_metadata_is_refused() {
    let genuine = genuine();
    let start = genuine.find("<ds:Signature ").unwrap();
    let end = genuine.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let signature = &genuine[start..end];
    let bare = genuine.replace(signature, "");
    let evil = entity("_evil").replace("sp.example", "evil.example");
    // The signed entity, whole, inside one that nobody signed.
    let inside = format!("<md:Extensions>{genuine}</md:Extensions>");
    assert_eq!(refused(&evil.replace("@S@", &inside)), "EDU-2201");
    // Its signature on the forged one, the signed one beside, in an Object and in Extensions.
    let beside = format!("{signature}<md:Extensions>{bare}</md:Extensions>");
    assert_eq!(refused(&evil.replace("@S@", &beside)), "EDU-2206");
    let object = format!("<ds:Object>{bare}</ds:Object></ds:Signature>");
    let hidden = signature.replace("</ds:Signature>", &object);
    assert_eq!(refused(&evil.replace("@S@", &hidden)), "EDU-2204");
    // An aggregate that nobody signed, around an entity that is signed.
    let group = format!(
        "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" validUntil=\"2026-11-30T12:00:00Z\">{genuine}</md:EntitiesDescriptor>"
    );
    assert_eq!(refused(&group), "EDU-2201");
    // The same identifier twice.
    let twice = evil.replace("_evil", "_m").replace("@S@", &beside);
    assert_eq!(refused(&twice), "EDU-2019");
}

#[test]
fn metadata_with_a_doctype_is_refused() {
    assert_eq!(refused(&format!("<!DOCTYPE x>{}", genuine())), "EDU-2007");
}

#[test]
fn a_signature_does_not_make_an_address_run() {
    for address in [
        "javascript:alert(1)",
        "data:text/html,x",
        "http://sp.example/acs",
        "//evil.example",
    ] {
        let xml = entity("_m").replace("https://sp.example/acs", address);
        let xml = RSA.sign(&xml.replace("@S@", &template("_m")));
        let document = receive(&xml).ok().unwrap();
        assert_eq!(document.entities.len(), 0, "{address}");
        assert_eq!(document.left_out.len(), 1, "{address}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is changed: refused, or the same address for the answers.
    #[test]
    fn metadata_changed_anywhere_is_refused_or_says_the_same(at: prop::sample::Index, byte: u8, piece in prop::option::of(prop::sample::select(&PIECES[..]))) {
        let mut bytes = genuine().into_bytes();
        let at = at.index(bytes.len());
        match piece {
            Some(piece) => drop(bytes.splice(at..at, piece.bytes())),
            None => bytes[at] = byte,
        }
        if let Ok(document) = receive(&String::from_utf8_lossy(&bytes)) {
            let role = document.entities[0].sp.as_ref().unwrap();
            prop_assert_eq!(&role.acs[0].location, "https://sp.example/acs");
        }
    }

    #[test]
    fn any_text_is_no_metadata_and_no_certificate(text: String) {
        prop_assert!(receive(&text).is_err());
        prop_assert!(VerifyingKey::from_pem(&text).is_err());
        prop_assert!(VerifyingKey::from_certificate(&text).is_err());
    }

    #[test]
    fn a_certificate_changed_is_read_or_refused(at: prop::sample::Index, byte in b' '..b'~') {
        let mut bytes = RSA.signing.verifying().certificate().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let text = String::from_utf8(bytes).unwrap();
        if let Ok(key) = VerifyingKey::from_certificate(&text) {
            prop_assert!(!key.verifies(key_algorithm(), b"said", b"no signature"));
        }
    }
}

fn key_algorithm() -> saml::keys::Algorithm {
    RSA.signing.algorithm()
}
