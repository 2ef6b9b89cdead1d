//! Why a message is refused: one variant per clause, each with a stable public code.

/// A refusal. `Display` is the journal's story (English, may hold what the message said, cut to a
/// reasonable length); the visitor reads the sentence that the edge keeps under [`Refusal::code`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// To be replaced by one variant per clause.
    #[error("the message is malformed: {0}")]
    Malformed(&'static str),
}

/// What kind of answer a refusal deserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 400: the bytes are not a message.
    Malformed,
    /// 403: the message is understood, and not accepted.
    Refused,
}

impl Refusal {
    /// The stable public code, `EDU-2xxx`.
    pub fn code(&self) -> &'static str {
        "EDU-2000"
    }

    /// Malformed, or understood and refused.
    pub fn kind(&self) -> Kind {
        Kind::Malformed
    }

    /// Where the rule is written ("SAML Core 2.5.1.4").
    pub fn clause(&self) -> &'static str {
        ""
    }
}
