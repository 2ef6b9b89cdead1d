//! Leaving everywhere: the session here is over, and the identity provider is asked to end its own
//! (SAML Profiles 4.4.3).

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::TimeDelta;
use saml::logout::{LogoutRequest, LogoutResponse, LogoutResponseExpected};
use saml::metadata::Endpoint;
use saml::{Binding, MessageId, Received, redirect};
use web::{Event, Query, Refused, Visit};

use super::known::{Leaving, Said};
use super::told::verified;
use crate::{Service, SignedIn, refusals};

/// How long a request of ours may be acted on: `NotOnOrAfter`.
const FRESH: TimeDelta = TimeDelta::minutes(5);

/// Which session was left.
#[derive(serde::Deserialize)]
pub(crate) struct TicketQuery {
    ticket: Option<String>,
}

/// Keeps what is needed to ask the provider later, for this browser; the path that asks it. `None`:
/// the provider takes no such request, or gave no name to ask by.
pub(super) async fn offer(
    service: &Service,
    visit: &Visit,
    session: &SignedIn,
) -> Result<Option<String>, Refused> {
    let Some(name_id) = session.login.name_id.clone() else {
        return Ok(None);
    };
    let leaving = Leaving {
        browser: visit.browser().to_owned(),
        provider: session.provider.clone(),
        name_id,
        index: session.login.session_index.clone(),
        said: None,
    };
    if address(service, &leaving).is_none() {
        return Ok(None);
    }
    let ticket = service.parts.edge.token();
    service.leavings.keep(&ticket, &leaving).await?;
    Ok(Some(path(service, &ticket)))
}

fn path(service: &Service, ticket: &str) -> String {
    service.path(&format!("/logout/everywhere?ticket={ticket}"))
}

/// By Redirect (SDP-SP25).
fn address(service: &Service, leaving: &Leaving) -> Option<String> {
    let federation = service.parts.federation.snapshot();
    let (_, role) = federation.provider(&leaving.provider)?;
    Endpoint::at(&role.slo, Binding::Redirect).map(|endpoint| endpoint.location.clone())
}

/// `GET {prefix}/logout/everywhere`: asks the provider; once it has answered, says what it said. The
/// ticket is the proof that this browser just left: no other site can send a visitor here.
pub(crate) async fn ask(
    visit: Visit,
    service: Data<Service>,
    Query(query): Query<TicketQuery>,
) -> Result<HttpResponse, Refused> {
    let ticket = query.ticket.unwrap_or_default();
    let left = service.leavings.left(&ticket).await?;
    let own = left.filter(|of| visit.browser_is_known() && of.browser == visit.browser());
    let Some(leaving) = own else {
        return Ok(visit.see_other(&service.path("/logout")));
    };
    if let Some(said) = leaving.said {
        return visit.page(&service.left_everywhere(&visit, &leaving.provider, said));
    }
    let Some(to) = address(&service, &leaving) else {
        return Ok(visit.see_other(&service.path("/logout")));
    };
    let request = request(&service, &leaving, &to);
    let keys = service.parts.keys.now();
    let address = service
        .signer(&leaving.provider, &keys)
        .and_then(|key| redirect::compose(&request, &to, None, &key))
        .map_err(|refusal| refusals::not_composed(&refusal))?;
    service.leavings.ask(&request.id, &ticket).await?;
    visit.tell(
        Event::new("sp.logout.request.sent")
            .with("service", service.parts.name)
            .with("request", request.id.as_str())
            .with("provider", leaving.provider.as_str()),
    );
    Ok(visit.see_other(&address))
}

fn request(service: &Service, leaving: &Leaving, to: &str) -> LogoutRequest {
    let edge = &service.parts.edge;
    LogoutRequest {
        id: MessageId::from_random(edge.random()),
        issue_instant: edge.now(),
        issuer: service.parts.entity_id.clone(),
        destination: Some(to.to_owned()),
        not_on_or_after: Some(edge.now() + FRESH),
        reason: Some("urn:oasis:names:tc:SAML:2.0:logout:user".to_owned()),
        name_id: leaving.name_id.clone(),
        session_indexes: leaving.index.iter().cloned().collect(),
        asynchronous: false,
    }
}

/// The provider says what came of it.
pub(super) async fn said(
    visit: &Visit,
    service: &Service,
    received: Received<LogoutResponse>,
    binding: Binding,
) -> Result<HttpResponse, Refused> {
    let issuer = received.issuer().clone();
    let unasked = || refusals::logout_unasked(service, &issuer);
    let request = received.in_response_to().cloned().ok_or_else(unasked)?;
    let ticket = service
        .leavings
        .asked(&request)
        .await?
        .ok_or_else(unasked)?;
    let left = service.leavings.left(&ticket).await?;
    let own = left.filter(|leaving| leaving.provider == issuer);
    let mut leaving = own.ok_or_else(unasked)?;
    let expected = LogoutResponseExpected {
        issuer: &issuer,
        in_response_to: &request,
        destination: &service.address("/saml/slo"),
        binding,
        now: service.parts.edge.now(),
    };
    let response = verified(service, received)
        .await?
        .accept_by(&expected, service.parts.federation.rules())
        .map_err(|refusal| refusals::of_logout(&refusal, service))?
        .into_message();
    let said = Said::from(response.outcome());
    visit.tell(
        Event::new("sp.logout.response.accepted")
            .with("service", service.parts.name)
            .with("request", request.as_str())
            .with("provider", issuer.as_str())
            .with("outcome", said.name()),
    );
    super::count(service, said.name());
    leaving.said = Some(said);
    service.leavings.keep(&ticket, &leaving).await?;
    Ok(visit.see_other(&path(service, &ticket)))
}
