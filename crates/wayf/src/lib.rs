//! Choosing: the discovery service (OASIS, Identity Provider Discovery Service Protocol and
//! Profile).
//!
//! # Invariants
//!
//! * A visitor is sent to an address of the asking service's own metadata and to no other, passive
//!   or not.
//! * What is answered is an identity provider of the settings that the federation knows.
//! * A remembered choice is offered, never followed by itself, except where the service asks for
//!   nothing to be shown (`isPassive`).
//! * Knows no person: nothing here is secret, and nothing is kept but the browser's last choices.

mod page;
mod question;
mod remembered;

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig, get, post, resource};
use federation::{Federation, Snapshot};
use saml::EntityId;
use serde::Deserialize;
use web::{Edge, Event, Form, Query, Refused, Sample, Visit};

use page::{ChoosePage, ProvidersPage};
use question::{Question, RawQuestion};

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
}

impl Profile {
    /// The providers behind it at this moment: those of the settings, and those that were registered
    /// for it since.
    fn providers(&self, known: &Snapshot) -> Vec<EntityId> {
        let mut providers = self.providers.clone();
        for added in known.behind(&self.id) {
            if !providers.contains(added) {
                providers.push(added.clone());
            }
        }
        providers
    }

    /// Whether it leads to `provider`.
    fn leads_to(&self, provider: &EntityId, known: &Snapshot) -> bool {
        self.providers.contains(provider) || known.profile_of(provider) == Some(&self.id)
    }
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
    /// The service a visitor is for who comes without a question.
    pub default_service: EntityId,
}

/// The discovery service.
pub struct Wayf {
    parts: WayfParts,
}

impl Wayf {
    /// A discovery service made of these parts.
    pub fn new(parts: WayfParts) -> Arc<Self> {
        Arc::new(Self { parts })
    }

    /// Registers its one address.
    pub fn configure(self: &Arc<Self>, config: &mut ServiceConfig) {
        config.service(
            resource(["/wayf/", "/wayf"])
                .app_data(Data::from(Arc::clone(self)))
                .route(get().to(ask))
                .route(post().to(choose)),
        );
    }

    /// The profile of that id, when it can be chosen.
    fn open_profile(&self, id: &str) -> Option<&Profile> {
        self.parts
            .profiles
            .iter()
            .find(|profile| profile.id == id && profile.status == Status::Open)
    }

    /// The profile that leads to a provider, when it can be chosen and is known at this moment.
    fn profile_of(&self, provider: &EntityId, known: &Snapshot) -> Option<&Profile> {
        known.provider(provider)?;
        self.parts
            .profiles
            .iter()
            .find(|profile| profile.status == Status::Open && profile.leads_to(provider, known))
    }

    /// The browser's last choices that can still be made, the latest first.
    fn remembered(&self, visit: &Visit, known: &Snapshot) -> Vec<EntityId> {
        remembered::read(visit)
            .into_iter()
            .filter(|provider| self.profile_of(provider, known).is_some())
            .collect()
    }
}

/// The pages of this room, for the edge to check.
pub fn samples() -> Vec<Sample> {
    let mut samples = Sample::of::<ChoosePage>();
    samples.extend(Sample::of::<ProvidersPage>());
    samples
}

/// `GET /wayf/`
async fn ask(
    visit: Visit,
    wayf: Data<Wayf>,
    Query(raw): Query<RawQuestion>,
) -> Result<HttpResponse, Refused> {
    let known = wayf.parts.federation.snapshot();
    let question = Question::parse(raw, &wayf.parts.default_service, &known)?;
    if question.passive {
        let remembered = wayf.remembered(&visit, &known);
        let answer = question.answer(remembered.first());
        visit.tell(
            Event::new("wayf.passive")
                .with("sp", question.service.as_str())
                .with("remembered", (!remembered.is_empty()).to_string()),
        );
        return Ok(visit.see_other(&answer));
    }
    visit.page(&ChoosePage::of(&wayf, &visit, &question, &known))
}

/// What the choice's form says, besides the question.
#[derive(Debug, Deserialize)]
struct Choice {
    csrf: Option<String>,
    profile: Option<String>,
    provider: Option<String>,
    forget: Option<String>,
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
        }
    }
}

/// `POST /wayf/`
async fn choose(
    visit: Visit,
    wayf: Data<Wayf>,
    Form(choice): Form<Choice>,
) -> Result<HttpResponse, Refused> {
    let known = wayf.parts.federation.snapshot();
    let question = Question::parse(choice.question(), &wayf.parts.default_service, &known)?;
    if visit.check_csrf(FORM, choice.csrf.as_deref()).is_err() {
        // The form came with a cookie. A browser that does not give it back would be shown the
        // same form for ever.
        if !visit.browser_is_known() {
            return Err(without_cookies(&question));
        }
        let page = ChoosePage::of(&wayf, &visit, &question, &known);
        return visit.page(&page.expired());
    }
    if let Some(provider) = &choice.forget {
        remembered::forget(&visit, provider);
        return Ok(visit.see_other(&question.again()));
    }
    let (profile, provider) = chosen(&wayf, &choice, &known)
        .ok_or_else(|| not_offered().way_out("wayf.change", question.again()))?;
    let Some(provider) = provider else {
        return visit.page(&ProvidersPage::of(
            &wayf, profile, &visit, &question, &known,
        ));
    };
    if known.provider(&provider).is_none() {
        let story = format!("{provider} is offered and its metadata is not there");
        return Err(Refused::away("EDU-3006", story).way_out("wayf.change", question.again()));
    }
    remembered::keep(&visit, &provider);
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

/// The profile chosen, and the provider, unless there are several to choose from; `None` for a
/// choice that no page of ours offers: one that comes later, or that somebody made up.
fn chosen<'w>(
    wayf: &'w Wayf,
    choice: &Choice,
    known: &Snapshot,
) -> Option<(&'w Profile, Option<EntityId>)> {
    let profile = wayf.open_profile(choice.profile.as_deref()?)?;
    let providers = profile.providers(known);
    let provider = match (choice.provider.as_deref(), providers.as_slice()) {
        (None, [only]) => Some(only),
        (None, _) => None,
        (Some(asked), providers) => {
            let found = providers.iter().find(|provider| provider.as_str() == asked);
            Some(found?)
        }
    };
    Some((profile, provider.cloned()))
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
