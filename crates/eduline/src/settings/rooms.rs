//! Reading the settings section by section.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use account::policy::Breached;
use account::{Help, Policy};
use directory::{Hashing, Realm};
use federation::Filter;
use mail::{Smtp, check_from};
use saml::rules::{MOST_SKEW_S, SKEW_S};
use saml::{EntityId, KeyKind, Rules, VerifyingKey};
use store::RedisAt;
use web::{Network, PublicUrl};

use super::checked::{
    AccountSettings, AccountsPlace, DirectorySettings, Face, FederationSettings, IdpSettings,
    JournalSettings, KeySettings, Listen, MailSettings, Names, PortalSettings, ProfileSettings,
    RealmSettings, RuleSettings, Secret, ServerSettings, SourcePlace, SourceSettings,
    StoreSettings, WayfSettings,
};
use super::discovery;
use super::section::Section;
use super::texts;
use super::trees;
use crate::keyring::TokenSettings;

pub(super) fn server(section: &mut Section<'_>, folder: &Path) -> Option<ServerSettings> {
    let listen = section.needed_or("listen", "127.0.0.1:0", address);
    let public_url = section.needed_or("public_url", "http://localhost", PublicUrl::parse);
    let data = section.needed("data", |text| {
        std::path::absolute(text).map_err(|why| why.to_string())
    });
    let proxies = networks(section, "proxies");
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let workers = section
        .number("workers", 0, 256)
        .and_then(|number| usize::try_from(number).ok())
        .filter(|number| *number > 0);
    let demo = section.boolean("demo").unwrap_or(false);
    let demo_accounts = section
        .path_in("demo_accounts", folder)
        .unwrap_or_else(|| folder.join("demo/accounts.csv"));
    let leave = section.number("leave_s", 0, 300).unwrap_or(0);
    let public_url = public_url?;
    if demo && !is_loopback(&public_url) {
        let place = section.place.clone();
        section.fault(
            place,
            "server.demo makes accounts with a public password: it is refused unless \
             server.public_url is a loopback address",
        );
    }
    Some(ServerSettings {
        listen: listen?,
        public_url,
        data: data?,
        proxies,
        workers: workers.unwrap_or(cores),
        demo,
        demo_accounts,
        leave: Duration::from_secs(u64::from(leave)),
    })
}

/// A list of networks and addresses.
pub(super) fn networks(section: &mut Section<'_>, key: &'static str) -> Vec<Network> {
    let mut networks = Vec::new();
    for (place, text) in section.texts(key) {
        match Network::parse(&text) {
            Ok(network) => networks.push(network),
            Err(why) => section.fault(place, format!("{key}: {why}")),
        }
    }
    networks
}

/// Whether only this machine can be meant by the address.
pub(super) fn is_loopback(public_url: &PublicUrl) -> bool {
    let name = host(public_url);
    name == "localhost"
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

/// The host of an address, without its port and without brackets.
pub(super) fn host(public_url: &PublicUrl) -> &str {
    let origin = public_url.origin();
    let host = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    }
    .unwrap_or_default()
}

pub(super) fn admin(section: &mut Section<'_>) -> Listen {
    let read = |text: &str| match text {
        "off" | "" => Ok(Listen::Off),
        text => address(text).map(Listen::At),
    };
    section.parsed("listen", read).unwrap_or(Listen::Off)
}

pub(super) fn store(section: &mut Section<'_>, data: &Path) -> Option<StoreSettings> {
    let kind = section.needed_or("kind", "embedded", |text| match text {
        "embedded" | "redis" => Ok(text.to_owned()),
        _ => Err("expected \"embedded\" or \"redis\"".to_owned()),
    });
    let path = section.path_in("path", data);
    let url = url(section);
    let sentinels = section.texts("sentinels").into_iter();
    let sentinels: Vec<String> = sentinels.map(|(_, address)| address).collect();
    let replicas = section.number("replicas", 0, 5);
    if kind? == "embedded" {
        return Some(StoreSettings::Embedded(
            path.unwrap_or_else(|| data.join("shelf.redb")),
        ));
    }
    let Some(url) = url else {
        let place = section.place.clone();
        section.fault(
            place,
            "store.kind = \"redis\" needs store.url or store.url_file",
        );
        return Some(StoreSettings::Embedded(data.join("shelf.redb")));
    };
    let at = RedisAt {
        url,
        sentinels,
        replicas: replicas.unwrap_or(0),
    };
    // The addresses are not repeated: they may hold a password.
    let is_one = |url: &String| url.starts_with("redis://") || url.starts_with("rediss://");
    let place = section.place.clone();
    if !is_one(&at.url) {
        section.fault(place, "store.url must start with redis:// or rediss://");
    } else if !at.sentinels.iter().all(is_one) || !at.is_address() {
        section.fault(
            place,
            "store.url and store.sentinels must be addresses (redis:// or rediss://, host, port)",
        );
    }
    Some(StoreSettings::Redis(at))
}

/// Where a server is reached; better in a file of its own when a password is in it.
fn url(section: &mut Section<'_>) -> Option<String> {
    let url = section.text("url");
    let from_file = section.parsed("url_file", |file| {
        std::fs::read_to_string(file)
            .map(|text| text.trim().to_owned())
            .map_err(|why| why.to_string())
    });
    from_file.or(url)
}

pub(super) fn directory(
    section: &mut Section<'_>,
    folder: &Path,
    data: &Path,
) -> DirectorySettings {
    let kind = section.parsed("kind", |text| match text {
        "sqlite" | "postgres" => Ok(text.to_owned()),
        _ => Err("expected \"sqlite\" or \"postgres\"".to_owned()),
    });
    let path = section.path_in("path", data);
    let server = postgres(section, folder, kind.as_deref() == Some("postgres"));
    // The least that OWASP's Password Storage Cheat Sheet (2023) allows for Argon2id is 7 MiB.
    let memory_kib = section.number("memory_kib", 7168, 4_194_304);
    let passes = section.number("passes", 1, 64);
    let at_once = section
        .number("at_once", 1, 64)
        .and_then(|number| usize::try_from(number).ok());
    let hashing = Hashing {
        memory_kib: memory_kib.unwrap_or(19456),
        passes: passes.unwrap_or(2),
        at_once: at_once.unwrap_or(2),
    };
    let file = || AccountsPlace::Sqlite(path.unwrap_or_else(|| data.join("directory.sqlite")));
    DirectorySettings {
        place: server.map_or_else(file, AccountsPlace::Postgres),
        trees: trees::trees(section, folder),
        hashing,
    }
}

/// The server of accounts, where it is asked for.
fn postgres(section: &mut Section<'_>, folder: &Path, asked: bool) -> Option<directory::Server> {
    let url = url(section);
    let tls = section.boolean("tls").unwrap_or(true);
    let authorities = section.path_in("authorities", folder);
    let connections = section.number("connections", 2, 1000).unwrap_or(10);
    if !asked {
        return None;
    }
    let place = section.place.clone();
    if let Some(file) = authorities.as_ref().filter(|file| !file.is_file()) {
        let why = format!("directory.authorities: {}: no such file", file.display());
        section.fault(place.clone(), why);
    }
    let url = url.unwrap_or_default();
    if !directory::Server::is_address(&url) {
        // The address is not repeated: it may hold a password.
        section.fault(
            place,
            "directory.kind = \"postgres\" needs directory.url or directory.url_file, of the form \
             postgres://name:password@host:5432/database",
        );
    }
    Some(directory::Server {
        url,
        tls,
        authorities,
        connections,
    })
}

pub(super) fn journal(section: &mut Section<'_>, data: &Path) -> JournalSettings {
    let folder = section.path_in("folder", data);
    JournalSettings {
        folder: folder.unwrap_or_else(|| data.join("journal")),
        keep_days: section.number("keep_days", 1, 3650).unwrap_or(30),
    }
}

pub(super) fn keys(section: &mut Section<'_>, data: &Path) -> KeySettings {
    let folder = section.path_in("folder", data);
    let kind = section.parsed("kind", |text| match text {
        "rsa-2048" => Ok(KeyKind::Rsa2048),
        "rsa-3072" => Ok(KeyKind::Rsa3072),
        "p-256" => Ok(KeyKind::P256),
        _ => Err("expected \"rsa-2048\", \"rsa-3072\" or \"p-256\"".to_owned()),
    });
    let days = section.number("days", 1, 7300);
    let hours = section.number("next_hours", 1, 8760).unwrap_or(24);
    let retired = section.number("retired_days", 1, 3650).unwrap_or(10);
    KeySettings {
        folder: folder.unwrap_or_else(|| data.join("keys")),
        kind: kind.unwrap_or(KeyKind::Rsa2048),
        days: days.unwrap_or(3650),
        token: None,
        wait: Duration::from_hours(hours.into()),
        grace: Duration::from_hours(24 * u64::from(retired)),
    }
}

/// No module, no token.
pub(super) fn token(section: &mut Section<'_>, folder: &Path) -> Option<TokenSettings> {
    let module = section.path_in("module", folder);
    let token = section.text("token");
    let pin_file = section.path_in("pin_file", folder);
    let sessions = section.number("sessions", 1, 64).unwrap_or(4);
    match (module, token, pin_file) {
        (Some(module), Some(token), Some(pin_file)) => Some(TokenSettings {
            module,
            token,
            pin_file,
            sessions,
        }),
        (None, None, None) => None,
        _ => {
            let place = section.place.clone();
            section.fault(
                place,
                "pkcs11 needs all of module, token and pin_file, or none",
            );
            None
        }
    }
}

pub(super) fn wayf(section: &mut Section<'_>, base: &str) -> Option<WayfSettings> {
    let default_service = section.needed_or("default_service", "{public_url}/portail", |text| {
        entity(text, base)
    });
    let soon = section.texts("soon");
    let mut profiles = section.tables("profiles", |section| {
        let id = section.needed("id", realm);
        let mut providers = Vec::new();
        for (place, text) in section.texts("providers") {
            match entity(&text, base) {
                Ok(provider) => providers.push(provider),
                Err(why) => section.fault(place, why),
            }
        }
        let search = searches(section);
        Some(ProfileSettings {
            id: id?,
            soon: false,
            providers,
            search,
        })
    });
    for (place, id) in soon {
        match profiles
            .iter_mut()
            .find(|profile| profile.id.as_str() == id)
        {
            Some(profile) => profile.soon = true,
            None => section.fault(place, format!("wayf.soon: no profile is called {id:?}")),
        }
    }
    look_at_profiles(section, &profiles);
    let ids: Vec<&str> = profiles.iter().map(|profile| profile.id.as_str()).collect();
    let rules = section.tables("rules", |section| Some(rule(section, base, &ids)));
    let logos = section.boolean("logos").unwrap_or(true);
    let hints = discovery::hints(section, base);
    let common_domain = discovery::common_domain(section, base);
    Some(WayfSettings {
        default_service: default_service?,
        profiles,
        rules,
        hints,
        common_domain,
        logos,
    })
}

/// Every profile once, and each open one leads somewhere.
fn look_at_profiles(section: &mut Section<'_>, profiles: &[ProfileSettings]) {
    let place = section.place.clone();
    if profiles.is_empty() {
        section.fault(place.clone(), "wayf.profiles: at least one is needed");
    }
    for at in 0..profiles.len() {
        let (before, after) = profiles.split_at(at);
        let Some(profile) = after.first() else {
            continue;
        };
        if before.iter().any(|other| other.id == profile.id) {
            section.fault(
                place.clone(),
                format!("wayf.profiles: {} twice", profile.id.as_str()),
            );
        }
        if profile.providers.is_empty() && profile.search.is_empty() && !profile.soon {
            section.fault(
                place.clone(),
                format!(
                    "wayf.profiles: {} is open and leads nowhere",
                    profile.id.as_str()
                ),
            );
        }
    }
}

/// Which tiles the visitors of some services are shown.
fn rule(section: &mut Section<'_>, base: &str, known: &[&str]) -> RuleSettings {
    let mut services = Vec::new();
    for (place, text) in section.texts("services") {
        match entity(&text, base) {
            Ok(service) => services.push(service),
            Err(why) => section.fault(place, why),
        }
    }
    let categories = section.texts("categories").into_iter();
    let categories: Vec<String> = categories.map(|(_, text)| text).collect();
    let mut profiles = Vec::new();
    for (place, id) in section.texts("profiles") {
        if known.contains(&id.as_str()) && !profiles.contains(&id) {
            profiles.push(id);
        } else {
            section.fault(
                place,
                format!("wayf.rules.profiles: {id:?} is no profile, or is there twice"),
            );
        }
    }
    let place = section.place.clone();
    if services.is_empty() && categories.is_empty() {
        section.fault(
            place.clone(),
            "wayf.rules: services or categories must say whom it is for",
        );
    }
    if profiles.is_empty() {
        section.fault(place, "wayf.rules: profiles must name at least one");
    }
    RuleSettings {
        services,
        categories,
        profiles,
    }
}

/// Whom the search of a tile finds.
fn searches(section: &mut Section<'_>) -> Vec<wayf::Sought> {
    let mut search = Vec::new();
    for (place, text) in section.texts("search") {
        match sought(&text) {
            Ok(sought) => search.push(sought),
            Err(why) => section.fault(place, why),
        }
    }
    search
}

fn sought(text: &str) -> Result<wayf::Sought, String> {
    let (kind, value) = text.split_once(':').unwrap_or((text, ""));
    match (kind, value) {
        ("all", "") => Ok(wayf::Sought::Everybody),
        ("category", value) if !value.is_empty() => Ok(wayf::Sought::Category(value.to_owned())),
        ("registrar", value) if !value.is_empty() => Ok(wayf::Sought::Registrar(value.to_owned())),
        ("scope", value) if !value.is_empty() => Ok(wayf::Sought::Scope(value.to_lowercase())),
        _ => Err(format!(
            "wayf.profiles.search: {text:?}: expected \"all\", \"category:…\", \"registrar:…\" or \"scope:…\""
        )),
    }
}

pub(super) fn idp(section: &mut Section<'_>, folder: &Path) -> Option<IdpSettings> {
    let codaca = section.needed_or("codaca", "000", |text| {
        let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits && text.starts_with('0') {
            Ok(text.to_owned())
        } else {
            Err("expected 0 and the two digits of the académie (\"009\" for Lille)".to_owned())
        }
    });
    let fonctions = section
        .path_in("fonctions", folder)
        .unwrap_or_else(|| folder.join("fonctions.toml"));
    let services = section.path_in("services", folder);
    let inside = networks(section, "inside");
    let grace_days = section.number("second_factor_grace_days", 0, 365);
    let by_mail = section.boolean("second_factor_by_mail");
    let elsewhere = section.boolean("second_factor_elsewhere");
    let ecp = section.boolean("ecp");
    let realms = section.tables("realms", |section| {
        let realm = section.needed("realm", realm);
        let scope = section.needed("scope", scope);
        let face = face(section, "", "");
        if face.name.fr.is_empty() {
            let place = section.place.clone();
            section.fault(place, "idp.realms.name needs fr and en");
        }
        Some(RealmSettings {
            realm: realm?,
            scope: scope?,
            face,
        })
    });
    let choose_post = choose_post(section, &realms);
    let place = section.place.clone();
    for realm in Realm::ALL {
        let times = realms.iter().filter(|one| one.realm == realm).count();
        if times > 1 {
            section.fault(
                place.clone(),
                format!("idp.realms: {} is there {times} times", realm.as_str()),
            );
        }
    }
    Some(IdpSettings {
        codaca: codaca?,
        fonctions,
        services,
        inside,
        grace_days: grace_days.unwrap_or(14),
        by_mail: by_mail.unwrap_or(true),
        elsewhere: elsewhere.unwrap_or(false),
        ecp: ecp.unwrap_or(true),
        choose_post,
        realms,
    })
}

/// The realms whose people say for which of their posts they come.
fn choose_post(section: &mut Section<'_>, realms: &[RealmSettings]) -> Vec<Realm> {
    let mut chosen = Vec::new();
    for (place, text) in section.texts("choose_post") {
        match realm(&text) {
            Ok(one) if realms.iter().any(|other| other.realm == one) => chosen.push(one),
            Ok(one) => {
                let story = format!("idp.choose_post: {} is none of idp.realms", one.as_str());
                section.fault(place, story);
            }
            Err(why) => section.fault(place, format!("idp.choose_post: {why}")),
        }
    }
    chosen
}

pub(super) fn portal(section: &mut Section<'_>, folder: &Path) -> PortalSettings {
    let catalogue = section.path_in("catalogue", folder);
    PortalSettings {
        catalogue: catalogue.unwrap_or_else(|| folder.join("applications.toml")),
        face: face(section, "Portail des applications", "Applications portal"),
        idle: Duration::from_secs(u64::from(
            section.number("idle_s", 1, 36_000).unwrap_or(3600),
        )),
        asks: sp::Asks {
            contexts: contexts(section),
            name_id_policy: section.boolean("name_id_policy").unwrap_or(false),
        },
    }
}

/// Names of ways to authenticate: absolute addresses, as SAML has them (Authentication Context 2.0, 3).
fn contexts(section: &mut Section<'_>) -> Vec<String> {
    let mut contexts = Vec::new();
    for (place, text) in section.texts("contexts") {
        let plain = |c: char| c.is_ascii_graphic() && !"<>\"&".contains(c);
        if text.contains(':') && text.len() <= 256 && text.chars().all(plain) {
            contexts.push(text);
        } else {
            let why = format!("portal.contexts: {text:?} is not the address of a context");
            section.fault(place, why);
        }
    }
    contexts
}

pub(super) fn account(section: &mut Section<'_>, folder: &Path, near: bool) -> AccountSettings {
    let compat_2014 = section.boolean("compat_2014").unwrap_or(false);
    if compat_2014 && !near {
        let place = section.place.clone();
        section.fault(
            place,
            "account.compat_2014 gives an account to whoever knows a NUMEN: it is refused unless \
             server.public_url is a loopback address",
        );
    }
    let face = face(section, "Gestion du compte", "Your account");
    let preset = section.parsed("policy", |text| match text {
        "academie-2026" => Ok(Policy::academie_2026()),
        "seed-2014" => Ok(Policy::seed_2014()),
        _ => Err("expected \"academie-2026\" or \"seed-2014\"".to_owned()),
    });
    let preset = preset.unwrap_or_else(Policy::academie_2026);
    let help = Help {
        phone: section.text("help_phone"),
        mail: section
            .parsed("help_mail", |text| {
                let fits = text.is_empty() || mail::is_address(text);
                let text = Some(text.to_owned()).filter(|text| !text.is_empty());
                fits.then_some(text)
                    .ok_or("expected an address of mail".to_owned())
            })
            .flatten(),
        hours: section.text("help_hours"),
    };
    let functions = section.texts("desk_functions").into_iter();
    let desk_functions = functions.map(|(_, id)| id).collect();
    let policy = section.table("password", |section| password(section, preset, folder));
    let texts = texts::read(section, folder);
    AccountSettings {
        face,
        policy,
        help,
        compat_2014,
        desk_functions,
        texts,
    }
}

/// What a password must be, where it differs from the preset.
fn password(section: &mut Section<'_>, preset: Policy, folder: &Path) -> Policy {
    let mut policy = preset;
    let number = |section: &mut Section<'_>, key, least, most| {
        let number = section.number(key, least, most);
        number.and_then(|number| usize::try_from(number).ok())
    };
    // Nobody remembers more, and fewer than eight are guessed (CNIL 2022-100).
    if let Some(length) = number(section, "length", 8, 64) {
        policy.shape.length = length;
    }
    if let Some(special) = section.boolean("special") {
        policy.shape.special = special;
    }
    let some = |number: usize| Some(number).filter(|number| *number > 0);
    if let Some(length) = number(section, "without_special", 0, 64) {
        policy.without_special = some(length);
    }
    if let Some(words) = number(section, "words", 0, 20) {
        policy.words = some(words);
    }
    if let Some(past) = number(section, "past", 0, 24) {
        policy.past = past;
    }
    if let Some(hours) = section.number("least_hours", 0, 720) {
        policy.least_hours = hours;
    }
    let words = section.parsed("dictionary", |file| match file {
        "" => Ok(None),
        file => std::fs::read_to_string(folder.join(file))
            .map(Some)
            .map_err(|why| why.to_string()),
    });
    if let Some(words) = words.flatten() {
        policy.dictionary = policy.dictionary.with(&words);
    }
    let breached = section.parsed("breached", |file| match file {
        "" => Ok(None),
        file => Breached::open(&folder.join(file)).map(Some),
    });
    policy.breached = breached.flatten();
    policy
}

pub(super) fn mail(section: &mut Section<'_>, data: &Path) -> MailSettings {
    let tls = section.parsed("tls", |text| match text {
        "required" | "offered" | "never" => Ok(text.to_owned()),
        _ => Err("expected \"required\", \"offered\" or \"never\"".to_owned()),
    });
    let tls = tls.unwrap_or_else(|| "required".to_owned());
    let written = section.text("smtp");
    let from_file = section.parsed("smtp_file", |file| match file {
        "" => Ok(None),
        file => std::fs::read_to_string(file)
            .map(|text| Some(text.trim().to_owned()))
            .map_err(|why| why.to_string()),
    });
    let smtp = from_file.flatten().or(written);
    // The address is not repeated: it may hold a password.
    if let Some(Err(why)) = smtp.as_deref().map(|smtp| Smtp::parse(smtp, &tls)) {
        let place = section.place.clone();
        section.fault(place, format!("mail.smtp: {why}"));
    }
    let from = section.parsed("from", |text| check_from(text).map(|()| text.to_owned()));
    let from = from.unwrap_or_else(|| "Eduline <ne-pas-repondre@localhost>".to_owned());
    MailSettings {
        queue: data.join("letters"),
        folder: data.join("mail"),
        smtp: smtp.map(|smtp| (Secret::new(smtp), tls)),
        from,
    }
}

pub(super) fn viewer(section: &mut Section<'_>) -> Face {
    face(section, "Magistère", "Magistère")
}

pub(super) fn federation(section: &mut Section<'_>, folder: &Path) -> FederationSettings {
    let own_base = section
        .parsed("own_base", |text| match text {
            "" => Ok(String::new()),
            text if text.starts_with("http://") || text.starts_with("https://") => {
                Ok(text.trim_end_matches('/').to_owned())
            }
            _ => Err("expected an address, http:// or https://".to_owned()),
        })
        .filter(|text| !text.is_empty());
    let refresh = section.number("refresh_s", 1, 86_400).unwrap_or(3600);
    let sources = section.tables("sources", |section| source(section, folder));
    FederationSettings {
        own_base,
        refresh: Duration::from_secs(u64::from(refresh)),
        sources,
    }
}

/// How far clocks may differ (IIP-G01), and what is forbidden (IIP-ALG08).
pub(super) fn saml(section: &mut Section<'_>) -> Rules {
    let skew = section.number("clock_skew_s", 0, MOST_SKEW_S);
    let mut rules = Rules::default().within(skew.unwrap_or(SKEW_S));
    for (place, uri) in section.texts("forbidden_algorithms") {
        match rules.clone().without(&uri) {
            Ok(stricter) => rules = stricter,
            Err(why) => section.fault(place, format!("saml.forbidden_algorithms: {why}")),
        }
    }
    rules
}

fn source(section: &mut Section<'_>, folder: &Path) -> Option<SourceSettings> {
    let name = section.needed("name", id_text);
    let places = [
        section.text("url").map(SourcePlace::Url),
        section.path_in("file", folder).map(SourcePlace::File),
        section.path_in("folder", folder).map(SourcePlace::Folder),
        section.text("mdq").map(SourcePlace::Query),
    ];
    let key = |text: &str| pinned_key(&folder.join(text)).map(|key| (key, folder.join(text)));
    let (pinned, key): (Vec<VerifyingKey>, Vec<_>) = section.parsed("key", key).into_iter().unzip();
    let horizon_days = section.number("horizon_days", 1, 3650);
    let needed = section.boolean("needed").unwrap_or(true);
    let filter = filter(section);
    let at = section.place.clone();
    let mut written: Vec<SourcePlace> = places.into_iter().flatten().collect();
    let place = written.pop();
    if place.is_none() || !written.is_empty() {
        section.fault(at, "a source has one of url, file, folder, mdq");
        return None;
    }
    if matches!(place, Some(SourcePlace::Url(_) | SourcePlace::Query(_))) && pinned.is_empty() {
        section.fault(
            at,
            "a source at an address needs key: the certificate that signs it",
        );
    }
    Some(SourceSettings {
        name: name?,
        place: place?,
        pinned,
        horizon_days,
        filter,
        needed,
        key: key.into_iter().next(),
    })
}

/// Whom a source may bring.
fn filter(section: &mut Section<'_>) -> Filter {
    let mut texts = |key| -> Vec<String> {
        let texts = section.texts(key).into_iter();
        texts.map(|(_, text)| text).collect()
    };
    let (categories, registrars) = (texts("categories"), texts("registrars"));
    let without_categories = texts("without_categories");
    let mut without = Vec::new();
    for (place, text) in section.texts("without") {
        match EntityId::parse(&text) {
            Ok(id) => without.push(id),
            Err(why) => section.fault(place, format!("without: {why}")),
        }
    }
    Filter {
        categories,
        registrars,
        without_categories,
        without,
    }
}

fn pinned_key(file: &Path) -> Result<VerifyingKey, String> {
    let pem = std::fs::read_to_string(file).map_err(|why| format!("cannot be read: {why}"))?;
    VerifyingKey::from_pem(&pem).map_err(|why| why.to_string())
}

/// What an entity of ours calls itself, by default so; a description in one language is one in both.
fn face(section: &mut Section<'_>, fr: &str, en: &str) -> Face {
    let names = |section: &mut Section<'_>| (section.text("fr"), section.text("en"));
    let name = section.table("name", names);
    let description = section.table("description", names);
    let otherwise = description.0.clone().or_else(|| description.1.clone());
    let otherwise = otherwise.unwrap_or_default();
    Face {
        name: Names {
            fr: name.0.unwrap_or_else(|| fr.to_owned()),
            en: name.1.unwrap_or_else(|| en.to_owned()),
        },
        description: Names {
            fr: description.0.unwrap_or_else(|| otherwise.clone()),
            en: description.1.unwrap_or(otherwise),
        },
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "expected an address and a port (\"127.0.0.1:8080\")".to_owned())
}

/// An entityID, in which `{public_url}` stands for the public address.
pub(super) fn entity(text: &str, base: &str) -> Result<EntityId, String> {
    EntityId::parse(&text.replace("{public_url}", base)).map_err(|why| why.to_string())
}

pub(super) fn realm(text: &str) -> Result<Realm, String> {
    Realm::parse(text).ok_or_else(|| {
        let all: Vec<&str> = Realm::ALL.iter().map(|realm| realm.as_str()).collect();
        format!("expected one of {}", all.join(", "))
    })
}

pub(super) fn id_text(text: &str) -> Result<String, String> {
    let fits = !text.is_empty()
        && text.len() <= 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if fits {
        Ok(text.to_owned())
    } else {
        Err("expected lower-case letters, digits and dashes".to_owned())
    }
}

/// A scope: a domain name (`shibmd:Scope` without regexp).
fn scope(text: &str) -> Result<String, String> {
    let label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if text.contains('.') && text.split('.').all(label) {
        Ok(text.to_owned())
    } else {
        Err("expected a domain name in lower case".to_owned())
    }
}
