//! Accounts in one SQLite file; several processes may share it.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use sqlx::Connection;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};

use super::away;
use super::database::Database;
use crate::{Dice, Directory, DirectoryKeys, Fault, Hashing};

/// Opens a directory in an SQLite file (created and migrated when needed, for its owner's eyes only);
/// several processes may.
pub async fn sqlite(
    path: &Path,
    keys: DirectoryKeys,
    hashing: Hashing,
    dice: Dice,
) -> Result<Directory, Fault> {
    super::directory(open(path).await?, keys, hashing, dice).await
}

/// Copies the accounts of an SQLite file, as they stand at one moment, into a new file for its owner
/// only; whoever uses them meanwhile goes on.
pub async fn copy_sqlite(from: &Path, to: &Path) -> Result<(), Fault> {
    let options = SqliteConnectOptions::new()
        .filename(from)
        .create_if_missing(false)
        .busy_timeout(Duration::from_secs(5));
    let mut database = SqliteConnection::connect_with(&options)
        .await
        .map_err(away)?;
    prepare(to).map_err(|why| Fault::Away(format!("{}: {why}", to.display())))?;
    sqlx::query("VACUUM INTO ?")
        .bind(to.to_string_lossy().into_owned())
        .execute(&mut database)
        .await
        .map_err(away)?;
    database.close().await.map_err(away)
}

pub(super) async fn open(path: &Path) -> Result<Database, Fault> {
    prepare(path).map_err(|why| Fault::Away(format!("{}: {why}", path.display())))?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // Accounts change rarely and must outlive a power cut.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5));
    let pool = SqlitePoolOptions::new()
        .max_connections(4)
        .acquire_timeout(Duration::from_secs(3))
        .connect_with(options)
        .await
        .map_err(away)?;
    Ok(Database::Sqlite(pool))
}

/// The folder, and an empty file that only its owner reads; SQLite gives its journals the same mode.
fn prepare(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| folder.as_os_str() != "") {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map(drop)
}
