//! What entity categories promise each other: a service of a category is sent its bundle (IIP-IDP03).

use saml::attribute::{self, Wire};

/// Where metadata says the categories of a service (SAML Entity Category 2).
const ENTITY_CATEGORY: &str = "http://macedir.org/entity-category";

/// A category and what belongs to it, as far as we have it.
struct Category {
    uri: &'static str,
    bundle: &'static [Wire],
}

const CATEGORIES: [Category; 4] = [
    // REFEDS Research and Scholarship 1.3, 5.
    Category {
        uri: "http://refeds.org/category/research-and-scholarship",
        bundle: &[
            attribute::PRINCIPAL_NAME,
            attribute::DISPLAY_NAME,
            attribute::GIVEN_NAME,
            attribute::SN,
            attribute::MAIL,
            attribute::SCOPED_AFFILIATION,
        ],
    },
    // REFEDS Personalized Access 5.
    Category {
        uri: "https://refeds.org/category/personalized",
        bundle: &[
            attribute::SUBJECT_ID,
            attribute::DISPLAY_NAME,
            attribute::GIVEN_NAME,
            attribute::SN,
            attribute::MAIL,
            attribute::SCOPED_AFFILIATION,
            attribute::HOME_ORGANIZATION,
        ],
    },
    // REFEDS Pseudonymous Access 5.
    Category {
        uri: "https://refeds.org/category/pseudonymous",
        bundle: &[
            attribute::PAIRWISE_ID,
            attribute::SCOPED_AFFILIATION,
            attribute::HOME_ORGANIZATION,
        ],
    },
    // REFEDS Anonymous Access 5.
    Category {
        uri: "https://refeds.org/category/anonymous",
        bundle: &[attribute::SCOPED_AFFILIATION, attribute::HOME_ORGANIZATION],
    },
];

/// The bundles a service with these entity attributes may have, each with its category.
pub(super) fn bundles(
    attributes: &[(String, Vec<String>)],
) -> impl Iterator<Item = (&'static str, &'static [Wire])> {
    CATEGORIES.iter().filter_map(|category| {
        says(attributes, ENTITY_CATEGORY, category.uri).then_some((category.uri, category.bundle))
    })
}

/// The categories that are honoured here (RFC 8409 4).
pub(super) fn supported() -> impl Iterator<Item = &'static str> {
    CATEGORIES
        .iter()
        .map(|category| category.uri)
        .chain(CODES_OF_CONDUCT)
}

/// Newest first.
const CODES_OF_CONDUCT: [&str; 2] = [
    "https://refeds.org/category/code-of-conduct/v2",
    "http://www.geant.net/uri/dataprotection-code-of-conduct/v1",
];

/// The code of conduct the service is bound by: it promises to need what it requires, and has no bundle
/// of its own (REFEDS Data Protection Code of Conduct 2.0; `GÉANT`'s first one).
pub(super) fn code_of_conduct(attributes: &[(String, Vec<String>)]) -> Option<&'static str> {
    CODES_OF_CONDUCT
        .into_iter()
        .find(|uri| says(attributes, ENTITY_CATEGORY, uri))
}

/// What identifier the service says it needs (SAML V2.0 Subject Identifier Attributes 1.0, 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SubjectId {
    /// `subject-id`.
    Subject,
    /// `pairwise-id`, also for a service that takes either.
    Pairwise,
    /// None.
    None,
}

/// The signal, if there is one.
pub(super) fn subject_id(attributes: &[(String, Vec<String>)]) -> Option<SubjectId> {
    const SIGNAL: &str = "urn:oasis:names:tc:SAML:profiles:subject-id:req";
    [
        ("subject-id", SubjectId::Subject),
        ("pairwise-id", SubjectId::Pairwise),
        ("any", SubjectId::Pairwise),
        ("none", SubjectId::None),
    ]
    .into_iter()
    .find_map(|(word, wanted)| says(attributes, SIGNAL, word).then_some(wanted))
}

fn says(attributes: &[(String, Vec<String>)], name: &str, value: &str) -> bool {
    attributes
        .iter()
        .any(|(of, values)| of == name && values.iter().any(|one| one.trim() == value))
}
