//! What is kept so that a session can be ended by somebody who is not its browser.

use std::sync::Arc;
use std::time::Duration;

use saml::logout::{LogoutRequest, Outcome};
use saml::response::{Login, NameId};
use saml::{EntityId, MessageId, Moment};
use serde::{Deserialize, Serialize};
use store::{Away, Drawer, Several, Shelf};

use crate::attempt::is_token;
use crate::refusals::digest;

/// How long the way to the provider and back may take.
const LEAVING_LASTS: Duration = Duration::from_secs(3600);
/// An assertion that was issued before its session ended cannot be presented after this.
const ENDED_FOR: Duration = Duration::from_secs(3600);
/// Sessions that are known by one name of one provider.
const SESSIONS: u32 = 64;

/// A session that a provider's name stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// `SessionIndex`.
    index: Option<String>,
    /// The session's key.
    key: String,
}

/// A session that ended here, and may end at the provider too.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Leaving {
    /// The browser it was of.
    pub(super) browser: String,
    /// Who opened it.
    pub(super) provider: EntityId,
    /// What the provider calls the person, all of it as it was given (SDP-SP29).
    pub(super) name_id: NameId,
    /// `SessionIndex`.
    pub(super) index: Option<String>,
    /// What the provider said.
    pub(super) said: Option<Said>,
}

/// What the provider said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Said {
    /// Everything is closed.
    Done,
    /// Its own session is closed, and not every service.
    Partial,
    /// It did not close its session.
    Failed,
}

impl From<Outcome> for Said {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::Done,
            Outcome::Partial => Self::Partial,
            Outcome::Failed => Self::Failed,
        }
    }
}

impl Said {
    /// The word for it, in the journal.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

/// The sessions of one service as providers know them, and those that are being left.
pub(crate) struct Leavings {
    prefix: &'static str,
    whole: Duration,
    named: Several<Known>,
    ended: Drawer<()>,
    leaving: Drawer<Leaving>,
    asked: Drawer<String>,
    spent: Drawer<()>,
}

impl Leavings {
    /// Of the service at `prefix`, whose sessions last `whole` at most.
    pub(crate) fn new(shelf: &Arc<dyn Shelf>, prefix: &'static str, whole: Duration) -> Self {
        let shelf = || Arc::clone(shelf);
        Self {
            prefix,
            whole,
            named: Several::new(shelf(), "sp.session-name", SESSIONS),
            ended: Drawer::new(shelf(), "sp.session-ended"),
            leaving: Drawer::new(shelf(), "sp.leaving"),
            asked: Drawer::new(shelf(), "sp.leaving-asked"),
            spent: Drawer::new(shelf(), "sp.logout-spent"),
        }
    }

    /// Remembers under which key a session is kept that was opened by this answer; `false`: the
    /// provider ended it before it was opened (SAML Core 3.7.3.1).
    pub(crate) async fn opened(
        &self,
        provider: &EntityId,
        login: &Login,
        key: &str,
    ) -> Result<bool, Away> {
        let Some(name_id) = &login.name_id else {
            return Ok(true);
        };
        let index = login.session_index.clone();
        let ended = self.ended_key(provider, name_id, index.as_deref().unwrap_or_default());
        let known = Known {
            index,
            key: key.to_owned(),
        };
        let name = self.name(provider, name_id);
        self.named.add(&name, &known, self.whole).await?;
        Ok(self.ended.get(&ended).await?.is_none())
    }

    /// The keys of the sessions a request of a provider means. What it names is marked first: an
    /// answer that is still on its way opens nothing.
    pub(super) async fn meant(
        &self,
        provider: &EntityId,
        request: &LogoutRequest,
    ) -> Result<Vec<String>, Away> {
        for index in &request.session_indexes {
            let key = self.ended_key(provider, &request.name_id, index);
            self.ended.put(&key, &(), ENDED_FOR).await?;
        }
        let name = self.name(provider, &request.name_id);
        let known = self.named.all(&name).await?;
        let indexes = &request.session_indexes;
        let is_meant = |known: &Known| {
            let index = known.index.as_ref();
            indexes.is_empty() || index.is_some_and(|index| indexes.contains(index))
        };
        let meant = known.into_iter().filter(is_meant);
        Ok(meant.map(|known| known.key).collect())
    }

    /// Spends a request for as long as it could come again; `false`: it was spent.
    pub(super) async fn spend(&self, request: &LogoutRequest, now: Moment) -> Result<bool, Away> {
        let keep = (request.replay_until() - now).to_std().unwrap_or_default();
        // Both ends of the time in which it is fresh count, whatever fractions of a second say.
        let keep = keep + Duration::from_secs(60);
        let name = format!("{}\n{}", request.issuer, request.id);
        let key = format!("{} {}", self.prefix, digest(&name));
        self.spent.put_once(&key, &(), keep).await
    }

    /// Keeps a session that was left.
    pub(super) async fn keep(&self, ticket: &str, leaving: &Leaving) -> Result<(), Away> {
        self.leaving
            .put(&self.key(ticket), leaving, LEAVING_LASTS)
            .await
    }

    /// The session that was left under this ticket.
    pub(super) async fn left(&self, ticket: &str) -> Result<Option<Leaving>, Away> {
        if is_token(ticket) {
            self.leaving.get(&self.key(ticket)).await
        } else {
            Ok(None)
        }
    }

    /// Remembers what a request of ours was about.
    pub(super) async fn ask(&self, request: &MessageId, ticket: &str) -> Result<(), Away> {
        let ticket = ticket.to_owned();
        let key = self.key(request.as_str());
        self.asked.put(&key, &ticket, LEAVING_LASTS).await
    }

    /// The ticket a request of ours was about. It stays: an answer loaded again says the same.
    pub(super) async fn asked(&self, request: &MessageId) -> Result<Option<String>, Away> {
        // Our own IDs have 41 characters; a longer one would not fit a shelf's key, and is not ours.
        if request.as_str().len() > 64 {
            return Ok(None);
        }
        self.asked.get(&self.key(request.as_str())).await
    }

    fn key(&self, of: &str) -> String {
        format!("{} {of}", self.prefix)
    }

    fn name(&self, provider: &EntityId, name_id: &NameId) -> String {
        self.key(&digest(&format!("{provider}\n{}", name_id.value)))
    }

    fn ended_key(&self, provider: &EntityId, name_id: &NameId, index: &str) -> String {
        self.key(&digest(&format!("{provider}\n{}\n{index}", name_id.value)))
    }
}
