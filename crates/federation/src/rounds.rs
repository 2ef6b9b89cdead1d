//! Rounds: which sources are read at a time, and what stands afterwards.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use saml::{Moment, Rules};
use tokio::task::{JoinSet, spawn_blocking};

use crate::aside::aside;
use crate::cache::Cache;
use crate::changes::{self, Changes};
use crate::fetch::Validators;
use crate::kept::Kept;
use crate::reading::Reading;
use crate::source::{self, Ground};
use crate::unread::{Failure, Unread};
use crate::{Federation, Location, Snapshot, Source};

/// Entities that were asked for one by one, and are asked for again in one round.
const SINGLES: usize = 16;

/// What came of reading one source.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The source's name.
    pub source: String,
    /// Why the last good copy stands, where it does.
    pub failure: Option<String>,
    /// How many times in a row it failed.
    pub failures: u32,
    /// What changed, where something did.
    pub changes: Option<Changes>,
}

impl Source {
    /// Whether it is read whenever somebody looks: what is ours, and what is on disk. Others' addresses
    /// are asked when their time has come.
    fn is_near(&self) -> bool {
        self.may_go_back || !matches!(self.location, Location::Url(_))
    }

    /// What it is: what was read from another place, by other keys or through another filter is no
    /// reading of it. Our own keys roll, which makes nobody else of us.
    pub(crate) fn mark(&self) -> String {
        let pinned = self.pinned.iter().filter(|_| !self.may_go_back);
        let pinned: Vec<&str> = pinned.map(saml::VerifyingKey::fingerprint).collect();
        let (horizon, filter) = (self.horizon_days, &self.terms.filter);
        format!("{:?} {pinned:?} {horizon:?} {filter:?}", self.location)
    }
}

impl Federation {
    /// Reads every source again, all at once (in a pool, and others' behind the visitors), and swaps the snapshot. A
    /// source that fails keeps its last good reading, as far as it is still valid.
    pub async fn refresh(&self, now: Moment) -> Arc<Snapshot> {
        self.round(now, |_, _| true).await;
        self.show().await
    }

    /// Reads what is ours and what is on disk again: others' addresses are not waited for.
    pub async fn refresh_near(&self, now: Moment) -> Arc<Snapshot> {
        self.round(now, |source, _| source.is_near()).await;
        self.show().await
    }

    /// Asks those of others' addresses whose time has come, and that nobody is asking: what each gives
    /// stands as soon as it is there.
    pub async fn refresh_due(&self, now: Moment) -> Vec<Outcome> {
        let is_due = |source: &Source, due: Option<Moment>| {
            !source.is_near() && due.is_none_or(|due| due <= now)
        };
        self.round(now, is_due).await
    }

    /// Makes the time of every address come.
    pub async fn hasten(&self) {
        for reading in self.last.lock().await.values_mut() {
            reading.standing.due = None;
        }
    }

    async fn round(
        &self,
        now: Moment,
        wanted: impl Fn(&Source, Option<Moment>) -> bool,
    ) -> Vec<Outcome> {
        let mut tasks = JoinSet::new();
        let sources = self.all();
        let asked = |source: &&Source| !matches!(source.location, Location::Query(_));
        let last = self.last.lock().await;
        let mut singles = 0;
        for source in sources.iter().filter(asked) {
            let before = last.get(&source.name);
            let before = before.filter(|before| before.mark == source.mark());
            let due = before.and_then(|before| before.standing.due);
            let is_single = source.terms.only.is_some();
            if wanted(source, due)
                && !(is_single && singles == SINGLES)
                && let Some(turn) = self.turn(&source.name)
            {
                singles += usize::from(is_single);
                let task = self.task(source, before, now);
                let is_near = source.is_near();
                let work = move || {
                    let read = task.run();
                    (task.source, read, turn)
                };
                tasks.spawn(async move {
                    if is_near {
                        spawn_blocking(work).await.map_err(io::Error::other)
                    } else {
                        aside(work).await
                    }
                });
            }
        }
        drop(last);
        let mut outcomes = Vec::new();
        while let Some(done) = tasks.join_next().await {
            match done.map_err(io::Error::other).flatten() {
                Ok((source, read, turn)) => {
                    outcomes.extend(self.settle(&source, read, now).await);
                    if !source.is_near() {
                        self.show().await;
                    }
                    drop(turn);
                }
                Err(why) => tracing::error!(%why, "the reading of a source broke off"),
            }
        }
        outcomes
    }

    pub(crate) fn turn(&self, source: &str) -> Option<Turn> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.insert(source.to_owned()).then(|| Turn {
            busy: Arc::clone(&self.busy),
            source: source.to_owned(),
        })
    }

    pub(crate) fn task(&self, source: &Source, before: Option<&Reading>, now: Moment) -> Task {
        Task {
            source: source.clone(),
            known: before.map(|before| before.standing.validators.clone()),
            stands: before.and_then(|before| before.valid_until),
            ends: before.and_then(|before| before.report.ends),
            before: before.map_or_else(Vec::new, |before| before.entities.clone()),
            cache: self.cache.clone(),
            rules: self.rules.clone(),
            loopback: self.loopback_http,
            now,
        }
    }

    /// What stands of a source after it was read; nothing to tell where it is none any more.
    async fn settle(
        &self,
        source: &Source,
        read: Result<Option<Reading>, Failure>,
        now: Moment,
    ) -> Option<Outcome> {
        let mark = source.mark();
        let is_it = |one: &Source| one.name == source.name && one.mark() == mark;
        if !self.all().iter().any(is_it) {
            return None;
        }
        let mut last = self.last.lock().await;
        let before = last.get(&source.name);
        let before = before.filter(|before| before.mark == mark);
        let mut changes = None;
        let reading = match read {
            Ok(Some(reading)) => {
                let known = before.filter(|before| before.is_of_something());
                let known = known.map(|known| known.entities.clone());
                // Who is followed was registered before it was first asked.
                let known = known.or_else(|| self.registered(source));
                let is_one = source.terms.only.is_some() && !source.terms.is_followed;
                let is_told = !source.may_go_back && !is_one;
                changes = Changes::between(known.as_deref(), &reading, now).filter(|_| is_told);
                reading.paced(source, now)
            }
            Ok(None) => {
                let empty = Reading::empty(&source.name);
                before.unwrap_or(&empty).unchanged(now).paced(source, now)
            }
            Err(failure) => {
                let empty = Reading::empty(&source.name);
                let before = before.unwrap_or(&empty);
                // An entity that is said to be nowhere is gone; a whole federation never is.
                let is_asked = source.terms.only.is_some() && !source.terms.is_followed;
                let is_gone = failure.is_gone && is_asked;
                let before = if is_gone {
                    self.cache.forget(&source.name);
                    &empty
                } else {
                    before
                };
                let reading = before.after_failure(&source.name, &failure, now);
                reading.put_off(source, failure.again_s, now)
            }
        };
        if let Some(changes) = &changes
            && let Err(why) = changes::keep(&self.cache, changes)
        {
            tracing::warn!(source = source.name, %why, "what changed cannot be noted");
        }
        let outcome = Outcome {
            source: source.name.clone(),
            failure: reading.report.failure.clone(),
            failures: reading.report.failures,
            changes,
        };
        last.insert(source.name.clone(), reading);
        Some(outcome)
    }

    /// What is known of a service that is followed, before it says anything itself.
    fn registered(&self, source: &Source) -> Option<Vec<Arc<Kept>>> {
        let id = source.terms.only.as_ref();
        let id = id.filter(|_| source.terms.is_followed)?;
        let snapshot = self.snapshot();
        Some(vec![Arc::clone(snapshot.entities.get(id)?)])
    }

    /// Makes the snapshot of what each source gave last.
    pub(crate) async fn show(&self) -> Arc<Snapshot> {
        let mut last = self.last.lock().await;
        let sources = self.all();
        let marks = sources.iter().map(|one| (one.name.as_str(), one.mark()));
        let marks: HashMap<&str, String> = marks.collect();
        last.retain(|name, reading| marks.get(name.as_str()) == Some(&reading.mark));
        let snapshot = Snapshot::of(&sources, &last).after(&self.current.load());
        self.current.store(Arc::new(snapshot));
        self.forget_gone(&last);
        self.snapshot()
    }
}

/// The right to read a source: nobody else reads it as long as this is there.
pub(crate) struct Turn {
    busy: Arc<Mutex<HashSet<String>>>,
    source: String,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.remove(&self.source);
    }
}

/// One source to be read, and what is known of it.
pub(crate) struct Task {
    source: Source,
    known: Option<Validators>,
    /// Until when what an address gave is good: what is older than that is not taken.
    stands: Option<Moment>,
    /// When what it gave ends.
    ends: Option<Moment>,
    before: Vec<Arc<Kept>>,
    cache: Cache,
    rules: Rules,
    loopback: bool,
    now: Moment,
}

impl Task {
    /// Reads, judges, and keeps what is good. Blocks. Nothing: what is known is what there is.
    pub(crate) fn run(&self) -> Result<Option<Reading>, Failure> {
        let ground = Ground {
            source: &self.source,
            cache: &self.cache,
            loopback: self.loopback,
            now: self.now,
            before: &self.before,
        };
        let Some(reading) = source::read(ground, self.known.as_ref())? else {
            // "Unchanged" is no answer once what was there has ended.
            return match self.ends {
                Some(at) if at <= self.now => Err(Failure::ended(at)),
                _ => Ok(None),
            };
        };
        let reading = reading.allowed_by(&self.rules)?;
        let mut reading = reading.no_older_than(self.stands, &self.source, self.now)?;
        if self.source.terms.is_followed && !self.is_itself(&reading) {
            let source_name = self.source.name.clone();
            return Err(Unread::NotItself { source_name }.into());
        }
        source::keep(&mut reading, &self.source, &self.cache);
        Ok(Some(reading))
    }

    /// Whether who is followed speaks of itself, and has no fewer keys than it had.
    fn is_itself(&self, reading: &Reading) -> bool {
        let fresh = reading.entities.first().and_then(|kept| kept.entity());
        let before = self.before.first().and_then(|kept| kept.entity());
        fresh.is_some_and(|fresh| before.is_none_or(|before| before.renewed_by(fresh).is_some()))
    }
}
