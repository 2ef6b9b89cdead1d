//! HTTP-Artifact: the browser carries a token, and the service comes for what it stands for, by
//! SOAP: `POST /idp/<realm>/artifact` (SAML Bindings 3.6, Core 3.5).
//!
//! A message is kept under its handle *and* its service: to anybody else, whatever they hold, there
//! is nothing there, and nobody else can spend it (H05).

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Data;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use saml::artifact::{Artifact, ArtifactResolve, ArtifactResponse, ResolveExpected};
use saml::response::Status;
use saml::{EntityId, MessageId, Received, Refusal, soap};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{Away, Drawer, Shelf};
use web::{Event, Refused, Visit, Xml};

use crate::flow::Flow;
use crate::realm::Realm;
use crate::refusals;

/// How long a message waits for its service: a browser's way there and the service's way back.
const KEPT: Duration = Duration::from_secs(120);

/// The index of our only `ArtifactResolutionService`.
pub(crate) const ENDPOINT: u16 = 0;

/// What an artifact stands for.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// The request it answers, for the journal.
    request: String,
    /// The message, signed.
    message: String,
}

/// The messages of a realm that wait for their services.
pub(crate) struct Artifacts {
    realm: &'static str,
    kept: Drawer<Kept>,
}

impl Artifacts {
    pub(crate) fn new(shelf: Arc<dyn Shelf>, realm: &'static str) -> Self {
        Self {
            realm,
            kept: Drawer::new(shelf, "idp.artifact"),
        }
    }

    async fn keep(&self, service: &EntityId, artifact: &Artifact, kept: &Kept) -> Result<(), Away> {
        let key = self.key(service, artifact);
        self.kept.put(&key, kept, KEPT).await
    }

    /// Once: whoever asks again gets nothing (SAML Bindings 3.6.5.2).
    async fn take(&self, service: &EntityId, artifact: &Artifact) -> Result<Option<Kept>, Away> {
        self.kept.take(&self.key(service, artifact)).await
    }

    fn key(&self, service: &EntityId, artifact: &Artifact) -> String {
        let mut digest = Sha256::new();
        digest.update(service.as_str());
        digest.update([0]);
        digest.update(artifact.handle());
        let digest = digest.finalize();
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{} {hex}", self.realm)
    }
}

/// Keeps the answer and sends the browser on with an artifact in its place.
pub(crate) async fn hand_over(
    visit: &Visit,
    realm: &Realm,
    flow: &Flow,
    message: String,
) -> Result<HttpResponse, Refused> {
    let artifact = Artifact::new(&realm.parts.entity_id, ENDPOINT, visit.edge().random());
    let kept = Kept {
        request: flow.request_id().to_owned(),
        message,
    };
    let artifacts = &realm.artifacts;
    artifacts.keep(&flow.service, &artifact, &kept).await?;
    count(realm, "issued");
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let joint = if flow.acs.contains('?') { '&' } else { '?' };
    let mut to = format!("{}{joint}SAMLart={}", flow.acs, encode(&artifact.encode()));
    if let Some(state) = &flow.relay_state {
        to.push_str("&RelayState=");
        to.push_str(&encode(state));
    }
    Ok(visit.see_other(&to))
}

/// A service comes for a message: proven by its signature, and given what was kept for it, once.
/// What was spent, expired, never was, or is another's gives success without a message (SAML Core
/// 3.5.3).
pub(crate) async fn resolve(
    visit: Visit,
    realm: Data<Realm>,
    Xml(envelope): Xml,
) -> Result<HttpResponse, Refused> {
    let asked = asked(&realm, envelope).await.inspect_err(|_| {
        count(&realm, "refused");
    })?;
    let artifact = &asked.artifact;
    let is_ours = artifact.is_of(&realm.parts.entity_id) && artifact.endpoint() == ENDPOINT;
    let kept = if is_ours {
        realm.artifacts.take(&asked.issuer, artifact).await?
    } else {
        None
    };
    let result = if kept.is_some() {
        "resolved"
    } else {
        "nothing"
    };
    let request = kept.as_ref().map_or("none", |kept| kept.request.as_str());
    visit.tell(
        Event::new("idp.artifact.asked")
            .with("request", request)
            .with("sp", asked.issuer.as_str())
            .with("realm", realm.parts.realm.as_str())
            .with("result", result),
    );
    count(&realm, result);
    let response = ArtifactResponse {
        id: MessageId::from_random(realm.edge.random()),
        issue_instant: realm.edge.now(),
        issuer: realm.parts.entity_id.clone(),
        in_response_to: Some(asked.id.clone()),
        status: Status::Success.said(),
        message: kept.map(|kept| kept.message),
    };
    let keys = realm.parts.keys.now();
    let envelope = realm
        .signer(&asked.issuer, &keys)
        .and_then(|key| soap::compose(&response, &key))
        .map_err(|refusal| refusals::not_composed(&refusal))?;
    Ok(HttpResponse::Ok()
        .content_type(soap::CONTENT_TYPE)
        .insert_header(("cache-control", "no-store"))
        .body(envelope))
}

/// The question, once it is known to be the service's own (SAML Bindings 3.6.5.2: the requester is
/// authenticated; here by its signature, always).
async fn asked(realm: &Realm, envelope: Vec<u8>) -> Result<ArtifactResolve, Refused> {
    let of = |refusal: Refusal| refusals::of_artifact(&refusal, realm);
    let read = move || Received::<ArtifactResolve>::by_soap(&envelope);
    let received = realm.pool.run(read).await.map_err(refusals::busy)?;
    let received = received.map_err(of)?;
    let issuer = received.issuer().clone();
    let keys = {
        let snapshot = realm.federation.snapshot();
        let (_, role) = snapshot
            .service(&issuer)
            .ok_or_else(|| refusals::unknown_service(&issuer, realm))?;
        role.signing_keys.clone()
    };
    let verify = move || received.verify(&keys);
    let verified = realm.pool.run(verify).await.map_err(refusals::busy)?;
    let expected = ResolveExpected {
        issuer: &issuer,
        destination: &realm.address("/artifact"),
        now: realm.edge.now(),
    };
    let accepted = verified
        .and_then(|verified| verified.accept_by(&expected, realm.federation.rules()))
        .map_err(|refusal| of(refusal).with("sp", issuer.as_str()))?;
    Ok(accepted.into_message())
}

fn count(realm: &Realm, result: &str) {
    let labels = [("realm", realm.parts.realm.as_str()), ("result", result)];
    realm.edge.count("eduline_artifacts_total", &labels);
}
