//! Identifiers of the Éducation nationale, parsed at the door (DOMAIN 1.7).

/// A NUMEN: 13 characters, académie, system letter, year, number, key. `Debug` never shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Numen(String);

impl Numen {
    /// Reads `^[0-9]{2}[A-Z][0-9]{7}[A-Z]{3}$`, as typed: spaces around it are nobody's fault.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = text.len() == 13
            && text.bytes().enumerate().all(|(at, byte)| match at {
                2 | 10.. => byte.is_ascii_uppercase(),
                _ => byte.is_ascii_digit(),
            });
        fits.then(|| Self(text.to_owned()))
    }

    /// The text; to be hashed, never to be shown.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Numen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Numen(…)")
    }
}

/// A UAI: seven digits and a check letter (the 23 letters without I, O and Q, by the digits modulo
/// 23).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uai(String);

const UAI_LETTERS: &[u8; 23] = b"ABCDEFGHJKLMNPRSTUVWXYZ";

impl Uai {
    /// Reads a UAI; seen in lower case in the field, kept in capitals.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        let (digits, letter) = text.split_at_checked(7)?;
        let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        let number: usize = digits.parse().ok()?;
        let expected = UAI_LETTERS.get(number % 23)?;
        (all_digits && letter.as_bytes() == [*expected]).then_some(Self(text))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn real_codes_pass_and_near_ones_do_not() {
        for good in [
            "0590121L",
            "0590258K",
            "0160053W",
            "0441550W",
            "0370884k",
            " 0790031E ",
        ] {
            assert!(Uai::parse(good).is_some(), "{good}");
        }
        for bad in [
            "0751234B",
            "0590121A",
            "059012L",
            "0590121",
            "",
            "05901211",
            "é590121L",
            "+590121L",
        ] {
            assert!(Uai::parse(bad).is_none(), "{bad}");
        }
        assert!(Numen::parse("09X1234567XYZ").is_some());
        for bad in [
            "09x1234567xyz",
            "09X1234567XY",
            "09X123456789Z",
            "",
            "09X1234567XYZZ",
            "O9X1234567XYZ",
        ] {
            assert!(Numen::parse(bad).is_none(), "{bad}");
        }
        assert_eq!(
            format!("{:?}", Numen::parse("09X1234567XYZ").unwrap()),
            "Numen(…)"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,20}") {
            if let Some(uai) = Uai::parse(&text) { prop_assert_eq!(uai.as_str().len(), 8); }
            if let Some(numen) = Numen::parse(&text) { prop_assert_eq!(numen.reveal().len(), 13); }
        }

        #[test]
        fn one_letter_fits_each_number(number in 0u32..9_999_999) {
            let fitting = UAI_LETTERS.iter().filter(|letter| {
                Uai::parse(&format!("{number:07}{}", char::from(**letter))).is_some()
            });
            prop_assert_eq!(fitting.count(), 1);
        }
    }
}
