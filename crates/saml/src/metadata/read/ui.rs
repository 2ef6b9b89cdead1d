//! What an entity shows of itself: `mdui:UIInfo`, its organization, its contact. Nothing here is a
//! rule: what cannot be shown is passed over.

use super::address::{is_link, is_logo};
use super::entity::extensions;
use super::{MD, MDUI};
use crate::metadata::{Hints, Localized, Logo, Network, Place, Ui};
use crate::reader::{self, Element, XML_SPACE};

const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Reads what the first of `roles` that has a `UIInfo` says, and what the entity says.
pub(super) fn read<'a, 'i: 'a>(
    entity: Element<'a, 'i>,
    roles: impl Iterator<Item = Element<'a, 'i>>,
) -> Ui {
    let info = roles
        .flat_map(extensions)
        .find(|extension| reader::is(*extension, MDUI, "UIInfo"));
    let texts = |name| {
        info.map(|info| localized(info, MDUI, name))
            .unwrap_or_default()
    };
    let links = |name| {
        let mut links = texts(name);
        links.retain(|link| is_link(&link.text));
        links
    };
    Ui {
        display_names: texts("DisplayName"),
        descriptions: texts("Description"),
        keywords: texts("Keywords"),
        logos: info.map(logos).unwrap_or_default(),
        information_urls: links("InformationURL"),
        privacy_urls: links("PrivacyStatementURL"),
        technical_contact: technical_contact(entity),
        organization: organization(entity),
    }
}

/// `mdui:DiscoHints` of the first of `roles` that has some (MDUI 2.2). A hint that cannot be read is
/// no hint.
pub(super) fn hints<'a, 'i: 'a>(roles: impl Iterator<Item = Element<'a, 'i>>) -> Hints {
    let Some(found) = roles
        .flat_map(extensions)
        .find(|extension| reader::is(*extension, MDUI, "DiscoHints"))
    else {
        return Hints::default();
    };
    let of = |name| reader::children(found, MDUI, name).filter_map(text);
    Hints {
        networks: of("IPHint").filter_map(|it| Network::parse(&it)).collect(),
        domains: of("DomainHint").map(|it| it.to_lowercase()).collect(),
        places: of("GeolocationHint")
            .filter_map(|it| Place::parse(&it))
            .collect(),
    }
}

fn localized<'a>(parent: Element<'a, '_>, namespace: &'a str, name: &'a str) -> Vec<Localized> {
    reader::children(parent, namespace, name)
        .filter_map(|element| {
            let text = text(element)?;
            let lang = element.attribute((XML, "lang")).unwrap_or_default();
            Some(Localized {
                lang: lang.to_owned(),
                text,
            })
        })
        .collect()
}

/// White space at the ends of what is shown is layout.
fn text(element: Element<'_, '_>) -> Option<String> {
    let text = reader::value(element).ok()?;
    let text = text.trim_matches(XML_SPACE);
    (!text.is_empty()).then(|| text.to_owned())
}

fn logos(info: Element<'_, '_>) -> Vec<Logo> {
    reader::children(info, MDUI, "Logo")
        .filter_map(|logo| {
            let lang = logo.attribute((XML, "lang"));
            let pixels = |name| reader::number(logo, name).ok().flatten().map(u32::from);
            Some(Logo {
                url: text(logo).filter(|url| is_logo(url))?,
                lang: lang.filter(|lang| !lang.is_empty()).map(Into::into),
                width: pixels("width")?,
                height: pixels("height")?,
            })
        })
        .collect()
}

fn technical_contact(entity: Element<'_, '_>) -> Option<String> {
    reader::children(entity, MD, "ContactPerson")
        .filter(|person| reader::attribute(*person, "contactType") == Some("technical"))
        .flat_map(|person| reader::children(person, MD, "EmailAddress"))
        .find_map(text)
        .map(|mail| mail.strip_prefix("mailto:").unwrap_or(&mail).to_owned())
}

/// The name for people, else the legal one; in French, else in English, else the first.
fn organization(entity: Element<'_, '_>) -> Option<String> {
    let organization = reader::children(entity, MD, "Organization").next()?;
    ["OrganizationDisplayName", "OrganizationName"]
        .into_iter()
        .map(|name| Ui {
            display_names: localized(organization, MD, name),
            ..Ui::default()
        })
        .find_map(|names| names.display_name("fr").map(str::to_owned))
}
