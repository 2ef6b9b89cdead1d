//! A pinned source is read with its signature, or not at all.

use openssl::pkey::PKey;
use samael::crypto::{CryptoProvider, XmlSec};

use super::{HEAD, good_sp, key, now, policy, read, refusal};
use crate::keys::generate;
use crate::metadata::{
    EntityPlan, IndexedEndpoint, IndexedEndpointUrl, ReadPolicy, RequestedAttribute, RolePlan, Ui,
    compose,
};
use crate::{
    Binding, EntityId, KeyKind, MessageId, NameIdFormat, Refusal, SigningKey, VerifyingKey,
};

/// A service of ours, composed and signed.
fn composed(key: &SigningKey) -> String {
    let id = EntityId::parse("https://sp.example/sp").unwrap();
    let ui = Ui {
        technical_contact: Some("help@sp.example".to_owned()),
        ..Ui::default()
    };
    let plan = EntityPlan {
        document_id: MessageId::parse("_document").unwrap(),
        id: &id,
        valid_until: now() + chrono::Duration::days(7),
        cache_s: 3600,
        ui: &ui,
        attributes: &[("urn:x".to_owned(), vec![VALUE.to_owned()])],
        role: RolePlan::Sp {
            acs: vec![IndexedEndpoint {
                binding: Binding::Post,
                location: "https://sp.example/acs?a=1&b=2".to_owned(),
                index: 0,
                is_default: true,
            }],
            slo: Vec::new(),
            discovery: vec![IndexedEndpointUrl {
                location: "https://sp.example/login".to_owned(),
                index: 1,
                is_default: true,
            }],
            name_id_formats: vec![NameIdFormat::Transient],
            requested_attributes: &[requested()],
        },
        signing_certificates: vec![key.certificate()],
    };
    compose(&plan, key).unwrap()
}

const VALUE: &str = "Dupont & fils <O'Neil> \"é\"";

fn requested() -> RequestedAttribute {
    RequestedAttribute {
        name: "urn:oid:2.5.4.4".to_owned(),
        name_format: crate::names::ATTRNAME_URI.to_owned(),
        friendly_name: Some("sn".to_owned()),
        required: true,
    }
}

#[test]
fn what_we_compose_we_read_back() {
    let key = key();
    let pinned = [key.verifying()];
    let strict = ReadPolicy {
        pinned: &pinned,
        horizon_days: Some(30),
        ..policy()
    };
    let document = read(&composed(&key), &strict).unwrap();
    assert_eq!(document.left_out, []);
    assert_eq!(document.key.as_deref(), Some(pinned[0].fingerprint()));
    assert_eq!(document.cache_s, Some(3600));
    assert_eq!(
        document.valid_until,
        Some(now() + chrono::Duration::days(7))
    );
    let entity = &document.entities[0];
    assert_eq!(entity.id.as_str(), "https://sp.example/sp");
    assert_eq!(
        entity.attributes,
        [("urn:x".to_owned(), vec![VALUE.to_owned()])]
    );
    assert_eq!(
        entity.ui.technical_contact.as_deref(),
        Some("help@sp.example")
    );
    assert!(entity.idp.is_none());
    let role = entity.sp.as_ref().unwrap();
    assert_eq!(role.acs[0].location, "https://sp.example/acs?a=1&b=2");
    assert!(role.acs[0].is_default);
    assert_eq!(role.default_discovery(), Some("https://sp.example/login"));
    assert_eq!(role.requested_attributes, [requested()]);
    assert_eq!(role.signing_keys, pinned);
    assert_eq!(role.name_id_formats, [NameIdFormat::Transient]);
}

#[test]
fn a_pinned_source_is_read_only_with_its_signature() {
    let (key, stranger) = (key(), key());
    let pinned = [key.verifying()];
    let strict = ReadPolicy {
        pinned: &pinned,
        ..policy()
    };
    let xml = composed(&key);
    assert!(read(&xml, &strict).is_ok());
    let tampered = xml.replace("https://sp.example/login", "https://evil.example/in");
    assert_ne!(tampered, xml);
    assert_eq!(refusal(&tampered, &strict), Refusal::SignatureInvalid);
    assert_eq!(
        refusal(&composed(&stranger), &strict),
        Refusal::SignatureInvalid
    );
    let unsigned = good_sp("https://a.example");
    assert_eq!(refusal(&unsigned, &strict), Refusal::Unsigned);
}

/// A federation's RSA key, as xmlsec signs with it and as it is pinned.
struct Federation {
    der: Vec<u8>,
    pinned: VerifyingKey,
}

impl Federation {
    fn new() -> Self {
        let pair = generate(KeyKind::Rsa2048, "federation", [6; 16], now(), 1).unwrap();
        let private = PKey::private_key_from_pem(pair.key_pem.as_bytes()).unwrap();
        Self {
            der: private.private_key_to_der().unwrap(),
            pinned: VerifyingKey::from_pem(&pair.cert_pem).unwrap(),
        }
    }

    /// An aggregate of `content`, signed.
    fn aggregate(&self, content: &str) -> String {
        let xml = format!(
            "<md:EntitiesDescriptor {HEAD} ID=\"_all\">{}{content}</md:EntitiesDescriptor>",
            template("_all")
        );
        XmlSec::sign_xml(xml, &self.der).unwrap()
    }

    fn refusal(&self, xml: &str) -> Refusal {
        let pinned = [self.pinned.clone()];
        let strict = ReadPolicy {
            pinned: &pinned,
            ..policy()
        };
        refusal(xml, &strict)
    }
}

fn template(id: &str) -> String {
    format!(
        "<ds:Signature><ds:SignedInfo><ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>\
         <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/><ds:Reference URI=\"#{id}\"><ds:Transforms>\
         <ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/><ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>\
         </ds:Transforms><ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature>"
    )
}

/// The body of a document we composed, to stand inside another.
fn inner(key: &SigningKey) -> String {
    let xml = composed(key);
    xml.split_once("?>")
        .map_or(xml.clone(), |(_, body)| body.to_owned())
}

#[test]
fn entities_that_sign_themselves_stand_in_a_signed_aggregate() {
    let federation = Federation::new();
    let xml = federation.aggregate(&format!(
        "{}{}",
        inner(&key()),
        good_sp("https://a.example")
    ));
    let pinned = [key().verifying(), federation.pinned.clone()];
    let strict = ReadPolicy {
        pinned: &pinned,
        ..policy()
    };
    let document = read(&xml, &strict).unwrap();
    assert_eq!(document.entities.len(), 2);
    assert_eq!(document.left_out, []);
    assert_eq!(
        document.key.as_deref(),
        Some(federation.pinned.fingerprint())
    );

    let tampered = xml.replace("https://a.example", "https://e.example");
    assert_eq!(federation.refusal(&tampered), Refusal::SignatureInvalid);
    let tampered = xml.replace("https://sp.example/login", "https://evil.example/in");
    assert_eq!(federation.refusal(&tampered), Refusal::SignatureInvalid);
}

#[test]
fn the_signature_of_an_entity_is_not_that_of_the_aggregate() {
    let federation = Federation::new();
    let alone = format!(
        "<md:EntitiesDescriptor {HEAD} ID=\"_all\">{}</md:EntitiesDescriptor>",
        inner(&key())
    );
    assert_eq!(federation.refusal(&alone), Refusal::Unsigned);
    // The signed aggregate inside a forged one, before or after the forged entities.
    let genuine = federation.aggregate(&good_sp("https://a.example"));
    let genuine = genuine
        .split_once("?>")
        .map_or(genuine.as_str(), |(_, body)| body);
    let evil = good_sp("https://evil.example");
    for content in [format!("{genuine}{evil}"), format!("{evil}{genuine}")] {
        let wrapped =
            format!("<md:EntitiesDescriptor {HEAD} ID=\"_evil\">{content}</md:EntitiesDescriptor>");
        assert_eq!(federation.refusal(&wrapped), Refusal::Unsigned);
    }
    let (start, rest) = genuine.split_once("<ds:Signature>").unwrap();
    let (signature, entities) = rest.split_once("</ds:Signature>").unwrap();
    let signature = format!("<ds:Signature>{signature}</ds:Signature>");
    // Its signature moved to the forged one, the signed one beside it.
    let moved = format!(
        "<md:EntitiesDescriptor {HEAD} ID=\"_evil\">{signature}{evil}<md:Extensions>{start}{entities}</md:Extensions></md:EntitiesDescriptor>"
    );
    assert_eq!(federation.refusal(&moved).code(), "EDU-2206");
    let moved = moved.replace("ID=\"_evil\"", "ID=\"_all\"");
    assert_eq!(federation.refusal(&moved).code(), "EDU-2019");
    // A second signature of the root.
    let twice = genuine.replacen("</ds:Signature>", &format!("</ds:Signature>{signature}"), 1);
    assert_eq!(federation.refusal(&twice), Refusal::SignatureRepeated);
}
