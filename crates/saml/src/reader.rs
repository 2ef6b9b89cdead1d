//! The namespace-aware reader of what is trusted: elements by their exact names, values as all
//! their text and CDATA joined, types as XML Schema spells them.

use std::collections::HashSet;

use quick_xml::events::Event;
use roxmltree::{Document, Node, ParsingOptions};

use crate::preflight::Limits;
use crate::refusal::Said;
use crate::{EntityId, MessageId, Moment, Refusal};

mod duration;
mod instant;

pub(crate) use duration::seconds;

/// Namespaces.
pub(crate) const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub(crate) const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub(crate) const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
pub(crate) const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
pub(crate) const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";
pub(crate) const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// An element of a document that passed the preflight.
pub(crate) type Element<'a, 'i> = Node<'a, 'i>;

/// Builds the tree of a text that passed the preflight.
pub(crate) fn parse<'i>(text: &'i str, limits: &Limits) -> Result<Document<'i>, Refusal> {
    let options = ParsingOptions {
        allow_dtd: false,
        // The document itself counts as one.
        nodes_limit: u32::try_from(limits.nodes + 1).unwrap_or(u32::MAX),
        ..ParsingOptions::default()
    };
    Document::parse_with_options(text, options).map_err(|why| Refusal::NotWellFormed {
        why: Said::new(&why.to_string()),
    })
}

/// Whether `node` is the element `name` of `namespace`.
pub(crate) fn is(node: Element<'_, '_>, namespace: &str, name: &str) -> bool {
    node.is_element()
        && node.tag_name().name() == name
        && node.tag_name().namespace() == Some(namespace)
}

/// The children called `name` in `namespace`, in order.
pub(crate) fn children<'a, 'i: 'a>(
    parent: Element<'a, 'i>,
    namespace: &'a str,
    name: &'a str,
) -> impl Iterator<Item = Element<'a, 'i>> {
    parent
        .children()
        .filter(move |child| is(*child, namespace, name))
}

/// The only child called `name` in `namespace`, if there is one.
pub(crate) fn child<'a, 'i: 'a>(
    parent: Element<'a, 'i>,
    namespace: &'a str,
    name: &'static str,
) -> Result<Option<Element<'a, 'i>>, Refusal> {
    let mut found = children(parent, namespace, name);
    let first = found.next();
    if found.next().is_some() {
        return Err(Refusal::Repeated { what: name });
    }
    Ok(first)
}

/// All text and CDATA of `element`, joined (SECURITY 2). An element or a comment inside is refused:
/// it would cut the value for some readers and not for others.
pub(crate) fn value(element: Element<'_, '_>) -> Result<String, Refusal> {
    let mut joined = String::new();
    for child in element.children() {
        if child.is_text() {
            joined.push_str(child.text().unwrap_or_default());
        } else if child.is_comment() {
            return Err(Refusal::CommentInValue {
                element: named(element),
            });
        } else {
            return Err(Refusal::ElementInValue {
                element: named(element),
            });
        }
    }
    Ok(joined)
}

/// Whether a text is white space only.
pub(crate) fn is_blank(text: Element<'_, '_>) -> bool {
    text.text()
        .unwrap_or_default()
        .trim_matches(XML_SPACE)
        .is_empty()
}

/// Refuses a comment in any element that also holds text (SECURITY 2): canonical forms leave it
/// out, and readers disagree on what is left.
pub(crate) fn refuse_cut_values(document: &Document<'_>) -> Result<(), Refusal> {
    for element in document.descendants().filter(Node::is_element) {
        let (mut comment, mut text) = (false, false);
        for child in element.children() {
            comment |= child.is_comment();
            text |= child.is_text() && !is_blank(child);
        }
        if comment && text {
            return Err(Refusal::CommentInValue {
                element: named(element),
            });
        }
    }
    Ok(())
}

/// Refuses two attributes that both look like an identifier and have the same value, whatever their
/// spelling and namespace: parsers below take `xml:id` and `x:ID` for one, too (SECURITY 4).
pub(crate) fn refuse_shared_ids(document: &Document<'_>) -> Result<(), Refusal> {
    let mut seen = HashSet::new();
    for attribute in document
        .descendants()
        .flat_map(|element| element.attributes())
    {
        if attribute.name().eq_ignore_ascii_case("id") && !seen.insert(attribute.value()) {
            return Err(Refusal::DuplicateId {
                id: Said::new(attribute.value()),
            });
        }
    }
    Ok(())
}

/// Refuses an identifier of `inner` that `outer` has, too: what was encrypted inside a document is
/// part of it.
pub(crate) fn refuse_ids_of_both(
    outer: &Document<'_>,
    inner: &Document<'_>,
) -> Result<(), Refusal> {
    fn ids<'a>(document: &'a Document<'_>) -> impl Iterator<Item = &'a str> {
        document
            .descendants()
            .flat_map(|element| element.attributes())
            .filter(|attribute| attribute.name().eq_ignore_ascii_case("id"))
            .map(|attribute| attribute.value())
    }
    let outside: HashSet<&str> = ids(outer).collect();
    match ids(inner).find(|id| outside.contains(id)) {
        Some(id) => Err(Refusal::DuplicateId { id: Said::new(id) }),
        None => Ok(()),
    }
}

/// The text of `element` as a document of its own: what it says, with the namespaces that were
/// declared around it. A signature in it covers the same bytes as before: exclusive canonical forms
/// do not show where a namespace was declared.
pub(crate) fn alone(element: Element<'_, '_>) -> Result<String, Refusal> {
    let broken = || Refusal::NotWellFormed {
        why: Said::new("an element without its text"),
    };
    let text = element.document().input_text();
    let whole = text.get(element.range()).ok_or_else(broken)?;
    let mut tag = quick_xml::Reader::from_str(whole);
    let declared: HashSet<String> = match tag.read_event() {
        Ok(Event::Start(start) | Event::Empty(start)) => start
            .attributes()
            .filter_map(Result::ok)
            .map(|attribute| String::from_utf8_lossy(attribute.key.as_ref()).into_owned())
            .collect(),
        _ => return Err(broken()),
    };
    let name_ends = whole
        .find(|c: char| XML_SPACE.contains(&c) || c == '/' || c == '>')
        .ok_or_else(broken)?;
    let (name, rest) = whole.split_at(name_ends);
    let mut out = String::with_capacity(whole.len() + 256);
    out.push_str(name);
    for namespace in element.namespaces() {
        let attribute = match namespace.name() {
            Some("xml") => continue,
            Some(prefix) => format!("xmlns:{prefix}"),
            None => "xmlns".to_owned(),
        };
        if !declared.contains(&attribute) {
            let uri = namespace
                .uri()
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('"', "&quot;");
            for part in [" ", &attribute, "=\"", &uri, "\""] {
                out.push_str(part);
            }
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// Refuses another attribute that looks like an identifier and has the value `id`.
pub(crate) fn refuse_other_with_id(document: &Document<'_>, id: &str) -> Result<(), Refusal> {
    let bearers = document
        .descendants()
        .flat_map(|element| element.attributes())
        .filter(|attribute| attribute.name().eq_ignore_ascii_case("id") && attribute.value() == id);
    if bearers.count() > 1 {
        return Err(Refusal::DuplicateId { id: Said::new(id) });
    }
    Ok(())
}

/// A value of type `xs:anyURI`: white space around it does not count (XML Schema 2 3.2.17).
pub(crate) fn uri_value(element: Element<'_, '_>) -> Result<String, Refusal> {
    value(element).map(|text| text.trim_matches(XML_SPACE).to_owned())
}

/// White space of XML.
pub(crate) const XML_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// The name of `element`, for the journal.
pub(crate) fn named(element: Element<'_, '_>) -> Said {
    let name = element.tag_name();
    Said::new(&format!(
        "{{{}}}{}",
        name.namespace().unwrap_or_default(),
        name.name()
    ))
}

/// The attribute `name` without namespace. (The library's own search by name alone takes one of any
/// namespace.)
pub(crate) fn attribute<'a>(element: Element<'a, '_>, name: &str) -> Option<&'a str> {
    element
        .attributes()
        .find(|attribute| attribute.name() == name && attribute.namespace().is_none())
        .map(|attribute| attribute.value())
}

/// An attribute without namespace that must be there.
pub(crate) fn required<'a>(
    element: Element<'a, '_>,
    name: &'static str,
) -> Result<&'a str, Refusal> {
    attribute(element, name).ok_or(Refusal::Missing { what: name })
}

/// An attribute of type `xs:boolean`.
pub(crate) fn boolean(
    element: Element<'_, '_>,
    name: &'static str,
) -> Result<Option<bool>, Refusal> {
    attribute(element, name)
        .map(|text| match text.trim_matches(XML_SPACE) {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(unreadable(name, text)),
        })
        .transpose()
}

/// An attribute of type `xs:unsignedShort`.
pub(crate) fn number(element: Element<'_, '_>, name: &'static str) -> Result<Option<u16>, Refusal> {
    attribute(element, name)
        .map(|text| {
            let digits = text.trim_matches(XML_SPACE);
            digits.parse().map_err(|_| unreadable(name, text))
        })
        .transpose()
}

/// An attribute that is a moment (SAML Core 1.3.3).
pub(crate) fn instant(
    element: Element<'_, '_>,
    name: &'static str,
) -> Result<Option<Moment>, Refusal> {
    attribute(element, name)
        .map(|text| instant_of(name, text))
        .transpose()
}

/// The moment that the attribute `name` says in `text`.
pub(crate) fn instant_of(name: &'static str, text: &str) -> Result<Moment, Refusal> {
    instant::parse(text.trim_matches(XML_SPACE)).ok_or_else(|| Refusal::Instant {
        what: name,
        found: Said::new(text),
    })
}

/// An attribute that names a message.
pub(crate) fn message_id(
    element: Element<'_, '_>,
    name: &'static str,
) -> Result<Option<MessageId>, Refusal> {
    attribute(element, name)
        .map(|text| MessageId::parse(text).ok_or_else(|| unreadable(name, text)))
        .transpose()
}

/// `Issuer`: the name of an entity and nothing else (SAML Profiles 4.1.4.1, 4.1.4.2).
pub(crate) fn issuer(parent: Element<'_, '_>) -> Result<Option<EntityId>, Refusal> {
    let Some(issuer) = child(parent, SAML, "Issuer")? else {
        return Ok(None);
    };
    let entity = crate::NameIdFormat::Entity;
    if let Some(format) = attribute(issuer, "Format")
        && format != entity.uri()
    {
        return Err(Refusal::IssuerFormat {
            found: Said::new(format),
        });
    }
    let text = value(issuer)?;
    EntityId::parse(&text)
        .map(Some)
        .map_err(|_| unreadable("Issuer", &text))
}

/// `Version` must be 2.0 (SAML Core 4.1.3.2).
pub(crate) fn version(element: Element<'_, '_>) -> Result<(), Refusal> {
    match attribute(element, "Version") {
        Some("2.0") => Ok(()),
        other => Err(Refusal::Version {
            found: Said::new(other.unwrap_or_default()),
        }),
    }
}

/// A value that is not of its type.
pub(crate) fn unreadable(what: &'static str, found: &str) -> Refusal {
    Refusal::Unreadable {
        what,
        found: Said::new(found),
    }
}

#[cfg(test)]
mod tests;
