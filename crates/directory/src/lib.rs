//! Who the people are: accounts, functions, credentials.
//!
//! # Invariants
//!
//! * One trait per capability, back ends behind it, one conformance suite.
//! * Knows no HTTP and no SAML.
//! * A password is hashed and verified in a bounded pool; an unknown person costs the same time and
//!   gets the same answer as a wrong password.
//! * The NUMEN is kept as a keyed hash only, never in clear (DOMAIN 1.7).

pub mod agreements;
pub mod factors;
mod fit;
pub mod fold;
pub mod fonctions;
mod hashing;
pub mod history;
pub mod identifiers;
pub mod import;
mod ldap;
pub mod notices;
pub mod otp;
pub mod passkeys;
pub mod places;
pub mod recovery;
pub mod releases;
mod rule;
mod sealing;
mod sql;
pub mod tokens;

#[cfg(test)]
mod conformance;

pub use ldap::{Attributes, Service, Tree};
pub use rule::Rule;
pub use sql::{Arrivals, Outcome, Server, Wanted, copy_sqlite, postgres, sqlite};

use std::sync::Arc;

/// The four profiles of the discovery service, each a realm of its own.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Realm {
    /// Personnel de l'Éducation nationale.
    Personnel,
    /// Élève.
    Eleve,
    /// Parent ou responsable d'élève.
    Parent,
    /// Partenaire.
    Partenaire,
}

impl Realm {
    /// All four, in the seed's order.
    pub const ALL: [Self; 4] = [Self::Personnel, Self::Eleve, Self::Parent, Self::Partenaire];

    /// The name in addresses and settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Personnel => "personnel",
            Self::Eleve => "eleve",
            Self::Parent => "parent",
            Self::Partenaire => "partenaire",
        }
    }

    /// The realm of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|realm| realm.as_str() == text)
    }
}

/// A person with an account. `Debug` shows the login and nothing else.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Person {
    /// Stable, opaque, never reassigned: 26 characters of base32, for `subject-id` and HMACs.
    pub id: String,
    /// The realm.
    pub realm: Realm,
    /// The login, lower case.
    pub login: String,
    /// `civilite`: `M.`, `Mme` or empty.
    pub title: String,
    /// Given name.
    pub given_name: String,
    /// Usual name (nom usuel).
    pub surname: String,
    /// Professional mail.
    pub mail: Option<String>,
    /// What the person does and where; the first one is the main one.
    pub posts: Vec<Post>,
    /// Delegations (`FrEduResDel`): application, from, until (ISO dates).
    pub delegations: Vec<Delegation>,
    /// Application groups (`ctgrps`).
    pub groups: Vec<String>,
    /// Roles inside Eduline itself: `operateur`, `assistance`.
    pub roles: Vec<String>,
    /// When a second factor is asked: `none`, `external`, `always`.
    pub second_factor: String,
}

/// A function held in a place (affectation).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Post {
    /// Function id of `config/fonctions.toml` (`enseignant_1d`, `directeur_ecole`…), for staff.
    pub function: String,
    /// UAI of the place, 7 digits and a check letter.
    pub uai: String,
    /// Name of the place.
    pub place: String,
}

impl Post {
    /// What tells it from others of the same person: `function.UAI`.
    pub fn id(&self) -> String {
        format!("{}.{}", self.function, self.uai)
    }
}

/// A delegation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Delegation {
    /// Application id.
    pub application: String,
    /// First day, ISO 8601.
    pub from: chrono::NaiveDate,
    /// Last day, ISO 8601.
    pub until: chrono::NaiveDate,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Person({}/{})", self.realm.as_str(), self.login)
    }
}

/// A person to be created or replaced, with what is secret about them.
#[derive(Clone)]
pub struct NewAccount {
    /// The person; `id` empty for a new one.
    pub person: Person,
    /// The first password, already checked against the policy.
    pub password: String,
    /// NUMEN, for staff.
    pub numen: Option<String>,
    /// Birth date.
    pub birth_date: Option<chrono::NaiveDate>,
    /// Where the person is reached who has lost their password; `None` leaves what is known already.
    pub recovery: Option<String>,
}

/// What a password attempt comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// It is them.
    Welcome(Box<Person>),
    /// Unknown login or wrong password: nobody is told which.
    Refused,
    /// Right password, and the account is disabled.
    Disabled,
    /// Right password, which opens nothing until another one is set.
    Due(Box<Person>, Due),
    /// Where the account is kept it is locked: no password is looked at. No visitor is told.
    Locked,
}

/// Why another password must be set (draft-behera-ldap-password-policy-10, 6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// It expired.
    Expired,
    /// It expired, and is taken so many times more where it is kept.
    Grace(u32),
    /// Somebody else set it.
    Reset,
}

impl Due {
    /// Its name, in words and in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Grace(_) => "grace",
            Self::Reset => "reset",
        }
    }
}

/// Why the directory did not answer. The visitor gets a 503.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The back end is away, or the hashing pool is full.
    #[error("the directory is away: {0}")]
    Away(String),
    /// The account cannot be kept as it is.
    #[error("account {login}: {reason}")]
    Unfit {
        /// The login.
        login: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Looking people up.
#[async_trait::async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// The person with this login (or professional mail) in this realm, disabled ones excepted.
    async fn find(&self, realm: Realm, login: &str) -> Result<Option<Person>, Fault>;
    /// The person with this id, disabled ones excepted.
    async fn person(&self, id: &str) -> Result<Option<Person>, Fault>;
    /// Every account of a realm, ordered by login.
    async fn list(&self, realm: Realm) -> Result<Vec<Person>, Fault>;
    /// People who have every word of `text` in their login, names or mail, accents and case apart; in one
    /// of these establishments, where some are given; `most` of them at most, disabled ones excepted.
    async fn search(
        &self,
        text: &str,
        uais: Option<&[String]>,
        most: usize,
    ) -> Result<Vec<Person>, Fault>;
    /// Creates the account, or replaces the one with the same realm and login: everything but its id
    /// and whether it is enabled. Mail is kept in lower case. [`Fault::Unfit`] tells every fault.
    async fn keep(&self, account: NewAccount) -> Result<Person, Fault>;
    /// Whether the account with this login (or professional mail) is enabled; `None` when there is
    /// none.
    async fn enabled(&self, realm: Realm, login: &str) -> Result<Option<bool>, Fault>;
    /// Where a person works and as what, and their roles: those of the account with this id become
    /// `person`'s; nothing else of it does. `false` when there is no such account.
    async fn place(&self, person: &Person) -> Result<bool, Fault>;
    /// Disables or enables; `false` when there is no such account. [`notices`] end its sessions.
    async fn set_enabled(&self, realm: Realm, login: &str, enabled: bool) -> Result<bool, Fault>;
    /// How its connections are used, for the metrics.
    fn connections(&self) -> Connections;
    /// Whether the back end answers, for `/health/ready`.
    async fn ready(&self) -> Result<(), Fault>;
}

/// Connections to what holds the accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Connections {
    /// Those that are open.
    pub open: usize,
    /// Those of them that are in use.
    pub busy: usize,
}

/// Verifying passwords.
#[async_trait::async_trait]
pub trait Passwords: Send + Sync + 'static {
    /// Verifies `password` for `login` (login or professional mail, in any case, spaces around it).
    /// Passwords are the bytes that were typed, up to 1024, with no normalisation: browsers send what
    /// the keyboard composes, and what is not touched cannot be read in two ways. Whether nobody has
    /// that login, the password is wrong, empty or too long: one hash of today's cost, one answer.
    async fn verify(&self, realm: Realm, login: &str, password: &str) -> Result<Attempt, Fault>;
    /// How many wait for their password to be hashed.
    fn waiting(&self) -> usize {
        0
    }
    /// Sets a new password (1 to 1024 bytes) for that login; `false` when there is no such account.
    /// [`notices`] end the sessions that were opened with the one before.
    async fn set(&self, realm: Realm, login: &str, password: &str) -> Result<bool, Fault>;
    /// Sets one that somebody else chose, as [`Passwords::set`] does: its person is to choose their own.
    async fn give(&self, realm: Realm, login: &str, password: &str) -> Result<bool, Fault>;
    /// The person is to choose a password of their own before they are signed on anywhere, until one is
    /// [set](Passwords::set).
    async fn ask_for_change(&self, person: &str) -> Result<(), Fault>;
    /// Whether they are; nobody is who has no account.
    async fn must_change(&self, person: &str) -> Result<bool, Fault>;
    /// Whether that is one of the person's last `many` passwords, the present one among them. A hash each.
    async fn is_past(&self, person: &str, password: &str, many: usize) -> Result<bool, Fault>;
    /// Before another one is set: keeps the present one among those of before, for as long as `many` are
    /// looked at.
    async fn remember(
        &self,
        person: &str,
        many: usize,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<(), Fault>;
    /// When the person last changed it themselves.
    async fn last_changed(
        &self,
        person: &str,
    ) -> Result<Option<chrono::DateTime<chrono::Utc>>, Fault>;
}

/// The keys the directory needs and never stores: they live outside the database (H14).
#[derive(Clone)]
pub struct DirectoryKeys {
    /// HMAC-SHA-256 key for NUMENs, 32 bytes.
    pub numen: [u8; 32],
    /// Encrypts the seeds of second factors and keys the hashes of recovery codes, 32 bytes.
    pub factors: [u8; 32],
}

/// A directory: every capability of one back end.
#[derive(Clone)]
pub struct Directory {
    /// Looking people up.
    pub accounts: Arc<dyn Accounts>,
    /// Verifying passwords.
    pub passwords: Arc<dyn Passwords>,
    /// Remembering what was sent.
    pub releases: Arc<dyn releases::Releases>,
    /// Coming back without a password.
    pub recovery: Arc<dyn recovery::Recovery>,
    /// Proving more than a password.
    pub factors: Arc<dyn factors::Factors>,
    /// Telling processes what happened to accounts.
    pub notices: Arc<dyn notices::Notices>,
    /// Remembering who signed in.
    pub history: Arc<dyn history::History>,
    /// Archiving what people accepted.
    pub agreements: Arc<dyn agreements::Agreements>,
    /// Proving it with a passkey.
    pub passkeys: Arc<dyn passkeys::Passkeys>,
    /// Handing out hardware tokens.
    pub tokens: Arc<dyn tokens::Tokens>,
    /// Knowing where they sign in from.
    pub places: Arc<dyn places::Places>,
    /// What all of it is kept in, for trees to be laid over.
    own: Arc<sql::Sql>,
}

impl Directory {
    /// The addresses where a person is told of their account: the recovery contact, the professional mail.
    pub async fn reached_at(&self, person: &Person) -> Result<Vec<String>, Fault> {
        let contact = self.recovery.contact(&person.id).await?;
        let mut places: Vec<String> = contact.into_iter().chain(person.mail.clone()).collect();
        places.dedup();
        Ok(places)
    }

    /// Begins to take in what files tell, all of it or nothing.
    pub async fn arrivals(&self, wanted: Wanted) -> Result<Arrivals, Fault> {
        Arrivals::begin(Arc::clone(&self.own), wanted).await
    }

    /// The same over LDAP trees: who has no account here is looked for in those of the realm, in their
    /// order, and what they do not keep is kept here. [`Fault::Away`] when what is said of one cannot be
    /// used; whether it answers is asked later.
    pub fn over(mut self, trees: Vec<Tree>) -> Result<Self, Fault> {
        let layered = Arc::new(ldap::Layered::of(Arc::clone(&self.own), trees)?);
        self.accounts = Arc::<ldap::Layered>::clone(&layered);
        self.passwords = layered;
        Ok(self)
    }
}

/// Argon2id cost and how many hashes run at once.
#[derive(Debug, Clone, Copy)]
pub struct Hashing {
    /// Memory, KiB (default 19456, OWASP 2023).
    pub memory_kib: u32,
    /// Passes (default 2).
    pub passes: u32,
    /// Hashes at once (default 2: memory stays under `memory_kib × at_once`); more wait, and when
    /// 64 wait the answer is [`Fault::Away`].
    pub at_once: usize,
}

/// Where chance comes from: the edge's dice, handed in.
pub type Dice = Arc<dyn Fn(&mut [u8]) + Send + Sync>;
