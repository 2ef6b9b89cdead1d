//! The tiles, and the names behind a tile that leads to several.

use federation::Snapshot;
use saml::EntityId;
use serde::Serialize;
use web::{Page, PublicUrl, Visit};

use crate::offer::Organisation;
use crate::question::Question;
use crate::shown::{Leads, Shown};
use crate::{Profile, Status};

/// Most suggestions by where the visitor is.
const SUGGESTED: usize = 3;

/// What the form carries along.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Asked {
    entity_id: String,
    back: String,
    parameter: String,
    /// What the asking service calls itself.
    service: Option<String>,
    /// The path of its logo.
    logo: Option<String>,
    /// Where the choice may lead, when that is not this house alone.
    #[serde(skip)]
    pub(crate) leads_to: Option<String>,
}

impl Asked {
    pub(crate) fn of(shown: &Shown<'_>, question: &Question, visit: &Visit) -> Self {
        Self {
            leads_to: leads_to(visit.edge().public_url(), shown.ends(question)),
            entity_id: question.service.as_str().to_owned(),
            back: question.back.clone(),
            parameter: question.parameter.clone(),
            service: name_of(&question.service, visit, &shown.known),
            logo: shown.logo_of_service(visit),
        }
    }

    pub(crate) fn sample(service: Option<&str>) -> Self {
        Self {
            entity_id: "https://eduline.example/portail".into(),
            back: "https://eduline.example/portail/login?attempt=a&b=c".into(),
            parameter: "entityID".into(),
            service: service.map(str::to_owned),
            logo: service.map(|_| web::LOGO.to_owned()),
            leads_to: None,
        }
    }
}

/// « Choisissez votre profil »
#[derive(Debug, Serialize)]
pub(crate) struct ChoosePage {
    asked: Asked,
    /// The profiles chosen last, the latest first.
    again: Vec<Tile>,
    /// Whether the first of them is followed without a question.
    always: bool,
    /// Who says that people at the visitor's address are their own (D14).
    near: Vec<Offered>,
    /// Whether an organisation can be searched for.
    search: bool,
    tiles: Vec<Tile>,
    /// The form was too old and is shown again.
    expired: bool,
}

/// One profile.
#[derive(Debug, Clone, Serialize)]
struct Tile {
    id: String,
    open: bool,
    /// The provider this leads to, for a remembered one.
    provider: Option<String>,
    /// What that provider calls itself, where several are behind the profile.
    provider_name: Option<String>,
}

impl ChoosePage {
    /// The page for one question.
    pub(crate) fn of(shown: &Shown<'_>, visit: &Visit, question: &Question) -> Self {
        let remembered = shown.remembered(visit);
        let again = remembered.choices.iter().filter_map(|provider| {
            let (place, profile) = shown.profile_of(provider)?;
            let several = !matches!(shown.leads((place, profile)), Leads::To(_));
            let name = name_of(provider, visit, &shown.known).filter(|_| several);
            Some(Tile {
                id: profile.id.clone(),
                open: true,
                provider: Some(provider.as_str().to_owned()),
                provider_name: name,
            })
        });
        let tiles = shown.profiles.iter().map(|(_, profile)| Tile {
            id: profile.id.clone(),
            open: profile.status == Status::Open,
            provider: None,
            provider_name: None,
        });
        Self {
            asked: Asked::of(shown, question, visit),
            again: again.collect(),
            always: remembered.always,
            near: near(shown, visit, &remembered.choices),
            search: shown.has_search(),
            tiles: tiles.collect(),
            expired: false,
        }
    }

    /// The same, shown again because the form was too old.
    pub(crate) fn expired(self) -> Self {
        Self {
            expired: true,
            ..self
        }
    }
}

impl Page for ChoosePage {
    const TEMPLATE: &'static str = "wayf-choose.html";

    fn form_action(&self) -> Option<String> {
        self.asked.leads_to.clone()
    }

    fn samples() -> Vec<Self> {
        let tile = |id: &str, open| Tile {
            id: id.into(),
            open,
            provider: None,
            provider_name: None,
        };
        let again = |id: &str, name: Option<&str>| Tile {
            provider: Some("https://eduline.example/idp/personnel".into()),
            provider_name: name.map(str::to_owned),
            ..tile(id, true)
        };
        let tiles = |open| {
            let later = ["eleve", "parent", "partenaire"].map(|id| tile(id, open));
            std::iter::once(tile("personnel", true))
                .chain(later)
                .collect()
        };
        vec![
            Self {
                asked: Asked::sample(Some("Portail des applications")),
                again: Vec::new(),
                always: false,
                near: Vec::new(),
                search: false,
                tiles: tiles(true),
                expired: false,
            },
            Self {
                asked: Asked::sample(None),
                again: vec![
                    again("personnel", None),
                    again("partenaire", Some("Mairie")),
                ],
                always: true,
                near: vec![Offered::sample("Université de Lille", "univ-lille.fr")],
                search: true,
                tiles: tiles(false),
                expired: true,
            },
        ]
    }
}

/// « Choisissez votre organisme »: a profile that several identity providers stand behind.
#[derive(Debug, Serialize)]
pub(crate) struct ProvidersPage {
    asked: Asked,
    profile: String,
    providers: Vec<Offered>,
}

/// One identity provider.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Offered {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The domain of its people: what tells two of the same name apart.
    pub(crate) domain: String,
    /// The path of its logo, where it is shown.
    pub(crate) logo: Option<String>,
    /// How far it is, kilometres, where the visitor said where they are.
    pub(crate) km: Option<String>,
}

impl Offered {
    /// How an organisation is offered to a visitor.
    pub(crate) fn of(organisation: &Organisation, visit: &Visit) -> Self {
        let name = organisation.name(visit.lang().as_str());
        Self {
            id: organisation.id().as_str().to_owned(),
            name: web::typeset(name, visit.lang()),
            domain: organisation.domain().to_owned(),
            logo: None,
            km: None,
        }
    }

    /// The same, with its logo.
    pub(crate) fn with_logo(self, logo: Option<String>) -> Self {
        Self { logo, ..self }
    }

    /// The same, so many kilometres away.
    pub(crate) fn far(self, km: Option<f64>) -> Self {
        // Whole kilometres: who is next door is one away.
        let km = km.map(|km| format!("{:.0}", km.max(1.0)));
        Self { km, ..self }
    }

    pub(crate) fn sample(name: &str, domain: &str) -> Self {
        Self {
            id: format!("https://idp.{domain}/idp"),
            name: name.to_owned(),
            domain: domain.to_owned(),
            logo: (domain.len().is_multiple_of(2))
                .then(|| "/wayf/logo/00000000000000000000000000000000".to_owned()),
            km: None,
        }
    }
}

/// Those that say people at the visitor's address are their own, and that were not chosen before.
fn near(shown: &Shown<'_>, visit: &Visit, before: &[EntityId]) -> Vec<Offered> {
    let Ok(address) = visit.peer().parse() else {
        return Vec::new();
    };
    let near = shown.near(address, SUGGESTED).into_iter();
    near.filter(|one| !before.contains(one.id()) && shown.profile_of(one.id()).is_some())
        .take(SUGGESTED)
        .map(|one| Offered::of(one, visit))
        .collect()
}

impl ProvidersPage {
    /// The providers behind `profile` that are known at this moment.
    pub(crate) fn of(
        shown: &Shown<'_>,
        (place, profile): (usize, &Profile),
        visit: &Visit,
        question: &Question,
    ) -> Self {
        let lang = visit.lang().as_str();
        let providers = shown.providers((place, profile)).filter_map(|provider| {
            let organisation = shown.offer.find(provider)?;
            Some(Offered::of(organisation, visit).with_logo(shown.logo(organisation, lang)))
        });
        Self {
            asked: Asked::of(shown, question, visit),
            profile: profile.id.clone(),
            providers: providers.collect(),
        }
    }
}

impl Page for ProvidersPage {
    const TEMPLATE: &'static str = "wayf-providers.html";

    fn form_action(&self) -> Option<String> {
        self.asked.leads_to.clone()
    }

    fn samples() -> Vec<Self> {
        let page = |service, providers| Self {
            asked: Asked::sample(service),
            profile: "partenaire".into(),
            providers,
        };
        vec![
            page(
                Some("Magistère"),
                vec![
                    Offered::sample("Mairie de Lille", "lille.example"),
                    Offered::sample("Département du Nord", "nord.example"),
                ],
            ),
            page(None, Vec::new()),
        ]
    }
}

/// CSP `form-action` for a choice whose ends are these addresses; `None`: our own only. Browsers hold
/// the redirections after a form to it as well, as far as they go: to the service, from there to the
/// identity provider, and from there wherever it signs people in. So a choice that leaves this house
/// may lead anywhere that is encrypted, or on this machine while we are there too.
fn leads_to<'a>(public: &PublicUrl, ends: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let home = public.join("/");
    if ends.into_iter().all(|end| end.starts_with(&home)) {
        return None;
    }
    let loopback = " http://localhost:* http://127.0.0.1:*";
    let loopback = if public.is_https() { "" } else { loopback };
    Some(format!("'self' https:{loopback}"))
}

/// What an entity calls itself in the visitor's language.
fn name_of(id: &EntityId, visit: &Visit, known: &Snapshot) -> Option<String> {
    let entity = known.entity(id)?;
    let name = entity.ui.display_name(visit.lang().as_str())?;
    Some(web::typeset(name, visit.lang()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_that_stays_here_leads_nowhere_else() {
        let ours = PublicUrl::parse("https://eduline.example").unwrap();
        let (service, provider) = (
            "https://eduline.example/portail/login",
            "https://eduline.example/idp/eleve",
        );
        assert_eq!(leads_to(&ours, [service, provider]), None);
        for foreign in [
            "https://sp.example/login",
            "https://eduline.example.evil.example/",
            "https://eduline.example:8443/",
            "urn:mace:a-provider",
        ] {
            for ends in [[service, foreign], [foreign, provider]] {
                assert_eq!(
                    leads_to(&ours, ends).as_deref(),
                    Some("'self' https:"),
                    "{foreign}"
                );
            }
        }
    }

    #[test]
    fn plain_http_is_led_to_on_this_machine_only() {
        let ours = PublicUrl::parse("http://localhost:8080").unwrap();
        let sources = leads_to(&ours, ["http://127.0.0.1:9000/login"]).unwrap();
        assert_eq!(
            sources,
            "'self' https: http://localhost:* http://127.0.0.1:*"
        );
    }
}
