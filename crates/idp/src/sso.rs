//! A request arrives: `GET …/sso/redirect`, `POST …/sso/post`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use federation::Snapshot;
use saml::metadata::{IndexedEndpoint, SpRole};
use saml::request::RequestExpected;
use saml::response::Status;
use saml::{AuthnRequest, Binding, EntityId, Received, Refusal, Signing, Verified, VerifyingKey};
use serde::Deserialize;
use web::{Event, Form, Refused, Visit};

use crate::flow::Flow;
use crate::next::Step;
use crate::realm::Realm;
use crate::{answer, arrival, refusals};

/// How a browser brings an answer. Who publishes no key cannot prove who comes for an artifact's
/// message.
fn brought(role: &SpRole) -> &'static [Binding] {
    if role.signing_keys.is_empty() {
        &[Binding::Post]
    } else {
        &[Binding::Post, Binding::Artifact]
    }
}

/// Where forms are posted.
const POSTED: &str = "/sso/post";

/// Of a chain of services that ask for each other, how many the journal names.
const REQUESTERS: usize = 5;

/// What a service posts.
#[derive(Debug, Deserialize)]
pub(crate) struct Posted {
    #[serde(rename = "SAMLRequest")]
    request: String,
    #[serde(rename = "RelayState")]
    relay_state: Option<String>,
}

/// HTTP-Redirect: the signature is over the raw octets of the query (SAML Bindings 3.4.4.1).
pub(crate) async fn by_redirect(visit: Visit, realm: Data<Realm>) -> Result<HttpResponse, Refused> {
    let received = Received::from_query(visit.raw_query())
        .map_err(|refusal| refusals::of_message(&refusal, &realm))?;
    // One RSA verification costs less than a change of thread.
    respond(
        &visit,
        &realm,
        received,
        "/sso/redirect",
        Received::<AuthnRequest>::verify,
    )
    .await
}

/// HTTP-POST: an enveloped signature is checked by xmlsec, off the threads that answer.
pub(crate) async fn by_post(
    visit: Visit,
    realm: Data<Realm>,
    Form(posted): Form<Posted>,
) -> Result<HttpResponse, Refused> {
    let read =
        move || Received::<AuthnRequest>::from_form(&posted.request, posted.relay_state.as_deref());
    let received = realm
        .pool
        .run(read)
        .await
        .map_err(refusals::busy)?
        .map_err(|refusal| refusals::of_message(&refusal, &realm))?;
    let (issuer, state) = (
        received.issuer().clone(),
        received.relay_state().map(str::to_owned),
    );
    let now = visit.edge().now();
    realm.federation.look_for(&issuer, now).await;
    let (keys, required) = signing(&realm, &visit, &issuer)?;
    let verify = move || received.verify(asked(&keys, required));
    let verified = realm
        .pool
        .run(verify)
        .await
        .map_err(refusals::busy)?
        .map_err(|refusal| refusals::of_message(&refusal, &realm))?;
    decide(&visit, &realm, verified, state, POSTED).await
}

async fn respond(
    visit: &Visit,
    realm: &Realm,
    received: Received<AuthnRequest>,
    at: &str,
    verify: impl FnOnce(Received<AuthnRequest>, Signing<'_>) -> Result<Verified<AuthnRequest>, Refusal>,
) -> Result<HttpResponse, Refused> {
    let (issuer, state) = (
        received.issuer().clone(),
        received.relay_state().map(str::to_owned),
    );
    let now = visit.edge().now();
    let snapshot = realm.federation.look_for(&issuer, now).await;
    let role = role(realm, visit, (&snapshot, &issuer))?;
    let verified = verify(received, asked(&role.signing_keys, role.signs_requests))
        .map_err(|refusal| refusals::of_message(&refusal, realm).with("sp", issuer.as_str()))?;
    decide(visit, realm, verified, state, at).await
}

/// The keys of a service, and whether it promised to sign (SDP-IDP04).
pub(crate) fn signing(
    realm: &Realm,
    visit: &Visit,
    issuer: &EntityId,
) -> Result<(Vec<VerifyingKey>, bool), Refused> {
    let snapshot = realm.federation.snapshot();
    let role = role(realm, visit, (&snapshot, issuer))?;
    Ok((role.signing_keys.clone(), role.signs_requests))
}

/// What the metadata says of a service.
fn role<'s>(
    realm: &Realm,
    visit: &Visit,
    (snapshot, issuer): (&'s Snapshot, &EntityId),
) -> Result<&'s SpRole, Refused> {
    if let Some((_, role)) = snapshot.service(issuer) {
        return Ok(role);
    }
    if snapshot.is_empty() {
        return Err(refusals::starting());
    }
    visit.tell(Event::new("idp.request.unknown").with("sp", issuer.as_str()));
    Err(refusals::unknown_service(issuer, realm))
}

/// A signature that is there must be one of these keys'.
pub(crate) fn asked(keys: &[VerifyingKey], required: bool) -> Signing<'_> {
    if required {
        Signing::Required(keys)
    } else {
        Signing::Optional(keys)
    }
}

/// Everything that is left once the request is known to be the service's own.
async fn decide(
    visit: &Visit,
    realm: &Realm,
    verified: Verified<AuthnRequest>,
    relay_state: Option<String>,
    at: &str,
) -> Result<HttpResponse, Refused> {
    let key = verified.key().map(str::to_owned);
    let destination = realm.address(at);
    let expected = RequestExpected {
        destination: &destination,
        now: visit.edge().now(),
    };
    let request = verified.message().id.clone();
    let refuse =
        |refusal: Refusal| refusals::of_message(&refusal, realm).with("request", request.as_str());
    let accepted = verified
        .accept_by(&expected, realm.federation.rules())
        .map_err(refuse)?
        .into_message();
    let acs = address(realm, &accepted, brought)?;
    tell_accepted(visit, realm, &accepted, (key.as_deref(), &acs.location));
    let flow = Flow::of(&accepted, &acs, relay_state, visit, realm);
    if let Some(status) = no(visit, realm, &accepted)? {
        return answer::tell(visit, realm, &flow, status).await;
    }
    if at == POSTED && !visit.browser_is_known() {
        return arrival::wait(visit, realm, flow).await;
    }
    proceed(visit, realm, flow).await
}

/// Where the answer to a request goes, by one of the bindings that `by` takes of its service.
pub(crate) fn address(
    realm: &Realm,
    request: &AuthnRequest,
    by: impl FnOnce(&SpRole) -> &'static [Binding],
) -> Result<IndexedEndpoint, Refused> {
    let snapshot = realm.federation.snapshot();
    let (_, role) = snapshot
        .service(&request.issuer)
        .ok_or_else(|| refusals::unknown_service(&request.issuer, realm))?;
    role.choose_acs_among(request, by(role))
        .cloned()
        .map_err(|refusal| {
            let refused = refusals::of_message(&refusal, realm);
            refused
                .with("request", request.id.as_str())
                .with("sp", request.issuer.as_str())
        })
}

/// Tells the journal of a request that is the service's own. On whose behalf it asks (SAML Core
/// 3.4.1.2) is noted and changes nothing: who receives what is decided for who receives it.
pub(crate) fn tell_accepted(
    visit: &Visit,
    realm: &Realm,
    request: &AuthnRequest,
    (key, acs): (Option<&str>, &str),
) {
    let mut event = Event::new("idp.request.accepted")
        .with("request", request.id.as_str())
        .with("sp", request.issuer.as_str())
        .with("realm", realm.parts.realm.as_str())
        .with("key", key.unwrap_or("none"))
        .with("acs", acs);
    let scoping = request.scoping.iter();
    let requesters: Vec<&str> = scoping
        .flat_map(|scoping| &scoping.requesters)
        .take(REQUESTERS)
        .map(EntityId::as_str)
        .collect();
    if !requesters.is_empty() {
        event = event.with("on_behalf_of", requesters.join(" "));
    }
    visit.tell(event);
}

/// What a request wants that nobody here can give, whoever the person is.
///
/// `ProxyCount` is not looked at: nothing is passed on here, which every count allows.
pub(crate) fn no(
    visit: &Visit,
    realm: &Realm,
    request: &AuthnRequest,
) -> Result<Option<Status>, Refused> {
    let snapshot = realm.federation.snapshot();
    let (_, role) = snapshot
        .service(&request.issuer)
        .ok_or_else(|| refusals::unknown_service(&request.issuer, realm))?;
    // IIP-IDP04: a set of attributes the service does not have is no set at all.
    let requested = || role.requested(request.attribute_service).map(drop);
    if let Err(refusal) = request.is_about_nobody().and_then(|()| requested()) {
        let told = Event::new("idp.request.unsupported")
            .with("request", request.id.as_str())
            .with("sp", request.issuer.as_str())
            .with("code", refusal.code());
        visit.tell(told);
        return Ok(Some(Status::RequestUnsupported));
    }
    // SAML Core 3.4.1.2: the service names who may answer.
    let scoping = request.scoping.as_ref();
    if scoping.is_some_and(|scoping| !scoping.allows(&realm.parts.entity_id)) {
        return Ok(Some(Status::NoAvailableIdp));
    }
    // SAML Core 3.4.1.1: identifiers are made for the service that asks, and for no affiliation.
    let policy = request.name_id_policy.as_ref();
    let qualifier = policy.and_then(|policy| policy.sp_name_qualifier.as_deref());
    let is_anothers = qualifier.is_some_and(|name| name != request.issuer.as_str());
    Ok(is_anothers.then_some(Status::InvalidNameIdPolicy))
}

/// The first step of a flow: an answer at once, or a page that asks.
pub(crate) async fn proceed(
    visit: &Visit,
    realm: &Realm,
    flow: Flow,
) -> Result<HttpResponse, Refused> {
    let session = realm.session(visit).await?;
    let signed_on = session.as_ref().map(|session| &session.value);
    let (step, prospect) = flow.next(visit, realm, signed_on).await?;
    match (step, session, prospect) {
        (Step::Answer, Some(session), Some(prospect)) => {
            answer::give(visit, realm, &flow, (&session.value, prospect)).await
        }
        (Step::Close, Some(session), _) => Err(flow.close(visit, realm, &session.value)),
        (Step::Tell(status), ..) => answer::tell(visit, realm, &flow, status).await,
        _ => Ok(visit.see_other(&flow.keep(realm, visit).await?)),
    }
}
