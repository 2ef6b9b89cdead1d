//! The shelf of several machines: Redis, one key a value, expiry by the server.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Cmd, FromRedisValue, IntoConnectionInfo, ProtocolVersion, RedisError, Script};

use crate::{Away, Shelf, fits};

/// A server that takes longer to connect, or to answer, is away.
const ANSWER: Duration = Duration::from_secs(1);
/// Whoever asks waits at most this long: a connection and an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Adds one, and lets the counter end `ARGV[1]` ms after its first count.
const COUNT: &str = "local n = redis.call('INCR', KEYS[1]) \
     if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end return n";

/// Opens a Redis shelf at `url` (`redis://…`, `rediss://…` for TLS); connects when first asked, so
/// that a server that is away at start is an answer of 503, not a failed start.
pub async fn redis(url: &str) -> Result<Arc<dyn Shelf>, Away> {
    let client = client(url).map_err(away)?;
    let line = Line {
        manager: lazy(&client)?,
        number: 0,
    };
    Ok(Arc::new(Redis {
        client,
        line: Mutex::new(line),
        count: Script::new(COUNT),
    }))
}

/// RESP3 tells at once when the server closes a connection, so that no visitor finds out first.
fn client(url: &str) -> Result<Client, RedisError> {
    let address = url.into_connection_info()?;
    let settings = address
        .redis_settings()
        .clone()
        .set_protocol(ProtocolVersion::RESP3);
    Client::open(address.set_redis_settings(settings))
}

struct Redis {
    client: Client,
    line: Mutex<Line>,
    count: Script,
}

/// The connection in use, shared by all; the manager reconnects by itself when it is closed.
#[derive(Clone)]
struct Line {
    manager: ConnectionManager,
    number: u64,
}

fn lazy(client: &Client) -> Result<ConnectionManager, Away> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(ANSWER))
        .set_response_timeout(Some(ANSWER))
        .set_number_of_retries(0);
    ConnectionManager::new_lazy_with_config(client.clone(), config).map_err(away)
}

fn away(why: RedisError) -> Away {
    Away::Unreachable(format!("Redis: {why}"))
}

/// Redis takes no expiry under a millisecond.
fn millis(keep: Duration) -> u64 {
    u64::try_from(keep.as_millis())
        .unwrap_or(u64::MAX)
        .clamp(1, 1 << 50)
}

fn full_key(room: &str, key: &str) -> String {
    format!("eduline:{room}:{key}")
}

impl Redis {
    /// Sends what `question` makes of the connection, and waits for its answer with patience.
    async fn ask<T, F>(&self, question: impl FnOnce(ConnectionManager) -> F) -> Result<T, Away>
    where
        F: Future<Output = Result<T, RedisError>>,
    {
        let line = self.line();
        let answer = tokio::time::timeout(PATIENCE, question(line.manager)).await;
        match answer {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(why)) => {
                if why.is_timeout() {
                    self.hang_up(line.number);
                }
                Err(away(why))
            }
            Err(_) => {
                self.hang_up(line.number);
                Err(Away::Unreachable("Redis does not answer".to_owned()))
            }
        }
    }

    async fn send<T: FromRedisValue>(&self, command: Cmd) -> Result<T, Away> {
        self.ask(|mut manager| async move { command.query_async(&mut manager).await })
            .await
    }

    fn line(&self) -> Line {
        self.line
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A machine that vanished closes nothing, and TCP would try for a quarter of an hour: after a
    /// silence, whoever asks next dials again.
    fn hang_up(&self, number: u64) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if line.number == number
            && let Ok(manager) = lazy(&self.client)
        {
            *line = Line {
                manager,
                number: number.wrapping_add(1),
            };
        }
    }
}

/// `SET key value PX keep`, to which a condition may be added.
fn set(room: &str, key: &str, value: &[u8], keep: Duration) -> Cmd {
    let mut set = redis::cmd("SET");
    set.arg(full_key(room, key))
        .arg(value)
        .arg("PX")
        .arg(millis(keep));
    set
}

#[async_trait::async_trait]
impl Shelf for Redis {
    async fn put(
        &self,
        room: &'static str,
        key: &str,
        value: Vec<u8>,
        keep: Duration,
    ) -> Result<(), Away> {
        fits(room, key, value.len())?;
        self.send(set(room, key, &value, keep)).await
    }

    async fn put_once(
        &self,
        room: &'static str,
        key: &str,
        value: Vec<u8>,
        keep: Duration,
    ) -> Result<bool, Away> {
        fits(room, key, value.len())?;
        let mut once = set(room, key, &value, keep);
        once.arg("NX");
        let answer: Option<String> = self.send(once).await?;
        Ok(answer.is_some())
    }

    async fn get(&self, room: &'static str, key: &str) -> Result<Option<Vec<u8>>, Away> {
        fits(room, key, 0)?;
        let mut get = redis::cmd("GET");
        get.arg(full_key(room, key));
        self.send(get).await
    }

    async fn take(&self, room: &'static str, key: &str) -> Result<Option<Vec<u8>>, Away> {
        fits(room, key, 0)?;
        let mut take = redis::cmd("GETDEL");
        take.arg(full_key(room, key));
        self.send(take).await
    }

    async fn count(&self, room: &'static str, key: &str, keep: Duration) -> Result<u64, Away> {
        fits(room, key, 0)?;
        let (key, keep) = (full_key(room, key), millis(keep));
        self.ask(|mut manager| async move {
            let mut call = self.count.prepare_invoke();
            call.key(key).arg(keep);
            call.invoke_async(&mut manager).await
        })
        .await
    }

    async fn ready(&self) -> Result<(), Away> {
        let pong: String = self.send(redis::cmd("PING")).await?;
        if pong == "PONG" {
            Ok(())
        } else {
            Err(Away::Unreachable(format!("Redis says {pong}")))
        }
    }
}

#[cfg(test)]
mod tests;
