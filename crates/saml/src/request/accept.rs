//! The rules an authentication request must obey, one function per clause.

use crate::message::accept;
use crate::refusal::Said;
use crate::request::RequestExpected;
use crate::{Accepted, AuthnRequest, Refusal, Rules, Verified};

impl Verified<AuthnRequest> {
    /// Applies the rules of Profiles 4.1.4.1 and Core 3.4.1: Destination (mandatory when signed),
    /// freshness of IssueInstant (300 s of skew each way), version. The ACS is chosen later,
    /// against metadata ([`crate::metadata::SpRole::choose_acs`]).
    pub fn accept(self, expected: &RequestExpected<'_>) -> Result<Accepted<AuthnRequest>, Refusal> {
        self.accept_by(expected, &Rules::default())
    }

    /// The same by the rules of a deployment.
    pub fn accept_by(
        self,
        expected: &RequestExpected<'_>,
        rules: &Rules,
    ) -> Result<Accepted<AuthnRequest>, Refusal> {
        rules.allow(&self.used)?;
        destination(&self, expected.destination)?;
        accept::issue_instant(self.message.issue_instant, expected.now, rules)?;
        Ok(self.accepted())
    }
}

/// SAML Core 3.2.1: where the message was sent, when it says so, is where it arrived; SAML Bindings
/// 3.4.5.2 and 3.5.5.2: it says so when it is signed.
fn destination(request: &Verified<AuthnRequest>, arrived_at: &str) -> Result<(), Refusal> {
    match request.message.destination.as_deref() {
        Some(said) if said == arrived_at => Ok(()),
        Some(said) => Err(Refusal::DestinationOther {
            found: Said::new(said),
        }),
        None if request.key.is_some() => Err(Refusal::DestinationMissing),
        None => Ok(()),
    }
}
