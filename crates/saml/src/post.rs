//! The HTTP-POST binding (SAML Bindings 3.5).

use crate::response::Response;
use crate::{
    AuthnRequest, EntityId, MessageId, Received, Refusal, Signing, Verified, VerifyingKey,
};

impl Received<AuthnRequest> {
    /// Reads the `SAMLRequest` field of a form: base64, at most 256 kB decoded, then the preflight.
    pub fn from_form(saml_request: &str, relay_state: Option<&str>) -> Result<Self, Refusal> {
        let _ = (saml_request, relay_state);
        todo!()
    }
}

impl Received<Response> {
    /// Reads the `SAMLResponse` field of a form: base64, at most 256 kB decoded, then the preflight.
    pub fn from_form(saml_response: &str) -> Result<Self, Refusal> {
        let _ = saml_response;
        todo!()
    }

    /// Who says they sent it: to find their keys, for nothing else.
    pub fn issuer(&self) -> &EntityId {
        todo!()
    }

    /// What it says it answers: to find the attempt, for nothing else. `None`: unsolicited.
    pub fn in_response_to(&self) -> Option<&MessageId> {
        todo!()
    }

    /// Every signature present must verify with one of `keys`, and at least one of Response and
    /// Assertion must be signed; what is read is the signed bytes. An answer without an assertion
    /// (an error status) must be signed too.
    pub fn verify(self, keys: &[VerifyingKey]) -> Result<Verified<Response>, Refusal> {
        let _ = (keys, Signing::Required(keys));
        todo!()
    }
}
