//! The service's own metadata: what it is, signed, at a fixed address.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::TimeDelta;
use saml::attribute::{PAIRWISE_ID, SUBJECT_ID, Wire};
use saml::encryption::DecryptionKey;
use saml::keys::OwnKeys;
use saml::metadata::{
    Endpoint, EntityPlan, IndexedEndpoint, IndexedEndpointUrl, Offer, RequestedAttribute, RolePlan,
};
use saml::{Binding, MessageId, Moment, Refusal};
use web::publishing::Published;
use web::{Publisher, Refused};

use crate::{Service, refusals};

/// `validUntil`, from when it was composed: short enough to bound the harm of a lost key.
const VALID: TimeDelta = TimeDelta::days(10);
/// Composed again after this long, so that much of `validUntil` always lies ahead.
const RENEWED: TimeDelta = TimeDelta::days(1);
/// `cacheDuration` and `max-age`, seconds.
const CACHE_S: u32 = 3600;

/// `GET {prefix}/saml/metadata`
pub(crate) async fn metadata(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Refused> {
    let published = service
        .published()
        .map_err(|r| refusals::not_composed(&r))?;
    Ok(published.answer(&request, "application/samlmetadata+xml", CACHE_S))
}

/// Where the document of one service stands.
pub(crate) fn publisher() -> Publisher {
    Publisher::renewed_after(RENEWED)
}

impl Service {
    /// The signed metadata of this service, as it is published.
    pub fn metadata(&self) -> Result<String, Refusal> {
        Ok(self.published()?.text().to_owned())
    }

    fn published(&self) -> Result<Arc<Published>, Refusal> {
        let now = self.parts.edge.now();
        let (keys, signing) = (self.parts.keys.now(), self.parts.metadata_keys.now());
        let opening = self.parts.opening.now();
        let first = opening.first();
        let offer = Offer {
            encryption_certificates: first.map(DecryptionKey::certificate).into_iter().collect(),
            imprint: Some(&self.parts.imprint),
            ..Offer::default()
        };
        let for_us = first.map_or("nothing", DecryptionKey::fingerprint);
        let of = format!("{}, {for_us} by {}", keys.mark(), signing.mark());
        let make = || self.compose_metadata((&keys, &offer), &signing, now);
        self.publisher.at(now, &of, make)
    }

    /// One logout address takes every binding. The discovery response is the login
    /// address, to which answers of the discovery service must lead (IdP Discovery Protocol 2.5).
    fn compose_metadata(
        &self,
        (keys, offer): (&OwnKeys, &Offer<'_>),
        signing: &OwnKeys,
        now: Moment,
    ) -> Result<String, Refusal> {
        let role = RolePlan::Sp {
            acs: vec![IndexedEndpoint {
                binding: Binding::Post,
                location: self.address("/saml/acs"),
                index: 0,
                is_default: true,
            }],
            slo: [Binding::Redirect, Binding::Post, Binding::Soap]
                .map(|binding| Endpoint {
                    binding,
                    location: self.address("/saml/slo"),
                    response_location: None,
                })
                .into(),
            discovery: vec![IndexedEndpointUrl {
                location: self.address("/login"),
                index: 0,
                is_default: true,
            }],
            name_id_formats: Vec::new(),
            requested_attributes: &self.parts.requested,
        };
        let attributes = signalled(&self.parts.requested);
        let plan = EntityPlan {
            document_id: MessageId::from_random(self.parts.edge.random()),
            id: &self.parts.entity_id,
            valid_until: now + VALID,
            cache_s: CACHE_S,
            ui: &self.parts.ui,
            attributes: &attributes,
            role,
            signing_certificates: keys.certificates(),
        };
        let key = self.parts.federation.rules().signer(signing.current())?;
        saml::metadata::compose_with(&plan, offer, &key)
    }
}

/// Which identifier the service cannot do without, if there is one (SAML V2.0 Subject Identifier
/// Attributes 1.0, 4.1.1).
fn signalled(requested: &[RequestedAttribute]) -> Vec<(String, Vec<String>)> {
    let requires = |wire: &Wire| {
        let mut required = requested.iter().filter(|one| one.required);
        required.any(|one| one.name == wire.name)
    };
    let found = [SUBJECT_ID, PAIRWISE_ID].into_iter().find(requires);
    let signal = |wire: Wire| {
        let name = "urn:oasis:names:tc:SAML:profiles:subject-id:req".to_owned();
        (name, vec![wire.short.to_owned()])
    };
    found.map(signal).into_iter().collect()
}
