//! Argon2id in a bounded pool: memory stays bounded however many people sign in at once (H13).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Block, Params, PasswordHasher, PasswordVerifier, Version};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::{Dice, Fault, Hashing};

/// Who waits for the pool; beyond that the answer is "away", so that a flood costs no memory.
const WAITING: usize = 64;
/// Memory for the hash of what was drawn, KiB: the least there is.
const LIGHT_KIB: u32 = 8;
/// Longest password, bytes.
pub(crate) const LONGEST: usize = 1024;

/// How long memory that nobody hashes in is kept for the next one.
const KEPT: std::time::Duration = std::time::Duration::from_secs(10);
/// Bytes of a hash of ours.
const OUTPUT: usize = 32;

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
    /// For what was drawn.
    light: Argon2<'static>,
    dice: Dice,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    spare: Spare,
    /// What an unknown login is verified against: same parameters, same work.
    decoy: String,
}

impl Pool {
    pub(crate) fn new(hashing: Hashing, dice: Dice) -> Result<Arc<Self>, Fault> {
        let params = Params::new(hashing.memory_kib, hashing.passes, 1, None)
            .map_err(|why| Fault::Away(format!("the hashing parameters do not fit: {why}")))?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let light = Params::new(LIGHT_KIB, 1, 1, None)
            .map_err(|why| Fault::Away(format!("the hashing parameters do not fit: {why}")))?;
        let mut pool = Self {
            argon,
            params,
            light: Argon2::new(Algorithm::Argon2id, Version::V0x13, light),
            dice,
            places: Arc::new(Semaphore::new(hashing.at_once.max(1))),
            waiting: AtomicUsize::new(0),
            spare: Spare::default(),
            decoy: String::new(),
        };
        pool.decoy = pool.hash_now("nobody knows this one")?;
        Ok(Arc::new(pool))
    }

    /// How many wait for a place.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Hashes a new password.
    pub(crate) async fn hash(self: &Arc<Self>, password: &str) -> Result<String, Fault> {
        let password = Zeroizing::new(password.to_owned());
        let pool = Arc::clone(self);
        self.in_turn(move || pool.hash_now(&password)).await?
    }

    /// Verifies a password against a PHC string; `None` does the same work and says no.
    pub(crate) async fn verify(
        self: &Arc<Self>,
        password: &str,
        phc: Option<String>,
    ) -> Result<Verdict, Fault> {
        let password = Zeroizing::new(fitting(password).to_owned());
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
        let place = Arc::clone(&self.places).acquire_owned();
        let place = place.await.map_err(|why| away(&why))?;
        drop(waiting);
        // The place goes with the work: whoever asked may leave, the memory is in use all the same.
        let placed = move || {
            let done = work();
            drop(place);
            done
        };
        let done = tokio::task::spawn_blocking(placed).await;
        if self.spare.begins_to_age() {
            tokio::spawn(Arc::clone(self).let_go());
        }
        done.map_err(|why| away(&why))
    }

    /// Gives memory back once nobody has hashed for [`KEPT`].
    async fn let_go(self: Arc<Self>) {
        while {
            tokio::time::sleep(KEPT).await;
            !self.spare.ages()
        } {}
    }

    fn hash_now(&self, password: &str) -> Result<String, Fault> {
        self.hash_by(&self.argon, password)
    }

    /// Hashes a secret of 64 random bits and more. Cost is there to slow down who tries what people
    /// choose; nobody tries so many, however little each costs. Whoever comes with it is hashed anew,
    /// at today's cost.
    pub(crate) fn hash_drawn(&self, secret: &str) -> Result<String, Fault> {
        self.hash_by(&self.light, secret)
    }

    fn hash_by(&self, argon: &Argon2<'_>, password: &str) -> Result<String, Fault> {
        let mut bytes = [0; 16];
        (self.dice)(&mut bytes);
        let hash: PasswordHash = argon
            .hash_password_with_salt(password.as_bytes(), &bytes)
            .map_err(|why| Fault::Away(format!("hashing failed: {why}")))?;
        Ok(hash.to_string())
    }

    fn verify_now(&self, password: &str, phc: Option<&str>) -> Verdict {
        let Ok(hash) = PasswordHash::new(phc.unwrap_or(&self.decoy)) else {
            return Verdict {
                right: false,
                stale: false,
            };
        };
        let is_todays = self.is_todays(&hash);
        let matches = if is_todays {
            self.matches(password, &hash)
        } else {
            let is_light = Params::try_from(&hash).is_ok_and(|own| own.m_cost() == LIGHT_KIB);
            if is_light {
                // Today's work too, so that time does not tell who has not come yet.
                let decoy = PasswordHash::new(&self.decoy);
                std::hint::black_box(decoy.is_ok_and(|decoy| self.matches(password, &decoy)));
            }
            let verified = self.argon.verify_password(password.as_bytes(), &hash);
            verified.is_ok()
        };
        Verdict {
            right: matches && phc.is_some() && !password.is_empty(),
            stale: !is_todays,
        }
    }

    /// Whether `hash`, of today's parameters, is of `password`: in memory that was used before, as
    /// asking the system for it anew costs half as much again as the hash.
    fn matches(&self, password: &str, hash: &PasswordHash) -> bool {
        let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else {
            return false;
        };
        let mut memory = self.spare.take(self.params.block_count());
        let mut output = [0; OUTPUT];
        let made = self.argon.hash_password_into_with_memory(
            password.as_bytes(),
            salt,
            &mut output,
            &mut memory,
        );
        // After one pass alone the first blocks would let a password be tried without the memory.
        if self.params.t_cost() > 1 {
            self.spare.put(memory);
        }
        made.is_ok() && bool::from(expected.as_bytes().ct_eq(&output))
    }

    /// Made by today's algorithm, version and parameters.
    fn is_todays(&self, hash: &PasswordHash) -> bool {
        hash.algorithm == Algorithm::Argon2id.ident()
            && hash.version == Some(Version::V0x13.into())
            && hash
                .hash
                .as_ref()
                .is_some_and(|output| output.len() == OUTPUT)
            && Params::try_from(hash).is_ok_and(|params| {
                (params.m_cost(), params.t_cost(), params.p_cost())
                    == (
                        self.params.m_cost(),
                        self.params.t_cost(),
                        self.params.p_cost(),
                    )
            })
    }
}

/// A password too long to be anybody's is hashed as nobody's, at the same cost.
fn fitting(password: &str) -> &str {
    if password.len() <= LONGEST {
        password
    } else {
        ""
    }
}

/// Memory that was hashed in, for the next hash.
#[derive(Default)]
struct Spare(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    memories: Vec<Vec<Block>>,
    /// Somebody waits to give it back.
    ages: bool,
    /// Nobody has taken any since they last looked.
    idle: bool,
}

impl Spare {
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, blocks: usize) -> Vec<Block> {
        let mut kept = self.kept();
        kept.idle = false;
        let memory = kept.memories.pop();
        drop(kept);
        memory.unwrap_or_else(|| vec![Block::default(); blocks])
    }

    fn put(&self, memory: Vec<Block>) {
        self.kept().memories.push(memory);
    }

    /// Whether there is memory that nobody waits to give back yet; from now on somebody does.
    fn begins_to_age(&self) -> bool {
        let mut kept = self.kept();
        let begins = !kept.ages && !kept.memories.is_empty();
        kept.ages |= begins;
        begins
    }

    /// Gives it back if nobody took any since this was last asked; `false`: it is in use still.
    fn ages(&self) -> bool {
        let mut kept = self.kept();
        if !std::mem::replace(&mut kept.idle, true) {
            return false;
        }
        *kept = Kept::default();
        true
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn who_leaves_gives_no_memory_to_the_next_one() {
        let (at_once, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (running, seen) = (Arc::clone(&at_once), Arc::clone(&most));
        // The dice are thrown inside the work: slow ones show how much of it runs at once.
        let dice: Dice = Arc::new(move |bytes: &mut [u8]| {
            let now = running.fetch_add(1, Ordering::SeqCst) + 1;
            seen.fetch_max(now, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(20));
            bytes.fill(7);
            running.fetch_sub(1, Ordering::SeqCst);
        });
        let hashing = Hashing {
            memory_kib: 64,
            passes: 1,
            at_once: 2,
        };
        let pool = Pool::new(hashing, dice).unwrap();
        for _ in 0..40 {
            // A visitor who closes the page at once.
            let asked = pool.hash("x");
            tokio::time::timeout(Duration::from_millis(2), asked)
                .await
                .ok();
        }
        pool.hash("x").await.unwrap();
        assert!((1..=2).contains(&most.load(Ordering::SeqCst)), "{most:?}");
        assert_eq!(pool.waiting.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn memory_is_used_again_and_given_back_when_nobody_comes() {
        let hashing = Hashing {
            memory_kib: 64,
            passes: 2,
            at_once: 2,
        };
        let pool = Pool::new(hashing, Arc::new(|bytes: &mut [u8]| bytes.fill(7))).unwrap();
        let hash = pool.hash("a").await.unwrap();
        let memories = || pool.spare.kept().memories.len();
        for (password, right) in [("a", true), ("b", false), ("a", true), ("", false)] {
            let verdict = pool.verify(password, Some(hash.clone())).await.unwrap();
            assert!(verdict.right == right && !verdict.stale, "{password}");
            assert_eq!(memories(), 1, "{password}");
        }
        // Who looks after it is there once, and finds it used, then idle.
        assert!(!pool.spare.begins_to_age());
        assert!(!pool.spare.ages());
        assert!(pool.verify("a", Some(hash.clone())).await.unwrap().right);
        assert!(!pool.spare.ages());
        assert!(pool.spare.ages());
        assert_eq!(memories(), 0);
        assert!(pool.verify("a", Some(hash)).await.unwrap().right);
        assert_eq!(memories(), 1);
    }

    #[test]
    fn what_was_drawn_is_hashed_lightly_and_taken_like_any_other() {
        let hashing = Hashing {
            memory_kib: 64,
            passes: 1,
            at_once: 1,
        };
        let pool = Pool::new(hashing, Arc::new(|bytes: &mut [u8]| bytes.fill(7))).unwrap();
        let light = pool.hash_drawn("wm4x-Kq7p-tz9d-hv2c").unwrap();
        assert!(light.contains("m=8,"), "{light}");
        let verdict = pool.verify_now("wm4x-Kq7p-tz9d-hv2c", Some(&light));
        assert!(verdict.right && verdict.stale);
        // Today's work is done beside it, and says nothing.
        for wrong in ["wm4x-Kq7p-tz9d-hv2d", "", "nobody knows this one"] {
            assert!(!pool.verify_now(wrong, Some(&light)).right, "{wrong}");
        }
    }

    #[test]
    fn a_hash_of_another_kind_is_stale_and_one_that_is_none_is_wrong() {
        let hashing = Hashing {
            memory_kib: 64,
            passes: 1,
            at_once: 1,
        };
        let pool = Pool::new(hashing, Arc::new(|bytes: &mut [u8]| bytes.fill(7))).unwrap();
        let today = pool.hash_now("a").unwrap();
        let verdict = pool.verify_now("a", Some(&today));
        assert!(verdict.right && !verdict.stale);
        assert!(!pool.verify_now("b", Some(&today)).right);
        assert!(!pool.verify_now("a", None).right);
        let argon2i = Argon2::new(Algorithm::Argon2i, Version::V0x13, pool.params.clone());
        let wider = Params::new(64, 1, 2, None).unwrap();
        let wider = Argon2::new(Algorithm::Argon2id, Version::V0x13, wider);
        for other in [argon2i, wider] {
            let phc: PasswordHash = other.hash_password_with_salt(b"a", &[7; 16]).unwrap();
            let verdict = pool.verify_now("a", Some(&phc.to_string()));
            assert!(verdict.right && verdict.stale, "{phc}");
        }
        for none in [
            "",
            "a",
            "$argon2id$",
            "$2b$10$abc",
            "x".repeat(9_000).as_str(),
        ] {
            assert!(!pool.verify_now("a", Some(none)).right, "{none}");
        }
    }
}
