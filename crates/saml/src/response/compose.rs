//! Composing a `Response` (SAML Core 3.3.3), canonical by construction.

use super::{Advice, Attribute, ErrorPlan, NameId, ResponsePlan, SignWhat, Status, StatusSaid};
use crate::encryption::{Encryption, seal};
use crate::sign::sign;
use crate::writer::{Attr, SAML, SAMLEC, SAMLP, Writer, instant};
use crate::{Refusal, SigningKey};

const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const STATUS: &str = "urn:oasis:names:tc:SAML:2.0:status:";

/// Composes and signs a successful Response: escaped, canonical by construction (exclusive C14N).
pub fn compose(plan: &ResponsePlan<'_>, key: &SigningKey) -> Result<String, Refusal> {
    compose_for(plan, None, key)
}

/// Like [`compose`], with the assertion encrypted for the service where `encryption` says how
/// ([`crate::metadata::SpRole::choose_encryption`]): signed first, if it is, then encrypted, and
/// the Response signed over what is encrypted (SAML Core 5.3).
pub fn compose_for(
    plan: &ResponsePlan<'_>,
    encryption: Option<&Encryption>,
    key: &SigningKey,
) -> Result<String, Refusal> {
    compose_advised(plan, Advice::default(), encryption, key)
}

/// Like [`compose_for`], with advice in the assertion. A key goes into none that is not encrypted.
pub fn compose_advised(
    plan: &ResponsePlan<'_>,
    advice: Advice<'_>,
    encryption: Option<&Encryption>,
    key: &SigningKey,
) -> Result<String, Refusal> {
    if advice.key.is_some() && encryption.is_none() {
        return Err(Refusal::NotComposed {
            why: "a shared key in an assertion that is not encrypted",
        });
    }
    let mut w = Writer::with_capacity(12 * 1024);
    let response_id = plan.response_id.as_str();
    let in_response_to = plan.in_response_to.map(crate::MessageId::as_str);
    let now = instant(plan.now);
    let start = open_response(&mut w, response_id, in_response_to, plan.acs, &now)?;
    w.leaf(SAML, "Issuer", &[], plan.issuer.as_str())?;
    let after_issuer = w.position();
    write_status(&mut w, &Status::Success.said())?;
    match encryption {
        None => assertion(&mut w, (plan, advice), &now, key)?,
        Some(encryption) => {
            // As a root: it declares every namespace it uses.
            let mut alone = Writer::with_capacity(8 * 1024);
            assertion(&mut alone, (plan, advice), &now, key)?;
            let xml = alone.finish();
            let recipient = plan.audience;
            seal(&mut w, "EncryptedAssertion", &xml, encryption, recipient)?;
        }
    }
    w.close();
    if matches!(plan.sign, SignWhat::Both | SignWhat::Response) {
        sign(&mut w, start, after_issuer, response_id, key)?;
    }
    Ok(w.finish())
}

/// Composes and signs a Response without assertion.
pub fn compose_error(plan: &ErrorPlan<'_>, key: &SigningKey) -> Result<String, Refusal> {
    let mut w = Writer::with_capacity(4 * 1024);
    let id = plan.response_id.as_str();
    let in_response_to = plan.in_response_to.map(crate::MessageId::as_str);
    let start = open_response(&mut w, id, in_response_to, plan.acs, &instant(plan.now))?;
    w.leaf(SAML, "Issuer", &[], plan.issuer.as_str())?;
    let after_issuer = w.position();
    let status = StatusSaid {
        message: plan.message.map(str::to_owned),
        ..plan.status.said()
    };
    write_status(&mut w, &status)?;
    w.close();
    sign(&mut w, start, after_issuer, id, key)?;
    Ok(w.finish())
}

fn open_response(
    w: &mut Writer,
    id: &str,
    in_response_to: Option<&str>,
    acs: &str,
    now: &str,
) -> Result<usize, Refusal> {
    let mut attributes: Vec<Attr<'_>> = vec![
        ("ID", id),
        ("Version", "2.0"),
        ("IssueInstant", now),
        ("Destination", acs),
    ];
    attributes.extend(in_response_to.map(|request| ("InResponseTo", request)));
    w.open(SAMLP, "Response", &attributes)
}

/// Writes `Status`.
pub(crate) fn write_status(w: &mut Writer, status: &StatusSaid) -> Result<(), Refusal> {
    w.open(SAMLP, "Status", &[])?;
    w.open(SAMLP, "StatusCode", &[("Value", &status.code)])?;
    if let Some(second) = &status.second {
        w.empty(SAMLP, "StatusCode", &[("Value", second)])?;
    }
    w.close();
    if let Some(message) = &status.message {
        w.leaf(SAMLP, "StatusMessage", &[], message)?;
    }
    w.close();
    Ok(())
}

fn assertion(
    w: &mut Writer,
    (plan, advice): (&ResponsePlan<'_>, Advice<'_>),
    now: &str,
    key: &SigningKey,
) -> Result<(), Refusal> {
    let id = plan.assertion_id.as_str();
    let ends = instant(plan.now + chrono::Duration::seconds(i64::from(plan.lifetime_s)));
    let start = w.open(
        SAML,
        "Assertion",
        &[("ID", id), ("Version", "2.0"), ("IssueInstant", now)],
    )?;
    w.leaf(SAML, "Issuer", &[], plan.issuer.as_str())?;
    let after_issuer = w.position();
    subject(w, plan, &ends)?;
    w.open(
        SAML,
        "Conditions",
        &[("NotBefore", now), ("NotOnOrAfter", &ends)],
    )?;
    w.open(SAML, "AudienceRestriction", &[])?;
    w.leaf(SAML, "Audience", &[], plan.audience.as_str())?;
    w.close();
    w.close();
    w.filled(SAML, "Advice", |w| {
        if let Some(channel) = advice.channel {
            channel.write(w, false)?;
        }
        let mut key = advice.key.into_iter();
        key.try_for_each(|key| w.leaf(SAMLEC, "GeneratedKey", &[], key))
    })?;
    authn_statement(w, plan)?;
    if !plan.attributes.is_empty() {
        w.open(SAML, "AttributeStatement", &[])?;
        plan.attributes
            .iter()
            .try_for_each(|attribute| write_attribute(w, attribute))?;
        w.close();
    }
    w.close();
    if matches!(plan.sign, SignWhat::Both | SignWhat::Assertion) {
        sign(w, start, after_issuer, id, key)?;
    }
    Ok(())
}

/// `Subject` with a bearer confirmation (Profiles 4.1.4.2).
fn subject(w: &mut Writer, plan: &ResponsePlan<'_>, ends: &str) -> Result<(), Refusal> {
    w.open(SAML, "Subject", &[])?;
    if let Some(name_id) = plan.name_id {
        write_name_id(w, name_id)?;
    }
    w.open(SAML, "SubjectConfirmation", &[("Method", BEARER)])?;
    let mut data: Vec<Attr<'_>> = vec![("NotOnOrAfter", ends), ("Recipient", plan.acs)];
    data.extend(
        plan.in_response_to
            .map(|request| ("InResponseTo", request.as_str())),
    );
    w.empty(SAML, "SubjectConfirmationData", &data)?;
    w.close();
    w.close();
    Ok(())
}

pub(crate) fn write_name_id(w: &mut Writer, name_id: &NameId) -> Result<(), Refusal> {
    let mut attributes: Vec<Attr<'_>> = vec![("Format", name_id.format.uri())];
    attributes.extend(
        name_id
            .name_qualifier
            .as_deref()
            .map(|q| ("NameQualifier", q)),
    );
    attributes.extend(
        name_id
            .sp_name_qualifier
            .as_deref()
            .map(|q| ("SPNameQualifier", q)),
    );
    w.leaf(SAML, "NameID", &attributes, &name_id.value)
}

fn authn_statement(w: &mut Writer, plan: &ResponsePlan<'_>) -> Result<(), Refusal> {
    let authn = instant(plan.authn_instant);
    let ends = plan.session_ends.map(instant);
    let mut attributes: Vec<Attr<'_>> = vec![
        ("AuthnInstant", &authn),
        ("SessionIndex", plan.session_index),
    ];
    attributes.extend(ends.as_deref().map(|ends| ("SessionNotOnOrAfter", ends)));
    w.open(SAML, "AuthnStatement", &attributes)?;
    w.open(SAML, "AuthnContext", &[])?;
    w.leaf(SAML, "AuthnContextClassRef", &[], plan.authn_context)?;
    w.close();
    w.close();
    Ok(())
}

fn write_attribute(w: &mut Writer, attribute: &Attribute) -> Result<(), Refusal> {
    let friendly = attribute.friendly_name.as_deref();
    let all = [
        ("FriendlyName", friendly.unwrap_or_default()),
        ("Name", attribute.name.as_str()),
        ("NameFormat", attribute.name_format.as_str()),
    ];
    let said = all.get(usize::from(friendly.is_none())..);
    w.open(SAML, "Attribute", said.unwrap_or_default())?;
    attribute
        .values
        .iter()
        .try_for_each(|value| w.leaf(SAML, "AttributeValue", &[], value))?;
    w.close();
    Ok(())
}

impl Status {
    /// Top-level and second-level code, as URIs (SAML Core 3.2.2.2).
    pub fn codes(&self) -> (String, Option<String>) {
        let pair =
            |top: &str, second: &str| (format!("{STATUS}{top}"), Some(format!("{STATUS}{second}")));
        let alone = |top: &str| (format!("{STATUS}{top}"), None);
        match self {
            Self::Success => alone("Success"),
            Self::NoPassive => pair("Responder", "NoPassive"),
            Self::NoAuthnContext => pair("Responder", "NoAuthnContext"),
            Self::AuthnFailed => pair("Responder", "AuthnFailed"),
            Self::InvalidNameIdPolicy => pair("Requester", "InvalidNameIDPolicy"),
            Self::RequestDenied => pair("Responder", "RequestDenied"),
            Self::RequestUnsupported => pair("Requester", "RequestUnsupported"),
            Self::UnknownPrincipal => pair("Responder", "UnknownPrincipal"),
            Self::NoAvailableIdp => pair("Responder", "NoAvailableIDP"),
            Self::ProxyCountExceeded => pair("Responder", "ProxyCountExceeded"),
            Self::UnsupportedBinding => pair("Requester", "UnsupportedBinding"),
            Self::PartialLogout => pair("Success", "PartialLogout"),
            Self::Responder => alone("Responder"),
            Self::Requester => alone("Requester"),
            Self::VersionMismatch => alone("VersionMismatch"),
            Self::Other(top, second) => (top.clone(), second.clone()),
        }
    }

    /// The status as it is said, without a message.
    pub fn said(&self) -> StatusSaid {
        let (code, second) = self.codes();
        StatusSaid {
            code,
            second,
            message: None,
        }
    }
}
