//! What a password may hold of its owner's papers: texts that have the form of a NUMEN or of a date.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use directory::identifiers::Numen;

/// Texts of the form of a NUMEN in it, whatever stands between their signs.
pub(crate) fn numens(password: &str) -> Vec<Numen> {
    let signs: Vec<char> = password
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|sign| sign.to_ascii_uppercase())
        .collect();
    let windows = signs.windows(13);
    windows
        .filter_map(|window| Numen::parse(&window.iter().collect::<String>()))
        .collect()
}

/// Dates in it, in the forms people write their birth date in: day, month, year; year, month, day; with two
/// figures of the year or four.
pub(crate) fn dates(password: &str) -> Vec<NaiveDate> {
    let figures: Vec<u32> = password.chars().filter_map(|c| c.to_digit(10)).collect();
    let mut found = BTreeSet::new();
    for window in figures.windows(8) {
        let (start, end) = (number(window.get(..4)), number(window.get(4..)));
        // Day and month before the year, either first; or the year before month and day.
        found.extend(date(end, start % 100, start / 100));
        found.extend(date(end, start / 100, start % 100));
        found.extend(date(start, end / 100, end % 100));
    }
    for window in figures.windows(6) {
        let [first, month, last] = [0..2, 2..4, 4..6].map(|pair| number(window.get(pair)));
        for century in [1900, 2000] {
            found.extend(date(century + last, month, first));
            found.extend(date(century + first, month, last));
        }
    }
    found.into_iter().collect()
}

fn number(figures: Option<&[u32]>) -> u32 {
    let figures = figures.unwrap_or_default();
    figures
        .iter()
        .fold(0, |number, figure| number * 10 + figure)
}

fn date(year: u32, month: u32, day: u32) -> Option<NaiveDate> {
    let year = i32::try_from(year)
        .ok()
        .filter(|year| (1900..2100).contains(year))?;
    NaiveDate::from_ymd_opt(year, month, day)
}
