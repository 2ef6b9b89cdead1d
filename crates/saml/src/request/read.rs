//! `AuthnRequest` from its element.

use roxmltree::Document;

use crate::reader::{self, Element, SAML, SAMLP, XML_SPACE};
use crate::refusal::Said;
use crate::request::{AcsChoice, NameIdPolicy, RequestedContext, Scoping};
use crate::{AuthnRequest, Binding, EntityId, NameIdFormat, Refusal, ecp};

/// The root of `document`, which must be an `AuthnRequest`.
pub(crate) fn root<'a, 'i>(document: &'a Document<'i>) -> Result<Element<'a, 'i>, Refusal> {
    let root = document.root_element();
    if reader::is(root, SAMLP, "AuthnRequest") {
        Ok(root)
    } else {
        Err(Refusal::UnexpectedRoot {
            found: reader::named(root),
        })
    }
}

/// `Issuer`, mandatory here (SAML Profiles 4.1.4.1).
pub(crate) fn issuer(root: Element<'_, '_>) -> Result<EntityId, Refusal> {
    reader::issuer(root)?.ok_or(Refusal::Missing { what: "Issuer" })
}

/// Reads the request. What it may hold beyond (`Conditions`, unknown `Extensions` and
/// attributes) is passed over; of a `Subject`, that there is one.
pub(crate) fn read(root: Element<'_, '_>) -> Result<AuthnRequest, Refusal> {
    reader::version(root)?;
    Ok(AuthnRequest {
        id: reader::message_id(root, "ID")?.ok_or(Refusal::Missing { what: "ID" })?,
        issue_instant: reader::instant(root, "IssueInstant")?.ok_or(Refusal::Missing {
            what: "IssueInstant",
        })?,
        issuer: issuer(root)?,
        destination: reader::attribute(root, "Destination").map(str::to_owned),
        acs: acs(root)?,
        protocol_binding: protocol_binding(root)?,
        force_authn: reader::boolean(root, "ForceAuthn")?.unwrap_or(false),
        is_passive: reader::boolean(root, "IsPassive")?.unwrap_or(false),
        name_id_policy: name_id_policy(root)?,
        requested_context: requested_context(root)?,
        attribute_service: reader::number(root, "AttributeConsumingServiceIndex")?,
        scoping: scoping(root)?,
        channel_bindings: ecp::named(root)?,
        names_subject: reader::child(root, SAML, "Subject")?.is_some(),
    })
}

/// By URL, by index or by default: the first two exclude each other, and an index also excludes
/// naming a binding.
fn acs(root: Element<'_, '_>) -> Result<AcsChoice, Refusal> {
    let url = reader::attribute(root, "AssertionConsumerServiceURL");
    let index = reader::number(root, "AssertionConsumerServiceIndex")?;
    let binding = reader::attribute(root, "ProtocolBinding");
    match (url, index) {
        (Some(_), Some(_)) => Err(Refusal::AcsTwice),
        (None, Some(_)) if binding.is_some() => Err(Refusal::AcsTwice),
        (None, Some(index)) => Ok(AcsChoice::Index(index)),
        (Some(url), None) => Ok(AcsChoice::Url(url.to_owned())),
        (None, None) => Ok(AcsChoice::Default),
    }
}

fn protocol_binding(root: Element<'_, '_>) -> Result<Option<Binding>, Refusal> {
    reader::attribute(root, "ProtocolBinding")
        .map(|uri| {
            Binding::from_uri(uri).ok_or_else(|| Refusal::AnswerBinding {
                found: Said::new(uri),
            })
        })
        .transpose()
}

fn name_id_policy(root: Element<'_, '_>) -> Result<Option<NameIdPolicy>, Refusal> {
    let Some(policy) = reader::child(root, SAMLP, "NameIDPolicy")? else {
        return Ok(None);
    };
    Ok(Some(NameIdPolicy {
        format: reader::attribute(policy, "Format").map(NameIdFormat::from_uri),
        allow_create: reader::boolean(policy, "AllowCreate")?.unwrap_or(false),
        sp_name_qualifier: reader::attribute(policy, "SPNameQualifier").map(str::to_owned),
    }))
}

/// Only class references are read; a context asked for by declaration leaves `classes` empty, which
/// nothing satisfies.
fn requested_context(root: Element<'_, '_>) -> Result<Option<RequestedContext>, Refusal> {
    let Some(context) = reader::child(root, SAMLP, "RequestedAuthnContext")? else {
        return Ok(None);
    };
    let exact = match reader::attribute(context, "Comparison") {
        None | Some("exact") => true,
        Some("minimum" | "maximum" | "better") => false,
        Some(other) => return Err(reader::unreadable("Comparison", other)),
    };
    let classes = reader::children(context, SAML, "AuthnContextClassRef")
        .map(reader::uri_value)
        .collect::<Result<_, _>>()?;
    Ok(Some(RequestedContext { exact, classes }))
}

fn scoping(root: Element<'_, '_>) -> Result<Option<Scoping>, Refusal> {
    let Some(scoping) = reader::child(root, SAMLP, "Scoping")? else {
        return Ok(None);
    };
    let list = reader::child(scoping, SAMLP, "IDPList")?;
    let idps = list
        .into_iter()
        .flat_map(|list| reader::children(list, SAMLP, "IDPEntry"))
        .map(|entry| entity(reader::required(entry, "ProviderID")?, "ProviderID"))
        .collect::<Result<_, _>>()?;
    let requesters = reader::children(scoping, SAMLP, "RequesterID")
        .map(|requester| entity(&reader::uri_value(requester)?, "RequesterID"))
        .collect::<Result<_, _>>()?;
    Ok(Some(Scoping {
        proxy_count: reader::attribute(scoping, "ProxyCount")
            .map(count)
            .transpose()?,
        idps,
        requesters,
    }))
}

fn entity(text: &str, what: &'static str) -> Result<EntityId, Refusal> {
    EntityId::parse(text.trim_matches(XML_SPACE)).map_err(|_| reader::unreadable(what, text))
}

/// `xs:nonNegativeInteger` has no end; ours has.
fn count(text: &str) -> Result<u32, Refusal> {
    let digits = text.trim_matches(XML_SPACE);
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(reader::unreadable("ProxyCount", text));
    }
    Ok(digits.parse().unwrap_or(u32::MAX))
}
