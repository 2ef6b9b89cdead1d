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

pub mod edge;
pub mod form;
pub mod journal;
pub mod page;
pub mod refused;
pub mod session;
pub mod visit;

pub use edge::{Edge, EdgeParts, PublicUrl};
pub use form::{Form, Query};
pub use journal::{Event, Journal, Reference};
pub use page::{Badge, Lang, Page, Sample};
pub use refused::Refused;
pub use session::{Session, Sessions};
pub use visit::Visit;
