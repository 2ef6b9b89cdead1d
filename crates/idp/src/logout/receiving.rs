//! Logout messages of services: `…/slo/redirect`, `…/slo/post`, `…/slo/soap`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use saml::logout::{
    LogoutRequest, LogoutRequestExpected, LogoutResponse, LogoutResponseExpected, Notice,
};
use saml::response::Status;
use saml::{Binding, EntityId, Incoming, Received, Refusal, Verified, VerifyingKey};
use serde::Deserialize;
use web::session::digest;
use web::{Event, Form, Refused, Visit, Xml};

use super::running::{Requester, State};
use super::telling::Behalf;
use super::{answering, telling, word};
use crate::realm::Realm;
use crate::refusals;

/// What a service posts.
#[derive(Debug, Deserialize)]
pub(crate) struct Posted {
    #[serde(rename = "SAMLRequest")]
    request: Option<String>,
    #[serde(rename = "SAMLResponse")]
    response: Option<String>,
    #[serde(rename = "RelayState")]
    relay_state: Option<String>,
}

/// `GET …/slo/redirect`
pub(crate) async fn by_redirect(visit: Visit, realm: Data<Realm>) -> Result<HttpResponse, Refused> {
    let notice = Notice::from_query(visit.raw_query())
        .map_err(|refusal| refusals::of_logout(&refusal, &realm))?;
    match notice {
        Notice::Request(request) => asked(&visit, &realm, request, Binding::Redirect).await,
        Notice::Response(response) => said(&visit, &realm, response, Binding::Redirect).await,
    }
}

/// `POST …/slo/post`. It comes from another site and brings no cookie: none is looked at.
pub(crate) async fn by_post(
    visit: Visit,
    realm: Data<Realm>,
    Form(posted): Form<Posted>,
) -> Result<HttpResponse, Refused> {
    let state = posted.relay_state;
    match (posted.request, posted.response) {
        (Some(request), None) => {
            let read = move || Received::<LogoutRequest>::by_post(&request, state.as_deref());
            let received = checked(&realm, read).await?;
            asked(&visit, &realm, received, Binding::Post).await
        }
        (None, Some(response)) => {
            let read = move || Received::<LogoutResponse>::by_post(&response, state.as_deref());
            let received = checked(&realm, read).await?;
            said(&visit, &realm, received, Binding::Post).await
        }
        _ => Err(refusals::no_logout(&realm)),
    }
}

/// `POST …/slo/soap`
pub(crate) async fn by_soap(
    visit: Visit,
    realm: Data<Realm>,
    Xml(envelope): Xml,
) -> Result<HttpResponse, Refused> {
    let read = move || Received::<LogoutRequest>::by_soap(&envelope);
    let received = checked(&realm, read).await?;
    asked(&visit, &realm, received, Binding::Soap).await
}

/// Foreign bytes are looked at off the threads that answer.
async fn checked<T: Send + 'static>(
    realm: &Realm,
    check: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refused> {
    let checked = realm.pool.run(check).await.map_err(refusals::busy)?;
    checked.map_err(|refusal| refusals::of_logout(&refusal, realm))
}

async fn verified<T: Incoming + Send + 'static>(
    realm: &Realm,
    received: Received<T>,
) -> Result<Verified<T>, Refused> {
    let issuer = received.issuer().clone();
    let keys = keys(realm, &issuer)?;
    let own = realm.parts.opening.now();
    let verified = checked(realm, move || received.verify_and_open(&keys, &own)).await;
    verified.map_err(|refused| refused.with("sp", issuer.as_str()))
}

fn keys(realm: &Realm, issuer: &EntityId) -> Result<Vec<VerifyingKey>, Refused> {
    let snapshot = realm.federation.snapshot();
    match snapshot.service(issuer) {
        Some((_, role)) => Ok(role.signing_keys.clone()),
        None if snapshot.is_empty() => Err(refusals::starting()),
        None => Err(refusals::unknown_service(issuer, realm)),
    }
}

fn address(realm: &Realm, binding: Binding) -> String {
    realm.address(match binding {
        Binding::Post => "/slo/post",
        Binding::Soap => "/slo/soap",
        _ => "/slo/redirect",
    })
}

/// A service asks for a logout: the session ends here first, then the other services are told, then
/// the one that asked is answered (SAML Core 3.7.3.2).
async fn asked(
    visit: &Visit,
    realm: &Realm,
    received: Received<LogoutRequest>,
    binding: Binding,
) -> Result<HttpResponse, Refused> {
    let relay_state = received.relay_state().map(str::to_owned);
    let request = accepted(realm, received, binding).await?;
    let told = |event| {
        Event::new(event)
            .with("request", request.id.as_str())
            .with("sp", request.issuer.as_str())
            .with("realm", realm.parts.realm.as_str())
    };
    visit.tell(told("idp.logout.request.accepted").with("binding", word(binding)));
    let requester = (!request.asynchronous).then(|| Requester {
        service: request.issuer.clone(),
        request: request.id.clone(),
        relay_state,
        binding,
    });
    let meant = realm.participants.meant(&request).await?;
    if meant.is_empty() {
        visit.tell(told("idp.logout.request.of-nobody"));
        return match requester {
            Some(requester) => {
                answering::answer(visit, realm, &requester, Status::UnknownPrincipal)
            }
            None => super::nobody(visit, realm),
        };
    }
    let journal = |event| visit.tell(event);
    let mut others = Vec::new();
    for index in meant {
        others.extend(telling::end(&journal, realm, &index).await?);
    }
    others.retain(|other| other.service != request.issuer);
    if binding == Binding::Soap {
        let came_to = telling::at_once(&journal, realm, &mut others, Behalf::Service).await;
        let status = answering::status(came_to);
        return match requester {
            Some(requester) => answering::answer(visit, realm, &requester, status),
            None => Ok(HttpResponse::Accepted().finish()),
        };
    }
    // A form from another site brings no cookie: whose browser it is shows at the next step.
    let browser = (binding == Binding::Redirect).then(|| visit.browser().to_owned());
    telling::at_once(&journal, realm, &mut others, Behalf::Visitor).await;
    telling::keep_and_go_on(visit, realm, (browser, requester), &others).await
}

async fn accepted(
    realm: &Realm,
    received: Received<LogoutRequest>,
    binding: Binding,
) -> Result<LogoutRequest, Refused> {
    let issuer = received.issuer().clone();
    let now = realm.edge.now();
    let expected = LogoutRequestExpected {
        issuer: &issuer,
        destination: &address(realm, binding),
        binding,
        now,
    };
    let request = verified(realm, received)
        .await?
        .accept_by(&expected, realm.federation.rules())
        .map_err(|refusal| refusals::of_logout(&refusal, realm).with("sp", issuer.as_str()))?
        .into_message();
    let name = digest(&format!("{issuer}\n{}", request.id));
    let keep = (request.replay_until() - now).to_std().unwrap_or_default();
    // Both ends of the time in which it is fresh count, whatever fractions of a second say.
    let keep = keep + std::time::Duration::from_secs(60);
    if realm.logouts.spend(&name, keep).await? {
        Ok(request)
    } else {
        Err(refusals::logout_replay(&issuer, realm).with("request", request.id.as_str()))
    }
}

/// A service says what a logout came to there: the next one is told.
async fn said(
    visit: &Visit,
    realm: &Realm,
    received: Received<LogoutResponse>,
    binding: Binding,
) -> Result<HttpResponse, Refused> {
    let issuer = received.issuer().clone();
    let unasked = || refusals::logout_unasked(&issuer, realm);
    let request = received.in_response_to().cloned().ok_or_else(unasked)?;
    let asked = realm
        .logouts
        .was_asked(&request)
        .await?
        .ok_or_else(unasked)?;
    let telling = realm.logouts.telling(&asked.logout, asked.number).await?;
    let mut telling = telling
        .filter(|one| one.service == issuer)
        .ok_or_else(unasked)?;
    let expected = LogoutResponseExpected {
        issuer: &issuer,
        in_response_to: &request,
        destination: &address(realm, binding),
        binding,
        now: realm.edge.now(),
    };
    let response = verified(realm, received)
        .await?
        .accept_by(&expected, realm.federation.rules())
        .map_err(|refusal| refusals::of_logout(&refusal, realm).with("sp", issuer.as_str()))?
        .into_message();
    telling.state = State::from(response.outcome());
    telling::tell(&|event| visit.tell(event), realm, &telling, word(binding));
    realm
        .logouts
        .put(&asked.logout, asked.number, &telling)
        .await?;
    // A form that was posted may not lead on to yet another site (CSP form-action): the visitor goes
    // on from the page.
    let path = if binding == Binding::Post {
        "/logout"
    } else {
        "/logout/next"
    };
    Ok(visit.see_other(&realm.path(&format!("{path}?id={}", asked.logout))))
}
