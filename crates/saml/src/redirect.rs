//! The HTTP-Redirect binding (SAML Bindings 3.4): signatures over the raw query octets.

use std::marker::PhantomData;

use crate::preflight::{MESSAGE, preflight};
use crate::reader::{self, DS};
use crate::request::read;
use crate::signature::{self, Seals};
use crate::trust::Seal;
use crate::{AuthnRequest, EntityId, Received, Refusal, Signing, Verified, message};

mod compose;
mod query;

pub use compose::compose;
pub(crate) use query::{Query, check_relay_state, holds};

impl Received<AuthnRequest> {
    /// Reads a raw query string: what is signed in its order, no duplicate, `RelayState` at most 1 kB,
    /// inflate capped at 64 kB, then the preflight.
    pub fn from_query(raw_query: &str) -> Result<Self, Refusal> {
        let query = Query::parse(raw_query, message::REQUEST)?;
        let text = preflight(&query.message, &MESSAGE)?;
        let document = reader::parse(text, &MESSAGE)?;
        let root = read::root(&document)?;
        if root
            .descendants()
            .any(|node| reader::is(node, DS, "Signature"))
        {
            return Err(Refusal::EnvelopedInRedirect);
        }
        let seals = Seals::find(&document, None)?;
        let seal = query.signature.map_or(Seal::Enveloped(seals), Seal::Query);
        Ok(Self {
            issuer: read::issuer(root)?,
            text: text.to_owned(),
            seal,
            in_response_to: None,
            relay_state: query.relay_state,
            becomes: PhantomData,
        })
    }

    /// Who says they sent it: to find their keys, for nothing else.
    pub fn issuer(&self) -> &EntityId {
        &self.issuer
    }

    /// `RelayState`, opaque, to be given back unchanged.
    pub fn relay_state(&self) -> Option<&str> {
        self.relay_state.as_deref()
    }

    /// Checks the signature (over the raw octets for Redirect) and reads the message.
    pub fn verify(self, signing: Signing<'_>) -> Result<Verified<AuthnRequest>, Refusal> {
        let (Signing::Required(keys) | Signing::Optional(keys)) = signing;
        let (text, key, used) = match self.seal {
            Seal::Enveloped(seals) if seals.are_none() => match signing {
                Signing::Required(_) => return Err(Refusal::Unsigned),
                Signing::Optional(_) => (self.text, None, Vec::new()),
            },
            Seal::Enveloped(seals) => {
                let signed = signature::verify(&self.text, &seals, keys)?;
                let document = signed.document(&MESSAGE)?;
                let message = read::read(read::root(&document)?)?;
                return Ok(Verified {
                    message,
                    key: Some(signed.key().to_owned()),
                    used: signed.used(),
                });
            }
            Seal::Query(query) => {
                let key = query.verify(keys)?;
                (self.text, Some(key), vec![query.algorithm.uri()])
            }
            Seal::Root(_) | Seal::Carried { .. } => return Err(Refusal::Unsigned),
        };
        let document = reader::parse(&text, &MESSAGE)?;
        let message = read::read(read::root(&document)?)?;
        Ok(Verified { message, key, used })
    }
}
