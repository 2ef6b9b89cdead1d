//! Accounts from a CSV file. Every fault of the file is told at once, with its line.
//!
//! UTF-8, cells separated by commas, or by semicolons as French spreadsheets do; the first line names
//! the columns, in any order, all of them:
//!
//! * `realm` (`personnel`, `eleve`, `parent`, `partenaire`), `login`, `civilite` (`M.`, `Mme` or
//!   nothing), `prenom`, `nom`;
//! * `mail`, `numen` (staff), `date_naissance` (YYYY-MM-DD);
//! * `affectations`: `function:UAI:place`, several by `|`, the main one first; the function is empty
//!   for who is not staff;
//! * `delegations`: `application:from:until`, several by `|`;
//! * `groupes` and `roles` (`operateur`, `assistance`), several by `|`;
//! * `otp`: when a second factor is asked, `none` (as an empty cell), `external` or `always`;
//! * `courriel_secours`, which may be left out: where a person is reached who has lost their password;
//! * `graine_otp`, which may be left out: the seed of an application on a phone, in base32 ([`seeds`]).
//!
//! Cells may be empty except realm, login, prenom and nom. Passwords are no column: a file with
//! passwords lives for ever. One is given for the whole file, or made for each account.

use std::io::BufRead;

use chrono::NaiveDate;
use csv::{ReaderBuilder, StringRecord, Trim};
use serde::Deserialize;

use super::fed::Fed;
use super::{Checks, Record, Said};
use crate::rule::Rule;
use crate::{Delegation, NewAccount, Person, Post, Realm, fit, otp};

const COLUMNS: [&str; 13] = [
    "realm",
    "login",
    "civilite",
    "prenom",
    "nom",
    "mail",
    "numen",
    "date_naissance",
    "affectations",
    "delegations",
    "groupes",
    "roles",
    "otp",
];

const SEED: &str = "graine_otp";
const RECOVERY: &str = "courriel_secours";

#[derive(Deserialize)]
struct Row {
    realm: String,
    login: String,
    civilite: String,
    prenom: String,
    nom: String,
    mail: String,
    numen: String,
    date_naissance: String,
    affectations: String,
    delegations: String,
    groupes: String,
    roles: String,
    otp: String,
    #[serde(default)]
    courriel_secours: String,
}

/// Reads the file's text; every account gets `password`.
pub fn read_csv(text: &str, password: &str) -> Result<Vec<NewAccount>, Vec<String>> {
    let mut checks = Checks::default();
    let (mut accounts, mut faults) = (Vec::new(), Vec::new());
    for record in Table::of(text.as_bytes()) {
        let mut broken = record.faults;
        if let Some(Said::Account { mut account, .. }) = record.said {
            broken.extend(checks.faults(&account, record.line));
            password.clone_into(&mut account.password);
            accounts.push(*account);
        }
        let line = record.line;
        faults.extend(broken.iter().map(|rule| format!("line {line}: {rule}")));
    }
    if faults.is_empty() {
        Ok(accounts)
    } else {
        Err(faults)
    }
}

/// A table of accounts, line by line.
pub struct Table<R> {
    state: State<R>,
}

enum State<R> {
    Closed,
    Fresh(R),
    Open(Box<Open<R>>),
}

struct Open<R> {
    reader: csv::Reader<Fed<R>>,
    head: StringRecord,
    record: StringRecord,
}

impl<R: BufRead> Table<R> {
    /// The table of a file.
    pub fn of(from: R) -> Self {
        Self {
            state: State::Fresh(from),
        }
    }

    /// Reads the first line; without the right columns no other can be read.
    fn open(mut from: R) -> Result<Open<R>, Vec<Rule>> {
        let broken = |why: &dyn std::fmt::Display| vec![Rule::Broken(why.to_string())];
        let chunk = from.fill_buf().map_err(|why| broken(&why))?;
        let first = chunk.split(|byte| *byte == b'\n').next();
        let first = first.unwrap_or_default();
        let by_semicolon = first.contains(&b';') && !first.contains(&b',');
        let mut reader = ReaderBuilder::new()
            .delimiter(if by_semicolon { b';' } else { b',' })
            .trim(Trim::Headers)
            .flexible(true)
            .from_reader(Fed::text(from));
        let head = reader.headers().map_err(|why| broken(&why))?.clone();
        columns(&head)?;
        Ok(Open {
            reader,
            head,
            record: StringRecord::new(),
        })
    }
}

impl<R: BufRead> Open<R> {
    fn next(&mut self) -> Option<Record> {
        self.reader.get_mut().next_record();
        match self.reader.read_record(&mut self.record) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(why) => {
                let line = why.position().map_or(0, csv::Position::line);
                let line = usize::try_from(line).unwrap_or_default();
                return Some(Record::broken(line, &why));
            }
        }
        // The reader stands after the record; where it began, empty lines come before it.
        let within: usize = self
            .record
            .iter()
            .map(|cell| cell.matches('\n').count())
            .sum();
        let after = usize::try_from(self.reader.position().line()).unwrap_or_default();
        let line = after.saturating_sub(within + 1);
        self.record.trim();
        let (said, faults) = read(&self.record, &self.head);
        let said = said.map(|account| Said::Account {
            account: Box::new(account),
            is_whole: true,
        });
        Some(Record { line, said, faults })
    }
}

impl<R: BufRead> Iterator for Table<R> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Closed => None,
            State::Fresh(from) => match Self::open(from) {
                Ok(open) => {
                    self.state = State::Open(Box::new(open));
                    self.next()
                }
                Err(faults) => Some(Record {
                    line: 1,
                    said: None,
                    faults,
                }),
            },
            State::Open(mut open) => {
                let record = open.next()?;
                let fatal = record
                    .faults
                    .iter()
                    .any(|rule| matches!(rule, Rule::Broken(_)));
                // A line that is no UTF-8 is passed over, what cannot be read at all ends here.
                if !(fatal && open.reader.is_done()) {
                    self.state = State::Open(open);
                }
                Some(record)
            }
        }
    }
}

/// Whose seed is which, of a file that [`read_csv`] has read; what is no base32 of 16 to 64 bytes is
/// told with its login.
pub fn seeds(text: &str) -> Result<Vec<(Realm, String, Vec<u8>)>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let head = text.lines().next().unwrap_or_default();
    let by_semicolon = head.contains(';') && !head.contains(',');
    let mut reader = ReaderBuilder::new()
        .delimiter(if by_semicolon { b';' } else { b',' })
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let head = reader.headers().map_err(|why| why.to_string())?.clone();
    let at = |name: &str| head.iter().position(|column| column == name);
    let (Some(realm), Some(login), Some(seed)) = (at("realm"), at("login"), at(SEED)) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|why| why.to_string())?;
        let cell = |at: usize| record.get(at).unwrap_or_default();
        if cell(seed).is_empty() {
            continue;
        }
        let login = cell(login).to_lowercase();
        let read = otp::from_base32(cell(seed)).filter(|seed| (16..=64).contains(&seed.len()));
        let read = Realm::parse(cell(realm)).zip(read);
        let (realm, seed) = read.ok_or_else(|| format!("{login}: {SEED} is no seed"))?;
        found.push((realm, login, seed));
    }
    Ok(found)
}

/// Without the right columns no line can be read.
fn columns(head: &StringRecord) -> Result<(), Vec<Rule>> {
    let mut faults = Vec::new();
    for name in COLUMNS {
        let times = head.iter().filter(|column| *column == name).count();
        if times != 1 {
            let name = name.to_owned();
            faults.push(Rule::Column { name, times });
        }
    }
    let unknown = head
        .iter()
        .filter(|column| !COLUMNS.contains(column) && ![SEED, RECOVERY].contains(column));
    faults.extend(unknown.map(|column| Rule::NoColumn(column.to_owned())));
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// One line: its account, as far as it can be read, and everything that is wrong with it.
fn read(record: &StringRecord, head: &StringRecord) -> (Option<NewAccount>, Vec<Rule>) {
    let mut faults = Vec::new();
    if record.len() != head.len() {
        let (cells, columns) = (record.len(), head.len());
        faults.push(Rule::Cells { cells, columns });
        return (None, faults);
    }
    match record.deserialize::<Row>(Some(head)) {
        Ok(row) => (Some(account(row, &mut faults)), faults),
        Err(why) => (None, vec![Rule::Broken(why.to_string())]),
    }
}

fn account(row: Row, faults: &mut Vec<Rule>) -> NewAccount {
    let realm = Realm::parse(&row.realm);
    if realm.is_none() {
        faults.push(Rule::Realm(row.realm.clone()));
    }
    let day = Some(row.date_naissance.as_str()).filter(|cell| !cell.is_empty());
    let birth_date = day.and_then(|cell| date(cell, faults));
    let posts = list(&row.affectations).map(post).collect();
    let delegations = list(&row.delegations)
        .filter_map(|cell| delegation(cell, faults))
        .collect();
    let words = |cell: &str| list(cell).map(str::to_owned).collect();
    let given = |cell: String| (!cell.is_empty()).then_some(cell);
    let person = Person {
        id: String::new(),
        realm: realm.unwrap_or(Realm::Partenaire),
        login: row.login.to_lowercase(),
        title: row.civilite,
        given_name: row.prenom,
        surname: row.nom,
        mail: given(row.mail),
        posts,
        delegations,
        groups: words(&row.groupes),
        roles: words(&row.roles),
        second_factor: given(row.otp).unwrap_or_else(|| "none".to_owned()),
    };
    let mut account = NewAccount {
        person,
        password: String::new(),
        numen: given(row.numen),
        birth_date,
        recovery: given(row.courriel_secours),
    };
    fit::tidy(&mut account);
    account
}

fn list(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('|')
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

fn date(cell: &str, faults: &mut Vec<Rule>) -> Option<NaiveDate> {
    let read = cell.parse().ok();
    if read.is_none() {
        faults.push(Rule::Date(cell.to_owned(), "YYYY-MM-DD"));
    }
    read
}

fn post(cell: &str) -> Post {
    let mut parts = cell.splitn(3, ':').map(|part| part.trim().to_owned());
    let mut part = || parts.next().unwrap_or_default();
    Post {
        function: part(),
        uai: part(),
        place: part(),
    }
}

fn delegation(cell: &str, faults: &mut Vec<Rule>) -> Option<Delegation> {
    let mut parts = cell.splitn(3, ':').map(str::trim);
    let mut part = || parts.next().unwrap_or_default();
    let application = part().to_owned();
    let (from, until) = (date(part(), faults), date(part(), faults));
    Some(Delegation {
        application,
        from: from?,
        until: until?,
    })
}

#[cfg(test)]
mod tests;
