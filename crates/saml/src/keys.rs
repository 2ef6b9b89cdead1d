//! Keys: ours to sign with, decoded once; others' to verify with, from their metadata only.

use crate::Moment;

/// The kinds of key we make and use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum KeyKind {
    /// RSA, 2048 bits: the default for the widest reach.
    Rsa2048,
    /// RSA, 3072 bits (SDP-MD06: recommended for new keys).
    Rsa3072,
    /// ECDSA on P-256.
    P256,
}

/// A key of ours, decoded once, with the certificate that publishes it.
pub struct SigningKey {}

/// A key of somebody else's, from their metadata.
#[derive(Debug, Clone)]
pub struct VerifyingKey {}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFault {
    /// To be replaced.
    #[error("the key cannot be read")]
    Unreadable,
}

/// A fresh key and its self-signed certificate, both PEM.
pub struct KeyPair {
    /// PKCS#8 private key, PEM.
    pub key_pem: String,
    /// Self-signed certificate, PEM.
    pub cert_pem: String,
}

/// Makes a key and a self-signed certificate valid `days` from `now`, with `serial` as its number.
pub fn generate(
    kind: KeyKind,
    common_name: &str,
    serial: [u8; 16],
    now: Moment,
    days: u32,
) -> Result<KeyPair, KeyFault> {
    let _ = (kind, common_name, serial, now, days);
    todo!()
}

impl SigningKey {
    /// Decodes a PEM private key and its PEM certificate; refuses a pair that does not match, RSA
    /// under 2048 bits and curves other than P-256, P-384 (SDP-MD06, SDP-MD07).
    pub fn from_pem(key_pem: &str, cert_pem: &str) -> Result<Self, KeyFault> {
        let _ = (key_pem, cert_pem);
        todo!()
    }

    /// The certificate, base64 of DER without line breaks, as metadata carries it.
    pub fn certificate(&self) -> &str {
        todo!()
    }

    /// The same key, as others verify with it.
    pub fn verifying(&self) -> VerifyingKey {
        todo!()
    }
}

impl VerifyingKey {
    /// Reads the content of an `X509Certificate` element: base64 DER, white space allowed. Only
    /// the public key is used: dates, issuer and digest of the certificate are not looked at
    /// (IIP-MD12).
    pub fn from_certificate(base64_der: &str) -> Result<Self, KeyFault> {
        let _ = base64_der;
        todo!()
    }

    /// Reads a PEM certificate (a pinned metadata key).
    pub fn from_pem(cert_pem: &str) -> Result<Self, KeyFault> {
        let _ = cert_pem;
        todo!()
    }

    /// SHA-256 of the public key, first 16 hexadecimal digits: what the journal calls it by.
    pub fn fingerprint(&self) -> &str {
        todo!()
    }

    /// When the certificate ends, for warnings only.
    pub fn not_after(&self) -> Option<Moment> {
        todo!()
    }
}
