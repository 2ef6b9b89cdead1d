//! Form tokens: a moment and a MAC over browser, form and moment.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Seconds a form may stay open: a school day.
const LIFETIME_S: i64 = 8 * 3600;
/// Seconds the clock of the machine that made a form may be ahead of that of the one that reads it: as
/// much as a SAML message may (SAML Core 2.5.1.2 leaves it to us).
const AHEAD_S: i64 = 300;

/// The token of `form` in `browser` at `now` (seconds since 1970).
pub(crate) fn token(key: &[u8; 32], browser: &str, form: &str, now: i64) -> String {
    let mut bytes = now.to_be_bytes().to_vec();
    bytes.extend(mac(key, browser, form, now));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Whether `token` is this browser's, for this form, and not too old.
pub(crate) fn holds(key: &[u8; 32], browser: &str, form: &str, now: i64, token: &str) -> bool {
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else {
        return false;
    };
    let Some((made, given)) = bytes.split_first_chunk::<8>() else {
        return false;
    };
    let made = i64::from_be_bytes(*made);
    let age = now.saturating_sub(made);
    let fresh = (-AHEAD_S..=LIFETIME_S).contains(&age);
    let same: bool = mac(key, browser, form, made).ct_eq(given).into();
    fresh && same
}

fn mac(key: &[u8; 32], browser: &str, form: &str, made: i64) -> Vec<u8> {
    // HMAC takes a key of any length: this cannot fail for 32 bytes.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    for part in [browser.as_bytes(), form.as_bytes(), &made.to_be_bytes()] {
        mac.update(&u64::try_from(part.len()).unwrap_or(0).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_holds_for_its_browser_its_form_and_its_day_only() {
        let (key, other) = ([1; 32], [2; 32]);
        let made = token(&key, "b", "login", 1_000_000);
        assert!(holds(&key, "b", "login", 1_000_000, &made));
        assert!(holds(&key, "b", "login", 1_000_000 + LIFETIME_S, &made));
        assert!(
            !holds(&key, "b", "login", 1_000_001 + LIFETIME_S, &made),
            "too old"
        );
        assert!(
            holds(&key, "b", "login", 1_000_000 - AHEAD_S, &made),
            "another machine's clock is ahead"
        );
        assert!(
            !holds(&key, "b", "login", 999_999 - AHEAD_S, &made),
            "from the future"
        );
        assert!(
            !holds(&key, "c", "login", 1_000_000, &made),
            "another browser's"
        );
        assert!(
            !holds(&key, "b", "logout", 1_000_000, &made),
            "another form's"
        );
        assert!(
            !holds(&other, "b", "login", 1_000_000, &made),
            "another house's"
        );
        assert!(
            !holds(&key, "bl", "ogin", 1_000_000, &made),
            "the parts do not run together"
        );
        for bad in ["", "x", "é", "AAAAAAAAAAA", &made[1..]] {
            assert!(!holds(&key, "b", "login", 1_000_000, bad), "{bad}");
        }
    }
}
