//! `xs:dateTime` as SAML uses it.

use chrono::{NaiveDate, NaiveDateTime};

use crate::Moment;

/// Longest spelling taken: nanoseconds and then some.
const LONGEST: usize = 40;

/// Reads `YYYY-MM-DDThh:mm:ss[.fraction]Z`. SAML Core 1.3.3 demands UTC: another zone, none, or a
/// leap second is not a SAML moment. Fractions beyond nanoseconds are cut.
pub(super) fn parse(text: &str) -> Option<Moment> {
    let text = text.strip_suffix('Z').filter(|text| text.len() < LONGEST)?;
    let (date, time) = text.split_once('T')?;
    let [year, month, day] = fields(date, '-', [4, 2, 2])?;
    let (time, fraction) = match time.split_once('.') {
        Some((time, fraction)) => (time, Some(fraction)),
        None => (time, None),
    };
    let [hour, minute, second] = fields(time, ':', [2, 2, 2])?;
    let nano = fraction.map_or(Some(0), nanoseconds)?;
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    let moment: NaiveDateTime = date.and_hms_nano_opt(hour, minute, second, nano)?;
    Some(moment.and_utc())
}

/// Three numbers of exactly so many digits.
fn fields(text: &str, between: char, digits: [usize; 3]) -> Option<[u32; 3]> {
    let mut parts = text.split(between);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits)?;
        *number = decimal(part)?;
    }
    parts.next().is_none().then_some(numbers)
}

fn nanoseconds(fraction: &str) -> Option<u32> {
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nine: String = fraction
        .chars()
        .chain("000000000".chars())
        .take(9)
        .collect();
    decimal(&nine)
}

fn decimal(digits: &str) -> Option<u32> {
    // `parse` alone would take a sign.
    digits
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| digits.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn moments_in_utc_are_read() {
        for (text, expected) in [
            ("2026-11-23T16:08:00Z", "2026-11-23T16:08:00+00:00"),
            ("2026-11-23T16:08:00.5Z", "2026-11-23T16:08:00.500+00:00"),
            (
                "2026-11-23T16:08:00.1234567891Z",
                "2026-11-23T16:08:00.123456789+00:00",
            ),
            ("2024-02-29T23:59:59Z", "2024-02-29T23:59:59+00:00"),
            ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999+00:00"),
        ] {
            assert_eq!(parse(text).unwrap().to_rfc3339(), expected);
        }
    }

    #[test]
    fn anything_else_is_not_a_moment() {
        for text in [
            "",
            "Z",
            "2026-11-23",
            "2026-11-23T16:08:00",
            "2026-11-23T16:08:00+00:00",
            "2026-11-23T16:08:00+01:00",
            "2026-11-23t16:08:00z",
            "2026-11-23 16:08:00Z",
            "2026-11-23T16:08Z",
            "2026-11-23T16:08:60Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T16:60:00Z",
            "2026-02-30T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "+026-11-23T16:08:00Z",
            "-2026-11-23T16:08:00Z",
            "20260-11-23T16:08:00Z",
            "2026-11-23T16:08:00.Z",
            "2026-11-23T16:08:00.+5Z",
            "2026-11-23T16:08:00,5Z",
            "2026-11-23T16:08:00.0000000000000000000000000000000000000000000Z",
            "２026-11-23T16:08:00Z",
            "NaN",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
