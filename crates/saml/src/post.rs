//! The HTTP-POST binding (SAML Bindings 3.5).

use std::marker::PhantomData;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::encryption::DecryptionKey;
use crate::message::{Outgoing, Unsigned};
use crate::preflight::{MESSAGE, preflight};
use crate::redirect::check_relay_state;
use crate::request;
use crate::response::{self, Response};
use crate::sign::sign;
use crate::signature::Seals;
use crate::trust::Seal;
use crate::writer::Writer;
use crate::{
    AuthnRequest, EntityId, MessageId, Received, Refusal, SigningKey, Verified, VerifyingKey,
    encoding, reader,
};

/// Composes and signs `message`, as the document whose base64 is the value of its field
/// ([`encode`]).
pub fn compose<M: Outgoing>(message: &M, key: &SigningKey) -> Result<String, Refusal> {
    let Unsigned { xml, after_issuer } = message.written()?;
    let mut w = Writer::of(xml);
    sign(&mut w, 0, after_issuer, message.id().as_str(), key)?;
    Ok(w.finish())
}

/// The value of the field that carries `xml` (SAML Bindings 3.5.4).
pub fn encode(xml: &str) -> String {
    STANDARD.encode(xml)
}

/// The name of the field that carries a message of this kind: `SAMLRequest` or `SAMLResponse`.
pub fn field<M: Outgoing>(_: &M) -> &'static str {
    M::PARAMETER
}

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
        match self.seal {
            Seal::Enveloped(seals) => response::read::verified(&self.text, &seals, keys, own),
            Seal::Carried { key, used } => {
                response::read::carried(&self.text, (key, used), keys, own)
            }
            Seal::Query(_) | Seal::Root(_) => Err(Refusal::Unsigned),
        }
    }
}
