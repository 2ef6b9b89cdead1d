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

use super::server::spent_by;
use crate::commands::Refusal;

/// Signing 1,500 bytes with SHA-256 and the key at `pem`.
pub(super) fn signing(pem: &Path) -> Result<impl Fn() -> Result<(), Refusal> + use<>, Refusal> {
    let key = private(pem)?;
    let sign = move || {
        let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
        signer.sign_oneshot_to_vec(&[7; 1500])
    };
    Ok(move || sign().map(drop).map_err(openssl))
}

/// Verifying such a signature over 600 bytes.
pub(super) fn verifying(pem: &Path) -> Result<impl Fn() -> Result<(), Refusal> + use<>, Refusal> {
    let key = private(pem)?;
    let content = [7; 600];
    let mut signer = Signer::new(MessageDigest::sha256(), &key).map_err(openssl)?;
    let signature = signer.sign_oneshot_to_vec(&content).map_err(openssl)?;
    let verify = move || {
        let mut verifier = Verifier::new(MessageDigest::sha256(), &key)?;
        verifier.verify_oneshot(&signature, &content)
    };
    Ok(move || verify().map(drop).map_err(openssl))
}

/// Wrapping one key by RSA-OAEP with 2,048 bits, and 6 kB by AES-256-GCM: an assertion.
pub(super) fn encrypting() -> Result<impl Fn() -> Result<(), Refusal>, Refusal> {
    let key = Rsa::generate(2048)
        .and_then(PKey::from_rsa)
        .map_err(openssl)?;
    let encrypt = move || {
        let mut encrypter = Encrypter::new(&key)?;
        encrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
        let mut wrapped = vec![0; encrypter.encrypt_len(&[7; 32])?];
        encrypter.encrypt(&[7; 32], &mut wrapped)?;
        let (cipher, content) = (Cipher::aes_256_gcm(), [7; 6000]);
        let mut tag = [0; 16];
        encrypt_aead(cipher, &[7; 32], Some(&[7; 12]), &[], &content, &mut tag)
    };
    Ok(move || encrypt().map(drop).map_err(openssl))
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

/// The mean.
pub(super) fn each<T>(
    times: u32,
    mut act: impl FnMut() -> Result<T, Refusal>,
) -> Result<Duration, Refusal> {
    std::hint::black_box(act()?);
    let before = own_cpu();
    for _ in 0..times {
        std::hint::black_box(act()?);
    }
    Ok(own_cpu().saturating_sub(before) / times.max(1))
}

/// What this thread spent so far. What never waits is accounted for at the clock's next tick only.
fn own_cpu() -> Duration {
    std::thread::sleep(Duration::from_micros(100));
    spent_by(Path::new("/proc/thread-self"))
}

/// The one in the middle; nothing of nothing.
fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort();
    let middle = durations.get(durations.len() / 2);
    middle.copied().unwrap_or_default()
}

/// What was measured in batches, each beside its limit at that moment: a machine whose pace changes
/// from one second to the next changes it for both.
#[derive(Default)]
pub(super) struct Beside {
    took: Vec<Duration>,
    limit: Vec<Duration>,
}

impl Beside {
    pub(super) fn push(&mut self, took: Duration, limit: Duration) {
        self.took.push(took);
        self.limit.push(limit);
    }

    /// What it took, and what its limit did: the median of each.
    pub(super) fn medians(&self) -> (Duration, Duration) {
        (median(self.took.clone()), median(self.limit.clone()))
    }

    /// How many times its limit it took: the median of the batches; nothing of nothing.
    pub(super) fn ratio(&self) -> f64 {
        let pairs = self.took.iter().zip(&self.limit);
        let mut ratios: Vec<f64> = pairs
            .map(|(took, limit)| took.as_secs_f64() / limit.as_secs_f64())
            .collect();
        ratios.sort_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied().unwrap_or_default()
    }
}
