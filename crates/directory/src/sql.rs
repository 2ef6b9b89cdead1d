//! Accounts in a SQL database: what is asked of it, whichever it is.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::hashing::Pool;
use crate::rule::joined;
use crate::{
    Accounts, Attempt, Connections, Dice, Directory, DirectoryKeys, Fault, Hashing, NewAccount,
    Passwords, Person, Realm, fit,
};

mod agreements;
mod arrivals;
mod database;
mod factors;
mod history;
mod migrations;
mod mirror;
mod notices;
mod passkeys;
mod places;
mod postgres;
mod recovery;
mod releases;
mod rows;
mod sqlite;
mod tokens;

use database::{Database, query};
use rows::COLUMNS;

pub(crate) use mirror::Seen;
pub(crate) use rows::Kept;

pub use arrivals::{Arrivals, Outcome, Wanted};
pub use postgres::{Server, postgres};
pub use sqlite::{copy_sqlite, sqlite};

/// Longest login or mail that is looked up.
pub(crate) const LONGEST_LOGIN: usize = 254;

/// Every capability of a database that is open, brought to this release.
async fn directory(
    database: Database,
    keys: DirectoryKeys,
    hashing: Hashing,
    dice: Dice,
) -> Result<Directory, Fault> {
    let directory = Arc::new(prepare(database, keys, hashing, dice).await?);
    let database = || directory.database.clone();
    let keys = || (directory.keys.clone(), Arc::clone(&directory.dice));
    let factors = Arc::new(factors::Kept::of(database(), keys()));
    Ok(Directory {
        accounts: Arc::<Sql>::clone(&directory),
        notices: Arc::new(notices::Told::of(database())),
        releases: Arc::new(releases::Past::of(database())),
        recovery: Arc::new(recovery::Codes::of(database(), keys())),
        passkeys: Arc::<factors::Kept>::clone(&factors),
        tokens: Arc::<factors::Kept>::clone(&factors),
        places: Arc::new(places::Marks::of(database(), directory.keys.clone())),
        factors,
        history: Arc::new(history::Lines::of(database())),
        agreements: Arc::new(agreements::Archive::of(database())),
        passwords: Arc::<Sql>::clone(&directory),
        own: directory,
    })
}

async fn prepare(
    database: Database,
    keys: DirectoryKeys,
    hashing: Hashing,
    dice: Dice,
) -> Result<Sql, Fault> {
    // One that was away at start is brought forward when it is there.
    if !matches!(database, Database::Postgres(_, Some(_))) {
        migrations::apply(&database).await?;
    }
    let pool = Pool::new(hashing, Arc::clone(&dice))?;
    Ok(Sql {
        database,
        pool,
        keys,
        dice,
    })
}

fn away(why: sqlx::Error) -> Fault {
    Fault::Away(why.to_string())
}

/// As it is looked up: typed in any case, with spaces around it.
pub(crate) fn typed(login: &str) -> String {
    login.trim().to_lowercase()
}

/// 130 bits in base32: 26 characters that never differ by case only.
fn fresh_id(dice: &Dice) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = [0; 26];
    dice(&mut bytes);
    bytes
        .iter()
        .filter_map(|byte| ALPHABET.get(usize::from(byte % 32)))
        .map(|letter| char::from(*letter))
        .collect()
}

pub(crate) struct Sql {
    database: Database,
    pool: Arc<Pool>,
    keys: DirectoryKeys,
    dice: Dice,
}

impl Sql {
    async fn one(&self, condition: &str, arguments: &[&str]) -> Result<Option<Kept>, Fault> {
        let text = format!("SELECT {COLUMNS} FROM account WHERE {condition}");
        let mut query = query(sqlx::AssertSqlSafe(text));
        for argument in arguments {
            query = query.bind((*argument).to_owned());
        }
        let row = query.fetch_optional(&self.database).await.map_err(away)?;
        row.as_ref().map(rows::read).transpose()
    }

    /// By login, or by professional mail where the text holds an @: no login does.
    pub(crate) async fn by_login(&self, realm: Realm, login: &str) -> Result<Option<Kept>, Fault> {
        if login.len() > LONGEST_LOGIN {
            return Ok(None);
        }
        let login = typed(login);
        let condition = if login.contains('@') {
            "realm = $1 AND mail = $2"
        } else {
            "realm = $1 AND login = $2"
        };
        self.one(condition, &[realm.as_str(), &login]).await
    }

    fn fresh_id(&self) -> String {
        fresh_id(&self.dice)
    }

    /// A password, and whether its person is to change it: both in one step.
    async fn put_password(
        &self,
        (realm, login): (Realm, &str),
        password: &str,
        must_change: bool,
    ) -> Result<bool, Fault> {
        if let Some(reason) = fit::password(password) {
            return Err(Fault::Unfit {
                login: typed(login),
                reason,
            });
        }
        let hash = self.pool.hash(password).await?;
        let done = query(
            "UPDATE account SET password = $3, must_change = $4 WHERE realm = $1 AND login = $2",
        )
        .bind(realm.as_str())
        .bind(typed(login))
        .bind(hash)
        .bind(i64::from(must_change))
        .execute(&self.database)
        .await
        .map_err(away)?;
        Ok(done == 1)
    }

    /// After a login with a hash of other parameters. A password that was changed meanwhile stays,
    /// and a directory that is busy keeps nobody out: the next login tries again.
    async fn renew(&self, kept: &Kept, password: &str) {
        let Ok(hash) = self.pool.hash(password).await else {
            return;
        };
        query("UPDATE account SET password = $3 WHERE id = $1 AND password = $2")
            .bind(kept.person.id.clone())
            .bind(kept.password.clone())
            .bind(hash)
            .execute(&self.database)
            .await
            .ok();
    }
}

#[async_trait::async_trait]
impl Accounts for Sql {
    async fn find(&self, realm: Realm, login: &str) -> Result<Option<Person>, Fault> {
        let found = self.by_login(realm, login).await?;
        Ok(found.filter(|kept| kept.enabled).map(|kept| kept.person))
    }

    async fn person(&self, id: &str) -> Result<Option<Person>, Fault> {
        let found = self.one("id = $1", &[id]).await?;
        Ok(found.filter(|kept| kept.enabled).map(|kept| kept.person))
    }

    async fn list(&self, realm: Realm) -> Result<Vec<Person>, Fault> {
        let text = format!("SELECT {COLUMNS} FROM account WHERE realm = $1 ORDER BY login");
        let rows = query(sqlx::AssertSqlSafe(text))
            .bind(realm.as_str())
            .fetch_all(&self.database)
            .await
            .map_err(away)?;
        rows.iter()
            .map(|row| rows::read(row).map(|kept| kept.person))
            .collect()
    }

    async fn search(
        &self,
        text: &str,
        uais: Option<&[String]>,
        most: usize,
    ) -> Result<Vec<Person>, Fault> {
        let words: Vec<String> = text.split_whitespace().map(crate::fold::fold).collect();
        let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        // Accents are nothing to the database: the rows are light, and looked at here.
        let rows = query(
            "SELECT id, login || ' ' || given_name || ' ' || surname || ' ' || coalesce(mail, ''), \
             posts FROM account WHERE enabled = 1 ORDER BY surname, given_name, login",
        )
        .fetch_all(&self.database)
        .await
        .map_err(away)?;
        let mut found = Vec::new();
        for row in rows {
            let (names, posts): (String, String) =
                (row.try_get(1).map_err(away)?, row.try_get(2).map_err(away)?);
            let within = uais.is_none_or(|uais| {
                let mut uais = uais.iter();
                uais.any(|uai| posts.contains(&format!("\"uai\":\"{uai}\"")))
            });
            let names = crate::fold::fold(&names);
            if within && words.iter().all(|word| names.contains(word.as_str())) {
                let id: String = row.try_get(0).map_err(away)?;
                found.extend(self.person(&id).await?);
            }
            if found.len() >= most {
                break;
            }
        }
        Ok(found)
    }

    async fn keep(&self, mut account: NewAccount) -> Result<Person, Fault> {
        fit::tidy(&mut account);
        let unfit = |login: &str, reason: String| Fault::Unfit {
            login: login.to_owned(),
            reason,
        };
        let faults = fit::faults(&account);
        let told = (!faults.is_empty()).then(|| joined(&faults));
        if let Some(reason) = told.or_else(|| fit::password(&account.password)) {
            return Err(unfit(&account.person.login, reason));
        }
        let password = self.pool.hash(&account.password).await?;
        // Of two processes that keep the same account, the second one finds the first one's id.
        let begin = self.database.begin(&account.person.login);
        let mut transaction = begin.await.map_err(away)?;
        let before = query("SELECT id FROM account WHERE realm = $1 AND login = $2")
            .bind(account.person.realm.as_str())
            .bind(account.person.login.clone())
            .fetch_optional(&mut transaction)
            .await
            .map_err(away)?;
        account.person.id = match before {
            Some(row) => row.try_get(0).map_err(away)?,
            None => self.fresh_id(),
        };
        let written = rows::write(&account, password, &self.keys)?
            .execute(&mut transaction)
            .await;
        written.map_err(|why| match why {
            sqlx::Error::Database(fault) if fault.is_unique_violation() => unfit(
                &account.person.login,
                "another account has this mail or NUMEN".to_owned(),
            ),
            why => away(why),
        })?;
        transaction.commit().await.map_err(away)?;
        Ok(account.person)
    }

    async fn enabled(&self, realm: Realm, login: &str) -> Result<Option<bool>, Fault> {
        let found = self.by_login(realm, login).await?;
        Ok(found.map(|kept| kept.enabled))
    }

    async fn place(&self, person: &Person) -> Result<bool, Fault> {
        let mut person = person.clone();
        fit::tidy_posts(&mut person);
        let faults = fit::placed(&person);
        if !faults.is_empty() {
            return Err(Fault::Unfit {
                login: person.login,
                reason: joined(&faults),
            });
        }
        let done = rows::place(&person)?.execute(&self.database).await;
        Ok(done.map_err(away)? == 1)
    }

    async fn set_enabled(&self, realm: Realm, login: &str, enabled: bool) -> Result<bool, Fault> {
        let done = query("UPDATE account SET enabled = $3 WHERE realm = $1 AND login = $2")
            .bind(realm.as_str())
            .bind(typed(login))
            .bind(i64::from(enabled))
            .execute(&self.database)
            .await
            .map_err(away)?;
        Ok(done == 1)
    }

    fn connections(&self) -> Connections {
        let (open, busy) = self.database.connections();
        Connections { open, busy }
    }

    async fn ready(&self) -> Result<(), Fault> {
        query("SELECT 1 FROM account LIMIT 1")
            .fetch_optional(&self.database)
            .await
            .map_err(away)?;
        Ok(())
    }
}

#[async_trait::async_trait]
impl Passwords for Sql {
    fn waiting(&self) -> usize {
        self.pool.waiting()
    }

    async fn verify(&self, realm: Realm, login: &str, password: &str) -> Result<Attempt, Fault> {
        let kept = self.by_login(realm, login).await?;
        let phc = kept.as_ref().map(|kept| kept.password.clone());
        let verdict = self.pool.verify(password, phc).await?;
        let Some(kept) = kept.filter(|_| verdict.right) else {
            return Ok(Attempt::Refused);
        };
        if !kept.enabled {
            return Ok(Attempt::Disabled);
        }
        if verdict.stale {
            self.renew(&kept, password).await;
        }
        Ok(Attempt::Welcome(Box::new(kept.person)))
    }

    async fn set(&self, realm: Realm, login: &str, password: &str) -> Result<bool, Fault> {
        self.put_password((realm, login), password, false).await
    }

    async fn give(&self, realm: Realm, login: &str, password: &str) -> Result<bool, Fault> {
        self.put_password((realm, login), password, true).await
    }

    async fn ask_for_change(&self, person: &str) -> Result<(), Fault> {
        query("UPDATE account SET must_change = 1 WHERE id = $1")
            .bind(person.to_owned())
            .execute(&self.database)
            .await
            .map(drop)
            .map_err(away)
    }

    async fn must_change(&self, person: &str) -> Result<bool, Fault> {
        let row = query("SELECT must_change FROM account WHERE id = $1")
            .bind(person.to_owned())
            .fetch_optional(&self.database)
            .await
            .map_err(away)?;
        let row = row.map(|row| row.try_get::<i64, _>(0).map_err(away));
        Ok(row.transpose()?.is_some_and(|must| must != 0))
    }

    async fn is_past(&self, person: &str, password: &str, many: usize) -> Result<bool, Fault> {
        if many == 0 {
            return Ok(false);
        }
        let rows = query(
            "SELECT password FROM account WHERE id = $1 UNION ALL SELECT password FROM \
             (SELECT password FROM past_password WHERE person = $1 ORDER BY until DESC LIMIT $2) \
             AS past",
        )
        .bind(person.to_owned())
        .bind(i64::try_from(many).unwrap_or(i64::MAX) - 1)
        .fetch_all(&self.database)
        .await
        .map_err(away)?;
        for row in rows {
            let hash: String = row.try_get(0).map_err(away)?;
            if self.pool.verify(password, Some(hash)).await?.right {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn remember(&self, person: &str, many: usize, now: DateTime<Utc>) -> Result<(), Fault> {
        let mut transaction = self.database.begin(person).await.map_err(away)?;
        query(
            "INSERT INTO past_password (person, password, until) \
             SELECT id, password, $2 FROM account WHERE id = $1 \
             ON CONFLICT (person, password) DO UPDATE SET until = excluded.until",
        )
        .bind(person.to_owned())
        .bind(now.timestamp())
        .execute(&mut transaction)
        .await
        .map_err(away)?;
        // One at least: it tells when.
        query(
            "DELETE FROM past_password WHERE person = $1 AND password NOT IN (SELECT password FROM \
             past_password WHERE person = $1 ORDER BY until DESC LIMIT $2)",
        )
        .bind(person.to_owned())
        .bind((i64::try_from(many).unwrap_or(i64::MAX) - 1).max(1))
        .execute(&mut transaction)
        .await
        .map_err(away)?;
        transaction.commit().await.map_err(away)
    }

    async fn last_changed(&self, person: &str) -> Result<Option<DateTime<Utc>>, Fault> {
        let row = query("SELECT max(until) FROM past_password WHERE person = $1")
            .bind(person.to_owned())
            .fetch_one(&self.database)
            .await
            .map_err(away)?;
        let last: Option<i64> = row.try_get(0).map_err(away)?;
        Ok(last.and_then(|last| DateTime::from_timestamp(last, 0)))
    }
}

#[cfg(test)]
mod tests;
