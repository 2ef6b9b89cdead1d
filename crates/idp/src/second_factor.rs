//! The second factor: `GET` and `POST /idp/<realm>/second-factor`; and when it is asked for.
//!
//! A person and a service may each ask for it, everywhere or outside the académie's own networks; so
//! may a request (<https://refeds.org/profile/mfa>). Only what is missing is asked.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::{DateTime, TimeDelta, Utc};
use directory::Person;
use directory::factors::{By, Proof};
use directory::history::{What, Whose};
use saml::EntityId;
use saml::response::Status;
use serde::Deserialize;
use web::{Event, Form, Network, Query, Refused, Session, Visit};

use crate::flow::{Flow, KEPT, Named, name, stale, without_cookies};
use crate::next::{Means, Second, Step};
use crate::passkey::Ask;
use crate::policy::Demand;
use crate::realm::Realm;
use crate::session::SignedOn;
use crate::{answer, refusals, whence};

mod mailed;
mod page;

pub(crate) use mailed::Mailed;
use mailed::Offer;
pub(crate) use page::SecondFactorPage;
use page::{Asks, FORM, Notice};

/// When a second factor is asked for, as the operator says for everybody.
#[derive(Debug, Clone, Default)]
pub struct SecondFactors {
    /// The académie's own networks: `external` asks for nothing there.
    pub inside: Vec<Network>,
    /// How long a person who is asked for the first time may put it off.
    pub grace: TimeDelta,
    /// Whether a code is sent by mail to those who have none, and a recovery contact.
    pub by_mail: bool,
    /// Whether who has one is asked for it at a place where they proved nothing more than a password yet.
    pub elsewhere: bool,
    /// The service that activates them, if there is one: nobody is stopped on the way to it.
    pub activated_at: Option<EntityId>,
}

impl SecondFactors {
    pub(crate) fn is_inside(&self, address: &str) -> bool {
        let address = address.parse::<IpAddr>();
        address.is_ok_and(|address| self.inside.iter().any(|network| network.holds(address)))
    }
}

/// What the house wants of a second factor for the person of `session`, on the way to the service of
/// `flow`.
pub(crate) async fn second(
    visit: &Visit,
    realm: &Realm,
    flow: &Flow,
    session: Option<&SignedOn>,
) -> Result<Second, Refused> {
    let Some(session) = session else {
        return Ok(Second::default());
    };
    let now = visit.edge().now();
    let Some(person) = realm.people.find(&session.person, now).await? else {
        return Ok(Second::default());
    };
    let demand = Demand::of_person(&person.second_factor);
    let demand = demand.max((realm.policies)(&flow.service).second_factor);
    let is_asked = match demand {
        Demand::None => false,
        Demand::External => !realm.second_factors.is_inside(visit.peer()),
        Demand::Always => true,
    };
    // Who has a factor is asked for it on the way to where factors are changed (A11).
    let activates = realm.second_factors.activated_at.as_ref() == Some(&flow.service);
    // A place where they never were is a risk that only who has a factor is asked to answer (A13).
    let is_elsewhere = session.is_elsewhere && realm.second_factors.elsewhere;
    if !is_asked && !activates && !is_elsewhere && !flow.requests_second_factor() {
        return Ok(Second::default());
    }
    let factors = realm.directory.factors.list(&person.id).await;
    let has_one = !factors.map_err(refusals::away)?.is_empty();
    let means = match realm.second_factors.activated_at {
        _ if has_one => Means::Give,
        Some(_) if activates || flow.put_off => Means::GoWithout,
        Some(_) => Means::Activate,
        None => Means::Nothing,
    };
    Ok(Second {
        is_asked: is_asked || ((activates || is_elsewhere) && has_one),
        means,
    })
}

/// A flow that waits for a second factor, and the session it waits with.
struct Waiting {
    id: String,
    flow: Flow,
    session: Session<SignedOn>,
    person: Arc<Person>,
    step: Step,
}

impl Waiting {
    /// `None`: something else is left to do.
    async fn find(
        visit: &Visit,
        realm: &Realm,
        id: String,
        flow: Flow,
    ) -> Result<Option<Self>, Refused> {
        let Some(session) = realm.session(visit).await? else {
            return Ok(None);
        };
        let step = flow.step(visit, realm, Some(&session.value)).await?;
        if !matches!(step, Step::SecondFactor | Step::Activate) {
            return Ok(None);
        }
        let now = visit.edge().now();
        let person = realm.people.find(&session.value.person, now).await?;
        Ok(person.map(|person| Self {
            id,
            flow,
            session,
            person,
            step,
        }))
    }
}

/// Back to the decider.
fn go_on(visit: &Visit, realm: &Realm, id: &str, service: &EntityId) -> HttpResponse {
    visit.see_other(&realm.path(&format!("/continue?{}", name(id, service))))
}

/// `GET`: the form, when the decider wants it.
pub(crate) async fn show(
    visit: Visit,
    realm: Data<Realm>,
    Query(named): Query<Named>,
) -> Result<HttpResponse, Refused> {
    let Some((id, flow)) = realm.flow(&visit, &named).await? else {
        return stale(&visit, &realm, &named);
    };
    let service = flow.service.clone();
    match Waiting::find(&visit, &realm, id.clone(), flow).await? {
        Some(waiting) => page(&visit, &realm, &waiting, Notice::None).await,
        None => Ok(go_on(&visit, &realm, &id, &service)),
    }
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Typed {
    csrf: Option<String>,
    flow: Option<String>,
    sp: Option<String>,
    otp: Option<String>,
    choice: Option<String>,
}

/// `POST`: takes a code, puts an activation off, or turns back.
pub(crate) async fn prove(
    visit: Visit,
    realm: Data<Realm>,
    Form(typed): Form<Typed>,
) -> Result<HttpResponse, Refused> {
    let named = Named {
        flow: typed.flow,
        sp: typed.sp,
        first: None,
    };
    if !visit.browser_is_known() {
        return Err(without_cookies(&visit, &realm, &named));
    }
    let Some((id, flow)) = realm.flow(&visit, &named).await? else {
        return stale(&visit, &realm, &named);
    };
    let service = flow.service.clone();
    let Some(waiting) = Waiting::find(&visit, &realm, id.clone(), flow).await? else {
        return Ok(go_on(&visit, &realm, &id, &service));
    };
    if visit.check_csrf(FORM, typed.csrf.as_deref()).is_err() {
        return page(&visit, &realm, &waiting, Notice::Expired).await;
    }
    match typed.choice.as_deref() {
        Some("stop") => {
            let Some(flow) = realm.flows.take(&id).await? else {
                return stale(&visit, &realm, &named);
            };
            return answer::tell(&visit, &realm, &flow, Status::NoAuthnContext).await;
        }
        Some("later") => return put_off(&visit, &realm, waiting).await,
        Some("mail") => return mailed::send(&visit, &realm, waiting).await,
        _ => {}
    }
    let code = typed.otp.unwrap_or_default();
    match waiting.step {
        Step::Activate => mailed::judge(&visit, &realm, waiting, &code).await,
        _ => judge(&visit, &realm, waiting, &code).await,
    }
}

/// An activation is put off, as long as it may be.
async fn put_off(
    visit: &Visit,
    realm: &Realm,
    mut waiting: Waiting,
) -> Result<HttpResponse, Refused> {
    if until(visit, realm, &waiting.person).await?.is_some() {
        told(visit, realm, &waiting, "put-off");
        waiting.flow.put_off = true;
        realm.flows.put(&waiting.id, &waiting.flow, KEPT).await?;
    }
    Ok(go_on(visit, realm, &waiting.id, &waiting.flow.service))
}

async fn judge(
    visit: &Visit,
    realm: &Realm,
    mut waiting: Waiting,
    typed: &str,
) -> Result<HttpResponse, Refused> {
    let now = visit.edge().now();
    let proof = realm
        .directory
        .factors
        .prove(&waiting.person.id, typed, now);
    let notice = match proof.await.map_err(refusals::away)? {
        Proof::Right(by) => {
            waiting.session.value.second = Some(now);
            let result = match by {
                By::Factor(_) => "accepted",
                By::RecoveryCode(_) => "recovery-code",
            };
            return accept(visit, realm, waiting, result).await;
        }
        Proof::Used(seconds) => {
            told(visit, realm, &waiting, "used");
            Notice::Used(seconds)
        }
        Proof::Wrong => {
            told(visit, realm, &waiting, "refused");
            Notice::Wrong
        }
        Proof::Wait(seconds) => {
            told(visit, realm, &waiting, "throttled");
            let to = format!(
                "/second-factor?{}",
                name(&waiting.id, &waiting.flow.service)
            );
            return Err(refusals::wait(seconds, realm.path(&to))
                .with("flow", waiting.id)
                .with("request", waiting.flow.request_id()));
        }
    };
    page(visit, realm, &waiting, notice).await
}

/// The session is worth more from now on, under another token (SECURITY 21).
async fn accept(
    visit: &Visit,
    realm: &Realm,
    waiting: Waiting,
    result: &'static str,
) -> Result<HttpResponse, Refused> {
    let renewed = realm.sessions.renew(visit, &waiting.session).await?;
    let index = &renewed.value.index;
    realm.participants.opened(index, &renewed.key).await?;
    whence::prove(visit, realm, &waiting.person.id).await?;
    told(visit, realm, &waiting, result);
    Ok(go_on(visit, realm, &waiting.id, &waiting.flow.service))
}

/// Until when the person may put an activation off, if they still may.
async fn until(
    visit: &Visit,
    realm: &Realm,
    person: &Person,
) -> Result<Option<DateTime<Utc>>, Refused> {
    let now = visit.edge().now();
    let first = realm.directory.factors.first_asked(&person.id, now).await;
    let until = first.map_err(refusals::away)? + realm.second_factors.grace;
    Ok((until > now).then_some(until))
}

/// Tells the journal and counts.
fn told(visit: &Visit, realm: &Realm, waiting: &Waiting, result: &'static str) {
    let event = Event::new("idp.second-factor")
        .with("flow", waiting.id.as_str())
        .with("request", waiting.flow.request_id())
        .with("sp", waiting.flow.service.as_str())
        .with("person", waiting.person.id.as_str())
        .with("result", result);
    visit.tell(event);
    let what = match result {
        "accepted" => Some(What::Second),
        "recovery-code" => Some(What::RecoveryCode),
        "mail-code" => Some(What::MailCode),
        "refused" | "used" => Some(What::SecondRefused),
        _ => None,
    };
    if let Some(what) = what {
        let whose = Whose::Person(waiting.person.id.clone());
        let now = visit.edge().now();
        whence::note(visit, realm, &waiting.flow, (whose, what, now));
    }
    let labels = [
        ("realm", realm.parts.realm.as_str()),
        ("result", result),
        ("factor", "second"),
        ("sp", waiting.flow.service.as_str()),
    ];
    realm.edge.count("eduline_logins_total", &labels);
}

async fn page(
    visit: &Visit,
    realm: &Realm,
    waiting: &Waiting,
    notice: Notice,
) -> Result<HttpResponse, Refused> {
    let asks = if waiting.step == Step::Activate {
        Asks::Activation(until(visit, realm, &waiting.person).await?)
    } else {
        Asks::Code
    };
    let passkey = match asks {
        Asks::Code => Ask::person(realm, &waiting.id, &waiting.person.id).await?,
        Asks::Activation(_) => None,
    };
    let mail = Offer::of(realm, waiting).await?;
    let snapshot = realm.federation.snapshot();
    let entity = snapshot.entity(&waiting.flow.service);
    let service = entity.and_then(|entity| entity.ui.display_name(visit.lang().as_str()));
    let flow = (waiting.id.as_str(), &waiting.flow.service);
    let said = (notice, asks);
    let other_ways = (passkey, mail);
    visit.page(&SecondFactorPage::of(
        realm, flow, service, said, other_ways,
    ))
}
