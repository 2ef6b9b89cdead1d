//! The rules that an account breaks, or the file that tells of it. What is secret is not repeated.

use std::fmt;

use chrono::NaiveDate;

/// A rule, with what breaks it; its `Display` is a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// A login is 1 to 64 of a few signs.
    Login,
    /// Nobody is without a given name and a surname.
    Names,
    /// A mail address has a form.
    Mail,
    /// So has the one where a person is reached who has lost their password.
    Recovery,
    /// A text is short and can be seen.
    Text(String),
    /// Posts, delegations and groups are not endless.
    Many,
    /// There are two roles.
    Role(String),
    /// A second factor is asked at three times.
    SecondFactor,
    /// A NUMEN has a form.
    Numen,
    /// A UAI has a form, and a letter that fits.
    Uai(String),
    /// A function has an id.
    Function(String),
    /// An application has an id.
    Application(String),
    /// A delegation ends after it begins.
    Backwards {
        /// When it begins.
        from: NaiveDate,
        /// When it ends.
        until: NaiveDate,
    },
    /// There are four realms.
    Realm(String),
    /// A date is one, and in this form.
    Date(String, &'static str),
    /// A line has as many cells as there are columns.
    Cells {
        /// Its cells.
        cells: usize,
        /// Those of the first line.
        columns: usize,
    },
    /// A column stands once.
    Column {
        /// Its name.
        name: String,
        /// How often it stands there.
        times: usize,
    },
    /// A column is one that is known.
    NoColumn(String),
    /// What is one person's stands on another line.
    Twice {
        /// A login, a mail or a NUMEN.
        what: &'static str,
        /// Where it was seen first.
        line: usize,
    },
    /// What is one person's is another account's.
    Taken,
    /// The account is kept in a tree.
    Elsewhere,
    /// A school is known before its people are.
    Structure(String),
    /// Who changes or goes is known.
    Nobody(String),
    /// A request is about somebody or something that is known.
    Category(String),
    /// A file says what is to be done in a way that is read.
    Operation(String),
    /// What nothing can be done without.
    Lacks(&'static str),
    /// The file cannot be read from here on: nothing of it is kept.
    Broken(String),
}

impl Rule {
    /// Its name, which does not change.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Names => "names",
            Self::Mail => "mail",
            Self::Recovery => "recovery-mail",
            Self::Text(_) => "text",
            Self::Many => "many",
            Self::Role(_) => "role",
            Self::SecondFactor => "second-factor",
            Self::Numen => "numen",
            Self::Uai(_) => "uai",
            Self::Function(_) => "function",
            Self::Application(_) => "application",
            Self::Backwards { .. } => "delegation",
            Self::Realm(_) => "realm",
            Self::Date(..) => "date",
            Self::Cells { .. } => "cells",
            Self::Column { .. } | Self::NoColumn(_) => "column",
            Self::Twice { .. } => "twice",
            Self::Taken => "taken",
            Self::Elsewhere => "elsewhere",
            Self::Structure(_) => "structure",
            Self::Nobody(_) => "nobody",
            Self::Category(_) => "category",
            Self::Operation(_) => "operation",
            Self::Lacks(_) => "lacks",
            Self::Broken(_) => "broken",
        }
    }

    /// Whether nothing after it can be read.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::Broken(_) | Self::Column { .. } | Self::NoColumn(_)
        )
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Login => write!(f, "a login is 1 to 64 of a-z, 0-9, - . _"),
            Self::Names => write!(f, "a given name and a surname are needed"),
            Self::Mail => write!(f, "the mail address is not of the form name@host"),
            Self::Recovery => write!(f, "the recovery address is not of the form name@host"),
            Self::Text(text) => write!(
                f,
                "{text:?} is longer than 256 characters, or holds one that is not to be seen"
            ),
            Self::Many => write!(f, "more than 50 posts, delegations or groups"),
            Self::Role(role) => write!(f, "{role:?} is no role: operateur, assistance"),
            Self::SecondFactor => write!(f, "the second factor is none, external or always"),
            Self::Numen => write!(f, "the NUMEN is not of the form 09X1234567XYZ"),
            Self::Uai(text) => write!(f, "{text:?} is not a UAI"),
            Self::Function(text) => write!(f, "{text:?} is not the id of a function"),
            Self::Application(text) => write!(f, "{text:?} is not the id of an application"),
            Self::Backwards { from, until } => {
                write!(f, "a delegation ends on {until} before it begins on {from}")
            }
            Self::Realm(text) => write!(f, "{text:?} is not a realm"),
            Self::Date(text, form) => write!(f, "{text:?} is not a date ({form})"),
            Self::Cells { cells, columns } => write!(f, "{cells} cells under {columns} columns"),
            Self::Column { name, times } => write!(f, "column {name} stands {times} times"),
            Self::NoColumn(name) => write!(f, "{name:?} is no column"),
            Self::Twice { what, line } => write!(f, "this {what} stands on line {line} already"),
            Self::Taken => write!(f, "another account has this mail or NUMEN"),
            Self::Elsewhere => write!(f, "the account is kept in an LDAP tree"),
            Self::Structure(key) => write!(f, "the school {key:?} is not known"),
            Self::Nobody(key) => write!(f, "nobody is known as {key:?}"),
            Self::Category(text) => write!(f, "{text:?} is no category that is known"),
            Self::Operation(text) => write!(f, "{text:?} is not done"),
            Self::Lacks(what) => write!(f, "{what} is missing"),
            Self::Broken(why) => write!(f, "{why}"),
        }
    }
}

/// All of them in one sentence.
pub(crate) fn joined(rules: &[Rule]) -> String {
    let said: Vec<String> = rules.iter().map(ToString::to_string).collect();
    said.join("; ")
}
