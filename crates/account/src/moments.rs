//! Moments as people read them: the hour of Paris.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use serde::Serialize;

/// A moment, for machines and for people.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Moment {
    machine: String,
    /// The day of Paris: `25/11/2026`.
    day: String,
    /// Its hour: `18:36`.
    hour: String,
}

impl Moment {
    pub(crate) fn of(at: DateTime<Utc>) -> Self {
        let shown = at + TimeDelta::hours(ahead(at));
        Self {
            machine: at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            day: shown.format("%d/%m/%Y").to_string(),
            hour: shown.format("%H:%M").to_string(),
        }
    }
}

/// Hours that Paris is ahead: two from the last Sunday of March to the last of October, one o'clock
/// UTC (directive 2000/84/CE).
fn ahead(at: DateTime<Utc>) -> i64 {
    let change = |month| {
        let last = NaiveDate::from_ymd_opt(at.year(), month, 31)?;
        let back = last.weekday().num_days_from_sunday();
        let sunday = last - TimeDelta::days(i64::from(back));
        Some(sunday.and_hms_opt(1, 0, 0)?.and_utc())
    };
    match (change(3), change(10)) {
        (Some(spring), Some(autumn)) if at >= spring && at < autumn => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_those_of_paris() {
        for (utc, day, hour) in [
            ("2026-11-25T17:36:00Z", "25/11/2026", "18:36"),
            ("2026-12-31T23:30:00Z", "01/01/2027", "00:30"),
            ("2026-03-29T00:59:59Z", "29/03/2026", "01:59"),
            ("2026-03-29T01:00:00Z", "29/03/2026", "03:00"),
            ("2026-10-25T00:59:59Z", "25/10/2026", "02:59"),
            ("2026-10-25T01:00:00Z", "25/10/2026", "02:00"),
        ] {
            let moment = Moment::of(utc.parse().unwrap());
            let shown = (moment.day.as_str(), moment.hour.as_str());
            assert_eq!((shown, moment.machine.as_str()), ((day, hour), utc));
        }
    }
}
