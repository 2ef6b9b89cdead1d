//! Logos of organisations, from this house alone: fetched by us beside the visitors, checked, kept on
//! disk and served at an address of ours, so that nobody's search is told to the organisations.
//!
//! # Invariants
//!
//! * What is fetched is an address that metadata names; whoever answers there leads to no machine
//!   that only we can reach.
//! * What is served is a picture of pixels, of a known kind, small in bytes and in pixels: no SVG, no
//!   text, nothing that runs.
//! * Nobody waits for a logo: until it is there, two letters stand in its place.

mod fetch;
mod picture;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Data, Path, block};
use chrono::TimeDelta;
use saml::Moment;
use saml::metadata::Logo;
use sha2::{Digest, Sha256};
use web::{Edge, Event, Refused, Visit};

use crate::Wayf;

/// Logos that wait to be fetched.
const WAITING: usize = 256;
/// After this long it is fetched again, and so is one that was refused.
const GOOD: TimeDelta = TimeDelta::days(7);
const BAD: TimeDelta = TimeDelta::hours(12);
/// Height that a logo is best shown from, pixels.
const BEST: u32 = 60;

/// What became of a logo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It waits, or is being fetched.
    Wanted,
    /// It is on disk since then, so many bytes of it.
    Good(Moment, u64),
    /// It is not to be had, since then.
    Bad(Moment),
}

/// Every logo that was wanted.
pub(crate) struct Logos {
    folder: PathBuf,
    edge: Edge,
    states: Arc<Mutex<HashMap<String, State>>>,
    wanted: SyncSender<(String, String)>,
}

impl Logos {
    /// Kept in `folder`. A thread of its own fetches them, as long as this lives.
    pub(crate) fn at(folder: PathBuf, edge: &Edge) -> Self {
        let now = edge.now();
        let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let kept = files.filter_map(|file| {
            let name = file.file_name().into_string().ok()?;
            Some((name, State::Good(now, file.metadata().ok()?.len())))
        });
        let states = kept.filter(|(name, _)| is_name(name)).collect();
        let states = Arc::new(Mutex::new(states));
        let (wanted, waiting) = sync_channel(WAITING);
        let worker = Worker {
            folder: folder.clone(),
            edge: edge.clone(),
            states: Arc::clone(&states),
        };
        std::thread::spawn(move || worker.run(&waiting));
        Self {
            folder,
            edge: edge.clone(),
            states,
            wanted,
        }
    }

    /// The path of the best of `logos` for who reads `lang`, when it is there and has no more than
    /// `most` bytes; it is asked for when it is not there.
    pub(crate) fn path(&self, logos: &[Logo], lang: &str, most: u64) -> Option<String> {
        // One written into the metadata is at no address.
        let at_addresses = logos.iter().filter(|logo| !logo.url.starts_with("data:"));
        let logo = at_addresses.min_by_key(|logo| {
            let language = match logo.lang.as_deref() {
                Some(own) if own == lang => 0,
                None => 1,
                Some(_) => 2,
            };
            (language, logo.height.abs_diff(BEST))
        })?;
        let name = name(&logo.url);
        let now = self.edge.now();
        let mut states = lock(&self.states);
        let (bytes, is_due) = match states.get(&name) {
            Some(State::Good(since, bytes)) => (Some(*bytes), *since + GOOD < now),
            Some(State::Bad(since)) => (None, *since + BAD < now),
            Some(State::Wanted) => (None, false),
            None => (None, true),
        };
        let ask = || self.wanted.try_send((name.clone(), logo.url.clone()));
        if is_due && ask().is_ok() {
            // An old one is shown until the new one is there.
            let meanwhile = bytes.map_or(State::Wanted, |bytes| State::Good(now, bytes));
            states.insert(name.clone(), meanwhile);
        }
        let is_light = bytes.is_some_and(|bytes| bytes <= most);
        is_light.then(|| format!("/wayf/logo/{name}"))
    }
}

fn lock(
    states: &Mutex<HashMap<String, State>>,
) -> std::sync::MutexGuard<'_, HashMap<String, State>> {
    states.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a logo is called here: its address's digest.
fn name(url: &str) -> String {
    let digest = Sha256::digest(url.as_bytes());
    let bytes = digest.iter().take(16);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

fn is_name(text: &str) -> bool {
    text.len() == 32
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
}

/// Who fetches.
struct Worker {
    folder: PathBuf,
    edge: Edge,
    states: Arc<Mutex<HashMap<String, State>>>,
}

impl Worker {
    fn run(&self, waiting: &Receiver<(String, String)>) {
        while let Ok((name, url)) = waiting.recv() {
            let got = self.get(&name, &url);
            let now = self.edge.now();
            let state = match &got {
                Ok(bytes) => State::Good(now, *bytes),
                Err(_) => State::Bad(now),
            };
            lock(&self.states).insert(name, state);
            let result = if got.is_ok() { "kept" } else { "refused" };
            self.edge
                .count("eduline_wayf_logos_total", &[("result", result)]);
            if let Err(why) = got {
                let event = Event::new("wayf.logo.refused")
                    .with("url", url)
                    .with("why", why);
                self.edge.journal().tell(now, None, &event);
            }
        }
    }

    /// Fetches a logo; how many bytes it has.
    fn get(&self, name: &str, url: &str) -> Result<u64, String> {
        let loopback = !self.edge.public_url().is_https();
        let bytes = fetch::picture(url, loopback)?;
        picture::check(&bytes)?;
        let failed = |why: std::io::Error| why.to_string();
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        let draft = self.folder.join(format!("{name}.draft"));
        std::fs::write(&draft, &bytes).map_err(failed)?;
        std::fs::rename(draft, self.folder.join(name)).map_err(failed)?;
        Ok(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
    }
}

/// `GET /wayf/logo/{name}`
pub(crate) async fn serve(
    _: Visit,
    wayf: Data<Wayf>,
    name: Path<String>,
) -> Result<HttpResponse, Refused> {
    let missing = || Refused::not_found("no such logo");
    let logos = wayf.logos.as_ref().ok_or_else(missing)?;
    let name = name.into_inner();
    let is_good = matches!(lock(&logos.states).get(&name), Some(State::Good(..)));
    if !is_name(&name) || !is_good {
        return Err(missing());
    }
    let file = logos.folder.join(name);
    let read = block(move || std::fs::read(file)).await;
    let bytes = read.ok().and_then(Result::ok).ok_or_else(missing)?;
    let kind = picture::check(&bytes).map_err(|_| missing())?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, kind.content_type()))
        .insert_header((CACHE_CONTROL, "public, max-age=86400"))
        .body(bytes))
}
