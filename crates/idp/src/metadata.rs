//! `GET /idp/<realm>/metadata`: what this realm is, signed, at a fixed address.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::TimeDelta;
use saml::encryption::DecryptionKey;
use saml::keys::OwnKeys;
use saml::metadata::{Endpoint, EntityPlan, IndexedEndpoint, Offer, RolePlan};
use saml::{Binding, MessageId, Moment, NameIdFormat, Refusal};
use web::{Publisher, Refused};

use crate::realm::Realm;
use crate::{artifact, refusals, release};

/// `validUntil`, from when it was composed: short enough to bound the harm of a lost key.
const VALID: TimeDelta = TimeDelta::days(10);
/// Composed again after this long, so that much of `validUntil` always lies ahead.
const RENEWED: TimeDelta = TimeDelta::days(1);
/// `cacheDuration` and `max-age` of the metadata of a realm, seconds.
pub const CACHE_S: u32 = 3600;

pub(crate) fn publisher() -> Publisher {
    Publisher::renewed_after(RENEWED)
}

pub(crate) async fn serve(
    request: HttpRequest,
    realm: Data<Realm>,
) -> Result<HttpResponse, Refused> {
    let now = realm.edge.now();
    let (keys, signing) = (realm.parts.keys.now(), realm.parts.metadata_keys.now());
    let opening = realm.parts.opening.now();
    let first = opening.first();
    let for_us = first.map_or("nothing", DecryptionKey::fingerprint);
    let of = format!("{} and {for_us} by {}", keys.mark(), signing.mark());
    let published = realm
        .publisher
        .at(now, &of, || compose(&realm, (&keys, first), &signing, now))
        .map_err(|refusal| refusals::not_composed(&refusal))?;
    Ok(published.answer(&request, "application/samlmetadata+xml", CACHE_S))
}

fn compose(
    realm: &Realm,
    (keys, opening): (&OwnKeys, Option<&DecryptionKey>),
    signing: &OwnKeys,
    now: Moment,
) -> Result<String, Refusal> {
    let endpoint = |binding, path| Endpoint {
        binding,
        location: realm.address(path),
        response_location: None,
    };
    let error_url = error_url(realm);
    let mut sso = vec![
        endpoint(Binding::Redirect, "/sso/redirect"),
        endpoint(Binding::Post, "/sso/post"),
    ];
    // ECP 2.0, 2.3.10: an identity provider that takes enhanced clients says so by this binding.
    if realm.ecp {
        sso.push(endpoint(Binding::Soap, "/ecp"));
    }
    let role = RolePlan::Idp {
        sso,
        slo: vec![
            endpoint(Binding::Redirect, "/slo/redirect"),
            endpoint(Binding::Post, "/slo/post"),
            endpoint(Binding::Soap, "/slo/soap"),
        ],
        name_id_formats: vec![NameIdFormat::Transient, NameIdFormat::Persistent],
        scopes: vec![&realm.parts.scope],
        error_url: Some(&error_url),
        wants_signed_requests: false,
    };
    let attributes = supported();
    let plan = EntityPlan {
        document_id: MessageId::from_random(realm.edge.random()),
        id: &realm.parts.entity_id,
        valid_until: now + VALID,
        cache_s: CACHE_S,
        ui: &realm.parts.ui,
        attributes: &attributes,
        role,
        signing_certificates: keys.certificates(),
    };
    let offer = Offer {
        encryption_certificates: opening
            .map(DecryptionKey::certificate)
            .into_iter()
            .collect(),
        artifact_resolution: vec![IndexedEndpoint {
            binding: Binding::Soap,
            location: realm.address("/artifact"),
            index: artifact::ENDPOINT,
            is_default: true,
        }],
        imprint: Some(&realm.parts.imprint),
    };
    let key = realm.federation.rules().signer(signing.current())?;
    saml::metadata::compose_with(&plan, &offer, &key)
}

/// Where a service may send a person whom it cannot let in, saying why (SDP-MD12; SAML V2.0 Metadata
/// Deployment Profile for errorURL 1.0, 2: the service fills in the words in capitals).
fn error_url(realm: &Realm) -> String {
    const QUESTION: &str = "/erreur?code=ERRORURL_CODE&ts=ERRORURL_TS&rp=ERRORURL_RP&tid=ERRORURL_TID&ctx=ERRORURL_CTX";
    realm.edge.public_url().join(QUESTION)
}

/// The categories of services to which a realm gives what they promise to need (RFC 8409 4).
fn supported() -> [(String, Vec<String>); 1] {
    let categories = release::supported_categories().map(str::to_owned);
    [(
        "http://macedir.org/entity-category-support".to_owned(),
        categories.collect(),
    )]
}
