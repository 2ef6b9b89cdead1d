//! What streams by is held against what is read as a whole, and against xmlsec.

use std::sync::Arc;

use proptest::prelude::*;
use samael::crypto::{CryptoProvider, XmlSec};

use super::{Scan, scan, scan_beside};
use crate::keys::generate;
use crate::metadata::{Document, Listing, ReadPolicy, read};
use crate::{EntityId, KeyKind, Moment, Refusal, SigningKey};

fn now() -> Moment {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn policy() -> ReadPolicy<'static> {
    ReadPolicy {
        pinned: &[],
        now: now(),
        horizon_days: None,
        loopback_http: false,
    }
}

/// Scans what was read as a whole: the verdict on every entity must be the same, and so must what
/// is listed of it.
pub(in crate::metadata) fn agrees(
    xml: &str,
    policy: &ReadPolicy<'_>,
    read: &Result<Document, Refusal>,
) {
    let scanned = scan(xml.as_bytes(), policy);
    let (scanned, read) = match (scanned, read) {
        (Ok(scanned), Ok(read)) => (scanned, read),
        (Ok(_), Err(why)) => panic!("scanned, and not read ({why}): {xml}"),
        (Err(why), Ok(_)) => panic!("read, and not scanned ({why}): {xml}"),
        (Err(_), Err(_)) => return,
    };
    assert_eq!(scanned.valid_until, read.valid_until);
    assert_eq!(scanned.cache_s, read.cache_s);
    assert_eq!(scanned.is_one, read.is_one);
    assert_eq!(scanned.key, read.key);
    assert_eq!(scanned.used, read.used);
    let text = xml.strip_prefix('\u{feff}').unwrap_or(xml);
    let mut whole = read.entities.iter();
    let mut spoilt = 0;
    for found in &scanned.entities {
        let start = usize::try_from(found.slice.at).unwrap();
        let slice = &text[start..start + found.slice.len];
        let Ok(entity) = found.slice.read(slice, policy) else {
            // Only its keys can be at fault: they are not decoded as they stream by.
            spoilt += 1;
            continue;
        };
        let expected = whole.next().expect("as many entities");
        assert_eq!(entity.id, expected.id);
        assert_eq!(entity.valid_until, expected.valid_until);
        assert_eq!(found.valid_until, expected.valid_until);
        assert_eq!(*found.listing, Listing::of(expected), "{xml}");
    }
    assert!(whole.next().is_none(), "not scanned");
    assert_eq!(
        scanned.left_out.len() + spoilt,
        read.left_out.len(),
        "{xml}"
    );
    for out in &scanned.left_out {
        let same = |other: &&crate::metadata::LeftOut| {
            (&other.entity_id, other.line) == (&out.entity_id, out.line)
        };
        assert!(read.left_out.iter().any(|other| same(&other)), "{out:?}");
    }
}

const HEAD: &str = r#"xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata""#;

fn service(id: &str, more: &str) -> String {
    format!(
        "<md:EntityDescriptor entityID=\"{id}\">{more}<md:SPSSODescriptor \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><md:AssertionConsumerService \
         Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"https://sp.example/acs\" \
         index=\"0\"/></md:SPSSODescriptor></md:EntityDescriptor>"
    )
}

fn both(xml: &str) -> Scan {
    agrees(xml, &policy(), &read(xml, &policy()));
    scan(xml.as_bytes(), &policy()).unwrap()
}

#[test]
fn groups_within_groups_are_walked_and_a_bad_entity_spoils_nobody() {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- a federation -->\n<md:EntitiesDescriptor {HEAD} \
         validUntil=\"2026-11-30T12:00:00Z\" cacheDuration=\"PT1H\">\n{}\n<md:EntitiesDescriptor Name=\"b\">\n{}\n\
         <md:EntitiesDescriptor validUntil=\"2026-11-22T12:00:00Z\">{}</md:EntitiesDescriptor>{}</md:EntitiesDescriptor>\n\
         {}\n{}<md:Extensions><x/></md:Extensions></md:EntitiesDescriptor>\n",
        service("https://a.example", ""),
        service("https://b.example", "<md:Extensions/>"),
        service("https://past.example", ""),
        service("https://a.example", ""),
        service("no uri at all", ""),
        service("https://c.example", "").replace("https://sp", "javascript:sp"),
    );
    let scan = both(&xml);
    let ids: Vec<&str> = scan
        .entities
        .iter()
        .map(|one| one.listing.id.as_str())
        .collect();
    assert_eq!(ids, ["https://a.example", "https://b.example"]);
    let told: Vec<(&str, u32, &str)> = scan
        .left_out
        .iter()
        .map(|out| (out.entity_id.as_str(), out.line, out.reason.code()))
        .collect();
    assert_eq!(told.len(), 4, "{told:?}");
    assert_eq!((told[0].0, told[0].1), ("https://past.example", 7));
    assert_eq!((told[1].0, told[1].1), ("https://a.example", 7));
    assert_eq!(told[2].1, 8);
    assert_eq!(told[3].1, 9);
}

#[test]
fn one_entity_has_a_budget_that_is_not_the_others() {
    let many = "<x/>".repeat(super::super::read::ENTITY_NODES);
    let huge = service(
        "https://huge.example",
        &format!("<md:Extensions>{many}</md:Extensions>"),
    );
    let xml = format!(
        "<md:EntitiesDescriptor {HEAD}>{}{huge}</md:EntitiesDescriptor>",
        service("https://a.example", "")
    );
    let scan = both(&xml);
    assert_eq!(scan.entities.len(), 1);
    assert_eq!(
        scan.left_out[0].reason.code(),
        Refusal::EntityTooLarge { limit: 0 }.code()
    );
}

/// Gives a text without an end, and says how much of it was taken.
struct Endless<'a>(&'a [u8], u64);

impl std::io::Read for Endless<'_> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let mut start = self.0;
        let mut read = start.read(to)?;
        self.0 = start;
        if read == 0 {
            to.fill(b'A');
            read = to.len();
        }
        self.1 += u64::try_from(read).unwrap();
        Ok(read)
    }
}

#[test]
fn a_logo_of_fifty_megabytes_is_never_in_memory() {
    for opens in [
        "<md:Logo>data:image/png;base64,",
        "<md:Logo url=\"",
        "<!--",
        "<![CDATA[",
        "<",
    ] {
        let start = format!("<md:EntityDescriptor {HEAD} entityID=\"https://a.example\">{opens}");
        let mut endless = Endless(start.as_bytes(), 0);
        let input = std::io::BufReader::new(&mut endless);
        let refused = scan(input, &policy()).unwrap_err();
        assert!(matches!(refused, Refusal::ValueTooLong { .. }), "{refused}");
        assert!(endless.1 < 3 << 20, "{opens}: {} bytes", endless.1);
    }
}

#[test]
fn who_is_listed_as_before_is_listed_once() {
    let xml = format!(
        "<md:EntitiesDescriptor {HEAD}>{}{}</md:EntitiesDescriptor>",
        service("https://a.example", ""),
        service("https://b.example", "")
    );
    let before = scan(xml.as_bytes(), &policy()).unwrap();
    let [a, b] = before.entities.as_slice() else {
        panic!("{before:?}");
    };
    let mut other = Listing::clone(&b.listing);
    other.is_provider = true;
    let other = Arc::new(other);
    let known = |id: &EntityId| match id.as_str() {
        "https://a.example" => Some(Arc::clone(&a.listing)),
        _ => Some(Arc::clone(&other)),
    };
    let now = scan_beside(xml.as_bytes(), &policy(), &known).unwrap();
    assert!(Arc::ptr_eq(&now.entities[0].listing, &a.listing));
    assert_eq!(now.entities[1].listing, b.listing, "it has changed since");
}

#[test]
fn what_no_parser_agrees_on_spoils_the_document() {
    let good = service("https://a.example", "");
    let wrap =
        |content: &str| format!("<md:EntitiesDescriptor {HEAD}>{content}</md:EntitiesDescriptor>");
    assert!(scan(wrap(&good).as_bytes(), &policy()).is_ok());
    let inside = |bad: &str| wrap(&service("https://a.example", bad));
    for bad in [
        inside("<x:y/>"),
        inside("<x xmlns:p=\"urn:a\" xmlns:p=\"urn:b\"/>"),
        inside("<x xmlns:p=\"urn:a\" xmlns:q=\"urn:a\" p:a=\"1\" q:a=\"2\"/>"),
        inside("<x a=\"1\" a=\"2\"/>"),
        inside("<x a=\"1\"b=\"2\"/>"),
        inside("<x a=1/>"),
        inside("<x a/>"),
        inside("<x a=\"<\"/>"),
        inside("<x a=\"&unknown;\"/>"),
        inside("<x a=\"&#0;\"/>"),
        inside("<x a=\"&#xFFFF;\"/>"),
        inside("<x a=\"\u{1}\"/>"),
        inside("\u{1}"),
        inside("\u{ffff}"),
        inside("]]>"),
        inside("&unknown;"),
        inside("&#xD800;"),
        inside("<x xmlns:p=\"\"/>"),
        inside("<x xmlns:p=\"relative\"/>"),
        inside("<x xmlns:xml=\"urn:x\"/>"),
        inside("<x xmlns:xmlns=\"urn:x\"/>"),
        inside("<x xml:id=\"a\"/>"),
        inside("<é/>"),
        inside("<a:b:c xmlns:a=\"urn:a\"/>"),
        inside("<?x?>"),
        inside("<x></y>"),
        inside("<!-- -- -->"),
        format!("<!DOCTYPE x>{}", wrap(&good)),
        format!("{}{}", wrap(&good), wrap(&good)),
        format!("{}x", wrap(&good)),
        format!("x{}", wrap(&good)),
        wrap(&good).replace("</md:EntitiesDescriptor>", ""),
        format!(" <?xml version=\"1.0\"?>{}", wrap(&good)),
        wrap(&"<md:EntitiesDescriptor>".repeat(70)),
        good,
        String::new(),
    ] {
        let scanned = scan(bad.as_bytes(), &policy());
        assert!(scanned.is_err(), "{bad}");
    }
    let mut bytes = inside("@").into_bytes();
    let at = bytes.iter().position(|byte| *byte == b'@').unwrap();
    bytes[at] = 0xff;
    assert!(scan(&bytes[..], &policy()).is_err());
}

fn key() -> (SigningKey, Vec<u8>) {
    let pair = generate(KeyKind::Rsa2048, "federation", [4; 16], now(), 1).unwrap();
    let key = SigningKey::from_pem(&pair.key_pem, &pair.cert_pem).unwrap();
    let private = openssl::pkey::PKey::private_key_from_pem(pair.key_pem.as_bytes()).unwrap();
    (key, private.private_key_to_der().unwrap())
}

fn template(prefixes: Option<&str>, digest: &str) -> String {
    let list = prefixes.map_or(String::new(), |list| {
        format!(
            "<ec:InclusiveNamespaces xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"{list}\"/>"
        )
    });
    let exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";
    format!(
        "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\
         <ds:CanonicalizationMethod Algorithm=\"{exclusive}\">{list}</ds:CanonicalizationMethod><ds:SignatureMethod \
         Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/><ds:Reference URI=\"#_m\"><ds:Transforms>\
         <ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>\
         <ds:Transform Algorithm=\"{exclusive}\">{list}</ds:Transform></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"{digest}\"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/>\
         </ds:Signature>"
    )
}

const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const SHA512: &str = "http://www.w3.org/2001/04/xmlenc#sha512";

fn signed(content: &str, template: &str, key_der: &[u8]) -> String {
    let xml = format!(
        "<md:EntitiesDescriptor {HEAD} xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns=\"urn:default\" ID=\"_m\">\n  \
         {template}{content}{}</md:EntitiesDescriptor>",
        service("https://a.example", "")
    );
    XmlSec::sign_xml(xml, key_der).unwrap()
}

/// Pieces of documents as odd as a canonicaliser may meet.
fn piece() -> impl Strategy<Value = String> {
    let text = "[ a-z\\t\\n\\ré\u{10348}>\"']{0,12}".prop_map(|text| text.replace("]]>", ""));
    let value = prop_oneof![
        "[ a-z\\t\\n\\ré>']{0,8}",
        Just("&lt;&amp;&quot;&apos;&gt;&#9;&#10;&#13;&#xE9;".to_owned()),
    ];
    let declared = prop_oneof![
        Just(String::new()),
        Just(" xmlns:p=\"urn:p\"".to_owned()),
        Just(" xmlns:p=\"urn:q\" xmlns:q=\"urn:p\"".to_owned()),
        Just(" xmlns=\"\"".to_owned()),
        Just(" xmlns=\"urn:other\"".to_owned()),
        Just(" xmlns:unused=\"urn:unused\"".to_owned()),
        Just(" xmlns:xs=\"urn:xs\"".to_owned()),
    ];
    let leaf = prop_oneof![
        text,
        Just("<!-- comment -->".to_owned()),
        Just("<![CDATA[<a>&amp;]]>".to_owned()),
        Just("&lt;&#xD;&#10;&gt;&quot;&#233;".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let element = prop_oneof![
            Just("x"),
            Just("p:x"),
            Just("xs:y"),
            Just("q:z"),
            Just("md:w")
        ];
        (
            element,
            declared.clone(),
            value.clone(),
            prop::collection::vec(inner, 0..4),
            any::<bool>(),
        )
            .prop_map(|(name, declared, value, inner, odd)| {
                let odd = if odd {
                    format!(" xml:lang='fr'  p:b = \"{value}\" xs:c='1'")
                } else {
                    String::new()
                };
                format!(
                    "<y xmlns:p=\"urn:1\" xmlns:q=\"urn:2\"><{name}{declared} z=\"{value}\" a='1'{odd}\n>{}</{name} ></y>",
                    inner.concat()
                )
            })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever xmlsec signs, in whatever odd but lawful spelling: its digest is ours.
    #[test]
    fn the_canonical_form_is_that_of_xmlsec(pieces in prop::collection::vec(piece(), 0..4), list in prop::option::of(prop::sample::select(&["#default", "xs", "p xs", "md #default q"][..])), long: bool) {
        static KEY: std::sync::LazyLock<(SigningKey, Vec<u8>)> = std::sync::LazyLock::new(key);
        let (key, pem) = &*KEY;
        let xml = signed(&pieces.concat(), &template(list, if long { SHA512 } else { SHA256 }), pem);
        let pinned = [key.verifying()];
        let strict = ReadPolicy { pinned: &pinned, ..policy() };
        let scanned = scan(xml.as_bytes(), &strict);
        prop_assert!(scanned.is_ok(), "{:?}: {}", scanned.err(), xml);
    }
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "a table of changes, each with its code"
)]
fn a_document_that_changed_under_its_signature_is_refused() {
    let (key, pem) = key();
    let xml = signed("<x>text</x>", &template(None, SHA256), &pem);
    let pinned = [key.verifying()];
    let strict = ReadPolicy {
        pinned: &pinned,
        ..policy()
    };
    let scanned = scan(xml.as_bytes(), &strict).unwrap();
    assert_eq!(scanned.key.as_deref(), Some(pinned[0].fingerprint()));
    let start = xml.find("<ds:Signature ").unwrap();
    let end = xml.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let signature = &xml[start..end];
    let without = xml.replace(signature, "");
    let stranger = [self::key().0.verifying()];
    let of_stranger = ReadPolicy {
        pinned: &stranger,
        ..policy()
    };
    assert_eq!(
        scan(xml.as_bytes(), &of_stranger).unwrap_err(),
        Refusal::SignatureInvalid
    );
    for (changed, why) in [
        (xml.replace(">text<", ">tex<"), "EDU-2211"),
        (xml.replace(">text<", ">text <"), "EDU-2211"),
        (
            xml.replace("sp.example/acs", "evil.example/acs"),
            "EDU-2211",
        ),
        (
            xml.replace("xmlns=\"urn:default\"", "xmlns=\"urn:other\""),
            "EDU-2211",
        ),
        (
            xml.replace(
                "<x>text</x>",
                &format!("<x>text</x>{}", service("https://b.example", "")),
            ),
            "EDU-2211",
        ),
        (without.clone(), "EDU-2201"),
        // Behind the first child, and twice.
        (
            without.replace("<x>", &format!("<x/>{signature}<x>")),
            "EDU-2201",
        ),
        (
            xml.replace("<x>text</x>", &format!("<x>text</x>{signature}")),
            "EDU-2203",
        ),
        // Inside an entity only.
        (
            without.replace(
                "<md:SPSSODescriptor",
                &format!("{signature}<md:SPSSODescriptor"),
            ),
            "EDU-2201",
        ),
        (xml.replace("<x>", "<x ID=\"_m\">"), "EDU-2019"),
        (xml.replace("ID=\"_m\"", ""), "EDU-2201"),
        (
            xml.replace("<ds:DigestValue>", "<ds:DigestValue><!-- -->"),
            "EDU-2017",
        ),
    ] {
        assert_ne!(changed, xml);
        let refused = scan(changed.as_bytes(), &strict).unwrap_err();
        assert_eq!(refused.code(), why, "{changed}");
    }
    // What is cut off is not whole, wherever.
    let xml = xml.trim_end();
    for cut in [xml.len() - 1, xml.len() - 10, xml.len() / 2, start, end, 0] {
        assert!(scan(&xml.as_bytes()[..cut], &strict).is_err(), "{cut}");
    }
}
