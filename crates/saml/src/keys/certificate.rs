//! Certificates of our own keys: they publish a key, and prove nothing else (IIP-MD12).

use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private, Public};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509Builder, X509NameBuilder};

use super::{Algorithm, Holder, KeyFault, KeyKind};
use crate::Moment;

/// What a self-signed certificate says.
pub struct Subject<'a> {
    /// Whom it names; of more than X.520's 64 characters the last ones.
    pub common_name: &'a str,
    /// Its number.
    pub serial: [u8; 16],
    /// From when on it is valid.
    pub now: Moment,
    /// For how many days.
    pub days: u32,
}

/// The public half of a key that somebody else holds.
pub enum PublicHalf {
    /// RSA: both numbers, big-endian.
    Rsa {
        /// The modulus.
        modulus: Vec<u8>,
        /// The public exponent.
        exponent: Vec<u8>,
    },
    /// A point of P-256 (SEC 1 2.3.3).
    P256(Vec<u8>),
}

/// A certificate of a key that `holder` holds, which signs it; PEM. Refused when what was signed
/// does not verify: `holder` has another key then.
pub fn certify(
    public: &PublicHalf,
    holder: &dyn Holder,
    subject: &Subject<'_>,
) -> Result<String, KeyFault> {
    let (key, algorithm, kind) = match public {
        PublicHalf::Rsa { modulus, exponent } => {
            let (modulus, exponent) = (BigNum::from_slice(modulus)?, BigNum::from_slice(exponent)?);
            let key = Rsa::from_public_components(modulus, exponent)?;
            (PKey::from_rsa(key)?, Algorithm::RsaSha256, KeyKind::Rsa2048)
        }
        PublicHalf::P256(point) => (p256(point)?, Algorithm::EcdsaSha256, KeyKind::P256),
    };
    // Whatever signs it, what is to be signed is the same: a key made for the moment writes it.
    let mut builder = builder(subject)?;
    builder.set_pubkey(&key)?;
    let writer = private(kind)?;
    builder.sign(&writer, MessageDigest::sha256())?;
    let draft = builder.build().to_der()?;
    let (to_be_signed, signed_with) = parts(&draft).ok_or(KeyFault::Mismatch)?;
    let mut signature = holder.sign(algorithm, to_be_signed)?;
    if algorithm == Algorithm::EcdsaSha256 {
        let (r, s) = signature.split_at_checked(32).ok_or(KeyFault::Mismatch)?;
        signature =
            EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?
                .to_der()?;
    }
    // A BIT STRING begins with the number of bits that do not count.
    signature.insert(0, 0);
    let content = [to_be_signed, signed_with, &element(3, &signature)].concat();
    let certificate = X509::from_der(&element(0x30, &content))?;
    if !certificate.verify(&key)? {
        return Err(KeyFault::Mismatch);
    }
    Ok(String::from_utf8_lossy(&certificate.to_pem()?).into_owned())
}

/// A fresh private key.
pub(super) fn private(kind: KeyKind) -> Result<PKey<Private>, KeyFault> {
    Ok(match kind {
        KeyKind::Rsa2048 => PKey::from_rsa(Rsa::generate(2048)?)?,
        KeyKind::Rsa3072 => PKey::from_rsa(Rsa::generate(3072)?)?,
        KeyKind::P256 => {
            let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
            PKey::from_ec_key(EcKey::generate(&group)?)?
        }
    })
}

/// A certificate without a key and a signature yet.
pub(super) fn builder(subject: &Subject<'_>) -> Result<X509Builder, KeyFault> {
    let mut name = X509NameBuilder::new()?;
    // X.520 gives commonName 64 characters; a longer host name keeps its end.
    let start = subject
        .common_name
        .char_indices()
        .rev()
        .nth(63)
        .map_or(0, |(at, _)| at);
    name.append_entry_by_nid(
        Nid::COMMONNAME,
        subject.common_name.get(start..).unwrap_or_default(),
    )?;
    let name = name.build();
    let mut certificate = X509Builder::new()?;
    certificate.set_version(2)?;
    // RFC 5280 4.1.2.2: positive, at most 20 octets.
    let mut positive = subject.serial;
    if let Some(first) = positive.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    let serial = Asn1Integer::from_bn(BigNum::from_slice(&positive)?.as_ref())?;
    certificate.set_serial_number(&serial)?;
    certificate.set_subject_name(&name)?;
    certificate.set_issuer_name(&name)?;
    let ends = subject.now + chrono::Duration::days(i64::from(subject.days));
    certificate.set_not_before(Asn1Time::from_unix(subject.now.timestamp())?.as_ref())?;
    certificate.set_not_after(Asn1Time::from_unix(ends.timestamp())?.as_ref())?;
    Ok(certificate)
}

fn p256(point: &[u8]) -> Result<PKey<Public>, KeyFault> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let mut context = BigNumContext::new()?;
    let point = EcPoint::from_bytes(&group, point, &mut context)?;
    let key = EcKey::from_public_key(&group, &point)?;
    key.check_key()?;
    Ok(PKey::from_ec_key(key)?)
}

/// Of a certificate what is signed, and the name of the algorithm, each a whole element (RFC 5280
/// 4.1).
fn parts(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    let (content, _) = inside(certificate)?;
    let (_, after) = inside(content)?;
    let to_be_signed = content.get(..content.len() - after.len())?;
    let (_, rest) = inside(after)?;
    Some((to_be_signed, after.get(..after.len() - rest.len())?))
}

/// The content of the first DER element (X.690 8.1), and what comes after it.
fn inside(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let octets = usize::from(first & 0x7f);
    if first & 0x80 == 0 {
        return rest.split_at_checked(octets);
    }
    let (length, rest) = rest.split_at_checked(octets)?;
    let length = length.iter().try_fold(0_usize, |sum, octet| {
        Some(sum.checked_mul(256)? + usize::from(*octet))
    })?;
    rest.split_at_checked(length)
}

/// One DER element.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let zeros = length.iter().take_while(|octet| **octet == 0).count();
    let significant = length.get(zeros..).unwrap_or_default();
    let mut der = vec![tag];
    match significant {
        [] => der.push(0),
        [short] if *short < 0x80 => der.push(*short),
        long => {
            der.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            der.extend(long);
        }
    }
    der.extend(content);
    der
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::keys::{SigningKey, generate};

    /// Holds a key of this process, as a token would.
    struct Pretend(SigningKey);

    impl Holder for Pretend {
        fn sign(&self, _: Algorithm, bytes: &[u8]) -> Result<Vec<u8>, KeyFault> {
            self.0.sign(bytes)
        }
    }

    fn now() -> Moment {
        Moment::from_timestamp(1_790_000_000, 0).unwrap()
    }

    fn key(kind: KeyKind, seed: u8) -> SigningKey {
        let pair = generate(kind, "idp", [seed; 16], now(), 10).unwrap();
        SigningKey::from_pem(&pair.key_pem, &pair.cert_pem).unwrap()
    }

    fn public(key: &SigningKey) -> PublicHalf {
        let public = key.verifying().public().clone();
        if let Ok(rsa) = public.rsa() {
            return PublicHalf::Rsa {
                modulus: rsa.n().to_vec(),
                exponent: rsa.e().to_vec(),
            };
        }
        let key = public.ec_key().unwrap();
        let mut context = BigNumContext::new().unwrap();
        let form = openssl::ec::PointConversionForm::UNCOMPRESSED;
        let point = key.public_key().to_bytes(key.group(), form, &mut context);
        PublicHalf::P256(point.unwrap())
    }

    fn subject() -> Subject<'static> {
        Subject {
            common_name: "idp-personnel ac-demo.example",
            serial: [3; 16],
            now: now(),
            days: 10,
        }
    }

    #[test]
    fn a_held_key_gets_a_certificate_that_it_signed_itself() {
        for kind in [KeyKind::Rsa2048, KeyKind::Rsa3072, KeyKind::P256] {
            let held = key(kind, 1);
            let public = public(&held);
            let verifying = held.verifying();
            let pem = certify(&public, &Pretend(held), &subject()).unwrap();
            let made = SigningKey::held(&pem, Arc::new(Pretend(key(kind, 1)))).unwrap();
            assert_eq!(made.verifying().fingerprint(), verifying.fingerprint());
            assert_eq!(made.verifying().not_before(), Some(now()));
            let x509 = X509::from_pem(pem.as_bytes()).unwrap();
            assert!(x509.verify(&x509.public_key().unwrap()).unwrap());
        }
    }

    #[test]
    fn a_holder_of_another_key_gets_none() {
        for kind in [KeyKind::Rsa2048, KeyKind::P256] {
            let public = public(&key(kind, 1));
            assert!(certify(&public, &Pretend(key(kind, 2)), &subject()).is_err());
        }
        let public = public(&key(KeyKind::P256, 1));
        let other = Pretend(key(KeyKind::Rsa2048, 2));
        assert!(certify(&public, &other, &subject()).is_err());
    }

    #[test]
    fn what_is_no_point_of_the_curve_is_refused() {
        let held = Pretend(key(KeyKind::P256, 1));
        for point in [vec![], vec![4; 65], vec![4; 3]] {
            assert!(certify(&PublicHalf::P256(point), &held, &subject()).is_err());
        }
    }

    #[test]
    fn lengths_are_written_as_der_wants_them() {
        for (length, head) in [
            (0, vec![4, 0]),
            (127, vec![4, 127]),
            (128, vec![4, 0x81, 128]),
            (256, vec![4, 0x82, 1, 0]),
        ] {
            let der = element(4, &vec![7; length]);
            assert_eq!(der[..head.len()], head);
            assert_eq!(inside(&der).unwrap().0.len(), length);
            assert!(inside(&der[..der.len() - 1]).is_none() || length == 0);
        }
    }
}
