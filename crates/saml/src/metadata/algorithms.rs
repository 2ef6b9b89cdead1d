//! What an entity declares of how it verifies (SAML V2.0 Metadata Profile for Algorithm Support 2),
//! and how what is signed for it is signed (IIP-MD10).

use std::borrow::Cow;

use super::{IdpRole, SpRole};
use crate::keys::{Algorithm, Digest};
use crate::{Refusal, Rules, SigningKey};

/// `alg:SigningMethod` and `alg:DigestMethod`, in the order of the document, the best first. Empty:
/// nothing is declared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Algorithms {
    /// `alg:SigningMethod`.
    pub signing: Vec<SigningMethod>,
    /// `Algorithm` of `alg:DigestMethod`.
    pub digests: Vec<String>,
}

/// `alg:SigningMethod`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningMethod {
    /// `Algorithm`.
    pub algorithm: String,
    /// `MinKeySize`, bits.
    pub least_bits: Option<u32>,
    /// `MaxKeySize`, bits.
    pub most_bits: Option<u32>,
}

impl SpRole {
    /// `key` as it signs for this service: by the first algorithm and digest of its list that the
    /// key makes and `rules` allow; by the key's own where it declares none.
    ///
    /// # Errors
    /// [`Refusal::NoCommonSignature`]: it declares some, and none fits.
    /// [`Refusal::AlgorithmForbidden`]: it declares none, and `rules` forbid all that the key makes.
    pub fn choose_signing<'k>(
        &self,
        key: &'k SigningKey,
        rules: &Rules,
    ) -> Result<Cow<'k, SigningKey>, Refusal> {
        self.algorithms.choose(key, rules)
    }
}

impl IdpRole {
    /// `key` as it signs for this identity provider; see [`SpRole::choose_signing`].
    pub fn choose_signing<'k>(
        &self,
        key: &'k SigningKey,
        rules: &Rules,
    ) -> Result<Cow<'k, SigningKey>, Refusal> {
        self.algorithms.choose(key, rules)
    }
}

impl Algorithms {
    /// `key` as it signs for whoever declares these.
    pub(crate) fn choose<'k>(
        &self,
        key: &'k SigningKey,
        rules: &Rules,
    ) -> Result<Cow<'k, SigningKey>, Refusal> {
        let algorithm = self.algorithm(key, rules)?;
        let digest = self.digest(rules)?;
        if (algorithm, digest) == (key.algorithm(), key.digest()) {
            return Ok(Cow::Borrowed(key));
        }
        let other = key.by(algorithm, digest);
        other.map(Cow::Owned).ok_or(Refusal::NoCommonSignature)
    }

    fn algorithm(&self, key: &SigningKey, rules: &Rules) -> Result<Algorithm, Refusal> {
        let verifying = key.verifying();
        let fits = |one: &Algorithm| verifying.fits(*one) && !rules.forbids(one.uri());
        if self.signing.is_empty() {
            let own = [key.algorithm()].into_iter().chain(Algorithm::ALL);
            return own
                .into_iter()
                .find(fits)
                .ok_or(Refusal::AlgorithmForbidden {
                    algorithm: key.algorithm().uri(),
                });
        }
        let takes = |method: &&SigningMethod| {
            let bits = verifying.bits();
            method.least_bits.is_none_or(|least| bits >= least)
                && method.most_bits.is_none_or(|most| bits <= most)
        };
        self.signing
            .iter()
            .filter(takes)
            .filter_map(|method| Algorithm::from_uri(&method.algorithm))
            .find(fits)
            .ok_or(Refusal::NoCommonSignature)
    }

    fn digest(&self, rules: &Rules) -> Result<Digest, Refusal> {
        let allowed = |digest: &Digest| !rules.forbids(digest.uri());
        if self.digests.is_empty() {
            let mut own = Digest::ALL.into_iter();
            return own.find(allowed).ok_or(Refusal::AlgorithmForbidden {
                algorithm: Digest::Sha256.uri(),
            });
        }
        self.digests
            .iter()
            .filter_map(|uri| Digest::from_uri(uri))
            .find(allowed)
            .ok_or(Refusal::NoCommonSignature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::generate;
    use crate::{KeyKind, Moment};

    const RSA: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha";
    const ECDSA: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha";

    fn key(kind: KeyKind) -> SigningKey {
        let now = Moment::from_timestamp(1_790_000_000, 0).unwrap();
        let pair = generate(kind, "idp", [1; 16], now, 10).unwrap();
        SigningKey::from_pem(&pair.key_pem, &pair.cert_pem).unwrap()
    }

    fn method(algorithm: &str) -> SigningMethod {
        SigningMethod {
            algorithm: algorithm.to_owned(),
            least_bits: None,
            most_bits: None,
        }
    }

    fn declared(signing: &[&str], digests: &[Digest]) -> Algorithms {
        Algorithms {
            signing: signing.iter().map(|uri| method(uri)).collect(),
            digests: digests.iter().map(|one| one.uri().to_owned()).collect(),
        }
    }

    /// How `key` signs for whoever declares `of`.
    fn chosen(of: &Algorithms, key: &SigningKey) -> Result<(Algorithm, Digest), Refusal> {
        let signer = of.choose(key, &Rules::default())?;
        Ok((signer.algorithm(), signer.digest()))
    }

    #[test]
    fn the_first_that_is_declared_and_can_be_made_is_used() {
        let (rsa, curve) = (key(KeyKind::Rsa2048), key(KeyKind::P256));
        let by = |size: &str| format!("{RSA}{size}");
        let ec = format!("{ECDSA}256");
        let nothing = Algorithms::default();
        assert_eq!(
            chosen(&nothing, &rsa),
            Ok((Algorithm::RsaSha256, Digest::Sha256))
        );
        let all = declared(&[&ec, "urn:odd", &by("512"), &by("256")], &[Digest::Sha384]);
        assert_eq!(
            chosen(&all, &rsa),
            Ok((Algorithm::RsaSha512, Digest::Sha384))
        );
        assert_eq!(
            chosen(&all, &curve),
            Ok((Algorithm::EcdsaSha256, Digest::Sha384))
        );
        // SHA-1, another kind, or nothing that is known: nothing is sent that it cannot verify.
        for only in [
            "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
            "urn:odd",
            ec.as_str(),
        ] {
            let refused = chosen(&declared(&[only], &[]), &rsa);
            assert_eq!(refused, Err(Refusal::NoCommonSignature), "{only}");
        }
        let mut sha1 = declared(&[&by("256")], &[]);
        sha1.digests = vec!["http://www.w3.org/2000/09/xmldsig#sha1".to_owned()];
        assert_eq!(chosen(&sha1, &rsa), Err(Refusal::NoCommonSignature));
    }

    #[test]
    fn sizes_of_keys_are_looked_at() {
        let rsa = key(KeyKind::Rsa2048);
        let bounded = |least, most| Algorithms {
            signing: vec![SigningMethod {
                least_bits: least,
                most_bits: most,
                ..method(Algorithm::RsaSha256.uri())
            }],
            digests: Vec::new(),
        };
        assert!(chosen(&bounded(Some(2048), Some(2048)), &rsa).is_ok());
        for (least, most) in [(Some(3072), None), (None, Some(1024))] {
            let refused = chosen(&bounded(least, most), &rsa);
            assert_eq!(refused, Err(Refusal::NoCommonSignature));
        }
    }

    #[test]
    fn what_is_forbidden_is_not_chosen() {
        let rsa = key(KeyKind::Rsa2048);
        let rules = Rules::default().without(Algorithm::RsaSha256.uri());
        let rules = rules
            .and_then(|rules| rules.without(Digest::Sha256.uri()))
            .unwrap();
        let signer = Algorithms::default()
            .choose(&rsa, &rules)
            .unwrap()
            .into_owned();
        assert_eq!(signer.algorithm(), Algorithm::RsaSha384);
        assert_eq!(signer.digest(), Digest::Sha384);
        let only = declared(&[Algorithm::RsaSha256.uri()], &[]);
        let refused = only.choose(&rsa, &rules).map(drop);
        assert_eq!(refused, Err(Refusal::NoCommonSignature));
        let none = Algorithm::ALL
            .iter()
            .try_fold(rules, |rules, one| rules.without(one.uri()));
        let refused = Algorithms::default().choose(&rsa, &none.unwrap()).map(drop);
        assert!(matches!(refused, Err(Refusal::AlgorithmForbidden { .. })));
    }
}
