//! The rules of a response and of its assertion: the very ones that a service applies, for the place,
//! the request and the audience that the response itself names.

use super::{Checks, Whole};
use crate::reader::{self, SAML, XENC};
use crate::response::read::{Parts, unverified};
use crate::response::{ResponseExpected, SignWhat, accept};
use crate::{EntityId, Refusal};

/// Checks a response that `from` says it sent, of which `signed` is.
pub(super) fn check(
    whole: &Whole<'_, '_>,
    parts: &Parts<'_, '_>,
    (from, signed): (&EntityId, SignWhat),
    checks: &mut Checks,
) {
    let response = match unverified(parts, signed) {
        Ok(response) => response,
        Err(refusal) => return checks.add("assertion", "SAML Core 2.3.3", Err(refusal), None),
    };
    let answers = match reader::message_id(whole.root, "InResponseTo") {
        Ok(answers) => answers,
        Err(refusal) => return checks.add("answers", "SAML Core 3.2.2", Err(refusal), None),
    };
    let audience = audience(whole, parts);
    let expected = ResponseExpected {
        issuer: from,
        audience: audience.as_ref().unwrap_or(from),
        acs: reader::attribute(whole.root, "Destination").unwrap_or_default(),
        in_response_to: answers.as_ref(),
        now: whole.known.now,
    };
    accept::judge(&response, &expected, whole.known.rules, checks);
    if answers.is_none() {
        checks.unknown("unsolicited", "SAML Profiles 4.1.5", None);
    }
    if let Some(audience) = &audience {
        address(whole, audience, expected.acs, checks);
    }
    if parts.encrypted.is_some() {
        checks.unknown("encrypted", "SAML Core 2.3.4", Some(methods(whole)));
    } else if parts.assertion.is_some() {
        checks.unknown("not-encrypted", "SAML Core 2.3.4", None);
    }
}

/// Of the audiences it names, the first that is known; else the first.
fn audience(whole: &Whole<'_, '_>, parts: &Parts<'_, '_>) -> Option<EntityId> {
    let named: Vec<EntityId> = parts
        .assertion?
        .descendants()
        .filter(|node| reader::is(*node, SAML, "Audience"))
        .filter_map(|audience| reader::uri_value(audience).ok())
        .filter_map(|text| EntityId::parse(&text).ok())
        .collect();
    let known = named.iter().find(|id| (whole.known.entity)(id).is_some());
    known.or_else(|| named.first()).cloned()
}

/// Whether it was sent to an address that its audience publishes.
fn address(whole: &Whole<'_, '_>, audience: &EntityId, acs: &str, checks: &mut Checks) {
    let clause = "SECURITY 18";
    let entity = (whole.known.entity)(audience);
    let Some(role) = entity.as_ref().and_then(|entity| entity.sp.as_ref()) else {
        return checks.unknown("acs", clause, Some(audience.to_string()));
    };
    let held = if role.acs.iter().any(|known| known.location == acs) {
        Ok(())
    } else {
        Err(Refusal::AcsUnknown {
            found: crate::refusal::Said::new(acs),
        })
    };
    checks.add("acs", clause, held, Some(acs.to_owned()));
}

/// How it is encrypted: the content, then its key.
fn methods(whole: &Whole<'_, '_>) -> String {
    let methods = whole.root.descendants();
    let methods = methods.filter(|node| reader::is(*node, XENC, "EncryptionMethod"));
    let named = methods.filter_map(|method| reader::attribute(method, "Algorithm"));
    named.collect::<Vec<_>>().join(" ")
}
