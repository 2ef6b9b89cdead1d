//! Whom the identity provider sends to the account pages: the two never meet.

use account::Arrival;
use web::Refused;

/// Those that the identity provider announces on the shelf.
pub(super) struct OnShelf(pub(super) idp::Tickets);

#[async_trait::async_trait(?Send)]
impl account::Arrivals for OnShelf {
    async fn take(&self, ticket: &str, browser: &str) -> Result<Option<Arrival>, Refused> {
        let handed = self.0.take(ticket, browser).await?;
        Ok(handed.map(|handed| Arrival {
            person: handed.person,
            session: handed.session,
            back: handed.back,
            form_action: handed.form_action,
        }))
    }
}
