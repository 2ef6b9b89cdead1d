//! The portal's pages.

use serde::Serialize;
use web::{Badge, Page};

mod applications;
mod favourites;
mod offer;
mod trouble;
mod view;

pub(crate) use applications::{APPLICATIONS, ApplicationsPage};
pub(crate) use favourites::FavouritesPage;
pub(crate) use offer::{OFFER, OfferPage};
pub(crate) use trouble::{Said, TroublePage};
pub(crate) use view::View;

use view::{InPost, Link, News, Role};

/// « Bonjour … »: the way to the applications.
#[derive(Debug, Serialize)]
pub(crate) struct HomePage {
    badge: Badge,
    pupil: bool,
    /// A form was too old and is shown again.
    pub(crate) expired: bool,
    /// Who vouched for this person.
    provider: Option<String>,
    roles: Vec<Role>,
    in_post: Option<InPost>,
    favourites: Vec<Link>,
    /// Opened last.
    recent: Vec<Link>,
    /// Opened often, besides.
    often: Vec<Link>,
    news: Vec<News>,
}

impl HomePage {
    /// The page of that visitor.
    pub(crate) fn of(badge: Badge, view: &View<'_>, provider: Option<String>) -> Self {
        let (recent, often) = view.used();
        Self {
            badge,
            pupil: view.visitor.is_pupil(),
            expired: false,
            provider,
            roles: view.roles(),
            in_post: view.in_post(),
            favourites: view.favourites(),
            recent,
            often,
            news: view.news(),
        }
    }
}

impl Page for HomePage {
    const TEMPLATE: &'static str = "portal-home.html";

    fn samples() -> Vec<Self> {
        let page = |pupil, provider: Option<&str>| Self {
            badge: sample_badge(),
            pupil,
            expired: pupil,
            provider: provider.map(str::to_owned),
            roles: Vec::new(),
            in_post: pupil.then(|| view::sample_in_post(None)),
            favourites: Vec::new(),
            recent: Vec::new(),
            often: Vec::new(),
            news: Vec::new(),
        };
        let full = Self {
            roles: view::sample_roles(),
            favourites: view::sample_links(),
            recent: view::sample_links(),
            often: view::sample_links(),
            news: view::sample_news(),
            ..page(false, Some("Personnel"))
        };
        vec![page(false, Some("Personnel")), page(true, None), full]
    }

    fn user(&self) -> Option<Badge> {
        Some(self.badge.clone())
    }

    fn tutoie(&self) -> bool {
        self.pupil
    }
}

fn sample_badge() -> Badge {
    Badge {
        login: "amartin".into(),
        name: "Anne Martin".into(),
        logout: "/portail/logout".into(),
    }
}
