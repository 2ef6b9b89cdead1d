//! What the operator writes for people to read: the charter they accepted (`/compte/charte`), « S'informer sur » and
//! « Actualité » (`/compte/informations`).

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use directory::agreements::Agreement;
use serde::{Deserialize, Serialize};
use web::{Badge, Page, Query, Refused, Visit, Written};

use crate::home::sample_badge;
use crate::moments::Moment;
use crate::{Account, refusals};

/// What news are called among the pages.
pub(crate) const NEWS: &str = "actualite";
/// Signs of a version that are shown.
const SHOWN: usize = 8;

/// A page that the operator wrote, and the name in its address.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// `a-z 0-9 -`.
    pub name: String,
    /// The text.
    pub written: Written,
}

/// A link to one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Link {
    name: String,
    title: String,
    is_news: bool,
}

impl Account {
    /// The pages there are, news first.
    pub(crate) fn links(&self) -> Vec<Link> {
        let mut links: Vec<Link> = self.parts.pages.iter().map(Link::of).collect();
        links.sort_by_key(|link| !link.is_news);
        links
    }
}

impl Link {
    fn of(leaf: &Leaf) -> Self {
        Self {
            name: leaf.name.clone(),
            title: leaf.written.title().to_owned(),
            is_news: leaf.name == NEWS,
        }
    }

    /// Some, for samples.
    pub(crate) fn samples() -> Vec<Self> {
        let link = |name: &str, title: &str| Self {
            name: name.to_owned(),
            title: title.to_owned(),
            is_news: name == NEWS,
        };
        vec![
            link(NEWS, "La rentrée"),
            link("hameconnage", "L'hameçonnage"),
        ]
    }
}

/// « S'informer sur »: the list, or one page.
#[derive(Debug, Serialize)]
pub(crate) struct ReadingPage {
    title: Option<String>,
    html: String,
    links: Vec<Link>,
}

impl Page for ReadingPage {
    const TEMPLATE: &'static str = "account-reading.html";

    fn samples() -> Vec<Self> {
        let page = |title: Option<&str>, links| Self {
            title: title.map(str::to_owned),
            html: "<p>Du texte.</p>".to_owned(),
            links,
        };
        vec![
            page(None, Link::samples()),
            page(None, Vec::new()),
            page(Some("L'hameçonnage"), Link::samples()),
        ]
    }
}

/// `GET /compte/informations`.
pub(crate) async fn list(visit: Visit, account: Data<Account>) -> Result<HttpResponse, Refused> {
    visit.page(&ReadingPage {
        title: None,
        html: String::new(),
        links: account.links(),
    })
}

/// `GET /compte/informations/{name}`.
pub(crate) async fn show(
    visit: Visit,
    account: Data<Account>,
    name: Path<String>,
) -> Result<HttpResponse, Refused> {
    let pages = &account.parts.pages;
    let leaf = pages.iter().find(|leaf| leaf.name == *name);
    let leaf = leaf.ok_or_else(refusals::no_such_page)?;
    let mut links = account.links();
    links.retain(|link| link.name != leaf.name);
    visit.page(&ReadingPage {
        title: Some(leaf.written.title().to_owned()),
        html: leaf.written.html().to_owned(),
        links,
    })
}

/// « Charte »: as it stands or stood, and when it was accepted.
#[derive(Debug, Serialize)]
pub(crate) struct CharterPage {
    badge: Badge,
    pupil: bool,
    title: Option<String>,
    html: String,
    /// Whether that is a text of before.
    is_past: bool,
    accepted: Vec<Accepted>,
}

#[derive(Debug, Serialize)]
struct Accepted {
    digest: String,
    version: String,
    at: Moment,
}

impl Accepted {
    fn of(one: &Agreement) -> Self {
        Self {
            digest: one.digest.clone(),
            version: one.digest.chars().take(SHOWN).collect(),
            at: Moment::of(one.at),
        }
    }
}

impl Page for CharterPage {
    const TEMPLATE: &'static str = "account-charter.html";

    fn samples() -> Vec<Self> {
        let one = Agreement {
            digest: "abcdefghijkl".to_owned(),
            at: chrono::DateTime::UNIX_EPOCH,
            text: String::new(),
        };
        let page = |title: Option<&str>, is_past, many: usize| Self {
            badge: sample_badge(),
            pupil: is_past,
            title: title.map(str::to_owned),
            html: "<p>Du texte.</p>".to_owned(),
            is_past,
            accepted: std::iter::repeat_n(&one, many).map(Accepted::of).collect(),
        };
        vec![
            page(None, false, 0),
            page(Some("Charte"), false, 1),
            page(Some("Charte"), true, 2),
        ]
    }

    fn user(&self) -> Option<Badge> {
        Some(self.badge.clone())
    }

    fn tutoie(&self) -> bool {
        self.pupil
    }
}

/// What the address says.
#[derive(Deserialize)]
pub(crate) struct Asked {
    version: Option<String>,
}

/// `GET /compte/charte`.
pub(crate) async fn charter(
    visit: Visit,
    account: Data<Account>,
    Query(asked): Query<Asked>,
) -> Result<HttpResponse, Refused> {
    let signed = match account.signed(&visit).await? {
        Ok(signed) => signed,
        Err(start) => return Ok(start),
    };
    let agreements = &account.parts.directory.agreements;
    let accepted = agreements.list(&signed.person.id).await;
    let accepted = accepted.map_err(refusals::away)?;
    let now = account.parts.charters.get(&signed.person.realm);
    let past = accepted
        .iter()
        .filter(|one| now.is_none_or(|now| now.digest() != one.digest))
        .find(|one| asked.version.as_ref() == Some(&one.digest))
        .and_then(|one| Written::parse(&one.text).ok());
    let text = past.as_ref().or(now.map(AsRef::as_ref));
    visit.page(&CharterPage {
        pupil: signed.tutoie(),
        badge: signed.badge,
        title: text.map(|text| text.title().to_owned()),
        html: text.map_or_else(String::new, |text| text.html().to_owned()),
        is_past: past.is_some(),
        accepted: accepted.iter().map(Accepted::of).collect(),
    })
}
