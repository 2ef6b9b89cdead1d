//! The only shape of a signature that is taken: everything XML Signature allows beyond what SAML
//! needs is a way to have something else digested than what is read.

use crate::Refusal;
use crate::keys::{Algorithm, Digest};
use crate::reader::{self, DS, Element};
use crate::refusal::Said;

const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const EXCLUSIVE_WITH_COMMENTS: &str = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments";

/// Prefixes an `InclusiveNamespaces` may list: canonicalisers look each up for every element.
/// Those seen list `xs` and a few more.
const PREFIXES: usize = 8;

/// Checks `signature`, a child of the element whose `ID` is `id`, and says its algorithm and digest.
/// `KeyInfo` may be there and is not looked at: keys come from metadata (SECURITY 7).
pub(super) fn check(signature: Element<'_, '_>, id: &str) -> Result<(Algorithm, Digest), Refusal> {
    let parts = elements(signature, 3)?;
    let info = match parts.as_slice() {
        [info, value] | [info, value, _]
            if reader::is(*info, DS, "SignedInfo")
                && reader::is(*value, DS, "SignatureValue")
                && parts
                    .get(2)
                    .is_none_or(|part| reader::is(*part, DS, "KeyInfo")) =>
        {
            reader::value(*value)?;
            *info
        }
        _ => {
            return Err(shape(
                "not SignedInfo, SignatureValue and at most a KeyInfo",
            ));
        }
    };
    let references = reader::children(info, DS, "Reference").count();
    if references != 1 {
        return Err(Refusal::ReferenceCount { count: references });
    }
    let parts = elements(info, 3)?;
    let [canonicalization, method, reference] = parts.as_slice() else {
        return Err(shape("SignedInfo has other children"));
    };
    check_canonicalization(*canonicalization)?;
    let digest = check_reference(*reference, id)?;
    Ok((check_method(*method)?, digest))
}

fn check_canonicalization(element: Element<'_, '_>) -> Result<(), Refusal> {
    named(element, "CanonicalizationMethod")?;
    let algorithm = algorithm(element);
    if [EXCLUSIVE, EXCLUSIVE_WITH_COMMENTS].contains(&algorithm) {
        check_prefixes(element)
    } else {
        Err(Refusal::Canonicalization {
            algorithm: Said::new(algorithm),
        })
    }
}

fn check_method(element: Element<'_, '_>) -> Result<Algorithm, Refusal> {
    named(element, "SignatureMethod")?;
    childless(element)?;
    let uri = algorithm(element);
    Algorithm::from_uri(uri).ok_or_else(|| Refusal::SignatureAlgorithm {
        algorithm: Said::new(uri),
    })
}

fn check_reference(reference: Element<'_, '_>, id: &str) -> Result<Digest, Refusal> {
    named(reference, "Reference")?;
    let uri = reader::attribute(reference, "URI").unwrap_or_default();
    if id.is_empty() || uri.strip_prefix('#') != Some(id) {
        return Err(Refusal::ReferenceElsewhere {
            uri: Said::new(uri),
        });
    }
    if reader::attribute(reference, "Type").is_some() {
        return Err(shape("the reference has a Type"));
    }
    let parts = elements(reference, 3)?;
    let [transforms, method, value] = parts.as_slice() else {
        return Err(shape("the reference has other children"));
    };
    check_transforms(*transforms)?;
    named(*method, "DigestMethod")?;
    childless(*method)?;
    let uri = algorithm(*method);
    let digest = Digest::from_uri(uri).ok_or_else(|| Refusal::DigestAlgorithm {
        algorithm: Said::new(uri),
    })?;
    named(*value, "DigestValue")?;
    reader::value(*value).map(|_| digest)
}

/// Exactly enveloped-signature, then exclusive C14N: without the latter the signature would cover
/// another canonical form than the one that is read.
fn check_transforms(transforms: Element<'_, '_>) -> Result<(), Refusal> {
    named(transforms, "Transforms")?;
    let parts = elements(transforms, usize::MAX)?;
    for (at, transform) in parts.iter().enumerate() {
        named(*transform, "Transform")?;
        let algorithm = algorithm(*transform);
        match (at, algorithm) {
            (0, ENVELOPED) => childless(*transform)?,
            (1, EXCLUSIVE | EXCLUSIVE_WITH_COMMENTS) => check_prefixes(*transform)?,
            _ => {
                return Err(Refusal::Transform {
                    algorithm: Said::new(algorithm),
                });
            }
        }
    }
    if parts.len() == 2 {
        Ok(())
    } else {
        Err(shape("a transform is missing"))
    }
}

/// Nothing, or one `InclusiveNamespaces` with a short list.
fn check_prefixes(element: Element<'_, '_>) -> Result<(), Refusal> {
    let parts = elements(element, 1)?;
    let Some(inclusive) = parts.first() else {
        return Ok(());
    };
    let prefixes = reader::attribute(*inclusive, "PrefixList").unwrap_or_default();
    let is_short = prefixes.split_ascii_whitespace().count() <= PREFIXES;
    if reader::is(*inclusive, EXCLUSIVE, "InclusiveNamespaces") && is_short {
        childless(*inclusive)
    } else {
        Err(shape(
            "a canonicalization has another parameter than a short PrefixList",
        ))
    }
}

/// The child elements, at most `most`; text between them must be white space.
fn elements<'a, 'i>(parent: Element<'a, 'i>, most: usize) -> Result<Vec<Element<'a, 'i>>, Refusal> {
    let mut found = Vec::new();
    for child in parent.children() {
        if child.is_element() && found.len() < most {
            found.push(child);
        } else if child.is_element() {
            return Err(shape("an element has too many children"));
        } else if child.is_text() && !reader::is_blank(child) {
            return Err(shape("there is text between elements"));
        }
    }
    Ok(found)
}

fn childless(element: Element<'_, '_>) -> Result<(), Refusal> {
    if element.children().any(|child| child.is_element()) {
        Err(shape("an algorithm has a parameter"))
    } else {
        Ok(())
    }
}

fn named(element: Element<'_, '_>, name: &str) -> Result<(), Refusal> {
    if reader::is(element, DS, name) {
        Ok(())
    } else {
        Err(shape("an element stands where another should"))
    }
}

fn algorithm<'a>(element: Element<'a, '_>) -> &'a str {
    reader::attribute(element, "Algorithm").unwrap_or_default()
}

fn shape(why: &'static str) -> Refusal {
    Refusal::SignatureShape { why }
}
