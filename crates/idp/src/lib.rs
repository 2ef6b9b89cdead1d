//! Authenticating and answering: the identity provider, one SAML entity a realm.
//!
//! # Invariants
//!
//! * [`next`](next::next) is the only decider: what is left to ask, whether to answer, whether to
//!   say no. It is pure; steps never know each other and always come back to it.
//! * Nobody is sent to an address that is not one of the service's metadata, letter by letter.
//! * An unknown person and a wrong password get the same page after the same work.
//! * A session ends here before anybody else is told of it, and no message ends one that its sender
//!   did not take part in.
//! * Knows no other service: only their metadata.

mod answer;
mod arrival;
mod artifact;
mod change;
mod charter;
mod ecp;
mod endings;
mod flow;
mod letters;
mod login;
mod logout;
mod metadata;
pub mod next;
mod open_sessions;
mod passkey;
mod past;
mod people;
pub mod policy;
mod posts;
mod preview;
mod realm;
mod refusals;
pub mod release;
mod second_factor;
mod session;
mod sso;
pub mod synthetic;
mod telling;
mod throttle;
pub mod trying;
mod unsolicited;
mod whence;

pub use change::{HandedOver, Tickets};
pub use metadata::CACHE_S;
pub use open_sessions::{OpenSession, OpenSessions};
pub use realm::{Access, Idp, IdpParts, RealmParts};
pub use second_factor::SecondFactors;

/// The pages of this room, for the edge to check.
pub fn samples() -> Vec<web::Sample> {
    [
        web::Sample::of::<answer::AnswerPage>(),
        web::Sample::of::<charter::CharterPage>(),
        web::Sample::of::<login::LoginPage>(),
        web::Sample::of::<flow::StalePage>(),
        web::Sample::of::<logout::LogoutPage>(),
        web::Sample::of::<logout::CarryPage>(),
        web::Sample::of::<past::PastPage>(),
        web::Sample::of::<posts::PostPage>(),
        web::Sample::of::<preview::PreviewPage>(),
        web::Sample::of::<second_factor::SecondFactorPage>(),
        web::Sample::of::<telling::InformationPage>(),
        web::Sample::of::<trying::TryPage>(),
    ]
    .concat()
}
