//! Encrypted assertions (SECURITY 16): what is encrypted obeys every rule of what is not, nothing
//! outside the document is ever named, and whatever fails with a key of ours fails in one way.
//!
//! Most are really encrypted for our service, by a key anybody knows: encryption says nothing of who
//! sent a message.

mod inside;
mod opening;
mod shape;
mod taken;

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::encrypt::Encrypter;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Padding;
use openssl::symm::{Cipher, encrypt_aead};
use openssl::x509::X509;
use saml::encryption::DecryptionKey;
use saml::keys::{KeyPair, generate};
use saml::response::{Login, Response};
use saml::{KeyKind, MessageId, Received, Refusal};

use crate::forge::{EC, IDP, RESPONSE, RSA, SP, entity, expected, now, template};

pub(crate) struct Own {
    pub(crate) opens: DecryptionKey,
    public: PKey<openssl::pkey::Public>,
}

impl Own {
    fn new() -> Self {
        let KeyPair { key_pem, cert_pem } =
            generate(KeyKind::Rsa2048, "sp", [5; 16], now(), 30).unwrap();
        Self {
            opens: DecryptionKey::from_pem(&key_pem, &cert_pem).unwrap(),
            public: X509::from_pem(cert_pem.as_bytes())
                .unwrap()
                .public_key()
                .unwrap(),
        }
    }
}

/// The key our service publishes, and the one it published before.
pub(crate) static OWN: LazyLock<Own> = LazyLock::new(Own::new);
pub(crate) static BEFORE: LazyLock<Own> = LazyLock::new(Own::new);
pub(crate) static OTHERS: LazyLock<Own> = LazyLock::new(Own::new);

const GCM: &str = "http://www.w3.org/2009/xmlenc11#aes256-gcm";
const MGF1P: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
const CONTENT_KEY: [u8; 32] = [9; 32];

fn sealed_content(plain: &[u8]) -> Vec<u8> {
    let (vector, mut tag) = ([1; 12], [0; 16]);
    let cipher = Cipher::aes_256_gcm();
    let content = encrypt_aead(cipher, &CONTENT_KEY, Some(&vector), &[], plain, &mut tag).unwrap();
    [&vector[..], &content, &tag].concat()
}

fn wrapped_key(key: &[u8], own: &Own) -> Vec<u8> {
    let mut encrypter = Encrypter::new(&own.public).unwrap();
    encrypter.set_rsa_padding(Padding::PKCS1_OAEP).unwrap();
    encrypter.set_rsa_oaep_md(MessageDigest::sha1()).unwrap();
    let mut wrapped = vec![0; encrypter.encrypt_len(key).unwrap()];
    let length = encrypter.encrypt(key, &mut wrapped).unwrap();
    wrapped.truncate(length);
    wrapped
}

fn enclosed(content: &[u8], wrapped: &[u8]) -> String {
    let (content, wrapped) = (STANDARD.encode(content), STANDARD.encode(wrapped));
    format!(
        "<saml:EncryptedAssertion><xenc:EncryptedData xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" Type=\"http://www.w3.org/2001/04/xmlenc#Element\"><xenc:EncryptionMethod Algorithm=\"{GCM}\"/><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm=\"{MGF1P}\"/><xenc:CipherData><xenc:CipherValue>{wrapped}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue>{content}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></saml:EncryptedAssertion>"
    )
}

pub(crate) fn encrypted(plain: &str) -> String {
    enclosed(
        &sealed_content(plain.as_bytes()),
        &wrapped_key(&CONTENT_KEY, &OWN),
    )
}

/// An assertion that stands by itself, signed by `key` if there is one.
pub(crate) fn assertion(
    change: &dyn Fn(String) -> String,
    key: Option<&crate::forge::Key>,
) -> String {
    let start = RESPONSE.find("<saml:Assertion").unwrap();
    let stop = RESPONSE.find("</samlp:Response>").unwrap();
    let alone = RESPONSE[start..stop].replacen(
        "<saml:Assertion",
        "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"",
        1,
    );
    let xml = change(alone);
    let Some(key) = key else {
        return xml.replace("@A@", "");
    };
    let signed = key.sign(&xml.replace("@A@", &template("_assertion")));
    let signed = signed.split_once("?>").map_or(&*signed, |(_, xml)| xml);
    signed.trim().to_owned()
}

pub(crate) fn same(xml: String) -> String {
    xml
}

/// A response around `content`, in the place of its assertion.
fn around(content: &str) -> String {
    let start = RESPONSE.find("<saml:Assertion").unwrap();
    format!("{}{content}</samlp:Response>", &RESPONSE[..start])
}

pub(crate) fn signed_around(content: &str) -> String {
    RSA.sign(&around(content).replace("@R@", &template("_response")))
}

pub(crate) fn unsigned_around(content: &str) -> String {
    around(content).replace("@R@", "")
}

fn receive_with(xml: &str, own: &[DecryptionKey]) -> Result<Login, Refusal> {
    let (issuer, audience) = (entity(IDP), entity(SP));
    let request = MessageId::parse(crate::forge::REQUEST).unwrap();
    let keys = [EC.signing.verifying(), RSA.signing.verifying()];
    Received::<Response>::from_form(&STANDARD.encode(xml))?
        .verify_and_open(&keys, own)?
        .accept(&expected(&issuer, &audience, &request))
        .map(saml::Accepted::into_message)
}

pub(crate) fn receive(xml: &str) -> Result<Login, Refusal> {
    receive_with(xml, &[BEFORE.opens.clone(), OWN.opens.clone()])
}

#[track_caller]
fn code(xml: &str) -> &'static str {
    match receive(xml) {
        Ok(login) => panic!("taken: {login:?}\n{xml}"),
        Err(refusal) => refusal.code(),
    }
}

/// The code of a signed response around what `change` makes of a genuine encrypted assertion.
#[track_caller]
fn with(from: &str, to: &str) -> &'static str {
    let genuine = encrypted(&assertion(&same, Some(&RSA)));
    assert!(genuine.contains(from), "{from}");
    let changed = genuine.replacen(from, to, 1);
    let signed = code(&signed_around(&changed));
    assert_eq!(signed, code(&unsigned_around(&changed)), "{to}");
    signed
}
