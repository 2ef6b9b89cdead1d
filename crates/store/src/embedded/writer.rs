//! The one thread that writes: everything waiting, in one transaction, answered after its commit.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use redb::{Database, Error};

use super::file::File;
use super::tables::{Tables, has_ended};
use super::{ENDS, Job, KEPT, Outcome, now_ms};
use crate::{Away, Clock};

/// Jobs of one transaction.
const BATCH: usize = 512;
/// What ended is removed this often, and this much of it in one transaction, so that no visitor
/// waits for the broom. A full sweep is followed by the next one soon: 20,000 a second are removed,
/// which is more than one disk takes in.
const SWEEP_EVERY: Duration = Duration::from_secs(5);
const SWEEP_AGAIN: Duration = Duration::from_millis(50);
const SWEEP_AT_MOST: usize = 1_000;

pub(super) struct Writer {
    pub(super) file: Arc<File>,
    pub(super) clock: Clock,
    pub(super) inbox: Receiver<Job>,
}

impl Writer {
    /// Until the shelf is dropped.
    pub(super) fn run(self) {
        let mut due = Instant::now() + SWEEP_EVERY;
        loop {
            let mut batch = Vec::new();
            match self
                .inbox
                .recv_timeout(due.saturating_duration_since(Instant::now()))
            {
                Ok(job) => batch.push(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            batch.extend(self.inbox.try_iter().take(BATCH - 1));
            let sweep = Instant::now() >= due;
            let swept = self.turn(batch, sweep);
            if sweep {
                let again = swept >= SWEEP_AT_MOST;
                due = Instant::now() + if again { SWEEP_AGAIN } else { SWEEP_EVERY };
            }
        }
    }

    /// One transaction; says how much was swept.
    fn turn(&self, batch: Vec<Job>, sweep: bool) -> usize {
        let now = now_ms(&self.clock);
        if !self.file.is_open() {
            self.file.reopen().ok();
        }
        let sweep = sweep
            && self
                .file
                .write(|database| has_ended(database, now))
                .unwrap_or(false);
        if batch.is_empty() && !sweep {
            return 0;
        }
        let done = self
            .file
            .write(|database| apply(database, &batch, sweep, now));
        self.file.set_failing(done.is_err());
        match done {
            Ok((outcomes, swept)) => {
                for (job, outcome) in batch.into_iter().zip(outcomes) {
                    // Whoever asked may have gone: the write stands all the same.
                    job.reply.send(Ok(outcome)).ok();
                }
                swept
            }
            Err(why) => {
                for job in batch {
                    job.reply.send(Err(self.away(&why))).ok();
                }
                self.file.reopen().ok();
                0
            }
        }
    }

    fn away(&self, why: &str) -> Away {
        self.file.away(&why)
    }
}

/// redb commits with immediate durability unless told otherwise: flushed when it returns.
fn apply(
    database: &Database,
    batch: &[Job],
    sweep: bool,
    now: i64,
) -> Result<(Vec<Outcome>, usize), Error> {
    let transaction = database.begin_write()?;
    let done = {
        let mut kept = transaction.open_table(KEPT)?;
        let mut ends = transaction.open_table(ENDS)?;
        let mut tables = Tables {
            kept: &mut kept,
            ends: &mut ends,
            now,
        };
        let outcomes = batch
            .iter()
            .map(|job| tables.act(job))
            .collect::<Result<Vec<_>, _>>()?;
        let swept = if sweep {
            tables.sweep(SWEEP_AT_MOST)?
        } else {
            0
        };
        (outcomes, swept)
    };
    transaction.commit()?;
    Ok(done)
}
