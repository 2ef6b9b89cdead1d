//! The shelf of several machines: Redis, one key a value, expiry by the server.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError, Script};
use tokio::sync::OnceCell;

use crate::{Away, Shelf, fits};

/// A server that does not answer within this time is away.
const ANSWER: Duration = Duration::from_secs(1);

/// Adds one, and lets the counter end `ARGV[1]` ms after its first count.
const COUNT: &str = "local n = redis.call('INCR', KEYS[1]) \
     if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end return n";

/// Opens a Redis shelf at `url` (`redis://…`, `rediss://…`); connects when first asked, so that a
/// server that is away at start is an answer of 503, not a failed start.
pub async fn redis(url: &str) -> Result<Arc<dyn Shelf>, Away> {
    let client = Client::open(url).map_err(away)?;
    let shelf = Redis {
        client,
        connection: OnceCell::new(),
        count: Script::new(COUNT),
    };
    // A first try, so that a server that is there is used at once; its absence is told later.
    shelf.ready().await.ok();
    Ok(Arc::new(shelf))
}

struct Redis {
    client: Client,
    /// Set once the server answered; it reconnects by itself from then on.
    connection: OnceCell<ConnectionManager>,
    count: Script,
}

fn away(why: RedisError) -> Away {
    Away::Unreachable(why.to_string())
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
    async fn connection(&self) -> Result<ConnectionManager, Away> {
        let connect = async {
            let config = ConnectionManagerConfig::new()
                .set_connection_timeout(Some(ANSWER))
                .set_response_timeout(Some(ANSWER))
                .set_number_of_retries(1)
                .set_max_delay(Duration::from_millis(100));
            self.client
                .get_connection_manager_with_config(config)
                .await
                .map_err(away)
        };
        self.connection.get_or_try_init(|| connect).await.cloned()
    }

    async fn ask<T: redis::FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, Away> {
        let mut connection = self.connection().await?;
        tokio::time::timeout(ANSWER * 2, command.query_async(&mut connection))
            .await
            .map_err(|_| Away::Unreachable("Redis does not answer".to_owned()))?
            .map_err(away)
    }
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
        let mut set = redis::cmd("SET");
        self.ask(
            set.arg(full_key(room, key))
                .arg(value)
                .arg("PX")
                .arg(millis(keep)),
        )
        .await
    }

    async fn put_once(
        &self,
        room: &'static str,
        key: &str,
        value: Vec<u8>,
        keep: Duration,
    ) -> Result<bool, Away> {
        fits(room, key, value.len())?;
        let mut set = redis::cmd("SET");
        let answer: Option<String> = self
            .ask(
                set.arg(full_key(room, key))
                    .arg(value)
                    .arg("PX")
                    .arg(millis(keep))
                    .arg("NX"),
            )
            .await?;
        Ok(answer.is_some())
    }

    async fn get(&self, room: &'static str, key: &str) -> Result<Option<Vec<u8>>, Away> {
        fits(room, key, 0)?;
        self.ask(redis::cmd("GET").arg(full_key(room, key))).await
    }

    async fn take(&self, room: &'static str, key: &str) -> Result<Option<Vec<u8>>, Away> {
        fits(room, key, 0)?;
        self.ask(redis::cmd("GETDEL").arg(full_key(room, key)))
            .await
    }

    async fn count(&self, room: &'static str, key: &str, keep: Duration) -> Result<u64, Away> {
        fits(room, key, 0)?;
        let mut connection = self.connection().await?;
        let mut call = self.count.prepare_invoke();
        call.key(full_key(room, key)).arg(millis(keep));
        tokio::time::timeout(ANSWER * 2, call.invoke_async(&mut connection))
            .await
            .map_err(|_| Away::Unreachable("Redis does not answer".to_owned()))?
            .map_err(away)
    }

    async fn ready(&self) -> Result<(), Away> {
        let pong: String = self.ask(&redis::cmd("PING")).await?;
        if pong == "PONG" {
            Ok(())
        } else {
            Err(Away::Unreachable(pong))
        }
    }
}

#[cfg(test)]
mod tests;
