//! What anybody can see of something encrypted: refused without any key.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use saml::Refusal;

use super::{
    CONTENT_KEY, GCM, MGF1P, OWN, assertion, code, enclosed, encrypted, same, signed_around,
    unsigned_around, with, wrapped_key,
};
use crate::forge::{RSA, refused};

#[test]
fn an_encrypted_assertion_is_refused_while_there_is_no_key_for_it() {
    let xml = signed_around(&encrypted(&assertion(&same, Some(&RSA))));
    assert_eq!(refused(&xml), Refusal::AssertionEncrypted);
    let xml = unsigned_around(&encrypted(&assertion(&same, Some(&RSA))));
    assert_eq!(refused(&xml), Refusal::AssertionEncrypted);
}

#[test]
fn nothing_outside_the_document_is_asked_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let at = format!("http://{}/x", listener.local_addr().unwrap());
    let genuine = encrypted(&assertion(&same, Some(&RSA)));
    for uri in [
        at.as_str(),
        "file:///etc/passwd",
        "file:///dev/zero",
        "#_response",
        "",
    ] {
        let reference = format!("<xenc:CipherReference URI=\"{uri}\"/>");
        for name in [
            "<xenc:CipherValue>",
            "</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>",
        ] {
            let changed = genuine.replacen(name, &format!("{reference}{name}"), 1);
            for xml in [signed_around(&changed), unsigned_around(&changed)] {
                assert_eq!(code(&xml), "EDU-2513", "{uri}");
            }
        }
        let retrieval = format!(
            "<ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:RetrievalMethod URI=\"{uri}\"/>"
        );
        let at_key = "<ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">";
        assert_eq!(with(at_key, &retrieval), "EDU-2513", "{uri}");
    }
    assert!(listener.accept().is_err(), "somebody asked");
}

#[test]
fn weak_and_unknown_algorithms_are_refused() {
    for algorithm in [
        "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
        "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
        "http://www.w3.org/2001/04/xmlenc#tripledes-cbc",
        "http://www.w3.org/2009/xmlenc11#aes192-gcm",
        "",
        MGF1P,
    ] {
        assert_eq!(with(GCM, algorithm), "EDU-2514", "{algorithm}");
    }
    for algorithm in [
        "http://www.w3.org/2001/04/xmlenc#rsa-1_5",
        "http://www.w3.org/2001/04/xmlenc#kw-aes256",
        "http://www.w3.org/2009/xmlenc11#ECDH-ES",
        "",
        GCM,
    ] {
        assert_eq!(with(MGF1P, algorithm), "EDU-2514", "{algorithm}");
    }
    let digest = |uri: &str| {
        format!(
            "{MGF1P}\"><ds:DigestMethod Algorithm=\"{uri}\"/></xenc:EncryptionMethod><xenc:CarriedKeyName x=\""
        )
    };
    let md5 = digest("http://www.w3.org/2001/04/xmldsig-more#md5");
    assert_eq!(with(MGF1P, &md5), "EDU-2514");
    let params = format!(
        "{MGF1P}\"><xenc:OAEPparams>AAAA</xenc:OAEPparams></xenc:EncryptionMethod><xenc:CarriedKeyName x=\""
    );
    assert_eq!(with(MGF1P, &params), "EDU-2513");
}

#[test]
fn another_shape_is_refused() {
    let key = "<xenc:EncryptedKey>";
    let two = format!("<xenc:EncryptedKey/>{key}");
    for (from, to, code) in [
        (key, two.as_str(), "EDU-2513"),
        (
            "Type=\"http://www.w3.org/2001/04/xmlenc#Element\"",
            "Type=\"http://www.w3.org/2001/04/xmlenc#Content\"",
            "EDU-2513",
        ),
        (
            "<xenc:EncryptionMethod ",
            "<xenc:EncryptionProperties/><xenc:EncryptionMethod ",
            "EDU-2513",
        ),
        (
            "<saml:EncryptedAssertion>",
            "<saml:EncryptedAssertion><saml:NameID>x</saml:NameID>",
            "EDU-2513",
        ),
        (
            "<xenc:CipherData>",
            "<xenc:CipherData/><xenc:CipherData>",
            "EDU-2304",
        ),
        (
            "<xenc:CipherValue>",
            "<xenc:CipherValue>AAAA</xenc:CipherValue><xenc:CipherValue>",
            "EDU-2304",
        ),
        ("<xenc:CipherValue>", "<xenc:CipherValue>%", "EDU-2002"),
        ("<xenc:CipherValue>", "<xenc:CipherValue><x/>", "EDU-2018"),
        (
            "<xenc:CipherValue>",
            "<xenc:CipherValue><!-- -->",
            "EDU-2017",
        ),
    ] {
        assert_eq!(with(from, to), code, "{to}");
    }
    for bare in [
        "<saml:EncryptedAssertion/>",
        "<saml:EncryptedAssertion>x</saml:EncryptedAssertion>",
    ] {
        assert_eq!(code(&signed_around(bare)), "EDU-2303");
    }
}

#[test]
fn a_huge_ciphertext_is_refused_and_a_large_one_is_cheap() {
    let wrapped = wrapped_key(&CONTENT_KEY, &OWN);
    let huge = enclosed(&vec![0; 150 * 1024], &wrapped);
    assert_eq!(code(&unsigned_around(&huge)), "EDU-2012");
    let beyond = enclosed(&vec![0; 300 * 1024], &wrapped);
    assert_eq!(code(&unsigned_around(&beyond)), "EDU-2001");
    let long_key = enclosed(&[0; 64], &vec![1; 1025]);
    assert_eq!(code(&unsigned_around(&long_key)), "EDU-2513");
    let elements = "<a/>".repeat(30_000);
    for (large, refused) in [
        (enclosed(&vec![0; 140 * 1024], &wrapped), "EDU-2512"),
        (encrypted(&elements), "EDU-2010"),
        (encrypted(&format!("<a>{elements}</a>")), "EDU-2010"),
    ] {
        let xml = unsigned_around(&large);
        let took = (0..10)
            .map(|_| {
                let started = Instant::now();
                assert_eq!(code(&xml), refused);
                started.elapsed()
            })
            .min()
            .unwrap();
        assert!(took < Duration::from_millis(250), "{refused}: {took:?}");
    }
}
