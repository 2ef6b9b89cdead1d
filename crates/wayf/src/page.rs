//! The tiles, and the names behind a tile that leads to several.

use federation::Snapshot;
use saml::EntityId;
use serde::Serialize;
use web::{Page, PublicUrl, Visit};

use crate::question::Question;
use crate::{Profile, Status, Wayf};

/// What the form carries along.
#[derive(Debug, Clone, Serialize)]
struct Asked {
    entity_id: String,
    back: String,
    parameter: String,
    /// What the asking service calls itself.
    service: Option<String>,
    /// Where the choice may lead, when that is not this house alone.
    #[serde(skip)]
    leads_to: Option<String>,
}

impl Asked {
    fn of(wayf: &Wayf, question: &Question, visit: &Visit, known: &Snapshot) -> Self {
        let behind = wayf
            .parts
            .profiles
            .iter()
            .flat_map(|profile| profile.providers(known))
            .collect::<Vec<_>>();
        let ends = behind
            .iter()
            .map(EntityId::as_str)
            .chain([question.back.as_str()]);
        Self {
            leads_to: leads_to(visit.edge().public_url(), ends),
            entity_id: question.service.as_str().to_owned(),
            back: question.back.clone(),
            parameter: question.parameter.clone(),
            service: name_of(&question.service, visit, known),
        }
    }

    fn sample(service: Option<&str>) -> Self {
        Self {
            entity_id: "https://eduline.example/portail".into(),
            back: "https://eduline.example/portail/login?attempt=a&b=c".into(),
            parameter: "entityID".into(),
            service: service.map(str::to_owned),
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
    pub(crate) fn of(wayf: &Wayf, visit: &Visit, question: &Question, known: &Snapshot) -> Self {
        let remembered = wayf.remembered(visit, known);
        let again = remembered.iter().filter_map(|provider| {
            let profile = wayf.profile_of(provider, known)?;
            let several = profile.providers(known).len() > 1;
            let name = name_of(provider, visit, known).filter(|_| several);
            Some(Tile {
                id: profile.id.clone(),
                open: true,
                provider: Some(provider.as_str().to_owned()),
                provider_name: name,
            })
        });
        let tiles = wayf.parts.profiles.iter().map(|profile| Tile {
            id: profile.id.clone(),
            open: profile.status == Status::Open,
            provider: None,
            provider_name: None,
        });
        Self {
            asked: Asked::of(wayf, question, visit, known),
            again: again.collect(),
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
                tiles: tiles(true),
                expired: false,
            },
            Self {
                asked: Asked::sample(None),
                again: vec![
                    again("personnel", None),
                    again("partenaire", Some("Mairie")),
                ],
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
#[derive(Debug, Serialize)]
struct Offered {
    id: String,
    name: String,
}

impl ProvidersPage {
    /// The providers behind `profile` that are known at this moment.
    pub(crate) fn of(
        wayf: &Wayf,
        profile: &Profile,
        visit: &Visit,
        question: &Question,
        known: &Snapshot,
    ) -> Self {
        let behind = profile.providers(known);
        let providers = behind.iter().filter_map(|provider| {
            known.provider(provider)?;
            Some(Offered {
                id: provider.as_str().to_owned(),
                name: name_of(provider, visit, known)
                    .unwrap_or_else(|| host(provider.as_str()).to_owned()),
            })
        });
        Self {
            asked: Asked::of(wayf, question, visit, known),
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
        let offered = |id: &str, name: &str| Offered {
            id: id.into(),
            name: name.into(),
        };
        let page = |service, providers| Self {
            asked: Asked::sample(service),
            profile: "partenaire".into(),
            providers,
        };
        vec![
            page(
                Some("Magistère"),
                vec![
                    offered("https://a.example/idp", "Mairie de Lille"),
                    offered("https://b.example/idp", "Département du Nord"),
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

/// The host of an entityID: what a nameless entity is called by, never the entityID alone (D15).
fn host(id: &str) -> &str {
    let rest = id.split_once("://").map_or(id, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
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
