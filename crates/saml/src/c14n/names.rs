//! Prefixes and namespaces, each kept once and known by its number.

use std::collections::HashMap;

/// More than this are no metadata's: the largest federations use some fifty.
const MOST: usize = 4096;

/// The namespaces that the reader of metadata tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Namespace {
    /// SAML Metadata.
    Md,
    /// MDUI.
    Mdui,
    /// Entity attributes.
    Mdattr,
    /// Registration information.
    Mdrpi,
    /// Shibboleth's scopes.
    Shibmd,
    /// Identity provider discovery.
    Idpdisc,
    /// SAML assertions.
    Saml,
    /// XML Signature.
    Ds,
    /// Any other, or none.
    Other,
}

/// What was seen.
#[derive(Debug)]
pub(crate) struct Names {
    texts: Vec<(Box<str>, Namespace)>,
    numbers: HashMap<Box<str>, usize>,
}

impl Default for Names {
    fn default() -> Self {
        let mut names = Self {
            texts: Vec::new(),
            numbers: HashMap::new(),
        };
        for text in ["", "xml", "http://www.w3.org/XML/1998/namespace"] {
            names.number(text);
        }
        names
    }
}

impl Names {
    /// The number of the empty text: no prefix, no namespace.
    pub(crate) const NONE: usize = 0;
    /// The number of the prefix `xml`.
    pub(crate) const XML: usize = 1;
    /// The number of its namespace.
    pub(crate) const XML_URI: usize = 2;

    /// The number of `text`, a new one when it was not seen before.
    pub(crate) fn number(&mut self, text: &str) -> usize {
        if let Some(known) = self.numbers.get(text) {
            return *known;
        }
        let number = self.texts.len();
        self.texts.push((text.into(), namespace(text)));
        self.numbers.insert(text.into(), number);
        number
    }

    /// What a number stands for.
    pub(crate) fn text(&self, number: usize) -> &str {
        self.texts.get(number).map_or("", |(text, _)| text)
    }

    /// Which namespace a number stands for.
    pub(crate) fn namespace(&self, number: usize) -> Namespace {
        let known = self.texts.get(number);
        known.map_or(Namespace::Other, |(_, namespace)| *namespace)
    }

    /// Whether somebody makes us keep too many.
    pub(crate) fn are_too_many(&self) -> bool {
        self.texts.len() > MOST
    }
}

fn namespace(uri: &str) -> Namespace {
    match uri {
        "urn:oasis:names:tc:SAML:2.0:metadata" => Namespace::Md,
        "urn:oasis:names:tc:SAML:metadata:ui" => Namespace::Mdui,
        "urn:oasis:names:tc:SAML:metadata:attribute" => Namespace::Mdattr,
        "urn:oasis:names:tc:SAML:metadata:rpi" => Namespace::Mdrpi,
        "urn:mace:shibboleth:metadata:1.0" => Namespace::Shibmd,
        "urn:oasis:names:tc:SAML:profiles:SSO:idp-discovery-protocol" => Namespace::Idpdisc,
        "urn:oasis:names:tc:SAML:2.0:assertion" => Namespace::Saml,
        "http://www.w3.org/2000/09/xmldsig#" => Namespace::Ds,
        _ => Namespace::Other,
    }
}
