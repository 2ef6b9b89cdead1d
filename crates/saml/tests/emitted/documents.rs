//! Every kind of document we emit, as hard as its values can make it.

use std::sync::LazyLock;

use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::x509::X509Builder;
use saml::artifact::{Artifact, ArtifactResolve, ArtifactResponse};
use saml::encryption::{
    DecryptionKey, Encryption, EncryptionKey, EncryptionMethod, Legacy, supported,
};
use saml::keys::{KeyPair, generate};
use saml::logout::{LogoutRequest, LogoutResponse};
use saml::metadata::{
    Contact, ContactKind, Endpoint, EntityPlan, Imprint, IndexedEndpoint, IndexedEndpointUrl,
    Localized, Logo, Offer, Registration, RequestedAttribute, RolePlan, SpRole, Ui,
};
use saml::request::{AcsChoice, AuthnRequest, NameIdPolicy, Scoping};
use saml::response::{Attribute, ErrorPlan, NameId, ResponsePlan, SignWhat, Status, StatusSaid};
use saml::{
    Binding, EntityId, KeyKind, MessageId, Moment, NameIdFormat, SigningKey, VerifyingKey, names,
};

/// A name of a person, and what a careless hand or a hostile one adds to it.
pub(crate) const NAME: &str = "Dupont & fils <O'Neil> \"é\"";
pub(crate) const HARD: &str =
    " \t\r\n]]>Dupont & fils <O'Neil> \"é\"\u{7f}\u{85}\u{2028}\u{10348}<!--&amp;--> \r\n\t ";
pub(crate) const IDP: &str = "https://idp.example/idp?a=1&b='2'";
pub(crate) const SP: &str = "https://sp.example/sp?a=1&b=\"<2>\"";
pub(crate) const ACS: &str = "https://sp.example/acs?a=1&b='2'";
pub(crate) const REQUEST: &str = "_request";

/// A key with the certificate others know it by.
pub(crate) struct Key {
    pub(crate) signing: SigningKey,
    pub(crate) cert_pem: String,
}

impl Key {
    fn new(pair: KeyPair) -> Self {
        Self {
            signing: SigningKey::from_pem(&pair.key_pem, &pair.cert_pem).unwrap(),
            cert_pem: pair.cert_pem,
        }
    }
}

/// A service's key to encrypt for.
pub(crate) struct Own {
    pub(crate) opens: DecryptionKey,
    pub(crate) key_pem: String,
    pub(crate) cert_pem: String,
}

pub(crate) static OWN: LazyLock<Own> = LazyLock::new(|| {
    let since = "2020-01-01T00:00:00Z".parse().unwrap();
    let KeyPair { key_pem, cert_pem } =
        generate(KeyKind::Rsa2048, "sp", [8; 16], since, 30 * 365).unwrap();
    Own {
        opens: DecryptionKey::from_pem(&key_pem, &cert_pem).unwrap(),
        key_pem,
        cert_pem,
    }
});

pub(crate) static RSA: LazyLock<Key> = LazyLock::new(|| made(KeyKind::Rsa2048));
pub(crate) static P256: LazyLock<Key> = LazyLock::new(|| made(KeyKind::P256));
pub(crate) static P384: LazyLock<Key> = LazyLock::new(|| on_curve(Nid::SECP384R1));
pub(crate) static P521: LazyLock<Key> = LazyLock::new(|| on_curve(Nid::SECP521R1));
pub(crate) static STRANGER: LazyLock<Key> = LazyLock::new(|| made(KeyKind::P256));

/// What every realm may sign with, and what an operator may bring.
pub(crate) fn keys() -> [&'static Key; 4] {
    [&RSA, &P256, &P384, &P521]
}

pub(crate) fn now() -> Moment {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

/// Witnesses have clocks of their own: certificates hold from 2020 for thirty years.
fn made(kind: KeyKind) -> Key {
    let since = "2020-01-01T00:00:00Z".parse().unwrap();
    Key::new(generate(kind, NAME, [7; 16], since, 30 * 365).unwrap())
}

/// Curves an operator may bring, though we make none.
fn on_curve(curve: Nid) -> Key {
    let group = EcGroup::from_curve_name(curve).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut certificate = X509Builder::new().unwrap();
    certificate.set_version(2).unwrap();
    let serial = BigNum::from_u32(1)
        .and_then(|one| Asn1Integer::from_bn(&one))
        .unwrap();
    certificate.set_serial_number(&serial).unwrap();
    let begins = Asn1Time::from_str("20200101000000Z").unwrap();
    let ends = Asn1Time::from_str("20490101000000Z").unwrap();
    certificate.set_not_before(&begins).unwrap();
    certificate.set_not_after(&ends).unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.sign(&key, MessageDigest::sha384()).unwrap();
    let text = |pem: Vec<u8>| String::from_utf8(pem).unwrap();
    Key::new(KeyPair {
        key_pem: text(key.private_key_to_pem_pkcs8().unwrap()),
        cert_pem: text(certificate.build().to_pem().unwrap()),
    })
}

pub(crate) fn entity(id: &str) -> EntityId {
    EntityId::parse(id).unwrap()
}

pub(crate) fn id(text: &str) -> MessageId {
    MessageId::parse(text).unwrap()
}

/// A document, and the identifiers of what it signs in the order of the signatures.
pub(crate) struct Emitted {
    pub(crate) kind: &'static str,
    pub(crate) xml: String,
    pub(crate) signed: Vec<&'static str>,
}

/// Every kind of signed document, by `key`.
pub(crate) fn every(key: &SigningKey) -> Vec<Emitted> {
    let of = |kind, xml, signed: &[&'static str]| Emitted {
        kind,
        xml,
        signed: signed.to_vec(),
    };
    let both = ["_response", "_assertion"];
    vec![
        of("both signed", response(SignWhat::Both, key), &both),
        of(
            "response signed",
            response(SignWhat::Response, key),
            &["_response"],
        ),
        of(
            "assertion signed",
            response(SignWhat::Assertion, key),
            &["_assertion"],
        ),
        of(
            "both signed, encrypted",
            encrypted(SignWhat::Both, &encryption(supported(), LEGACY), key),
            &["_response"],
        ),
        of("bare response", bare_response(key), &both),
        of("logout", logout(key), &["_logout"]),
        of("bare logout", bare_logout(key), &["_logout"]),
        of("logged out", logged_out(key), &["_loggedout"]),
        of("resolve", resolve(key), &["_resolve"]),
        of("nothing resolved", resolved(None, key), &["_resolved"]),
        of(
            "resolved",
            resolved(Some(response(SignWhat::Both, key)), key),
            &["_resolved", "_response", "_assertion"],
        ),
        of(
            "request by form",
            saml::post::compose(&request(), key).unwrap(),
            &["_request"],
        ),
        of(
            "enveloped",
            saml::soap::compose(&request(), key).unwrap(),
            &["_request"],
        ),
        of("error", error(true, key), &["_response"]),
        of("bare error", error(false, key), &["_response"]),
        of(
            "identity provider",
            identity_provider(true, key),
            &["_metadata"],
        ),
        of(
            "bare identity provider",
            identity_provider(false, key),
            &["_metadata"],
        ),
        of("service", service(true, key), &["_metadata"]),
        of("bare service", service(false, key), &["_metadata"]),
    ]
}

pub(crate) fn attributes() -> Vec<Attribute> {
    let attribute = |name: &str, values: &[&str]| Attribute {
        name: name.to_owned(),
        name_format: names::ATTRNAME_URI.to_owned(),
        friendly_name: Some(HARD.to_owned()),
        values: values.iter().map(|&value| value.to_owned()).collect(),
    };
    vec![
        attribute("urn:oid:2.5.4.4", &[NAME, HARD, "", "\r", "]]>"]),
        attribute(HARD, &["x"]),
        Attribute {
            friendly_name: None,
            ..attribute("none", &[])
        },
    ]
}

pub(crate) fn name_id() -> NameId {
    NameId {
        value: HARD.to_owned(),
        format: NameIdFormat::Other("urn:x:a&b\"<c>".to_owned()),
        name_qualifier: Some(HARD.to_owned()),
        sp_name_qualifier: Some(NAME.to_owned()),
    }
}

pub(crate) fn response(sign: SignWhat, key: &SigningKey) -> String {
    response_about(&name_id(), &attributes(), sign, key).unwrap()
}

/// Whatever an operator may name.
pub(crate) const LEGACY: Legacy = Legacy {
    cbc: true,
    pkcs1: true,
};

/// How assertions are encrypted for a service that declares `methods`.
pub(crate) fn encryption(methods: Vec<EncryptionMethod>, legacy: Legacy) -> Encryption {
    let key = VerifyingKey::from_certificate(OWN.opens.certificate()).unwrap();
    let role = SpRole {
        signing_keys: Vec::new(),
        encryption_keys: vec![EncryptionKey { key, methods }],
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
    role.choose_encryption(legacy).unwrap().unwrap()
}

pub(crate) fn encrypted(sign: SignWhat, encryption: &Encryption, key: &SigningKey) -> String {
    composed(&name_id(), &attributes(), sign, Some(encryption), key).unwrap()
}

pub(crate) fn response_about(
    name_id: &NameId,
    attributes: &[Attribute],
    sign: SignWhat,
    key: &SigningKey,
) -> Result<String, saml::Refusal> {
    composed(name_id, attributes, sign, None, key)
}

fn composed(
    name_id: &NameId,
    attributes: &[Attribute],
    sign: SignWhat,
    encryption: Option<&Encryption>,
    key: &SigningKey,
) -> Result<String, saml::Refusal> {
    let plan = ResponsePlan {
        response_id: &id("_response"),
        assertion_id: &id("_assertion"),
        in_response_to: Some(&id(REQUEST)),
        issuer: &entity(IDP),
        audience: &entity(SP),
        acs: ACS,
        now: now(),
        lifetime_s: 300,
        name_id: Some(name_id),
        authn_instant: now(),
        authn_context: names::PASSWORD,
        session_index: HARD,
        session_ends: Some(now() + chrono::Duration::hours(9)),
        attributes,
        sign,
    };
    saml::response::compose_for(&plan, encryption, key)
}

fn request() -> AuthnRequest {
    AuthnRequest {
        id: id(REQUEST),
        issue_instant: now(),
        issuer: entity(SP),
        destination: Some("https://idp.example/sso?a=1&b='2'".to_owned()),
        acs: AcsChoice::Url(ACS.to_owned()),
        protocol_binding: Some(Binding::Artifact),
        force_authn: true,
        is_passive: false,
        name_id_policy: Some(NameIdPolicy {
            format: Some(NameIdFormat::Transient),
            allow_create: true,
            sp_name_qualifier: None,
        }),
        requested_context: None,
        attribute_service: Some(0),
        scoping: Some(Scoping {
            proxy_count: None,
            idps: vec![entity(IDP)],
            requesters: Vec::new(),
        }),
        channel_bindings: Vec::new(),
        names_subject: false,
    }
}

fn logout(key: &SigningKey) -> String {
    let request = LogoutRequest {
        id: id("_logout"),
        issue_instant: now(),
        issuer: entity(IDP),
        destination: Some("https://sp.example/slo?a=1&b='2'".to_owned()),
        not_on_or_after: Some(now() + chrono::Duration::minutes(5)),
        reason: Some("urn:oasis:names:tc:SAML:2.0:logout:user".to_owned()),
        name_id: name_id(),
        session_indexes: vec![HARD.to_owned(), NAME.to_owned()],
        asynchronous: true,
    };
    saml::post::compose(&request, key).unwrap()
}

fn bare_logout(key: &SigningKey) -> String {
    let request = LogoutRequest {
        id: id("_logout"),
        issue_instant: now(),
        issuer: entity(SP),
        destination: None,
        not_on_or_after: None,
        reason: None,
        name_id: NameId {
            name_qualifier: None,
            sp_name_qualifier: None,
            ..name_id()
        },
        session_indexes: Vec::new(),
        asynchronous: false,
    };
    saml::soap::compose(&request, key).unwrap()
}

fn logged_out(key: &SigningKey) -> String {
    let response = LogoutResponse {
        id: id("_loggedout"),
        issue_instant: now(),
        issuer: entity(IDP),
        destination: Some("https://sp.example/slo?a=1&b='2'".to_owned()),
        in_response_to: Some(id("_logout")),
        status: StatusSaid {
            message: Some(HARD.to_owned()),
            ..Status::PartialLogout.said()
        },
    };
    saml::post::compose(&response, key).unwrap()
}

fn resolve(key: &SigningKey) -> String {
    let resolve = ArtifactResolve {
        id: id("_resolve"),
        issue_instant: now(),
        issuer: entity(SP),
        destination: Some("https://idp.example/artifact?a=1&b='2'".to_owned()),
        artifact: Artifact::new(&entity(IDP), 1, [0xff; 20]),
    };
    saml::soap::compose(&resolve, key).unwrap()
}

fn resolved(message: Option<String>, key: &SigningKey) -> String {
    let response = ArtifactResponse {
        id: id("_resolved"),
        issue_instant: now(),
        issuer: entity(IDP),
        in_response_to: Some(id("_resolve")),
        status: Status::Success.said(),
        message,
    };
    saml::soap::compose(&response, key).unwrap()
}

/// Unsolicited, about nobody named, with nothing said of them.
fn bare_response(key: &SigningKey) -> String {
    let plan = ResponsePlan {
        response_id: &id("_response"),
        assertion_id: &id("_assertion"),
        in_response_to: None,
        issuer: &entity(IDP),
        audience: &entity(SP),
        acs: ACS,
        now: now(),
        lifetime_s: 300,
        name_id: None,
        authn_instant: now(),
        authn_context: names::REFEDS_MFA,
        session_index: "_session",
        session_ends: None,
        attributes: &[],
        sign: SignWhat::Both,
    };
    saml::response::compose(&plan, key).unwrap()
}

fn error(full: bool, key: &SigningKey) -> String {
    let request = id(REQUEST);
    let plan = ErrorPlan {
        response_id: &id("_response"),
        in_response_to: full.then_some(&request),
        issuer: &entity(IDP),
        acs: ACS,
        now: now(),
        status: if full {
            Status::NoPassive
        } else {
            Status::Other("urn:x:a&b".to_owned(), None)
        },
        message: full.then_some(HARD),
    };
    saml::response::compose_error(&plan, key).unwrap()
}

pub(crate) fn ui() -> Ui {
    let localized = |lang: &str, text: &str| Localized {
        lang: lang.to_owned(),
        text: text.to_owned(),
    };
    let address = |lang: &str| localized(lang, &format!("https://www.example/{lang}?a=1&b=2"));
    Ui {
        display_names: vec![localized("fr", NAME), localized("en", "O'Neil & sons")],
        descriptions: vec![localized("fr", HARD), localized("en", "> \"text\"")],
        keywords: vec![localized("fr", "école collège+lycée")],
        logos: vec![Logo {
            url: "https://www.example/logo.png?a=1&b=2".to_owned(),
            lang: Some("fr".into()),
            width: 80,
            height: 60,
        }],
        information_urls: vec![address("fr"), address("en")],
        privacy_urls: vec![address("fr"), address("en")],
        technical_contact: Some("o'neil&fils@example.org".to_owned()),
        organization: Some(NAME.to_owned()),
    }
}

pub(crate) fn endpoint(binding: Binding, location: &str) -> Endpoint {
    Endpoint {
        binding,
        location: location.to_owned(),
        response_location: None,
    }
}

pub(crate) fn acs(index: u16) -> IndexedEndpoint {
    IndexedEndpoint {
        binding: Binding::Post,
        location: format!("{ACS}&index={index}"),
        index,
        is_default: index == 0,
    }
}

pub(crate) fn entity_attributes() -> Vec<(String, Vec<String>)> {
    vec![
        (
            "http://macedir.org/entity-category".to_owned(),
            vec![
                "https://refeds.org/category/x?a&b".to_owned(),
                HARD.to_owned(),
            ],
        ),
        ("urn:x:a&b\"<c>".to_owned(), vec![NAME.to_owned()]),
    ]
}

/// A plan for `role`, with every decoration or with none.
pub(crate) fn plan<'a>(
    id_of_entity: &'a EntityId,
    ui: &'a Ui,
    attributes: &'a [(String, Vec<String>)],
    role: RolePlan<'a>,
    key: &'a SigningKey,
) -> EntityPlan<'a> {
    EntityPlan {
        document_id: id("_metadata"),
        id: id_of_entity,
        valid_until: now() + chrono::Duration::days(10),
        cache_s: 3600,
        ui,
        attributes,
        role,
        signing_certificates: vec![key.certificate(), RSA.signing.certificate()],
    }
}

/// Who stands behind our entities, told in full.
pub(crate) fn imprint() -> &'static Imprint {
    static IMPRINT: LazyLock<Imprint> = LazyLock::new(|| {
        let localized = |lang: &str, text: &str| Localized {
            lang: lang.to_owned(),
            text: text.to_owned(),
        };
        let contact = |kind| Contact {
            kind,
            mail: "o'neil&fils@example.org".to_owned(),
        };
        Imprint {
            organization: vec![localized("fr", NAME), localized("en", HARD)],
            contacts: vec![
                contact(ContactKind::Technical),
                contact(ContactKind::Support),
                contact(ContactKind::Security),
            ],
            registration: Some(Registration {
                authority: "https://www.example/?a=1&b=2".to_owned(),
                policies: vec![localized("fr", "https://www.example/règles?a&b")],
            }),
            attributes: vec![("urn:x:imprint".to_owned(), vec![HARD.to_owned()])],
        }
    });
    &IMPRINT
}

pub(crate) fn offer(full: bool) -> Offer<'static> {
    let resolution = |index| IndexedEndpoint {
        binding: Binding::Soap,
        ..acs(index)
    };
    if full {
        Offer {
            encryption_certificates: vec![OWN.opens.certificate(), RSA.signing.certificate()],
            artifact_resolution: vec![resolution(0), resolution(1)],
            imprint: Some(imprint()),
        }
    } else {
        Offer::default()
    }
}

pub(crate) fn idp_role<'a>(full: bool) -> RolePlan<'a> {
    let slo = Endpoint {
        response_location: Some("https://idp.example/slo/answer?a&b".to_owned()),
        ..endpoint(Binding::Redirect, "https://idp.example/slo?a&b")
    };
    RolePlan::Idp {
        sso: vec![
            endpoint(Binding::Redirect, "https://idp.example/sso?a=1&b=2"),
            endpoint(Binding::Post, "https://idp.example/sso/post"),
        ],
        slo: if full { vec![slo] } else { Vec::new() },
        name_id_formats: if full {
            vec![NameIdFormat::Transient, NameIdFormat::Persistent]
        } else {
            Vec::new()
        },
        scopes: if full {
            vec!["ac-demo.example", "écoles.example"]
        } else {
            Vec::new()
        },
        error_url: full.then_some("https://idp.example/error?a=1&b='2'"),
        wants_signed_requests: full,
    }
}

pub(crate) fn identity_provider(full: bool, key: &SigningKey) -> String {
    let (ui, attributes) = if full {
        (ui(), entity_attributes())
    } else {
        (Ui::default(), Vec::new())
    };
    let entity_id = entity(IDP);
    let plan = plan(&entity_id, &ui, &attributes, idp_role(full), key);
    saml::metadata::compose_with(&plan, &offer(full), key).unwrap()
}

pub(crate) fn requested() -> Vec<RequestedAttribute> {
    vec![
        RequestedAttribute {
            name: "urn:oid:0.9.2342.19200300.100.1.1".to_owned(),
            name_format: names::ATTRNAME_URI.to_owned(),
            friendly_name: Some("uid".to_owned()),
            required: true,
        },
        RequestedAttribute {
            name: HARD.to_owned(),
            name_format: names::ATTRNAME_BASIC.to_owned(),
            friendly_name: None,
            required: false,
        },
    ]
}

pub(crate) fn sp_role(full: bool, requested: &[RequestedAttribute]) -> RolePlan<'_> {
    let discovery = |index| IndexedEndpointUrl {
        location: format!("https://sp.example/login?a=1&index={index}"),
        index,
        is_default: index == 0,
    };
    RolePlan::Sp {
        acs: if full {
            vec![acs(0), acs(1)]
        } else {
            vec![acs(0)]
        },
        slo: if full {
            vec![endpoint(Binding::Post, "https://sp.example/slo")]
        } else {
            Vec::new()
        },
        discovery: if full {
            vec![discovery(0), discovery(1)]
        } else {
            Vec::new()
        },
        name_id_formats: if full {
            vec![NameIdFormat::Transient]
        } else {
            Vec::new()
        },
        requested_attributes: requested,
    }
}

pub(crate) fn service(full: bool, key: &SigningKey) -> String {
    let (ui, attributes, requested) = if full {
        (ui(), entity_attributes(), requested())
    } else {
        (Ui::default(), Vec::new(), Vec::new())
    };
    let entity_id = entity(SP);
    let role = sp_role(full, &requested);
    let plan = plan(&entity_id, &ui, &attributes, role, key);
    saml::metadata::compose_with(&plan, &offer(full), key).unwrap()
}
