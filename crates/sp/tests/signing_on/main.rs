//! A service and a browser, an identity provider made of room `saml`'s own composer, and everybody
//! who is not them.

mod leaving;
mod refusals;
mod scene;
mod story;
