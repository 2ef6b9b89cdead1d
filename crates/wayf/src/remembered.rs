//! The browser's last choices: a first-party cookie, a hint and nothing more (D06, D07). It names
//! identity providers, and is read back as what the settings offer or not at all.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use saml::EntityId;
use web::Visit;

/// The cookie.
const COOKIE: &str = "wayf";
/// Choices kept.
const MOST: usize = 3;
/// Half a year, in seconds: a school year's middle is still in sight (CNIL 2020-091: 13 months at
/// most for a choice kept in a browser).
const KEPT_S: u32 = 182 * 24 * 3600;
/// Longest entityID that is remembered.
const LONGEST: usize = 256;

/// The last choices, the latest first.
pub(crate) fn read(visit: &Visit) -> Vec<EntityId> {
    visit
        .cookie(COOKIE)
        .map_or_else(Vec::new, |text| parse(&text))
}

/// Puts a choice before the others.
pub(crate) fn keep(visit: &Visit, provider: &EntityId) {
    visit.set_cookie(COOKIE, &compose(provider, read(visit)), Some(KEPT_S));
}

/// Forgets one of them (D06); what was not there is forgotten already.
pub(crate) fn forget(visit: &Visit, provider: &str) {
    let mut others = read(visit);
    others.retain(|other| other.as_str() != provider);
    visit.set_cookie(COOKIE, &written(others), Some(KEPT_S));
}

fn parse(text: &str) -> Vec<EntityId> {
    text.split('.')
        .take(MOST)
        .filter_map(|part| {
            let decoded = percent_decode_str(part).decode_utf8().ok()?;
            EntityId::parse(&decoded).ok()
        })
        .collect()
}

fn compose(latest: &EntityId, before: Vec<EntityId>) -> String {
    let others = before.into_iter().filter(|other| other != latest);
    written(std::iter::once(latest.clone()).chain(others))
}

fn written(choices: impl IntoIterator<Item = EntityId>) -> String {
    choices
        .into_iter()
        .filter(|provider| provider.as_str().len() <= LONGEST)
        .take(MOST)
        .map(|provider| utf8_percent_encode(provider.as_str(), NON_ALPHANUMERIC).to_string())
        .collect::<Vec<_>>()
        .join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> EntityId {
        EntityId::parse(&format!("https://idp.example/{name}")).unwrap()
    }

    #[test]
    fn the_latest_choice_comes_first_and_three_are_kept() {
        let mut text = String::new();
        for name in ["a", "b", "a", "c.d", "e;f"] {
            text = compose(&id(name), parse(&text));
            assert!(
                text.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"%.".contains(&byte))
            );
        }
        assert_eq!(parse(&text), [id("e;f"), id("c.d"), id("a")]);
    }

    #[test]
    fn what_others_wrote_there_is_nothing() {
        for text in ["", "...", "%ff", "no-uri", "%00", "a%20b:c"] {
            assert_eq!(parse(text), Vec::<EntityId>::new(), "{text}");
        }
        assert_eq!(parse(&"urn%3Ax.".repeat(50)).len(), MOST);
        let long = EntityId::parse(&format!("urn:{}", "x".repeat(300))).unwrap();
        assert_eq!(compose(&long, Vec::new()), "");
    }
}
