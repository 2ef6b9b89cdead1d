//! From any earlier release to this one, forward only.

use super::away;
use super::database::{Database, Transaction, query};
use crate::Fault;

/// In order: a migration that was released is never changed. How many were applied stands in
/// `user_version`, which changes with the transaction.
pub(super) const SQLITE: &[&str] = &[
    include_str!("../../migrations/sqlite/0001_accounts.sql"),
    include_str!("../../migrations/sqlite/0002_releases.sql"),
    include_str!("../../migrations/sqlite/0003_factors.sql"),
    include_str!("../../migrations/sqlite/0004_notices.sql"),
    include_str!("../../migrations/sqlite/0005_recovery.sql"),
    include_str!("../../migrations/sqlite/0006_history.sql"),
    include_str!("../../migrations/sqlite/0007_past_passwords.sql"),
    include_str!("../../migrations/sqlite/0008_declined.sql"),
    include_str!("../../migrations/sqlite/0009_must_change.sql"),
    include_str!("../../migrations/sqlite/0010_places.sql"),
    include_str!("../../migrations/sqlite/0011_tokens.sql"),
    include_str!("../../migrations/sqlite/0012_origin.sql"),
    include_str!("../../migrations/sqlite/0013_agreements.sql"),
    include_str!("../../migrations/sqlite/0014_arrivals.sql"),
];

/// The same for PostgreSQL, which began when SQLite had eight. How many were applied stands in a table.
pub(super) const POSTGRES: &[&str] = &[
    include_str!("../../migrations/postgres/0001_house.sql"),
    include_str!("../../migrations/postgres/0002_must_change.sql"),
    include_str!("../../migrations/postgres/0003_places.sql"),
    include_str!("../../migrations/postgres/0004_tokens.sql"),
    include_str!("../../migrations/postgres/0005_origin.sql"),
    include_str!("../../migrations/postgres/0006_agreements.sql"),
    include_str!("../../migrations/postgres/0007_arrivals.sql"),
];

/// Applies those that are missing, all or none.
pub(super) async fn apply(database: &Database) -> Result<(), Fault> {
    let all = match database {
        Database::Sqlite(_) => SQLITE,
        Database::Postgres(..) => POSTGRES,
    };
    forward(database, all).await
}

/// Brings the database to the release that knew `all` of these.
pub(super) async fn forward(database: &Database, all: &[&'static str]) -> Result<(), Fault> {
    // Of two processes that start at once, one waits for the other.
    let begin = database.begin_as_it_is("eduline migrations");
    let mut transaction = begin.await.map_err(away)?;
    let applied = applied(&mut transaction).await.map_err(away)?;
    if applied > all.len() {
        return Err(Fault::Away(format!(
            "the database is of a later release (version {applied})"
        )));
    }
    for migration in all.iter().skip(applied) {
        transaction.run(*migration).await.map_err(away)?;
    }
    if applied < all.len() {
        let done = note(&mut transaction, all.len());
        done.await.map_err(away)?;
    }
    transaction.commit().await.map_err(away)
}

async fn applied(on: &mut Transaction) -> Result<usize, sqlx::Error> {
    let row = match on {
        Transaction::Sqlite(_) => query("PRAGMA user_version").fetch_one(on).await?,
        Transaction::Postgres(_) => {
            on.run(
                "CREATE TABLE IF NOT EXISTS eduline_version (applied BIGINT NOT NULL); \
                 INSERT INTO eduline_version SELECT 0 WHERE NOT EXISTS \
                 (SELECT applied FROM eduline_version)",
            )
            .await?;
            let read = query("SELECT applied FROM eduline_version");
            read.fetch_one(on).await?
        }
    };
    Ok(usize::try_from(row.try_get::<i64, _>(0)?).unwrap_or(0))
}

async fn note(on: &mut Transaction, applied: usize) -> Result<(), sqlx::Error> {
    let text = match on {
        Transaction::Sqlite(_) => format!("PRAGMA user_version = {applied}"),
        Transaction::Postgres(_) => format!("UPDATE eduline_version SET applied = {applied}"),
    };
    on.run(sqlx::AssertSqlSafe(text)).await
}
