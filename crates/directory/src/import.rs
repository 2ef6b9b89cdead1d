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

use std::collections::HashMap;

use chrono::NaiveDate;
use csv::{ReaderBuilder, StringRecord, Trim};
use serde::Deserialize;

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
    // Spreadsheets put a byte order mark before UTF-8.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let head = text.lines().next().unwrap_or_default();
    let by_semicolon = head.contains(';') && !head.contains(',');
    let mut reader = ReaderBuilder::new()
        .delimiter(if by_semicolon { b';' } else { b',' })
        .trim(Trim::All)
        .flexible(true)
        .from_reader(text.as_bytes());
    let head = reader.headers().map_err(|why| vec![why.to_string()])?;
    let head = head.clone();
    columns(&head)?;
    let mut lines = Lines {
        text,
        at: 0,
        line: 1,
    };
    let mut found = Found::default();
    for record in reader.records() {
        match record {
            Ok(record) => {
                let line = lines.of(record.position());
                let account = read(&record, &head, password);
                found.add(account, line);
            }
            Err(why) => {
                let line = lines.of(why.position());
                found.faults.push(format!("line {line}: {why}"));
            }
        }
    }
    if found.faults.is_empty() {
        Ok(found.accounts)
    } else {
        Err(found.faults)
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
fn columns(head: &StringRecord) -> Result<(), Vec<String>> {
    let mut faults = Vec::new();
    for name in COLUMNS {
        let times = head.iter().filter(|column| *column == name).count();
        if times != 1 {
            faults.push(format!("line 1: column {name} stands {times} times"));
        }
    }
    let unknown = head
        .iter()
        .filter(|column| !COLUMNS.contains(column) && ![SEED, RECOVERY].contains(column));
    faults.extend(unknown.map(|column| format!("line 1: {column:?} is no column")));
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// The line each record begins on, asked in their order: the reader's own place is before the empty
/// lines it skips.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn of(&mut self, place: Option<&csv::Position>) -> usize {
        let to = place.map_or(self.at, |place| {
            usize::try_from(place.byte()).unwrap_or(self.at)
        });
        let passed = self.text.get(self.at..to).unwrap_or_default();
        self.line += passed.matches('\n').count();
        self.at = to.max(self.at);
        let rest = self.text.get(self.at..).unwrap_or_default();
        let begun = rest.trim_start_matches(['\r', '\n']);
        let skipped = rest.strip_suffix(begun).unwrap_or_default();
        self.line + skipped.matches('\n').count()
    }
}

#[derive(Default)]
struct Found {
    accounts: Vec<NewAccount>,
    faults: Vec<String>,
    /// What only one account may have, and the line it was first seen on.
    taken: HashMap<(&'static str, Realm, String), usize>,
}

impl Found {
    fn add(&mut self, (account, mut faults): (Option<NewAccount>, Vec<String>), line: usize) {
        if let Some(account) = account {
            self.alone(&account, line, &mut faults);
            self.accounts.push(account);
        }
        let placed = faults.iter().map(|fault| format!("line {line}: {fault}"));
        self.faults.extend(placed);
    }

    /// Logins and mail addresses are one person's in a realm, a NUMEN one person's anywhere.
    fn alone(&mut self, account: &NewAccount, line: usize, faults: &mut Vec<String>) {
        let person = &account.person;
        let single = [
            ("login", person.realm, Some(&person.login)),
            ("mail", person.realm, person.mail.as_ref()),
            ("NUMEN", Realm::Personnel, account.numen.as_ref()),
        ];
        for (what, realm, value) in single {
            let Some(value) = value else { continue };
            let first = self.taken.entry((what, realm, value.clone()));
            let first = *first.or_insert(line);
            if first != line {
                faults.push(format!("this {what} stands on line {first} already"));
            }
        }
    }
}

/// One line: its account, as far as it can be read, and everything that is wrong with it.
fn read(
    record: &StringRecord,
    head: &StringRecord,
    password: &str,
) -> (Option<NewAccount>, Vec<String>) {
    let mut faults = Vec::new();
    if record.len() != head.len() {
        let (cells, columns) = (record.len(), head.len());
        faults.push(format!("{cells} cells under {columns} columns"));
        return (None, faults);
    }
    match record.deserialize::<Row>(Some(head)) {
        Ok(row) => (Some(account(row, password, &mut faults)), faults),
        Err(why) => (None, vec![why.to_string()]),
    }
}

fn account(row: Row, password: &str, faults: &mut Vec<String>) -> NewAccount {
    let realm = Realm::parse(&row.realm);
    if realm.is_none() {
        faults.push(format!("{:?} is not a realm", row.realm));
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
        password: password.to_owned(),
        numen: given(row.numen),
        birth_date,
        recovery: given(row.courriel_secours),
    };
    fit::tidy(&mut account);
    faults.extend(fit::faults(&account));
    account
}

fn list(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('|')
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

fn date(cell: &str, faults: &mut Vec<String>) -> Option<NaiveDate> {
    let read = cell.parse().ok();
    if read.is_none() {
        faults.push(format!("{cell:?} is not a date (YYYY-MM-DD)"));
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

fn delegation(cell: &str, faults: &mut Vec<String>) -> Option<Delegation> {
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
