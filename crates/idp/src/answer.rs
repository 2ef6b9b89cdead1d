//! The answer: composed, signed, and handed over by a page that may post to one address only.

use std::sync::Arc;

use actix_web::HttpResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use directory::Person;
use federation::Snapshot;
use saml::encryption::Encryption;
use saml::metadata::{Entity, SpRole};
use saml::response::{
    Advice, Attribute, ErrorPlan, NameId, ResponsePlan, SignWhat, Status, compose_advised,
};
use saml::{Binding, EntityId, MessageId, Moment, NameIdFormat, attribute};
use serde::Serialize;
use web::{Event, Filling, Mould, Page, Refused, Visit, gap};

use crate::flow::{Flow, Named, stale};
use crate::logout::Participant;
use crate::policy::{Encrypt, Policy, Sign};
use crate::realm::{Realm, RealmParts};
use crate::refusals;
use crate::release::{self, Asking, Decision, Outcome, Rule};
use crate::session::SignedOn;
use crate::{artifact, ecp, posts, telling};
use name_id::Chosen;

mod name_id;

/// Seconds an answer may be presented: a slow phone, not a stolen one.
pub(crate) const LIFETIME_S: u32 = 300;
/// How long a service may keep a session.
pub(crate) const SESSION: chrono::TimeDelta = chrono::TimeDelta::hours(9);

/// The page that hands the answer over.
#[derive(Serialize)]
pub(crate) struct AnswerPage {
    acs: String,
    response: String,
    relay_state: Option<String>,
    tutoie: bool,
}

impl Page for AnswerPage {
    const TEMPLATE: &'static str = "idp-answer.html";

    fn samples() -> Vec<Self> {
        [None, Some("state".to_owned())]
            .map(|relay_state| Self {
                acs: "https://sp.example/acs".to_owned(),
                response: "PHg+".to_owned(),
                tutoie: relay_state.is_some(),
                relay_state,
            })
            .into()
    }

    fn form_action(&self) -> Option<String> {
        Some(self.acs.clone())
    }

    fn mould(&self) -> Option<Mould<'_, Self>> {
        let state = self
            .relay_state
            .as_deref()
            .filter(|state| !state.is_empty());
        Some(Mould {
            shape: u8::from(state.is_some()),
            blank: Self {
                acs: gap(0),
                response: gap(1),
                relay_state: state.map(|_| gap(2)),
                tutoie: self.tutoie,
            },
            values: vec![
                Filling::Text(&self.acs),
                // Base64 of our own making.
                Filling::Plain(&self.response),
                Filling::Text(state.unwrap_or_default()),
            ],
        })
    }

    fn tutoie(&self) -> bool {
        self.tutoie
    }
}

/// What the operator decided is signed, and the assertion whenever the service wants that (SAML Metadata
/// 2.4.4, IIP-SSO06).
pub(crate) fn signing(decided: Sign, role: &SpRole) -> SignWhat {
    match decided {
        Sign::Response if !role.wants_signed_assertions => SignWhat::Response,
        Sign::Both | Sign::Response => SignWhat::Both,
        Sign::Assertion => SignWhat::Assertion,
    }
}

/// What an answer would say, of whom, and by which decisions: made once for all that one request
/// brings about.
pub(crate) struct Prospect {
    pub(crate) person: Arc<Person>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) said: Said,
    /// The metadata it follows from.
    snapshot: Arc<Snapshot>,
}

/// Why no answer could say anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hindrance {
    /// The account was disabled since its session began.
    Gone,
    /// The service is in no metadata any more.
    UnknownService,
    /// The name identifier that was asked for cannot be had.
    NoIdentifier,
}

/// What an answer to `flow` would say of the person of `session`.
pub(crate) async fn prospect(
    visit: &Visit,
    realm: &Realm,
    flow: &Flow,
    session: &SignedOn,
) -> Result<Result<Prospect, Hindrance>, Refused> {
    let now = visit.edge().now();
    let Some(person) = realm.people.find(&session.person, now).await? else {
        return Ok(Err(Hindrance::Gone));
    };
    let policy = (realm.policies)(&flow.service);
    let snapshot = realm.federation.snapshot();
    let Some((entity, role)) = snapshot.service(&flow.service) else {
        return Ok(Err(Hindrance::UnknownService));
    };
    let about = (&*person, &*policy, now);
    let said = said(realm, flow, session, about, (entity, role))?;
    Ok(said.ok_or(Hindrance::NoIdentifier).map(|said| Prospect {
        person,
        policy,
        said,
        snapshot,
    }))
}

/// Answers for the person whose session stands, by what was decided when that was found to be what
/// is left to do ([`Flow::next`]).
pub(crate) async fn give(
    visit: &Visit,
    realm: &Realm,
    flow: &Flow,
    (session, prospect): (&SignedOn, Result<Prospect, Hindrance>),
) -> Result<HttpResponse, Refused> {
    let Prospect {
        person,
        policy,
        mut said,
        snapshot,
    } = match prospect {
        Ok(prospect) => prospect,
        Err(Hindrance::Gone) => {
            realm.sessions.close(visit).await?;
            return stale(visit, realm, &of_service(flow));
        }
        Err(Hindrance::UnknownService) => {
            return Err(refusals::unknown_service(&flow.service, realm));
        }
        Err(Hindrance::NoIdentifier) => {
            return tell(visit, realm, flow, Status::InvalidNameIdPolicy).await;
        }
    };
    let now = visit.edge().now();
    let Some((_, role)) = snapshot.service(&flow.service) else {
        return Err(refusals::unknown_service(&flow.service, realm));
    };
    let declined = telling::declined(realm, flow, (&person, &policy), &said).await?;
    said.decline(&declined, &policy);
    if !joins(realm, flow, session, &said).await? {
        return stale(visit, realm, &of_service(flow));
    }
    let response_id = MessageId::from_random(visit.edge().random());
    let plan = ResponsePlan {
        response_id: &response_id,
        assertion_id: &MessageId::from_random(visit.edge().random()),
        in_response_to: flow.request.as_ref(),
        issuer: &realm.parts.entity_id,
        audience: &flow.service,
        acs: &flow.acs,
        now,
        lifetime_s: LIFETIME_S,
        name_id: said.name_id.as_ref(),
        authn_instant: session.authn_instant,
        authn_context: flow.said(session),
        session_index: &session.index,
        session_ends: Some(session.authn_instant + SESSION),
        attributes: &said.attributes,
        sign: signing(policy.sign, role),
    };
    let Some((xml, encrypted)) = composed(realm, flow, &plan, (&policy, role))? else {
        return tell(visit, realm, flow, Status::RequestDenied).await;
    };
    let event = sent(realm, flow, &response_id)
        .with("encrypted", encrypted)
        .with("context", flow.said(session));
    foreign(visit, realm, flow, &said.decisions);
    account_for(visit, realm, flow, event, (&person, &said.attributes));
    hand_over(visit, realm, flow, (xml, encrypted != OPEN)).await
}

/// The answer, and how it is encrypted. `None`: it would carry a key that others could read.
fn composed(
    realm: &Realm,
    flow: &Flow,
    plan: &ResponsePlan<'_>,
    (policy, role): (&Policy, &SpRole),
) -> Result<Option<(String, &'static str)>, Refused> {
    let encryption = encryption(realm, flow, policy, role)?;
    let client = flow.client.as_ref();
    if encryption.is_none() && client.is_some_and(|client| client.wants_key) {
        return Ok(None);
    }
    let keyed = client.filter(|_| encryption.is_some());
    let advice = Advice {
        channel: client.and_then(|client| client.channel.as_ref()),
        key: keyed.map(|client| client.key.as_str()),
    };
    let keys = realm.parts.keys.now();
    let xml = realm
        .signer(&flow.service, &keys)
        .and_then(|key| compose_advised(plan, advice, encryption.as_ref(), &key))
        .map_err(|refusal| not_signed(&refusal, realm, flow))?;
    Ok(Some((xml, how(realm, encryption.as_ref()))))
}

/// Tells the journal, the counters and the person's past releases what leaves.
fn account_for(
    visit: &Visit,
    realm: &Realm,
    flow: &Flow,
    event: Event,
    (person, attributes): (&Person, &[Attribute]),
) {
    let names = attributes.iter();
    let names: Vec<&str> = names.filter_map(|a| a.friendly_name.as_deref()).collect();
    let event = event.with("attributes", names.join(" "));
    visit.tell(event.with("person", person.id.as_str()));
    let service = flow.service.as_str();
    let releases = &realm.directory.releases;
    releases.note(&person.id, service, &names, visit.edge().now());
    let labels = [("realm", realm.parts.realm.as_str()), ("sp", service)];
    realm.edge.count("eduline_answers_issued_total", &labels);
}

/// Tells the journal and counts what was not sent because its scope is not ours: somebody wrote a
/// decision that can only be a mistake.
fn foreign(visit: &Visit, realm: &Realm, flow: &Flow, decisions: &[Decision]) {
    let foreign = decisions.iter();
    let foreign = foreign.filter(|one| one.outcome == Outcome::ForeignScope);
    let names: Vec<&str> = foreign.map(|one| one.wire.short).collect();
    if names.is_empty() {
        return;
    }
    let event = Event::new("idp.release.foreign-scope")
        .with("request", flow.request_id())
        .with("sp", flow.service.as_str())
        .with("scope", realm.parts.scope.as_str())
        .with("attributes", names.join(" "));
    visit.tell(event);
    let labels = [("realm", realm.parts.realm.as_str())];
    realm.edge.count("eduline_foreign_scopes_total", &labels);
}

/// Remembers who is to be told when the session ends; `false`: it ended meanwhile.
async fn joins(
    realm: &Realm,
    flow: &Flow,
    session: &SignedOn,
    said: &Said,
) -> Result<bool, Refused> {
    if flow.client.is_some() {
        // Nobody's browser: no session stands here that could end.
        return Ok(true);
    }
    let participant = Participant {
        service: flow.service.clone(),
        name_id: said.name_id.clone(),
    };
    Ok(realm
        .participants
        .join(&session.index, &participant)
        .await?)
}

/// Where a sign-on starts again whose session is over.
fn of_service(flow: &Flow) -> Named {
    Named {
        flow: None,
        sp: Some(flow.service.as_str().to_owned()),
        first: None,
    }
}

/// An answer that is not encrypted, as the journal says it.
const OPEN: &str = "false";

/// Whether and how an answer is encrypted, for the journal. What only the operator's word allows is
/// counted: it should come to an end (IIP-ALG05).
fn how(realm: &Realm, encryption: Option<&Encryption>) -> &'static str {
    match encryption {
        None => OPEN,
        Some(encryption) if encryption.is_legacy() => {
            let labels = [("realm", realm.parts.realm.as_str())];
            realm.edge.count("eduline_weak_encryptions_total", &labels);
            "weakly"
        }
        Some(_) => "true",
    }
}

fn not_signed(refusal: &saml::Refusal, realm: &Realm, flow: &Flow) -> Refused {
    refusals::not_signed(refusal, &flow.service, realm).with("request", flow.request_id())
}

/// How the assertion is encrypted: whenever the service publishes a key, unless the operator waives
/// it (IIP-IDP09). A key that cannot be used is an error, never a reason to send it open.
fn encryption(
    realm: &Realm,
    flow: &Flow,
    policy: &Policy,
    role: &SpRole,
) -> Result<Option<Encryption>, Refused> {
    let decided = policy.encrypt;
    if decided == Encrypt::Never {
        return Ok(None);
    }
    let refused = |why: String| refusals::not_encrypted(why, &flow.service, realm);
    match role.choose_encryption_by(policy.legacy_encryption(), realm.federation.rules()) {
        Ok(None) if decided == Encrypt::Always => Err(refused(
            "the operator wants encryption and the service publishes no key".to_owned(),
        )),
        Ok(chosen) => Ok(chosen),
        Err(refusal) => Err(refused(refusal.to_string())),
    }
}

/// What an answer says of the person.
pub(crate) struct Said {
    pub(crate) name_id: Option<NameId>,
    attributes: Vec<Attribute>,
    /// What was decided of every attribute, sent or not.
    pub(crate) decisions: Vec<Decision>,
}

impl Said {
    /// What the person may keep back: what the service asks for in its metadata and can do without.
    /// What names the person to it is not among that.
    pub(crate) fn optional(&self) -> Vec<&'static str> {
        let by_mail = |name_id: &NameId| name_id.format == NameIdFormat::EmailAddress;
        let names_by_mail = self.name_id.as_ref().is_some_and(by_mail);
        let decisions = self.decisions.iter();
        decisions
            .filter(|one| one.rule == Rule::Requested && !one.required)
            .filter(|one| matches!(one.outcome, Outcome::Sent(_)))
            .filter(|one| !(names_by_mail && one.wire == attribute::MAIL))
            .map(|one| one.wire.short)
            .collect()
    }

    /// Keeps back what the person declines and may.
    fn decline(&mut self, declined: &[String], policy: &Policy) {
        if declined.is_empty() {
            return;
        }
        let optional = self.optional();
        for one in &mut self.decisions {
            let name = one.wire.short;
            if optional.contains(&name) && declined.iter().any(|declined| declined == name) {
                one.outcome = Outcome::Declined;
            }
        }
        self.attributes = release::attributes(&self.decisions, policy);
    }
}

/// What is said of `person`; `None` when the name identifier that was asked for cannot be had.
pub(crate) fn said(
    realm: &Realm,
    flow: &Flow,
    session: &SignedOn,
    (person, policy, now): (&Person, &Policy, Moment),
    (entity, role): (&Entity, &SpRole),
) -> Result<Option<Said>, Refused> {
    let requested = role
        .requested(flow.attribute_service)
        .map_err(|refusal| refusals::of_message(&refusal, realm))?;
    let asking = Asking {
        service: &flow.service,
        requested,
        entity_attributes: &entity.attributes,
        policy,
        is_own: realm.own_services.contains(&flow.service),
        post: posts::chosen(realm, flow, (person, session), now),
        now: now.date_naive(),
    };
    let decisions = release::decide(person, &asking, &realm.parts, &realm.fonctions);
    let mail = release::sent(&decisions, attribute::MAIL);
    let asked = flow.name_id_format.as_ref();
    let name_id = match chosen(asked, (policy, role), &decisions) {
        Chosen::Impossible => return Ok(None),
        Chosen::None => None,
        Chosen::Format(format) => {
            let about = (person.id.as_str(), session.secret.as_str());
            Some(named(&realm.parts, &flow.service, about, (format, mail)))
        }
    };
    Ok(Some(Said {
        name_id,
        attributes: release::attributes(&decisions, policy),
        decisions,
    }))
}

/// The name identifier of a person, for a session that has this secret.
pub(crate) fn named(
    realm: &RealmParts,
    service: &EntityId,
    (person, secret): (&str, &str),
    (format, mail): (NameIdFormat, Option<&str>),
) -> NameId {
    let value = match format {
        NameIdFormat::Persistent => release::pairwise(&realm.pairwise_salt, person, service),
        NameIdFormat::EmailAddress => mail.unwrap_or_default().to_owned(),
        _ => release::transient(secret, service),
    };
    name_id::made(&realm.entity_id, service, format, value)
}

fn chosen(
    asked: Option<&NameIdFormat>,
    (policy, role): (&Policy, &SpRole),
    decisions: &[Decision],
) -> Chosen {
    let wanted = name_id::Wanted {
        asked,
        policy: policy.name_id,
        published: &role.name_id_formats,
    };
    let mail = release::sent(decisions, attribute::MAIL);
    name_id::choose(&wanted, mail.is_some())
}

/// No identifier can be had.
pub(crate) struct Impossible;

/// The format of the name identifier of an answer to a request that wants none in particular.
pub(crate) fn identifier(
    policy: &Policy,
    role: &SpRole,
    decisions: &[Decision],
) -> Result<Option<NameIdFormat>, Impossible> {
    match chosen(None, (policy, role), decisions) {
        Chosen::Impossible => Err(Impossible),
        Chosen::None => Ok(None),
        Chosen::Format(format) => Ok(Some(format)),
    }
}

/// Tells the service no (IIP-IDP05): to its own verified address.
pub(crate) async fn tell(
    visit: &Visit,
    realm: &Realm,
    flow: &Flow,
    status: Status,
) -> Result<HttpResponse, Refused> {
    let response_id = MessageId::from_random(visit.edge().random());
    let (_, second) = status.codes();
    let event = sent(realm, flow, &response_id).with("status", second.unwrap_or_default());
    let plan = ErrorPlan {
        response_id: &response_id,
        in_response_to: flow.request.as_ref(),
        issuer: &realm.parts.entity_id,
        acs: &flow.acs,
        now: visit.edge().now(),
        status,
        message: None,
    };
    let keys = realm.parts.keys.now();
    let xml = realm
        .signer(&flow.service, &keys)
        .and_then(|key| saml::response::compose_error(&plan, &key))
        .map_err(|refusal| not_signed(&refusal, realm, flow))?;
    visit.tell(event);
    hand_over(visit, realm, flow, (xml, false)).await
}

fn sent(realm: &Realm, flow: &Flow, response: &MessageId) -> Event {
    Event::new("idp.response.sent")
        .with("request", flow.request_id())
        .with("response", response.as_str())
        .with("sp", flow.service.as_str())
        .with("realm", realm.parts.realm.as_str())
        .with("binding", format!("{:?}", flow.binding).to_lowercase())
}

async fn hand_over(
    visit: &Visit,
    realm: &Realm,
    flow: &Flow,
    (xml, encrypted): (String, bool),
) -> Result<HttpResponse, Refused> {
    match flow.binding {
        Binding::Artifact => return artifact::hand_over(visit, realm, flow, xml).await,
        Binding::Paos => return ecp::hand_over(flow, &xml, encrypted),
        _ => {}
    }
    visit.page(&AnswerPage {
        acs: flow.acs.clone(),
        response: STANDARD.encode(xml),
        relay_state: flow.relay_state.clone(),
        tutoie: realm.tutoie(),
    })
}
