//! What a person sent to services: `GET` and `POST /idp/<realm>/releases` (R08).

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::SecondsFormat;
use directory::releases::Release;
use saml::{EntityId, attribute};
use serde::{Deserialize, Serialize};
use web::{Event, Form, Page, Refused, Visit};

use crate::realm::Realm;
use crate::refusals;

const FORM: &str = "idp-releases";

/// « Ce que les services ont reçu »
#[derive(Serialize)]
pub(crate) struct PastPage {
    action: String,
    portal: String,
    logout: String,
    is_signed_on: bool,
    services: Vec<Row>,
    notice: Notice,
    tutoie: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Notice {
    None,
    Expired,
    Forgotten,
}

/// One service.
#[derive(Serialize)]
struct Row {
    id: String,
    name: Option<String>,
    /// The last time, for machines and for people.
    machine: String,
    shown: String,
    times: u64,
    names: Vec<String>,
    /// What they keep back.
    declined: Vec<String>,
    /// Its page is not shown any more, and could be again.
    is_remembered: bool,
}

impl Page for PastPage {
    const TEMPLATE: &'static str = "idp-releases.html";

    fn samples() -> Vec<Self> {
        let row = |name: Option<&str>, times, names: &[&str]| Row {
            id: "https://service.example/sp".to_owned(),
            name: name.map(str::to_owned),
            machine: "2026-11-24T08:00:00Z".to_owned(),
            shown: "2026-11-24 08:00 UTC".to_owned(),
            times,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            declined: names
                .iter()
                .skip(1)
                .map(|name| (*name).to_owned())
                .collect(),
            is_remembered: times != 1,
        };
        let page = |is_signed_on, services, notice| Self {
            action: "/idp/personnel/releases".to_owned(),
            portal: "/portail/".to_owned(),
            logout: "/idp/personnel/logout".to_owned(),
            is_signed_on,
            services,
            notice,
            tutoie: notice == Notice::Forgotten,
        };
        let rows = || {
            vec![
                row(Some("Bibliothèque"), 3, &["mail", "other"]),
                row(None, 1, &[]),
                row(Some("Cantine"), 0, &[]),
            ]
        };
        vec![
            page(true, rows(), Notice::None),
            page(true, rows(), Notice::Forgotten),
            page(true, rows(), Notice::Expired),
            page(true, Vec::new(), Notice::None),
            page(false, Vec::new(), Notice::None),
        ]
    }

    fn tutoie(&self) -> bool {
        self.tutoie
    }
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Sent {
    csrf: Option<String>,
    service: Option<String>,
}

pub(crate) async fn show(visit: Visit, realm: Data<Realm>) -> Result<HttpResponse, Refused> {
    page(&visit, &realm, Notice::None).await
}

/// Shows the page of a service again from now on. What was sent stays sent.
pub(crate) async fn forget(
    visit: Visit,
    realm: Data<Realm>,
    Form(sent): Form<Sent>,
) -> Result<HttpResponse, Refused> {
    if visit.check_csrf(FORM, sent.csrf.as_deref()).is_err() {
        return page(&visit, &realm, Notice::Expired).await;
    }
    let service = sent.service.unwrap_or_default();
    let notice = match realm.session(&visit).await? {
        Some(session) => {
            let person = session.value.person.as_str();
            let forgotten = realm.directory.releases.forget(person, &service).await;
            if forgotten.map_err(refusals::away)? {
                let event = Event::new("idp.information.forgotten").with("person", person);
                visit.tell(event.with("sp", service));
                Notice::Forgotten
            } else {
                Notice::None
            }
        }
        None => Notice::None,
    };
    page(&visit, &realm, notice).await
}

async fn page(visit: &Visit, realm: &Realm, notice: Notice) -> Result<HttpResponse, Refused> {
    let session = realm.session(visit).await?;
    let releases = match &session {
        Some(session) => realm.directory.releases.list(&session.value.person).await,
        None => Ok(Vec::new()),
    };
    let releases = releases.map_err(refusals::away)?;
    visit.page(&PastPage {
        action: realm.path("/releases"),
        portal: "/portail/".to_owned(),
        logout: realm.path("/logout"),
        is_signed_on: session.is_some(),
        services: releases
            .into_iter()
            .map(|release| Row::of(visit, realm, release))
            .collect(),
        notice,
        tutoie: realm.tutoie(),
    })
}

impl Row {
    fn of(visit: &Visit, realm: &Realm, release: Release) -> Self {
        let snapshot = realm.federation.snapshot();
        let entity = EntityId::parse(&release.service);
        let entity = entity.ok().and_then(|id| snapshot.entity(&id));
        let name = entity.and_then(|entity| entity.ui.display_name(visit.lang().as_str()));
        let label = |name: String| match attribute::find(&name) {
            Some(_) => name,
            // One that only another release knows.
            None => "other".to_owned(),
        };
        Self {
            name: name.map(str::to_owned),
            id: release.service,
            machine: release.last.to_rfc3339_opts(SecondsFormat::Secs, true),
            shown: release.last.format("%Y-%m-%d %H:%M UTC").to_string(),
            times: release.times,
            names: release.names.into_iter().map(label).collect(),
            declined: release.declined.into_iter().map(label).collect(),
            is_remembered: release.told.is_some(),
        }
    }
}
