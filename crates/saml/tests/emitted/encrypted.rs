//! What we encrypt is opened by others, and what others encrypt by us.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use saml::encryption::{EncryptionMethod, Legacy};
use saml::response::{Login, Response, ResponseExpected, SignWhat};
use saml::{Received, Refusal};

use crate::documents::{
    ACS, HARD, IDP, LEGACY, OWN, P256, REQUEST, RSA, SP, encrypted, encryption, entity, id, keys,
    now, response,
};
use crate::witnesses::{
    Trust, bergshamra, opened_by_bergshamra, opened_by_xmlsec, sealed_by_bergshamra,
    sealed_by_xmlsec, xmlsec,
};

const GCM256: &str = "http://www.w3.org/2009/xmlenc11#aes256-gcm";
const GCM128: &str = "http://www.w3.org/2009/xmlenc11#aes128-gcm";
const CBC256: &str = "http://www.w3.org/2001/04/xmlenc#aes256-cbc";
const CBC128: &str = "http://www.w3.org/2001/04/xmlenc#aes128-cbc";
const MGF1P: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
const OAEP: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
const PKCS1: &str = "http://www.w3.org/2001/04/xmlenc#rsa-1_5";
const SHA1: &str = "http://www.w3.org/2000/09/xmldsig#sha1";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const MASK1: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha1";
const MASK256: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha256";

fn method(algorithm: &str, digest: Option<&str>, mask: Option<&str>) -> EncryptionMethod {
    EncryptionMethod {
        algorithm: algorithm.to_owned(),
        digest: digest.map(str::to_owned),
        mask: mask.map(str::to_owned),
    }
}

/// An answer for a service that declares these two.
fn answer(data: &str, transport: EncryptionMethod, key: &saml::SigningKey) -> String {
    let encryption = encryption(vec![method(data, None, None), transport], LEGACY);
    encrypted(SignWhat::Both, &encryption, key)
}

/// The assertion of an opened answer is the one that would have been sent in the open.
#[track_caller]
fn holds(opened: &str, key: &crate::documents::Key) {
    assert!(opened.contains("&lt;O'Neil&gt;"), "{opened}");
    assert_eq!(xmlsec(opened, "_assertion", key, Trust::Key), Ok(()));
    let inside = assertion_of(opened);
    assert_eq!(bergshamra(&inside, &["_assertion"], key), Ok(()));
}

fn assertion_of(xml: &str) -> String {
    let start = xml.find("<saml:Assertion").unwrap();
    let end = "</saml:Assertion>";
    xml[start..xml.find(end).unwrap() + end.len()].to_owned()
}

#[test]
fn xmlsec_opens_what_we_encrypt() {
    for key in keys() {
        for data in [GCM256, GCM128, CBC256, CBC128] {
            let xml = answer(data, method(MGF1P, None, None), &key.signing);
            assert_eq!(xmlsec(&xml, "_response", key, Trust::Key), Ok(()));
            holds(&opened_by_xmlsec(&xml, &OWN).unwrap(), key);
        }
    }
    let xml = answer(CBC128, method(PKCS1, None, None), &P256.signing);
    holds(&opened_by_xmlsec(&xml, &OWN).unwrap(), &P256);
}

#[test]
fn another_library_opens_what_we_encrypt() {
    for transport in [
        method(MGF1P, None, None),
        method(MGF1P, Some(SHA256), None),
        method(OAEP, None, None),
        method(OAEP, Some(SHA256), None),
        method(OAEP, Some(SHA256), Some(MASK256)),
        method(OAEP, Some(SHA1), Some(MASK256)),
    ] {
        for data in [GCM256, GCM128] {
            let xml = answer(data, transport.clone(), &RSA.signing);
            assert_eq!(bergshamra(&xml, &["_response"], &RSA), Ok(()));
            let opened = opened_by_bergshamra(&xml, &OWN);
            holds(
                &opened.unwrap_or_else(|why| panic!("{transport:?}: {why}")),
                &RSA,
            );
        }
    }
}

#[test]
fn the_witnesses_refuse_what_was_changed() {
    let xml = answer(GCM256, method(MGF1P, None, None), &RSA.signing);
    let end = xml.rfind("</xenc:CipherValue>").unwrap();
    let mut changed = xml.clone();
    let digit = if &xml[end - 8..end - 7] == "A" {
        "B"
    } else {
        "A"
    };
    changed.replace_range(end - 8..end - 7, digit);
    assert!(opened_by_xmlsec(&changed, &OWN).is_err());
    assert!(opened_by_bergshamra(&changed, &OWN).is_err());
    assert!(xmlsec(&changed, "_response", &RSA, Trust::Key).is_err());
}

#[test]
fn nothing_of_the_person_is_left_outside() {
    for sign in [SignWhat::Both, SignWhat::Response, SignWhat::Assertion] {
        let encryption = encryption(Vec::new(), Legacy::default());
        let xml = encrypted(sign, &encryption, &P256.signing);
        for said in [
            "O'Neil",
            "Dupont",
            "urn:oid:2.5.4.4",
            "<saml:NameID",
            "SessionIndex",
        ] {
            assert!(!xml.contains(said), "{said}");
        }
    }
}

/// The form of what is encrypted, for the witnesses to fill in.
fn template(data: &str, transport: &str, parameters: &str) -> String {
    format!(
        "<xenc:EncryptedData xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" Type=\"http://www.w3.org/2001/04/xmlenc#Element\"><xenc:EncryptionMethod Algorithm=\"{data}\"/><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm=\"{transport}\">{parameters}</xenc:EncryptionMethod><xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>"
    )
}

/// Our service receives an answer that somebody else encrypted.
fn receive(sealed: &str) -> Result<Login, Refusal> {
    let bare = response(SignWhat::Assertion, &RSA.signing);
    let start = bare.find("<saml:Assertion").unwrap();
    let data = sealed.find("<xenc:EncryptedData").unwrap();
    let xml = format!(
        "{}<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{}</saml:EncryptedAssertion></samlp:Response>",
        &bare[..start],
        sealed[data..].trim()
    );
    let (idp, sp, request) = (entity(IDP), entity(SP), id(REQUEST));
    let expected = ResponseExpected {
        issuer: &idp,
        audience: &sp,
        acs: ACS,
        in_response_to: Some(&request),
        now: now(),
    };
    Received::<Response>::from_form(&STANDARD.encode(xml))?
        .verify_and_open(&[RSA.signing.verifying()], std::slice::from_ref(&OWN.opens))?
        .accept(&expected)
        .map(saml::Accepted::into_message)
}

#[test]
fn what_xmlsec_encrypts_we_open() {
    let plain = assertion_of(&response(SignWhat::Assertion, &RSA.signing));
    for (data, session) in [(GCM256, "aes-256"), (GCM128, "aes-128")] {
        let form = template(data, MGF1P, "");
        let login = receive(&sealed_by_xmlsec(&plain, &form, session, &OWN)).unwrap();
        assert_eq!(login.name_id.unwrap().value, HARD);
        assert!(login.encrypted);
    }
    for (data, transport) in [(CBC256, MGF1P), (GCM256, PKCS1)] {
        let form = template(data, transport, "");
        let refusal = receive(&sealed_by_xmlsec(&plain, &form, "aes-256", &OWN)).unwrap_err();
        assert_eq!(refusal.code(), "EDU-2514");
    }
}

#[test]
fn what_another_library_encrypts_we_open() {
    let plain = assertion_of(&response(SignWhat::Assertion, &RSA.signing));
    let digest = |uri: &str| format!("<ds:DigestMethod Algorithm=\"{uri}\"/>");
    let mask = |uri: &str| {
        format!(
            "<xenc11:MGF xmlns:xenc11=\"http://www.w3.org/2009/xmlenc11#\" Algorithm=\"{uri}\"/>"
        )
    };
    for (transport, parameters) in [
        (MGF1P, String::new()),
        (MGF1P, digest(SHA1)),
        (MGF1P, digest(SHA256)),
        (OAEP, String::new()),
        // Without a mask the other library would take that of the digest; silence means SHA-1
        // (XML Encryption 1.1, 5.5.2).
        (OAEP, format!("{}{}", digest(SHA256), mask(MASK1))),
        (OAEP, format!("{}{}", digest(SHA256), mask(MASK256))),
    ] {
        for data in [GCM256, GCM128] {
            let sealed =
                sealed_by_bergshamra(&plain, &template(data, transport, &parameters), &OWN);
            let login = receive(&sealed);
            assert!(login.is_ok(), "{transport} {parameters}: {login:?}");
        }
    }
}
