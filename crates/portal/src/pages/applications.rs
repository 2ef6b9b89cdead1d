//! « Applications »: the menu of categories on the left, one category's applications on the right.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use web::{Badge, Page};

use super::view::{self, Entry, InPost, News, Role, Section};
use super::{OFFER, View, sample_badge};
use crate::search::Search;

/// The address of the page.
pub(crate) const APPLICATIONS: &str = "/portail/applications";

/// What the favourites are called where a category's id stands.
const FAVOURITES: &str = "favoris";

/// The page.
#[derive(Debug, Serialize)]
pub(crate) struct ApplicationsPage {
    badge: Badge,
    pupil: bool,
    /// Whether the favourites are shown, rather than a category.
    favourites: bool,
    roles: Vec<Role>,
    in_post: Option<InPost>,
    menu: Vec<Entry>,
    /// The name of the category shown.
    category: Option<String>,
    /// What was searched for, in place of a category.
    search: Option<String>,
    /// The same search among everything there is.
    wider: String,
    sections: Vec<Section>,
    /// Messages that are more than news.
    news: Vec<News>,
    /// This page's address: where a change of favourites comes back to.
    here: String,
    /// Whether there are lines rather than tiles.
    lines: bool,
    /// This page with the other of the two.
    other: String,
}

impl ApplicationsPage {
    /// The page of one category, or of the favourites when none is named; `None` when the category
    /// holds nothing for this person.
    pub(crate) fn of(badge: Badge, view: &View<'_>, asked: Option<&str>) -> Option<Self> {
        let asked = asked.filter(|id| !id.is_empty() && *id != FAVOURITES);
        let menu = view.menu(asked);
        let category = match asked {
            None => None,
            Some(_) => Some(menu.iter().find(|entry| entry.current)?.name.clone()),
        };
        let here = asked.map_or_else(|| APPLICATIONS.to_owned(), |id| here("categorie", id));
        let sections = asked.map_or_else(|| of_favourites(view), |id| view.sections(id));
        Some(Self {
            favourites: asked.is_none(),
            menu,
            category,
            ..Self::plain(badge, view, here, sections)
        })
    }

    /// What a search finds among everything this person sees, under the names of the categories.
    pub(crate) fn found(badge: Badge, view: &View<'_>, search: &Search) -> Self {
        let sections = view.catalogue.categories.iter().map(|category| Section {
            heading: Some(view.told(&category.nom, &category.nom_en)),
            links: view
                .seen(&category.id)
                .filter(|one| search.finds(one))
                .map(|one| view.link(one))
                .collect(),
        });
        let sections = sections.filter(|one| !one.links.is_empty()).collect();
        Self {
            search: Some(search.text.clone()),
            wider: address(OFFER, "q", &search.text),
            ..Self::plain(badge, view, here("q", &search.text), sections)
        }
    }

    /// The same in lines, when that is how this person likes it.
    pub(crate) fn in_lines(mut self, lines: bool) -> Self {
        let join = if self.here.contains('?') { '&' } else { '?' };
        let other = if lines { "tuiles" } else { "liste" };
        self.other = format!("{}{join}vue={other}", self.here);
        self.lines = lines;
        self
    }

    fn plain(badge: Badge, view: &View<'_>, here: String, sections: Vec<Section>) -> Self {
        let news = view.news().into_iter();
        Self {
            badge,
            pupil: view.visitor.is_pupil(),
            favourites: false,
            roles: view.roles(),
            in_post: view.in_post(),
            menu: view.menu(None),
            category: None,
            search: None,
            wider: OFFER.to_owned(),
            sections,
            news: news.filter(|one| one.important).collect(),
            other: here.clone(),
            here,
            lines: false,
        }
    }
}

/// The favourites as one section, when there are any.
fn of_favourites(view: &View<'_>) -> Vec<Section> {
    let links = view.favourites();
    let section = Section {
        heading: None,
        links,
    };
    Some(section)
        .into_iter()
        .filter(|one| !one.links.is_empty())
        .collect()
}

fn here(name: &str, value: &str) -> String {
    address(APPLICATIONS, name, value)
}

fn address(page: &str, name: &str, value: &str) -> String {
    let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
    format!("{page}?{name}={value}")
}

impl Page for ApplicationsPage {
    const TEMPLATE: &'static str = "portal-applications.html";

    fn samples() -> Vec<Self> {
        let listed = [sample(true, false), sample(false, false)];
        let mut nothing = sample(false, true);
        nothing.menu.clear();
        nothing.news.clear();
        let mut favourites = sample(false, true);
        favourites.sections = vec![Section {
            heading: None,
            links: view::sample_links(),
        }];
        let mut found = sample(true, false);
        found.category = None;
        found.search = Some("<b>magistère".into());
        let mut not_found = sample(true, true);
        not_found.category = None;
        not_found.search = Some("zzz".into());
        not_found.sections.clear();
        listed
            .into_iter()
            .chain([nothing, favourites, found.in_lines(true), not_found])
            .collect()
    }

    fn user(&self) -> Option<Badge> {
        Some(self.badge.clone())
    }

    fn tutoie(&self) -> bool {
        self.pupil
    }
}

fn sample(current: bool, pupil: bool) -> ApplicationsPage {
    let entry = |name: &str, current| Entry {
        href: here("categorie", "formation"),
        name: name.into(),
        count: 3,
        current,
    };
    let page = ApplicationsPage {
        badge: sample_badge(),
        pupil,
        favourites: !current,
        roles: if pupil {
            Vec::new()
        } else {
            view::sample_roles()
        },
        in_post: pupil.then(|| view::sample_in_post(Some("Lycée <Louis-Pasteur>"))),
        menu: vec![
            entry("Formation à distance", current),
            entry("Ressources documentaires", false),
        ],
        category: current.then(|| "Formation à distance".into()),
        search: None,
        wider: OFFER.to_owned(),
        sections: Vec::new(),
        news: view::sample_news(),
        here: here("categorie", "formation"),
        lines: false,
        other: String::new(),
    };
    let sections = current.then(|| Section {
        heading: Some("Plateforme de formation".into()),
        links: view::sample_links(),
    });
    ApplicationsPage {
        sections: sections.into_iter().collect(),
        ..page.in_lines(false)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::LazyLock;

    use chrono::{TimeDelta, Utc};
    use web::Lang;

    use super::*;
    use crate::catalogue::{Catalogue, Maintenance};
    use crate::role::Function;
    use crate::uses::Uses;
    use crate::visitor::Visitor;

    fn catalogue() -> Catalogue {
        let text = include_str!("../../../../config/applications.toml");
        Catalogue::parse(text, &|_| true).unwrap()
    }

    fn of(functions: &[&str]) -> Visitor {
        Visitor {
            profile: Some("personnel".into()),
            functions: functions.iter().map(|text| (*text).to_owned()).collect(),
            ..Visitor::default()
        }
    }

    fn view<'a>(catalogue: &'a Catalogue, visitor: &'a Visitor, lang: Lang) -> View<'a> {
        static NO_USES: LazyLock<Uses> = LazyLock::new(Uses::default);
        static FUNCTIONS: LazyLock<HashMap<String, Function>> = LazyLock::new(HashMap::new);
        View {
            functions: &FUNCTIONS,
            uses: &NO_USES,
            catalogue,
            visitor,
            favourites: &[],
            provider: "https://idp.example/a?b",
            lang,
            now: chrono::DateTime::<Utc>::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_head_of_school_has_more_applications_than_a_teacher() {
        let catalogue = catalogue();
        let count = |visitor: &Visitor, lang| -> usize {
            let menu = view(&catalogue, visitor, lang).menu(None);
            menu.iter().map(|entry| entry.count).sum()
        };
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
        let view = view(&catalogue, &visitor, Lang::Fr);
        let page = ApplicationsPage::of(sample_badge(), &view, Some("formation")).unwrap();
        assert_eq!(page.category.as_deref(), Some("Formation à distance"));
        let section = &page.sections[0];
        assert_eq!(section.heading.as_deref(), Some("Plateforme de formation"));
        assert_eq!(section.links[0].name, "Magistere");
        assert_eq!(
            section.links[0].url.as_deref(),
            Some("/magistere/login?entityID=https%3A%2F%2Fidp%2Eexample%2Fa%3Fb"),
            "nobody chooses twice"
        );
        assert_eq!(page.menu.iter().filter(|entry| entry.current).count(), 1);
        assert!(ApplicationsPage::of(sample_badge(), &view, Some("none-such")).is_none());
        let stranger = View {
            visitor: &Visitor::default(),
            ..view
        };
        assert!(
            ApplicationsPage::of(sample_badge(), &stranger, Some("formation")).is_none(),
            "a category without anything for this person is not told from one that is not there"
        );
        for named in [None, Some(""), Some("favoris")] {
            let favourites = ApplicationsPage::of(sample_badge(), &view, named).unwrap();
            assert!(favourites.favourites && favourites.sections.is_empty());
            assert!(favourites.menu.iter().all(|entry| !entry.current));
        }
    }

    #[test]
    fn favourites_keep_their_order_and_those_that_are_not_seen_are_left_out() {
        let catalogue = catalogue();
        let visitor = of(&["enseignant_1d"]);
        let chosen = ["sofia", "gone", "op-ale", "magistere"].map(str::to_owned);
        let view = View {
            favourites: &chosen,
            ..view(&catalogue, &visitor, Lang::Fr)
        };
        let page = ApplicationsPage::of(sample_badge(), &view, None).unwrap();
        let ids: Vec<&str> = page.sections[0]
            .links
            .iter()
            .map(|link| link.id.as_str())
            .collect();
        assert_eq!(ids, ["sofia", "magistere"]);
        assert!(page.sections[0].links.iter().all(|link| link.is_favourite));
    }

    #[test]
    fn what_rests_is_no_link_while_it_rests_unless_it_opens_all_the_same() {
        let mut catalogue = catalogue();
        let visitor = of(&["enseignant_1d"]);
        let now = chrono::DateTime::<Utc>::UNIX_EPOCH;
        let rest = |debut: i64, fin: i64, ouverte| Maintenance {
            texte: "Panne".into(),
            texte_en: "Outage".into(),
            debut: Some((now + TimeDelta::hours(debut)).fixed_offset()),
            fin: (now + TimeDelta::hours(fin)).fixed_offset(),
            ouverte,
        };
        for (maintenance, marked, opens) in [
            (None, false, true),
            (Some(rest(-1, 1, false)), true, false),
            (Some(rest(-1, 1, true)), true, true),
            (Some(rest(1, 2, false)), false, true),
            (Some(rest(-2, 0, false)), false, true),
        ] {
            let magistere = catalogue.applications.iter_mut();
            for one in magistere.filter(|one| one.id == "magistere") {
                one.maintenance.clone_from(&maintenance);
            }
            let view = view(&catalogue, &visitor, Lang::En);
            let link = view.link(catalogue.application("magistere").unwrap());
            assert_eq!(link.maintenance.is_some(), marked, "{maintenance:?}");
            assert_eq!(link.url.is_some(), opens, "{maintenance:?}");
            assert!(!link.later);
        }
    }
}
