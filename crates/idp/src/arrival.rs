//! A request that another site posted goes on where its browser's cookies are seen:
//! `GET /idp/<realm>/sso/arrived`.
//!
//! Browsers keep our cookies (`SameSite=Lax`) out of a form that another site posts: who is signed on
//! is not known there, and a fresh cookie would take the place of the one that other tabs go by. So
//! what was checked waits, and one redirection later a GET brings the cookies. Whoever has the address
//! may go on with it, once, as whoever has the form may post it.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Data;
use web::{Event, Query, Refused, Visit};

use crate::flow::{Flow, Named, name, stale};
use crate::realm::Realm;
use crate::sso;

/// One redirection.
const WAITS: Duration = Duration::from_secs(120);

/// Keeps what was asked until its browser comes, with its cookies if it has any.
pub(crate) async fn wait(
    visit: &Visit,
    realm: &Realm,
    flow: Flow,
) -> Result<HttpResponse, Refused> {
    let id = realm.edge.token();
    realm.flows.put(&id, &flow, WAITS).await?;
    let told = Event::new("idp.flow.arrived")
        .with("flow", id.as_str())
        .with("request", flow.request_id());
    visit.tell(told);
    let address = realm.path(&format!("/sso/arrived?{}", name(&id, &flow.service)));
    Ok(visit.see_other(&address))
}

/// `GET`: as if the request came now.
pub(crate) async fn go_on(
    visit: Visit,
    realm: Data<Realm>,
    Query(named): Query<Named>,
) -> Result<HttpResponse, Refused> {
    match taken(&realm, named.flow.as_deref()).await? {
        Some(flow) => sso::proceed(&visit, &realm, flow).await,
        None => stale(&visit, &realm, &named),
    }
}

/// One that waits, and no other: a flow of some browser is looked at here and left where it is.
async fn taken(realm: &Realm, id: Option<&str>) -> Result<Option<Flow>, Refused> {
    let Some(id) = id.filter(|id| id.len() <= 64) else {
        return Ok(None);
    };
    let waits = |flow: &Flow| flow.browser.is_empty() && flow.realm == realm.parts.realm;
    if !realm.flows.get(id).await?.as_ref().is_some_and(waits) {
        return Ok(None);
    }
    Ok(realm.flows.take(id).await?.filter(waits))
}
