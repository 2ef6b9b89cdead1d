//! What is checked on raw bytes before any parser builds a tree of them: size, depth, counts, and
//! the parts of XML that SAML has no use for (SECURITY 2, 3, 6).
//!
//! Everything is counted before work that grows with the square of what is counted; the document
//! is read once, forward, and nothing is kept but counts.

use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::{Error, Reader};

use crate::Refusal;
use crate::refusal::Said;

/// How much of everything a document may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes in all.
    pub(crate) bytes: usize,
    /// Elements, attributes, texts and comments together.
    pub(crate) nodes: usize,
    /// Bytes of one text.
    pub(crate) text: usize,
}

/// For a message (SECURITY 3). A text may nearly fill it: that of an encrypted assertion does.
pub(crate) const MESSAGE: Limits = Limits {
    bytes: 256 * 1024,
    nodes: 20_000,
    text: 192 * 1024,
};

/// For metadata: the largest aggregate (eduGAIN) is near 100 MB, those of one country far below.
/// A text may be a logo.
pub(crate) const METADATA: Limits = Limits {
    bytes: 64 * 1024 * 1024,
    nodes: 8_000_000,
    text: 1024 * 1024,
};

/// Elements within each other. Messages need fewer than 15.
pub(crate) const DEPTH: usize = 64;
/// Attributes of one element. Messages need fewer than 12.
pub(crate) const ATTRIBUTES: usize = 64;
/// Bytes of one attribute.
pub(crate) const ATTRIBUTE: usize = 16 * 1024;
/// Bytes of a namespace: a canonical form may repeat it for every element.
pub(crate) const NAMESPACE: usize = 256;
/// Namespace declarations in scope at once: tree builders copy them, canonicalisers search them.
pub(crate) const NAMESPACES: usize = 48;

/// Checks `bytes` and gives them back as text, without a byte order mark.
pub(crate) fn preflight<'a>(bytes: &'a [u8], limits: &Limits) -> Result<&'a str, Refusal> {
    if bytes.len() > limits.bytes {
        return Err(Refusal::TooLarge {
            bytes: bytes.len(),
            limit: limits.bytes,
        });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::NotUtf8 {
        part: "the document",
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut count = Count::new(limits);
    let mut first = true;
    loop {
        let event = reader.read_event().map_err(|why| ill_formed(&why))?;
        match &event {
            Event::Eof => return count.end().map(|()| text),
            Event::Decl(declaration) => check_declaration(declaration, first)?,
            Event::Start(start) => count.start(start)?,
            Event::Empty(start) => {
                count.start(start)?;
                count.close();
            }
            Event::End(_) => count.close(),
            Event::Text(text) => count.text(text.len())?,
            Event::CData(text) => count.text(text.len())?,
            Event::GeneralRef(reference) => {
                check_text_reference(reference)?;
                count.text(reference.len())?;
            }
            Event::Comment(_) => count.node()?,
            Event::PI(_) => return Err(Refusal::ProcessingInstruction),
            Event::DocType(_) => return Err(Refusal::Doctype),
        }
        first = false;
    }
}

/// What has been seen so far.
struct Count<'a> {
    limits: &'a Limits,
    nodes: usize,
    /// Bytes of the text being read, references and CDATA included.
    text: usize,
    /// Namespace declarations of each open element.
    declarations: Vec<usize>,
    in_scope: usize,
    /// Declarations in scope, counted anew for each element that adds one: a tree copies them there.
    copied: usize,
}

impl<'a> Count<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            nodes: 0,
            text: 0,
            declarations: Vec::with_capacity(DEPTH),
            in_scope: 0,
            copied: 0,
        }
    }

    fn node(&mut self) -> Result<(), Refusal> {
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            return Err(Refusal::TooManyNodes {
                limit: self.limits.nodes,
            });
        }
        Ok(())
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), Refusal> {
        self.text = 0;
        self.node()?;
        if self.declarations.len() == DEPTH {
            return Err(Refusal::TooDeep { limit: DEPTH });
        }
        // Counted first: the check for twice the same name compares each with each.
        let mut unchecked = start.attributes();
        if unchecked.with_checks(false).nth(ATTRIBUTES).is_some() {
            return Err(Refusal::TooManyAttributes { limit: ATTRIBUTES });
        }
        let mut declared = 0;
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|why| not_well_formed(&why.to_string()))?;
            self.node()?;
            declared += usize::from(check_attribute(&attribute)?);
        }
        self.declarations.push(declared);
        self.in_scope += declared;
        if declared > 0 {
            self.copied += self.in_scope;
        }
        let copies = self.limits.nodes * 4;
        if self.in_scope > NAMESPACES || self.copied > copies {
            return Err(Refusal::TooManyNamespaces { limit: NAMESPACES });
        }
        Ok(())
    }

    fn close(&mut self) {
        self.text = 0;
        self.in_scope -= self.declarations.pop().unwrap_or_default();
    }

    fn text(&mut self, bytes: usize) -> Result<(), Refusal> {
        if self.text == 0 {
            self.node()?;
        }
        self.text += bytes;
        if self.text > self.limits.text {
            return Err(Refusal::ValueTooLong {
                limit: self.limits.text,
            });
        }
        Ok(())
    }

    fn end(&self) -> Result<(), Refusal> {
        if self.declarations.is_empty() {
            Ok(())
        } else {
            Err(not_well_formed("an element is not closed"))
        }
    }
}

/// Checks one attribute; says whether it declares a namespace.
fn check_attribute(attribute: &Attribute<'_>) -> Result<bool, Refusal> {
    if attribute.value.len() > ATTRIBUTE {
        return Err(Refusal::ValueTooLong { limit: ATTRIBUTE });
    }
    let value = String::from_utf8_lossy(&attribute.value);
    check_references(&value)?;
    let name = attribute.key.as_ref();
    let is_default = name == b"xmlns";
    let declares = is_default || name.starts_with(b"xmlns:");
    if name == b"xmlns:xmlns" {
        return Err(not_well_formed("the prefix xmlns is declared"));
    }
    if declares && !(is_absolute(&value) || (is_default && value.is_empty())) {
        return Err(Refusal::RelativeNamespace {
            uri: Said::new(&value),
        });
    }
    if declares && value.len() > NAMESPACE {
        return Err(Refusal::ValueTooLong { limit: NAMESPACE });
    }
    Ok(declares)
}

/// Whether `uri` starts with a scheme (RFC 3986 3.1). Written without references: a name that
/// needs one before its colon is no scheme.
pub(crate) fn is_absolute(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// Checks every reference in the value of an attribute.
fn check_references(value: &str) -> Result<(), Refusal> {
    for part in value.split('&').skip(1) {
        let (name, _) = part
            .split_once(';')
            .ok_or_else(|| not_well_formed("a reference has no end"))?;
        check_reference(name)?;
    }
    Ok(())
}

fn check_text_reference(reference: &BytesRef<'_>) -> Result<(), Refusal> {
    let name = reference.decode().map_err(|_| Refusal::NotUtf8 {
        part: "a reference",
    })?;
    check_reference(&name)
}

/// One of the five of XML, or a character that XML has (XML 1.0 2.2, 4.1, 4.6).
pub(crate) fn check_reference(name: &str) -> Result<(), Refusal> {
    let Some(number) = name.strip_prefix('#') else {
        return if ["amp", "lt", "gt", "apos", "quot"].contains(&name) {
            Ok(())
        } else {
            Err(Refusal::UnknownEntity {
                name: Said::new(name),
            })
        };
    };
    let (digits, radix) = match number.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    digits
        .chars()
        .all(|c| c.is_digit(radix))
        .then(|| u32::from_str_radix(digits, radix).ok())
        .flatten()
        .and_then(char::from_u32)
        .filter(|c| is_xml_char(*c))
        .map(|_| ())
        .ok_or_else(|| not_well_formed("a reference to a character that XML does not have"))
}

/// XML 1.0 2.2.
pub(crate) fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Version 1.0, and UTF-8 where an encoding is named: another would make the next parser read
/// other characters than those that were checked.
pub(crate) fn check_declaration(declaration: &BytesDecl<'_>, first: bool) -> Result<(), Refusal> {
    let version = declaration.version();
    let is_known = version.is_ok_and(|version| version.as_ref() == b"1.0");
    let is_utf8 = declaration.encoding().is_none_or(|encoding| {
        encoding.is_ok_and(|encoding| encoding.eq_ignore_ascii_case(b"utf-8"))
    });
    if first && is_known && is_utf8 {
        Ok(())
    } else {
        Err(Refusal::Declaration {
            found: Said::new(&String::from_utf8_lossy(declaration)),
        })
    }
}

fn ill_formed(why: &Error) -> Refusal {
    not_well_formed(&why.to_string())
}

fn not_well_formed(why: &str) -> Refusal {
    Refusal::NotWellFormed {
        why: Said::new(why),
    }
}

#[cfg(test)]
mod tests;
