//! Writing an `AuthnRequest` (SAML Core 3.4.1).

use super::{AcsChoice, AuthnRequest, Scoping};
use crate::message::{self, Unsigned, sealed};
use crate::writer::{Attr, SAML, SAMLP, Writer, instant};
use crate::{MessageId, Refusal};

impl sealed::Written for AuthnRequest {
    const PARAMETER: &'static str = message::REQUEST;

    fn id(&self) -> &MessageId {
        &self.id
    }

    fn written(&self) -> Result<Unsigned, Refusal> {
        written(self)
    }
}

fn written(request: &AuthnRequest) -> Result<Unsigned, Refusal> {
    if matches!(request.acs, AcsChoice::Index(_)) && request.protocol_binding.is_some() {
        // SAML Core 3.4.1: they exclude each other.
        return Err(Refusal::NotComposed {
            why: "an index and a binding of the answer",
        });
    }
    let mut w = Writer::with_capacity(1024);
    let issued = instant(request.issue_instant);
    let index;
    let mut attributes: Vec<Attr<'_>> = vec![
        ("ID", request.id.as_str()),
        ("Version", "2.0"),
        ("IssueInstant", &issued),
    ];
    attributes.extend(request.destination.as_deref().map(|to| ("Destination", to)));
    match &request.acs {
        AcsChoice::Default => {}
        AcsChoice::Url(url) => attributes.push(("AssertionConsumerServiceURL", url)),
        AcsChoice::Index(number) => {
            index = number.to_string();
            attributes.push(("AssertionConsumerServiceIndex", &index));
        }
    }
    attributes.extend(
        request
            .protocol_binding
            .map(|binding| ("ProtocolBinding", binding.uri())),
    );
    let service = request.attribute_service.map(|index| index.to_string());
    attributes.extend(
        service
            .as_deref()
            .map(|index| ("AttributeConsumingServiceIndex", index)),
    );
    if request.force_authn {
        attributes.push(("ForceAuthn", "true"));
    }
    if request.is_passive {
        attributes.push(("IsPassive", "true"));
    }
    w.open(SAMLP, "AuthnRequest", &attributes)?;
    w.leaf(SAML, "Issuer", &[], request.issuer.as_str())?;
    let after_issuer = w.position();
    w.filled(SAMLP, "Extensions", |w| {
        let mut channels = request.channel_bindings.iter();
        channels.try_for_each(|channel| channel.write(w, false))
    })?;
    wishes(&mut w, request)?;
    scoping(&mut w, request)?;
    let xml = w.finish();
    Ok(Unsigned { xml, after_issuer })
}

/// What the asker wants of the name and of the proof.
fn wishes(w: &mut Writer, request: &AuthnRequest) -> Result<(), Refusal> {
    if let Some(policy) = &request.name_id_policy {
        let mut attributes: Vec<Attr<'_>> = Vec::new();
        attributes.extend(
            policy
                .format
                .as_ref()
                .map(|format| ("Format", format.uri())),
        );
        attributes.extend(
            policy
                .sp_name_qualifier
                .as_deref()
                .map(|name| ("SPNameQualifier", name)),
        );
        if policy.allow_create {
            attributes.push(("AllowCreate", "true"));
        }
        w.empty(SAMLP, "NameIDPolicy", &attributes)?;
    }
    // The schema wants at least one class; none asks for nothing.
    let context = request.requested_context.as_ref();
    if let Some(context) = context.filter(|context| !context.classes.is_empty()) {
        let comparison = if context.exact { "exact" } else { "minimum" };
        w.open(
            SAMLP,
            "RequestedAuthnContext",
            &[("Comparison", comparison)],
        )?;
        for class in &context.classes {
            w.leaf(SAML, "AuthnContextClassRef", &[], class)?;
        }
        w.close();
    }
    Ok(())
}

/// Who may answer; left out where it says nothing.
fn scoping(w: &mut Writer, request: &AuthnRequest) -> Result<(), Refusal> {
    let Some(scoping) = request
        .scoping
        .as_ref()
        .filter(|s| **s != Scoping::default())
    else {
        return Ok(());
    };
    let count = scoping.proxy_count.map(|count| count.to_string());
    let attributes: Vec<Attr<'_>> = count
        .as_deref()
        .map(|count| ("ProxyCount", count))
        .into_iter()
        .collect();
    w.open(SAMLP, "Scoping", &attributes)?;
    w.filled(SAMLP, "IDPList", |w| {
        scoping
            .idps
            .iter()
            .try_for_each(|idp| w.empty(SAMLP, "IDPEntry", &[("ProviderID", idp.as_str())]))
    })?;
    scoping
        .requesters
        .iter()
        .try_for_each(|requester| w.leaf(SAMLP, "RequesterID", &[], requester.as_str()))?;
    w.close();
    Ok(())
}
