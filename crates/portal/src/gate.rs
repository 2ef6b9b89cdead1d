//! The gate: an application without SAML behind a reverse proxy that asks here, for every request, who
//! it is from (nginx `auth_request`), and passes the answer on in headers.
//!
//! # Invariants
//!
//! * The application has a host of its own, and this browser a pass there (a cookie of that host) which
//!   opens that application only, as long as the session of the portal lasts that it was given for.
//! * A pass is given for a ticket: single use, a minute, worth something only in the browser that set
//!   out from that host, and only to whom the portal's rule opens the application.
//! * A visitor is sent to this origin and to the address the catalogue gives; never elsewhere.

mod token;

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{Data, Path, ServiceConfig, get, resource, to};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use saml::names::REFEDS_MFA;
use serde::{Deserialize, Serialize};
use sp::{Proof, SignedIn};
use store::{Drawer, Shelf};
use web::session::digest;
use web::{Event, Query, Refused, Session, Visit};

use crate::Portal;
use crate::catalogue::{Application, SecondFactor};

use token::Claims;
pub use token::GateSecret;

/// How long a ticket is good for: a redirect, by a slow telephone.
const TICKET: Duration = Duration::from_secs(60);
/// How long a pass is kept; the session it was given for ends it earlier.
const PASS: Duration = Duration::from_secs(24 * 3600);
/// Longest path and query that is come back to, bytes: it travels in an address, escaped.
const LONGEST: usize = 512;

/// The cookie of the application's host that holds the pass.
const PASS_COOKIE: &str = "porte";
/// The cookie of the application's host that says which browser set out.
const DEPARTURE_COOKIE: &str = "depart";

/// Where the proxy of an application finds what is below `/portail/porte/<application>` on its own host.
const OF_ITS_HOST: &str = "/_eduline";

/// What the gate keeps.
pub(crate) struct Gate {
    secret: GateSecret,
    tickets: Drawer<Ticket>,
    passes: Drawer<Pass>,
}

/// What a browser brings from the portal to the application's host.
#[derive(Serialize, Deserialize)]
struct Ticket {
    pass: Pass,
    /// The digest of the departure cookie of the browser it is for.
    departure: String,
    target: String,
}

/// What a browser holds at the application's host.
#[derive(Serialize, Deserialize)]
struct Pass {
    application: String,
    /// The portal's session ([`Session::key`]).
    session: String,
}

impl Gate {
    /// A gate whose tickets and passes are on `shelf`.
    pub(crate) fn on(shelf: &Arc<dyn Shelf>, secret: GateSecret) -> Self {
        Self {
            secret,
            tickets: Drawer::new(Arc::clone(shelf), "gate-ticket"),
            passes: Drawer::new(Arc::clone(shelf), "gate-pass"),
        }
    }
}

/// Registers what is below `/portail/porte/`.
pub(crate) fn configure(portal: &Arc<Portal>, config: &mut ServiceConfig) {
    let at = |path: &str| {
        resource(format!("/portail/porte/{{application}}{path}"))
            .app_data(Data::from(Arc::clone(portal)))
    };
    config
        .service(at("").route(get().to(admit)))
        .service(at("/verifier").route(get().to(check)))
        .service(
            at("/aller")
                .route(get().to(leave))
                .default_service(to(too_late)),
        )
        .service(at("/entrer").route(get().to(enter)))
        .service(at("/sortir").route(get().to(give_back)));
}

/// `GET /portail/porte/<application>/verifier`, asked by the proxy for every request: 200 and headers
/// that say who it is, 401 whoever it is not; nothing is a page, no cookie is set.
async fn check(
    visit: Visit,
    portal: Data<Portal>,
    id: Path<String>,
) -> Result<HttpResponse, Refused> {
    let catalogue = portal.parts.catalogue.load_full();
    let application = guarded(&catalogue, &id)?;
    let held = held(&visit, &portal, &application.id).await?;
    let known = match &held {
        Some(session) => {
            let opened = portal.opened(session).await?;
            let suits = opened.visitor.sees(application)
                && is_proven(application, &session.value)
                && !application.bientot;
            suits.then_some((opened, &session.value))
        }
        None => None,
    };
    let result = if known.is_some() { "open" } else { "closed" };
    let labels = [("application", application.id.as_str()), ("result", result)];
    visit.edge().count("eduline_gate_checks_total", &labels);
    let Some((opened, signed_in)) = known else {
        return Ok(visit.bare(StatusCode::UNAUTHORIZED));
    };
    let claims = Claims {
        iss: visit.edge().public_url().join(""),
        aud: &application.id,
        sub: signed_in.user(),
        idp: opened.provider.as_str(),
        name: signed_in.name(),
        profile: opened.visitor.profile.as_deref(),
        functions: &opened.visitor.functions,
        iat: opened.now.timestamp(),
        exp: opened.now.timestamp() + token::LASTS_S,
    };
    let mut answer = visit.bare(StatusCode::OK);
    let functions = claims.functions.join(",");
    for (name, value) in [
        ("x-eduline-user", claims.sub),
        ("x-eduline-provider", claims.idp),
        ("x-eduline-name", &claims.name),
        ("x-eduline-profile", claims.profile.unwrap_or_default()),
        ("x-eduline-functions", &functions),
        ("x-eduline-token", &portal.gate.secret.sign(&claims)),
    ] {
        let plain: String = value.chars().filter(|one| !one.is_control()).collect();
        if let Ok(value) = HeaderValue::from_bytes(plain.as_bytes()) {
            answer
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    Ok(answer)
}

/// `GET /portail/porte/<application>/aller`, in place of the application's page for who has no pass:
/// the browser is given something to be known by when it comes back, and sent to the portal.
async fn leave(
    visit: Visit,
    portal: Data<Portal>,
    id: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Refused> {
    let catalogue = portal.parts.catalogue.load_full();
    let application = guarded(&catalogue, &id)?;
    // Five tabs that set out at once come back to one cookie, each.
    let departure = visit.cookie(DEPARTURE_COOKIE).unwrap_or_else(|| {
        let fresh = visit.edge().token();
        visit.set_cookie(DEPARTURE_COOKIE, &fresh, None);
        fresh
    });
    let wanted = request.headers().get("x-original-uri");
    let wanted = wanted.and_then(|wanted| wanted.to_str().ok());
    let wanted = wanted.filter(|wanted| leads_inside(wanted)).unwrap_or("/");
    let portal = visit.edge().public_url().join(&address(&application.id));
    Ok(visit.see_other(&format!(
        "{portal}?depart={}&vers={}",
        digest(&departure),
        utf8_percent_encode(wanted, NON_ALPHANUMERIC),
    )))
}

/// The same address for a form or a script: what it carried cannot be kept on somebody else's host, and
/// following it elsewhere would only lose it more quietly.
async fn too_late(portal: Data<Portal>, id: Path<String>) -> Result<HttpResponse, Refused> {
    let catalogue = portal.parts.catalogue.load_full();
    let application = guarded(&catalogue, &id)?;
    let story = "a request that is no reading came without a pass";
    Err(
        Refused::new(StatusCode::UNAUTHORIZED, "EDU-7433", "gate-over", story)
            .with("application", application.id.as_str())
            .way_out("portal.gate-open-again", application.url.as_str()),
    )
}

/// What the portal is told of a departure.
#[derive(Debug, Deserialize)]
struct Departure {
    depart: Option<String>,
    vers: Option<String>,
}

/// `GET /portail/porte/<application>?depart=&vers=`, on the portal's own host: who is signed in and may
/// is given a ticket; who is not signs in first; who may not is told why.
async fn admit(
    visit: Visit,
    portal: Data<Portal>,
    id: Path<String>,
    Query(query): Query<Departure>,
) -> Result<HttpResponse, Refused> {
    let catalogue = portal.parts.catalogue.load_full();
    let application = guarded(&catalogue, &id)?;
    let Some(departure) = query.depart.filter(|one| is_digest(one)) else {
        // A bookmark of this address, or a link of somebody else's: the application sends them here anew.
        return Ok(visit.see_other(&application.url));
    };
    let service = &portal.parts.service;
    let Some(session) = service.current(&visit).await? else {
        return service.start(&visit, visit.path_and_query()).await;
    };
    let opened = portal.opened(&session).await?;
    if application.bientot || !opened.visitor.sees(application) {
        let story = "the portal's rule does not open this application to this person";
        return Err(Refused::forbidden("EDU-7431", "service-closed", story)
            .with("application", application.id.as_str())
            .way_out("portal.applications-see", crate::APPLICATIONS));
    }
    if !is_proven(application, &session.value) {
        let target = (visit.path_and_query(), opened.provider);
        return service
            .prove_again(&visit, target, Proof::SecondFactor)
            .await;
    }
    let ticket = Ticket {
        pass: Pass {
            application: application.id.clone(),
            session: session.key,
        },
        departure,
        target: query
            .vers
            .filter(|wanted| leads_inside(wanted))
            .unwrap_or_else(|| "/".to_owned()),
    };
    let token = visit.edge().token();
    let tickets = &portal.gate.tickets;
    tickets.put(&digest(&token), &ticket, TICKET).await?;
    visit.tell(
        Event::new("portal.gate.opened")
            .with("application", application.id.as_str())
            .with("provider", opened.provider.as_str()),
    );
    let host = origin(&application.url);
    Ok(visit.see_other(&format!("{host}{OF_ITS_HOST}/entrer?billet={token}")))
}

/// A ticket, brought back.
#[derive(Debug, Deserialize)]
struct Arrival {
    billet: Option<String>,
}

/// `GET /portail/porte/<application>/entrer?billet=`, at the application's host: a pass for the ticket.
async fn enter(
    visit: Visit,
    portal: Data<Portal>,
    id: Path<String>,
    Query(query): Query<Arrival>,
) -> Result<HttpResponse, Refused> {
    let catalogue = portal.parts.catalogue.load_full();
    let application = guarded(&catalogue, &id)?;
    let token = query.billet.unwrap_or_default();
    let ticket = portal.gate.tickets.take(&digest(&token)).await?;
    let departure = visit.cookie(DEPARTURE_COOKIE).map(|one| digest(&one));
    let fitting = ticket.filter(|ticket| {
        ticket.pass.application == application.id && departure.as_ref() == Some(&ticket.departure)
    });
    let Some(ticket) = fitting else {
        let story = "no ticket, or a spent one, or one of another browser or application";
        return Err(Refused::forbidden("EDU-7432", "expired-attempt", story)
            .with("application", application.id.as_str())
            .way_out("portal.gate-open-again", application.url.as_str()));
    };
    let pass = visit.edge().token();
    let passes = &portal.gate.passes;
    if let Some(before) = visit.cookie(PASS_COOKIE) {
        passes.take(&digest(&before)).await?;
    }
    passes.put(&digest(&pass), &ticket.pass, PASS).await?;
    visit.set_cookie(PASS_COOKIE, &pass, None);
    let host = origin(&application.url);
    Ok(visit.see_other(&format!("{host}{}", ticket.target)))
}

/// `GET /portail/porte/<application>/sortir`, at the application's host: the pass is void, and the portal
/// asks whether the rest is to end too.
async fn give_back(
    visit: Visit,
    portal: Data<Portal>,
    id: Path<String>,
) -> Result<HttpResponse, Refused> {
    let catalogue = portal.parts.catalogue.load_full();
    guarded(&catalogue, &id)?;
    if let Some(pass) = visit.cookie(PASS_COOKIE) {
        portal.gate.passes.take(&digest(&pass)).await?;
        visit.set_cookie(PASS_COOKIE, "", None);
    }
    Ok(visit.see_other(&visit.edge().public_url().join("/portail/logout")))
}

/// The session that this browser's pass for the application stands for.
async fn held(
    visit: &Visit,
    portal: &Portal,
    application: &str,
) -> Result<Option<Session<SignedIn>>, Refused> {
    let Some(token) = visit.cookie(PASS_COOKIE) else {
        return Ok(None);
    };
    match portal.gate.passes.get(&digest(&token)).await? {
        Some(pass) if pass.application == application => {
            portal.parts.service.of_key(visit, &pass.session).await
        }
        _ => Ok(None),
    }
}

fn guarded<'a>(catalogue: &'a crate::Catalogue, id: &str) -> Result<&'a Application, Refused> {
    let application = catalogue.application(id).filter(|one| one.porte);
    application.ok_or_else(|| Refused::not_found("no application behind the gate is called so"))
}

/// Whether the sign-on was as strong as the application asks.
fn is_proven(application: &Application, signed_in: &SignedIn) -> bool {
    application.otp != SecondFactor::Always
        || signed_in.login.authn_context.as_deref() == Some(REFEDS_MFA)
}

fn address(id: &str) -> String {
    format!("/portail/porte/{id}")
}

/// `https://host:port` of an https address.
fn origin(url: &str) -> &str {
    const SCHEME: &str = "https://";
    let rest = url.get(SCHEME.len()..).unwrap_or_default();
    let end = rest
        .find(['/', '?'])
        .map_or(url.len(), |at| SCHEME.len() + at);
    url.get(..end).unwrap_or(url)
}

/// A path and query that stays on the host it is put behind.
fn leads_inside(wanted: &str) -> bool {
    let plain = wanted
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#');
    let of_ours = wanted.starts_with(OF_ITS_HOST);
    wanted.len() <= LONGEST
        && plain
        && wanted.starts_with('/')
        && !wanted.starts_with("//")
        && !of_ours
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_come_back_to_stays_on_the_host() {
        for inside in ["/", "/a/b?c=d&e=%C3%A9", "/?x=https://evil.example/"] {
            assert!(leads_inside(inside), "{inside}");
        }
        let long = format!("/{}", "a".repeat(LONGEST));
        for elsewhere in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example/",
            "@evil.example",
            ".evil.example",
            ":8443/",
            "/a b",
            "/a\r\nb",
            "/é",
            "/#a",
            "/_eduline/entrer?billet=x",
            &long,
        ] {
            assert!(!leads_inside(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn the_origin_is_scheme_host_and_port() {
        for (url, expected) in [
            ("https://a.example/", "https://a.example"),
            ("https://a.example:8443/b/c", "https://a.example:8443"),
            ("https://a.example", "https://a.example"),
            ("https://a.example?b=/", "https://a.example"),
        ] {
            assert_eq!(origin(url), expected);
        }
    }
}
