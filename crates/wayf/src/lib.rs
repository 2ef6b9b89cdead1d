//! Choosing: the discovery service (OASIS, Identity Provider Discovery Service Protocol and
//! Profile).
//!
//! # Invariants
//!
//! * A visitor is sent to an address of the asking service's own metadata and to no other, passive
//!   or not.
//! * What is answered is an identity provider that the settings offer, by name or by what its
//!   metadata says, and that the federation knows.
//! * A remembered choice is offered, and followed by itself only where its visitor asked for that,
//!   or where the service asks for nothing to be shown (`isPassive`). A hint is never followed.
//! * Nobody waits while the index of organisations is made anew.
//! * Knows no person: nothing here is secret, and nothing is kept but the browser's last choices.

mod button;
mod common_domain;
mod feed;
pub mod foreign;
pub mod index;
mod logos;
mod machines;
mod mdq;
mod offer;
mod page;
mod question;
mod remembered;
mod search;
mod shown;

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, ServiceConfig, get, post, resource};
use arc_swap::ArcSwap;
use federation::{Federation, Snapshot};
use saml::EntityId;
use serde::Deserialize;
use web::{Edge, Event, Form, Network, Query, Refused, Sample, Visit};

use logos::Logos;
use machines::Machines;
use offer::Offer;
use page::{ChoosePage, ProvidersPage};
use question::{Question, RawQuestion};
use search::SearchPage;
use shown::{Leads, Shown};

/// How often the federation is looked at: a new organisation is found as soon as that.
const LOOK: Duration = Duration::from_millis(250);

/// Name of the choice's form, for its token.
const FORM: &str = "wayf";

/// A tile: who the visitor says they are, and where that leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// `personnel`, `eleve`, `parent` or `partenaire`: words and picture go by it.
    pub id: String,
    /// Whether it can be chosen.
    pub status: Status,
    /// The identity providers behind it: one is gone to at once, several are offered by name.
    pub providers: Vec<EntityId>,
    /// Who else is behind it and found by a search; nobody where it is empty.
    pub search: Vec<Sought>,
}

/// Whom a search finds, by what their metadata says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sought {
    /// Every identity provider of the federation.
    Everybody,
    /// Those of an entity category (RFC 8409).
    Category(String),
    /// Those that somebody registered (`mdrpi:RegistrationInfo`).
    Registrar(String),
    /// Those with a scope that is this domain or under it.
    Scope(String),
}

/// What some services' visitors are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The services, by name.
    pub services: Vec<EntityId>,
    /// Or by an entity category they are of.
    pub categories: Vec<String>,
    /// The tiles, in their order.
    pub profiles: Vec<String>,
}

/// Who is suggested to some visitors (D14). A suggestion is never followed by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Those who are in one of these networks,
    pub networks: Vec<Network>,
    /// those at a machine whose name is one of these domains or under it, in lower case,
    pub machines: Vec<String>,
    /// those of these services,
    pub services: Vec<EntityId>,
    /// and those who came by the address of this name, `/wayf/pour/<name>`.
    pub name: Option<String>,
    /// Who they probably belong to, the likeliest first.
    pub providers: Vec<EntityId>,
}

/// Whether a profile can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Yes.
    Open,
    /// « Disponible par la suite ».
    Soon,
}

/// What a discovery service is made of.
pub struct WayfParts {
    /// The edge.
    pub edge: Edge,
    /// Who may ask, and who may be chosen.
    pub federation: Arc<Federation>,
    /// The tiles, in their order.
    pub profiles: Vec<Profile>,
    /// Which of them are shown, and in which order; the first rule that is for a service counts.
    pub rules: Vec<Rule>,
    /// The service a visitor is for who comes without a question.
    pub default_service: EntityId,
    /// Who is suggested by where a visitor is, before what metadata says of it.
    pub hints: Vec<Hint>,
    /// The domain whose hosts share the Common Domain Cookie, where there is one.
    pub common_domain: Option<String>,
    /// Where logos are kept; `None`: none are fetched, and none shown.
    pub logos: Option<PathBuf>,
}

/// The discovery service.
pub struct Wayf {
    parts: WayfParts,
    offer: ArcSwap<Offer>,
    logos: Option<Logos>,
    /// `None`: nobody's machine is asked for, since no hint is for one.
    machines: Option<Machines>,
}

impl Wayf {
    /// A discovery service made of these parts. A thread of its own makes the index anew when the
    /// federation changes, as long as the service lives.
    pub fn new(parts: WayfParts) -> Arc<Self> {
        let offer = Offer::of(&parts.federation.snapshot(), &parts.profiles);
        let folder = parts.logos.clone();
        let logos = folder.map(|folder| Logos::at(folder, &parts.edge));
        let wayf = Arc::new(Self {
            logos,
            machines: parts
                .hints
                .iter()
                .any(|hint| !hint.machines.is_empty())
                .then(Machines::default),
            parts,
            offer: ArcSwap::from_pointee(offer),
        });
        let watched = Arc::downgrade(&wayf);
        std::thread::spawn(move || while look(&watched) {});
        wayf
    }

    /// Registers its addresses.
    pub fn configure(self: &Arc<Self>, config: &mut ServiceConfig) {
        let at = |path: &[&str]| {
            let paths: Vec<String> = path.iter().map(|path| (*path).to_owned()).collect();
            resource(paths).app_data(Data::from(Arc::clone(self)))
        };
        config
            .service(
                at(&["/wayf/", "/wayf"])
                    .route(get().to(ask))
                    .route(post().to(choose)),
            )
            .service(at(&["/wayf/pour/{name}"]).route(get().to(ask_for)))
            .service(at(&["/wayf/search"]).route(get().to(search::search)))
            .service(at(&["/wayf/feed"]).route(get().to(feed::feed)))
            .service(at(&["/wayf/logo/{name}"]).route(get().to(logos::serve)))
            .service(at(&[&format!("{}{{id:.*}}", mdq::UNDER)]).route(get().to(mdq::entity)))
            .service(at(&["/wayf/button.js"]).route(get().to(button::script)));
    }

    /// Who can be chosen at this moment.
    fn offer(&self) -> Arc<Offer> {
        self.offer.load_full()
    }

    /// Who is known, with the entity of that name: it is looked for where nobody knows it yet.
    async fn known(&self, visit: &Visit, id: Option<&str>) -> Arc<Snapshot> {
        let federation = &self.parts.federation;
        match id.map(EntityId::parse) {
            Some(Ok(id)) => federation.look_for(&id, visit.edge().now()).await,
            _ => federation.snapshot(),
        }
    }

    /// What the visitor's machine is called, where a hint is for such names.
    async fn machine_of(&self, visit: &Visit) -> Option<Arc<str>> {
        let machines = self.machines.as_ref()?;
        let address = visit.peer().parse().ok()?;
        machines.name_of(address, visit.edge().now()).await
    }

    /// Makes the offer anew when the federation has changed.
    fn keep_up(&self) {
        let known = self.parts.federation.snapshot();
        if self.offer.load().is_of(&known) {
            return;
        }
        let offer = Offer::of(&known, &self.parts.profiles);
        let (organisations, bytes) = offer.size();
        self.offer.store(Arc::new(offer));
        let event = Event::new("wayf.index")
            .with("organisations", organisations.to_string())
            .with("bytes", bytes.to_string());
        let edge = &self.parts.edge;
        edge.journal().tell(edge.now(), None, &event);
    }
}

/// Looks at the federation once; whether there is anybody to look for.
fn look(watched: &Weak<Wayf>) -> bool {
    std::thread::sleep(LOOK);
    watched.upgrade().is_some_and(|wayf| {
        wayf.keep_up();
        true
    })
}

/// The pages of this room, for the edge to check.
pub fn samples() -> Vec<Sample> {
    let mut samples = Sample::of::<ChoosePage>();
    samples.extend(Sample::of::<ProvidersPage>());
    samples.extend(Sample::of::<SearchPage>());
    samples
}

/// `GET /wayf/`
async fn ask(
    visit: Visit,
    wayf: Data<Wayf>,
    Query(raw): Query<RawQuestion>,
) -> Result<HttpResponse, Refused> {
    asked(&visit, &wayf, raw, None).await
}

/// `GET /wayf/pour/<name>`: the same, for who came by the address of a hint. A name that is none any more says nothing.
async fn ask_for(
    visit: Visit,
    wayf: Data<Wayf>,
    name: Path<String>,
    Query(raw): Query<RawQuestion>,
) -> Result<HttpResponse, Refused> {
    asked(&visit, &wayf, raw, Some(name.as_str())).await
}

async fn asked(
    visit: &Visit,
    wayf: &Wayf,
    raw: RawQuestion,
    link: Option<&str>,
) -> Result<HttpResponse, Refused> {
    let known = wayf.known(visit, raw.entity_id.as_deref()).await;
    // Who opens this page itself, or asks to choose again, wants to see it.
    let may_follow = raw.entity_id.is_some() && raw.change.is_none();
    let question = Question::parse(raw, &wayf.parts.default_service, &known)?;
    let shown = Shown::to(wayf, &question.service, known).by(link);
    let remembered = shown.remembered(visit);
    let first = remembered.choices.first();
    if question.passive {
        visit.tell(
            Event::new("wayf.passive")
                .with("sp", question.service.as_str())
                .with("remembered", first.is_some().to_string()),
        );
        return Ok(visit.see_other(&question.answer(first)));
    }
    if let Some(provider) = first.filter(|_| remembered.always && may_follow)
        && !remembered::just_followed(visit, &question.service)
    {
        remembered::follow(visit, &question.service);
        visit.tell(
            Event::new("wayf.followed")
                .with("sp", question.service.as_str())
                .with("idp", provider.as_str()),
        );
        return Ok(visit.see_other(&question.answer(Some(provider))));
    }
    let shown = shown.on(wayf.machine_of(visit).await);
    visit.page(&ChoosePage::of(&shown, visit, &question))
}

/// What the choice's form says, besides the question.
#[derive(Debug, Deserialize)]
struct Choice {
    csrf: Option<String>,
    profile: Option<String>,
    provider: Option<String>,
    forget: Option<String>,
    always: Option<String>,
    #[serde(rename = "entityID")]
    entity_id: Option<String>,
    r#return: Option<String>,
    #[serde(rename = "returnIDParam")]
    return_id_param: Option<String>,
    policy: Option<String>,
}

impl Choice {
    /// The question the form carries along.
    fn question(&self) -> RawQuestion {
        RawQuestion {
            entity_id: self.entity_id.clone(),
            r#return: self.r#return.clone(),
            return_id_param: self.return_id_param.clone(),
            policy: self.policy.clone(),
            is_passive: None,
            change: None,
        }
    }
}

/// `POST /wayf/`
async fn choose(
    visit: Visit,
    wayf: Data<Wayf>,
    Form(choice): Form<Choice>,
) -> Result<HttpResponse, Refused> {
    let known = wayf.known(&visit, choice.entity_id.as_deref()).await;
    let question = Question::parse(choice.question(), &wayf.parts.default_service, &known)?;
    let shown = Shown::to(&wayf, &question.service, known);
    if visit.check_csrf(FORM, choice.csrf.as_deref()).is_err() {
        // The form came with a cookie. A browser that does not give it back would be shown the
        // same form for ever.
        if !visit.browser_is_known() {
            return Err(without_cookies(&question));
        }
        let page = ChoosePage::of(&shown, &visit, &question);
        return visit.page(&page.expired());
    }
    if let Some(provider) = &choice.forget {
        remembered::forget(&visit, provider);
        if let Some(domain) = &wayf.parts.common_domain {
            common_domain::forget(&visit, domain, provider);
        }
        return Ok(visit.see_other(&question.again()));
    }
    let ((place, profile), leads) = chosen(&shown, &choice)
        .ok_or_else(|| not_offered().way_out("wayf.change", question.again()))?;
    let provider = match leads {
        Leads::To(provider) => provider,
        Leads::List => {
            let page = ProvidersPage::of(&shown, (place, profile), &visit, &question);
            return visit.page(&page);
        }
        Leads::Search => return Ok(visit.see_other(&question.search(&profile.id))),
    };
    // Whom a tile leads to may be somebody that nobody has asked for yet.
    let known = wayf.known(&visit, Some(provider.as_str())).await;
    if known.provider(&provider).is_none() {
        let story = format!("{provider} is offered and its metadata is not there");
        return Err(Refused::away("EDU-3006", story).way_out("wayf.change", question.again()));
    }
    remembered::keep(&visit, &provider, choice.always.is_some());
    if let Some(domain) = &wayf.parts.common_domain {
        common_domain::keep(&visit, domain, &provider);
    }
    wayf.parts
        .edge
        .count("eduline_wayf_choices_total", &[("profile", &profile.id)]);
    visit.tell(
        Event::new("wayf.choice")
            .with("sp", question.service.as_str())
            .with("idp", provider.as_str()),
    );
    Ok(visit.see_other(&question.answer(Some(&provider))))
}

/// The profile chosen, and where it leads; `None` for a choice that no page of ours offers: one
/// that comes later, or that somebody made up. A search names a provider and no profile.
fn chosen<'w>(shown: &Shown<'w>, choice: &Choice) -> Option<((usize, &'w Profile), Leads)> {
    let asked = choice.provider.as_deref().map(EntityId::parse).transpose();
    let asked = asked.ok()?;
    let profile = match (choice.profile.as_deref(), &asked) {
        (Some(id), _) => shown.open_profile(id)?,
        (None, Some(provider)) => shown
            .open()
            .find(|profile| shown.is_behind(*profile, provider))?,
        (None, None) => return None,
    };
    let leads = match asked {
        None => shown.leads(profile),
        Some(provider) if shown.is_behind(profile, &provider) => Leads::To(provider),
        Some(_) => return None,
    };
    Some((profile, leads))
}

fn not_offered() -> Refused {
    let story = "a profile or an identity provider that is not offered was chosen";
    Refused::malformed("EDU-3005", "wayf-choice", story)
}

/// Nothing after this page works without cookies: better told here than at the last step.
fn without_cookies(question: &Question) -> Refused {
    let story = "the form came without the cookie that went out with it";
    Refused::forbidden("EDU-3007", "cookies", story)
        .with("sp", question.service.as_str())
        .way_out("site.start-again", question.again())
}
