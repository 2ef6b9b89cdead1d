//! Hardware tokens: a drawer of them is imported with their seeds, each is somebody's once they typed
//! its serial number and a code it shows, and a PIN of theirs goes before its codes.

use chrono::{DateTime, Utc};

use crate::Fault;
use crate::factors::Proof;
use crate::otp::Hash;

mod file;
mod pskc;

pub use file::{Faulty, from_hex, read};

/// Digits of a PIN (RFC 6030 4.3.4 leaves it to the house).
pub const PIN: std::ops::RangeInclusive<usize> = 4..=8;
/// Letters and digits of a serial number.
pub const LONGEST_SERIAL: usize = 40;

/// A token as its maker's file tells it. `Debug` shows no seed.
#[derive(Clone, PartialEq, Eq)]
pub struct NewToken {
    /// What stands on its back.
    pub serial: String,
    /// 16 to 64 bytes.
    pub seed: Vec<u8>,
    /// Hash.
    pub hash: Hash,
    /// Digits of a code, 6 or 8.
    pub digits: u32,
    /// Seconds of a step; zero: it counts presses.
    pub period_s: u32,
    /// Presses so far.
    pub counter: u32,
}

impl std::fmt::Debug for NewToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewToken({})", self.serial)
    }
}

/// A token of the house. Nothing secret is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What stands on its back.
    pub serial: String,
    /// Seconds of a step; zero: it counts presses.
    pub period_s: u32,
    /// Whose it is: [`crate::Person::id`].
    pub person: Option<String>,
    /// Whether it proves them: they typed a code of it.
    pub is_active: bool,
}

/// What its owner types to make it theirs. No `Debug`: the PIN is theirs alone.
pub struct Claim<'a> {
    /// The serial number.
    pub serial: &'a str,
    /// A code it shows, without a PIN.
    pub code: &'a str,
    /// The PIN that goes before its codes from now on, as [`pin`] takes it.
    pub pin: &'a str,
}

/// The tokens of the house.
#[async_trait::async_trait]
pub trait Tokens: Send + Sync + 'static {
    /// Takes them into the drawer: all, or none when one is there already ([`Fault::Unfit`] names them).
    async fn stock(&self, tokens: &[NewToken]) -> Result<(), Fault>;
    /// All of them, by serial number.
    async fn list(&self) -> Result<Vec<Token>, Fault>;
    /// Hands it to a person, who alone can make it theirs, or takes it back: it proves nobody then.
    /// `false` when it is not there, or proves somebody else.
    async fn bind(&self, serial: &str, person: Option<&str>) -> Result<bool, Fault>;
    /// Forgets it, lost or broken; it proves nobody any more.
    async fn discard(&self, serial: &str) -> Result<bool, Fault>;
    /// Makes a token in nobody's hands, or handed to them, a factor of the person. Under the same
    /// delays as codes; that it is not there and that the code is wrong are told alike.
    async fn claim(
        &self,
        person: &str,
        claim: &Claim<'_>,
        now: DateTime<Utc>,
    ) -> Result<Proof, Fault>;
}

/// A serial number as it is kept: upper case, without spaces and dashes.
pub fn serial(typed: &str) -> String {
    let signs = typed.chars().filter(char::is_ascii_alphanumeric);
    let signs = signs.take(LONGEST_SERIAL);
    signs.map(|sign| sign.to_ascii_uppercase()).collect()
}

/// A PIN that is none of the first ones somebody tries: neither one digit again and again, nor digits that
/// follow each other.
pub fn pin(typed: &str) -> Option<&str> {
    let digits = typed.trim();
    let bytes = digits.as_bytes();
    if !PIN.contains(&bytes.len()) || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let steps = |step: i16| {
        let mut pairs = bytes.iter().zip(bytes.iter().skip(1));
        pairs.all(|(one, next)| i16::from(*next) - i16::from(*one) == step)
    };
    (![-1, 0, 1].into_iter().any(steps)).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a07_a_pin_is_not_one_that_is_tried_first() {
        for fit in ["2580", " 90210 ", "12354678"] {
            assert_eq!(pin(fit), Some(fit.trim()));
        }
        for unfit in [
            "",
            "123",
            "123456789",
            "1234",
            "9876",
            "0000",
            "12a4",
            "１２３５",
        ] {
            assert_eq!(pin(unfit), None, "{unfit}");
        }
    }

    #[test]
    fn a_serial_number_is_typed_in_many_ways() {
        for typed in ["AB-0012 345", "ab0012345", " AB.0012/345"] {
            assert_eq!(serial(typed), "AB0012345");
        }
        assert_eq!(serial(&"7".repeat(1000)).len(), LONGEST_SERIAL);
    }
}
