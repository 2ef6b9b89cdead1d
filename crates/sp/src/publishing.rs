//! The service's own metadata: what it is, signed, at a fixed address.

use std::sync::{Arc, Mutex, PoisonError};

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use actix_web::web::Data;
use chrono::TimeDelta;
use saml::metadata::{EntityPlan, IndexedEndpoint, IndexedEndpointUrl, RolePlan};
use saml::{Binding, MessageId, Moment, Refusal};
use web::Refused;

use crate::{Service, refusals};

/// `validUntil`, from when it was composed: short enough to bound the harm of a lost key.
const VALID: TimeDelta = TimeDelta::days(10);
/// Composed again after this long, so that much of `validUntil` always lies ahead.
const RENEWED: TimeDelta = TimeDelta::days(1);
/// `cacheDuration` and `max-age`, seconds.
const CACHE_S: u32 = 3600;

/// The document that stands.
#[derive(Default)]
pub(crate) struct Publisher {
    current: Mutex<Option<Arc<Published>>>,
}

struct Published {
    xml: String,
    etag: String,
    made: Moment,
}

/// `GET {prefix}/saml/metadata`
pub(crate) async fn metadata(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Refused> {
    let published = service
        .published()
        .map_err(|r| refusals::not_composed(&r))?;
    let known = request
        .headers()
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|tags| names(tags, &published.etag));
    let mut answer = if known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    answer
        .insert_header((ETAG, published.etag.clone()))
        .insert_header((CACHE_CONTROL, format!("public, max-age={CACHE_S}")));
    if known {
        return Ok(answer.finish());
    }
    answer.insert_header((CONTENT_TYPE, "application/samlmetadata+xml"));
    Ok(answer.body(published.xml.clone()))
}

/// Whether an `If-None-Match` field names this tag (RFC 9110 13.1.2).
fn names(tags: &str, etag: &str) -> bool {
    tags.trim() == "*"
        || tags
            .split(',')
            .map(|tag| tag.trim().trim_start_matches("W/"))
            .any(|tag| tag == etag)
}

impl Service {
    /// The signed metadata of this service, as it is published.
    pub fn metadata(&self) -> Result<String, Refusal> {
        Ok(self.published()?.xml.clone())
    }

    fn published(&self) -> Result<Arc<Published>, Refusal> {
        let now = self.parts.edge.now();
        let mut current = self
            .publisher
            .current
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(published) = current.as_ref()
            && published.made + RENEWED > now
        {
            return Ok(Arc::clone(published));
        }
        let xml = self.compose_metadata(now)?;
        let published = Arc::new(Published {
            etag: format!("\"{}\"", refusals::digest(&xml)),
            xml,
            made: now,
        });
        *current = Some(Arc::clone(&published));
        Ok(published)
    }

    /// No logout address while none is supported (SDP-MD04); the discovery response is the login
    /// address, to which answers of the discovery service must lead (IdP Discovery Protocol 2.5).
    fn compose_metadata(&self, now: Moment) -> Result<String, Refusal> {
        let role = RolePlan::Sp {
            acs: vec![IndexedEndpoint {
                binding: Binding::Post,
                location: self.address("/saml/acs"),
                index: 0,
                is_default: true,
            }],
            slo: Vec::new(),
            discovery: vec![IndexedEndpointUrl {
                location: self.address("/login"),
                index: 0,
                is_default: true,
            }],
            name_id_formats: Vec::new(),
            requested_attributes: &self.parts.requested,
        };
        let plan = EntityPlan {
            document_id: MessageId::from_random(self.parts.edge.random()),
            id: &self.parts.entity_id,
            valid_until: now + VALID,
            cache_s: CACHE_S,
            ui: &self.parts.ui,
            attributes: &[],
            role,
            signing_certificates: vec![self.parts.signing.certificate()],
        };
        saml::metadata::compose(&plan, &self.parts.metadata_signing)
    }
}
