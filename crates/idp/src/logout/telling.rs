//! Telling the services of a session that it is over: by SOAP at once, else by way of the visitor.

use actix_web::HttpResponse;
use chrono::TimeDelta;
use saml::logout::LogoutRequest;
use saml::metadata::Endpoint;
use saml::response::NameId;
use saml::{Binding, EntityId, MessageId, post, redirect};
use web::{Event, Refused, Visit};

use super::back_channel::Call;
use super::running::{Asked, Logout, Requester, State, Telling};
use super::{CarryPage, answering, word};
use crate::realm::Realm;
use crate::refusals;

/// How long a request of ours may be acted on: `NotOnOrAfter`.
const FRESH: TimeDelta = TimeDelta::minutes(5);

/// Who listens to what happens: the journal, under the reference of a visit where there is one.
pub(crate) type Tell<'a> = &'a dyn Fn(Event);

/// On whose behalf services are told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Behalf {
    /// A visitor's, who can be sent to those that take it no other way.
    Visitor,
    /// A service's, which asks by SOAP.
    Service,
    /// The house's: an account was disabled, a password changed.
    House,
}

impl Behalf {
    /// `Reason` (SAML Core 3.7.3).
    fn reason(self) -> &'static str {
        match self {
            Self::Visitor | Self::Service => "urn:oasis:names:tc:SAML:2.0:logout:user",
            Self::House => "urn:oasis:names:tc:SAML:2.0:logout:admin",
        }
    }
}

/// Where and how a service is told.
struct Address {
    binding: Binding,
    location: String,
}

/// Ends a session of ours, then says who took part in it.
pub(super) async fn end(
    journal: Tell<'_>,
    realm: &Realm,
    index: &str,
) -> Result<Vec<Telling>, Refused> {
    if let Some(key) = realm.participants.session(index).await?
        && let Some(session) = realm.sessions.end(&key, realm.edge.now()).await?
    {
        journal(Event::new("idp.logout").with("person", session.person));
    }
    tellings(realm, index).await
}

/// Who is to be told that the session of this index is over; from here on nobody joins it.
pub(super) async fn tellings(realm: &Realm, index: &str) -> Result<Vec<Telling>, Refused> {
    let took_part = realm.participants.end(index).await?;
    let tellings = took_part.into_iter().map(|one| Telling {
        state: if one.name_id.is_some() && can_be_told(realm, &one.service) {
            State::Waiting
        } else {
            State::Unsupported
        },
        service: one.service,
        name_id: one.name_id,
        index: index.to_owned(),
    });
    Ok(tellings.collect())
}

fn can_be_told(realm: &Realm, service: &EntityId) -> bool {
    address(
        realm,
        service,
        &[Binding::Soap, Binding::Redirect, Binding::Post],
    )
    .is_some()
}

/// The first address of the service with one of these bindings, in their order.
fn address(realm: &Realm, service: &EntityId, bindings: &[Binding]) -> Option<Address> {
    let snapshot = realm.federation.snapshot();
    let (_, role) = snapshot.service(service)?;
    bindings.iter().find_map(|binding| {
        Endpoint::at(&role.slo, *binding).map(|endpoint| Address {
            binding: *binding,
            location: endpoint.location.clone(),
        })
    })
}

fn by_way_of_the_visitor(realm: &Realm, service: &EntityId) -> Option<Address> {
    address(realm, service, &[Binding::Redirect, Binding::Post])
}

fn request(
    realm: &Realm,
    telling: &Telling,
    (name_id, to): (&NameId, &str),
    behalf: Behalf,
) -> LogoutRequest {
    let now = realm.edge.now();
    LogoutRequest {
        id: MessageId::from_random(realm.edge.random()),
        issue_instant: now,
        issuer: realm.parts.entity_id.clone(),
        destination: Some(to.to_owned()),
        not_on_or_after: Some(now + FRESH),
        reason: Some(behalf.reason().to_owned()),
        name_id: name_id.clone(),
        session_indexes: vec![telling.index.clone()],
        asynchronous: false,
    }
}

/// Tells every service that takes it by SOAP, all at the same time. One that does not answer so is
/// left for the visitor to be sent to, where there is a visitor and a way; else it failed.
pub(super) async fn at_once(
    journal: Tell<'_>,
    realm: &Realm,
    tellings: &mut [Telling],
    behalf: Behalf,
) -> Vec<State> {
    let has_visitor = behalf == Behalf::Visitor;
    let calls = tellings.iter().map(|one| call(realm, one, behalf));
    let calls: Vec<_> = calls.collect();
    for (telling, call) in tellings.iter_mut().zip(calls) {
        if telling.state != State::Waiting {
            tell(journal, realm, telling, "none");
            continue;
        }
        let can_visit = has_visitor && by_way_of_the_visitor(realm, &telling.service).is_some();
        let Some(call) = call else {
            if !can_visit {
                telling.state = State::Unsupported;
                tell(journal, realm, telling, "none");
            }
            continue;
        };
        let heard = call.await.map_err(|why| why.to_string());
        let heard = heard.and_then(|heard| heard.map_err(|why| why.to_string()));
        match heard {
            Ok(outcome) => telling.state = State::from(outcome),
            Err(why) => {
                journal(about("idp.logout.unheard", realm, telling).with("story", why));
                if can_visit {
                    continue;
                }
                telling.state = State::Failed;
            }
        }
        tell(journal, realm, telling, "soap");
    }
    tellings.iter().map(|telling| telling.state).collect()
}

type Placed = actix_web::rt::task::JoinHandle<Result<saml::logout::Outcome, super::Unheard>>;

/// Begins the call to one service that waits, when it takes calls.
fn call(realm: &Realm, telling: &Telling, behalf: Behalf) -> Option<Placed> {
    let name_id = telling.name_id.as_ref()?;
    if telling.state != State::Waiting {
        return None;
    }
    let to = address(realm, &telling.service, &[Binding::Soap])?.location;
    let snapshot = realm.federation.snapshot();
    let (_, role) = snapshot.service(&telling.service)?;
    let keys = realm.parts.keys.now();
    let call = Call {
        request: request(realm, telling, (name_id, &to), behalf),
        to,
        key: realm.signer(&telling.service, &keys).ok()?.into_owned(),
        rules: realm.federation.rules().clone(),
        theirs: role.signing_keys.clone(),
        service: telling.service.clone(),
        edge: realm.edge.clone(),
    };
    Some(actix_web::rt::task::spawn_blocking(move || call.place()))
}

/// Tells the journal and the counters what became of one service.
pub(super) fn tell(journal: Tell<'_>, realm: &Realm, telling: &Telling, how: &str) {
    let state = telling.state.name();
    let event = about("idp.logout.service", realm, telling);
    journal(event.with("state", state).with("binding", how));
    let labels = [("realm", realm.parts.realm.as_str()), ("state", state)];
    realm.edge.count("eduline_logout_services_total", &labels);
}

fn about(event: &'static str, realm: &Realm, telling: &Telling) -> Event {
    Event::new(event)
        .with("sp", telling.service.as_str())
        .with("realm", realm.parts.realm.as_str())
}

/// Keeps a logout that a service asked for, for its browser. Where the visitor has nowhere to be
/// sent, it is over and answered; else they are shown what is left, and can come back to that page.
pub(super) async fn keep_and_go_on(
    visit: &Visit,
    realm: &Realm,
    (browser, requester): (Option<String>, Option<Requester>),
    tellings: &[Telling],
) -> Result<HttpResponse, Refused> {
    if let Some(requester) = &requester
        && !tellings.iter().any(|telling| telling.state.is_open())
    {
        let status = answering::status(tellings.iter().map(|telling| telling.state));
        return answering::answer(visit, realm, requester, status);
    }
    let id = realm.edge.token();
    realm
        .logouts
        .begin(&id, (browser, requester), tellings)
        .await?;
    Ok(visit.see_other(&realm.path(&format!("/logout?id={id}"))))
}

/// Sends the visitor to the next service that waits; the last one leads to whoever asked for the
/// logout, else to the page. Who comes here did not come back from the one before with an answer, or
/// has brought it: one that is still asked has failed.
pub(super) async fn next(
    visit: &Visit,
    realm: &Realm,
    id: &str,
    logout: Logout,
) -> Result<HttpResponse, Refused> {
    let mut tellings = realm.logouts.tellings(id, &logout).await?;
    for (number, telling) in &mut tellings {
        match telling.state {
            State::Asked => {
                telling.state = State::Failed;
                tell(&|event| visit.tell(event), realm, telling, "none");
                realm.logouts.put(id, *number, telling).await?;
            }
            State::Waiting => {
                if let Some(sent) = send(visit, realm, (id, *number), telling).await? {
                    return Ok(sent);
                }
                telling.state = State::Failed;
                tell(&|event| visit.tell(event), realm, telling, "none");
                realm.logouts.put(id, *number, telling).await?;
            }
            _ => {}
        }
    }
    if let Some(requester) = logout.requester.clone() {
        let came_to = tellings.iter().map(|(_, telling)| telling.state);
        let status = answering::status(came_to);
        realm.logouts.answered(id, logout).await?;
        return answering::answer(visit, realm, &requester, status);
    }
    Ok(visit.see_other(&realm.path(&format!("/logout?id={id}"))))
}

/// Sends the visitor to one service with a request, in the window they are in: no frame, and so no
/// cookie of a third party. `None`: it has no address any more.
async fn send(
    visit: &Visit,
    realm: &Realm,
    (id, number): (&str, u32),
    telling: &mut Telling,
) -> Result<Option<HttpResponse>, Refused> {
    let to = by_way_of_the_visitor(realm, &telling.service);
    let (Some(to), Some(name_id)) = (to, &telling.name_id) else {
        return Ok(None);
    };
    let request = request(realm, telling, (name_id, &to.location), Behalf::Visitor);
    let keys = realm.parts.keys.now();
    let key = realm.signer(&telling.service, &keys);
    let key = key.map_err(|refusal| refusals::not_composed(&refusal))?;
    let answer = if to.binding == Binding::Redirect {
        let to = redirect::compose(&request, &to.location, None, &key);
        visit.see_other(&to.map_err(|refusal| refusals::not_composed(&refusal))?)
    } else {
        let xml = post::compose(&request, &key);
        let xml = xml.map_err(|refusal| refusals::not_composed(&refusal))?;
        visit.page(&CarryPage {
            to: to.location,
            field: post::field(&request),
            message: post::encode(&xml),
            relay_state: None,
            tutoie: realm.tutoie(),
        })?
    };
    let asked = Asked {
        logout: id.to_owned(),
        number,
    };
    realm.logouts.ask(&request.id, &asked).await?;
    telling.state = State::Asked;
    realm.logouts.put(id, number, telling).await?;
    let event = about("idp.logout.request.sent", realm, telling);
    visit.tell(
        event
            .with("request", request.id.as_str())
            .with("binding", word(to.binding)),
    );
    Ok(Some(answer))
}
