//! A service: what it is made of, its routes, and who is signed in.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::guard::fn_guard;
use actix_web::web::{Data, ServiceConfig, get, post, resource};
use federation::Federation;
use saml::encryption::DecryptionKey;
use saml::keys::{Hook, OwnKeys};
use saml::metadata::{Entity, Imprint, RequestedAttribute, Ui};
use saml::{EntityId, Refusal, Rules, SigningKey};
use web::{Badge, Edge, Event, Pool, Publisher, Refused, Session, Sessions, Visit, is_xml};

use crate::attempt::Attempts;
use crate::kept::{self, Forms};
use crate::landing::Landings;
use crate::leaving::known::Leavings;
use crate::leaving::{everywhere, told};
use crate::{Proof, Sent, SignedIn, Target, asking, landing, leaving, publishing};

/// Where an identity provider lets a person end its session, if it is known to have such a page.
pub type ProviderLogout = Arc<dyn Fn(&EntityId) -> Option<String> + Send + Sync>;

/// How long a session lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionTimes {
    /// Without a visit.
    pub idle: Duration,
    /// After it was opened, whatever happens.
    pub whole: Duration,
}

impl Default for SessionTimes {
    /// An hour without a visit, a working day in all.
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(3600),
            whole: Duration::from_secs(10 * 3600),
        }
    }
}

/// What every sign-on at a service is asked with, besides who answers it. Nothing, unless said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asks {
    /// `AuthnContextClassRef`s, `exact`, the one that is liked best first; an answer that says none of
    /// them is not taken (IIP-SP06, IIP-SP07). Empty: whatever the provider holds for enough.
    pub contexts: Vec<String>,
    /// Whether a `NameIDPolicy` goes along, without a format, for providers that want to be allowed to
    /// make one (IIP-SP03).
    pub name_id_policy: bool,
}

impl Asks {
    /// Whether an answer that says this is one to what was asked. A second factor is never too little.
    pub(crate) fn suits(&self, said: Option<&str>) -> bool {
        let wanted = self.contexts.iter().map(String::as_str);
        self.contexts.is_empty()
            || wanted
                .chain([saml::names::REFEDS_MFA])
                .any(|class| said == Some(class))
    }
}

/// What a service is made of.
pub struct ServiceParts {
    /// The edge.
    pub edge: Edge,
    /// Who may speak.
    pub federation: Arc<Federation>,
    /// Where attempts, landings, spent assertions and sessions are kept.
    pub shelf: Arc<dyn store::Shelf>,
    /// Short and unique on the shelf, letters only: its sessions' cookie and drawer are called so.
    pub name: &'static str,
    /// Where its addresses start: `/portail`, without a final slash.
    pub prefix: &'static str,
    /// Its name in the federation.
    pub entity_id: EntityId,
    /// The keys its requests are signed with, published in its metadata.
    pub keys: Arc<Hook<OwnKeys>>,
    /// The keys that open what is encrypted for it. The first is published, so that the others are
    /// tried for those who read our metadata before it was, or after. Empty: nothing is encrypted.
    pub opening: Arc<Hook<Vec<DecryptionKey>>>,
    /// The keys its metadata is signed with.
    pub metadata_keys: Arc<Hook<OwnKeys>>,
    /// What it shows of itself.
    pub ui: Ui,
    /// Who stands behind it.
    pub imprint: Imprint,
    /// The attributes it asks for, in its metadata.
    pub requested: Vec<RequestedAttribute>,
    /// The discovery service, an absolute address.
    pub discovery: String,
    /// Where a visitor without a target goes: a path under the prefix.
    pub home: &'static str,
    /// How long sessions last.
    pub session: SessionTimes,
    /// What a sign-on is asked with.
    pub asks: Asks,
    /// Where a person can end their identity provider's session too.
    pub provider_logout: ProviderLogout,
    /// Whether sessions keep why the answer was believed ([`crate::SignedIn::evidence`]): for a service that shows it.
    pub keeps_evidence: bool,
}

/// A service that people sign in to.
pub struct Service {
    pub(crate) parts: ServiceParts,
    pub(crate) attempts: Attempts,
    pub(crate) landings: Landings,
    pub(crate) forms: Forms,
    pub(crate) leavings: Leavings,
    pub(crate) sessions: Sessions<SignedIn>,
    pub(crate) pool: Pool,
    pub(crate) publisher: Publisher,
}

impl Service {
    /// A service made of these parts.
    pub fn new(parts: ServiceParts) -> Arc<Self> {
        let shelf = || Arc::clone(&parts.shelf);
        Arc::new(Self {
            attempts: Attempts::new(shelf(), parts.prefix),
            landings: Landings::new(shelf(), parts.prefix),
            forms: Forms::new(&parts.shelf, parts.prefix, parts.session.whole),
            leavings: Leavings::new(&parts.shelf, parts.prefix, parts.session.whole),
            sessions: Sessions::new(
                shelf(),
                parts.name,
                parts.name.to_owned(),
                parts.session.idle,
                parts.session.whole,
            ),
            pool: Pool::of_this_machine(),
            publisher: publishing::publisher(),
            parts,
        })
    }

    /// Registers the routes of this service: `login`, `saml/metadata`, `saml/acs`, `saml/slo`,
    /// `land`, `reprise`, `logout` and `logout/everywhere` under its prefix. Every other address under it is the application's own.
    pub fn configure(self: &Arc<Self>, cfg: &mut ServiceConfig) {
        let at = |path: &str| resource(self.path(path)).app_data(Data::from(Arc::clone(self)));
        cfg.service(at("/login").route(get().to(asking::login)))
            .service(at("/saml/metadata").route(get().to(publishing::metadata)))
            .service(at("/saml/acs").route(post().to(landing::receive)))
            .service(
                at("/saml/slo")
                    .route(get().to(told::by_redirect))
                    .route(post().guard(fn_guard(is_xml)).to(told::by_soap))
                    .route(post().to(told::by_post)),
            )
            .service(at("/logout/everywhere").route(get().to(everywhere::ask)))
            .service(at("/land").route(get().to(landing::land)))
            .service(at(kept::ROUTE).route(get().to(kept::give_back)))
            .service(
                at("/logout")
                    .route(get().to(leaving::ask))
                    .route(post().to(leaving::leave)),
            );
    }

    /// How many answers are checked, or wait for it.
    pub fn waiting(&self) -> usize {
        self.pool.waiting()
    }

    /// Who is signed in here with this browser.
    pub async fn current(&self, visit: &Visit) -> Result<Option<Session<SignedIn>>, Refused> {
        let Some(session) = self.sessions.current(visit).await? else {
            return Ok(None);
        };
        if session.value.is_over(self.parts.edge.now()) {
            self.sessions.close(visit).await?;
            visit.tell(Event::new("sp.session.over").with("service", self.parts.name));
            return Ok(None);
        }
        Ok(Some(session))
    }

    /// Who is signed in under that key ([`Session::key`]): for what stands for this session elsewhere. It
    /// counts as a visit.
    pub async fn of_key(
        &self,
        visit: &Visit,
        key: &str,
    ) -> Result<Option<Session<SignedIn>>, Refused> {
        let now = visit.edge().now();
        let session = self.sessions.of_key(key, now).await?;
        Ok(session.filter(|session| !session.value.is_over(now)))
    }

    /// Sends a visitor without a session to sign in; they come back to `target` when it is a path
    /// under the prefix, else to the home of the service.
    pub async fn start(&self, visit: &Visit, target: &str) -> Result<HttpResponse, Refused> {
        asking::ask_discovery(self, visit, self.target(Some(target))).await
    }

    /// The same for a visitor who sent a form: they are given it back to confirm it, when it may be
    /// kept ([`Service::keep`]).
    pub async fn start_with(&self, visit: &Visit, sent: Sent<'_>) -> Result<HttpResponse, Refused> {
        let target = self.keep(visit, sent).await?;
        self.start(visit, &target).await
    }

    /// Asks `provider`, at which the visitor signed in, for a proof of now; they come back to `target`
    /// as [`Service::start`] says. What came of it is in the session: when, and by what.
    pub async fn prove_again(
        &self,
        visit: &Visit,
        (target, provider): (&str, EntityId),
        proof: Proof,
    ) -> Result<HttpResponse, Refused> {
        let target = self.target(Some(target));
        asking::ask_again(self, visit, (target, provider), proof).await
    }

    /// How pages show who is signed in.
    pub fn badge(&self, signed_in: &SignedIn) -> Badge {
        Badge {
            login: signed_in.user().to_owned(),
            name: signed_in.name(),
            logout: self.path("/logout"),
        }
    }

    /// The edge.
    pub fn edge(&self) -> &Edge {
        &self.parts.edge
    }

    /// Where a visitor without a target goes.
    pub fn home(&self) -> &'static str {
        self.parts.home
    }

    /// Its name in the federation.
    pub fn entity_id(&self) -> &EntityId {
        &self.parts.entity_id
    }

    /// What an identity provider of the federation calls itself in this language.
    pub fn provider_name(&self, provider: &EntityId, lang: web::Lang) -> Option<String> {
        self.parts
            .federation
            .snapshot()
            .entity(provider)
            .and_then(|entity| entity.ui.display_name(lang.as_str()))
            .map(|name| web::typeset(name, lang))
    }

    /// What the federation knows of an entity.
    pub fn entity(&self, id: &EntityId) -> Option<Arc<Entity>> {
        self.parts.federation.snapshot().entity(id).cloned()
    }

    /// What the deployment decides of messages.
    pub fn rules(&self) -> &Rules {
        self.parts.federation.rules()
    }

    /// The profile that the operator put a provider behind when registering it.
    pub fn profile_of(&self, provider: &EntityId) -> Option<String> {
        let known = self.parts.federation.snapshot();
        known.profile_of(provider).map(str::to_owned)
    }

    /// Our key as it signs for `provider`: as that verifies, as far as it says (IIP-MD10).
    pub(crate) fn signer<'k>(
        &self,
        provider: &EntityId,
        keys: &'k OwnKeys,
    ) -> Result<Cow<'k, SigningKey>, Refusal> {
        let federation = &self.parts.federation;
        let snapshot = federation.snapshot();
        match snapshot.provider(provider) {
            Some((_, role)) => role.choose_signing(keys.current(), federation.rules()),
            None => federation.rules().signer(keys.current()),
        }
    }

    /// The path of one of its routes.
    pub(crate) fn path(&self, route: &str) -> String {
        format!("{}{route}", self.parts.prefix)
    }

    /// The public address of one of its routes.
    pub(crate) fn address(&self, route: &str) -> String {
        self.parts.edge.public_url().join(&self.path(route))
    }

    /// The target asked for, else home.
    pub(crate) fn target(&self, asked: Option<&str>) -> Target {
        asked
            .and_then(|text| Target::parse(text, self.parts.prefix))
            .unwrap_or_else(|| Target::home(self.parts.home))
    }
}
