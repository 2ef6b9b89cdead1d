//! Identifiers made of a key and names: no table, no two services that could compare.

use hmac::{Hmac, KeyInit, Mac};
use saml::EntityId;
use sha2::Sha256;

/// A lasting identifier of one person for one service, that no other service can link: HMAC in
/// base32, lower case (P10, IIP-IDP21; Subject Identifier Attributes 3.4).
pub fn pairwise(salt: &[u8; 32], person: &str, service: &EntityId) -> String {
    keyed(
        salt,
        &[b"pairwise", person.as_bytes(), service.as_str().as_bytes()],
    )
}

/// An identifier of one session for one service (SAML Core 8.3.8).
pub fn transient(secret: &str, service: &EntityId) -> String {
    keyed(
        secret.as_bytes(),
        &[b"transient", service.as_str().as_bytes()],
    )
}

/// A mark of what a person was told: other names or other values have another one, and nobody can
/// read them from it.
pub fn mark(salt: &[u8; 32], person: &str, service: &EntityId, told: &[&str]) -> String {
    let about: [&[u8]; 3] = [
        b"information",
        person.as_bytes(),
        service.as_str().as_bytes(),
    ];
    let told = told.iter().map(|part| part.as_bytes());
    keyed(salt, &about.into_iter().chain(told).collect::<Vec<_>>())
}

fn keyed(key: &[u8], parts: &[&[u8]]) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return String::new();
    };
    for part in parts {
        mac.update(&u64::try_from(part.len()).unwrap_or_default().to_be_bytes());
        mac.update(part);
    }
    base32(&mac.finalize().into_bytes())
}

/// RFC 4648 base32, lower case, without padding: never two that differ by case only.
pub(super) fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut text = String::with_capacity(bytes.len() * 8 / 5 + 1);
    let (mut buffer, mut bits) = (0u32, 0u32);
    for byte in bytes {
        buffer = (buffer << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            let at = usize::try_from((buffer >> bits) & 31).unwrap_or_default();
            text.push(char::from(ALPHABET.get(at).copied().unwrap_or(b'a')));
        }
        buffer &= (1 << bits) - 1;
    }
    if bits > 0 {
        let at = usize::try_from((buffer << (5 - bits)) & 31).unwrap_or_default();
        text.push(char::from(ALPHABET.get(at).copied().unwrap_or(b'a')));
    }
    text
}
