//! Messages as an attacker, or a faulty peer, would send them: composed with the real keys of a
//! test deployment, then changed.

use std::io::{Read, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use saml::response::{Attribute, NameId, ResponsePlan, SignWhat};
use saml::{EntityId, MessageId, Moment, NameIdFormat, SigningKey, VerifyingKey};

use crate::{Client, House};

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
}

impl Answer {
    /// Composes and signs.
    pub fn compose(&self, key: &SigningKey) -> String {
        let name_id = NameId {
            value: "_forged".to_owned(),
            format: NameIdFormat::Transient,
            name_qualifier: None,
            sp_name_qualifier: None,
        };
        let attributes = [Attribute {
            name: saml::attribute::UID.name.to_owned(),
            name_format: saml::attribute::UID.format.to_owned(),
            friendly_name: None,
            values: vec![self.uid.clone()],
        }];
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
            name_id: Some(&name_id),
            authn_instant: self.now,
            authn_context: saml::names::PASSWORD,
            session_index: "_index",
            session_ends: None,
            attributes: &attributes,
            sign: self.sign,
        };
        saml::response::compose(&plan, key).expect("composes")
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
    let path = house.data.path().join(format!("keys/{name}.pem"));
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
    let idp = house.at(&format!("/idp/{realm}"));
    let to = format!(
        "/portail/login?entityID={}",
        crate::client::form(&[("", &idp)]).trim_start_matches('=')
    );
    let sent = client.get(&to);
    let request = request_in(sent.location());
    let id = crate::client::between(&request, " ID=\"", "\"").expect("an ID");
    Answer {
        in_response_to: MessageId::parse(&id),
        issuer: EntityId::parse(&idp).expect("an entityID"),
        audience: EntityId::parse(&house.at("/portail")).expect("an entityID"),
        acs: house.at("/portail/saml/acs"),
        now: now(),
        uid: "forged".to_owned(),
        sign: SignWhat::Both,
        assertion_id: random_id(),
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
