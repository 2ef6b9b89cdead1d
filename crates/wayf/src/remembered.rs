//! The browser's last choices: a first-party cookie, a hint and nothing more (D06, D07). It names
//! identity providers, and is read back as what is offered or not at all.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use saml::EntityId;
use web::Visit;

/// The cookie.
const COOKIE: &str = "wayf";
/// The cookie that says for which service a choice was followed a moment ago.
const FOLLOWED: &str = "wayf-followed";
/// How long it says so, seconds: a visitor who is back sooner did not get where they wanted to go,
/// and is asked.
const MOMENT_S: u32 = 30;
/// Choices kept.
pub(crate) const MOST: usize = 3;
/// Half a year, in seconds: a school year's middle is still in sight (CNIL 2020-091: 13 months at
/// most for a choice kept in a browser).
const KEPT_S: u32 = 182 * 24 * 3600;
/// Longest entityID that is remembered.
const LONGEST: usize = 256;
/// What stands before the choices when the first of them is to be followed without a question.
const ALWAYS: &str = "!";

/// The last choices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// The providers, the latest first.
    pub(crate) choices: Vec<EntityId>,
    /// Whether the first is to be followed without a question: the visitor asked for it.
    pub(crate) always: bool,
}

/// The last choices.
pub(crate) fn read(visit: &Visit) -> Remembered {
    visit
        .cookie(COOKIE)
        .map_or_else(Remembered::default, |text| parse(&text))
}

/// Puts a choice before the others.
pub(crate) fn keep(visit: &Visit, provider: &EntityId, always: bool) {
    let kept = read(visit).with(provider, always);
    visit.set_cookie(COOKIE, &written(&kept), Some(KEPT_S));
}

/// Forgets one of them (D06); what was not there is forgotten already.
pub(crate) fn forget(visit: &Visit, provider: &str) {
    let mut others = read(visit);
    if others
        .choices
        .first()
        .is_some_and(|one| one.as_str() == provider)
    {
        others.always = false;
    }
    others.choices.retain(|other| other.as_str() != provider);
    visit.set_cookie(COOKIE, &written(&others), Some(KEPT_S));
}

/// Whether the choice was followed for this service a moment ago, without a question.
pub(crate) fn just_followed(visit: &Visit, service: &EntityId) -> bool {
    visit
        .cookie(FOLLOWED)
        .is_some_and(|said| said == encoded(service))
}

/// Remembers that it is followed now.
pub(crate) fn follow(visit: &Visit, service: &EntityId) {
    visit.set_cookie(FOLLOWED, &encoded(service), Some(MOMENT_S));
}

impl Remembered {
    fn with(mut self, latest: &EntityId, always: bool) -> Self {
        self.choices.retain(|other| other != latest);
        self.choices.insert(0, latest.clone());
        Self { always, ..self }
    }
}

fn parse(text: &str) -> Remembered {
    let (always, list) = match text.strip_prefix(ALWAYS) {
        Some(list) => (true, list),
        None => (false, text),
    };
    let mut entries = list.split('.').take(MOST).map(|part| {
        let decoded = percent_decode_str(part).decode_utf8().ok()?;
        EntityId::parse(&decoded).ok()
    });
    // What was to be followed is the first one, and no other takes its place.
    let first = entries.next().flatten();
    let always = always && first.is_some();
    Remembered {
        choices: first.into_iter().chain(entries.flatten()).collect(),
        always,
    }
}

fn written(remembered: &Remembered) -> String {
    let choices: Vec<String> = remembered
        .choices
        .iter()
        .filter(|provider| provider.as_str().len() <= LONGEST)
        .take(MOST)
        .map(encoded)
        .collect();
    let first_is_kept = remembered
        .choices
        .first()
        .is_some_and(|first| first.as_str().len() <= LONGEST);
    let always = if remembered.always && first_is_kept {
        ALWAYS
    } else {
        ""
    };
    format!("{always}{}", choices.join("."))
}

fn encoded(id: &EntityId) -> String {
    utf8_percent_encode(id.as_str(), NON_ALPHANUMERIC).to_string()
}

/// Any text as the cookie: what is kept of it reads the same, and fits a cookie.
pub(crate) fn any(text: &str) {
    let kept = written(&parse(text));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"%.!".contains(&byte);
    assert!(kept.bytes().all(plain), "{kept}");
    assert_eq!(written(&parse(&kept)), kept);
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
            text = written(&parse(&text).with(&id(name), false));
            assert!(
                text.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"%.".contains(&byte))
            );
        }
        assert_eq!(parse(&text).choices, [id("e;f"), id("c.d"), id("a")]);
    }

    #[test]
    fn one_choice_is_followed_while_it_is_the_latest() {
        let asked = Remembered::default().with(&id("a"), true);
        let text = written(&asked);
        assert_eq!(parse(&text), asked);
        assert!(!parse(&text).with(&id("b"), false).always);
        assert!(
            !parse("!no-uri.urn%3Ax").always,
            "another one never takes its place"
        );
        assert!(!parse("!").always);
    }

    #[test]
    fn what_others_wrote_there_is_nothing() {
        for text in [
            "", "...", "%ff", "no-uri", "%00", "a%20b:c", "!", "!!no-uri",
        ] {
            assert_eq!(parse(text), Remembered::default(), "{text}");
        }
        assert_eq!(parse(&"urn%3Ax.".repeat(50)).choices.len(), MOST);
        let long = EntityId::parse(&format!("urn:{}", "x".repeat(300))).unwrap();
        assert_eq!(written(&Remembered::default().with(&long, true)), "");
    }
}
