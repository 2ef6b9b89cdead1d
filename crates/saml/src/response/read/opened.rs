//! An assertion that was encrypted: opened, and read under the same rules as one that was not.

use roxmltree::Document;

use super::{Assertion, assertion};
use crate::encryption::{self, DecryptionKey};
use crate::preflight::{MESSAGE, preflight};
use crate::reader::{self, Element, SAML};
use crate::signature::{self, Seals};
use crate::{Refusal, VerifyingKey};

/// An assertion out of its `EncryptedAssertion`.
pub(super) struct Opened {
    pub(super) assertion: Assertion,
    /// The fingerprint of the key that verified its own signature; `None`: it has none.
    pub(super) key: Option<String>,
    /// The algorithms it rests on: how it was encrypted, and its own signature's.
    pub(super) used: Vec<&'static str>,
}

/// Opens `encrypted`, an element of `outer`, with one of `own`, and verifies with `keys` whatever
/// is signed inside. What it holds must declare its own namespaces: nothing outside says what it
/// means.
pub(super) fn open(
    outer: &Document<'_>,
    encrypted: Element<'_, '_>,
    keys: &[VerifyingKey],
    own: &[DecryptionKey],
) -> Result<Opened, Refusal> {
    if own.is_empty() {
        return Err(Refusal::AssertionEncrypted);
    }
    let bytes = encryption::open(encrypted, own)?;
    let mut used = encryption::used(outer);
    let text = preflight(&bytes, &MESSAGE)?;
    let document = reader::parse(text, &MESSAGE)?;
    let root = document.root_element();
    if !reader::is(root, SAML, "Assertion") {
        return Err(Refusal::UnexpectedRoot {
            found: reader::named(root),
        });
    }
    alone(&document)?;
    reader::refuse_ids_of_both(outer, &document)?;
    let seals = Seals::find(&document, None)?;
    if seals.are_none() {
        return Ok(Opened {
            assertion: assertion(root)?,
            key: None,
            used,
        });
    }
    let signed = signature::verify(text, &seals, keys)?;
    used.extend(signed.used());
    let document = signed.document(&MESSAGE)?;
    Ok(Opened {
        assertion: assertion(document.root_element())?,
        key: Some(signed.key().to_owned()),
        used,
    })
}

/// No other assertion is inside, open or encrypted again (SECURITY 4).
fn alone(document: &Document<'_>) -> Result<(), Refusal> {
    let count = document
        .descendants()
        .filter(|node| {
            reader::is(*node, SAML, "Assertion") || reader::is(*node, SAML, "EncryptedAssertion")
        })
        .count();
    if count == 1 {
        Ok(())
    } else {
        Err(Refusal::AssertionRepeated { count })
    }
}
