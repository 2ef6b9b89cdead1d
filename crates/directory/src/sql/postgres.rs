//! Accounts in PostgreSQL: any number of processes, on any number of machines.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};

use super::away;
use super::database::Database;
use crate::{Dice, Directory, DirectoryKeys, Fault, Hashing};

/// How a PostgreSQL server is reached.
#[derive(Clone)]
pub struct Server {
    /// `postgres://name:password@host:5432/database`. It may hold a password: never printed.
    pub url: String,
    /// TLS with a certificate for the host in `url`; without it passwords and names cross the network
    /// in clear.
    pub tls: bool,
    /// The authorities its certificate may come from, PEM; the system's, when there is none.
    pub authorities: Option<PathBuf>,
    /// Connections one process opens at most.
    pub connections: u32,
}

impl Server {
    /// Whether the address is one; it is not repeated.
    pub fn is_address(url: &str) -> bool {
        let scheme = ["postgres://", "postgresql://"];
        scheme.iter().any(|scheme| url.starts_with(scheme))
            && PgConnectOptions::from_str(url).is_ok()
    }

    /// Whether what is said to it can be read on the way: no TLS, and not on this machine.
    pub fn is_overheard(&self) -> bool {
        let is_near = |options: PgConnectOptions| {
            options.get_socket().is_some()
                || ["localhost", "127.0.0.1", "::1"].contains(&options.get_host())
        };
        !self.tls && !PgConnectOptions::from_str(&self.url).is_ok_and(is_near)
    }
}

/// Opens a directory in a PostgreSQL database that is there (migrated when needed). A server that goes
/// away later is [`Fault::Away`] within seconds, and used again as soon as it is back; so is one that is
/// away now, when `may_be_away`. One that answers and refuses (a password, a certificate, a database of
/// a later release) is a fault at once.
pub async fn postgres(
    server: &Server,
    may_be_away: bool,
    keys: DirectoryKeys,
    hashing: Hashing,
    dice: Dice,
) -> Result<Directory, Fault> {
    let database = open(server, may_be_away).await?;
    super::directory(database, keys, hashing, dice).await
}

pub(super) async fn open(server: &Server, may_be_away: bool) -> Result<Database, Fault> {
    let options = PgConnectOptions::from_str(&server.url)
        .map_err(|_| Fault::Away("the address of PostgreSQL is not one".to_owned()))?;
    let mut options = options
        .application_name("eduline")
        .ssl_mode(if server.tls {
            PgSslMode::VerifyFull
        } else {
            PgSslMode::Disable
        })
        // Nobody waits longer for a page, and no lock is held by who went away.
        .options([
            ("statement_timeout", "10s"),
            ("lock_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "10s"),
        ]);
    if let Some(file) = &server.authorities {
        options = options.ssl_root_cert(file);
    }
    let pool = PgPoolOptions::new()
        .max_connections(server.connections.max(2))
        .acquire_timeout(Duration::from_secs(3))
        .max_lifetime(Duration::from_secs(1800))
        .connect_lazy_with(options);
    let late = match pool.acquire().await {
        Ok(_) => None,
        Err(why) if may_be_away && is_away(&why) => Some(Arc::default()),
        Err(why) => return Err(away(why)),
    };
    Ok(Database::Postgres(pool, late))
}

/// Whether nobody answered, rather than somebody who refuses. A server that starts, ends or has no
/// connection left answers with 57P03, 57P01 and 53300 (PostgreSQL, Appendix A).
fn is_away(why: &sqlx::Error) -> bool {
    match why {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(fault) => fault
            .code()
            .is_some_and(|code| ["57P03", "57P01", "53300"].contains(&code.as_ref())),
        _ => false,
    }
}
