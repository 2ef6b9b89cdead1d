//! Where metadata is read from: our own services', others', and what the operator registered.

use std::time::Duration;

use directory::Realm;
use federation::{Location, Snapshot, Source, Terms};
use saml::VerifyingKey;

use crate::keyring::{self, KeyRing};
use crate::settings::{Fault, Settings, SourcePlace, SourceSettings};

use super::{added, followed};

/// Names of the sources of our own entities start so; no source of the settings does.
pub(crate) const OWN: &str = "own.";

/// `validUntil` of our own metadata lies a few days ahead; more than this is not ours.
const OWN_HORIZON_DAYS: u32 = 60;

/// Every source of a deployment. Our own entities are known like everybody else's: by what they
/// publish at their address, signed by the key for metadata: the one that stands, and during a roll
/// the next one and those that went, since other processes turn the page a moment later.
pub(super) fn of(
    settings: &Settings,
    ring: &KeyRing,
    own_base: &str,
) -> Result<Vec<Source>, Fault> {
    let pinned = ring.bunch(keyring::METADATA)?.own_keys();
    let mut sources: Vec<Source> = published(settings)
        .map(|(name, path)| own(&name, &format!("{own_base}{path}"), pinned.published()))
        .collect();
    sources.push(Source {
        name: "registered".to_owned(),
        location: Location::Folder(settings.registered()),
        pinned: Vec::new(),
        horizon_days: None,
        may_go_back: true,
        terms: Terms::default(),
    });
    let (follow, faults) = followed::sources(settings);
    if !faults.is_empty() {
        tracing::warn!(?faults, "services with faults are not followed");
    }
    sources.extend(follow);
    let every = settings.federation.refresh;
    let named = settings.federation.sources.iter();
    sources.extend(named.map(|source| source_of(source, every)));
    let (added, faults) = added::read(settings);
    if !faults.is_empty() {
        tracing::warn!(?faults, "sources with faults are left out");
    }
    sources.extend(added.iter().map(|source| source_of(source, every)));
    Ok(sources)
}

/// A source of the operator, asked at least that often.
pub(crate) fn source_of(source: &SourceSettings, every: Duration) -> Source {
    Source {
        name: source.name.clone(),
        location: match &source.place {
            SourcePlace::Url(url) => Location::Url(url.clone()),
            SourcePlace::File(path) => Location::File(path.clone()),
            SourcePlace::Folder(path) => Location::Folder(path.clone()),
            SourcePlace::Query(url) => Location::Query(url.clone()),
        },
        pinned: source.pinned.clone(),
        horizon_days: source.horizon_days,
        may_go_back: false,
        terms: Terms {
            every,
            filter: source.filter.clone(),
            ..Terms::default()
        },
    }
}

/// Which of our own entities has not been read yet, if one has not.
pub(crate) fn missing(snapshot: &Snapshot) -> Option<String> {
    let own: Vec<_> = snapshot
        .reports
        .iter()
        .filter(|report| report.source.starts_with(OWN))
        .collect();
    if own.is_empty() {
        return Some("our own metadata has not been read yet".to_owned());
    }
    own.iter()
        .find(|report| report.entities == 0)
        .map(|report| {
            let why = report.failure.as_deref().unwrap_or("nothing was found");
            format!("{}: {why}", report.source)
        })
}

/// Our own entities: the name of the source, and the path they are published at.
fn published(settings: &Settings) -> impl Iterator<Item = (String, String)> {
    let realms = settings.idp.realms.iter().map(|one| realm(one.realm));
    let services = ["portail", "magistere", "compte"].map(|name| {
        let path = format!("/{name}/saml/metadata");
        (name.to_owned(), path)
    });
    realms.chain(services)
}

fn realm(realm: Realm) -> (String, String) {
    let name = realm.as_str();
    (format!("idp-{name}"), format!("/idp/{name}/metadata"))
}

fn own(name: &str, url: &str, pinned: &[VerifyingKey]) -> Source {
    Source {
        name: format!("{OWN}{name}"),
        location: Location::Url(url.to_owned()),
        pinned: pinned.to_vec(),
        horizon_days: Some(OWN_HORIZON_DAYS),
        may_go_back: true,
        terms: Terms::default(),
    }
}
