//! Who runs this deployment: what our metadata says of us.

use super::checked::Names;
use super::section::Section;

/// Who runs this deployment.
pub(crate) struct Organization {
    /// Its name.
    pub(crate) name: Option<Names>,
    /// Whom other deployments write to.
    pub(crate) contact: Option<String>,
    /// Who helps people; by default the contact.
    pub(crate) support: Option<String>,
    /// Who answers in an incident; by default the contact.
    pub(crate) security: Option<String>,
    /// Where people read what this is.
    pub(crate) information: Option<String>,
    /// Where people read what is kept about them.
    pub(crate) privacy: Option<String>,
    /// Who registers our entities; by default ourselves.
    pub(crate) registrar: Option<String>,
    /// How they are registered.
    pub(crate) registration_policy: Option<String>,
    /// What we have certified of our realms, of ourselves or by others.
    pub(crate) assurance: Vec<String>,
    /// The categories our realms are of.
    pub(crate) categories: Vec<String>,
}

/// `https://refeds.org/sirtfi` promises a security contact (REFEDS Sirtfi 2.0, annex).
const SIRTFI: &str = "https://refeds.org/sirtfi";

pub(super) fn read(section: &mut Section<'_>, base: &str) -> Organization {
    let name = section.text("name").map(|fr| Names { en: fr.clone(), fr });
    let english = section.text("name_en");
    let name = name.map(|name| Names {
        en: english.unwrap_or(name.en),
        ..name
    });
    let contact = mail(section, "contact");
    let support = mail(section, "support");
    let security = mail(section, "security");
    let organization = Organization {
        name,
        support: support.or_else(|| contact.clone()),
        security: security.or_else(|| contact.clone()),
        contact,
        information: address(section, "information", base),
        privacy: address(section, "privacy", base),
        registrar: address(section, "registrar", base),
        registration_policy: address(section, "registration_policy", base),
        assurance: uris(section, "assurance"),
        categories: uris(section, "categories"),
    };
    let promises = organization.assurance.iter();
    if organization.security.is_none() && promises.into_iter().any(|one| one.starts_with(SIRTFI)) {
        let place = section.place.clone();
        section.fault(
            place,
            "organization.assurance: Sirtfi promises a security contact: organization.security",
        );
    }
    organization
}

/// An address of mail; an empty one counts as absent.
fn mail(section: &mut Section<'_>, key: &'static str) -> Option<String> {
    let read = |text: &str| match text.split_once('@') {
        _ if text.is_empty() => Ok(String::new()),
        Some((before, after))
            if !before.is_empty()
                && !after.is_empty()
                && !after.contains('@')
                && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == ':') =>
        {
            Ok(text.to_owned())
        }
        _ => Err("expected an address of mail (\"federation@ac-demo.example\")".to_owned()),
    };
    section
        .parsed(key, read)
        .filter(|text: &String| !text.is_empty())
}

/// An address of the web, in which `{public_url}` stands for the public address; an empty one counts
/// as absent.
fn address(section: &mut Section<'_>, key: &'static str, base: &str) -> Option<String> {
    let read = |text: &str| {
        let text = text.replace("{public_url}", base);
        let is_address = text.starts_with("https://") || text.starts_with("http://");
        let is_plain = !text.contains(|c: char| c.is_whitespace() || c.is_control());
        if text.is_empty() || (is_address && is_plain) {
            Ok(text)
        } else {
            Err("expected an address, http:// or https://".to_owned())
        }
    };
    section
        .parsed(key, read)
        .filter(|text: &String| !text.is_empty())
}

fn uris(section: &mut Section<'_>, key: &'static str) -> Vec<String> {
    let mut uris = Vec::new();
    for (place, text) in section.texts(key) {
        if text.contains(':') && !text.contains(char::is_whitespace) {
            uris.push(text);
        } else {
            let what = format!("organization.{key}: {text:?}: expected a URI");
            section.fault(place, what);
        }
    }
    uris
}
