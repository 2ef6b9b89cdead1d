//! A person signed on at one realm.

use chrono::{DateTime, Utc};
use directory::Realm;
use serde::{Deserialize, Serialize};

/// What a session of a realm holds. Attributes are not in it: they are read when they are sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SignedOn {
    /// [`directory::Person::id`].
    pub(crate) person: String,
    /// When they proved who they are.
    pub(crate) authn_instant: DateTime<Utc>,
    /// How: an authentication context class.
    pub(crate) context: String,
    /// `SessionIndex`.
    pub(crate) index: String,
    /// Makes transient identifiers of this session: 32 random bytes, base64url.
    pub(crate) secret: String,
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
