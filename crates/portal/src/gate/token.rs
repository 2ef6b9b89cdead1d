//! What the gate says of somebody, signed for one application: a JSON Web Signature (RFC 7515, compact),
//! HS256 (RFC 7518 3.2), with claims of RFC 7519.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde_json::json;
use sha2::Sha256;

/// Seconds a token is good for: one request of one application, and the clocks of two machines.
pub(crate) const LASTS_S: i64 = 60;

/// What the keys of applications are made from; the same in every process of a deployment.
#[derive(Clone)]
pub struct GateSecret([u8; 32]);

/// What is said of somebody.
#[derive(Serialize)]
pub(crate) struct Claims<'a> {
    /// Who says it: the public address.
    pub iss: String,
    /// To which application.
    pub aud: &'a str,
    /// The login; two providers may use the same one.
    pub sub: &'a str,
    /// The provider they signed in at.
    pub idp: &'a str,
    pub name: String,
    pub profile: Option<&'a str>,
    /// The main one first.
    pub functions: &'a [String],
    /// When, seconds since 1970.
    pub iat: i64,
    pub exp: i64,
}

impl GateSecret {
    /// Keys made from these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key of one application: 43 characters, taken as they are (ASCII) for HS256. It proves who came
    /// to that application and opens nothing else.
    pub fn key_of(&self, application: &str) -> String {
        let made = mac(&self.0, format!("gate:{application}").as_bytes());
        URL_SAFE_NO_PAD.encode(made)
    }

    /// The claims, signed with the key of the application they are for.
    pub(crate) fn sign(&self, claims: &Claims<'_>) -> String {
        let header = json!({ "alg": "HS256", "typ": "JWT", "kid": claims.aud }).to_string();
        let claims_json = serde_json::to_string(claims).unwrap_or_default();
        let said = [header, claims_json]
            .map(|part| URL_SAFE_NO_PAD.encode(part))
            .join(".");
        let proof = mac(self.key_of(claims.aud).as_bytes(), said.as_bytes());
        format!("{said}.{}", URL_SAFE_NO_PAD.encode(proof))
    }
}

fn mac(key: &[u8], said: &[u8]) -> Vec<u8> {
    // HMAC takes a key of any length: this cannot fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(said);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_application_has_a_key_of_its_own() {
        let secret = GateSecret::new([7; 32]);
        let key = secret.key_of("carnet");
        assert_eq!(key.len(), 43);
        assert_eq!(key, secret.key_of("carnet"));
        assert_ne!(key, secret.key_of("carnet2"));
        assert_ne!(key, GateSecret::new([8; 32]).key_of("carnet"));
    }

    #[test]
    fn the_signature_is_that_of_rfc_7515() {
        // RFC 7515 A.1: the key, what is signed, the signature.
        let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let key = URL_SAFE_NO_PAD.decode(key).unwrap();
        let said = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let proof = URL_SAFE_NO_PAD.encode(mac(&key, said.as_bytes()));
        assert_eq!(proof, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    }
}
