//! SOAP 1.1 over HTTP (SAML Bindings 3.2): one message in one body, and nothing to be understood
//! beside it.

use crate::message::Outgoing;
use crate::preflight::{MESSAGE, preflight};
use crate::reader::{self, Element};
use crate::refusal::Said;
use crate::writer::{SOAP, Writer};
use crate::{Refusal, SigningKey, post};

/// What `Content-Type` says of an envelope (SOAP 1.1, 6).
pub const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// What `SOAPAction` says of a SAML message (SAML Bindings 3.2.3.1).
pub const ACTION: &str = "http://www.oasis-open.org/committees/security";

/// Composes and signs `message`, in an envelope.
pub fn compose<M: Outgoing>(message: &M, key: &SigningKey) -> Result<String, Refusal> {
    enclose(&post::compose(message, key)?)
}

/// Puts a message that was composed here into an envelope.
pub fn enclose(message: &str) -> Result<String, Refusal> {
    let mut w = Writer::with_capacity(message.len() + 256);
    w.open(SOAP, "Envelope", &[])?;
    w.open(SOAP, "Body", &[])?;
    let at = w.position();
    w.insert(at, message);
    Ok(w.finish())
}

/// Whose fault it is (SOAP 1.1, 4.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Of what was sent.
    Client,
    /// Ours.
    Server,
    /// A header that must be understood is not.
    MustUnderstand,
    /// Another version of SOAP.
    VersionMismatch,
}

impl Fault {
    /// The fault a refusal deserves when there is no message to answer.
    pub fn of(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::SoapHeader { .. } => Self::MustUnderstand,
            Refusal::SoapVersion { .. } => Self::VersionMismatch,
            _ => Self::Client,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Client => "soap:Client",
            Self::Server => "soap:Server",
            Self::MustUnderstand => "soap:MustUnderstand",
            Self::VersionMismatch => "soap:VersionMismatch",
        }
    }
}

/// Composes a fault: for an envelope that holds no message that could be answered (SAML Bindings
/// 3.2.2.1).
pub fn fault(fault: Fault, why: &str) -> Result<String, Refusal> {
    let mut w = Writer::with_capacity(512);
    w.open(SOAP, "Envelope", &[])?;
    w.open(SOAP, "Body", &[])?;
    w.open(SOAP, "Fault", &[])?;
    w.unqualified_leaf("faultcode", fault.code())?;
    w.unqualified_leaf("faultstring", why)?;
    Ok(w.finish())
}

/// The only child of the body of `envelope`, as a document of its own; no header is understood.
pub(crate) fn open(envelope: &[u8]) -> Result<String, Refusal> {
    open_by(envelope, |_| Ok(false))
}

/// The same, with `read` given each header in turn: it says whether that is understood.
pub(crate) fn open_by(
    envelope: &[u8],
    mut read: impl FnMut(Element<'_, '_>) -> Result<bool, Refusal>,
) -> Result<String, Refusal> {
    let text = preflight(envelope, &MESSAGE)?;
    let document = reader::parse(text, &MESSAGE)?;
    let root = document.root_element();
    if !reader::is(root, SOAP.uri, "Envelope") {
        return Err(if root.tag_name().name() == "Envelope" {
            Refusal::SoapVersion {
                found: reader::named(root),
            }
        } else {
            Refusal::UnexpectedRoot {
                found: reader::named(root),
            }
        });
    }
    let parts = elements(root)?;
    let body = match parts.as_slice() {
        [body] => *body,
        [header, body] if reader::is(*header, SOAP.uri, "Header") => {
            for block in elements(*header)? {
                if !read(block)? {
                    nothing_to_understand(block)?;
                }
            }
            *body
        }
        _ => return Err(shape("not a body after at most one header")),
    };
    if !reader::is(body, SOAP.uri, "Body") {
        return Err(shape("not a body after at most one header"));
    }
    let content = elements(body)?;
    let [message] = content.as_slice() else {
        return Err(shape("not one message in the body"));
    };
    if reader::is(*message, SOAP.uri, "Fault") {
        return Err(said_fault(*message));
    }
    reader::alone(*message)
}

/// SOAP 1.1, 4.2.3: whoever does not understand a header that must be understood does nothing else,
/// whoever it is for.
fn nothing_to_understand(block: Element<'_, '_>) -> Result<(), Refusal> {
    match block.attribute((SOAP.uri, "mustUnderstand")) {
        Some(must) if must != "0" => Err(Refusal::SoapHeader {
            found: reader::named(block),
        }),
        _ => Ok(()),
    }
}

fn said_fault(fault: Element<'_, '_>) -> Refusal {
    let said = |name: &str| {
        let child = fault
            .children()
            .find(|child| child.is_element() && child.tag_name().name() == name);
        let text = child.and_then(|child| reader::value(child).ok());
        Said::new(text.unwrap_or_default().trim())
    };
    Refusal::SoapFault {
        code: said("faultcode"),
        message: said("faultstring"),
    }
}

/// The child elements; text between them must be white space.
fn elements<'a, 'i>(parent: Element<'a, 'i>) -> Result<Vec<Element<'a, 'i>>, Refusal> {
    let mut found = Vec::new();
    for child in parent.children() {
        if child.is_element() {
            found.push(child);
        } else if child.is_text() && !reader::is_blank(child) {
            return Err(shape("text between elements"));
        }
    }
    Ok(found)
}

fn shape(why: &'static str) -> Refusal {
    Refusal::SoapShape { why }
}
