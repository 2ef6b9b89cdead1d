//! Entities asked for one by one (Metadata Query, draft-young-md-query-saml): when somebody names one
//! that nobody knows, the sources that can be queried are asked for it. What comes is a source of its
//! own from then on: signed by the pinned key, kept on disk, asked again when its time has come.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use saml::{EntityId, Moment};
use tokio::sync::Semaphore;

use crate::reading::Reading;
use crate::source::{self, Ground};
use crate::{Federation, Location, Snapshot, Source, sha1_of};

/// Entities of which somebody is asking at a time; who names another meanwhile is not known.
const AT_A_TIME: usize = 16;
/// Entities that are kept, and those that are known to be nowhere: more are not asked for.
const MOST: usize = 10_000;
/// How long an entity that is nowhere is not asked for again.
const NOWHERE: TimeDelta = TimeDelta::minutes(5);
/// How often it is looked whether somebody who asks for the same has an answer.
const GLANCE: Duration = Duration::from_millis(20);
/// How many times: as long as an address may take to answer, and a little more.
const GLANCES: u32 = 600;

/// What was asked for.
pub(crate) struct Asked {
    at_a_time: Semaphore,
    names: Mutex<Names>,
}

#[derive(Default)]
struct Names {
    found: HashSet<(String, EntityId)>,
    /// Until when an entity of a source counts as nowhere.
    nowhere: HashMap<String, Moment>,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            at_a_time: Semaphore::new(AT_A_TIME),
            names: Mutex::default(),
        }
    }
}

impl Asked {
    fn with<T>(&self, look: impl FnOnce(&mut Names) -> T) -> T {
        look(&mut self.names.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn may_ask(&self, name: &str, now: Moment) -> bool {
        self.with(|names| {
            names.nowhere.retain(|_, until| *until > now);
            !names.nowhere.contains_key(name)
                && names.nowhere.len() < MOST
                && names.found.len() < MOST
        })
    }
}

impl Source {
    /// The source of one entity of this one, which can be queried.
    fn one(&self, id: &EntityId) -> Option<Self> {
        let Location::Query(base) = &self.location else {
            return None;
        };
        let written: String =
            url::form_urlencoded::byte_serialize(id.as_str().as_bytes()).collect();
        let mut one = self.clone();
        one.name = format!("{}.{}", self.name, sha1_of(id));
        one.location = Location::Url(format!("{}/entities/{written}", base.trim_end_matches('/')));
        one.terms.only = Some(id.clone());
        Some(one)
    }
}

impl Federation {
    /// The snapshot, with the entity of this name when somebody has it. Asks over the network only
    /// where nobody knows it yet and a source can be queried, and then waits for the answer.
    pub async fn look_for(&self, id: &EntityId, now: Moment) -> Arc<Snapshot> {
        let sources = self.sources.load_full();
        for source in sources.iter() {
            if self.snapshot().entities.contains_key(id) {
                break;
            }
            if let Some(one) = source.one(id) {
                self.ask_for((source, one), id, now).await;
            }
        }
        self.snapshot()
    }

    async fn ask_for(&self, (source, one): (&Source, Source), id: &EntityId, now: Moment) {
        let Ok(_place) = self.asked.at_a_time.try_acquire() else {
            tracing::warn!(
                source = source.name,
                "too many entities are asked for at a time"
            );
            return;
        };
        let mut glances = 0;
        let turn = loop {
            match self.turn(&one.name) {
                Some(turn) => break turn,
                None if glances > GLANCES => return,
                None => glances += 1,
            }
            tokio::time::sleep(GLANCE).await;
        };
        if self.snapshot().entities.contains_key(id) || !self.asked.may_ask(&one.name, now) {
            return;
        }
        let task = self.task(&one, None, now);
        let read = tokio::task::spawn_blocking(move || task.run()).await;
        let reading = match read {
            Ok(Ok(Some(reading))) if !reading.entities.is_empty() => reading.paced(&one, now),
            Ok(Err(failure)) => {
                let why = failure.why();
                tracing::info!(source = source.name, entity = id.as_str(), why, "not found");
                self.nowhere(&one, now);
                return;
            }
            _ => {
                self.nowhere(&one, now);
                return;
            }
        };
        let found = (source.name.clone(), id.clone());
        let mut last = self.last.lock().await;
        last.insert(one.name.clone(), reading);
        self.asked.with(|names| names.found.insert(found));
        drop(last);
        self.show().await;
        drop(turn);
    }

    fn nowhere(&self, one: &Source, now: Moment) {
        let until = now + NOWHERE;
        self.asked
            .with(|names| names.nowhere.insert(one.name.clone(), until));
    }

    /// Every source, and after each that can be queried those of the entities it was asked for.
    pub(crate) fn all(&self) -> Vec<Source> {
        let sources = self.sources.load();
        self.asked.with(|names| {
            let mut all = Vec::with_capacity(sources.len() + names.found.len());
            for source in sources.iter() {
                all.push(source.clone());
                let found = names.found.iter().filter(|(name, _)| *name == source.name);
                all.extend(found.filter_map(|(_, id)| source.one(id)));
            }
            all
        })
    }

    /// Forgets the entities that are gone.
    pub(crate) fn forget_gone(&self, last: &HashMap<String, Reading>) {
        self.asked.with(|names| {
            names.found.retain(|(name, id)| {
                let reading = last.get(&format!("{name}.{}", sha1_of(id)));
                reading.is_some_and(|reading| !reading.entities.is_empty())
            });
        });
    }

    /// What was found before, as it is kept on disk.
    pub(crate) fn recall(&mut self, now: Moment) {
        let sources = self.sources.load_full();
        let queried = sources
            .iter()
            .filter(|one| matches!(one.location, Location::Query(_)));
        for source in queried {
            for id in self.cache.ids_under(&source.name) {
                let Some(one) = source.one(&id) else { continue };
                let reading = source::from_cache(Ground {
                    source: &one,
                    cache: &self.cache,
                    loopback: self.loopback_http,
                    now,
                    before: &[],
                });
                if !reading.entities.is_empty() {
                    let found = (source.name.clone(), id);
                    self.asked.with(|names| names.found.insert(found));
                    self.last.get_mut().insert(one.name.clone(), reading);
                }
            }
        }
        let all = self.all();
        let snapshot = Snapshot::of(&all, self.last.get_mut());
        self.current.store(Arc::new(snapshot));
    }
}
