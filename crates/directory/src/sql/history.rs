//! Histories as rows, written by one task: many lines, one commit.

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use super::database::{Database, Row, Transaction, query};
use super::{away, typed};
use crate::Fault;
use crate::history::{AT_MOST, History, KEPT, SignIn, What, Whose};

/// Lines that may wait to be written.
const WAITING: usize = 4096;
/// Lines of one commit.
const AT_ONCE: usize = 256;

type Noted = (Whose, SignIn);

pub(super) struct Lines {
    database: Database,
    noted: mpsc::Sender<Noted>,
}

impl Lines {
    /// Starts the task that writes; it ends with the last handle.
    pub(super) fn of(database: Database) -> Self {
        let (noted, waiting) = mpsc::channel(WAITING);
        tokio::spawn(write(database.clone(), waiting));
        Self { database, noted }
    }
}

async fn write(database: Database, mut waiting: mpsc::Receiver<Noted>) {
    let mut lines = Vec::new();
    while waiting.recv_many(&mut lines, AT_ONCE).await > 0 {
        // A database that is away for a moment is tried once more; a history is not worth a login.
        if keep(&database, &lines).await.is_err() {
            keep(&database, &lines).await.ok();
        }
        lines.clear();
    }
}

async fn keep(database: &Database, lines: &[Noted]) -> Result<(), Fault> {
    let begin = database.begin("history");
    let mut transaction = begin.await.map_err(away)?;
    for (whose, line) in lines {
        if let Some(person) = person(&mut transaction, whose).await? {
            insert(&mut transaction, &person, line).await?;
        }
    }
    if let Some((_, last)) = lines.last() {
        query("DELETE FROM sign_in WHERE at < $1")
            .bind((last.at - KEPT).timestamp())
            .execute(&mut transaction)
            .await
            .map_err(away)?;
    }
    transaction.commit().await.map_err(away)
}

/// Nobody's line is dropped.
async fn person(on: &mut Transaction, whose: &Whose) -> Result<Option<String>, Fault> {
    let (realm, login) = match whose {
        Whose::Person(id) => return Ok(Some(id.clone())),
        Whose::Login(realm, login) => (realm, typed(login)),
    };
    let found = query("SELECT id FROM account WHERE realm = $1 AND (login = $2 OR mail = $2)")
        .bind(realm.as_str())
        .bind(login)
        .fetch_optional(on)
        .await
        .map_err(away)?;
    found.map(|row| row.try_get(0)).transpose().map_err(away)
}

async fn insert(on: &mut Transaction, person: &str, line: &SignIn) -> Result<(), Fault> {
    let refused = i64::from(line.what.is_refused());
    query(
        "INSERT INTO sign_in (person, refused, what, at, address, device, service) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(person.to_owned())
    .bind(refused)
    .bind(line.what.as_str())
    .bind(line.at.timestamp())
    .bind(line.address.clone())
    .bind(line.device.clone())
    .bind(line.service.clone())
    .execute(&mut *on)
    .await
    .map_err(away)?;
    query(
        "DELETE FROM sign_in WHERE person = $1 AND refused = $2 AND id <= (SELECT id FROM sign_in \
         WHERE person = $1 AND refused = $2 ORDER BY id DESC LIMIT 1 OFFSET $3)",
    )
    .bind(person.to_owned())
    .bind(refused)
    .bind(i64::from(AT_MOST))
    .execute(on)
    .await
    .map(drop)
    .map_err(away)
}

#[async_trait::async_trait]
impl History for Lines {
    fn note(&self, whose: Whose, line: SignIn) {
        self.noted.try_send((whose, line)).ok();
    }

    async fn list(&self, person: &str, now: DateTime<Utc>) -> Result<Vec<SignIn>, Fault> {
        let rows = query(
            "SELECT what, at, address, device, service FROM sign_in WHERE person = $1 AND at >= $2 ORDER BY at DESC, id DESC",
        )
        .bind(person.to_owned())
        .bind((now - KEPT).timestamp())
        .fetch_all(&self.database)
        .await
        .map_err(away)?;
        let read: Result<Vec<_>, sqlx::Error> = rows.iter().map(read).collect();
        Ok(read.map_err(away)?.into_iter().flatten().collect())
    }
}

/// `None`: what only a later release knows.
fn read(row: &Row) -> Result<Option<SignIn>, sqlx::Error> {
    let what = What::parse(row.try_get("what")?);
    let at = DateTime::from_timestamp(row.try_get("at")?, 0);
    let (Some(what), Some(at)) = (what, at) else {
        return Ok(None);
    };
    Ok(Some(SignIn {
        at,
        what,
        address: row.try_get("address")?,
        device: row.try_get("device")?,
        service: row.try_get("service")?,
    }))
}
