//! « Gérer mes favoris »: what is chosen, in its order, and everything that may be.

use serde::Serialize;
use web::{Badge, Page};

use super::view::{self, Section};
use super::{View, sample_badge};
use crate::memory::MOST;

/// The page.
#[derive(Debug, Serialize)]
pub(crate) struct FavouritesPage {
    badge: Badge,
    pupil: bool,
    /// The form was too old and is shown again.
    expired: bool,
    room: Room,
    /// Whether what they open is counted.
    counts: bool,
    chosen: Vec<Choice>,
    /// The others, under the names of their categories.
    sections: Vec<Section>,
}

/// Whether there may be more favourites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Room {
    Free,
    /// As many as there may be.
    Full,
    /// Nothing can be kept: their provider calls this person otherwise each time.
    Nameless,
}

/// A favourite.
#[derive(Debug, Serialize)]
struct Choice {
    id: String,
    name: String,
}

impl FavouritesPage {
    /// The page of that person; `lasting`: whether their provider calls them the same tomorrow.
    pub(crate) fn of(badge: Badge, view: &View<'_>, lasting: bool, expired: bool) -> Self {
        let chosen = view.favourites().into_iter();
        let sections = view.catalogue.categories.iter().map(|category| Section {
            heading: Some(view.told(&category.nom, &category.nom_en)),
            links: view
                .seen(&category.id)
                .map(|one| view.link(one))
                .filter(|link| !link.is_favourite)
                .collect(),
        });
        Self {
            badge,
            pupil: view.visitor.is_pupil(),
            expired,
            room: match (lasting, view.favourites.len()) {
                (false, _) => Room::Nameless,
                (true, MOST..) => Room::Full,
                _ => Room::Free,
            },
            counts: !view.uses.off,
            chosen: chosen
                .map(|link| Choice {
                    id: link.id,
                    name: link.name,
                })
                .collect(),
            sections: sections.filter(|one| !one.links.is_empty()).collect(),
        }
    }
}

impl Page for FavouritesPage {
    const TEMPLATE: &'static str = "portal-favourites.html";

    fn samples() -> Vec<Self> {
        let page = |pupil, chosen: &[&str]| Self {
            badge: sample_badge(),
            pupil,
            expired: pupil,
            room: Room::Free,
            counts: pupil,
            chosen: chosen
                .iter()
                .map(|name| Choice {
                    id: name.to_lowercase(),
                    name: (*name).to_owned(),
                })
                .collect(),
            sections: vec![Section {
                heading: Some("Formation à distance".into()),
                links: view::sample_links(),
            }],
        };
        let mut nameless = page(true, &[]);
        nameless.room = Room::Nameless;
        let mut full = page(true, &["Magistere"]);
        full.room = Room::Full;
        let mut everything = page(false, &["Magistere"]);
        everything.sections.clear();
        vec![
            page(false, &["Magistere", "Éduscol", "SOGo"]),
            page(true, &[]),
            nameless,
            full,
            everything,
        ]
    }

    fn user(&self) -> Option<Badge> {
        Some(self.badge.clone())
    }

    fn tutoie(&self) -> bool {
        self.pupil
    }
}
