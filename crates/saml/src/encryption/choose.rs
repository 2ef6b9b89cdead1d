//! Which key and which algorithms, by what a service declares (IIP-MD08, IIP-MD10).

use super::{
    DataAlgorithm, Encryption, EncryptionKey, EncryptionMethod, KeyTransport, Legacy, OaepDigest,
};
use crate::metadata::{IdpRole, SpRole};
use crate::{Refusal, Rules};

impl SpRole {
    /// How assertions for this service are encrypted: the first of its RSA keys, and for it the
    /// first algorithms of its list that are known here. `None`: it publishes no key to encrypt
    /// for. What `legacy` allows is used where nothing better is declared, and where nothing is
    /// declared at all.
    ///
    /// # Errors
    /// [`Refusal::NoCommonEncryption`]: it publishes keys, and none can be used as it declares.
    pub fn choose_encryption(&self, legacy: Legacy) -> Result<Option<Encryption>, Refusal> {
        choose(&self.encryption_keys, legacy, &Rules::default())
    }

    /// The same by the rules of a deployment.
    pub fn choose_encryption_by(
        &self,
        legacy: Legacy,
        rules: &Rules,
    ) -> Result<Option<Encryption>, Refusal> {
        choose(&self.encryption_keys, legacy, rules)
    }
}

impl IdpRole {
    /// How what is said to this identity provider is encrypted; see
    /// [`SpRole::choose_encryption`].
    pub fn choose_encryption(&self, legacy: Legacy) -> Result<Option<Encryption>, Refusal> {
        choose(&self.encryption_keys, legacy, &Rules::default())
    }
}

fn choose(
    keys: &[EncryptionKey],
    legacy: Legacy,
    rules: &Rules,
) -> Result<Option<Encryption>, Refusal> {
    if keys.is_empty() {
        return Ok(None);
    }
    let mut usable = keys.iter().filter(|key| key.key.is_rsa());
    usable
        .find_map(|key| for_key(key, legacy, rules))
        .map(Some)
        .ok_or(Refusal::NoCommonEncryption)
}

fn for_key(key: &EncryptionKey, legacy: Legacy, rules: &Rules) -> Option<Encryption> {
    Some(Encryption {
        key: key.key.clone(),
        data: data(&key.methods, legacy, rules)?,
        transport: transport(&key.methods, legacy, rules)?,
    })
}

/// The first declared; AES-256-GCM for a service that declares none (SDP-ALG01).
fn data(methods: &[EncryptionMethod], legacy: Legacy, rules: &Rules) -> Option<DataAlgorithm> {
    let allowed = |data: &DataAlgorithm| !rules.forbids(data.uri());
    let declared = || methods.iter().filter(|method| !is_transport(method));
    if declared().next().is_none() {
        let old = legacy.cbc.then_some(DataAlgorithm::Aes256Cbc);
        let usual = [DataAlgorithm::Aes256Gcm, DataAlgorithm::Aes128Gcm];
        return old.into_iter().chain(usual).find(allowed);
    }
    let known = || {
        let known = declared().filter_map(|method| DataAlgorithm::from_uri(&method.algorithm));
        known.filter(allowed)
    };
    known()
        .find(|data| !data.is_cbc())
        .or_else(|| known().find(|_| legacy.cbc))
}

/// The first declared; `rsa-oaep-mgf1p` with SHA-1 for a service that declares none (SDP-ALG01).
fn transport(methods: &[EncryptionMethod], legacy: Legacy, rules: &Rules) -> Option<KeyTransport> {
    let allowed = |transport: &KeyTransport| {
        let mut uris = transport.uris().into_iter();
        uris.all(|uri| !rules.forbids(uri))
    };
    let declared = || methods.iter().filter(|method| is_transport(method));
    if declared().next().is_none() {
        let old = legacy.pkcs1.then_some(KeyTransport::Pkcs1);
        let sha256 = OaepDigest::Sha256;
        let usual = [
            KeyTransport::OaepMgf1p(OaepDigest::Sha1),
            KeyTransport::OaepMgf1p(sha256),
            KeyTransport::Oaep {
                digest: sha256,
                mask: sha256,
            },
        ];
        return old.into_iter().chain(usual).find(allowed);
    }
    let known = || declared().filter_map(KeyTransport::of).filter(allowed);
    known()
        .find(|transport| *transport != KeyTransport::Pkcs1)
        .or_else(|| known().find(|_| legacy.pkcs1))
}

/// Whether a method encrypts keys (XML Encryption 1.1, 5.5 to 5.7): a list of those alone says
/// nothing of how content is encrypted, and the reverse.
fn is_transport(method: &EncryptionMethod) -> bool {
    let name = method.algorithm.rsplit('#').next().unwrap_or_default();
    ["rsa-", "kw-", "dh", "ECDH-"]
        .iter()
        .any(|start| name.starts_with(start))
}
