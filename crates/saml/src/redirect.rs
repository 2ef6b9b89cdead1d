//! The HTTP-Redirect binding (SAML Bindings 3.4): signatures over the raw query octets.

mod compose;

pub use compose::compose;

use crate::{AuthnRequest, EntityId, Received, Refusal, Signing, Verified};

impl Received<AuthnRequest> {
    /// Reads a raw query string: strict parameter order, no duplicate, `RelayState` at most 80
    /// bytes, inflate capped at 64 kB, then the preflight.
    pub fn from_query(raw_query: &str) -> Result<Self, Refusal> {
        let _ = raw_query;
        todo!()
    }

    /// Who says they sent it: to find their keys, for nothing else.
    pub fn issuer(&self) -> &EntityId {
        todo!()
    }

    /// `RelayState`, opaque, to be given back unchanged.
    pub fn relay_state(&self) -> Option<&str> {
        todo!()
    }

    /// Checks the signature (over the raw octets for Redirect) and reads the message.
    pub fn verify(self, signing: Signing<'_>) -> Result<Verified<AuthnRequest>, Refusal> {
        let _ = signing;
        todo!()
    }
}
