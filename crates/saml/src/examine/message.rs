//! The rules of every message, and those of requests and of logouts.

use std::sync::Arc;

use super::{Checks, What, Whole, response};
use crate::logout::{self, LogoutRequest, LogoutResponse};
use crate::message::sealed::Read;
use crate::message::{self, accept};
use crate::metadata::{Entity, SpRole};
use crate::redirect::{Query, check_relay_state};
use crate::refusal::Said;
use crate::response::SignWhat;
use crate::response::read::{self as response_read, Parts};
use crate::signature::{self, Seals};
use crate::trust::QuerySeal;
use crate::{AuthnRequest, Binding, EntityId, Refusal, VerifyingKey, reader, request};

/// Checks a message.
pub(super) fn check(whole: &Whole<'_, '_>, what: What, checks: &mut Checks) {
    head(whole, checks);
    let parts = match what {
        What::Response => match response_read::parts(whole.root.document()) {
            Err(refusal) => {
                return checks.add("assertion", "SAML Core 3.3.3", Err(refusal), None);
            }
            Ok(parts) => Some(parts),
        },
        _ => None,
    };
    let from = match &parts {
        Some(parts) => response_read::issuer(parts),
        None => request::read::issuer(whole.root),
    };
    if parts.is_none() || from.is_err() {
        let found = from.clone().map(|id| Some(id.to_string()));
        checks.found("issuer", "SAML Profiles 4.1.4.1, 4.1.4.2", found);
    }
    let entity = from.as_ref().ok().and_then(|id| (whole.known.entity)(id));
    known(from.as_ref().ok(), entity.as_ref(), checks);
    let keys = entity.as_ref().map(|entity| keys(entity, what));
    let signed = signed(whole, (what, parts.as_ref()), keys.as_deref(), checks);
    match (what, &parts, &from) {
        (What::Response, Some(parts), Ok(from)) => {
            let signed = signed.unwrap_or(SignWhat::Response);
            response::check(whole, parts, (from, signed), checks);
        }
        (What::AuthnRequest, ..) => of_request(whole, entity.as_deref(), signed, checks),
        (What::LogoutRequest, ..) => of_logout(whole, checks),
        (What::LogoutResponse, ..) => of_answer(whole, checks),
        _ => {}
    }
}

/// What every message says of itself.
fn head(whole: &Whole<'_, '_>, checks: &mut Checks) {
    let root = whole.root;
    checks.add("version", "SAML Core 3.2.1", reader::version(root), None);
    let id =
        reader::message_id(root, "ID").and_then(|id| id.ok_or(Refusal::Missing { what: "ID" }));
    checks.found("id", "SAML Core 1.3.4", id.map(|id| Some(id.to_string())));
    if let Some(state) = &whole.unwrapped.relay_state {
        let checked = check_relay_state(state.clone());
        checks.found("relay-state", "SAML Bindings 3.4.3", checked.map(Some));
    }
}

fn known(from: Option<&EntityId>, entity: Option<&Arc<Entity>>, checks: &mut Checks) {
    let Some(from) = from else {
        return;
    };
    match entity {
        None => checks.unknown("known", "IIP-MD06", Some(from.to_string())),
        Some(entity) => {
            let name = entity.ui.display_name("fr").unwrap_or(from.as_str());
            checks.add("known", "IIP-MD06", Ok(()), Some(name.to_owned()));
        }
    }
}

/// The keys that may sign a message of this kind.
fn keys(entity: &Entity, what: What) -> Vec<VerifyingKey> {
    let idp = entity.idp.iter().flat_map(|role| role.signing_keys.clone());
    let sp = entity.sp.iter().flat_map(|role| role.signing_keys.clone());
    match what {
        What::AuthnRequest => sp.collect(),
        What::Response => idp.collect(),
        _ => sp.chain(idp).collect(),
    }
}

/// The signature: its shape, then what it is worth. Says what is signed, if anything can be seen to be.
fn signed(
    whole: &Whole<'_, '_>,
    (what, parts): (What, Option<&Parts<'_, '_>>),
    keys: Option<&[VerifyingKey]>,
    checks: &mut Checks,
) -> Option<SignWhat> {
    let clause = "SAML Core 5.4";
    let assertion = parts.and_then(|parts| parts.assertion);
    let found = beside(whole, what).and_then(|query| {
        let seals = Seals::find(whole.root.document(), assertion)?;
        if whole.unwrapped.by_redirect() && !seals.are_none() {
            return Err(Refusal::EnvelopedInRedirect);
        }
        Ok((query, seals))
    });
    let (query, seals) = match found {
        Ok(found) => found,
        Err(refusal) => {
            checks.add("signature-shape", clause, Err(refusal), None);
            return None;
        }
    };
    let used = match &query {
        Some(seal) => vec![seal.algorithm.uri()],
        None => seals.used(),
    };
    if used.is_empty() {
        let apart = whole.unwrapped.by_redirect() && whole.unwrapped.query.is_none();
        let name = if apart {
            "signature-elsewhere"
        } else {
            "signature-none"
        };
        checks.unknown(name, clause, None);
        return None;
    }
    checks.add("signature-shape", clause, Ok(()), Some(used.join(" ")));
    checks.add(
        "algorithms",
        "IIP-ALG08",
        whole.known.rules.allow(&used),
        None,
    );
    verified(whole, (query.as_ref(), &seals), keys, checks);
    Some(match (&seals.root, &seals.assertion) {
        (Some(_), Some(_)) => SignWhat::Both,
        (None, Some(_)) => SignWhat::Assertion,
        _ => SignWhat::Response,
    })
}

/// The signature in the query of a message sent by Redirect.
fn beside(whole: &Whole<'_, '_>, what: What) -> Result<Option<QuerySeal>, Refusal> {
    let named = match what {
        What::AuthnRequest | What::LogoutRequest => message::REQUEST,
        _ => message::RESPONSE,
    };
    match whole.unwrapped.query.as_deref() {
        Some(raw) => Query::parse(raw, named).map(|query| query.signature),
        None => Ok(None),
    }
}

fn verified(
    whole: &Whole<'_, '_>,
    (query, seals): (Option<&QuerySeal>, &Seals),
    keys: Option<&[VerifyingKey]>,
    checks: &mut Checks,
) {
    let clause = "XML Signature 3.2";
    let Some(keys) = keys else {
        return checks.unknown("signature", clause, None);
    };
    let verified = match query {
        Some(seal) => seal.verify(keys),
        None => signature::verify(whole.text, seals, keys).map(|signed| signed.key().to_owned()),
    };
    checks.found("signature", clause, verified.map(Some));
}

fn of_request(
    whole: &Whole<'_, '_>,
    entity: Option<&Entity>,
    signed: Option<SignWhat>,
    checks: &mut Checks,
) {
    let asked = match request::read::read(whole.root) {
        Err(refusal) => return checks.add("request", "SAML Core 3.4.1", Err(refusal), None),
        Ok(asked) => asked,
    };
    checks.add("request", "SAML Core 3.4.1", Ok(()), Some(wishes(&asked)));
    checks.add(
        "subject",
        "SAML Core 3.4.1.4",
        asked.is_about_nobody(),
        None,
    );
    issued(whole, asked.issue_instant, checks);
    if asked.destination.is_some() || signed.is_some() {
        destination(asked.destination.as_deref(), checks);
    }
    let clause = "SECURITY 18";
    let Some(role) = entity.and_then(|entity| entity.sp.as_ref()) else {
        return checks.unknown("acs", clause, None);
    };
    let bindings = [Binding::Post, Binding::Artifact];
    let chosen = role.choose_acs_among(&asked, &bindings);
    checks.found("acs", clause, chosen.map(|acs| Some(acs.location.clone())));
    checks.found("attributes", "SAML Core 3.4.1", attributes(role, &asked));
}

/// What a request asks for beyond a sign-on.
fn wishes(asked: &AuthnRequest) -> String {
    let format = asked.name_id_policy.as_ref();
    let format = format.and_then(|policy| policy.format.as_ref());
    let classes = asked.requested_context.iter();
    let classes = classes.flat_map(|context| context.classes.clone());
    let flags = [
        (asked.force_authn, "ForceAuthn"),
        (asked.is_passive, "IsPassive"),
        (asked.scoping.is_some(), "Scoping"),
    ];
    let flags = flags.into_iter().filter(|(is_so, _)| *is_so);
    let all = flags.map(|(_, name)| name.to_owned());
    let all = all.chain(format.map(|format| format.uri().to_owned()));
    all.chain(classes).collect::<Vec<_>>().join(" ")
}

fn attributes(role: &SpRole, asked: &AuthnRequest) -> Result<Option<String>, Refusal> {
    let wanted = role.requested(asked.attribute_service)?;
    let names = wanted.iter().map(|one| {
        let friendly = one.friendly_name.as_deref();
        friendly.unwrap_or(&one.name).to_owned()
    });
    Ok(Some(names.collect::<Vec<_>>().join(" ")))
}

/// When it was made, and whether it would still be taken.
fn issued(whole: &Whole<'_, '_>, at: crate::Moment, checks: &mut Checks) {
    let fresh = accept::issue_instant(at, whole.known.now, whole.known.rules);
    checks.add("fresh", "SAML Core 3.2.1", fresh, Some(at.to_rfc3339()));
}

/// Where it was sent is for whoever received it to compare; here it must only be said.
fn destination(found: Option<&str>, checks: &mut Checks) {
    let said = found.map(str::to_owned);
    let held = said.clone().ok_or(Refusal::DestinationMissing).map(drop);
    checks.add("destination", "SAML Bindings 3.4.5.2, 3.5.5.2", held, said);
}

fn of_logout(whole: &Whole<'_, '_>, checks: &mut Checks) {
    let clause = "SAML Core 3.7.1";
    match LogoutRequest::read(whole.root, &[]) {
        // Whom it names only its receiver can open.
        Err(Refusal::SubjectEncrypted) => checks.unknown("encrypted", "SAML Core 2.2.4", None),
        Err(refusal) => checks.add("logout", clause, Err(refusal), None),
        Ok(asked) => {
            let until = asked.not_on_or_after;
            let held = logout::accept::not_past(until, whole.known.now, whole.known.rules);
            let sessions = asked.session_indexes.join(" ");
            let found = format!("{} {sessions}", asked.name_id.value);
            checks.add("logout", clause, held, Some(found));
            issued(whole, asked.issue_instant, checks);
            destination(asked.destination.as_deref(), checks);
        }
    }
}

fn of_answer(whole: &Whole<'_, '_>, checks: &mut Checks) {
    let answer = match LogoutResponse::read(whole.root, &[]) {
        Err(refusal) => return checks.add("logout", "SAML Core 3.7.2", Err(refusal), None),
        Ok(answer) => answer,
    };
    let held = match answer.outcome() {
        logout::Outcome::Done => Ok(()),
        logout::Outcome::Partial | logout::Outcome::Failed => Err(Refusal::Status {
            code: Said::new(&answer.status.code),
            second: Said::new(answer.status.second.as_deref().unwrap_or_default()),
            message: Said::new(answer.status.message.as_deref().unwrap_or_default()),
        }),
    };
    let code = Some(answer.status.code.clone());
    checks.add("status", "SAML Core 3.2.2.2", held, code);
    let answers = answer.in_response_to.as_ref();
    let held = answers.ok_or(Refusal::InResponseToMissing).map(drop);
    let found = answers.map(ToString::to_string);
    checks.add("answers", "SAML Core 3.2.2", held, found);
    issued(whole, answer.issue_instant, checks);
    destination(answer.destination.as_deref(), checks);
}
