//! The rules that every signed message between entities obeys, one function per clause.

use crate::refusal::Said;
use crate::{Binding, EntityId, MessageId, Moment, Refusal, Rules};

/// The entity whose keys verified it is the one it names.
pub(crate) fn issuer(found: &EntityId, expected: &EntityId) -> Result<(), Refusal> {
    if found == expected {
        Ok(())
    } else {
        Err(Refusal::SenderOther {
            found: Said::new(found.as_str()),
        })
    }
}

/// SAML Core 3.2.1: where it was sent, when it says so, is where it arrived; SAML Bindings 3.4.5.2
/// and 3.5.5.2: it says so when a browser carried it.
pub(crate) fn destination(
    found: Option<&str>,
    arrived_at: &str,
    binding: Binding,
) -> Result<(), Refusal> {
    match found {
        Some(found) if found == arrived_at => Ok(()),
        Some(found) => Err(Refusal::DestinationOther {
            found: Said::new(found),
        }),
        None if binding == Binding::Soap => Ok(()),
        None => Err(Refusal::DestinationMissing),
    }
}

/// SAML Core 3.2.1.
pub(crate) fn issue_instant(at: Moment, now: Moment, rules: &Rules) -> Result<(), Refusal> {
    let what = "IssueInstant";
    let fresh = rules.fresh();
    if at.signed_duration_since(now) > fresh {
        Err(Refusal::FromTheFuture { what, at })
    } else if now.signed_duration_since(at) > fresh {
        Err(Refusal::TooOld { what, at })
    } else {
        Ok(())
    }
}

/// SAML Core 3.2.2: an answer names what it answers, and that is ours.
pub(crate) fn in_response_to(
    found: Option<&MessageId>,
    expected: &MessageId,
) -> Result<(), Refusal> {
    match found {
        Some(found) if found == expected => Ok(()),
        Some(found) => Err(Refusal::InResponseToOther {
            found: Said::new(found.as_str()),
        }),
        None => Err(Refusal::InResponseToMissing),
    }
}
