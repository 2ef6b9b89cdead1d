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
    /// What the journal calls it by, so that a trace finds its requests.
    pub(crate) name: String,
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use chrono::DateTime;

    use super::*;

    const BROWSER: &str = "browser-one";
    const TOKEN: &str = "abcdefghijklmnopqrstuv";

    /// A shelf whose clock the test moves.
    struct Scene {
        _folder: tempfile::TempDir,
        shelf: Arc<dyn Shelf>,
        clock: Arc<AtomicI64>,
    }

    impl Scene {
        fn open() -> Self {
            let folder = tempfile::TempDir::new().unwrap();
            let clock = Arc::new(AtomicI64::new(1_800_000_000));
            let read = Arc::clone(&clock);
            let shelf = store::embedded(
                &folder.path().join("shelf.redb"),
                Arc::new(move || DateTime::from_timestamp(read.load(Ordering::SeqCst), 0).unwrap()),
            )
            .unwrap();
            Self {
                _folder: folder,
                shelf,
                clock,
            }
        }

        fn attempts(&self, prefix: &'static str) -> Attempts {
            Attempts::new(Arc::clone(&self.shelf), prefix)
        }
    }

    fn attempt() -> Attempt {
        Attempt {
            browser: BROWSER.into(),
            target: Target::parse("/portail/x", "/portail").unwrap(),
            name: "attempt-one".into(),
        }
    }

    fn asked() -> Asked {
        Asked {
            attempt: attempt(),
            provider: EntityId::parse("https://idp.example/idp").unwrap(),
        }
    }

    fn request() -> MessageId {
        MessageId::from_random([7; 20])
    }

    #[tokio::test]
    async fn an_attempt_stays_for_the_browser_that_opened_it_and_no_other() {
        let scene = Scene::open();
        let attempts = scene.attempts("/portail");
        attempts.open(TOKEN, &attempt()).await.unwrap();
        for _ in 0..2 {
            let found = attempts.opened(TOKEN, BROWSER).await.unwrap();
            assert_eq!(found, Some(attempt()));
        }
        assert_eq!(attempts.opened(TOKEN, "browser-two").await.unwrap(), None);
        assert_eq!(attempts.opened(TOKEN, "").await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_was_asked_is_looked_at_often_and_taken_once() {
        let scene = Scene::open();
        let attempts = scene.attempts("/portail");
        attempts.ask(&request(), &asked()).await.unwrap();
        assert_eq!(attempts.look(&request()).await.unwrap(), Some(asked()));
        assert_eq!(attempts.look(&request()).await.unwrap(), Some(asked()));
        assert_eq!(attempts.take(&request()).await.unwrap(), Some(asked()));
        assert_eq!(attempts.take(&request()).await.unwrap(), None);
        assert_eq!(attempts.look(&request()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn an_attempt_is_forgotten_after_an_hour() {
        let scene = Scene::open();
        let attempts = scene.attempts("/portail");
        attempts.open(TOKEN, &attempt()).await.unwrap();
        attempts.ask(&request(), &asked()).await.unwrap();
        scene.clock.fetch_add(3601, Ordering::SeqCst);
        assert_eq!(attempts.opened(TOKEN, BROWSER).await.unwrap(), None);
        assert_eq!(attempts.take(&request()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn services_on_one_shelf_do_not_share_attempts() {
        let scene = Scene::open();
        let portal = scene.attempts("/portail");
        portal.open(TOKEN, &attempt()).await.unwrap();
        portal.ask(&request(), &asked()).await.unwrap();
        let viewer = scene.attempts("/magistere");
        assert_eq!(viewer.opened(TOKEN, BROWSER).await.unwrap(), None);
        assert_eq!(viewer.take(&request()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_cannot_be_ours_is_not_looked_for() {
        let scene = Scene::open();
        let attempts = scene.attempts("/portail");
        for token in [
            "",
            "short",
            "../../../etc/passwd",
            &"a".repeat(65),
            "with space in it..",
        ] {
            assert_eq!(
                attempts.opened(token, BROWSER).await.unwrap(),
                None,
                "{token}"
            );
        }
        let long = MessageId::parse(&format!("_{}", "a".repeat(200))).unwrap();
        assert_eq!(attempts.look(&long).await.unwrap(), None);
        assert_eq!(attempts.take(&long).await.unwrap(), None);
    }
}
