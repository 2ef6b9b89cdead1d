//! Refusals of this room: each with its code, its words and a way out that begins anew.

use actix_web::http::StatusCode;
use federation::Snapshot;
use saml::logout::LogoutRequest;
use saml::refusal::Kind;
use saml::{EntityId, MessageId, Refusal};
use sha2::{Digest, Sha256};
use web::{Busy, Refused};

use crate::asking::encode;
use crate::{Service, Target};

/// Word of the link out of a refusal.
const START_AGAIN: &str = "sp.start-again";
/// Word of the link back to the service.
const BACK: &str = "sp.back-home";

/// Word of the link to a provider's page about what it did not say.
const HELP: &str = "sp.provider-help";

/// Code of an answer that says no (SAML Core 3.2.2.2).
const STATUS: &str = "EDU-2502";

/// Nobody is in the federation: metadata was not read yet, or its source is away. No visitor is
/// told that their provider is unknown then.
pub(crate) fn starting() -> Refused {
    let story = "the federation is empty: no metadata was read yet";
    unavailable("EDU-7004", "starting", story)
}

/// A provider that the discovery service offers and the federation does not know.
pub(crate) fn unknown_provider(service: &Service, target: &Target) -> Refused {
    let story = "the discovery service answered with an identity provider we do not know";
    Refused::forbidden("EDU-7001", "provider-unknown", story)
        .way_out(START_AGAIN, again(service, target))
}

/// A provider without an HTTP-Redirect address: SDP-SP02 leaves no other way to ask.
pub(crate) fn no_redirect(service: &Service, target: &Target, provider: &EntityId) -> Refused {
    let story = "the identity provider has no HTTP-Redirect sign-on address";
    Refused::forbidden("EDU-7002", "provider-unknown", story)
        .with("provider", provider.as_str())
        .way_out(START_AGAIN, again(service, target))
}

/// A message of ours that could not be composed: our key is at fault, not the visitor.
pub(crate) fn not_composed(refusal: &Refusal) -> Refused {
    Refused::away(
        "EDU-7003",
        format!("our message was not composed: {refusal}"),
    )
}

/// An answer to no question (SECURITY 11; Profiles 4.1.5 is not offered).
pub(crate) fn unsolicited(service: &Service) -> Refused {
    let story = "the response answers no request (unsolicited)";
    Refused::forbidden("EDU-7010", "expired-attempt", story).way_out(BACK, service.parts.home)
}

/// An answer to a question that is too old, already answered, or not ours.
pub(crate) fn expired_attempt(service: &Service, request: &MessageId) -> Refused {
    let story = "no attempt stands for this InResponseTo: too old, already answered, or not ours";
    Refused::forbidden("EDU-7011", "expired-attempt", story)
        .with("request", request.as_str())
        .way_out(BACK, service.parts.home)
}

/// An answer of another provider than the one asked (SECURITY 10).
pub(crate) fn other_provider(service: &Service, target: &Target) -> Refused {
    let story = "the response is issued by another identity provider than the one asked";
    Refused::forbidden("EDU-7012", "response", story).way_out(START_AGAIN, again(service, target))
}

/// The provider left the federation while the visitor was signing in.
pub(crate) fn provider_gone(service: &Service, known: &Snapshot, target: &Target) -> Refused {
    if known.is_empty() {
        return starting();
    }
    let story = "the identity provider that was asked is no longer in the federation";
    Refused::forbidden("EDU-7013", "provider-unknown", story)
        .way_out(START_AGAIN, again(service, target))
}

/// An assertion that was presented before (Profiles 4.1.4.5).
pub(crate) fn replay(service: &Service, target: &Target) -> Refused {
    Refused::forbidden("EDU-7014", "replay", "the assertion was presented before")
        .way_out(START_AGAIN, again(service, target))
}

/// More attributes than a session may hold.
pub(crate) fn too_much(service: &Service, target: &Target) -> Refused {
    let story = "the assertion holds more attributes than a session may";
    Refused::forbidden("EDU-7015", "response", story).way_out(START_AGAIN, again(service, target))
}

/// An answer that says nothing by which the person could be told from others: the provider's own page
/// about that comes next, where it has one (SDP-SP12).
pub(crate) fn nobody_in_particular(
    service: &Service,
    (provider, target): (&EntityId, &Target),
    request: &MessageId,
) -> Refused {
    let story = "the assertion says nothing by which the person could be told from others";
    let refused = Refused::forbidden("EDU-7025", "nobody", story)
        .with("request", request.as_str())
        .with("provider", provider.as_str());
    match help(service, provider, request) {
        Some(page) => refused.way_out(HELP, page),
        None => refused.way_out(START_AGAIN, again(service, target)),
    }
}

/// The provider's `errorURL` with what is to be told there (Deployment Profile for errorURL 1.0, 2). Of an
/// address that is neither https nor ours nothing is made.
fn help(service: &Service, provider: &EntityId, request: &MessageId) -> Option<String> {
    let edge = &service.parts.edge;
    let known = service.parts.federation.snapshot();
    let (_, role) = known.provider(provider)?;
    let page = role.error_url.as_deref()?;
    let is_safe = page.starts_with("https://") || page.starts_with(&edge.public_url().join("/"));
    is_safe.then(|| {
        page.replace("ERRORURL_CODE", "IDENTIFICATION_FAILURE")
            .replace("ERRORURL_TS", &edge.now().timestamp().to_string())
            .replace("ERRORURL_RP", &encode(service.parts.entity_id.as_str()))
            .replace("ERRORURL_TID", &encode(request.as_str()))
            .replace("ERRORURL_CTX", "subject-id")
    })
}

/// A ticket that is unknown, spent or too old.
pub(crate) fn spent_ticket(service: &Service) -> Refused {
    let story = "no landing stands for this ticket";
    Refused::forbidden("EDU-7016", "landing", story).way_out(BACK, service.parts.home)
}

/// A browser that lands on a ticket it did not ask for: somebody else's sign-on, handed over; or
/// tabs restored at once in a browser that had no cookie yet. The page itself is the way out: it
/// lets in who has a session, and asks everybody else.
pub(crate) fn foreign_browser(target: &Target) -> Refused {
    let story = "the browser that lands is not the one that asked (login CSRF)";
    Refused::forbidden("EDU-7017", "landing", story).way_out(BACK, target.as_str())
}

/// An answer about a session that its provider has ended since.
pub(crate) fn ended_meanwhile(target: &Target) -> Refused {
    let story = "the identity provider ended this session before it was opened here";
    Refused::forbidden("EDU-7020", "landing", story).way_out(BACK, target.as_str())
}

/// A logout message that room `saml` refuses: nothing was ended.
pub(crate) fn of_logout(refusal: &Refusal, service: &Service) -> Refused {
    let mut refused = of_message(refusal, service, None);
    refused.words = "logout";
    refused
}

/// A logout request that came before (SECURITY 20).
pub(crate) fn logout_replay(service: &Service, request: &LogoutRequest) -> Refused {
    Refused::forbidden("EDU-7021", "logout", "the logout request came before")
        .with("request", request.id.as_str())
        .with("provider", request.issuer.as_str())
        .way_out(BACK, service.parts.home)
}

/// A form that carries no logout message, or two.
pub(crate) fn no_logout(service: &Service) -> Refused {
    let story = "neither one SAMLRequest nor one SAMLResponse";
    Refused::malformed("EDU-7022", "logout", story).way_out(BACK, service.parts.home)
}

/// An answer to no logout request of ours, or to one that is too old.
pub(crate) fn logout_unasked(service: &Service, issuer: &EntityId) -> Refused {
    Refused::forbidden("EDU-7023", "logout", "it answers no logout request of ours")
        .with("provider", issuer.as_str())
        .way_out(BACK, service.parts.home)
}

/// A logout message of a provider that is not in the federation.
pub(crate) fn logout_of_nobody(service: &Service, issuer: &EntityId) -> Refused {
    let shown: String = issuer.as_str().chars().take(200).collect();
    let story = "a logout message of an identity provider we do not know";
    Refused::forbidden("EDU-7024", "logout", story)
        .with("provider", shown)
        .way_out(BACK, service.parts.home)
}

/// The pool is full or late.
pub(crate) fn busy(busy: Busy) -> Refused {
    unavailable("EDU-7018", "busy", busy.to_string())
}

/// An answer that was proven otherwise than was asked (IIP-SP07).
pub(crate) fn other_context(service: &Service, target: &Target) -> Refused {
    let story = "the assertion says another authentication context than was asked for";
    Refused::forbidden("EDU-7019", "other-context", story)
        .way_out(START_AGAIN, again(service, target))
}

/// What room `saml` refuses, as the visitor sees it.
pub(crate) fn of_message(refusal: &Refusal, service: &Service, target: Option<&Target>) -> Refused {
    let status = match refusal.kind() {
        Kind::Malformed => StatusCode::BAD_REQUEST,
        Kind::Refused => StatusCode::FORBIDDEN,
    };
    let refused = Refused::new(status, refusal.code(), words(refusal), refusal.to_string())
        .with("clause", refusal.clause());
    match target {
        Some(target) => refused.way_out(START_AGAIN, again(service, target)),
        None => refused.way_out(BACK, service.parts.home),
    }
}

/// The stem of the visitor's words. Codes are public and never reused, so they may be told apart by.
fn words(refusal: &Refusal) -> &'static str {
    match (refusal.code(), refusal.kind()) {
        (STATUS, _) => "provider-declined",
        (_, Kind::Malformed) => "response-malformed",
        (_, Kind::Refused) => "response",
    }
}

/// 503, to be tried again in a moment.
fn unavailable(code: &'static str, words: &'static str, story: impl Into<String>) -> Refused {
    Refused::new(StatusCode::SERVICE_UNAVAILABLE, code, words, story).retry_after(5)
}

/// Where a new attempt at the same target starts.
fn again(service: &Service, target: &Target) -> String {
    format!(
        "{}?target={}",
        service.path("/login"),
        encode(target.as_str())
    )
}

/// SHA-256, the first 32 hexadecimal digits: what the journal and the shelf call a thing by.
pub(crate) fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .take(16)
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|half| char::from_digit(u32::from(half), 16))
        .collect()
}
