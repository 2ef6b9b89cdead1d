//! Who can be chosen at one moment: made anew beside the visitors when the federation changes.

use std::collections::HashMap;
use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;

use federation::{Listing, Snapshot};
use flate2::Compression;
use flate2::write::GzEncoder;
use saml::EntityId;
use saml::metadata::{Logo, Place};
use sha2::{Digest, Sha256};

use crate::feed::Entry;
use crate::index::{Found, Index, fold, host};
use crate::{Profile, Sought};

/// Everybody who can be chosen, with an index of them. Immutable.
pub(crate) struct Offer {
    /// What it was made of: [`Snapshot::generation`].
    generation: u64,
    organisations: Vec<Organisation>,
    places: HashMap<EntityId, usize>,
    index: Index,
    /// The providers that the operator registered behind each profile, by its place.
    registered: Vec<Vec<EntityId>>,
    /// The feed, compressed, and its tag.
    pub(crate) feed: Feed,
}

/// The feed as it is kept.
#[derive(Default)]
pub(crate) struct Feed {
    /// JSON, gzip (RFC 1952).
    pub(crate) compressed: actix_web::web::Bytes,
    /// A strong entity tag, with its quotes (RFC 9110 8.8.3).
    pub(crate) tag: String,
}

/// One identity provider that may be chosen.
#[derive(Debug, Clone)]
pub(crate) struct Organisation {
    listing: Arc<Listing>,
    /// One bit for each profile that leads to it, by the profile's place in the settings.
    profiles: u32,
}

impl Organisation {
    /// `entityID`.
    pub(crate) fn id(&self) -> &EntityId {
        &self.listing.id
    }

    /// Its logos, by address.
    pub(crate) fn logos(&self) -> &[Logo] {
        &self.listing.logos
    }

    /// The domain of its people, or the host it goes by.
    pub(crate) fn domain(&self) -> &str {
        let scope = self.listing.scopes.first();
        scope.map_or(host(self.listing.id.as_str()), |scope| scope)
    }

    /// What it calls itself in `lang`, else in French, English, or any language; its domain when it
    /// has no name: an entityID is never shown alone (D15).
    pub(crate) fn name(&self, lang: &str) -> &str {
        let names = &self.listing.names;
        let said = |lang: &str| names.iter().find(|name| &*name.lang == lang);
        let name = said(lang).or_else(|| said("fr")).or_else(|| said("en"));
        let name = name.or_else(|| names.first());
        name.map_or_else(|| self.domain(), |name| &name.text)
    }

    /// Whether it says that people at this address are its own (`mdui:IPHint`).
    pub(crate) fn is_near(&self, address: IpAddr) -> bool {
        let networks = &self.listing.hints.networks;
        // A hint that half the world fits is none.
        networks
            .iter()
            .any(|network| network.bits >= 8 && network.holds(address))
    }

    /// Whether the profile at this place leads to it.
    pub(crate) fn is_behind(&self, profile: usize) -> bool {
        self.profiles & bit(profile) != 0
    }
}

impl Offer {
    /// Who is behind `profiles`, as far as `known` goes.
    pub(crate) fn of(known: &Snapshot, profiles: &[Profile]) -> Self {
        let listings = known.listings().iter();
        let mut organisations: Vec<Organisation> = listings
            .filter(|listing| listing.is_provider && !listing.is_hidden())
            .map(|listing| Organisation {
                profiles: behind(known, listing, profiles),
                listing: Arc::clone(listing),
            })
            .filter(|organisation| organisation.profiles != 0)
            .collect();
        // The order of the alphabet, and the same one every time.
        organisations
            .sort_by_cached_key(|one| (fold::words(one.name("fr")).join(" "), one.id().clone()));
        let places = organisations
            .iter()
            .enumerate()
            .map(|(place, organisation)| (organisation.id().clone(), place))
            .collect();
        let listings = organisations.iter().map(|one| &*one.listing);
        let index = Index::of_listings(listings);
        let registered = profiles.iter().map(|profile| registered(known, profile));
        let feed = feed(&organisations);
        Self {
            generation: known.generation(),
            organisations,
            places,
            index,
            registered: registered.collect(),
            feed,
        }
    }

    /// Whether what is listed is still what it was made of.
    pub(crate) fn is_of(&self, known: &Snapshot) -> bool {
        self.generation == known.generation()
    }

    /// Those that were registered behind the profile at this place, besides those the settings name.
    pub(crate) fn registered(&self, profile: usize) -> &[EntityId] {
        self.registered.get(profile).map_or(&[], Vec::as_slice)
    }

    /// Those that say people at this address are their own, at most `most`.
    pub(crate) fn near(&self, address: IpAddr, most: usize) -> Vec<&Organisation> {
        let near = self.organisations.iter().filter(|one| one.is_near(address));
        near.take(most).collect()
    }

    /// The organisation of that entityID.
    pub(crate) fn find(&self, id: &EntityId) -> Option<&Organisation> {
        self.organisations.get(*self.places.get(id)?)
    }

    /// How many there are, and what the index takes in memory, bytes.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.index.len(), self.index.size())
    }

    /// Those that say where they are (`mdui:GeolocationHint`) and that `admits` lets pass, the nearest to a place first,
    /// with the kilometres to it.
    pub(crate) fn nearest(
        &self,
        place: Place,
        most: usize,
        admits: impl Fn(&Organisation) -> bool,
    ) -> Vec<(&Organisation, f64)> {
        let located = self.organisations.iter().filter_map(|one| {
            let places = one.listing.hints.places.iter();
            let km = places.map(|its| its.km_to(place)).reduce(f64::min)?;
            admits(one).then_some((one, km))
        });
        let mut located: Vec<_> = located.collect();
        // Of those alike far the order of the alphabet stays.
        located.sort_by(|(_, one), (_, other)| one.total_cmp(other));
        located.truncate(most);
        located
    }

    /// Those that `admits` lets pass and that have every term of `query`; without a query, all of
    /// them in the order of the alphabet.
    pub(crate) fn search(
        &self,
        query: &str,
        most: usize,
        admits: impl Fn(&Organisation) -> bool,
    ) -> (usize, Vec<&Organisation>) {
        // Of a mail address, what stands before its domain names a person.
        let query = query.rsplit_once('@').map_or(query, |(_, domain)| domain);
        if query.trim().is_empty() {
            let all: Vec<_> = self
                .organisations
                .iter()
                .filter(|one| admits(one))
                .collect();
            return (all.len(), all.into_iter().take(most).collect());
        }
        let Found { total, best } = self.index.search(query, most, |place| {
            self.organisations.get(place).is_some_and(&admits)
        });
        let best = best
            .into_iter()
            .filter_map(|place| self.organisations.get(place));
        (total, best.collect())
    }
}

/// The feed is kept compressed: with ten thousand organisations it is megabytes otherwise.
fn feed(organisations: &[Organisation]) -> Feed {
    let entries: Vec<Entry<'_>> = organisations
        .iter()
        .map(|organisation| Entry::of(&organisation.listing))
        .collect();
    // Neither texts nor memory can refuse to be written.
    let json = serde_json::to_vec(&entries).unwrap_or_default();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&json).ok();
    let digest = Sha256::digest(&json);
    let tag: String = digest
        .iter()
        .take(12)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Feed {
        compressed: encoder.finish().unwrap_or_default().into(),
        tag: format!("\"{tag}\""),
    }
}

/// Those that the operator put behind a profile when registering them (`eduline idp add`).
fn registered(known: &Snapshot, profile: &Profile) -> Vec<EntityId> {
    let put = known.behind(&profile.id);
    put.filter(|id| !profile.providers.contains(id) && known.provider(id).is_some())
        .cloned()
        .collect()
}

/// The profiles that lead to a provider.
fn behind(known: &Snapshot, listing: &Listing, profiles: &[Profile]) -> u32 {
    let leads = |profile: &Profile| {
        let sought = || profile.search.iter().any(|sought| sought.is(listing));
        let was_put = || known.profile_of(&listing.id) == Some(profile.id.as_str());
        profile.providers.contains(&listing.id) || was_put() || sought()
    };
    let places = profiles.iter().enumerate();
    places
        .filter(|(_, profile)| leads(profile))
        .fold(0, |bits, (place, _)| bits | bit(place))
}

fn bit(place: usize) -> u32 {
    u32::try_from(place)
        .ok()
        .and_then(|place| 1_u32.checked_shl(place))
        .unwrap_or_default()
}

impl Sought {
    fn is(&self, listing: &Listing) -> bool {
        match self {
            Self::Everybody => true,
            Self::Category(category) => listing.is_of(category),
            Self::Registrar(registrar) => listing.registrar.as_deref() == Some(registrar),
            Self::Scope(domain) => listing.scopes.iter().any(|scope| {
                let rest = scope.strip_suffix(domain.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }),
        }
    }
}
