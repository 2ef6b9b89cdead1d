//! Who signed in as a person, when and from where, and who tried: for that person's own eyes.
//!
//! Noted without keeping anybody waiting, so that neither a slow disk nor whether an account exists
//! shows in how long a login takes. What was noted in the last moment before a process dies is lost.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{Fault, Realm};

/// How long it is kept: the longest the CNIL advises for journals of accesses (délibération 2021-122).
pub const KEPT: TimeDelta = TimeDelta::days(365);
/// Lines of one person that are kept, of what succeeded and of what was refused: whoever guesses drives
/// no sign-in out.
pub const AT_MOST: u32 = 100;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The password was right.
    Password,
    /// A second factor was right.
    Second,
    /// A recovery code was right.
    RecoveryCode,
    /// A passkey was right.
    Passkey,
    /// A code that was sent by mail was right.
    MailCode,
    /// The password was wrong, or the account is disabled.
    Refused,
    /// The second factor was wrong.
    SecondRefused,
    /// A passkey in place of the password was wrong.
    PasskeyRefused,
}

impl What {
    const ALL: [Self; 8] = [
        Self::Password,
        Self::Second,
        Self::RecoveryCode,
        Self::Passkey,
        Self::MailCode,
        Self::Refused,
        Self::SecondRefused,
        Self::PasskeyRefused,
    ];

    /// Its name, in the database and in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Second => "second",
            Self::RecoveryCode => "recovery-code",
            Self::Passkey => "passkey",
            Self::MailCode => "mail-code",
            Self::Refused => "refused",
            Self::SecondRefused => "second-refused",
            Self::PasskeyRefused => "passkey-refused",
        }
    }

    /// Whether nobody came in by it.
    pub fn is_refused(self) -> bool {
        matches!(
            self,
            Self::Refused | Self::SecondRefused | Self::PasskeyRefused
        )
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.as_str() == text)
    }
}

/// One line of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// When, to the second.
    pub at: DateTime<Utc>,
    /// What happened.
    pub what: What,
    /// The address it came from.
    pub address: String,
    /// What the browser says it is, in a word or two; may be empty.
    pub device: String,
    /// The service it was for.
    pub service: Option<String>,
}

/// Whose history a line belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// [`crate::Person::id`].
    Person(String),
    /// Whoever has this login or professional mail in this realm, if anybody does.
    Login(Realm, String),
}

/// The histories.
#[async_trait::async_trait]
pub trait History: Send + Sync + 'static {
    /// Notes a line; returns at once, whoever it is about. It is written within a second; when more
    /// come than can be written, some are lost.
    fn note(&self, whose: Whose, line: SignIn);
    /// The lines of a person, the latest first; none is older than [`KEPT`].
    async fn list(&self, person: &str, now: DateTime<Utc>) -> Result<Vec<SignIn>, Fault>;
}
