//! Who comes from the sign-on with a password that was given to them, to choose their own and go back.

use serde::{Deserialize, Serialize};
use web::Refused;

/// Somebody who proved a given password a moment ago.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Arrival {
    /// Who: [`directory::Person::id`].
    pub person: String,
    /// The session that goes on, by its `SessionIndex`.
    pub session: String,
    /// The path to go back to.
    pub back: String,
    /// Where the form may end then ([`web::Page::form_action`]).
    pub form_action: Option<String>,
}

/// Where they are announced.
#[async_trait::async_trait(?Send)]
pub trait Arrivals: Send + Sync {
    /// Whom this browser's ticket announces; a ticket is taken once.
    async fn take(&self, ticket: &str, browser: &str) -> Result<Option<Arrival>, Refused>;
}
