//! The HTTP-POST binding (SAML Bindings 3.5).

use std::marker::PhantomData;

use crate::encryption::DecryptionKey;
use crate::preflight::{MESSAGE, preflight};
use crate::redirect::check_relay_state;
use crate::request;
use crate::response::{self, Response};
use crate::signature::Seals;
use crate::trust::Seal;
use crate::{
    AuthnRequest, EntityId, MessageId, Received, Refusal, Verified, VerifyingKey, encoding, reader,
};

impl Received<AuthnRequest> {
    /// Reads the `SAMLRequest` field of a form: base64, at most 256 kB decoded, then the preflight.
    pub fn from_form(saml_request: &str, relay_state: Option<&str>) -> Result<Self, Refusal> {
        let bytes = encoding::decode(saml_request, "SAMLRequest")?;
        let text = preflight(&bytes, &MESSAGE)?;
        let document = reader::parse(text, &MESSAGE)?;
        let root = request::read::root(&document)?;
        Ok(Self {
            issuer: request::read::issuer(root)?,
            text: text.to_owned(),
            seal: Seal::Enveloped(Seals::find(&document, None)?),
            in_response_to: None,
            relay_state: relay_state
                .map(|state| check_relay_state(state.to_owned()))
                .transpose()?,
            becomes: PhantomData,
        })
    }
}

impl Received<Response> {
    /// Reads the `SAMLResponse` field of a form: base64, at most 256 kB decoded, then the preflight.
    pub fn from_form(saml_response: &str) -> Result<Self, Refusal> {
        let bytes = encoding::decode(saml_response, "SAMLResponse")?;
        let text = preflight(&bytes, &MESSAGE)?;
        let document = reader::parse(text, &MESSAGE)?;
        let parts = response::read::parts(&document)?;
        Ok(Self {
            issuer: response::read::issuer(&parts)?,
            in_response_to: reader::message_id(parts.root, "InResponseTo")?,
            seal: Seal::Enveloped(Seals::find(&document, parts.assertion)?),
            text: text.to_owned(),
            relay_state: None,
            becomes: PhantomData,
        })
    }

    /// Who says they sent it: to find their keys, for nothing else.
    pub fn issuer(&self) -> &EntityId {
        &self.issuer
    }

    /// What it says it answers: to find the attempt, for nothing else. `None`: unsolicited.
    pub fn in_response_to(&self) -> Option<&MessageId> {
        self.in_response_to.as_ref()
    }

    /// Every signature present must verify with one of `keys`, and at least one of Response and
    /// Assertion must be signed; what is read is the signed bytes. An answer without an assertion
    /// (an error status) must be signed too.
    ///
    /// An encrypted assertion is refused here: [`Received::verify_and_open`] takes it.
    pub fn verify(self, keys: &[VerifyingKey]) -> Result<Verified<Response>, Refusal> {
        self.verify_and_open(keys, &[])
    }

    /// Like [`Received::verify`], and opens an encrypted assertion with the first of `own` that can.
    ///
    /// A signed response is verified first, and what is in it opened only then. Where the response
    /// is not signed, the assertion inside must be (SAML Profiles 4.1.4.2 wants one of them); a
    /// signature inside must verify in both cases. What was opened goes through everything that
    /// the message went through: the same caps and rules, one assertion, no identifier twice inside
    /// and out. Whatever fails with a key of ours is [`Refusal::Undecryptable`].
    pub fn verify_and_open(
        self,
        keys: &[VerifyingKey],
        own: &[DecryptionKey],
    ) -> Result<Verified<Response>, Refusal> {
        let Seal::Enveloped(seals) = self.seal else {
            return Err(Refusal::Unsigned);
        };
        response::read::verified(&self.text, &seals, keys, own)
    }
}
