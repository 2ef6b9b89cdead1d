//! A person signed on at one realm.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use directory::Realm;
use serde::{Deserialize, Serialize};
use store::Shelf;
use web::Sessions;

use crate::next::Proven;
use crate::whence::Whence;

/// How long a person stays signed on without a visit, and at all: a school day.
const IDLE: Duration = Duration::from_secs(2 * 3600);
const WHOLE: Duration = Duration::from_secs(9 * 3600);

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
    /// When they proved a code that was sent by mail; sessions of an earlier release have none.
    #[serde(default)]
    pub(crate) mailed: Option<DateTime<Utc>>,
    /// They gave their password at a place where they had proven nothing more yet.
    #[serde(default)]
    pub(crate) is_elsewhere: bool,
    /// `SessionIndex`.
    pub(crate) index: String,
    /// Where they proved it from; sessions of an earlier release have none.
    #[serde(default)]
    pub(crate) from: Option<Whence>,
    /// Their password was given to them by somebody else; sessions of an earlier release say nothing.
    #[serde(default)]
    pub(crate) given: bool,
    /// The version of the charter that they had accepted when they signed in; sessions of an earlier release
    /// say nothing.
    #[serde(default)]
    pub(crate) agreed: Option<String>,
    /// For which of their posts they are here ([`crate::posts`]), once they said so; sessions of an earlier
    /// release say nothing.
    #[serde(default)]
    pub(crate) post: Option<String>,
    /// Makes transient identifiers of this session: 32 random bytes, base64url.
    pub(crate) secret: String,
}

impl SignedOn {
    /// What the decider looks at.
    pub(crate) fn proven(&self) -> Proven {
        Proven {
            password: self.authn_instant,
            second: self.second,
            mailed: self.mailed,
        }
    }
}

/// The sessions of a realm.
pub(crate) fn sessions(shelf: &Arc<dyn Shelf>, realm: Realm) -> Sessions<SignedOn> {
    let cookie = format!("idp-{}", realm.as_str());
    Sessions::new(Arc::clone(shelf), room(realm), cookie, IDLE, WHOLE)
}

/// Their drawer.
fn room(realm: Realm) -> &'static str {
    match realm {
        Realm::Personnel => "idp.session.personnel",
        Realm::Eleve => "idp.session.eleve",
        Realm::Parent => "idp.session.parent",
        Realm::Partenaire => "idp.session.partenaire",
    }
}
