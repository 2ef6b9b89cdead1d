//! `/compte/assistance`: the help desk. Who looks after others acts where they are responsible, says why, and the
//! journal keeps it (U12). They hand over a code, and never see a password, a NUMEN or a seed.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use directory::notices::{Notice, What};
use directory::recovery::HANDED_OVER;
use directory::{Person, Realm};
use serde::{Deserialize, Serialize};
use web::{Badge, Event, Form, Page, Query, Refused, Visit};

use crate::home::sample_badge;
use crate::letters::{self, Kind};
use crate::{Account, refusals};

const FORM: &str = "desk";
const PATH: &str = "/compte/assistance";
/// People of one search.
const MOST: usize = 20;
/// Letters of a search at least, and of a reason.
const SHORTEST: usize = 2;
const REASON: usize = 5;
/// Longest search and reason, characters.
const LONGEST: usize = 200;

/// Where somebody may act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Everywhere.
    Everywhere,
    /// In these establishments (UAI).
    Within(Vec<String>),
}

impl Scope {
    /// Of somebody: `operateur` everywhere, `assistance` where they work, heads where they are one.
    pub(crate) fn of(person: &Person, functions: &[String]) -> Option<Self> {
        let has = |role: &str| person.roles.iter().any(|one| one == role);
        if has("operateur") {
            return Some(Self::Everywhere);
        }
        let assists = has("assistance");
        let staff = person.realm == Realm::Personnel;
        let posts = person.posts.iter();
        let posts = posts.filter(|post| assists || (staff && functions.contains(&post.function)));
        let mut within: Vec<String> = posts.map(|post| post.uai.clone()).collect();
        within.dedup();
        (!within.is_empty()).then_some(Self::Within(within))
    }

    /// Whether that includes acting on them: never on oneself, and on who has rights of their own only for
    /// who has them all.
    pub(crate) fn includes(&self, actor: &Person, other: &Person) -> bool {
        if actor.id == other.id {
            return false;
        }
        match self {
            Self::Everywhere => true,
            Self::Within(uais) => {
                let mut posts = other.posts.iter();
                other.roles.is_empty() && posts.any(|post| uais.contains(&post.uai))
            }
        }
    }
}

/// Somebody who was found.
#[derive(Debug, Clone, Serialize)]
struct Found {
    id: String,
    name: String,
    login: String,
    realm: &'static str,
    places: Vec<String>,
}

impl Found {
    fn of(person: &Person) -> Self {
        let name = format!("{} {} {}", person.title, person.given_name, person.surname);
        let mut places: Vec<String> = person.posts.iter().map(|post| post.place.clone()).collect();
        places.dedup();
        Self {
            id: person.id.clone(),
            name: name.trim().to_owned(),
            login: person.login.clone(),
            realm: person.realm.as_str(),
            places,
        }
    }
}

/// What was done, to show once.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "what", rename_all = "lowercase")]
enum Done {
    Code { code: String, hours: i64 },
    Unlocked,
    Factors,
}

/// « Guichet d'assistance »
#[derive(Debug, Serialize)]
pub(crate) struct DeskPage {
    badge: Badge,
    everywhere: bool,
    query: String,
    searched: bool,
    people: Vec<Found>,
    most: Option<usize>,
    person: Option<Found>,
    contact: Option<String>,
    factors: usize,
    reason: String,
    said: &'static str,
    done: Option<Done>,
}

impl Page for DeskPage {
    const TEMPLATE: &'static str = "account-desk.html";

    fn samples() -> Vec<Self> {
        let jeanne = Found {
            id: "i".into(),
            name: "Jeanne Bernard".into(),
            login: "jeanne.b".into(),
            realm: "eleve",
            places: vec!["Collège Marie-Curie".into()],
        };
        let page = |everywhere| Self::blank(sample_badge(), everywhere);
        let person = || Some(jeanne.clone());
        let done = |done| Self {
            person: person(),
            done: Some(done),
            ..page(true)
        };
        let said = |said| Self {
            person: person(),
            contact: Some("a…@perso.example".into()),
            factors: 1,
            reason: "Perdu".into(),
            said,
            ..page(false)
        };
        vec![
            page(false),
            Self {
                searched: true,
                query: "x".into(),
                ..page(true)
            },
            Self {
                searched: true,
                people: vec![jeanne.clone()],
                most: Some(MOST),
                ..page(true)
            },
            Self {
                person: person(),
                ..page(false)
            },
            said(""),
            said("expired"),
            said("reason"),
            said("unchecked"),
            done(Done::Code {
                code: "K7QPR-3MXDT".into(),
                hours: 24,
            }),
            done(Done::Unlocked),
            done(Done::Factors),
        ]
    }

    fn user(&self) -> Option<Badge> {
        Some(self.badge.clone())
    }
}

impl DeskPage {
    fn blank(badge: Badge, everywhere: bool) -> Self {
        Self {
            badge,
            everywhere,
            query: String::new(),
            searched: false,
            people: Vec::new(),
            most: None,
            person: None,
            contact: None,
            factors: 0,
            reason: String::new(),
            said: "",
            done: None,
        }
    }
}

/// What the address says.
#[derive(Deserialize)]
pub(crate) struct Asked {
    q: Option<String>,
    personne: Option<String>,
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Typed {
    csrf: Option<String>,
    personne: Option<String>,
    action: Option<String>,
    motif: Option<String>,
    verifie: Option<String>,
}

/// Who is at the desk.
struct Clerk {
    person: Person,
    scope: Scope,
    badge: Badge,
}

/// `GET`: a search, or somebody who was found.
pub(crate) async fn show(
    visit: Visit,
    account: Data<Account>,
    Query(asked): Query<Asked>,
) -> Result<HttpResponse, Refused> {
    let clerk = match account.clerk(&visit).await? {
        Ok(clerk) => clerk,
        Err(start) => return Ok(start),
    };
    if let Some(id) = asked.personne {
        let person = account.looked_after(&clerk, &id).await?;
        let page = account.person_page(&clerk, &person).await?;
        return visit.page(&page);
    }
    let mut page = DeskPage::blank(clerk.badge.clone(), clerk.scope == Scope::Everywhere);
    let query: String = asked
        .q
        .unwrap_or_default()
        .trim()
        .chars()
        .take(LONGEST)
        .collect();
    if query.chars().count() >= SHORTEST {
        let uais = match &clerk.scope {
            Scope::Everywhere => None,
            Scope::Within(uais) => Some(uais.as_slice()),
        };
        let found = account.parts.directory.accounts.search(&query, uais, MOST);
        let found = found.await.map_err(refusals::away)?;
        page.most = (found.len() == MOST).then_some(MOST);
        let within = found
            .iter()
            .filter(|one| clerk.scope.includes(&clerk.person, one));
        page.people = within.map(Found::of).collect();
        page.searched = true;
    }
    page.query = query;
    visit.page(&page)
}

/// `POST`: acts on somebody.
pub(crate) async fn act(
    visit: Visit,
    account: Data<Account>,
    Form(typed): Form<Typed>,
) -> Result<HttpResponse, Refused> {
    let clerk = match account.clerk(&visit).await? {
        Ok(clerk) => clerk,
        Err(start) => return Ok(start),
    };
    let id = typed.personne.unwrap_or_default();
    let person = account.looked_after(&clerk, &id).await?;
    let mut page = account.person_page(&clerk, &person).await?;
    let reason: String = typed
        .motif
        .unwrap_or_default()
        .trim()
        .chars()
        .take(LONGEST)
        .collect();
    page.said = if visit.check_csrf(FORM, typed.csrf.as_deref()).is_err() {
        "expired"
    } else if reason.chars().count() < REASON {
        "reason"
    } else if typed.verifie.is_none() {
        "unchecked"
    } else {
        ""
    };
    page.reason.clone_from(&reason);
    if !page.said.is_empty() {
        let status = match page.said {
            "expired" => StatusCode::OK,
            _ => StatusCode::BAD_REQUEST,
        };
        return visit.page_with(status, &page);
    }
    let action = typed.action.unwrap_or_default();
    let (done, name) = match action.as_str() {
        "code" => (account.hand_over(&visit, &person).await?, "desk.code"),
        "deblocage" => (account.unlock(&visit, &person).await?, "desk.unlock"),
        "facteurs" => (account.reset_factors(&person).await?, "desk.factors"),
        _ => {
            return Err(Refused::malformed(
                "EDU-7004",
                "malformed",
                "no such action at the desk",
            ));
        }
    };
    let event = Event::new(name)
        .with("by", clerk.person.id)
        .with("person", person.id.as_str())
        .with("reason", reason);
    visit.tell(event);
    visit.edge().count("eduline_desk_total", &[("what", name)]);
    letters::tell_everywhere(&visit, &account, &person, &Kind::Desk(done.word())).await;
    page.done = Some(done);
    visit.page(&page)
}

impl Done {
    /// What the letter to the person calls it.
    fn word(&self) -> &'static str {
        match self {
            Self::Code { .. } => "code",
            Self::Unlocked => "unlocked",
            Self::Factors => "factors",
        }
    }
}

impl Account {
    /// Where somebody may act at the desk.
    pub(crate) fn scope(&self, person: &Person) -> Option<Scope> {
        Scope::of(person, &self.parts.desk_functions)
    }

    async fn clerk(&self, visit: &Visit) -> Result<Result<Clerk, HttpResponse>, Refused> {
        let signed = match self.signed(visit).await? {
            Ok(signed) => signed,
            Err(start) => return Ok(Err(start)),
        };
        let scope = self.scope(&signed.person).ok_or_else(|| {
            let story = "no role or function that looks after others";
            Refused::forbidden("EDU-7003", "forbidden", story).way_out("account.home", "/compte/")
        })?;
        Ok(Ok(Clerk {
            scope,
            person: signed.person,
            badge: signed.badge,
        }))
    }

    /// The person of that id, if the clerk looks after them: who is elsewhere and who is nobody are told
    /// alike.
    async fn looked_after(&self, clerk: &Clerk, id: &str) -> Result<Person, Refused> {
        let found = self.parts.directory.accounts.person(id).await;
        let found = found.map_err(refusals::away)?;
        let within = found.filter(|one| clerk.scope.includes(&clerk.person, one));
        within.ok_or_else(|| {
            let story = "nobody the desk looks after";
            Refused::forbidden("EDU-7005", "desk-elsewhere", story)
                .way_out("account.desk-title", PATH)
        })
    }

    async fn person_page(&self, clerk: &Clerk, person: &Person) -> Result<DeskPage, Refused> {
        let directory = &self.parts.directory;
        let contact = directory.recovery.contact(&person.id).await;
        let factors = directory.factors.list(&person.id).await;
        Ok(DeskPage {
            person: Some(Found::of(person)),
            contact: contact
                .map_err(refusals::away)?
                .map(|mail| mail::masked(&mail)),
            factors: factors.map_err(refusals::away)?.len(),
            ..DeskPage::blank(clerk.badge.clone(), clerk.scope == Scope::Everywhere)
        })
    }

    async fn hand_over(&self, visit: &Visit, person: &Person) -> Result<Done, Refused> {
        let recovery = &self.parts.directory.recovery;
        let code = recovery
            .give_code(&person.id, HANDED_OVER, visit.edge().now())
            .await;
        // Whoever still knows the password of before changes it, too.
        let passwords = &self.parts.directory.passwords;
        let asked = passwords.ask_for_change(&person.id).await;
        asked.map_err(refusals::away)?;
        Ok(Done::Code {
            code: code.map_err(refusals::away)?,
            hours: HANDED_OVER.num_hours(),
        })
    }

    /// Failures are forgotten: of second factors now, those that are counted here and at the sign-on once the
    /// notice is heard.
    async fn unlock(&self, visit: &Visit, person: &Person) -> Result<Done, Refused> {
        let directory = &self.parts.directory;
        let excused = directory.factors.excuse(&person.id).await;
        excused.map_err(refusals::away)?;
        let notice = Notice::of(person, What::Unlocked, visit.edge().now());
        let told = directory.notices.tell(&notice).await;
        told.map_err(refusals::away)?;
        Ok(Done::Unlocked)
    }

    async fn reset_factors(&self, person: &Person) -> Result<Done, Refused> {
        let factors = &self.parts.directory.factors;
        for factor in factors.list(&person.id).await.map_err(refusals::away)? {
            let removed = factors.remove(&person.id, &factor.id).await;
            removed.map_err(refusals::away)?;
        }
        Ok(Done::Factors)
    }
}

#[cfg(test)]
mod tests {
    use directory::Post;

    use super::*;

    fn person(id: &str, functions: &[(&str, &str)], roles: &[&str]) -> Person {
        let post = |(function, uai): &(&str, &str)| Post {
            function: (*function).to_owned(),
            uai: (*uai).to_owned(),
            place: String::new(),
        };
        Person {
            id: id.to_owned(),
            realm: Realm::Personnel,
            login: id.to_owned(),
            title: String::new(),
            given_name: String::new(),
            surname: String::new(),
            mail: None,
            posts: functions.iter().map(post).collect(),
            delegations: Vec::new(),
            groups: Vec::new(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            second_factor: "none".to_owned(),
        }
    }

    #[test]
    fn u12_the_desk_ends_where_its_clerk_is_responsible() {
        let heads = ["directeur_ecole".to_owned()];
        let scope = |one: &Person| Scope::of(one, &heads);
        let head = person(
            "h",
            &[("directeur_ecole", "A"), ("enseignant_1d", "B")],
            &[],
        );
        let aide = person("a", &[("aed", "A")], &["assistance"]);
        let operator = person("o", &[("dsi", "C")], &["operateur"]);
        let teacher = person("t", &[("enseignant_1d", "A")], &[]);
        let elsewhere = person("e", &[("enseignant_1d", "B")], &[]);
        assert_eq!(scope(&teacher), None);
        assert_eq!(scope(&head), Some(Scope::Within(vec!["A".to_owned()])));
        assert_eq!(scope(&operator), Some(Scope::Everywhere));
        for (clerk, other, may) in [
            (&head, &teacher, true),
            (&aide, &teacher, true),
            (&aide, &head, true),
            (&operator, &elsewhere, true),
            (&operator, &aide, true),
            (&head, &elsewhere, false),
            (&head, &head, false),
            (&operator, &operator, false),
            (&head, &aide, false),
            (&aide, &operator, false),
        ] {
            let scope = scope(clerk).unwrap();
            assert_eq!(
                scope.includes(clerk, other),
                may,
                "{} {}",
                clerk.id,
                other.id
            );
        }
        let pupil = Person {
            realm: Realm::Eleve,
            ..head.clone()
        };
        assert_eq!(scope(&pupil), None, "functions are those of staff");
    }
}
