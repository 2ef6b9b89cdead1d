//! A signature beside the bytes it covers: verified before they are digested, as they stream by.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Document;

use super::shape;
use crate::c14n::{self, Namespace};
use crate::keys::Digest;
use crate::preflight::METADATA;
use crate::reader::{self, DS, Element, XML_SPACE};
use crate::{Refusal, VerifyingKey};

/// What a verified signature promises of the bytes it covers.
pub(crate) struct Opened {
    /// How they are digested.
    pub(crate) method: Digest,
    /// Their digest.
    pub(crate) digest: Vec<u8>,
    /// Prefixes that their canonical form renders wherever they are in scope; "" for the default.
    pub(crate) prefixes: Vec<String>,
    /// The fingerprint of the key that verified it.
    pub(crate) key: String,
    /// The algorithms it rests on.
    pub(crate) used: Vec<&'static str>,
}

/// Verifies `signature`, a `ds:Signature` with every namespace it uses, on the element whose `ID` is
/// `id`, with one of `keys`.
pub(crate) fn open(signature: &str, id: &str, keys: &[VerifyingKey]) -> Result<Opened, Refusal> {
    let document = reader::parse(signature, &METADATA)?;
    let root = document.root_element();
    let (algorithm, digest) = shape::check(root, id)?;
    let mut fitting = keys.iter().filter(|key| key.fits(algorithm)).peekable();
    if fitting.peek().is_none() {
        return Err(Refusal::NoKey);
    }
    let method = find(&document, "CanonicalizationMethod")?;
    let covered = c14n::of_element(signature, (Namespace::Ds, "SignedInfo"), &prefixes(method))?;
    let value = binary(find(&document, "SignatureValue")?)?;
    let key = fitting
        .find(|key| key.verifies(algorithm, &covered, &value))
        .ok_or(Refusal::SignatureInvalid)?;
    // By its shape: enveloped-signature, then exclusive C14N.
    let canonical = find(&document, "Transforms")?.last_element_child();
    Ok(Opened {
        method: digest,
        digest: binary(find(&document, "DigestValue")?)?,
        prefixes: canonical.map(prefixes).unwrap_or_default(),
        key: key.fingerprint().to_owned(),
        used: vec![algorithm.uri(), digest.uri()],
    })
}

fn find<'a, 'i>(
    document: &'a Document<'i>,
    name: &'static str,
) -> Result<Element<'a, 'i>, Refusal> {
    let mut all = document.descendants();
    all.find(|element| reader::is(*element, DS, name))
        .ok_or(Refusal::Missing { what: name })
}

/// `PrefixList` of the `InclusiveNamespaces` inside, if there is one (Exclusive C14N 3).
fn prefixes(method: Element<'_, '_>) -> Vec<String> {
    let list = method
        .first_element_child()
        .and_then(|list| reader::attribute(list, "PrefixList"));
    let prefixes = list.unwrap_or_default().split_ascii_whitespace();
    prefixes
        .map(|prefix| match prefix {
            "#default" => String::new(),
            prefix => prefix.to_owned(),
        })
        .collect()
}

fn binary(element: Element<'_, '_>) -> Result<Vec<u8>, Refusal> {
    let text = reader::value(element)?.replace(XML_SPACE, "");
    STANDARD.decode(text).map_err(|_| Refusal::NotBase64 {
        part: "a signature",
    })
}
