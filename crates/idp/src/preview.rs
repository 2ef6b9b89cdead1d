//! What a person would send to a service, and which rule decided: `GET /idp/<realm>/apercu` (R09).
//!
//! For operators who are signed on, and for nobody else. It is decided by the same rules as an answer,
//! of what stands at that moment; nothing is sent, and nobody signs on. The journal tells who looked.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::Data;
use directory::{Person, Realm as Name};
use saml::metadata::{Entity, SpRole};
use saml::{EntityId, NameIdFormat};
use serde::{Deserialize, Serialize};
use web::{Event, Page, Query, Refused, Visit};

use crate::answer;
use crate::realm::Realm;
use crate::refusals;
use crate::release::{self, Asking, Chosen, Decision, Outcome, Rule};

/// Who may look: the directory gives this role.
const OPERATOR: &str = "operateur";
/// Services that the field suggests; others are typed.
const SUGGESTED: usize = 100;
/// What is typed is no longer than this.
pub(crate) const LONGEST: usize = 1024;

/// Every realm that is served here: an operator of one looks at people of all.
pub(crate) struct Realms(pub(crate) Vec<Arc<Realm>>);

/// « Aperçu d'une transmission »
#[derive(Serialize)]
pub(crate) struct PreviewPage {
    action: String,
    user: String,
    service: String,
    services: Vec<Suggested>,
    problem: Problem,
    result: Option<Preview>,
}

/// A service that may be meant.
#[derive(Serialize)]
pub(crate) struct Suggested {
    id: String,
    name: String,
}

/// What was typed and cannot be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Problem {
    None,
    User,
    Service,
}

/// What was decided.
#[derive(Serialize)]
struct Preview {
    person: String,
    /// Realm and login.
    account: String,
    service: String,
    id: String,
    /// Stem of what the name identifier would be.
    identifier: &'static str,
    rows: Vec<Row>,
}

/// One attribute that something speaks for.
#[derive(Serialize)]
pub(crate) struct Row {
    name: &'static str,
    values: Vec<String>,
    /// Stem of what speaks for it.
    rule: &'static str,
    category: Option<&'static str>,
    required: bool,
    /// Stem of why it is not sent.
    held_back: Option<&'static str>,
}

impl Row {
    pub(crate) fn of(decision: &Decision) -> Self {
        Self {
            name: decision.wire.short,
            values: match &decision.outcome {
                Outcome::Sent(values) => values.clone(),
                _ => Vec::new(),
            },
            rule: decision.rule.word(),
            category: match decision.rule {
                Rule::Category(uri) => Some(uri),
                _ => None,
            },
            required: decision.required,
            held_back: decision.outcome.held_back(),
        }
    }

    /// One for each rule, and one for each reason to keep something back.
    pub(crate) fn samples() -> Vec<Self> {
        let words = Rule::WORDS.into_iter().chain(["requested"; 6]);
        let held = [None; 5].into_iter().chain(Outcome::WORDS.map(Some));
        let rows = words.zip(held).enumerate();
        let rows = rows.map(|(number, (rule, held_back))| Self {
            name: "mail",
            values: ["a@b.example", "c@d.example"]
                .iter()
                .take(if held_back.is_some() {
                    0
                } else {
                    1 + number % 2
                })
                .map(|value| (*value).to_owned())
                .collect(),
            rule,
            category: (rule == "category").then_some("https://refeds.org/category/personalized"),
            required: number % 3 == 0,
            held_back,
        });
        rows.collect()
    }
}

impl Page for PreviewPage {
    const TEMPLATE: &'static str = "idp-preview.html";

    fn samples() -> Vec<Self> {
        let page = |problem, result| Self {
            action: "/idp/personnel/apercu".to_owned(),
            user: "amartin".to_owned(),
            service: "https://service.example/sp".to_owned(),
            services: vec![Suggested {
                id: "https://service.example/sp".to_owned(),
                name: "Bibliothèque".to_owned(),
            }],
            problem,
            result,
        };
        let preview = |identifier, rows| Preview {
            person: "Anne Martin".to_owned(),
            account: "personnel/amartin".to_owned(),
            service: "Bibliothèque".to_owned(),
            id: "https://service.example/sp".to_owned(),
            identifier,
            rows,
        };
        let mut pages = vec![
            page(Problem::None, None),
            page(Problem::User, None),
            page(Problem::Service, None),
            page(Problem::None, Some(preview("none", Row::samples()))),
        ];
        pages.extend(
            ["lasting", "passing", "mail", "impossible"]
                .map(|stem| page(Problem::None, Some(preview(stem, Vec::new())))),
        );
        pages
    }
}

/// What the form asks.
#[derive(Deserialize)]
pub(crate) struct Asked {
    user: Option<String>,
    service: Option<String>,
}

/// `GET`: the form, and what comes of it.
pub(crate) async fn show(
    visit: Visit,
    realm: Data<Realm>,
    realms: Data<Realms>,
    Query(asked): Query<Asked>,
) -> Result<HttpResponse, Refused> {
    let operator = operator(&visit, &realm).await?;
    let typed = |text: Option<String>| -> String {
        let text = text.unwrap_or_default();
        text.trim().chars().take(LONGEST).collect()
    };
    let (user, service) = (typed(asked.user), typed(asked.service));
    let (problem, result) = if user.is_empty() || service.is_empty() {
        (Problem::None, None)
    } else {
        match look(&visit, (&realm, &realms), (&user, &service)).await? {
            Ok((person, preview)) => {
                let event = Event::new("idp.preview")
                    .with("operator", operator.id.as_str())
                    .with("person", person.id)
                    .with("sp", preview.id.as_str());
                visit.tell(event);
                (Problem::None, Some(preview))
            }
            Err(problem) => (problem, None),
        }
    };
    visit.page(&PreviewPage {
        action: realm.path("/apercu"),
        user,
        service,
        services: suggested(&visit, &realm),
        problem,
        result,
    })
}

/// The operator of this browser; anybody else is refused.
pub(crate) async fn operator(visit: &Visit, realm: &Realm) -> Result<Arc<Person>, Refused> {
    let session = realm.session(visit).await?;
    let Some(session) = session else {
        return Err(refusals::not_operator("nobody is signed on", realm));
    };
    let person = realm.people.find(&session.value.person, visit.edge().now());
    let person = person.await?;
    person
        .filter(|person| person.roles.iter().any(|role| role == OPERATOR))
        .ok_or_else(|| {
            refusals::not_operator("without the role of an operator", realm)
                .with("person", session.value.person)
        })
}

/// What `user` would send to `service`.
async fn look(
    visit: &Visit,
    (realm, realms): (&Realm, &Realms),
    (user, service): (&str, &str),
) -> Result<Result<(Person, Preview), Problem>, Refused> {
    let own = realm.parts.realm;
    let (of, login) = match user.split_once('/') {
        Some((name, login)) => (Name::parse(name), login),
        None => (Some(own), user),
    };
    let of = realms.0.iter().find(|one| Some(one.parts.realm) == of);
    let Some(of) = of else {
        return Ok(Err(Problem::User));
    };
    let found = of.directory.accounts.find(of.parts.realm, login).await;
    let Some(person) = found.map_err(refusals::away)? else {
        return Ok(Err(Problem::User));
    };
    let snapshot = realm.federation.snapshot();
    let id = EntityId::parse(service).ok();
    let Some((entity, role)) = id.as_ref().and_then(|id| snapshot.service(id)) else {
        return Ok(Err(Problem::Service));
    };
    let preview = decided(visit, of, &person, (entity, role));
    Ok(Ok((person, preview)))
}

/// Decides as an answer to a request that wants nothing in particular would.
fn decided(visit: &Visit, realm: &Realm, person: &Person, of: (&Entity, &SpRole)) -> Preview {
    let (entity, role) = of;
    let policy = (realm.policies)(&entity.id);
    let asking = Asking {
        service: &entity.id,
        requested: &role.requested_attributes,
        entity_attributes: &entity.attributes,
        policy: &policy,
        is_own: realm.own_services.contains(&entity.id),
        post: Chosen::Unasked,
        now: visit.edge().now().date_naive(),
    };
    let decisions = release::decide(person, &asking, &realm.parts, &realm.fonctions);
    let name = entity.ui.display_name(visit.lang().as_str());
    Preview {
        person: format!("{} {}", person.given_name, person.surname),
        account: format!("{}/{}", person.realm.as_str(), person.login),
        service: name.map_or_else(|| entity.id.to_string(), str::to_owned),
        id: entity.id.to_string(),
        identifier: match answer::identifier(&policy, role, &decisions) {
            Ok(Some(NameIdFormat::Persistent)) => "lasting",
            Ok(Some(NameIdFormat::EmailAddress)) => "mail",
            Ok(Some(_)) => "passing",
            Ok(None) => "none",
            Err(answer::Impossible) => "impossible",
        },
        rows: decisions.iter().map(Row::of).collect(),
    }
}

pub(crate) fn suggested(visit: &Visit, realm: &Realm) -> Vec<Suggested> {
    let snapshot = realm.federation.snapshot();
    let services = snapshot.at_hand().filter(|entity| entity.sp.is_some());
    let mut services: Vec<Suggested> = services
        .take(SUGGESTED)
        .map(|entity| {
            let name = entity.ui.display_name(visit.lang().as_str());
            Suggested {
                id: entity.id.to_string(),
                name: name.unwrap_or_default().to_owned(),
            }
        })
        .collect();
    services.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    services
}
