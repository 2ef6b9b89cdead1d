//! The pages that every deployment owes its visitors, and the addresses that browsers and robots
//! ask for by themselves.

use actix_web::HttpResponse;
use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Data, ServiceConfig, get, resource};
use serde::{Deserialize, Serialize};

use crate::{Edge, Page, Query, Refused, Sample, Visit};

/// The deployment's logo, as others' metadata readers know it: an address that outlives its content.
pub const LOGO: &str = "/logo.png";

/// Registers them.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .service(resource("/").route(get().to(home)))
        .service(resource("/accessibilite").route(get().to(accessibility)))
        .service(resource("/mentions-legales").route(get().to(legal)))
        .service(resource("/favicon.ico").route(get().to(mark)))
        .service(resource(LOGO).route(get().to(logo)))
        .service(resource("/robots.txt").route(get().to(robots)));
}

/// Their samples.
pub(crate) fn samples() -> Vec<Sample> {
    let mut samples = Sample::of::<AccessibilityPage>();
    samples.extend(Sample::of::<LegalPage>());
    samples
}

/// A question without parameters of its own: what comes is read strictly all the same.
#[derive(Deserialize)]
struct Nothing {}

/// The accessibility statement every page links to (RGAA, obligations).
#[derive(Serialize)]
struct AccessibilityPage {}

impl Page for AccessibilityPage {
    const TEMPLATE: &'static str = "accessibility.html";

    fn samples() -> Vec<Self> {
        vec![Self {}]
    }
}

/// Who publishes, who hosts, what is kept about visitors (loi 2004-575, article 1-1).
#[derive(Serialize)]
struct LegalPage {}

impl Page for LegalPage {
    const TEMPLATE: &'static str = "legal.html";

    fn samples() -> Vec<Self> {
        vec![Self {}]
    }
}

/// Whoever types the bare name wants the portal.
async fn home(visit: Visit, _: Query<Nothing>) -> HttpResponse {
    visit.see_other("/portail/")
}

async fn accessibility(visit: Visit, _: Query<Nothing>) -> Result<HttpResponse, Refused> {
    visit.page(&AccessibilityPage {})
}

async fn legal(visit: Visit, _: Query<Nothing>) -> Result<HttpResponse, Refused> {
    visit.page(&LegalPage {})
}

async fn mark(visit: Visit, edge: Data<Edge>) -> Result<HttpResponse, Refused> {
    let path = edge.templates().assets.path("mark.svg");
    let path = path.ok_or_else(|| Refused::not_found("no mark among the assets"))?;
    Ok(visit.see_other(&path))
}

/// Readers of our metadata fetch it, and show their own copy or send their visitors here.
async fn logo(edge: Data<Edge>) -> Result<HttpResponse, Refused> {
    let bytes = edge.templates().assets.bytes("logo.png");
    let bytes = bytes.ok_or_else(|| Refused::not_found("no logo among the assets"))?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "image/png"))
        .insert_header((CACHE_CONTROL, "public, max-age=86400"))
        // Pages of others show it.
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .body(bytes))
}

/// Nothing here is for search engines: the way in is the service the visitor wants.
async fn robots() -> &'static str {
    "User-agent: *\nDisallow: /\n"
}
