//! Keys: ours to sign with, decoded once; others' to verify with, from their metadata only.

mod certificate;
mod own;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::bn::BigNum;
use openssl::ec::EcKey;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private, Public};
use openssl::rsa::{Padding, Rsa};
use openssl::sha::{Sha256, sha256, sha384, sha512};
use openssl::sign::Verifier;
use openssl::x509::X509;

use crate::{Moment, Refusal};

pub use certificate::{PublicHalf, Subject, certify};
pub use own::{Hook, OwnKeys};

/// The kinds of key we make and use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyKind {
    /// RSA, 2048 bits: the default for the widest reach.
    Rsa2048,
    /// RSA, 3072 bits (SDP-MD06: recommended for new keys).
    Rsa3072,
    /// ECDSA on P-256.
    P256,
}

/// The signature algorithms taken and made here (SECURITY 8): nothing below SHA-256, no HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// `rsa-sha256`.
    RsaSha256,
    /// `rsa-sha384`.
    RsaSha384,
    /// `rsa-sha512`.
    RsaSha512,
    /// `ecdsa-sha256`.
    EcdsaSha256,
    /// `ecdsa-sha384`.
    EcdsaSha384,
    /// `ecdsa-sha512`.
    EcdsaSha512,
}

impl Algorithm {
    /// Every algorithm, the ones we prefer first.
    pub const ALL: [Self; 6] = [
        Self::RsaSha256,
        Self::EcdsaSha256,
        Self::RsaSha384,
        Self::EcdsaSha384,
        Self::RsaSha512,
        Self::EcdsaSha512,
    ];

    /// The URI (RFC 9231 2.3).
    pub fn uri(self) -> &'static str {
        match self {
            Self::RsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            Self::RsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
            Self::RsaSha512 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
            Self::EcdsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
            Self::EcdsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
            Self::EcdsaSha512 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
        }
    }

    /// The algorithm a URI names, if it is taken.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.uri() == uri)
    }

    /// The digest it is made over.
    fn hash(self) -> Digest {
        match self {
            Self::RsaSha256 | Self::EcdsaSha256 => Digest::Sha256,
            Self::RsaSha384 | Self::EcdsaSha384 => Digest::Sha384,
            Self::RsaSha512 | Self::EcdsaSha512 => Digest::Sha512,
        }
    }

    fn is_ecdsa(self) -> bool {
        matches!(
            self,
            Self::EcdsaSha256 | Self::EcdsaSha384 | Self::EcdsaSha512
        )
    }
}

/// The digests of signatures taken and made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// `sha256`.
    Sha256,
    /// `sha384`.
    Sha384,
    /// `sha512`.
    Sha512,
}

impl Digest {
    /// Every digest, the one we prefer first.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// The URI (RFC 9231 2.1, XML Encryption 1.1 5.7).
    pub fn uri(self) -> &'static str {
        match self {
            Self::Sha256 => "http://www.w3.org/2001/04/xmlenc#sha256",
            Self::Sha384 => "http://www.w3.org/2001/04/xmldsig-more#sha384",
            Self::Sha512 => "http://www.w3.org/2001/04/xmlenc#sha512",
        }
    }

    /// The digest a URI names, if it is taken.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|digest| digest.uri() == uri)
    }

    /// How it is made of bytes that stream by.
    pub(crate) fn method(self) -> MessageDigest {
        match self {
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha384 => MessageDigest::sha384(),
            Self::Sha512 => MessageDigest::sha512(),
        }
    }

    /// `DigestInfo` up to the digest itself (RFC 8017 9.2, note 1).
    fn info(self) -> &'static [u8; 19] {
        match self {
            Self::Sha256 => {
                b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
            }
            Self::Sha384 => {
                b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30"
            }
            Self::Sha512 => {
                b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"
            }
        }
    }

    /// What OpenSSL calls it.
    fn named(self) -> MessageDigest {
        match self {
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha384 => MessageDigest::sha384(),
            Self::Sha512 => MessageDigest::sha512(),
        }
    }

    /// Of these bytes.
    pub(crate) fn of(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            // The one-shot functions look the algorithm up at each call, which costs more than
            // hashing a kilobyte.
            Self::Sha256 => {
                let mut hash = Sha256::new();
                hash.update(bytes);
                hash.finish().to_vec()
            }
            Self::Sha384 => sha384(bytes).to_vec(),
            Self::Sha512 => sha512(bytes).to_vec(),
        }
    }
}

/// A key of ours, decoded once, with the certificate that publishes it.
#[derive(Clone)]
pub struct SigningKey {
    half: Half,
    algorithm: Algorithm,
    digest: Digest,
    /// Bytes of one coordinate of the curve; 0 for RSA.
    coordinate: i32,
    certificate: String,
    verifying: VerifyingKey,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.verifying.fingerprint)
    }
}

/// The private half: in this process, or with somebody who signs for us and shows it to nobody.
#[derive(Clone)]
enum Half {
    /// RSA: signed without looking up how at each signature.
    Rsa(PKey<Private>, Rsa<Private>),
    /// On a curve: what signs gives both numbers, without a detour by DER.
    Curve(PKey<Private>, EcKey<Private>),
    Held(Arc<dyn Holder>),
}

/// Whoever holds a private key and signs with it: a token.
pub trait Holder: Send + Sync {
    /// The signature over `bytes`; ECDSA signatures as r ‖ s. May wait for the token, and must give
    /// up within seconds: [`KeyFault::Away`].
    fn sign(&self, algorithm: Algorithm, bytes: &[u8]) -> Result<Vec<u8>, KeyFault>;
}

/// A key of somebody else's, from their metadata.
#[derive(Debug, Clone)]
pub struct VerifyingKey {
    key: PKey<Public>,
    der: Vec<u8>,
    fingerprint: String,
    not_before: Option<Moment>,
    not_after: Option<Moment>,
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for VerifyingKey {}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFault {
    /// OpenSSL cannot read or make it.
    #[error("the key or its certificate cannot be read or made")]
    OpenSsl(#[from] ErrorStack),
    /// The content of the certificate element is not base64.
    #[error("the certificate is not base64")]
    NotBase64,
    /// The certificate publishes another key.
    #[error("the certificate does not belong to the key")]
    Mismatch,
    /// RSA under 2048 bits (SDP-MD06).
    #[error("an RSA key of {0} bits: at least 2048 are needed")]
    RsaTooShort(u32),
    /// A key to decrypt with that is not RSA.
    #[error("only an RSA key decrypts")]
    NotRsa,
    /// Another curve than P-256, P-384 or P-521 (SDP-MD07), or another kind of key.
    #[error("only RSA and the curves P-256, P-384, P-521 are used")]
    UnknownKind,
    /// Whoever holds the key does not answer, or not with a signature.
    #[error("the key's holder is away: {0}")]
    Away(String),
}

impl KeyFault {
    /// What is told of a message that was not signed: with a token away, it may be later.
    pub(crate) fn refusal(&self) -> Refusal {
        let why = match self {
            Self::Away(_) => "the token that holds the key is away",
            _ => "the key does not sign",
        };
        Refusal::NotComposed { why }
    }
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
    let key = certificate::private(kind)?;
    let mut certificate = certificate::builder(&Subject {
        common_name,
        serial,
        now,
        days,
    })?;
    certificate.set_pubkey(&key)?;
    certificate.sign(&key, MessageDigest::sha256())?;
    let text = |pem: Vec<u8>| String::from_utf8_lossy(&pem).into_owned();
    Ok(KeyPair {
        key_pem: text(key.private_key_to_pem_pkcs8()?),
        cert_pem: text(certificate.build().to_pem()?),
    })
}

impl SigningKey {
    /// Decodes a PEM private key and its PEM certificate; refuses a pair that does not match, a key
    /// under a passphrase, RSA under 2048 bits and curves other than P-256, P-384, P-521 (SDP-MD06,
    /// SDP-MD07).
    pub fn from_pem(key_pem: &str, cert_pem: &str) -> Result<Self, KeyFault> {
        // A key under a passphrase is refused: OpenSSL's own way is to ask for it on the terminal
        // and wait.
        let key = PKey::private_key_from_pem_callback(key_pem.as_bytes(), |_| Ok(0))?;
        let verifying = VerifyingKey::from_pem(cert_pem)?;
        if !key.public_eq(&verifying.key) {
            return Err(KeyFault::Mismatch);
        }
        let half = match key.id() {
            Id::EC => Half::Curve(key.clone(), key.ec_key()?),
            Id::RSA => Half::Rsa(key.clone(), key.rsa()?),
            _ => return Err(KeyFault::UnknownKind),
        };
        Self::of(half, verifying)
    }

    /// A key that `holder` signs with, published by this PEM certificate. Whether they belong
    /// together shows at the first signature only.
    pub fn held(cert_pem: &str, holder: Arc<dyn Holder>) -> Result<Self, KeyFault> {
        Self::of(Half::Held(holder), VerifyingKey::from_pem(cert_pem)?)
    }

    fn of(half: Half, verifying: VerifyingKey) -> Result<Self, KeyFault> {
        let key = &verifying.key;
        let (algorithm, coordinate) = match key.id() {
            Id::RSA => (Algorithm::RsaSha256, 0),
            Id::EC => match key.ec_key()?.group().curve_name() {
                Some(Nid::X9_62_PRIME256V1) => (Algorithm::EcdsaSha256, 32),
                Some(Nid::SECP384R1) => (Algorithm::EcdsaSha384, 48),
                Some(Nid::SECP521R1) => (Algorithm::EcdsaSha512, 66),
                _ => return Err(KeyFault::UnknownKind),
            },
            _ => return Err(KeyFault::UnknownKind),
        };
        let certificate = STANDARD.encode(&verifying.der);
        Ok(Self {
            half,
            algorithm,
            digest: Digest::Sha256,
            coordinate,
            certificate,
            verifying,
        })
    }

    /// The private half, when it is in this process.
    pub(crate) fn private(&self) -> Option<&PKey<Private>> {
        match &self.half {
            Half::Rsa(key, _) | Half::Curve(key, _) => Some(key),
            Half::Held(_) => None,
        }
    }

    /// Whether somebody else holds it.
    pub fn is_held(&self) -> bool {
        matches!(self.half, Half::Held(_))
    }

    /// The certificate, base64 of DER without line breaks, as metadata carries it.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The same key, as others verify with it.
    pub fn verifying(&self) -> VerifyingKey {
        self.verifying.clone()
    }

    /// The algorithm it signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The digest of what it signs inside documents.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The same key, signing by another algorithm of its kind, with another digest.
    pub(crate) fn by(&self, algorithm: Algorithm, digest: Digest) -> Option<Self> {
        self.verifying.fits(algorithm).then(|| Self {
            algorithm,
            digest,
            ..self.clone()
        })
    }

    /// Signs `bytes`; ECDSA signatures as r ‖ s (RFC 9231 2.3.6), as XML and SAML want them.
    pub fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, KeyFault> {
        match &self.half {
            Half::Held(holder) => holder.sign(self.algorithm, bytes),
            Half::Rsa(_, key) => {
                // RSASSA-PKCS1-v1_5 (RFC 8017 8.2.1).
                let hash = self.algorithm.hash();
                let info = [hash.info().as_slice(), &hash.of(bytes)].concat();
                let mut signature = vec![0; usize::try_from(key.size()).unwrap_or_default()];
                let length = key.private_encrypt(&info, &mut signature, Padding::PKCS1)?;
                signature.truncate(length);
                Ok(signature)
            }
            Half::Curve(_, key) => {
                let parts = EcdsaSig::sign(&self.algorithm.hash().of(bytes), key)?;
                let mut raw = parts.r().to_vec_padded(self.coordinate)?;
                raw.extend(parts.s().to_vec_padded(self.coordinate)?);
                Ok(raw)
            }
        }
    }
}

impl VerifyingKey {
    /// Reads the content of an `X509Certificate` element: base64 DER, white space allowed. Only
    /// the public key is used: dates, issuer and digest of the certificate are not looked at
    /// (IIP-MD12).
    pub fn from_certificate(base64_der: &str) -> Result<Self, KeyFault> {
        let compact: String = base64_der
            .chars()
            .filter(|c| !c.is_ascii_whitespace())
            .collect();
        let der = STANDARD.decode(compact).map_err(|_| KeyFault::NotBase64)?;
        Self::from_x509(&X509::from_der(&der)?)
    }

    /// Reads a PEM certificate (a pinned metadata key).
    pub fn from_pem(cert_pem: &str) -> Result<Self, KeyFault> {
        Self::from_x509(&X509::from_pem(cert_pem.as_bytes())?)
    }

    fn from_x509(certificate: &X509) -> Result<Self, KeyFault> {
        let key = certificate.public_key()?;
        match key.id() {
            Id::RSA if key.bits() < 2048 => return Err(KeyFault::RsaTooShort(key.bits())),
            Id::RSA => {}
            Id::EC => match key.ec_key()?.group().curve_name() {
                Some(Nid::X9_62_PRIME256V1 | Nid::SECP384R1 | Nid::SECP521R1) => {}
                _ => return Err(KeyFault::UnknownKind),
            },
            _ => return Err(KeyFault::UnknownKind),
        }
        let digest = sha256(&key.public_key_to_der()?);
        Ok(Self {
            key,
            der: certificate.to_der()?,
            fingerprint: hexadecimal(digest.get(..8).unwrap_or_default()),
            not_before: moment(certificate.not_before()),
            not_after: moment(certificate.not_after()),
        })
    }

    /// SHA-256 of the public key, first 16 hexadecimal digits: what the journal calls it by.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// When the certificate ends, for warnings only.
    pub fn not_after(&self) -> Option<Moment> {
        self.not_after
    }

    /// From when the certificate says it is valid: when a key of ours was made.
    pub fn not_before(&self) -> Option<Moment> {
        self.not_before
    }

    /// The certificate, base64 of DER without line breaks, as metadata carries it.
    pub fn certificate(&self) -> String {
        STANDARD.encode(&self.der)
    }

    /// SHA-256 of the certificate, hexadecimal: what others compare by telephone.
    pub fn certificate_fingerprint(&self) -> String {
        hexadecimal(&sha256(&self.der))
    }

    /// The certificate, DER.
    pub fn certificate_der(&self) -> &[u8] {
        &self.der
    }

    /// Whether `signature` over `bytes` is this key's. ECDSA signatures are r ‖ s, or DER.
    /// A key of another kind than the algorithm's never verifies.
    pub fn verifies(&self, algorithm: Algorithm, bytes: &[u8], signature: &[u8]) -> bool {
        self.fits(algorithm) && self.check(algorithm, bytes, signature).unwrap_or(false)
    }

    /// Bits of the key: of the modulus, or of the curve.
    pub(crate) fn bits(&self) -> u32 {
        self.key.bits()
    }

    /// The public key.
    pub(crate) fn public(&self) -> &PKey<Public> {
        &self.key
    }

    /// Whether it is RSA.
    pub(crate) fn is_rsa(&self) -> bool {
        self.key.id() == Id::RSA
    }

    /// Whether this key is of the kind `algorithm` needs.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        match self.key.id() {
            Id::RSA => !algorithm.is_ecdsa(),
            Id::EC => algorithm.is_ecdsa(),
            _ => false,
        }
    }

    fn check(
        &self,
        algorithm: Algorithm,
        bytes: &[u8],
        signature: &[u8],
    ) -> Result<bool, ErrorStack> {
        if !algorithm.is_ecdsa() {
            let mut verifier = Verifier::new(algorithm.hash().named(), &self.key)?;
            return verifier.verify_oneshot(signature, bytes);
        }
        let key = self.key.ec_key()?;
        let coordinate = usize::try_from(key.group().degree().div_ceil(8)).unwrap_or(0);
        let parts = if signature.len() == 2 * coordinate {
            let (r, s) = signature.split_at(coordinate);
            EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?
        } else {
            // Some services put into queries what their library gave them: DER (Bindings 3.4.4.1
            // does not say, and only XML Signature defines r ‖ s).
            EcdsaSig::from_der(signature)?
        };
        parts.verify(&algorithm.hash().of(bytes), &key)
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn moment(at: &Asn1TimeRef) -> Option<Moment> {
    let span = Asn1Time::from_unix(0).and_then(|epoch| epoch.diff(at));
    let span = span.ok()?;
    Moment::from_timestamp(i64::from(span.days) * 86_400 + i64::from(span.secs), 0)
}

#[cfg(test)]
mod tests;
