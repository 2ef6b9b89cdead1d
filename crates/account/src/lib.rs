//! « Gestion du compte »: where people look after their own account.
//!
//! # Invariants
//!
//! * A relying service like any other for its private pages: who is signed in came in one assertion,
//!   through `sp`, from a realm of this deployment; it can run on a machine of its own.
//! * The public pages need no session, and say the same whether or not an account exists.
//! * What is secret (NUMEN, birth date, password, code) is never kept in clear, never told to the
//!   journal, never part of an address.

mod arrivals;
mod change;
mod claim;
mod contact;
mod desk;
mod factors;
mod help;
mod history;
mod home;
mod identity;
mod letters;
mod lost;
mod moments;
mod otp;
mod passkeys;
pub mod policy;
mod reading;
mod refusals;
mod sessions;
mod signed;
mod sum;
mod throttle;
mod token;
mod unlocks;

pub use arrivals::{Arrival, Arrivals};
pub use sessions::{OpenSession, OpenSessions};

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::Resource;
use actix_web::web::{Data, ServiceConfig, get, post, resource};
use directory::{Directory, Realm};
use mail::Post;
use saml::EntityId;
use sp::Service;
use store::{Drawer, Shelf};
use web::{Edge, Sample, Throttle, Written};

use change::Proofs;
use contact::Pendings;
pub use help::Help;
pub use policy::Policy;
pub use reading::Leaf;
use sum::Sums;
use throttle::{CLAIMED, CLAIMS, FAILED, PROOFS};

/// What the account pages are made of.
pub struct AccountParts {
    /// The edge.
    pub edge: Edge,
    /// The relying service they are.
    pub service: Arc<Service>,
    /// The accounts.
    pub directory: Directory,
    /// Where codes, failures and half-done steps are kept.
    pub shelf: Arc<dyn Shelf>,
    /// The open sessions of the identity provider.
    pub sessions: Arc<dyn OpenSessions>,
    /// Who comes from the sign-on to choose a password.
    pub arrivals: Arc<dyn Arrivals>,
    /// The realm each identity provider of this deployment signs people in for.
    pub realms: HashMap<EntityId, Realm>,
    /// Where letters are taken.
    pub post: Post,
    /// What a new password must be.
    pub policy: Policy,
    /// Whom to ask.
    pub help: Help,
    /// What the people of a realm accept.
    pub charters: HashMap<Realm, Arc<Written>>,
    /// What the operator wrote for everybody to read.
    pub pages: Vec<Leaf>,
    /// What 2014 did: the NUMEN stands for a code. On a loopback address only.
    pub compat_2014: bool,
    /// The functions whose holders look after the people of their establishment.
    pub desk_functions: Vec<String>,
}

/// The account pages.
pub struct Account {
    pub(crate) parts: AccountParts,
    pub(crate) claims: Throttle,
    pub(crate) passwords: Throttle,
    pub(crate) sums: Sums,
    pub(crate) proofs: Proofs,
    pub(crate) pendings: Pendings,
    pub(crate) passkey_questions: Drawer<String>,
}

impl Account {
    /// Account pages made of these parts.
    pub fn new(parts: AccountParts) -> Arc<Self> {
        let shelf = &parts.shelf;
        Arc::new(Self {
            claims: Throttle::new(shelf, CLAIMED, &CLAIMS),
            passwords: Throttle::new(shelf, FAILED, &PROOFS),
            sums: Sums::new(shelf),
            proofs: Proofs::new(shelf),
            pendings: Pendings::new(shelf),
            passkey_questions: passkeys::questions(shelf),
            parts,
        })
    }

    /// Hears whom others unlock, within two seconds, as long as it is polled.
    pub fn listen(self: &Arc<Self>) -> impl Future<Output = ()> + use<> {
        unlocks::listen(Arc::clone(self))
    }

    /// Registers every route under `/compte`: those of the service, and the pages.
    pub fn configure(self: &Arc<Self>, config: &mut ServiceConfig) {
        self.parts.service.configure(config);
        let at = |path: &str| self.at(path);
        config
            .service(at("").route(get().to(home::show)))
            .service(
                at("/mot-de-passe-perdu")
                    .route(get().to(lost::show_password))
                    .route(post().to(lost::take_password)),
            )
            .service(
                at("/identifiant")
                    .route(get().to(lost::show_login))
                    .route(post().to(lost::take_login)),
            )
            .service(
                at("/mot-de-passe")
                    .route(get().to(change::show))
                    .route(post().to(change::take)),
            )
            .service(at("/aide").route(get().to(help::show)))
            .service(at("/charte").route(get().to(reading::charter)))
            .service(at("/informations").route(get().to(reading::list)))
            .service(at("/informations/{name}").route(get().to(reading::show)))
            .service(
                at("/secours")
                    .route(get().to(contact::show))
                    .route(post().to(contact::take)),
            )
            .service(
                at("/assistance")
                    .route(get().to(desk::show))
                    .route(post().to(desk::act)),
            )
            .service(at("/identite").route(get().to(identity::show)))
            .service(at("/historique").route(get().to(history::show)))
            .service(
                at("/sessions")
                    .route(get().to(sessions::show))
                    .route(post().to(sessions::end)),
            );
        self.configure_factors(config);
    }

    /// One address, with and without its last slash.
    fn at(self: &Arc<Self>, path: &str) -> Resource {
        let whole = format!("/compte{path}");
        let slashed = format!("{whole}/");
        resource([whole, slashed]).app_data(Data::from(Arc::clone(self)))
    }

    /// The pages of second factors.
    fn configure_factors(self: &Arc<Self>, config: &mut ServiceConfig) {
        let at = |path: &str| self.at(path);
        config
            .service(
                at("/otp")
                    .route(get().to(factors::show))
                    .route(post().to(factors::change)),
            )
            .service(
                at("/passkeys")
                    .route(get().to(passkeys::show))
                    .route(post().to(passkeys::add)),
            )
            .service(
                at("/otp/jeton")
                    .route(get().to(token::show))
                    .route(post().to(token::claim)),
            )
            .service(
                at("/otp/ajouter")
                    .route(get().to(otp::show))
                    .route(post().to(otp::activate)),
            );
    }
}

/// The pages of this room, for the edge to check.
pub fn samples() -> Vec<Sample> {
    let mut samples = Sample::of::<home::HomePage>();
    samples.extend(Sample::of::<identity::IdentityPage>());
    samples.extend(Sample::of::<history::HistoryPage>());
    samples.extend(Sample::of::<sessions::SessionsPage>());
    samples.extend(Sample::of::<lost::ClaimPage>());
    samples.extend(Sample::of::<change::ChangePage>());
    samples.extend(Sample::of::<help::HelpPage>());
    samples.extend(Sample::of::<reading::ReadingPage>());
    samples.extend(Sample::of::<reading::CharterPage>());
    samples.extend(Sample::of::<contact::ContactPage>());
    samples.extend(Sample::of::<desk::DeskPage>());
    samples.extend(Sample::of::<otp::OtpPage>());
    samples.extend(Sample::of::<token::TokenPage>());
    samples.extend(Sample::of::<passkeys::PasskeysPage>());
    samples.extend(Sample::of::<factors::FactorsPage>());
    samples.extend(Sample::of::<factors::CodesPage>());
    samples
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_sample_renders_strictly_in_both_languages() {
        assert_eq!(web::check(&super::samples(), None), Vec::<String>::new());
    }
}
