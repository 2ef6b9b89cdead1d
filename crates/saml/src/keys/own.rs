//! Our own keys over time: next → current → retired, and where they hang while they change.

use std::sync::{Arc, PoisonError, RwLock};

use super::{SigningKey, VerifyingKey};

/// The signing keys of one entity of ours as they stand: one signs, all are published.
#[derive(Debug)]
pub struct OwnKeys {
    current: Arc<SigningKey>,
    published: Vec<VerifyingKey>,
    certificates: Vec<String>,
    mark: String,
}

impl OwnKeys {
    /// `current` signs; `others` are published after it: the one that comes next, those that went.
    /// Of keys that stand twice the first counts.
    pub fn new(current: Arc<SigningKey>, others: impl IntoIterator<Item = VerifyingKey>) -> Self {
        let mut published = vec![current.verifying()];
        for other in others {
            if !published.contains(&other) {
                published.push(other);
            }
        }
        Self {
            certificates: published.iter().map(VerifyingKey::certificate).collect(),
            mark: published
                .iter()
                .map(VerifyingKey::certificate_fingerprint)
                .collect::<Vec<_>>()
                .join(" "),
            current,
            published,
        }
    }

    /// One key, that nothing follows or precedes.
    pub fn alone(current: Arc<SigningKey>) -> Self {
        Self::new(current, [])
    }

    /// The key that signs.
    pub fn current(&self) -> &SigningKey {
        &self.current
    }

    /// What others verify with, current first.
    pub fn published(&self) -> &[VerifyingKey] {
        &self.published
    }

    /// The certificates of the same, base64 of DER, as metadata carries them.
    pub fn certificates(&self) -> Vec<&str> {
        self.certificates.iter().map(String::as_str).collect()
    }

    /// Names this state of things: another one has another mark.
    pub fn mark(&self) -> &str {
        &self.mark
    }
}

/// Where something hangs that is replaced as a whole while others use it. Who took it keeps what
/// they took.
#[derive(Debug)]
pub struct Hook<T>(RwLock<Arc<T>>);

impl<T> Hook<T> {
    /// A hook with `first` on it.
    pub fn new(first: T) -> Self {
        Self(RwLock::new(Arc::new(first)))
    }

    /// What hangs there now.
    pub fn now(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hangs up another.
    pub fn hang(&self, another: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(another);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Algorithm, Holder, KeyFault, KeyKind, generate};
    use crate::{Moment, Refusal};

    fn key(seed: u8) -> Arc<SigningKey> {
        let now = Moment::from_timestamp(1_790_000_000, 0).unwrap();
        let pair = generate(KeyKind::P256, "idp", [seed; 16], now, 10).unwrap();
        Arc::new(SigningKey::from_pem(&pair.key_pem, &pair.cert_pem).unwrap())
    }

    #[test]
    fn the_key_that_signs_is_published_first_and_each_once() {
        let (one, two, three) = (key(1), key(2), key(3));
        let others = [one.verifying(), two.verifying(), three.verifying()];
        let keys = OwnKeys::new(Arc::clone(&two), others);
        assert_eq!(keys.current().verifying(), two.verifying());
        assert_eq!(
            keys.certificates(),
            [two.certificate(), one.certificate(), three.certificate()]
        );
        assert_eq!(keys.published().len(), 3);
        let fewer = OwnKeys::new(Arc::clone(&two), [one.verifying()]);
        assert_ne!(keys.mark(), fewer.mark());
        assert_ne!(fewer.mark(), OwnKeys::new(one, [two.verifying()]).mark());
    }

    #[test]
    fn who_took_a_key_keeps_it_while_another_is_hung_up() {
        let hook = Hook::new(OwnKeys::alone(key(1)));
        let taken = hook.now();
        hook.hang(OwnKeys::alone(key(2)));
        assert_ne!(taken.mark(), hook.now().mark());
    }

    /// A token that signs, or does not.
    struct Pretend(Option<Arc<SigningKey>>);

    impl Holder for Pretend {
        fn sign(&self, algorithm: Algorithm, bytes: &[u8]) -> Result<Vec<u8>, KeyFault> {
            let key = self.0.as_ref();
            let key = key.ok_or_else(|| KeyFault::Away("unplugged".to_owned()))?;
            assert_eq!(algorithm, key.algorithm());
            key.sign(bytes)
        }
    }

    #[test]
    fn a_key_held_elsewhere_signs_under_its_certificate_or_says_that_it_is_away() {
        let now = Moment::from_timestamp(1_790_000_000, 0).unwrap();
        let pair = generate(KeyKind::P256, "idp", [9; 16], now, 10).unwrap();
        let here = Arc::new(SigningKey::from_pem(&pair.key_pem, &pair.cert_pem).unwrap());
        let held = |holder| SigningKey::held(&pair.cert_pem, Arc::new(Pretend(holder))).unwrap();
        let signs = held(Some(Arc::clone(&here)));
        assert!(signs.is_held() && !here.is_held());
        let signature = signs.sign(b"bytes").unwrap();
        assert!(
            here.verifying()
                .verifies(signs.algorithm(), b"bytes", &signature)
        );
        let why = held(None).sign(b"bytes").unwrap_err();
        assert!(matches!(&why, KeyFault::Away(_)), "{why}");
        let Refusal::NotComposed { why } = why.refusal() else {
            panic!("another refusal");
        };
        assert!(why.contains("away"), "{why}");
    }
}
