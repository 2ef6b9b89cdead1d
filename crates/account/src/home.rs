//! `GET /compte/`: the menu.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use web::{Badge, Page, Refused, Visit};

use crate::Account;
use crate::reading::Link;

/// « Gestion du compte ». Anybody may read it: who has lost a password has no session.
#[derive(Debug, Serialize)]
pub(crate) struct HomePage {
    badge: Option<Badge>,
    pupil: bool,
    desk: bool,
    /// Whether their realm has a charter.
    charter: bool,
    links: Vec<Link>,
}

impl Page for HomePage {
    const TEMPLATE: &'static str = "account-home.html";

    fn samples() -> Vec<Self> {
        let page = |badge: Option<Badge>, pupil: bool| Self {
            desk: badge.is_some() && !pupil,
            charter: pupil,
            links: if pupil { Vec::new() } else { Link::samples() },
            badge,
            pupil,
        };
        vec![
            page(None, false),
            page(Some(sample_badge()), false),
            page(Some(sample_badge()), true),
        ]
    }

    fn user(&self) -> Option<Badge> {
        self.badge.clone()
    }

    fn tutoie(&self) -> bool {
        self.pupil
    }
}

/// The menu, whoever comes.
pub(crate) async fn show(visit: Visit, account: Data<Account>) -> Result<HttpResponse, Refused> {
    let service = &account.parts.service;
    let session = service.current(&visit).await?;
    let signed_in = session.map(|session| session.value);
    let (mut desk, mut charter) = (false, false);
    if let Some(one) = &signed_in
        && let Some(realm) = account.parts.realms.get(&one.provider)
    {
        let known = account
            .parts
            .directory
            .accounts
            .find(*realm, one.user())
            .await;
        let known = known.map_err(crate::refusals::away)?;
        charter = account.parts.charters.contains_key(realm);
        desk = known.is_some_and(|person| account.scope(&person).is_some());
    }
    visit.page(&HomePage {
        badge: signed_in.as_ref().map(|one| service.badge(one)),
        pupil: signed_in.is_some_and(|one| one.is_pupil()),
        desk,
        charter,
        links: account.links(),
    })
}

/// Somebody, for samples.
pub(crate) fn sample_badge() -> Badge {
    Badge {
        login: "amartin".into(),
        name: "Anne Martin".into(),
        logout: "/compte/logout".into(),
    }
}
