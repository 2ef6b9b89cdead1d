//! What a new password must be (DOMAIN 2.5): how long and of what, and what it must not hold.
//!
//! `academie-2026` takes twelve signs of four kinds, or fourteen of three, or a phrase of seven words, as the
//! CNIL counts them (délibération 2022-100); `seed-2014` is the rule of 2014, word for word. Read to the letter
//! that rule refuses every phrase: common words are not looked for in one.

mod dictionary;
mod held;

use serde::Serialize;

pub use dictionary::{Breached, Dictionary};
pub(crate) use held::{dates, numens};

/// Longest password, characters.
const LONGEST: usize = 256;
/// What makes a phrase of words one: characters in all.
const PHRASE: usize = 25;

/// Kinds of signs, and how many signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Signs at least.
    pub length: usize,
    /// A special one too.
    pub special: bool,
}

/// The policy.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Signs, with a capital, a small letter, a figure, and where it says so a special one.
    pub shape: Shape,
    /// So many signs need no special one.
    pub without_special: Option<usize>,
    /// So many words make a phrase, of which nothing else is asked.
    pub words: Option<usize>,
    /// How many passwords of before are refused, the present one among them.
    pub past: usize,
    /// Hours a password is kept at least.
    pub least_hours: u32,
    /// Common words.
    pub dictionary: Dictionary,
    /// Passwords that are known to have leaked.
    pub breached: Option<Breached>,
}

impl Policy {
    /// The default.
    pub fn academie_2026() -> Self {
        Self {
            shape: Shape {
                length: 12,
                special: true,
            },
            without_special: Some(14),
            words: Some(7),
            past: 3,
            least_hours: 0,
            dictionary: Dictionary::own(),
            breached: None,
        }
    }

    /// « au moins 8 caractères comprenant au moins une majuscule, au moins une minuscule, au moins un chiffre »
    pub fn seed_2014() -> Self {
        Self {
            shape: Shape {
                length: 8,
                special: false,
            },
            without_special: None,
            words: None,
            past: 0,
            least_hours: 0,
            dictionary: Dictionary::own(),
            breached: None,
        }
    }
}

/// A rule that a password breaks, and what the page says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "rule", content = "what", rename_all = "kebab-case")]
pub(crate) enum Broken {
    /// Signs that are missing.
    Length(usize),
    /// Longer than any password.
    TooLong(usize),
    /// No capital.
    Upper,
    /// No small letter.
    Lower,
    /// No figure.
    Digit,
    /// No special sign.
    Special,
    /// Login, name, mail.
    Own,
    /// A NUMEN.
    Numen,
    /// Their birth date.
    Birth,
    /// A common word.
    Word(String),
    /// One of those everybody tries first.
    Common,
    /// In the operator's list of leaked ones.
    Breached,
    /// One of theirs of before.
    Past(usize),
    /// Typed twice, differently.
    Confirmation,
    /// Refused where the account is kept.
    Directory,
}

impl Policy {
    /// What the text itself breaks, for somebody with these names (login, names, mail).
    pub(crate) fn broken(&self, password: &str, own: &[&str]) -> Vec<Broken> {
        let mut broken = Vec::new();
        let length = password.chars().count();
        if length > LONGEST {
            return vec![Broken::TooLong(LONGEST)];
        }
        let phrase = self.is_phrase(password);
        if !phrase {
            self.shaped(password, length, &mut broken);
        }
        let plain = dictionary::readings(password);
        if own_names(own).iter().any(|name| holds(&plain, name)) {
            broken.push(Broken::Own);
        }
        if !numens(password).is_empty() {
            broken.push(Broken::Numen);
        }
        if self.dictionary.is_common(password) {
            broken.push(Broken::Common);
        } else if !phrase
            && !broken.contains(&Broken::Own)
            && let Some(word) = self.dictionary.word_in(&plain)
        {
            broken.push(Broken::Word(word));
        }
        if self
            .breached
            .as_ref()
            .is_some_and(|list| list.holds(password))
        {
            broken.push(Broken::Breached);
        }
        broken
    }

    fn shaped(&self, password: &str, length: usize, broken: &mut Vec<Broken>) {
        let is = |kind: fn(char) -> bool| password.chars().any(kind);
        let special = is(|c| !c.is_alphanumeric() && !c.is_whitespace());
        let needs_special =
            self.shape.special && self.without_special.is_none_or(|enough| length < enough);
        if length < self.shape.length {
            broken.push(Broken::Length(self.shape.length - length));
        }
        for (fits, rule) in [
            (is(char::is_uppercase), Broken::Upper),
            (is(char::is_lowercase), Broken::Lower),
            (is(|c| c.is_ascii_digit()), Broken::Digit),
            (special || !needs_special, Broken::Special),
        ] {
            if !fits {
                broken.push(rule);
            }
        }
    }

    /// Words of two letters and more, enough of them, and not the same one again and again.
    fn is_phrase(&self, password: &str) -> bool {
        let Some(least) = self.words else {
            return false;
        };
        let words = password.split(|c: char| !c.is_alphanumeric());
        let mut words: Vec<String> = words
            .filter(|word| word.chars().count() >= 2 && word.chars().all(char::is_alphabetic))
            .map(str::to_lowercase)
            .collect();
        let many = words.len() >= least && password.chars().count() >= PHRASE;
        words.sort();
        words.dedup();
        many && words.len() * 2 > least
    }
}

/// Names that a password must not hold, as they are compared: the shorter ones are in too many words.
fn own_names(own: &[&str]) -> Vec<String> {
    let mut names = Vec::new();
    for text in own {
        let whole = dictionary::folded(text);
        let parts = whole.split(|c: char| !c.is_alphanumeric());
        names.extend(parts.filter(|part| part.len() >= 4).map(str::to_owned));
        let joined: String = whole.chars().filter(|c| c.is_alphanumeric()).collect();
        if joined.len() >= 3 {
            names.push(joined);
        }
    }
    names
}

fn holds(readings: &[String], name: &str) -> bool {
    readings.iter().any(|reading| reading.contains(name))
}

/// The rules as the page lists them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Rules {
    length: usize,
    special: bool,
    without_special: Option<usize>,
    words: Option<usize>,
    past: usize,
}

impl Rules {
    /// Of a policy.
    pub(crate) fn of(policy: &Policy) -> Self {
        Self {
            length: policy.shape.length,
            special: policy.shape.special,
            without_special: policy.without_special.filter(|_| policy.shape.special),
            words: policy.words,
            past: policy.past,
        }
    }
}

#[cfg(test)]
mod tests;
