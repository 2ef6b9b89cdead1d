//! Records of the ministry's federation, as text (DOMAIN 1.3).
//!
//! A record ends where nothing more is known, as those of the field do. A part that holds a separator
//! would be read as two: such a record is not printed at all.

use chrono::NaiveDate;

/// `FrEduRne`: a place of work, `uai$type$category$function$uaj$…`.
pub(super) struct Rne<'a> {
    /// UAI of the place; the legal unit (`uaj`) is the place itself.
    pub(super) uai: &'a str,
    /// Code of what the person does there.
    pub(super) function: &'a str,
}

impl Rne<'_> {
    pub(super) fn print(&self) -> Option<String> {
        let Self { uai, function } = self;
        parted('$', &[uai, "UAJ", "PU", function, uai])
    }
}

/// `FrEduRneResp`: a place the person heads, `uai$type$category$activity$…`.
pub(super) struct RneResp<'a> {
    /// UAI of the place.
    pub(super) uai: &'a str,
}

impl RneResp<'_> {
    pub(super) fn print(&self) -> Option<String> {
        parted('$', &[self.uai, "UAJ", "PU", "N"])
    }
}

/// `FrEduResDel`: a delegation, `app|url|start|end|delegator|FrEduRneResp=v1;v2|server|function|`.
pub(super) struct ResDel<'a> {
    /// The application.
    pub(super) application: &'a str,
    /// First day.
    pub(super) from: NaiveDate,
    /// Last day; an open end is 31/12/9999.
    pub(super) until: NaiveDate,
}

impl ResDel<'_> {
    pub(super) fn print(&self) -> Option<String> {
        let day = |date: NaiveDate| date.format("%d/%m/%Y").to_string();
        let (from, until) = (day(self.from), day(self.until));
        parted(
            '|',
            &[self.application, "", &from, &until, "", "", "", "", ""],
        )
    }
}

/// A post as our portal reads it: `function$UAI$place`.
pub(super) struct Poste<'a> {
    /// What the person does, and where.
    pub(super) post: &'a directory::Post,
}

impl Poste<'_> {
    pub(super) fn print(&self) -> Option<String> {
        let directory::Post {
            function,
            uai,
            place,
        } = self.post;
        // A place's name is to be read by people: what would part it is left out.
        let place = place.replace(['$', '|', ';'], " ");
        (!uai.is_empty()).then(|| parted('$', &[function, uai, &place]))?
    }
}

/// The parts with `separator` between them. The first one says what the record is about: without it
/// there is none.
fn parted(separator: char, parts: &[&str]) -> Option<String> {
    let is_whole = parts.first().is_some_and(|first| !first.is_empty())
        && !parts
            .iter()
            .any(|part| part.contains(['$', '|', ';']) || part.contains(char::is_control));
    is_whole.then(|| parts.join(&separator.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r04_records_are_as_the_field_writes_them_and_never_ambiguous() {
        let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap();
        let delegation = |application| ResDel {
            application,
            from: day(2026, 9, 1),
            until: day(9999, 12, 31),
        };
        let place = |uai, function| Rne { uai, function };
        assert_eq!(
            place("0590121L", "ADM").print().as_deref(),
            Some("0590121L$UAJ$PU$ADM$0590121L")
        );
        assert_eq!(
            RneResp { uai: "0441550W" }.print().as_deref(),
            Some("0441550W$UAJ$PU$N")
        );
        assert_eq!(
            delegation("ECECA").print().as_deref(),
            Some("ECECA||01/09/2026|31/12/9999|||||")
        );
        let poste = |uai: &str, place: &str| {
            let (function, uai, place) = ("aed".to_owned(), uai.to_owned(), place.to_owned());
            let post = directory::Post {
                function,
                uai,
                place,
            };
            Poste { post: &post }.print()
        };
        let printed = poste("0590121L", "Lycée; A$B");
        assert_eq!(printed.as_deref(), Some("aed$0590121L$Lycée  A B"));
        assert_eq!(poste("", "Lycée"), None);
        assert_eq!(poste("0590121L$X", "Lycée"), None);
        assert_eq!(place("0590121L$X", "ADM").print(), None);
        assert_eq!(place("0590121L", "A|B").print(), None);
        assert_eq!(place("", "ADM").print(), None);
        assert_eq!(RneResp { uai: "a;b" }.print(), None);
        assert_eq!(delegation("ECECA|https://else.example").print(), None);
        assert_eq!(delegation("A\nB").print(), None);
    }
}
