//! What a message is trusted for: `Received` → `Verified` → `Accepted`.

use crate::VerifyingKey;

/// A message whose signature nobody has checked: only what is needed to find the key is readable.
pub struct Received<T> {
    _private: std::marker::PhantomData<T>,
}

/// A message read from the bytes that its signature covers (or that needed none).
#[derive(Debug, Clone)]
pub struct Verified<T> {
    /// The message.
    pub(crate) message: T,
    /// The fingerprint of the key that verified it; `None` when unsigned and allowed to be.
    pub(crate) key: Option<String>,
}

/// A message that also passed every rule of its profile, at one moment, for one place.
#[derive(Debug, Clone)]
pub struct Accepted<T> {
    /// The message.
    pub(crate) message: T,
    /// The fingerprint of the key that verified it.
    pub(crate) key: Option<String>,
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
