//! `[[directory.ldap]]`: trees of accounts.

use std::path::Path;
use std::time::Duration;

use directory::{Attributes, Service, Tree};

use super::rooms::realm;
use super::section::Section;

/// Every tree, in order.
pub(super) fn trees(section: &mut Section<'_>, folder: &Path) -> Vec<Tree> {
    section.tables("ldap", |section| tree(section, folder))
}

fn tree(section: &mut Section<'_>, folder: &Path) -> Option<Tree> {
    let name = section.needed("name", |text| {
        let fits = !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_alphanumeric() || "-_.".contains(c));
        fits.then(|| text.to_owned())
            .ok_or("expected a word".to_owned())
    });
    let realm = section.needed("realm", realm);
    let starttls = section.boolean("starttls").unwrap_or(false);
    let url = section.needed("url", |text| address(text, starttls));
    let authorities = section.path_in("authorities", folder);
    let service = service(section);
    let base = section.needed("base", |text| Ok(text.to_owned()));
    let filter = section.parsed("filter", |text| {
        let fits = text.contains("{login}") && Tree::is_filter(text);
        fits.then(|| text.to_owned())
            .ok_or("expected a filter of LDAP with {login} in it (RFC 4515)".to_owned())
    });
    let timeout = section.number("timeout_s", 1, 30).unwrap_or(3);
    let at_once = section
        .number("at_once", 1, 256)
        .and_then(|number| usize::try_from(number).ok());
    let functions = functions(section);
    let attributes = section.table("attributes", attributes);
    if let Some(file) = authorities.as_ref().filter(|file| !file.is_file()) {
        let place = section.place.clone();
        let why = format!(
            "directory.ldap.authorities: {}: no such file",
            file.display()
        );
        section.fault(place, why);
    }
    Some(Tree {
        name: name?,
        realm: realm?,
        url: url?,
        starttls,
        authorities,
        service,
        base: base?,
        filter: filter.unwrap_or_else(|| "(|(uid={login})(mail={login}))".to_owned()),
        attributes,
        functions,
        timeout: Duration::from_secs(timeout.into()),
        at_once: at_once.unwrap_or(8),
    })
}

/// In clear on this machine only: passwords go that way.
fn address(text: &str, starttls: bool) -> Result<String, String> {
    let host = |rest: &str| rest.split(['/', ':']).next().unwrap_or_default().to_owned();
    match text.split_once("://") {
        Some(("ldaps", rest)) if !host(rest).is_empty() => Ok(text.to_owned()),
        Some(("ldap", rest)) if starttls && !host(rest).is_empty() => Ok(text.to_owned()),
        Some(("ldap", rest)) if ["localhost", "127.0.0.1"].contains(&host(rest).as_str()) => {
            Ok(text.to_owned())
        }
        Some(("ldap", _)) => {
            Err("passwords would go in clear: ldaps://, or starttls = true".to_owned())
        }
        _ => Err("expected ldaps://host:636, or ldap://host:389 with starttls = true".to_owned()),
    }
}

/// As whom it is searched: both of a name and a file, or neither.
fn service(section: &mut Section<'_>) -> Option<Service> {
    let dn = section.text("bind_dn");
    let password = section.parsed("password_file", |file| {
        std::fs::read_to_string(file)
            .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
            .map_err(|why| why.to_string())
    });
    match (dn, password) {
        (Some(dn), Some(password)) if !password.is_empty() => Some(Service {
            dn,
            password: password.into(),
        }),
        (None, None) => None,
        _ => {
            let place = section.place.clone();
            section.fault(
                place,
                "directory.ldap needs both of bind_dn and password_file (with a password in it), or none",
            );
            None
        }
    }
}

/// `CODE=function`, each.
fn functions(section: &mut Section<'_>) -> Vec<(String, String)> {
    let mut functions = Vec::new();
    for (place, text) in section.texts("functions") {
        match text.split_once('=') {
            Some((code, id)) if !code.trim().is_empty() && !id.trim().is_empty() => {
                functions.push((code.trim().to_owned(), id.trim().to_owned()));
            }
            _ => section.fault(
                place,
                format!("directory.ldap.functions: {text:?}: expected \"CODE=function\""),
            ),
        }
    }
    functions
}

fn attributes(section: &mut Section<'_>) -> Attributes {
    let mut name = |key: &'static str, usual: &str| {
        let name = section.parsed(key, |text| {
            let fits = |c: char| c.is_ascii_alphanumeric() || "-;.".contains(c);
            let fits = text.chars().all(fits);
            fits.then(|| text.to_owned())
                .ok_or("expected the name of an attribute".to_owned())
        });
        name.unwrap_or_else(|| usual.to_owned())
    };
    Attributes {
        id: name("id", "entryUUID"),
        login: name("login", "uid"),
        given_name: name("given_name", "givenName"),
        surname: name("surname", "sn"),
        title: name("title", ""),
        mail: name("mail", "mail"),
        groups: name("groups", ""),
        uais: name("uais", ""),
        functions: name("function", ""),
        numen: name("numen", ""),
        birth_date: name("birth_date", ""),
    }
}
