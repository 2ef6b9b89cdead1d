//! Requests we send by Redirect: the message in them, and the signature over their octets.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::DeflateDecoder;
use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::sign::Verifier;
use openssl::x509::X509;
use percent_encoding::percent_decode_str;
use saml::ecp::ChannelBinding;
use saml::request::{AcsChoice, NameIdPolicy, RequestedContext, Scoping};
use saml::{AuthnRequest, Binding, NameIdFormat, Received, Refusal, Signing, names, redirect};

use crate::documents::{ACS, Key, P256, P384, SP, STRANGER, entity, id, keys, now};
use crate::witnesses::{canonical_by_bergshamra, canonical_by_xmllint, schemas};

const SSO: &str = "https://idp.example/sso";

fn full() -> AuthnRequest {
    AuthnRequest {
        id: id("_request"),
        issue_instant: now(),
        issuer: entity(SP),
        destination: Some(SSO.to_owned()),
        acs: AcsChoice::Url(ACS.to_owned()),
        protocol_binding: Some(Binding::Post),
        force_authn: true,
        is_passive: true,
        name_id_policy: Some(NameIdPolicy {
            format: Some(NameIdFormat::Persistent),
            allow_create: true,
            sp_name_qualifier: Some(SP.to_owned()),
        }),
        requested_context: Some(RequestedContext {
            exact: true,
            classes: vec![names::REFEDS_MFA.to_owned(), names::PASSWORD.to_owned()],
        }),
        attribute_service: Some(3),
        scoping: Some(Scoping {
            proxy_count: Some(0),
            idps: vec![entity("https://idp.example/a&b"), entity(SP)],
            requesters: vec![entity(SP)],
        }),
        channel_bindings: vec![ChannelBinding {
            kind: Some("tls-server-end-point".to_owned()),
            value: "YWJj".to_owned(),
        }],
        names_subject: false,
    }
}

fn every() -> [AuthnRequest; 4] {
    let bare = AuthnRequest {
        acs: AcsChoice::Default,
        protocol_binding: None,
        force_authn: false,
        is_passive: false,
        name_id_policy: None,
        requested_context: None,
        attribute_service: None,
        scoping: None,
        channel_bindings: Vec::new(),
        ..full()
    };
    let by_index = AuthnRequest {
        acs: AcsChoice::Index(7),
        name_id_policy: Some(NameIdPolicy {
            format: None,
            allow_create: false,
            sp_name_qualifier: None,
        }),
        ..bare.clone()
    };
    let of_no_class = AuthnRequest {
        requested_context: Some(RequestedContext {
            exact: false,
            classes: Vec::new(),
        }),
        ..bare.clone()
    };
    [full(), bare, by_index, of_no_class]
}

/// The parameters of a query, still escaped.
fn parameters(address: &str) -> Vec<(&str, &str)> {
    let (_, query) = address.split_once('?').unwrap();
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap())
        .collect()
}

fn unescaped(text: &str) -> String {
    percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

fn message(address: &str) -> String {
    let (name, value) = parameters(address)[0];
    assert_eq!(name, "SAMLRequest");
    let deflated = STANDARD.decode(unescaped(value)).unwrap();
    let mut xml = String::new();
    DeflateDecoder::new(&*deflated)
        .read_to_string(&mut xml)
        .unwrap();
    xml
}

/// Checked with nothing but OpenSSL and the text of SAML Bindings 3.4.4.1.
fn verified(address: &str, key: &Key) -> bool {
    let (_, query) = address.split_once('?').unwrap();
    let (octets, signature) = query.split_once("&Signature=").unwrap();
    let signature = STANDARD.decode(unescaped(signature)).unwrap();
    let certificate = X509::from_pem(key.cert_pem.as_bytes()).unwrap();
    let public = certificate.public_key().unwrap();
    let (digest, signature) = match public.ec_key() {
        Err(_) => (MessageDigest::sha256(), signature),
        Ok(ec) => {
            let (r, s) = signature.split_at(signature.len() / 2);
            let [r, s] = [r, s].map(|part| BigNum::from_slice(part).unwrap());
            let der = EcdsaSig::from_private_components(r, s).unwrap().to_der();
            let digest = match ec.group().degree() {
                256 => MessageDigest::sha256(),
                384 => MessageDigest::sha384(),
                _ => MessageDigest::sha512(),
            };
            (digest, der.unwrap())
        }
    };
    Verifier::new(digest, &public)
        .unwrap()
        .verify_oneshot(&signature, octets.as_bytes())
        .unwrap_or(false)
}

#[test]
fn a_query_is_signed_over_its_octets() {
    for key in keys() {
        for state in [None, Some("état 1+1&=%")] {
            let address = redirect::compose(&full(), SSO, state, &key.signing).unwrap();
            assert!(verified(&address, key), "{address}");
            assert!(!verified(&address, &STRANGER));
            let stated = parameters(&address)
                .into_iter()
                .find(|(name, _)| *name == "RelayState")
                .map(|(_, value)| unescaped(value));
            assert_eq!(stated.as_deref(), state);
            assert!(!verified(
                &address.replacen("SAMLRequest=", "SAMLRequest=A", 1),
                key
            ));
        }
    }
}

#[test]
fn parameters_stand_in_the_order_they_are_signed_in() {
    let address = redirect::compose(&full(), SSO, Some("state"), &P384.signing).unwrap();
    let names: Vec<&str> = parameters(&address).iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["SAMLRequest", "RelayState", "SigAlg", "Signature"]);
    let algorithm = unescaped(parameters(&address)[2].1);
    assert_eq!(
        algorithm,
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"
    );
}

#[test]
fn every_request_is_canonical_and_obeys_the_schemas() {
    for request in every() {
        let address = redirect::compose(&request, SSO, None, &P256.signing).unwrap();
        let xml = message(&address);
        assert!(xml.as_bytes() == canonical_by_xmllint(&xml), "{xml}");
        assert!(xml.as_bytes() == canonical_by_bergshamra(&xml), "{xml}");
        assert_eq!(schemas(&xml), Ok(()), "{xml}");
        assert!(!xml.contains("Signature"), "the query is signed: {xml}");
    }
}

#[test]
fn what_is_asked_is_what_is_understood() {
    for request in every() {
        let address = redirect::compose(&request, SSO, Some("state"), &P256.signing).unwrap();
        let (_, query) = address.split_once('?').unwrap();
        let received = Received::<AuthnRequest>::from_query(query).unwrap();
        assert_eq!(received.relay_state(), Some("state"));
        let keys = [P256.signing.verifying()];
        let accepted = received
            .verify(Signing::Required(&keys))
            .unwrap()
            .accept(&saml::request::RequestExpected {
                destination: SSO,
                now: now(),
            })
            .unwrap()
            .into_message();
        let mut expected = request;
        // A context without a class asks for nothing, and is not said.
        expected.requested_context = expected
            .requested_context
            .filter(|context| !context.classes.is_empty());
        assert_eq!(accepted, expected);
    }
}

#[test]
fn a_query_of_the_destination_is_kept() {
    for (to, start) in [
        (SSO, "https://idp.example/sso?SAMLRequest="),
        (
            "https://idp.example/sso?",
            "https://idp.example/sso?SAMLRequest=",
        ),
        (
            "https://idp.example/sso?a=1",
            "https://idp.example/sso?a=1&SAMLRequest=",
        ),
        (
            "https://idp.example/sso?a=1&",
            "https://idp.example/sso?a=1&SAMLRequest=",
        ),
    ] {
        let address = redirect::compose(&full(), to, None, &P256.signing).unwrap();
        assert!(address.starts_with(start), "{address}");
    }
}

#[test]
fn what_the_binding_forbids_is_not_sent() {
    let refused = |request: &AuthnRequest, to: &str, state: Option<&str>| {
        let composed = redirect::compose(request, to, state, &P256.signing);
        assert!(
            matches!(composed, Err(Refusal::NotComposed { .. })),
            "{to} {state:?}: {composed:?}"
        );
    };
    refused(&full(), SSO, Some(""));
    refused(&full(), SSO, Some(&"x".repeat(81)));
    refused(&full(), SSO, Some(&"é".repeat(41)));
    refused(&full(), "https://idp.example/sso#here", None);
    let twice = AuthnRequest {
        acs: AcsChoice::Index(0),
        ..full()
    };
    refused(&twice, SSO, None);
    let control = AuthnRequest {
        acs: AcsChoice::Url("https://sp.example/\u{1}".to_owned()),
        ..full()
    };
    refused(&control, SSO, None);
    let longest = "x".repeat(80);
    assert!(redirect::compose(&full(), SSO, Some(&longest), &P256.signing).is_ok());
}
