//! The portal: the applications a function opens.
//!
//! # Invariants
//!
//! * An ordinary relying service: what it knows of a person came in one assertion, through `sp`;
//!   it never asks the identity provider's database.
//! * Who sees what is data (the catalogue) and one pure rule ([`Visitor::sees`]).
//! * A link shown leads somewhere the catalogue's author wrote: a path of ours or an https address.

pub mod catalogue;
mod favourites;
mod gate;
mod memory;
mod pages;
pub mod role;
mod search;
mod trouble;
mod uses;
mod visitor;

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig, get, post, resource};
use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use saml::EntityId;
use serde::Deserialize;
use sp::{Service, SignedIn};
use store::Shelf;
use web::{Badge, Lang, Query, Refused, Sample, Session, Visit};

pub use catalogue::Catalogue;
pub use gate::GateSecret;
pub use role::Function;
pub use visitor::Visitor;

use favourites::FAVOURITES;
use gate::Gate;
use memory::{Memory, Remembered};
use pages::{
    APPLICATIONS, ApplicationsPage, FavouritesPage, HomePage, OFFER, OfferPage, TroublePage, View,
};
use role::ROLE;
use trouble::TROUBLE;
use uses::USES;

/// What a portal is made of.
pub struct PortalParts {
    /// The service it is.
    pub service: Arc<Service>,
    /// The applications; replaced as a whole when the file changes.
    pub catalogue: Arc<ArcSwap<Catalogue>>,
    /// The profile each identity provider stands for. Never the assertion's word: a provider of
    /// partners cannot make staff.
    pub profiles: HashMap<EntityId, String>,
    /// Where favourites are kept.
    pub shelf: Arc<dyn Shelf>,
    /// What functions are called, by their ids.
    pub functions: HashMap<String, Function>,
    /// What signs who comes to an application behind the gate.
    pub gate: GateSecret,
}

/// The portal.
pub struct Portal {
    parts: PortalParts,
    memory: Memory,
    gate: Gate,
}

/// Somebody who is signed in, with everything a page of theirs is laid out from.
struct Opened {
    badge: Badge,
    visitor: Visitor,
    provider: EntityId,
    /// Under what they are remembered, when they can be.
    key: Option<String>,
    remembered: Remembered,
    catalogue: Arc<Catalogue>,
    now: DateTime<Utc>,
}

impl Portal {
    /// A portal made of these parts.
    pub fn new(parts: PortalParts) -> Arc<Self> {
        let memory = Memory::on(Arc::clone(&parts.shelf));
        let gate = Gate::on(&parts.shelf, parts.gate.clone());
        Arc::new(Self {
            parts,
            memory,
            gate,
        })
    }

    /// Registers every route under the prefix: those of the service, and its own pages.
    pub fn configure(self: &Arc<Self>, config: &mut ServiceConfig) {
        self.parts.service.configure(config);
        let page = |path: &str| {
            let page = resource([path.to_owned(), format!("{path}/")].to_vec());
            page.app_data(Data::from(Arc::clone(self)))
        };
        config
            .service(page("/portail").route(get().to(home)))
            .service(page(APPLICATIONS).route(get().to(applications)))
            .service(
                page(FAVOURITES)
                    .route(get().to(favourites::show))
                    .route(post().to(favourites::choose)),
            )
            .service(page(OFFER).route(get().to(offer)))
            .service(page(ROLE).route(post().to(role::choose)))
            .service(page(USES).route(post().to(uses::tell)))
            .service(page(TROUBLE).route(get().to(trouble::explain)));
        gate::configure(self, config);
    }

    /// Who is signed in, as the rule sees them, and what is remembered of them.
    async fn open(&self, visit: &Visit) -> Result<Option<Opened>, Refused> {
        let service = &self.parts.service;
        let Some(session) = service.current(visit).await? else {
            return Ok(None);
        };
        self.opened(&session).await.map(Some)
    }

    /// The same of a session, wherever its browser is.
    async fn opened(&self, session: &Session<SignedIn>) -> Result<Opened, Refused> {
        let service = &self.parts.service;
        let signed_in = &session.value;
        let now = service.edge().now();
        let key = memory::key(signed_in);
        let remembered = match &key {
            Some(key) => self.memory.of(key, now).await?,
            None => Remembered::default(),
        };
        Ok(Opened {
            badge: service.badge(signed_in),
            visitor: self
                .visitor(signed_in, now)
                .as_said(remembered.role.as_deref()),
            provider: signed_in.provider.clone(),
            key,
            remembered,
            catalogue: self.parts.catalogue.load_full(),
            now,
        })
    }

    fn visitor(&self, signed_in: &SignedIn, now: DateTime<Utc>) -> Visitor {
        let provider = &signed_in.provider;
        let profile = self.parts.profiles.get(provider).cloned();
        let profile = profile.or_else(|| self.parts.service.profile_of(provider));
        let mut visitor = Visitor::of(signed_in, profile, now.date_naive());
        // Somebody else's provider has no page to say otherwise on.
        visitor.said = visitor.said.filter(|_| self.is_ours(provider));
        visitor
    }

    /// Whether a provider is a realm of this deployment.
    fn is_ours(&self, provider: &EntityId) -> bool {
        let realms = self.parts.service.edge().public_url().join("/idp/");
        provider.as_str().starts_with(&realms)
    }
}

impl Opened {
    fn view<'a>(&'a self, portal: &'a Portal, lang: Lang) -> View<'a> {
        View {
            catalogue: &self.catalogue,
            visitor: &self.visitor,
            functions: &portal.parts.functions,
            favourites: &self.remembered.favourites,
            uses: &self.remembered.uses,
            provider: self.provider.as_str(),
            lang,
            now: self.now,
        }
    }
}

/// The pages of this room, for the edge to check.
pub fn samples() -> Vec<Sample> {
    [
        Sample::of::<HomePage>(),
        Sample::of::<ApplicationsPage>(),
        Sample::of::<FavouritesPage>(),
        Sample::of::<OfferPage>(),
        Sample::of::<TroublePage>(),
    ]
    .concat()
}

/// `GET /portail/`
async fn home(visit: Visit, portal: Data<Portal>) -> Result<HttpResponse, Refused> {
    let service = &portal.parts.service;
    let Some(opened) = portal.open(&visit).await? else {
        return service.start(&visit, visit.path_and_query()).await;
    };
    home_page(&visit, &portal, &opened, false)
}

/// `expired`: a form of it was too old and is shown again.
fn home_page(
    visit: &Visit,
    portal: &Portal,
    opened: &Opened,
    expired: bool,
) -> Result<HttpResponse, Refused> {
    let service = &portal.parts.service;
    let provider = service.provider_name(&opened.provider, visit.lang());
    let view = opened.view(portal, visit.lang());
    let mut page = HomePage::of(opened.badge.clone(), &view, provider);
    page.expired = expired;
    visit.page(&page)
}

/// What is searched for among everything there is.
#[derive(Debug, Deserialize)]
struct OfferQuery {
    q: Option<String>,
}

/// `GET /portail/catalogue?q=`: open to everybody, unless the operator keeps it for those who are
/// signed in.
async fn offer(
    visit: Visit,
    portal: Data<Portal>,
    Query(query): Query<OfferQuery>,
) -> Result<HttpResponse, Refused> {
    let opened = portal.open(&visit).await?;
    let catalogue = portal.parts.catalogue.load_full();
    if catalogue.reserve && opened.is_none() {
        let service = &portal.parts.service;
        return service.start(&visit, visit.path_and_query()).await;
    }
    let search = query.q.as_deref().and_then(search::Search::parse);
    let of = opened.as_ref().map(|one| (one.badge.clone(), &one.visitor));
    visit.page(&OfferPage::of(
        &catalogue,
        of,
        search.as_ref(),
        visit.lang(),
    ))
}

/// What a bookmark of the applications page says.
#[derive(Debug, Deserialize)]
struct ApplicationsQuery {
    categorie: Option<String>,
    /// A search, in place of a category.
    q: Option<String>,
    /// `liste` or `tuiles`; kept for the next visits.
    vue: Option<String>,
}

/// `GET /portail/applications?categorie=&q=&vue=`
async fn applications(
    visit: Visit,
    portal: Data<Portal>,
    Query(query): Query<ApplicationsQuery>,
) -> Result<HttpResponse, Refused> {
    let Some(opened) = portal.open(&visit).await? else {
        let service = &portal.parts.service;
        return service.start(&visit, visit.path_and_query()).await;
    };
    let lines = likes_lines(&visit, query.vue.as_deref());
    let (view, badge) = (opened.view(&portal, visit.lang()), opened.badge.clone());
    if let Some(search) = query.q.as_deref().and_then(search::Search::parse) {
        let page = ApplicationsPage::found(badge, &view, &search);
        return visit.page(&page.in_lines(lines));
    }
    let page = ApplicationsPage::of(badge, &view, query.categorie.as_deref()).ok_or_else(|| {
        // A bookmark of a category that is no more, or of somebody else's.
        Refused::not_found("no such category for this person")
            .way_out("portal.applications-see", APPLICATIONS)
    })?;
    visit.page(&page.in_lines(lines))
}

/// Whether this browser shows lines rather than tiles: as it is asked now, else as it was asked last.
fn likes_lines(visit: &Visit, asked: Option<&str>) -> bool {
    const COOKIE: &str = "vue";
    const LINES: &str = "liste";
    const YEAR_S: u32 = 365 * 86_400;
    match asked {
        Some(LINES) => {
            visit.set_cookie(COOKIE, LINES, Some(YEAR_S));
            true
        }
        Some("tuiles") => {
            visit.set_cookie(COOKIE, "", None);
            false
        }
        _ => visit.cookie(COOKIE).as_deref() == Some(LINES),
    }
}
