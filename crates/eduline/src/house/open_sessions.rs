//! What the account pages see of the identity provider's sessions: the two never meet.

use account::OpenSession;
use chrono::{DateTime, Utc};
use directory::Realm;
use web::Refused;

/// Those that the identity provider keeps on the shelf.
pub(super) struct OnShelf(pub(super) idp::OpenSessions);

#[async_trait::async_trait(?Send)]
impl account::OpenSessions for OnShelf {
    async fn of(
        &self,
        person: (Realm, &str),
        now: DateTime<Utc>,
    ) -> Result<Vec<OpenSession>, Refused> {
        let open = self.0.of(person, now).await?;
        let seen = |one: idp::OpenSession| OpenSession {
            index: one.index,
            since: one.since,
            last: one.last,
            second: one.second,
            address: one.address,
            device: one.device,
            services: one.services,
        };
        Ok(open.into_iter().map(seen).collect())
    }
}
