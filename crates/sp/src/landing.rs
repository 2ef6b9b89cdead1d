//! Landing: an answer arrives cross-site, is checked, and waits under a ticket for the browser
//! that asked.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Data;
use saml::response::{Login, Response, ResponseExpected, SignWhat};
use saml::{Accepted, MessageId, Received, Refusal, Verified};
use store::{Away, Drawer, Shelf};
use web::{Event, Form, Query, Refused, Visit};

use crate::attempt::{Asked, Attempt, is_token};
use crate::{Evidence, Service, SignedIn, refusals, scopes};

/// How long a browser may take from the ACS to the landing: one redirect.
const LANDING_LASTS: Duration = Duration::from_secs(120);

/// Bytes of attributes a session may hold. As JSON on a shelf (at most twice as long when every
/// character is escaped) they stay under its 64 kB.
const MOST_ATTRIBUTES: usize = 24 * 1024;

/// What the ACS may be told. `RelayState` is not ours to have sent: it is not even read.
#[derive(serde::Deserialize)]
pub(crate) struct AcsForm {
    #[serde(rename = "SAMLResponse")]
    saml_response: String,
}

/// What `land` may be told.
#[derive(serde::Deserialize)]
pub(crate) struct LandQuery {
    ticket: Option<String>,
}

/// A sign-on that only waits for its browser.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Landing {
    request: MessageId,
    attempt: Attempt,
    signed_in: SignedIn,
}

/// The landings of one service, and the assertions spent there.
pub(crate) struct Landings {
    prefix: &'static str,
    waiting: Drawer<Landing>,
    spent: Drawer<()>,
}

impl Landings {
    pub(crate) fn new(shelf: Arc<dyn Shelf>, prefix: &'static str) -> Self {
        Self {
            prefix,
            waiting: Drawer::new(Arc::clone(&shelf), "sp.landing"),
            spent: Drawer::new(shelf, "sp.spent"),
        }
    }

    /// Spends an assertion for as long as it could be presented again; `false`: it was spent.
    async fn spend(&self, login: &Login, now: saml::Moment) -> Result<bool, Away> {
        let keep = (login.replay_until - now)
            .to_std()
            .unwrap_or_default()
            .max(LANDING_LASTS);
        let name = format!("{} {}", login.issuer, login.assertion_id);
        let key = format!("{} {}", self.prefix, refusals::digest(&name));
        self.spent.put_once(&key, &(), keep).await
    }

    async fn keep(&self, ticket: &str, landing: &Landing) -> Result<(), Away> {
        self.waiting
            .put(&self.key(ticket), landing, LANDING_LASTS)
            .await
    }

    async fn take(&self, ticket: &str) -> Result<Option<Landing>, Away> {
        if is_token(ticket) {
            self.waiting.take(&self.key(ticket)).await
        } else {
            Ok(None)
        }
    }

    /// Whoever reads the shelf cannot land: it holds no ticket, only what it is known by.
    fn key(&self, ticket: &str) -> String {
        format!("{} {}", self.prefix, refusals::digest(ticket))
    }
}

/// `POST {prefix}/saml/acs`. No cookie is looked at: the form comes from the provider's page, and
/// browsers keep our cookies out of it.
pub(crate) async fn receive(
    visit: Visit,
    service: Data<Service>,
    Form(form): Form<AcsForm>,
) -> Result<HttpResponse, Refused> {
    let received = service
        .pool
        .run(move || Received::<Response>::from_form(&form.saml_response))
        .await
        .map_err(refusals::busy)?
        .map_err(|refusal| refusals::of_message(&refusal, &service, None))
        .map_err(|refused| tell_refused(&visit, &service, refused))?;
    let ticket = admit(&service, &visit, received)
        .await
        .map_err(|refused| tell_refused(&visit, &service, refused))?;
    Ok(visit.see_other(&format!("{}?ticket={ticket}", service.path("/land"))))
}

/// From a received answer to a ticket.
///
/// The attempt is looked at first and taken only when everything else holds: somebody who saw a
/// request's ID (it travels in addresses) could otherwise end a stranger's sign-on by posting any
/// answer to it, or one that the same provider signed for another service. Taking it is atomic,
/// so of two good answers at once one is admitted.
async fn admit(
    service: &Service,
    visit: &Visit,
    received: Received<Response>,
) -> Result<String, Refused> {
    let request = received
        .in_response_to()
        .cloned()
        .ok_or_else(|| refusals::unsolicited(service))?;
    let asked = service
        .attempts
        .look(&request)
        .await?
        .ok_or_else(|| refusals::expired_attempt(service, &request))?;
    visit.tell(
        Event::new("sp.response.received")
            .with("service", service.parts.name)
            .with("request", request.as_str())
            .with("provider", asked.provider.as_str()),
    );
    let (accepted, evidence) = check(service, &asked, &request, received)
        .await
        .map_err(|refused| refused.with("request", request.as_str()))?;
    let key = accepted.key().map(str::to_owned);
    let login = accepted.into_message();
    if !service.parts.asks.suits(login.authn_context.as_deref()) {
        let refused = refusals::other_context(service, &asked.attempt.target);
        return Err(refused
            .with("request", request.as_str())
            .with("context", login.authn_context.unwrap_or_default()));
    }
    service
        .attempts
        .take(&request)
        .await?
        .ok_or_else(|| refusals::expired_attempt(service, &request))?;
    if !service
        .landings
        .spend(&login, service.parts.edge.now())
        .await?
    {
        let refused = refusals::replay(service, &asked.attempt.target);
        return Err(refused.with("request", request.as_str()));
    }
    let believed = (login, key, evidence);
    let signed_in = known(service, visit, &asked, believed, &request)?;
    visit.tell(accepted_event(service, &request, &signed_in));
    let ticket = service.parts.edge.token();
    let landing = Landing {
        request,
        attempt: asked.attempt,
        signed_in,
    };
    service.landings.keep(&ticket, &landing).await?;
    Ok(ticket)
}

/// The person as a session holds them: told from others, and with no more than it has room for.
fn known(
    service: &Service,
    visit: &Visit,
    asked: &Asked,
    (mut login, key, evidence): (Login, Option<String>, Option<Evidence>),
    request: &MessageId,
) -> Result<SignedIn, Refused> {
    let target = &asked.attempt.target;
    let stripped = keep_own_scopes(service, visit, asked, &mut login, request);
    let evidence = evidence.map(|seen| seen.landed(&login.assertion_id, &stripped));
    if weight(&login) > MOST_ATTRIBUTES {
        let refused = refusals::too_much(service, target);
        return Err(refused.with("request", request.as_str()));
    }
    let signed_in = SignedIn {
        login,
        provider: asked.provider.clone(),
        key,
        evidence,
    };
    if signed_in.user().is_empty() {
        let about = (&signed_in.provider, target);
        return Err(refusals::nobody_in_particular(service, about, request));
    }
    Ok(signed_in)
}

/// The verdict of room `saml`: issued by the provider that was asked, signed with a key of its
/// metadata as it stands now, and meant for this service, this address, this request and moment.
async fn check(
    service: &Service,
    asked: &Asked,
    request: &MessageId,
    received: Received<Response>,
) -> Result<(Accepted<Login>, Option<Evidence>), Refused> {
    let target = &asked.attempt.target;
    if received.issuer() != &asked.provider {
        return Err(refusals::other_provider(service, target));
    }
    let federation = service.parts.federation.snapshot();
    let keys = federation
        .provider(&asked.provider)
        .map(|(_, role)| role.signing_keys.clone())
        .ok_or_else(|| refusals::provider_gone(service, &federation, target))?;
    let own = service.parts.opening.now();
    let tried = keys.clone();
    let verified: Result<Verified<Response>, Refusal> = service
        .pool
        .run(move || received.verify_and_open(&tried, &own))
        .await
        .map_err(refusals::busy)?;
    verified
        .and_then(|verified| {
            let expected = ResponseExpected {
                issuer: &asked.provider,
                audience: &service.parts.entity_id,
                acs: &service.address("/saml/acs"),
                in_response_to: Some(request),
                now: service.parts.edge.now(),
            };
            let rules = service.parts.federation.rules();
            let keeps = service.parts.keeps_evidence;
            let evidence = keeps.then(|| Evidence::of(&verified, &keys, &expected, rules));
            let accepted = verified.accept_by(&expected, rules)?;
            Ok((accepted, evidence))
        })
        .map_err(|refusal| refusals::of_message(&refusal, service, Some(target)))
}

/// Strips scoped values the provider has no right to (SDP-SP17), and tells the journal which
/// attributes lost some.
fn keep_own_scopes(
    service: &Service,
    visit: &Visit,
    asked: &Asked,
    login: &mut Login,
    request: &MessageId,
) -> Vec<String> {
    let federation = service.parts.federation.snapshot();
    let own = federation
        .provider(&asked.provider)
        .map_or(&[][..], |(_, role)| &role.scopes);
    let stripped = scopes::strip(login, own);
    if !stripped.is_empty() {
        visit.tell(
            Event::new("sp.scope.stripped")
                .with("service", service.parts.name)
                .with("request", request.as_str())
                .with("provider", asked.provider.as_str())
                .with("attributes", stripped.join(" ")),
        );
    }
    stripped
}

/// About how many bytes the attributes take on a shelf.
fn weight(login: &Login) -> usize {
    login
        .attributes
        .iter()
        .map(|attribute| {
            let friendly = attribute.friendly_name.as_ref().map_or(0, String::len);
            let values: usize = attribute.values.iter().map(|value| value.len() + 3).sum();
            // Field names of the JSON record, once an attribute.
            64 + attribute.name.len() + attribute.name_format.len() + friendly + values
        })
        .sum()
}

/// What the journal hears of a good answer: never a value.
fn accepted_event(service: &Service, request: &MessageId, signed_in: &SignedIn) -> Event {
    let login = &signed_in.login;
    let signed = match login.signed {
        SignWhat::Both => "response assertion",
        SignWhat::Response => "response",
        SignWhat::Assertion => "assertion",
    };
    Event::new("sp.response.accepted")
        .with("service", service.parts.name)
        .with("request", request.as_str())
        .with("provider", login.issuer.as_str())
        .with("assertion", refusals::digest(&login.assertion_id))
        .with("key", signed_in.key.as_deref().unwrap_or("none"))
        .with("signed", signed)
        .with("encrypted", if login.encrypted { "yes" } else { "no" })
        .with("attributes", login.attributes.len().to_string())
}

/// Tells the journal that an answer was refused; the edge tells why, under the same reference.
fn tell_refused(visit: &Visit, service: &Service, refused: Refused) -> Refused {
    let mut event = Event::new("sp.response.refused")
        .with("service", service.parts.name)
        .with("code", refused.code);
    if let Some((name, request)) = refused.fields.iter().find(|(name, _)| *name == "request") {
        event = event.with(name, request.as_str());
    }
    visit.tell(event);
    refused
}

/// `GET {prefix}/land`: same-site, so the browser's cookie is seen again.
pub(crate) async fn land(
    visit: Visit,
    service: Data<Service>,
    Query(query): Query<LandQuery>,
) -> Result<HttpResponse, Refused> {
    let ticket = query.ticket.unwrap_or_default();
    let Some(landing) = service.landings.take(&ticket).await? else {
        // The back button, or a reload: who is signed in already has landed.
        return match service.current(&visit).await? {
            Some(_) => Ok(visit.see_other(service.parts.home)),
            None => Err(refusals::spent_ticket(&service)),
        };
    };
    if !visit.browser_is_known() || landing.attempt.browser != visit.browser() {
        let refused = refusals::foreign_browser(&landing.attempt.target);
        return Err(refused.with("request", landing.request.as_str()));
    }
    let provider = landing.signed_in.provider.clone();
    let opened = service.sessions.open(&visit, landing.signed_in).await?;
    service.forms.opened(&opened.key, &opened.value).await?;
    let login = &opened.value.login;
    if !service
        .leavings
        .opened(&provider, login, &opened.key)
        .await?
    {
        service
            .sessions
            .end(&opened.key, visit.edge().now())
            .await?;
        let refused = refusals::ended_meanwhile(&landing.attempt.target);
        return Err(refused.with("request", landing.request.as_str()));
    }
    visit.tell(
        Event::new("sp.landed")
            .with("service", service.parts.name)
            .with("request", landing.request.as_str())
            .with("provider", provider.as_str()),
    );
    Ok(visit.see_other(landing.attempt.target.as_str()))
}
