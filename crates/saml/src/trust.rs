//! What a message is trusted for: `Received` → `Verified` → `Accepted`.

use std::marker::PhantomData;

use crate::keys::Algorithm;
use crate::signature::{RootMark, Seals};
use crate::{EntityId, MessageId, Refusal, VerifyingKey};

/// A message whose signature nobody has checked: only what is needed to find the key is readable.
pub struct Received<T> {
    /// The document, past the preflight.
    pub(crate) text: String,
    /// How it is signed.
    pub(crate) seal: Seal,
    /// Who says they sent it.
    pub(crate) issuer: EntityId,
    /// What it says it answers.
    pub(crate) in_response_to: Option<MessageId>,
    /// What came beside it.
    pub(crate) relay_state: Option<String>,
    /// What it is, once verified.
    pub(crate) becomes: PhantomData<fn() -> T>,
}

/// How a message is signed, as far as can be seen without a key.
pub(crate) enum Seal {
    /// Inside the document (or nowhere).
    Enveloped(Seals),
    /// Beside it, over the octets of a query (SAML Bindings 3.4.4.1).
    Query(QuerySeal),
    /// On its root, whatever else is signed inside (an answer around an answer).
    Root(Option<RootMark>),
    /// By the message that carried it, which was verified.
    Carried {
        /// The fingerprint of the key that verified that.
        key: String,
        /// The algorithms that one rests on.
        used: Vec<&'static str>,
    },
}

impl Seal {
    /// The signatures inside the document.
    pub(crate) fn enveloped(&self) -> Option<&Seals> {
        match self {
            Self::Enveloped(seals) => Some(seals),
            _ => None,
        }
    }
}

/// A signature over the octets of a query.
pub(crate) struct QuerySeal {
    /// What is signed.
    pub(crate) octets: String,
    /// How.
    pub(crate) algorithm: Algorithm,
    /// The signature.
    pub(crate) signature: Vec<u8>,
}

impl QuerySeal {
    /// The fingerprint of the first of `keys` that verifies it.
    pub(crate) fn verify(&self, keys: &[VerifyingKey]) -> Result<String, Refusal> {
        if !keys.iter().any(|key| key.fits(self.algorithm)) {
            return Err(Refusal::NoKey);
        }
        keys.iter()
            .find(|key| key.verifies(self.algorithm, self.octets.as_bytes(), &self.signature))
            .map(|key| key.fingerprint().to_owned())
            .ok_or(Refusal::SignatureInvalid)
    }
}

/// A message read from the bytes that its signature covers (or that needed none).
#[derive(Debug, Clone)]
pub struct Verified<T> {
    /// The message.
    pub(crate) message: T,
    /// The fingerprint of the key that verified it; `None` when unsigned and allowed to be.
    pub(crate) key: Option<String>,
    /// The algorithms that its signatures and what was encrypted in it rest on.
    pub(crate) used: Vec<&'static str>,
}

/// A message that also passed every rule of its profile, at one moment, for one place.
#[derive(Debug, Clone)]
pub struct Accepted<T> {
    /// The message.
    pub(crate) message: T,
    /// The fingerprint of the key that verified it.
    pub(crate) key: Option<String>,
    /// The algorithms it rests on.
    pub(crate) used: Vec<&'static str>,
}

impl<T> Verified<T> {
    /// The same message, accepted.
    pub(crate) fn accepted(self) -> Accepted<T> {
        Accepted {
            message: self.message,
            key: self.key,
            used: self.used,
        }
    }
}

/// Whether a signature is needed. One that is present must verify in both cases.
#[derive(Debug, Clone, Copy)]
pub enum Signing<'a> {
    /// One of these keys must verify it.
    Required(&'a [VerifyingKey]),
    /// Unsigned is allowed; if signed, one of these keys must verify it.
    Optional(&'a [VerifyingKey]),
}

impl<T> Verified<T> {
    /// The message.
    pub fn message(&self) -> &T {
        &self.message
    }
    /// The fingerprint of the key that verified it.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

impl<T> Accepted<T> {
    /// The message.
    pub fn message(&self) -> &T {
        &self.message
    }
    /// The fingerprint of the key that verified it.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
    /// Takes the message out.
    pub fn into_message(self) -> T {
        self.message
    }
}
