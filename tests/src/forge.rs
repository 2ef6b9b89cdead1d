//! Messages as an attacker, or a faulty peer, would send them: composed with the real keys of a
//! test deployment, then changed.

use std::io::{Read, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use saml::attribute::Wire;
use saml::encryption::Encryption;
use saml::logout::LogoutRequest;
use saml::response::{Attribute, NameId, ResponsePlan, SignWhat};
use saml::{EntityId, MessageId, Moment, NameIdFormat, SigningKey, VerifyingKey};

use crate::{Client, House};

pub mod seal;

/// What a genuine answer would say; change a field, then [`Answer::compose`] it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// `InResponseTo`.
    pub in_response_to: Option<MessageId>,
    /// `Issuer`.
    pub issuer: EntityId,
    /// `Audience`.
    pub audience: EntityId,
    /// `Destination` and `Recipient`.
    pub acs: String,
    /// The moment it claims.
    pub now: Moment,
    /// The login it claims.
    pub uid: String,
    /// What is signed.
    pub sign: SignWhat,
    /// `ID` of the assertion.
    pub assertion_id: MessageId,
    /// Attributes beside the login.
    pub more: Vec<Attribute>,
}

impl Answer {
    /// Composes and signs.
    pub fn compose(&self, key: &SigningKey) -> String {
        self.compose_for(None, key)
    }

    /// The same, its assertion encrypted.
    pub fn compose_for(&self, encryption: Option<&Encryption>, key: &SigningKey) -> String {
        let mut attributes = self.more.clone();
        attributes.push(attribute(saml::attribute::UID, &self.uid));
        let response_id = random_id();
        let plan = ResponsePlan {
            response_id: &response_id,
            assertion_id: &self.assertion_id,
            in_response_to: self.in_response_to.as_ref(),
            issuer: &self.issuer,
            audience: &self.audience,
            acs: &self.acs,
            now: self.now,
            lifetime_s: 300,
            name_id: Some(&name_id()),
            authn_instant: self.now,
            authn_context: saml::names::PASSWORD,
            session_index: "_index",
            session_ends: None,
            attributes: &attributes,
            sign: self.sign,
        };
        saml::response::compose_for(&plan, encryption, key).expect("composes")
    }
}

/// What the provider `issuer` would say at `to` to end the session that an [`Answer`] opened.
pub fn logout(issuer: &str, to: &str) -> LogoutRequest {
    LogoutRequest {
        id: random_id(),
        issue_instant: now(),
        issuer: EntityId::parse(issuer).expect("an entityID"),
        destination: Some(to.to_owned()),
        not_on_or_after: Some(now() + chrono::Duration::minutes(5)),
        reason: None,
        name_id: name_id(),
        session_indexes: vec!["_index".to_owned()],
        asynchronous: false,
    }
}

fn name_id() -> NameId {
    NameId {
        value: "_forged".to_owned(),
        format: NameIdFormat::Transient,
        name_qualifier: None,
        sp_name_qualifier: None,
    }
}

/// An attribute with one value.
pub fn attribute(wire: Wire, value: &str) -> Attribute {
    Attribute {
        name: wire.name.to_owned(),
        name_format: wire.format.to_owned(),
        friendly_name: None,
        values: vec![value.to_owned()],
    }
}

/// The moment, as the tests' own machine has it.
pub fn now() -> Moment {
    std::time::SystemTime::now().into()
}

/// A fresh message identifier.
pub fn random_id() -> MessageId {
    let mut chance = [0; 20];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut f| f.read_exact(&mut chance))
        .expect("chance");
    MessageId::from_random(chance)
}

/// A key of the deployment, by its file name.
pub fn key(house: &House, name: &str) -> SigningKey {
    key_in(&house.data.path().join("keys"), name)
}

/// A key in a folder of keys, by its file name.
pub fn key_in(folder: &Path, name: &str) -> SigningKey {
    let path = folder.join(format!("{name}.pem"));
    let pem = std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{path:?}: {why}"));
    let (key, certificate) = pem.split_at(pem.find("-----BEGIN CERTIFICATE").expect("both"));
    SigningKey::from_pem(key, certificate).expect("a key")
}

/// The certificate in a file of keys, as others verify with it.
pub fn certificate(path: &Path) -> VerifyingKey {
    let pem = std::fs::read_to_string(path).unwrap_or_else(|why| panic!("{path:?}: {why}"));
    let at = pem.find("-----BEGIN CERTIFICATE").expect("a certificate");
    VerifyingKey::from_pem(&pem[at..]).expect("a certificate")
}

/// A key nobody knows.
pub fn stranger() -> SigningKey {
    let pair = saml::keys::generate(saml::KeyKind::Rsa2048, "stranger", [7; 16], now(), 30)
        .expect("a key pair");
    SigningKey::from_pem(&pair.key_pem, &pair.cert_pem).expect("a key")
}

/// Opens an attempt at the portal for the staff identity provider, and says what a genuine answer
/// to it would be.
pub fn attempt(house: &House, client: &Client) -> Answer {
    attempt_at(house, client, "personnel")
}

/// The same for the identity provider of another realm.
pub fn attempt_at(house: &House, client: &Client, realm: &str) -> Answer {
    attempt_of(house, client, ("/portail", realm))
}

/// The same at another service of ours.
pub fn attempt_of(house: &House, client: &Client, (service, realm): (&str, &str)) -> Answer {
    let idp = house.at(&format!("/idp/{realm}"));
    let provider = crate::client::form(&[("entityID", &idp)]);
    let to = format!("{service}/login?{provider}");
    let sent = client.get(&to);
    let request = request_in(sent.location());
    let id = crate::client::between(&request, " ID=\"", "\"").expect("an ID");
    Answer {
        in_response_to: MessageId::parse(&id),
        issuer: EntityId::parse(&idp).expect("an entityID"),
        audience: EntityId::parse(&house.at(service)).expect("an entityID"),
        acs: house.at(&format!("{service}/saml/acs")),
        now: now(),
        uid: "forged".to_owned(),
        sign: SignWhat::Both,
        assertion_id: random_id(),
        more: Vec::new(),
    }
}

/// The request inside a Redirect address.
pub fn request_in(location: &str) -> String {
    let value =
        crate::client::between(&format!("{location}&"), "SAMLRequest=", "&").expect("a request");
    let base64 = percent_decode_str(&value)
        .decode_utf8()
        .expect("utf-8")
        .into_owned();
    let bytes = STANDARD.decode(base64).expect("base64");
    let mut text = String::new();
    flate2::read::DeflateDecoder::new(bytes.as_slice())
        .read_to_string(&mut text)
        .expect("deflated");
    text
}

/// Deflated and base64, as the Redirect binding wants it.
pub fn deflate(text: &[u8]) -> String {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text).expect("written");
    STANDARD.encode(encoder.finish().expect("finished"))
}

/// Base64 of bytes.
pub fn base64_bytes(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Base64.
pub fn base64(text: &str) -> String {
    STANDARD.encode(text)
}
