//! Sign-ons while a large federation is read again and again: nobody is to wait for it.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::federation::Aggregate;
use super::scale::{configure, nearly_all, published};
use super::server::Server;
use super::{By, Row, address, ask, micros, register_plain};
use crate::commands::Refusal;
use crate::keyring::KeyRing;

/// Sign-ons a second, and how many.
const PER_SECOND: u32 = 100;
const TIMES: u32 = 1000;
/// How much longer than without a refresh the slowest of a hundred may take.
const MOST: f64 = 1.5;

/// The time of a sign-on with a live session, with refreshes that follow each other and without any.
pub(super) fn row(folder: &Path, aggregate: &Aggregate, entities: u32) -> Result<Row, Refusal> {
    let config = folder.join("refreshing");
    let (url, given) = published(aggregate)?;
    configure(&config, aggregate, &url)?;
    let file = config.join("eduline.toml").display().to_string();
    let plain = slowest(&mut Server::start(&[])?)?;
    let mut server = Server::start(&[
        ("EDULINE_CONFIG", file.as_str()),
        ("EDULINE__FEDERATION__REFRESH_S", "1"),
    ])?;
    let before = given.load(Ordering::Relaxed);
    let beside = slowest(&mut server)?;
    let times = given.load(Ordering::Relaxed).saturating_sub(before);
    let ratio = beside.as_secs_f64() / plain.as_secs_f64();
    Ok(Row {
        what: format!(
            "sign-on at {PER_SECOND} a second while {entities} entities are read again and again \
             ({times} times), p99 at the visitor"
        ),
        took: micros(beside),
        limit: format!("{} without them", micros(plain)),
        // A slow machine reads it too seldom meanwhile to say anything.
        aim: (times >= 3).then(|| (format!("at most {MOST} × (is {ratio:.2} ×)"), ratio <= MOST)),
    })
}

/// The time that 99 of 100 sign-ons take at most, at an even pace.
fn slowest(server: &mut Server) -> Result<Duration, Refusal> {
    // What a first start makes, keys and accounts, is there the second time.
    server.again()?;
    let visitor = server.visitor();
    visitor.sign_in("personnel", "amartin")?;
    register_plain(server)?;
    let key = KeyRing::at(&server.data().join("keys")).key(crate::keyring::PORTAL)?;
    let addresses = (0..TIMES)
        .map(|number| address(server, By::Plain, number, &key))
        .collect::<Result<Vec<String>, saml::Refusal>>()
        .map_err(|why| Refusal::of(why.to_string()))?;
    let step = Duration::from_secs(1) / PER_SECOND;
    let started = Instant::now();
    let mut times = Vec::with_capacity(addresses.len());
    for (turn, address) in (0..).zip(&addresses) {
        let due = started + step * turn;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let asked = Instant::now();
        ask(&visitor, address)?;
        times.push(asked.elapsed());
    }
    Ok(nearly_all(&mut times))
}
