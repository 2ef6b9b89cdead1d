//! What the discovery service suggests by where a visitor is, and the cookie it shares with others.

use web::Network;

use super::rooms::{entity, id_text, networks};
use super::section::Section;

/// Who is suggested to whom.
pub(super) fn hints(section: &mut Section<'_>, base: &str) -> Vec<wayf::Hint> {
    section.tables("hints", |section| {
        let networks: Vec<Network> = networks(section, "networks");
        let mut machines = Vec::new();
        for (place, text) in section.texts("machines") {
            match domain(&text) {
                Ok(domain) => machines.push(domain),
                Err(why) => section.fault(place, why),
            }
        }
        let name = section.parsed("name", id_text);
        let mut services = Vec::new();
        for (place, text) in section.texts("services") {
            match entity(&text, base) {
                Ok(service) => services.push(service),
                Err(why) => section.fault(place, why),
            }
        }
        let mut providers = Vec::new();
        for (place, text) in section.texts("providers") {
            match entity(&text, base) {
                Ok(provider) => providers.push(provider),
                Err(why) => section.fault(place, why),
            }
        }
        let place = section.place.clone();
        let is_of_nobody =
            networks.is_empty() && machines.is_empty() && services.is_empty() && name.is_none();
        if is_of_nobody || providers.is_empty() {
            section.fault(
                place,
                "wayf.hints: networks, machines, services or name say which visitors, providers who is suggested to them",
            );
        }
        Some(wayf::Hint {
            networks,
            machines,
            services,
            name,
            providers,
        })
    })
}

/// A domain that machines are named under, without the dot it may begin or end with.
fn domain(text: &str) -> Result<String, String> {
    let domain = text.trim_matches('.').to_ascii_lowercase();
    let is_label = |label: &str| {
        let mut bytes = label.bytes();
        !label.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_one = domain.len() <= 253 && domain.split('.').all(is_label);
    if is_one && domain.parse::<std::net::IpAddr>().is_err() {
        Ok(domain)
    } else {
        Err(format!("expected the name of a domain, not {text:?}"))
    }
}

/// The domain that shares the Common Domain Cookie: a browser keeps it only when our own host is in it.
pub(super) fn common_domain(section: &mut Section<'_>, base: &str) -> Option<String> {
    let host = base.split_once("://").map_or(base, |(_, rest)| rest);
    let host = host.split([':', '/']).next().unwrap_or_default();
    let read = |text: &str| {
        let domain = text.trim_start_matches('.').to_lowercase();
        let above = host.strip_suffix(domain.as_str());
        let is_ours = above.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        if domain.is_empty() || is_ours {
            Ok(domain)
        } else {
            Err(format!("expected a domain that {host} is in"))
        }
    };
    let domain = section.parsed("common_domain", read);
    domain.filter(|domain: &String| !domain.is_empty())
}
