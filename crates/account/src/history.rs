//! `GET /compte/historique`: who signed in as this person, and who tried.

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::DateTime;
use directory::history::SignIn;
use saml::EntityId;
use serde::Serialize;
use web::{Badge, Page, Refused, Visit};

use crate::home::sample_badge;
use crate::moments::Moment;
use crate::{Account, refusals};

/// « Historique des connexions »
#[derive(Serialize)]
pub(crate) struct HistoryPage {
    badge: Badge,
    pupil: bool,
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    what: &'static str,
    refused: bool,
    at: Moment,
    device: String,
    address: String,
    service: Option<String>,
}

impl Line {
    fn of(account: &Account, visit: &Visit, line: SignIn) -> Self {
        Self {
            what: line.what.as_str(),
            refused: line.what.is_refused(),
            at: Moment::of(line.at),
            device: line.device,
            address: line.address,
            service: line.service.map(|service| account.named(visit, &service)),
        }
    }
}

impl Account {
    /// What a service or a provider calls itself; its entityID when it says nothing.
    pub(crate) fn named(&self, visit: &Visit, entity: &str) -> String {
        let id = EntityId::parse(entity).ok();
        let name = id.and_then(|id| self.parts.service.provider_name(&id, visit.lang()));
        name.unwrap_or_else(|| entity.to_owned())
    }
}

impl Page for HistoryPage {
    const TEMPLATE: &'static str = "account-history.html";

    fn samples() -> Vec<Self> {
        use directory::history::What;
        let line = |what: What, device: &str, service: Option<&str>| Line {
            what: what.as_str(),
            refused: what.is_refused(),
            at: Moment::of(DateTime::UNIX_EPOCH),
            device: device.to_owned(),
            address: "203.0.113.7".to_owned(),
            service: service.map(str::to_owned),
        };
        let lines = vec![
            line(What::Password, "Firefox, Windows", Some("Portail")),
            line(What::Second, "Safari, iPhone", None),
            line(What::RecoveryCode, "", Some("Portail")),
            line(What::Passkey, "", None),
            line(What::Refused, "", Some("Portail")),
            line(What::SecondRefused, "Edge, Windows", None),
        ];
        let page = |pupil, lines| Self {
            badge: sample_badge(),
            pupil,
            lines,
        };
        vec![page(false, lines), page(true, Vec::new())]
    }

    fn user(&self) -> Option<Badge> {
        Some(self.badge.clone())
    }

    fn tutoie(&self) -> bool {
        self.pupil
    }
}

/// The page of who is signed in.
pub(crate) async fn show(visit: Visit, account: Data<Account>) -> Result<HttpResponse, Refused> {
    let signed = match account.signed(&visit).await? {
        Ok(signed) => signed,
        Err(start) => return Ok(start),
    };
    let history = &account.parts.directory.history;
    let lines = history.list(&signed.person.id, visit.edge().now()).await;
    let lines = lines.map_err(refusals::away)?.into_iter();
    visit.page(&HistoryPage {
        pupil: signed.tutoie(),
        badge: signed.badge,
        lines: lines.map(|line| Line::of(&account, &visit, line)).collect(),
    })
}
