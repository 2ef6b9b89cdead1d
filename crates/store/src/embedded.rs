//! The embedded shelf: one redb file, one process, one thread that writes.
//!
//! Everything waiting is applied in one transaction and answered after its commit, so that an
//! acknowledged write is on the disk, and a hundred of them cost one flush. Reads go straight to
//! the last commit.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use redb::{Database, ReadableDatabase, ReadableTable, Table, TableDefinition};
use tokio::sync::oneshot;

use crate::{Away, Clock, Shelf, fits};

/// Expiry in milliseconds since 1970, then the value.
const KEPT: TableDefinition<'static, &str, (i64, &[u8])> = TableDefinition::new("kept");
/// What ends when, for the sweep.
const ENDS: TableDefinition<'static, (i64, &str), ()> = TableDefinition::new("ends");

/// Jobs that may wait; beyond that the disk does not keep up and the answer is `Away`.
const QUEUE: usize = 8192;
/// Jobs of one transaction.
const BATCH: usize = 512;
const SWEEP_EVERY: Duration = Duration::from_secs(20);
const SWEEP_AT_MOST: usize = 5_000;
/// redb's page cache: what is hot on a shelf is small.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// Opens the embedded shelf in the file `path` (created when absent): one process at a time.
pub fn embedded(path: &Path, clock: Clock) -> Result<Arc<dyn Shelf>, Away> {
    let away =
        |why: &dyn std::fmt::Display| Away::Unreachable(format!("{}: {why}", path.display()));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|why| away(&why))?;
    }
    let database = Database::builder()
        .set_cache_size(CACHE_BYTES)
        .create(path)
        .map_err(|why| away(&why))?;
    let write = database.begin_write().map_err(|why| away(&why))?;
    write.open_table(KEPT).map_err(|why| away(&why))?;
    write.open_table(ENDS).map_err(|why| away(&why))?;
    write.commit().map_err(|why| away(&why))?;
    let database = Arc::new(database);
    let (jobs, inbox) = sync_channel(QUEUE);
    let writer = Writer {
        database: Arc::clone(&database),
        clock: Arc::clone(&clock),
        inbox,
    };
    std::thread::Builder::new()
        .name("shelf".to_owned())
        .spawn(move || writer.run())
        .map_err(|why| away(&why))?;
    Ok(Arc::new(Embedded {
        database,
        clock,
        jobs,
    }))
}

struct Embedded {
    database: Arc<Database>,
    clock: Clock,
    jobs: SyncSender<Job>,
}

struct Job {
    key: String,
    act: Act,
    reply: oneshot::Sender<Result<Outcome, Away>>,
}

enum Act {
    Put(Vec<u8>, Duration),
    PutOnce(Vec<u8>, Duration),
    Take,
    Count(Duration),
}

#[derive(Debug)]
enum Outcome {
    Done,
    Kept(bool),
    Taken(Option<Vec<u8>>),
    Counted(u64),
}

/// Rooms and keys never hold a unit separator: keys are tokens and digests.
fn full_key(room: &str, key: &str) -> String {
    format!("{room}\u{1f}{key}")
}

impl Embedded {
    async fn ask(&self, room: &'static str, key: &str, act: Act) -> Result<Outcome, Away> {
        let size = match &act {
            Act::Put(value, _) | Act::PutOnce(value, _) => value.len(),
            Act::Take | Act::Count(_) => 0,
        };
        fits(room, key, size)?;
        let (reply, answer) = oneshot::channel();
        let job = Job {
            key: full_key(room, key),
            act,
            reply,
        };
        self.jobs.try_send(job).map_err(|why| {
            Away::Unreachable(match why {
                TrySendError::Full(_) => "the disk does not keep up".to_owned(),
                TrySendError::Disconnected(_) => "the writer has ended".to_owned(),
            })
        })?;
        answer
            .await
            .map_err(|_| Away::Unreachable("the writer has ended".to_owned()))?
    }
}

#[async_trait::async_trait]
impl Shelf for Embedded {
    async fn put(
        &self,
        room: &'static str,
        key: &str,
        value: Vec<u8>,
        keep: Duration,
    ) -> Result<(), Away> {
        self.ask(room, key, Act::Put(value, keep)).await.map(|_| ())
    }

    async fn put_once(
        &self,
        room: &'static str,
        key: &str,
        value: Vec<u8>,
        keep: Duration,
    ) -> Result<bool, Away> {
        let outcome = self.ask(room, key, Act::PutOnce(value, keep)).await?;
        Ok(matches!(outcome, Outcome::Kept(true)))
    }

    async fn get(&self, room: &'static str, key: &str) -> Result<Option<Vec<u8>>, Away> {
        fits(room, key, 0)?;
        read(&self.database, &full_key(room, key), now_ms(&self.clock))
            .map_err(|why| Away::Unreachable(why.to_string()))
    }

    async fn take(&self, room: &'static str, key: &str) -> Result<Option<Vec<u8>>, Away> {
        match self.ask(room, key, Act::Take).await? {
            Outcome::Taken(value) => Ok(value),
            _ => Ok(None),
        }
    }

    async fn count(&self, room: &'static str, key: &str, keep: Duration) -> Result<u64, Away> {
        match self.ask(room, key, Act::Count(keep)).await? {
            Outcome::Counted(count) => Ok(count),
            _ => Ok(0),
        }
    }

    async fn ready(&self) -> Result<(), Away> {
        self.get("ready", "ready").await.map(|_| ())
    }
}

fn now_ms(clock: &Clock) -> i64 {
    clock().timestamp_millis()
}

fn read(database: &Database, key: &str, now: i64) -> Result<Option<Vec<u8>>, redb::Error> {
    let table = database.begin_read()?.open_table(KEPT)?;
    let found = table.get(key)?;
    Ok(found.and_then(|kept| {
        let (ends, value) = kept.value();
        (ends > now).then(|| value.to_vec())
    }))
}

struct Writer {
    database: Arc<Database>,
    clock: Clock,
    inbox: Receiver<Job>,
}

impl Writer {
    /// Until the last handle of the shelf is dropped.
    fn run(self) {
        let mut swept = Instant::now();
        loop {
            let mut batch = Vec::new();
            match self.inbox.recv_timeout(SWEEP_EVERY) {
                Ok(job) => batch.push(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            batch.extend(self.inbox.try_iter().take(BATCH));
            let sweep = swept.elapsed() >= SWEEP_EVERY;
            if sweep {
                swept = Instant::now();
            }
            if sweep || !batch.is_empty() {
                self.commit(batch, sweep);
            }
        }
    }

    fn commit(&self, batch: Vec<Job>, sweep: bool) {
        let now = now_ms(&self.clock);
        let outcomes = self.apply(&batch, sweep, now);
        match outcomes {
            Ok(outcomes) => {
                for (job, outcome) in batch.into_iter().zip(outcomes) {
                    // Whoever asked may have gone: the write stands all the same.
                    job.reply.send(Ok(outcome)).ok();
                }
            }
            Err(why) => {
                for job in batch {
                    job.reply.send(Err(Away::Unreachable(why.to_string()))).ok();
                }
            }
        }
    }

    fn apply(&self, batch: &[Job], sweep: bool, now: i64) -> Result<Vec<Outcome>, redb::Error> {
        let transaction = self.database.begin_write()?;
        let outcomes = {
            let mut kept = transaction.open_table(KEPT)?;
            let mut ends = transaction.open_table(ENDS)?;
            let mut tables = Tables {
                kept: &mut kept,
                ends: &mut ends,
                now,
            };
            if sweep {
                tables.sweep()?;
            }
            batch
                .iter()
                .map(|job| tables.act(job))
                .collect::<Result<Vec<_>, _>>()?
        };
        transaction.commit()?;
        Ok(outcomes)
    }
}

struct Tables<'a, 't> {
    kept: &'a mut Table<'t, &'static str, (i64, &'static [u8])>,
    ends: &'a mut Table<'t, (i64, &'static str), ()>,
    now: i64,
}

impl Tables<'_, '_> {
    fn act(&mut self, job: &Job) -> Result<Outcome, redb::Error> {
        let key = job.key.as_str();
        match &job.act {
            Act::Put(value, keep) => {
                self.write(key, value, self.ending(*keep))?;
                Ok(Outcome::Done)
            }
            Act::PutOnce(value, keep) => {
                let free = self.live(key)?.is_none();
                if free {
                    self.write(key, value, self.ending(*keep))?;
                }
                Ok(Outcome::Kept(free))
            }
            Act::Take => {
                let found = self.live(key)?;
                self.erase(key)?;
                Ok(Outcome::Taken(found.map(|(_, value)| value)))
            }
            Act::Count(keep) => {
                let (ends, before) = match self.live(key)? {
                    Some((ends, value)) => (
                        ends,
                        <[u8; 8]>::try_from(value.as_slice()).map_or(0, u64::from_be_bytes),
                    ),
                    None => (self.ending(*keep), 0),
                };
                let count = before.saturating_add(1);
                self.write(key, &count.to_be_bytes(), ends)?;
                Ok(Outcome::Counted(count))
            }
        }
    }

    fn ending(&self, keep: Duration) -> i64 {
        self.now
            .saturating_add(i64::try_from(keep.as_millis()).unwrap_or(i64::MAX))
    }

    fn live(&self, key: &str) -> Result<Option<(i64, Vec<u8>)>, redb::Error> {
        Ok(self.kept.get(key)?.and_then(|kept| {
            let (ends, value) = kept.value();
            (ends > self.now).then(|| (ends, value.to_vec()))
        }))
    }

    fn write(&mut self, key: &str, value: &[u8], ends: i64) -> Result<(), redb::Error> {
        let before = self
            .kept
            .insert(key, (ends, value))?
            .map(|kept| kept.value().0);
        if before != Some(ends) {
            if let Some(before) = before {
                self.ends.remove((before, key))?;
            }
            self.ends.insert((ends, key), ())?;
        }
        Ok(())
    }

    fn erase(&mut self, key: &str) -> Result<(), redb::Error> {
        let before = self.kept.remove(key)?.map(|kept| kept.value().0);
        if let Some(before) = before {
            self.ends.remove((before, key))?;
        }
        Ok(())
    }

    fn sweep(&mut self) -> Result<(), redb::Error> {
        let ended: Vec<(i64, String)> = self
            .ends
            .range(..(self.now, ""))?
            .take(SWEEP_AT_MOST)
            .map(|entry| entry.map(|(key, _)| (key.value().0, key.value().1.to_owned())))
            .collect::<Result<_, _>>()?;
        for (ends, key) in ended {
            self.ends.remove((ends, key.as_str()))?;
            let stale = self
                .kept
                .get(key.as_str())?
                .is_some_and(|kept| kept.value().0 <= ends);
            if stale {
                self.kept.remove(key.as_str())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
