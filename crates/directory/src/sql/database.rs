//! The wall between statements and the database that runs them. A statement is written once, in what
//! SQLite (3.35) and PostgreSQL (13) both read: `$1` is the first value, a conflict names its columns,
//! columns are named one by one (a plan that PostgreSQL keeps does not outlive a `*` that grew).

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgPool, PgRow};
use sqlx::sqlite::{SqliteArguments, SqlitePool, SqliteRow};
use sqlx::{ColumnIndex, Decode, Postgres, SqlSafeStr, SqlStr, Sqlite, Type};
use tokio::sync::OnceCell;

/// How long a statement may take in all: longer than what the database itself gives it, so that this
/// speaks only of one that no longer answers.
const LONGEST: Duration = Duration::from_secs(15);

/// A database that is open.
#[derive(Clone)]
pub(super) enum Database {
    Sqlite(SqlitePool),
    Postgres(PgPool, Late),
}

/// Of a server that was away at start: whether it was brought to this release since.
pub(super) type Late = Option<Arc<OnceCell<()>>>;

/// What is done as a whole, or not at all when it is dropped.
pub(super) enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// Where a statement is run.
pub(super) enum On<'a> {
    Pool(&'a Database),
    Open(&'a mut Transaction),
}

impl<'a> From<&'a Database> for On<'a> {
    fn from(database: &'a Database) -> Self {
        Self::Pool(database)
    }
}

impl<'a> From<&'a mut Transaction> for On<'a> {
    fn from(transaction: &'a mut Transaction) -> Self {
        Self::Open(transaction)
    }
}

impl On<'_> {
    async fn there(&self) -> Result<(), sqlx::Error> {
        match self {
            Self::Pool(database @ Database::Postgres(_, Some(_))) => database.there().await,
            _ => Ok(()),
        }
    }
}

impl Database {
    /// Begins a transaction that reads before it writes. Of two about the same `matter` the second one
    /// waits, in whichever processes they are; SQLite lets one write at a time anyway.
    pub(super) async fn begin(&self, matter: &str) -> Result<Transaction, sqlx::Error> {
        self.there().await?;
        self.begin_as_it_is(matter).await
    }

    /// The same, whatever release the database is of.
    pub(super) async fn begin_as_it_is(&self, matter: &str) -> Result<Transaction, sqlx::Error> {
        let begun = async {
            Ok(match self {
                Self::Sqlite(pool) => {
                    Transaction::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?)
                }
                Self::Postgres(pool, _) => Transaction::Postgres(pool.begin().await?),
            })
        };
        let mut transaction = in_time(begun).await?;
        if matches!(transaction, Transaction::Postgres(_)) {
            query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
                .bind(matter)
                .execute(&mut transaction)
                .await?;
        }
        Ok(transaction)
    }

    /// A server that was away at start is brought to this release when it is first asked.
    fn there(&self) -> Pin<Box<dyn Future<Output = Result<(), sqlx::Error>> + Send + '_>> {
        let Self::Postgres(_, Some(brought)) = self else {
            return Box::pin(std::future::ready(Ok(())));
        };
        Box::pin(async {
            let bring = || async {
                let applied = super::migrations::apply(self).await;
                applied.map_err(|why| sqlx::Error::Io(std::io::Error::other(why.to_string())))
            };
            brought.get_or_try_init(bring).await.copied()
        })
    }

    /// Connections that are open, and those of them that are in use.
    pub(super) fn connections(&self) -> (usize, usize) {
        let (open, idle) = match self {
            Self::Sqlite(pool) => (pool.size(), pool.num_idle()),
            Self::Postgres(pool, _) => (pool.size(), pool.num_idle()),
        };
        let open = usize::try_from(open).unwrap_or_default();
        (open, open.saturating_sub(idle))
    }
}

impl Transaction {
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        in_time(async {
            match self {
                Self::Sqlite(transaction) => transaction.commit().await,
                Self::Postgres(transaction) => transaction.commit().await,
            }
        })
        .await
    }

    /// Several statements without values.
    pub(super) async fn run(&mut self, statements: impl SqlSafeStr) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(transaction) => {
                sqlx::raw_sql(statements)
                    .execute(&mut **transaction)
                    .await?;
            }
            Self::Postgres(transaction) => {
                sqlx::raw_sql(statements)
                    .execute(&mut **transaction)
                    .await?;
            }
        }
        Ok(())
    }
}

/// What takes the place of `$1`.
pub(super) enum Value {
    Text(Option<String>),
    Number(Option<i64>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

/// A statement and its values.
pub(super) struct Query {
    text: SqlStr,
    values: Vec<Value>,
}

/// The statement; its values follow.
pub(super) fn query(text: impl SqlSafeStr) -> Query {
    Query {
        text: text.into_sql_str(),
        values: Vec::new(),
    }
}

impl Query {
    /// The next value.
    pub(super) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Runs it; how many rows it changed.
    pub(super) async fn execute<'a>(self, on: impl Into<On<'a>>) -> Result<u64, sqlx::Error> {
        let on = on.into();
        on.there().await?;
        in_time(async {
            Ok(match on {
                On::Pool(Database::Sqlite(pool)) => {
                    self.sqlite().execute(pool).await?.rows_affected()
                }
                On::Open(Transaction::Sqlite(open)) => {
                    self.sqlite().execute(&mut **open).await?.rows_affected()
                }
                On::Pool(Database::Postgres(pool, _)) => {
                    self.postgres().execute(pool).await?.rows_affected()
                }
                On::Open(Transaction::Postgres(open)) => {
                    self.postgres().execute(&mut **open).await?.rows_affected()
                }
            })
        })
        .await
    }

    /// Every row.
    pub(super) async fn fetch_all<'a>(
        self,
        on: impl Into<On<'a>>,
    ) -> Result<Vec<Row>, sqlx::Error> {
        let on = on.into();
        on.there().await?;
        let sqlite = |rows: Vec<SqliteRow>| rows.into_iter().map(Row::Sqlite).collect();
        let postgres = |rows: Vec<PgRow>| rows.into_iter().map(Row::Postgres).collect();
        in_time(async {
            Ok(match on {
                On::Pool(Database::Sqlite(pool)) => sqlite(self.sqlite().fetch_all(pool).await?),
                On::Open(Transaction::Sqlite(open)) => {
                    sqlite(self.sqlite().fetch_all(&mut **open).await?)
                }
                On::Pool(Database::Postgres(pool, _)) => {
                    postgres(self.postgres().fetch_all(pool).await?)
                }
                On::Open(Transaction::Postgres(open)) => {
                    postgres(self.postgres().fetch_all(&mut **open).await?)
                }
            })
        })
        .await
    }

    /// The first row, if there is one.
    pub(super) async fn fetch_optional<'a>(
        self,
        on: impl Into<On<'a>>,
    ) -> Result<Option<Row>, sqlx::Error> {
        Ok(self.fetch_all(on).await?.into_iter().next())
    }

    /// The row that is there.
    pub(super) async fn fetch_one<'a>(self, on: impl Into<On<'a>>) -> Result<Row, sqlx::Error> {
        let row = self.fetch_optional(on).await?;
        row.ok_or(sqlx::Error::RowNotFound)
    }

    fn sqlite(self) -> sqlx::query::Query<'static, Sqlite, SqliteArguments> {
        let query = sqlx::query(self.text);
        self.values
            .into_iter()
            .fold(query, |query, value| match value {
                Value::Text(text) => query.bind(text),
                Value::Number(number) => query.bind(number),
            })
    }

    fn postgres(self) -> sqlx::query::Query<'static, Postgres, PgArguments> {
        let query = sqlx::query(self.text);
        self.values
            .into_iter()
            .fold(query, |query, value| match value {
                // PostgreSQL takes no NUL in a text: with another sign it is as unknown as before.
                Value::Text(text) => query.bind(text.map(|text| text.replace('\0', "\u{fffd}"))),
                Value::Number(number) => query.bind(number),
            })
    }
}

/// A row.
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    pub(super) fn try_get<'r, T, I>(&'r self, column: I) -> Result<T, sqlx::Error>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
        I: ColumnIndex<SqliteRow> + ColumnIndex<PgRow>,
    {
        match self {
            Self::Sqlite(row) => sqlx::Row::try_get(row, column),
            Self::Postgres(row) => sqlx::Row::try_get(row, column),
        }
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    let late = |_| std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in time");
    tokio::time::timeout(LONGEST, work).await.map_err(late)?
}
