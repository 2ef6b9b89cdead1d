//! The limits: bare cryptography, by the libraries alone.

use std::path::Path;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, Version};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;

use super::server::cpu_of;
use crate::commands::Refusal;

/// One SHA-256 signature over 1,500 bytes with the key at `pem`.
pub(super) fn signature(pem: &Path) -> Result<Duration, Refusal> {
    let text =
        std::fs::read(pem).map_err(|why| Refusal::of(format!("{}: {why}", pem.display())))?;
    let failed = |why: openssl::error::ErrorStack| Refusal::of(why.to_string());
    let key = PKey::private_key_from_pem(&text).map_err(failed)?;
    let content = [7; 1500];
    let sign = || {
        let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
        signer.sign_oneshot_to_vec(&content)
    };
    each(1000, || sign().map_err(failed))
}

/// One Argon2id hash at the cost the settings begin with.
pub(super) fn hash() -> Result<Duration, Refusal> {
    let failed = |why: argon2::Error| Refusal::of(why.to_string());
    let params = Params::new(19456, 2, 1, None).map_err(failed)?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = || {
        let mut out = [0; 32];
        argon.hash_password_into(b"Kq7-vTz4-mWx9", b"sixteen bytes...", &mut out)?;
        Ok(out)
    };
    each(20, || hash().map_err(failed))
}

fn each<T>(times: u32, mut act: impl FnMut() -> Result<T, Refusal>) -> Result<Duration, Refusal> {
    std::hint::black_box(act()?);
    let own = std::process::id();
    let before = cpu_of(own);
    for _ in 0..times {
        std::hint::black_box(act()?);
    }
    Ok(cpu_of(own).saturating_sub(before) / times)
}
