//! Slowing down who tries many passwords, codes or claims: a delay that grows, never a lock that a
//! stranger can close (SECURITY 22). What is counted is on the shelf: one count for all processes.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use store::{Away, Drawer, Shelf};

use crate::session::digest;

/// How long tries are remembered.
const REMEMBERED: Duration = Duration::from_secs(15 * 60);

/// Longer than anything that is forgiven lasts: tries, and the longest hold.
const FORGIVEN: Duration = Duration::from_secs(30 * 60);

/// Who is counted, from how many tries on they wait, and for how long at most (seconds).
pub struct Rule {
    who: Who,
    from: u64,
    longest_s: i64,
}

/// Who is counted together.
#[derive(Debug, Clone, Copy)]
pub enum Who {
    /// One subject from one address.
    Pair,
    /// One subject from anywhere.
    Subject,
    /// One address, whatever the subject.
    Address,
    /// Everybody.
    All,
}

impl Rule {
    /// From the try `from` on, `who` waits: 1 s, then doubling up to `longest_s` seconds.
    pub const fn new(who: Who, from: u64, longest_s: i64) -> Self {
        Self {
            who,
            from,
            longest_s,
        }
    }

    /// Seconds to wait after so many tries.
    pub fn delay(&self, tries: u64) -> Option<i64> {
        let over = tries.checked_sub(self.from)?;
        Some((1i64 << over.min(20)).min(self.longest_s))
    }
}

/// What the drawers of a throttle are called on the shelf.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    /// Tries.
    pub counts: &'static str,
    /// Until when somebody waits.
    pub holds: &'static str,
    /// Who was forgiven.
    pub forgiven: &'static str,
}

/// Tries of one kind, and who waits.
pub struct Throttle {
    shelf: Arc<dyn Shelf>,
    counts: &'static str,
    holds: Drawer<i64>,
    /// By subject: what was counted before this mark is forgotten.
    forgiven: Drawer<i64>,
    rules: &'static [Rule],
}

impl Throttle {
    /// Counts on this shelf, under these names, by these rules.
    pub fn new(shelf: &Arc<dyn Shelf>, names: Names, rules: &'static [Rule]) -> Self {
        Self {
            shelf: Arc::clone(shelf),
            counts: names.counts,
            holds: Drawer::new(Arc::clone(shelf), names.holds),
            forgiven: Drawer::new(Arc::clone(shelf), names.forgiven),
            rules,
        }
    }

    /// Seconds to wait before the next try, if any.
    pub async fn wait(
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
    pub async fn count(
        &self,
        subject: &str,
        address: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Away> {
        let subject = &self.counted(subject).await?;
        for rule in self.rules {
            let key = key(rule.who, subject, address);
            let tries = self.shelf.count(self.counts, &key, REMEMBERED).await?;
            if let Some(seconds) = rule.delay(tries) {
                let keep = Duration::from_secs(seconds.unsigned_abs());
                let until = now.timestamp() + seconds;
                self.holds.put(&key, &until, keep).await?;
            }
        }
        Ok(())
    }

    /// This one, from here, starts afresh.
    pub async fn forget(&self, subject: &str, address: &str) -> Result<(), Away> {
        let subject = &self.counted(subject).await?;
        let key = key(Who::Pair, subject, address);
        self.shelf.take(self.counts, &key).await.map(drop)
    }

    /// Forgets every try for this subject, from wherever. `mark` is another one each time.
    pub async fn forgive(&self, subject: &str, mark: i64) -> Result<(), Away> {
        let key = key(Who::Subject, subject, "");
        self.forgiven.put(&key, &mark, FORGIVEN).await
    }

    /// What a subject is counted as: after it was forgiven, as one that nobody counted yet.
    async fn counted(&self, subject: &str) -> Result<String, Away> {
        let mark = self.forgiven.get(&key(Who::Subject, subject, "")).await?;
        Ok(mark.map_or_else(|| subject.to_owned(), |mark| format!("{subject}\n{mark}")))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(folder: &std::path::Path) -> Arc<dyn Shelf> {
        store::embedded(
            &folder.join("s.redb"),
            Arc::new(|| DateTime::from_timestamp(1_790_000_000, 0).unwrap()),
        )
        .unwrap()
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).unwrap()
    }

    const RULES: [Rule; 3] = [
        Rule::new(Who::Pair, 5, 300),
        Rule::new(Who::Subject, 20, 30),
        Rule::new(Who::Address, 60, 300),
    ];

    const NAMES: Names = Names {
        counts: "counts",
        holds: "holds",
        forgiven: "forgiven",
    };

    #[tokio::test]
    async fn a_guesser_waits_and_a_colleague_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let throttle = Throttle::new(&shelf(folder.path()), NAMES, &RULES);
        for _ in 0..4 {
            throttle.count("a", "1.2.3.4", now()).await.unwrap();
        }
        assert_eq!(throttle.wait("a", "1.2.3.4", now()).await.unwrap(), None);
        for _ in 0..3 {
            throttle.count("a", "1.2.3.4", now()).await.unwrap();
        }
        assert_eq!(throttle.wait("a", "1.2.3.4", now()).await.unwrap(), Some(4));
        assert_eq!(
            throttle.wait("a", "5.6.7.8", now()).await.unwrap(),
            None,
            "the person, elsewhere"
        );
        assert_eq!(
            throttle.wait("b", "1.2.3.4", now()).await.unwrap(),
            None,
            "another person, here"
        );
        throttle.forget("a", "1.2.3.4").await.unwrap();
        throttle.count("a", "1.2.3.4", now()).await.unwrap();
        assert_eq!(
            throttle
                .shelf
                .count(NAMES.counts, &key(Who::Pair, "a", "1.2.3.4"), REMEMBERED)
                .await
                .unwrap(),
            2
        );
    }

    #[tokio::test]
    async fn who_is_forgiven_starts_afresh_from_everywhere() {
        let folder = tempfile::tempdir().unwrap();
        let throttle = Throttle::new(&shelf(folder.path()), NAMES, &RULES);
        for address in ["1.2.3.4", "5.6.7.8"] {
            for _ in 0..10 {
                throttle.count("a", address, now()).await.unwrap();
                throttle.count("b", address, now()).await.unwrap();
            }
        }
        throttle.forgive("a", 1).await.unwrap();
        for address in ["1.2.3.4", "5.6.7.8", "9.9.9.9"] {
            let waits = async |who| throttle.wait(who, address, now()).await.unwrap();
            assert_eq!(waits("a").await, None, "{address}");
            assert!(waits("b").await.is_some(), "{address}: nobody else");
        }
        for _ in 0..5 {
            throttle.count("a", "1.2.3.4", now()).await.unwrap();
        }
        let again = throttle.wait("a", "1.2.3.4", now()).await.unwrap();
        assert_eq!(again, Some(1), "counted from nothing");
    }
}
