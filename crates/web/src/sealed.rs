//! What is kept for one browser, closed so that whoever reads the shelf reads nothing: AES-256-GCM
//! under a key that takes both the deployment's and the browser's cookie.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Aead, Payload};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{Refused, Visit};

/// Bytes of a nonce (NIST SP 800-38D 5.2.1.1).
const NONCE: usize = 12;

impl Visit {
    /// Closes `plain` for this browser and `purpose`: for another of either, or in another
    /// deployment, it does not open.
    pub fn close_for_browser(&self, purpose: &str, plain: &[u8]) -> Result<String, Refused> {
        let nonce: [u8; NONCE] = self.edge().random();
        let key = (self.edge().csrf_key(), self.browser());
        close(key, purpose, nonce, plain)
            .ok_or_else(|| Refused::away("EDU-6009", "what is kept cannot be closed"))
    }

    /// Opens what [`Visit::close_for_browser`] closed; `None`: it was for somebody else, or changed.
    pub fn open_for_browser(&self, purpose: &str, closed: &str) -> Option<Vec<u8>> {
        let key = (self.edge().csrf_key(), self.browser());
        open(key, purpose, closed)
    }
}

fn close(
    key: (&[u8; 32], &str),
    purpose: &str,
    nonce: [u8; NONCE],
    plain: &[u8],
) -> Option<String> {
    let payload = Payload {
        msg: plain,
        aad: purpose.as_bytes(),
    };
    let closed = cipher(key)?.encrypt(&nonce.into(), payload).ok()?;
    Some(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &closed].concat()))
}

fn open(key: (&[u8; 32], &str), purpose: &str, closed: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(closed).ok()?;
    let (nonce, closed) = bytes.split_first_chunk::<NONCE>()?;
    let payload = Payload {
        msg: closed,
        aad: purpose.as_bytes(),
    };
    cipher(key)?.decrypt(&(*nonce).into(), payload).ok()
}

/// A form token's MAC begins with a browser, this one with a word that is none.
fn cipher((key, browser): (&[u8; 32], &str)) -> Option<Aes256Gcm> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(b"closed for the browser ");
    mac.update(browser.as_bytes());
    Aes256Gcm::new_from_slice(&mac.finalize().into_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_closed_opens_for_its_browser_its_purpose_and_its_deployment_only() {
        let (key, other) = ([1; 32], [2; 32]);
        let closed = close((&key, "b"), "form", [3; NONCE], "né".as_bytes()).unwrap();
        let opened = open((&key, "b"), "form", &closed);
        assert_eq!(opened.as_deref(), Some("né".as_bytes()));
        assert_eq!(open((&key, "c"), "form", &closed), None, "another browser");
        assert_eq!(open((&key, "b"), "x", &closed), None, "another purpose");
        assert_eq!(open((&other, "b"), "form", &closed), None, "another house");
        let mut changed = closed.clone();
        changed.replace_range(..1, if closed.starts_with('A') { "B" } else { "A" });
        for bad in ["", "x", "é", "AAAA", &changed, &closed[4..]] {
            assert_eq!(open((&key, "b"), "form", bad), None, "{bad}");
        }
    }
}
