//! The Common Domain Cookie (SAML Profiles 4.3): the identity providers that a browser used, told to
//! every service and every discovery service of one domain. Kept only where the settings name that
//! domain; a hint, and never followed by itself (D18).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use saml::EntityId;
use web::Visit;

/// Its name is fixed (4.3.1).
const COOKIE: &str = "_saml_idp";
/// Entries that are kept, and looked at.
const MOST: usize = 8;
/// Longest value that is read, bytes: browsers keep no longer ones.
const LONGEST: usize = 4096;
/// As long as our own choices.
const KEPT_S: u32 = 182 * 24 * 3600;

/// Who was used, the latest first.
pub(crate) fn read(visit: &Visit) -> Vec<EntityId> {
    let value = visit.shared_cookie(COOKIE);
    value.map_or_else(Vec::new, |text| parse(&text))
}

/// Puts a provider last: the latest stands there (4.3.1).
pub(crate) fn keep(visit: &Visit, domain: &str, provider: &EntityId) {
    let mut used = read(visit);
    used.retain(|other| other != provider);
    used.insert(0, provider.clone());
    visit.set_shared_cookie(COOKIE, &written(&used), domain, KEPT_S);
}

/// Takes a provider out.
pub(crate) fn forget(visit: &Visit, domain: &str, provider: &str) {
    let mut used = read(visit);
    let before = used.len();
    used.retain(|other| other.as_str() != provider);
    if used.len() < before {
        visit.set_shared_cookie(COOKIE, &written(&used), domain, KEPT_S);
    }
}

/// Entries that are none are passed over: others write here, too.
fn parse(text: &str) -> Vec<EntityId> {
    if text.len() > LONGEST {
        return Vec::new();
    }
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    let entries = decoded.split(' ').rev().take(MOST);
    let mut used = Vec::new();
    for id in entries.filter_map(entity) {
        if !used.contains(&id) {
            used.push(id);
        }
    }
    used
}

fn entity(entry: &str) -> Option<EntityId> {
    let bytes = STANDARD.decode(entry).ok()?;
    EntityId::parse(std::str::from_utf8(&bytes).ok()?).ok()
}

/// URL-encoded as a whole, each entry base64, a space between them (4.3.1).
fn written(used: &[EntityId]) -> String {
    let entries = used.iter().take(MOST).rev();
    let entries: Vec<String> = entries.map(|id| STANDARD.encode(id.as_str())).collect();
    utf8_percent_encode(&entries.join(" "), NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> EntityId {
        EntityId::parse(text).unwrap()
    }

    #[test]
    fn the_latest_stands_last() {
        let used = [id("https://b.example"), id("https://a.example")];
        let text = written(&used);
        assert_eq!(
            percent_decode_str(&text).decode_utf8().unwrap(),
            "aHR0cHM6Ly9hLmV4YW1wbGU= aHR0cHM6Ly9iLmV4YW1wbGU="
        );
        assert_eq!(parse(&text), used);
        // As others encode it.
        assert_eq!(
            parse("aHR0cHM6Ly9hLmV4YW1wbGU%3d%20aHR0cHM6Ly9iLmV4YW1wbGU%3d"),
            used
        );
    }

    #[test]
    fn what_is_no_entry_is_passed_over() {
        for text in [
            "",
            "%",
            "%ff%fe",
            "x",
            "aHR0cHM6Ly9 hLmV4YW1wbGU=",
            "bm8gdXJpIGF0IGFsbA==",
        ] {
            assert_eq!(parse(text), Vec::<EntityId>::new(), "{text}");
        }
        // Cut where base64 may end, the first half is an entry like another.
        assert_eq!(parse("aHR0cHM6Ly9h LmV4YW1wbGU"), [id("https://a")]);
        assert_eq!(parse(&"a".repeat(5000)), Vec::<EntityId>::new());
        let many: Vec<EntityId> = (0..20)
            .map(|n| id(&format!("https://{n}.example")))
            .collect();
        assert_eq!(parse(&written(&many)), many[..MOST]);
        assert_eq!(
            parse("aHR0cHM6Ly9hLmV4YW1wbGU= x aHR0cHM6Ly9hLmV4YW1wbGU="),
            [id("https://a.example")]
        );
    }
}
