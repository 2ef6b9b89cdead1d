//! The embedded shelf: one redb file, one process, one thread that writes.
//!
//! Everything waiting is applied in one transaction and answered after its commit, so that an
//! acknowledged write is on the disk, and a hundred of them cost one flush. Reads go straight to
//! the last commit: a hot one costs microseconds, so that nothing is kept beside redb's own cache.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use redb::TableDefinition;
use tokio::sync::oneshot;

use crate::{Away, Clock, Shelf, fits};

mod file;
mod tables;
mod writer;

use file::{File, Open};
use writer::Writer;

/// Expiry in milliseconds since 1970, then the value.
const KEPT: TableDefinition<'static, &str, (i64, &[u8])> = TableDefinition::new("kept");
/// What ends when, for the sweep.
const ENDS: TableDefinition<'static, (i64, &str), ()> = TableDefinition::new("ends");

/// Jobs that may wait, and the bytes they may hold; beyond that the disk does not keep up and the
/// answer is `Away`: a flood costs no more memory than this.
const QUEUE: usize = 8192;
const QUEUE_BYTES: usize = 16 * 1024 * 1024;
/// A disk that does not answer within this time is away.
const ANSWER: Duration = Duration::from_secs(5);

/// Opens the embedded shelf in the file `path` (created when absent, for its owner's eyes only): one
/// process at a time. The whole file is checked first; one that is damaged is refused, in words.
pub fn embedded(path: &Path, clock: Clock) -> Result<Arc<dyn Shelf>, Away> {
    let at = path.to_owned();
    let shelf = on(
        path.display().to_string(),
        Box::new(move || file::at(&at)),
        clock,
    )?;
    Ok(Arc::new(shelf))
}

/// The shelf in whatever `open` opens; tests bring disks that fail.
fn on(name: String, open: Open, clock: Clock) -> Result<Embedded, Away> {
    let file = Arc::new(File::open(name, open)?);
    let (jobs, inbox) = sync_channel(QUEUE);
    let writer = Writer {
        file: Arc::clone(&file),
        clock: Arc::clone(&clock),
        inbox,
    };
    let thread = std::thread::Builder::new()
        .name("shelf".to_owned())
        .spawn(move || writer.run())
        .map_err(|why| file.away(&why))?;
    Ok(Embedded {
        file,
        clock,
        jobs: Some(jobs),
        waiting: Arc::default(),
        thread: Some(thread),
    })
}

struct Embedded {
    file: Arc<File>,
    clock: Clock,
    /// Gone once the shelf is dropped, which ends the writer.
    jobs: Option<SyncSender<Job>>,
    /// Bytes of the jobs that wait.
    waiting: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

struct Job {
    key: String,
    act: Act,
    reply: oneshot::Sender<Result<Outcome, Away>>,
    _weight: Weight,
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
    NotACounter,
}

/// Bytes of a job, given back when it is dropped.
struct Weight {
    bytes: usize,
    total: Arc<AtomicUsize>,
}

impl Weight {
    fn join(total: &Arc<AtomicUsize>, bytes: usize) -> Option<Self> {
        let before = total.fetch_add(bytes, Ordering::Relaxed);
        let weight = Self {
            bytes,
            total: Arc::clone(total),
        };
        (before < QUEUE_BYTES).then_some(weight)
    }
}

impl Drop for Weight {
    fn drop(&mut self) {
        self.total.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Rooms and keys never hold a unit separator: keys are tokens and digests.
fn full_key(room: &str, key: &str) -> String {
    [room, "\u{1f}", key].concat()
}

fn now_ms(clock: &Clock) -> i64 {
    clock().timestamp_millis()
}

impl Embedded {
    async fn ask(&self, room: &'static str, key: &str, act: Act) -> Result<Outcome, Away> {
        let size = match &act {
            Act::Put(value, _) | Act::PutOnce(value, _) => value.len(),
            Act::Take | Act::Count(_) => 0,
        };
        fits(room, key, size)?;
        let key = full_key(room, key);
        let behind = || self.file.away(&"the disk does not keep up");
        let ended = || self.file.away(&"the writer has ended");
        let weight = Weight::join(&self.waiting, size.saturating_add(key.len()));
        let (reply, answer) = oneshot::channel();
        let job = Job {
            key,
            act,
            reply,
            _weight: weight.ok_or_else(behind)?,
        };
        let jobs = self.jobs.as_ref().ok_or_else(ended)?;
        jobs.try_send(job).map_err(|why| match why {
            TrySendError::Full(_) => behind(),
            TrySendError::Disconnected(_) => ended(),
        })?;
        tokio::time::timeout(ANSWER, answer)
            .await
            .map_err(|_| self.file.away(&"the disk does not answer"))?
            .map_err(|_| ended())?
    }
}

impl Drop for Embedded {
    /// Waits for the last commit, so that whoever opens the file next finds it free; not for a disk
    /// that hangs.
    fn drop(&mut self) {
        self.jobs = None;
        let Some(thread) = self.thread.take() else {
            return;
        };
        let asked = Instant::now();
        while !thread.is_finished() && asked.elapsed() < ANSWER {
            std::thread::sleep(Duration::from_millis(1));
        }
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
        let (key, now) = (full_key(room, key), now_ms(&self.clock));
        let found = self.file.read(|kept| tables::read(kept, &key, now));
        let found = found.map_err(|why| self.file.away(&why))?;
        Ok(found.map(|(_, value)| value))
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
            _ => Err(self
                .file
                .away(&format_args!("{room} holds a value where a count is asked"))),
        }
    }

    async fn ready(&self) -> Result<(), Away> {
        if self.file.is_failing() {
            // Only a commit shows that the disk takes writes again.
            return self.ask("ready", "ready", Act::Take).await.map(|_| ());
        }
        self.get("ready", "ready").await.map(|_| ())
    }
}

#[cfg(test)]
mod tests;
