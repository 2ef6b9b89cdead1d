//! Refusals of this room: each with its code, its words and a way out.

use actix_web::http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use saml::refusal::Kind;
use saml::{EntityId, Refusal};
use web::{Busy, Refused};

use crate::realm::Realm;

/// The accounts cannot be asked.
pub(crate) fn away(fault: directory::Fault) -> Refused {
    Refused::away("EDU-6002", fault.to_string())
}

/// A message of ours that could not be composed: our key is at fault, not the visitor.
pub(crate) fn not_composed(refusal: &Refusal) -> Refused {
    Refused::away(
        "EDU-4001",
        format!("our message was not composed: {refusal}"),
    )
}

/// Nobody is in the federation: metadata was not read yet.
pub(crate) fn starting() -> Refused {
    let story = "the federation is empty: no metadata was read yet";
    Refused::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "EDU-4002",
        "starting",
        story,
    )
    .retry_after(5)
}

/// A service that is not in the federation.
pub(crate) fn unknown_service(issuer: &EntityId, realm: &Realm) -> Refused {
    let shown: String = issuer.as_str().chars().take(200).collect();
    Refused::forbidden(
        "EDU-4003",
        "service-unknown",
        "the request is of a service we do not know",
    )
    .with("sp", shown)
    .way_out("site.to-portal", realm.parts.portal.as_str())
}

/// An answer that must be encrypted and cannot be: the service's metadata is at fault.
pub(crate) fn not_encrypted(why: String, service: &EntityId, realm: &Realm) -> Refused {
    Refused::forbidden("EDU-4005", "service-encryption", why)
        .with("sp", service.as_str())
        .way_out("site.to-portal", realm.parts.portal.as_str())
}

/// An answer that the service could not verify, as it says itself (IIP-MD10).
pub(crate) fn not_signed(refusal: &Refusal, service: &EntityId, realm: &Realm) -> Refused {
    if !matches!(refusal, Refusal::NoCommonSignature) {
        return not_composed(refusal);
    }
    Refused::forbidden("EDU-4011", "service-signature", refusal.to_string())
        .with("sp", service.as_str())
        .way_out("site.to-portal", realm.parts.portal.as_str())
}

/// An answer the service did not ask for, and does not want or would not be found at.
pub(crate) fn unsolicited(why: &str, service: &EntityId, realm: &Realm) -> Refused {
    Refused::forbidden("EDU-4006", "request", why)
        .with("sp", service.as_str())
        .way_out("site.to-portal", realm.parts.portal.as_str())
}

/// What room `saml` refuses, as the visitor sees it.
pub(crate) fn of_message(refusal: &Refusal, realm: &Realm) -> Refused {
    let (status, words) = match refusal.kind() {
        Kind::Malformed => (StatusCode::BAD_REQUEST, "request-malformed"),
        Kind::Refused => (StatusCode::FORBIDDEN, "request"),
    };
    Refused::new(status, refusal.code(), words, refusal.to_string())
        .with("clause", refusal.clause())
        .way_out("site.to-portal", realm.parts.portal.as_str())
}

/// A logout message that room `saml` refuses: nothing was ended.
pub(crate) fn of_logout(refusal: &Refusal, realm: &Realm) -> Refused {
    let mut refused = of_message(refusal, realm);
    refused.words = "logout";
    refused
}

/// A question for an artifact's message that room `saml` refuses: nothing was spent.
pub(crate) fn of_artifact(refusal: &Refusal, realm: &Realm) -> Refused {
    of_message(refusal, realm)
}

/// A logout request that came before (SECURITY 20).
pub(crate) fn logout_replay(service: &EntityId, realm: &Realm) -> Refused {
    Refused::forbidden("EDU-4020", "logout", "the logout request came before")
        .with("sp", service.as_str())
        .way_out("site.to-portal", realm.parts.portal.as_str())
}

/// A form that carries no logout message, or two.
pub(crate) fn no_logout(realm: &Realm) -> Refused {
    let story = "neither one SAMLRequest nor one SAMLResponse";
    Refused::malformed("EDU-4021", "logout", story)
        .way_out("site.to-portal", realm.parts.portal.as_str())
}

/// An answer to no logout request of ours, or to one that is too old.
pub(crate) fn logout_unasked(service: &EntityId, realm: &Realm) -> Refused {
    Refused::forbidden("EDU-4022", "logout", "it answers no logout request of ours")
        .with("sp", service.as_str())
        .way_out("site.to-portal", realm.parts.portal.as_str())
}

/// A service that the operator's rule does not open to whoever signed on.
pub(crate) fn closed(service: &EntityId, realm: &Realm) -> Refused {
    let story = "the rule of the catalogue does not open the service to this person";
    Refused::forbidden("EDU-4008", "service-closed", story)
        .with("sp", service.as_str())
        .way_out("site.to-portal", realm.parts.portal.as_str())
}

/// The browser does not give its cookie back: nothing binds a sign-on to it.
pub(crate) fn without_cookies(again: String) -> Refused {
    let story = "the browser came back without the cookie it was given";
    Refused::forbidden("EDU-4007", "cookies", story).way_out("site.start-again", again)
}

/// The pool is full or late.
pub(crate) fn busy(busy: Busy) -> Refused {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    Refused::new(status, "EDU-4004", "busy", busy.to_string()).retry_after(5)
}

/// A page for operators, and somebody else.
pub(crate) fn not_operator(story: &'static str, realm: &Realm) -> Refused {
    let provider = utf8_percent_encode(realm.parts.entity_id.as_str(), NON_ALPHANUMERIC);
    let sign_on = format!("{}?entityID={provider}", realm.parts.portal);
    Refused::forbidden("EDU-4030", "operators", story).way_out("idp.sign-in", sign_on)
}

/// A program that does not say whom it comes for, or says it wrongly: all alike (IIP-IDP14).
pub(crate) fn unknown_person(realm: &Realm) -> Refused {
    let status = StatusCode::UNAUTHORIZED;
    let story = "no login with its password";
    let name = realm.parts.realm.as_str();
    Refused::new(status, "EDU-4012", "password-needed", story)
        .challenge(format!("Basic realm=\"{name}\", charset=\"UTF-8\""))
}

/// Too many failures: wait.
pub(crate) fn wait(seconds: u32, back: String) -> Refused {
    let story = format!("too many failures: {seconds} s to wait");
    Refused::new(StatusCode::TOO_MANY_REQUESTS, "EDU-4029", "too-many", story)
        .retry_after(seconds)
        .way_out("idp.back-to-login", back)
}

/// A letter cannot be kept.
pub(crate) fn post(fault: mail::Fault) -> Refused {
    Refused::away("EDU-6005", fault.to_string())
}

/// A passkey that does not count.
pub(crate) fn passkey(why: String, back: String) -> Refused {
    Refused::forbidden("EDU-4031", "passkey", why).way_out("idp.back-to-login", back)
}
