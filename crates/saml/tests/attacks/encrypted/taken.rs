//! What must be taken, so that the refusals mean something.

use saml::Refusal;
use saml::response::SignWhat;

use super::{
    BEFORE, OTHERS, OWN, assertion, code, encrypted, receive, receive_with, same, signed_around,
    unsigned_around,
};
use crate::forge::{EC, RSA, genuine};

#[test]
fn genuine_encrypted_assertions_are_taken() {
    let signed_inside = encrypted(&assertion(&same, Some(&RSA)));
    let unsigned_inside = encrypted(&assertion(&same, None));
    for (xml, what) in [
        (signed_around(&signed_inside), SignWhat::Both),
        (signed_around(&unsigned_inside), SignWhat::Response),
        (unsigned_around(&signed_inside), SignWhat::Assertion),
    ] {
        let login = receive(&xml).unwrap();
        assert_eq!(login.value("uid"), Some("amartin"));
        assert_eq!(login.signed, what);
        assert!(login.encrypted);
    }
    let plain = receive(&genuine(SignWhat::Both)).unwrap();
    assert!(!plain.encrypted);
}

#[test]
fn two_keys_are_tried_in_turn() {
    let xml = signed_around(&encrypted(&assertion(&same, Some(&RSA))));
    for own in [
        vec![OWN.opens.clone()],
        vec![OWN.opens.clone(), BEFORE.opens.clone()],
        vec![
            BEFORE.opens.clone(),
            OTHERS.opens.clone(),
            OWN.opens.clone(),
        ],
    ] {
        assert!(receive_with(&xml, &own).is_ok());
    }
    let refusal = receive_with(&xml, std::slice::from_ref(&BEFORE.opens)).unwrap_err();
    assert_eq!(refusal, Refusal::Undecryptable);
}

#[test]
fn the_encrypted_key_may_stand_beside_the_data() {
    let xml = encrypted(&assertion(&same, Some(&RSA)));
    let start = xml.find("<xenc:EncryptedKey>").unwrap();
    let stop = xml.find("</xenc:EncryptedKey>").unwrap() + "</xenc:EncryptedKey>".len();
    let key = xml[start..stop].replace(
        "<xenc:EncryptedKey>",
        "<xenc:EncryptedKey xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" Id=\"_key\">",
    );
    let end = "</xenc:EncryptedData>";
    let method = |uri: &str| {
        let method = format!(
            "<ds:RetrievalMethod Type=\"http://www.w3.org/2001/04/xmlenc#EncryptedKey\" URI=\"{uri}\"/>"
        );
        let moved = format!("{}{method}{}", &xml[..start], &xml[stop..]);
        signed_around(&moved.replace(end, &format!("{end}{key}")))
    };
    assert!(receive(&method("#_key")).is_ok());
    for elsewhere in [
        "#_other",
        "",
        "#",
        "http://127.0.0.1:1/",
        "file:///etc/passwd",
        "_key",
    ] {
        assert_eq!(code(&method(elsewhere)), "EDU-2513", "{elsewhere}");
    }
}

#[test]
fn our_own_encrypted_answers_are_taken() {
    use saml::encryption::{EncryptionKey, Legacy};
    use saml::metadata::SpRole;
    let certificate = OWN.opens.certificate();
    let key = saml::VerifyingKey::from_certificate(certificate).unwrap();
    let role = SpRole {
        signing_keys: Vec::new(),
        encryption_keys: vec![EncryptionKey {
            key,
            methods: saml::encryption::supported(),
        }],
        acs: Vec::new(),
        slo: Vec::new(),
        signs_requests: false,
        wants_signed_assertions: false,
        name_id_formats: Vec::new(),
        discovery: Vec::new(),
        requested_attributes: Vec::new(),
        attribute_services: Vec::new(),
        algorithms: saml::metadata::Algorithms::default(),
    };
    let encryption = role.choose_encryption(Legacy::default()).unwrap();
    for sign in [SignWhat::Both, SignWhat::Response, SignWhat::Assertion] {
        for key in [&RSA, &EC] {
            let xml = crate::forge::composed_for(sign, encryption.as_ref(), &key.signing);
            assert!(!xml.contains("amartin"));
            let login = receive(&xml).unwrap();
            assert_eq!(login.value("uid"), Some("amartin"));
            assert_eq!((login.signed, login.encrypted), (sign, true));
        }
    }
}
