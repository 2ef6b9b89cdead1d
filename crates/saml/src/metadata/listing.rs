//! What discovery needs to know of an entity, in little room: ten thousand of them are kept.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Entity, Localized, Logo};
use crate::EntityId;

/// The entity attribute of categories (RFC 8409 3).
const CATEGORY: &str = "http://macedir.org/entity-category";
/// The category of those that want to be shown nowhere.
const HIDDEN: &str = "http://refeds.org/category/hide-from-discovery";

/// What is shown and searched of an entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// `entityID`.
    pub id: EntityId,
    /// Whether it recognises people.
    pub is_provider: bool,
    /// Whether it is a service.
    pub is_service: bool,
    /// Its names by language; the organisation's where it gives itself none.
    pub names: Box<[Wording]>,
    /// Keywords by language.
    pub keywords: Box<[Wording]>,
    /// Logos at an address. One written into the metadata is in the whole entity only.
    pub logos: Box<[Logo]>,
    /// Whether a logo is written into the metadata (`data:`).
    pub has_inline_logo: bool,
    /// The domains its people are of.
    pub scopes: Box<[Box<str>]>,
    /// Where its people are.
    pub hints: Hints,
    /// Entity attributes.
    pub attributes: Box<[Attribute]>,
    /// Who registered it.
    pub registrar: Option<Arc<str>>,
}

/// An entity attribute: its name and values.
pub type Attribute = (Arc<str>, Box<[Arc<str>]>);

/// A text in a language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wording {
    /// `xml:lang`.
    pub lang: Arc<str>,
    /// The text.
    pub text: Box<str>,
}

/// Texts that many entities have alike, each of them kept once.
#[derive(Debug, Default)]
pub(super) struct Alike(HashSet<Arc<str>>);

/// `mdui:DiscoHints` (MDUI 2.2).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hints {
    /// `IPHint`.
    pub networks: Box<[Network]>,
    /// `DomainHint`, in lower case.
    pub domains: Box<[String]>,
    /// `GeolocationHint`.
    pub places: Box<[Place]>,
}

/// A range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// Any address in it.
    pub address: IpAddr,
    /// How many bits all of them share.
    pub bits: u8,
}

/// A place on Earth (RFC 5870).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

impl Listing {
    /// What is to be known of `entity`.
    pub fn of(entity: &Entity) -> Self {
        let mut alike = Alike::default();
        let ui = &entity.ui;
        let names = if ui.display_names.is_empty() {
            let text = ui.organization.as_ref();
            text.map(|text| alike.wording("", text))
                .into_iter()
                .collect()
        } else {
            alike.wordings(&ui.display_names)
        };
        let is_inline = |logo: &&Logo| logo.url.starts_with("data:");
        let scopes = entity.idp.iter().flat_map(|role| &role.scopes);
        Self {
            id: entity.id.clone(),
            is_provider: entity.idp.is_some(),
            is_service: entity.sp.is_some(),
            names,
            keywords: alike.wordings(&ui.keywords),
            logos: ui
                .logos
                .iter()
                .filter(|logo| !is_inline(logo))
                .cloned()
                .collect(),
            has_inline_logo: ui.logos.iter().any(|logo| is_inline(&logo)),
            scopes: scopes.map(|scope| scope.as_str().into()).collect(),
            hints: entity.hints.clone(),
            attributes: alike.attributes(&entity.attributes),
            registrar: entity.registrar.as_deref().map(|by| alike.one(by)),
        }
    }

    /// Whether it has this value of an entity attribute.
    pub fn has(&self, name: &str, value: &str) -> bool {
        self.attributes
            .iter()
            .filter(|(known, _)| &**known == name)
            .any(|(_, values)| values.iter().any(|known| &**known == value))
    }

    /// Whether it is of this entity category (RFC 8409).
    pub fn is_of(&self, category: &str) -> bool {
        self.has(CATEGORY, category)
    }

    /// Whether it asks to be shown nowhere (REFEDS Hide From Discovery).
    pub fn is_hidden(&self) -> bool {
        self.is_of(HIDDEN)
    }
}

impl Alike {
    /// A text, once.
    pub(super) fn one(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }

    /// A text in a language.
    pub(super) fn wording(&mut self, lang: &str, text: &str) -> Wording {
        Wording {
            lang: self.one(lang),
            text: text.into(),
        }
    }

    /// Texts in languages.
    pub(super) fn wordings(&mut self, texts: &[Localized]) -> Box<[Wording]> {
        let texts = texts.iter();
        texts
            .map(|one| self.wording(&one.lang, &one.text))
            .collect()
    }

    /// Entity attributes.
    pub(super) fn attributes(&mut self, all: &[(String, Vec<String>)]) -> Box<[Attribute]> {
        let all = all.iter();
        all.map(|(name, values)| {
            let name = self.one(name);
            (name, values.iter().map(|value| self.one(value)).collect())
        })
        .collect()
    }
}

impl Network {
    /// Reads `192.0.2.0/24`, `2001:db8::/32`, or one address.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(all);
        (bits <= all).then_some(Self { address, bits })
    }

    /// Whether `address` is in it.
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differs = own.to_bits() ^ other.to_bits();
                differs.leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differs = own.to_bits() ^ other.to_bits();
                differs.leading_zeros() >= u32::from(self.bits)
            }
            _ => false,
        }
    }
}

/// Mean radius of the Earth, kilometres (IUGG).
const RADIUS_KM: f64 = 6371.0;

impl Place {
    /// How far another place is, kilometres, along a great circle of a sphere: within half a percent.
    pub fn km_to(self, other: Self) -> f64 {
        let (here, there) = (self.latitude.to_radians(), other.latitude.to_radians());
        let north = (there - here) / 2.0;
        let east = (other.longitude - self.longitude).to_radians() / 2.0;
        let half = north.sin().powi(2) + here.cos() * there.cos() * east.sin().powi(2);
        2.0 * RADIUS_KM * half.clamp(0.0, 1.0).sqrt().asin()
    }

    /// Reads `geo:50.63,3.06`, with or without what may follow.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("geo:")?;
        let text = text.split(';').next()?;
        let mut numbers = text.split(',').map(|number| number.trim().parse::<f64>());
        let latitude = numbers.next()?.ok()?;
        let longitude = numbers.next()?.ok()?;
        let is_on_earth = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        is_on_earth.then_some(Self {
            latitude,
            longitude,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Network, Place};

    #[test]
    fn a_network_holds_its_own_addresses() {
        let holds = |network: &str, address: &str| {
            Network::parse(network)
                .unwrap()
                .holds(address.parse().unwrap())
        };
        assert!(holds("192.0.2.0/24", "192.0.2.255"));
        assert!(holds("192.0.2.0/24", "::ffff:192.0.2.1"));
        assert!(holds("0.0.0.0/0", "8.8.8.8"));
        assert!(holds("192.0.2.7", "192.0.2.7"));
        assert!(holds("2001:db8::/32", "2001:db8:1::1"));
        assert!(!holds("192.0.2.0/24", "192.0.3.0"));
        assert!(!holds("2001:db8::/32", "2001:db9::"));
        assert!(!holds("0.0.0.0/0", "2001:db8::1"));
        for bad in ["", "x", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2/24"] {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_place_is_on_earth() {
        let lille = Place::parse("geo:50.63,3.06;u=35").unwrap();
        assert!((lille.latitude - 50.63).abs() < 1e-9 && (lille.longitude - 3.06).abs() < 1e-9);
        assert!(Place::parse("geo:50.63,3.06,20").is_some());
        let km = |from: &str, to: &str| {
            let [from, to] = [from, to].map(|text| Place::parse(text).unwrap());
            from.km_to(to)
        };
        let to_paris = km("geo:50.63,3.06", "geo:48.85,2.35");
        assert!((to_paris - 204.0).abs() < 2.0, "{to_paris}");
        assert!(km("geo:0,179.5", "geo:0,-179.5") < 112.0, "the shorter way");
        assert!((km("geo:90,0", "geo:-90,0") - 20_015.0).abs() < 1.0);
        assert!(km("geo:1,1", "geo:1,1") < 1e-6);
        for bad in [
            "50.63,3.06",
            "geo:",
            "geo:91,0",
            "geo:0,181",
            "geo:x,1",
            "geo:NaN,1",
        ] {
            assert_eq!(Place::parse(bad), None, "{bad}");
        }
    }
}
