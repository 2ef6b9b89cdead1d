//! What the operator decided for one service, besides what its metadata says of itself.
//!
//! Every decision has a default that is right for a service nobody wrote a line about.

use std::collections::BTreeMap;
use std::sync::Arc;

use saml::EntityId;
use saml::attribute::{self, Wire};
use saml::encryption::Legacy;
use serde::{Deserialize, Serialize};

/// The decisions for a service, as they stand when it is asked for.
pub type Policies = Arc<dyn Fn(&EntityId) -> Arc<Policy> + Send + Sync>;

/// Decisions for one service. In files, every key may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Attributes it receives besides those it asks for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Known>,
    /// Attributes it never receives, whoever asks for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<Known>,
    /// What its `RequestedAttribute`s count for (IIP-IDP04).
    #[serde(skip_serializing_if = "is_default")]
    pub requested: Requested,
    /// How attributes are called.
    #[serde(skip_serializing_if = "is_default")]
    pub name_style: NameStyle,
    /// Attributes called otherwise, each with its format when it is not the one of its style (IIP-IDP01).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<Known, Called>,
    /// Values said otherwise: attribute, then value, then what is sent for it. The empty value
    /// stands for an attribute without one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<Known, BTreeMap<String, String>>,
    /// Whether it reads the literal `X` for an attribute of the ministry's federation without a value.
    #[serde(skip_serializing_if = "is_default")]
    pub legacy: bool,
    /// The name identifier it gets when it asks for none in particular.
    #[serde(skip_serializing_if = "is_default")]
    pub name_id: NameIdChoice,
    /// Whether an answer it did not ask for may be sent to it (SAML Profiles 4.1.5).
    #[serde(skip_serializing_if = "is_default")]
    pub unsolicited: bool,
    /// Whether assertions for it are encrypted.
    #[serde(skip_serializing_if = "is_default")]
    pub encrypt: Encrypt,
    /// Ways to encrypt that betray what they hold to whoever may ask often enough, for a service that
    /// knows nothing better (IIP-ALG05, SECURITY 16).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weak_encryption: Vec<Weak>,
    /// What is signed.
    #[serde(skip_serializing_if = "is_default")]
    pub sign: Sign,
    /// When a person is told what it receives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub information: Option<Information>,
    /// When it asks for a second factor.
    #[serde(skip_serializing_if = "is_default")]
    pub second_factor: Demand,
    /// What happens when the person lacks an attribute the service says it requires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
}

impl Policy {
    /// What [`Policy::weak_encryption`] allows.
    pub fn legacy_encryption(&self) -> Legacy {
        Legacy {
            cbc: self.weak_encryption.contains(&Weak::Cbc),
            pkcs1: self.weak_encryption.contains(&Weak::Pkcs1),
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// An attribute we know, by the short name operators use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Known(pub Wire);

impl TryFrom<String> for Known {
    type Error = String;
    fn try_from(name: String) -> Result<Self, String> {
        attribute::find(&name)
            .map(Self)
            .ok_or_else(|| format!("no attribute is called {name:?}"))
    }
}

impl From<Known> for String {
    fn from(known: Known) -> Self {
        known.0.short.to_owned()
    }
}

/// What an attribute is called on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Called {
    /// `Name`.
    #[serde(deserialize_with = "called")]
    pub name: String,
    /// `NameFormat`; without a word, the one it has in the style of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}

/// A name without spaces, at most 256 characters (IIP-G02).
fn called<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let name = String::deserialize(from)?;
    let fits = !name.is_empty() && name.len() <= 256 && name.chars().all(|c| c.is_ascii_graphic());
    if fits {
        Ok(name)
    } else {
        Err(serde::de::Error::custom(format!(
            "{name:?} is no name of an attribute"
        )))
    }
}

/// What `RequestedAttribute`s count for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Requested {
    /// They are sent; one that is required and missing is told to the person.
    #[default]
    Keep,
    /// They are sent; none counts as required.
    Optional,
    /// Those that are required are sent to a service bound by the Code of Conduct; others are not
    /// looked at.
    CodeOfConduct,
    /// They are not looked at.
    Ignore,
}

/// How attributes are called on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameStyle {
    /// `urn:oid:…` for standard ones, bare names for the ministry's (SAML Attributes X.500 profile).
    #[default]
    Oid,
    /// The short name, without a statement about its format.
    Friendly,
    /// The short name, in the `basic` format.
    Basic,
}

/// Name identifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameIdChoice {
    /// What its metadata names first among those we make, else a transient one.
    #[default]
    Metadata,
    /// For one session.
    Transient,
    /// Lasting, for this service only.
    Persistent,
    /// The professional mail address.
    Email,
    /// None at all (SAML Core 2.4.1; IIP-IDP22).
    None,
}

/// Whether assertions are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encrypt {
    /// When the service publishes a key for it; one that cannot be used is an error.
    #[default]
    WithKey,
    /// Always: a service without a key gets no answer.
    Always,
    /// Never.
    Never,
}

/// A way to encrypt that is named or not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weak {
    /// AES in CBC.
    Cbc,
    /// RSA PKCS#1 v1.5.
    Pkcs1,
}

impl Weak {
    /// The algorithms it stands for.
    pub fn uris(self) -> &'static [&'static str] {
        match self {
            Self::Cbc => &[
                "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
                "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
            ],
            Self::Pkcs1 => &["http://www.w3.org/2001/04/xmlenc#rsa-1_5"],
        }
    }
}

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// The response and the assertion in it.
    #[default]
    Both,
    /// The response only.
    Response,
    /// The assertion only.
    Assertion,
}

/// When a person is told what a service receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Information {
    /// Not by a page of its own.
    #[default]
    Never,
    /// The first time, and when what is sent changes.
    Once,
    /// Each time.
    Always,
}

/// When a second factor is asked for; of several rules the strictest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Demand {
    /// Never.
    #[default]
    None,
    /// Outside the networks that are the académie's own.
    External,
    /// Always.
    Always,
}

impl Demand {
    /// What the directory says of a person; a word nobody knows asks for the most.
    pub fn of_person(word: &str) -> Self {
        match word {
            "none" => Self::None,
            "external" => Self::External,
            _ => Self::Always,
        }
    }
}

/// What happens when a required attribute is missing (R06). Without a word, the person is told, except
/// on the way to a service of ours, which says by itself what it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// The person is told, and may go on.
    Tell,
    /// The answer leaves without it.
    Send,
    /// The person is told, and no answer leaves but a refusal.
    Refuse,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_survives_its_file() {
        let text = r#"
            attributes = ["mail", "rne"]
            withheld = ["title"]
            requested = "code-of-conduct"
            legacy = true
            name_style = "friendly"
            name_id = "persistent"
            unsolicited = true
            encrypt = "never"
            weak_encryption = ["cbc", "pkcs1"]
            sign = "assertion"
            information = "once"
            missing = "refuse"
            second_factor = "external"

            [names.mail]
            name = "http://claims.example/mail"
            format = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"

            [values.title]
            ENS = "National_ENS"
            "" = "X"
        "#;
        let read: Policy = toml::from_str(text).unwrap();
        assert_eq!(
            read.attributes,
            [Known(attribute::MAIL), Known(attribute::RNE)]
        );
        assert_eq!(read.values[&Known(attribute::TITLE)][""], "X");
        let again: Policy = toml::from_str(&toml::to_string(&read).unwrap()).unwrap();
        assert_eq!(again, read);
        assert_eq!(toml::to_string(&Policy::default()).unwrap(), "");
    }

    #[test]
    fn what_nobody_knows_is_refused() {
        for text in [
            "attributes = [\"shoe\"]",
            "colour = \"red\"",
            "name_style = \"urn\"",
            "encrypt = true",
            "weak_encryption = [\"des\"]",
            "information = \"sometimes\"",
            "missing = true",
            "second_factor = \"sometimes\"",
            "[values.shoe]\na = \"b\"",
            "[names.shoe]\nname = \"b\"",
            "[names.mail]\nformat = \"b\"",
        ] {
            assert!(toml::from_str::<Policy>(text).is_err(), "{text}");
        }
    }
}
