//! The rules an authentication request must obey, one function per clause.

use chrono::Duration;

use crate::refusal::Said;
use crate::request::RequestExpected;
use crate::{Accepted, AuthnRequest, Moment, Refusal, Verified};

/// How far an `IssueInstant` may lie from ours: clocks differ (IIP-G01), and a person may have
/// stood on the page that made the request.
const FRESH: Duration = Duration::seconds(300);

impl Verified<AuthnRequest> {
    /// Applies the rules of Profiles 4.1.4.1 and Core 3.4.1: Destination (mandatory when signed),
    /// freshness of IssueInstant (300 s of skew each way), version. The ACS is chosen later,
    /// against metadata ([`crate::metadata::SpRole::choose_acs`]).
    pub fn accept(self, expected: &RequestExpected<'_>) -> Result<Accepted<AuthnRequest>, Refusal> {
        destination(&self, expected.destination)?;
        issue_instant(self.message.issue_instant, expected.now)?;
        Ok(Accepted {
            message: self.message,
            key: self.key,
        })
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

/// SAML Core 3.2.1.
fn issue_instant(at: Moment, now: Moment) -> Result<(), Refusal> {
    let what = "IssueInstant";
    if at.signed_duration_since(now) > FRESH {
        Err(Refusal::FromTheFuture { what, at })
    } else if now.signed_duration_since(at) > FRESH {
        Err(Refusal::TooOld { what, at })
    } else {
        Ok(())
    }
}
