//! One-time passwords: HOTP (RFC 4226) by events, TOTP (RFC 6238) by time. Pure: a seed, a moment and
//! what was typed in, a verdict out.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

/// Seconds a code of a phone lasts (RFC 6238 5.2).
pub const PERIOD_S: u32 = 30;
/// Digits of a code of a phone.
pub const DIGITS: u32 = 6;
/// Bytes of a fresh seed (RFC 4226 4, R6: 160 bits).
pub(crate) const SEED: usize = 20;
/// Steps before and after the expected one that are taken: a clock half a minute wrong (RFC 6238 5.2).
const WINDOW: i64 = 1;
/// Buttons that may be pressed in vain (RFC 4226 7.4).
const LOOK_AHEAD: i64 = 10;
/// Steps on either side that two codes in a row are searched in: half an hour, sixty buttons.
const RESYNC: i64 = 60;

/// The hash under the HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// What every phone takes.
    Sha1,
    /// Some tokens.
    Sha256,
}

impl Hash {
    /// Its name, in the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    pub(crate) fn parse(text: &str) -> Self {
        if text == "sha256" {
            Self::Sha256
        } else {
            Self::Sha1
        }
    }
}

/// What makes codes.
#[derive(Clone)]
pub(crate) struct Generator {
    pub(crate) seed: Vec<u8>,
    pub(crate) hash: Hash,
    pub(crate) digits: u32,
    /// Seconds of a step; zero: a step is an event (HOTP).
    pub(crate) period_s: u32,
}

/// Where a generator stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    /// Steps its clock is ahead of ours.
    pub(crate) drift: i64,
    /// The last step that was taken; no step up to it is taken again (RFC 6238 5.2).
    pub(crate) last: i64,
}

/// What was typed comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Right: this is where the generator stands from now on.
    Right(State),
    /// It was right, and was taken before: seconds until the next code.
    Used(u32),
    /// Wrong.
    Wrong,
}

impl Generator {
    /// The code of a step.
    pub(crate) fn code(&self, step: i64) -> Option<u32> {
        let counter = u64::try_from(step).ok()?.to_be_bytes();
        let mac = match self.hash {
            Hash::Sha1 => mac::<Hmac<Sha1>>(&self.seed, &counter)?,
            Hash::Sha256 => mac::<Hmac<Sha256>>(&self.seed, &counter)?,
        };
        // RFC 4226 5.3: dynamic truncation.
        let offset = usize::from(mac.last()? & 0x0f);
        let four: [u8; 4] = mac.get(offset..offset + 4)?.try_into().ok()?;
        Some((u32::from_be_bytes(four) & 0x7fff_ffff) % 10u32.checked_pow(self.digits)?)
    }

    /// What digits come to at `now` (seconds since 1970): one code, or two in a row, which say where a
    /// generator stands whose clock went astray.
    pub(crate) fn verdict(&self, state: State, digits: &str, now: i64) -> Verdict {
        let length = usize::try_from(self.digits).unwrap_or(usize::MAX);
        if let Some((first, second)) = digits
            .split_at_checked(length)
            .filter(|(_, second)| second.len() == length)
        {
            return self.two(state, (first, second), now);
        }
        let Some(typed) = number(digits, length) else {
            return Verdict::Wrong;
        };
        let (from, to) = self.window(state, now);
        for step in from..=to {
            if self.code(step) != Some(typed) {
                continue;
            }
            if step > state.last {
                return Verdict::Right(self.at(step, now));
            }
            let next = (state.last + 1 - state.drift) * i64::from(self.period_s);
            return Verdict::Used(u32::try_from(next - now).unwrap_or(0));
        }
        Verdict::Wrong
    }

    fn two(&self, state: State, (first, second): (&str, &str), now: i64) -> Verdict {
        let typed = (
            number(first, first.len()).unwrap_or(u32::MAX),
            number(second, second.len()).unwrap_or(u32::MAX),
        );
        let middle = self.expected(state, now);
        let earliest = if self.period_s == 0 {
            middle
        } else {
            middle - RESYNC
        };
        (earliest.max(state.last + 1)..=middle + RESYNC)
            .find(|step| self.code(*step) == Some(typed.0) && self.code(step + 1) == Some(typed.1))
            .map_or(Verdict::Wrong, |step| {
                Verdict::Right(self.at(step + 1, now))
            })
    }

    /// The steps one code is searched in; those that were taken are among them, to be told apart.
    fn window(&self, state: State, now: i64) -> (i64, i64) {
        let expected = self.expected(state, now);
        if self.period_s == 0 {
            (state.last.max(0), expected + LOOK_AHEAD)
        } else {
            (expected - WINDOW, expected + WINDOW)
        }
    }

    /// The step it should be at.
    fn expected(&self, state: State, now: i64) -> i64 {
        match i64::from(self.period_s) {
            0 => state.last + 1,
            period => now.div_euclid(period) + state.drift,
        }
    }

    /// Where it stands after `step`. A clock that goes wrong slowly is followed (RFC 6238 6).
    fn at(&self, step: i64, now: i64) -> State {
        let drift = match i64::from(self.period_s) {
            0 => 0,
            period => step - now.div_euclid(period),
        };
        State { drift, last: step }
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
    mac.update(message);
    Some(mac.finalize().into_bytes().to_vec())
}

fn number(digits: &str, length: usize) -> Option<u32> {
    let fits = digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| digits.parse().ok()).flatten()
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Base32 without padding (RFC 4648 6), as phones take a seed.
pub fn base32(bytes: &[u8]) -> String {
    let (mut text, mut buffer, mut bits) = (String::new(), 0u32, 0u32);
    for byte in bytes {
        buffer = (buffer << 8 | u32::from(*byte)) & 0xfff;
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            push(&mut text, buffer >> bits);
        }
    }
    if bits > 0 {
        push(&mut text, buffer << (5 - bits));
    }
    text
}

fn push(text: &mut String, value: u32) {
    let letter = usize::try_from(value & 31)
        .ok()
        .and_then(|at| BASE32.get(at));
    text.extend(letter.map(|letter| char::from(*letter)));
}

/// Reads base32, in any case, with or without spaces, dashes and padding.
pub fn from_base32(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut buffer, mut bits) = (Vec::new(), 0u32, 0u32);
    let letters = text.bytes().filter(|byte| !matches!(byte, b' ' | b'-'));
    for letter in letters {
        if letter == b'=' {
            continue;
        }
        let letter = letter.to_ascii_uppercase();
        let value = BASE32.iter().position(|one| *one == letter)?;
        buffer = (buffer << 5 | u32::try_from(value).ok()?) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(buffer >> bits & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(seed: &[u8], hash: Hash, digits: u32, period_s: u32) -> Generator {
        Generator {
            seed: seed.to_vec(),
            hash,
            digits,
            period_s,
        }
    }

    fn phone() -> Generator {
        made(b"12345678901234567890", Hash::Sha1, 6, 30)
    }

    const FRESH: State = State { drift: 0, last: -1 };

    fn digits(of: &Generator, step: i64) -> String {
        format!("{:06}", of.code(step).unwrap())
    }

    /// RFC 4226, appendix D.
    #[test]
    fn the_codes_are_those_of_rfc_4226() {
        let codes: Vec<_> = (0..10).map(|step| phone().code(step).unwrap()).collect();
        let told = [
            755_224, 287_082, 359_152, 969_429, 338_314, 254_676, 287_922, 162_583, 399_871,
            520_489,
        ];
        assert_eq!(codes, told);
        assert_eq!(phone().code(-1), None);
    }

    /// RFC 6238, appendix B.
    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        let sha1 = made(b"12345678901234567890", Hash::Sha1, 8, 30);
        let sha256 = made(b"12345678901234567890123456789012", Hash::Sha256, 8, 30);
        for (now, one, two) in [
            (59, 94_287_082, 46_119_246),
            (1_111_111_109, 7_081_804, 68_084_774),
            (1_234_567_890, 89_005_924, 91_819_424),
            (20_000_000_000i64, 65_353_130, 77_737_706),
        ] {
            assert_eq!(sha1.code(now / 30), Some(one));
            assert_eq!(sha256.code(now / 30), Some(two));
        }
    }

    #[test]
    fn a03_a_code_is_taken_within_a_step_and_once() {
        let phone = phone();
        let now = 1_790_000_010;
        let step = now / 30;
        for off in -1..=1 {
            let state = State {
                drift: off,
                last: step + off,
            };
            let typed = digits(&phone, step + off);
            assert_eq!(phone.verdict(FRESH, &typed, now), Verdict::Right(state));
            assert!(matches!(
                phone.verdict(state, &typed, now),
                Verdict::Used(_)
            ));
        }
        for off in [-3, -2, 2, 3] {
            let typed = digits(&phone, step + off);
            assert_eq!(phone.verdict(FRESH, &typed, now), Verdict::Wrong, "{off}");
        }
        let taken = State {
            drift: 0,
            last: step,
        };
        let wait = u32::try_from((step + 1) * 30 - now).unwrap();
        let typed = digits(&phone, step);
        assert_eq!(phone.verdict(taken, &typed, now), Verdict::Used(wait));
        assert_eq!(
            phone.verdict(taken, &digits(&phone, step - 1), now),
            Verdict::Used(wait)
        );
        let next = Verdict::Right(State {
            drift: 1,
            last: step + 1,
        });
        assert_eq!(phone.verdict(taken, &digits(&phone, step + 1), now), next);
    }

    #[test]
    fn a_clock_that_goes_wrong_slowly_is_followed() {
        let phone = phone();
        let mut state = FRESH;
        for turn in 1..=5 {
            let now = 1_790_000_010 + turn * 86_400;
            let typed = digits(&phone, now / 30 + turn);
            let Verdict::Right(moved) = phone.verdict(state, &typed, now) else {
                panic!("{turn}");
            };
            assert_eq!(moved.drift, turn);
            state = moved;
        }
    }

    #[test]
    fn a07_two_codes_in_a_row_find_a_clock_that_is_far_off() {
        let phone = phone();
        let now = 1_790_000_010;
        let step = now / 30 + 40;
        let both = format!("{}{}", digits(&phone, step), digits(&phone, step + 1));
        let found = Verdict::Right(State {
            drift: 41,
            last: step + 1,
        });
        assert_eq!(phone.verdict(FRESH, &both, now), found);
        let apart = format!("{}{}", digits(&phone, step), digits(&phone, step + 2));
        assert_eq!(phone.verdict(FRESH, &apart, now), Verdict::Wrong);
        let past = State {
            drift: 0,
            last: step + 1,
        };
        assert_eq!(phone.verdict(past, &both, now), Verdict::Wrong);
        let far = format!("{}{}", digits(&phone, step + 90), digits(&phone, step + 91));
        assert_eq!(phone.verdict(FRESH, &far, now), Verdict::Wrong);
    }

    #[test]
    fn a07_a_token_that_counts_presses_is_looked_for_ahead_and_never_behind() {
        let token = made(b"12345678901234567890", Hash::Sha1, 6, 0);
        let right = |last| Verdict::Right(State { drift: 0, last });
        assert_eq!(token.verdict(FRESH, "755224", 0), right(0));
        assert_eq!(token.verdict(FRESH, "520489", 0), right(9));
        let at = State { drift: 0, last: 4 };
        assert_eq!(token.verdict(at, "254676", 0), right(5));
        assert_eq!(token.verdict(at, "338314", 0), Verdict::Used(0));
        assert_eq!(token.verdict(at, "287082", 0), Verdict::Wrong);
    }

    #[test]
    fn what_is_no_code_is_wrong() {
        for typed in [
            "",
            "12345",
            "1234567",
            "12345a",
            "１２３４５６",
            "+12345",
            "999999999999x",
        ] {
            assert_eq!(phone().verdict(FRESH, typed, 0), Verdict::Wrong, "{typed}");
        }
    }

    /// RFC 4648, section 10.
    #[test]
    fn base32_is_that_of_rfc_4648() {
        for (plain, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(plain.as_bytes()), text);
            assert_eq!(from_base32(text).unwrap(), plain.as_bytes());
        }
        assert_eq!(from_base32("mzxw 6ytb-oi======").unwrap(), b"foobar");
        assert_eq!(from_base32("MZXW1"), None);
    }
}
