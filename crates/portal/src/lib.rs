//! The portal: the applications a function opens.
//!
//! # Invariants
//!
//! * An ordinary relying service: what it knows of a person came in one assertion, through `sp`;
//!   it never asks the identity provider's database.
//! * Who sees what is data (the catalogue) and one pure rule ([`Visitor::sees`]).
//! * A link shown leads somewhere the catalogue's author wrote: a path of ours or an https address.

pub mod catalogue;
mod pages;
mod search;
mod visitor;

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig, get, resource};
use arc_swap::ArcSwap;
use saml::EntityId;
use serde::Deserialize;
use sp::{Service, SignedIn};
use web::{Query, Refused, Sample, Session, Visit};

pub use catalogue::Catalogue;
pub use visitor::Visitor;

use pages::{ApplicationsPage, HomePage};

/// What a portal is made of.
pub struct PortalParts {
    /// The service it is.
    pub service: Arc<Service>,
    /// The applications; replaced as a whole when the file changes.
    pub catalogue: Arc<ArcSwap<Catalogue>>,
    /// The profile each identity provider stands for. Never the assertion's word: a provider of
    /// partners cannot make staff.
    pub profiles: HashMap<EntityId, String>,
}

/// The portal.
pub struct Portal {
    parts: PortalParts,
}

impl Portal {
    /// A portal made of these parts.
    pub fn new(parts: PortalParts) -> Arc<Self> {
        Arc::new(Self { parts })
    }

    /// Registers every route under the prefix: those of the service, and its own two pages.
    pub fn configure(self: &Arc<Self>, config: &mut ServiceConfig) {
        self.parts.service.configure(config);
        let page = |path: [&str; 2]| {
            let page = resource(path.map(str::to_owned).to_vec());
            page.app_data(Data::from(Arc::clone(self)))
        };
        config
            .service(page(["/portail/", "/portail"]).route(get().to(home)))
            .service(
                page(["/portail/applications", "/portail/applications/"])
                    .route(get().to(applications)),
            );
    }

    /// Who is signed in, as the rule sees them.
    fn visitor(&self, session: &Session<SignedIn>) -> Visitor {
        let signed_in = &session.value;
        let provider = &signed_in.provider;
        let profile = self.parts.profiles.get(provider).cloned();
        let profile = profile.or_else(|| self.parts.service.profile_of(provider));
        let today = self.parts.service.edge().now().date_naive();
        Visitor::of(signed_in, profile, today)
    }
}

/// The pages of this room, for the edge to check.
pub fn samples() -> Vec<Sample> {
    let mut samples = Sample::of::<HomePage>();
    samples.extend(Sample::of::<ApplicationsPage>());
    samples
}

/// `GET /portail/`
async fn home(visit: Visit, portal: Data<Portal>) -> Result<HttpResponse, Refused> {
    let service = &portal.parts.service;
    let Some(session) = service.current(&visit).await? else {
        return service.start(&visit, visit.path_and_query()).await;
    };
    let provider = service.provider_name(&session.value.provider, visit.lang());
    let badge = service.badge(&session.value);
    visit.page(&HomePage::of(badge, &portal.visitor(&session), provider))
}

/// What a bookmark of the applications page says.
#[derive(Debug, Deserialize)]
struct ApplicationsQuery {
    categorie: Option<String>,
    /// A search, in place of a category.
    q: Option<String>,
}

/// `GET /portail/applications?categorie=&q=`
async fn applications(
    visit: Visit,
    portal: Data<Portal>,
    Query(query): Query<ApplicationsQuery>,
) -> Result<HttpResponse, Refused> {
    let service = &portal.parts.service;
    let Some(session) = service.current(&visit).await? else {
        return service.start(&visit, visit.path_and_query()).await;
    };
    let catalogue = portal.parts.catalogue.load();
    let visitor = portal.visitor(&session);
    let badge = service.badge(&session.value);
    let shelf = pages::Shelf {
        catalogue: &catalogue,
        visitor: &visitor,
        provider: session.value.provider.as_str(),
        lang: visit.lang(),
    };
    if let Some(search) = query.q.as_deref().and_then(search::Search::parse) {
        return visit.page(&ApplicationsPage::found(badge, &shelf, &search));
    }
    let page =
        ApplicationsPage::of(badge, &shelf, query.categorie.as_deref()).ok_or_else(|| {
            // A bookmark of a category that is no more, or of somebody else's.
            Refused::not_found("no such category for this person")
                .way_out("portal.applications-see", "/portail/applications")
        })?;
    visit.page(&page)
}
