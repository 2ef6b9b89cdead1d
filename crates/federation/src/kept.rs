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
    text: OnceLock<Text>,
}

/// Where a text is.
#[derive(Debug)]
enum Text {
    /// In the last good copy. The file that is open is the one that was verified, whatever is put
    /// in its place later.
    File(File),
    /// In memory: the disk would not have it.
    Memory(Arc<String>),
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
            listing: Arc::new(found.listing),
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
    /// The text of a source, which is not kept anywhere yet.
    pub(crate) fn of(source: &str, now: Moment, loopback: bool) -> Self {
        Self {
            source: source.to_owned(),
            now,
            loopback,
            text: OnceLock::new(),
        }
    }

    /// It stands in this file.
    pub(crate) fn on_disk(&self, file: File) {
        // The first place is as good as any other.
        self.text.get_or_init(|| Text::File(file));
    }

    /// It stands nowhere but here.
    pub(crate) fn in_memory(&self, text: Arc<String>) {
        self.text.get_or_init(|| Text::Memory(text));
    }

    fn read(&self, slice: &Slice) -> Result<Arc<Entity>, String> {
        let policy = ReadPolicy {
            pinned: &[],
            now: self.now,
            horizon_days: None,
            loopback_http: self.loopback,
        };
        let bytes = match self.text.get() {
            Some(Text::File(file)) => {
                let mut bytes = vec![0; slice.len];
                file.read_exact_at(&mut bytes, slice.at)
                    .map_err(|why| why.to_string())?;
                bytes
            }
            Some(Text::Memory(text)) => {
                let start = usize::try_from(slice.at).unwrap_or(usize::MAX);
                let end = start.saturating_add(slice.len);
                let part = text.as_bytes().get(start..end);
                part.ok_or("the text is shorter than it was")?.to_vec()
            }
            None => return Err("the text is not kept yet".to_owned()),
        };
        let text = String::from_utf8(bytes).map_err(|why| why.to_string())?;
        let entity = slice.read(&text, &policy);
        entity.map(Arc::new).map_err(|why| why.to_string())
    }
}
