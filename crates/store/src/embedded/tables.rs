//! What one transaction does to the two tables: values by key, and keys by their end.

use std::time::Duration;

use redb::{Database, Error, ReadableDatabase, ReadableTable, Table};

use super::{Act, ENDS, Job, Outcome};

/// What `kept` holds under `key`.
pub(super) fn read(
    kept: &impl ReadableTable<&'static str, (i64, &'static [u8])>,
    key: &str,
    now: i64,
) -> Result<Option<(i64, Vec<u8>)>, Error> {
    Ok(kept.get(key)?.and_then(|kept| {
        let (ends, value) = kept.value();
        (ends > now).then(|| (ends, value.to_vec()))
    }))
}

/// Whether there is something to sweep: an idle shelf writes nothing.
pub(super) fn has_ended(database: &Database, now: i64) -> Result<bool, Error> {
    let table = database.begin_read()?.open_table(ENDS)?;
    let first = table.first()?;
    Ok(first.is_some_and(|(end, _)| end.value().0 <= now))
}

/// The tables of one write transaction.
pub(super) struct Tables<'a, 't> {
    pub(super) kept: &'a mut Table<'t, &'static str, (i64, &'static [u8])>,
    pub(super) ends: &'a mut Table<'t, (i64, &'static str), ()>,
    pub(super) now: i64,
}

impl Tables<'_, '_> {
    pub(super) fn act(&mut self, job: &Job) -> Result<Outcome, Error> {
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
            Act::Count(keep) => self.count(key, *keep),
        }
    }

    /// A counter is kept as decimal text, as Redis does.
    fn count(&mut self, key: &str, keep: Duration) -> Result<Outcome, Error> {
        let (ends, before) = match self.live(key)? {
            Some((ends, value)) => (ends, as_count(&value)),
            None => (self.ending(keep), Some(0)),
        };
        let Some(before) = before else {
            return Ok(Outcome::NotACounter);
        };
        let count = before.saturating_add(1);
        self.write(key, count.to_string().as_bytes(), ends)?;
        Ok(Outcome::Counted(count))
    }

    fn ending(&self, keep: Duration) -> i64 {
        let keep = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
        self.now.saturating_add(keep.max(1))
    }

    fn live(&self, key: &str) -> Result<Option<(i64, Vec<u8>)>, Error> {
        read(self.kept, key, self.now)
    }

    fn write(&mut self, key: &str, value: &[u8], ends: i64) -> Result<(), Error> {
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

    fn erase(&mut self, key: &str) -> Result<(), Error> {
        let before = self.kept.remove(key)?.map(|kept| kept.value().0);
        if let Some(before) = before {
            self.ends.remove((before, key))?;
        }
        Ok(())
    }

    /// Removes what ended, `at_most` of it; says how much it was.
    pub(super) fn sweep(&mut self, at_most: usize) -> Result<usize, Error> {
        let ended: Vec<(i64, String)> = self
            .ends
            .range(..=(self.now, "\u{10ffff}"))?
            .take(at_most)
            .map(|entry| entry.map(|(key, _)| (key.value().0, key.value().1.to_owned())))
            .collect::<Result<_, _>>()?;
        for (ends, key) in &ended {
            self.ends.remove((*ends, key.as_str()))?;
            let stale = self
                .kept
                .get(key.as_str())?
                .is_some_and(|kept| kept.value().0 <= *ends);
            if stale {
                self.kept.remove(key.as_str())?;
            }
        }
        Ok(ended.len())
    }
}

fn as_count(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}
