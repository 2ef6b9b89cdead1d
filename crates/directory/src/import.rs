//! Files that tell of accounts, read record by record in little memory, whatever their size: tables
//! ([`Table`], CSV), exports of trees ([`Ldif`], RFC 2849), and the ministry's deltas ([`Aaf`]).
//!
//! A record names its line, what it says, and every rule it breaks. Nothing is written here:
//! [`crate::Arrivals`] does.

mod aaf;
mod entry;
mod fed;
mod ldif;
mod table;

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::rule::Rule;
use crate::{NewAccount, Realm, fit};

pub use aaf::Aaf;
pub use entry::{Act, Entry, Of, School};
pub(crate) use entry::{Known, stem};
pub use ldif::{Ldif, Wording};
pub use table::{Table, read_csv, seeds};

/// One record of a file.
#[derive(Clone)]
pub struct Record {
    /// The line it begins on.
    pub line: usize,
    /// What it says, as far as it can be read.
    pub said: Option<Said>,
    /// What is wrong with it.
    pub faults: Vec<Rule>,
}

/// What a record says.
#[derive(Clone)]
pub enum Said {
    /// An account, known by its login. Not whole: what it does not say of one that is there stays.
    Account {
        /// The account; its password is not looked at.
        account: Box<NewAccount>,
        /// Whether it says everything.
        is_whole: bool,
    },
    /// The account with this login is nobody's any more.
    Gone(Realm, String),
    /// What the ministry says of a person or a school.
    Entry(Box<Entry>),
    /// Something that no account has to do with.
    Nothing,
}

impl Record {
    fn broken(line: usize, why: &dyn std::fmt::Display) -> Self {
        Self {
            line,
            said: None,
            faults: vec![Rule::Broken(why.to_string())],
        }
    }
}

/// What each account of a file is held to: the rules of one, and that what is one person's stands once.
/// Some fifty bytes for each account that was seen.
#[derive(Default)]
pub(crate) struct Checks {
    /// What only one account may have, and the line it was first seen on.
    taken: HashMap<u64, usize>,
}

impl Checks {
    /// Logins and mail addresses are one person's in a realm, a NUMEN one person's anywhere.
    pub(crate) fn faults(&mut self, account: &NewAccount, line: usize) -> Vec<Rule> {
        let mut faults = fit::faults(account);
        let person = &account.person;
        let single = [
            ("login", person.realm, Some(&person.login)),
            ("mail", person.realm, person.mail.as_ref()),
            ("NUMEN", Realm::Personnel, account.numen.as_ref()),
        ];
        for (what, realm, value) in single {
            let Some(value) = value else { continue };
            let mut hasher = DefaultHasher::new();
            (what, realm, value).hash(&mut hasher);
            match self.taken.entry(hasher.finish()) {
                Slot::Occupied(first) => faults.push(Rule::Twice {
                    what,
                    line: *first.get(),
                }),
                Slot::Vacant(place) => {
                    place.insert(line);
                }
            }
        }
        faults
    }
}
