//! A directory in one SQLite file; several processes may share it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;
use sqlx::Row;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};

use crate::hashing::Pool;
use crate::identifiers::{Numen, Uai};
use crate::{
    Accounts, Attempt, Dice, Directory, DirectoryKeys, Fault, Hashing, NewAccount, Passwords,
    Person, Realm,
};

/// Forward only: a migration that was released is never changed.
const MIGRATIONS: [&str; 1] = [include_str!("../migrations/0001_accounts.sql")];
const COLUMNS: &str = "id, realm, login, mail, title, given_name, surname, posts, delegations, \
                       groups, roles, second_factor, enabled, password";

/// Opens a directory in an SQLite file (created and migrated when needed); several processes may.
pub async fn sqlite(
    path: &Path,
    keys: DirectoryKeys,
    hashing: Hashing,
    dice: Dice,
) -> Result<Directory, Fault> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|why| Fault::Away(format!("{}: {why}", folder.display())))?;
    }
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // Accounts change rarely and must outlive a power cut.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5));
    let database = SqlitePoolOptions::new()
        .max_connections(4)
        .acquire_timeout(Duration::from_secs(3))
        .connect_with(options)
        .await
        .map_err(away)?;
    migrate(&database).await?;
    let pool = Pool::new(hashing, Arc::clone(&dice))?;
    let directory = Arc::new(Sqlite {
        database,
        pool,
        keys,
        dice,
    });
    let accounts = Arc::<Sqlite>::clone(&directory);
    Ok(Directory {
        accounts,
        passwords: directory,
    })
}

fn away(why: sqlx::Error) -> Fault {
    Fault::Away(why.to_string())
}

async fn migrate(database: &SqlitePool) -> Result<(), Fault> {
    // An immediate transaction: of two processes that start at once, one waits for the other.
    let mut transaction = database.begin_with("BEGIN IMMEDIATE").await.map_err(away)?;
    let row = sqlx::query("PRAGMA user_version")
        .fetch_one(&mut *transaction)
        .await
        .map_err(away)?;
    let version = usize::try_from(row.get::<i64, _>(0)).unwrap_or(0);
    if version > MIGRATIONS.len() {
        return Err(Fault::Away(format!(
            "the database is of a later release (version {version})"
        )));
    }
    for migration in MIGRATIONS.iter().skip(version) {
        sqlx::raw_sql(*migration)
            .execute(&mut *transaction)
            .await
            .map_err(away)?;
    }
    if version < MIGRATIONS.len() {
        let set = format!("PRAGMA user_version = {}", MIGRATIONS.len());
        sqlx::raw_sql(sqlx::AssertSqlSafe(set))
            .execute(&mut *transaction)
            .await
            .map_err(away)?;
    }
    transaction.commit().await.map_err(away)
}

struct Sqlite {
    database: SqlitePool,
    pool: Arc<Pool>,
    keys: DirectoryKeys,
    dice: Dice,
}

/// A row, with what is never part of a [`Person`].
struct Kept {
    person: Person,
    enabled: bool,
    password: String,
}

impl Sqlite {
    async fn one(&self, condition: &str, arguments: [&str; 2]) -> Result<Option<Kept>, Fault> {
        let query = format!("SELECT {COLUMNS} FROM account WHERE {condition}");
        let [first, second] = arguments;
        let row = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(first)
            .bind(second)
            .fetch_optional(&self.database)
            .await
            .map_err(away)?;
        row.as_ref().map(read).transpose()
    }

    /// By login, or by professional mail where the text holds an @.
    async fn by_login(&self, realm: Realm, login: &str) -> Result<Option<Kept>, Fault> {
        let login = login.trim().to_lowercase();
        let condition = if login.contains('@') {
            "realm = ?1 AND mail = ?2"
        } else {
            "realm = ?1 AND login = ?2"
        };
        self.one(condition, [realm.as_str(), &login]).await
    }

    /// What is kept of a NUMEN or a birth date: nobody without the key can go back (DOMAIN 1.7).
    fn sealed(&self, what: &str, text: &str) -> Result<String, Fault> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.keys.numen)
            .map_err(|why| Fault::Away(why.to_string()))?;
        mac.update(what.as_bytes());
        mac.update(text.as_bytes());
        Ok(hex(&mac.finalize().into_bytes()))
    }

    /// 128 bits in base32 without padding: 26 characters that never differ by case only.
    fn fresh_id(&self) -> String {
        const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let mut bytes = [0; 26];
        (self.dice)(&mut bytes);
        bytes
            .iter()
            .map(|byte| {
                char::from(
                    ALPHABET
                        .get(usize::from(byte % 32))
                        .copied()
                        .unwrap_or(b'a'),
                )
            })
            .collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(row: &SqliteRow) -> Result<Kept, Fault> {
    let text = |column: &str| row.try_get::<String, _>(column).map_err(away);
    let realm = text("realm")?;
    let realm =
        Realm::parse(&realm).ok_or_else(|| Fault::Away(format!("unknown realm {realm}")))?;
    let person = Person {
        id: text("id")?,
        realm,
        login: text("login")?,
        title: text("title")?,
        given_name: text("given_name")?,
        surname: text("surname")?,
        mail: row.try_get("mail").map_err(away)?,
        posts: from_json(&text("posts")?)?,
        delegations: from_json(&text("delegations")?)?,
        groups: from_json(&text("groups")?)?,
        roles: from_json(&text("roles")?)?,
        second_factor: text("second_factor")?,
    };
    let enabled = row.try_get::<i64, _>("enabled").map_err(away)? != 0;
    Ok(Kept {
        person,
        enabled,
        password: text("password")?,
    })
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text)
        .map_err(|why| Fault::Away(format!("an account cannot be read: {why}")))
}

fn to_json<T: Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value)
        .map_err(|why| Fault::Away(format!("an account cannot be written: {why}")))
}

/// What no account may be kept with.
fn check(account: &NewAccount) -> Result<(), Fault> {
    let person = &account.person;
    let unfit = |reason: String| {
        Err(Fault::Unfit {
            login: person.login.clone(),
            reason,
        })
    };
    let login_fits = !person.login.is_empty()
        && person.login.len() <= 64
        && person
            .login
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c));
    if !login_fits {
        return unfit("a login is 1 to 64 of a-z, 0-9, - . _".to_owned());
    }
    if let Some(post) = person
        .posts
        .iter()
        .find(|post| Uai::parse(&post.uai).is_none())
    {
        return unfit(format!("{} is not a UAI", post.uai));
    }
    if account
        .numen
        .as_deref()
        .is_some_and(|numen| Numen::parse(numen).is_none())
    {
        return unfit("the NUMEN is not of the form 09X1234567XYZ".to_owned());
    }
    if !matches!(
        person.second_factor.as_str(),
        "none" | "external" | "always"
    ) {
        return unfit("second_factor is none, external or always".to_owned());
    }
    if account.password.is_empty() || account.password.len() > crate::hashing::LONGEST {
        return unfit("a password is 1 to 1024 bytes".to_owned());
    }
    Ok(())
}

#[async_trait::async_trait]
impl Accounts for Sqlite {
    async fn find(&self, realm: Realm, login: &str) -> Result<Option<Person>, Fault> {
        let found = self.by_login(realm, login).await?;
        Ok(found.filter(|kept| kept.enabled).map(|kept| kept.person))
    }

    async fn person(&self, id: &str) -> Result<Option<Person>, Fault> {
        let found = self.one("id = ?1 AND ?2 = ''", [id, ""]).await?;
        Ok(found.filter(|kept| kept.enabled).map(|kept| kept.person))
    }

    async fn list(&self, realm: Realm) -> Result<Vec<Person>, Fault> {
        let query = format!("SELECT {COLUMNS} FROM account WHERE realm = ?1 ORDER BY login");
        let rows = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(realm.as_str())
            .fetch_all(&self.database)
            .await
            .map_err(away)?;
        rows.iter()
            .map(|row| read(row).map(|kept| kept.person))
            .collect()
    }

    async fn keep(&self, account: NewAccount) -> Result<Person, Fault> {
        check(&account)?;
        let password = self.pool.hash(&account.password).await?;
        let numen = account
            .numen
            .as_deref()
            .map(|numen| self.sealed("numen", numen.trim()))
            .transpose()?;
        let born = account
            .birth_date
            .map(|date| self.sealed("birth", &date.to_string()))
            .transpose()?;
        let mut person = account.person;
        let before = self.by_login(person.realm, &person.login).await?;
        person.id = before.map_or_else(|| self.fresh_id(), |kept| kept.person.id);
        person.mail = person.mail.map(|mail| mail.to_lowercase());
        sqlx::query(
            "INSERT INTO account (id, realm, login, mail, title, given_name, surname, posts, \
             delegations, groups, roles, second_factor, enabled, password, numen, birth_date) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 1, ?13, ?14, ?15) \
             ON CONFLICT (realm, login) DO UPDATE SET mail = ?4, title = ?5, given_name = ?6, \
             surname = ?7, posts = ?8, delegations = ?9, groups = ?10, roles = ?11, \
             second_factor = ?12, enabled = 1, password = ?13, numen = ?14, birth_date = ?15",
        )
        .bind(&person.id)
        .bind(person.realm.as_str())
        .bind(&person.login)
        .bind(&person.mail)
        .bind(&person.title)
        .bind(&person.given_name)
        .bind(&person.surname)
        .bind(to_json(&person.posts)?)
        .bind(to_json(&person.delegations)?)
        .bind(to_json(&person.groups)?)
        .bind(to_json(&person.roles)?)
        .bind(&person.second_factor)
        .bind(password)
        .bind(numen)
        .bind(born)
        .execute(&self.database)
        .await
        .map_err(|why| match why {
            sqlx::Error::Database(ref fault) if fault.is_unique_violation() => Fault::Unfit {
                login: person.login.clone(),
                reason: "another account has this mail or NUMEN".to_owned(),
            },
            why => away(why),
        })?;
        Ok(person)
    }

    async fn set_enabled(&self, realm: Realm, login: &str, enabled: bool) -> Result<bool, Fault> {
        let done = sqlx::query("UPDATE account SET enabled = ?3 WHERE realm = ?1 AND login = ?2")
            .bind(realm.as_str())
            .bind(login.trim().to_lowercase())
            .bind(i64::from(enabled))
            .execute(&self.database)
            .await
            .map_err(away)?;
        Ok(done.rows_affected() == 1)
    }

    async fn ready(&self) -> Result<(), Fault> {
        sqlx::query("SELECT 1 FROM account LIMIT 1")
            .fetch_optional(&self.database)
            .await
            .map_err(away)?;
        Ok(())
    }
}

#[async_trait::async_trait]
impl Passwords for Sqlite {
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
            self.set(realm, &kept.person.login, password).await?;
        }
        Ok(Attempt::Welcome(Box::new(kept.person)))
    }

    async fn set(&self, realm: Realm, login: &str, password: &str) -> Result<bool, Fault> {
        let hash = self.pool.hash(password).await?;
        let done = sqlx::query("UPDATE account SET password = ?3 WHERE realm = ?1 AND login = ?2")
            .bind(realm.as_str())
            .bind(login.trim().to_lowercase())
            .bind(hash)
            .execute(&self.database)
            .await
            .map_err(away)?;
        Ok(done.rows_affected() == 1)
    }
}

#[cfg(test)]
mod tests;
