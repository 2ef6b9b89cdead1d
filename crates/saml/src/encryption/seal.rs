//! Writing `EncryptedData` with its `EncryptedKey` inside its `KeyInfo` (SAML Core 2.2.4): where
//! every reader looks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::encrypt::Encrypter;
use openssl::error::ErrorStack;
use openssl::rand::rand_bytes;
use openssl::rsa::Padding;
use openssl::symm;
use zeroize::Zeroizing;

use super::{DataAlgorithm, Encryption, KeyTransport};
use crate::writer::{Attr, DS, SAML, Writer, XENC, XENC11};
use crate::{EntityId, Refusal};

const ELEMENT: &str = "http://www.w3.org/2001/04/xmlenc#Element";

/// Writes `plain`, an element that declares every namespace it uses, as the content of `name` (of
/// SAML's assertions) for `recipient`. Key and vector are OpenSSL's own chance, new each time.
pub(crate) fn seal(
    w: &mut Writer,
    name: &'static str,
    plain: &str,
    encryption: &Encryption,
    recipient: &EntityId,
) -> Result<(), Refusal> {
    let refused = |_: ErrorStack| Refusal::NotComposed {
        why: "the assertion cannot be encrypted",
    };
    let mut key = Zeroizing::new(vec![0; encryption.data.key_bytes()]);
    rand_bytes(&mut key).map_err(refused)?;
    let content = encrypt(encryption.data, &key, plain.as_bytes()).map_err(refused)?;
    let wrapped = wrap(encryption, &key).map_err(refused)?;
    w.open(SAML, name, &[])?;
    w.open(XENC, "EncryptedData", &[("Type", ELEMENT)])?;
    w.empty(
        XENC,
        "EncryptionMethod",
        &[("Algorithm", encryption.data.uri())],
    )?;
    w.open(DS, "KeyInfo", &[])?;
    w.open(XENC, "EncryptedKey", &[("Recipient", recipient.as_str())])?;
    let transport = encryption.transport;
    let method = [("Algorithm", transport.uri())];
    w.open(XENC, "EncryptionMethod", &method)?;
    parameters(w, transport)?;
    w.close();
    cipher_value(w, &wrapped)?;
    w.close();
    w.close();
    cipher_value(w, &content)?;
    w.close();
    w.close();
    Ok(())
}

/// Digest and mask, said even where they are what silence means: some readers have other silences.
fn parameters(w: &mut Writer, transport: KeyTransport) -> Result<(), Refusal> {
    let algorithm = |uri: &'static str| -> [Attr<'static>; 1] { [("Algorithm", uri)] };
    if let Some((digest, _)) = transport.oaep() {
        w.empty(DS, "DigestMethod", &algorithm(digest.uri()))?;
    }
    if let KeyTransport::Oaep { mask, .. } = transport {
        w.empty(XENC11, "MGF", &algorithm(mask.mask_uri()))?;
    }
    Ok(())
}

fn cipher_value(w: &mut Writer, bytes: &[u8]) -> Result<(), Refusal> {
    w.open(XENC, "CipherData", &[])?;
    w.leaf(XENC, "CipherValue", &[], &STANDARD.encode(bytes))?;
    w.close();
    Ok(())
}

/// Vector, ciphertext and, in GCM, a tag of 16 bytes (XML Encryption 1.1, 5.2). The padding of CBC
/// is that of PKCS#7, one of those that 5.2.1 allows.
fn encrypt(data: DataAlgorithm, key: &[u8], plain: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let cipher = data.cipher();
    let mut sealed = vec![0; cipher.iv_len().unwrap_or_default()];
    rand_bytes(&mut sealed)?;
    if data.is_cbc() {
        let content = symm::encrypt(cipher, key, Some(&sealed), plain)?;
        sealed.extend(content);
    } else {
        let mut tag = [0; super::open::TAG];
        let content = symm::encrypt_aead(cipher, key, Some(&sealed), &[], plain, &mut tag)?;
        sealed.extend(content);
        sealed.extend(tag);
    }
    Ok(sealed)
}

fn wrap(encryption: &Encryption, key: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let mut encrypter = Encrypter::new(encryption.key.public())?;
    match encryption.transport.oaep() {
        Some((digest, mask)) => {
            encrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
            encrypter.set_rsa_oaep_md(digest.digest())?;
            encrypter.set_rsa_mgf1_md(mask.digest())?;
        }
        None => encrypter.set_rsa_padding(Padding::PKCS1)?,
    }
    let mut wrapped = vec![0; encrypter.encrypt_len(key)?];
    let written = encrypter.encrypt(key, &mut wrapped)?;
    wrapped.truncate(written);
    Ok(wrapped)
}
