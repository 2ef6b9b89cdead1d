//! What the settings mean, once every one of them has been looked at.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use account::{Help, Policy};
use directory::{Hashing, Realm};
use federation::Filter;
use saml::{EntityId, KeyKind, Rules, VerifyingKey};
use web::{Network, PublicUrl};

use super::organization::{self, Organization};
use super::raw::{Fault, Node};
use super::rooms;
use super::section::Section;
use super::texts::Texts;
use crate::keyring::TokenSettings;

/// Everything the binary was told. What is written here holds: paths are resolved, names parsed.
pub(crate) struct Settings {
    /// The public server.
    pub(crate) server: ServerSettings,
    /// The private server.
    pub(crate) admin: Listen,
    /// The shelf.
    pub(crate) store: StoreSettings,
    /// The accounts.
    pub(crate) directory: DirectorySettings,
    /// The journal.
    pub(crate) journal: JournalSettings,
    /// What overrides the templates, words and assets inside the binary.
    pub(crate) theme: Option<PathBuf>,
    /// Keys and secrets.
    pub(crate) keys: KeySettings,
    /// Who runs this.
    pub(crate) organization: Organization,
    /// The discovery service.
    pub(crate) wayf: WayfSettings,
    /// The identity provider.
    pub(crate) idp: IdpSettings,
    /// The portal.
    pub(crate) portal: PortalSettings,
    /// The account pages.
    pub(crate) account: AccountSettings,
    /// Letters.
    pub(crate) mail: MailSettings,
    /// The viewer.
    pub(crate) viewer: Face,
    /// Metadata.
    pub(crate) federation: FederationSettings,
    /// How strict messages are looked at, and made.
    pub(crate) rules: Rules,
}

/// The public server.
pub(crate) struct ServerSettings {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// What visitors type.
    pub(crate) public_url: PublicUrl,
    /// Everything that is written goes under this folder.
    pub(crate) data: PathBuf,
    /// The proxies in front.
    pub(crate) proxies: Vec<Network>,
    /// Threads that answer.
    pub(crate) workers: usize,
    /// Whether keys and demo accounts are made when missing.
    pub(crate) demo: bool,
    /// Accounts of the demo, CSV.
    pub(crate) demo_accounts: PathBuf,
    /// How long a process that was told to stop says that it is not ready, and serves, before it takes
    /// nobody in any more.
    pub(crate) leave: Duration,
}

/// The accounts.
pub(crate) struct DirectorySettings {
    /// Where they are.
    pub(crate) place: AccountsPlace,
    /// The trees over it, in order.
    pub(crate) trees: Vec<directory::Tree>,
    /// What a password costs.
    pub(crate) hashing: Hashing,
}

/// Where accounts are kept.
pub(crate) enum AccountsPlace {
    /// A file.
    Sqlite(PathBuf),
    /// A server.
    Postgres(directory::Server),
}

impl AccountsPlace {
    /// The file, where it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }
}

/// The journal.
pub(crate) struct JournalSettings {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// Days a file is kept.
    pub(crate) keep_days: u32,
}

/// Keys and secrets.
pub(crate) struct KeySettings {
    /// Where they are.
    pub(crate) folder: PathBuf,
    /// The kind of a new key.
    pub(crate) kind: KeyKind,
    /// Days a new certificate says it is valid.
    pub(crate) days: u32,
    /// The token that holds some of them.
    pub(crate) token: Option<TokenSettings>,
    /// How long a next key is published before it signs.
    pub(crate) wait: Duration,
    /// How long a retired key stays published.
    pub(crate) grace: Duration,
}

/// The discovery service.
pub(crate) struct WayfSettings {
    /// The service a visitor is for who opens it directly.
    pub(crate) default_service: EntityId,
    /// The tiles, in their order.
    pub(crate) profiles: Vec<ProfileSettings>,
    /// Which of them are shown to the visitors of a service.
    pub(crate) rules: Vec<RuleSettings>,
    /// Who is suggested by where a visitor is.
    pub(crate) hints: Vec<wayf::Hint>,
    /// The domain that shares the Common Domain Cookie.
    pub(crate) common_domain: Option<String>,
    /// Whether logos of organisations are fetched and shown.
    pub(crate) logos: bool,
}

/// What the visitors of some services are shown.
pub(crate) struct RuleSettings {
    /// The services by name.
    pub(crate) services: Vec<EntityId>,
    /// The services by entity category.
    pub(crate) categories: Vec<String>,
    /// The tiles, in their order.
    pub(crate) profiles: Vec<String>,
}

/// The identity provider.
pub(crate) struct IdpSettings {
    /// The académie's code (`codaca`).
    pub(crate) codaca: String,
    /// Functions of the staff.
    pub(crate) fonctions: PathBuf,
    /// What was decided for services, by their names.
    pub(crate) services: Option<PathBuf>,
    /// The académie's own networks, where no second factor is asked of who needs one outside.
    pub(crate) inside: Vec<Network>,
    /// Days the activation of a second factor may be put off.
    pub(crate) grace_days: u32,
    /// Whether those who have no second factor are sent a code by mail.
    pub(crate) by_mail: bool,
    /// Whether a new place asks for a second factor.
    pub(crate) elsewhere: bool,
    /// Whether programs may sign people on without a browser.
    pub(crate) ecp: bool,
    /// The realms whose people say for which of their posts they come.
    pub(crate) choose_post: Vec<Realm>,
    /// Its realms.
    pub(crate) realms: Vec<RealmSettings>,
}

/// The portal.
pub(crate) struct PortalSettings {
    /// The applications.
    pub(crate) catalogue: PathBuf,
    /// What it calls itself.
    pub(crate) face: Face,
    /// How long a session lasts without a visit.
    pub(crate) idle: Duration,
    /// What a sign-on is asked with.
    pub(crate) asks: sp::Asks,
}

/// Metadata.
pub(crate) struct FederationSettings {
    /// The address our own is read from, when it is not where we listen.
    pub(crate) own_base: Option<String>,
    /// How often it is read again.
    pub(crate) refresh: Duration,
    /// Others'.
    pub(crate) sources: Vec<SourceSettings>,
}

/// An address to listen at, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listen {
    /// Nowhere.
    Off,
    /// There.
    At(SocketAddr),
}

/// The account pages.
pub(crate) struct AccountSettings {
    /// What they call themselves.
    pub(crate) face: Face,
    /// What a new password must be.
    pub(crate) policy: Policy,
    /// Whom to ask.
    pub(crate) help: Help,
    /// What 2014 did with the NUMEN.
    pub(crate) compat_2014: bool,
    /// The functions that look after the people of their establishment.
    pub(crate) desk_functions: Vec<String>,
    /// What the operator wrote.
    pub(crate) texts: Texts,
}

/// Letters.
pub(crate) struct MailSettings {
    /// Where they wait.
    pub(crate) queue: PathBuf,
    /// Where they are put when there is no server.
    pub(crate) folder: PathBuf,
    /// The server: address, with a password perhaps, and how it is protected.
    pub(crate) smtp: Option<(Secret, String)>,
    /// Whom they are from.
    pub(crate) from: String,
}

/// Which shelf.
pub(crate) enum StoreSettings {
    /// One file, one process.
    Embedded(PathBuf),
    /// Redis, for any number of processes.
    Redis(store::RedisAt),
}

/// A text that will not print.
pub(crate) struct Secret(String);

impl Secret {
    /// Keeps `text` from printing.
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the one who needs it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

/// A name in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    /// French.
    pub(crate) fr: String,
    /// English.
    pub(crate) en: String,
}

/// What an entity of ours says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Face {
    /// Its name.
    pub(crate) name: Names,
    /// One sentence about it; empty: none.
    pub(crate) description: Names,
}

/// A tile of the discovery service.
pub(crate) struct ProfileSettings {
    /// Which: the four profiles have a realm each, whoever signs their people in.
    pub(crate) id: Realm,
    /// Whether it comes later and cannot be chosen yet.
    pub(crate) soon: bool,
    /// Where it leads.
    pub(crate) providers: Vec<EntityId>,
    /// Whom else its search finds.
    pub(crate) search: Vec<wayf::Sought>,
}

/// A realm of the identity provider.
pub(crate) struct RealmSettings {
    /// Which.
    pub(crate) realm: Realm,
    /// What scoped attributes end with (`ac-lille.fr`).
    pub(crate) scope: String,
    /// What it calls itself.
    pub(crate) face: Face,
}

/// Somebody's metadata.
#[derive(Clone)]
pub(crate) struct SourceSettings {
    /// Its name in the journal.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) place: SourcePlace,
    /// The keys that may sign it.
    pub(crate) pinned: Vec<VerifyingKey>,
    /// Days its `validUntil` may lie ahead.
    pub(crate) horizon_days: Option<u32>,
    /// Whom it may bring.
    pub(crate) filter: Filter,
    /// The file of those keys.
    pub(crate) key: Option<PathBuf>,
    /// Whether nobody is let in once what it gave has ended.
    pub(crate) needed: bool,
}

/// Where metadata is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SourcePlace {
    /// At an address.
    Url(String),
    /// In a file.
    File(PathBuf),
    /// In a folder.
    Folder(PathBuf),
    /// One by one, at the address of a Metadata Query service.
    Query(String),
}

/// Looks at everything; `None` when something that nothing can stand in for is wrong.
pub(crate) fn check(root: Node, folder: &Path, faults: &mut Vec<Fault>) -> Option<Settings> {
    let mut root = Section::of("", root, faults);
    let server = root.table("server", |section| rooms::server(section, folder));
    let base = server.as_ref().map_or_else(
        || "http://localhost".to_owned(),
        |server| server.public_url.origin().to_owned(),
    );
    let data = server
        .as_ref()
        .map_or_else(PathBuf::new, |server| server.data.clone());
    let admin = root.table("admin", rooms::admin);
    let store = root.table("store", |section| rooms::store(section, &data));
    let directory = root.table("directory", |section| {
        rooms::directory(section, folder, &data)
    });
    let journal = root.table("journal", |section| rooms::journal(section, &data));
    let theme = root.table("theme", |section| section.path_in("folder", folder));
    let token = root.table("pkcs11", |section| rooms::token(section, folder));
    let mut keys = root.table("keys", |section| rooms::keys(section, &data));
    keys.token = token;
    let organization = root.table("organization", |section| organization::read(section, &base));
    let wayf = root.table("wayf", |section| rooms::wayf(section, &base));
    let idp = root.table("idp", |section| rooms::idp(section, folder));
    let portal = root.table("portal", |section| rooms::portal(section, folder));
    let near = server
        .as_ref()
        .is_some_and(|server| rooms::is_loopback(&server.public_url));
    let account = root.table("account", |section| rooms::account(section, folder, near));
    let mail = root.table("mail", |section| rooms::mail(section, &data));
    let viewer = root.table("viewer", rooms::viewer);
    let federation = root.table("federation", |section| rooms::federation(section, folder));
    let rules = root.table("saml", rooms::saml);
    root.close();
    Some(Settings {
        server: server?,
        admin,
        store: store?,
        directory,
        journal,
        theme,
        keys,
        organization,
        wayf: wayf?,
        idp: idp?,
        portal,
        account,
        mail,
        viewer,
        federation,
        rules,
    })
}

impl Settings {
    /// The host of the public address, without its port.
    pub(crate) fn host(&self) -> &str {
        rooms::host(&self.server.public_url)
    }

    /// How long a next key is published before it signs: as long as the operator says, and at least
    /// until everybody reads our metadata again who keeps to its `cacheDuration`, ourselves included.
    pub(crate) fn wait(&self) -> Duration {
        let cached = Duration::from_secs(idp::CACHE_S.into());
        self.keys.wait.max(cached).max(self.federation.refresh)
    }

    /// What a process keeps as it was started with, whatever is written later: where it listens, and what
    /// it has opened. Each with its name.
    pub(crate) fn fixed(&self) -> Vec<(&'static str, String)> {
        let store = match &self.store {
            StoreSettings::Embedded(path) => path.display().to_string(),
            StoreSettings::Redis(at) => format!("{} {:?} {}", at.url, at.sentinels, at.replicas),
        };
        let accounts = match &self.directory.place {
            AccountsPlace::Sqlite(path) => path.display().to_string(),
            AccountsPlace::Postgres(server) => format!(
                "{} {} {:?} {}",
                server.url, server.tls, server.authorities, server.connections
            ),
        };
        let trees: Vec<String> = self.directory.trees.iter().map(tree).collect();
        let token = self.keys.token.as_ref();
        let token = token.map(|token| (&token.module, &token.token, &token.pin_file));
        vec![
            ("server.listen", self.server.listen.to_string()),
            (
                "server.public_url",
                self.server.public_url.origin().to_owned(),
            ),
            ("server.data", self.server.data.display().to_string()),
            ("server.demo", self.server.demo.to_string()),
            ("admin.listen", format!("{:?}", self.admin)),
            ("store", store),
            (
                "directory",
                format!("{accounts} {:?} {}", self.directory.hashing, trees.concat()),
            ),
            (
                "journal",
                format!("{:?}", (&self.journal.folder, self.journal.keep_days)),
            ),
            ("saml", format!("{:?}", self.rules)),
            ("keys.folder", self.keys.folder.display().to_string()),
            ("pkcs11", format!("{token:?}")),
        ]
    }

    /// Where `eduline sp add` keeps what it registers; every process reads it.
    pub(crate) fn registered(&self) -> PathBuf {
        self.server.data.join("metadata")
    }

    /// The entityID of a realm of ours.
    pub(crate) fn realm_entity(&self, realm: Realm) -> String {
        self.server
            .public_url
            .join(&format!("/idp/{}", realm.as_str()))
    }

    /// Whether an entityID is one that this deployment publishes.
    pub(crate) fn is_own(&self, id: &EntityId) -> bool {
        let services =
            ["/portail", "/magistere", "/compte"].map(|path| self.server.public_url.join(path));
        let realms = Realm::ALL.map(|realm| self.realm_entity(realm));
        services.iter().chain(&realms).any(|own| own == id.as_str())
    }
}

/// A tree, so that another one is told from it.
fn tree(of: &directory::Tree) -> String {
    let service = of.service.as_ref();
    format!(
        "{} {:?} {} {} {:?} {:?} {} {} {:?} {:?} {:?} {};",
        of.name,
        of.realm,
        of.url,
        of.starttls,
        of.authorities,
        service.map(|service| (&service.dn, service.password.as_str())),
        of.base,
        of.filter,
        of.attributes,
        of.functions,
        of.timeout,
        of.at_once
    )
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("listen", &self.server.listen)
            .field("public_url", &self.server.public_url)
            .finish_non_exhaustive()
    }
}
