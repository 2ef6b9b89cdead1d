//! What a scan finds, and how an entity that was found is read in full.

use std::sync::Arc;

use crate::metadata::read::read_one;
use crate::metadata::{Entity, LeftOut, Listing, ReadPolicy};
use crate::{Moment, Refusal};

/// What an aggregate holds.
#[derive(Debug, Default)]
pub struct Scan {
    /// Entities that pass every rule that can be seen without decoding keys.
    pub entities: Vec<Found>,
    /// Entities left out, and why.
    pub left_out: Vec<LeftOut>,
    /// Whether the root is an entity, not a group.
    pub is_one: bool,
    /// `validUntil` of the root.
    pub valid_until: Option<Moment>,
    /// `cacheDuration` of the root, seconds.
    pub cache_s: Option<u64>,
    /// The fingerprint of the pinned key that verified it; `None` where none is pinned.
    pub key: Option<String>,
    /// The algorithms that its signature rests on.
    pub used: Vec<&'static str>,
}

/// An entity of an aggregate.
#[derive(Debug)]
pub struct Found {
    /// What is shown and searched of it.
    pub listing: Arc<Listing>,
    /// Until when it is valid.
    pub valid_until: Option<Moment>,
    /// Where it stands.
    pub slice: Slice,
    /// The same as long as its certificates are written alike, and in the same order.
    pub keys: u64,
}

/// Where an entity stands in its document, and what is declared around it.
#[derive(Debug, Clone)]
pub struct Slice {
    /// Bytes before it.
    pub at: u64,
    /// Bytes of it.
    pub len: usize,
    pub(super) declared: Around,
    pub(super) until: Option<Moment>,
}

impl Slice {
    /// Reads the entity in full from `text`, its own bytes.
    ///
    /// # Errors
    /// Whatever [`crate::metadata::read()`] leaves an entity out for.
    pub fn read(&self, text: &str, policy: &ReadPolicy<'_>) -> Result<Entity, Refusal> {
        read_one(&self.alone(text), self.until, policy)
    }

    /// The entity as a document of its own, with the namespaces that were declared around it.
    fn alone(&self, text: &str) -> String {
        let ends = text.find('>').unwrap_or(text.len());
        let (tag, _) = text.split_at_checked(ends).unwrap_or((text, ""));
        let name_ends = tag.find(|c: char| c.is_ascii_whitespace() || c == '/');
        let (name, rest) = text
            .split_at_checked(name_ends.unwrap_or(ends))
            .unwrap_or((text, ""));
        let mut out = String::with_capacity(text.len() + 1024);
        out.push_str(name);
        for (prefix, uri) in self.declared.iter() {
            let attribute = if prefix.is_empty() {
                "xmlns".to_owned()
            } else {
                format!("xmlns:{prefix}")
            };
            let declares = |tag: &str| {
                let mut words = tag.split(|c: char| c.is_ascii_whitespace() || c == '=');
                words.any(|word| word == attribute)
            };
            if !declares(tag) {
                // A declaration that was taken holds nothing to be escaped.
                for part in [" ", &attribute, "=\"", uri, "\""] {
                    out.push_str(part);
                }
            }
        }
        out.push_str(rest);
        out
    }
}

/// What is declared around an entity: prefix and namespace.
pub(super) type Around = Arc<[(String, String)]>;
