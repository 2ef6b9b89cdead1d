//! What every request passes and every answer carries.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpResponse};
use serde::Serialize;

use crate::{Edge, Event, Page, Refused, Visit};

/// Longest path and query, bytes: a signed request with a long RelayState fits many times.
const LONGEST_ADDRESS: usize = 32 * 1024;

/// Where a page's forms may lead besides our own addresses.
pub(crate) struct FormAction(pub(crate) String);

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
    let visit = Visit::new(edge, request.request());
    request.extensions_mut().insert(visit.clone());
    let mut answered = match refused_address(&request) {
        Some(refused) => request.into_response(HttpResponse::from_error(refused)),
        // Handlers' errors arrive as answers; what fails here failed before any handler.
        None => next.call(request).await?.map_into_boxed_body(),
    };
    if answered.status().as_u16() >= 400 && answered.response().extensions().get::<Said>().is_none()
    {
        answered = explain(&visit, answered);
    }
    dress(&visit, &mut answered);
    Ok(answered)
}

fn refused_address(request: &ServiceRequest) -> Option<Refused> {
    let address = request
        .uri()
        .path_and_query()
        .map_or("", |both| both.as_str());
    if address.len() > LONGEST_ADDRESS {
        let story = format!("an address of {} bytes", address.len());
        return Some(Refused::new(
            StatusCode::URI_TOO_LONG,
            "EDU-1414",
            "too-large",
            story,
        ));
    }
    if !address.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(Refused::malformed(
            "EDU-1001",
            "malformed",
            "an address outside ASCII",
        ));
    }
    None
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
    let allow = answered.headers().get("allow").cloned();
    let route = answered
        .request()
        .match_pattern()
        .unwrap_or_else(|| "none".to_owned());
    tell(visit, refused, &route);
    let mut response = answer(visit, refused);
    if let Some(allow) = allow {
        response
            .headers_mut()
            .insert(HeaderName::from_static("allow"), allow);
    }
    if let Some(seconds) = refused.retry_after {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
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
        return said(HttpResponse::build(refused.status).json(serde_json::json!({
            "code": refused.code,
            "reference": visit.reference().as_str(),
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

fn dress(visit: &Visit, answered: &mut ServiceResponse<BoxBody>) {
    let edge = visit.edge();
    let route = answered
        .request()
        .match_pattern()
        .unwrap_or_else(|| "none".to_owned());
    let class = format!("{}xx", answered.status().as_u16() / 100);
    edge.count(
        "eduline_answers_total",
        &[("route", &route), ("class", &class)],
    );
    let action = answered
        .response_mut()
        .extensions_mut()
        .remove::<FormAction>();
    for cookie in visit.cookies_out() {
        answered.response_mut().add_cookie(&cookie).ok();
    }
    let head = answered.request().method() == Method::HEAD;
    let headers = answered.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set(
        "content-security-policy",
        &policy(action.as_ref().map(|action| action.0.as_str())),
    );
    set("x-content-type-options", "nosniff");
    set("x-frame-options", "DENY");
    set("referrer-policy", "no-referrer");
    set("cross-origin-opener-policy", "same-origin");
    set("cross-origin-resource-policy", "same-origin");
    set(
        "permissions-policy",
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    );
    if edge.public_url().is_https() {
        set("strict-transport-security", "max-age=31536000");
    }
    if !headers.contains_key(CACHE_CONTROL) && !head {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// `form-action` is the page's own address book: ours, unless the page hands over to one other.
fn policy(form_action: Option<&str>) -> String {
    let form_action = form_action
        .filter(|to| !to.contains([';', ',', ' ']))
        .unwrap_or("'self'");
    format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; form-action {form_action}; base-uri 'none'; \
         frame-ancestors 'none'"
    )
}

/// The page of a refusal.
#[derive(Serialize)]
pub(crate) struct RefusedPage {
    code: &'static str,
    title: String,
    text: String,
    advice: Option<String>,
    way_out: Option<WayOut>,
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
