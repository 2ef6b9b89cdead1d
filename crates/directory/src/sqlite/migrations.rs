//! From any earlier release to this one, forward only.

use sqlx::Row;
use sqlx::sqlite::SqlitePool;

use super::away;
use crate::Fault;

/// In order: a migration that was released is never changed. How many were applied stands in
/// SQLite's `user_version`, which changes with the transaction.
const MIGRATIONS: [&str; 8] = [
    include_str!("../../migrations/0001_accounts.sql"),
    include_str!("../../migrations/0002_releases.sql"),
    include_str!("../../migrations/0003_factors.sql"),
    include_str!("../../migrations/0004_notices.sql"),
    include_str!("../../migrations/0005_recovery.sql"),
    include_str!("../../migrations/0006_history.sql"),
    include_str!("../../migrations/0007_past_passwords.sql"),
    include_str!("../../migrations/0008_declined.sql"),
];

/// Applies those that are missing, all or none.
pub(super) async fn apply(database: &SqlitePool) -> Result<(), Fault> {
    // An immediate transaction: of two processes that start at once, one waits for the other.
    let mut transaction = database.begin_with("BEGIN IMMEDIATE").await.map_err(away)?;
    let row = sqlx::query("PRAGMA user_version")
        .fetch_one(&mut *transaction)
        .await
        .map_err(away)?;
    let applied = usize::try_from(row.try_get::<i64, _>(0).map_err(away)?).unwrap_or(0);
    if applied > MIGRATIONS.len() {
        return Err(Fault::Away(format!(
            "the database is of a later release (version {applied})"
        )));
    }
    for migration in MIGRATIONS.iter().skip(applied) {
        sqlx::raw_sql(*migration)
            .execute(&mut *transaction)
            .await
            .map_err(away)?;
    }
    if applied < MIGRATIONS.len() {
        let set = format!("PRAGMA user_version = {}", MIGRATIONS.len());
        sqlx::raw_sql(sqlx::AssertSqlSafe(set))
            .execute(&mut *transaction)
            .await
            .map_err(away)?;
    }
    transaction.commit().await.map_err(away)
}
