//! What every process that serves must hear about an account: that its sessions end, that failures of
//! its person are forgotten, that it is no longer what it was.
//!
//! A list that is appended to by whoever changes an account, and read once a second by whoever signs
//! people on. Nobody has to be reached, so that a change counts whether a process runs or starts later.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{Fault, Person, Realm};

/// How long a notice is kept: longer than any session lasts.
pub const KEPT: TimeDelta = TimeDelta::hours(12);

/// What happened to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It was disabled: every session of its person ends.
    Disabled,
    /// Its password was changed: every session opened with the one before ends.
    Password,
    /// Its sessions are ended by its person or by somebody who looks after them.
    Left,
    /// Failures of its person are forgotten.
    Unlocked,
    /// Something else of it was changed.
    Changed,
}

impl What {
    const ALL: [Self; 5] = [
        Self::Disabled,
        Self::Password,
        Self::Left,
        Self::Unlocked,
        Self::Changed,
    ];

    /// Its name, in the database and in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Password => "password",
            Self::Left => "left",
            Self::Unlocked => "unlocked",
            Self::Changed => "changed",
        }
    }

    /// Whether sessions that were opened before are over.
    pub fn ends_sessions(self) -> bool {
        matches!(self, Self::Disabled | Self::Password | Self::Left)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.as_str() == text)
    }
}

/// One notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Whose account: [`Person::id`].
    pub person: String,
    /// Its realm.
    pub realm: Realm,
    /// What happened to it.
    pub what: What,
    /// The session that does not end, by its `SessionIndex`: of a person who changes their password,
    /// the one they do it in.
    pub spared: Option<String>,
    /// The only session that is meant, by its `SessionIndex`; none: all of them.
    pub only: Option<String>,
    /// When, to the millisecond.
    pub at: DateTime<Utc>,
}

impl Notice {
    /// A notice about the account of `person`.
    pub fn of(person: &Person, what: What, at: DateTime<Utc>) -> Self {
        Self {
            person: person.id.clone(),
            realm: person.realm,
            what,
            spared: None,
            only: None,
            at,
        }
    }

    /// The same; the session of this index goes on.
    #[must_use]
    pub fn sparing(mut self, index: Option<String>) -> Self {
        self.spared = index;
        self
    }

    /// The same; only the session of this index is meant.
    #[must_use]
    pub fn only(mut self, index: String) -> Self {
        self.only = Some(index);
        self
    }

    /// Whether the session of this index, opened at that moment, is over.
    pub fn ends(&self, index: &str, opened: DateTime<Utc>) -> bool {
        // The directory keeps milliseconds.
        self.what.ends_sessions()
            && opened.timestamp_millis() <= self.at.timestamp_millis()
            && self.spared.as_deref() != Some(index)
            && self.only.as_deref().is_none_or(|only| only == index)
    }
}

/// Telling processes what happened to accounts.
#[async_trait::async_trait]
pub trait Notices: Send + Sync + 'static {
    /// Appends a notice, after what it is about was done; kept for good when it returns. Those older
    /// than [`KEPT`] go.
    async fn tell(&self, notice: &Notice) -> Result<(), Fault>;
    /// The notices that came after the one with this number (0: all) and are not older than `oldest`,
    /// each with its number, in order. Those of a later release are left out.
    async fn since(&self, number: i64, oldest: DateTime<Utc>) -> Result<Vec<(i64, Notice)>, Fault>;
}
