//! What files tell, written as one: all of it is there afterwards, or nothing.
//!
//! One transaction holds it. Nobody's password is hashed in it at full cost: who comes gets a secret that
//! was drawn (by the pool), so that whoever else writes waits for seconds and not for hours.
//! Processes that serve are told once it is done.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use super::database::{Transaction, query};
use super::rows::{self, COLUMNS};
use super::{Sql, away, notices};
use crate::fonctions::Fonctions;
use crate::identifiers::Numen;
use crate::import::{Act, Checks, Entry, Known, Of, Record, Said, School, stem};
use crate::notices::{Notice, What};
use crate::rule::Rule;
use crate::sql::Kept;
use crate::{Fault, NewAccount, Person, Realm, fit};

/// How it is done.
pub struct Wanted {
    /// Whoever is there already and stands in a table keeps their password.
    pub keeps_passwords: bool,
    /// What functions there are.
    pub fonctions: Fonctions,
    /// Draws a first password: 64 random bits and more.
    pub draw: fn() -> Zeroizing<String>,
    /// The moment it is done at.
    pub now: DateTime<Utc>,
}

/// What a record came to.
pub enum Outcome {
    /// An account that was not there, or has another password now.
    Come {
        /// Whose.
        person: Box<Person>,
        /// Their first password, which is told once.
        password: Zeroizing<String>,
        /// Their class.
        class: Option<String>,
    },
    /// An account that is otherwise than before.
    Changed(Box<Person>),
    /// An account that is as before.
    Same,
    /// An account that is nobody's from now on.
    Gone,
    /// A school, or what no account has to do with.
    Noted,
    /// Nothing is kept of it.
    Refused(Vec<Rule>),
}

/// What is being taken in.
pub struct Arrivals {
    sql: Arc<Sql>,
    open: Transaction,
    wanted: Wanted,
    checks: Checks,
    schools: HashMap<String, School>,
    /// The number that comes next, for logins that are taken.
    numbers: HashMap<(Realm, String), u32>,
    told: Vec<Notice>,
}

/// An account as it stands.
struct Before {
    kept: Kept,
    numen: Option<String>,
    born: Option<String>,
    recovery: Option<String>,
}

impl Arrivals {
    pub(crate) async fn begin(sql: Arc<Sql>, wanted: Wanted) -> Result<Self, Fault> {
        let begin = sql.database.begin("arrivals");
        let mut open = begin.await.map_err(away)?;
        let rows = query("SELECT jointure, uai, name, kind FROM school")
            .fetch_all(&mut open)
            .await
            .map_err(away)?;
        let mut schools = HashMap::new();
        for row in rows {
            let school = School {
                uai: row.try_get(1).map_err(away)?,
                name: row.try_get(2).map_err(away)?,
                kind: row.try_get(3).map_err(away)?,
            };
            schools.insert(row.try_get(0).map_err(away)?, school);
        }
        Ok(Self {
            sql,
            open,
            wanted,
            checks: Checks::default(),
            schools,
            numbers: HashMap::new(),
            told: Vec::new(),
        })
    }

    /// Takes a record in, unless it breaks a rule.
    pub async fn take(&mut self, record: Record) -> Result<Outcome, Fault> {
        let mut faults = record.faults;
        match record.said {
            None => Ok(Outcome::Refused(faults)),
            Some(Said::Account {
                mut account,
                is_whole,
            }) => {
                fit::tidy(&mut account);
                faults.extend(self.checks.faults(&account, record.line));
                if !faults.is_empty() {
                    return Ok(Outcome::Refused(faults));
                }
                self.account(*account, is_whole).await
            }
            _ if !faults.is_empty() => Ok(Outcome::Refused(faults)),
            Some(Said::Nothing) => Ok(Outcome::Noted),
            Some(Said::Gone(realm, login)) => {
                let before = self.by("login", realm, &login).await?;
                self.gone(before, &login).await
            }
            Some(Said::Entry(entry)) => match entry.of {
                Of::School => self.school(&entry).await,
                Of::Person(realm) => self.entry(realm, &entry).await,
            },
        }
    }

    /// Keeps everything, and tells the processes that serve.
    pub async fn keep(self) -> Result<(), Fault> {
        self.open.commit().await.map_err(away)?;
        notices::tell(&self.sql.database, &self.told).await
    }

    async fn account(&mut self, mut account: NewAccount, is_whole: bool) -> Result<Outcome, Fault> {
        let (realm, login) = (account.person.realm, account.person.login.clone());
        let before = self.by("login", realm, &login).await?;
        let Some(before) = before else {
            return self.come(account, None, None).await;
        };
        if before.kept.origin.is_some() {
            return Ok(Outcome::Refused(vec![Rule::Elsewhere]));
        }
        if is_whole && !self.wanted.keeps_passwords {
            account.person.id.clone_from(&before.kept.person.id);
            return self.come(account, None, None).await;
        }
        if !is_whole {
            let (own, was) = (&mut account.person, &before.kept.person);
            if own.posts.is_empty() {
                own.posts.clone_from(&was.posts);
            }
            if own.groups.is_empty() {
                own.groups.clone_from(&was.groups);
            }
            own.delegations.clone_from(&was.delegations);
            own.roles.clone_from(&was.roles);
            own.second_factor.clone_from(&was.second_factor);
        }
        self.change(account, before).await
    }

    async fn entry(&mut self, realm: Realm, entry: &Entry) -> Result<Outcome, Fault> {
        let before = self.by("jointure", realm, &entry.key).await?;
        if entry.act == Act::Delete {
            return self.gone(before, &entry.key).await;
        }
        if entry.act == Act::Modify && before.is_none() {
            return Ok(Outcome::Refused(vec![Rule::Nobody(entry.key.clone())]));
        }
        let mut account = NewAccount {
            person: before
                .as_ref()
                .map_or_else(|| nobody(realm), |before| before.kept.person.clone()),
            password: String::new(),
            numen: None,
            birth_date: None,
            recovery: None,
        };
        let known = Known {
            schools: &self.schools,
            fonctions: &self.wanted.fonctions,
        };
        let mut faults = entry.lay_over(&mut account, &known);
        if before.is_none() {
            let stem = stem(&account.person);
            account.person.login = self.free(realm, stem).await?;
        }
        fit::tidy(&mut account);
        faults.extend(fit::faults(&account));
        if !faults.is_empty() {
            return Ok(Outcome::Refused(faults));
        }
        match before {
            Some(before) => self.change(account, before).await,
            None => self.come(account, Some(&entry.key), entry.class()).await,
        }
    }

    /// A login that nobody has.
    async fn free(&mut self, realm: Realm, stem: String) -> Result<String, Fault> {
        let mut number = self.numbers.get(&(realm, stem.clone())).copied();
        loop {
            let login = number.map_or_else(|| stem.clone(), |number| format!("{stem}{number}"));
            let next = number.unwrap_or(1) + 1;
            let taken = query("SELECT id FROM account WHERE realm = $1 AND login = $2")
                .bind(realm.as_str())
                .bind(login.as_str())
                .fetch_optional(&mut self.open)
                .await
                .map_err(away)?;
            self.numbers.insert((realm, stem.clone()), next);
            if taken.is_none() {
                return Ok(login);
            }
            number = Some(next);
        }
    }

    /// Whether another account has what is one person's.
    async fn is_taken(&mut self, account: &NewAccount) -> Result<bool, Fault> {
        let person = &account.person;
        if person.mail.is_none() && account.numen.is_none() {
            return Ok(false);
        }
        let numen = self.numen(account)?;
        let found = query(
            "SELECT id FROM account WHERE id <> $1 AND ((realm = $2 AND mail = $3) OR numen = $4)",
        )
        .bind(person.id.as_str())
        .bind(person.realm.as_str())
        .bind(person.mail.clone())
        .bind(numen)
        .fetch_optional(&mut self.open)
        .await
        .map_err(away)?;
        Ok(found.is_some())
    }

    fn numen(&self, account: &NewAccount) -> Result<Option<String>, Fault> {
        let numen = account.numen.as_deref().and_then(Numen::parse);
        numen.map(|numen| self.sql.keys.numen(&numen)).transpose()
    }

    /// An account with a first password; in place of the one with its id, where it has one.
    async fn come(
        &mut self,
        mut account: NewAccount,
        key: Option<&str>,
        class: Option<String>,
    ) -> Result<Outcome, Fault> {
        if self.is_taken(&account).await? {
            return Ok(Outcome::Refused(vec![Rule::Taken]));
        }
        if account.person.id.is_empty() {
            account.person.id = self.sql.fresh_id();
        } else {
            self.tell(&account.person, What::Password);
        }
        let password = (self.wanted.draw)();
        let hash = self.sql.pool.hash_drawn(&password)?;
        rows::write(&account, hash, &self.sql.keys)?
            .execute(&mut self.open)
            .await
            .map_err(away)?;
        query(
            "UPDATE account SET must_change = 1, jointure = COALESCE($2, jointure) WHERE id = $1",
        )
        .bind(account.person.id.as_str())
        .bind(key.map(str::to_owned))
        .execute(&mut self.open)
        .await
        .map_err(away)?;
        Ok(Outcome::Come {
            person: Box::new(account.person),
            password,
            class,
        })
    }

    /// An account that is there: what is said of it, and its password stays.
    async fn change(&mut self, account: NewAccount, before: Before) -> Result<Outcome, Fault> {
        let mut account = account;
        let was = &before.kept.person;
        account.person.id.clone_from(&was.id);
        let numen = self.numen(&account)?;
        let born = account.birth_date;
        let born = born.map(|born| self.sql.keys.birth_date(&was.id, born));
        let born = born.transpose()?;
        let is_as_before = account.person == *was
            && (numen.is_none() || numen == before.numen)
            && (born.is_none() || born == before.born)
            && (account.recovery.is_none() || before.recovery.is_some());
        if is_as_before {
            return Ok(Outcome::Same);
        }
        if self.is_taken(&account).await? {
            return Ok(Outcome::Refused(vec![Rule::Taken]));
        }
        rows::change(&account, (numen, born))?
            .execute(&mut self.open)
            .await
            .map_err(away)?;
        self.tell(&account.person, What::Changed);
        Ok(Outcome::Changed(Box::new(account.person)))
    }

    async fn gone(&mut self, before: Option<Before>, key: &str) -> Result<Outcome, Fault> {
        let Some(before) = before else {
            return Ok(Outcome::Refused(vec![Rule::Nobody(key.to_owned())]));
        };
        if !before.kept.enabled {
            return Ok(Outcome::Same);
        }
        let person = before.kept.person;
        query("UPDATE account SET enabled = 0 WHERE id = $1")
            .bind(person.id.as_str())
            .execute(&mut self.open)
            .await
            .map_err(away)?;
        self.tell(&person, What::Disabled);
        Ok(Outcome::Gone)
    }

    async fn school(&mut self, entry: &Entry) -> Result<Outcome, Fault> {
        let before = self.schools.get(&entry.key);
        match (entry.act, before) {
            (Act::Modify, None) => {
                return Ok(Outcome::Refused(vec![Rule::Structure(entry.key.clone())]));
            }
            // Who was there still has their account: files of people say where they are now.
            (Act::Delete, _) => return Ok(Outcome::Noted),
            _ => {}
        }
        let school = match entry.school(before) {
            Ok(school) => school,
            Err(rule) => return Ok(Outcome::Refused(vec![rule])),
        };
        query(
            "INSERT INTO school (jointure, uai, name, kind) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (jointure) DO UPDATE SET uai = $2, name = $3, kind = $4",
        )
        .bind(entry.key.as_str())
        .bind(school.uai.as_str())
        .bind(school.name.as_str())
        .bind(school.kind.as_str())
        .execute(&mut self.open)
        .await
        .map_err(away)?;
        self.schools.insert(entry.key.clone(), school);
        Ok(Outcome::Noted)
    }

    /// The account of that login, or of that name in the ministry's files.
    async fn by(
        &mut self,
        column: &'static str,
        realm: Realm,
        value: &str,
    ) -> Result<Option<Before>, Fault> {
        let text = format!(
            "SELECT {COLUMNS}, numen, birth_date, recovery FROM account WHERE realm = $1 AND {column} = $2"
        );
        let row = query(sqlx::AssertSqlSafe(text))
            .bind(realm.as_str())
            .bind(value)
            .fetch_optional(&mut self.open)
            .await
            .map_err(away)?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Before {
            kept: rows::read(&row)?,
            numen: row.try_get("numen").map_err(away)?,
            born: row.try_get("birth_date").map_err(away)?,
            recovery: row.try_get("recovery").map_err(away)?,
        }))
    }

    fn tell(&mut self, person: &Person, what: What) {
        self.told.push(Notice::of(person, what, self.wanted.now));
    }
}

fn nobody(realm: Realm) -> Person {
    Person {
        id: String::new(),
        realm,
        login: String::new(),
        title: String::new(),
        given_name: String::new(),
        surname: String::new(),
        mail: None,
        posts: Vec::new(),
        delegations: Vec::new(),
        groups: Vec::new(),
        roles: Vec::new(),
        second_factor: "none".to_owned(),
    }
}
