//! The portal's two pages.

use serde::Serialize;
use web::{Badge, Lang, Page};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::catalogue::{Application, Catalogue, PROVIDER, SecondFactor};
use crate::search::Search;
use crate::visitor::Visitor;

/// « Bonjour … »: the way to the applications.
#[derive(Debug, Serialize)]
pub(crate) struct HomePage {
    badge: Badge,
    pupil: bool,
    /// Who vouched for this person.
    provider: Option<String>,
}

impl HomePage {
    /// The page of that visitor.
    pub(crate) fn of(badge: Badge, visitor: &Visitor, provider: Option<String>) -> Self {
        Self {
            badge,
            pupil: visitor.is_pupil(),
            provider,
        }
    }
}

impl Page for HomePage {
    const TEMPLATE: &'static str = "portal-home.html";

    fn samples() -> Vec<Self> {
        let page = |pupil, provider: Option<&str>| Self {
            badge: sample_badge(),
            pupil,
            provider: provider.map(str::to_owned),
        };
        vec![page(false, Some("Personnel")), page(true, None)]
    }

    fn user(&self) -> Option<Badge> {
        Some(self.badge.clone())
    }

    fn tutoie(&self) -> bool {
        self.pupil
    }
}

/// « Applications »: the menu of categories on the left, one category's applications on the right.
#[derive(Debug, Serialize)]
pub(crate) struct ApplicationsPage {
    badge: Badge,
    pupil: bool,
    /// Whether the favourites are shown, rather than a category.
    favourites: bool,
    menu: Vec<Entry>,
    /// The name of the category shown.
    category: Option<String>,
    /// What was searched for, in place of a category.
    search: Option<String>,
    sections: Vec<Section>,
}

/// What the favourites are called where a category's id stands.
const FAVOURITES: &str = "favoris";

/// A category in the menu.
#[derive(Debug, Serialize)]
struct Entry {
    href: String,
    name: String,
    count: usize,
    current: bool,
}

/// A heading inside a category, with its applications.
#[derive(Debug, Serialize)]
struct Section {
    heading: String,
    links: Vec<Link>,
}

/// One application.
#[derive(Debug, Serialize)]
struct Link {
    id: String,
    name: String,
    description: String,
    /// Where it opens; nowhere while it comes later.
    url: Option<String>,
    /// Whether that is another site, which is told neither where the visitor comes from nor given a
    /// hand on this page.
    outside: bool,
    /// Word that says when a second factor is asked.
    second_factor: Option<&'static str>,
}

/// What a page is laid out from.
#[derive(Clone, Copy)]
pub(crate) struct Shelf<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) visitor: &'a Visitor,
    /// The identity provider they came from.
    pub(crate) provider: &'a str,
    pub(crate) lang: Lang,
}

impl ApplicationsPage {
    /// The page of one category, or of the favourites when none is named; `None` when the category
    /// holds nothing for this person.
    pub(crate) fn of(badge: Badge, shelf: &Shelf<'_>, asked: Option<&str>) -> Option<Self> {
        let asked = asked.filter(|id| !id.is_empty() && *id != FAVOURITES);
        let menu = shelf.menu(asked);
        let category = match asked {
            None => None,
            Some(_) => Some(menu.iter().find(|entry| entry.current)?.name.clone()),
        };
        Some(Self {
            badge,
            pupil: shelf.visitor.is_pupil(),
            favourites: asked.is_none(),
            menu,
            category,
            search: None,
            sections: asked.map(|id| shelf.sections(id)).unwrap_or_default(),
        })
    }

    /// What a search finds among everything this person sees, under the names of the categories.
    pub(crate) fn found(badge: Badge, shelf: &Shelf<'_>, search: &Search) -> Self {
        let sections = shelf.catalogue.categories.iter().map(|category| Section {
            heading: shelf.told(&category.nom, &category.nom_en),
            links: shelf
                .seen(&category.id)
                .filter(|one| search.finds(one))
                .map(|one| shelf.link(one))
                .collect(),
        });
        Self {
            badge,
            pupil: shelf.visitor.is_pupil(),
            favourites: false,
            menu: shelf.menu(None),
            category: None,
            search: Some(search.text.clone()),
            sections: sections.filter(|one| !one.links.is_empty()).collect(),
        }
    }
}

impl Shelf<'_> {
    /// The applications of a category that this person sees.
    fn seen(&self, category: &str) -> impl Iterator<Item = &Application> {
        self.catalogue
            .applications
            .iter()
            .filter(move |one| one.categorie == category && !one.cachee && self.visitor.sees(one))
    }

    /// Every category that holds something for this person.
    fn menu(&self, current: Option<&str>) -> Vec<Entry> {
        let entries = self.catalogue.categories.iter().map(|category| Entry {
            href: format!("/portail/applications?categorie={}", category.id),
            name: self.told(&category.nom, &category.nom_en),
            count: self.seen(&category.id).count(),
            current: current == Some(category.id.as_str()),
        });
        entries.filter(|entry| entry.count > 0).collect()
    }

    /// A category's applications under their headings, in the order of the file.
    fn sections(&self, category: &str) -> Vec<Section> {
        let mut sections: Vec<Section> = Vec::new();
        for application in self.seen(category) {
            let heading = self.told(&application.rubrique, &application.rubrique_en);
            let link = self.link(application);
            match sections.iter_mut().find(|one| one.heading == heading) {
                Some(section) => section.links.push(link),
                None => sections.push(Section {
                    heading,
                    links: vec![link],
                }),
            }
        }
        sections
    }

    fn link(&self, application: &Application) -> Link {
        Link {
            id: application.id.clone(),
            name: web::typeset(&application.nom, self.lang),
            description: self.told(&application.description, &application.description_en),
            outside: !application.url.starts_with('/'),
            url: (!application.bientot).then(|| {
                let provider = utf8_percent_encode(self.provider, NON_ALPHANUMERIC);
                application.url.replace(PROVIDER, &provider.to_string())
            }),
            second_factor: match application.otp {
                SecondFactor::None => None,
                SecondFactor::External => Some("portal.otp-external"),
                SecondFactor::Always => Some("portal.otp-always"),
            },
        }
    }

    fn told(&self, fr: &str, en: &str) -> String {
        let text = match self.lang {
            Lang::Fr => fr,
            Lang::En => en,
        };
        web::typeset(text, self.lang)
    }
}

impl Page for ApplicationsPage {
    const TEMPLATE: &'static str = "portal-applications.html";

    fn samples() -> Vec<Self> {
        let entry = |name: &str, current| Entry {
            href: "/portail/applications?categorie=formation".into(),
            name: name.into(),
            count: 3,
            current,
        };
        let link = |name: &str, second_factor: Option<&'static str>| Link {
            id: name.to_lowercase(),
            name: name.into(),
            description: "Plateforme de formation continue en ligne des personnels (Moodle)."
                .into(),
            url: second_factor.is_none().then(|| "/magistere/".into()),
            outside: name == "Éduscol",
            second_factor,
        };
        let page = |current: bool, pupil| Self {
            badge: sample_badge(),
            pupil,
            favourites: !current,
            menu: vec![
                entry("Formation à distance", current),
                entry("Ressources documentaires", false),
            ],
            category: current.then(|| "Formation à distance".into()),
            search: None,
            sections: if current {
                vec![Section {
                    heading: "Plateforme de formation".into(),
                    links: vec![
                        link("Magistere", None),
                        link("Éduscol", None),
                        link("SOFIA-FMO", Some("portal.otp-external")),
                        link("Cyclades", Some("portal.otp-always")),
                    ],
                }]
            } else {
                Vec::new()
            },
        };
        let mut nothing = page(false, true);
        nothing.menu.clear();
        let mut found = page(true, false);
        found.category = None;
        found.search = Some("<b>magistère".into());
        let mut not_found = page(true, true);
        not_found.category = None;
        not_found.search = Some("zzz".into());
        not_found.sections.clear();
        let listed = [page(true, false), page(false, false)];
        listed
            .into_iter()
            .chain([nothing, found, not_found])
            .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> Catalogue {
        let text = include_str!("../../../config/applications.toml");
        Catalogue::parse(text, &|_| true).unwrap()
    }

    fn of(functions: &[&str]) -> Visitor {
        Visitor {
            profile: Some("personnel".into()),
            functions: functions.iter().map(|text| (*text).to_owned()).collect(),
            ..Visitor::default()
        }
    }

    fn count(visitor: &Visitor, lang: Lang) -> usize {
        let catalogue = catalogue();
        let shelf = Shelf {
            catalogue: &catalogue,
            visitor,
            provider: "https://idp.example/a?b",
            lang,
        };
        shelf.menu(None).iter().map(|entry| entry.count).sum()
    }

    #[test]
    fn a_head_of_school_has_more_applications_than_a_teacher() {
        for (function, seen) in [
            ("aed", 21),
            ("aesh", 21),
            ("enseignant_1d", 29),
            ("directeur_ecole", 34),
            ("chef_etablissement", 46),
        ] {
            let visitor = of(&[function]);
            assert_eq!(count(&visitor, Lang::Fr), seen, "{function}");
            assert_eq!(count(&visitor, Lang::En), seen, "{function}");
        }
        assert_eq!(
            count(&Visitor::default(), Lang::Fr),
            0,
            "an unknown provider opens nothing"
        );
    }

    #[test]
    fn a_category_shows_what_this_person_sees_and_nothing_else() {
        let catalogue = catalogue();
        let visitor = of(&["enseignant_1d"]);
        let shelf = Shelf {
            catalogue: &catalogue,
            visitor: &visitor,
            provider: "https://idp.example/a?b",
            lang: Lang::Fr,
        };
        let page = ApplicationsPage::of(sample_badge(), &shelf, Some("formation")).unwrap();
        assert_eq!(page.category.as_deref(), Some("Formation à distance"));
        assert_eq!(page.sections[0].heading, "Plateforme de formation");
        assert_eq!(page.sections[0].links[0].name, "Magistere");
        assert_eq!(
            page.sections[0].links[0].url.as_deref(),
            Some("/magistere/login?entityID=https%3A%2F%2Fidp%2Eexample%2Fa%3Fb"),
            "nobody chooses twice"
        );
        assert_eq!(page.menu.iter().filter(|entry| entry.current).count(), 1);
        assert!(ApplicationsPage::of(sample_badge(), &shelf, Some("none-such")).is_none());
        let stranger = Shelf {
            visitor: &Visitor::default(),
            ..shelf
        };
        assert!(
            ApplicationsPage::of(sample_badge(), &stranger, Some("formation")).is_none(),
            "a category without anything for this person is not told from one that is not there"
        );
        for named in [None, Some(""), Some("favoris")] {
            let favourites = ApplicationsPage::of(sample_badge(), &shelf, named).unwrap();
            assert!(favourites.favourites && favourites.sections.is_empty());
            assert!(favourites.menu.iter().all(|entry| !entry.current));
        }
    }
}
