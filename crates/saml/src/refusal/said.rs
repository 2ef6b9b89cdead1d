//! What a message said, as the journal may repeat it.

use std::fmt;

/// Characters of a message that the journal keeps.
const LONGEST: usize = 160;

/// Words of a message: cut, and shown escaped between quotes, so that nobody writes lines of the
/// journal from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said(String);

impl Said {
    /// Cuts `text` to what the journal keeps.
    pub(crate) fn new(text: &str) -> Self {
        let mut chars = text.chars();
        let mut kept: String = chars.by_ref().take(LONGEST).collect();
        if chars.next().is_some() {
            kept.push('…');
        }
        Self(kept)
    }

    /// The words, cut.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}
