//! The shelf of several machines: Redis, one key a value, expiry by the server.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::sentinel::{Sentinel, SentinelNodeConnectionInfo};
use redis::{
    Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue, IntoConnectionInfo,
    Pipeline, ProtocolVersion, RedisError, ServerErrorKind, TlsMode, Value,
};

use crate::{Away, Shelf, fits};

/// A server that takes longer to connect, or to answer, is away.
const ANSWER: Duration = Duration::from_secs(1);
/// Whoever asks waits at most this long: a connection and an answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a replica may take to have what was written, milliseconds: whoever comes after waits too.
const COPIED_MS: u64 = 500;

/// How Redis is reached.
#[derive(Clone, Default)]
pub struct RedisAt {
    /// `redis://name:password@host:6379/0`, or `rediss://…` for TLS. With `sentinels`, the host is the
    /// name by which they know the primary. It may hold a password: never printed.
    pub url: String,
    /// Sentinels to ask which server is the primary (`redis://host:26379`); none: the one in `url`.
    pub sentinels: Vec<String>,
    /// How many replicas must have what was written before it counts as kept.
    pub replicas: u32,
}

impl fmt::Debug for RedisAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisAt(…)")
    }
}

impl RedisAt {
    /// Whether the addresses are some; they are not repeated.
    pub fn is_address(&self) -> bool {
        Way::to(self).is_ok()
    }
}

/// Opens the Redis shelf `at`; connects when first asked, so that a server that is away at start is an
/// answer of 503, not a failed start.
pub async fn redis(at: &RedisAt) -> Result<Arc<dyn Shelf>, Away> {
    Ok(Arc::new(Redis {
        way: Way::to(at).map_err(away)?,
        line: Mutex::default(),
        replicas: at.replicas,
    }))
}

/// RESP3 tells at once when the server closes a connection, so that no visitor finds out first.
fn address(url: &str) -> Result<ConnectionInfo, RedisError> {
    let address = url.into_connection_info()?;
    let settings = address.redis_settings().clone();
    Ok(address.set_redis_settings(settings.set_protocol(ProtocolVersion::RESP3)))
}

struct Redis {
    way: Way,
    line: Mutex<Line>,
    replicas: u32,
}

/// The connection in use, shared by all; the manager reconnects by itself when it is closed.
#[derive(Clone, Default)]
struct Line {
    manager: Option<ConnectionManager>,
    number: u64,
}

/// How the server is found that takes writes.
enum Way {
    /// It is always the same.
    Straight(Box<Client>),
    /// Sentinels say which it is at the moment; one caller asks for all.
    Asked(Box<tokio::sync::Mutex<Sentinels>>),
}

struct Sentinels {
    all: Sentinel,
    primary: String,
    node: SentinelNodeConnectionInfo,
}

impl Way {
    fn to(at: &RedisAt) -> Result<Self, RedisError> {
        let to = address(&at.url)?;
        if at.sentinels.is_empty() {
            return Ok(Self::Straight(Box::new(Client::open(to)?)));
        }
        let node = SentinelNodeConnectionInfo::default()
            .set_redis_connection_info(to.redis_settings().clone());
        let (primary, node) = match to.addr() {
            ConnectionAddr::Tcp(host, _) => (host.clone(), node),
            ConnectionAddr::TcpTls { host, .. } => {
                (host.clone(), node.set_tls_mode(TlsMode::Secure))
            }
            _ => return Err((ErrorKind::InvalidClientConfig, "no name of a primary").into()),
        };
        Ok(Self::Asked(Box::new(tokio::sync::Mutex::new(Sentinels {
            all: Sentinel::build(at.sentinels.clone())?,
            primary,
            node,
        }))))
    }
}

fn lazy(client: &Client) -> Result<ConnectionManager, RedisError> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(ANSWER))
        .set_response_timeout(Some(ANSWER))
        .set_number_of_retries(0);
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}

/// Whether the server that said so did nothing: it was not there, or it is a primary no more.
fn is_elsewhere(why: &RedisError) -> bool {
    why.is_connection_refusal() || why.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
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
    /// Sends `commands` as one, and waits for the answer with patience.
    async fn ask<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, Away> {
        let asked = tokio::time::timeout(PATIENCE, async {
            match self.once(commands).await {
                // Sentinels may know of another one already.
                Err(why) if is_elsewhere(&why) && matches!(self.way, Way::Asked(_)) => {
                    self.once(commands).await
                }
                answer => answer,
            }
        });
        let number = self.line().number;
        if let Ok(answer) = asked.await {
            return answer.map_err(away);
        }
        self.hang_up(number);
        Err(Away::Unreachable("Redis does not answer".to_owned()))
    }

    async fn once<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, RedisError> {
        let (mut manager, number) = self.dial().await?;
        let answer = commands.query_async(&mut manager).await;
        if let Err(why) = &answer {
            let may_have_moved = why.is_io_error() || is_elsewhere(why);
            if why.is_timeout() || may_have_moved && matches!(self.way, Way::Asked(_)) {
                self.hang_up(number);
            }
        }
        answer
    }

    async fn read<T: FromRedisValue>(&self, command: Cmd) -> Result<T, Away> {
        let answer = self.ask::<(T,)>(&alone(command)).await;
        answer.map(|(answer,)| answer)
    }

    /// Sends what changes something: kept once as many replicas as asked for have it too.
    async fn write<T: FromRedisValue>(&self, mut commands: Pipeline) -> Result<T, Away> {
        if self.replicas == 0 {
            return self.ask::<(T,)>(&commands).await.map(|(answer,)| answer);
        }
        // Behind the write on the same connection: it speaks of what that connection wrote.
        commands.cmd("WAIT").arg(self.replicas).arg(COPIED_MS);
        let (answer, copies): (T, u32) = self.ask(&commands).await?;
        if copies < self.replicas {
            let (asked, few) = (self.replicas, copies);
            let why = format!("Redis: of {asked} replicas {few} have what was written");
            return Err(Away::Unreachable(why));
        }
        Ok(answer)
    }

    fn line(&self) -> Line {
        self.line
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The connection in use, or the next one.
    async fn dial(&self) -> Result<(ConnectionManager, u64), RedisError> {
        let line = self.line();
        if let Some(manager) = line.manager {
            return Ok((manager, line.number));
        }
        match &self.way {
            Way::Straight(client) => Ok(self.take_up(lazy(client)?)),
            Way::Asked(asked) => {
                let mut asked = asked.lock().await;
                // Whoever asked before us has found it.
                let line = self.line();
                if let Some(manager) = line.manager {
                    return Ok((manager, line.number));
                }
                let Sentinels { all, primary, node } = &mut *asked;
                let client = all.async_master_for(primary, Some(node)).await?;
                Ok(self.take_up(lazy(&client)?))
            }
        }
    }

    fn take_up(&self, manager: ConnectionManager) -> (ConnectionManager, u64) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let manager = line.manager.get_or_insert(manager).clone();
        (manager, line.number)
    }

    /// A machine that vanished closes nothing, and TCP would try for a quarter of an hour: after a
    /// silence, whoever asks next dials again.
    fn hang_up(&self, number: u64) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if line.number == number {
            *line = Line {
                manager: None,
                number: number.wrapping_add(1),
            };
        }
    }
}

/// One command, sent alone.
fn alone(command: Cmd) -> Pipeline {
    let mut commands = redis::pipe();
    commands.add_command(command);
    commands
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
        self.write(alone(set(room, key, &value, keep))).await
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
        let answer: Option<String> = self.write(alone(once)).await?;
        Ok(answer.is_some())
    }

    async fn get(&self, room: &'static str, key: &str) -> Result<Option<Vec<u8>>, Away> {
        fits(room, key, 0)?;
        let mut get = redis::cmd("GET");
        get.arg(full_key(room, key));
        self.read(get).await
    }

    async fn take(&self, room: &'static str, key: &str) -> Result<Option<Vec<u8>>, Away> {
        fits(room, key, 0)?;
        let mut take = redis::cmd("GETDEL");
        take.arg(full_key(room, key));
        self.write(alone(take)).await
    }

    async fn count(&self, room: &'static str, key: &str, keep: Duration) -> Result<u64, Away> {
        fits(room, key, 0)?;
        // As a whole: a counter that ended between the two would come back without an end.
        let mut both = redis::pipe();
        both.cmd("MULTI").ignore();
        let mut zero = set(room, key, b"0", keep);
        both.add_command(zero.arg("NX").clone()).ignore();
        both.cmd("INCR").arg(full_key(room, key)).ignore();
        both.cmd("EXEC");
        let (_, counted): (Value, u64) = self.write(both).await?;
        Ok(counted)
    }

    async fn ready(&self) -> Result<(), Away> {
        let pong: String = self.read(redis::cmd("PING")).await?;
        if pong == "PONG" {
            Ok(())
        } else {
            Err(Away::Unreachable(format!("Redis says {pong}")))
        }
    }
}

#[cfg(test)]
mod tests;
