//! The edge every page shares: the only clock and dice, sessions, CSRF, pages, words, headers,
//! refusals, the journal.
//!
//! # Invariants
//!
//! * No SAML word, no account, no business noun.
//! * The only room that draws chance and reads the time; everything below is given both.
//! * Every answer carries the security headers; every page is a type with samples, rendered
//!   strictly; every refusal carries a code and a reference, and is told to the journal once.
//! * Absolute addresses come from the public URL of the settings only, never from a request.
//!
//! # Routes
//!
//! A room registers each address once, with `resource(path).route(get().to(…)).route(post().to(…))`:
//! another method is then a 405 page with `Allow`. The application is wrapped in
//! `from_fn(web::guard)`, and [`Edge::configure`] comes first.

pub mod edge;
pub mod foreign;
pub mod form;
pub mod journal;
pub mod metrics;
pub mod page;
pub mod pool;
pub mod press;
pub mod publishing;
pub mod refused;
pub mod session;
pub mod throttle;
pub mod visit;
pub mod written;

mod assets;
mod common;
mod csrf;
mod guard;
mod gzip;
mod pairs;
mod proxies;
#[cfg(test)]
mod scene;
mod sealed;
mod templates;
mod words;

pub use common::LOGO;
pub use edge::{Edge, EdgeParts, Probe, PublicUrl};
pub use form::{Form, Query, Xml, is_xml};
pub use guard::guard;
pub use gzip::takes_gzip;
pub use journal::{Event, Journal, Reference};
pub use metrics::Metrics;
pub use page::{Badge, Filling, Lang, Mould, Page, Sample, gap};
pub use pool::{Busy, Pool};
pub use press::Press;
pub use proxies::Network;
pub use publishing::Publisher;
pub use refused::Refused;
pub use session::{Seen, Session, Sessions};
pub use templates::{check, word};
pub use throttle::Throttle;
pub use visit::Visit;
pub use words::typeset;
pub use written::Written;
