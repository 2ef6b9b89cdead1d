//! Reading both messages.

use std::marker::PhantomData;

use super::{Artifact, ArtifactResolve, ArtifactResponse};
use crate::encryption::DecryptionKey;
use crate::message::{self, Head, sealed};
use crate::preflight::MESSAGE;
use crate::reader::{self, DS, Element, SAMLP};
use crate::response::{self, Response};
use crate::signature::{self, Root, Seals};
use crate::trust::Seal;
use crate::{Accepted, EntityId, MessageId, Received, Refusal, Signing, Verified, soap};

impl sealed::Read for ArtifactResolve {
    const PARAMETER: &'static str = message::REQUEST;
    const NAME: &'static str = "ArtifactResolve";

    fn read(root: Element<'_, '_>, _: &[DecryptionKey]) -> Result<Self, Refusal> {
        let head = Head::read(root)?;
        let artifact = reader::child(root, SAMLP, "Artifact")?;
        let artifact = artifact.ok_or(Refusal::Missing { what: "Artifact" })?;
        let text = reader::value(artifact)?;
        Ok(Self {
            id: head.id,
            issue_instant: head.issue_instant,
            issuer: head.issuer,
            destination: head.destination,
            artifact: Artifact::parse(text.trim_matches(reader::XML_SPACE))?,
        })
    }
}

impl Received<ArtifactResponse> {
    /// Reads the SOAP envelope that answers an [`ArtifactResolve`], of at most 256 kB: the
    /// preflight, the envelope, then the only child of its body.
    pub fn by_soap(envelope: &[u8]) -> Result<Self, Refusal> {
        let text = soap::open(envelope)?;
        let document = reader::parse(&text, &MESSAGE)?;
        reader::refuse_cut_values(&document)?;
        reader::refuse_shared_ids(&document)?;
        let root = root(document.root_element())?;
        let seal = Seal::Root(signature::find_on_root(&document)?);
        let (issuer, in_response_to) = (
            reader::issuer(root)?.ok_or(Refusal::Missing { what: "Issuer" })?,
            reader::message_id(root, "InResponseTo")?,
        );
        drop(document);
        Ok(Self {
            text,
            seal,
            issuer,
            in_response_to,
            relay_state: None,
            becomes: PhantomData,
        })
    }

    /// Who says they sent it: to find their keys, for nothing else.
    pub fn issuer(&self) -> &EntityId {
        &self.issuer
    }

    /// What it says it answers.
    pub fn in_response_to(&self) -> Option<&MessageId> {
        self.in_response_to.as_ref()
    }

    /// Checks the signature of the answer itself. Where it is optional (SAML Bindings 3.6.5.2: the
    /// connection may prove who answers), the message inside must be signed.
    pub fn verify(self, signing: Signing<'_>) -> Result<Verified<ArtifactResponse>, Refusal> {
        let (Signing::Required(keys) | Signing::Optional(keys)) = signing;
        let Seal::Root(mark) = self.seal else {
            return Err(Refusal::Unsigned);
        };
        let Some(mark) = mark else {
            return match signing {
                Signing::Required(_) => Err(Refusal::Unsigned),
                Signing::Optional(_) => verified(&self.text, None),
            };
        };
        match signature::verify_root(&self.text, mark, keys)? {
            Root::Alone(signed) => {
                let document = signed.document(&MESSAGE)?;
                Ok(Verified {
                    message: read(root(document.root_element())?)?,
                    key: Some(signed.key().to_owned()),
                    used: signed.used(),
                })
            }
            Root::AmongOthers { key, used } => verified(&self.text, Some((key, used))),
        }
    }
}

fn verified(
    text: &str,
    by: Option<(String, Vec<&'static str>)>,
) -> Result<Verified<ArtifactResponse>, Refusal> {
    let document = reader::parse(text, &MESSAGE)?;
    let (key, used) = by.unzip();
    Ok(Verified {
        message: read(root(document.root_element())?)?,
        key,
        used: used.unwrap_or_default(),
    })
}

fn root<'a, 'i>(root: Element<'a, 'i>) -> Result<Element<'a, 'i>, Refusal> {
    if reader::is(root, SAMLP, "ArtifactResponse") {
        Ok(root)
    } else {
        Err(Refusal::UnexpectedRoot {
            found: reader::named(root),
        })
    }
}

/// What stands after the status is the message, one or none (SAML Core 3.5.2).
fn read(root: Element<'_, '_>) -> Result<ArtifactResponse, Refusal> {
    let head = Head::read(root)?;
    let status = response::read::status(root)?.ok_or(Refusal::StatusMissing)?;
    let is_own = |child: &Element<'_, '_>| {
        ["Extensions", "Status"]
            .iter()
            .any(|name| reader::is(*child, SAMLP, name))
            || reader::is(*child, DS, "Signature")
            || reader::is(*child, reader::SAML, "Issuer")
    };
    let mut others = root
        .children()
        .filter(|child| child.is_element() && !is_own(child));
    let message = others.next().map(reader::alone).transpose()?;
    if others.next().is_some() {
        return Err(Refusal::Repeated { what: "message" });
    }
    Ok(ArtifactResponse {
        id: head.id,
        issue_instant: head.issue_instant,
        issuer: head.issuer,
        in_response_to: reader::message_id(root, "InResponseTo")?,
        status,
        message,
    })
}

impl Accepted<ArtifactResponse> {
    /// The response inside, to be verified and accepted as one that came by POST. One that is not
    /// signed itself is signed as a part of what carried it, if that was.
    pub fn into_response(self) -> Result<Received<Response>, Refusal> {
        let text = self.message.message.ok_or(Refusal::NothingResolved)?;
        let document = reader::parse(&text, &MESSAGE)?;
        let parts = response::read::parts(&document)?;
        let seals = Seals::find(&document, parts.assertion)?;
        let issuer = response::read::issuer(&parts)?;
        let in_response_to = reader::message_id(parts.root, "InResponseTo")?;
        let seal = match self.key {
            Some(key) if seals.are_none() => Seal::Carried {
                key,
                used: self.used,
            },
            _ => Seal::Enveloped(seals),
        };
        drop(document);
        Ok(Received {
            text,
            seal,
            issuer,
            in_response_to,
            relay_state: None,
            becomes: PhantomData,
        })
    }
}
