//! Places as rows.

use chrono::{DateTime, TimeDelta, Utc};

use super::away;
use super::database::{Database, On, Transaction, query};
use crate::places::{AT_MOST, Arrival, KEPT, Places};
use crate::{DirectoryKeys, Fault};

/// How old the note of a visit may be: one write a day, not one a sign-in.
const STALE: TimeDelta = TimeDelta::days(1);

pub(super) struct Marks {
    database: Database,
    keys: DirectoryKeys,
}

impl Marks {
    pub(super) fn of(database: Database, keys: DirectoryKeys) -> Self {
        Self { database, keys }
    }
}

/// When a person was here last, and whether they proved more than a password.
async fn known<'a>(
    on: impl Into<On<'a>>,
    (person, mark): (&str, &str),
    now: DateTime<Utc>,
) -> Result<Option<(i64, bool)>, Fault> {
    let row =
        query("SELECT seen, proven FROM place WHERE person = $1 AND mark = $2 AND seen >= $3")
            .bind(person.to_owned())
            .bind(mark.to_owned())
            .bind((now - KEPT).timestamp())
            .fetch_optional(on)
            .await
            .map_err(away)?;
    let Some(row) = row else {
        return Ok(None);
    };
    let proven: i64 = row.try_get(1).map_err(away)?;
    Ok(Some((row.try_get(0).map_err(away)?, proven != 0)))
}

/// Whether a person was anywhere; what is too old is forgotten first.
async fn was_anywhere(
    on: &mut Transaction,
    person: &str,
    now: DateTime<Utc>,
) -> Result<bool, Fault> {
    query("DELETE FROM place WHERE person = $1 AND seen < $2")
        .bind(person.to_owned())
        .bind((now - KEPT).timestamp())
        .execute(&mut *on)
        .await
        .map_err(away)?;
    let row = query("SELECT count(*) FROM place WHERE person = $1")
        .bind(person.to_owned())
        .fetch_one(on)
        .await
        .map_err(away)?;
    Ok(row.try_get::<i64, _>(0).map_err(away)? > 0)
}

async fn keep(
    on: &mut Transaction,
    (person, mark): (&str, &str),
    proven: bool,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    query(
        "INSERT INTO place (person, mark, seen, proven) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (person, mark) DO UPDATE SET seen = excluded.seen",
    )
    .bind(person.to_owned())
    .bind(mark.to_owned())
    .bind(now.timestamp())
    .bind(i64::from(proven))
    .execute(&mut *on)
    .await
    .map_err(away)?;
    query(
        "DELETE FROM place WHERE person = $1 AND mark NOT IN \
         (SELECT mark FROM place WHERE person = $1 ORDER BY seen DESC, (mark = $2) DESC LIMIT $3)",
    )
    .bind(person.to_owned())
    .bind(mark.to_owned())
    .bind(i64::from(AT_MOST))
    .execute(on)
    .await
    .map(drop)
    .map_err(away)
}

#[async_trait::async_trait]
impl Places for Marks {
    async fn arrive(
        &self,
        person: &str,
        place: &str,
        now: DateTime<Utc>,
    ) -> Result<Arrival, Fault> {
        let mark = self.keys.place(person, place)?;
        let whose = (person, mark.as_str());
        let before = known(&self.database, whose, now).await?;
        let arrival = |is_proven| Arrival {
            is_new: false,
            is_proven,
        };
        if let Some((seen, proven)) = before
            && now.timestamp() - seen < STALE.num_seconds()
        {
            return Ok(arrival(proven));
        }
        // Of two that arrive at once, one is new.
        let begin = self.database.begin(person);
        let mut transaction = begin.await.map_err(away)?;
        let known = known(&mut transaction, whose, now).await?;
        let arrival = if let Some((_, proven)) = known {
            arrival(proven)
        } else {
            let is_new = was_anywhere(&mut transaction, person, now).await?;
            Arrival {
                is_new,
                is_proven: !is_new,
            }
        };
        keep(&mut transaction, whose, arrival.is_proven, now).await?;
        transaction.commit().await.map_err(away)?;
        Ok(arrival)
    }

    async fn prove(&self, person: &str, place: &str) -> Result<(), Fault> {
        query("UPDATE place SET proven = 1 WHERE person = $1 AND mark = $2 AND proven = 0")
            .bind(person.to_owned())
            .bind(self.keys.place(person, place)?)
            .execute(&self.database)
            .await
            .map(drop)
            .map_err(away)
    }
}
