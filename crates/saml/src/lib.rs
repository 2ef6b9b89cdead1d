//! What is said: SAML 2.0 bytes and a moment in, a verdict out; a value and a key in, signed
//! bytes out.
//!
//! # Invariants
//!
//! * No async, no clock, no files, no HTTP server. The moment is an argument; so is the chance an
//!   identifier is made of (OpenSSL draws its own for ECDSA signatures and new keys).
//! * The only room that knows samael and openssl.
//! * What is read after a signature was checked is the checked bytes and nothing else: a message
//!   goes `Received` → `Verified` → `Accepted`, and only this room can make the step.
//! * One refusal per clause, each with a stable public code.

pub mod artifact;
pub mod attribute;
mod c14n;
pub mod ecp;
mod encoding;
pub mod encryption;
pub mod examine;
pub mod foreign;
pub mod keys;
pub mod logout;
mod message;
pub mod metadata;
pub mod names;
pub mod post;
mod preflight;
mod reader;
pub mod redirect;
pub mod refusal;
pub mod request;
pub mod response;
pub mod rules;
mod sign;
mod signature;
pub mod soap;
pub mod trust;
mod writer;

pub use keys::{KeyKind, SigningKey, VerifyingKey};
pub use message::{Incoming, Outgoing};
pub use names::{Binding, EntityId, MessageId, NameIdFormat};
pub use refusal::Refusal;
pub use request::AuthnRequest;
pub use rules::Rules;
pub use trust::{Accepted, Received, Signing, Verified};

/// A moment, in UTC.
pub type Moment = chrono::DateTime<chrono::Utc>;
