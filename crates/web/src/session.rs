//! Sessions: a value on the shelf under a hashed token, the token in a cookie.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Refused, Visit};

/// How often a visit renews the idle time on the shelf: a page view is not a write.
const TOUCH_EVERY_S: i64 = 60;
/// How long it is remembered that a session was closed: longer than a visit that read it before,
/// and writes it after, can last.
const CLOSED_FOR: Duration = Duration::from_secs(300);

/// The sessions of one service.
pub struct Sessions<T> {
    drawer: store::Drawer<Kept<T>>,
    /// When a session was closed: a visit under way in another tab does not bring it back.
    closed: store::Drawer<DateTime<Utc>>,
    cookie: String,
    idle: Duration,
    whole: Duration,
}

/// A session that is open.
#[derive(Debug, Clone)]
pub struct Session<T> {
    /// The shelf key: SHA-256 of the token, never the token.
    pub key: String,
    /// When it was opened.
    pub opened: DateTime<Utc>,
    /// What it holds.
    pub value: T,
}

/// A session as it is looked at from elsewhere: nothing of it is renewed.
#[derive(Debug, Clone)]
pub struct Seen<T> {
    /// When it was opened.
    pub opened: DateTime<Utc>,
    /// When its browser was last here, to the minute.
    pub last: DateTime<Utc>,
    /// What it holds.
    pub value: T,
}

#[derive(Serialize, Deserialize)]
struct Kept<T> {
    opened: DateTime<Utc>,
    touched: DateTime<Utc>,
    value: T,
}

impl<T: Serialize + DeserializeOwned + Clone> Sessions<T> {
    /// Sessions kept in the drawer `room`, named by the cookie `cookie`, forgotten after `idle`
    /// without a visit and `whole` after opening.
    pub fn new(
        shelf: Arc<dyn store::Shelf>,
        room: &'static str,
        cookie: String,
        idle: Duration,
        whole: Duration,
    ) -> Self {
        Self {
            drawer: store::Drawer::new(Arc::clone(&shelf), room),
            closed: store::Drawer::new(shelf, room),
            cookie,
            idle,
            whole,
        }
    }

    /// Opens a session under a fresh token; the one the browser had is closed (rotation).
    pub async fn open(&self, visit: &Visit, value: T) -> Result<Session<T>, Refused> {
        let now = visit.edge().now();
        self.begin(visit, value, now).await
    }

    /// The session goes on under a fresh token, worth more than before: who holds the old token holds
    /// nothing. It lasts no longer for it.
    pub async fn renew(&self, visit: &Visit, session: &Session<T>) -> Result<Session<T>, Refused> {
        let value = session.value.clone();
        self.begin(visit, value, session.opened).await
    }

    async fn begin(
        &self,
        visit: &Visit,
        value: T,
        opened: DateTime<Utc>,
    ) -> Result<Session<T>, Refused> {
        let now = visit.edge().now();
        if let Some(key) = self.key(visit) {
            self.remove(&key, now).await?;
        }
        let token = URL_SAFE_NO_PAD.encode(visit.edge().random::<32>());
        let session = Session {
            key: digest(&token),
            opened,
            value,
        };
        self.keep(&session, now).await?;
        visit.set_cookie(&self.cookie, &token, None);
        Ok(session)
    }

    /// The session of this browser; its idle time starts anew (written at most once a minute).
    pub async fn current(&self, visit: &Visit) -> Result<Option<Session<T>>, Refused> {
        match self.key(visit) {
            Some(key) => self.of_key(&key, visit.edge().now()).await,
            None => Ok(None),
        }
    }

    /// The same of the session kept under `key` ([`Session::key`]), for whoever has it from that browser
    /// in another way than by its cookie.
    pub async fn of_key(
        &self,
        key: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Session<T>>, Refused> {
        let Some(kept) = readable(self.drawer.get(key).await)? else {
            return Ok(None);
        };
        let session = Session {
            key: key.to_owned(),
            opened: kept.opened,
            value: kept.value,
        };
        if self.left(session.opened, now).is_zero() {
            return Ok(None);
        }
        if (now - kept.touched).num_seconds() >= self.touch_every_s() {
            return Ok(self.keep(&session, now).await?.then_some(session));
        }
        Ok(Some(session))
    }

    /// Replaces what it holds; one that was closed meanwhile stays closed.
    pub async fn replace(&self, visit: &Visit, session: &Session<T>) -> Result<(), Refused> {
        self.keep(session, visit.edge().now()).await?;
        Ok(())
    }

    /// Closes it and removes the cookie; says what it held.
    pub async fn close(&self, visit: &Visit) -> Result<Option<Session<T>>, Refused> {
        let Some(key) = self.key(visit) else {
            return Ok(None);
        };
        visit.set_cookie(&self.cookie, "", None);
        let kept = self.remove(&key, visit.edge().now()).await?;
        Ok(kept.map(|kept| Session {
            key,
            opened: kept.opened,
            value: kept.value,
        }))
    }

    /// The session kept under `key`, wherever its browser is; it is not renewed by this.
    pub async fn look(&self, key: &str, now: DateTime<Utc>) -> Result<Option<Seen<T>>, Refused> {
        let kept = readable(self.drawer.get(key).await)?;
        let kept = kept.filter(|kept| !self.left(kept.opened, now).is_zero());
        Ok(kept.map(|kept| Seen {
            opened: kept.opened,
            last: kept.touched,
            value: kept.value,
        }))
    }

    /// Closes the session kept under `key` ([`Session::key`]), wherever its browser is; says what it
    /// held.
    pub async fn end(&self, key: &str, now: DateTime<Utc>) -> Result<Option<T>, Refused> {
        Ok(self.remove(key, now).await?.map(|kept| kept.value))
    }

    /// Says whether it is open still: it is written first and looked up after, as closing marks
    /// first and takes after, so that of two visits at once closing wins.
    async fn keep(&self, session: &Session<T>, now: DateTime<Utc>) -> Result<bool, Refused> {
        let keep = self.idle.min(self.left(session.opened, now));
        let kept = Kept {
            opened: session.opened,
            touched: now,
            value: session.value.clone(),
        };
        self.drawer.put(&session.key, &kept, keep).await?;
        let closed = self.closed.get(&mark(&session.key)).await?.is_some();
        if closed {
            self.drawer.take(&session.key).await?;
        }
        Ok(!closed)
    }

    async fn remove(&self, key: &str, now: DateTime<Utc>) -> Result<Option<Kept<T>>, Refused> {
        self.closed.put(&mark(key), &now, CLOSED_FOR).await?;
        Ok(readable(self.drawer.take(key).await)?)
    }

    /// Half of a short idle time, so that who is there stays.
    fn touch_every_s(&self) -> i64 {
        let half = i64::try_from(self.idle.as_secs() / 2).unwrap_or(TOUCH_EVERY_S);
        TOUCH_EVERY_S.min(half)
    }

    fn left(&self, opened: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
        self.whole
            .saturating_sub((now - opened).to_std().unwrap_or_default())
    }

    /// The key of the session that this browser has or had: its cookie may outlive it.
    pub fn named(&self, visit: &Visit) -> Option<String> {
        self.key(visit)
    }

    fn key(&self, visit: &Visit) -> Option<String> {
        visit
            .cookie(&self.cookie)
            .filter(|token| token.len() == 43)
            .map(|token| digest(&token))
    }
}

/// Under what it is remembered that a session was closed.
fn mark(key: &str) -> String {
    format!("{key}.closed")
}

/// What another release wrote in another form is no session: the visitor signs in again, and is not
/// told that a store is away.
fn readable<K>(found: Result<Option<K>, store::Away>) -> Result<Option<K>, store::Away> {
    match found {
        Err(store::Away::Unreadable { .. }) => Ok(None),
        found => found,
    }
}

/// SHA-256 in hexadecimal: what stands on a shelf for what must not stand there.
pub fn digest(token: &str) -> String {
    hexadecimal(&Sha256::digest(token.as_bytes()))
}

/// Lower-case hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let digit = |half: u8| DIGITS.get(usize::from(half)).copied().unwrap_or('0');
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

#[cfg(test)]
mod tests;
