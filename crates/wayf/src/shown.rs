//! What one asking service's visitors are shown: which tiles, in which order, and who is behind
//! them (D11, D12).

use std::net::IpAddr;
use std::sync::Arc;

use federation::Snapshot;
use saml::EntityId;
use saml::metadata::Place;
use web::Visit;

use crate::logos::Logos;
use crate::offer::{Offer, Organisation};
use crate::question::Question;
use crate::remembered::{self, MOST, Remembered};
use crate::{Hint, Profile, Rule, Status, Wayf, common_domain};

/// Most providers that are listed by name; more are searched.
const LISTED: usize = 8;

/// Bytes of a logo that a first page has room for.
const LIGHT: u64 = 10 * 1024;

/// What is shown for one question.
pub(crate) struct Shown<'w> {
    /// The tiles, in their order, each with its place in the settings.
    pub(crate) profiles: Vec<(usize, &'w Profile)>,
    /// Who may speak.
    pub(crate) known: Arc<Snapshot>,
    /// Who can be chosen.
    pub(crate) offer: Arc<Offer>,
    logos: Option<&'w Logos>,
    hints: &'w [Hint],
    /// Who asks.
    service: EntityId,
    /// The name of the address that the visitor came by.
    link: Option<String>,
    /// What the visitor's machine is called.
    machine: Option<Arc<str>>,
    has_common_domain: bool,
}

/// Where a tile leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leads {
    /// To one provider.
    To(EntityId),
    /// To a few, by name.
    List,
    /// To a search.
    Search,
}

impl<'w> Shown<'w> {
    /// What the visitors of this service are shown.
    pub(crate) fn to(wayf: &'w Wayf, service: &EntityId, known: Arc<Snapshot>) -> Self {
        let rule = wayf
            .parts
            .rules
            .iter()
            .find(|rule| rule.is_for(service, &known));
        let all = wayf.parts.profiles.iter().enumerate();
        let profiles = match rule {
            None => all.collect(),
            Some(rule) => {
                let named = rule.profiles.iter();
                named
                    .filter_map(|id| all.clone().find(|(_, profile)| profile.id == *id))
                    .collect()
            }
        };
        Self {
            profiles,
            known,
            offer: wayf.offer(),
            logos: wayf.logos.as_ref(),
            hints: &wayf.parts.hints,
            service: service.clone(),
            link: None,
            machine: None,
            has_common_domain: wayf.parts.common_domain.is_some(),
        }
    }

    /// The same for who came by the address of a hint.
    pub(crate) fn by(self, link: Option<&str>) -> Self {
        let link = link.map(str::to_owned);
        Self { link, ..self }
    }

    /// The same for who is at a machine of this name.
    pub(crate) fn on(self, machine: Option<Arc<str>>) -> Self {
        Self { machine, ..self }
    }

    /// The profiles that can be chosen.
    pub(crate) fn open(&self) -> impl Iterator<Item = (usize, &'w Profile)> {
        let profiles = self.profiles.iter().copied();
        profiles.filter(|(_, profile)| profile.status == Status::Open)
    }

    /// The profile of that id, when it can be chosen.
    pub(crate) fn open_profile(&self, id: &str) -> Option<(usize, &'w Profile)> {
        self.open().find(|(_, profile)| profile.id == id)
    }

    /// The providers behind a profile by name: those of the settings, then those registered.
    pub(crate) fn providers<'a>(
        &'a self,
        (place, profile): (usize, &'a Profile),
    ) -> impl Iterator<Item = &'a EntityId> {
        let registered = self.offer.registered(place);
        profile.providers.iter().chain(registered)
    }

    /// Where a profile leads.
    pub(crate) fn leads(&self, (place, profile): (usize, &Profile)) -> Leads {
        let mut named = self.providers((place, profile));
        match (named.next(), named.count()) {
            (Some(only), 0) if profile.search.is_empty() => Leads::To(only.clone()),
            (_, more) if profile.search.is_empty() && more < LISTED => Leads::List,
            _ => Leads::Search,
        }
    }

    /// Whether a profile leads to a provider: the settings say so, or its search finds it.
    pub(crate) fn is_behind(&self, (place, profile): (usize, &Profile), id: &EntityId) -> bool {
        let found = || self.offer.find(id).is_some_and(|one| one.is_behind(place));
        // The one provider of a tile is where the tile leads, hidden elsewhere or not.
        matches!(self.leads((place, profile)), Leads::To(only) if only == *id) || found()
    }

    /// The profile that leads to a provider, when it can be chosen and is known at this moment.
    pub(crate) fn profile_of(&self, provider: &EntityId) -> Option<(usize, &'w Profile)> {
        self.known.provider(provider)?;
        self.open()
            .find(|profile| self.is_behind(*profile, provider))
    }

    /// Whether any profile leads to a search.
    pub(crate) fn has_search(&self) -> bool {
        self.open()
            .any(|profile| self.leads(profile) == Leads::Search)
    }

    /// The browser's last choices that can still be made, the latest first.
    pub(crate) fn remembered(&self, visit: &Visit) -> Remembered {
        let mut remembered = remembered::read(visit);
        let latest = remembered.choices.first().cloned();
        remembered
            .choices
            .retain(|provider| self.profile_of(provider).is_some());
        // What was to be followed is the latest one, and no other takes its place.
        remembered.always &= remembered.choices.first() == latest.as_ref();
        if self.has_common_domain {
            // Choices made elsewhere in the domain come after those made here.
            let elsewhere = common_domain::read(visit).into_iter();
            for provider in elsewhere.filter(|one| self.profile_of(one).is_some()) {
                let is_known = remembered.choices.contains(&provider);
                if !is_known && remembered.choices.len() < MOST {
                    remembered.choices.push(provider);
                }
            }
        }
        if remembered.choices.is_empty() {
            remembered.always = false;
        }
        remembered
    }

    /// The path of an organisation's logo for who reads `lang`, when it is there to be shown.
    pub(crate) fn logo(&self, organisation: &Organisation, lang: &str) -> Option<String> {
        self.logos?.path(organisation.logos(), lang, u64::MAX)
    }

    /// The same of the service that asks (D15), where it is light enough for every page.
    pub(crate) fn logo_of_service(&self, visit: &Visit) -> Option<String> {
        let logos = &self.known.entity(&self.service)?.ui.logos;
        let ours = visit.edge().public_url().join(web::LOGO);
        if logos.iter().any(|logo| logo.url == ours) {
            // Whatever else of this house a logo's address names is never asked for.
            return Some(web::LOGO.to_owned());
        }
        self.logos?.path(logos, visit.lang().as_str(), LIGHT)
    }

    /// Who is suggested to a visitor at this address: whom the settings name for the address they came by, for the service
    /// they are for, and for where they are; then those who say so themselves; nobody twice.
    pub(crate) fn near(&self, address: IpAddr, most: usize) -> Vec<&Organisation> {
        let by_link = |hint: &&Hint| hint.name.is_some() && hint.name == self.link;
        let of_service = |hint: &&Hint| hint.services.contains(&self.service);
        let here = |hint: &&Hint| {
            let machine = self.machine.as_deref();
            hint.networks.iter().any(|network| network.holds(address))
                || machine.is_some_and(|machine| hint.is_for_machine(machine))
        };
        let hints = self.hints.iter();
        let (linked, asked) = (
            hints.clone().filter(by_link),
            hints.clone().filter(of_service),
        );
        let named = linked.chain(asked).chain(hints.filter(here));
        let named = named.flat_map(|hint| &hint.providers);
        let named = named.filter_map(|id| self.offer.find(id));
        let mut near: Vec<&Organisation> = Vec::new();
        for one in named.chain(self.offer.near(address, most)) {
            if near.iter().all(|other| other.id() != one.id()) {
                near.push(one);
            }
        }
        near
    }

    /// Those that are found behind `profile`, or behind any that can be chosen.
    pub(crate) fn search(
        &self,
        query: &str,
        profile: Option<usize>,
        most: usize,
    ) -> (usize, Vec<&Organisation>) {
        self.offer.search(query, most, self.behind(profile))
    }

    /// The same by where they are.
    pub(crate) fn nearest(
        &self,
        place: Place,
        profile: Option<usize>,
        most: usize,
    ) -> Vec<(&Organisation, f64)> {
        self.offer.nearest(place, most, self.behind(profile))
    }

    /// Whether an organisation is behind `profile`, or behind any that can be chosen.
    fn behind(&self, profile: Option<usize>) -> impl Fn(&Organisation) -> bool + use<> {
        let places: Vec<usize> = self
            .open()
            .map(|(place, _)| place)
            .filter(|place| profile.is_none_or(|only| only == *place))
            .collect();
        move |one| places.iter().any(|place| one.is_behind(*place))
    }

    /// Where the choice may lead, for the page's CSP: see [`crate::page`].
    pub(crate) fn ends<'a>(&'a self, question: &'a Question) -> Vec<&'a str> {
        let open: Vec<_> = self.open().collect();
        let providers = open.into_iter().flat_map(|one| self.providers(one));
        let found = self.has_search().then_some("https://");
        let ends = providers.map(EntityId::as_str).chain(found);
        ends.chain([question.back.as_str()]).collect()
    }
}

impl Hint {
    /// Whether a machine of this name is in one of its domains.
    fn is_for_machine(&self, name: &str) -> bool {
        self.machines.iter().any(|domain| {
            let above = name.strip_suffix(domain.as_str());
            above.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    }
}

impl Rule {
    /// Whether it is for this service: by name, or by a category it is of.
    fn is_for(&self, service: &EntityId, known: &Snapshot) -> bool {
        let of_category = || {
            let mut listings = known.listings().iter();
            let asking = listings.find(|listing| listing.id == *service);
            asking.is_some_and(|asking| self.categories.iter().any(|one| asking.is_of(one)))
        };
        self.services.contains(service) || (!self.categories.is_empty() && of_category())
    }
}
