//! Asking and landing: what any relying service needs to let people in by SAML.
//!
//! A service is built once ([`Service::new`]), registers its routes under its own prefix
//! ([`Service::configure`]), and answers two questions afterwards: who is signed in
//! ([`Service::current`]), and how to ask for a sign-on ([`Service::start`]).
//!
//! # The way of one login
//!
//! 1. `GET {prefix}/login` opens an attempt, bound to the browser, and asks the discovery
//!    service who the visitor is, or asks the provider when it is named.
//! 2. `POST {prefix}/saml/acs` receives the answer, cross-site and therefore without any cookie:
//!    who it is about is kept under a ticket, nobody is signed in yet.
//! 3. `GET {prefix}/land` sees the browser's cookie again: the browser that lands must be the one
//!    that asked; only then is a session opened.
//!
//! # Invariants
//!
//! * Usable by a Rust application that is not ours: nothing here knows the portal, an account, or
//!   a page of the house beyond its own two.
//! * No answer is looked at without an attempt of ours; an attempt and an assertion serve once.
//! * A target is a path under the service's own prefix, whoever wrote it.
//! * Attribute values never reach the journal.

mod asking;
mod attempt;
mod evidence;
mod kept;
mod kit;
mod landing;
mod leaving;
mod publishing;
mod refusals;
mod scopes;
mod service;
mod signed_in;
mod target;

pub use asking::Proof;
pub use evidence::{Evidence, Seen};
pub use kept::Sent;
pub use kit::{Kit, KitFault, Trusted};
pub use leaving::samples;
pub use service::{Asks, ProviderLogout, Service, ServiceParts, SessionTimes};
pub use signed_in::SignedIn;
pub use target::Target;
