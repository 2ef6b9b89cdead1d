//! Second factors: what people prove besides a password.
//!
//! A seed is kept encrypted, with a key outside the database. A code is taken once, by whichever of
//! several processes comes first. Who types wrong codes waits longer and longer: they had the right
//! password, so that no stranger makes anybody wait.

use chrono::{DateTime, TimeDelta, Utc};

use crate::Fault;

/// How long an activation that was begun can be finished.
pub const BEGUN: TimeDelta = TimeDelta::minutes(30);
/// Factors one person may have.
pub const AT_MOST: usize = 10;
/// Recovery codes of one sheet.
pub const CODES: usize = 10;
/// Wrong codes in a row that cost no delay; then one second, doubling up to a quarter of an hour.
pub const FREE: u32 = 5;
/// The longest delay, seconds.
pub const LONGEST_S: i64 = 900;

/// What kind of factor it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An application on a phone (TOTP).
    Application,
    /// A token with a display (OATH TOTP or HOTP).
    Token,
    /// A passkey (Web Authentication).
    Passkey,
}

impl Kind {
    /// Its name, in the database and in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Token => "token",
            Self::Passkey => "passkey",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Application, Self::Token, Self::Passkey]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// A factor that is active. Nothing secret is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factor {
    /// Opaque.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// What its owner calls it; a token is called by its serial number.
    pub name: String,
    /// When it was activated.
    pub created: DateTime<Utc>,
    /// When it was last used.
    pub last_used: Option<DateTime<Utc>>,
}

/// What a typed code comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// It is theirs.
    Right(By),
    /// It was taken before: seconds until the next one.
    Used(u32),
    /// Wrong.
    Wrong,
    /// Not looked at: seconds to wait.
    Wait(u32),
}

/// What proved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// A factor, by its id.
    Factor(String),
    /// A recovery code; how many are left.
    RecoveryCode(usize),
}

/// A device that makes codes, with its seed.
#[derive(Clone)]
pub struct Device {
    /// What it is.
    pub kind: Kind,
    /// Name or serial number.
    pub name: String,
    /// Seed, 16 to 64 bytes.
    pub seed: Vec<u8>,
    /// Hash.
    pub hash: crate::otp::Hash,
    /// Digits of a code, 6 or 8.
    pub digits: u32,
    /// Seconds of a step; zero: it counts presses.
    pub period_s: u32,
}

/// Second factors.
#[async_trait::async_trait]
pub trait Factors: Send + Sync + 'static {
    /// The active factors of a person, the oldest first.
    async fn list(&self, person: &str) -> Result<Vec<Factor>, Fault>;
    /// Begins an activation for `session`, or goes on with the one that session began: the seed.
    async fn begin(
        &self,
        person: &str,
        session: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<u8>, Fault>;
    /// Ends the activation that `session` began with a code the device shows. The code is not taken
    /// again. [`Fault::Unfit`] when there are [`AT_MOST`] factors.
    async fn confirm(
        &self,
        (person, session): (&str, &str),
        (name, code): (&str, &str),
        now: DateTime<Utc>,
    ) -> Result<Proof, Fault>;
    /// Whether what was typed is a code of one of the person's factors, or one of their recovery
    /// codes. Spaces and dashes do not count; two codes in a row bring a clock back that is astray.
    async fn prove(&self, person: &str, typed: &str, now: DateTime<Utc>) -> Result<Proof, Fault>;
    /// Removes a factor, and the recovery codes with the last one; says whether it was there.
    async fn remove(&self, person: &str, id: &str) -> Result<bool, Fault>;
    /// Fresh recovery codes in place of those there were, ten digits each: shown once, kept hashed.
    async fn renew_codes(&self, person: &str) -> Result<Vec<String>, Fault>;
    /// How many recovery codes are left.
    async fn codes_left(&self, person: &str) -> Result<usize, Fault>;
    /// When a factor was first asked of a person who had none; now, when it never was.
    async fn first_asked(&self, person: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, Fault>;
    /// Forgets that wrong codes were typed for a person: nothing is waited for any more.
    async fn excuse(&self, person: &str) -> Result<(), Fault>;
    /// Gives a person a device whose seed is known, active at once.
    async fn give(&self, person: &str, device: Device, now: DateTime<Utc>) -> Result<(), Fault>;
}
