//! Start tags: their names and attributes, read strictly.

use std::borrow::Cow;

use super::ill_formed;
use super::text::{has, is_forbidden, value_of_reference};
use crate::Refusal;
use crate::preflight::{ATTRIBUTE, ATTRIBUTES, NAMESPACE, is_absolute};
use crate::reader::XML_SPACE;
use crate::refusal::Said;

/// An attribute that is no declaration.
#[derive(Debug)]
pub(crate) struct Attribute<'e> {
    pub(super) key: &'e str,
    /// Its name in its namespace.
    pub(crate) local: &'e str,
    pub(super) prefix: Option<usize>,
    pub(super) uri: Option<usize>,
    /// Its value, normalised (XML 1.0 3.3.3).
    pub(crate) value: Cow<'e, str>,
}

impl Attribute<'_> {
    /// Whether it has no namespace.
    pub(crate) fn is_plain(&self) -> bool {
        self.uri.is_none()
    }

    /// Whether it is `xml:lang`.
    pub(crate) fn is_lang(&self) -> bool {
        self.key == "xml:lang"
    }
}

/// An attribute as it stands in the tag.
#[derive(Debug)]
pub(super) struct Written<'e> {
    pub(super) key: &'e str,
    pub(super) value: &'e str,
}

impl<'e> Written<'e> {
    pub(super) fn declares(&self) -> bool {
        self.key == "xmlns" || self.key.starts_with("xmlns:")
    }

    /// The prefix ("" for the default) and the namespace it declares, if it does.
    pub(super) fn declaration(&self) -> Option<Result<(&'e str, &'e str), Refusal>> {
        let prefix = match self.key.strip_prefix("xmlns") {
            Some("") => "",
            Some(rest) => rest.strip_prefix(':')?,
            None => return None,
        };
        Some(declaration(prefix, self.key, self.value))
    }
}

fn declaration<'e>(
    prefix: &'e str,
    key: &str,
    uri: &'e str,
) -> Result<(&'e str, &'e str), Refusal> {
    let is_default = key == "xmlns";
    let is_reserved = ["xml", "xmlns"].contains(&prefix);
    if is_reserved || !(is_default || is_name(prefix)) {
        return Err(ill_formed(
            "a declaration of a prefix that nobody may declare",
        ));
    }
    if uri.len() > NAMESPACE {
        return Err(Refusal::ValueTooLong { limit: NAMESPACE });
    }
    let is_undone = is_default && uri.is_empty();
    let is_plain = uri
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"&<\"'".contains(&byte));
    if is_undone || (is_plain && is_absolute(uri)) {
        Ok((prefix, uri))
    } else {
        Err(Refusal::RelativeNamespace {
            uri: Said::new(uri),
        })
    }
}

/// The name of a start tag, and what follows it.
pub(super) fn name(start: &[u8]) -> Result<(&str, &str), Refusal> {
    let text = std::str::from_utf8(start).map_err(|_| Refusal::NotUtf8 { part: "a tag" })?;
    let ends = text.bytes().position(is_space).unwrap_or(text.len());
    Ok(text.split_at_checked(ends).unwrap_or((text, "")))
}

/// The attributes of a start tag, in their order.
pub(super) fn written(rest: &str) -> Result<Vec<Written<'_>>, Refusal> {
    let mut all = Vec::new();
    let mut rest = rest;
    loop {
        let next = trimmed(rest);
        if next.is_empty() {
            return Ok(all);
        }
        if next.len() == rest.len() {
            return Err(ill_formed("no space before an attribute"));
        }
        let broken = || ill_formed("an attribute that is not name=\"value\"");
        let (key, after) = next.split_once('=').ok_or_else(broken)?;
        let after = trimmed(after);
        let split = match after.split_at_checked(1) {
            Some(("\"", inside)) => inside.split_once('"'),
            Some(("'", inside)) => inside.split_once('\''),
            _ => None,
        };
        let (value, after) = split.ok_or_else(broken)?;
        if value.len() > ATTRIBUTE {
            return Err(Refusal::ValueTooLong { limit: ATTRIBUTE });
        }
        if all.len() == ATTRIBUTES {
            return Err(Refusal::TooManyAttributes { limit: ATTRIBUTES });
        }
        let key = key.trim_end_matches(XML_SPACE);
        all.push(Written { key, value });
        rest = after;
    }
}

/// A text without the white space it starts with.
fn trimmed(text: &str) -> &str {
    let starts = text.bytes().position(|byte| !is_space(byte));
    text.get(starts.unwrap_or(text.len())..).unwrap_or_default()
}

/// Prefix and local name, in ASCII letters.
pub(super) fn split(name: &str) -> Result<(&str, &str), Refusal> {
    let (prefix, local) = match name.split_once(':') {
        Some((prefix, local)) if is_name(prefix) => (prefix, local),
        Some(_) => return Err(odd(name)),
        None => ("", name),
    };
    if is_name(local) && prefix != "xmlns" {
        Ok((prefix, local))
    } else {
        Err(odd(name))
    }
}

fn odd(name: &str) -> Refusal {
    let name: String = name.chars().take(64).collect();
    ill_formed(&format!("{name:?} is no name we take"))
}

fn is_name(text: &str) -> bool {
    let is_start = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let mut bytes = text.bytes();
    bytes.next().is_some_and(is_start)
        && bytes.all(|byte| is_start(byte) || byte.is_ascii_digit() || byte == b'.' || byte == b'-')
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The value of an attribute of type CDATA (XML 1.0 2.11, 3.3.3): every white space written as such
/// is a space, every reference the character it stands for.
pub(super) fn normalised(value: &str) -> Result<Cow<'_, str>, Refusal> {
    let is_odd = |byte: u8| byte < b' ' || matches!(byte, b'&' | b'<' | 0xEF);
    if !has(value.as_bytes(), is_odd) {
        return Ok(Cow::Borrowed(value));
    }
    let mut out = String::with_capacity(value.len());
    let mut rest = value.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '<' => return Err(ill_formed("a < in an attribute")),
            '\r' => {
                rest.next_if_eq(&'\n');
                out.push(' ');
            }
            '\t' | '\n' => out.push(' '),
            '&' => {
                let mut name = String::new();
                loop {
                    match rest.next() {
                        Some(';') => break,
                        Some(c) if name.len() < 16 => name.push(c),
                        _ => return Err(ill_formed("a reference has no end")),
                    }
                }
                out.push(value_of_reference(name.as_bytes())?);
            }
            c if is_forbidden(c) => {
                return Err(ill_formed("a character that XML does not have"));
            }
            c => out.push(c),
        }
    }
    Ok(Cow::Owned(out))
}

/// Writes a value between quotes (Canonical XML 1.0 2.3).
pub(super) fn put(out: &mut Vec<u8>, value: &str) {
    let is_special = |byte: u8| matches!(byte, b'&' | b'<' | b'"' | b'\t' | b'\n' | b'\r');
    if !has(value.as_bytes(), is_special) {
        out.extend_from_slice(value.as_bytes());
        return;
    }
    let mut rest = value.as_bytes();
    while let Some(at) = rest.iter().position(|byte| is_special(*byte)) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        let written: &[u8] = match special.first() {
            Some(b'&') => b"&amp;",
            Some(b'<') => b"&lt;",
            Some(b'"') => b"&quot;",
            Some(b'\t') => b"&#x9;",
            Some(b'\n') => b"&#xA;",
            _ => b"&#xD;",
        };
        out.extend_from_slice(written);
        rest = special.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}
