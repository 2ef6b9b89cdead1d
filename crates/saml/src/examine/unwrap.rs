//! Taking a message out of what it travels in.

use percent_encoding::percent_decode_str;

use crate::message::{REQUEST, RESPONSE};
use crate::preflight::MESSAGE;
use crate::{Refusal, encoding};

/// What a message was wrapped in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapping {
    /// An address, its query, or a form.
    Address,
    /// Percent-encoding.
    Percent,
    /// Base64.
    Base64,
    /// DEFLATE.
    Deflate,
}

impl Wrapping {
    /// Every [`Wrapping::word`].
    pub const WORDS: [&'static str; 4] = ["address", "percent", "base64", "deflate"];

    /// A word for it, for programs and for tables of words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Percent => "percent",
            Self::Base64 => "base64",
            Self::Deflate => "deflate",
        }
    }
}

/// A message, and what it was wrapped in.
pub(super) struct Unwrapped {
    pub(super) bytes: Vec<u8>,
    pub(super) wrapped: Vec<Wrapping>,
    pub(super) relay_state: Option<String>,
    /// The raw query of an address, where the message came by Redirect: what its signature covers.
    pub(super) query: Option<String>,
}

impl Unwrapped {
    /// Whether it came by Redirect.
    pub(super) fn by_redirect(&self) -> bool {
        self.wrapped.contains(&Wrapping::Deflate)
    }
}

/// Takes the message out.
pub(super) fn unwrap(pasted: &str) -> Result<Unwrapped, Refusal> {
    let pasted = pasted.trim().trim_start_matches('\u{feff}');
    if pasted.len() > MESSAGE.bytes * 2 {
        return Err(Refusal::TooLarge {
            bytes: pasted.len(),
            limit: MESSAGE.bytes * 2,
        });
    }
    if pasted.starts_with('<') {
        return Ok(Unwrapped {
            bytes: pasted.as_bytes().to_vec(),
            wrapped: Vec::new(),
            relay_state: None,
            query: None,
        });
    }
    let mut wrapped = Vec::new();
    let query = query(pasted);
    let value = match query.and_then(message_of) {
        Some(value) => {
            wrapped.push(Wrapping::Address);
            value
        }
        None => pasted,
    };
    let value = if value.contains('%') {
        wrapped.push(Wrapping::Percent);
        plain(value)?
    } else {
        value.to_owned()
    };
    wrapped.push(Wrapping::Base64);
    let bytes = encoding::decode(&value, "what was pasted")?;
    let is_xml = bytes
        .iter()
        .find(|byte| !byte.is_ascii_whitespace())
        .is_some_and(|byte| matches!(byte, b'<' | 0xef));
    let bytes = if is_xml {
        bytes
    } else {
        wrapped.push(Wrapping::Deflate);
        encoding::inflate(&bytes)?
    };
    let relay_state = query
        .and_then(|query| value_of(query, "RelayState"))
        .map(|raw| plain(&raw.replace('+', " ")))
        .transpose()?;
    let by_redirect =
        wrapped.starts_with(&[Wrapping::Address]) && wrapped.contains(&Wrapping::Deflate);
    Ok(Unwrapped {
        bytes,
        wrapped,
        relay_state,
        query: query.filter(|_| by_redirect).map(str::to_owned),
    })
}

/// The query of an address, or a query by itself.
fn query(pasted: &str) -> Option<&str> {
    let query = pasted.split_once('?').map_or(pasted, |(_, query)| query);
    let query = query.split('#').next().unwrap_or(query);
    message_of(query).map(|_| query)
}

fn message_of(query: &str) -> Option<&str> {
    value_of(query, REQUEST).or_else(|| value_of(query, RESPONSE))
}

fn value_of<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query.split('&').find_map(|pair| {
        let (found, value) = pair.split_once('=')?;
        (found == name).then_some(value)
    })
}

fn plain(value: &str) -> Result<String, Refusal> {
    percent_decode_str(value)
        .decode_utf8()
        .map(String::from)
        .map_err(|_| Refusal::NotUtf8 {
            part: "what was pasted",
        })
}
