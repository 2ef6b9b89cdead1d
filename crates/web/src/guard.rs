//! What every request passes and every answer carries.

use std::fmt::Write;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY,
    HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpResponse};
use serde::Serialize;

use crate::{Edge, Event, Page, Refused, Visit, form, pairs};

/// Longest path and query, bytes: a signed request with a long RelayState fits many times.
const LONGEST_ADDRESS: usize = 32 * 1024;

/// Where a page's forms may lead besides our own addresses.
pub(crate) struct FormAction(pub(crate) String);

/// Of a page whose script may ask where its visitor is.
pub(crate) struct AsksPlace;

/// Marks an answer that says everything itself, whatever its status.
struct Said;

/// Marks `response` as complete: the guard adds headers and nothing else.
pub(crate) fn said(mut response: HttpResponse) -> HttpResponse {
    response.extensions_mut().insert(Said);
    response
}

/// The middleware: `App::wrap(from_fn(web::guard))`. Refuses addresses nobody sends, turns every
/// refusal into its page, adds the security headers and the cookies of the visit, tells the
/// journal and the counters.
pub async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(edge) = request
        .app_data::<Data<Edge>>()
        .map(|edge| edge.get_ref().clone())
    else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let started = Instant::now();
    let visit = Visit::new(edge, request.request());
    request.extensions_mut().insert(visit.clone());
    let mut answered = match refused_at_sight(&request) {
        Some(refused) => request.error_response(refused),
        // Handlers' errors arrive as answers; what fails here failed before any handler.
        None => next.call(request).await?.map_into_boxed_body(),
    };
    if answered.status().as_u16() >= 400 && answered.response().extensions().get::<Said>().is_none()
    {
        answered = explain(&visit, answered);
    }
    dress(&visit, &mut answered, started);
    Ok(answered)
}

/// What no handler should have to look at.
fn refused_at_sight(request: &ServiceRequest) -> Option<Refused> {
    let malformed = |story| Some(Refused::malformed("EDU-1001", "malformed", story));
    let address = request
        .uri()
        .path_and_query()
        .map_or("", |both| both.as_str());
    if address.len() > LONGEST_ADDRESS {
        let story = format!("an address of {} bytes", address.len());
        let status = StatusCode::URI_TOO_LONG;
        return Some(Refused::new(status, "EDU-1414", "too-large", story));
    }
    if !address.bytes().all(|byte| byte.is_ascii_graphic()) {
        return malformed("an address outside ASCII");
    }
    if pairs::decode(request.uri().path().as_bytes()).is_err() {
        return malformed("a path whose escapes are not whole, or not UTF-8");
    }
    // Every page, also one that reads no parameter: what is doubled or disguised means harm.
    if let Err(refused) = pairs::split(request.query_string().as_bytes()) {
        return Some(refused);
    }
    let declared = request.headers().get(CONTENT_LENGTH)?;
    let declared: usize = declared.to_str().ok()?.parse().ok()?;
    // A little too much is read to its end by the form, so that the refusal is heard; this is not.
    (declared > form::DRAINED).then(|| {
        let story = format!("a body of {declared} bytes");
        Refused::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "EDU-1005",
            "too-large",
            story,
        )
    })
}

/// The refusal's page, in place of an error without one.
fn explain(visit: &Visit, answered: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let own = answered
        .response()
        .error()
        .and_then(|error| error.as_error::<Refused>());
    let fallback;
    let refused = if let Some(refused) = own {
        refused
    } else {
        fallback = foreign(answered.status(), answered.response().error());
        &fallback
    };
    let allow = answered.headers().get(ALLOW).cloned();
    let route = answered
        .request()
        .match_pattern()
        .unwrap_or_else(|| "none".to_owned());
    tell(visit, refused, &route);
    let mut response = answer(visit, refused);
    if let Some(allow) = allow {
        response.headers_mut().insert(ALLOW, allow);
    }
    if let Some(seconds) = refused.retry_after {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    let scheme = refused.challenge.as_deref();
    if let Some(Ok(scheme)) = scheme.map(HeaderValue::from_str) {
        response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
    }
    answered.into_response(response)
}

/// A refusal by the server itself rather than by one of our rooms.
fn foreign(status: StatusCode, error: Option<&Error>) -> Refused {
    let story = error.map_or_else(|| status.to_string(), ToString::to_string);
    match status {
        StatusCode::NOT_FOUND => Refused::not_found(story),
        StatusCode::METHOD_NOT_ALLOWED => Refused::new(status, "EDU-1405", "method", story),
        StatusCode::PAYLOAD_TOO_LARGE => Refused::new(status, "EDU-1005", "too-large", story),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Refused::new(status, "EDU-1006", "malformed", story),
        _ if status.is_server_error() => Refused::away("EDU-6009", story),
        _ => Refused::new(status, "EDU-1001", "malformed", story),
    }
}

fn tell(visit: &Visit, refused: &Refused, route: &str) {
    let mut event = Event::new("refused")
        .with("code", refused.code)
        .with("status", refused.status.as_str())
        .with("route", route)
        .with("story", refused.story.as_str());
    event.fields.extend(refused.fields.iter().cloned());
    visit.tell(event);
    visit
        .edge()
        .count("eduline_refusals_total", &[("code", refused.code)]);
}

fn answer(visit: &Visit, refused: &Refused) -> HttpResponse {
    let page = RefusedPage::new(visit, refused);
    if visit.wants_json() {
        let words = &visit.edge().templates().words;
        return said(HttpResponse::build(refused.status).json(serde_json::json!({
            "code": refused.code,
            "reference": visit.reference().as_str(),
            "title": words.find(visit.lang(), &page.title),
        })));
    }
    visit
        .page_with(refused.status, &page)
        .unwrap_or_else(|why| {
            // The template itself is broken (an operator's theme): say at least code and reference.
            let text = format!("{} {}\n", why.code, visit.reference().as_str());
            said(
                HttpResponse::ServiceUnavailable()
                    .content_type("text/plain; charset=utf-8")
                    .body(text),
            )
        })
}

/// Counts an answer, and the time that it took.
fn count(edge: &Edge, answered: &ServiceResponse<BoxBody>, started: Instant) {
    let route = answered
        .request()
        .match_pattern()
        .unwrap_or_else(|| "none".to_owned());
    let class = format!("{}xx", answered.status().as_u16() / 100);
    edge.count(
        "eduline_answers_total",
        &[("route", &route), ("class", &class)],
    );
    edge.metrics().time(
        "eduline_answer_seconds",
        &[("route", &route)],
        started.elapsed(),
    );
}

fn dress(visit: &Visit, answered: &mut ServiceResponse<BoxBody>, started: Instant) {
    let edge = visit.edge();
    count(edge, answered, started);
    let action = answered
        .response_mut()
        .extensions_mut()
        .remove::<FormAction>();
    let asks_place = answered
        .response_mut()
        .extensions_mut()
        .remove::<AsksPlace>();
    for cookie in visit.cookies_out() {
        answered.response_mut().add_cookie(&cookie).ok();
    }
    let headers = answered.headers_mut();
    // What an answer shows to everybody may be read from everywhere.
    let public = headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN);
    let policy = policy(action.as_ref().map(|action| action.0.as_str()));
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    let mut set = |name: &'static str, value: &'static str| {
        let (name, value) = (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
        headers.insert(name, value);
    };
    set("x-content-type-options", "nosniff");
    set("x-frame-options", "DENY");
    set("referrer-policy", "no-referrer");
    set("cross-origin-opener-policy", "same-origin");
    let readers = if public {
        "cross-origin"
    } else {
        "same-origin"
    };
    set("cross-origin-resource-policy", readers);
    let permissions = if asks_place.is_some() {
        "camera=(), geolocation=(self), microphone=(), payment=(), usb=()"
    } else {
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
    };
    set("permissions-policy", permissions);
    if edge.public_url().is_https() {
        set("strict-transport-security", "max-age=31536000");
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// `form-action` is the page's own address book: ours, unless the page says where it leads.
fn policy(form_action: Option<&str>) -> String {
    let mut policy = String::with_capacity(512);
    policy.push_str(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; form-action",
    );
    let sources = form_action.unwrap_or("'self'").split_ascii_whitespace();
    for source in sources {
        policy.push(' ');
        policy.push_str(&form_source(source));
    }
    policy.push_str("; base-uri 'none'; frame-ancestors 'none'");
    policy
}

/// An address as CSP Level 3, 2.3.1 writes a source: without query or fragment, and with what
/// would end it escaped.
fn form_source(address: &str) -> String {
    let bare = address.split(['?', '#']).next().unwrap_or(address);
    let source = String::with_capacity(bare.len());
    bare.bytes().fold(source, |mut source, byte| {
        if byte.is_ascii_graphic() && !matches!(byte, b';' | b',') {
            source.push(char::from(byte));
        } else {
            // Writing to a String never fails.
            write!(source, "%{byte:02X}").ok();
        }
        source
    })
}

/// The page of a refusal.
#[derive(Serialize)]
pub(crate) struct RefusedPage {
    code: &'static str,
    title: String,
    text: String,
    advice: Option<String>,
    wait: Option<Wait>,
    way_out: Option<WayOut>,
}

/// How long to wait, in words that are plural in both languages.
#[derive(Serialize)]
struct Wait {
    word: &'static str,
    count: u32,
}

impl Wait {
    fn of(seconds: u32) -> Self {
        let (word, count) = if seconds > 90 {
            ("refusal.wait-minutes", seconds.div_ceil(60))
        } else {
            ("refusal.wait-seconds", seconds)
        };
        Self {
            word,
            count: count.max(2),
        }
    }
}

#[derive(Serialize)]
struct WayOut {
    label: &'static str,
    href: String,
}

impl RefusedPage {
    fn new(visit: &Visit, refused: &Refused) -> Self {
        let words = &visit.edge().templates().words;
        let known = |part: &str| {
            let key = format!("refusal.{}.{part}", refused.words);
            words.find(visit.lang(), &key).map(|_| key)
        };
        let (title, text) = (known("title"), known("text"));
        Self {
            code: refused.code,
            title: title.unwrap_or_else(|| "refusal.generic.title".to_owned()),
            text: text.unwrap_or_else(|| "refusal.generic.text".to_owned()),
            advice: known("advice"),
            wait: refused.retry_after.map(Wait::of),
            way_out: refused
                .way_out
                .clone()
                .map(|(label, href)| WayOut { label, href }),
        }
    }
}

impl Page for RefusedPage {
    const TEMPLATE: &'static str = "refused.html";

    fn samples() -> Vec<Self> {
        [
            "generic",
            "malformed",
            "not-found",
            "method",
            "too-large",
            "away",
            "forbidden",
            "too-many",
        ]
        .into_iter()
        .map(|stem| Self {
            code: "EDU-1001",
            title: format!("refusal.{stem}.title"),
            text: format!("refusal.{stem}.text"),
            advice: (stem != "generic").then(|| format!("refusal.{stem}.advice")),
            wait: match stem {
                "away" => Some(Wait::of(5)),
                "too-many" => Some(Wait::of(400)),
                _ => None,
            },
            way_out: (stem == "away").then(|| WayOut {
                label: "site.start-again",
                href: "/".to_owned(),
            }),
        })
        .collect()
    }
}

#[cfg(test)]
mod tests;
