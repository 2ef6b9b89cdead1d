//! `xs:duration`.

/// Seconds in a duration, a month counted as 30 days and a year as 365; fractions are cut. `None`
/// when it is not one, is negative, or is longer than 10,000 years.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let text = text.strip_prefix('P')?;
    let (date, time) = match text.split_once('T') {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None if text.is_empty() => return None,
        None => (text, ""),
    };
    let days = sum(date, &[('Y', 365), ('M', 30), ('D', 1)])?;
    let (whole, seconds) = split_seconds(time)?;
    let rest = sum(whole, &[('H', 3600), ('M', 60)])?;
    let all = days
        .checked_mul(86_400)?
        .checked_add(rest)?
        .checked_add(seconds)?;
    (all <= 10_000 * 365 * 86_400).then_some(all)
}

/// The part of a time before its seconds, and its whole seconds.
fn split_seconds(time: &str) -> Option<(&str, u64)> {
    let Some(before) = time.strip_suffix('S') else {
        return Some((time, 0));
    };
    let start = before
        .rfind(|c: char| c.is_ascii_alphabetic())
        .map_or(0, |at| at + 1);
    let (rest, seconds) = before.split_at_checked(start)?;
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    number(fraction)?;
    Some((rest, number(whole)?))
}

/// Numbers each followed by its unit, in the order of `units`.
fn sum(text: &str, units: &[(char, u64)]) -> Option<u64> {
    let mut rest = text;
    let mut total: u64 = 0;
    for (unit, weight) in units {
        if let Some((count, after)) = rest.split_once(*unit) {
            total = total.checked_add(number(count)?.checked_mul(*weight)?)?;
            rest = after;
        }
    }
    rest.is_empty().then_some(total)
}

fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn durations_are_read() {
        for (text, expected) in [
            ("PT6H", 21_600),
            ("PT1H30M", 5_400),
            ("PT30M5.9S", 1_805),
            ("PT0S", 0),
            ("P7D", 604_800),
            (
                "P1Y2M3DT4H5M6S",
                (365 + 60 + 3) * 86_400 + 4 * 3600 + 5 * 60 + 6,
            ),
            ("P1M", 30 * 86_400),
            ("P0Y0M0DT6H0M0.000S", 21_600),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_duration() {
        for text in [
            "",
            "P",
            "PT",
            "P1",
            "1D",
            "-P1D",
            "P-1D",
            "P+1D",
            "P1S",
            "PT1D",
            "P1DT",
            "P1D2M",
            "PT1M1H",
            "PT.5S",
            "PT5.S",
            "P1.5D",
            "PT99999999999999999999S",
            "P99999Y",
            "PTS",
            "PT1H1",
            "p1d",
            "P1D ",
            "P1é",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
