//! Everything there is, whoever looks: what it is for, whom it is for, and how to ask for it.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use web::{Badge, Lang, Page};

use super::sample_badge;
use super::view::told;
use crate::catalogue::{Application, Catalogue};
use crate::search::Search;
use crate::visitor::{Lacking, Visitor};

/// The address of the page.
pub(crate) const OFFER: &str = "/portail/catalogue";

/// The page.
#[derive(Debug, Serialize)]
pub(crate) struct OfferPage {
    badge: Option<Badge>,
    pupil: bool,
    /// What was searched for.
    search: Option<String>,
    sections: Vec<Section>,
}

/// A category.
#[derive(Debug, Serialize)]
struct Section {
    heading: String,
    offers: Vec<Offer>,
}

/// An application, never with its address.
#[derive(Debug, Serialize)]
struct Offer {
    id: String,
    name: String,
    description: String,
    later: bool,
    /// Words of the profiles it is for.
    profiles: Vec<String>,
    /// Whether whoever looks has it; nobody knows of somebody who is not signed in.
    open: bool,
    /// Word that says why it is not.
    why: Option<&'static str>,
    /// Where to ask for it.
    ask: Option<String>,
}

impl OfferPage {
    /// The page for whoever looks; `of`: whose it is, when they are signed in.
    pub(crate) fn of(
        catalogue: &Catalogue,
        of: Option<(Badge, &Visitor)>,
        search: Option<&Search>,
        lang: Lang,
    ) -> Self {
        let visitor = of.as_ref().map(|(_, visitor)| *visitor);
        let finds = |one: &&Application| search.is_none_or(|search| search.finds(one));
        let sections = catalogue.categories.iter().map(|category| Section {
            heading: told(lang, &category.nom, &category.nom_en),
            offers: catalogue
                .applications
                .iter()
                .filter(|one| one.categorie == category.id && !one.cachee)
                .filter(finds)
                .map(|one| Offer::of(catalogue, one, visitor, lang))
                .collect(),
        });
        Self {
            pupil: visitor.is_some_and(Visitor::is_pupil),
            search: search.map(|search| search.text.clone()),
            sections: sections.filter(|one| !one.offers.is_empty()).collect(),
            badge: of.map(|(badge, _)| badge),
        }
    }
}

impl Offer {
    fn of(catalogue: &Catalogue, one: &Application, visitor: Option<&Visitor>, lang: Lang) -> Self {
        let lacking = visitor.map(|visitor| visitor.lacks(one));
        let open = lacking == Some(None);
        let ask = one.demande.as_ref().or(catalogue.demande.as_ref());
        Self {
            id: one.id.clone(),
            name: web::typeset(&one.nom, lang),
            description: told(lang, &one.description, &one.description_en),
            later: one.bientot,
            profiles: one
                .profils
                .iter()
                .map(|profile| format!("portal.for-{profile}"))
                .collect(),
            open,
            why: lacking.flatten().map(|lacking| match lacking {
                Lacking::Profile => "portal.lacks-profile",
                Lacking::Function => "portal.lacks-function",
                Lacking::FunctionOrDelegation => "portal.lacks-delegation",
                Lacking::OtherPost => "portal.lacks-post",
            }),
            ask: ask.filter(|_| !open).map(|place| demand(place, &one.nom)),
        }
    }
}

/// Where access is asked for; a letter says for what.
fn demand(place: &str, name: &str) -> String {
    if place.starts_with("mailto:") {
        let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
        format!("{place}?subject={name}")
    } else {
        place.to_owned()
    }
}

impl Page for OfferPage {
    const TEMPLATE: &'static str = "portal-offer.html";

    fn samples() -> Vec<Self> {
        let offer = |open: bool, why: Option<&'static str>| Offer {
            id: "onde".into(),
            name: "ONDE".into(),
            description: "Outil numérique pour la direction de l'école.".into(),
            later: why.is_none(),
            profiles: vec!["portal.for-personnel".into(), "portal.for-parent".into()],
            open,
            why,
            ask: (!open).then(|| demand("mailto:dsi@ac-demo.example", "L'ONDE & <co>")),
        };
        let page = |badge: Option<Badge>, pupil, search: Option<&str>, offers| Self {
            badge,
            pupil,
            search: search.map(str::to_owned),
            sections: vec![Section {
                heading: "Scolarité du 1er degré".into(),
                offers,
            }],
        };
        let of_all = || {
            vec![
                offer(true, None),
                offer(false, Some("portal.lacks-profile")),
                offer(false, Some("portal.lacks-function")),
                offer(false, Some("portal.lacks-delegation")),
                offer(false, Some("portal.lacks-post")),
            ]
        };
        let mut nothing = page(None, false, Some("<b>zzz"), Vec::new());
        nothing.sections.clear();
        vec![
            page(None, false, None, vec![offer(false, None)]),
            page(Some(sample_badge()), false, Some("on"), of_all()),
            page(Some(sample_badge()), true, None, of_all()),
            nothing,
        ]
    }

    fn user(&self) -> Option<Badge> {
        self.badge.clone()
    }

    fn tutoie(&self) -> bool {
        self.pupil
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_says_for_what_and_carries_nothing_else() {
        let letter = demand("mailto:dsi@ac-demo.example", "A&cc=x@y.example\r\nBcc: z");
        assert_eq!(
            letter,
            "mailto:dsi@ac-demo.example?subject=A%26cc%3Dx%40y%2Eexample%0D%0ABcc%3A%20z"
        );
        assert_eq!(demand("/aide", "A"), "/aide");
    }
}
