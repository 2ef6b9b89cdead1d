//! `AuthnRequest` (SAML Core 3.4.1): composed by a service, received by an identity provider.

use crate::ecp::ChannelBinding;
use crate::{Binding, EntityId, MessageId, Moment, NameIdFormat, Refusal};

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
    /// `AttributeConsumingServiceIndex` (IIP-IDP04): [`crate::metadata::SpRole::requested`].
    pub attribute_service: Option<u16>,
    /// `Scoping`.
    pub scoping: Option<Scoping>,
    /// The channels to its client that the service names ([`crate::ecp::bound`]).
    pub channel_bindings: Vec<ChannelBinding>,
    /// Whether there is a `Subject`, which is not read further and never written.
    pub names_subject: bool,
}

impl AuthnRequest {
    /// A request that asks for nothing in particular.
    pub fn new(id: MessageId, issue_instant: Moment, issuer: EntityId) -> Self {
        Self {
            id,
            issue_instant,
            issuer,
            destination: None,
            acs: AcsChoice::Default,
            protocol_binding: None,
            force_authn: false,
            is_passive: false,
            name_id_policy: None,
            requested_context: None,
            attribute_service: None,
            scoping: None,
            channel_bindings: Vec::new(),
            names_subject: false,
        }
    }

    /// Refuses a request about a given person: an answer about anybody else would be wrong, and nobody
    /// is asked for by name here (SAML Core 3.4.1, 3.4.1.4).
    pub fn is_about_nobody(&self) -> Result<(), Refusal> {
        if self.names_subject {
            return Err(Refusal::RequestedSubject);
        }
        Ok(())
    }
}

/// `Scoping` (SAML Core 3.4.1.2): who may answer, and on whose behalf it is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scoping {
    /// `ProxyCount`: how many may pass the question on. We pass none on.
    pub proxy_count: Option<u32>,
    /// The identity providers of `IDPList`, in order; `GetComplete` is not followed. Empty: anyone.
    pub idps: Vec<EntityId>,
    /// `RequesterID`: on whose behalf, nearest first.
    pub requesters: Vec<EntityId>,
}

impl Scoping {
    /// Whether `idp` may answer; where not, the status is
    /// [`crate::response::Status::NoAvailableIdp`] (SAML Core 3.4.1.5).
    pub fn allows(&self, idp: &EntityId) -> bool {
        self.idps.is_empty() || self.idps.contains(idp)
    }
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameIdPolicy {
    /// `Format`.
    pub format: Option<NameIdFormat>,
    /// `AllowCreate`.
    pub allow_create: bool,
    /// `SPNameQualifier`: the namespace the identifier is wanted in, when it is not the requester's
    /// own.
    pub sp_name_qualifier: Option<String>,
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
