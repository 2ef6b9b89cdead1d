//! The elements that the walk over an entity tells apart.

use crate::c14n::{Namespace, Resolved};

/// The elements that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    Extensions,
    Idp,
    Sp,
    Key,
    KeyInfo,
    X509,
    Certificate,
    Organization,
    OrganizationName,
    OrganizationDisplayName,
    SignOn,
    Logout,
    Artifacts,
    Consumer,
    Response,
    UiInfo,
    Hints,
    DisplayName,
    Keywords,
    Logo,
    IpHint,
    DomainHint,
    PlaceHint,
    Scope,
    Registration,
    Attributes,
    Attribute,
    Value,
    Other,
}

/// Which of them an element is.
pub(super) fn tag(element: &Resolved<'_>) -> Tag {
    match (element.namespace, element.local) {
        (Namespace::Md, local) => of_metadata(element, local),
        (Namespace::Mdui, "UIInfo") => Tag::UiInfo,
        (Namespace::Mdui, "DiscoHints") => Tag::Hints,
        (Namespace::Mdui, "DisplayName") => Tag::DisplayName,
        (Namespace::Mdui, "Keywords") => Tag::Keywords,
        (Namespace::Mdui, "Logo") => Tag::Logo,
        (Namespace::Mdui, "IPHint") => Tag::IpHint,
        (Namespace::Mdui, "DomainHint") => Tag::DomainHint,
        (Namespace::Mdui, "GeolocationHint") => Tag::PlaceHint,
        (Namespace::Ds, "KeyInfo") => Tag::KeyInfo,
        (Namespace::Ds, "X509Data") => Tag::X509,
        (Namespace::Ds, "X509Certificate") => Tag::Certificate,
        (Namespace::Shibmd, "Scope") => Tag::Scope,
        (Namespace::Mdrpi, "RegistrationInfo") => Tag::Registration,
        (Namespace::Mdattr, "EntityAttributes") => Tag::Attributes,
        (Namespace::Saml, "Attribute") => Tag::Attribute,
        (Namespace::Saml, "AttributeValue") => Tag::Value,
        (Namespace::Idpdisc, "DiscoveryResponse") if is_discovery(element) => Tag::Response,
        _ => Tag::Other,
    }
}

fn of_metadata(element: &Resolved<'_>, local: &str) -> Tag {
    match local {
        "Extensions" => Tag::Extensions,
        "IDPSSODescriptor" => Tag::Idp,
        "SPSSODescriptor" => Tag::Sp,
        // A key for encryption alone is none to verify with (IIP-MD11).
        "KeyDescriptor"
            if element
                .attribute("use")
                .is_none_or(|used| used == "signing") =>
        {
            Tag::Key
        }
        "Organization" => Tag::Organization,
        "OrganizationName" => Tag::OrganizationName,
        "OrganizationDisplayName" => Tag::OrganizationDisplayName,
        "SingleSignOnService" => Tag::SignOn,
        "SingleLogoutService" => Tag::Logout,
        "ArtifactResolutionService" => Tag::Artifacts,
        "AssertionConsumerService" => Tag::Consumer,
        _ => Tag::Other,
    }
}

fn is_discovery(element: &Resolved<'_>) -> bool {
    const IDPDISC: &str = "urn:oasis:names:tc:SAML:profiles:SSO:idp-discovery-protocol";
    element.attribute("Binding") == Some(IDPDISC)
}
