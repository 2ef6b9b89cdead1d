use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::*;
use crate::keys::generate;
use crate::response::{NameId, ResponsePlan, SignWhat, compose};
use crate::{AuthnRequest, KeyKind, MessageId, NameIdFormat, SigningKey, redirect};

fn now() -> Moment {
    Moment::from_timestamp(1_790_000_000, 0).unwrap()
}

fn id(text: &str) -> EntityId {
    EntityId::parse(text).unwrap()
}

fn key() -> SigningKey {
    let pair = generate(KeyKind::P256, "idp", [1; 16], now(), 10).unwrap();
    SigningKey::from_pem(&pair.key_pem, &pair.cert_pem).unwrap()
}

fn looked(pasted: &str, at: Moment) -> Result<Examined, Refusal> {
    examine(
        pasted,
        &Known {
            entity: &|_| None,
            now: at,
            rules: &Rules::default(),
            loopback_http: false,
        },
    )
}

/// What came of the rule of that name.
fn verdict(of: &Examined, name: &str) -> Verdict {
    let found = of.checks.iter().find(|check| check.name == name);
    found
        .unwrap_or_else(|| panic!("no {name}: {:?}", of.checks))
        .verdict
        .clone()
}

fn answer() -> String {
    let name_id = NameId {
        value: "_nobody".to_owned(),
        format: NameIdFormat::Transient,
        name_qualifier: None,
        sp_name_qualifier: None,
    };
    let plan = ResponsePlan {
        response_id: &MessageId::from_random([1; 20]),
        assertion_id: &MessageId::from_random([2; 20]),
        in_response_to: Some(&MessageId::from_random([3; 20])),
        issuer: &id("https://idp.example/idp"),
        audience: &id("https://sp.example/sp"),
        acs: "https://sp.example/acs",
        now: now(),
        lifetime_s: 300,
        name_id: Some(&name_id),
        authn_instant: now(),
        authn_context: crate::names::PASSWORD,
        session_index: "_s",
        session_ends: None,
        attributes: &[],
        sign: SignWhat::Both,
    };
    compose(&plan, &key()).unwrap()
}

#[test]
fn a_message_is_found_in_whatever_it_travels_in() {
    let mut request = AuthnRequest::new(
        MessageId::from_random([9; 20]),
        now(),
        id("https://sp.example/sp"),
    );
    request.destination = Some("https://idp.example/sso".to_owned());
    let state = Some("back");
    let address = redirect::compose(&request, "https://idp.example/sso", state, &key()).unwrap();
    let (_, query) = address.split_once('?').unwrap();
    let value = query.split('&').next().unwrap().split_once('=').unwrap().1;
    let bare = percent_encoding::percent_decode_str(value)
        .decode_utf8()
        .unwrap();
    let all = ["address", "percent", "base64", "deflate"];
    for (pasted, wrapped) in [
        (address.as_str(), &all[..]),
        (query, &all),
        (value, &all[1..]),
        (&bare, &all[2..]),
    ] {
        let seen = looked(pasted, now()).unwrap();
        assert_eq!(seen.what, What::AuthnRequest);
        let found: Vec<_> = seen.wrapped.iter().map(|one| one.word()).collect();
        assert!(
            wrapped.ends_with(&found) && found.len() + 1 >= wrapped.len(),
            "{found:?}"
        );
        assert_eq!(verdict(&seen, "request"), Verdict::Holds);
        assert_eq!(verdict(&seen, "fresh"), Verdict::Holds);
        let signed = if pasted.contains("Signature=") {
            "signature"
        } else {
            "signature-elsewhere"
        };
        assert_eq!(
            verdict(&seen, signed),
            Verdict::Unknown,
            "nobody's key is known"
        );
        assert!(
            seen.pretty.starts_with("<samlp:AuthnRequest"),
            "{}",
            seen.pretty
        );
        assert!(seen.pretty.contains("\n  <saml:Issuer"), "{}", seen.pretty);
        assert!(seen.pretty.contains(">https://sp.example/sp</saml:Issuer>"));
    }
    let seen = looked(&address, now()).unwrap();
    assert_eq!(seen.relay_state.as_deref(), Some("back"));
    let late = looked(&address, now() + chrono::Duration::hours(1)).unwrap();
    assert!(matches!(verdict(&late, "fresh"), Verdict::Past(_)));
}

#[test]
fn an_answer_is_held_against_every_rule_of_a_service() {
    let xml = answer();
    let good = looked(&xml, now()).unwrap();
    assert_eq!(good.what, What::Response);
    for name in [
        "issuer",
        "destination",
        "answers",
        "issued",
        "status",
        "assertion-issuer",
        "subject",
        "bearer",
        "dates",
        "audience",
        "authn",
        "signature-shape",
        "algorithms",
    ] {
        assert_eq!(verdict(&good, name), Verdict::Holds, "{name}");
    }
    assert_eq!(
        looked(&STANDARD.encode(&xml), now()).unwrap().checks,
        good.checks
    );
    // In its time it held.
    let late = looked(&xml, now() + chrono::Duration::hours(1)).unwrap();
    for name in ["bearer", "dates"] {
        assert!(matches!(verdict(&late, name), Verdict::Past(_)), "{name}");
    }
    for (from, to, name, code) in [
        ("saml:Subject>", "saml:Nobody>", "subject", "EDU-2601"),
        ("status:Success", "status:Responder", "status", "EDU-2502"),
        (
            " Recipient=\"https://sp.example/acs\"",
            "",
            "bearer",
            "EDU-2605",
        ),
        ("cm:bearer", "cm:holder", "bearer", "EDU-2603"),
        ("Version=\"2.0\"", "Version=\"1.1\"", "version", "EDU-2302"),
        ("_0101", "0101", "id", "EDU-2305"),
        (
            "saml:AudienceRestriction>",
            "saml:OneTimeUse>",
            "audience",
            "EDU-2616",
        ),
        ("ecdsa-sha256", "rsa-sha1", "signature-shape", "EDU-2209"),
    ] {
        let changed = xml.replace(from, to);
        assert_ne!(changed, xml, "{from}");
        let seen = looked(&changed, now()).unwrap();
        let found = verdict(&seen, name);
        let found = found.refusal().map(Refusal::code);
        assert_eq!(found, Some(code), "{name}: {:?}", seen.checks);
    }
}

#[test]
fn a_signature_is_verified_with_the_keys_of_whoever_is_known() {
    let provider = |key: &SigningKey| {
        let text = format!(
            "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"https://idp.example/idp\">\
             <md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><md:KeyDescriptor>\
             <ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate>\
             </ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService Location=\"https://idp.example/sso\" \
             Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\"/></md:IDPSSODescriptor></md:EntityDescriptor>",
            key.certificate()
        );
        let policy = ReadPolicy {
            pinned: &[],
            now: now(),
            horizon_days: None,
            loopback_http: false,
        };
        let seen = looked(&text, now()).unwrap();
        assert_eq!(seen.what, What::Metadata);
        assert_eq!(verdict(&seen, "entity"), Verdict::Holds);
        Arc::new(metadata::read(&text, &policy).unwrap().entities.remove(0))
    };
    let xml = answer();
    // The key of these tests is drawn anew at each call: the message's own is in the message.
    let own = xml
        .split("X509Certificate>")
        .nth(1)
        .map(|rest| rest.split('<').next().unwrap());
    let own = own.map(str::to_owned);
    let stranger = provider(&key());
    let seen = |entity: &Arc<Entity>, text: &str| {
        examine(
            text,
            &Known {
                entity: &|id| (id == &entity.id).then(|| Arc::clone(entity)),
                now: now(),
                rules: &Rules::default(),
                loopback_http: false,
            },
        )
        .unwrap()
    };
    let wrong = verdict(&seen(&stranger, &xml), "signature");
    assert_eq!(wrong.refusal().map(Refusal::code), Some("EDU-2211"));
    if let Some(certificate) = own {
        let mut entity = (*stranger).clone();
        let verifying = crate::VerifyingKey::from_certificate(&certificate).unwrap();
        entity.idp.as_mut().unwrap().signing_keys = vec![verifying];
        let entity = Arc::new(entity);
        assert_eq!(verdict(&seen(&entity, &xml), "signature"), Verdict::Holds);
        let changed = xml.replace("_nobody", "_somebody");
        let wrong = verdict(&seen(&entity, &changed), "signature");
        assert_eq!(wrong.refusal().map(Refusal::code), Some("EDU-2211"));
    }
}

#[test]
fn what_is_hostile_is_refused_or_shown_as_text() {
    let deflated = |bytes: &[u8]| {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        STANDARD.encode(encoder.finish().unwrap())
    };
    let mut deep = String::new();
    for _ in 0..70 {
        deep.push_str("<a>");
    }
    for (pasted, code) in [
        (String::new(), "EDU-2003"),
        ("hello, world".to_owned(), "EDU-2002"),
        ("%%%".to_owned(), "EDU-2002"),
        ("<a>".to_owned(), "EDU-2015"),
        (deflated(&vec![b' '; 8 << 20]), "EDU-2004"),
        (
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>".to_owned(),
            "EDU-2007",
        ),
        ("<?php x ?><a/>".to_owned(), "EDU-2008"),
        ("A".repeat(10 << 20), "EDU-2001"),
        (format!("<a>{}</a>", "x".repeat(300 << 10)), "EDU-2001"),
        (deep, "EDU-2009"),
        ("\u{0}".to_owned(), "EDU-2002"),
    ] {
        let refused = looked(&pasted, now()).unwrap_err();
        let shown: String = pasted.chars().take(40).collect();
        assert_eq!(refused.code(), code, "{shown}");
    }
    let seen = looked(
        "<a b='&lt;script>'><c>x &amp; y</c><![CDATA[<script>]]></a>",
        now(),
    )
    .unwrap();
    assert_eq!((seen.what, seen.checks.len()), (What::Other, 1));
    assert!(seen.pretty.contains("x &amp; y"), "{}", seen.pretty);
}

#[test]
fn every_check_has_a_name_that_is_listed_and_little_is_never_made_large() {
    let mut wide =
        String::from("<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\">");
    for number in 0..4000 {
        write!(wide, "<a{number}/>").unwrap();
    }
    wide.push_str("</samlp:Response>");
    for text in [wide, answer(), "<a/>".to_owned()] {
        let seen = looked(&text, now()).unwrap();
        assert!(seen.pretty.len() < 600 * 1024);
        for check in &seen.checks {
            assert!(NAMES.contains(&check.name), "{}", check.name);
            assert!(
                check
                    .found
                    .as_ref()
                    .is_none_or(|text| text.chars().count() <= SHOWN + 1)
            );
        }
    }
}
