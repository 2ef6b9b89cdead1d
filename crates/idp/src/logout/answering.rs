//! Answering the service that asked for a logout.

use actix_web::HttpResponse;
use saml::logout::LogoutResponse;
use saml::metadata::Endpoint;
use saml::response::Status;
use saml::{Binding, MessageId, Refusal, SigningKey, post, redirect, soap};
use web::{Event, Refused, Visit};

use super::running::{Requester, State};
use super::{CarryPage, word};
use crate::realm::Realm;
use crate::refusals;

/// What the whole came to: the session is over here in any case, and everywhere or not (SAML Core
/// 3.7.3.2).
pub(super) fn status(states: impl IntoIterator<Item = State>) -> Status {
    if states.into_iter().all(|state| state == State::Done) {
        Status::Success
    } else {
        Status::PartialLogout
    }
}

/// Answers in the binding the request came by, else in another one that the service publishes.
pub(super) fn answer(
    visit: &Visit,
    realm: &Realm,
    requester: &Requester,
    status: Status,
) -> Result<HttpResponse, Refused> {
    let said = match status {
        Status::Success => "done",
        Status::PartialLogout => "partial",
        _ => "unknown",
    };
    let labels = [("side", "idp"), ("outcome", said)];
    realm.edge.count("eduline_logouts_total", &labels);
    let event = Event::new("idp.logout.response.sent")
        .with("request", requester.request.as_str())
        .with("sp", requester.service.as_str())
        .with("realm", realm.parts.realm.as_str())
        .with("outcome", said);
    let keys = realm.parts.keys.now();
    let mut response = LogoutResponse {
        id: MessageId::from_random(realm.edge.random()),
        issue_instant: realm.edge.now(),
        issuer: realm.parts.entity_id.clone(),
        destination: None,
        in_response_to: Some(requester.request.clone()),
        status: status.said(),
    };
    let key = realm.signer(&requester.service, &keys);
    let key = key.map_err(|refusal| refusals::not_composed(&refusal))?;
    if requester.binding == Binding::Soap {
        let envelope = soap::compose(&response, &key);
        let envelope = envelope.map_err(|refusal| refusals::not_composed(&refusal))?;
        visit.tell(event.with("binding", word(Binding::Soap)));
        return Ok(HttpResponse::Ok()
            .content_type(soap::CONTENT_TYPE)
            .body(envelope));
    }
    let Some((binding, to)) = address(realm, requester) else {
        visit.tell(event.with("binding", "none"));
        return super::over(visit, realm);
    };
    response.destination = Some(to.clone());
    visit.tell(event.with("binding", word(binding)));
    let carried = if binding == Binding::Redirect {
        by_redirect(visit, &response, (&to, requester), &key)
    } else {
        let xml = post::compose(&response, &key);
        let xml = xml.map_err(|refusal| refusals::not_composed(&refusal))?;
        return by_post(visit, realm, (&response, &xml), (to, requester));
    };
    carried.map_err(|refusal| refusals::not_composed(&refusal))
}

fn address(realm: &Realm, requester: &Requester) -> Option<(Binding, String)> {
    let snapshot = realm.federation.snapshot();
    let (_, role) = snapshot.service(&requester.service)?;
    [requester.binding, Binding::Redirect, Binding::Post]
        .into_iter()
        .find_map(|binding| Some((binding, Endpoint::at(&role.slo, binding)?)))
        .map(|(binding, endpoint)| (binding, endpoint.for_answers().to_owned()))
}

fn by_redirect(
    visit: &Visit,
    response: &LogoutResponse,
    (to, requester): (&str, &Requester),
    key: &SigningKey,
) -> Result<HttpResponse, Refusal> {
    let state = requester.relay_state.as_deref();
    Ok(visit.see_other(&redirect::compose(response, to, state, key)?))
}

fn by_post(
    visit: &Visit,
    realm: &Realm,
    (response, xml): (&LogoutResponse, &str),
    (to, requester): (String, &Requester),
) -> Result<HttpResponse, Refused> {
    visit.page(&CarryPage {
        to,
        field: post::field(response),
        message: post::encode(xml),
        relay_state: requester.relay_state.clone(),
        tutoie: realm.tutoie(),
    })
}
