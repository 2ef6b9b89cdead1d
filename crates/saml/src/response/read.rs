//! `Response` and `Assertion` from their elements: typed, nothing judged yet but their form.

use roxmltree::Document;

use super::{Attribute, NameId, SignWhat, StatusSaid};
use crate::encryption::{self, DecryptionKey};
use crate::preflight::MESSAGE;
use crate::reader::{self, DS, Element, SAML, SAMLP, XSI};
use crate::refusal::Said;
use crate::signature::{self, Seals};
use crate::{EntityId, MessageId, Moment, NameIdFormat, Refusal, Verified, VerifyingKey};

mod opened;

/// A response as it was read from verified bytes. Its content is private until accepted.
///
/// Where only the assertion is signed, everything beside the assertion comes from outside
/// the signature: it may have the response refused, and gives nothing to the login.
#[derive(Debug, Clone)]
pub struct Response {
    pub(super) destination: Option<String>,
    pub(super) in_response_to: Option<MessageId>,
    pub(super) issue_instant: Moment,
    pub(super) issuer: Option<EntityId>,
    pub(super) status: Option<StatusSaid>,
    pub(super) assertion: Option<Assertion>,
    pub(super) signed: SignWhat,
    pub(super) encrypted: bool,
}

/// `Assertion`.
#[derive(Debug, Clone)]
pub(super) struct Assertion {
    pub(super) id: MessageId,
    pub(super) issue_instant: Moment,
    pub(super) issuer: EntityId,
    pub(super) subject: Option<Subject>,
    pub(super) conditions: Option<Conditions>,
    pub(super) authn: Option<Authn>,
    pub(super) attributes: Vec<Attribute>,
}

/// `Subject`.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) name_id: Option<NameId>,
    pub(super) is_encrypted: bool,
    pub(super) confirmations: Vec<Confirmation>,
}

/// `SubjectConfirmation`.
#[derive(Debug, Clone)]
pub(super) struct Confirmation {
    pub(super) method: String,
    pub(super) data: Option<ConfirmationData>,
}

/// `SubjectConfirmationData`.
#[derive(Debug, Clone)]
pub(super) struct ConfirmationData {
    pub(super) recipient: Option<String>,
    pub(super) not_before: Option<Moment>,
    pub(super) not_on_or_after: Option<Moment>,
    pub(super) in_response_to: Option<MessageId>,
}

/// `Conditions`.
#[derive(Debug, Clone)]
pub(super) struct Conditions {
    pub(super) not_before: Option<Moment>,
    pub(super) not_on_or_after: Option<Moment>,
    /// The audiences of each `AudienceRestriction`.
    pub(super) audiences: Vec<Vec<String>>,
    /// A condition that is not known here.
    pub(super) unknown: Option<Said>,
}

/// `AuthnStatement`.
#[derive(Debug, Clone)]
pub(super) struct Authn {
    pub(super) instant: Moment,
    pub(super) context: Option<String>,
    pub(super) session_index: Option<String>,
    pub(super) session_ends: Option<Moment>,
}

/// A response whose assertion, if it has one, stands where it should, alone.
pub(crate) struct Parts<'a, 'i> {
    pub(crate) root: Element<'a, 'i>,
    pub(crate) assertion: Option<Element<'a, 'i>>,
    /// The assertion, encrypted: there is one of both, or none.
    pub(crate) encrypted: Option<Element<'a, 'i>>,
}

/// The parts of `document`: exactly one assertion in all of it, a direct child of the response, or
/// none (SECURITY 4).
pub(crate) fn parts<'a, 'i>(document: &'a Document<'i>) -> Result<Parts<'a, 'i>, Refusal> {
    let root = document.root_element();
    if !reader::is(root, SAMLP, "Response") {
        return Err(Refusal::UnexpectedRoot {
            found: reader::named(root),
        });
    }
    let is_encrypted = |node: &Element<'_, '_>| reader::is(*node, SAML, "EncryptedAssertion");
    let mut assertions = document
        .descendants()
        .filter(|node| reader::is(*node, SAML, "Assertion") || is_encrypted(node));
    let assertion = assertions.next();
    let others = assertions.count();
    if others > 0 {
        return Err(Refusal::AssertionRepeated { count: others + 1 });
    }
    if assertion.is_some_and(|assertion| assertion.parent_element() != Some(root)) {
        return Err(Refusal::AssertionMisplaced);
    }
    let encrypted = assertion.filter(is_encrypted);
    encrypted.map(encryption::check).transpose()?;
    Ok(Parts {
        root,
        assertion: assertion.filter(|assertion| !is_encrypted(assertion)),
        encrypted,
    })
}

/// Who sent it. A response that is not signed itself may leave its issuer out (SAML Profiles
/// 4.1.4.2); the assertion's is then the one.
pub(crate) fn issuer(parts: &Parts<'_, '_>) -> Result<EntityId, Refusal> {
    if let Some(issuer) = reader::issuer(parts.root)? {
        return Ok(issuer);
    }
    let issuer = parts.assertion.map(reader::issuer).transpose()?;
    issuer.flatten().ok_or(Refusal::Missing { what: "Issuer" })
}

/// Verifies every signature of `text`, and of the assertion encrypted in it, and reads the response
/// from the bytes they cover.
pub(crate) fn verified(
    text: &str,
    seals: &Seals,
    keys: &[VerifyingKey],
    own: &[DecryptionKey],
) -> Result<Verified<Response>, Refusal> {
    if seals.are_none() {
        return verified_inside(text, keys, own);
    }
    let signed = signature::verify(text, seals, keys)?;
    let document = signed.document(&MESSAGE)?;
    let mut used = signed.used();
    let message = if seals.root.is_some() {
        let (message, inside) = whole(&document, keys, own)?;
        used.extend(inside);
        message
    } else {
        let assertion = assertion(document.root_element())?;
        let around = reader::parse(text, &MESSAGE)?;
        response(parts(&around)?.root, Some(assertion), SignWhat::Assertion)?
    };
    Ok(Verified {
        message,
        key: Some(signed.key().to_owned()),
        used,
    })
}

/// A response without any signature to be seen, out of a message that was verified with `key` by
/// the algorithms `used`: it is signed as a part of that. Reads its text as it is.
pub(crate) fn carried(
    text: &str,
    (key, mut used): (String, Vec<&'static str>),
    keys: &[VerifyingKey],
    own: &[DecryptionKey],
) -> Result<Verified<Response>, Refusal> {
    let document = reader::parse(text, &MESSAGE)?;
    let (message, inside) = whole(&document, keys, own)?;
    used.extend(inside);
    Ok(Verified {
        message,
        key: Some(key),
        used,
    })
}

/// A response all of which is signed, and the algorithms that what was opened in it rests on.
fn whole(
    document: &Document<'_>,
    keys: &[VerifyingKey],
    own: &[DecryptionKey],
) -> Result<(Response, Vec<&'static str>), Refusal> {
    let parts = parts(document)?;
    let Some(encrypted) = parts.encrypted else {
        let is_signed = |assertion: Element<'_, '_>| {
            reader::children(assertion, DS, "Signature")
                .next()
                .is_some()
        };
        let what = if parts.assertion.is_some_and(is_signed) {
            SignWhat::Both
        } else {
            SignWhat::Response
        };
        let assertion = parts.assertion.map(assertion).transpose()?;
        return Ok((response(parts.root, assertion, what)?, Vec::new()));
    };
    let opened = opened::open(document, encrypted, keys, own)?;
    let what = match opened.key {
        Some(_) => SignWhat::Both,
        None => SignWhat::Response,
    };
    let read = response(parts.root, Some(opened.assertion), what)?;
    Ok((read, opened.used))
}

/// A response without any signature to be seen: one may be on the assertion that is encrypted in
/// it, and then counts as one on an assertion that is not (SAML Core 5.3: signed, then encrypted).
fn verified_inside(
    text: &str,
    keys: &[VerifyingKey],
    own: &[DecryptionKey],
) -> Result<Verified<Response>, Refusal> {
    let document = reader::parse(text, &MESSAGE)?;
    let parts = parts(&document)?;
    let encrypted = parts.encrypted.ok_or(Refusal::Unsigned)?;
    let opened = opened::open(&document, encrypted, keys, own)?;
    let key = opened.key.ok_or(Refusal::Unsigned)?;
    Ok(Verified {
        message: response(parts.root, Some(opened.assertion), SignWhat::Assertion)?,
        key: Some(key),
        used: opened.used,
    })
}

/// Reads a response as it stands, for whoever looks at it and does not act on it: nothing is verified,
/// and what is encrypted stays so.
pub(crate) fn unverified(parts: &Parts<'_, '_>, signed: SignWhat) -> Result<Response, Refusal> {
    let assertion = parts.assertion.map(assertion).transpose()?;
    response(parts.root, assertion, signed)
}

fn response(
    root: Element<'_, '_>,
    assertion: Option<Assertion>,
    signed: SignWhat,
) -> Result<Response, Refusal> {
    reader::version(root)?;
    Ok(Response {
        destination: reader::attribute(root, "Destination").map(str::to_owned),
        in_response_to: reader::message_id(root, "InResponseTo")?,
        issue_instant: mandatory_instant(root, "IssueInstant")?,
        issuer: reader::issuer(root)?,
        status: status(root)?,
        assertion,
        signed,
        encrypted: reader::children(root, SAML, "EncryptedAssertion")
            .next()
            .is_some(),
    })
}

pub(crate) fn status(root: Element<'_, '_>) -> Result<Option<StatusSaid>, Refusal> {
    let Some(status) = reader::child(root, SAMLP, "Status")? else {
        return Ok(None);
    };
    let Some(top) = reader::child(status, SAMLP, "StatusCode")? else {
        return Ok(None);
    };
    let second = reader::child(top, SAMLP, "StatusCode")?;
    let message = reader::child(status, SAMLP, "StatusMessage")?;
    Ok(Some(StatusSaid {
        code: reader::required(top, "Value")?.to_owned(),
        second: second
            .and_then(|second| reader::attribute(second, "Value"))
            .map(str::to_owned),
        message: message.map(reader::value).transpose()?,
    }))
}

fn assertion(element: Element<'_, '_>) -> Result<Assertion, Refusal> {
    reader::version(element)?;
    let subject = reader::child(element, SAML, "Subject")?;
    let conditions = reader::child(element, SAML, "Conditions")?;
    // Profiles 4.1.4.2 allows several statements; the first one says how the person signed on.
    let authn = reader::children(element, SAML, "AuthnStatement").next();
    Ok(Assertion {
        id: reader::message_id(element, "ID")?.ok_or(Refusal::Missing { what: "ID" })?,
        issue_instant: mandatory_instant(element, "IssueInstant")?,
        issuer: reader::issuer(element)?.ok_or(Refusal::Missing { what: "Issuer" })?,
        subject: subject.map(read_subject).transpose()?,
        conditions: conditions.map(read_conditions).transpose()?,
        authn: authn.map(read_authn).transpose()?,
        attributes: attributes(element)?,
    })
}

fn read_subject(subject: Element<'_, '_>) -> Result<Subject, Refusal> {
    let name_id = reader::child(subject, SAML, "NameID")?;
    let confirmations = reader::children(subject, SAML, "SubjectConfirmation")
        .map(confirmation)
        .collect::<Result<_, _>>()?;
    Ok(Subject {
        name_id: name_id.map(read_name_id).transpose()?,
        is_encrypted: reader::child(subject, SAML, "EncryptedID")?.is_some(),
        confirmations,
    })
}

pub(crate) fn read_name_id(element: Element<'_, '_>) -> Result<NameId, Refusal> {
    let value = reader::value(element)?;
    // SAML Core 1.3.1: a string holds at least one character that is not white space. An empty name
    // would be the same person everywhere.
    if value.trim().is_empty() {
        return Err(reader::unreadable("NameID", &value));
    }
    let qualifier = |name| reader::attribute(element, name).map(str::to_owned);
    Ok(NameId {
        value,
        format: reader::attribute(element, "Format")
            .map_or(NameIdFormat::Unspecified, NameIdFormat::from_uri),
        name_qualifier: qualifier("NameQualifier"),
        sp_name_qualifier: qualifier("SPNameQualifier"),
    })
}

fn confirmation(element: Element<'_, '_>) -> Result<Confirmation, Refusal> {
    let data = reader::child(element, SAML, "SubjectConfirmationData")?;
    let data = data.map(|data| {
        Ok(ConfirmationData {
            recipient: reader::attribute(data, "Recipient").map(str::to_owned),
            not_before: reader::instant(data, "NotBefore")?,
            not_on_or_after: reader::instant(data, "NotOnOrAfter")?,
            in_response_to: reader::message_id(data, "InResponseTo")?,
        })
    });
    Ok(Confirmation {
        method: reader::required(element, "Method")?.to_owned(),
        data: data.transpose()?,
    })
}

fn read_conditions(element: Element<'_, '_>) -> Result<Conditions, Refusal> {
    let mut audiences = Vec::new();
    let mut unknown = None;
    for condition in element.children().filter(Element::is_element) {
        if reader::is(condition, SAML, "AudienceRestriction") {
            let named = reader::children(condition, SAML, "Audience").map(reader::uri_value);
            audiences.push(named.collect::<Result<_, _>>()?);
        } else if !reader::is(condition, SAML, "OneTimeUse")
            && !reader::is(condition, SAML, "ProxyRestriction")
        {
            unknown = Some(reader::named(condition));
        }
    }
    Ok(Conditions {
        not_before: reader::instant(element, "NotBefore")?,
        not_on_or_after: reader::instant(element, "NotOnOrAfter")?,
        audiences,
        unknown,
    })
}

fn read_authn(element: Element<'_, '_>) -> Result<Authn, Refusal> {
    let context = reader::child(element, SAML, "AuthnContext")?;
    let class = context
        .map(|context| reader::child(context, SAML, "AuthnContextClassRef"))
        .transpose()?
        .flatten();
    Ok(Authn {
        instant: mandatory_instant(element, "AuthnInstant")?,
        context: class.map(reader::uri_value).transpose()?,
        session_index: reader::attribute(element, "SessionIndex").map(str::to_owned),
        session_ends: reader::instant(element, "SessionNotOnOrAfter")?,
    })
}

fn attributes(assertion: Element<'_, '_>) -> Result<Vec<Attribute>, Refusal> {
    reader::children(assertion, SAML, "AttributeStatement")
        .flat_map(|statement| reader::children(statement, SAML, "Attribute"))
        .map(read_attribute)
        .collect()
}

/// Any name, any format, any simple text (IIP-SP01, IIP-SP02); `xsi:type` is not looked at.
fn read_attribute(element: Element<'_, '_>) -> Result<Attribute, Refusal> {
    let mut values = Vec::new();
    for value in reader::children(element, SAML, "AttributeValue") {
        if !is_nil(value) && !is_structured(value) {
            values.push(reader::value(value)?);
        }
    }
    Ok(Attribute {
        name: reader::required(element, "Name")?.to_owned(),
        name_format: reader::attribute(element, "NameFormat")
            .unwrap_or(crate::names::ATTRNAME_UNSPECIFIED)
            .to_owned(),
        friendly_name: reader::attribute(element, "FriendlyName").map(str::to_owned),
        values,
    })
}

/// `xsi:nil` says there is no value (SAML Core 2.7.3.1.1).
fn is_nil(value: Element<'_, '_>) -> bool {
    matches!(value.attribute((XSI, "nil")), Some("true" | "1"))
}

/// A value made of elements only, such as the `NameID` inside eduPersonTargetedID, is not a text and
/// is passed over (IIP-SP10); text cut by an element is refused where it is read.
fn is_structured(value: Element<'_, '_>) -> bool {
    value.children().any(|child| child.is_element())
        && !value
            .children()
            .any(|child| child.is_text() && !reader::is_blank(child))
}

fn mandatory_instant(element: Element<'_, '_>, name: &'static str) -> Result<Moment, Refusal> {
    reader::instant(element, name)?.ok_or(Refusal::Missing { what: name })
}
