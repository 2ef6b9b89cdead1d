//! The archive of what people accepted, as rows.

use chrono::{DateTime, Utc};

use super::away;
use super::database::{Database, query};
use crate::Fault;
use crate::agreements::{Agreement, Agreements};

pub(super) struct Archive {
    database: Database,
}

impl Archive {
    pub(super) fn of(database: Database) -> Self {
        Self { database }
    }
}

fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

#[async_trait::async_trait]
impl Agreements for Archive {
    async fn agreed(&self, person: &str, digest: &str) -> Result<Option<DateTime<Utc>>, Fault> {
        let row = query("SELECT at FROM agreement WHERE person = $1 AND digest = $2")
            .bind(person.to_owned())
            .bind(digest.to_owned())
            .fetch_optional(&self.database)
            .await
            .map_err(away)?;
        let at = row.map(|row| row.try_get(0).map_err(away)).transpose()?;
        Ok(at.map(moment))
    }

    async fn agree(
        &self,
        person: &str,
        (digest, text): (&str, &str),
        now: DateTime<Utc>,
    ) -> Result<(), Fault> {
        let begin = self.database.begin(person);
        let mut transaction = begin.await.map_err(away)?;
        query("INSERT INTO agreed_text (digest, text) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(digest.to_owned())
            .bind(text.to_owned())
            .execute(&mut transaction)
            .await
            .map_err(away)?;
        query(
            "INSERT INTO agreement (person, digest, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(person.to_owned())
        .bind(digest.to_owned())
        .bind(now.timestamp())
        .execute(&mut transaction)
        .await
        .map_err(away)?;
        transaction.commit().await.map_err(away)
    }

    async fn list(&self, person: &str) -> Result<Vec<Agreement>, Fault> {
        let rows = query(
            "SELECT digest, at, text FROM agreement JOIN agreed_text USING (digest) \
             WHERE person = $1 ORDER BY at DESC, digest",
        )
        .bind(person.to_owned())
        .fetch_all(&self.database)
        .await
        .map_err(away)?;
        let read = rows.iter().map(|row| {
            Ok(Agreement {
                digest: row.try_get(0).map_err(away)?,
                at: moment(row.try_get(1).map_err(away)?),
                text: row.try_get(2).map_err(away)?,
            })
        });
        read.collect()
    }
}
