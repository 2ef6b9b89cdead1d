//! Notices as rows.

use chrono::{DateTime, Utc};

use super::away;
use super::database::{Database, Row, Transaction, query};
use crate::notices::{KEPT, Notice, Notices, What};
use crate::{Fault, Realm};

pub(super) struct Told {
    database: Database,
}

impl Told {
    pub(super) fn of(database: Database) -> Self {
        Self { database }
    }
}

#[async_trait::async_trait]
impl Notices for Told {
    async fn tell(&self, notice: &Notice) -> Result<(), Fault> {
        let begin = self.database.begin("notices");
        // One after the other: a number is read once those below it are there.
        let mut transaction = begin.await.map_err(away)?;
        query("DELETE FROM notice WHERE at < $1")
            .bind((notice.at - KEPT).timestamp_millis())
            .execute(&mut transaction)
            .await
            .map_err(away)?;
        append(&mut transaction, notice).await?;
        transaction.commit().await.map_err(away)
    }

    async fn since(&self, number: i64, oldest: DateTime<Utc>) -> Result<Vec<(i64, Notice)>, Fault> {
        let rows = query("SELECT id, person, realm, what, spared, at, session FROM notice WHERE id > $1 AND at >= $2 ORDER BY id")
            .bind(number)
            .bind(oldest.timestamp_millis())
            .fetch_all(&self.database)
            .await
            .map_err(away)?;
        let read: Result<Vec<_>, sqlx::Error> = rows.iter().map(read).collect();
        Ok(read.map_err(away)?.into_iter().flatten().collect())
    }
}

/// Tells of many at once.
pub(super) async fn tell(database: &Database, notices: &[Notice]) -> Result<(), Fault> {
    if notices.is_empty() {
        return Ok(());
    }
    let mut transaction = database.begin("notices").await.map_err(away)?;
    for notice in notices {
        append(&mut transaction, notice).await?;
    }
    transaction.commit().await.map_err(away)
}

async fn append(transaction: &mut Transaction, notice: &Notice) -> Result<(), Fault> {
    query(
        "INSERT INTO notice (person, realm, what, spared, at, session) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(notice.person.clone())
    .bind(notice.realm.as_str())
    .bind(notice.what.as_str())
    .bind(notice.spared.clone())
    .bind(notice.at.timestamp_millis())
    .bind(notice.only.clone())
    .execute(transaction)
    .await
    .map(drop)
    .map_err(away)
}

fn read(row: &Row) -> Result<Option<(i64, Notice)>, sqlx::Error> {
    let realm = Realm::parse(row.try_get("realm")?);
    let what = What::parse(row.try_get("what")?);
    let at = DateTime::from_timestamp_millis(row.try_get("at")?);
    let (Some(realm), Some(what), Some(at)) = (realm, what, at) else {
        return Ok(None);
    };
    let notice = Notice {
        person: row.try_get("person")?,
        realm,
        what,
        spared: row.try_get("spared")?,
        only: row.try_get("session")?,
        at,
    };
    Ok(Some((row.try_get("id")?, notice)))
}
