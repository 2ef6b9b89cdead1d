//! What a catalogue says for a time: applications in maintenance, and messages.

use chrono::{DateTime, FixedOffset, Utc};
use serde::Deserialize;

/// A moment as an operator writes it, with its offset: it is shown as it was written.
pub type Written = DateTime<FixedOffset>;

/// An application is not to be used for a while.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// Why, French.
    pub texte: String,
    /// The same in English.
    pub texte_en: String,
    /// When it begins; at once without one.
    pub debut: Option<Written>,
    /// When it ends.
    pub fin: Written,
    /// Whether it opens all the same.
    #[serde(default)]
    pub ouverte: bool,
}

impl Maintenance {
    /// Whether it is under way.
    pub fn stands(&self, now: DateTime<Utc>) -> bool {
        self.debut.is_none_or(|from| from <= now) && now < self.fin
    }
}

/// A message (« Actualité »), for some of the visitors and for a time.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// Its title, French.
    pub titre: String,
    /// The same in English.
    pub titre_en: String,
    /// What it says, French.
    pub texte: String,
    /// The same in English.
    pub texte_en: String,
    /// When it is first shown, and the date it bears.
    pub debut: Written,
    /// When it is no longer shown.
    pub fin: Written,
    /// The profiles it is for.
    pub profils: Vec<String>,
    /// The functions of staff it is for, groups spelled out; `*` for everybody.
    pub fonctions: Vec<String>,
    /// Whether it is more than news.
    #[serde(default)]
    pub important: bool,
}

impl Message {
    /// Whether it is shown at that moment, to whomever.
    pub fn stands(&self, now: DateTime<Utc>) -> bool {
        self.debut <= now && now < self.fin
    }
}
