//! `eduline serve`: one process, one or several services.
//!
//! The address is taken first, so that the services can be asked for their metadata by each other,
//! in one process as on six machines; then metadata is read, and the process is ready.

mod admin;
mod demo;
mod watch;

pub(crate) use demo::PASSWORD as DEMO_PASSWORD;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer};

use crate::cli::{Serve, Which};
use crate::commands::{Refusal, keys};
use crate::house::House;
use crate::say;
use crate::settings::{Listen, Settings};

/// How long visits that are under way may take to end.
const DRAIN_S: u64 = 10;

/// Serves until a signal says stop.
pub(crate) fn run(settings: Settings, command: &Serve) -> Result<(), Refusal> {
    if settings.server.demo || command.first_start {
        keys::generate(&settings)?;
    }
    let which = command.what;
    actix_web::rt::System::new().block_on(serve(Arc::new(settings), which))
}

async fn serve(settings: Arc<Settings>, which: Which) -> Result<(), Refusal> {
    let listener = TcpListener::bind(settings.server.listen)
        .map_err(|why| Refusal::of(format!("{}: {why}", settings.server.listen)))?;
    let address = listener
        .local_addr()
        .map_err(|why| Refusal::of(why.to_string()))?;
    let own_base = own_base(&settings, which, address);
    let house = House::open(&settings, which, &own_base).await?;
    // Before anybody can be told that the house is ready, and find nobody there.
    if let (true, Some(directory)) = (settings.server.demo, &house.directory) {
        demo::populate(&settings, directory).await?;
    }
    let server = start(listener, &house, settings.server.workers)?;
    let handle = server.handle();
    let serving = actix_web::rt::spawn(server);
    open_admin(&settings, &house);
    watch::spawn(&settings, &house);
    watch::until_ready(&house).await;
    tell(&settings, which, address);
    stop_on_signal(handle);
    let ended = serving.await;
    house.edge.journal().flush();
    if let Some(directory) = &house.directory
        && let Err(why) = directory.releases.settle().await
    {
        tracing::warn!(%why, "what was sent in the last second is not among past releases");
    }
    ended
        .map_err(|why| Refusal::of(why.to_string()))?
        .map_err(|why| Refusal::of(why.to_string()))
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
            .configure(|config| edge.configure(config))
            .configure(move |config| routes.iter().for_each(|route| route(config)))
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
fn open_admin(settings: &Settings, house: &House) {
    let Listen::At(address) = settings.admin else {
        return;
    };
    if let Err(why) = admin::open(address, house) {
        tracing::warn!(%address, %why, "no private listener ([admin] listen): /metrics is nowhere");
    }
}

/// Both ways of asking end the same way: visits under way are let finish.
fn stop_on_signal(handle: ServerHandle) {
    use tokio::signal::unix::{SignalKind, signal};
    actix_web::rt::spawn(async move {
        let (Ok(mut asked), Ok(mut interrupted)) = (
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
        ) else {
            return;
        };
        tokio::select! {
            _ = asked.recv() => {}
            _ = interrupted.recv() => {}
        }
        tracing::info!("stopping");
        handle.stop(true).await;
    });
}

/// What a person or a script that started us wants to know.
fn tell(settings: &Settings, which: Which, address: SocketAddr) {
    if settings.server.demo && which == Which::All {
        demo::tell(settings);
    }
    say::line(&format!("ready http://{address}"));
}
