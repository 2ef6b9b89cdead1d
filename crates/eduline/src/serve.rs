//! `eduline serve`: one process, one or several services.
//!
//! The address is taken first, so that the services can be asked for their metadata by each other,
//! in one process as on six machines; then metadata is read, and the process is ready. When its
//! settings change, a second house opens at the same door before the first one closes it.

mod admin;
mod demo;
mod notify;
mod reload;
mod watch;

pub(crate) use admin::samples as status_samples;
pub(crate) use demo::PASSWORD as DEMO_PASSWORD;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::rt::time::sleep;
use actix_web::{App, HttpServer};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

use crate::cli::{Serve, Which};
use crate::commands::{Refusal, keys};
use crate::house::House;
use crate::say;
use crate::settings::{Listen, Settings};

/// How long visits that are under way may take to end.
const DRAIN_S: u64 = 10;

/// How long a house that takes nobody in any more may need to have looked at everybody it took in.
const GLANCE: Duration = Duration::from_secs(1);

/// Serves until a signal says stop. `file`: where the settings were read, and are read again.
pub(crate) fn run(settings: Settings, command: &Serve, file: &Path) -> Result<(), Refusal> {
    if settings.server.demo || command.first_start {
        keys::generate(&settings)?;
    }
    let start = Start {
        which: command.what,
        file: file.to_path_buf(),
    };
    actix_web::rt::System::new().block_on(serve(Arc::new(settings), start))
}

/// What a process was started with, whatever its settings become.
struct Start {
    which: Which,
    file: PathBuf,
}

async fn serve(settings: Arc<Settings>, start: Start) -> Result<(), Refusal> {
    let listener = TcpListener::bind(settings.server.listen)
        .map_err(|why| Refusal::of(format!("{}: {why}", settings.server.listen)))?;
    let address = listener.local_addr().map_err(refused)?;
    let base = own_base(&settings, start.which, address);
    let house = House::open(&settings, start.which, &base).await?;
    // Before anybody can be told that the house is ready, and find nobody there.
    if let (true, Some(directory)) = (settings.server.demo, &house.directory) {
        demo::populate(&settings, directory).await?;
    }
    let mut signals = Signals::new().map_err(refused)?;
    let mut open = Open::new(&listener, settings, house)?;
    let shown = admin::Shown::of(&open.house);
    open_admin(&open.settings, &shown);
    watch::until_ready(&open.house).await;
    tell(&open.settings, start.which, address);
    let mut changes = reload::Changes::of(&start.file, &open.settings);
    notify::say("READY=1");
    while !signals.stop(&mut changes).await {
        open = reload::again(open, &start, &listener, &shown);
        changes = reload::Changes::of(&start.file, &open.settings);
    }
    drop(listener);
    open.end().await
}

/// A house that is open to visitors.
struct Open {
    settings: Arc<Settings>,
    house: House,
    handle: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
    watching: JoinHandle<()>,
}

impl Open {
    /// Lets visitors in by `listener`, beside whoever listens there already.
    fn new(listener: &TcpListener, settings: Arc<Settings>, house: House) -> Result<Self, Refusal> {
        let listener = listener.try_clone().map_err(refused)?;
        let server = start(listener, &house, settings.server.workers)?;
        Ok(Self {
            handle: server.handle(),
            serving: actix_web::rt::spawn(server),
            watching: watch::spawn(&settings, &house),
            settings,
            house,
        })
    }

    /// Visits under way are let finish; nobody else comes in.
    fn give_way(self) {
        self.watching.abort();
        actix_web::rt::spawn(async move {
            // Whom it took in and has not looked at yet would be turned away by a stop: first it takes
            // in nobody more (the other house does), then it is given time to look at everybody.
            self.handle.pause().await;
            sleep(GLANCE).await;
            self.handle.stop(true).await;
        });
    }

    /// Says that it leaves, then lets visits finish, then settles what was told.
    async fn end(self) -> Result<(), Refusal> {
        notify::say("STOPPING=1");
        self.house.leaving.store(true, Ordering::Relaxed);
        tracing::info!(leave_s = self.settings.server.leave.as_secs(), "stopping");
        sleep(self.settings.server.leave).await;
        self.watching.abort();
        self.handle.stop(true).await;
        let ended = self.serving.await;
        self.house.edge.journal().flush();
        if let Some(directory) = &self.house.directory
            && let Err(why) = directory.releases.settle().await
        {
            tracing::warn!(%why, "what was sent in the last second is not among past releases");
        }
        ended.map_err(refused)?.map_err(refused)
    }
}

fn refused(why: impl std::fmt::Display) -> Refusal {
    Refusal::of(why.to_string())
}

/// The public server, listening from now on.
fn start(
    listener: TcpListener,
    house: &House,
    workers: usize,
) -> Result<actix_web::dev::Server, Refusal> {
    let edge = house.edge.clone();
    let routes = house.routes.clone();
    let server = HttpServer::new(move || {
        let routes = routes.clone();
        App::new()
            .wrap(from_fn(web::guard))
            .configure(move |config| routes.iter().for_each(|route| route(config)))
            .configure(|config| edge.configure(config))
    })
    .workers(workers)
    .disable_signals()
    .shutdown_timeout(DRAIN_S)
    .listen(listener)
    .map_err(|why| Refusal::of(why.to_string()))?;
    Ok(server.run())
}

/// Where our own services are asked for their metadata.
fn own_base(settings: &Settings, which: Which, address: SocketAddr) -> String {
    match (&settings.federation.own_base, which) {
        (Some(base), _) => base.clone(),
        (None, Which::All) => {
            let ip = match address.ip() {
                ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
                ip => ip,
            };
            format!("http://{}", SocketAddr::new(ip, address.port()))
        }
        (None, _) => settings.server.public_url.origin().to_owned(),
    }
}

/// The private server is a help, not the house: when its port is taken, the house opens without.
fn open_admin(settings: &Settings, shown: &admin::Shown) {
    let Listen::At(address) = settings.admin else {
        return;
    };
    if let Err(why) = admin::open(address, shown) {
        tracing::warn!(%address, %why, "no private listener ([admin] listen): /metrics is nowhere");
    }
}

/// What an operator, or whoever watches over us, says to the process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits until it is to stop (`true`), or to read its settings again: because somebody says so, or
    /// because a file is another.
    async fn stop(&mut self, changes: &mut reload::Changes) -> bool {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return true,
                _ = self.interrupt.recv() => return true,
                _ = self.hang_up.recv() => return false,
                () = sleep(watch::LOOK) => {
                    notify::say("WATCHDOG=1");
                    if changes.are_there() {
                        return false;
                    }
                }
            }
        }
    }
}

/// What a person or a script that started us wants to know.
fn tell(settings: &Settings, which: Which, address: SocketAddr) {
    if settings.server.demo && which == Which::All {
        demo::tell(settings);
    }
    say::line(&format!("ready http://{address}"));
}
