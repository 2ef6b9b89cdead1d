//! What is kept of a NUMEN and a birth date: keyed hashes, whose key lives outside the database.
//!
//! A NUMEN has some 31 bits that cannot be guessed, a birth date 15: without the key, nobody can try
//! them all against what the database holds (DOMAIN 1.7).

use chrono::NaiveDate;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::identifiers::Numen;
use crate::{DirectoryKeys, Fault};

impl DirectoryKeys {
    /// HMAC-SHA-256 of a NUMEN, in hexadecimal: the same for the same NUMEN, to find its owner by.
    pub(crate) fn numen(&self, numen: &Numen) -> Result<String, Fault> {
        self.seal(["numen", numen.reveal(), ""])
    }

    /// HMAC-SHA-256 of a birth date, in hexadecimal: with the person's id, so that two people born
    /// on one day do not show it.
    pub(crate) fn birth_date(&self, id: &str, date: NaiveDate) -> Result<String, Fault> {
        self.seal(["birth", id, &date.to_string()])
    }

    fn seal(&self, parts: [&str; 3]) -> Result<String, Fault> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.numen)
            .map_err(|why| Fault::Away(why.to_string()))?;
        for part in parts {
            mac.update(part.as_bytes());
            // No part holds a zero byte: two different triples never make the same bytes.
            mac.update(&[0]);
        }
        let sealed = mac.finalize().into_bytes();
        Ok(sealed.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: DirectoryKeys = DirectoryKeys { numen: [7; 32] };

    #[test]
    fn a_seal_depends_on_everything_and_shows_nothing() {
        let numen = Numen::parse("09X1234567XYZ").unwrap();
        let other_keys = DirectoryKeys { numen: [8; 32] };
        let day = NaiveDate::from_ymd_opt(1971, 3, 2).unwrap();
        let seals = [
            KEYS.numen(&numen).unwrap(),
            KEYS.numen(&Numen::parse("09X1234567XYA").unwrap()).unwrap(),
            other_keys.numen(&numen).unwrap(),
            KEYS.birth_date("a", day).unwrap(),
            KEYS.birth_date("b", day).unwrap(),
            KEYS.birth_date("a", day.succ_opt().unwrap()).unwrap(),
        ];
        for (n, seal) in seals.iter().enumerate() {
            assert_eq!(seal.len(), 64);
            assert!(!seals[..n].contains(seal), "{n}");
        }
        assert_eq!(KEYS.numen(&numen).unwrap(), seals[0], "found by it again");
    }

    #[test]
    fn it_is_plain_hmac_sha_256() {
        // printf 'numen\0%s\0\0' 09X1234567XYZ | openssl dgst -sha256 -mac HMAC -macopt hexkey:0707…
        let numen = Numen::parse("09X1234567XYZ").unwrap();
        assert_eq!(
            KEYS.numen(&numen).unwrap(),
            "2f5b86b89aad4fb7fe34942cb327f5a86cc49fc9234b5ec10095f8efeabe97e6"
        );
    }
}
