//! The rules a response must obey, one function per clause.

use super::read::{Assertion, Authn, Conditions, Confirmation, ConfirmationData};
use super::{Login, NameId, Response, ResponseExpected, SignWhat, StatusSaid};
use crate::examine::{Check, Checks};
use crate::refusal::Said;
use crate::{Accepted, EntityId, MessageId, Moment, Refusal, Rules, Verified};

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

impl Verified<Response> {
    /// Applies every rule of Profiles 4.1.4.3 and SECURITY 10–14: Status, issuers, Destination,
    /// InResponseTo twice, one assertion, bearer confirmation with Recipient and NotOnOrAfter and
    /// without NotBefore, Conditions with dates and Audience, AuthnStatement, versions; 180 s of
    /// skew each way. An error status is [`Refusal::Status`], naming the second-level code.
    pub fn accept(self, expected: &ResponseExpected<'_>) -> Result<Accepted<Login>, Refusal> {
        self.accept_by(expected, &Rules::default())
    }

    /// The same by the rules of a deployment.
    pub fn accept_by(
        self,
        expected: &ResponseExpected<'_>,
        rules: &Rules,
    ) -> Result<Accepted<Login>, Refusal> {
        rules.allow(&self.used)?;
        let clock = &Clock {
            now: expected.now,
            skew: rules.skew(),
        };
        let response = self.message;
        issuer(response.issuer.as_ref(), response.signed, expected.issuer)?;
        destination(response.destination.as_deref(), expected.acs)?;
        in_response_to(response.in_response_to.as_ref(), expected.in_response_to)?;
        not_from_the_future("IssueInstant", response.issue_instant, clock)?;
        status(response.status)?;
        let assertion = response.assertion.ok_or(Refusal::AssertionMissing)?;
        assertion_issuer(&assertion.issuer, expected.issuer)?;
        not_from_the_future("IssueInstant", assertion.issue_instant, clock)?;
        let (name_id, replay_until) = subject(&assertion, expected, clock)?;
        conditions(assertion.conditions.as_ref(), expected.audience, clock)?;
        let authn = authn_statement(assertion.authn, clock)?;
        Ok(Accepted {
            message: Login {
                issuer: assertion.issuer,
                assertion_id: assertion.id.as_str().to_owned(),
                replay_until,
                name_id,
                attributes: assertion.attributes,
                authn_instant: authn.instant,
                authn_context: authn.context,
                session_index: authn.session_index,
                session_ends: authn.session_ends,
                signed: response.signed,
                encrypted: response.encrypted,
            },
            key: self.key,
            used: self.used,
        })
    }
}

impl Verified<Response> {
    /// Every rule that [`Verified::accept_by`] applies to a response, one by one, with what was
    /// found: for people who want to see it.
    pub fn checks(&self, expected: &ResponseExpected<'_>, rules: &Rules) -> Vec<Check> {
        let mut checks = Checks::default();
        judge(&self.message, expected, rules, &mut checks);
        checks.0
    }

    /// The algorithms that its signatures and what was encrypted in it rest on.
    pub fn algorithms(&self) -> &[&'static str] {
        &self.used
    }
}

/// Applies every rule, and notes each; of an assertion that is encrypted nothing.
pub(crate) fn judge(
    response: &Response,
    expected: &ResponseExpected<'_>,
    rules: &Rules,
    checks: &mut Checks,
) {
    let clock = &Clock {
        now: expected.now,
        skew: rules.skew(),
    };
    let profile = "SAML Profiles 4.1.4.2";
    let held = issuer(response.issuer.as_ref(), response.signed, expected.issuer);
    let found = response.issuer.as_ref().map(ToString::to_string);
    checks.add("issuer", profile, held, found);
    let found = response.destination.clone();
    let held = destination(found.as_deref(), expected.acs);
    checks.add("destination", "SAML Bindings 3.5.5.2", held, found);
    let answers = response.in_response_to.as_ref();
    let held = in_response_to(answers, expected.in_response_to);
    let found = answers.map(ToString::to_string);
    checks.add("answers", "SAML Profiles 4.1.4.3", held, found);
    let at = response.issue_instant;
    let held = not_from_the_future("IssueInstant", at, clock);
    checks.add("issued", "SAML Core 3.2.1", held, Some(at.to_rfc3339()));
    let held = status(response.status.clone());
    let says_yes = held.is_ok();
    let found = response.status.as_ref().map(|status| status.code.clone());
    checks.add("status", "SAML Core 3.2.2.2", held, found);
    match &response.assertion {
        Some(assertion) => judge_assertion(assertion, expected, clock, checks),
        None if says_yes && !response.encrypted => {
            checks.add("assertion", profile, Err(Refusal::AssertionMissing), None);
        }
        None => {}
    }
}

fn judge_assertion(
    assertion: &Assertion,
    expected: &ResponseExpected<'_>,
    clock: &Clock,
    checks: &mut Checks,
) {
    let profile = "SAML Profiles 4.1.4.2";
    let held = assertion_issuer(&assertion.issuer, expected.issuer);
    let found = Some(assertion.issuer.to_string());
    checks.add("assertion-issuer", profile, held, found);
    let at = assertion.issue_instant;
    let held = not_from_the_future("IssueInstant", at, clock);
    checks.add(
        "assertion-issued",
        "SAML Core 2.3.3",
        held,
        Some(at.to_rfc3339()),
    );
    let name = assertion.subject.as_ref();
    let name = name.and_then(|subject| subject.name_id.as_ref());
    let held = assertion.subject.as_ref().ok_or(Refusal::SubjectMissing);
    checks.add(
        "subject",
        profile,
        held.map(drop),
        name.map(|name| name.value.clone()),
    );
    if assertion.subject.is_some() {
        let held = subject(assertion, expected, clock);
        let data = assertion.subject.iter().flat_map(|one| &one.confirmations);
        let data = data.filter_map(|one| one.data.as_ref()?.recipient.clone());
        let found = data.collect::<Vec<_>>().join(" ");
        checks.add(
            "bearer",
            "SAML Profiles 4.1.4.3",
            held.map(drop),
            Some(found),
        );
    }
    judge_conditions(
        assertion.conditions.as_ref(),
        expected.audience,
        clock,
        checks,
    );
    let held = authn_statement(assertion.authn.clone(), clock).map(drop);
    let found = assertion
        .authn
        .as_ref()
        .and_then(|authn| authn.context.clone());
    checks.add("authn", profile, held, found);
}

fn judge_conditions(found: Option<&Conditions>, us: &EntityId, clock: &Clock, checks: &mut Checks) {
    let profile = "SAML Profiles 4.1.4.2";
    let Some(found) = found else {
        return checks.add("dates", profile, Err(Refusal::ConditionsMissing), None);
    };
    let ends = [found.not_before, found.not_on_or_after];
    let ends = ends.map(|at| at.map_or_else(|| "…".to_owned(), |at| at.to_rfc3339()));
    let held = known(found).and_then(|()| dates(found, clock));
    checks.add("dates", "SAML Core 2.5.1.2", held, Some(ends.join(" – ")));
    let named = found.audiences.concat().join(" ");
    checks.add(
        "audience",
        "SAML Core 2.5.1.4",
        audience(found, us),
        Some(named),
    );
}

/// The moment, and how far the clocks of others may differ from it.
struct Clock {
    now: Moment,
    skew: chrono::Duration,
}

impl Clock {
    /// Whether it is surely past `at`, whatever clocks say.
    fn is_past(&self, at: Moment) -> bool {
        self.now >= at + self.skew
    }

    /// Whether `at` surely lies ahead.
    fn is_before(&self, at: Moment) -> bool {
        self.now + self.skew < at
    }
}

/// SAML Profiles 4.1.4.2: the issuer is the identity provider; it may be left out only where the
/// response is not signed itself.
fn issuer(found: Option<&EntityId>, signed: SignWhat, expected: &EntityId) -> Result<(), Refusal> {
    match found {
        Some(found) if found == expected => Ok(()),
        Some(found) => Err(Refusal::IssuerOther {
            found: Said::new(found.as_str()),
        }),
        None if signed == SignWhat::Assertion => Ok(()),
        None => Err(Refusal::Missing { what: "Issuer" }),
    }
}

/// SAML Profiles 4.1.4.2.
fn assertion_issuer(found: &EntityId, expected: &EntityId) -> Result<(), Refusal> {
    if found == expected {
        Ok(())
    } else {
        Err(Refusal::AssertionIssuerOther {
            found: Said::new(found.as_str()),
        })
    }
}

/// SAML Core 3.2.2, Bindings 3.5.5.2: mandatory when signed; here always (SECURITY 13).
fn destination(found: Option<&str>, acs: &str) -> Result<(), Refusal> {
    match found {
        Some(found) if found == acs => Ok(()),
        Some(found) => Err(Refusal::DestinationOther {
            found: Said::new(found),
        }),
        None => Err(Refusal::DestinationMissing),
    }
}

/// SAML Profiles 4.1.4.3; 4.1.5 where no request was made.
fn in_response_to(found: Option<&MessageId>, expected: Option<&MessageId>) -> Result<(), Refusal> {
    match (found, expected) {
        (Some(found), Some(expected)) if found == expected => Ok(()),
        (None, None) => Ok(()),
        (None, Some(_)) => Err(Refusal::InResponseToMissing),
        (Some(found), Some(_)) => Err(Refusal::InResponseToOther {
            found: Said::new(found.as_str()),
        }),
        (Some(found), None) => Err(Refusal::Unsolicited {
            found: Said::new(found.as_str()),
        }),
    }
}

/// SAML Core 3.2.1, 2.3.3.
fn not_from_the_future(what: &'static str, at: Moment, clock: &Clock) -> Result<(), Refusal> {
    if clock.is_before(at) {
        Err(Refusal::FromTheFuture { what, at })
    } else {
        Ok(())
    }
}

/// SAML Core 3.2.2.2.
fn status(status: Option<StatusSaid>) -> Result<(), Refusal> {
    let status = status.ok_or(Refusal::StatusMissing)?;
    if status.code == SUCCESS {
        return Ok(());
    }
    Err(Refusal::Status {
        code: Said::new(&status.code),
        second: Said::new(&status.second.unwrap_or_default()),
        message: Said::new(&status.message.unwrap_or_default()),
    })
}

/// SAML Profiles 4.1.4.2, 4.1.4.3: a subject that one bearer confirmation at least gives us; its
/// name, and until when it could be presented again.
fn subject(
    assertion: &Assertion,
    expected: &ResponseExpected<'_>,
    clock: &Clock,
) -> Result<(Option<NameId>, Moment), Refusal> {
    let subject = assertion.subject.as_ref().ok_or(Refusal::SubjectMissing)?;
    if subject.is_encrypted {
        return Err(Refusal::SubjectEncrypted);
    }
    let mut until = None;
    let mut refusal = Refusal::NoBearer;
    for confirmation in subject.confirmations.iter().rev() {
        match bearer(confirmation, expected, clock) {
            Some(Ok(ends)) => until = until.max(Some(ends)),
            Some(Err(why)) => refusal = why,
            None => {}
        }
    }
    let until = until.ok_or(refusal)?;
    Ok((subject.name_id.clone(), until + clock.skew))
}

/// Whether a confirmation holds, and until when; `None` when it is not by bearer.
fn bearer(
    confirmation: &Confirmation,
    expected: &ResponseExpected<'_>,
    clock: &Clock,
) -> Option<Result<Moment, Refusal>> {
    (confirmation.method == BEARER).then(|| {
        let data = confirmation
            .data
            .as_ref()
            .ok_or(Refusal::ConfirmationDataMissing)?;
        recipient(data, expected.acs)?;
        confirmation_in_response_to(data, expected.in_response_to)?;
        confirmation_dates(data, clock)
    })
}

/// SAML Profiles 4.1.4.3: the Recipient is the assertion consumer service it was delivered to.
fn recipient(data: &ConfirmationData, acs: &str) -> Result<(), Refusal> {
    match data.recipient.as_deref() {
        Some(found) if found == acs => Ok(()),
        Some(found) => Err(Refusal::RecipientOther {
            found: Said::new(found),
        }),
        None => Err(Refusal::RecipientMissing),
    }
}

/// SAML Profiles 4.1.4.3.
fn confirmation_in_response_to(
    data: &ConfirmationData,
    expected: Option<&MessageId>,
) -> Result<(), Refusal> {
    match (data.in_response_to.as_ref(), expected) {
        (None, Some(_)) => Err(Refusal::ConfirmationAnswersNothing),
        (found, expected) if found == expected => Ok(()),
        (found, _) => Err(Refusal::ConfirmationAnswersOther {
            found: Said::new(found.map_or("", MessageId::as_str)),
        }),
    }
}

/// SAML Profiles 4.1.4.2: an end, no beginning; 4.1.4.3: not past.
fn confirmation_dates(data: &ConfirmationData, clock: &Clock) -> Result<Moment, Refusal> {
    if data.not_before.is_some() {
        return Err(Refusal::ConfirmationBegins);
    }
    let ends = data.not_on_or_after.ok_or(Refusal::ConfirmationEndless)?;
    if clock.is_past(ends) {
        Err(Refusal::ConfirmationExpired { at: ends })
    } else {
        Ok(ends)
    }
}

fn conditions(
    conditions: Option<&Conditions>,
    us: &EntityId,
    clock: &Clock,
) -> Result<(), Refusal> {
    let conditions = conditions.ok_or(Refusal::ConditionsMissing)?;
    known(conditions)?;
    dates(conditions, clock)?;
    audience(conditions, us)
}

/// SAML Core 2.5.1.1: a condition that cannot be evaluated leaves the assertion's validity open.
fn known(conditions: &Conditions) -> Result<(), Refusal> {
    match &conditions.unknown {
        Some(found) => Err(Refusal::ConditionUnknown {
            found: found.clone(),
        }),
        None => Ok(()),
    }
}

/// SAML Core 2.5.1.2.
fn dates(conditions: &Conditions, clock: &Clock) -> Result<(), Refusal> {
    if let Some(at) = conditions.not_before
        && clock.is_before(at)
    {
        return Err(Refusal::NotYetValid { at });
    }
    if let Some(at) = conditions.not_on_or_after
        && clock.is_past(at)
    {
        return Err(Refusal::Expired { at });
    }
    Ok(())
}

/// SAML Core 2.5.1.4: at least one restriction (Profiles 4.1.4.2), and we are in each of them.
fn audience(conditions: &Conditions, us: &EntityId) -> Result<(), Refusal> {
    if conditions.audiences.is_empty() {
        return Err(Refusal::AudienceMissing);
    }
    let names_us = |named: &&Vec<String>| named.iter().any(|name| name == us.as_str());
    match conditions.audiences.iter().find(|named| !names_us(named)) {
        Some(named) => Err(Refusal::AudienceOther {
            found: Said::new(&named.join(" ")),
        }),
        None => Ok(()),
    }
}

/// SAML Profiles 4.1.4.2: how the person was authenticated; Core 2.7.2: their session goes on.
fn authn_statement(authn: Option<Authn>, clock: &Clock) -> Result<Authn, Refusal> {
    let authn = authn.ok_or(Refusal::AuthnStatementMissing)?;
    not_from_the_future("AuthnInstant", authn.instant, clock)?;
    match authn.session_ends {
        Some(at) if clock.is_past(at) => Err(Refusal::SessionEnded { at }),
        _ => Ok(authn),
    }
}
