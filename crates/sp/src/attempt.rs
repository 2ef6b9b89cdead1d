//! Attempts: each sign-on that was begun, on its own, so that any number of tabs may sign in at
//! once and each lands where it wanted to.
//!
//! An attempt is kept twice at most: under a token of ours while the visitor chooses a provider,
//! and under the ID of the request once a provider was asked.

use std::sync::Arc;
use std::time::Duration;

use saml::{EntityId, MessageId};
use store::{Away, Drawer, Shelf};

use crate::Target;

/// How long a visitor may take to choose and to sign in.
pub(crate) const ATTEMPT_LASTS: Duration = Duration::from_secs(3600);

/// A sign-on that was begun in one browser.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Attempt {
    /// The browser that began it.
    pub(crate) browser: String,
    /// Where it wanted to go.
    pub(crate) target: Target,
}

/// An attempt for which a provider was asked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Asked {
    /// The attempt.
    pub(crate) attempt: Attempt,
    /// The provider that was asked: no other may answer.
    pub(crate) provider: EntityId,
}

/// The attempts of one service.
pub(crate) struct Attempts {
    prefix: &'static str,
    opened: Drawer<Attempt>,
    asked: Drawer<Asked>,
}

impl Attempts {
    /// The attempts of the service at `prefix`; services that share a shelf do not share attempts.
    pub(crate) fn new(shelf: Arc<dyn Shelf>, prefix: &'static str) -> Self {
        Self {
            prefix,
            opened: Drawer::new(Arc::clone(&shelf), "sp.attempt"),
            asked: Drawer::new(shelf, "sp.asked"),
        }
    }

    /// Keeps an attempt under a token while the visitor chooses.
    pub(crate) async fn open(&self, token: &str, attempt: &Attempt) -> Result<(), Away> {
        self.opened
            .put(&self.key(token), attempt, ATTEMPT_LASTS)
            .await
    }

    /// The attempt under a token, for the browser that opened it. It stays: a visitor who comes
    /// back to choose another provider still has it.
    pub(crate) async fn opened(&self, token: &str, browser: &str) -> Result<Option<Attempt>, Away> {
        if !is_token(token) {
            return Ok(None);
        }
        let found = self.opened.get(&self.key(token)).await?;
        Ok(found.filter(|attempt| attempt.browser == browser))
    }

    /// Keeps what was asked under the request's ID.
    pub(crate) async fn ask(&self, request: &MessageId, asked: &Asked) -> Result<(), Away> {
        self.asked
            .put(&self.key(request.as_str()), asked, ATTEMPT_LASTS)
            .await
    }

    /// What was asked under this ID, left in place.
    pub(crate) async fn look(&self, request: &MessageId) -> Result<Option<Asked>, Away> {
        match self.request_key(request) {
            Some(key) => self.asked.get(&key).await,
            None => Ok(None),
        }
    }

    /// Takes what was asked under this ID: of any number of answers at once, one gets it.
    pub(crate) async fn take(&self, request: &MessageId) -> Result<Option<Asked>, Away> {
        match self.request_key(request) {
            Some(key) => self.asked.take(&key).await,
            None => Ok(None),
        }
    }

    /// Our own IDs have 41 characters; a longer one would not fit a shelf's key, and is not ours.
    fn request_key(&self, request: &MessageId) -> Option<String> {
        (request.as_str().len() <= 64).then(|| self.key(request.as_str()))
    }

    fn key(&self, id: &str) -> String {
        format!("{} {id}", self.prefix)
    }
}

/// Whether a text can be a token of the edge at all.
pub(crate) fn is_token(text: &str) -> bool {
    (16..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
