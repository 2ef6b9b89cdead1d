//! Whom a source may bring, by what their metadata says.

use saml::EntityId;
use saml::metadata::Listing;

/// Whom a source may bring. Empty: everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only who is of one of these entity categories (RFC 8409).
    pub categories: Vec<String>,
    /// Only who was registered by one of these (`mdrpi:RegistrationInfo`).
    pub registrars: Vec<String>,
    /// Nobody who is of one of these entity categories, hide-from-discovery say.
    pub without_categories: Vec<String>,
    /// None of these.
    pub without: Vec<EntityId>,
}

impl Filter {
    /// Whether an entity may come in: it is of what every list asks for that is not empty.
    pub fn admits(&self, listing: &Listing) -> bool {
        let is_of = |categories: &[String]| categories.iter().any(|one| listing.is_of(one));
        let registrar = listing.registrar.as_deref();
        let is_registered = || self.registrars.iter().any(|by| registrar == Some(by));
        (self.categories.is_empty() || is_of(&self.categories))
            && (self.registrars.is_empty() || is_registered())
            && !is_of(&self.without_categories)
            && !self.without.contains(&listing.id)
    }
}
