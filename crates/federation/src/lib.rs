//! Who may speak: trusted metadata as an immutable snapshot.
//!
//! # Invariants
//!
//! * A reader takes the snapshot that stands and never waits for a refresh.
//! * One bad entity or source never spoils the rest; the last good copy is kept on disk.
//! * No HTTP server, no account. Knows `saml` for the meaning of metadata.

mod aside;
mod cache;
mod changes;
mod draft;
pub mod fetch;
mod filter;
mod kept;
mod pace;
mod query;
mod reading;
mod rounds;
mod source;
mod unread;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use changes::{Changes, history};
pub use filter::Filter;
pub use rounds::Outcome;
pub use saml::metadata::Listing;

use saml::metadata::{Entity, IdpRole, SpRole};
use saml::{EntityId, Moment, Rules, VerifyingKey};
use sha1::{Digest, Sha1};

use cache::Cache;
use kept::Kept;
use reading::Reading;
use source::Ground;

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
    /// Whether a document may end earlier than the one before it. Of others it may not: somebody
    /// who is between us and them would show an old one again. Our own processes, each of which
    /// composes at its own time, may.
    pub may_go_back: bool,
    /// What the operator says of it beside.
    pub terms: Terms,
}

/// What is said of a source beside where it is and who signs it.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The longest between two questions to an address; a document may say that it is shorter.
    pub every: Duration,
    /// Whom it may bring.
    pub filter: Filter,
    /// Whom alone it may bring: one entity that another source was asked for, or that is followed.
    pub only: Option<EntityId>,
    /// Whether it is followed: a service that another source knows, which says of itself what its keys
    /// and its addresses are. Believed without a pinned key, for its address alone: https, with a
    /// certificate that is good for it.
    pub is_followed: bool,
}

impl Default for Terms {
    /// Each hour, and everybody.
    fn default() -> Self {
        Self {
            every: Duration::from_secs(3600),
            filter: Filter::default(),
            only: None,
            is_followed: false,
        }
    }
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
    /// The address of a Metadata Query service, which is asked for one entity after the other.
    Query(String),
}

/// The federation: sources, and the snapshot that stands.
pub struct Federation {
    sources: arc_swap::ArcSwap<Vec<Source>>,
    cache: Cache,
    loopback_http: bool,
    rules: Rules,
    current: arc_swap::ArcSwap<Snapshot>,
    /// What each source gave last, by its name.
    last: tokio::sync::Mutex<HashMap<String, Reading>>,
    /// The sources that are being read: two readings of one never cross.
    busy: Arc<Mutex<HashSet<String>>>,
    /// The entities that were asked for one by one.
    asked: query::Asked,
}

/// Everything known at one moment. Immutable.
#[derive(Default)]
pub struct Snapshot {
    entities: HashMap<EntityId, Arc<Kept>>,
    listings: Vec<Arc<Listing>>,
    generation: u64,
    /// The profile the operator put an entity behind, beside its metadata.
    profiles: HashMap<EntityId, String>,
    /// What our own entities publish, as it was read.
    documents: HashMap<EntityId, Arc<str>>,
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
    /// How many times in a row it failed.
    pub failures: u32,
    /// `validUntil` of the document, of a file or an address; nothing of it is believed after that.
    pub ends: Option<Moment>,
    /// Entities that the source may not bring.
    pub set_aside: usize,
    /// When an address is asked next.
    pub due: Option<Moment>,
}

impl Report {
    /// Tells of one entity in the report of the source that was asked for it.
    fn join_in(&mut self, one: Self) {
        self.entities += one.entities;
        self.set_aside += one.set_aside;
        self.left_out.extend(one.left_out);
        self.read_at = self.read_at.max(one.read_at);
        self.failures = self.failures.max(one.failures);
        if self.failure.is_none() {
            self.failure = one.failure;
        }
    }
}

impl Snapshot {
    /// The entity of this name, enabled and not expired at the last refresh.
    pub fn entity(&self, id: &EntityId) -> Option<&Arc<Entity>> {
        self.entities.get(id)?.entity()
    }

    /// What is shown and searched of each entity, in the order of the sources and their documents.
    pub fn listings(&self) -> &[Arc<Listing>] {
        &self.listings
    }

    /// Grows when [`Self::listings`] changes, and only then: what was made of them is still good
    /// while this is the same.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The profile that the operator put a provider behind when registering it.
    pub fn profile_of(&self, id: &EntityId) -> Option<&str> {
        self.profiles.get(id).map(String::as_str)
    }

    /// The providers that were put behind `profile`, in the order they are listed.
    pub fn behind<'a>(&'a self, profile: &'a str) -> impl Iterator<Item = &'a EntityId> {
        let ids = self.listings.iter().map(|listing| &listing.id);
        ids.filter(move |id| self.profile_of(id) == Some(profile))
    }

    /// The document of an entity of ours, as it was read where it publishes itself: by its name, or by
    /// `{sha1}` and the digest of that, hexadecimal (draft-young-md-query-saml 2.3).
    pub fn published(&self, identifier: &str) -> Option<&Arc<str>> {
        let Some(digest) = identifier.strip_prefix("{sha1}") else {
            return self.documents.get(&EntityId::parse(identifier).ok()?);
        };
        let mut all = self.documents.iter();
        all.find(|(id, _)| sha1_of(id).eq_ignore_ascii_case(digest))
            .map(|(_, document)| document)
    }

    /// Whether nobody is known.
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// The entities that are in memory whole: of large aggregates, those that were asked for.
    pub fn at_hand(&self) -> impl Iterator<Item = &Arc<Entity>> {
        self.entities.values().filter_map(|kept| kept.at_hand())
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
        let cache = Cache::at(cache);
        cache.sweep(now);
        let read: HashMap<String, Reading> = sources
            .iter()
            .map(|source| {
                let reading = source::from_cache(Ground {
                    source,
                    cache: &cache,
                    loopback: loopback_http,
                    now,
                    before: &[],
                });
                (source.name.clone(), reading)
            })
            .collect();
        let current = arc_swap::ArcSwap::from_pointee(Snapshot::of(&sources, &read));
        let mut federation = Self {
            sources: arc_swap::ArcSwap::from_pointee(sources),
            cache,
            loopback_http,
            rules: Rules::default(),
            current,
            last: tokio::sync::Mutex::new(read),
            busy: Arc::default(),
            asked: query::Asked::default(),
        };
        federation.recall(now);
        federation
    }

    /// The same, by these rules: what is kept here is read under them too.
    #[must_use]
    pub fn under(mut self, rules: Rules) -> Self {
        let last = self.last.get_mut();
        for (source, reading) in last.iter_mut() {
            if let Err(why) = reading.clone().allowed_by(&rules) {
                *reading = Reading::empty(source);
                reading.report.failure = Some(why.to_string());
            }
        }
        let all = self.all();
        let snapshot = Snapshot::of(&all, self.last.get_mut());
        self.current.store(Arc::new(snapshot));
        self.rules = rules;
        self
    }

    /// The rules that messages of the federation are taken and made by.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The snapshot that stands.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Pins other keys for the sources whose names start with `prefix`, from the next refresh on.
    pub fn pin(&self, prefix: &str, keys: &[VerifyingKey]) {
        self.sources.rcu(|sources| {
            let mut sources = Vec::clone(sources);
            for source in sources
                .iter_mut()
                .filter(|one| one.name.starts_with(prefix))
            {
                source.pinned = keys.to_vec();
            }
            sources
        });
    }

    /// Reads from other sources, from the next refresh on. What the ones that stay gave last stands.
    pub fn replace(&self, sources: Vec<Source>) {
        self.sources.store(Arc::new(sources));
    }
}

impl Snapshot {
    /// Of two sources with the same entity the first one wins, and the report of the other says so.
    fn of(sources: &[Source], last: &HashMap<String, Reading>) -> Self {
        let mut entities: HashMap<EntityId, Arc<Kept>> = HashMap::new();
        let mut listings = Vec::new();
        let mut profiles = HashMap::new();
        let mut documents = HashMap::new();
        let mut reports = Vec::with_capacity(sources.len());
        for source in sources {
            let Some(reading) = last.get(&source.name) else {
                reports.push(Reading::empty(&source.name).report);
                continue;
            };
            let mut report = reading.report.clone();
            if source.terms.is_followed {
                follow(&mut entities, reading, &mut report);
                match reports.iter_mut().find(|one| one.source == FOLLOWED) {
                    Some(all) => all.join_in(report),
                    None => reports.push(Report {
                        source: FOLLOWED.to_owned(),
                        ends: None,
                        ..report
                    }),
                }
                continue;
            }
            for kept in &reading.entities {
                let id = kept.id();
                if entities.contains_key(id) {
                    let story = format!("{id}: an earlier source has this entity");
                    report.left_out.push(story);
                    continue;
                }
                entities.insert(id.clone(), Arc::clone(kept));
                listings.push(Arc::clone(&kept.listing));
                if let Some(profile) = reading.profiles.get(id) {
                    profiles.insert(id.clone(), profile.clone());
                }
                if let Some(document) = reading.document.as_ref().filter(|_| source.may_go_back) {
                    documents.insert(id.clone(), Arc::clone(document));
                }
            }
            match reports.last_mut() {
                Some(whole) if source.terms.only.is_some() => whole.join_in(report),
                _ => reports.push(report),
            }
        }
        Self {
            entities,
            listings,
            generation: 0,
            profiles,
            documents,
            reports,
        }
    }

    /// The snapshot that follows `before`.
    fn after(mut self, before: &Self) -> Self {
        let is_same = self.listings == before.listings && self.profiles == before.profiles;
        self.generation = if is_same {
            before.generation
        } else {
            before.generation + 1
        };
        self
    }
}

/// What the sources are called together that are followed.
const FOLLOWED: &str = "followed";

/// Takes what services that are followed say of themselves, where it may be taken.
fn follow(entities: &mut HashMap<EntityId, Arc<Kept>>, reading: &Reading, report: &mut Report) {
    for kept in &reading.entities {
        let fresh = kept.entity();
        let known = entities.get(kept.id()).and_then(|known| known.entity());
        let renewed = known
            .zip(fresh)
            .map(|(known, fresh)| known.renewed_by(fresh));
        let why = match renewed {
            Some(Some(renewed)) => {
                entities.insert(renewed.id.clone(), Arc::new(Kept::whole(renewed)));
                continue;
            }
            Some(None) => "is no service, or has no key where it had one",
            None => "nobody else knows this entity",
        };
        report.left_out.push(format!("{}: {why}", kept.id()));
    }
}

/// The digest that an entity is asked for by.
fn sha1_of(id: &EntityId) -> String {
    let digest = Sha1::digest(id.as_str().as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
