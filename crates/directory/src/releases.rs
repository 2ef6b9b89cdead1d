//! What people sent to services, and what they need not be told again.

use chrono::{DateTime, TimeDelta, Utc};

use crate::Fault;

/// How long what was sent is kept after the last time: connections are journalled for a year at most
/// (CNIL, délibération 2021-122).
pub const KEPT: TimeDelta = TimeDelta::days(365);
/// Services kept of one person; of more, those used longest ago are forgotten.
pub const SERVICES: usize = 200;

/// What one person sent to one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// [`crate::Person::id`].
    pub person: String,
    /// The service's entityID.
    pub service: String,
    /// Short names of the attributes of the last time.
    pub names: Vec<String>,
    /// The last time.
    pub last: DateTime<Utc>,
    /// How many times. Zero when the person was told and nothing was sent yet.
    pub times: u64,
    /// What they need not be told again: [`Releases::remember`].
    pub told: Option<String>,
    /// Short names of what they keep back, as long as that is remembered.
    pub declined: Vec<String>,
}

/// What a person need not be told again of a service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// A digest of what was shown: other names or values have another one.
    pub mark: String,
    /// Short names of what was offered and kept back.
    pub declined: Vec<String>,
}

/// Remembering what was sent.
#[async_trait::async_trait]
pub trait Releases: Send + Sync + 'static {
    /// Notes that `person` sent `names` to `service`: seen by [`Releases::list`] here at once, by
    /// everybody and for good within a second or two. Waits for nothing: a sign-on does not either.
    fn note(&self, person: &str, service: &str, names: &[&str], at: DateTime<Utc>);
    /// Writes what was noted and not written yet, before a process ends.
    async fn settle(&self) -> Result<(), Fault>;
    /// What `person` need not be told again of `service`.
    async fn told(&self, person: &str, service: &str) -> Result<Option<Told>, Fault>;
    /// Keeps that `person` need not be told `what` again of `service`; kept for good when it returns.
    async fn remember(
        &self,
        person: &str,
        service: &str,
        what: &Told,
        at: DateTime<Utc>,
    ) -> Result<(), Fault>;
    /// Forgets that; says whether there was something to forget.
    async fn forget(&self, person: &str, service: &str) -> Result<bool, Fault>;
    /// What `person` sent, the latest first.
    async fn list(&self, person: &str) -> Result<Vec<Release>, Fault>;
}
