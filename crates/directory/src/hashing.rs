//! Argon2id in a bounded pool: memory stays bounded however many people sign in at once (H13).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;

use crate::{Dice, Fault, Hashing};

/// Who waits for the pool; beyond that the answer is "away", so that a flood costs no memory.
const WAITING: usize = 64;
/// Longest password, bytes.
pub(crate) const LONGEST: usize = 1024;

/// What verifying came to.
pub(crate) struct Verdict {
    /// The password is right.
    pub(crate) right: bool,
    /// The hash was made with other parameters than today's: hash again.
    pub(crate) stale: bool,
}

/// Hashes and verifies, a few at a time.
pub(crate) struct Pool {
    argon: Argon2<'static>,
    params: Params,
    dice: Dice,
    places: Semaphore,
    waiting: AtomicUsize,
    /// What an unknown login is verified against: same parameters, same work.
    decoy: String,
}

impl Pool {
    pub(crate) fn new(hashing: Hashing, dice: Dice) -> Result<Arc<Self>, Fault> {
        let params = Params::new(hashing.memory_kib, hashing.passes, 1, None)
            .map_err(|why| Fault::Away(format!("the hashing parameters do not fit: {why}")))?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let mut pool = Self {
            argon,
            params,
            dice,
            places: Semaphore::new(hashing.at_once.max(1)),
            waiting: AtomicUsize::new(0),
            decoy: String::new(),
        };
        pool.decoy = pool.hash_now("nobody knows this one")?;
        Ok(Arc::new(pool))
    }

    /// Hashes a new password.
    pub(crate) async fn hash(self: &Arc<Self>, password: &str) -> Result<String, Fault> {
        let password = password.to_owned();
        let pool = Arc::clone(self);
        self.in_turn(move || pool.hash_now(&password)).await?
    }

    /// Verifies a password against a PHC string; `None` does the same work and says no.
    pub(crate) async fn verify(
        self: &Arc<Self>,
        password: &str,
        phc: Option<String>,
    ) -> Result<Verdict, Fault> {
        let password = password.to_owned();
        let pool = Arc::clone(self);
        self.in_turn(move || pool.verify_now(&password, phc.as_deref()))
            .await
    }

    async fn in_turn<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let waiting = Waiting::join(self)?;
        let away = |why: &dyn std::fmt::Display| Fault::Away(format!("the hashing pool: {why}"));
        let _place = self.places.acquire().await.map_err(|why| away(&why))?;
        drop(waiting);
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|why| away(&why))
    }

    fn hash_now(&self, password: &str) -> Result<String, Fault> {
        let mut bytes = [0; 16];
        (self.dice)(&mut bytes);
        let hash: PasswordHash = self
            .argon
            .hash_password_with_salt(password.as_bytes(), &bytes)
            .map_err(|why| Fault::Away(format!("hashing failed: {why}")))?;
        Ok(hash.to_string())
    }

    fn verify_now(&self, password: &str, phc: Option<&str>) -> Verdict {
        let fits = password.len() <= LONGEST;
        let tried = if fits { password } else { "too long" };
        let Ok(hash) = PasswordHash::new(phc.unwrap_or(&self.decoy)) else {
            return Verdict {
                right: false,
                stale: false,
            };
        };
        let matches = self.argon.verify_password(tried.as_bytes(), &hash).is_ok();
        let stale = Params::try_from(&hash).is_ok_and(|params| {
            (params.m_cost(), params.t_cost()) != (self.params.m_cost(), self.params.t_cost())
        });
        Verdict {
            right: matches && fits && phc.is_some(),
            stale,
        }
    }
}

/// One place in the queue, given back when dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn join(pool: &'a Pool) -> Result<Self, Fault> {
        let before = pool.waiting.fetch_add(1, Ordering::SeqCst);
        let place = Self(&pool.waiting);
        if before >= WAITING {
            return Err(Fault::Away("too many people sign in at once".to_owned()));
        }
        Ok(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
