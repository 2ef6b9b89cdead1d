//! `LogoutRequest` and `LogoutResponse` (SAML Core 3.7, Profiles 4.4): composed and received by
//! either side, by Redirect, POST and SOAP, always signed (SECURITY 20).

use crate::message;
use crate::response::{NameId, StatusSaid};
use crate::{Binding, EntityId, MessageId, Moment, Received, Refusal, Rules, redirect};

pub(crate) mod accept;
mod compose;
mod read;

/// "This person's session ends": from a service, or to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutRequest {
    /// `ID`: to be put once on a shelf until [`LogoutRequest::replay_until`].
    pub id: MessageId,
    /// `IssueInstant`.
    pub issue_instant: Moment,
    /// `Issuer`.
    pub issuer: EntityId,
    /// `Destination`.
    pub destination: Option<String>,
    /// `NotOnOrAfter`: the request is to be ignored from then on.
    pub not_on_or_after: Option<Moment>,
    /// `Reason`, a URI.
    pub reason: Option<String>,
    /// `NameID`, all of it as it was given (SDP-SP29).
    pub name_id: NameId,
    /// `SessionIndex`, in order; none: every session of this person with the sender.
    pub session_indexes: Vec<String>,
    /// The Asynchronous extension: no answer is wanted (IIP-IDP17).
    pub asynchronous: bool,
}

impl LogoutRequest {
    /// Until when the same request could be sent again and be fresh.
    pub fn replay_until(&self) -> Moment {
        Rules::fresh_at_most(self.issue_instant)
    }
}

/// What came of a [`LogoutRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutResponse {
    /// `ID`.
    pub id: MessageId,
    /// `IssueInstant`.
    pub issue_instant: Moment,
    /// `Issuer`.
    pub issuer: EntityId,
    /// `Destination`.
    pub destination: Option<String>,
    /// `InResponseTo`.
    pub in_response_to: Option<MessageId>,
    /// The status.
    pub status: StatusSaid,
}

/// What a logout came to, for whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The session ended, everywhere the answerer knows of.
    Done,
    /// The session ended there, and not everywhere (`PartialLogout`).
    Partial,
    /// It did not.
    Failed,
}

impl LogoutResponse {
    /// What it says it came to: `PartialLogout` below `Success`, or below anything else, as some
    /// send it (SAML Core 3.2.2.2, 3.7.3.2).
    pub fn outcome(&self) -> Outcome {
        let is = |said: &str, name: &str| said.strip_prefix(STATUS) == Some(name);
        let second = self.status.second.as_deref();
        if second.is_some_and(|second| is(second, "PartialLogout")) {
            Outcome::Partial
        } else if is(&self.status.code, "Success") {
            Outcome::Done
        } else {
            Outcome::Failed
        }
    }
}

/// What the receiver of a logout request knows by itself.
pub struct LogoutRequestExpected<'a> {
    /// The entity whose keys verified it.
    pub issuer: &'a EntityId,
    /// The address it arrived at.
    pub destination: &'a str,
    /// How it arrived.
    pub binding: Binding,
    /// The moment.
    pub now: Moment,
}

/// What the receiver of a logout response knows by itself.
pub struct LogoutResponseExpected<'a> {
    /// The entity that was asked, whose keys verified it.
    pub issuer: &'a EntityId,
    /// The request it was sent.
    pub in_response_to: &'a MessageId,
    /// The address it arrived at.
    pub destination: &'a str,
    /// How it arrived.
    pub binding: Binding,
    /// The moment.
    pub now: Moment,
}

/// What arrives at a logout address by Redirect: either.
pub enum Notice {
    /// A request.
    Request(Received<LogoutRequest>),
    /// An answer.
    Response(Received<LogoutResponse>),
}

impl Notice {
    /// Reads a raw query string; both at once are refused.
    pub fn from_query(raw_query: &str) -> Result<Self, Refusal> {
        if redirect::holds(raw_query, message::RESPONSE) {
            Received::<LogoutResponse>::by_redirect(raw_query).map(Self::Response)
        } else {
            Received::<LogoutRequest>::by_redirect(raw_query).map(Self::Request)
        }
    }
}

const STATUS: &str = "urn:oasis:names:tc:SAML:2.0:status:";
