//! Accounts from a CSV file. Every fault of the file is told at once, with its line.
//!
//! Columns, by name: `realm`, `login`, `civilite`, `prenom`, `nom`, `mail`, `numen`,
//! `date_naissance` (YYYY-MM-DD), `affectations` (`function:UAI:place`, several by `|`),
//! `delegations` (`application:from:until`, several by `|`), `groupes` and `roles` (several by `|`),
//! `otp` (`none`, `external`, `always`). Empty cells are allowed except for realm, login, prenom
//! and nom. Passwords are no column: one is given for the whole file, to be changed at first use.

use chrono::NaiveDate;
use serde::Deserialize;

use crate::identifiers::{Numen, Uai};
use crate::{Delegation, NewAccount, Person, Post, Realm};

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
}

/// Reads the file's text; every account gets `password`.
pub fn read_csv(text: &str, password: &str) -> Result<Vec<NewAccount>, Vec<String>> {
    let mut accounts = Vec::new();
    let mut faults = Vec::new();
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    for (number, row) in reader.deserialize::<Row>().enumerate() {
        let line = number + 2;
        match row {
            Err(why) => faults.push(format!("line {line}: {why}")),
            Ok(row) => match account(row, password) {
                Ok(account) => accounts.push(account),
                Err(found) => faults.extend(found.into_iter().map(|f| format!("line {line}: {f}"))),
            },
        }
    }
    if faults.is_empty() {
        Ok(accounts)
    } else {
        Err(faults)
    }
}

fn account(row: Row, password: &str) -> Result<NewAccount, Vec<String>> {
    let mut faults = Vec::new();
    let realm = Realm::parse(&row.realm);
    if realm.is_none() {
        faults.push(format!("{:?} is not a realm", row.realm));
    }
    for (name, cell) in [
        ("login", &row.login),
        ("prenom", &row.prenom),
        ("nom", &row.nom),
    ] {
        if cell.is_empty() {
            faults.push(format!("{name} is empty"));
        }
    }
    if !row.numen.is_empty() && Numen::parse(&row.numen).is_none() {
        faults.push("the NUMEN is not of the form 09X1234567XYZ".to_owned());
    }
    let birth_date =
        (!row.date_naissance.is_empty()).then(|| date(&row.date_naissance, &mut faults));
    let posts = list(&row.affectations)
        .map(|cell| post(cell, &mut faults))
        .collect();
    let delegations = list(&row.delegations)
        .map(|cell| delegation(cell, &mut faults))
        .collect();
    let words = |cell: &str| list(cell).map(str::to_owned).collect();
    let person = Person {
        id: String::new(),
        realm: realm.unwrap_or(Realm::Partenaire),
        login: row.login.to_lowercase(),
        title: row.civilite,
        given_name: row.prenom,
        surname: row.nom,
        mail: (!row.mail.is_empty()).then_some(row.mail),
        posts,
        delegations,
        groups: words(&row.groupes),
        roles: words(&row.roles),
        second_factor: if row.otp.is_empty() {
            "none".to_owned()
        } else {
            row.otp
        },
    };
    if !faults.is_empty() {
        return Err(faults);
    }
    let numen = (!row.numen.is_empty()).then_some(row.numen);
    Ok(NewAccount {
        person,
        password: password.to_owned(),
        numen,
        birth_date: birth_date.flatten(),
    })
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

fn post(cell: &str, faults: &mut Vec<String>) -> Post {
    let mut parts = cell.splitn(3, ':').map(|part| part.trim().to_owned());
    let mut part = || parts.next().unwrap_or_default();
    let (function, uai, place) = (part(), part(), part());
    if Uai::parse(&uai).is_none() {
        faults.push(format!("{uai:?} is not a UAI"));
    }
    Post {
        function,
        uai,
        place,
    }
}

fn delegation(cell: &str, faults: &mut Vec<String>) -> Delegation {
    let mut parts = cell.splitn(3, ':');
    let application = parts.next().unwrap_or_default().trim().to_owned();
    let mut day = || date(parts.next().unwrap_or_default().trim(), faults).unwrap_or_default();
    let (from, until) = (day(), day());
    Delegation {
        application,
        from,
        until,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEMO: &str = include_str!("../../../config/demo/accounts.csv");

    #[test]
    fn the_demo_accounts_are_whole_and_fictitious() {
        let accounts =
            read_csv(DEMO, "Kq7-vTz4-mWx9").unwrap_or_else(|faults| panic!("{faults:#?}"));
        let logins: Vec<&str> = accounts.iter().map(|a| a.person.login.as_str()).collect();
        assert_eq!(
            logins,
            [
                "amartin",
                "bleroy",
                "cdupont",
                "dmoreau",
                "epetit",
                "operateur",
                "jeanne.b",
                "f.bernard",
                "mairie.lille"
            ]
        );
        assert_eq!(accounts[2].person.posts.len(), 2, "two establishments");
        for account in &accounts {
            assert!(
                account
                    .person
                    .mail
                    .as_deref()
                    .is_none_or(|m| m.ends_with("@ac-demo.example"))
            );
            assert!(
                account
                    .numen
                    .as_deref()
                    .is_none_or(|n| n.starts_with("09X"))
            );
        }
    }

    #[test]
    fn every_fault_is_told_with_its_line() {
        let head = DEMO.lines().next().unwrap();
        let text = format!(
            "{head}\nnobody,a,,P,N,,bad,1999-13-01,f:0590121A:x,app:2026-01-01,,,\npersonnel,,,,,,,,,,,,\nshort\n"
        );
        let faults = read_csv(&text, "x").err().unwrap();
        assert!(faults.len() >= 8, "{faults:#?}");
        for line in ["line 2:", "line 3:", "line 4:"] {
            assert!(
                faults.iter().any(|fault| fault.starts_with(line)),
                "{line} {faults:#?}"
            );
        }
    }
}
