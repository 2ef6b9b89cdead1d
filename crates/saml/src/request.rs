//! `AuthnRequest` (SAML Core 3.4.1): composed by a service, received by an identity provider.

use crate::{Binding, EntityId, MessageId, Moment, NameIdFormat};

mod accept;
mod compose;
pub(crate) mod read;

/// An authentication request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthnRequest {
    /// `ID`.
    pub id: MessageId,
    /// `IssueInstant`.
    pub issue_instant: Moment,
    /// `Issuer`.
    pub issuer: EntityId,
    /// `Destination`.
    pub destination: Option<String>,
    /// Where the answer should go.
    pub acs: AcsChoice,
    /// `ProtocolBinding`.
    pub protocol_binding: Option<Binding>,
    /// `ForceAuthn`.
    pub force_authn: bool,
    /// `IsPassive`.
    pub is_passive: bool,
    /// `NameIDPolicy`.
    pub name_id_policy: Option<NameIdPolicy>,
    /// `RequestedAuthnContext`.
    pub requested_context: Option<RequestedContext>,
}

/// Where a request wants its answer (SAML Core 3.4.1; URL and index exclude each other).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcsChoice {
    /// The default of the service's metadata.
    Default,
    /// `AssertionConsumerServiceURL`.
    Url(String),
    /// `AssertionConsumerServiceIndex`.
    Index(u16),
}

/// `NameIDPolicy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameIdPolicy {
    /// `Format`.
    pub format: Option<NameIdFormat>,
    /// `AllowCreate`.
    pub allow_create: bool,
}

/// `RequestedAuthnContext`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedContext {
    /// `Comparison`; only `exact` can be satisfied by us (IIP-IDP08).
    pub exact: bool,
    /// `AuthnContextClassRef`, in order.
    pub classes: Vec<String>,
}

/// What the receiving identity provider knows by itself.
pub struct RequestExpected<'a> {
    /// The address this message arrived at.
    pub destination: &'a str,
    /// The moment.
    pub now: Moment,
}
