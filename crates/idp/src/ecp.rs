//! Programs sign people on without a browser: `POST /idp/<realm>/ecp` (SAML V2.0 Enhanced Client or
//! Proxy Profile 2.0; IIP-IDP13 to IIP-IDP16).
//!
//! The program brings the service's request in an envelope and the person's password in a header of
//! HTTP (RFC 7617). For services only whose metadata has a PAOS address. Nobody can be shown a page
//! here: where one would be needed, for a second factor or to say what is sent, the service is told
//! no.

use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use directory::Attempt;
use directory::history::{What, Whose};
use saml::ecp::{self, ChannelBinding, Headers};
use saml::request::RequestExpected;
use saml::response::Status;
use saml::{AuthnRequest, Binding, Received, Refusal, soap};
use web::{Event, Refused, Visit, Xml};

use crate::answer;
use crate::flow::Flow;
use crate::next::Step;
use crate::realm::Realm;
use crate::session::SignedOn;
use crate::{change, refusals, sso, whence};

/// What is typed into a login field is no longer than this; here it is the same.
const LONGEST_LOGIN: usize = 200;
/// Bytes of a header with a login and a password in base64.
const LONGEST_HEADER: usize = 4096;

/// A client that waits for an answer: what is said to it beside.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// Whether the service's request was signed.
    pub(crate) is_signed: bool,
    /// The channel that service and client both name.
    pub(crate) channel: Option<ChannelBinding>,
    /// A key for both of them, base64 of 32 bytes; sent only where nobody between them can read it.
    pub(crate) key: String,
    /// Whether the client wants one.
    pub(crate) wants_key: bool,
}

/// Asks for a sign-on and gets the answer at once.
pub(crate) async fn ask(
    visit: Visit,
    request: HttpRequest,
    realm: Data<Realm>,
    Xml(envelope): Xml,
) -> Result<HttpResponse, Refused> {
    let (flow, refused) = asked(&visit, &realm, envelope).await.inspect_err(|_| {
        count(&realm, "refused");
    })?;
    if let Some(status) = refused {
        return no(&visit, &realm, &flow, status).await;
    }
    let (person, is_elsewhere) = match person(&visit, &realm, &flow, &request).await? {
        Known::Person(person, is_elsewhere) => (person, is_elsewhere),
        Known::Nobody => {
            count(&realm, "unknown");
            return Err(refusals::unknown_person(&realm));
        }
        Known::Wait(seconds) => {
            count(&realm, "throttled");
            let back = realm.parts.portal.clone();
            return Err(refusals::wait(seconds, back).with("request", flow.request_id()));
        }
    };
    let session = SignedOn {
        given: change::must_change(&realm, &person).await?,
        agreed: None,
        post: None,
        person,
        authn_instant: visit.edge().now(),
        second: None,
        mailed: None,
        is_elsewhere,
        index: format!("_{}", visit.edge().token()),
        from: None,
        secret: URL_SAFE_NO_PAD.encode(visit.edge().random::<32>()),
    };
    let (step, prospect) = flow.next(&visit, &realm, Some(&session)).await?;
    match (step, prospect) {
        (Step::Answer, Some(prospect)) => {
            count(&realm, "answered");
            answer::give(&visit, &realm, &flow, (&session, prospect)).await
        }
        (Step::Tell(status), _) => no(&visit, &realm, &flow, status).await,
        (Step::Close, _) => {
            flow.tell_closed(&visit, &realm, &session);
            no(&visit, &realm, &flow, Status::RequestDenied).await
        }
        // What a page would have asked for cannot be proven here.
        (Step::SecondFactor | Step::Activate | Step::Change | Step::Password, _) => {
            no(&visit, &realm, &flow, Status::NoAuthnContext).await
        }
        // What a page would have said cannot be said here.
        (Step::Agree | Step::Choose | Step::Inform | Step::Refuse | Step::Answer, _) => {
            no(&visit, &realm, &flow, Status::RequestDenied).await
        }
    }
}

/// The service is told no, by way of the client.
async fn no(
    visit: &Visit,
    realm: &Realm,
    flow: &Flow,
    status: Status,
) -> Result<HttpResponse, Refused> {
    count(realm, "told-no");
    answer::tell(visit, realm, flow, status).await
}

/// The flow of a request that is the service's own, to be answered at one of its PAOS addresses;
/// with a status when it is answered with no, whoever it is.
async fn asked(
    visit: &Visit,
    realm: &Realm,
    envelope: Vec<u8>,
) -> Result<(Flow, Option<Status>), Refused> {
    let of = |refusal: Refusal| refusals::of_message(&refusal, realm);
    let read = move || Received::<AuthnRequest>::by_client(&envelope);
    let received = realm.pool.run(read).await.map_err(refusals::busy)?;
    let (received, beside) = received.map_err(of)?;
    let issuer = received.issuer().clone();
    let now = visit.edge().now();
    realm.federation.look_for(&issuer, now).await;
    let (keys, required) = sso::signing(realm, visit, &issuer)?;
    let verify = move || received.verify(sso::asked(&keys, required));
    let verified = realm.pool.run(verify).await.map_err(refusals::busy)?;
    let expected = RequestExpected {
        destination: &realm.address("/ecp"),
        now: visit.edge().now(),
    };
    let accepted = verified
        .and_then(|verified| verified.accept_by(&expected, realm.federation.rules()))
        .map_err(|refusal| of(refusal).with("sp", issuer.as_str()))?;
    let key = accepted.key().map(str::to_owned);
    let request = accepted.into_message();
    let acs = sso::address(realm, &request, |_| &[Binding::Paos])?;
    sso::tell_accepted(visit, realm, &request, (key.as_deref(), &acs.location));
    let is_signed = key.is_some();
    let mut flow = Flow::of(&request, &acs, None, visit, realm);
    let channel = match ecp::bound(&request, is_signed, &beside) {
        Ok(channel) => channel,
        Err(unbound) => {
            visit.tell(
                Event::new("idp.ecp.unbound")
                    .with("request", flow.request_id())
                    .with("sp", flow.service.as_str())
                    .with("story", unbound.to_string()),
            );
            return Ok((flow, Some(Status::RequestDenied)));
        }
    };
    flow.client = Some(Client {
        is_signed,
        channel: channel.cloned(),
        key: STANDARD.encode(visit.edge().random::<32>()),
        wants_key: beside.session_key,
    });
    let status = sso::no(visit, realm, &request)?;
    Ok((flow, status))
}

/// Who a client signs on.
enum Known {
    /// The person of this id; and whether they are elsewhere than they were.
    Person(String, bool),
    /// Nobody: no password, a wrong one, no such account, or one that is disabled; all alike (U06).
    Nobody,
    /// Whoever it is, too many failures: seconds to wait.
    Wait(u32),
}

/// Looks at the password, under the same throttle as the login page.
async fn person(
    visit: &Visit,
    realm: &Realm,
    flow: &Flow,
    request: &HttpRequest,
) -> Result<Known, Refused> {
    let Some((login, password)) = basic(request) else {
        return Ok(Known::Nobody);
    };
    let name = login.trim().to_lowercase();
    let account = format!("{}/{name}", realm.parts.realm.as_str());
    let now = visit.edge().now();
    let told = |event| Event::new(event).with("request", flow.request_id());
    if let Some(seconds) = realm.throttle.wait(&account, visit.peer(), now).await? {
        return Ok(Known::Wait(seconds));
    }
    let passwords = &realm.directory.passwords;
    let verdict = passwords.verify(realm.parts.realm, &login, &password).await;
    let labels = |result| {
        let realm = realm.parts.realm.as_str();
        [("realm", realm), ("result", result), ("factor", "password")]
    };
    match verdict.map_err(refusals::away)? {
        Attempt::Welcome(person) => {
            realm.throttle.forget(&account, visit.peer()).await?;
            let whose = Whose::Person(person.id.clone());
            whence::note(visit, realm, flow, (whose, What::Password, now));
            visit.tell(told("idp.login.accepted").with("person", person.id.as_str()));
            let edge = visit.edge();
            edge.count("eduline_logins_total", &labels("accepted"));
            let arrival = whence::arrive(visit, realm, &person, now).await?;
            Ok(Known::Person(person.id.clone(), !arrival.is_proven))
        }
        refused => {
            realm.throttle.count(&account, visit.peer(), now).await?;
            let whose = Whose::Login(realm.parts.realm, login);
            whence::note(visit, realm, flow, (whose, What::Refused, now));
            let disabled = (refused == Attempt::Disabled).to_string();
            visit.tell(told("idp.login.refused").with("disabled", disabled));
            visit
                .edge()
                .count("eduline_logins_total", &labels("refused"));
            Ok(Known::Nobody)
        }
    }
}

/// Login and password of `Authorization: Basic` (RFC 7617), in UTF-8.
fn basic(request: &HttpRequest) -> Option<(String, String)> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || credentials.len() > LONGEST_HEADER {
        return None;
    }
    let bytes = STANDARD.decode(credentials.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (login, password) = text.split_once(':')?;
    let login = login.chars().take(LONGEST_LOGIN).collect();
    Some((login, password.to_owned()))
}

/// The answer in its envelope. The key is for both ends alone: it leaves only beside an assertion
/// that nobody else can read.
pub(crate) fn hand_over(
    flow: &Flow,
    response: &str,
    encrypted: bool,
) -> Result<HttpResponse, Refused> {
    let client = flow.client.as_ref();
    let headers = Headers {
        acs: &flow.acs,
        is_authenticated: client.is_some_and(|client| client.is_signed),
        channel: client.and_then(|client| client.channel.as_ref()),
        key: client
            .filter(|_| encrypted)
            .map(|client| client.key.as_str()),
    };
    let envelope = ecp::enclose(&headers, response);
    let envelope = envelope.map_err(|refusal| refusals::not_composed(&refusal))?;
    Ok(HttpResponse::Ok()
        .content_type(soap::CONTENT_TYPE)
        .insert_header(("cache-control", "no-store"))
        .body(envelope))
}

fn count(realm: &Realm, result: &str) {
    let labels = [("realm", realm.parts.realm.as_str()), ("result", result)];
    realm.edge.count("eduline_ecp_total", &labels);
}
