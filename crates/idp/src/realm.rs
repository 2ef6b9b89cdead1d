//! One realm: its entity, its keys, its people, its sessions and its addresses.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use actix_web::Resource;
use actix_web::guard::fn_guard;
use actix_web::web::{Data, ServiceConfig, get, post, resource};
use chrono::NaiveDate;
use directory::fonctions::Fonctions;
use directory::{Directory, Person, Realm as Name};
use federation::Federation;
use mail::Post;
use saml::encryption::DecryptionKey;
use saml::keys::{Hook, OwnKeys};
use saml::metadata::{Imprint, Ui};
use saml::{EntityId, Refusal, SigningKey};
use store::{Drawer, Shelf};
use web::{Edge, Pool, Publisher, Sessions, Throttle, Written, is_xml};

use crate::artifact::Artifacts;
use crate::change::Tickets;
use crate::endings::{self, Acted, Endings};
use crate::flow::Flow;
use crate::logout::{Logouts, Participants};
use crate::people::People;
use crate::policy::Policies;
use crate::second_factor::{Mailed, SecondFactors};
use crate::session::SignedOn;
use crate::throttle::{FAILED, RULES};
use crate::{
    arrival, artifact, charter, ecp, flow, login, logout, metadata, passkey, past, posts, preview,
    second_factor, session, sso, telling, trying, unsolicited,
};

/// What an identity provider is made of.
pub struct IdpParts {
    /// The edge.
    pub edge: Edge,
    /// Who may ask.
    pub federation: Arc<Federation>,
    /// The accounts.
    pub directory: Directory,
    /// Flows, sessions, counters.
    pub shelf: Arc<dyn Shelf>,
    /// The realms served here.
    pub realms: Vec<RealmParts>,
    /// Services of this deployment: what they ask for, they get (a pupil's mail excepted).
    pub own_services: Vec<EntityId>,
    /// What the operator decided for each service.
    pub policies: Policies,
    /// What functions mean.
    pub fonctions: Arc<Fonctions>,
    /// Whether `/compte/` pages exist, to be linked to.
    pub account_pages: bool,
    /// What the people of a realm accept before they are signed on anywhere.
    pub charters: HashMap<Name, Arc<Written>>,
    /// Whether `/compte/informations` has pages.
    pub informs: bool,
    /// When a second factor is asked for.
    pub second_factors: SecondFactors,
    /// Where letters are taken.
    pub post: Post,
    /// Whether programs may sign people on without a browser.
    pub ecp: bool,
    /// Whom a service is open to.
    pub access: Access,
}

/// Whether a service is open to a person on a day: the operator's rule, by entityID.
pub type Access = Arc<dyn Fn(&EntityId, &Person, NaiveDate) -> bool + Send + Sync>;

/// What one realm is made of.
pub struct RealmParts {
    /// Its name.
    pub realm: Name,
    /// Its entity.
    pub entity_id: EntityId,
    /// Sign answers, and are published for that.
    pub keys: Arc<Hook<OwnKeys>>,
    /// Open what services encrypt for it (IIP-IDP19), current first; that one is published.
    pub opening: Arc<Hook<Vec<DecryptionKey>>>,
    /// Sign metadata.
    pub metadata_keys: Arc<Hook<OwnKeys>>,
    /// The scope of scoped attributes.
    pub scope: String,
    /// What it shows of itself.
    pub ui: Ui,
    /// Who stands behind it.
    pub imprint: Imprint,
    /// Key of pairwise identifiers: changing it changes them all (R10).
    pub pairwise_salt: [u8; 32],
    /// Académie code.
    pub codaca: String,
    /// Whether who holds several posts says for which one they come (D16).
    pub choose_post: bool,
    /// Where a visitor goes who comes from nowhere.
    pub portal: String,
}

/// The identity provider.
pub struct Idp {
    realms: Vec<Arc<Realm>>,
    acted: Arc<Acted>,
    pool: Arc<Pool>,
}

/// One realm, as its handlers hold it.
pub(crate) struct Realm {
    pub(crate) parts: RealmParts,
    pub(crate) edge: Edge,
    pub(crate) federation: Arc<Federation>,
    pub(crate) directory: Directory,
    pub(crate) flows: Drawer<Flow>,
    pub(crate) artifacts: Artifacts,
    pub(crate) tickets: Tickets,
    /// Asked by [`Realm::session`], which knows of those that the directory ended.
    pub(crate) sessions: Sessions<SignedOn>,
    pub(crate) endings: Arc<Endings>,
    pub(crate) participants: Participants,
    pub(crate) logouts: Logouts,
    pub(crate) people: People,
    pub(crate) throttle: Throttle,
    pub(crate) passkeys_spent: Drawer<()>,
    pub(crate) mailed: Mailed,
    pub(crate) post: Post,
    pub(crate) pool: Arc<Pool>,
    pub(crate) publisher: Publisher,
    pub(crate) own_services: Vec<EntityId>,
    pub(crate) policies: Policies,
    pub(crate) fonctions: Arc<Fonctions>,
    pub(crate) account_pages: bool,
    pub(crate) charter: Option<Arc<Written>>,
    pub(crate) informs: bool,
    pub(crate) second_factors: SecondFactors,
    pub(crate) ecp: bool,
    pub(crate) access: Access,
}

impl Idp {
    /// An identity provider.
    pub fn new(parts: IdpParts) -> Self {
        let pool = Arc::new(Pool::of_this_machine());
        let endings = Arc::new(Endings::default());
        let acted = Arc::new(Acted::new(&parts.shelf));
        let realms = parts.realms.into_iter().map(|realm| {
            let shelf = || Arc::clone(&parts.shelf);
            Arc::new(Realm {
                flows: Drawer::new(shelf(), "idp.flow"),
                tickets: Tickets::on(&parts.shelf),
                artifacts: Artifacts::new(shelf(), realm.realm.as_str()),
                sessions: session::sessions(&parts.shelf, realm.realm),
                endings: Arc::clone(&endings),
                participants: Participants::new(&parts.shelf, realm.realm.as_str()),
                logouts: Logouts::new(&parts.shelf, realm.realm.as_str()),
                people: People::of(Arc::clone(&parts.directory.accounts)),
                throttle: Throttle::new(&shelf(), FAILED, &RULES),
                passkeys_spent: passkey::spent(&parts.shelf),
                mailed: Mailed::on(&parts.shelf),
                post: parts.post.clone(),
                pool: Arc::clone(&pool),
                publisher: metadata::publisher(),
                edge: parts.edge.clone(),
                federation: Arc::clone(&parts.federation),
                directory: parts.directory.clone(),
                own_services: parts.own_services.clone(),
                policies: Arc::clone(&parts.policies),
                fonctions: Arc::clone(&parts.fonctions),
                account_pages: parts.account_pages,
                charter: parts.charters.get(&realm.realm).cloned(),
                informs: parts.informs,
                second_factors: parts.second_factors.clone(),
                ecp: parts.ecp,
                access: Arc::clone(&parts.access),
                parts: realm,
            })
        });
        Self {
            realms: realms.collect(),
            acted,
            pool,
        }
    }

    /// How many messages are checked, or wait for it.
    pub fn waiting(&self) -> usize {
        self.pool.waiting()
    }

    /// Hears what the directory tells of accounts, and acts on it within two seconds, as long as it is
    /// polled. One process of several acts; all of them hear.
    pub fn listen(&self) -> impl Future<Output = ()> + use<> {
        endings::listen(self.realms.clone(), Arc::clone(&self.acted))
    }

    /// Registers every address of every realm.
    pub fn configure(&self, config: &mut ServiceConfig) {
        for realm in &self.realms {
            let at =
                |path: &str| resource(realm.path(path)).app_data(Data::from(Arc::clone(realm)));
            config
                .service(at("/metadata").route(get().to(metadata::serve)))
                .service(at("/sso/redirect").route(get().to(sso::by_redirect)))
                .service(at("/sso/post").route(post().to(sso::by_post)))
                .service(at("/sso/arrived").route(get().to(arrival::go_on)))
                .service(at("/sso/unsolicited").route(get().to(unsolicited::start)))
                .service(
                    at("/artifact").route(post().guard(fn_guard(is_xml)).to(artifact::resolve)),
                )
                .configure(|config| steps(config, at))
                .configure(|config| {
                    if realm.ecp {
                        let asked = post().guard(fn_guard(is_xml)).to(ecp::ask);
                        config.service(at("/ecp").route(asked));
                    }
                })
                .service(
                    at("/releases")
                        .route(get().to(past::show))
                        .route(post().to(past::forget)),
                )
                .service(
                    at("/apercu")
                        .app_data(Data::new(preview::Realms(self.realms.clone())))
                        .route(get().to(preview::show)),
                )
                .service(
                    at("/essai")
                        .app_data(Data::new(preview::Realms(self.realms.clone())))
                        .route(get().to(trying::show)),
                )
                .service(
                    at("/logout")
                        .route(get().to(logout::ask))
                        .route(post().to(logout::leave)),
                )
                .service(at("/logout/next").route(get().to(logout::go_on)))
                .service(at("/slo/redirect").route(get().to(logout::by_redirect)))
                .service(at("/slo/post").route(post().to(logout::by_post)))
                .service(at("/slo/soap").route(post().guard(fn_guard(is_xml)).to(logout::by_soap)));
        }
    }
}

/// Registers the steps on the way to an answer.
fn steps(config: &mut ServiceConfig, at: impl Fn(&str) -> Resource) {
    config
        .service(at("/other").route(get().to(login::other_profile)))
        .service(at("/continue").route(get().to(flow::go_on)))
        .service(
            at("/information")
                .route(get().to(telling::show))
                .route(post().to(telling::decide)),
        )
        .service(
            at("/charte")
                .route(get().to(charter::show))
                .route(post().to(charter::take)),
        )
        .service(
            at(posts::AT)
                .route(get().to(posts::show))
                .route(post().to(posts::choose)),
        )
        .service(
            at("/login")
                .route(get().to(login::show))
                .route(post().to(login::sign_in)),
        )
        .service(at("/passkey").route(post().to(passkey::prove)))
        .service(
            at("/second-factor")
                .route(get().to(second_factor::show))
                .route(post().to(second_factor::prove)),
        );
}

impl Realm {
    /// The path of one of its addresses.
    pub(crate) fn path(&self, of: &str) -> String {
        ["/idp/", self.parts.realm.as_str(), of].concat()
    }

    /// The public address of one of its addresses.
    pub(crate) fn address(&self, of: &str) -> String {
        self.edge.public_url().join(&self.path(of))
    }

    /// Our key as it signs for `service`: as that verifies, as far as it says (IIP-MD10).
    pub(crate) fn signer<'k>(
        &self,
        service: &EntityId,
        keys: &'k OwnKeys,
    ) -> Result<Cow<'k, SigningKey>, Refusal> {
        let snapshot = self.federation.snapshot();
        match snapshot.service(service) {
            Some((_, role)) => role.choose_signing(keys.current(), self.federation.rules()),
            None => self.federation.rules().signer(keys.current()),
        }
    }

    /// Whether pages say "tu".
    pub(crate) fn tutoie(&self) -> bool {
        self.parts.realm == Name::Eleve
    }
}
