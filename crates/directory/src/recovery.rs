//! Coming back without a password: being recognised by what the administration knows of a person, being
//! reached where they said, and a code that is worth one password (DOMAIN 2.4).
//!
//! Being recognised opens nothing: a NUMEN stands on papers, a name and a birth date are half public. What
//! opens is the code, which goes where only its owner looks.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::identifiers::Numen;
use crate::{Fault, Person};

/// How long a code that was sent is worth something.
pub const SENT: TimeDelta = TimeDelta::minutes(15);
/// How long a code that a desk handed over is.
pub const HANDED_OVER: TimeDelta = TimeDelta::hours(24);
/// Codes of one person that are worth something at once: who asks twice may type the first one.
pub const AT_ONCE: usize = 3;

/// What somebody says of themselves. Nothing of it prints.
pub struct Claim {
    /// NUMEN.
    pub numen: Numen,
    /// Nom usuel, as typed: case, accents, spaces and hyphens do not count.
    pub surname: String,
    /// Birth date.
    pub birth_date: NaiveDate,
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Claim(…)")
    }
}

/// Coming back.
#[async_trait::async_trait]
pub trait Recovery: Send + Sync + 'static {
    /// The person of whom all three are true, disabled ones excepted. Whoever it is or is not, the work
    /// is the same: one look-up by keyed hash, two comparisons that take as long whatever they find.
    async fn recognise(&self, claim: &Claim) -> Result<Option<Person>, Fault>;
    /// What a claim is counted as, so that nobody tries many: a keyed hash of its NUMEN.
    fn counted(&self, numen: &Numen) -> Result<String, Fault>;
    /// Whether one of these is the person's birth date.
    async fn is_born(&self, person: &str, dates: &[NaiveDate]) -> Result<bool, Fault>;
    /// Where a person is reached who has lost their password.
    async fn contact(&self, person: &str) -> Result<Option<String>, Fault>;
    /// Says where; `None` for nowhere. [`Fault::Unfit`] for what is no address.
    async fn set_contact(&self, person: &str, mail: Option<&str>) -> Result<(), Fault>;
    /// A fresh code, worth something for `worth` from `now`: told once, kept hashed. Of more than
    /// [`AT_ONCE`], the oldest are forgotten.
    async fn give_code(
        &self,
        person: &str,
        worth: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<String, Fault>;
    /// Lets that text stand for a code, for `worth` from `now`: what 2014 did with the NUMEN, and nobody
    /// should.
    async fn let_in_by(
        &self,
        person: &str,
        text: &str,
        worth: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<(), Fault>;
    /// Whether what was typed is such a code, which it is once. Case, spaces and dashes do not count.
    /// The same work for a person who is none.
    async fn take_code(&self, person: &str, typed: &str, now: DateTime<Utc>)
    -> Result<bool, Fault>;
    /// Forgets every code of the person: they have a new password.
    async fn forget_codes(&self, person: &str) -> Result<(), Fault>;
}

/// Signs of a code: no two of them are mistaken for each other, in print or on the telephone.
const SIGNS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// A code made of chance: ten signs, fifty bits, in two groups (`K7QPR-3MXDT`).
pub fn code(chance: [u8; 10]) -> String {
    let signs = chance
        .iter()
        .filter_map(|byte| SIGNS.get(usize::from(byte % 32)))
        .map(|sign| char::from(*sign));
    let mut code: String = signs.collect();
    code.insert(5, '-');
    code
}

/// A code as it is hashed, however it was typed.
pub fn bare(typed: &str) -> String {
    let signs = typed.chars().filter(char::is_ascii_alphanumeric);
    signs
        .take(32)
        .map(|sign| sign.to_ascii_uppercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_typed_in_many_ways() {
        let made = code([0, 1, 2, 3, 4, 31, 63, 255, 32, 24]);
        assert_eq!(made, "ABCDE-999A2");
        for typed in [
            "ABCDE-999A2",
            " abcde 99 9a2 ",
            "ABCDE999A2",
            "A.B.C.D.E_99/9A2",
        ] {
            assert_eq!(bare(typed), bare(&made), "{typed}");
        }
        for other in ["", "ABCDE-99A2", "ABCDE-99O92", "é"] {
            assert_ne!(bare(other), bare(&made), "{other}");
        }
        assert_eq!(bare(&"A".repeat(100_000)).len(), 32);
    }

    #[test]
    fn a_claim_prints_nothing() {
        let claim = Claim {
            numen: Numen::parse("09X1234567XYZ").unwrap(),
            surname: "Martin".to_owned(),
            birth_date: NaiveDate::from_ymd_opt(1971, 3, 2).unwrap(),
        };
        assert_eq!(format!("{claim:?}"), "Claim(…)");
    }
}
