//! Signatures over nothing: an empty canonical form has a digest, too, and whoever makes a checker
//! arrive there needs no key of its own. All `SignedInfo` here are really signed by the identity
//! provider's key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::hash::{MessageDigest, hash};

use crate::forge::{RSA, receive, refused, signed};

const DS: &str = "http://www.w3.org/2000/09/xmldsig#";

/// The canonical form of a `ds:SignedInfo` of the forge: declared where it begins, every end written.
fn canonical(inside: &str) -> String {
    let mut form = format!("<ds:SignedInfo xmlns:ds=\"{DS}\">");
    let mut parts = inside.split("/>").peekable();
    while let Some(part) = parts.next() {
        form.push_str(part);
        if parts.peek().is_some() {
            let name = part.rsplit('<').next().unwrap().split(' ').next().unwrap();
            form.extend(["></", name, ">"]);
        }
    }
    form + "</ds:SignedInfo>"
}

fn between<'a>(xml: &'a str, from: &str, to: &str) -> &'a str {
    xml.split_once(from).unwrap().1.split_once(to).unwrap().0
}

/// A signed answer whose digest is `digest`, under a signature that is good for it.
fn with_digest(change: &dyn Fn(String) -> String, digest: Option<&str>) -> String {
    let xml = signed(change);
    let found = between(&xml, "<ds:DigestValue>", "</ds:DigestValue>").to_owned();
    let xml = xml.replace(&found, digest.unwrap_or(&found));
    let info = canonical(between(&xml, "<ds:SignedInfo>", "</ds:SignedInfo>"));
    with_value(&xml, &RSA.signing.sign(info.as_bytes()).unwrap())
}

fn with_value(xml: &str, value: &[u8]) -> String {
    let found = between(xml, "<ds:SignatureValue>", "</ds:SignatureValue>").to_owned();
    xml.replace(&found, &STANDARD.encode(value))
}

fn of_nothing() -> String {
    STANDARD.encode(hash(MessageDigest::sha256(), b"").unwrap())
}

#[test]
fn a_digest_of_an_empty_canonical_form_is_refused() {
    let same = |xml: String| xml;
    let genuine = with_digest(&same, None);
    assert!(receive(&genuine).is_ok(), "signed by hand as it should be");
    let xml = with_digest(&same, Some(&of_nothing()));
    assert_eq!(refused(&xml).code(), "EDU-2211");
    // What makes canonicalisation fail is refused before, digest of nothing or not.
    for broken in [
        "xmlns:x=\"relative/\"",
        "xmlns:x=\"\"",
        "xmlns:x=\"http://[\"",
    ] {
        let put = format!("<samlp:Response {broken} ");
        let xml = with_digest(&same, Some(&of_nothing())).replacen("<samlp:Response ", &put, 1);
        assert!(receive(&xml).is_err(), "{broken}");
    }
}

#[test]
fn a_signature_of_an_empty_signed_info_is_refused() {
    let xml = signed(&|xml| xml);
    for signed in [&b""[..], b"\n", of_nothing().as_bytes()] {
        let value = RSA.signing.sign(signed).unwrap();
        assert_eq!(refused(&with_value(&xml, &value)).code(), "EDU-2211");
    }
}
