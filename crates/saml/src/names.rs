//! Names SAML gives to things: entities, messages, bindings, name identifier formats.

use std::fmt;
use std::sync::Arc;

/// The name of an entity: an absolute URI of at most 1024 characters (SAML Core 8.3.6), without
/// white space.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct EntityId(Arc<str>);

/// Why a text is not an entity's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an absolute URI of 1 to 1024 characters: {0:?}")]
pub struct NotAnEntityId(pub String);

impl EntityId {
    /// Reads an entityID.
    pub fn parse(text: &str) -> Result<Self, NotAnEntityId> {
        let scheme_ends = text.find(':');
        let fits = text.len() <= 1024
            && scheme_ends.is_some_and(|at| at > 0)
            && !text.chars().any(|c| c.is_whitespace() || c.is_control());
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(NotAnEntityId(text.chars().take(80).collect()))
        }
    }

    /// The URI as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its SHA-1 in hexadecimal: another name for it, which proves nothing (Metadata Query
    /// Protocol, SAML profile, 2.2).
    pub fn sha1(&self) -> String {
        openssl::sha::sha1(self.0.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for EntityId {
    type Error = NotAnEntityId;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<EntityId> for String {
    fn from(id: EntityId) -> Self {
        id.as_str().to_owned()
    }
}

/// The `ID` of a message or an assertion: an NCName that nobody else will choose
/// (SAML Core 1.3.4: at least 128 bits of chance).
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct MessageId(String);

impl MessageId {
    /// Makes an identifier of 160 bits of chance.
    pub fn from_random(chance: [u8; 20]) -> Self {
        let mut text = String::with_capacity(41);
        text.push('_');
        for byte in chance {
            text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
            text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        }
        Self(text)
    }

    /// Reads an identifier found in a message: an NCName of 1 to 256 ASCII characters.
    pub fn parse(text: &str) -> Option<Self> {
        let mut chars = text.chars();
        let starts = chars
            .next()
            .is_some_and(|c| c == '_' || c.is_ascii_alphabetic());
        let goes_on = chars.all(|c| c == '_' || c == '-' || c == '.' || c.is_ascii_alphanumeric());
        (starts && goes_on && text.len() <= 256).then(|| Self(text.to_owned()))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a message travels (SAML Bindings 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Binding {
    /// HTTP-Redirect, a GET with a deflated message.
    Redirect,
    /// HTTP-POST, a form.
    Post,
    /// HTTP-Artifact.
    Artifact,
    /// SOAP over HTTP.
    Soap,
    /// Reverse SOAP, for ECP.
    Paos,
}

impl Binding {
    /// The binding's URI.
    pub fn uri(self) -> &'static str {
        match self {
            Self::Redirect => "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect",
            Self::Post => "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST",
            Self::Artifact => "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact",
            Self::Soap => "urn:oasis:names:tc:SAML:2.0:bindings:SOAP",
            Self::Paos => "urn:oasis:names:tc:SAML:2.0:bindings:PAOS",
        }
    }

    /// The binding a URI names, if it is one we know.
    pub fn from_uri(uri: &str) -> Option<Self> {
        [
            Self::Redirect,
            Self::Post,
            Self::Artifact,
            Self::Soap,
            Self::Paos,
        ]
        .into_iter()
        .find(|binding| binding.uri() == uri)
    }
}

/// The format of a name identifier (SAML Core 8.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum NameIdFormat {
    /// No statement (8.3.1).
    Unspecified,
    /// A mail address (8.3.2).
    EmailAddress,
    /// Opaque, lasting, different for each service (8.3.7).
    Persistent,
    /// Opaque, for one session (8.3.8).
    Transient,
    /// The name of an entity (8.3.6).
    Entity,
    /// Any other URI.
    Other(String),
}

impl NameIdFormat {
    /// The format's URI.
    pub fn uri(&self) -> &str {
        match self {
            Self::Unspecified => "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
            Self::EmailAddress => "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
            Self::Persistent => "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
            Self::Transient => "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
            Self::Entity => "urn:oasis:names:tc:SAML:2.0:nameid-format:entity",
            Self::Other(uri) => uri,
        }
    }

    /// The format a URI names.
    pub fn from_uri(uri: &str) -> Self {
        [
            Self::Unspecified,
            Self::EmailAddress,
            Self::Persistent,
            Self::Transient,
            Self::Entity,
        ]
        .into_iter()
        .find(|format| format.uri() == uri)
        .unwrap_or_else(|| Self::Other(uri.to_owned()))
    }
}

/// `urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport`.
pub const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
/// The REFEDS multi-factor profile, <https://refeds.org/profile/mfa>.
pub const REFEDS_MFA: &str = "https://refeds.org/profile/mfa";
/// `urn:oasis:names:tc:SAML:2.0:attrname-format:uri`.
pub const ATTRNAME_URI: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri";
/// `urn:oasis:names:tc:SAML:2.0:attrname-format:basic`.
pub const ATTRNAME_BASIC: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic";
/// `urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified`, what an absent NameFormat means
/// (SAML Core 2.7.3.1).
pub const ATTRNAME_UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified";
