//! What the settings mean, once every one of them has been looked at.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use directory::{Hashing, Realm};
use saml::{EntityId, KeyKind, VerifyingKey};
use web::PublicUrl;

use super::raw::{Fault, Node};
use super::rooms;
use super::section::Section;

/// Everything the binary was told. What is written here holds: paths are resolved, names parsed.
pub(crate) struct Settings {
    /// Where the public server listens.
    pub(crate) listen: SocketAddr,
    /// What visitors type.
    pub(crate) public_url: PublicUrl,
    /// Everything that is written goes under this folder.
    pub(crate) data: PathBuf,
    /// Threads that answer.
    pub(crate) workers: usize,
    /// Whether keys and demo accounts are made when missing.
    pub(crate) demo: bool,
    /// Accounts of the demo, CSV.
    pub(crate) demo_accounts: PathBuf,
    /// The private server.
    pub(crate) admin: Listen,
    /// The shelf.
    pub(crate) store: StoreSettings,
    /// The accounts' file.
    pub(crate) directory: PathBuf,
    /// What a password costs.
    pub(crate) hashing: Hashing,
    /// The journal's folder.
    pub(crate) journal: PathBuf,
    /// Days a journal file is kept.
    pub(crate) journal_days: u32,
    /// What overrides the templates, words and assets inside the binary.
    pub(crate) theme: Option<PathBuf>,
    /// Where keys and secrets are.
    pub(crate) keys: PathBuf,
    /// The kind of a new key.
    pub(crate) key_kind: KeyKind,
    /// Days a new certificate says it is valid.
    pub(crate) key_days: u32,
    /// Who runs this.
    pub(crate) organization: Option<String>,
    /// Whom other deployments write to.
    pub(crate) contact: Option<String>,
    /// The service a visitor of the discovery service is for when it says nothing.
    pub(crate) default_service: EntityId,
    /// The tiles of the discovery service, in their order.
    pub(crate) profiles: Vec<ProfileSettings>,
    /// The académie's code (`codaca`).
    pub(crate) codaca: String,
    /// Functions of the staff.
    pub(crate) fonctions: PathBuf,
    /// The realms of the identity provider.
    pub(crate) realms: Vec<RealmSettings>,
    /// The applications.
    pub(crate) catalogue: PathBuf,
    /// The portal's name, French and English.
    pub(crate) portal_name: Names,
    /// The viewer's name.
    pub(crate) viewer_name: Names,
    /// The address our own metadata is read from, when it is not where we listen.
    pub(crate) own_base: Option<String>,
    /// How often metadata is read again.
    pub(crate) refresh: Duration,
    /// Others' metadata.
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

/// Which shelf.
pub(crate) enum StoreSettings {
    /// One file, one process.
    Embedded(PathBuf),
    /// A Redis server, for any number of processes. The address may hold a password.
    Redis(Secret),
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

/// A tile of the discovery service.
pub(crate) struct ProfileSettings {
    /// Its id, in words and addresses.
    pub(crate) id: String,
    /// Whether it comes later and cannot be chosen yet.
    pub(crate) soon: bool,
    /// Where it leads.
    pub(crate) providers: Vec<EntityId>,
}

/// A realm of the identity provider.
pub(crate) struct RealmSettings {
    /// Which.
    pub(crate) realm: Realm,
    /// What scoped attributes end with (`ac-lille.fr`).
    pub(crate) scope: String,
    /// Its name.
    pub(crate) name: Names,
}

/// Somebody's metadata.
pub(crate) struct SourceSettings {
    /// Its name in the journal.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) place: SourcePlace,
    /// The keys that may sign it.
    pub(crate) pinned: Vec<VerifyingKey>,
    /// Days its `validUntil` may lie ahead.
    pub(crate) horizon_days: Option<u32>,
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
    let (directory, hashing) = root.table("directory", |section| rooms::accounts(section, &data));
    let (journal, journal_days) = root.table("journal", |section| {
        let folder = section.path_in("folder", &data);
        let days = section.number("keep_days", 1, 3650);
        (
            folder.unwrap_or_else(|| data.join("journal")),
            days.unwrap_or(30),
        )
    });
    let theme = root.table("theme", |section| section.path_in("folder", folder));
    let (keys, key_kind, key_days) = root.table("keys", |section| rooms::keys(section, &data));
    let (organization, contact) = root.table("organization", |section| {
        (section.text("name"), section.text("contact"))
    });
    let wayf = root.table("wayf", |section| rooms::wayf(section, &base));
    let idp = root.table("idp", |section| rooms::idp(section, folder));
    let (catalogue, portal_name) = root.table("portal", |section| {
        let catalogue = section.path_in("catalogue", folder);
        let name = rooms::names(section, "Portail des applications", "Applications portal");
        (
            catalogue.unwrap_or_else(|| folder.join("applications.toml")),
            name,
        )
    });
    let viewer_name = root.table("viewer", |section| {
        rooms::names(section, "Magistère", "Magistère")
    });
    let federation = root.table("federation", |section| rooms::federation(section, folder));
    root.close();
    let (server, store, (default_service, profiles)) = (server?, store?, wayf?);
    let (codaca, fonctions, realms) = idp?;
    Some(Settings {
        listen: server.listen,
        public_url: server.public_url,
        data: server.data,
        workers: server.workers,
        demo: server.demo,
        demo_accounts: server.demo_accounts,
        admin,
        store,
        directory,
        hashing,
        journal,
        journal_days,
        theme,
        keys,
        key_kind,
        key_days,
        organization,
        contact,
        default_service,
        profiles,
        codaca,
        fonctions,
        realms,
        catalogue,
        portal_name,
        viewer_name,
        own_base: federation.0,
        refresh: federation.1,
        sources: federation.2,
    })
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("listen", &self.listen)
            .field("public_url", &self.public_url)
            .finish_non_exhaustive()
    }
}
