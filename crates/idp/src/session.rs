//! A person signed on at one realm.

use chrono::{DateTime, Utc};
use directory::Realm;
use serde::{Deserialize, Serialize};

use crate::next::Proven;

/// What a session of a realm holds. Attributes are not in it: they are read when they are sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SignedOn {
    /// [`directory::Person::id`].
    pub(crate) person: String,
    /// When they proved who they are.
    pub(crate) authn_instant: DateTime<Utc>,
    /// When they proved a second factor; sessions of an earlier release have none.
    #[serde(default)]
    pub(crate) second: Option<DateTime<Utc>>,
    /// `SessionIndex`.
    pub(crate) index: String,
    /// Makes transient identifiers of this session: 32 random bytes, base64url.
    pub(crate) secret: String,
}

impl SignedOn {
    /// What the decider looks at.
    pub(crate) fn proven(&self) -> Proven {
        Proven {
            password: self.authn_instant,
            second: self.second,
        }
    }
}

/// The drawer of a realm's sessions.
pub(crate) fn room(realm: Realm) -> &'static str {
    match realm {
        Realm::Personnel => "idp.session.personnel",
        Realm::Eleve => "idp.session.eleve",
        Realm::Parent => "idp.session.parent",
        Realm::Partenaire => "idp.session.partenaire",
    }
}
