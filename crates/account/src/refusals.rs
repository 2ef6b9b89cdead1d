//! Refusals of this room: each with its code, its words and a way out.

use web::Refused;

/// The accounts cannot be asked.
pub(crate) fn away(fault: directory::Fault) -> Refused {
    Refused::away("EDU-6002", fault.to_string())
}

/// Signed in by a provider that is none of this deployment's realms, or as nobody we know.
pub(crate) fn not_ours(story: &'static str) -> Refused {
    Refused::forbidden("EDU-7001", "account-not-ours", story).way_out("account.home", "/compte/")
}
