//! What a deployment decides for every message: how far clocks may differ (IIP-G01), and which
//! algorithms it wants nothing to do with (IIP-ALG08).
//!
//! What is verified remembers the algorithms it rests on; the rules are applied where a message is
//! accepted, and where one of ours is about to be made.

use std::borrow::Cow;

use chrono::Duration;

use crate::encryption::{DataAlgorithm, KeyTransport, OaepDigest};
use crate::keys::{Algorithm, Digest};
use crate::metadata::Algorithms;
use crate::{Moment, Refusal, SigningKey};

/// How far clocks may differ when nobody says otherwise (SDP-G01: 3 to 5 minutes).
pub const SKEW_S: u32 = 180;
/// The most that may be allowed: a wider one would let old messages in (IIP-G01).
pub const MOST_SKEW_S: u32 = 300;

/// How long a message may be under way beyond what clocks differ by: a browser carries it, and a
/// person may stand on the page that made it.
const UNDER_WAY: Duration = Duration::seconds(120);

/// Algorithms that are taken under no rules: forbidding them is right, and changes nothing.
const NEVER: [&str; 11] = [
    "http://www.w3.org/2001/04/xmldsig-more#md5",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
    "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
    "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1",
    "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
    "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#hmac-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#hmac-sha512",
    "http://www.w3.org/2001/04/xmlenc#tripledes-cbc",
    "http://www.w3.org/2001/04/xmlenc#aes192-cbc",
];

/// The rules of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    skew: Duration,
    forbidden: Vec<&'static str>,
}

/// A name that no algorithm known here has: most likely a slip of the pen, and nothing would be
/// forbidden by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no algorithm known here is called {0:?}")]
pub struct UnknownAlgorithm(pub String);

impl Default for Rules {
    fn default() -> Self {
        Self {
            skew: Duration::seconds(i64::from(SKEW_S)),
            forbidden: Vec::new(),
        }
    }
}

impl Rules {
    /// The same, with clocks that may differ by so many seconds each way; [`MOST_SKEW_S`] at most.
    #[must_use]
    pub fn within(self, skew_s: u32) -> Self {
        Self {
            skew: Duration::seconds(i64::from(skew_s.min(MOST_SKEW_S))),
            ..self
        }
    }

    /// The same, without the algorithm of this URI, wherever it would be used.
    pub fn without(mut self, uri: &str) -> Result<Self, UnknownAlgorithm> {
        let known = known().find(|known| *known == uri);
        let known = known.ok_or_else(|| UnknownAlgorithm(uri.to_owned()))?;
        if !self.forbids(known) {
            self.forbidden.push(known);
        }
        Ok(self)
    }

    /// Whether an algorithm is forbidden.
    pub fn forbids(&self, uri: &str) -> bool {
        self.forbidden.contains(&uri)
    }

    /// `key` as it signs for everybody who declares nothing.
    ///
    /// # Errors
    /// [`Refusal::AlgorithmForbidden`]: all that it makes is forbidden.
    pub fn signer<'k>(&self, key: &'k SigningKey) -> Result<Cow<'k, SigningKey>, Refusal> {
        Algorithms::default().choose(key, self)
    }

    /// How far clocks may differ, each way.
    pub(crate) fn skew(&self) -> Duration {
        self.skew
    }

    /// How far an `IssueInstant` may lie from ours, each way.
    pub(crate) fn fresh(&self) -> Duration {
        self.skew + UNDER_WAY
    }

    /// The same under the widest rules there can be.
    pub(crate) fn fresh_at_most(at: Moment) -> Moment {
        at + Duration::seconds(i64::from(MOST_SKEW_S)) + UNDER_WAY
    }

    /// Refuses what rests on an algorithm that is forbidden (IIP-ALG08).
    pub(crate) fn allow(&self, used: &[&'static str]) -> Result<(), Refusal> {
        match used.iter().find(|uri| self.forbids(uri)) {
            Some(algorithm) => Err(Refusal::AlgorithmForbidden { algorithm }),
            None => Ok(()),
        }
    }
}

/// Every algorithm that has a name here.
fn known() -> impl Iterator<Item = &'static str> {
    let signatures = Algorithm::ALL.into_iter().map(Algorithm::uri);
    let digests = Digest::ALL.into_iter().map(Digest::uri);
    let data = DataAlgorithm::ALL.into_iter().map(DataAlgorithm::uri);
    let oaep = OaepDigest::ALL.into_iter();
    let oaep = oaep.flat_map(|digest| [digest.uri(), digest.mask_uri()]);
    signatures
        .chain(digests)
        .chain(data)
        .chain(KeyTransport::URIS)
        .chain(oaep)
        .chain(NEVER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_forbids_nothing_and_is_told() {
        let uri = Algorithm::RsaSha256.uri();
        let rules = Rules::default().without(uri).unwrap();
        assert!(rules.forbids(uri) && !rules.forbids(Algorithm::RsaSha384.uri()));
        for slip in ["", "rsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha257"] {
            let told = Rules::default().without(slip);
            assert_eq!(told, Err(UnknownAlgorithm(slip.to_owned())));
        }
        for uri in known() {
            assert!(Rules::default().without(uri).unwrap().forbids(uri), "{uri}");
        }
    }

    #[test]
    fn clocks_never_differ_by_more_than_five_minutes() {
        assert_eq!(Rules::default().skew().num_seconds(), 180);
        assert_eq!(Rules::default().within(0).skew().num_seconds(), 0);
        assert_eq!(Rules::default().within(3600).skew().num_seconds(), 300);
        assert_eq!(Rules::default().fresh().num_seconds(), 300);
    }
}
