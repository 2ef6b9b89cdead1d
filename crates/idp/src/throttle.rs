//! Slowing down who guesses: a growing delay, never a lock that a stranger can close (SECURITY 22).

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use store::{Away, Drawer, Shelf};

/// How long failures are remembered.
const REMEMBERED: Duration = Duration::from_secs(15 * 60);

/// Longer than anything that is forgiven lasts: failures, and the longest hold.
const FORGIVEN: Duration = Duration::from_secs(30 * 60);

/// Who is counted, from how many failures on they wait, and for how long at most (seconds). A
/// stranger can thus make a person wait half a minute, themselves five.
const RULES: [Rule; 3] = [
    Rule {
        who: Who::PairOf,
        from: 5,
        longest_s: 300,
    },
    Rule {
        who: Who::Account,
        from: 20,
        longest_s: 30,
    },
    Rule {
        who: Who::Address,
        from: 60,
        longest_s: 300,
    },
];

struct Rule {
    who: Who,
    from: u64,
    longest_s: i64,
}

#[derive(Clone, Copy)]
enum Who {
    /// One account from one address.
    PairOf,
    /// One account from anywhere.
    Account,
    /// One address for any account.
    Address,
}

/// Failures and holds, on the shelf: shared by all processes.
pub(crate) struct Throttle {
    shelf: Arc<dyn Shelf>,
    holds: Drawer<i64>,
    /// By account: what was counted before this mark is forgotten.
    forgiven: Drawer<i64>,
}

const FAILURES: &str = "idp.failures";

impl Throttle {
    pub(crate) fn new(shelf: Arc<dyn Shelf>) -> Self {
        Self {
            holds: Drawer::new(Arc::clone(&shelf), "idp.hold"),
            forgiven: Drawer::new(Arc::clone(&shelf), "idp.forgiven"),
            shelf,
        }
    }

    /// Seconds to wait before the next try, if any.
    pub(crate) async fn wait(
        &self,
        account: &str,
        address: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<u32>, Away> {
        let account = &self.counted(account).await?;
        let mut longest = 0;
        for rule in &RULES {
            if let Some(until) = self.holds.get(&key(rule.who, account, address)).await? {
                longest = longest.max(until - now.timestamp());
            }
        }
        Ok(u32::try_from(longest).ok().filter(|seconds| *seconds > 0))
    }

    /// A try failed.
    pub(crate) async fn failed(
        &self,
        account: &str,
        address: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Away> {
        let account = &self.counted(account).await?;
        for rule in &RULES {
            let key = key(rule.who, account, address);
            let failures = self.shelf.count(FAILURES, &key, REMEMBERED).await?;
            if let Some(seconds) = delay(rule, failures) {
                let keep = Duration::from_secs(seconds.unsigned_abs());
                self.holds
                    .put(&key, &(now.timestamp() + seconds), keep)
                    .await?;
            }
        }
        Ok(())
    }

    /// A try succeeded: this person, from here, starts afresh.
    pub(crate) async fn succeeded(&self, account: &str, address: &str) -> Result<(), Away> {
        let account = &self.counted(account).await?;
        self.shelf
            .take(FAILURES, &key(Who::PairOf, account, address))
            .await
            .map(|_| ())
    }

    /// Forgets every failure for this account, from wherever: nobody waits for it any more. `mark` is
    /// another one each time.
    pub(crate) async fn forgive(&self, account: &str, mark: i64) -> Result<(), Away> {
        let key = key(Who::Account, account, "");
        self.forgiven.put(&key, &mark, FORGIVEN).await
    }

    /// What an account is counted as: after it was forgiven, as somebody nobody counted yet.
    async fn counted(&self, account: &str) -> Result<String, Away> {
        let mark = self.forgiven.get(&key(Who::Account, account, "")).await?;
        Ok(mark.map_or_else(|| account.to_owned(), |mark| format!("{account}\n{mark}")))
    }
}

/// 1 s at the first failure too many, then doubling.
fn delay(rule: &Rule, failures: u64) -> Option<i64> {
    let over = failures.checked_sub(rule.from)?;
    let doubled = 1i64 << over.min(20);
    Some(doubled.min(rule.longest_s))
}

/// Neither logins nor addresses stand on the shelf.
fn key(who: Who, account: &str, address: &str) -> String {
    let text = match who {
        Who::PairOf => format!("pair\n{account}\n{address}"),
        Who::Account => format!("account\n{account}"),
        Who::Address => format!("address\n{address}"),
    };
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
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

    #[test]
    fn the_delay_grows_and_ends_growing() {
        let [pair, account, _] = &RULES;
        let delays: Vec<_> = (4..8).map(|failures| delay(pair, failures)).collect();
        assert_eq!(delays, [None, Some(1), Some(2), Some(4)]);
        assert_eq!(delay(pair, 1000), Some(300));
        assert_eq!(
            delay(account, 1000),
            Some(30),
            "a stranger never locks a person out"
        );
    }

    #[tokio::test]
    async fn a_guesser_waits_and_a_colleague_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let throttle = Throttle::new(shelf(folder.path()));
        for _ in 0..4 {
            throttle.failed("a", "1.2.3.4", now()).await.unwrap();
        }
        assert_eq!(throttle.wait("a", "1.2.3.4", now()).await.unwrap(), None);
        for _ in 0..3 {
            throttle.failed("a", "1.2.3.4", now()).await.unwrap();
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
        throttle.succeeded("a", "1.2.3.4").await.unwrap();
        throttle.failed("a", "1.2.3.4", now()).await.unwrap();
        assert_eq!(
            throttle
                .shelf
                .count(FAILURES, &key(Who::PairOf, "a", "1.2.3.4"), REMEMBERED)
                .await
                .unwrap(),
            2
        );
    }
    #[tokio::test]
    async fn who_is_forgiven_starts_afresh_from_everywhere() {
        let folder = tempfile::tempdir().unwrap();
        let throttle = Throttle::new(shelf(folder.path()));
        for address in ["1.2.3.4", "5.6.7.8"] {
            for _ in 0..10 {
                throttle.failed("a", address, now()).await.unwrap();
                throttle.failed("b", address, now()).await.unwrap();
            }
        }
        throttle.forgive("a", 1).await.unwrap();
        for address in ["1.2.3.4", "5.6.7.8", "9.9.9.9"] {
            let waits = async |who| throttle.wait(who, address, now()).await.unwrap();
            assert_eq!(waits("a").await, None, "{address}");
            assert!(waits("b").await.is_some(), "{address}: nobody else");
        }
        for _ in 0..5 {
            throttle.failed("a", "1.2.3.4", now()).await.unwrap();
        }
        let again = throttle.wait("a", "1.2.3.4", now()).await.unwrap();
        assert_eq!(again, Some(1), "counted from nothing");
    }
}
