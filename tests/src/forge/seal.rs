//! Signatures put together by hand: each part can be another than it should be, and the whole is really
//! signed all the same.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::hash::{MessageDigest, hash};
use saml::SigningKey;

const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

/// What a signature says.
#[derive(Debug, Clone)]
pub struct Seal {
    /// `Reference/@URI`.
    pub reference: String,
    /// What stands in `Transforms`, in canonical form.
    pub transforms: String,
    /// `SignatureMethod/@Algorithm`.
    pub algorithm: String,
    /// `DigestMethod/@Algorithm`.
    pub digest_method: String,
    /// `DigestValue`.
    pub digest: String,
    /// What stands behind `SignatureValue`.
    pub behind: String,
}

impl Seal {
    /// As it should be, of the element with that `ID` whose canonical form without a signature is
    /// `canonical`.
    pub fn of(canonical: &str, id: &str, key: &SigningKey) -> Self {
        let digest = hash(MessageDigest::sha256(), canonical.as_bytes()).expect("a digest");
        Self {
            reference: format!("#{id}"),
            transforms: [&format!("{DS}enveloped-signature"), EXCLUSIVE]
                .map(|uri| method("Transform", uri))
                .concat(),
            algorithm: key.algorithm().uri().to_owned(),
            digest_method: SHA256.to_owned(),
            digest: STANDARD.encode(digest),
            behind: String::new(),
        }
    }

    /// The `ds:Signature`, its `SignedInfo` signed by `key`.
    pub fn by(&self, key: &SigningKey) -> String {
        self.with(|info| key.sign(info).expect("signs"))
    }

    /// The same, signed in any way.
    pub fn with(&self, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
        let Self {
            reference,
            transforms,
            digest,
            behind,
            ..
        } = self;
        let inside = format!(
            "{}{}<ds:Reference URI=\"{reference}\"><ds:Transforms>{transforms}</ds:Transforms>{}\
             <ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>",
            method("CanonicalizationMethod", EXCLUSIVE),
            method("SignatureMethod", &self.algorithm),
            method("DigestMethod", &self.digest_method),
        );
        // Exclusive canonical form declares where a prefix is first used.
        let info = format!("<ds:SignedInfo xmlns:ds=\"{DS}\">{inside}");
        let value = STANDARD.encode(sign(info.as_bytes()));
        format!(
            "<ds:Signature xmlns:ds=\"{DS}\"><ds:SignedInfo>{inside}\
             <ds:SignatureValue>{value}</ds:SignatureValue>{behind}</ds:Signature>"
        )
    }
}

/// `xml` with `put` behind its first issuer, where a signature belongs.
pub fn placed(xml: &str, put: &str) -> String {
    const BEFORE: &str = "</saml:Issuer>";
    assert!(xml.contains(BEFORE), "{xml}");
    xml.replacen(BEFORE, &format!("{BEFORE}{put}"), 1)
}

fn method(name: &str, uri: &str) -> String {
    format!("<ds:{name} Algorithm=\"{uri}\"></ds:{name}>")
}
