//! Which attributes go to which service, and what they hold.
//!
//! A service gets what its metadata asks for, what the operator added, what its entity categories
//! promise and the identifier it signals, and nothing else; one that asks for nothing gets a pairwise
//! identifier. Pupils are minors: beyond this deployment's own services nobody learns more of them
//! than a pairwise identifier, their profile and their school (DOMAIN 2.6).

use chrono::NaiveDate;
use directory::fonctions::Fonctions;
use directory::{Person, Post, Realm};
use saml::EntityId;
use saml::attribute::{self, Wire};
use saml::metadata::RequestedAttribute;
use saml::names::{ATTRNAME_BASIC, ATTRNAME_UNSPECIFIED};
use saml::response::Attribute;

use crate::RealmParts;
use crate::policy::{Known, NameStyle, Policy, Requested};
use categories::SubjectId;

mod categories;
mod fredu;
mod identifiers;
mod values;

pub use identifiers::{mark, pairwise, transient};
pub(crate) use values::ALL;

/// Who asks, and when.
pub struct Asking<'a> {
    /// The service.
    pub service: &'a EntityId,
    /// What its metadata asks for.
    pub requested: &'a [RequestedAttribute],
    /// Its entity attributes.
    pub entity_attributes: &'a [(String, Vec<String>)],
    /// What the operator decided for it.
    pub policy: &'a Policy,
    /// Whether it is one of this deployment.
    pub is_own: bool,
    /// In which of their posts the person is here.
    pub post: Chosen<'a>,
    /// The day, for delegations.
    pub now: NaiveDate,
}

/// In which of their posts a person is here (D16).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Chosen<'a> {
    /// Nobody asked, or there is nothing to choose: in all of them.
    #[default]
    Unasked,
    /// In all of them, as they said.
    All,
    /// In this one: of the others nothing is said.
    One(&'a Post),
}

/// One attribute that something speaks for, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The attribute.
    pub wire: Wire,
    /// What speaks for it.
    pub rule: Rule,
    /// Whether the service says it cannot do without.
    pub required: bool,
    /// What becomes of it.
    pub outcome: Outcome,
}

/// What speaks for an attribute; the first that does counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The service signals that it wants this identifier.
    Signalled,
    /// Its metadata asks for it.
    Requested,
    /// The operator adds it.
    Added,
    /// A category of the service has it in its bundle.
    Category(&'static str),
    /// It asks for nothing, and gets what every service may have.
    Default,
}

impl Rule {
    /// Every [`Rule::word`].
    pub const WORDS: [&'static str; 5] = ["signalled", "requested", "added", "category", "default"];

    /// A word for it, for programs and for tables of words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Signalled => "signalled",
            Self::Requested => "requested",
            Self::Added => "added",
            Self::Category(_) => "category",
            Self::Default => "default",
        }
    }
}

/// What becomes of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is sent, with these values.
    Sent(Vec<String>),
    /// The person has none.
    Empty,
    /// The person is a minor.
    Minor,
    /// The operator withholds it.
    Withheld,
    /// The service signals that it wants another identifier.
    NotSignalled,
    /// A value has a scope that is not ours (R05).
    ForeignScope,
    /// No value is short enough for services that obey the profiles (SDP-G02).
    TooLong,
    /// The service can do without, and the person keeps it back (R07).
    Declined,
}

impl Outcome {
    /// Every [`Outcome::held_back`].
    pub const WORDS: [&'static str; 7] = [
        "empty",
        "minor",
        "withheld",
        "not-signalled",
        "foreign-scope",
        "too-long",
        "declined",
    ];

    /// Why nothing is sent, in a word for programs and for tables of words.
    pub fn held_back(&self) -> Option<&'static str> {
        match self {
            Self::Sent(_) => None,
            Self::Empty => Some("empty"),
            Self::Minor => Some("minor"),
            Self::Withheld => Some("withheld"),
            Self::NotSignalled => Some("not-signalled"),
            Self::ForeignScope => Some("foreign-scope"),
            Self::TooLong => Some("too-long"),
            Self::Declined => Some("declined"),
        }
    }
}

/// Decides about every attribute that something speaks for.
pub fn decide(
    person: &Person,
    asking: &Asking<'_>,
    realm: &RealmParts,
    fonctions: &Fonctions,
) -> Vec<Decision> {
    let wanted = wanted(asking);
    wanted
        .into_iter()
        .map(|(wire, rule, required)| Decision {
            wire,
            rule,
            required,
            outcome: outcome(&wire, person, asking, (realm, fonctions)),
        })
        .collect()
}

/// The attributes as the service reads them; those that are not sent are left out.
pub fn attributes(decisions: &[Decision], policy: &Policy) -> Vec<Attribute> {
    let sent = decisions.iter().filter_map(|decision| {
        let Outcome::Sent(values) = &decision.outcome else {
            return None;
        };
        Some((decision.wire, values.clone()))
    });
    sent.map(|(wire, values)| {
        let (name, format) = called(wire, policy);
        Attribute {
            name: name.to_owned(),
            name_format: format.to_owned(),
            friendly_name: Some(wire.friendly().to_owned()),
            values,
        }
    })
    .collect()
}

/// `Name` and `NameFormat` of `wire` as the service reads it (IIP-IDP01).
pub fn called(wire: Wire, policy: &Policy) -> (&str, &str) {
    let (name, format) = match policy.name_style {
        NameStyle::Oid => (wire.name, wire.format),
        NameStyle::Friendly => (wire.friendly(), ATTRNAME_UNSPECIFIED),
        NameStyle::Basic => (wire.friendly(), ATTRNAME_BASIC),
    };
    let called = policy.names.get(&Known(wire));
    let name = called.map_or(name, |called| &called.name);
    let said = called.and_then(|called| called.format.as_deref());
    (name, said.unwrap_or(format))
}

/// What the service may receive, whoever signs on: what something speaks for and nothing withholds.
pub fn released(asking: &Asking<'_>) -> Vec<Wire> {
    let wanted = wanted(asking).into_iter().map(|(wire, _, _)| wire);
    let withheld = &asking.policy.withheld;
    wanted
        .filter(|wire| !withheld.contains(&Known(*wire)) && is_signalled(wire, asking))
        .collect()
}

/// Whether its values end with a scope of ours.
pub fn is_scoped(wire: Wire) -> bool {
    SCOPED.contains(&wire)
}

/// The first value of `wire`, if it is sent.
pub fn sent(decisions: &[Decision], wire: Wire) -> Option<&str> {
    decisions
        .iter()
        .find_map(|decision| match &decision.outcome {
            Outcome::Sent(values) if decision.wire == wire => values.first().map(String::as_str),
            _ => None,
        })
}

fn wanted(asking: &Asking<'_>) -> Vec<(Wire, Rule, bool)> {
    let policy = asking.policy;
    let mut all: Vec<(Wire, Rule, bool)> = Vec::new();
    match categories::subject_id(asking.entity_attributes) {
        Some(SubjectId::Subject) => all.push((attribute::SUBJECT_ID, Rule::Signalled, true)),
        Some(SubjectId::Pairwise) => all.push((attribute::PAIRWISE_ID, Rule::Signalled, true)),
        Some(SubjectId::None) | None => {}
    }
    all.extend(requested(asking));
    all.extend(
        policy
            .attributes
            .iter()
            .map(|known| (known.0, Rule::Added, false)),
    );
    for (uri, bundle) in categories::bundles(asking.entity_attributes) {
        all.extend(
            bundle
                .iter()
                .map(|wire| (*wire, Rule::Category(uri), false)),
        );
    }
    let counts = matches!(policy.requested, Requested::Keep | Requested::Optional);
    if all.is_empty()
        && (asking.requested.is_empty() || !counts)
        && categories::subject_id(asking.entity_attributes).is_none()
    {
        all.push((attribute::PAIRWISE_ID, Rule::Default, false));
    }
    let mut distinct: Vec<(Wire, Rule, bool)> = Vec::with_capacity(all.len());
    for one in all {
        if distinct.iter().all(|(wire, _, _)| *wire != one.0) {
            distinct.push(one);
        }
    }
    distinct
}

/// What its metadata asks for, as far as the operator lets that count (IIP-IDP04).
fn requested(asking: &Asking<'_>) -> Vec<(Wire, Rule, bool)> {
    let said = asking.policy.requested;
    let bound = categories::code_of_conduct(asking.entity_attributes);
    let rule = match (said, bound) {
        (Requested::Ignore, _) | (Requested::CodeOfConduct, None) => return Vec::new(),
        (Requested::CodeOfConduct, Some(category)) => Rule::Category(category),
        (Requested::Keep | Requested::Optional, _) => Rule::Requested,
    };
    let asked = asking.requested.iter();
    asked
        .filter(|one| said != Requested::CodeOfConduct || one.required)
        .filter_map(|one| {
            let required = one.required && said != Requested::Optional;
            Some((attribute::find(&one.name)?, rule, required))
        })
        .collect()
}

fn outcome(
    wire: &Wire,
    person: &Person,
    asking: &Asking<'_>,
    of: (&RealmParts, &Fonctions),
) -> Outcome {
    if asking.policy.withheld.contains(&Known(*wire)) {
        return Outcome::Withheld;
    }
    if !may_go(person, asking, wire) {
        return Outcome::Minor;
    }
    if !is_signalled(wire, asking) {
        return Outcome::NotSignalled;
    }
    let mut values = values::values(wire, person, asking, of);
    if let Some(said) = asking.policy.values.get(&Known(*wire)) {
        for value in &mut values {
            if let Some(otherwise) = said.get(value) {
                value.clone_from(otherwise);
            }
        }
        if let (true, Some(instead)) = (values.is_empty(), said.get("")) {
            values.push(instead.clone());
        }
        values.retain(|value| !value.is_empty());
    }
    if values.is_empty() && asking.policy.legacy && person.realm == Realm::Personnel && is_fim(wire)
    {
        values.push(NOTHING.to_owned());
    }
    if values.is_empty() {
        return Outcome::Empty;
    }
    values.retain(|value| value.chars().count() <= LONGEST);
    if values.is_empty() {
        return Outcome::TooLong;
    }
    let (realm, _) = of;
    if SCOPED.contains(wire) && values.iter().any(|value| !has_scope(value, &realm.scope)) {
        return Outcome::ForeignScope;
    }
    Outcome::Sent(values)
}

/// Characters of a value: no more than every service must be able to take (IIP-G02, SDP-G02). A value that is cut
/// would be another value, so a longer one is left out.
const LONGEST: usize = 256;

/// What the oldest services of the ministry's federation read for no value (DOMAIN 1.3).
const NOTHING: &str = "X";

/// Whether it is one of the ministry's federation: those travel under their bare names.
fn is_fim(wire: &Wire) -> bool {
    wire.format == ATTRNAME_BASIC && !wire.short.starts_with("ENT")
}

/// Attributes whose values end with our scope (`shibmd:Scope`).
const SCOPED: [Wire; 5] = [
    attribute::SCOPED_AFFILIATION,
    attribute::PRINCIPAL_NAME,
    attribute::SUBJECT_ID,
    attribute::PAIRWISE_ID,
    attribute::UNIQUE_ID,
];

fn has_scope(value: &str, scope: &str) -> bool {
    value
        .split_once('@')
        .is_some_and(|(local, of)| !local.is_empty() && of == scope)
}

/// A service that signals which identifier it wants is not given the other one
/// (Subject Identifier Attributes 4.1).
fn is_signalled(wire: &Wire, asking: &Asking<'_>) -> bool {
    let identifiers = [attribute::SUBJECT_ID, attribute::PAIRWISE_ID];
    match categories::subject_id(asking.entity_attributes) {
        None => true,
        Some(SubjectId::Subject) => *wire != attribute::PAIRWISE_ID,
        Some(SubjectId::Pairwise) => *wire != attribute::SUBJECT_ID,
        Some(SubjectId::None) => !identifiers.contains(wire),
    }
}

fn may_go(person: &Person, asking: &Asking<'_>, wire: &Wire) -> bool {
    const OF_A_PUPIL: [Wire; 5] = [
        attribute::PAIRWISE_ID,
        attribute::PROFIL,
        attribute::RNE,
        attribute::FREDU_CT_UAI,
        attribute::AFFILIATION,
    ];
    const OF_A_PUPIL_AT_HOME: [Wire; 4] = [
        attribute::UID,
        attribute::GIVEN_NAME,
        attribute::DISPLAY_NAME,
        attribute::SUBJECT_ID,
    ];
    person.realm != Realm::Eleve
        || OF_A_PUPIL.contains(wire)
        || (asking.is_own && OF_A_PUPIL_AT_HOME.contains(wire))
}

/// The categories of services whose bundles are released here (RFC 8409 4).
pub fn supported_categories() -> impl Iterator<Item = &'static str> {
    categories::supported()
}

#[cfg(test)]
mod tests;
