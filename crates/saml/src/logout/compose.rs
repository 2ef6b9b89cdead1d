//! Writing both messages (SAML Core 3.7).

use super::{LogoutRequest, LogoutResponse};
use crate::message::{self, Unsigned, sealed};
use crate::response::compose::{write_name_id, write_status};
use crate::writer::{ASLO, Attr, SAML, SAMLP, Writer, instant};
use crate::{MessageId, Refusal};

impl sealed::Written for LogoutRequest {
    const PARAMETER: &'static str = message::REQUEST;

    fn id(&self) -> &MessageId {
        &self.id
    }

    fn written(&self) -> Result<Unsigned, Refusal> {
        let mut w = Writer::with_capacity(1024);
        let issued = instant(self.issue_instant);
        let ends = self.not_on_or_after.map(instant);
        let mut attributes: Vec<Attr<'_>> = vec![
            ("ID", self.id.as_str()),
            ("Version", "2.0"),
            ("IssueInstant", &issued),
        ];
        attributes.extend(self.destination.as_deref().map(|to| ("Destination", to)));
        attributes.extend(ends.as_deref().map(|ends| ("NotOnOrAfter", ends)));
        attributes.extend(self.reason.as_deref().map(|reason| ("Reason", reason)));
        w.open(SAMLP, "LogoutRequest", &attributes)?;
        w.leaf(SAML, "Issuer", &[], self.issuer.as_str())?;
        let after_issuer = w.position();
        if self.asynchronous {
            w.open(SAMLP, "Extensions", &[])?;
            w.empty(ASLO, "Asynchronous", &[])?;
            w.close();
        }
        write_name_id(&mut w, &self.name_id)?;
        self.session_indexes
            .iter()
            .try_for_each(|index| w.leaf(SAMLP, "SessionIndex", &[], index))?;
        let xml = w.finish();
        Ok(Unsigned { xml, after_issuer })
    }
}

impl sealed::Written for LogoutResponse {
    const PARAMETER: &'static str = message::RESPONSE;

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
        attributes.extend(
            self.in_response_to
                .as_ref()
                .map(|request| ("InResponseTo", request.as_str())),
        );
        w.open(SAMLP, "LogoutResponse", &attributes)?;
        w.leaf(SAML, "Issuer", &[], self.issuer.as_str())?;
        let after_issuer = w.position();
        write_status(&mut w, &self.status)?;
        let xml = w.finish();
        Ok(Unsigned { xml, after_issuer })
    }
}
