//! Why an answer was believed, kept beside a session for a service that shows it.

use saml::examine::Check;
use saml::response::{Response, ResponseExpected};
use saml::{Rules, Verified, VerifyingKey};
use serde::{Deserialize, Serialize};

/// What was checked of one answer, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// SHA-256 of the certificate of the key that verified it, hexadecimal: what people compare by telephone.
    pub certificate: Option<String>,
    /// The algorithms that its signatures, and what was encrypted in it, rest on: URIs.
    pub algorithms: Vec<String>,
    /// Every rule, in the order in which it was applied; all were obeyed, or there would be no session.
    pub checks: Vec<Seen>,
}

/// One rule that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// [`Check::name`], or one of [`Evidence::OWN`].
    pub name: String,
    /// Where it is written.
    pub clause: String,
    /// [`saml::examine::Verdict::word`].
    pub verdict: String,
    /// What was found.
    pub found: Option<String>,
}

impl Evidence {
    /// Names of what is checked at the landing itself, beside [`saml::examine::NAMES`].
    pub const OWN: [&'static str; 3] = ["once", "scopes", "browser"];

    /// What room `saml` checks, of an answer that one of `keys` verified.
    pub(crate) fn of(
        verified: &Verified<Response>,
        keys: &[VerifyingKey],
        expected: &ResponseExpected<'_>,
        rules: &Rules,
    ) -> Self {
        let key = verified.key();
        let named = keys.iter().find(|one| Some(one.fingerprint()) == key);
        let signature = key.map(|key| seen("signature", "XML Signature 3.2", Some(key)));
        let checks = verified.checks(expected, rules);
        let checks = checks.iter().map(Seen::of);
        let mut algorithms: Vec<String> = Vec::new();
        for uri in verified.algorithms() {
            if algorithms.iter().all(|one| one != uri) {
                algorithms.push((*uri).to_owned());
            }
        }
        Self {
            certificate: named.map(VerifyingKey::certificate_fingerprint),
            algorithms,
            checks: signature.into_iter().chain(checks).collect(),
        }
    }

    /// The same, with what the landing saw to: the assertion was spent here, `stripped` lost values, and the
    /// browser will have to be the one that asked before there is a session.
    #[must_use]
    pub(crate) fn landed(mut self, assertion: &str, stripped: &[String]) -> Self {
        let stripped = (!stripped.is_empty()).then(|| stripped.join(" "));
        self.checks.extend([
            seen("once", "SAML Profiles 4.1.4.5", Some(assertion)),
            seen("scopes", "SDP-SP17", stripped.as_deref()),
            seen("browser", "SECURITY 11", None),
        ]);
        self
    }
}

impl Seen {
    fn of(check: &Check) -> Self {
        Self {
            name: check.name.to_owned(),
            clause: check.clause.to_owned(),
            verdict: check.verdict.word().to_owned(),
            found: check.found.clone(),
        }
    }
}

fn seen(name: &str, clause: &str, found: Option<&str>) -> Seen {
    Seen {
        name: name.to_owned(),
        clause: clause.to_owned(),
        verdict: "holds".to_owned(),
        found: found.map(str::to_owned),
    }
}
