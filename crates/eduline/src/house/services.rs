//! The services of one process, each made of what the settings say and what is shared.

use std::collections::HashMap;
use std::sync::Arc;

use account::{Account, AccountParts};
use chrono::TimeDelta;
use directory::fonctions::Fonctions;
use directory::{Directory, Realm};
use idp::{Idp, IdpParts, RealmParts, SecondFactors};
use mail::Post;
use portal::{Function, GateSecret, Portal, PortalParts};
use saml::EntityId;
use saml::attribute::{self, Wire};
use saml::metadata::RequestedAttribute;
use sp::{Asks, ProviderLogout, Service, ServiceParts, SessionTimes};
use viewer::{Viewer, ViewerParts};
use wayf::{Profile, Rule, Status, Wayf, WayfParts};
use web::Sample;

use super::face::{imprint, realm_imprint, ui};
use super::open_sessions::OnShelf;
use super::{Ground, HeldKeys, Routes, arrivals};
use crate::cli::Which;
use crate::commands::Refusal;
use crate::keyring::{self, KeyRing, Secret};
use crate::settings::{Face, RealmSettings, Settings};

/// The pages of the services of `which`.
pub(super) fn samples(which: Which) -> Vec<Sample> {
    let mut samples = Vec::new();
    if [Which::Portal, Which::Viewer, Which::Account]
        .into_iter()
        .any(|one| which.runs(one))
    {
        samples.extend(sp::samples());
    }
    if which.runs(Which::Wayf) {
        samples.extend(wayf::samples());
    }
    if which.runs(Which::Idp) {
        samples.extend(idp::samples());
    }
    if which.runs(Which::Account) {
        samples.extend(account::samples());
    }
    if which.runs(Which::Portal) {
        samples.extend(portal::samples());
    }
    if which.runs(Which::Viewer) {
        samples.extend(viewer::samples());
    }
    samples
}

/// Opens the services of `which`.
pub(super) fn open(
    ground: &Ground<'_>,
    which: Which,
    directory: Option<&Directory>,
) -> Result<Vec<Routes>, Refusal> {
    // Addresses are tried in this order: those of a sign-on first.
    let mut routes: Vec<Routes> = Vec::new();
    if let Some(directory) = directory {
        let post = super::letters::open(ground)?;
        if which.runs(Which::Idp) {
            routes.push(idp(ground, directory, post.clone())?);
        }
        if which.runs(Which::Account) {
            routes.push(account(ground, directory, post)?);
        }
    }
    if which.runs(Which::Wayf) {
        routes.push(wayf(ground));
    }
    if which.runs(Which::Portal) {
        routes.push(portal(ground)?);
    }
    if which.runs(Which::Viewer) {
        routes.push(viewer(ground)?);
    }
    Ok(routes)
}

fn wayf(ground: &Ground<'_>) -> Routes {
    let settings = &ground.settings.wayf;
    let profiles = settings.profiles.iter().map(|profile| Profile {
        id: profile.id.as_str().to_owned(),
        status: if profile.soon {
            Status::Soon
        } else {
            Status::Open
        },
        providers: profile.providers.clone(),
        search: profile.search.clone(),
    });
    let rules = settings.rules.iter().map(|rule| Rule {
        services: rule.services.clone(),
        categories: rule.categories.clone(),
        profiles: rule.profiles.clone(),
    });
    let wayf = Wayf::new(WayfParts {
        edge: ground.edge.clone(),
        federation: Arc::clone(&ground.federation),
        profiles: profiles.collect(),
        rules: rules.collect(),
        default_service: settings.default_service.clone(),
        hints: settings.hints.clone(),
        common_domain: settings.common_domain.clone(),
        logos: (settings.logos).then(|| ground.settings.server.data.join("logos")),
    });
    Arc::new(move |config| wayf.configure(config))
}

fn idp(ground: &Ground<'_>, directory: &Directory, post: Post) -> Result<Routes, Refusal> {
    let settings = ground.settings;
    let realms = settings.idp.realms.iter();
    let realms = realms.map(|one| realm_parts(settings, (ground.ring, &ground.keys), one));
    let idp = Idp::new(IdpParts {
        edge: ground.edge.clone(),
        federation: Arc::clone(&ground.federation),
        directory: directory.clone(),
        shelf: Arc::clone(&ground.shelf),
        realms: realms.collect::<Result<_, Refusal>>()?,
        own_services: own_services(settings)?,
        policies: policies(ground),
        fonctions: Arc::clone(&ground.fonctions),
        account_pages: true,
        charters: settings.account.texts.charters.clone(),
        informs: !settings.account.texts.pages.is_empty(),
        second_factors: SecondFactors {
            inside: settings.idp.inside.clone(),
            grace: TimeDelta::days(settings.idp.grace_days.into()),
            // A letter that reaches nobody helps nobody.
            by_mail: settings.idp.by_mail && (settings.mail.smtp.is_some() || settings.server.demo),
            elsewhere: settings.idp.elsewhere,
            activated_at: Some(entity(&settings.server.public_url.join("/compte"))?),
        },
        post,
        ecp: settings.idp.ecp,
        access: super::access::by(&ground.catalogue),
    });
    ground.tasks.add(actix_web::rt::spawn(idp.listen()));
    let idp = Arc::new(idp);
    let (messages, passwords) = (Arc::clone(&idp), Arc::clone(&directory.passwords));
    queue(ground, "messages", move || messages.waiting());
    queue(ground, "passwords", move || passwords.waiting());
    connections(ground, directory);
    Ok(Arc::new(move |config| idp.configure(config)))
}

/// Tells how many wait for something, whenever it is asked.
fn queue(ground: &Ground<'_>, name: &str, waiting: impl Fn() -> usize + Send + Sync + 'static) {
    let metrics = ground.edge.metrics();
    metrics.gauge("eduline_queue", &[("queue", name)], move || {
        u64::try_from(waiting()).unwrap_or(u64::MAX)
    });
}

/// Tells how the connections to the accounts are used (O08).
fn connections(ground: &Ground<'_>, directory: &Directory) {
    for (state, is_busy) in [("busy", true), ("idle", false)] {
        let accounts = Arc::clone(&directory.accounts);
        let metrics = ground.edge.metrics();
        metrics.gauge(
            "eduline_directory_connections",
            &[("state", state)],
            move || {
                let connections = accounts.connections();
                let idle = connections.open.saturating_sub(connections.busy);
                let count = if is_busy { connections.busy } else { idle };
                u64::try_from(count).unwrap_or(u64::MAX)
            },
        );
    }
}

/// What one realm is made of.
pub(crate) fn realm_parts(
    settings: &Settings,
    (ring, keys): (&KeyRing, &HeldKeys),
    one: &RealmSettings,
) -> Result<RealmParts, Refusal> {
    Ok(RealmParts {
        realm: one.realm,
        entity_id: entity(&settings.realm_entity(one.realm))?,
        keys: keys.signing(&keyring::of_realm(one.realm))?,
        opening: keys.opening(&keyring::opening(&keyring::of_realm(one.realm)))?,
        metadata_keys: keys.signing(keyring::METADATA)?,
        scope: one.scope.clone(),
        ui: ui(settings, &one.face),
        imprint: realm_imprint(settings),
        pairwise_salt: ring.secret(Secret::Pairwise)?,
        codaca: settings.idp.codaca.clone(),
        choose_post: settings.idp.choose_post.contains(&one.realm),
        portal: settings.server.public_url.join("/portail/login"),
    })
}

/// The entityIDs of the services this deployment runs itself.
pub(crate) fn own_services(settings: &Settings) -> Result<Vec<EntityId>, Refusal> {
    ["/portail", "/magistere", "/compte"]
        .iter()
        .map(|path| entity(&settings.server.public_url.join(path)))
        .collect()
}

/// What the operator decided for each service, as it stands when it is asked.
fn policies(ground: &Ground<'_>) -> idp::policy::Policies {
    let decided = Arc::clone(&ground.policies);
    Arc::new(move |service: &EntityId| decided.load().of(service))
}

fn portal(ground: &Ground<'_>) -> Result<Routes, Refusal> {
    let service = relying(
        ground,
        &Relying {
            name: "portail",
            prefix: "/portail",
            home: "/portail/",
            key: keyring::PORTAL,
            session: SessionTimes {
                idle: ground.settings.portal.idle,
                ..SessionTimes::default()
            },
            asks: ground.settings.portal.asks.clone(),
            shown: &ground.settings.portal.face,
            keeps_evidence: false,
            required: &[attribute::UID, attribute::DISPLAY_NAME],
            wanted: &[
                attribute::SUBJECT_ID,
                attribute::GIVEN_NAME,
                attribute::SN,
                attribute::PROFIL,
                attribute::FONCTION,
                attribute::POSTE,
                attribute::AFFECTATION,
                attribute::FREDU_RES_DEL,
                attribute::CTGRPS,
            ],
        },
    )?;
    // A provider is what the tile that leads to it says: nobody can call themselves staff.
    let profiles = ground.settings.wayf.profiles.iter();
    let profiles = profiles
        .flat_map(|profile| {
            let providers = profile.providers.iter();
            providers.map(|provider| (provider.clone(), profile.id.as_str().to_owned()))
        })
        .collect();
    let portal = Portal::new(PortalParts {
        service,
        catalogue: Arc::clone(&ground.catalogue),
        profiles,
        shelf: Arc::clone(&ground.shelf),
        functions: functions(&ground.fonctions),
        gate: GateSecret::new(ground.ring.secret(Secret::Gate)?),
    });
    Ok(Arc::new(move |config| portal.configure(config)))
}

/// What functions are called, by their ids.
fn functions(fonctions: &Fonctions) -> HashMap<String, Function> {
    let all = fonctions.ids().filter_map(|id| fonctions.find(id));
    let called = all.map(|one| {
        let function = Function::called(&one.libelle_m, &one.libelle_f, &one.libelle_en);
        (one.id.clone(), function)
    });
    called.collect()
}

fn account(ground: &Ground<'_>, directory: &Directory, post: Post) -> Result<Routes, Refusal> {
    let service = relying(
        ground,
        &Relying {
            name: "compte",
            prefix: "/compte",
            home: "/compte/",
            key: keyring::ACCOUNT,
            session: SessionTimes::default(),
            asks: Asks::default(),
            shown: &ground.settings.account.face,
            keeps_evidence: false,
            required: &[attribute::UID, attribute::SUBJECT_ID],
            wanted: &[
                attribute::DISPLAY_NAME,
                attribute::GIVEN_NAME,
                attribute::SN,
                attribute::PROFIL,
            ],
        },
    )?;
    let realms = ground.settings.idp.realms.iter();
    let realms = realms.map(|one| {
        let entity = entity(&ground.settings.realm_entity(one.realm))?;
        Ok((entity, one.realm))
    });
    let account = Account::new(AccountParts {
        edge: ground.edge.clone(),
        arrivals: Arc::new(arrivals::OnShelf(idp::Tickets::on(&ground.shelf))),
        service,
        directory: directory.clone(),
        shelf: Arc::clone(&ground.shelf),
        sessions: Arc::new(OnShelf(idp::OpenSessions::on(&ground.shelf))),
        realms: realms.collect::<Result<_, Refusal>>()?,
        post,
        policy: ground.settings.account.policy.clone(),
        help: ground.settings.account.help.clone(),
        charters: ground.settings.account.texts.charters.clone(),
        pages: ground.settings.account.texts.pages.clone(),
        compat_2014: ground.settings.account.compat_2014,
        desk_functions: ground.settings.account.desk_functions.clone(),
    });
    ground.tasks.add(actix_web::rt::spawn(account.listen()));
    Ok(Arc::new(move |config| account.configure(config)))
}

fn viewer(ground: &Ground<'_>) -> Result<Routes, Refusal> {
    let service = relying(
        ground,
        &Relying {
            name: "magistere",
            prefix: "/magistere",
            home: "/magistere/",
            key: keyring::VIEWER,
            session: SessionTimes::default(),
            asks: Asks::default(),
            shown: &ground.settings.viewer,
            keeps_evidence: true,
            required: &[attribute::DISPLAY_NAME, attribute::PAIRWISE_ID],
            wanted: &[
                attribute::UID,
                attribute::GIVEN_NAME,
                attribute::SN,
                attribute::MAIL,
                attribute::TITLE,
                attribute::RNE,
                attribute::CODACA,
                attribute::FREDU_FONCT_ADM,
                attribute::FREDU_RNE,
                attribute::FREDU_RNE_RESP,
                attribute::PROFIL,
            ],
        },
    )?;
    let viewer = Viewer::new(ViewerParts {
        service,
        portal: Some(ground.edge.public_url().join("/portail/")),
    });
    Ok(Arc::new(move |config| viewer.configure(config)))
}

/// What makes one relying service differ from another.
struct Relying<'a> {
    name: &'static str,
    prefix: &'static str,
    home: &'static str,
    key: &'a str,
    session: SessionTimes,
    asks: Asks,
    shown: &'a Face,
    keeps_evidence: bool,
    required: &'a [Wire],
    wanted: &'a [Wire],
}

fn relying(ground: &Ground<'_>, relying: &Relying<'_>) -> Result<Arc<Service>, Refusal> {
    let required = relying.required.iter().map(|wire| requested(wire, true));
    let wanted = relying.wanted.iter().map(|wire| requested(wire, false));
    let service = Service::new(ServiceParts {
        edge: ground.edge.clone(),
        federation: Arc::clone(&ground.federation),
        shelf: Arc::clone(&ground.shelf),
        name: relying.name,
        prefix: relying.prefix,
        entity_id: entity(&ground.edge.public_url().join(relying.prefix))?,
        keys: ground.keys.signing(relying.key)?,
        opening: ground.keys.opening(&keyring::opening(relying.key))?,
        metadata_keys: ground.keys.signing(keyring::METADATA)?,
        ui: ui(ground.settings, relying.shown),
        imprint: imprint(ground.settings),
        requested: required.chain(wanted).collect(),
        discovery: ground.edge.public_url().join("/wayf/"),
        home: relying.home,
        session: relying.session,
        asks: relying.asks.clone(),
        provider_logout: provider_logout(ground),
        keeps_evidence: relying.keeps_evidence,
    });
    let answers = Arc::clone(&service);
    queue(ground, &format!("answers-{}", relying.name), move || {
        answers.waiting()
    });
    Ok(service)
}

/// A realm of ours lets people end its own session at a page of its own; nobody else is known to.
fn provider_logout(ground: &Ground<'_>) -> ProviderLogout {
    let pages: Vec<(String, String)> = Realm::ALL
        .into_iter()
        .map(|realm| ground.settings.realm_entity(realm))
        .map(|entity| (format!("{entity}/logout"), entity))
        .collect();
    Arc::new(move |provider: &EntityId| {
        pages
            .iter()
            .find(|(_, entity)| entity == provider.as_str())
            .map(|(page, _)| page.clone())
    })
}

fn requested(wire: &Wire, required: bool) -> RequestedAttribute {
    RequestedAttribute {
        name: wire.name.to_owned(),
        name_format: wire.format.to_owned(),
        friendly_name: (wire.short != wire.name).then(|| wire.short.to_owned()),
        required,
    }
}

fn entity(text: &str) -> Result<EntityId, Refusal> {
    EntityId::parse(text).map_err(|why| Refusal::of(why.to_string()))
}
