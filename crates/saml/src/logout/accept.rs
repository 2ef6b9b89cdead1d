//! The rules of Profiles 4.4 and Core 3.7.

use super::{LogoutRequest, LogoutRequestExpected, LogoutResponse, LogoutResponseExpected};
use crate::message::accept::{destination, in_response_to, issue_instant, issuer};
use crate::{Accepted, Moment, Refusal, Rules, Verified};

impl Verified<LogoutRequest> {
    /// Applies the rules of Profiles 4.4.4.1 and Core 3.7.1: issuer, Destination (mandatory where a
    /// browser carried it), freshness of IssueInstant (300 s each way), NotOnOrAfter (180 s of
    /// skew). That it comes once is the caller's to see ([`LogoutRequest::replay_until`]), and that
    /// the sender took part in the session.
    pub fn accept(
        self,
        expected: &LogoutRequestExpected<'_>,
    ) -> Result<Accepted<LogoutRequest>, Refusal> {
        self.accept_by(expected, &Rules::default())
    }

    /// The same by the rules of a deployment.
    pub fn accept_by(
        self,
        expected: &LogoutRequestExpected<'_>,
        rules: &Rules,
    ) -> Result<Accepted<LogoutRequest>, Refusal> {
        rules.allow(&self.used)?;
        let request = &self.message;
        issuer(&request.issuer, expected.issuer)?;
        let said = request.destination.as_deref();
        destination(said, expected.destination, expected.binding)?;
        issue_instant(request.issue_instant, expected.now, rules)?;
        not_past(request.not_on_or_after, expected.now, rules)?;
        Ok(self.accepted())
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
        self.accept_by(expected, &Rules::default())
    }

    /// The same by the rules of a deployment.
    pub fn accept_by(
        self,
        expected: &LogoutResponseExpected<'_>,
        rules: &Rules,
    ) -> Result<Accepted<LogoutResponse>, Refusal> {
        rules.allow(&self.used)?;
        let response = &self.message;
        issuer(&response.issuer, expected.issuer)?;
        in_response_to(response.in_response_to.as_ref(), expected.in_response_to)?;
        let said = response.destination.as_deref();
        destination(said, expected.destination, expected.binding)?;
        issue_instant(response.issue_instant, expected.now, rules)?;
        Ok(self.accepted())
    }
}

/// SAML Core 3.7.1.
pub(crate) fn not_past(
    not_on_or_after: Option<Moment>,
    now: Moment,
    rules: &Rules,
) -> Result<(), Refusal> {
    match not_on_or_after {
        Some(at) if now >= at + rules.skew() => Err(Refusal::LogoutExpired { at }),
        _ => Ok(()),
    }
}
