//! What a role says of itself, and the rules that can be seen in its tags.

use super::tag::Tag;
use crate::c14n::Resolved;
use crate::metadata::read::address::{endpoint, is_logo};
use crate::metadata::{Hints, Localized, Logo, Network, Place, Ui};
use crate::reader::XML_SPACE;
use crate::refusal::Said;
use crate::{Binding, Refusal};

/// A role, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Role {
    pub(super) has_key: bool,
    pub(super) endpoints: usize,
    pub(super) ui: Option<Ui>,
    pub(super) hints: Option<Hints>,
    pub(super) scopes: Vec<String>,
}

/// What an element in a role adds to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    Nothing,
    Key,
    Endpoint,
    Ui,
    Hints,
}

impl Added {
    pub(super) fn add_to(self, role: &mut Role) {
        match self {
            Self::Nothing => {}
            Self::Key => role.has_key = true,
            Self::Endpoint => role.endpoints += 1,
            Self::Ui => {
                role.ui.get_or_insert_default();
            }
            Self::Hints => {
                role.hints.get_or_insert_default();
            }
        }
    }
}

/// What an element at `path` of a role adds to it, or which rule it breaks.
pub(super) fn in_role(
    path: &[Tag],
    element: &Resolved<'_>,
    (of, loopback): (Tag, bool),
) -> Result<Added, Refusal> {
    let binding = || element.attribute("Binding").and_then(Binding::from_uri);
    let address = || {
        let location = element.attribute("Location");
        let location = location.ok_or(Refusal::Missing { what: "Location" })?;
        endpoint(location, loopback).map(drop)
    };
    match path {
        [Tag::Key, Tag::KeyInfo, Tag::X509, Tag::Certificate] => Ok(Added::Key),
        [Tag::Extensions, Tag::UiInfo] => Ok(Added::Ui),
        [Tag::Extensions, Tag::Hints] => Ok(Added::Hints),
        [Tag::Extensions, Tag::Response] if of == Tag::Sp => {
            address()?;
            index(element)?;
            Ok(Added::Nothing)
        }
        [Tag::SignOn] if of == Tag::Idp && binding().is_some() => {
            address()?;
            answers(element, loopback)?;
            Ok(Added::Endpoint)
        }
        [Tag::Consumer] if of == Tag::Sp && binding().is_some() => {
            address()?;
            index(element)?;
            Ok(Added::Endpoint)
        }
        [Tag::Logout] if binding().is_some() => {
            address()?;
            answers(element, loopback)?;
            Ok(Added::Nothing)
        }
        [Tag::Artifacts] if of == Tag::Idp && binding().is_some() => {
            address()?;
            index(element)?;
            Ok(Added::Nothing)
        }
        _ => Ok(Added::Nothing),
    }
}

fn answers(element: &Resolved<'_>, loopback: bool) -> Result<(), Refusal> {
    let location = element.attribute("ResponseLocation");
    location.map_or(Ok(()), |location| endpoint(location, loopback).map(drop))
}

fn index(element: &Resolved<'_>) -> Result<(), Refusal> {
    let text = element.attribute("index");
    let text = text.ok_or(Refusal::Missing { what: "index" })?;
    let number = text.trim_matches(XML_SPACE).parse::<u16>();
    number.map(drop).map_err(|_| Refusal::Unreadable {
        what: "index",
        found: Said::new(text),
    })
}

impl Role {
    pub(super) fn told(&mut self, tag: Tag, said: Localized, size: Option<(u32, u32)>) {
        match (tag, &mut self.ui, &mut self.hints) {
            (Tag::DisplayName, Some(ui), _) => ui.display_names.push(said),
            (Tag::Keywords, Some(ui), _) => ui.keywords.push(said),
            (Tag::Logo, Some(ui), _) => {
                if let Some((width, height)) = size
                    && is_logo(&said.text)
                {
                    ui.logos.push(Logo {
                        url: said.text,
                        lang: (!said.lang.is_empty()).then(|| said.lang.into()),
                        width,
                        height,
                    });
                }
            }
            (Tag::IpHint, _, Some(hints)) => {
                let more = Network::parse(&said.text);
                hints.networks = hints.networks.iter().copied().chain(more).collect();
            }
            (Tag::DomainHint, _, Some(hints)) => {
                let more = said.text.to_lowercase();
                hints.domains = hints.domains.iter().cloned().chain([more]).collect();
            }
            (Tag::PlaceHint, _, Some(hints)) => {
                let more = Place::parse(&said.text);
                hints.places = hints.places.iter().copied().chain(more).collect();
            }
            (Tag::Scope, ..) if is_scope(&said.text) => self.scopes.push(said.text),
            _ => {}
        }
    }
}

/// Whether a text is the name of a scope.
pub(super) fn is_scope(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c == '@' || c.is_whitespace())
}
