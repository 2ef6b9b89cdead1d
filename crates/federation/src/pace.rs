//! When an address is asked again.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use chrono::TimeDelta;
use saml::Moment;

use crate::fetch::Validators;

/// How soon a source that failed once is asked again; each time after that, twice as late.
const AGAIN: TimeDelta = TimeDelta::seconds(15);
/// Doublings of that which matter.
const DOUBLINGS: u32 = 16;
/// The soonest a source that did not fail is asked again, whatever its `cacheDuration` says.
const SOONEST: TimeDelta = TimeDelta::seconds(15);
/// The longest a server is left alone because it asks for it (`Retry-After`).
const LONGEST_ALONE: TimeDelta = TimeDelta::days(1);

/// What is known of an address beside what it gave.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing {
    /// What its last answer is known by.
    pub(crate) validators: Validators,
    /// `cacheDuration`, seconds.
    pub(crate) cache_s: Option<u64>,
    /// When it is asked next; `None`: now.
    pub(crate) due: Option<Moment>,
}

/// When a source is asked that has just answered: after as long as the operator says, or its
/// `cacheDuration` (SAML Metadata 2.3.2), or half of what is left of it, whichever is shortest.
pub(crate) fn after_success(
    every: Duration,
    cache_s: Option<u64>,
    ends: Option<Moment>,
    now: Moment,
) -> Moment {
    let most = delta(every);
    let cached = cache_s.map(|seconds| delta(Duration::from_secs(seconds)));
    let half = ends.map(|ends| (ends - now) / 2);
    let wait = cached.into_iter().chain(half).fold(most, TimeDelta::min);
    now + wait.max(SOONEST.min(most))
}

/// When a source is asked that has failed as many times in a row: sooner than usual, then later and
/// later, no later than usual unless it asks for that itself. The nanosecond of the failure spreads
/// those who failed together.
pub(crate) fn after_failure(
    every: Duration,
    (source, failures): (&str, u32),
    again_s: Option<u64>,
    now: Moment,
) -> Moment {
    let doublings = failures.saturating_sub(1).min(DOUBLINGS);
    let wait = (AGAIN * 2_i32.pow(doublings)).min(delta(every));
    let mut hasher = DefaultHasher::new();
    (source, failures, now).hash(&mut hasher);
    let luck = i32::try_from(hasher.finish() % 512).unwrap_or_default();
    let spread = wait * (768 + luck) / 1024;
    let asked = again_s.map(|seconds| delta(Duration::from_secs(seconds)).min(LONGEST_ALONE));
    now + spread.max(asked.unwrap_or_default())
}

fn delta(duration: Duration) -> TimeDelta {
    // What is longer than a year comes to the same.
    TimeDelta::from_std(duration.min(Duration::from_secs(365 * 86_400))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn now() -> Moment {
        Moment::from_timestamp(1_790_000_000, 7).unwrap()
    }

    #[test]
    fn the_shortest_of_what_is_said_counts() {
        let after = |cache_s, left: Option<i64>| {
            let ends = left.map(|seconds| now() + TimeDelta::seconds(seconds));
            (after_success(HOUR, cache_s, ends, now()) - now()).num_seconds()
        };
        assert_eq!(after(None, None), 3600);
        assert_eq!(after(Some(600), Some(86_400)), 600);
        assert_eq!(after(Some(86_400), Some(86_400)), 3600);
        assert_eq!(after(None, Some(1200)), 600);
        assert_eq!(
            after(Some(0), None),
            15,
            "a source is not asked all the time"
        );
        assert_eq!(after(Some(u64::MAX), Some(-5)), 15);
    }

    #[test]
    fn who_fails_is_asked_later_and_later_and_not_with_everybody_else() {
        let after = |source: &str, failures, again_s| {
            (after_failure(HOUR, (source, failures), again_s, now()) - now()).num_seconds()
        };
        for (failures, about) in [(1, 15), (2, 30), (3, 60), (20, 3600), (u32::MAX, 3600)] {
            let wait = after("a", failures, None);
            assert!(
                (about * 3 / 4..=about * 5 / 4).contains(&wait),
                "{failures}: {wait}"
            );
        }
        assert_eq!(after("a", 1, Some(7200)), 7200, "it asked for it");
        assert_eq!(after("a", 1, Some(u64::MAX)), 86_400);
        let spread: std::collections::HashSet<i64> = (0..20)
            .map(|one| after(&one.to_string(), 9, None))
            .collect();
        assert!(spread.len() > 10, "{spread:?}");
    }
}
