//! `GET /idp/<realm>/essai`, for operators who are signed on, and for nobody else.

use actix_web::HttpResponse;
use actix_web::web::Data;
use directory::{Person, Realm as Name};
use saml::EntityId;
use serde::{Deserialize, Serialize};
use web::{Event, Lang, Page, Query, Refused, Visit};

use super::{Step, Trial, Tried, VERDICTS};
use crate::preview::{LONGEST, Realms, Row, Suggested, operator, suggested};
use crate::realm::Realm;
use crate::synthetic;

/// « Essayer un service »
#[derive(Serialize)]
pub(crate) struct TryPage {
    action: String,
    service: String,
    services: Vec<Suggested>,
    kinds: Vec<Kind>,
    /// Whether a service was named that nobody knows.
    unknown: bool,
    result: Option<Shown>,
}

/// A kind of person.
#[derive(Serialize)]
struct Kind {
    /// Realm and function: `personnel/dsi`, `eleve`.
    value: String,
    realm: &'static str,
    function: Option<String>,
    is_chosen: bool,
}

/// What came of it.
#[derive(Serialize)]
struct Shown {
    service: String,
    id: String,
    passes: bool,
    steps: Vec<Step>,
    rows: Vec<Row>,
    response: Option<String>,
}

impl Shown {
    fn of(service: String, id: &EntityId, tried: Tried) -> Self {
        Self {
            service,
            id: id.to_string(),
            passes: tried.passes(),
            rows: tried.decisions.iter().map(Row::of).collect(),
            steps: tried.steps,
            response: tried.response,
        }
    }
}

impl Page for TryPage {
    const TEMPLATE: &'static str = "idp-try.html";

    fn samples() -> Vec<Self> {
        let page = |unknown, result| Self {
            action: "/idp/personnel/essai".to_owned(),
            service: "https://service.example/sp".to_owned(),
            services: Vec::new(),
            kinds: Name::ALL
                .map(|realm| Kind {
                    value: realm.as_str().to_owned(),
                    realm: realm.as_str(),
                    function: (realm == Name::Personnel).then(|| "Directeur d'école".to_owned()),
                    is_chosen: realm == Name::Eleve,
                })
                .into(),
            unknown,
            result,
        };
        let steps = Step::NAMES.into_iter().zip(VERDICTS.into_iter().cycle());
        let steps = steps.map(|(name, verdict)| Step {
            word: format!("idp.try-{name}"),
            clause: "SAML Metadata 2.4.4",
            verdict,
            found: (verdict != "unknown").then(|| "<script>".to_owned()),
            code: (verdict == "fails").then_some("EDU-2211"),
        });
        let shown = |passes, steps: Vec<Step>| Shown {
            service: "Bibliothèque".to_owned(),
            id: "https://service.example/sp".to_owned(),
            passes,
            rows: Row::samples(),
            response: passes.then(|| "<a>\n  <b/>\n</a>".to_owned()),
            steps,
        };
        vec![
            page(false, None),
            page(true, None),
            page(false, Some(shown(false, steps.collect()))),
            page(false, Some(shown(true, Vec::new()))),
        ]
    }
}

/// What the form asks.
#[derive(Deserialize)]
pub(crate) struct Asked {
    service: Option<String>,
    kind: Option<String>,
}

/// `GET`: the form, and what comes of it.
pub(crate) async fn show(
    visit: Visit,
    realm: Data<Realm>,
    realms: Data<Realms>,
    Query(asked): Query<Asked>,
) -> Result<HttpResponse, Refused> {
    let operator = operator(&visit, &realm).await?;
    let service = asked.service.unwrap_or_default();
    let service: String = service.trim().chars().take(LONGEST).collect();
    let (kinds, who) = kinds(&visit, &realms, asked.kind.as_deref());
    let result = match &who {
        Some(who) if !service.is_empty() => tried(&visit, who, &service),
        _ => None,
    };
    if let Some(shown) = &result {
        let event = Event::new("idp.try")
            .with("operator", operator.id.as_str())
            .with("sp", shown.id.as_str())
            .with("passes", shown.passes.to_string());
        visit.tell(event);
    }
    visit.page(&TryPage {
        action: realm.path("/essai"),
        unknown: !service.is_empty() && result.is_none(),
        services: suggested(&visit, &realm),
        service,
        kinds,
        result,
    })
}

/// Somebody who does not exist, and the realm that would answer for them.
type Who<'a> = (&'a Realm, Person);

/// Every kind of person there is here, and the one that is asked for, else the first.
fn kinds<'a>(
    visit: &Visit,
    realms: &'a Realms,
    asked: Option<&str>,
) -> (Vec<Kind>, Option<Who<'a>>) {
    let mut kinds = Vec::new();
    let mut who: Option<Who<'a>> = None;
    let mut is_asked = false;
    for realm in &realms.0 {
        let name = realm.parts.realm;
        for person in synthetic::people(name, &realm.fonctions) {
            let kind = kind(visit, realm, &person);
            let is_this = asked == Some(kind.value.as_str());
            if who.is_none() || (is_this && !is_asked) {
                is_asked = is_this;
                who = Some((&**realm, person));
            }
            kinds.push(Kind {
                is_chosen: is_this,
                ..kind
            });
        }
    }
    (kinds, who)
}

fn kind(visit: &Visit, realm: &Realm, person: &Person) -> Kind {
    let name = realm.parts.realm.as_str();
    let post = person.posts.first();
    let held = post.and_then(|post| realm.fonctions.find(&post.function));
    Kind {
        value: held.map_or_else(|| name.to_owned(), |one| format!("{name}/{}", one.id)),
        realm: name,
        function: held.map(|one| match visit.lang() {
            Lang::Fr => one.libelle_m.clone(),
            Lang::En => one.libelle_en.clone(),
        }),
        is_chosen: false,
    }
}

fn tried(visit: &Visit, (realm, person): &Who<'_>, service: &str) -> Option<Shown> {
    let id = EntityId::parse(service).ok()?;
    let snapshot = realm.federation.snapshot();
    let (entity, role) = snapshot.service(&id)?;
    let policy = (realm.policies)(&id);
    let now = visit.edge().now();
    let trial = Trial {
        realm: &realm.parts,
        fonctions: &realm.fonctions,
        service: (entity, role),
        policy: &policy,
        is_own: realm.own_services.contains(&id),
        is_open: (realm.access)(&id, person, now.date_naive()),
        person,
        rules: realm.federation.rules(),
        now,
        chance: visit.edge().random(),
    };
    let name = entity.ui.display_name(visit.lang().as_str());
    let name = name.map_or_else(|| id.to_string(), str::to_owned);
    Some(Shown::of(name, &id, trial.run()))
}
