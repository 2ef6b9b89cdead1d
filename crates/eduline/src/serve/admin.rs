//! The private listener, for the operator's machines only: `/metrics` for programs, `/etat` for people.

mod metrics;
mod status;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use actix_web::middleware::from_fn;
use actix_web::web::{Data, get, resource};
use actix_web::{App, HttpServer};
use arc_swap::ArcSwap;
use federation::Federation;
use web::Edge;

use crate::house::{HeldKeys, House};

pub(crate) use status::samples;

/// What the private pages read of the house that is open.
struct Behind {
    edge: Edge,
    federation: Arc<Federation>,
    keys: Arc<HeldKeys>,
}

/// The house that the private pages show.
#[derive(Clone)]
pub(super) struct Shown {
    behind: Arc<ArcSwap<Behind>>,
    since: Instant,
}

impl Shown {
    /// This one, from now on.
    pub(super) fn of(house: &House) -> Self {
        Self {
            behind: Arc::new(ArcSwap::from_pointee(Behind::of(house))),
            since: Instant::now(),
        }
    }

    /// This one instead.
    pub(super) fn show(&self, house: &House) {
        self.behind.store(Arc::new(Behind::of(house)));
    }
}

impl Behind {
    fn of(house: &House) -> Self {
        Self {
            edge: house.edge.clone(),
            federation: Arc::clone(&house.federation),
            keys: Arc::clone(&house.keys),
        }
    }
}

/// Listens at `address` beside the public server.
pub(super) fn open(address: SocketAddr, shown: &Shown) -> std::io::Result<()> {
    let shown = Data::new(shown.clone());
    let server = HttpServer::new(move || {
        let edge = shown.behind.load().edge.clone();
        App::new()
            .wrap(from_fn(web::guard))
            .app_data(shown.clone())
            .configure(|config| edge.configure(config))
            .service(resource("/metrics").route(get().to(metrics::tell)))
            .service(resource("/etat").route(get().to(status::show)))
    })
    .workers(1)
    .disable_signals()
    .bind(address)?;
    actix_web::rt::spawn(server.run());
    Ok(())
}
