//! An entity as it is kept: whole, or, of a large aggregate, what discovery needs of it and where
//! the rest stands on disk.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, OnceLock};

use saml::metadata::{Entity, Found, Listing, ReadPolicy, Slice};
use saml::{EntityId, Moment};

/// One entity.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) listing: Arc<Listing>,
    pub(crate) valid_until: Option<Moment>,
    keys: Keys,
    /// The whole, once somebody asked for it; `None` inside where it cannot be read.
    whole: OnceLock<Option<Arc<Entity>>>,
    stands: Option<Stands>,
}

/// What tells the keys of an entity from others.
#[derive(Debug, PartialEq, Eq)]
enum Keys {
    /// Their fingerprints.
    Known(Vec<String>),
    /// How their certificates are written.
    Written(u64),
}

/// Where an entity of an aggregate stands.
#[derive(Debug)]
struct Stands {
    slice: Slice,
    bulk: Arc<Bulk>,
}

/// The text of a large aggregate, and how its entities are read.
#[derive(Debug)]
pub(crate) struct Bulk {
    source: String,
    now: Moment,
    loopback: bool,
    /// The file that is open is the one that was verified, whatever is put in its place later.
    file: File,
}

impl Kept {
    /// An entity that was read in full.
    pub(crate) fn whole(entity: Entity) -> Self {
        Self {
            listing: Arc::new(Listing::of(&entity)),
            valid_until: entity.valid_until,
            keys: Keys::of(&entity),
            whole: OnceLock::from(Some(Arc::new(entity))),
            stands: None,
        }
    }

    /// An entity of `bulk`, looked at as it streamed by.
    pub(crate) fn part(found: Found, bulk: &Arc<Bulk>) -> Self {
        Self {
            listing: found.listing,
            valid_until: found.valid_until,
            keys: Keys::Written(found.keys),
            whole: OnceLock::new(),
            stands: Some(Stands {
                slice: found.slice,
                bulk: Arc::clone(bulk),
            }),
        }
    }

    /// Its name.
    pub(crate) fn id(&self) -> &EntityId {
        &self.listing.id
    }

    /// Whether its keys are others than those of `before`, as far as both are known alike.
    pub(crate) fn has_other_keys(&self, before: &Self) -> bool {
        std::mem::discriminant(&self.keys) == std::mem::discriminant(&before.keys)
            && self.keys != before.keys
    }

    /// Whether its service is reached at other addresses than that of `before`, where both are in memory.
    pub(crate) fn is_elsewhere(&self, before: &Self) -> bool {
        let service = |kept: &Self| kept.at_hand().and_then(|entity| entity.sp.clone());
        service(self)
            .zip(service(before))
            .is_some_and(|(now, then)| {
                now.acs != then.acs || now.slo != then.slo || now.discovery != then.discovery
            })
    }

    /// The whole, where it is in memory.
    pub(crate) fn at_hand(&self) -> Option<&Arc<Entity>> {
        self.whole.get()?.as_ref()
    }

    /// The whole; nothing where its keys, which nobody decoded yet, cannot be used.
    pub(crate) fn entity(&self) -> Option<&Arc<Entity>> {
        let read = || {
            let stands = self.stands.as_ref()?;
            let read = stands.bulk.read(&stands.slice);
            read.map_err(|why| {
                let source = &stands.bulk.source;
                let entity = self.id().as_str();
                tracing::warn!(source, entity, %why, "an entity is left out");
            })
            .ok()
        };
        self.whole.get_or_init(read).as_ref()
    }
}

impl Keys {
    fn of(entity: &Entity) -> Self {
        let (idp, sp) = (entity.idp.iter(), entity.sp.iter());
        let signing = idp
            .clone()
            .flat_map(|role| &role.signing_keys)
            .chain(sp.clone().flat_map(|role| &role.signing_keys))
            .map(|key| format!("signing {}", key.fingerprint()));
        let encrypting = idp
            .flat_map(|role| &role.encryption_keys)
            .chain(sp.flat_map(|role| &role.encryption_keys))
            .map(|one| format!("encryption {}", one.key.fingerprint()));
        let mut all: Vec<String> = signing.chain(encrypting).collect();
        all.sort();
        all.dedup();
        Self::Known(all)
    }
}

impl Bulk {
    /// What stands in this file, of a source as it is read at a moment, with or without http on this
    /// machine.
    pub(crate) fn of(source: &str, (now, loopback): (Moment, bool), file: File) -> Self {
        Self {
            source: source.to_owned(),
            now,
            loopback,
            file,
        }
    }

    fn read(&self, slice: &Slice) -> Result<Arc<Entity>, String> {
        let policy = ReadPolicy {
            pinned: &[],
            now: self.now,
            horizon_days: None,
            loopback_http: self.loopback,
        };
        let mut bytes = vec![0; slice.len];
        let read = self.file.read_exact_at(&mut bytes, slice.at);
        read.map_err(|why| why.to_string())?;
        let text = String::from_utf8(bytes).map_err(|why| why.to_string())?;
        let entity = slice.read(&text, &policy);
        entity.map(Arc::new).map_err(|why| why.to_string())
    }
}
