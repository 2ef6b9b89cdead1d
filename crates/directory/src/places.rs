//! Where people sign in from: a network and a browser, kept as a keyed hash, so that they can be told
//! of a place where they never were. Nobody reads out of it where somebody was.

use chrono::{DateTime, TimeDelta, Utc};

use crate::Fault;

/// How long a place is known after the last visit; as long as a history is kept.
pub const KEPT: TimeDelta = crate::history::KEPT;
/// Places of one person; those that were not seen for longest go first.
pub const AT_MOST: u32 = 50;

/// What a place is to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// They were somewhere before, and never here.
    pub is_new: bool,
    /// It is the first place of theirs, or they proved a second factor here.
    pub is_proven: bool,
}

/// The places of people.
#[async_trait::async_trait]
pub trait Places: Send + Sync + 'static {
    /// A person is at this place.
    async fn arrive(&self, person: &str, place: &str, now: DateTime<Utc>)
    -> Result<Arrival, Fault>;
    /// They proved more than a password at this place.
    async fn prove(&self, person: &str, place: &str) -> Result<(), Fault>;
}
