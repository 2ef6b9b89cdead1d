//! Metadata (SAML Metadata, MDUI, IdP Discovery, Shibboleth scopes): composed for our own
//! entities, read for others'.

mod acs;
mod algorithms;
mod compose;
mod imprint;
mod listing;
mod read;
mod scan;

pub use algorithms::{Algorithms, SigningMethod};
pub use compose::{compose, compose_with};
pub use imprint::{Contact, ContactKind, Imprint, Registration};
pub use listing::{Attribute, Hints, Listing, Network, Place, Wording};
pub use read::read;
pub use scan::{Found, Scan, Slice, scan, scan_beside};

use crate::encryption::EncryptionKey;
use crate::{Binding, EntityId, Moment, NameIdFormat, Refusal, VerifyingKey};

/// An entity that may speak. What breaks a rule cannot be built: an identity provider role has at
/// least one signing key and one sign-on address, a service role at least one ACS; every address
/// is https, or http on a loopback host where that is allowed.
#[derive(Debug, Clone)]
pub struct Entity {
    /// `entityID`.
    pub id: EntityId,
    /// `validUntil`.
    pub valid_until: Option<Moment>,
    /// What it shows of itself.
    pub ui: Ui,
    /// `IDPSSODescriptor`.
    pub idp: Option<IdpRole>,
    /// `SPSSODescriptor`.
    pub sp: Option<SpRole>,
    /// Entity attributes (categories…): name and values.
    pub attributes: Vec<(String, Vec<String>)>,
    /// Who registered it: `registrationAuthority` of `mdrpi:RegistrationInfo`.
    pub registrar: Option<String>,
    /// `mdui:DiscoHints`: where the people are whom it knows.
    pub hints: Hints,
}

/// `mdui:UIInfo` and contacts, as text only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ui {
    /// `DisplayName` by language.
    pub display_names: Vec<Localized>,
    /// `Description` by language.
    pub descriptions: Vec<Localized>,
    /// `Keywords` by language: each a list whose words are joined by `+` (MDUI 2.1.4).
    pub keywords: Vec<Localized>,
    /// `Logo`: address, width and height in pixels.
    pub logos: Vec<Logo>,
    /// `InformationURL` by language.
    pub information_urls: Vec<Localized>,
    /// `PrivacyStatementURL` by language.
    pub privacy_urls: Vec<Localized>,
    /// Mail of the technical contact.
    pub technical_contact: Option<String>,
    /// `Organization` name.
    pub organization: Option<String>,
}

impl Entity {
    /// The same service with the keys and the addresses that `fresh` says of it, and nothing else. `None`
    /// where `fresh` is no such service, or has no key where this one has: what is signed and encrypted
    /// does not become less so.
    #[must_use]
    pub fn renewed_by(&self, fresh: &Self) -> Option<Self> {
        let (own, other) = (self.sp.as_ref()?, fresh.sp.as_ref()?);
        let signs_less = other.signing_keys.is_empty() && !own.signing_keys.is_empty();
        let opens_less = other.encryption_keys.is_empty() && !own.encryption_keys.is_empty();
        if self.id != fresh.id || signs_less || opens_less {
            return None;
        }
        let other = other.clone();
        let sp = SpRole {
            signing_keys: other.signing_keys,
            encryption_keys: other.encryption_keys,
            acs: other.acs,
            slo: other.slo,
            discovery: other.discovery,
            ..own.clone()
        };
        Some(Self {
            sp: Some(sp),
            ..self.clone()
        })
    }
}

impl Ui {
    /// The display name in `lang`, else in French, else in English, else the first.
    pub fn display_name(&self, lang: &str) -> Option<&str> {
        in_language(&self.display_names, lang)
    }

    /// The description, chosen likewise.
    pub fn description(&self, lang: &str) -> Option<&str> {
        in_language(&self.descriptions, lang)
    }

    /// The address of the privacy statement, chosen likewise.
    pub fn privacy_url(&self, lang: &str) -> Option<&str> {
        in_language(&self.privacy_urls, lang)
    }
}

fn in_language<'a>(texts: &'a [Localized], lang: &str) -> Option<&'a str> {
    [lang, "fr", "en"]
        .iter()
        .find_map(|wanted| texts.iter().find(|text| text.lang == **wanted))
        .or_else(|| texts.first())
        .map(|text| text.text.as_str())
}

/// A text in a language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Localized {
    /// `xml:lang`.
    pub lang: String,
    /// The text.
    pub text: String,
}

/// `mdui:Logo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    /// Address.
    pub url: String,
    /// `xml:lang`, where its picture holds words of a language (MDUI 2.1.5).
    pub lang: Option<Box<str>>,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// An address with its binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `Binding`.
    pub binding: Binding,
    /// `Location`.
    pub location: String,
    /// `ResponseLocation`.
    pub response_location: Option<String>,
}

/// An address with its binding and index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedEndpoint {
    /// `Binding`.
    pub binding: Binding,
    /// `Location`.
    pub location: String,
    /// `index`.
    pub index: u16,
    /// `isDefault`.
    pub is_default: bool,
}

/// `IDPSSODescriptor`.
#[derive(Debug, Clone)]
pub struct IdpRole {
    /// Keys that count for signing (`use` signing or absent, IIP-MD11); never empty.
    pub signing_keys: Vec<VerifyingKey>,
    /// Keys that count for encryption (`use` encryption or absent, IIP-MD11).
    pub encryption_keys: Vec<EncryptionKey>,
    /// `SingleSignOnService`; never empty.
    pub sso: Vec<Endpoint>,
    /// `SingleLogoutService`.
    pub slo: Vec<Endpoint>,
    /// `ArtifactResolutionService`.
    pub artifact_resolution: Vec<IndexedEndpoint>,
    /// `WantAuthnRequestsSigned`.
    pub wants_signed_requests: bool,
    /// `NameIDFormat`.
    pub name_id_formats: Vec<NameIdFormat>,
    /// `shibmd:Scope` without regexp.
    pub scopes: Vec<String>,
    /// `errorURL`.
    pub error_url: Option<String>,
    /// How it verifies what is signed.
    pub algorithms: Algorithms,
}

impl IdpRole {
    /// The first sign-on address with this binding.
    pub fn sso_at(&self, binding: Binding) -> Option<&str> {
        self.sso
            .iter()
            .find(|e| e.binding == binding)
            .map(|e| e.location.as_str())
    }
}

/// `SPSSODescriptor`.
#[derive(Debug, Clone)]
pub struct SpRole {
    /// Keys that count for signing.
    pub signing_keys: Vec<VerifyingKey>,
    /// Keys that count for encryption (`use` encryption or absent, IIP-MD11).
    pub encryption_keys: Vec<EncryptionKey>,
    /// `AssertionConsumerService`; never empty, in the order of the document.
    pub acs: Vec<IndexedEndpoint>,
    /// `SingleLogoutService`.
    pub slo: Vec<Endpoint>,
    /// `AuthnRequestsSigned`.
    pub signs_requests: bool,
    /// `WantAssertionsSigned`.
    pub wants_signed_assertions: bool,
    /// `NameIDFormat`.
    pub name_id_formats: Vec<NameIdFormat>,
    /// `idpdisc:DiscoveryResponse`.
    pub discovery: Vec<IndexedEndpointUrl>,
    /// `RequestedAttribute` of the default AttributeConsumingService.
    pub requested_attributes: Vec<RequestedAttribute>,
    /// `RequestedAttribute` of every AttributeConsumingService, by its index.
    pub attribute_services: Vec<(u16, Vec<RequestedAttribute>)>,
    /// How it verifies what is signed.
    pub algorithms: Algorithms,
}

impl Endpoint {
    /// Where answers go: `ResponseLocation`, else `Location` (SAML Metadata 2.2.2).
    pub fn for_answers(&self) -> &str {
        self.response_location.as_deref().unwrap_or(&self.location)
    }

    /// The first of `endpoints` with this binding.
    pub fn at(endpoints: &[Self], binding: Binding) -> Option<&Self> {
        endpoints.iter().find(|at| at.binding == binding)
    }
}

/// `idpdisc:DiscoveryResponse`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedEndpointUrl {
    /// `Location`.
    pub location: String,
    /// `index`.
    pub index: u16,
    /// `isDefault`.
    pub is_default: bool,
}

/// `RequestedAttribute`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedAttribute {
    /// `Name`.
    pub name: String,
    /// `NameFormat`.
    pub name_format: String,
    /// `FriendlyName`.
    pub friendly_name: Option<String>,
    /// `isRequired`.
    pub required: bool,
}

impl SpRole {
    /// What the service asks for under this index of a request, or by default (SAML Core 3.4.1).
    ///
    /// # Errors
    /// [`Refusal::AttributeServiceUnknown`]: its metadata has no such index.
    pub fn requested(&self, index: Option<u16>) -> Result<&[RequestedAttribute], Refusal> {
        let Some(index) = index else {
            return Ok(&self.requested_attributes);
        };
        self.attribute_services
            .iter()
            .find(|(known, _)| *known == index)
            .map(|(_, requested)| requested.as_slice())
            .ok_or(Refusal::AttributeServiceUnknown { index })
    }

    /// The discovery response used when a discovery request names none.
    pub fn default_discovery(&self) -> Option<&str> {
        self.discovery
            .iter()
            .find(|d| d.is_default)
            .or_else(|| self.discovery.first())
            .map(|d| d.location.as_str())
    }
}

/// Our own entity, as we publish it.
pub struct EntityPlan<'a> {
    /// `ID` of the document.
    pub document_id: crate::MessageId,
    /// `entityID`.
    pub id: &'a EntityId,
    /// `validUntil`.
    pub valid_until: Moment,
    /// `cacheDuration`, seconds.
    pub cache_s: u32,
    /// `mdui:UIInfo` and contacts.
    pub ui: &'a Ui,
    /// Entity attributes.
    pub attributes: &'a [(String, Vec<String>)],
    /// The role.
    pub role: RolePlan<'a>,
    /// Certificates published for signing, current first (base64 DER).
    pub signing_certificates: Vec<&'a str>,
}

/// What our role offers beyond signing on.
#[derive(Debug, Clone, Default)]
pub struct Offer<'a> {
    /// Certificates published for encryption, current first (base64 DER, RSA:
    /// [`crate::encryption::DecryptionKey::certificate`]), with what we can open.
    pub encryption_certificates: Vec<&'a str>,
    /// `ArtifactResolutionService`.
    pub artifact_resolution: Vec<IndexedEndpoint>,
    /// Who stands behind it.
    pub imprint: Option<&'a Imprint>,
}

/// The role we publish.
pub enum RolePlan<'a> {
    /// `IDPSSODescriptor`.
    Idp {
        /// Sign-on addresses.
        sso: Vec<Endpoint>,
        /// Logout addresses; none advertised while none is supported (SDP-MD04).
        slo: Vec<Endpoint>,
        /// Formats offered.
        name_id_formats: Vec<NameIdFormat>,
        /// `shibmd:Scope`.
        scopes: Vec<&'a str>,
        /// `errorURL`.
        error_url: Option<&'a str>,
        /// `WantAuthnRequestsSigned`.
        wants_signed_requests: bool,
    },
    /// `SPSSODescriptor`.
    Sp {
        /// Assertion consumer services.
        acs: Vec<IndexedEndpoint>,
        /// Logout addresses.
        slo: Vec<Endpoint>,
        /// Discovery responses.
        discovery: Vec<IndexedEndpointUrl>,
        /// Formats wanted.
        name_id_formats: Vec<NameIdFormat>,
        /// Attributes wanted, under the name of the service in each language.
        requested_attributes: &'a [RequestedAttribute],
    },
}

/// How strictly metadata is read.
pub struct ReadPolicy<'a> {
    /// The source's pinned keys; empty: the signature is not checked (a local file the operator
    /// vouches for), yet a signature that is present is never taken for proof.
    pub pinned: &'a [VerifyingKey],
    /// The moment.
    pub now: Moment,
    /// `validUntil` may lie at most this many days ahead; `None`: it may be absent or anywhere.
    pub horizon_days: Option<u32>,
    /// Whether `http://` on a loopback host is taken for an endpoint.
    pub loopback_http: bool,
}

/// What a document held.
pub struct Document {
    /// Entities that pass every rule.
    pub entities: Vec<Entity>,
    /// Entities left out, and why.
    pub left_out: Vec<LeftOut>,
    /// Whether the root is an entity, not a group.
    pub is_one: bool,
    /// `validUntil` of the root.
    pub valid_until: Option<Moment>,
    /// `cacheDuration` of the root, seconds.
    pub cache_s: Option<u64>,
    /// The fingerprint of the pinned key that verified it; `None` where none is pinned.
    pub key: Option<String>,
    /// The algorithms that its signature rests on: for [`crate::Rules::forbids`].
    pub used: Vec<&'static str>,
}

/// An entity left out of a document, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its entityID, as far as it could be read.
    pub entity_id: String,
    /// Line of the document, from 1.
    pub line: u32,
    /// The rule.
    pub reason: Refusal,
}
