//! Exclusive XML Canonicalization 1.0 without comments, event by event, so that a document of any
//! size is digested in little memory.
//!
//! What is not plainly canonicalisable is refused, never guessed: names outside ASCII, declarations
//! with references, `xml:id`, characters XML forbids. What is taken is held against xmlsec in tests.

mod attributes;
mod names;
mod text;

use names::Names;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

pub(crate) use attributes::Attribute;
pub(crate) use names::Namespace;
pub(crate) use text::{value_of_reference, value_of_text};

use crate::Refusal;
use crate::preflight::NAMESPACES;
use crate::refusal::Said;

/// One prefix and what it stands for, both by their numbers among [`Names`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Declared {
    prefix: usize,
    uri: usize,
}

/// What was in force before an element was opened.
#[derive(Debug)]
struct Open {
    in_scope: usize,
    rendered: usize,
}

/// A canonicaliser: what is in scope, what was rendered, and what is to be written.
#[derive(Debug, Default)]
pub(crate) struct Canon {
    /// Prefixes and namespaces seen.
    names: Names,
    /// The canonical form that nobody took away yet.
    pub(crate) out: Vec<u8>,
    /// Whether nothing is written now.
    pub(crate) is_muted: bool,
    /// `PrefixList`: prefixes rendered wherever they are in scope (Exclusive C14N 3), "" for
    /// `#default`.
    prefixes: Vec<usize>,
    in_scope: Vec<Declared>,
    rendered: Vec<Declared>,
    open: Vec<Open>,
}

/// An element whose names are resolved.
#[derive(Debug)]
pub(crate) struct Resolved<'e> {
    /// As written.
    name: &'e str,
    /// Its namespace.
    pub(crate) namespace: Namespace,
    /// Its name there.
    pub(crate) local: &'e str,
    prefix: usize,
    /// Attributes that are no declarations.
    pub(crate) attributes: Vec<Attribute<'e>>,
}

impl Resolved<'_> {
    /// The value of an attribute without namespace.
    pub(crate) fn attribute(&self, local: &str) -> Option<&str> {
        let mut plain = self.attributes.iter().filter(|one| one.is_plain());
        plain
            .find(|one| one.local == local)
            .map(|one| one.value.as_ref())
    }
}

impl Canon {
    /// Nothing seen yet.
    pub(crate) fn muted(is_muted: bool) -> Self {
        Self {
            is_muted,
            ..Self::default()
        }
    }

    /// Prefixes that are to be rendered wherever they are in scope.
    pub(crate) fn inclusive(&mut self, prefixes: &[String]) {
        self.prefixes = prefixes
            .iter()
            .map(|prefix| self.names.number(prefix))
            .collect();
    }

    /// The same, for every prefix in scope now.
    pub(crate) fn inclusive_of_all(&mut self) {
        self.prefixes = self.in_scope.iter().map(|one| one.prefix).collect();
    }

    /// What is in scope, the innermost last: prefix and namespace.
    pub(crate) fn declared(&self) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> = Vec::new();
        for one in &self.in_scope {
            let (prefix, uri) = (self.names.text(one.prefix), self.names.text(one.uri));
            all.retain(|(known, _)| known != prefix);
            all.push((prefix.to_owned(), uri.to_owned()));
        }
        all
    }

    /// Opens an element: takes its declarations in, and resolves its names.
    pub(crate) fn open<'e>(&mut self, start: &'e BytesStart<'_>) -> Result<Resolved<'e>, Refusal> {
        let before = Open {
            in_scope: self.in_scope.len(),
            rendered: self.rendered.len(),
        };
        let (name, rest) = attributes::name(start)?;
        let mut written = attributes::written(rest)?;
        for declaration in written.iter().filter_map(attributes::Written::declaration) {
            let (prefix, uri) = declaration?;
            self.declare(prefix, uri, before.in_scope)?;
        }
        written.retain(|one| !one.declares());
        self.open.push(before);
        self.resolve(name, written)
    }

    /// Resolves an element that was opened before, once more.
    pub(crate) fn again<'e>(&self, start: &'e BytesStart<'_>) -> Result<Resolved<'e>, Refusal> {
        let (name, rest) = attributes::name(start)?;
        let mut written = attributes::written(rest)?;
        written.retain(|one| !one.declares());
        self.resolve(name, written)
    }

    fn declare(&mut self, prefix: &str, uri: &str, before: usize) -> Result<(), Refusal> {
        let prefix = self.names.number(prefix);
        let own = self.in_scope.iter().skip(before);
        if own.into_iter().any(|one| one.prefix == prefix) {
            return Err(ill_formed("a prefix is declared twice"));
        }
        let uri = self.names.number(uri);
        self.in_scope.push(Declared { prefix, uri });
        if self.in_scope.len() > NAMESPACES || self.names.are_too_many() {
            return Err(Refusal::TooManyNamespaces { limit: NAMESPACES });
        }
        Ok(())
    }

    fn resolve<'e>(
        &self,
        name: &'e str,
        written: Vec<attributes::Written<'e>>,
    ) -> Result<Resolved<'e>, Refusal> {
        let (prefix, local) = attributes::split(name)?;
        let element = self.lookup(prefix)?;
        let mut found = Vec::with_capacity(written.len());
        for one in written {
            let (prefix, local) = attributes::split(one.key)?;
            let of = match prefix {
                "" => None,
                "xml" if local == "id" => return Err(ill_formed("xml:id is not taken")),
                "xml" => Some(Declared {
                    prefix: Names::XML,
                    uri: Names::XML_URI,
                }),
                prefix => Some(self.lookup(prefix)?),
            };
            let attribute = Attribute {
                key: one.key,
                local,
                prefix: of.map(|of| of.prefix),
                uri: of.map(|of| of.uri),
                value: attributes::normalised(one.value)?,
            };
            let is_twice = |other: &Attribute<'_>| {
                other.local == attribute.local && other.uri == attribute.uri
            };
            if found.iter().any(is_twice) {
                return Err(ill_formed("an attribute is there twice"));
            }
            found.push(attribute);
        }
        Ok(Resolved {
            name,
            namespace: self.names.namespace(element.uri),
            local,
            prefix: element.prefix,
            attributes: found,
        })
    }

    /// What a prefix stands for here. No default namespace: none.
    fn lookup(&self, prefix: &str) -> Result<Declared, Refusal> {
        let mut inner = self.in_scope.iter().rev();
        let found = inner.find(|one| self.names.text(one.prefix) == prefix);
        match found {
            Some(found) => Ok(*found),
            None if prefix.is_empty() => Ok(Declared {
                prefix: Names::NONE,
                uri: Names::NONE,
            }),
            None => Err(ill_formed("a prefix is not declared")),
        }
    }

    /// Writes the start tag of `element`.
    pub(crate) fn render(&mut self, element: &mut Resolved<'_>) {
        if self.is_muted {
            return;
        }
        let used = element.attributes.iter().filter_map(|one| one.prefix);
        let used = used.filter(|prefix| *prefix != Names::XML);
        let mut used: Vec<usize> = used.chain([element.prefix]).collect();
        let listed = self.prefixes.iter().copied();
        used.extend(listed.filter(|prefix| self.stands_for(*prefix).is_some()));
        if used.len() > 1 {
            used.sort_unstable_by(|a, b| self.names.text(*a).cmp(self.names.text(*b)));
            used.dedup();
        }
        self.out.push(b'<');
        self.out.extend_from_slice(element.name.as_bytes());
        for prefix in used {
            self.render_declaration(prefix);
        }
        let names = &self.names;
        let uri = |one: &Attribute<'_>| one.uri.map_or("", |uri| names.text(uri));
        let order = |a: &Attribute<'_>, b: &Attribute<'_>| {
            uri(a).cmp(uri(b)).then_with(|| a.local.cmp(b.local))
        };
        element.attributes.sort_unstable_by(order);
        for attribute in &element.attributes {
            self.out.push(b' ');
            self.out.extend_from_slice(attribute.key.as_bytes());
            self.out.extend_from_slice(b"=\"");
            attributes::put(&mut self.out, &attribute.value);
            self.out.push(b'"');
        }
        self.out.push(b'>');
    }

    /// Declares `prefix` where no element written around this one did so with the same namespace.
    fn render_declaration(&mut self, prefix: usize) {
        let uri = self.stands_for(prefix).unwrap_or(Names::NONE);
        let mut outer = self.rendered.iter().rev();
        let before = outer.find(|one| one.prefix == prefix).map(|one| one.uri);
        if before == Some(uri) || (before.is_none() && uri == Names::NONE) {
            return;
        }
        self.rendered.push(Declared { prefix, uri });
        self.out.extend_from_slice(b" xmlns");
        if prefix != Names::NONE {
            self.out.push(b':');
            self.out
                .extend_from_slice(self.names.text(prefix).as_bytes());
        }
        self.out.extend_from_slice(b"=\"");
        attributes::put(&mut self.out, self.names.text(uri));
        self.out.push(b'"');
    }

    fn stands_for(&self, prefix: usize) -> Option<usize> {
        let mut inner = self.in_scope.iter().rev();
        inner.find(|one| one.prefix == prefix).map(|one| one.uri)
    }

    /// A text between tags.
    pub(crate) fn text(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        text::put_text(&mut self.out, bytes, self.is_muted)
    }

    /// A CDATA section.
    pub(crate) fn cdata(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        text::put_cdata(&mut self.out, bytes, self.is_muted)
    }

    /// A reference in a text.
    pub(crate) fn reference(&mut self, name: &[u8]) -> Result<(), Refusal> {
        text::put_reference(&mut self.out, name, self.is_muted)
    }

    /// Writes an end tag, and leaves the element.
    pub(crate) fn close(&mut self, name: &[u8]) {
        if !self.is_muted {
            self.out.extend_from_slice(b"</");
            self.out.extend_from_slice(name);
            self.out.push(b'>');
        }
        if let Some(before) = self.open.pop() {
            self.in_scope.truncate(before.in_scope);
            self.rendered.truncate(before.rendered);
        }
    }

    /// How many elements are open.
    pub(crate) fn depth(&self) -> usize {
        self.open.len()
    }
}

/// The canonical form of the first element of `text` that is called so, with these prefixes
/// rendered wherever they are in scope. The text passed the checks of [`Canon`] before, or is ours.
pub(crate) fn of_element(
    text: &str,
    (namespace, local): (Namespace, &str),
    prefixes: &[String],
) -> Result<Vec<u8>, Refusal> {
    let mut canon = Canon::muted(true);
    canon.inclusive(prefixes);
    let mut reader = Reader::from_str(text);
    let mut begins_at = None;
    loop {
        let event = reader
            .read_event()
            .map_err(|why| ill_formed(&why.to_string()))?;
        match &event {
            Event::Start(start) | Event::Empty(start) => {
                let mut element = canon.open(start)?;
                let is_wanted = element.namespace == namespace && element.local == local;
                if begins_at.is_none() && is_wanted {
                    begins_at = Some(canon.depth());
                    canon.is_muted = false;
                }
                canon.render(&mut element);
            }
            Event::Text(text) => canon.text(text)?,
            Event::CData(text) => canon.cdata(text)?,
            Event::GeneralRef(name) => canon.reference(name)?,
            Event::PI(_) => return Err(Refusal::ProcessingInstruction),
            Event::DocType(_) => return Err(Refusal::Doctype),
            Event::Eof => return Err(Refusal::Missing { what: "an element" }),
            _ => {}
        }
        let ended = match &event {
            Event::End(end) => Some(end.name().as_ref().to_vec()),
            Event::Empty(start) => Some(start.name().as_ref().to_vec()),
            _ => None,
        };
        if let Some(name) = ended {
            let is_last = begins_at == Some(canon.depth());
            canon.close(&name);
            if is_last {
                return Ok(canon.out);
            }
        }
    }
}

fn ill_formed(why: &str) -> Refusal {
    Refusal::NotWellFormed {
        why: Said::new(why),
    }
}
