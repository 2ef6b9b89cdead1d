//! Sessions: a value on the shelf under a hashed token, the token in a cookie.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Refused, Visit};

/// The sessions of one service.
pub struct Sessions<T> {
    #[expect(dead_code, reason = "skeleton")]
    drawer: store::Drawer<T>,
}

/// A session that is open.
#[derive(Debug, Clone)]
pub struct Session<T> {
    /// The shelf key: SHA-256 of the token, never the token.
    pub key: String,
    /// When it was opened.
    pub opened: chrono::DateTime<chrono::Utc>,
    /// What it holds.
    pub value: T,
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
        let _ = (cookie, idle, whole);
        Self {
            drawer: store::Drawer::new(shelf, room),
        }
    }
    /// Opens a session under a fresh token; the one the browser had is closed (rotation).
    pub async fn open(&self, visit: &Visit, value: T) -> Result<Session<T>, Refused> {
        let _ = (visit, value);
        todo!()
    }
    /// The session of this browser; its idle time starts anew (written at most once a minute).
    pub async fn current(&self, visit: &Visit) -> Result<Option<Session<T>>, Refused> {
        let _ = visit;
        todo!()
    }
    /// Replaces what it holds.
    pub async fn replace(&self, visit: &Visit, session: &Session<T>) -> Result<(), Refused> {
        let _ = (visit, session);
        todo!()
    }
    /// Closes it and removes the cookie; says what it held.
    pub async fn close(&self, visit: &Visit) -> Result<Option<Session<T>>, Refused> {
        let _ = visit;
        todo!()
    }
}
