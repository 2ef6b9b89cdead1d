//! Slowing down who tries many claims, or many passwords here: a delay that grows, never a lock that a
//! stranger can close (SECURITY 22). What is counted is on the shelf: one count for all processes.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use store::{Away, Drawer, Shelf};

/// How long tries are remembered.
const REMEMBERED: Duration = Duration::from_secs(15 * 60);

/// From how many tries on who waits, and for how long at most (seconds).
pub(crate) struct Rule {
    who: Who,
    from: u64,
    longest_s: i64,
}

#[derive(Clone, Copy)]
enum Who {
    /// One subject from one address.
    Pair,
    /// One subject from anywhere.
    Subject,
    /// One address, whatever the subject.
    Address,
    /// Everybody.
    All,
}

const fn rule(who: Who, from: u64, longest_s: i64) -> Rule {
    Rule {
        who,
        from,
        longest_s,
    }
}

/// Claims: each counts, for nobody may know which was true. A school behind one address has sixty in a
/// quarter of an hour; everybody together six thousand, and then a few seconds more each.
pub(crate) const CLAIMS: [Rule; 3] = [
    rule(Who::Subject, 4, 300),
    rule(Who::Address, 60, 300),
    rule(Who::All, 6000, 10),
];

/// Passwords and codes: those that were wrong count, as at the sign-on.
pub(crate) const PROOFS: [Rule; 4] = [
    rule(Who::Pair, 5, 300),
    rule(Who::Subject, 20, 30),
    rule(Who::Address, 60, 300),
    rule(Who::All, 20_000, 10),
];

/// Counts of one kind.
pub(crate) struct Throttle {
    shelf: Arc<dyn Shelf>,
    holds: Drawer<i64>,
    /// By subject: what was counted before this mark is forgotten.
    forgiven: Drawer<i64>,
    counts: &'static str,
    rules: &'static [Rule],
}

impl Throttle {
    /// Counts kept under these two names.
    pub(crate) fn new(
        shelf: &Arc<dyn Shelf>,
        (counts, holds): (&'static str, &'static str),
        rules: &'static [Rule],
    ) -> Self {
        Self {
            shelf: Arc::clone(shelf),
            holds: Drawer::new(Arc::clone(shelf), holds),
            forgiven: Drawer::new(Arc::clone(shelf), "account.forgiven"),
            counts,
            rules,
        }
    }

    /// Seconds to wait before the next try, if any.
    pub(crate) async fn wait(
        &self,
        subject: &str,
        address: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<u32>, Away> {
        let subject = &self.counted(subject).await?;
        let mut longest = 0;
        for rule in self.rules {
            if let Some(until) = self.holds.get(&key(rule.who, subject, address)).await? {
                longest = longest.max(until - now.timestamp());
            }
        }
        Ok(u32::try_from(longest).ok().filter(|seconds| *seconds > 0))
    }

    /// Counts a try.
    pub(crate) async fn count(
        &self,
        subject: &str,
        address: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Away> {
        let subject = &self.counted(subject).await?;
        for rule in self.rules {
            let key = key(rule.who, subject, address);
            let tries = self.shelf.count(self.counts, &key, REMEMBERED).await?;
            if let Some(seconds) = delay(rule, tries) {
                let keep = Duration::from_secs(seconds.unsigned_abs());
                let until = now.timestamp() + seconds;
                self.holds.put(&key, &until, keep).await?;
            }
        }
        Ok(())
    }

    /// This one, from here, starts afresh.
    pub(crate) async fn forget(&self, subject: &str, address: &str) -> Result<(), Away> {
        let subject = &self.counted(subject).await?;
        let key = key(Who::Pair, subject, address);
        self.shelf.take(self.counts, &key).await.map(drop)
    }

    /// Forgets every try for this subject, from wherever. `mark` is another one each time.
    pub(crate) async fn forgive(&self, subject: &str, mark: i64) -> Result<(), Away> {
        let key = key(Who::Subject, subject, "");
        self.forgiven.put(&key, &mark, REMEMBERED * 2).await
    }

    /// What a subject is counted as: after it was forgiven, as one that nobody counted yet.
    async fn counted(&self, subject: &str) -> Result<String, Away> {
        let mark = self.forgiven.get(&key(Who::Subject, subject, "")).await?;
        Ok(mark.map_or_else(|| subject.to_owned(), |mark| format!("{subject}\n{mark}")))
    }
}

/// 1 s at the first try too many, then doubling.
fn delay(rule: &Rule, tries: u64) -> Option<i64> {
    let over = tries.checked_sub(rule.from)?;
    Some((1i64 << over.min(20)).min(rule.longest_s))
}

/// Neither subjects nor addresses stand on the shelf.
fn key(who: Who, subject: &str, address: &str) -> String {
    let text = match who {
        Who::Pair => format!("pair\n{subject}\n{address}"),
        Who::Subject => format!("account\n{subject}"),
        Who::Address => format!("address\n{address}"),
        Who::All => "all".to_owned(),
    };
    digest(&text)
}

/// SHA-256 in hexadecimal.
pub(crate) fn digest(text: &str) -> String {
    let bytes = Sha256::digest(text.as_bytes());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_grows_and_ends_growing() {
        let [subject, _, all] = &CLAIMS;
        let delays: Vec<_> = (3..7).map(|tries| delay(subject, tries)).collect();
        assert_eq!(delays, [None, Some(1), Some(2), Some(4)]);
        assert_eq!(delay(subject, 1_000_000), Some(300));
        assert_eq!(delay(all, u64::MAX), Some(10), "nobody shuts everybody out");
    }
}
