//! Every signature we make, verified by two others.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use saml::response::SignWhat;

use crate::documents::{Emitted, Key, P256, RSA, STRANGER, every, keys, response};
use crate::witnesses::{Trust, bergshamra, xmlsec};

fn each(check: impl Fn(&Emitted, &Key)) {
    for key in keys() {
        for emitted in every(&key.signing) {
            check(&emitted, key);
        }
    }
}

#[test]
fn xmlsec_verifies_every_signature_with_the_key() {
    each(|emitted, key| {
        for id in &emitted.signed {
            let verified = xmlsec(&emitted.xml, id, key, Trust::Key);
            assert_eq!(verified, Ok(()), "{} {id}: {}", emitted.kind, emitted.xml);
        }
    });
}

#[test]
fn xmlsec_verifies_a_signature_by_the_certificate_inside() {
    for key in keys() {
        let xml = response(SignWhat::Both, &key.signing);
        for id in ["_response", "_assertion"] {
            assert_eq!(xmlsec(&xml, id, key, Trust::Inside), Ok(()), "{id}");
        }
        assert!(xmlsec(&xml, "_response", &STRANGER, Trust::Inside).is_err());
    }
}

#[test]
fn another_library_verifies_every_signature() {
    each(|emitted, key| {
        let verified = bergshamra(&emitted.xml, &emitted.signed, key);
        assert_eq!(verified, Ok(()), "{}: {}", emitted.kind, emitted.xml);
    });
}

#[test]
fn the_witnesses_refuse_a_strangers_key() {
    for emitted in every(&P256.signing) {
        for id in &emitted.signed {
            assert!(xmlsec(&emitted.xml, id, &STRANGER, Trust::Key).is_err());
        }
        assert!(bergshamra(&emitted.xml, &emitted.signed, &STRANGER).is_err());
    }
}

#[test]
fn the_witnesses_refuse_a_changed_value() {
    let genuine = response(SignWhat::Both, &RSA.signing);
    let changed = genuine.replacen("fils", "fiis", 1);
    assert_ne!(genuine, changed);
    for id in ["_response", "_assertion"] {
        assert!(
            xmlsec(&changed, id, &RSA, Trust::Key).is_err(),
            "{id} covers it"
        );
    }
    assert!(bergshamra(&changed, &["_response", "_assertion"], &RSA).is_err());
}

#[test]
fn a_response_covers_what_its_assertion_does_not() {
    let genuine = response(SignWhat::Both, &RSA.signing);
    let changed = genuine.replacen("status:Success", "status:Sucess", 1);
    assert!(xmlsec(&changed, "_response", &RSA, Trust::Key).is_err());
    assert_eq!(xmlsec(&changed, "_assertion", &RSA, Trust::Key), Ok(()));
}

/// XML Signature has r ‖ s, each as long as the curve's order (RFC 9231 2.3.6); DER is longer.
#[test]
fn ecdsa_values_have_one_length() {
    for (key, length) in [
        (&P256, 64),
        (&crate::documents::P384, 96),
        (&crate::documents::P521, 132),
    ] {
        // A leading zero byte comes once in 256 signatures.
        for _ in 0..600 {
            assert_eq!(key.signing.sign(b"octets").unwrap().len(), length);
        }
    }
}

#[test]
fn a_signature_carries_the_certificate_of_its_key() {
    each(|emitted, key| {
        let document = roxmltree::Document::parse(&emitted.xml).unwrap();
        let ds = "http://www.w3.org/2000/09/xmldsig#";
        let signatures: Vec<_> = document
            .descendants()
            .filter(|node| node.has_tag_name((ds, "Signature")))
            .collect();
        assert_eq!(signatures.len(), emitted.signed.len(), "{}", emitted.kind);
        for (signature, id) in signatures.into_iter().zip(&emitted.signed) {
            let parent = signature.parent().unwrap();
            assert_eq!(parent.attribute("ID"), Some(*id));
            let inside = signature
                .descendants()
                .find(|node| node.has_tag_name((ds, "X509Certificate")))
                .and_then(|node| node.text())
                .unwrap();
            assert_eq!(inside, key.signing.certificate());
            assert_eq!(
                STANDARD.decode(inside).unwrap(),
                key.signing.verifying().certificate_der()
            );
        }
    });
}
