//! Past releases as rows. Sign-ons are noted in memory and written together, one transaction a second:
//! a flush of the disk for each would cost more than the sign-on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::away;
use super::database::{Database, Row, Transaction, query};
use crate::Fault;
use crate::releases::{KEPT, Release, Releases, SERVICES, Told};

/// How long a note waits for others.
const GATHERED: Duration = Duration::from_secs(1);
/// People and services noted at once while the file does not answer; more are not noted.
const AT_MOST: usize = 10_000;

/// A person and a service.
type Pair = (String, String);

#[derive(Clone)]
struct Noted {
    names: Vec<String>,
    last: DateTime<Utc>,
    times: u64,
}

#[derive(Default)]
struct Gathered {
    noted: HashMap<Pair, Noted>,
    /// Somebody will write them.
    is_awaited: bool,
}

#[derive(Clone)]
pub(super) struct Past {
    database: Database,
    gathered: Arc<Mutex<Gathered>>,
}

impl Past {
    pub(super) fn of(database: Database) -> Self {
        Self {
            database,
            gathered: Arc::default(),
        }
    }

    fn gather(&self, pair: Pair, noted: Noted) {
        let mut gathered = self.locked();
        if let Some(before) = gathered.noted.get_mut(&pair) {
            before.times += noted.times;
            if noted.last >= before.last {
                (before.names, before.last) = (noted.names, noted.last);
            }
        } else if gathered.noted.len() < AT_MOST {
            gathered.noted.insert(pair, noted);
        }
        if gathered.is_awaited {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        gathered.is_awaited = true;
        let past = self.clone();
        runtime.spawn(async move {
            tokio::time::sleep(GATHERED).await;
            past.locked().is_awaited = false;
            // What cannot be written now is written with the next note.
            past.settle().await.ok();
        });
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write(&self, noted: &HashMap<Pair, Noted>) -> Result<(), sqlx::Error> {
        let mut transaction = self.database.begin("releases").await?;
        for ((person, service), one) in noted {
            query(
                "INSERT INTO release (person, service, names, last, times) \
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (person, service) DO UPDATE SET \
                 names = CASE WHEN excluded.last >= release.last THEN excluded.names \
                 ELSE release.names END, last = CASE WHEN excluded.last >= release.last \
                 THEN excluded.last ELSE release.last END, times = release.times + excluded.times",
            )
            .bind(person.clone())
            .bind(service.clone())
            .bind(one.names.join(" "))
            .bind(one.last.timestamp())
            .bind(i64::try_from(one.times).unwrap_or(i64::MAX))
            .execute(&mut transaction)
            .await?;
            trim(&mut transaction, person).await?;
        }
        if let Some(latest) = noted.values().map(|one| one.last).max() {
            query("DELETE FROM release WHERE last < $1")
                .bind((latest - KEPT).timestamp())
                .execute(&mut transaction)
                .await?;
        }
        transaction.commit().await
    }
}

/// Forgets what one person used longest ago, beyond [`SERVICES`].
async fn trim(on: &mut Transaction, person: &str) -> Result<(), sqlx::Error> {
    query(
        "DELETE FROM release WHERE person = $1 AND service NOT IN (SELECT service FROM release \
         WHERE person = $1 ORDER BY last DESC, service LIMIT $2)",
    )
    .bind(person.to_owned())
    .bind(i64::try_from(SERVICES).unwrap_or(i64::MAX))
    .execute(on)
    .await
    .map(drop)
}

#[async_trait::async_trait]
impl Releases for Past {
    fn note(&self, person: &str, service: &str, names: &[&str], at: DateTime<Utc>) {
        let noted = Noted {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            last: at,
            times: 1,
        };
        self.gather((person.to_owned(), service.to_owned()), noted);
    }

    async fn settle(&self) -> Result<(), Fault> {
        let noted = std::mem::take(&mut self.locked().noted);
        if noted.is_empty() {
            return Ok(());
        }
        let written = self.write(&noted).await;
        if written.is_err() {
            for (pair, one) in noted {
                self.gather(pair, one);
            }
        }
        written.map_err(away)
    }

    async fn told(&self, person: &str, service: &str) -> Result<Option<Told>, Fault> {
        let select = "SELECT told, declined FROM release WHERE person = $1 AND service = $2";
        let row = query(select)
            .bind(person.to_owned())
            .bind(service.to_owned())
            .fetch_optional(&self.database)
            .await
            .map_err(away)?;
        row.map_or(Ok(None), |row| remembered(&row).map_err(away))
    }

    async fn remember(
        &self,
        person: &str,
        service: &str,
        what: &Told,
        at: DateTime<Utc>,
    ) -> Result<(), Fault> {
        let begin = self.database.begin("releases");
        let mut transaction = begin.await.map_err(away)?;
        query(
            "INSERT INTO release (person, service, names, last, times, told, declined) \
             VALUES ($1, $2, '', $3, 0, $4, $5) ON CONFLICT (person, service) DO UPDATE SET told = excluded.told, \
             declined = excluded.declined, last = CASE WHEN excluded.last >= release.last THEN excluded.last ELSE release.last END",
        )
        .bind(person.to_owned())
        .bind(service.to_owned())
        .bind(at.timestamp())
        .bind(what.mark.clone())
        .bind(what.declined.join(" "))
        .execute(&mut transaction)
        .await
        .map_err(away)?;
        trim(&mut transaction, person).await.map_err(away)?;
        transaction.commit().await.map_err(away)
    }

    async fn forget(&self, person: &str, service: &str) -> Result<bool, Fault> {
        let done = query(
            "UPDATE release SET told = NULL, declined = '' \
             WHERE person = $1 AND service = $2 AND told IS NOT NULL",
        )
        .bind(person.to_owned())
        .bind(service.to_owned())
        .execute(&self.database)
        .await
        .map_err(away)?;
        Ok(done == 1)
    }

    async fn list(&self, person: &str) -> Result<Vec<Release>, Fault> {
        self.settle().await?;
        let rows = query(
            "SELECT person, service, names, last, times, told, declined FROM release WHERE person = $1 \
             ORDER BY last DESC, service",
        )
        .bind(person.to_owned())
        .fetch_all(&self.database)
        .await
        .map_err(away)?;
        rows.iter().map(|row| read(row).map_err(away)).collect()
    }
}

/// What need not be told again, if anything.
fn remembered(row: &Row) -> Result<Option<Told>, sqlx::Error> {
    let mark: Option<String> = row.try_get("told")?;
    let declined: String = row.try_get("declined")?;
    Ok(mark.map(|mark| Told {
        mark,
        declined: words(&declined),
    }))
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn read(row: &Row) -> Result<Release, sqlx::Error> {
    let names: String = row.try_get("names")?;
    let told = remembered(row)?;
    Ok(Release {
        person: row.try_get("person")?,
        service: row.try_get("service")?,
        names: words(&names),
        last: DateTime::from_timestamp(row.try_get("last")?, 0).unwrap_or_default(),
        times: u64::try_from(row.try_get::<i64, _>("times")?).unwrap_or_default(),
        declined: told.iter().flat_map(|told| told.declined.clone()).collect(),
        told: told.map(|told| told.mark),
    })
}
