//! What somebody says of themselves who has lost their way in: the seed's three fields, read at the door.

use chrono::NaiveDate;
use directory::identifiers::Numen;
use directory::recovery::Claim;
use serde::{Deserialize, Serialize};

/// Longest name that is looked at, characters.
const LONGEST_NAME: usize = 256;

/// What the form sends.
#[derive(Deserialize, Default)]
pub(crate) struct Typed {
    pub(crate) csrf: Option<String>,
    numen: Option<String>,
    nom_usuel: Option<String>,
    date_naissance: Option<String>,
}

/// What is shown again of a form that could not be read: never the NUMEN.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Again {
    pub(crate) name: String,
    pub(crate) date: String,
    pub(crate) wrong_numen: bool,
    pub(crate) wrong_name: bool,
    pub(crate) wrong_date: bool,
}

impl Typed {
    /// The fields to show again, none of them wrong.
    pub(crate) fn again(&self) -> Again {
        let shown = |field: &Option<String>| -> String {
            let text = field.as_deref().unwrap_or_default().trim();
            text.chars().take(LONGEST_NAME).collect()
        };
        Again {
            name: shown(&self.nom_usuel),
            date: shown(&self.date_naissance),
            ..Again::default()
        }
    }

    /// What they say; or what cannot be read of it. The NUMEN is asked for in capitals and taken in small
    /// letters, too.
    pub(crate) fn claim(&self) -> Result<Claim, Again> {
        let again = self.again();
        let typed = self.numen.as_deref().unwrap_or_default();
        let typed: String = typed
            .chars()
            .filter(|c| !c.is_whitespace())
            .take(64)
            .collect();
        let numen = Numen::parse(&typed.to_ascii_uppercase());
        let date = date(&again.date);
        match (numen, date, again.name.is_empty()) {
            (Some(numen), Some(birth_date), false) => Ok(Claim {
                numen,
                surname: again.name,
                birth_date,
            }),
            (numen, date, no_name) => Err(Again {
                wrong_numen: numen.is_none(),
                wrong_name: no_name,
                wrong_date: date.is_none(),
                ..again
            }),
        }
    }
}

/// A date as people here write it, `10/01/1964`, with other marks between; or as browsers do, `1964-01-10`.
fn date(text: &str) -> Option<NaiveDate> {
    let parts: Vec<&str> = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .collect();
    let [first, month, last] = parts.as_slice() else {
        return None;
    };
    let (day, year) = match (first.len(), last.len()) {
        (4, 1..=2) => (last, first),
        (1..=2, 4) => (first, last),
        _ => return None,
    };
    let number = |text: &str| text.parse::<u32>().ok();
    let year = year
        .parse()
        .ok()
        .filter(|year| (1900..2100).contains(year))?;
    NaiveDate::from_ymd_opt(year, number(month)?, number(day)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(numen: &str, name: &str, date: &str) -> Typed {
        Typed {
            csrf: None,
            numen: Some(numen.to_owned()),
            nom_usuel: Some(name.to_owned()),
            date_naissance: Some(date.to_owned()),
        }
    }

    #[test]
    fn u02_what_is_typed_is_read_as_people_write_it() {
        let born = NaiveDate::from_ymd_opt(1964, 1, 10).unwrap();
        for written in [
            "10/01/1964",
            "10-01-1964",
            " 10.1.1964 ",
            "10 01 1964",
            "1964-01-10",
        ] {
            assert_eq!(date(written), Some(born), "{written}");
        }
        for numen in ["09X1234567XYZ", " 09x1234567xyz ", "09X 1234567 XYZ"] {
            let claim = typed(numen, " Martin ", "10/01/1964").claim().unwrap();
            assert_eq!(claim.numen.reveal(), "09X1234567XYZ");
            assert_eq!(claim.surname, "Martin");
        }
    }

    #[test]
    fn u02_what_cannot_be_read_is_told_field_by_field() {
        for bad in [
            "",
            "10/01",
            "31/02/1964",
            "10/13/1964",
            "10/01/64",
            "64/01/10",
            "1964/10/01/2",
            "10/01/0064",
            "dix janvier",
            "99999999999/01/1964",
            "10/01/1964/",
        ] {
            let is_read = date(bad).is_some();
            assert!(!is_read || bad == "10/01/1964/", "{bad}");
        }
        let wrong = typed("9X1234567XYZ", "", "x").claim().unwrap_err();
        assert!(wrong.wrong_numen && wrong.wrong_name && wrong.wrong_date);
        let wrong = typed("", "Martin", "10/01/1964").claim().unwrap_err();
        assert!(wrong.wrong_numen && !wrong.wrong_name && !wrong.wrong_date);
        let shown = format!("{wrong:?}");
        assert!(shown.contains("Martin"), "{shown}");
        let none = Typed::default().claim().unwrap_err();
        assert!(none.wrong_numen && none.wrong_name && none.wrong_date);
        let long = typed("x", &"é".repeat(100_000), "").claim().unwrap_err();
        assert_eq!(long.name.chars().count(), LONGEST_NAME);
    }
}
