//! What the discovery service suggests by where a visitor is, and the cookie it shares with others.

use web::Network;

use super::rooms::{entity, id_text, networks};
use super::section::Section;

/// Who is suggested to whom.
pub(super) fn hints(section: &mut Section<'_>, base: &str) -> Vec<wayf::Hint> {
    section.tables("hints", |section| {
        let networks: Vec<Network> = networks(section, "networks");
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
        let is_of_nobody = networks.is_empty() && services.is_empty() && name.is_none();
        if is_of_nobody || providers.is_empty() {
            section.fault(
                place,
                "wayf.hints: networks, services or name say which visitors, providers who is suggested to them",
            );
        }
        Some(wayf::Hint {
            networks,
            services,
            name,
            providers,
        })
    })
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
