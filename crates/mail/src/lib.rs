//! What is written to people: letters wait in a folder until they have left.
//!
//! # Invariants
//!
//! * A letter that was taken is kept: it survives the end of the process, and leaves later.
//! * What waits is sealed (AES-256-GCM) with a key outside the folder: a letter may hold a code.
//! * A letter is worth something until a moment, and is forgotten after it: nobody is sent an old code.
//! * Several processes may share the folder; each letter leaves by one of them. One that is killed between
//!   the server's yes and its own note of it sends that letter twice.
//! * Knows no HTTP, no account, no word of any language; never says to whom, nor what, when it tells how it
//!   went.

mod letter;
mod means;
mod queue;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

pub use letter::{Letter, check_from, is_address, masked};
pub use means::{Means, Smtp, Tls};
use queue::{Queue, Waiting};

/// Where the moment comes from: the edge's clock, handed in.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;
/// Where chance comes from: the edge's dice, handed in.
pub type Dice = Arc<dyn Fn(&mut [u8]) + Send + Sync>;
/// Who is told how it went with a letter: its number, what became of it, and why.
pub type Told = Arc<dyn Fn(&str, Outcome, &str) + Send + Sync>;

/// How long nobody looks whether another process left something to send.
const LOOK_AGAIN: Duration = Duration::from_secs(15);
/// What a letter waits after each try that failed, seconds; the last one again and again.
const PAUSES_S: [i64; 6] = [3, 15, 60, 300, 900, 3600];

/// What became of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The server has it.
    Sent,
    /// Not now: it is tried again.
    Delayed,
    /// It never leaves: the server will not have it, or it is worth nothing any more.
    Lost,
}

impl Outcome {
    /// Its name, in the journal and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delayed => "delayed",
            Self::Lost => "lost",
        }
    }
}

/// Why a letter was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The folder cannot be written to.
    #[error("the letters in {folder}: {why}")]
    Folder {
        /// The folder.
        folder: String,
        /// Why.
        #[source]
        why: std::io::Error,
    },
    /// It cannot be sealed.
    #[error("a letter cannot be sealed")]
    Sealing,
    /// The means are none.
    #[error("the way out of letters: {0}")]
    Means(String),
}

/// What a post office is made of.
pub struct PostParts {
    /// Where letters wait.
    pub folder: PathBuf,
    /// What they are sealed with.
    pub key: [u8; 32],
    /// Whom they are from: `Name <address>` or an address.
    pub from: String,
    /// How they leave.
    pub means: Means,
    /// The clock.
    pub clock: Clock,
    /// The dice.
    pub dice: Dice,
    /// Who hears how it went.
    pub told: Told,
}

/// The post office. Cheap to clone; a thread of its own sends what waits.
#[derive(Clone)]
pub struct Post {
    queue: Arc<Queue>,
    wake: SyncSender<()>,
}

impl Post {
    /// Opens the folder (created when absent, for its owner only) and begins to send.
    pub fn open(parts: PostParts) -> Result<Self, Fault> {
        let queue = Queue::open(&parts.folder, &parts.key, Arc::clone(&parts.dice))?;
        let queue = Arc::new(queue);
        let way = means::Way::of(&parts.means, &parts.from)?;
        let (wake, woken) = sync_channel(1);
        let office = Office {
            queue: Arc::clone(&queue),
            way,
            clock: parts.clock,
            told: parts.told,
        };
        std::thread::Builder::new()
            .name("letters".to_owned())
            .spawn(move || office.run(&woken))
            .map_err(|why| queue.fault(why))?;
        Ok(Self { queue, wake })
    }

    /// Takes a letter that is worth something until then; its number. It is on the disk when this
    /// returns.
    pub fn take(&self, letter: Letter, until: DateTime<Utc>) -> Result<String, Fault> {
        let number = self.queue.put(&Waiting::of(letter, until))?;
        // Somebody is awake already: they look at everything.
        self.wake.try_send(()).ok();
        Ok(number)
    }

    /// Does what taking a letter costs, and takes none: who measures learns nothing.
    pub fn pretend(&self, letter: Letter, until: DateTime<Utc>) -> Result<(), Fault> {
        self.queue.pretend(&Waiting::of(letter, until))
    }

    /// How many letters wait.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }
}

/// Who sends.
struct Office {
    queue: Arc<Queue>,
    way: means::Way,
    clock: Clock,
    told: Told,
}

impl Office {
    fn run(&self, woken: &Receiver<()>) {
        loop {
            let pause = self.send_what_is_due();
            match woken.recv_timeout(pause) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                // Nobody can bring letters any more.
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Tries every letter whose time has come; how long to wait for the next one.
    fn send_what_is_due(&self) -> Duration {
        let mut pause = LOOK_AGAIN;
        for number in self.queue.numbers() {
            let now = (self.clock)();
            match self.queue.due(&number, now) {
                Some(wait) if wait > TimeDelta::zero() => {
                    pause = pause.min(wait.to_std().unwrap_or(LOOK_AGAIN));
                }
                Some(_) => {
                    if let Some(waiting) = self.queue.claim(&number, now) {
                        self.send(&number, waiting);
                    }
                }
                None => {}
            }
        }
        pause.max(Duration::from_millis(200))
    }

    fn send(&self, number: &str, mut waiting: Waiting) {
        let now = (self.clock)();
        if waiting.until <= now {
            self.queue.remove(number);
            (self.told)(number, Outcome::Lost, "it is worth nothing any more");
            return;
        }
        match self.way.send(number, &waiting.letter, now) {
            Ok(()) => {
                self.queue.remove(number);
                (self.told)(number, Outcome::Sent, "");
            }
            Err(refused) if refused.is_final => {
                self.queue.remove(number);
                (self.told)(number, Outcome::Lost, &refused.why);
            }
            Err(refused) => {
                let pause = PAUSES_S.get(waiting.tries).or(PAUSES_S.last());
                waiting.tries += 1;
                waiting.not_before = now + TimeDelta::seconds(pause.copied().unwrap_or(60));
                self.queue.put_back(number, &waiting);
                (self.told)(number, Outcome::Delayed, &refused.why);
            }
        }
    }
}

#[cfg(test)]
mod tests;
