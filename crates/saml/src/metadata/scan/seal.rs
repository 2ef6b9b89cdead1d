//! The signature of a document that streams by: verified before what it covers, which is then
//! digested as it comes.

use openssl::hash::Hasher;
use quick_xml::events::BytesStart;

use crate::c14n::Canon;
use crate::refusal::Said;
use crate::signature::{Opened, open};
use crate::{Refusal, VerifyingKey};

/// Bytes kept before they are digested.
const CHUNK: usize = 64 * 1024;
/// Bytes of a signature, and of what may stand before it.
const LARGEST: usize = 256 * 1024;

/// How far the signature of a document is.
pub(super) enum Seal {
    /// Nobody is asked for one; whether the root is over.
    Unasked(bool),
    /// The root was not opened yet.
    Before,
    /// The root was opened; its signature must come first.
    Awaited(BytesStart<'static>),
    /// Its signature is being read; what stood before it.
    Coming(BytesStart<'static>, Vec<u8>),
    /// Verified; the rest is being digested.
    Open(Box<Hasher>, Opened),
    /// The root is over, and its digest is the signed one.
    Whole,
}

impl Seal {
    pub(super) fn of(is_signed: bool) -> Self {
        if is_signed {
            Self::Before
        } else {
            Self::Unasked(false)
        }
    }

    /// Whether the root is over.
    pub(super) fn is_past(&self) -> bool {
        matches!(self, Self::Whole | Self::Unasked(true))
    }

    /// The root opens.
    pub(super) fn root(&mut self, start: &BytesStart<'_>, id: &str) -> Result<(), Refusal> {
        if matches!(self, Self::Before) {
            if id.is_empty() {
                // Nothing can refer to it.
                return Err(Refusal::Unsigned);
            }
            *self = Self::Awaited(start.to_owned());
        }
        Ok(())
    }

    /// A child of the root opens; it is not yet written.
    pub(super) fn child(&mut self, canon: &mut Canon, is_signature: bool) -> Result<(), Refusal> {
        match std::mem::replace(self, Self::Before) {
            Self::Awaited(root) if is_signature => {
                let before = std::mem::take(&mut canon.out);
                // So that what is signed in it can be written by itself.
                canon.inclusive_of_all();
                *self = Self::Coming(root, before);
                Ok(())
            }
            Self::Awaited(_) => Err(Refusal::Unsigned),
            Self::Open(..) if is_signature => Err(Refusal::SignatureRepeated),
            other => {
                *self = other;
                Ok(())
            }
        }
    }

    /// A child of the root is over.
    pub(super) fn child_ends(
        &mut self,
        canon: &mut Canon,
        id: &str,
        pinned: &[VerifyingKey],
    ) -> Result<(), Refusal> {
        let (root, before) = match std::mem::replace(self, Self::Before) {
            Self::Coming(root, before) => (root, before),
            other => {
                *self = other;
                return Ok(());
            }
        };
        let signature = String::from_utf8(std::mem::take(&mut canon.out));
        let signature = signature.map_err(|_| Refusal::NotUtf8 {
            part: "a signature",
        })?;
        let opened = open(&signature, id, pinned)?;
        canon.inclusive(&opened.prefixes);
        let mut element = canon.again(&root)?;
        canon.render(&mut element);
        canon.out.extend(before);
        let hasher = Hasher::new(opened.method.method()).map_err(|_| Refusal::SignatureInvalid)?;
        *self = Self::Open(Box::new(hasher), opened);
        Ok(())
    }

    /// Digests what was written, once there is enough of it.
    pub(super) fn digest(&mut self, out: &mut Vec<u8>) -> Result<(), Refusal> {
        match self {
            Self::Open(hasher, _) if out.len() > CHUNK => {
                let digested = hasher.update(out);
                out.clear();
                digested.map_err(|_| Refusal::SignatureInvalid)
            }
            Self::Awaited(_) | Self::Coming(..) if out.len() > LARGEST => {
                Err(Refusal::ValueTooLong { limit: LARGEST })
            }
            _ => Ok(()),
        }
    }

    /// The root is over: the digest must be the signed one. Says what signed it.
    pub(super) fn root_ends(&mut self, out: &mut Vec<u8>) -> Result<Option<Opened>, Refusal> {
        match std::mem::replace(self, Self::Whole) {
            Self::Unasked(_) => {
                *self = Self::Unasked(true);
                Ok(None)
            }
            Self::Open(mut hasher, opened) => {
                let failed = |_| Refusal::SignatureInvalid;
                hasher.update(out).map_err(failed)?;
                out.clear();
                let found = hasher.finish().map_err(failed)?;
                if *found == *opened.digest {
                    Ok(Some(opened))
                } else {
                    Err(Refusal::SignatureInvalid)
                }
            }
            _ => Err(Refusal::Unsigned),
        }
    }

    /// A comment would be left out of the signature's own text.
    pub(super) fn comment(&self) -> Result<(), Refusal> {
        if matches!(self, Self::Coming(..)) {
            return Err(Refusal::CommentInValue {
                element: Said::new("Signature"),
            });
        }
        Ok(())
    }
}
