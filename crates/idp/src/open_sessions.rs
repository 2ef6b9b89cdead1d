//! The open sessions of a person, in whatever process they were opened: for the pages where people look
//! after their account.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use directory::Realm;
use saml::EntityId;
use store::Shelf;
use web::{Refused, Sessions};

use crate::logout::Participants;
use crate::session::{self, SignedOn};

/// One open session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSession {
    /// Its `SessionIndex`.
    pub index: String,
    /// When its person last gave their password.
    pub since: DateTime<Utc>,
    /// When its browser was last here, to the minute.
    pub last: DateTime<Utc>,
    /// Whether a second factor was given.
    pub second: bool,
    /// The address the password came from; empty: not known.
    pub address: String,
    /// What the browser says it is; may be empty.
    pub device: String,
    /// The services that were told of it.
    pub services: Vec<EntityId>,
}

/// The open sessions of all realms, as they stand on a shelf.
pub struct OpenSessions(HashMap<Realm, (Participants, Sessions<SignedOn>)>);

impl OpenSessions {
    /// Those on this shelf.
    pub fn on(shelf: &Arc<dyn Shelf>) -> Self {
        let realms = Realm::ALL.into_iter().map(|realm| {
            let participants = Participants::new(shelf, realm.as_str());
            (realm, (participants, session::sessions(shelf, realm)))
        });
        Self(realms.collect())
    }

    /// Those of a person, the latest seen first.
    pub async fn of(
        &self,
        (realm, person): (Realm, &str),
        now: DateTime<Utc>,
    ) -> Result<Vec<OpenSession>, Refused> {
        let Some((participants, sessions)) = self.0.get(&realm) else {
            return Ok(Vec::new());
        };
        let mut open = Vec::new();
        for (index, _) in participants.of_person(person).await? {
            let Some(key) = participants.session(&index).await? else {
                continue;
            };
            let seen = sessions.look(&key, now).await?;
            let Some(seen) = seen.filter(|seen| seen.value.person == person) else {
                continue;
            };
            let signed_on = seen.value;
            let (address, device) = signed_on
                .from
                .map_or_else(Default::default, |from| (from.address, from.device));
            open.push(OpenSession {
                services: participants.told(&index).await?,
                index,
                since: signed_on.authn_instant,
                last: seen.last,
                second: signed_on.second.is_some(),
                address,
                device,
            });
        }
        open.sort_by_key(|one| std::cmp::Reverse(one.last));
        Ok(open)
    }
}
