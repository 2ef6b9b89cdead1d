//! A person who is signed in at a service, and what is known of them.

use saml::attribute::{DISPLAY_NAME, GIVEN_NAME, SN, SUBJECT_ID, UID};
use saml::response::Login;
use saml::{EntityId, Moment};

/// A person who is signed in, as their identity provider told it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SignedIn {
    /// What the identity provider said, without scoped values it has no right to.
    pub login: Login,
    /// The identity provider that was asked and that answered.
    pub provider: EntityId,
    /// The fingerprint of the key that verified the answer.
    pub key: Option<String>,
}

impl SignedIn {
    /// The login to show and to tell people apart by on one page: uid, else subject-id, else the
    /// name identifier. Two identity providers may use the same one (SDP-SP16): what a service
    /// keeps, it keeps under [`SignedIn::provider`] and this together.
    pub fn user(&self) -> &str {
        self.first(UID.name)
            .or_else(|| self.first(SUBJECT_ID.name))
            .or_else(|| self.login.name_id.as_ref().map(|id| id.value.as_str()))
            .unwrap_or_default()
    }

    /// The name to greet: displayName, else given name and surname, else [`SignedIn::user`]
    /// (SDP-SP18).
    pub fn name(&self) -> String {
        if let Some(name) = self.first(DISPLAY_NAME.name) {
            return name.to_owned();
        }
        match (self.first(GIVEN_NAME.name), self.first(SN.name)) {
            (Some(given), Some(surname)) => format!("{given} {surname}"),
            (Some(one), None) | (None, Some(one)) => one.to_owned(),
            (None, None) => self.user().to_owned(),
        }
    }

    /// Whether the session has outlived what the identity provider allows (`SessionNotOnOrAfter`,
    /// SAML Core 2.7.2).
    pub fn is_over(&self, now: Moment) -> bool {
        self.login.session_ends.is_some_and(|ends| ends <= now)
    }

    /// The first value of an attribute that is not blank. `X` alone is the ministry's way of
    /// writing "no value".
    fn first(&self, name: &str) -> Option<&str> {
        self.login
            .values(name)
            .map(str::trim)
            .find(|value| !value.is_empty() && *value != "X")
    }
}
