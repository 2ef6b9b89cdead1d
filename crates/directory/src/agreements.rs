//! What people accepted: the charter, in which version, and when. The archive keeps every text as it stood.

use chrono::{DateTime, Utc};

use crate::Fault;

/// A text that somebody accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// Its version.
    pub digest: String,
    /// When, to the second.
    pub at: DateTime<Utc>,
    /// As it stood then.
    pub text: String,
}

/// The archive.
#[async_trait::async_trait]
pub trait Agreements: Send + Sync + 'static {
    /// When the person accepted the text with this digest.
    async fn agreed(&self, person: &str, digest: &str) -> Result<Option<DateTime<Utc>>, Fault>;
    /// The person accepts this text. What was accepted before stays as it was.
    async fn agree(
        &self,
        person: &str,
        (digest, text): (&str, &str),
        now: DateTime<Utc>,
    ) -> Result<(), Fault>;
    /// Everything the person accepted, the latest first.
    async fn list(&self, person: &str) -> Result<Vec<Agreement>, Fault>;
}
