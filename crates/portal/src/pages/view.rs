//! What this person is shown of the catalogue.

use chrono::{DateTime, Utc};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use std::collections::HashMap;
use web::Lang;

use crate::catalogue::{Application, Catalogue, Message, PROVIDER, SecondFactor, Written};
use crate::role::Function;
use crate::uses::Uses;
use crate::visitor::Visitor;

/// What a page is laid out from.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) visitor: &'a Visitor,
    /// What functions are called.
    pub(crate) functions: &'a HashMap<String, Function>,
    /// Ids of the favourites, in order.
    pub(crate) favourites: &'a [String],
    /// What they opened.
    pub(crate) uses: &'a Uses,
    /// The identity provider they came from.
    pub(crate) provider: &'a str,
    pub(crate) lang: Lang,
    pub(crate) now: DateTime<Utc>,
}

/// A category in the menu.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    pub(super) href: String,
    pub(super) name: String,
    pub(super) count: usize,
    pub(super) current: bool,
}

/// A heading inside a category, with its applications.
#[derive(Debug, Serialize)]
pub(super) struct Section {
    /// None over favourites, which have an order of their own.
    pub(super) heading: Option<String>,
    pub(super) links: Vec<Link>,
}

/// One application.
#[derive(Debug, Serialize)]
pub(super) struct Link {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: String,
    /// Where it opens; nowhere while it comes later or rests.
    pub(super) url: Option<String>,
    /// Whether that is another site, which is told neither where the visitor comes from nor given a
    /// hand on this page.
    pub(super) outside: bool,
    /// Whether it comes later.
    pub(super) later: bool,
    /// Why it rests, and until when.
    pub(super) maintenance: Option<Rest>,
    /// Word that says when a second factor is asked.
    pub(super) second_factor: Option<&'static str>,
    pub(super) is_favourite: bool,
}

/// A maintenance that is under way.
#[derive(Debug, Serialize)]
pub(super) struct Rest {
    pub(super) text: String,
    pub(super) until: When,
}

/// A moment as the operator wrote it, in the parts a sentence needs.
#[derive(Debug, Serialize)]
pub(super) struct When {
    pub(super) day: String,
    pub(super) hour: String,
    pub(super) minute: String,
    pub(super) machine: String,
}

/// A post to be here in, of somebody who has several.
#[derive(Debug, Serialize)]
pub(super) struct Role {
    id: String,
    /// What they are there.
    function: String,
    place: String,
    current: bool,
}

/// In which of several posts somebody said at sign-on that they are here.
#[derive(Debug, Serialize)]
pub(super) struct InPost {
    /// Its place; none: in all of them.
    place: Option<String>,
    /// Where they say otherwise.
    change: String,
}

/// A message.
#[derive(Debug, Serialize)]
pub(super) struct News {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) since: When,
    pub(super) important: bool,
}

impl When {
    pub(super) fn of(moment: Written) -> Self {
        let shown = |format: &str| moment.format(format).to_string();
        Self {
            day: shown("%d/%m/%Y"),
            hour: shown("%H"),
            minute: shown("%M"),
            machine: moment.to_rfc3339(),
        }
    }
}

impl<'a> View<'a> {
    /// Whether this application is in this person's lists.
    pub(crate) fn lists(&self, application: &Application) -> bool {
        !application.cachee && self.visitor.sees(application)
    }

    /// The applications of a category that this person sees.
    pub(super) fn seen(&self, category: &str) -> impl Iterator<Item = &'a Application> {
        let view = *self;
        view.catalogue
            .applications
            .iter()
            .filter(move |one| one.categorie == category && view.lists(one))
    }

    /// Every category that holds something for this person.
    pub(super) fn menu(&self, current: Option<&str>) -> Vec<Entry> {
        let entries = self.catalogue.categories.iter().map(|category| Entry {
            href: format!("/portail/applications?categorie={}", category.id),
            name: self.told(&category.nom, &category.nom_en),
            count: self.seen(&category.id).count(),
            current: current == Some(category.id.as_str()),
        });
        entries.filter(|entry| entry.count > 0).collect()
    }

    /// A category's applications under their headings, in the order of the file.
    pub(super) fn sections(&self, category: &str) -> Vec<Section> {
        let mut sections: Vec<Section> = Vec::new();
        for application in self.seen(category) {
            let heading = Some(self.told(&application.rubrique, &application.rubrique_en));
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

    /// In which post they are here, where their provider asked.
    pub(super) fn in_post(&self) -> Option<InPost> {
        self.visitor.said.as_ref()?;
        let mut posts = self.visitor.posts.iter();
        let role = posts.find(|post| self.visitor.role.as_deref() == Some(post.id().as_str()));
        Some(InPost {
            place: role.map(|post| post.place.clone()),
            change: format!("{}/affectation", self.provider),
        })
    }

    /// The posts to choose from, when there is a choice.
    pub(super) fn roles(&self) -> Vec<Role> {
        let chooses = self.visitor.posts.len() > 1 && self.visitor.said.is_none();
        let posts = self.visitor.posts.iter().filter(|_| chooses);
        let roles = posts.map(|post| Role {
            id: post.id(),
            function: self.functions.get(&post.function).map_or_else(
                || post.function.clone(),
                |called| self.told(&called.fr, &called.en),
            ),
            place: post.place.clone(),
            current: self.visitor.role.as_deref() == Some(post.id().as_str()),
        });
        roles.collect()
    }

    /// What was opened last, and what else is opened often.
    pub(super) fn used(&self) -> (Vec<Link>, Vec<Link>) {
        let listed = |id: &str| self.catalogue.application(id).filter(|one| self.lists(one));
        let (recent, often) = self.uses.shown(&|id| listed(id).is_some());
        let links = |ids: Vec<&str>| -> Vec<Link> {
            let found = ids.into_iter().filter_map(listed);
            found.map(|one| self.link(one)).collect()
        };
        (links(recent), links(often))
    }

    /// The favourites that this person sees today, in their order.
    pub(super) fn favourites(&self) -> Vec<Link> {
        let named = self.favourites.iter();
        let known = named.filter_map(|id| self.catalogue.application(id));
        known
            .filter(|one| self.lists(one))
            .map(|one| self.link(one))
            .collect()
    }

    /// The messages for this person, as they stand.
    pub(super) fn news(&self) -> Vec<News> {
        let all = self.catalogue.messages.iter();
        let told = all.filter(|one| one.stands(self.now) && self.visitor.is_told(one));
        told.map(|one| self.message(one)).collect()
    }

    fn message(&self, one: &Message) -> News {
        News {
            id: one.id.clone(),
            title: self.told(&one.titre, &one.titre_en),
            text: self.told(&one.texte, &one.texte_en),
            since: When::of(one.debut),
            important: one.important,
        }
    }

    pub(super) fn link(&self, application: &Application) -> Link {
        let maintenance = application.maintenance.as_ref();
        let maintenance = maintenance.filter(|one| one.stands(self.now));
        let rests = maintenance.is_some_and(|one| !one.ouverte);
        Link {
            id: application.id.clone(),
            name: web::typeset(&application.nom, self.lang),
            description: self.told(&application.description, &application.description_en),
            outside: !application.url.starts_with('/'),
            url: (!application.bientot && !rests).then(|| {
                let provider = utf8_percent_encode(self.provider, NON_ALPHANUMERIC);
                application.url.replace(PROVIDER, &provider.to_string())
            }),
            later: application.bientot,
            maintenance: maintenance.map(|one| Rest {
                text: self.told(&one.texte, &one.texte_en),
                until: When::of(one.fin),
            }),
            second_factor: match application.otp {
                SecondFactor::None => None,
                SecondFactor::External => Some("portal.otp-external"),
                SecondFactor::Always => Some("portal.otp-always"),
            },
            is_favourite: self.favourites.contains(&application.id),
        }
    }

    pub(super) fn told(&self, fr: &str, en: &str) -> String {
        told(self.lang, fr, en)
    }
}

/// Of two texts the one in that language, typeset.
pub(super) fn told(lang: Lang, fr: &str, en: &str) -> String {
    let text = match lang {
        Lang::Fr => fr,
        Lang::En => en,
    };
    web::typeset(text, lang)
}

/// Samples of links that show every mark.
pub(super) fn sample_links() -> Vec<Link> {
    let link = |name: &str, second_factor: Option<&'static str>| Link {
        id: name.to_lowercase(),
        name: name.into(),
        description: "Plateforme de formation continue en ligne des personnels (Moodle).".into(),
        url: second_factor.is_none().then(|| "/magistere/".into()),
        outside: name == "Éduscol",
        later: second_factor.is_some(),
        maintenance: None,
        second_factor,
        is_favourite: name == "Magistere",
    };
    let mut links = vec![
        link("Magistere", None),
        link("Éduscol", None),
        link("SOFIA-FMO", Some("portal.otp-external")),
        link("Cyclades", Some("portal.otp-always")),
    ];
    let mut resting = link("SOGo", None);
    resting.url = None;
    resting.maintenance = Some(Rest {
        text: "Changement de serveur.".into(),
        until: sample_when(),
    });
    links.push(resting);
    links
}

pub(super) fn sample_when() -> When {
    When {
        day: "25/11/2026".into(),
        hour: "18".into(),
        minute: "00".into(),
        machine: "2026-11-25T18:00:00+01:00".into(),
    }
}

/// Samples of posts, of which one is chosen.
pub(super) fn sample_roles() -> Vec<Role> {
    [
        ("Collège <Marie-Curie>", true),
        ("Lycée Louis-Pasteur", false),
    ]
    .map(|(place, current)| Role {
        id: "enseignant_2d.9990203S".into(),
        function: "Enseignant / Enseignante du second degré".into(),
        place: place.into(),
        current,
    })
    .into()
}

/// Samples of what was said at sign-on.
pub(super) fn sample_in_post(place: Option<&str>) -> InPost {
    InPost {
        place: place.map(str::to_owned),
        change: "https://eduline.example/idp/personnel/affectation".into(),
    }
}

/// Samples of messages, of both kinds.
pub(super) fn sample_news() -> Vec<News> {
    [false, true]
        .map(|important| News {
            id: if important { "hameconnage" } else { "sogo" }.into(),
            title: "Maintenance SOGo".into(),
            text: "La messagerie sera arrêtée vendredi de 18 h à 20 h.".into(),
            since: sample_when(),
            important,
        })
        .into()
}
