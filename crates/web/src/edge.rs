//! What every handler shares: clock, dice, public address, words, templates, journal.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::Journal;

/// The public address of the deployment: https, or http on a loopback host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
}

impl PublicUrl {
    /// Reads `https://host[:port]` or `http://loopback[:port]`, without path.
    pub fn parse(text: &str) -> Result<Self, String> {
        let _ = text;
        todo!()
    }
    /// The absolute address of a path that starts with `/`.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
    /// Scheme, host and port, without a final slash.
    pub fn origin(&self) -> &str {
        &self.origin
    }
    /// Whether cookies are `__Host-` and Secure.
    pub fn is_https(&self) -> bool {
        self.origin.starts_with("https:")
    }
}

/// What an edge is made of.
pub struct EdgeParts {
    /// The public address.
    pub public_url: PublicUrl,
    /// HMAC key for CSRF tokens, shared by the processes of a deployment.
    pub csrf_key: [u8; 32],
    /// A folder that overrides embedded templates, words and assets, file by file.
    pub theme: Option<PathBuf>,
    /// Where events go.
    pub journal: Journal,
    /// The clock; [`Edge::system_clock`] outside tests.
    pub clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    /// Samples of every page of the services that run here, checked at start.
    pub samples: Vec<crate::Sample>,
}

/// The edge. Cheap to clone.
#[derive(Clone)]
pub struct Edge {
    inner: Arc<EdgeParts>,
}

impl Edge {
    /// Builds the edge: loads templates and words, refuses faulty ones (all faults at once).
    pub fn new(parts: EdgeParts) -> Result<Self, Vec<String>> {
        Ok(Self {
            inner: Arc::new(parts),
        })
    }
    /// The system's clock: the only call of `Utc::now` in the house.
    pub fn system_clock() -> Arc<dyn Fn() -> DateTime<Utc> + Send + Sync> {
        todo!()
    }
    /// The system's dice, for the rooms below.
    pub fn system_dice() -> Arc<dyn Fn(&mut [u8]) + Send + Sync> {
        todo!()
    }
    /// The moment.
    pub fn now(&self) -> DateTime<Utc> {
        (self.inner.clock)()
    }
    /// `N` bytes of chance.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        todo!()
    }
    /// A token of 128 bits, 22 characters of base64url.
    pub fn token(&self) -> String {
        todo!()
    }
    /// The public address.
    pub fn public_url(&self) -> &PublicUrl {
        &self.inner.public_url
    }
    /// The journal.
    pub fn journal(&self) -> &Journal {
        &self.inner.journal
    }
    // web-internal: templates(), words(), csrf key … and for the binary:
    // pub fn configure(&self, cfg: &mut actix_web::web::ServiceConfig)  — app_data(Edge), /assets/{hash}/{name}, /health/live
    // pub fn guard() — the middleware to .wrap(): headers, cookies out, Refused → page, 404/405 pages, journal
}
