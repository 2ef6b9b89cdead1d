//! Receiving a message that must be signed, by any of the three bindings.

use std::marker::PhantomData;

use crate::encryption::{self, DecryptionKey};
use crate::message::Incoming;
use crate::preflight::{MESSAGE, preflight};
use crate::reader::{self, Element, SAMLP};
use crate::redirect::{Query, check_relay_state};
use crate::signature::{self, Seals};
use crate::trust::Seal;
use crate::{EntityId, MessageId, Received, Refusal, Verified, VerifyingKey, encoding, soap};

impl<T: Incoming> Received<T> {
    /// Reads a raw query string: what is signed in its order, no duplicate, `RelayState` at most 1 kB,
    /// inflate capped at 64 kB, then the preflight.
    pub fn by_redirect(raw_query: &str) -> Result<Self, Refusal> {
        let query = Query::parse(raw_query, T::PARAMETER)?;
        let text = preflight(&query.message, &MESSAGE)?;
        let mut received = Self::of(text, query.relay_state)?;
        if received
            .seal
            .enveloped()
            .is_some_and(|seals| !seals.are_none())
        {
            return Err(Refusal::EnvelopedInRedirect);
        }
        if let Some(signature) = query.signature {
            received.seal = Seal::Query(signature);
        }
        Ok(received)
    }

    /// Reads the field of a form: base64, at most 256 kB decoded, then the preflight.
    pub fn by_post(field: &str, relay_state: Option<&str>) -> Result<Self, Refusal> {
        let bytes = encoding::decode(field, T::PARAMETER)?;
        let text = preflight(&bytes, &MESSAGE)?;
        let relay_state = relay_state
            .map(|state| check_relay_state(state.to_owned()))
            .transpose()?;
        Self::of(text, relay_state)
    }

    /// Reads a SOAP envelope of at most 256 kB: the preflight, the envelope, then the only child of
    /// its body.
    pub fn by_soap(envelope: &[u8]) -> Result<Self, Refusal> {
        Self::of(&soap::open(envelope)?, None)
    }

    fn of(text: &str, relay_state: Option<String>) -> Result<Self, Refusal> {
        let document = reader::parse(text, &MESSAGE)?;
        let root = root::<T>(document.root_element())?;
        Ok(Self {
            issuer: reader::issuer(root)?.ok_or(Refusal::Missing { what: "Issuer" })?,
            in_response_to: reader::message_id(root, "InResponseTo")?,
            seal: Seal::Enveloped(Seals::find(&document, None)?),
            text: text.to_owned(),
            relay_state,
            becomes: PhantomData,
        })
    }

    /// Who says they sent it: to find their keys, for nothing else.
    pub fn issuer(&self) -> &EntityId {
        &self.issuer
    }

    /// What it says it answers: to find what was asked, for nothing else.
    pub fn in_response_to(&self) -> Option<&MessageId> {
        self.in_response_to.as_ref()
    }

    /// `RelayState`, opaque, to be given back unchanged.
    pub fn relay_state(&self) -> Option<&str> {
        self.relay_state.as_deref()
    }

    /// Checks the signature, over the raw octets for Redirect; one must be there (SECURITY 20).
    pub fn verify(self, keys: &[VerifyingKey]) -> Result<Verified<T>, Refusal> {
        self.verify_and_open(keys, &[])
    }

    /// Like [`Received::verify`], and opens an identifier encrypted in it with the first of `own`
    /// that can.
    pub fn verify_and_open(
        self,
        keys: &[VerifyingKey],
        own: &[DecryptionKey],
    ) -> Result<Verified<T>, Refusal> {
        match self.seal {
            Seal::Enveloped(seals) => {
                let signed = signature::verify(&self.text, &seals, keys)?;
                let document = signed.document(&MESSAGE)?;
                let mut used = signed.used();
                used.extend(encryption::used(&document));
                Ok(Verified {
                    message: T::read(root::<T>(document.root_element())?, own)?,
                    key: Some(signed.key().to_owned()),
                    used,
                })
            }
            Seal::Query(query) => {
                let key = query.verify(keys)?;
                let document = reader::parse(&self.text, &MESSAGE)?;
                let mut used = vec![query.algorithm.uri()];
                used.extend(encryption::used(&document));
                Ok(Verified {
                    message: T::read(root::<T>(document.root_element())?, own)?,
                    key: Some(key),
                    used,
                })
            }
            Seal::Root(_) | Seal::Carried { .. } => Err(Refusal::Unsigned),
        }
    }
}

fn root<'a, 'i, T: Incoming>(root: Element<'a, 'i>) -> Result<Element<'a, 'i>, Refusal> {
    if reader::is(root, SAMLP, T::NAME) {
        Ok(root)
    } else {
        Err(Refusal::UnexpectedRoot {
            found: reader::named(root),
        })
    }
}
