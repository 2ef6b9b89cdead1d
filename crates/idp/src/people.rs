//! People as the directory has them, kept for a moment: a sign-on a second must not be a look-up a
//! second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use directory::{Accounts, Person};
use web::Refused;

/// An account that is disabled or changed is so everywhere after this time, however that was done; who
/// tells the directory's notices of it need not wait ([`crate::endings`]).
const KEPT: TimeDelta = TimeDelta::seconds(20);
/// People kept; when more come, everybody is looked up anew.
const AT_MOST: usize = 20_000;

/// A person, and when they were looked up.
type Seen = (DateTime<Utc>, Arc<Person>);

pub(crate) struct People {
    accounts: Arc<dyn Accounts>,
    seen: Mutex<HashMap<String, Seen>>,
}

impl People {
    pub(crate) fn of(accounts: Arc<dyn Accounts>) -> Self {
        Self {
            accounts,
            seen: Mutex::default(),
        }
    }

    /// Looks a person up anew, next time.
    pub(crate) fn forget(&self, id: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.remove(id);
    }

    /// The person of that id, unless their account is gone or disabled.
    pub(crate) async fn find(
        &self,
        id: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Person>>, Refused> {
        let seen = self
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .cloned();
        if let Some((at, person)) = seen
            && now - at < KEPT
        {
            return Ok(Some(person));
        }
        let found = self
            .accounts
            .person(id)
            .await
            .map_err(crate::refusals::away)?
            .map(Arc::new);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= AT_MOST {
            seen.clear();
        }
        match &found {
            Some(person) => seen.insert(id.to_owned(), (now, Arc::clone(person))),
            None => seen.remove(id),
        };
        Ok(found)
    }
}
