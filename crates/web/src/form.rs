//! Extractors that parse at the door: strict forms and queries.

use std::future::{Ready, ready};
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::guard::GuardContext;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::{FromRequest, HttpRequest};
use serde::de::DeserializeOwned;

use crate::{Refused, pairs};

/// Largest form, bytes (SECURITY 3).
pub const LARGEST_FORM: usize = 256 * 1024;
/// Bytes of a form that is too large which are still read, so that the refusal is heard.
pub(crate) const DRAINED: usize = 4 * 1024 * 1024;
/// How long a form may take to arrive: a slow line sends 256 kB in this time, and nobody holds a
/// connection for longer by sending a byte now and then.
const PATIENCE: Duration = Duration::from_secs(60);

/// A form body: `application/x-www-form-urlencoded`, at most 256 kB, UTF-8, no parameter twice, no
/// content encoding, within a minute; unknown parameters are ignored, missing ones are a 400 (EDU-1xxx). Wrong
/// content type 415.
#[derive(Debug)]
pub struct Form<T>(pub T);

/// A query string under the same rules; `Query<T>` with all fields `Option` never fails on absence.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Refused;
    type Future = Ready<Result<Self, Refused>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(pairs::read(request.query_string().as_bytes()).map(Self))
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Form<T> {
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refused>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let suits = content_type_suits(request);
        let mut payload = payload.take();
        Box::pin(async move {
            let body = actix_web::rt::time::timeout(PATIENCE, read_body(&mut payload));
            let body = body.await.unwrap_or_else(|_| Err(late()))?;
            suits?;
            pairs::read(&body).map(Self)
        })
    }
}

/// A document of XML as the whole body: at most 256 kB, no content encoding, within a minute. Which
/// content types mean one is the route's business ([`is_xml`]).
#[derive(Debug)]
pub struct Xml(pub Vec<u8>);

impl FromRequest for Xml {
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refused>>>>;

    fn from_request(_: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let mut payload = payload.take();
        Box::pin(async move {
            let body = actix_web::rt::time::timeout(PATIENCE, read_body(&mut payload));
            body.await.unwrap_or_else(|_| Err(late())).map(Self)
        })
    }
}

/// Whether a request says that its body is XML: a guard of routes.
pub fn is_xml(context: &GuardContext<'_>) -> bool {
    let kind = context.head().headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    ["text/xml", "application/xml", "application/soap+xml"]
        .iter()
        .any(|xml| kind.eq_ignore_ascii_case(xml))
}

fn content_type_suits(request: &HttpRequest) -> Result<(), Refused> {
    let unsuited = |story: &str| {
        Err(Refused::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "EDU-1006",
            "malformed",
            story,
        ))
    };
    let header = |name| {
        request
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap_or("?"))
    };
    if header(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return unsuited("a compressed form is not taken");
    }
    let kind = header(CONTENT_TYPE)
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(());
    }
    unsuited("the body is not application/x-www-form-urlencoded")
}

async fn read_body(payload: &mut Payload) -> Result<Vec<u8>, Refused> {
    let mut body = Vec::new();
    let mut total: usize = 0;
    while let Some(chunk) = next_chunk(payload).await {
        let chunk = chunk.map_err(|why| {
            Refused::malformed(
                "EDU-1001",
                "malformed",
                format!("the body cannot be read: {why}"),
            )
        })?;
        total = total.saturating_add(chunk.len());
        if total <= LARGEST_FORM {
            body.extend_from_slice(&chunk);
        } else if total > DRAINED {
            break;
        }
    }
    if total > LARGEST_FORM {
        let story = format!("a form of more than {LARGEST_FORM} bytes");
        return Err(Refused::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "EDU-1005",
            "too-large",
            story,
        ));
    }
    Ok(body)
}

fn late() -> Refused {
    let story = format!("a form that took more than {} s", PATIENCE.as_secs());
    Refused::new(StatusCode::REQUEST_TIMEOUT, "EDU-1007", "late", story)
}

async fn next_chunk(
    payload: &mut Payload,
) -> Option<Result<actix_web::web::Bytes, actix_web::error::PayloadError>> {
    use futures_core::Stream;
    std::future::poll_fn(|context| Pin::new(&mut *payload).poll_next(context)).await
}

#[cfg(test)]
mod tests;
