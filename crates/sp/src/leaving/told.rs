//! An identity provider says that a person's session ends: `{prefix}/saml/slo`, by Redirect, POST
//! and SOAP (SAML Profiles 4.4.3.3). No cookie is looked at: what it names is found on the shelf.

use actix_web::HttpResponse;
use actix_web::web::Data;
use saml::logout::{LogoutRequest, LogoutRequestExpected, LogoutResponse, Notice};
use saml::metadata::Endpoint;
use saml::response::Status;
use saml::{Binding, Incoming, MessageId, Received, Refusal, Verified, post, redirect, soap};
use web::{Event, Form, Refused, Visit, Xml};

use super::{CarryPage, everywhere};
use crate::{Service, refusals};

/// What a provider posts.
#[derive(serde::Deserialize)]
pub(crate) struct Posted {
    #[serde(rename = "SAMLRequest")]
    request: Option<String>,
    #[serde(rename = "SAMLResponse")]
    response: Option<String>,
    #[serde(rename = "RelayState")]
    relay_state: Option<String>,
}

/// `GET {prefix}/saml/slo`
pub(crate) async fn by_redirect(
    visit: Visit,
    service: Data<Service>,
) -> Result<HttpResponse, Refused> {
    let notice = Notice::from_query(visit.raw_query())
        .map_err(|refusal| refusals::of_logout(&refusal, &service))?;
    match notice {
        Notice::Request(request) => told(&visit, &service, request, Binding::Redirect).await,
        Notice::Response(said) => everywhere::said(&visit, &service, said, Binding::Redirect).await,
    }
}

/// `POST {prefix}/saml/slo` of a form.
pub(crate) async fn by_post(
    visit: Visit,
    service: Data<Service>,
    Form(posted): Form<Posted>,
) -> Result<HttpResponse, Refused> {
    let state = posted.relay_state;
    match (posted.request, posted.response) {
        (Some(request), None) => {
            let read = move || Received::<LogoutRequest>::by_post(&request, state.as_deref());
            let received = checked(&service, read).await?;
            told(&visit, &service, received, Binding::Post).await
        }
        (None, Some(response)) => {
            let read = move || Received::<LogoutResponse>::by_post(&response, state.as_deref());
            let received = checked(&service, read).await?;
            everywhere::said(&visit, &service, received, Binding::Post).await
        }
        _ => Err(refusals::no_logout(&service)),
    }
}

/// `POST {prefix}/saml/slo` of an envelope.
pub(crate) async fn by_soap(
    visit: Visit,
    service: Data<Service>,
    Xml(envelope): Xml,
) -> Result<HttpResponse, Refused> {
    let read = move || Received::<LogoutRequest>::by_soap(&envelope);
    let received = checked(&service, read).await?;
    told(&visit, &service, received, Binding::Soap).await
}

/// Foreign bytes are looked at off the threads that answer.
async fn checked<T: Send + 'static>(
    service: &Service,
    check: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refused> {
    let checked = service.pool.run(check).await.map_err(refusals::busy)?;
    checked.map_err(|refusal| refusals::of_logout(&refusal, service))
}

/// Signed by the provider that it names, with a key of its metadata as it stands now.
pub(super) async fn verified<T: Incoming + Send + 'static>(
    service: &Service,
    received: Received<T>,
) -> Result<Verified<T>, Refused> {
    let federation = service.parts.federation.snapshot();
    if federation.is_empty() {
        return Err(refusals::starting());
    }
    let issuer = received.issuer();
    let keys = federation
        .provider(issuer)
        .map(|(_, role)| role.signing_keys.clone())
        .ok_or_else(|| refusals::logout_of_nobody(service, issuer))?;
    let own = service.parts.opening.now();
    checked(service, move || received.verify_and_open(&keys, &own)).await
}

async fn accepted(
    service: &Service,
    received: Received<LogoutRequest>,
    binding: Binding,
) -> Result<LogoutRequest, Refused> {
    let issuer = received.issuer().clone();
    let now = service.parts.edge.now();
    let expected = LogoutRequestExpected {
        issuer: &issuer,
        destination: &service.address("/saml/slo"),
        binding,
        now,
    };
    let request = verified(service, received)
        .await?
        .accept_by(&expected, service.parts.federation.rules())
        .map_err(|refusal| refusals::of_logout(&refusal, service))?
        .into_message();
    if service.leavings.spend(&request, now).await? {
        Ok(request)
    } else {
        Err(refusals::logout_replay(service, &request))
    }
}

/// Ends the sessions that the request means, and says so. A session that is over already is over:
/// that is what was asked for.
async fn told(
    visit: &Visit,
    service: &Service,
    received: Received<LogoutRequest>,
    binding: Binding,
) -> Result<HttpResponse, Refused> {
    let relay_state = received.relay_state().map(str::to_owned);
    let request = accepted(service, received, binding).await?;
    let now = service.parts.edge.now();
    let mut ended = 0_u32;
    for key in service.leavings.meant(&request.issuer, &request).await? {
        ended += u32::from(service.sessions.end(&key, now).await?.is_some());
    }
    visit.tell(
        Event::new("sp.logout.told")
            .with("service", service.parts.name)
            .with("request", request.id.as_str())
            .with("provider", request.issuer.as_str())
            .with("sessions", ended.to_string()),
    );
    super::count(service, "told");
    if request.asynchronous {
        return match binding {
            Binding::Soap => Ok(HttpResponse::Accepted().finish()),
            _ => visit.page(&service.left(None, None)),
        };
    }
    answer(visit, service, &request, (binding, relay_state))
}

/// Answers in the binding the request came by, else in another one that the provider publishes.
fn answer(
    visit: &Visit,
    service: &Service,
    request: &LogoutRequest,
    (binding, relay_state): (Binding, Option<String>),
) -> Result<HttpResponse, Refused> {
    let mut response = LogoutResponse {
        id: MessageId::from_random(service.parts.edge.random()),
        issue_instant: service.parts.edge.now(),
        issuer: service.parts.entity_id.clone(),
        destination: None,
        in_response_to: Some(request.id.clone()),
        status: Status::Success.said(),
    };
    let keys = service.parts.keys.now();
    let key = service
        .signer(&request.issuer, &keys)
        .map_err(|refusal| refusals::not_composed(&refusal))?;
    let composed =
        |made: Result<String, Refusal>| made.map_err(|refusal| refusals::not_composed(&refusal));
    if binding == Binding::Soap {
        let envelope = composed(soap::compose(&response, &key))?;
        return Ok(HttpResponse::Ok()
            .content_type(soap::CONTENT_TYPE)
            .body(envelope));
    }
    let federation = service.parts.federation.snapshot();
    let found = federation.provider(&request.issuer).and_then(|(_, role)| {
        let mut bindings = [binding, Binding::Redirect, Binding::Post].into_iter();
        bindings.find_map(|binding| Some((binding, Endpoint::at(&role.slo, binding)?)))
    });
    let Some((binding, endpoint)) = found else {
        return visit.page(&service.left(None, None));
    };
    let to = endpoint.for_answers().to_owned();
    response.destination = Some(to.clone());
    if binding == Binding::Redirect {
        let state = relay_state.as_deref();
        let address = redirect::compose(&response, &to, state, &key);
        return Ok(visit.see_other(&composed(address)?));
    }
    let xml = composed(post::compose(&response, &key))?;
    visit.page(&CarryPage {
        to,
        response: post::encode(&xml),
        relay_state,
    })
}
