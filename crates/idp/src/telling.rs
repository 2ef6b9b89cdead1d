//! What a person is told before an answer leaves: `GET` and `POST /idp/<realm>/information`.
//!
//! Information, not consent: the school's mission is the ground of the processing, and a person who
//! learns who receives what may go on or turn back (GDPR 6.1.e and 13; DOMAIN 2.6).

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use directory::Person;
use directory::releases::Told;
use saml::EntityId;
use saml::response::Status;
use serde::Deserialize;
use web::{Event, Form, Query, Refused, Visit};

use crate::answer::{self, Prospect, Said};
use crate::flow::{Flow, KEPT, Named, name, stale, without_cookies};
use crate::next::{Step, Untold};
use crate::policy::{Information, Missing, Policy};
use crate::realm::Realm;
use crate::refusals;
use crate::release::{self, Decision, Outcome};
use crate::session::SignedOn;

mod page;

pub(crate) use page::InformationPage;
use page::{FORM, Notice};

impl Prospect {
    /// Required attributes that are not sent, and why.
    fn missing(&self) -> Vec<&Decision> {
        missing(&self.said.decisions)
    }

    /// Whether the person can be spared the page from now on.
    fn can_be_remembered(&self) -> bool {
        self.policy.information != Some(Information::Always)
    }

    /// Of names and values, and of what is missing.
    fn mark(&self, realm: &Realm, flow: &Flow) -> String {
        mark(realm, flow, &self.person, &self.said)
    }
}

fn missing(decisions: &[Decision]) -> Vec<&Decision> {
    let decisions = decisions.iter().filter(|decision| decision.required);
    // One that the service says it does not want is not missing.
    decisions
        .filter(|one| !matches!(one.outcome, Outcome::Sent(_) | Outcome::NotSignalled))
        .collect()
}

/// What happens when something required is missing.
fn when_missing(realm: &Realm, service: &EntityId, policy: &Policy) -> Missing {
    let is_own = realm.own_services.contains(service);
    policy
        .missing
        .unwrap_or(if is_own { Missing::Send } else { Missing::Tell })
}

/// What its person is to be told before `flow` is answered so.
pub(crate) async fn untold(
    realm: &Realm,
    flow: &Flow,
    prospect: &Prospect,
) -> Result<Untold, Refused> {
    let when_missing = when_missing(realm, &flow.service, &prospect.policy);
    let information = prospect.policy.information.unwrap_or_default();
    let is_missing = when_missing != Missing::Send && !prospect.missing().is_empty();
    if is_missing && when_missing == Missing::Refuse {
        return Ok(Untold::Refusal);
    }
    if information == Information::Never && !is_missing {
        return Ok(Untold::Nothing);
    }
    let mark = prospect.mark(realm, flow);
    if flow.told.as_ref() == Some(&mark) {
        return Ok(Untold::Nothing);
    }
    if prospect.can_be_remembered() {
        let told = remembered(realm, flow, &prospect.person).await?;
        if told.is_some_and(|told| told.mark == mark) {
            return Ok(Untold::Nothing);
        }
    }
    Ok(Untold::Information)
}

async fn remembered(realm: &Realm, flow: &Flow, person: &Person) -> Result<Option<Told>, Refused> {
    let releases = &realm.directory.releases;
    let told = releases.told(&person.id, flow.service.as_str());
    told.await.map_err(refusals::away)
}

/// What the person keeps back of an answer: what they said on the page of this flow, else what they
/// said when they asked not to be shown it again, as long as the same would be shown.
pub(crate) async fn declined(
    realm: &Realm,
    flow: &Flow,
    (person, policy): (&Person, &Policy),
    said: &Said,
) -> Result<Vec<String>, Refused> {
    let is_told = policy.information.unwrap_or_default() != Information::Never
        || when_missing(realm, &flow.service, policy) != Missing::Send;
    if !is_told || said.optional().is_empty() {
        return Ok(Vec::new());
    }
    let mark = mark(realm, flow, person, said);
    if flow.told.as_ref() == Some(&mark) {
        return Ok(flow.declined.clone());
    }
    let told = remembered(realm, flow, person).await?;
    let same = told.filter(|told| told.mark == mark);
    Ok(same.map(|told| told.declined).unwrap_or_default())
}

/// What would be sent for the person of `session`; `None` when nothing could be: who answers says why.
async fn prospect(
    visit: &Visit,
    realm: &Realm,
    flow: &Flow,
    session: Option<&SignedOn>,
) -> Result<Option<Prospect>, Refused> {
    let Some(session) = session else {
        return Ok(None);
    };
    Ok(answer::prospect(visit, realm, flow, session).await?.ok())
}

/// Of what the person is told: the format of the identifier, names with their values, what is missing.
fn mark(realm: &Realm, flow: &Flow, person: &Person, said: &Said) -> String {
    let format = said.name_id.as_ref().map(|name_id| name_id.format.uri());
    let mut told = vec![format.unwrap_or_default().to_owned()];
    for decision in &said.decisions {
        if let Outcome::Sent(values) = &decision.outcome {
            // How many, so that no value can pass for a name.
            told.extend([decision.wire.short.to_owned(), values.len().to_string()]);
            told.extend(values.iter().cloned());
        }
    }
    let missing = missing(&said.decisions).into_iter();
    told.push("missing".to_owned());
    told.extend(missing.map(|decision| decision.wire.short.to_owned()));
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    let salt = &realm.parts.pairwise_salt;
    release::mark(salt, &person.id, &flow.service, &told)
}

/// `GET`: what would be sent, when the decider wants it said.
pub(crate) async fn show(
    visit: Visit,
    realm: Data<Realm>,
    Query(named): Query<Named>,
) -> Result<HttpResponse, Refused> {
    let Some((id, flow)) = realm.flow(&visit, &named).await? else {
        return stale(&visit, &realm, &named);
    };
    page(&visit, &realm, (&id, &flow), Notice::None).await
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Sent {
    csrf: Option<String>,
    flow: Option<String>,
    sp: Option<String>,
    /// The mark of what was shown.
    shown: Option<String>,
    remember: Option<String>,
    choice: Option<String>,
    /// `decline-<short name>` for each attribute that is kept back.
    #[serde(flatten)]
    rest: BTreeMap<String, String>,
}

impl Sent {
    /// What is kept back of what was offered.
    fn declined(&self, said: &Said) -> Vec<String> {
        let optional = said.optional().into_iter();
        optional
            .filter(|name| self.rest.contains_key(&format!("{}{name}", page::DECLINE)))
            .map(str::to_owned)
            .collect()
    }
}

/// `POST`: goes on with what was shown, or tells the service no.
pub(crate) async fn decide(
    visit: Visit,
    realm: Data<Realm>,
    Form(sent): Form<Sent>,
) -> Result<HttpResponse, Refused> {
    let named = Named {
        flow: sent.flow.clone(),
        sp: sent.sp.clone(),
        first: None,
    };
    if !visit.browser_is_known() {
        return Err(without_cookies(&visit, &realm, &named));
    }
    let Some((id, mut flow)) = realm.flow(&visit, &named).await? else {
        return stale(&visit, &realm, &named);
    };
    if visit.check_csrf(FORM, sent.csrf.as_deref()).is_err() {
        return page(&visit, &realm, (&id, &flow), Notice::Expired).await;
    }
    if sent.choice.as_deref() == Some("stop") {
        return stop(&visit, &realm, (&id, &named)).await;
    }
    let session = realm.session(&visit).await?;
    let session = session.as_ref().map(|session| &session.value);
    if let Some(prospect) = prospect(&visit, &realm, &flow, session).await? {
        let mark = prospect.mark(&realm, &flow);
        // What is sent is what was shown, to the letter.
        if sent.choice.as_deref() != Some("continue") || sent.shown.as_ref() != Some(&mark) {
            return page(&visit, &realm, (&id, &flow), Notice::Changed).await;
        }
        let what = Told {
            mark,
            declined: sent.declined(&prospect.said),
        };
        let remembers = sent.remember.is_some() && prospect.can_be_remembered();
        if remembers {
            remember(&visit, &realm, (&flow, &prospect.person), &what).await?;
        }
        if !what.declined.is_empty() {
            let event = Event::new("idp.information.declined")
                .with("flow", id.as_str())
                .with("request", flow.request_id())
                .with("attributes", what.declined.join(" "));
            visit.tell(event);
        }
        let result = if remembers { "remembered" } else { "accepted" };
        told(&visit, &realm, (&id, &flow), result);
        (flow.told, flow.declined) = (Some(what.mark), what.declined);
        realm.flows.put(&id, &flow, KEPT).await?;
    }
    Ok(visit.see_other(&realm.path(&format!("/continue?{}", name(&id, &flow.service)))))
}

async fn remember(
    visit: &Visit,
    realm: &Realm,
    (flow, person): (&Flow, &Person),
    what: &Told,
) -> Result<(), Refused> {
    let releases = &realm.directory.releases;
    let service = flow.service.as_str();
    let kept = releases.remember(&person.id, service, what, visit.edge().now());
    kept.await.map_err(refusals::away)
}

/// The person turns back: the service is told, at its own verified address.
async fn stop(
    visit: &Visit,
    realm: &Realm,
    (id, named): (&str, &Named),
) -> Result<HttpResponse, Refused> {
    let Some(flow) = realm.flows.take(id).await? else {
        return stale(visit, realm, named);
    };
    told(visit, realm, (id, &flow), "stopped");
    answer::tell(visit, realm, &flow, Status::RequestDenied).await
}

/// Tells the journal and counts: names and values are nobody's business there.
fn told(visit: &Visit, realm: &Realm, (id, flow): (&str, &Flow), result: &'static str) {
    let event = Event::new("idp.information")
        .with("flow", id)
        .with("request", flow.request_id())
        .with("sp", flow.service.as_str())
        .with("result", result);
    visit.tell(event);
    realm.edge.count(
        "eduline_information_total",
        &[("realm", realm.parts.realm.as_str()), ("result", result)],
    );
}

/// The page, unless the decider wants something else by now.
async fn page(
    visit: &Visit,
    realm: &Realm,
    (id, flow): (&str, &Flow),
    notice: Notice,
) -> Result<HttpResponse, Refused> {
    let session = realm.session(visit).await?;
    let session = session.as_ref().map(|session| &session.value);
    let step = flow.step(visit, realm, session).await?;
    let prospect = prospect(visit, realm, flow, session).await?;
    let (Step::Inform | Step::Refuse, Some(prospect)) = (&step, prospect) else {
        let to = realm.path(&format!("/continue?{}", name(id, &flow.service)));
        return Ok(visit.see_other(&to));
    };
    let is_refused = step == Step::Refuse;
    told(
        visit,
        realm,
        (id, flow),
        if is_refused { "refused" } else { "shown" },
    );
    let missing = prospect.missing();
    if !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(|one| one.wire.short).collect();
        let event = Event::new("idp.release.missing")
            .with("code", page::MISSING)
            .with("flow", id)
            .with("request", flow.request_id())
            .with("sp", flow.service.as_str())
            .with("attributes", names.join(" "));
        visit.tell(event);
    }
    // What was kept back before stays ticked when something else has changed.
    let before = remembered(realm, flow, &prospect.person).await?;
    let before = before.map(|told| told.declined).unwrap_or_default();
    let shown = (&prospect, before.as_slice());
    let page = InformationPage::of(visit, realm, (id, flow), (shown, is_refused, notice));
    let status = if is_refused {
        StatusCode::FORBIDDEN
    } else {
        StatusCode::OK
    };
    visit.page_with(status, &page)
}
