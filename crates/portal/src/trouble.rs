//! `/erreur`: where services send people whom they cannot let in (`errorURL` in our metadata).
//! Anybody may open it and write anything into its address: what is said there is shown as what the
//! service says, leads nowhere, and decides nothing.

use actix_web::HttpResponse;
use actix_web::web::Data;
use saml::EntityId;
use serde::Deserialize;
use web::{Event, Query, Refused, Visit};

use crate::Portal;
use crate::pages::{Said, TroublePage};

/// The address, outside the portal's own: it is that of the whole deployment.
pub(crate) const TROUBLE: &str = "/erreur";

/// The parameters, under the names we publish or under those of the profile.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    #[serde(alias = "ERRORURL_CODE")]
    code: Option<String>,
    #[serde(alias = "ERRORURL_TS")]
    ts: Option<String>,
    #[serde(alias = "ERRORURL_RP")]
    rp: Option<String>,
    #[serde(alias = "ERRORURL_TID")]
    tid: Option<String>,
    #[serde(alias = "ERRORURL_CTX")]
    ctx: Option<String>,
}

/// `GET /erreur?code=&ts=&rp=&tid=&ctx=`
pub(crate) async fn explain(
    visit: Visit,
    portal: Data<Portal>,
    Query(asked): Query<Asked>,
) -> Result<HttpResponse, Refused> {
    let said = Said {
        code: asked.code,
        ts: asked.ts,
        rp: asked.rp,
        tid: asked.tid,
        ctx: asked.ctx,
    };
    let service = said.service();
    let id = service.as_deref().and_then(|id| EntityId::parse(id).ok());
    let name = id.and_then(|id| portal.parts.service.provider_name(&id, visit.lang()));
    let kind = said.kind().name();
    visit
        .edge()
        .count("eduline_errorurl_total", &[("kind", kind)]);
    visit.tell(
        Event::new("portal.errorurl")
            .with("kind", kind)
            .with("service", service.unwrap_or_default())
            .with("transaction", said.transaction().unwrap_or_default()),
    );
    visit.page(&TroublePage::of(&said, name))
}
