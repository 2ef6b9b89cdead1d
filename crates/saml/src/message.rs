//! Messages of either direction: one that can be sent knows how it is written, one that can be
//! received knows how it is read. Only this room makes them.

use crate::encryption::DecryptionKey;
use crate::reader::{self, Element};
use crate::{EntityId, MessageId, Moment, Refusal};

/// A message that [`crate::redirect`], [`crate::post`] and [`crate::soap`] can send.
pub trait Outgoing: sealed::Written {}

impl<T: sealed::Written> Outgoing for T {}

/// A message that is received by any binding, always signed.
pub trait Incoming: sealed::Read {}

impl<T: sealed::Read> Incoming for T {}

/// A message as it is written, without its signature.
pub struct Unsigned {
    /// The document, canonical.
    pub(crate) xml: String,
    /// Where its signature goes: after the issuer (SAML Core 5.4.1).
    pub(crate) after_issuer: usize,
}

pub(crate) mod sealed {
    use super::{DecryptionKey, Element, MessageId, Refusal, Unsigned};

    /// How a message is written.
    pub trait Written {
        /// The parameter or field it travels in.
        const PARAMETER: &'static str;
        /// Its `ID`.
        fn id(&self) -> &MessageId;
        /// Writes it.
        fn written(&self) -> Result<Unsigned, Refusal>;
    }

    /// How a message is read.
    pub trait Read: Sized {
        /// The parameter or field it travels in.
        const PARAMETER: &'static str;
        /// Its element.
        const NAME: &'static str;
        /// Reads it from its element; `own` opens what is encrypted in it.
        fn read(root: Element<'_, '_>, own: &[DecryptionKey]) -> Result<Self, Refusal>;
    }
}

/// The field of requests (SAML Bindings 3.4.4.1, 3.5.4).
pub(crate) const REQUEST: &str = "SAMLRequest";
/// The field of answers.
pub(crate) const RESPONSE: &str = "SAMLResponse";

/// What every message says of itself (SAML Core 3.2.1, 3.2.2).
pub(crate) struct Head {
    pub(crate) id: MessageId,
    pub(crate) issue_instant: Moment,
    pub(crate) issuer: EntityId,
    pub(crate) destination: Option<String>,
}

impl Head {
    /// Reads it; the issuer is mandatory in every profile used here.
    pub(crate) fn read(root: Element<'_, '_>) -> Result<Self, Refusal> {
        reader::version(root)?;
        Ok(Self {
            id: reader::message_id(root, "ID")?.ok_or(Refusal::Missing { what: "ID" })?,
            issue_instant: reader::instant(root, "IssueInstant")?.ok_or(Refusal::Missing {
                what: "IssueInstant",
            })?,
            issuer: reader::issuer(root)?.ok_or(Refusal::Missing { what: "Issuer" })?,
            destination: reader::attribute(root, "Destination").map(str::to_owned),
        })
    }
}

pub(crate) mod accept;
pub(crate) mod receive;
