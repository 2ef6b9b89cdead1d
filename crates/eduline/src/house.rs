//! Wiring: the rooms a process opens, put together from the settings.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use actix_web::web::ServiceConfig;
use arc_swap::ArcSwap;
use directory::fonctions::Fonctions;
use directory::{Directory, DirectoryKeys};
use federation::{Federation, Snapshot};
use portal::Catalogue;
use store::Shelf;
use tokio::task::JoinHandle;
use web::{Edge, EdgeParts, Journal, Metrics, Sample};

use crate::cli::Which;
use crate::commands::Refusal;
use crate::keyring::{KeyRing, Secret};
use crate::settings::{AccountsPlace, Settings, StoreSettings};

mod access;
pub(crate) mod added;
mod arrivals;
pub(crate) mod decided;
mod face;
pub(crate) mod followed;
mod held;
mod letters;
mod open_sessions;
mod probes;
mod services;
mod sources;

use decided::Decided;

pub(crate) use held::HeldKeys;
pub(crate) use services::{own_services, realm_parts};
pub(crate) use sources::{OWN, missing, source_of};

/// What registers the routes of one service.
pub(crate) type Routes = Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>;

/// An open house: everything a process serves.
pub(crate) struct House {
    /// The edge.
    pub(crate) edge: Edge,
    /// Who may speak.
    pub(crate) federation: Arc<Federation>,
    /// The accounts, where the identity provider or the account pages run.
    pub(crate) directory: Option<Directory>,
    /// The applications, where the portal or the identity provider runs; replaced as a whole when the file changes.
    pub(crate) catalogue: Arc<ArcSwap<Catalogue>>,
    /// What the operator decided for each service; replaced as a whole too.
    pub(crate) policies: Arc<ArcSwap<Decided>>,
    /// The keys of this process; each replaced when it rolls.
    pub(crate) keys: Arc<HeldKeys>,
    /// The routes of every service.
    pub(crate) routes: Vec<Routes>,
    /// Set when the process is to stop: it says that it is not ready, and serves on.
    pub(crate) leaving: Arc<AtomicBool>,
    /// Where our own metadata is read from.
    own_base: String,
    shelf: Arc<dyn Shelf>,
    _tasks: Tasks,
}

/// What outlives the settings it was opened with, as long as the process lives.
struct Lasting {
    federation: Arc<Federation>,
    directory: Option<Directory>,
    keys: Arc<HeldKeys>,
    shelf: Arc<dyn Shelf>,
    journal: Journal,
    metrics: Metrics,
    leaving: Arc<AtomicBool>,
    own_base: String,
}

/// What the services of one process are made of.
pub(crate) struct Ground<'a> {
    settings: &'a Settings,
    ring: &'a KeyRing,
    keys: Arc<HeldKeys>,
    edge: Edge,
    federation: Arc<Federation>,
    shelf: Arc<dyn Shelf>,
    catalogue: Arc<ArcSwap<Catalogue>>,
    fonctions: Arc<Fonctions>,
    policies: Arc<ArcSwap<Decided>>,
    tasks: Tasks,
}

/// What goes on beside the visits, and ends with the house it was begun for.
#[derive(Default)]
struct Tasks(RefCell<Vec<JoinHandle<()>>>);

impl Tasks {
    fn add(&self, task: JoinHandle<()>) {
        self.0.borrow_mut().push(task);
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        for task in self.0.get_mut() {
            task.abort();
        }
    }
}

impl House {
    /// Opens the rooms that `which` needs. `own_base`: where our own metadata is read from.
    pub(crate) async fn open(
        settings: &Settings,
        which: Which,
        own_base: &str,
    ) -> Result<Self, Refusal> {
        let ring = KeyRing::of(settings);
        let federation = Federation::open(
            sources::of(settings, &ring, own_base)?,
            settings.server.data.join("federation"),
            !settings.server.public_url.is_https(),
            Edge::system_clock()(),
        );
        let federation = Arc::new(federation.under(settings.rules.clone()));
        let directory = if which.runs(Which::Idp) || which.runs(Which::Account) {
            Some(open_directory(settings, true).await?)
        } else {
            None
        };
        let lasting = Lasting {
            federation,
            directory,
            keys: Arc::new(HeldKeys::of(ring.clone())),
            shelf: open_shelf(settings, which).await?,
            journal: open_journal(settings, which)?,
            metrics: Metrics::default(),
            leaving: Arc::default(),
            own_base: own_base.to_owned(),
        };
        Self::build(settings, which, &ring, lasting)
    }

    /// The same house with other settings: everything is made anew but what lasts. Nothing of the
    /// house that stands has changed when this refuses.
    pub(crate) fn again(
        &self,
        settings: &Settings,
        which: Which,
        own_base: &str,
    ) -> Result<Self, Refusal> {
        let ring = KeyRing::of(settings);
        let sources = sources::of(settings, &ring, own_base)?;
        let lasting = Lasting {
            federation: Arc::clone(&self.federation),
            directory: self.directory.clone(),
            keys: Arc::clone(&self.keys),
            shelf: Arc::clone(&self.shelf),
            journal: self.edge.journal().clone(),
            metrics: self.edge.metrics().clone(),
            leaving: Arc::clone(&self.leaving),
            own_base: own_base.to_owned(),
        };
        let house = Self::build(settings, which, &ring, lasting)?;
        house.federation.replace(sources);
        Ok(house)
    }

    fn build(
        settings: &Settings,
        which: Which,
        ring: &KeyRing,
        lasting: Lasting,
    ) -> Result<Self, Refusal> {
        let fonctions = Arc::new(read_fonctions(settings)?);
        let catalogue = if which.runs(Which::Portal) || which.runs(Which::Idp) {
            read_catalogue(settings, Some(&fonctions))?
        } else {
            Catalogue::default()
        };
        let catalogue = Arc::new(ArcSwap::from_pointee(catalogue));
        let policies = Arc::new(ArcSwap::from_pointee(Decided::read(settings)?));
        let edge = Edge::new(EdgeParts {
            public_url: settings.server.public_url.clone(),
            csrf_key: ring.secret(Secret::Csrf)?,
            theme: settings.theme.clone(),
            journal: lasting.journal.clone(),
            clock: Edge::system_clock(),
            samples: samples(which),
            probes: probes::of(settings, &lasting),
        })
        .map_err(Refusal)?
        .behind(settings.server.proxies.clone())
        .counting(lasting.metrics.clone());
        let ground = Ground {
            settings,
            ring,
            keys: Arc::clone(&lasting.keys),
            edge: edge.clone(),
            federation: Arc::clone(&lasting.federation),
            shelf: Arc::clone(&lasting.shelf),
            catalogue: Arc::clone(&catalogue),
            fonctions,
            policies: Arc::clone(&policies),
            tasks: Tasks::default(),
        };
        let routes = services::open(&ground, which, lasting.directory.as_ref())?;
        Ok(Self {
            edge,
            federation: lasting.federation,
            directory: lasting.directory,
            catalogue,
            policies,
            keys: lasting.keys,
            routes,
            own_base: lasting.own_base,
            leaving: lasting.leaving,
            shelf: lasting.shelf,
            _tasks: ground.tasks,
        })
    }
}

impl House {
    /// The sources as they are now: commands add and remove some.
    pub(crate) fn sources(
        &self,
        settings: &Arc<Settings>,
    ) -> impl Fn() -> Result<Vec<federation::Source>, Refusal> + use<> {
        let (settings, own_base) = (Arc::clone(settings), self.own_base.clone());
        let ring = KeyRing::of(&settings);
        move || Ok(sources::of(&settings, &ring, &own_base)?)
    }
}

/// The samples of every page that `which` may show.
pub(crate) fn samples(which: Which) -> Vec<Sample> {
    let mut samples = web::edge::samples();
    samples.extend(services::samples(which));
    samples.extend(crate::serve::status_samples());
    samples.extend(Sample::of::<crate::commands::account::import::sheet::Paper>());
    samples
}

/// The federation as it was last read, for commands: nothing is asked for over the network.
pub(crate) fn known(settings: &Settings, ring: &KeyRing) -> Result<Arc<Snapshot>, Refusal> {
    let federation = Federation::open(
        sources::of(settings, ring, settings.server.public_url.origin())?,
        settings.server.data.join("federation"),
        !settings.server.public_url.is_https(),
        Edge::system_clock()(),
    );
    Ok(federation.under(settings.rules.clone()).snapshot())
}

/// Opens the accounts, for the identity provider and for `eduline account`. `may_be_away`: whoever asks
/// waits for a server of accounts that is not there yet.
pub(crate) async fn open_directory(
    settings: &Settings,
    may_be_away: bool,
) -> Result<Directory, Refusal> {
    let ring = KeyRing::at(&settings.keys.folder);
    let keys = DirectoryKeys {
        numen: ring.secret(Secret::Numen)?,
        factors: ring.secret(Secret::Factors)?,
    };
    let (hashing, dice) = (settings.directory.hashing, Edge::system_dice());
    let opened = match &settings.directory.place {
        AccountsPlace::Sqlite(path) => {
            make_parent(path)?;
            let opened = directory::sqlite(path, keys, hashing, dice).await;
            opened.map_err(|why| Refusal::of(format!("{}: {why}", path.display())))
        }
        AccountsPlace::Postgres(server) => {
            let opened = directory::postgres(server, may_be_away, keys, hashing, dice).await;
            opened.map_err(|why| Refusal::of(format!("directory.url: {why}")))
        }
    }?;
    if settings.directory.trees.is_empty() {
        return Ok(opened);
    }
    let over = opened.over(settings.directory.trees.clone());
    over.map_err(|why| Refusal::of(format!("directory.ldap: {why}")))
}

/// Reads the functions of the staff.
pub(crate) fn read_fonctions(settings: &Settings) -> Result<Fonctions, Refusal> {
    let file = &settings.idp.fonctions;
    let text = std::fs::read_to_string(file)
        .map_err(|why| Refusal::of(format!("{}: {why}", file.display())))?;
    Fonctions::parse(&text).map_err(|faults| {
        // The room calls the file by its name; here it has a folder.
        let name = format!("{}:", file.display());
        let placed = faults
            .iter()
            .map(|fault| fault.replacen("fonctions.toml:", &name, 1));
        Refusal(placed.collect())
    })
}

/// Reads the catalogue of applications; every fault at once, with its line. Where the functions could not be
/// read, those it names are not held against them.
pub(crate) fn read_catalogue(
    settings: &Settings,
    fonctions: Option<&Fonctions>,
) -> Result<Catalogue, Refusal> {
    let file = &settings.portal.catalogue;
    let text = std::fs::read_to_string(file)
        .map_err(|why| Refusal::of(format!("{}: {why}", file.display())))?;
    let known = |id: &str| fonctions.is_none_or(|all| all.find(id).is_some());
    Catalogue::parse(&text, &known).map_err(|faults| {
        let placed = faults
            .iter()
            .map(|fault| format!("{}:{}: {}", file.display(), fault.line, fault.what));
        Refusal(placed.collect())
    })
}

/// Whom services are open to, for commands.
pub(crate) fn access(settings: &Settings, fonctions: &Fonctions) -> Result<idp::Access, Refusal> {
    let catalogue = ArcSwap::from_pointee(read_catalogue(settings, Some(fonctions))?);
    Ok(access::by(&Arc::new(catalogue)))
}

/// Reads the catalogue again, with the functions it names.
pub(crate) fn reread_catalogue(settings: &Settings) -> Result<Catalogue, Refusal> {
    read_catalogue(settings, Some(&read_fonctions(settings)?))
}

async fn open_shelf(settings: &Settings, which: Which) -> Result<Arc<dyn Shelf>, Refusal> {
    let opened = match &settings.store {
        StoreSettings::Redis(at) => store::redis(at).await,
        StoreSettings::Embedded(path) => {
            // Services keep nothing for each other, so that each can have its own file.
            let path = match which {
                Which::All => path.clone(),
                alone => path.with_extension(format!("{}.redb", alone.as_str())),
            };
            make_parent(&path)?;
            store::embedded(&path, Edge::system_clock())
        }
    };
    opened.map_err(|why| Refusal::of(why.to_string()))
}

fn open_journal(settings: &Settings, which: Which) -> Result<Journal, Refusal> {
    let folder = settings.journal.folder.clone();
    Journal::open(folder, which.as_str(), settings.journal.keep_days)
        .map_err(|why| Refusal::of(format!("{}: {why}", settings.journal.folder.display())))
}

fn make_parent(path: &std::path::Path) -> Result<(), Refusal> {
    path.parent().map_or(Ok(()), |folder| {
        std::fs::create_dir_all(folder)
            .map_err(|why| Refusal::of(format!("{}: {why}", folder.display())))
    })
}
