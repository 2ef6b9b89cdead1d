//! `Response` and its `Assertion` (SAML Core 2.3, 3.3.3; Profiles 4.1.4).

pub(crate) mod accept;
pub(crate) mod compose;
pub(crate) mod read;

pub use compose::{compose, compose_advised, compose_error, compose_for};
pub use read::Response;

use crate::ecp::ChannelBinding;
use crate::{EntityId, MessageId, Moment, NameIdFormat};

/// `NameID`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NameId {
    /// The value.
    pub value: String,
    /// `Format`.
    pub format: NameIdFormat,
    /// `NameQualifier`: the identity provider.
    pub name_qualifier: Option<String>,
    /// `SPNameQualifier`: the service.
    pub sp_name_qualifier: Option<String>,
}

/// `Attribute` with its values; each value is all its text and CDATA joined.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Attribute {
    /// `Name`.
    pub name: String,
    /// `NameFormat`, a URI.
    pub name_format: String,
    /// `FriendlyName`: for people, never for rules (IIP-SP11).
    pub friendly_name: Option<String>,
    /// `AttributeValue` elements, in order.
    pub values: Vec<String>,
}

/// What to compose: one assertion for one service.
pub struct ResponsePlan<'a> {
    /// `ID` of the Response.
    pub response_id: &'a MessageId,
    /// `ID` of the Assertion.
    pub assertion_id: &'a MessageId,
    /// The request answered; `None` for an unsolicited answer.
    pub in_response_to: Option<&'a MessageId>,
    /// The identity provider.
    pub issuer: &'a EntityId,
    /// The service.
    pub audience: &'a EntityId,
    /// The assertion consumer service it is sent to.
    pub acs: &'a str,
    /// The moment it is issued.
    pub now: Moment,
    /// Seconds the assertion may be presented, from `now` (Conditions and SubjectConfirmationData).
    pub lifetime_s: u32,
    /// `NameID`; `None` leaves it out (IIP-IDP11).
    pub name_id: Option<&'a NameId>,
    /// When the person proved who they are.
    pub authn_instant: Moment,
    /// `AuthnContextClassRef`.
    pub authn_context: &'a str,
    /// `SessionIndex`.
    pub session_index: &'a str,
    /// `SessionNotOnOrAfter`.
    pub session_ends: Option<Moment>,
    /// Attributes, in order; none leaves the statement out.
    pub attributes: &'a [Attribute],
    /// Which elements are signed.
    pub sign: SignWhat,
}

/// What an assertion says beside its statements, to an enhanced client's service (`Advice`, SAML
/// Core 2.6.1).
#[derive(Debug, Clone, Copy, Default)]
pub struct Advice<'a> {
    /// The channel that service and client both named (IIP-IDP13).
    pub channel: Option<&'a ChannelBinding>,
    /// The key that they share from now on, base64 (SAML-EC 5.3.1): for an assertion that is
    /// encrypted.
    pub key: Option<&'a str>,
}

/// Which elements carry a signature (P05).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum SignWhat {
    /// Response and Assertion: the default.
    Both,
    /// Response only.
    Response,
    /// Assertion only.
    Assertion,
}

/// An answer that says no (SAML Core 3.2.2.2).
pub struct ErrorPlan<'a> {
    /// `ID` of the Response.
    pub response_id: &'a MessageId,
    /// The request answered.
    pub in_response_to: Option<&'a MessageId>,
    /// The identity provider.
    pub issuer: &'a EntityId,
    /// The assertion consumer service it is sent to.
    pub acs: &'a str,
    /// The moment it is issued.
    pub now: Moment,
    /// The status.
    pub status: Status,
    /// `StatusMessage`.
    pub message: Option<&'a str>,
}

/// Status codes, top level and second level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Success.
    Success,
    /// `Responder` and `NoPassive`.
    NoPassive,
    /// `Responder` and `NoAuthnContext`.
    NoAuthnContext,
    /// `Responder` and `AuthnFailed`.
    AuthnFailed,
    /// `Requester` and `InvalidNameIDPolicy`.
    InvalidNameIdPolicy,
    /// `Responder` and `RequestDenied`.
    RequestDenied,
    /// `Requester` and `RequestUnsupported`.
    RequestUnsupported,
    /// `Responder` and `UnknownPrincipal`.
    UnknownPrincipal,
    /// `Responder` and `NoAvailableIDP`: none of those asked for by name is here.
    NoAvailableIdp,
    /// `Responder` and `ProxyCountExceeded`.
    ProxyCountExceeded,
    /// `Requester` and `UnsupportedBinding`.
    UnsupportedBinding,
    /// `Success` and `PartialLogout`: the session ended here, and not everywhere (SDP-IDP31).
    PartialLogout,
    /// `Responder` alone.
    Responder,
    /// `Requester` alone.
    Requester,
    /// `VersionMismatch` alone.
    VersionMismatch,
    /// Any other pair, as received.
    Other(String, Option<String>),
}

/// A status as it is said (SAML Core 3.2.2.1): [`Status::said`] for the known ones.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StatusSaid {
    /// The top-level code.
    pub code: String,
    /// The second-level code.
    pub second: Option<String>,
    /// `StatusMessage`.
    pub message: Option<String>,
}

/// What the receiving service knows by itself.
pub struct ResponseExpected<'a> {
    /// The identity provider that was asked.
    pub issuer: &'a EntityId,
    /// Us.
    pub audience: &'a EntityId,
    /// The assertion consumer service this arrived at.
    pub acs: &'a str,
    /// The request we made; `None` only where unsolicited answers are allowed.
    pub in_response_to: Option<&'a MessageId>,
    /// The moment.
    pub now: Moment,
}

/// A person, as an identity provider says they are.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Login {
    /// The identity provider.
    pub issuer: EntityId,
    /// `ID` of the assertion: to be put once on a shelf until [`Login::replay_until`].
    pub assertion_id: String,
    /// Until when the assertion could be presented again (NotOnOrAfter plus skew).
    pub replay_until: Moment,
    /// `NameID`.
    pub name_id: Option<NameId>,
    /// Attributes.
    pub attributes: Vec<Attribute>,
    /// `AuthnInstant`.
    pub authn_instant: Moment,
    /// `AuthnContextClassRef`.
    pub authn_context: Option<String>,
    /// `SessionIndex`.
    pub session_index: Option<String>,
    /// `SessionNotOnOrAfter`.
    pub session_ends: Option<Moment>,
    /// Which elements carried a signature.
    pub signed: SignWhat,
    /// Whether the assertion was encrypted.
    pub encrypted: bool,
}

impl Login {
    /// The first value of the attribute called `name` (its `Name`, never its FriendlyName).
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    /// All values of the attribute called `name`.
    pub fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let name = name.to_owned();
        self.attributes
            .iter()
            .filter(move |attribute| attribute.name == name)
            .flat_map(|attribute| attribute.values.iter().map(String::as_str))
    }
}
