//! The whole house, walked by a visitor: what the tests need to start a deployment of their own, a
//! real browser and a plain HTTP client.
//!
//! # Invariants
//!
//! * Everything real: the built binary, Debian's Chromium, Redis, nginx, service providers of other make. Each is started on a free
//!   loopback port with a temporary folder, and stopped when its handle is dropped.
//! * Tests go through the front door: HTTP and the command line, nothing else.

pub mod axe;
pub mod browser;
pub mod client;
pub mod fleet;
pub mod forge;
pub mod house;
pub mod mailbox;
pub mod nginx;
pub mod partner;
pub mod peers;
pub mod phone;
pub mod postgres;
pub mod process;
pub mod redis;
pub mod slapd;
pub mod token;
pub mod topology;

pub use browser::Browser;
pub use client::{Answer, Client};
pub use house::House;
pub use partner::Partner;
pub use phone::Phone;

/// The password of every demo account.
pub const PASSWORD: &str = "Kq7-vTz4-mWx9";
