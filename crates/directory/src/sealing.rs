//! What is kept of a NUMEN, a birth date and a recovery code: keyed hashes; of a seed: AES-256-GCM.
//! The keys live outside the database.
//!
//! A NUMEN has some 31 bits that cannot be guessed, a birth date 15: without the key, nobody can try
//! them all against what the database holds (DOMAIN 1.7).

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Aead, Payload};
use chrono::NaiveDate;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::identifiers::Numen;
use crate::{Dice, DirectoryKeys, Fault};

impl DirectoryKeys {
    /// HMAC-SHA-256 of a NUMEN, in hexadecimal: the same for the same NUMEN, to find its owner by.
    pub(crate) fn numen(&self, numen: &Numen) -> Result<String, Fault> {
        seal(&self.numen, ["numen", numen.reveal(), ""])
    }

    /// HMAC-SHA-256 of a birth date, in hexadecimal: with the person's id, so that two people born
    /// on one day do not show it.
    pub(crate) fn birth_date(&self, id: &str, date: NaiveDate) -> Result<String, Fault> {
        seal(&self.numen, ["birth", id, &date.to_string()])
    }

    /// HMAC-SHA-256 of a recovery code, in hexadecimal, with the person's id.
    pub(crate) fn recovery_code(&self, id: &str, code: &str) -> Result<String, Fault> {
        seal(&self.factors, ["recovery", id, code])
    }

    /// HMAC-SHA-256 of a one-time code, in hexadecimal, with the person's id.
    pub(crate) fn one_time_code(&self, id: &str, code: &str) -> Result<String, Fault> {
        seal(&self.factors, ["one-time", id, code])
    }

    /// HMAC-SHA-256 of a PIN, in hexadecimal, with the id of its factor.
    pub(crate) fn pin(&self, id: &str, pin: &str) -> Result<String, Fault> {
        seal(&self.factors, ["pin", id, pin])
    }

    /// HMAC-SHA-256 of a place, in hexadecimal, with the person's id.
    pub(crate) fn place(&self, id: &str, place: &str) -> Result<String, Fault> {
        seal(&self.factors, ["place", id, place])
    }

    /// HMAC-SHA-256 of a NUMEN, in hexadecimal, to count tries by: not what its owner is found by.
    pub(crate) fn counted(&self, numen: &Numen) -> Result<String, Fault> {
        seal(&self.numen, ["counted", numen.reveal(), ""])
    }

    /// HMAC-SHA-256 of a text that is compared with another: as long, and as far apart, whatever they
    /// have in common.
    pub(crate) fn compared(&self, text: &str) -> Result<String, Fault> {
        seal(&self.numen, ["compared", text, ""])
    }

    /// Encrypts a seed for the row of that id: in another row it opens nothing.
    pub(crate) fn close_seed(&self, id: &str, seed: &[u8], dice: &Dice) -> Result<String, Fault> {
        let mut nonce = [0; 12];
        dice(&mut nonce);
        let payload = Payload {
            msg: seed,
            aad: id.as_bytes(),
        };
        let closed = self
            .cipher()?
            .encrypt(&nonce.into(), payload)
            .map_err(|_| Fault::Away("a seed cannot be encrypted".to_owned()))?;
        Ok([nonce.as_slice(), &closed]
            .concat()
            .into_iter()
            .map(hexadecimal)
            .collect())
    }

    /// Decrypts the seed of the row of that id.
    pub(crate) fn open_seed(&self, id: &str, closed: &str) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let refused =
            || Fault::Away("a seed cannot be decrypted: is its key the right one?".to_owned());
        let digits = closed.as_bytes().chunks(2);
        let bytes: Option<Vec<u8>> = digits
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        let bytes = bytes.ok_or_else(refused)?;
        let (nonce, closed) = bytes.split_first_chunk::<12>().ok_or_else(refused)?;
        let payload = Payload {
            msg: closed,
            aad: id.as_bytes(),
        };
        let opened = self.cipher()?.decrypt(&(*nonce).into(), payload);
        opened.map(Zeroizing::new).map_err(|_| refused())
    }

    fn cipher(&self) -> Result<Aes256Gcm, Fault> {
        Aes256Gcm::new_from_slice(&self.factors).map_err(|why| Fault::Away(why.to_string()))
    }
}

fn seal(key: &[u8; 32], parts: [&str; 3]) -> Result<String, Fault> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key).map_err(|why| Fault::Away(why.to_string()))?;
    for part in parts {
        mac.update(part.as_bytes());
        // No part holds a zero byte: two different triples never make the same bytes.
        mac.update(&[0]);
    }
    let sealed = mac.finalize().into_bytes();
    Ok(sealed.into_iter().map(hexadecimal).collect())
}

fn hexadecimal(byte: u8) -> String {
    format!("{byte:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: DirectoryKeys = DirectoryKeys {
        numen: [7; 32],
        factors: [9; 32],
    };

    #[test]
    fn a_seal_depends_on_everything_and_shows_nothing() {
        let numen = Numen::parse("09X1234567XYZ").unwrap();
        let other_keys = DirectoryKeys {
            numen: [8; 32],
            ..KEYS
        };
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
    fn h14_a_seed_is_closed_for_one_row_and_one_key() {
        let dice: Dice = std::sync::Arc::new(|bytes: &mut [u8]| bytes.fill(3));
        let closed = KEYS
            .close_seed("a", b"12345678901234567890", &dice)
            .unwrap();
        assert_eq!(
            *KEYS.open_seed("a", &closed).unwrap(),
            b"12345678901234567890"
        );
        let other_keys = DirectoryKeys {
            factors: [8; 32],
            ..KEYS
        };
        assert!(KEYS.open_seed("b", &closed).is_err());
        assert!(other_keys.open_seed("a", &closed).is_err());
        for changed in ["", "00", "zz", &closed[2..], &closed.replacen('0', "1", 1)] {
            assert!(KEYS.open_seed("a", changed).is_err(), "{changed}");
        }
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
