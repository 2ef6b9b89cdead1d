//! What every handler shares: clock, dice, public address, words, templates, journal.

use std::borrow::Cow;
use std::net::IpAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig, get, head, resource};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};

use crate::metrics::Metrics;
use crate::templates::Templates;
use crate::{Journal, Lang, Network, Refused, Sample, assets, common, guard, words};

/// The public address of the deployment: https, or http on a loopback host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
}

impl PublicUrl {
    /// Reads `https://host[:port]` or `http://loopback[:port]`, without path.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url =
            url::Url::parse(text).map_err(|why| format!("{text:?} is not an address: {why}"))?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err(format!("{text:?} must be scheme, host and port only"));
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => return Err(format!("{text:?}: plain http is for loopback hosts only")),
            _ => return Err(format!("{text:?} must start with https://")),
        }
        Ok(Self {
            origin: url.origin().ascii_serialization(),
        })
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

fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(url::Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

/// What a probe hears: nothing, or the reason.
pub type Asked = Pin<Box<dyn Future<Output = Result<(), String>>>>;

/// Something that must answer before visitors are let in: its name, and the question.
#[derive(Clone)]
pub struct Probe {
    /// What `/health/ready` calls it.
    pub name: &'static str,
    /// Asks it; the error is its reason.
    pub ask: Arc<dyn Fn() -> Asked + Send + Sync>,
}

/// Where chance comes from: fills what it is given.
pub type Dice = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// Where the moment comes from.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

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
    pub clock: Clock,
    /// Samples of every page of the services that run here, checked at start in debug builds and
    /// by `eduline check`.
    pub samples: Vec<Sample>,
    /// What `/health/ready` asks.
    pub probes: Vec<Probe>,
}

struct Inner {
    parts: EdgeParts,
    templates: Templates,
}

/// The edge. Cheap to clone.
#[derive(Clone)]
pub struct Edge {
    inner: Arc<Inner>,
    proxies: Arc<[Network]>,
    metrics: Metrics,
}

impl Edge {
    /// Builds the edge: loads templates and words, refuses faulty ones (all faults at once).
    pub fn new(parts: EdgeParts) -> Result<Self, Vec<String>> {
        let templates = Templates::load(parts.theme.as_deref())?;
        // A release was checked when it was built; what an operator changed is checked here too.
        if parts.theme.is_some() || cfg!(debug_assertions) {
            let faults = templates.faults(&parts.samples);
            if !faults.is_empty() {
                return Err(faults);
            }
        }
        Ok(Self {
            inner: Arc::new(Inner { parts, templates }),
            proxies: Arc::default(),
            metrics: Metrics::default(),
        })
    }

    /// The same, behind these proxies: what they say of where a request came from is believed. Of
    /// nobody else, and of nothing but that address (SECURITY 23).
    #[must_use]
    pub fn behind(self, proxies: Vec<Network>) -> Self {
        Self {
            proxies: proxies.into(),
            ..self
        }
    }

    /// The same, going on with what was counted before.
    #[must_use]
    pub fn counting(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    pub(crate) fn proxies(&self) -> &[Network] {
        &self.proxies
    }

    /// The system's clock: the only reading of the time in the house.
    pub fn system_clock() -> Clock {
        #[expect(clippy::disallowed_methods, reason = "this is the edge's clock")]
        Arc::new(Utc::now)
    }

    /// The system's dice, for the rooms below.
    pub fn system_dice() -> Dice {
        Arc::new(fill)
    }

    /// The moment.
    pub fn now(&self) -> DateTime<Utc> {
        (self.inner.parts.clock)()
    }

    /// `N` bytes of chance.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        fill(&mut bytes);
        bytes
    }

    /// A token of 128 bits, 22 characters of base64url.
    pub fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.random::<16>())
    }

    /// The public address.
    pub fn public_url(&self) -> &PublicUrl {
        &self.inner.parts.public_url
    }

    /// The journal.
    pub fn journal(&self) -> &Journal {
        &self.inner.parts.journal
    }

    /// Adds one to a counter; label values come from code and settings, never from a request.
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) {
        self.metrics.count(name, labels);
    }

    /// What this process counts.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// What `/health/ready` says: each thing that is not ready, with its reason.
    pub async fn unready(&self) -> Vec<(&'static str, String)> {
        let mut away = Vec::new();
        for probe in &self.inner.parts.probes {
            if let Err(why) = (probe.ask)().await {
                away.push((probe.name, why));
            }
        }
        away
    }

    /// Registers what every service shares: the edge itself, assets, probes, common pages, and the
    /// 404 page.
    pub fn configure(&self, config: &mut ServiceConfig) {
        config
            .app_data(Data::new(self.clone()))
            .service(
                resource("/assets/{hash}/{name}")
                    .route(get().to(assets::serve))
                    .route(head().to(assets::serve)),
            )
            .service(
                resource("/health/live")
                    .route(get().to(live))
                    .route(head().to(live)),
            )
            .service(
                resource("/health/ready")
                    .route(get().to(ready))
                    .route(head().to(ready)),
            )
            .configure(common::configure)
            .default_service(actix_web::web::to(nowhere));
    }

    /// A word outside of any page: a letter's. `tu` words first when it addresses a pupil. What cannot be
    /// said is its key.
    pub fn say(&self, (lang, tutoie): (Lang, bool), key: &str, values: &[(&str, &str)]) -> String {
        let text = self.templates().words.say(lang, tutoie, key);
        let value = |name: &str| {
            let found = values.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| Cow::Borrowed(*value))
        };
        text.and_then(|text| words::fill(text, value).ok())
            .unwrap_or_else(|| key.to_owned())
    }

    pub(crate) fn templates(&self) -> &Templates {
        &self.inner.templates
    }

    pub(crate) fn csrf_key(&self) -> &[u8; 32] {
        &self.inner.parts.csrf_key
    }
}

fn fill(bytes: &mut [u8]) {
    #[expect(clippy::disallowed_methods, reason = "these are the edge's dice")]
    let drawn = getrandom::fill(bytes);
    if drawn.is_err() {
        // Without chance there is no session, no key, no form: nothing may go on.
        std::process::abort();
    }
}

async fn live() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("live\n")
}

async fn ready(edge: Data<Edge>) -> HttpResponse {
    let away = edge.unready().await;
    let body = serde_json::json!({
        "ready": away.is_empty(),
        "away": away.iter().map(|(name, why)| serde_json::json!({"name": name, "why": why})).collect::<Vec<_>>(),
    });
    let mut response = if away.is_empty() {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    guard::said(response.json(body))
}

async fn nowhere() -> Result<HttpResponse, Refused> {
    Err(Refused::not_found("no such address"))
}

/// Samples of the edge's own pages.
pub fn samples() -> Vec<Sample> {
    let mut samples = Sample::of::<guard::RefusedPage>();
    samples.extend(common::samples());
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_https_or_loopback() {
        for good in [
            "https://eduline.example",
            "https://e.example:8443/",
            "http://localhost:8080",
            "http://127.0.0.1",
            "http://[::1]:1",
        ] {
            assert!(PublicUrl::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "eduline",
            "http://eduline.example",
            "http://10.0.0.1",
            "ftp://localhost",
            "https://e.example/x",
            "https://u@e.example",
            "https://e.example?x",
            "javascript:x",
            "http://localhost.evil.example",
        ] {
            assert!(PublicUrl::parse(bad).is_err(), "{bad}");
        }
        let url = PublicUrl::parse("https://e.example/").unwrap();
        assert_eq!(url.join("/wayf/"), "https://e.example/wayf/");
    }
}
