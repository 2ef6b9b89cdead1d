//! Writing both messages (SAML Core 3.5).

use super::{ArtifactResolve, ArtifactResponse};
use crate::message::{self, Unsigned, sealed};
use crate::response::compose::write_status;
use crate::writer::{Attr, SAML, SAMLP, Writer, instant};
use crate::{MessageId, Refusal};

impl sealed::Written for ArtifactResolve {
    const PARAMETER: &'static str = message::REQUEST;

    fn id(&self) -> &MessageId {
        &self.id
    }

    fn written(&self) -> Result<Unsigned, Refusal> {
        let mut w = Writer::with_capacity(1024);
        let issued = instant(self.issue_instant);
        let mut attributes: Vec<Attr<'_>> = vec![
            ("ID", self.id.as_str()),
            ("Version", "2.0"),
            ("IssueInstant", &issued),
        ];
        attributes.extend(self.destination.as_deref().map(|to| ("Destination", to)));
        w.open(SAMLP, "ArtifactResolve", &attributes)?;
        w.leaf(SAML, "Issuer", &[], self.issuer.as_str())?;
        let after_issuer = w.position();
        w.leaf(SAMLP, "Artifact", &[], &self.artifact.encode())?;
        let xml = w.finish();
        Ok(Unsigned { xml, after_issuer })
    }
}

impl sealed::Written for ArtifactResponse {
    const PARAMETER: &'static str = message::RESPONSE;

    fn id(&self) -> &MessageId {
        &self.id
    }

    fn written(&self) -> Result<Unsigned, Refusal> {
        let inner = self.message.as_deref().map(inner).transpose()?;
        let mut w = Writer::with_capacity(1024 + inner.as_ref().map_or(0, String::len));
        let issued = instant(self.issue_instant);
        let mut attributes: Vec<Attr<'_>> = vec![
            ("ID", self.id.as_str()),
            ("Version", "2.0"),
            ("IssueInstant", &issued),
        ];
        attributes.extend(
            self.in_response_to
                .as_ref()
                .map(|request| ("InResponseTo", request.as_str())),
        );
        w.open(SAMLP, "ArtifactResponse", &attributes)?;
        w.leaf(SAML, "Issuer", &[], self.issuer.as_str())?;
        let after_issuer = w.position();
        write_status(&mut w, &self.status)?;
        if let Some(inner) = inner {
            let at = w.position();
            w.insert(at, &inner);
        }
        let xml = w.finish();
        Ok(Unsigned { xml, after_issuer })
    }
}

/// A message of ours inside another: its prefix is declared already, and a canonical form declares
/// none twice (Exclusive C14N 3). Its own signature covers the same bytes as before.
fn inner(message: &str) -> Result<String, Refusal> {
    let declaration = format!(" xmlns:{}=\"{}\"", SAMLP.prefix, SAMLP.uri);
    let tag_ends = message.find('>').unwrap_or_default();
    match message.find(&declaration) {
        Some(at) if at < tag_ends && message.starts_with("<samlp:") => {
            Ok(message.replacen(&declaration, "", 1))
        }
        _ => Err(Refusal::NotComposed {
            why: "an artifact stands for a message that was composed here",
        }),
    }
}
