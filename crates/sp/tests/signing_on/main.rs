//! A service and a browser, an identity provider made of room `saml`'s own composer, and everybody
//! who is not them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed expectation is how a test speaks"
)]

mod leaving;
mod refusals;
mod scene;
mod story;
mod told;
mod visitor;
