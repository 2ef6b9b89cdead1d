//! What is remembered for a while: a typed, expiring shelf.
//!
//! # Invariants
//!
//! * One small trait ([`Shelf`]), an embedded durable implementation and a Redis one, one
//!   conformance suite run on both.
//! * A write that returned is kept: it survives `kill -9` of the process.
//! * What expired is never given back, even before it is swept.
//! * The only room that knows redb and redis. No HTTP, no SAML, no account.

mod embedded;
mod redis;
mod several;

pub use embedded::embedded;
pub use redis::{RedisAt, redis};
pub use several::Several;

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Where the moment comes from: the edge's clock, handed in.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Why the shelf did not answer. The visitor gets a 503.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Away {
    /// The store cannot be reached or did not answer in time.
    #[error("the store is away: {0}")]
    Unreachable(String),
    /// A key over 256 bytes, or a value over 64 kB.
    #[error("{room}: a key of {key} bytes and a value of {value} bytes do not fit the shelf")]
    TooLarge {
        /// The room.
        room: &'static str,
        /// Bytes of the key.
        key: usize,
        /// Bytes of the value.
        value: usize,
    },
    /// What was kept cannot be read back (another version wrote it).
    #[error("what the shelf kept under {room} cannot be read: {source}")]
    Unreadable {
        /// The room it was kept in.
        room: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// A shelf: bytes under a room and a key, for a time. Keys are at most 256 bytes, values 64 kB.
#[async_trait::async_trait]
pub trait Shelf: Send + Sync + 'static {
    /// Keeps `value` for `keep`, in place of what was there.
    async fn put(
        &self,
        room: &'static str,
        key: &str,
        value: Vec<u8>,
        keep: Duration,
    ) -> Result<(), Away>;
    /// Keeps `value` unless something is there already; says whether it was kept. Of any number of
    /// callers at once, in any number of processes, exactly one hears `true`.
    async fn put_once(
        &self,
        room: &'static str,
        key: &str,
        value: Vec<u8>,
        keep: Duration,
    ) -> Result<bool, Away>;
    /// What is kept there.
    async fn get(&self, room: &'static str, key: &str) -> Result<Option<Vec<u8>>, Away>;
    /// Takes it away: of any number of callers at once, at most one gets it.
    async fn take(&self, room: &'static str, key: &str) -> Result<Option<Vec<u8>>, Away>;
    /// Adds one to a counter that is forgotten `keep` after its first count; says the new count.
    async fn count(&self, room: &'static str, key: &str, keep: Duration) -> Result<u64, Away>;
    /// Whether the store answers, for `/health/ready`.
    async fn ready(&self) -> Result<(), Away>;
}

/// One room of a shelf, holding values of one type as JSON.
pub struct Drawer<T> {
    shelf: Arc<dyn Shelf>,
    room: &'static str,
    holds: PhantomData<fn() -> T>,
}

impl<T> Clone for Drawer<T> {
    fn clone(&self) -> Self {
        Self {
            shelf: Arc::clone(&self.shelf),
            room: self.room,
            holds: PhantomData,
        }
    }
}

impl<T: Serialize + DeserializeOwned> Drawer<T> {
    /// The drawer called `room` on `shelf`; the name is part of what is kept, never change it.
    pub fn new(shelf: Arc<dyn Shelf>, room: &'static str) -> Self {
        Self {
            shelf,
            room,
            holds: PhantomData,
        }
    }

    /// Keeps `value` for `keep`.
    pub async fn put(&self, key: &str, value: &T, keep: Duration) -> Result<(), Away> {
        self.shelf
            .put(self.room, key, self.write(value)?, keep)
            .await
    }

    /// Keeps `value` unless something is there; says whether it was kept.
    pub async fn put_once(&self, key: &str, value: &T, keep: Duration) -> Result<bool, Away> {
        self.shelf
            .put_once(self.room, key, self.write(value)?, keep)
            .await
    }

    /// What is kept there.
    pub async fn get(&self, key: &str) -> Result<Option<T>, Away> {
        self.shelf
            .get(self.room, key)
            .await?
            .map(|bytes| self.read(&bytes))
            .transpose()
    }

    /// Takes it away.
    pub async fn take(&self, key: &str) -> Result<Option<T>, Away> {
        self.shelf
            .take(self.room, key)
            .await?
            .map(|bytes| self.read(&bytes))
            .transpose()
    }

    fn write(&self, value: &T) -> Result<Vec<u8>, Away> {
        serde_json::to_vec(value).map_err(|source| Away::Unreadable {
            room: self.room,
            source,
        })
    }

    fn read(&self, bytes: &[u8]) -> Result<T, Away> {
        serde_json::from_slice(bytes).map_err(|source| Away::Unreadable {
            room: self.room,
            source,
        })
    }
}

/// Longest key, bytes.
pub const LONGEST_KEY: usize = 256;
/// Largest value, bytes.
pub const LARGEST_VALUE: usize = 64 * 1024;

fn fits(room: &'static str, key: &str, value: usize) -> Result<(), Away> {
    if key.len() <= LONGEST_KEY && value <= LARGEST_VALUE {
        return Ok(());
    }
    Err(Away::TooLarge {
        room,
        key: key.len(),
        value,
    })
}

#[cfg(test)]
mod conformance;
