//! `/wayf/feed`: who may be chosen, as JSON, in the form that Shibboleth's Embedded Discovery
//! Service and others read (`DiscoFeed`, D19).

use std::io::Read;

use actix_web::HttpResponse;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY,
};
use actix_web::web::Data;
use federation::Listing;
use flate2::read::GzDecoder;
use saml::metadata::Wording;
use serde::Serialize;
use web::{Refused, Visit};

use crate::Wayf;

/// How long a reader may keep it before it asks again, seconds.
const KEPT: &str = "public, max-age=300";

/// One identity provider.
#[derive(Debug, Serialize)]
pub(crate) struct Entry<'a> {
    #[serde(rename = "entityID")]
    entity_id: &'a str,
    #[serde(rename = "DisplayNames")]
    display_names: Vec<Said<'a>>,
    #[serde(rename = "Keywords", skip_serializing_if = "Vec::is_empty")]
    keywords: Vec<Said<'a>>,
}

/// A text in a language.
#[derive(Debug, Serialize)]
struct Said<'a> {
    value: &'a str,
    lang: &'a str,
}

impl<'a> Entry<'a> {
    /// What the feed says of a provider. No logo: whoever shows the feed would send its visitors to
    /// the organisation for it.
    pub(crate) fn of(listing: &'a Listing) -> Self {
        Self {
            entity_id: listing.id.as_str(),
            display_names: said(&listing.names),
            keywords: said(&listing.keywords),
        }
    }
}

fn said(texts: &[Wording]) -> Vec<Said<'_>> {
    let texts = texts.iter().map(|text| Said {
        value: &text.text,
        lang: &text.lang,
    });
    texts.collect()
}

/// `GET /wayf/feed`
pub(crate) async fn feed(
    visit: Visit,
    wayf: Data<Wayf>,
    request: actix_web::HttpRequest,
) -> Result<HttpResponse, Refused> {
    let offer = wayf.offer();
    let header = |name: &str| {
        let value = request.headers().get(name)?;
        value.to_str().ok()
    };
    let tags = header("if-none-match").unwrap_or_default();
    let known = tags
        .split(',')
        .map(|tag| tag.trim().trim_start_matches("W/"));
    let known = tags.trim() == "*" || known.into_iter().any(|tag| tag == offer.feed.tag);
    let mut answer = if known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    answer
        .insert_header((ETAG, offer.feed.tag.as_str()))
        .insert_header((CACHE_CONTROL, KEPT))
        .insert_header((VARY, "Accept-Encoding"))
        // Public, and read by chooser scripts of other sites; no cookie plays any part in it.
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    visit.edge().count(
        "eduline_wayf_feed_total",
        &[("fresh", if known { "no" } else { "yes" })],
    );
    if known {
        return Ok(answer.finish());
    }
    answer.insert_header((CONTENT_TYPE, "application/json"));
    if web::takes_gzip(&request) {
        answer.insert_header((CONTENT_ENCODING, "gzip"));
        return Ok(answer.body(offer.feed.compressed.clone()));
    }
    let mut plain = Vec::new();
    GzDecoder::new(offer.feed.compressed.as_ref())
        .read_to_end(&mut plain)
        .map_err(|why| Refused::away("EDU-6009", format!("the feed cannot be opened: {why}")))?;
    Ok(answer.body(plain))
}
