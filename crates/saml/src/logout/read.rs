//! Both messages from their elements.

use super::{LogoutRequest, LogoutResponse};
use crate::Refusal;
use crate::encryption::{self, DecryptionKey};
use crate::message::{self, Head, sealed};
use crate::preflight::{MESSAGE, preflight};
use crate::reader::{self, Element, SAML, SAMLP};
use crate::response::read::{read_name_id, status};
use crate::response::{NameId, StatusSaid};
use crate::writer::ASLO;

/// Sessions one request may end: people have a few, and a service knows one of them.
const SESSIONS: usize = 64;

impl sealed::Read for LogoutRequest {
    const PARAMETER: &'static str = message::REQUEST;
    const NAME: &'static str = "LogoutRequest";

    fn read(root: Element<'_, '_>, own: &[DecryptionKey]) -> Result<Self, Refusal> {
        let head = Head::read(root)?;
        let session_indexes: Vec<String> = reader::children(root, SAMLP, "SessionIndex")
            .take(SESSIONS + 1)
            .map(reader::value)
            .collect::<Result<_, _>>()?;
        if session_indexes.len() > SESSIONS {
            return Err(Refusal::TooManySessions { limit: SESSIONS });
        }
        let extensions = reader::child(root, SAMLP, "Extensions")?;
        let asynchronous = extensions.is_some_and(|extensions| {
            reader::children(extensions, ASLO.uri, "Asynchronous")
                .next()
                .is_some()
        });
        Ok(Self {
            id: head.id,
            issue_instant: head.issue_instant,
            issuer: head.issuer,
            destination: head.destination,
            not_on_or_after: reader::instant(root, "NotOnOrAfter")?,
            reason: reader::attribute(root, "Reason").map(str::to_owned),
            name_id: name_id(root, own)?,
            session_indexes,
            asynchronous,
        })
    }
}

/// `NameID` or `EncryptedID`, one of them (SAML Core 3.7.1). `BaseID` names nobody here.
fn name_id(root: Element<'_, '_>, own: &[DecryptionKey]) -> Result<NameId, Refusal> {
    let bare = reader::child(root, SAML, "NameID")?;
    let encrypted = reader::child(root, SAML, "EncryptedID")?;
    match (bare, encrypted) {
        (Some(bare), None) => read_name_id(bare),
        (None, Some(encrypted)) => opened(encrypted, own),
        (Some(_), Some(_)) => Err(Refusal::Repeated { what: "NameID" }),
        (None, None) => Err(Refusal::Missing { what: "NameID" }),
    }
}

fn opened(encrypted: Element<'_, '_>, own: &[DecryptionKey]) -> Result<NameId, Refusal> {
    if own.is_empty() {
        return Err(Refusal::SubjectEncrypted);
    }
    let bytes = encryption::open(encrypted, own)?;
    let text = preflight(&bytes, &MESSAGE)?;
    let document = reader::parse(text, &MESSAGE)?;
    let root = document.root_element();
    if reader::is(root, SAML, "NameID") {
        read_name_id(root)
    } else {
        Err(Refusal::UnexpectedRoot {
            found: reader::named(root),
        })
    }
}

impl sealed::Read for LogoutResponse {
    const PARAMETER: &'static str = message::RESPONSE;
    const NAME: &'static str = "LogoutResponse";

    fn read(root: Element<'_, '_>, _: &[DecryptionKey]) -> Result<Self, Refusal> {
        let head = Head::read(root)?;
        Ok(Self {
            id: head.id,
            issue_instant: head.issue_instant,
            issuer: head.issuer,
            destination: head.destination,
            in_response_to: reader::message_id(root, "InResponseTo")?,
            status: said(root)?,
        })
    }
}

/// `Status`, which every answer has (SAML Core 3.2.2).
pub(crate) fn said(root: Element<'_, '_>) -> Result<StatusSaid, Refusal> {
    status(root)?.ok_or(Refusal::StatusMissing)
}
