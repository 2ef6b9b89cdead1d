//! Opening what was encrypted for us (SAML Core 2.2.4, SECURITY 16).
//!
//! The shape is checked first, from what anybody can see, and without any key: nothing outside the
//! document is ever named, algorithms are of a short list, there is one key. From the first use of
//! a key on there is one refusal, whatever fails: whoever changes a message and sends it again must
//! not learn how far it came. For the same reason a key that does not open goes on as a random one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::encrypt::Decrypter;
use openssl::error::ErrorStack;
use openssl::rand::rand_bytes;
use openssl::rsa::Padding;
use openssl::symm;
use roxmltree::Document;
use zeroize::Zeroizing;

use super::{DataAlgorithm, DecryptionKey, EncryptionMethod, KeyTransport};
use crate::Refusal;
use crate::reader::{self, DS, Element, SAML, XENC, XENC11};
use crate::refusal::Said;

/// Bytes of the tag of GCM: all of it, never a part (XML Encryption 1.1, 5.2.4).
pub(super) const TAG: usize = 16;
/// Bytes of the vector of GCM.
const VECTOR: usize = 12;
/// Bytes of an RSA ciphertext: keys to 8192 bits.
const WRAPPED: usize = 1024;

const ELEMENT: &str = "http://www.w3.org/2001/04/xmlenc#Element";
const ENCRYPTED_KEY: &str = "http://www.w3.org/2001/04/xmlenc#EncryptedKey";

/// What is encrypted, and how, as anybody can see it.
struct Sealed {
    data: DataAlgorithm,
    transport: KeyTransport,
    content: Vec<u8>,
    wrapped: Vec<u8>,
}

/// Checks the shape of `outer`, an `EncryptedAssertion` or `EncryptedID`.
pub(crate) fn check(outer: Element<'_, '_>) -> Result<(), Refusal> {
    sealed(outer).map(|_| ())
}

/// The algorithms of everything that is encrypted in a document, as far as they are known here.
pub(crate) fn used(document: &Document<'_>) -> Vec<&'static str> {
    let is_sealed = |node: &Element<'_, '_>| {
        reader::is(*node, SAML, "EncryptedAssertion") || reader::is(*node, SAML, "EncryptedID")
    };
    let all = document.descendants().filter(is_sealed);
    all.filter_map(|outer| sealed(outer).ok())
        .flat_map(|sealed| [vec![sealed.data.uri()], sealed.transport.uris()])
        .flatten()
        .collect()
}

/// Opens `outer` with the first of `keys` that can.
pub(crate) fn open(outer: Element<'_, '_>, keys: &[DecryptionKey]) -> Result<Vec<u8>, Refusal> {
    let sealed = sealed(outer)?;
    let mut opened = None;
    for key in keys {
        // Every key is tried, whichever opens: how long it takes says nothing.
        let found = unseal(&sealed, key).unwrap_or(None);
        opened = opened.or(found);
    }
    opened.ok_or(Refusal::Undecryptable)
}

fn unseal(sealed: &Sealed, key: &DecryptionKey) -> Result<Option<Vec<u8>>, ErrorStack> {
    let length = sealed.data.key_bytes();
    let mut instead = Zeroizing::new(vec![0; length]);
    rand_bytes(&mut instead)?;
    let unwrapped = unwrap(sealed, key).map_or_else(|_| Zeroizing::default(), Zeroizing::new);
    let content_key = if unwrapped.len() == length {
        unwrapped
    } else {
        instead
    };
    let Some((vector, rest)) = sealed.content.split_at_checked(VECTOR) else {
        return Ok(None);
    };
    let Some((content, tag)) = rest
        .len()
        .checked_sub(TAG)
        .and_then(|at| rest.split_at_checked(at))
    else {
        return Ok(None);
    };
    let cipher = sealed.data.cipher();
    symm::decrypt_aead(cipher, &content_key, Some(vector), &[], content, tag).map(Some)
}

fn unwrap(sealed: &Sealed, key: &DecryptionKey) -> Result<Vec<u8>, ErrorStack> {
    let mut decrypter = Decrypter::new(&key.key)?;
    decrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
    if let Some((digest, mask)) = sealed.transport.oaep() {
        decrypter.set_rsa_oaep_md(digest.digest())?;
        decrypter.set_rsa_mgf1_md(mask.digest())?;
    }
    let mut opened = vec![0; decrypter.decrypt_len(&sealed.wrapped)?];
    let written = decrypter.decrypt(&sealed.wrapped, &mut opened)?;
    opened.truncate(written);
    Ok(opened)
}

fn sealed(outer: Element<'_, '_>) -> Result<Sealed, Refusal> {
    // Asked of everything below, wherever it stands: nothing is ever fetched to be decrypted.
    let is_reference = |node: &Element<'_, '_>| reader::is(*node, XENC, "CipherReference");
    if outer.descendants().any(|node| is_reference(&node)) {
        return Err(shape("a CipherReference"));
    }
    let data = only(outer, "EncryptedData")?;
    known_children(outer, &[(XENC, "EncryptedData"), (XENC, "EncryptedKey")])?;
    if !matches!(reader::attribute(data, "Type"), None | Some(ELEMENT)) {
        return Err(shape("content that is no element"));
    }
    known_children(
        data,
        &[
            (XENC, "EncryptionMethod"),
            (DS, "KeyInfo"),
            (XENC, "CipherData"),
        ],
    )?;
    let key = encrypted_key(outer, data)?;
    known_children(
        key,
        &[
            (XENC, "EncryptionMethod"),
            (DS, "KeyInfo"),
            (XENC, "CipherData"),
            (XENC, "ReferenceList"),
            (XENC, "CarriedKeyName"),
        ],
    )?;
    let (method, key_method) = (method(data)?, method(key)?);
    let sealed = Sealed {
        data: DataAlgorithm::from_uri(&method.algorithm)
            .filter(|data| !data.is_cbc())
            .ok_or_else(|| not_taken(&method))?,
        transport: KeyTransport::of(&key_method)
            .filter(|transport| *transport != KeyTransport::Pkcs1)
            .ok_or_else(|| not_taken(&key_method))?,
        content: cipher_value(data)?,
        wrapped: cipher_value(key)?,
    };
    if sealed.wrapped.len() > WRAPPED {
        return Err(shape("a key longer than any"));
    }
    Ok(sealed)
}

/// The only `EncryptedKey` (SECURITY 16: one key): inside the `KeyInfo` of the data, or beside the
/// data (SAML Core 2.2.4). A `RetrievalMethod` may say that it is beside; it is not followed.
fn encrypted_key<'a, 'i>(
    outer: Element<'a, 'i>,
    data: Element<'a, 'i>,
) -> Result<Element<'a, 'i>, Refusal> {
    let keys: Vec<_> = outer
        .descendants()
        .filter(|node| reader::is(*node, XENC, "EncryptedKey"))
        .collect();
    let [key] = keys.as_slice() else {
        return Err(shape("not one EncryptedKey"));
    };
    let parent = key.parent_element();
    let is_inside = parent
        .is_some_and(|info| reader::is(info, DS, "KeyInfo") && info.parent_element() == Some(data));
    if !is_inside && parent != Some(outer) {
        return Err(shape("an EncryptedKey that is misplaced"));
    }
    let beside = reader::attribute(*key, "Id").filter(|_| !is_inside);
    let methods = outer
        .descendants()
        .filter(|node| node.is_element() && node.tag_name().name() == "RetrievalMethod");
    for method in methods {
        let uri = reader::attribute(method, "URI").and_then(|uri| uri.strip_prefix('#'));
        let is_key = reader::attribute(method, "Type").is_none_or(|of| of == ENCRYPTED_KEY);
        if uri.is_none() || uri != beside || !is_key || method.has_children() {
            return Err(shape("a RetrievalMethod"));
        }
    }
    Ok(*key)
}

fn method(parent: Element<'_, '_>) -> Result<EncryptionMethod, Refusal> {
    let element = only(parent, "EncryptionMethod")?;
    if element
        .children()
        .any(|child| reader::is(child, XENC, "OAEPparams"))
    {
        return Err(shape("OAEPparams"));
    }
    read_method(element)
}

/// Reads an `EncryptionMethod`, of metadata or of a message.
pub(crate) fn read_method(element: Element<'_, '_>) -> Result<EncryptionMethod, Refusal> {
    let algorithm = |child: Option<Element<'_, '_>>| {
        child
            .map(|child| reader::required(child, "Algorithm").map(str::to_owned))
            .transpose()
    };
    Ok(EncryptionMethod {
        algorithm: reader::required(element, "Algorithm")?.to_owned(),
        digest: algorithm(reader::child(element, DS, "DigestMethod")?)?,
        mask: algorithm(reader::child(element, XENC11, "MGF")?)?,
    })
}

fn cipher_value(parent: Element<'_, '_>) -> Result<Vec<u8>, Refusal> {
    let data = only(parent, "CipherData")?;
    known_children(data, &[(XENC, "CipherValue")])?;
    let text = reader::value(only(data, "CipherValue")?)?;
    let compact: String = text
        .chars()
        .filter(|c| !reader::XML_SPACE.contains(c))
        .collect();
    STANDARD.decode(compact).map_err(|_| Refusal::NotBase64 {
        part: "CipherValue",
    })
}

/// The only child called `name`.
fn only<'a, 'i: 'a>(
    parent: Element<'a, 'i>,
    name: &'static str,
) -> Result<Element<'a, 'i>, Refusal> {
    reader::child(parent, XENC, name)?.ok_or(Refusal::Missing { what: name })
}

fn known_children(
    parent: Element<'_, '_>,
    known: &[(&'static str, &'static str)],
) -> Result<(), Refusal> {
    let is_known = |child: &Element<'_, '_>| {
        known
            .iter()
            .any(|(namespace, name)| reader::is(*child, namespace, name))
    };
    if parent
        .children()
        .filter(Element::is_element)
        .all(|child| is_known(&child))
    {
        Ok(())
    } else {
        Err(shape("an element where none should be"))
    }
}

fn not_taken(method: &EncryptionMethod) -> Refusal {
    let parameters = [&method.digest, &method.mask];
    let parameters: String = parameters
        .into_iter()
        .flatten()
        .map(|uri| format!(" {uri}"))
        .collect();
    Refusal::EncryptionAlgorithm {
        algorithm: Said::new(&format!("{}{parameters}", method.algorithm)),
    }
}

fn shape(why: &'static str) -> Refusal {
    Refusal::EncryptionShape { why }
}
