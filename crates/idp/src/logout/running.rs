//! A logout under way: on the shelf, under a name that only its browser knows.

use std::sync::Arc;
use std::time::Duration;

use saml::logout::Outcome;
use saml::response::NameId;
use saml::{Binding, EntityId, MessageId};
use serde::{Deserialize, Serialize};
use store::{Away, Drawer, Shelf};
use web::Visit;

/// How long a logout may take, services that hang included.
const KEPT: Duration = Duration::from_secs(3600);

/// One logout.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Logout {
    /// The browser it belongs to; none as long as it was not seen (it was begun from another site).
    browser: Option<String>,
    /// The service that asked for it and waits for an answer.
    pub(super) requester: Option<Requester>,
    /// How many services are told of it.
    tellings: u32,
}

/// Who asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Requester {
    /// The service.
    pub(super) service: EntityId,
    /// Its request.
    pub(super) request: MessageId,
    /// What came with it, to be given back.
    pub(super) relay_state: Option<String>,
    /// How it came, and how the answer goes.
    pub(super) binding: Binding,
}

/// One service, and what it came to there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Telling {
    /// The service.
    pub(super) service: EntityId,
    /// What it calls the person.
    pub(super) name_id: Option<NameId>,
    /// The session it was told of.
    pub(super) index: String,
    /// What it came to.
    pub(super) state: State,
}

/// What became of one service's session, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    /// Its turn has not come.
    Waiting,
    /// The visitor was sent there and has not come back with an answer.
    Asked,
    /// It says that the session is over.
    Done,
    /// It says that the session is over, and that another one behind it may not be.
    Partial,
    /// It says no, or nothing that counts.
    Failed,
    /// It cannot be told.
    Unsupported,
}

impl State {
    /// The word for it, in the journal and on the page.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Asked => "asked",
            Self::Done => "done",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Unsupported => "unsupported",
        }
    }

    /// Whether something is still to come.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Asked)
    }
}

impl From<Outcome> for State {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::Done,
            Outcome::Partial => Self::Partial,
            Outcome::Failed => Self::Failed,
        }
    }
}

/// What a request of ours was about: found by its ID when the answer comes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Asked {
    /// The logout.
    pub(super) logout: String,
    /// Which of its services.
    pub(super) number: u32,
}

/// The logouts under way.
pub(crate) struct Logouts {
    realm: &'static str,
    running: Drawer<Logout>,
    tellings: Drawer<Telling>,
    asked: Drawer<Asked>,
    spent: Drawer<()>,
}

impl Logouts {
    pub(crate) fn new(shelf: &Arc<dyn Shelf>, realm: &'static str) -> Self {
        let shelf = || Arc::clone(shelf);
        Self {
            realm,
            running: Drawer::new(shelf(), "idp.logout"),
            tellings: Drawer::new(shelf(), "idp.logout-telling"),
            asked: Drawer::new(shelf(), "idp.logout-asked"),
            spent: Drawer::new(shelf(), "idp.logout-spent"),
        }
    }

    /// Keeps a logout of these services.
    pub(super) async fn begin(
        &self,
        id: &str,
        (browser, requester): (Option<String>, Option<Requester>),
        tellings: &[Telling],
    ) -> Result<(), Away> {
        let numbers = (0..).zip(tellings);
        let logout = Logout {
            browser,
            requester,
            tellings: u32::try_from(tellings.len()).unwrap_or(u32::MAX),
        };
        for (number, telling) in numbers {
            self.put(id, number, telling).await?;
        }
        self.running.put(&self.key(id), &logout, KEPT).await
    }

    /// The logout of that name, if it is of this realm and of this browser; one that no
    /// browser was seen of is of the first that comes with its name.
    pub(super) async fn of(&self, visit: &Visit, id: &str) -> Result<Option<Logout>, Away> {
        if id.len() > 64 {
            return Ok(None);
        }
        let Some(mut logout) = self.running.get(&self.key(id)).await? else {
            return Ok(None);
        };
        match &logout.browser {
            None => {
                logout.browser = Some(visit.browser().to_owned());
                self.running.put(&self.key(id), &logout, KEPT).await?;
            }
            Some(browser) if visit.browser_is_known() && browser == visit.browser() => {}
            Some(_) => return Ok(None),
        }
        Ok(Some(logout))
    }

    /// Its services, in order.
    pub(super) async fn tellings(
        &self,
        id: &str,
        logout: &Logout,
    ) -> Result<Vec<(u32, Telling)>, Away> {
        let mut found = Vec::new();
        for number in 0..logout.tellings {
            if let Some(telling) = self.tellings.get(&self.at(id, number)).await? {
                found.push((number, telling));
            }
        }
        Ok(found)
    }

    /// One of its services.
    pub(super) async fn telling(&self, id: &str, number: u32) -> Result<Option<Telling>, Away> {
        self.tellings.get(&self.at(id, number)).await
    }

    /// Keeps what became of one service.
    pub(super) async fn put(&self, id: &str, number: u32, telling: &Telling) -> Result<(), Away> {
        self.tellings.put(&self.at(id, number), telling, KEPT).await
    }

    /// Remembers which service a request of ours went to.
    pub(super) async fn ask(&self, request: &MessageId, asked: &Asked) -> Result<(), Away> {
        let key = self.key(request.as_str());
        self.asked.put(&key, asked, KEPT).await
    }

    /// Which service was sent this request. It stays: an answer that is loaded again says the same.
    pub(super) async fn was_asked(&self, request: &MessageId) -> Result<Option<Asked>, Away> {
        // Our own IDs have 41 characters; a longer one would not fit a shelf's key, and is not ours.
        if request.as_str().len() > 64 {
            return Ok(None);
        }
        self.asked.get(&self.key(request.as_str())).await
    }

    /// The requester has its answer.
    pub(super) async fn answered(&self, id: &str, mut logout: Logout) -> Result<(), Away> {
        logout.requester = None;
        self.running.put(&self.key(id), &logout, KEPT).await
    }

    /// Spends a request for as long as it could come again; `false`: it was spent.
    pub(super) async fn spend(&self, name: &str, keep: Duration) -> Result<bool, Away> {
        self.spent.put_once(&self.key(name), &(), keep).await
    }

    fn key(&self, id: &str) -> String {
        format!("{} {id}", self.realm)
    }

    fn at(&self, id: &str, number: u32) -> String {
        format!("{} {id} {number}", self.realm)
    }
}
