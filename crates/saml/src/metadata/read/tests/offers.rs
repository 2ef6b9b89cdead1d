//! What roles offer beyond signing on: keys to encrypt for, addresses to resolve artifacts and to log
//! out at, services by index.

use super::super::super::{Endpoint, IndexedEndpoint, Offer};
use super::{certificate, entity, idp, key, now, open, policy, sp, sso};
use crate::encryption::{EncryptionMethod, Legacy, supported};
use crate::keys::generate;
use crate::metadata::{RolePlan, Ui, compose_with, read};
use crate::{Binding, EntityId, KeyKind, MessageId, Refusal, SigningKey};

fn rsa() -> SigningKey {
    let pair = generate(KeyKind::Rsa2048, "sp", [4; 16], now(), 1).unwrap();
    SigningKey::from_pem(&pair.key_pem, &pair.cert_pem).unwrap()
}

fn service(descriptors: &str) -> crate::metadata::SpRole {
    let acs = super::acs("https://sp.example/acs");
    let xml = entity("https://sp.example", &sp(&format!("{descriptors}{acs}")));
    let mut document = open(&xml);
    assert_eq!(document.left_out, []);
    document.entities.remove(0).sp.unwrap()
}

#[test]
fn keys_for_encryption_are_those_that_say_so_or_say_nothing() {
    let [signing, encryption, any] = [rsa(), rsa(), rsa()];
    let role = service(&format!(
        "{}{}{}{}",
        certificate(&signing, " use=\"signing\""),
        certificate(&encryption, " use=\"encryption\""),
        certificate(&any, ""),
        certificate(&rsa(), " use=\"other\""),
    ));
    let found: Vec<_> = role.encryption_keys.iter().map(|key| &key.key).collect();
    assert_eq!(found, [&encryption.verifying(), &any.verifying()]);
    assert_eq!(role.signing_keys, [signing.verifying(), any.verifying()]);
    let chosen = role.choose_encryption(Legacy::default()).unwrap().unwrap();
    assert_eq!(chosen.key(), encryption.verifying().fingerprint());
}

#[test]
fn a_service_without_a_key_for_it_is_not_encrypted_for() {
    let role = service(&certificate(&rsa(), " use=\"signing\""));
    assert_eq!(role.choose_encryption(Legacy::default()), Ok(None));
    // A key on a curve that nobody says is meant for it is one to sign with, and no more.
    let curve = key();
    let role = service(&certificate(&curve, ""));
    assert_eq!(role.choose_encryption(Legacy::default()), Ok(None));
    assert_eq!(role.signing_keys, [curve.verifying()]);
    let role = service(&certificate(&key(), " use=\"encryption\""));
    let refused = role.choose_encryption(Legacy::default());
    assert_eq!(refused, Err(Refusal::NoCommonEncryption));
}

#[test]
fn methods_are_read_in_their_order_and_bad_ones_left_out() {
    let methods = "<md:EncryptionMethod Algorithm=\"urn:a\"><x:odd xmlns:x=\"urn:x\"/></md:EncryptionMethod>\
         <md:EncryptionMethod/>\
         <md:EncryptionMethod Algorithm=\"urn:b\"><ds:DigestMethod Algorithm=\"urn:d\"/>\
         <xenc11:MGF xmlns:xenc11=\"http://www.w3.org/2009/xmlenc11#\" Algorithm=\"urn:m\"/></md:EncryptionMethod>\
         <md:EncryptionMethod Algorithm=\"urn:c\"><ds:DigestMethod/></md:EncryptionMethod>\
         </md:KeyDescriptor>";
    let descriptor = certificate(&rsa(), "").replace("</md:KeyDescriptor>", methods);
    let role = service(&descriptor);
    let method = |algorithm: &str, digest: Option<&str>, mask: Option<&str>| EncryptionMethod {
        algorithm: algorithm.to_owned(),
        digest: digest.map(str::to_owned),
        mask: mask.map(str::to_owned),
    };
    assert_eq!(
        role.encryption_keys[0].methods,
        [
            method("urn:a", None, None),
            method("urn:b", Some("urn:d"), Some("urn:m"))
        ]
    );
}

#[test]
fn what_we_offer_is_read_back() {
    let (key, own) = (key(), rsa());
    let id = EntityId::parse("https://sp.example/sp").unwrap();
    let at = |binding, location: &str, index| IndexedEndpoint {
        binding,
        location: location.to_owned(),
        index,
        is_default: index == 1,
    };
    let plan = crate::metadata::EntityPlan {
        document_id: MessageId::parse("_document").unwrap(),
        id: &id,
        valid_until: now() + chrono::Duration::days(7),
        cache_s: 3600,
        ui: &Ui::default(),
        attributes: &[],
        role: RolePlan::Sp {
            acs: vec![at(Binding::Post, "https://sp.example/acs", 0)],
            slo: Vec::new(),
            discovery: Vec::new(),
            name_id_formats: Vec::new(),
            requested_attributes: &[],
        },
        signing_certificates: vec![key.certificate()],
    };
    let offer = Offer {
        encryption_certificates: vec![own.certificate()],
        artifact_resolution: vec![at(Binding::Soap, "https://sp.example/artifact", 1)],
        ..Offer::default()
    };
    let xml = compose_with(&plan, &offer, &key).unwrap();
    let document = read(&xml, &policy()).unwrap();
    let role = document.entities[0].sp.as_ref().unwrap();
    assert_eq!(role.signing_keys, [key.verifying()]);
    assert_eq!(role.encryption_keys.len(), 1);
    assert_eq!(role.encryption_keys[0].key, own.verifying());
    assert_eq!(role.encryption_keys[0].methods, supported());
    let twice = Offer {
        artifact_resolution: vec![
            at(Binding::Soap, "https://sp.example/a", 1),
            at(Binding::Soap, "https://sp.example/b", 1),
        ],
        ..offer
    };
    assert!(compose_with(&plan, &twice, &key).is_err());
}

#[test]
fn artifact_resolution_addresses_are_read() {
    let service = |location: &str| {
        format!(
            "<md:ArtifactResolutionService Binding=\"{}\" Location=\"{location}\" index=\"7\"/>",
            Binding::Soap.uri()
        )
    };
    let provider = |location: &str| {
        let content = format!(
            "{}{}{}",
            certificate(&key(), ""),
            service(location),
            sso("https://idp.example/sso")
        );
        open(&entity("https://idp.example", &idp(&content)))
    };
    let document = provider("https://idp.example/artifact");
    let role = document.entities[0].idp.as_ref().unwrap();
    assert_eq!(role.artifact_resolution[0].index, 7);
    assert_eq!(
        role.artifact_resolution[0].location,
        "https://idp.example/artifact"
    );
    let bad = provider("http://idp.example/artifact");
    assert_eq!(bad.left_out[0].reason.code(), "EDU-2711");
}

#[test]
fn what_a_service_asks_for_is_found_by_its_index() {
    let of = |index: &str, name: &str, default: &str| {
        format!(
            "<md:AttributeConsumingService{index}{default}><md:ServiceName xml:lang=\"fr\">S</md:ServiceName><md:RequestedAttribute Name=\"{name}\"/></md:AttributeConsumingService>"
        )
    };
    let acs = super::acs("https://sp.example/acs");
    let services = format!(
        "{acs}{}{}{}",
        of(" index=\"1\"", "urn:a", ""),
        of(" index=\"2\"", "urn:b", " isDefault=\"true\""),
        of("", "urn:c", ""),
    );
    let document = open(&entity("https://sp.example", &sp(&services)));
    let role = document.entities[0].sp.as_ref().unwrap();
    let name = |index| {
        role.requested(index)
            .map(|requested| requested[0].name.as_str())
            .map_err(|refusal| refusal.code())
    };
    assert_eq!(name(None), Ok("urn:b"));
    assert_eq!(name(Some(1)), Ok("urn:a"));
    assert_eq!(name(Some(2)), Ok("urn:b"));
    assert_eq!(name(Some(0)), Err("EDU-2407"));
}

#[test]
fn logout_addresses_are_read_with_where_answers_go() {
    let slo = |binding: Binding, rest: &str| {
        format!(
            "<md:SingleLogoutService Binding=\"{}\" {rest}/>",
            binding.uri()
        )
    };
    let acs = super::acs("https://sp.example/acs");
    let read = |services: &str| {
        open(&entity(
            "https://sp.example",
            &sp(&format!("{services}{acs}")),
        ))
    };
    let document = read(&format!(
        "{}{}<md:SingleLogoutService Binding=\"urn:x\" Location=\"https://sp.example/x\"/>",
        slo(
            Binding::Redirect,
            "Location=\"https://sp.example/slo\" ResponseLocation=\"https://sp.example/done\""
        ),
        slo(Binding::Soap, "Location=\"https://sp.example/soap\""),
    ));
    let slo_of = &document.entities[0].sp.as_ref().unwrap().slo;
    assert_eq!(slo_of.len(), 2);
    let at =
        |binding| Endpoint::at(slo_of, binding).map(|at| (at.location.as_str(), at.for_answers()));
    assert_eq!(
        at(Binding::Redirect),
        Some(("https://sp.example/slo", "https://sp.example/done"))
    );
    assert_eq!(
        at(Binding::Soap),
        Some(("https://sp.example/soap", "https://sp.example/soap"))
    );
    assert_eq!(at(Binding::Post), None);
    for rest in [
        "Location=\"http://sp.example/slo\"",
        "Location=\"https://sp.example/slo\" ResponseLocation=\"javascript:alert(1)\"",
    ] {
        let bad = read(&slo(Binding::Redirect, rest));
        assert_eq!(bad.left_out[0].reason.code(), "EDU-2711", "{rest}");
    }
}
