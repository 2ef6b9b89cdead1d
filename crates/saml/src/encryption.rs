//! XML Encryption 1.1 as SAML uses it (SAML Core 2.2.4, 2.3.4): an assertion for one service, under
//! a fresh AES key, itself under that service's RSA key.
//!
//! What is taken from others is narrower than what can be sent: AES-GCM and RSA-OAEP only. CBC and
//! PKCS#1 v1.5 betray their content to whoever may ask often enough, so they are written for a
//! service whose operator's entry names them, and never read.

use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Private};
use openssl::symm::Cipher;

use crate::keys::KeyFault;
use crate::{SigningKey, VerifyingKey};

mod choose;
mod open;
mod seal;

pub(crate) use open::{check, open, read_method, used};
pub(crate) use seal::seal;

/// How content is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataAlgorithm {
    /// AES-256 in GCM: the default.
    Aes256Gcm,
    /// AES-128 in GCM.
    Aes128Gcm,
    /// AES-256 in CBC: only where [`Legacy`] allows it.
    Aes256Cbc,
    /// AES-128 in CBC: only where [`Legacy`] allows it.
    Aes128Cbc,
}

impl DataAlgorithm {
    pub(crate) const ALL: [Self; 4] = [
        Self::Aes256Gcm,
        Self::Aes128Gcm,
        Self::Aes256Cbc,
        Self::Aes128Cbc,
    ];

    /// The URI (XML Encryption 1.1, 5.2).
    pub fn uri(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "http://www.w3.org/2009/xmlenc11#aes256-gcm",
            Self::Aes128Gcm => "http://www.w3.org/2009/xmlenc11#aes128-gcm",
            Self::Aes256Cbc => "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
            Self::Aes128Cbc => "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
        }
    }

    fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.uri() == uri)
    }

    fn is_cbc(self) -> bool {
        matches!(self, Self::Aes256Cbc | Self::Aes128Cbc)
    }

    /// Bytes of its key.
    fn key_bytes(self) -> usize {
        match self {
            Self::Aes256Gcm | Self::Aes256Cbc => 32,
            Self::Aes128Gcm | Self::Aes128Cbc => 16,
        }
    }

    fn cipher(self) -> Cipher {
        match self {
            Self::Aes256Gcm => Cipher::aes_256_gcm(),
            Self::Aes128Gcm => Cipher::aes_128_gcm(),
            Self::Aes256Cbc => Cipher::aes_256_cbc(),
            Self::Aes128Cbc => Cipher::aes_128_cbc(),
        }
    }
}

/// The digests of OAEP and of its mask: collisions are no weakness there, so SHA-1 is one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OaepDigest {
    /// SHA-1: what is meant where nothing is said (XML Encryption 1.1, 5.5.2).
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl OaepDigest {
    pub(crate) const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// The URI of `ds:DigestMethod`.
    pub fn uri(self) -> &'static str {
        match self {
            Self::Sha1 => "http://www.w3.org/2000/09/xmldsig#sha1",
            Self::Sha256 => "http://www.w3.org/2001/04/xmlenc#sha256",
            Self::Sha384 => "http://www.w3.org/2001/04/xmldsig-more#sha384",
            Self::Sha512 => "http://www.w3.org/2001/04/xmlenc#sha512",
        }
    }

    /// The URI of `xenc11:MGF`.
    pub fn mask_uri(self) -> &'static str {
        match self {
            Self::Sha1 => "http://www.w3.org/2009/xmlenc11#mgf1sha1",
            Self::Sha256 => "http://www.w3.org/2009/xmlenc11#mgf1sha256",
            Self::Sha384 => "http://www.w3.org/2009/xmlenc11#mgf1sha384",
            Self::Sha512 => "http://www.w3.org/2009/xmlenc11#mgf1sha512",
        }
    }

    /// What a `DigestMethod` means, SHA-1 if there is none.
    fn of(uri: Option<&str>) -> Option<Self> {
        let uri = uri.unwrap_or(Self::Sha1.uri());
        Self::ALL.into_iter().find(|known| known.uri() == uri)
    }

    /// What an `MGF` means, SHA-1 if there is none.
    fn of_mask(uri: Option<&str>) -> Option<Self> {
        let uri = uri.unwrap_or(Self::Sha1.mask_uri());
        Self::ALL.into_iter().find(|known| known.mask_uri() == uri)
    }

    fn digest(self) -> MessageDigest {
        match self {
            Self::Sha1 => MessageDigest::sha1(),
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha384 => MessageDigest::sha384(),
            Self::Sha512 => MessageDigest::sha512(),
        }
    }
}

/// How the content's key is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyTransport {
    /// `rsa-oaep-mgf1p`, whose mask is of SHA-1 by definition.
    OaepMgf1p(OaepDigest),
    /// `xmlenc11#rsa-oaep`.
    Oaep {
        /// The digest.
        digest: OaepDigest,
        /// The digest of its mask.
        mask: OaepDigest,
    },
    /// `rsa-1_5`: only where [`Legacy`] allows it.
    Pkcs1,
}

const OAEP_MGF1P: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
const OAEP: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
const PKCS1: &str = "http://www.w3.org/2001/04/xmlenc#rsa-1_5";

impl KeyTransport {
    /// Every URI.
    pub(crate) const URIS: [&'static str; 3] = [OAEP_MGF1P, OAEP, PKCS1];

    /// The URI (XML Encryption 1.1, 5.5).
    pub fn uri(self) -> &'static str {
        match self {
            Self::OaepMgf1p(_) => OAEP_MGF1P,
            Self::Oaep { .. } => OAEP,
            Self::Pkcs1 => PKCS1,
        }
    }

    /// The algorithm that a method names, with its parameters.
    fn of(method: &EncryptionMethod) -> Option<Self> {
        let digest = OaepDigest::of(method.digest.as_deref());
        match method.algorithm.as_str() {
            OAEP_MGF1P => digest.map(Self::OaepMgf1p),
            OAEP => Some(Self::Oaep {
                digest: digest?,
                mask: OaepDigest::of_mask(method.mask.as_deref())?,
            }),
            PKCS1 => Some(Self::Pkcs1),
            _ => None,
        }
    }

    /// The algorithms it is made of. The mask of `rsa-oaep-mgf1p` is a part of its name.
    fn uris(self) -> Vec<&'static str> {
        match self {
            Self::OaepMgf1p(digest) => vec![OAEP_MGF1P, digest.uri()],
            Self::Oaep { digest, mask } => vec![OAEP, digest.uri(), mask.mask_uri()],
            Self::Pkcs1 => vec![PKCS1],
        }
    }

    /// Digest and mask; `None` for PKCS#1 v1.5.
    fn oaep(self) -> Option<(OaepDigest, OaepDigest)> {
        match self {
            Self::OaepMgf1p(digest) => Some((digest, OaepDigest::Sha1)),
            Self::Oaep { digest, mask } => Some((digest, mask)),
            Self::Pkcs1 => None,
        }
    }
}

/// An `EncryptionMethod`, as it is written in metadata and in messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptionMethod {
    /// `Algorithm`.
    pub algorithm: String,
    /// `ds:DigestMethod`, a URI.
    pub digest: Option<String>,
    /// `xenc11:MGF`, a URI.
    pub mask: Option<String>,
}

/// What we can read, as our metadata declares it (IIP-MD09), the best first: SHA-256 in OAEP where
/// the sender knows it, `rsa-oaep-mgf1p` with SHA-1 for everybody (SDP-ALG01).
pub fn supported() -> Vec<EncryptionMethod> {
    let bare = |algorithm: &str| EncryptionMethod {
        algorithm: algorithm.to_owned(),
        digest: None,
        mask: None,
    };
    vec![
        bare(DataAlgorithm::Aes256Gcm.uri()),
        bare(DataAlgorithm::Aes128Gcm.uri()),
        EncryptionMethod {
            digest: Some(OaepDigest::Sha256.uri().to_owned()),
            mask: Some(OaepDigest::Sha256.mask_uri().to_owned()),
            ..bare(OAEP)
        },
        EncryptionMethod {
            digest: Some(OaepDigest::Sha1.uri().to_owned()),
            ..bare(OAEP_MGF1P)
        },
    ]
}

/// A key of somebody else's to encrypt for, from their metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptionKey {
    /// The key. One that is not RSA stands here too, and is never chosen.
    pub key: VerifyingKey,
    /// `md:EncryptionMethod`, in the order of the document; empty: nothing is declared.
    pub methods: Vec<EncryptionMethod>,
}

/// What an operator's entry names for one service that knows nothing better.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Legacy {
    /// AES in CBC (IIP-ALG05: whoever allows it is to be warned).
    pub cbc: bool,
    /// RSA PKCS#1 v1.5 (forbidden by default, IIP-ALG08).
    pub pkcs1: bool,
}

/// How one service's assertions are encrypted: its key and the algorithms both sides know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encryption {
    key: VerifyingKey,
    data: DataAlgorithm,
    transport: KeyTransport,
}

impl Encryption {
    /// How the content is encrypted.
    pub fn data(&self) -> DataAlgorithm {
        self.data
    }

    /// How its key is encrypted.
    pub fn transport(&self) -> KeyTransport {
        self.transport
    }

    /// The fingerprint of the service's key, for the journal.
    pub fn key(&self) -> &str {
        self.key.fingerprint()
    }

    /// Whether it uses anything that [`Legacy`] had to allow: to be warned of (IIP-ALG05).
    pub fn is_legacy(&self) -> bool {
        self.data.is_cbc() || self.transport == KeyTransport::Pkcs1
    }
}

/// An RSA key of ours that opens what others encrypted for it.
#[derive(Clone)]
pub struct DecryptionKey {
    key: PKey<Private>,
    certificate: String,
    fingerprint: String,
}

impl std::fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DecryptionKey({})", self.fingerprint)
    }
}

impl DecryptionKey {
    /// Decodes a PEM private key and its PEM certificate, as [`SigningKey::from_pem`] does; RSA only.
    pub fn from_pem(key_pem: &str, cert_pem: &str) -> Result<Self, KeyFault> {
        Self::of(&SigningKey::from_pem(key_pem, cert_pem)?)
    }

    /// The same key, to decrypt with: RSA, and in this process.
    pub fn of(pair: &SigningKey) -> Result<Self, KeyFault> {
        let Some(key) = pair.private().filter(|key| key.id() == Id::RSA) else {
            return Err(KeyFault::NotRsa);
        };
        Ok(Self {
            key: key.clone(),
            certificate: pair.certificate().to_owned(),
            fingerprint: pair.verifying().fingerprint().to_owned(),
        })
    }

    /// The certificate, base64 of DER without line breaks, as metadata carries it.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The fingerprint of its public half.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

#[cfg(test)]
mod tests;
