//! A typed writer whose output is already in exclusive canonical form.
//!
//! Exclusive XML Canonicalization 1.0 (section 3) renders a namespace where it is first visibly
//! used, attributes in order, no empty-element tags, and a fixed escaping. The writer can write
//! nothing else, so what is written is what is digested: nothing is parsed or canonicalised again.

use crate::Refusal;

/// A namespace with the prefix we always give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ns {
    pub(crate) prefix: &'static str,
    pub(crate) uri: &'static str,
}

pub(crate) const SAML: Ns = Ns {
    prefix: "saml",
    uri: "urn:oasis:names:tc:SAML:2.0:assertion",
};
pub(crate) const SAMLP: Ns = Ns {
    prefix: "samlp",
    uri: "urn:oasis:names:tc:SAML:2.0:protocol",
};
pub(crate) const MD: Ns = Ns {
    prefix: "md",
    uri: "urn:oasis:names:tc:SAML:2.0:metadata",
};
pub(crate) const DS: Ns = Ns {
    prefix: "ds",
    uri: "http://www.w3.org/2000/09/xmldsig#",
};
pub(crate) const SOAP: Ns = Ns {
    prefix: "soap",
    uri: "http://schemas.xmlsoap.org/soap/envelope/",
};
/// What is said to and by enhanced clients.
pub(crate) const ECP: Ns = Ns {
    prefix: "ecp",
    uri: "urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp",
};
/// The channel binding extension.
pub(crate) const CB: Ns = Ns {
    prefix: "cb",
    uri: "urn:oasis:names:tc:SAML:protocol:ext:channel-binding",
};
/// SAML for SASL and GSS-API (draft-ietf-kitten-sasl-saml-ec).
pub(crate) const SAMLEC: Ns = Ns {
    prefix: "samlec",
    uri: "urn:ietf:params:xml:ns:samlec",
};
/// The Asynchronous Single Logout extension.
pub(crate) const ASLO: Ns = Ns {
    prefix: "aslo",
    uri: "urn:oasis:names:tc:SAML:2.0:protocol:ext:async-slo",
};
pub(crate) const XENC: Ns = Ns {
    prefix: "xenc",
    uri: "http://www.w3.org/2001/04/xmlenc#",
};
pub(crate) const XENC11: Ns = Ns {
    prefix: "xenc11",
    uri: "http://www.w3.org/2009/xmlenc11#",
};
pub(crate) const MDUI: Ns = Ns {
    prefix: "mdui",
    uri: "urn:oasis:names:tc:SAML:metadata:ui",
};
pub(crate) const MDATTR: Ns = Ns {
    prefix: "mdattr",
    uri: "urn:oasis:names:tc:SAML:metadata:attribute",
};
pub(crate) const MDRPI: Ns = Ns {
    prefix: "mdrpi",
    uri: "urn:oasis:names:tc:SAML:metadata:rpi",
};
/// Of what REFEDS adds to contacts: an attribute, no element.
pub(crate) const REMD: Ns = Ns {
    prefix: "remd",
    uri: "http://refeds.org/metadata",
};
pub(crate) const ALG: Ns = Ns {
    prefix: "alg",
    uri: "urn:oasis:names:tc:SAML:metadata:algsupport",
};
pub(crate) const SHIBMD: Ns = Ns {
    prefix: "shibmd",
    uri: "urn:mace:shibboleth:metadata:1.0",
};
pub(crate) const IDPDISC: Ns = Ns {
    prefix: "idpdisc",
    uri: "urn:oasis:names:tc:SAML:profiles:SSO:idp-discovery-protocol",
};

/// An attribute of an element: unqualified, `xml:lang`, of the namespace that
/// [`Writer::open_declaring`] declares, or of the envelope it is in.
pub(crate) type Attr<'a> = (&'static str, &'a str);

/// Writes one document.
pub(crate) struct Writer {
    out: String,
    /// Open elements, and how many declarations were in scope before each.
    open: Vec<(Ns, &'static str, usize)>,
    declared: Vec<&'static str>,
}

impl Writer {
    /// A writer with room for `capacity` bytes.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            out: String::with_capacity(capacity),
            open: Vec::new(),
            declared: Vec::new(),
        }
    }

    /// Opens an element; says where it starts.
    pub(crate) fn open(
        &mut self,
        ns: Ns,
        local: &'static str,
        attributes: &[Attr<'_>],
    ) -> Result<usize, Refusal> {
        self.open_with(ns, local, None, attributes)
    }

    /// Opens an element with one attribute of another namespace, whose prefix comes after that of
    /// the element in the order of letters (Canonical XML 1.0, 2.2).
    pub(crate) fn open_declaring(
        &mut self,
        ns: Ns,
        local: &'static str,
        of_attribute: Ns,
        attributes: &[Attr<'_>],
    ) -> Result<usize, Refusal> {
        self.open_with(ns, local, Some(of_attribute), attributes)
    }

    fn open_with(
        &mut self,
        ns: Ns,
        local: &'static str,
        of_attribute: Option<Ns>,
        attributes: &[Attr<'_>],
    ) -> Result<usize, Refusal> {
        let start = self.out.len();
        let in_scope = self.declared.len();
        self.out.push('<');
        self.name(ns, local);
        for ns in [Some(ns), of_attribute].into_iter().flatten() {
            self.declare(ns);
        }
        // Unqualified attributes come before those of a namespace, each group by local name
        // (Canonical XML 1.0, 2.2); those of one element are
        // of one namespace.
        let place = |(name, _): &Attr<'_>| (name.bytes().any(|byte| byte == b':'), *name);
        if attributes.is_sorted_by_key(place) {
            attributes.iter().try_for_each(|one| self.attribute(one))?;
        } else {
            let mut sorted: Vec<&Attr<'_>> = attributes.iter().collect();
            sorted.sort_unstable_by_key(|one| place(one));
            sorted.into_iter().try_for_each(|one| self.attribute(one))?;
        }
        self.out.push('>');
        self.open.push((ns, local, in_scope));
        Ok(start)
    }

    fn attribute(&mut self, (name, value): &Attr<'_>) -> Result<(), Refusal> {
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        self.escape(value, true)?;
        self.out.push('"');
        Ok(())
    }

    fn declare(&mut self, ns: Ns) {
        if self.declared.contains(&ns.prefix) {
            return;
        }
        self.declared.push(ns.prefix);
        for part in [" xmlns:", ns.prefix, "=\"", ns.uri, "\""] {
            self.out.push_str(part);
        }
    }

    /// Closes the innermost element.
    pub(crate) fn close(&mut self) {
        if let Some((ns, local, in_scope)) = self.open.pop() {
            self.out.push_str("</");
            self.name(ns, local);
            self.out.push('>');
            self.declared.truncate(in_scope);
        }
    }

    /// An element that `fill` fills in; left out when it stays empty.
    pub(crate) fn filled(
        &mut self,
        ns: Ns,
        local: &'static str,
        fill: impl FnOnce(&mut Self) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let start = self.open(ns, local, &[])?;
        let empty = self.position();
        fill(self)?;
        let stays_empty = self.position() == empty;
        self.close();
        if stays_empty {
            self.out.truncate(start);
        }
        Ok(())
    }

    /// An element with nothing in it.
    pub(crate) fn empty(
        &mut self,
        ns: Ns,
        local: &'static str,
        attributes: &[Attr<'_>],
    ) -> Result<(), Refusal> {
        self.open(ns, local, attributes)?;
        self.close();
        Ok(())
    }

    /// An element that holds a text.
    pub(crate) fn leaf(
        &mut self,
        ns: Ns,
        local: &'static str,
        attributes: &[Attr<'_>],
        text: &str,
    ) -> Result<(), Refusal> {
        self.open(ns, local, attributes)?;
        self.escape(text, false)?;
        self.close();
        Ok(())
    }

    /// An element without namespace that holds a text: SOAP has some (SOAP 1.1, 4.4).
    pub(crate) fn unqualified_leaf(&mut self, name: &str, text: &str) -> Result<(), Refusal> {
        for part in ["<", name, ">"] {
            self.out.push_str(part);
        }
        self.escape(text, false)?;
        for part in ["</", name, ">"] {
            self.out.push_str(part);
        }
        Ok(())
    }

    /// A writer that goes on with a document that is complete.
    pub(crate) fn of(canonical: String) -> Self {
        Self {
            out: canonical,
            open: Vec::new(),
            declared: Vec::new(),
        }
    }

    /// How much has been written.
    pub(crate) fn position(&self) -> usize {
        self.out.len()
    }

    /// What has been written since `start`.
    pub(crate) fn since(&self, start: usize) -> &str {
        self.out.get(start..).unwrap_or_default()
    }

    /// Puts text that is already canonical at `position`.
    pub(crate) fn insert(&mut self, position: usize, canonical: &str) {
        self.out.insert_str(position, canonical);
    }

    /// The document.
    pub(crate) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.out
    }

    fn name(&mut self, ns: Ns, local: &str) {
        self.out.push_str(ns.prefix);
        self.out.push(':');
        self.out.push_str(local);
    }

    /// Canonical XML 1.0, 2.3. Characters that XML 1.0 (2.2) forbids cannot be written at all.
    fn escape(&mut self, text: &str, attribute: bool) -> Result<(), Refusal> {
        if is_plain(text) {
            self.out.push_str(text);
            return Ok(());
        }
        let mut plain = 0;
        for (at, byte) in text.bytes().enumerate() {
            if !is_special(byte) {
                continue;
            }
            let replacement = match byte {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' if !attribute => "&gt;",
                b'"' if attribute => "&quot;",
                b'\t' if attribute => "&#x9;",
                b'\n' if attribute => "&#xA;",
                b'\r' => "&#xD;",
                b'>' | b'"' | b'\t' | b'\n' => continue,
                NONCHARACTER if !is_noncharacter(text, at) => continue,
                _ => {
                    return Err(Refusal::NotComposed {
                        why: "a value holds a character XML forbids",
                    });
                }
            };
            self.out.push_str(text.get(plain..at).unwrap_or_default());
            self.out.push_str(replacement);
            plain = at + 1;
        }
        self.out.push_str(text.get(plain..).unwrap_or_default());
        Ok(())
    }
}

/// The first byte of U+FFFE and U+FFFF, among others.
const NONCHARACTER: u8 = 0xEF;

/// Whether a byte is not written as it is wherever it stands.
fn is_special(byte: u8) -> bool {
    matches!(byte, 0..=0x1f | b'&' | b'<' | b'>' | b'"' | NONCHARACTER)
}

/// Values are long and nearly all plain: whole blocks are looked at without a branch for each byte.
fn is_plain(text: &str) -> bool {
    let none = |bytes: &[u8]| {
        !bytes
            .iter()
            .fold(false, |any, byte| any | is_special(*byte))
    };
    let (blocks, rest) = text.as_bytes().as_chunks::<64>();
    blocks.iter().all(|block| none(block)) && none(rest)
}

fn is_noncharacter(text: &str, at: usize) -> bool {
    let character = text.get(at..).and_then(|rest| rest.chars().next());
    matches!(character, Some('\u{fffe}' | '\u{ffff}'))
}

/// A moment as `xs:dateTime` in UTC, whole seconds (SAML Core 1.3.3).
pub(crate) fn instant(moment: crate::Moment) -> String {
    moment.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn namespaces_are_declared_where_first_used() {
        let mut w = Writer::with_capacity(64);
        w.open(SAMLP, "Response", &[("Version", "2.0"), ("ID", "_1")])
            .unwrap();
        w.leaf(SAML, "Issuer", &[], "a&b").unwrap();
        w.leaf(
            SAML,
            "Issuer",
            &[("xml:lang", "fr"), ("z", "\"<\t")],
            "c>d\r",
        )
        .unwrap();
        assert_eq!(
            w.finish(),
            "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_1\" \
             Version=\"2.0\"><saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">a&amp;b\
             </saml:Issuer><saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" \
             z=\"&quot;&lt;&#x9;\" xml:lang=\"fr\">c&gt;d&#xD;</saml:Issuer></samlp:Response>"
        );
    }

    #[test]
    fn an_element_that_stays_empty_is_left_out() {
        let mut w = Writer::with_capacity(64);
        w.open(MD, "EntityDescriptor", &[]).unwrap();
        w.filled(MD, "Extensions", |w| w.filled(MDUI, "UIInfo", |_| Ok(())))
            .unwrap();
        w.filled(MD, "Extensions", |w| w.empty(MDUI, "UIInfo", &[]))
            .unwrap();
        assert_eq!(
            w.finish(),
            "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\"><md:Extensions>\
             <mdui:UIInfo xmlns:mdui=\"urn:oasis:names:tc:SAML:metadata:ui\"></mdui:UIInfo>\
             </md:Extensions></md:EntityDescriptor>"
        );
    }

    #[test]
    fn what_xml_forbids_is_not_written() {
        for bad in ["\0", "a\u{b}b", "\u{c}", "\u{fffe}", "\u{ffff}", "\u{1f}"] {
            let mut w = Writer::with_capacity(64);
            assert!(w.leaf(SAML, "Issuer", &[], bad).is_err(), "{bad:?}");
            assert!(w.empty(SAML, "Issuer", &[("a", bad)]).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back_from_an_independent_parser(text in "[\\t\\n\\r -\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]{0,40}") {
            let mut w = Writer::with_capacity(64);
            w.leaf(SAML, "AttributeValue", &[("a", &text)], &text).unwrap();
            let xml = w.finish();
            let document = roxmltree::Document::parse(&xml).unwrap();
            let root = document.root_element();
            prop_assert_eq!(root.text().unwrap_or_default(), text.as_str());
            prop_assert_eq!(root.attribute("a").unwrap(), text.as_str());
        }
    }
}
