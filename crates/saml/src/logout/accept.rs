//! The rules of Profiles 4.4 and Core 3.7.

use super::{LogoutRequest, LogoutRequestExpected, LogoutResponse, LogoutResponseExpected};
use crate::message::accept::{SKEW, destination, in_response_to, issue_instant, issuer};
use crate::{Accepted, Moment, Refusal, Verified};

impl Verified<LogoutRequest> {
    /// Applies the rules of Profiles 4.4.4.1 and Core 3.7.1: issuer, Destination (mandatory where a
    /// browser carried it), freshness of IssueInstant (300 s each way), NotOnOrAfter (180 s of
    /// skew). That it comes once is the caller's to see ([`LogoutRequest::replay_until`]), and that
    /// the sender took part in the session.
    pub fn accept(
        self,
        expected: &LogoutRequestExpected<'_>,
    ) -> Result<Accepted<LogoutRequest>, Refusal> {
        let request = &self.message;
        issuer(&request.issuer, expected.issuer)?;
        let said = request.destination.as_deref();
        destination(said, expected.destination, expected.binding)?;
        issue_instant(request.issue_instant, expected.now)?;
        not_past(request.not_on_or_after, expected.now)?;
        Ok(Accepted {
            message: self.message,
            key: self.key,
        })
    }
}

impl Verified<LogoutResponse> {
    /// Applies the rules of Profiles 4.4.4.2 and Core 3.2.2: issuer, InResponseTo, Destination
    /// (mandatory where a browser carried it), freshness of IssueInstant (300 s each way). Whatever
    /// the status: see [`LogoutResponse::outcome`].
    pub fn accept(
        self,
        expected: &LogoutResponseExpected<'_>,
    ) -> Result<Accepted<LogoutResponse>, Refusal> {
        let response = &self.message;
        issuer(&response.issuer, expected.issuer)?;
        in_response_to(response.in_response_to.as_ref(), expected.in_response_to)?;
        let said = response.destination.as_deref();
        destination(said, expected.destination, expected.binding)?;
        issue_instant(response.issue_instant, expected.now)?;
        Ok(Accepted {
            message: self.message,
            key: self.key,
        })
    }
}

/// SAML Core 3.7.1.
fn not_past(not_on_or_after: Option<Moment>, now: Moment) -> Result<(), Refusal> {
    match not_on_or_after {
        Some(at) if now >= at + SKEW => Err(Refusal::LogoutExpired { at }),
        _ => Ok(()),
    }
}
