//! Passkeys: what a browser says of one is checked here (Web Authentication, level 2, 7.1 and 7.2).
//!
//! Pure: bytes in, a verdict out. No attestation is asked for, so that whoever makes a passkey vouches
//! for it with the session they do it in (7.1, note 21), and its key comes as the browser reads it
//! (5.2.1.1). Keys are those of ES256 and RS256.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Public};
use openssl::sign::Verifier;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Fault;

/// Algorithms that are offered, COSE numbers: ES256, RS256.
pub const ALGORITHMS: [i32; 2] = [-7, -257];
/// Bytes of a credential's name (6.5.2).
const LONGEST_NAME: usize = 1023;
/// Bytes of anything a browser sends here.
const LONGEST: usize = 8 * 1024;

/// User present, user verified, a credential is attached (6.1).
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const ATTACHED: u8 = 0x40;

/// Where a passkey is asked for, and by what question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The origin of our pages: `https://eduline.example`.
    pub origin: String,
    /// Its host: passkeys are made for it.
    pub host: String,
    /// The challenge, base64url.
    pub challenge: String,
}

impl Place {
    /// The place of that origin.
    pub fn of(origin: &str, challenge: String) -> Self {
        let rest = origin.split_once("://").map_or(origin, |(_, rest)| rest);
        let host = rest.rsplit_once(':').map_or(rest, |(host, _)| host);
        Self {
            origin: origin.to_owned(),
            host: host.to_owned(),
            challenge,
        }
    }
}

/// A passkey of somebody. Nothing of it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkey {
    /// Its name, as its authenticator gave it.
    pub credential: Vec<u8>,
    /// Its public key: `SubjectPublicKeyInfo`, DER.
    key: Vec<u8>,
    /// Signatures it had made.
    counter: u32,
}

/// What a browser says of a new one.
pub struct Made {
    /// `clientDataJSON`.
    pub client_data: Vec<u8>,
    /// `getAuthenticatorData()`.
    pub authenticator_data: Vec<u8>,
    /// `getPublicKey()`.
    pub key: Vec<u8>,
}

/// What a browser says of one that is used.
#[derive(Clone)]
pub struct Used {
    /// `rawId`.
    pub credential: Vec<u8>,
    /// `clientDataJSON`.
    pub client_data: Vec<u8>,
    /// `authenticatorData`.
    pub authenticator_data: Vec<u8>,
    /// `signature`.
    pub signature: Vec<u8>,
}

/// Why it does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Wrong {
    /// 7.1.5, 7.2.9: not what a browser sends.
    #[error("the client data or the authenticator data cannot be read")]
    Malformed,
    /// 7.1.7, 7.2.11: made for another purpose.
    #[error("it was made for another ceremony")]
    Type,
    /// 7.1.8, 7.2.12: an answer to another question, or a stale one.
    #[error("it answers another challenge")]
    Challenge,
    /// 7.1.9, 7.2.13: made on another site, or in a frame of one.
    #[error("it was made at another origin")]
    Origin,
    /// 7.1.13, 7.2.15: made for another host.
    #[error("it is of another relying party")]
    Host,
    /// 7.1.14, 7.2.16: nobody touched it.
    #[error("nobody was present")]
    Absent,
    /// 7.1.15, 7.2.17: who touched it did not prove who they are.
    #[error("its user was not verified")]
    Unverified,
    /// 7.1.16: a key of a kind that was not asked for.
    #[error("its key is none that we asked for")]
    Key,
    /// 7.2.20: another key signed, or something else.
    #[error("the signature does not hold")]
    Signature,
    /// 7.2.21: it counts less than before: there may be two of it.
    #[error("its counter went back")]
    Counter,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
    top_origin: Option<String>,
}

impl ClientData {
    fn check(bytes: &[u8], ceremony: &str, place: &Place) -> Result<(), Wrong> {
        if bytes.len() > LONGEST {
            return Err(Wrong::Malformed);
        }
        let read: Self = serde_json::from_slice(bytes).map_err(|_| Wrong::Malformed)?;
        if read.r#type != ceremony {
            return Err(Wrong::Type);
        }
        if place.challenge.is_empty() || read.challenge != place.challenge {
            return Err(Wrong::Challenge);
        }
        if read.origin != place.origin || read.cross_origin || read.top_origin.is_some() {
            return Err(Wrong::Origin);
        }
        Ok(())
    }
}

/// Flags, counter, and what follows.
fn authenticator_data<'a>(bytes: &'a [u8], place: &Place) -> Result<(u8, u32, &'a [u8]), Wrong> {
    if bytes.len() > LONGEST {
        return Err(Wrong::Malformed);
    }
    let (host, rest) = bytes.split_first_chunk::<32>().ok_or(Wrong::Malformed)?;
    let (flags, rest) = rest.split_first().ok_or(Wrong::Malformed)?;
    let (counter, rest) = rest.split_first_chunk::<4>().ok_or(Wrong::Malformed)?;
    if host.as_slice() != Sha256::digest(place.host.as_bytes()).as_slice() {
        return Err(Wrong::Host);
    }
    if flags & PRESENT == 0 {
        return Err(Wrong::Absent);
    }
    Ok((*flags, u32::from_be_bytes(*counter), rest))
}

/// The public key, if it is of a kind we asked for.
fn public_key(der: &[u8]) -> Result<PKey<Public>, Wrong> {
    let key = PKey::public_key_from_der(der).map_err(|_| Wrong::Key)?;
    let is_asked_for = match key.id() {
        Id::EC => {
            let curve = key.ec_key().ok().and_then(|key| key.group().curve_name());
            curve == Some(Nid::X9_62_PRIME256V1)
        }
        Id::RSA => (2048..=4096).contains(&key.bits()),
        _ => false,
    };
    is_asked_for.then_some(key).ok_or(Wrong::Key)
}

impl Made {
    /// The passkey that was made.
    pub fn check(&self, place: &Place) -> Result<Passkey, Wrong> {
        ClientData::check(&self.client_data, "webauthn.create", place)?;
        let (flags, counter, rest) = authenticator_data(&self.authenticator_data, place)?;
        if flags & ATTACHED == 0 {
            return Err(Wrong::Malformed);
        }
        // What kind of authenticator it is (16 bytes) changes nothing.
        let (_, rest) = rest.split_first_chunk::<16>().ok_or(Wrong::Malformed)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(Wrong::Malformed)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let credential = rest.get(..length).ok_or(Wrong::Malformed)?;
        if length == 0 || length > LONGEST_NAME {
            return Err(Wrong::Malformed);
        }
        public_key(&self.key)?;
        Ok(Passkey {
            credential: credential.to_vec(),
            key: self.key.clone(),
            counter,
        })
    }
}

impl Used {
    /// Whether `passkey` signed this, here and for this question; `verified`: its user had to prove
    /// who they are to it. The passkey as it stands now, and whether they did.
    pub fn check(
        &self,
        place: &Place,
        passkey: &Passkey,
        verified: bool,
    ) -> Result<(Passkey, bool), Wrong> {
        ClientData::check(&self.client_data, "webauthn.get", place)?;
        let (flags, counter, _) = authenticator_data(&self.authenticator_data, place)?;
        let is_verified = flags & VERIFIED != 0;
        if verified && !is_verified {
            return Err(Wrong::Unverified);
        }
        let key = public_key(&passkey.key)?;
        let signed = [
            self.authenticator_data.as_slice(),
            &Sha256::digest(&self.client_data),
        ]
        .concat();
        let holds = Verifier::new(MessageDigest::sha256(), &key)
            .and_then(|mut verifier| verifier.verify_oneshot(&self.signature, &signed));
        // Bytes that are no signature at all are an error of the library: no more than wrong.
        if !holds.unwrap_or(false) {
            return Err(Wrong::Signature);
        }
        // Those that count nothing always say zero.
        if (counter != 0 || passkey.counter != 0) && counter <= passkey.counter {
            return Err(Wrong::Counter);
        }
        let passkey = Passkey {
            counter,
            ..passkey.clone()
        };
        Ok((passkey, is_verified))
    }
}

/// base64url, as pages and forms carry bytes.
pub fn written(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads base64url; what is none, or too long, is nothing.
pub fn read(text: &str) -> Vec<u8> {
    if text.len() > 2 * LONGEST {
        return Vec::new();
    }
    URL_SAFE_NO_PAD.decode(text).unwrap_or_default()
}

/// The passkeys of people: factors ([`crate::factors::Factors::list`] lists and removes them too).
#[async_trait::async_trait]
pub trait Passkeys: Send + Sync + 'static {
    /// Those of a person.
    async fn of(&self, person: &str) -> Result<Vec<Passkey>, Fault>;
    /// Adds one. [`Fault::Unfit`] when there are [`crate::factors::AT_MOST`] factors, or it is there.
    async fn add(
        &self,
        person: &str,
        (name, passkey): (&str, &Passkey),
        now: DateTime<Utc>,
    ) -> Result<(), Fault>;
    /// Whether one of the person's passkeys signed this ([`Used::check`]); of several processes that
    /// are shown the same, the one that comes first says so when the passkey counts.
    async fn prove(
        &self,
        person: &str,
        (place, used): (&Place, &Used),
        verified: bool,
        now: DateTime<Utc>,
    ) -> Result<Result<(), Wrong>, Fault>;
}

#[cfg(test)]
pub(crate) mod tests {
    use openssl::ec::{EcGroup, EcKey};
    use openssl::pkey::Private;
    use openssl::rsa::Rsa;
    use openssl::sign::Signer;

    use super::*;

    /// An authenticator.
    pub(crate) struct Device {
        key: PKey<Private>,
        credential: Vec<u8>,
        pub(crate) counter: u32,
        flags: u8,
    }

    pub(crate) fn place() -> Place {
        Place::of("https://eduline.example", "Y2hhbGxlbmdl".to_owned())
    }

    impl Device {
        pub(crate) fn new(credential: &[u8]) -> Self {
            let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
            let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
            Self {
                key,
                credential: credential.to_vec(),
                counter: 0,
                flags: PRESENT | VERIFIED,
            }
        }

        fn data(&self, host: &str, flags: u8) -> Vec<u8> {
            let host = Sha256::digest(host.as_bytes());
            [host.as_slice(), &[flags], &self.counter.to_be_bytes()].concat()
        }

        pub(crate) fn made(&self, place: &Place) -> Made {
            let length = u16::try_from(self.credential.len()).unwrap().to_be_bytes();
            let attached = [&[0; 16], length.as_slice(), &self.credential, b"COSE"].concat();
            let data = self.data(&place.host, self.flags | ATTACHED);
            Made {
                client_data: client("webauthn.create", place),
                authenticator_data: [data, attached].concat(),
                key: self.key.public_key_to_der().unwrap(),
            }
        }

        pub(crate) fn used(&self, place: &Place) -> Used {
            let data = self.data(&place.host, self.flags);
            self.signed(client("webauthn.get", place), data)
        }

        fn signed(&self, client_data: Vec<u8>, authenticator_data: Vec<u8>) -> Used {
            let mut signer = Signer::new(MessageDigest::sha256(), &self.key).unwrap();
            signer.update(&authenticator_data).unwrap();
            signer.update(&Sha256::digest(&client_data)).unwrap();
            Used {
                credential: self.credential.clone(),
                client_data,
                authenticator_data,
                signature: signer.sign_to_vec().unwrap(),
            }
        }
    }

    fn client(ceremony: &str, place: &Place) -> Vec<u8> {
        let (challenge, origin) = (&place.challenge, &place.origin);
        format!(r#"{{"type":"{ceremony}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false,"other_keys_can_be_added_here":1}}"#)
            .into_bytes()
    }

    #[test]
    fn hosts_are_those_of_origins() {
        for (origin, host) in [
            ("https://eduline.example", "eduline.example"),
            ("http://localhost:8080", "localhost"),
        ] {
            assert_eq!(Place::of(origin, String::new()).host, host);
        }
    }

    #[test]
    fn a04_what_a_passkey_signed_here_counts() {
        let mut device = Device::new(b"one");
        let passkey = device.made(&place()).check(&place()).unwrap();
        let (passkey, verified) = device
            .used(&place())
            .check(&place(), &passkey, true)
            .unwrap();
        assert!(verified && passkey.credential == b"one");
        device.counter = 4;
        let (passkey, _) = device
            .used(&place())
            .check(&place(), &passkey, true)
            .unwrap();
        device.key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let rsa = device.made(&place()).check(&place()).unwrap();
        device.counter = 5;
        device.used(&place()).check(&place(), &rsa, true).unwrap();
        let wrong = device.used(&place()).check(&place(), &passkey, true);
        assert_eq!(wrong, Err(Wrong::Signature));
    }

    #[test]
    fn a04_a_passkey_that_was_made_elsewhere_or_otherwise_is_refused() {
        let device = Device::new(b"one");
        let of = |change: &dyn Fn(&mut Made)| {
            let mut made = device.made(&place());
            change(&mut made);
            made.check(&place()).unwrap_err()
        };
        let other = |change: fn(&mut Place)| {
            let mut other = place();
            change(&mut other);
            device.made(&other).check(&place()).unwrap_err()
        };
        assert_eq!(other(|place| place.challenge.push('A')), Wrong::Challenge);
        assert_eq!(other(|place| place.origin.push('x')), Wrong::Origin);
        assert_eq!(other(|place| place.host.push('x')), Wrong::Host);
        let get = of(&|made| made.client_data = client("webauthn.get", &place()));
        assert_eq!(get, Wrong::Type);
        let framed = of(&|made| {
            let text = String::from_utf8(made.client_data.clone()).unwrap();
            made.client_data = text.replace("false", "true").into_bytes();
        });
        assert_eq!(framed, Wrong::Origin);
        assert_eq!(
            of(&|made| made.authenticator_data[32] ^= PRESENT),
            Wrong::Absent
        );
        let changes: [fn(&mut Made); 9] = [
            |made| made.authenticator_data[32] ^= ATTACHED,
            |made| made.authenticator_data.truncate(36),
            |made| made.authenticator_data.truncate(54),
            |made| made.authenticator_data.truncate(57),
            |made| made.authenticator_data[53] = 255,
            |made| made.authenticator_data[54] = 0,
            |made| made.client_data.clear(),
            |made| made.client_data = b"[]".to_vec(),
            |made| made.client_data.extend([b' '; LONGEST]),
        ];
        for change in changes {
            assert_eq!(of(&change), Wrong::Malformed);
        }
        let group = EcGroup::from_curve_name(Nid::SECP384R1).unwrap();
        let p384 = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let small = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
        let keys = [p384, small, PKey::generate_ed25519().unwrap()];
        let keys = keys.iter().map(|key| key.public_key_to_der().unwrap());
        for der in keys.chain([Vec::new(), b"key".to_vec()]) {
            assert_eq!(of(&|made| made.key.clone_from(&der)), Wrong::Key);
        }
    }

    #[test]
    fn a04_what_another_signed_or_for_another_is_refused() {
        let mut device = Device::new(b"one");
        let passkey = device.made(&place()).check(&place()).unwrap();
        let check = |used: &Used| used.check(&place(), &passkey, true).unwrap_err();
        let other = |change: fn(&mut Place)| {
            let mut other = place();
            change(&mut other);
            check(&device.used(&other))
        };
        assert_eq!(other(|place| place.challenge.push('A')), Wrong::Challenge);
        assert_eq!(other(|place| place.challenge.clear()), Wrong::Challenge);
        assert_eq!(other(|place| place.origin.push('x')), Wrong::Origin);
        assert_eq!(other(|place| place.host.push('x')), Wrong::Host);
        let made = device.signed(
            client("webauthn.create", &place()),
            device.data(&place().host, device.flags),
        );
        assert_eq!(check(&made), Wrong::Type);
        assert_eq!(check(&Device::new(b"one").used(&place())), Wrong::Signature);
        // Whatever is changed after it was signed.
        let used = device.used(&place());
        let changed = |change: fn(&mut Used)| {
            let mut used = used.clone();
            change(&mut used);
            check(&used)
        };
        assert_eq!(
            changed(|used| used.authenticator_data[36] += 1),
            Wrong::Signature
        );
        assert_eq!(
            changed(|used| used.client_data.push(b' ')),
            Wrong::Signature
        );
        assert_eq!(changed(|used| used.signature.clear()), Wrong::Signature);
        assert_eq!(changed(|used| used.signature[8] ^= 1), Wrong::Signature);
        assert_eq!(
            changed(|used| used.authenticator_data.clear()),
            Wrong::Malformed
        );
        // Nobody there, or nobody known.
        device.flags = PRESENT;
        assert_eq!(check(&device.used(&place())), Wrong::Unverified);
        assert!(
            device
                .used(&place())
                .check(&place(), &passkey, false)
                .is_ok()
        );
        device.flags = VERIFIED;
        assert_eq!(check(&device.used(&place())), Wrong::Absent);
        // A copy of it counts less.
        device.flags = PRESENT | VERIFIED;
        device.counter = 7;
        let (now, _) = device
            .used(&place())
            .check(&place(), &passkey, true)
            .unwrap();
        for counter in [7, 6, 0] {
            device.counter = counter;
            let copy = device.used(&place()).check(&place(), &now, true);
            assert_eq!(copy.unwrap_err(), Wrong::Counter, "{counter}");
        }
    }
}
