//! The rules of Core 3.5 and Bindings 3.6.5.

use super::{ArtifactResolve, ArtifactResponse, ResolveExpected, ResolvedExpected};
use crate::message::accept::{destination, in_response_to, issue_instant, issuer};
use crate::refusal::Said;
use crate::{Accepted, Binding, Refusal, Rules, Verified};

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

impl Verified<ArtifactResolve> {
    /// Applies the rules of Core 3.5.1: issuer, Destination, freshness of IssueInstant (300 s each
    /// way). That the artifact is one of ours, unspent, and was given for this requester, is the
    /// caller's to see (Bindings 3.6.5.2).
    pub fn accept(
        self,
        expected: &ResolveExpected<'_>,
    ) -> Result<Accepted<ArtifactResolve>, Refusal> {
        self.accept_by(expected, &Rules::default())
    }

    /// The same by the rules of a deployment.
    pub fn accept_by(
        self,
        expected: &ResolveExpected<'_>,
        rules: &Rules,
    ) -> Result<Accepted<ArtifactResolve>, Refusal> {
        rules.allow(&self.used)?;
        let resolve = &self.message;
        issuer(&resolve.issuer, expected.issuer)?;
        let said = resolve.destination.as_deref();
        destination(said, expected.destination, Binding::Soap)?;
        issue_instant(resolve.issue_instant, expected.now, rules)?;
        Ok(self.accepted())
    }
}

impl Verified<ArtifactResponse> {
    /// Applies the rules of Core 3.5.2: issuer, InResponseTo, freshness of IssueInstant (300 s each
    /// way), Success with a message.
    pub fn accept(
        self,
        expected: &ResolvedExpected<'_>,
    ) -> Result<Accepted<ArtifactResponse>, Refusal> {
        self.accept_by(expected, &Rules::default())
    }

    /// The same by the rules of a deployment.
    pub fn accept_by(
        self,
        expected: &ResolvedExpected<'_>,
        rules: &Rules,
    ) -> Result<Accepted<ArtifactResponse>, Refusal> {
        rules.allow(&self.used)?;
        let response = &self.message;
        issuer(&response.issuer, expected.issuer)?;
        in_response_to(response.in_response_to.as_ref(), expected.in_response_to)?;
        issue_instant(response.issue_instant, expected.now, rules)?;
        let status = &response.status;
        if status.code != SUCCESS {
            return Err(Refusal::Status {
                code: Said::new(&status.code),
                second: Said::new(status.second.as_deref().unwrap_or_default()),
                message: Said::new(status.message.as_deref().unwrap_or_default()),
            });
        }
        if response.message.is_none() {
            return Err(Refusal::NothingResolved);
        }
        Ok(self.accepted())
    }
}
