//! The HTTP-Artifact binding (SAML Bindings 3.6) and its protocol (SAML Core 3.5): a token through
//! the browser, the message behind its back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::sha::sha1;

use crate::response::StatusSaid;
use crate::{EntityId, MessageId, Moment, Refusal};

mod accept;
mod compose;
mod read;

/// The type of artifact that SAML 2.0 has (SAML Bindings 3.6.4.1).
const TYPE: [u8; 2] = [0x00, 0x04];

/// An artifact of type 0x0004: whose message, resolved where, and which.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Artifact {
    source: [u8; 20],
    endpoint: u16,
    handle: [u8; 20],
}

impl Artifact {
    /// Makes an artifact of `issuer`, to be resolved at the `ArtifactResolutionService` with
    /// `endpoint` as its index; `handle` is chance (SAML Bindings 3.6.4.1).
    pub fn new(issuer: &EntityId, endpoint: u16, handle: [u8; 20]) -> Self {
        Self {
            source: sha1(issuer.as_str().as_bytes()),
            endpoint,
            handle,
        }
    }

    /// Reads `SAMLart`: base64 of 44 bytes, of type 0x0004.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let bytes = STANDARD
            .decode(text)
            .map_err(|_| Refusal::NotBase64 { part: "SAMLart" })?;
        let bytes: [u8; 44] = bytes.try_into().map_err(|_| Refusal::Artifact {
            why: "it has not 44 bytes",
        })?;
        let [high, low, first, second, rest @ ..] = bytes;
        if [high, low] != TYPE {
            return Err(Refusal::Artifact {
                why: "it is of another type",
            });
        }
        let (mut source, mut handle) = ([0; 20], [0; 20]);
        let halves = source.iter_mut().chain(&mut handle);
        halves.zip(rest).for_each(|(to, from)| *to = from);
        Ok(Self {
            source,
            endpoint: u16::from_be_bytes([first, second]),
            handle,
        })
    }

    /// As it travels: `SAMLart`, before any percent-encoding.
    pub fn encode(&self) -> String {
        let endpoint = self.endpoint.to_be_bytes();
        STANDARD.encode([&TYPE[..], &endpoint, &self.source, &self.handle].concat())
    }

    /// Whether it says to be of `issuer` (SAML Bindings 3.6.4.1: SHA-1 of the entityID, a name and
    /// no proof).
    pub fn is_of(&self, issuer: &EntityId) -> bool {
        self.source == sha1(issuer.as_str().as_bytes())
    }

    /// The index of the `ArtifactResolutionService` that resolves it.
    pub fn endpoint(&self) -> u16 {
        self.endpoint
    }

    /// The message's handle: what its issuer keeps it by.
    pub fn handle(&self) -> &[u8; 20] {
        &self.handle
    }
}

/// "What did this stand for?"
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactResolve {
    /// `ID`.
    pub id: MessageId,
    /// `IssueInstant`.
    pub issue_instant: Moment,
    /// `Issuer`.
    pub issuer: EntityId,
    /// `Destination`.
    pub destination: Option<String>,
    /// `Artifact`.
    pub artifact: Artifact,
}

/// What an artifact stood for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactResponse {
    /// `ID`.
    pub id: MessageId,
    /// `IssueInstant`.
    pub issue_instant: Moment,
    /// `Issuer`.
    pub issuer: EntityId,
    /// `InResponseTo`.
    pub in_response_to: Option<MessageId>,
    /// The status: Success without a message where the artifact stands for none, or for none of the
    /// requester's (SAML Core 3.5.3).
    pub status: StatusSaid,
    /// The message: to compose, one that was composed here and begins with its element; as
    /// received, a document of its own.
    pub message: Option<String>,
}

/// What the receiver of an [`ArtifactResolve`] knows by itself.
pub struct ResolveExpected<'a> {
    /// The entity whose keys verified it.
    pub issuer: &'a EntityId,
    /// The address it arrived at.
    pub destination: &'a str,
    /// The moment.
    pub now: Moment,
}

/// What the receiver of an [`ArtifactResponse`] knows by itself.
pub struct ResolvedExpected<'a> {
    /// The entity that was asked.
    pub issuer: &'a EntityId,
    /// The [`ArtifactResolve`] it was sent.
    pub in_response_to: &'a MessageId,
    /// The moment.
    pub now: Moment,
}

#[cfg(test)]
mod tests;
