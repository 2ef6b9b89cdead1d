//! The Redirect binding: parameters, their order, their octets and their signature.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use saml::{AuthnRequest, Received, Refusal, Signing, SigningKey};

use crate::forge::{EC, RSA, STRANGER};
use crate::requests::{REQUEST_XML, SSO, request};

/// A signed query of ours.
fn signed() -> String {
    signed_by(&RSA.signing)
}

fn signed_by(key: &SigningKey) -> String {
    let address = saml::redirect::compose(&request(), SSO, Some("état 1+1"), key).unwrap();
    address.split_once('?').unwrap().1.to_owned()
}

pub(crate) fn deflated(bytes: &[u8]) -> String {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    escaped(&STANDARD.encode(encoder.finish().unwrap()))
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn read(query: &str) -> Result<Received<AuthnRequest>, Refusal> {
    Received::<AuthnRequest>::from_query(query)
}

#[track_caller]
fn code(query: &str) -> &'static str {
    match read(query) {
        Ok(_) => panic!("taken: {query}"),
        Err(refusal) => refusal.code(),
    }
}

fn verify(query: &str) -> Result<Option<String>, &'static str> {
    let keys = [EC.signing.verifying(), RSA.signing.verifying()];
    read(query)
        .and_then(|received| received.verify(Signing::Required(&keys)))
        .map(|verified| verified.key().map(str::to_owned))
        .map_err(|refusal| refusal.code())
}

#[test]
fn genuine_queries_are_taken() {
    for key in [&RSA.signing, &EC.signing] {
        let query = signed_by(key);
        assert_eq!(
            verify(&query),
            Ok(Some(key.verifying().fingerprint().to_owned()))
        );
        let received = read(&query).unwrap();
        assert_eq!(received.issuer(), &request().issuer);
        assert_eq!(received.relay_state(), Some("état 1+1"));
        let verified = received
            .verify(Signing::Optional(&[key.verifying()]))
            .unwrap();
        assert_eq!(verified.message(), &request());
    }
}

#[test]
fn an_unsigned_query_is_taken_where_it_may_be() {
    let query = format!(
        "SAMLRequest={}&x=1&RelayState=a+b%2B",
        deflated(REQUEST_XML.as_bytes())
    );
    let received = read(&query).unwrap();
    assert_eq!(received.relay_state(), Some("a b+"));
    assert!(
        received
            .verify(Signing::Optional(&[]))
            .unwrap()
            .key()
            .is_none()
    );
    assert_eq!(verify(&query), Err("EDU-2201"));
}

#[test]
fn an_ecdsa_signature_as_der_is_taken() {
    let query = signed_by(&EC.signing);
    let (octets, signature) = query.split_once("&Signature=").unwrap();
    let raw = percent_encoding::percent_decode_str(signature)
        .decode_utf8()
        .unwrap()
        .into_owned();
    let raw = STANDARD.decode(raw).unwrap();
    let part = |bytes: &[u8]| openssl::bn::BigNum::from_slice(bytes).unwrap();
    let der = openssl::ecdsa::EcdsaSig::from_private_components(part(&raw[..32]), part(&raw[32..]))
        .unwrap();
    let signature = escaped(&STANDARD.encode(der.to_der().unwrap()));
    assert!(verify(&format!("{octets}&Signature={signature}")).is_ok());
}

#[test]
fn a_strangers_signature_is_refused() {
    assert_eq!(verify(&signed_by(&STRANGER.signing)), Err("EDU-2211"));
    let received = read(&signed()).unwrap();
    let refusal = received
        .verify(Signing::Required(&[EC.signing.verifying()]))
        .unwrap_err();
    assert_eq!(refusal, Refusal::NoKey);
}

#[test]
fn where_unsigned_is_allowed_a_bad_signature_is_still_refused() {
    let keys = [RSA.signing.verifying()];
    let received = read(&signed_by(&STRANGER.signing)).unwrap();
    assert_eq!(
        received.verify(Signing::Optional(&keys)).unwrap_err(),
        Refusal::SignatureInvalid
    );
    let received = read(&signed()).unwrap();
    assert_eq!(
        received.verify(Signing::Optional(&[])).unwrap_err(),
        Refusal::NoKey
    );
}

#[test]
fn one_octet_changed_is_refused() {
    let query = signed();
    for (from, to) in [
        ("RelayState=%C3%A9tat", "RelayState=%C3%A9tas"),
        // The same values, spelled otherwise, are other octets.
        ("RelayState=%C3%A9tat", "RelayState=%c3%a9tat"),
        ("tat%201", "tat+1"),
        ("&SigAlg=http%3A", "&SigAlg=http:"),
    ] {
        let changed = query.replacen(from, to, 1);
        assert_ne!(changed, query);
        assert_eq!(verify(&changed), Err("EDU-2211"), "{to}");
    }
    let start = query.find("&RelayState").unwrap();
    let stop = query.find("&SigAlg").unwrap();
    let without = format!("{}{}", &query[..start], &query[stop..]);
    assert_eq!(verify(&without), Err("EDU-2211"));
    let added = query.replace("&SigAlg", "&RelayState=&SigAlg");
    assert_eq!(verify(&added), Err("EDU-2103"));
    let other = REQUEST_XML.replace("_request", "_forged");
    let start = query.find("&RelayState").unwrap();
    let forged = format!(
        "SAMLRequest={}{}",
        deflated(other.as_bytes()),
        &query[start..]
    );
    assert_eq!(verify(&forged), Err("EDU-2211"));
}

/// The four parameters of a signed query.
fn parts() -> [String; 4] {
    let parts: Vec<String> = signed().split('&').map(str::to_owned).collect();
    parts.try_into().unwrap()
}

#[test]
fn parameters_out_of_order_are_refused() {
    let [message, relay, algorithm, signature] = &parts();
    for (order, code_of_it) in [
        ([relay, message, algorithm, signature], "EDU-2104"),
        ([message, algorithm, relay, signature], "EDU-2104"),
        ([message, signature, algorithm, relay], "EDU-2104"),
        ([signature, algorithm, relay, message], "EDU-2104"),
    ] {
        assert_eq!(code(&order.map(String::as_str).join("&")), code_of_it);
    }
}

#[test]
fn a_signature_may_stand_anywhere_and_covers_the_same() {
    let [message, relay, algorithm, signature] = &parts();
    for order in [
        [message, relay, signature, algorithm],
        [message, signature, relay, algorithm],
        [signature, message, relay, algorithm],
    ] {
        let query = order.map(String::as_str).join("&");
        assert!(verify(&query).is_ok(), "{query}");
        let bent = query.replacen("RelayState=", "RelayState=x", 1);
        assert_eq!(verify(&bent), Err("EDU-2211"), "{bent}");
        let doubled = format!("{query}&{signature}");
        assert_eq!(code(&doubled), "EDU-2103", "{doubled}");
    }
}

#[test]
fn parameters_twice_or_disguised_are_refused() {
    let query = signed();
    for (more, code_of_it) in [
        ("SAMLRequest=AAAA", "EDU-2103"),
        ("RelayState=x", "EDU-2103"),
        ("SigAlg", "EDU-2103"),
        ("Signature=", "EDU-2103"),
        ("SAMLResponse=x", "EDU-2103"),
        ("SAML%52equest=x", "EDU-2105"),
        ("%52elayState=x", "EDU-2105"),
        ("x%=x", "EDU-2105"),
        ("SAMLEncoding=urn:x", "EDU-2106"),
    ] {
        assert_eq!(code(&format!("{query}&{more}")), code_of_it, "{more}");
        let before = code(&format!("{more}&{query}"));
        assert!(
            [code_of_it, "EDU-2104"].contains(&before),
            "{more} {before}"
        );
    }
}

#[test]
fn parameters_that_are_missing_are_refused() {
    let [message, relay, algorithm, signature] = &parts();
    assert_eq!(code(&format!("{message}&{relay}&{signature}")), "EDU-2108");
    assert_eq!(code(&format!("{message}&{relay}&{algorithm}")), "EDU-2108");
    assert_eq!(
        code(&format!("{relay}&{algorithm}&{signature}")),
        "EDU-2102"
    );
    assert_eq!(code(""), "EDU-2102");
    assert_eq!(code("samlrequest=x"), "EDU-2102");
}

#[test]
fn other_parameters_are_passed_over() {
    let encoding =
        "SAMLEncoding=urn%3Aoasis%3Anames%3Atc%3ASAML%3A2.0%3Abindings%3AURL-Encoding%3ADEFLATE";
    let query = format!("utm=1&{}&{encoding}&utm=2&&=", signed());
    assert!(verify(&query).is_ok());
}

#[test]
fn other_algorithms_are_refused() {
    let query = signed();
    let (_, named) = query.split_once("&SigAlg=").unwrap();
    let ours = named.split('&').next().unwrap();
    for other in [
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        "none",
        "",
    ] {
        assert_eq!(
            code(&query.replace(ours, &escaped(other))),
            "EDU-2209",
            "{other}"
        );
    }
    // Of the list, but not what was signed; or of another kind of key.
    let sha512 = escaped("http://www.w3.org/2001/04/xmldsig-more#rsa-sha512");
    assert_eq!(verify(&query.replace(ours, &sha512)), Err("EDU-2211"));
    let ecdsa = escaped("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256");
    assert_eq!(verify(&query.replace(ours, &ecdsa)), Err("EDU-2211"));
}

#[test]
fn garbage_in_parameters_is_refused() {
    let message = deflated(REQUEST_XML.as_bytes());
    let signature =
        "&SigAlg=http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23rsa-sha256&Signature=";
    for (query, code_of_it) in [
        ("SAMLRequest=".to_owned(), "EDU-2003"),
        ("SAMLRequest=%25%25".to_owned(), "EDU-2002"),
        ("SAMLRequest=AAAA".to_owned(), "EDU-2003"),
        ("SAMLRequest=%zz".to_owned(), "EDU-2105"),
        ("SAMLRequest=%FF".to_owned(), "EDU-2005"),
        (format!("SAMLRequest={message}&RelayState=%FF"), "EDU-2005"),
        (format!("SAMLRequest={message}&RelayState=%4"), "EDU-2105"),
        (format!("SAMLRequest={message}&RelayState=%+1"), "EDU-2105"),
        (
            format!("SAMLRequest={message}&RelayState={}", "x".repeat(1025)),
            "EDU-2107",
        ),
        (format!("SAMLRequest={message}{signature}%25"), "EDU-2002"),
        (
            format!("SAMLRequest={message}&RelayState={}", "x".repeat(1 << 20)),
            "EDU-2101",
        ),
    ] {
        assert_eq!(
            code(&query),
            code_of_it,
            "{}",
            &query[..query.len().min(200)]
        );
    }
    assert_eq!(
        verify(&format!("SAMLRequest={message}{signature}")),
        Err("EDU-2211")
    );
    assert_eq!(
        verify(&format!("SAMLRequest={message}{signature}AAAA")),
        Err("EDU-2211")
    );
}

#[test]
fn a_deflate_bomb_costs_nothing() {
    // A gigabyte of zeros is a megabyte deflated: too long a query. What fits one is still 60 MB.
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    let block = vec![0; 1 << 20];
    for _ in 0..60 {
        encoder.write_all(&block).unwrap();
    }
    let bomb = STANDARD.encode(encoder.finish().unwrap());
    let query = format!("SAMLRequest={bomb}");
    assert!(query.len() < 128 * 1024);
    let started = std::time::Instant::now();
    assert_eq!(code(&query), "EDU-2004");
    assert!(started.elapsed().as_millis() < 250);
    let long = format!("SAMLRequest={}", bomb.repeat(16));
    assert_eq!(code(&long), "EDU-2101");
}

#[test]
fn an_enveloped_signature_in_a_query_is_refused() {
    let xml = REQUEST_XML.replace("<!--@S@-->", &crate::forge::template("_request"));
    let query = format!("SAMLRequest={}", deflated(RSA.sign(&xml).as_bytes()));
    assert_eq!(code(&query), "EDU-2109");
}

#[test]
fn what_is_inside_is_checked_as_any_document() {
    for (xml, code_of_it) in [
        ("<!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>", "EDU-2007"),
        (
            "<?xml version=\"1.0\" encoding=\"UTF-16\"?><x/>",
            "EDU-2006",
        ),
        ("not xml", "EDU-2015"),
        ("<a><b></a></b>", "EDU-2015"),
        ("", "EDU-2015"),
        ("<x/>", "EDU-2301"),
        (
            "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"/>",
            "EDU-2303",
        ),
        (
            "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"/>",
            "EDU-2301",
        ),
    ] {
        assert_eq!(
            code(&format!("SAMLRequest={}", deflated(xml.as_bytes()))),
            code_of_it,
            "{xml}"
        );
    }
    let not_utf8 = format!("SAMLRequest={}", deflated(b"<a>\xff</a>"));
    assert_eq!(code(&not_utf8), "EDU-2005");
}
