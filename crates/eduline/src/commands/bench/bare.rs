//! The limits: bare cryptography, by the libraries alone.

use std::path::Path;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, Version};
use openssl::encrypt::Encrypter;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::{Padding, Rsa};
use openssl::sign::{Signer, Verifier};
use openssl::symm::{Cipher, encrypt_aead};

use super::server::cpu_of;
use crate::commands::Refusal;

/// One SHA-256 signature over 1,500 bytes with the key at `pem`.
pub(super) fn signature(pem: &Path) -> Result<Duration, Refusal> {
    let key = private(pem)?;
    let content = [7; 1500];
    let sign = || {
        let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
        signer.sign_oneshot_to_vec(&content)
    };
    each(1000, || sign().map_err(openssl))
}

/// One verification of such a signature.
pub(super) fn verification(pem: &Path) -> Result<Duration, Refusal> {
    let key = private(pem)?;
    let content = [7; 600];
    let mut signer = Signer::new(MessageDigest::sha256(), &key).map_err(openssl)?;
    let signature = signer.sign_oneshot_to_vec(&content).map_err(openssl)?;
    let verify = || {
        let mut verifier = Verifier::new(MessageDigest::sha256(), &key)?;
        verifier.verify_oneshot(&signature, &content)
    };
    each(1000, || verify().map_err(openssl))
}

/// Wrapping one key by RSA-OAEP with 2,048 bits, and 6 kB by AES-256-GCM: an assertion.
pub(super) fn encryption() -> Result<Duration, Refusal> {
    let key = Rsa::generate(2048)
        .and_then(PKey::from_rsa)
        .map_err(openssl)?;
    let content = [7; 6000];
    let encrypt = || {
        let mut encrypter = Encrypter::new(&key)?;
        encrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
        let mut wrapped = vec![0; encrypter.encrypt_len(&[7; 32])?];
        encrypter.encrypt(&[7; 32], &mut wrapped)?;
        let mut tag = [0; 16];
        let cipher = Cipher::aes_256_gcm();
        encrypt_aead(cipher, &[7; 32], Some(&[7; 12]), &[], &content, &mut tag)
    };
    each(1000, || encrypt().map_err(openssl))
}

/// One Argon2id hash at the cost the settings begin with.
pub(super) fn hash() -> Result<Duration, Refusal> {
    hashes(20, (19456, 2))
}

/// One of a secret that was drawn.
pub(super) fn light() -> Result<Duration, Refusal> {
    hashes(2000, (8, 1))
}

fn hashes(times: u32, (memory_kib, passes): (u32, u32)) -> Result<Duration, Refusal> {
    let failed = |why: argon2::Error| Refusal::of(why.to_string());
    let params = Params::new(memory_kib, passes, 1, None).map_err(failed)?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = || {
        let mut out = [0; 32];
        argon.hash_password_into(b"Kq7-vTz4-mWx9", b"sixteen bytes...", &mut out)?;
        Ok(out)
    };
    each(times, || hash().map_err(failed))
}

fn private(pem: &Path) -> Result<PKey<Private>, Refusal> {
    let text =
        std::fs::read(pem).map_err(|why| Refusal::of(format!("{}: {why}", pem.display())))?;
    PKey::private_key_from_pem(&text).map_err(openssl)
}

fn openssl(why: ErrorStack) -> Refusal {
    Refusal::of(why.to_string())
}

/// The mean: what never waits is accounted for too seldom for batches.
pub(super) fn each<T>(
    times: u32,
    mut act: impl FnMut() -> Result<T, Refusal>,
) -> Result<Duration, Refusal> {
    std::hint::black_box(act()?);
    let own = std::process::id();
    let before = cpu_of(own);
    for _ in 0..times {
        std::hint::black_box(act()?);
    }
    Ok(cpu_of(own).saturating_sub(before) / times)
}

/// The one in the middle; nothing of nothing.
pub(super) fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort();
    let middle = durations.get(durations.len() / 2);
    middle.copied().unwrap_or_default()
}
