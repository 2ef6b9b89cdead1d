//! Asking: first who the visitor is (discovery), then their identity provider.

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderValue, LOCATION};
use actix_web::web::Data;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use saml::request::{AcsChoice, NameIdPolicy, RequestedContext};
use saml::{AuthnRequest, Binding, EntityId, MessageId};
use web::{Event, Query, Refused, Visit};

use crate::attempt::{Asked, Attempt};
use crate::{Service, Target, refusals};

/// What a sign-on has to prove, besides who the visitor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Whatever the provider holds for enough.
    Any,
    /// What the provider asks of everybody, now: `ForceAuthn`.
    Again,
    /// The same, and a second factor: <https://refeds.org/profile/mfa>.
    SecondFactor,
}

/// What `GET {prefix}/login` may be told.
#[derive(Debug, Default, serde::Deserialize)]
pub(crate) struct LoginQuery {
    /// The provider, named by the visitor's link or by the discovery service.
    #[serde(rename = "entityID")]
    entity_id: Option<String>,
    /// Where to land.
    target: Option<String>,
    /// The attempt that the discovery service gives back.
    attempt: Option<String>,
    /// A request of ours whose visitor would rather have asked another provider.
    request: Option<String>,
}

/// `GET {prefix}/login`
pub(crate) async fn login(
    visit: Visit,
    service: Data<Service>,
    Query(query): Query<LoginQuery>,
) -> Result<HttpResponse, Refused> {
    let attempt = resume(&service, &visit, &query).await?;
    let named = query.entity_id.as_deref();
    let asked = named.and_then(|text| EntityId::parse(text).ok());
    let federation = match &asked {
        Some(id) => {
            service
                .parts
                .federation
                .look_for(id, visit.edge().now())
                .await
        }
        None => service.parts.federation.snapshot(),
    };
    if named.is_some() && federation.is_empty() {
        return Err(refusals::starting());
    }
    let known = asked.filter(|id| federation.provider(id).is_some());
    match (known, named, &query.attempt) {
        (Some(provider), ..) => {
            ask_provider(&service, &visit, (attempt, provider), Proof::Any).await
        }
        // A discovery service that chose a provider we do not know would choose it again, perhaps
        // without asking: sending the visitor back could turn in circles.
        (None, Some(_), Some(_)) => Err(refusals::unknown_provider(&service, &attempt.target)),
        _ => {
            let asked = ask_discovery(&service, &visit, attempt.target).await?;
            Ok(if query.request.is_some() {
                choosing_again(asked)
            } else {
                asked
            })
        }
    }
}

/// The attempt this visit goes on with: the one the discovery service gives back, else a new one
/// (a stale bookmark, another browser). Never a dead end: what is lost is the target only.
async fn resume(service: &Service, visit: &Visit, query: &LoginQuery) -> Result<Attempt, Refused> {
    if let Some(token) = &query.attempt
        && let Some(attempt) = service.attempts.opened(token, visit.browser()).await?
    {
        return Ok(attempt);
    }
    if let Some(id) = query.request.as_deref()
        && let Some(id) = MessageId::parse(id)
        && let Some(asked) = service.attempts.look(&id).await?
        && asked.attempt.browser == visit.browser()
    {
        return Ok(asked.attempt);
    }
    Ok(Attempt {
        browser: visit.browser().to_owned(),
        target: service.target(query.target.as_deref()),
        name: refusals::digest(&service.parts.edge.token()),
    })
}

/// Sends the visitor to the discovery service (IdP Discovery Protocol 2.4.1). The answer comes
/// back to `login` with the attempt that keeps the target.
pub(crate) async fn ask_discovery(
    service: &Service,
    visit: &Visit,
    target: Target,
) -> Result<HttpResponse, Refused> {
    let token = service.parts.edge.token();
    let attempt = Attempt {
        browser: visit.browser().to_owned(),
        target,
        name: refusals::digest(&token),
    };
    service.attempts.open(&token, &attempt).await?;
    visit.tell(
        Event::new("sp.attempt.opened")
            .with("service", service.parts.name)
            .with("attempt", attempt.name),
    );
    let back = format!("{}?attempt={token}", service.address("/login"));
    let to = &service.parts.discovery;
    let joint = if to.contains('?') { '&' } else { '?' };
    Ok(visit.see_other(&format!(
        "{to}{joint}entityID={}&return={}",
        encode(service.parts.entity_id.as_str()),
        encode(&back),
    )))
}

/// The same question of a visitor who went back to choose again: a choice of theirs that is always
/// made without a question is not made now.
fn choosing_again(mut asked: HttpResponse) -> HttpResponse {
    let to = asked
        .headers()
        .get(LOCATION)
        .and_then(|to| to.to_str().ok());
    let to = to.and_then(|to| HeaderValue::from_str(&format!("{to}&change=1")).ok());
    if let Some(to) = to {
        asked.headers_mut().insert(LOCATION, to);
    }
    asked
}

/// Sends the visitor to a provider with a signed request (SDP-SP02 to SDP-SP06). No RelayState:
/// what it would say is kept here, under the request's ID.
async fn ask_provider(
    service: &Service,
    visit: &Visit,
    (attempt, provider): (Attempt, EntityId),
    proof: Proof,
) -> Result<HttpResponse, Refused> {
    let federation = service.parts.federation.snapshot();
    let destination = federation
        .provider(&provider)
        .and_then(|(_, role)| role.sso_at(Binding::Redirect))
        .ok_or_else(|| refusals::no_redirect(service, &attempt.target, &provider))?;
    let request = request(service, destination, proof);
    let keys = service.parts.keys.now();
    let to = service
        .signer(&provider, &keys)
        .and_then(|key| saml::redirect::compose(&request, destination, None, &key))
        .map_err(|refusal| refusals::not_composed(&refusal))?;
    visit.tell(
        Event::new("sp.request.sent")
            .with("service", service.parts.name)
            .with("attempt", attempt.name.as_str())
            .with("request", request.id.as_str())
            .with("provider", provider.as_str()),
    );
    let asked = Asked { attempt, provider };
    service.attempts.ask(&request.id, &asked).await?;
    Ok(visit.see_other(&to))
}

/// Asks the provider of a visitor who is signed in for a proof that is younger than this request.
pub(crate) async fn ask_again(
    service: &Service,
    visit: &Visit,
    (target, provider): (Target, EntityId),
    proof: Proof,
) -> Result<HttpResponse, Refused> {
    let attempt = Attempt {
        browser: visit.browser().to_owned(),
        target,
        name: refusals::digest(&service.parts.edge.token()),
    };
    ask_provider(service, visit, (attempt, provider), proof).await
}

/// The request: no NameIDPolicy, or one without a format (SDP-SP04), the ACS by its address and never by
/// index (SDP-SP05), `RequestedAuthnContext` only where it is needed, and `exact` (SDP-SP07).
fn request(service: &Service, destination: &str, proof: Proof) -> AuthnRequest {
    let edge = &service.parts.edge;
    let id = MessageId::from_random(edge.random());
    let asks = &service.parts.asks;
    let classes = match proof {
        Proof::SecondFactor => vec![saml::names::REFEDS_MFA.to_owned()],
        Proof::Any | Proof::Again => asks.contexts.clone(),
    };
    AuthnRequest {
        destination: Some(destination.to_owned()),
        acs: AcsChoice::Url(service.address("/saml/acs")),
        protocol_binding: Some(Binding::Post),
        force_authn: proof != Proof::Any,
        requested_context: (!classes.is_empty()).then_some(RequestedContext {
            exact: true,
            classes,
        }),
        name_id_policy: asks.name_id_policy.then_some(NameIdPolicy {
            allow_create: true,
            ..NameIdPolicy::default()
        }),
        ..AuthnRequest::new(id, edge.now(), service.parts.entity_id.clone())
    }
}

/// RFC 3986 2.3: all but unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Percent-encodes one value of a query.
pub(crate) fn encode(value: &str) -> String {
    utf8_percent_encode(value, RESERVED).to_string()
}
