//! Refusals of this room: each with its code, its words and a way out.

use actix_web::http::StatusCode;
use web::Refused;

/// The accounts cannot be asked.
pub(crate) fn away(fault: directory::Fault) -> Refused {
    Refused::away("EDU-6002", fault.to_string())
}

/// Signed in by a provider that is none of this deployment's realms, or as nobody we know.
pub(crate) fn not_ours(story: &'static str) -> Refused {
    Refused::forbidden("EDU-7001", "account-not-ours", story).way_out("account.home", "/compte/")
}

/// Too many wrong codes in a row: wait.
pub(crate) fn wait(seconds: u32) -> Refused {
    let story = format!("too many wrong codes: {seconds} s to wait");
    Refused::new(StatusCode::TOO_MANY_REQUESTS, "EDU-7429", "too-many", story)
        .retry_after(seconds)
        .way_out("account.home", "/compte/")
}

/// Too many tries: come back later.
pub(crate) fn slow(seconds: u32, back: &'static str) -> Refused {
    let story = format!("too many tries: {seconds} s to wait");
    Refused::new(StatusCode::TOO_MANY_REQUESTS, "EDU-7029", "too-many", story)
        .retry_after(seconds)
        .way_out("account.home", back)
}

/// A letter cannot be kept.
pub(crate) fn post(fault: mail::Fault) -> Refused {
    Refused::away("EDU-6005", fault.to_string())
}

/// A page that the operator did not write.
pub(crate) fn no_such_page() -> Refused {
    let story = "no page of that name";
    Refused::new(StatusCode::NOT_FOUND, "EDU-7404", "not-found", story)
        .way_out("account.informs", "/compte/informations")
}
