//! Who may speak: trusted metadata as an immutable snapshot.
//!
//! # Invariants
//!
//! * A reader takes the snapshot that stands and never waits for a refresh.
//! * One bad entity or source never spoils the rest; the last good copy is kept on disk.
//! * No HTTP server, no account. Knows `saml` for the meaning of metadata.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use saml::metadata::{Entity, IdpRole, SpRole};
use saml::{EntityId, Moment, VerifyingKey};

/// Where metadata comes from.
#[derive(Debug, Clone)]
pub struct Source {
    /// A short name for the journal, unique.
    pub name: String,
    /// File, folder of `*.xml`, or address.
    pub location: Location,
    /// Pinned keys; an address must have one, a file may be vouched for by the operator.
    pub pinned: Vec<VerifyingKey>,
    /// `validUntil` may lie at most this many days ahead.
    pub horizon_days: Option<u32>,
}

/// Where a source is.
#[derive(Debug, Clone)]
pub enum Location {
    /// A file.
    File(PathBuf),
    /// Every `*.xml` of a folder.
    Folder(PathBuf),
    /// An address.
    Url(String),
}

/// The federation: sources, and the snapshot that stands.
pub struct Federation {
    current: arc_swap::ArcSwap<Snapshot>,
}

/// Everything known at one moment. Immutable.
#[derive(Default)]
pub struct Snapshot {
    entities: HashMap<EntityId, Arc<Entity>>,
    /// What happened to each source at its last refresh.
    pub reports: Vec<Report>,
}

/// What happened to one source.
#[derive(Debug, Clone)]
pub struct Report {
    /// The source's name.
    pub source: String,
    /// When it was last read with success.
    pub read_at: Option<Moment>,
    /// Entities it gave.
    pub entities: usize,
    /// Entities left out: entityID, line, reason.
    pub left_out: Vec<String>,
    /// Why the last refresh failed, when it did; the last good copy stands.
    pub failure: Option<String>,
}

impl Snapshot {
    /// The entity of this name, enabled and not expired at the last refresh.
    pub fn entity(&self, id: &EntityId) -> Option<&Arc<Entity>> {
        self.entities.get(id)
    }

    /// Every entity.
    pub fn entities(&self) -> impl Iterator<Item = &Arc<Entity>> {
        self.entities.values()
    }

    /// The service provider role of an entity.
    pub fn service(&self, id: &EntityId) -> Option<(&Arc<Entity>, &SpRole)> {
        self.entity(id)
            .and_then(|entity| entity.sp.as_ref().map(|role| (entity, role)))
    }

    /// The identity provider role of an entity.
    pub fn provider(&self, id: &EntityId) -> Option<(&Arc<Entity>, &IdpRole)> {
        self.entity(id)
            .and_then(|entity| entity.idp.as_ref().map(|role| (entity, role)))
    }
}

impl Federation {
    /// A federation of these sources, with the last good copies found in `cache` (a folder). Never
    /// touches the network.
    pub fn open(sources: Vec<Source>, cache: PathBuf, loopback_http: bool, now: Moment) -> Self {
        let _ = (sources, cache, loopback_http, now);
        todo!()
    }

    /// The snapshot that stands.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Reads every source again (blocking work in a pool, 10 s a source) and swaps the snapshot.
    pub async fn refresh(&self, now: Moment) -> Arc<Snapshot> {
        let _ = now;
        todo!()
    }
}
