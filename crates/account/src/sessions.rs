//! `GET` and `POST /compte/sessions`: where this person is signed on, and ending it.

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use directory::Realm;
use directory::notices::{Notice, What};
use saml::EntityId;
use serde::{Deserialize, Serialize};
use sp::Sent;
use web::{Badge, Event, Form, Page, Refused, Visit};

use crate::home::sample_badge;
use crate::moments::Moment;
use crate::signed::Signed;
use crate::{Account, refusals};

const FORM: &str = "account-sessions";
const PATH: &str = "/compte/sessions";

/// One open session at the identity provider, in whatever process it was opened.
#[derive(Debug, Clone)]
pub struct OpenSession {
    /// Its `SessionIndex`.
    pub index: String,
    /// When its person last gave their password.
    pub since: DateTime<Utc>,
    /// When its browser was last seen.
    pub last: DateTime<Utc>,
    /// Whether a second factor was given.
    pub second: bool,
    /// Where it was opened from; empty: not known.
    pub address: String,
    /// What its browser says it is; may be empty.
    pub device: String,
    /// The services it opened.
    pub services: Vec<EntityId>,
}

/// Where the open sessions are known.
#[async_trait::async_trait(?Send)]
pub trait OpenSessions: Send + Sync {
    /// Those of a person of that realm, the latest seen first.
    async fn of(
        &self,
        person: (Realm, &str),
        now: DateTime<Utc>,
    ) -> Result<Vec<OpenSession>, Refused>;
}

/// « Sessions ouvertes »
#[derive(Serialize)]
pub(crate) struct SessionsPage {
    badge: Badge,
    pupil: bool,
    notice: &'static str,
    sessions: Vec<Row>,
    /// Whether there are others than this one.
    has_others: bool,
}

#[derive(Serialize)]
struct Row {
    index: String,
    is_this: bool,
    since: Moment,
    last: Moment,
    second: bool,
    address: String,
    device: String,
    services: Vec<String>,
}

impl Page for SessionsPage {
    const TEMPLATE: &'static str = "account-sessions.html";

    fn samples() -> Vec<Self> {
        let row = |is_this, device: &str, services: &[&str]| Row {
            index: "_a".to_owned(),
            is_this,
            since: Moment::of(DateTime::UNIX_EPOCH),
            last: Moment::of(DateTime::UNIX_EPOCH),
            second: is_this,
            address: if is_this { "203.0.113.7" } else { "" }.to_owned(),
            device: device.to_owned(),
            services: services.iter().map(|name| (*name).to_owned()).collect(),
        };
        let this = || row(true, "Firefox, Windows", &["Portail", "Magistère"]);
        let page = |notice, sessions: Vec<Row>| Self {
            badge: sample_badge(),
            pupil: notice == "ended",
            notice,
            has_others: sessions.len() > 1,
            sessions,
        };
        vec![
            page("", vec![this(), row(false, "", &[])]),
            page("ended", vec![this()]),
            page("expired", vec![]),
            page(
                "ended",
                vec![this(), row(false, "Safari, iPhone", &["Portail"])],
            ),
        ]
    }

    fn user(&self) -> Option<Badge> {
        Some(self.badge.clone())
    }

    fn tutoie(&self) -> bool {
        self.pupil
    }
}

/// What the forms send.
#[derive(Deserialize)]
pub(crate) struct Told {
    csrf: Option<String>,
    choice: Option<String>,
    session: Option<String>,
}

impl Told {
    /// The form, for it to be kept while its person signs on.
    fn kept(&self) -> Sent<'_> {
        let is_all = self.choice.as_deref() == Some("others");
        let fields = [("choice", &self.choice), ("session", &self.session)];
        let fields = fields
            .iter()
            .filter_map(|(name, value)| Some((*name, (*value).clone()?)));
        Sent {
            form: FORM,
            csrf: self.csrf.as_deref(),
            action: PATH,
            page: PATH.to_owned(),
            title: if is_all {
                "account.sessions-others"
            } else {
                "account.sessions-end"
            },
            shown: Vec::new(),
            fields: fields.collect(),
        }
    }
}

pub(crate) async fn show(visit: Visit, account: Data<Account>) -> Result<HttpResponse, Refused> {
    match account.signed(&visit).await? {
        Ok(signed) => {
            let open = open(&visit, &account, &signed).await?;
            page(&visit, &account, signed, ("", open))
        }
        Err(start) => Ok(start),
    }
}

/// `POST`: ends one, or all but this one. Whoever signs people on hears of it within a second.
pub(crate) async fn end(
    visit: Visit,
    account: Data<Account>,
    Form(sent): Form<Told>,
) -> Result<HttpResponse, Refused> {
    let signed = match account.signed_with(&visit, Some(sent.kept())).await? {
        Ok(signed) => signed,
        Err(start) => return Ok(start),
    };
    let mut open = open(&visit, &account, &signed).await?;
    if visit.check_csrf(FORM, sent.csrf.as_deref()).is_err() {
        return page(&visit, &account, signed, ("expired", open));
    }
    let notice = Notice::of(&signed.person, What::Left, visit.edge().now());
    let own = signed.index.clone();
    let (which, notice) = match (sent.choice.as_deref(), sent.session) {
        (Some("others"), _) => {
            open.retain(|one| Some(&one.index) == own.as_ref());
            ("others", notice.sparing(own))
        }
        // Only what is in the list: nobody ends what is not theirs, nor here what they are in.
        (Some("end"), Some(index))
            if own.as_ref() != Some(&index) && open.iter().any(|one| one.index == index) =>
        {
            open.retain(|one| one.index != index);
            ("one", notice.only(index))
        }
        _ => return page(&visit, &account, signed, ("", open)),
    };
    let told = account.parts.directory.notices.tell(&notice).await;
    told.map_err(refusals::away)?;
    let event = Event::new("account.sessions.ended");
    visit.tell(
        event
            .with("person", signed.person.id.as_str())
            .with("which", which),
    );
    page(&visit, &account, signed, ("ended", open))
}

async fn open(
    visit: &Visit,
    account: &Account,
    signed: &Signed,
) -> Result<Vec<OpenSession>, Refused> {
    let person = (signed.person.realm, signed.person.id.as_str());
    account.parts.sessions.of(person, visit.edge().now()).await
}

fn page(
    visit: &Visit,
    account: &Account,
    signed: Signed,
    (notice, open): (&'static str, Vec<OpenSession>),
) -> Result<HttpResponse, Refused> {
    let row = |one: OpenSession| Row {
        is_this: signed.index.as_ref() == Some(&one.index),
        index: one.index,
        since: Moment::of(one.since),
        last: Moment::of(one.last),
        second: one.second,
        address: one.address,
        device: one.device,
        services: one
            .services
            .iter()
            .map(|service| account.named(visit, service.as_str()))
            .collect(),
    };
    let sessions: Vec<Row> = open.into_iter().map(row).collect();
    visit.page(&SessionsPage {
        pupil: signed.tutoie(),
        badge: signed.badge,
        notice,
        has_others: sessions.iter().any(|one| !one.is_this),
        sessions,
    })
}
