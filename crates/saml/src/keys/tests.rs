//! Keys sign, verify and refuse.

use openssl::rsa::Rsa;
use openssl::x509::X509Builder;

use super::*;

fn now() -> Moment {
    Moment::from_timestamp(1_790_000_000, 0).unwrap()
}

fn key(kind: KeyKind) -> SigningKey {
    let pair = generate(kind, "idp.ac-demo.example", [9; 16], now(), 3650).unwrap();
    SigningKey::from_pem(&pair.key_pem, &pair.cert_pem).unwrap()
}

#[test]
fn what_a_key_signs_its_certificate_verifies() {
    for kind in [KeyKind::Rsa2048, KeyKind::P256] {
        let key = key(kind);
        let signature = key.sign(b"bytes").unwrap();
        let verifying = VerifyingKey::from_certificate(key.certificate()).unwrap();
        assert!(verifying.verifies(key.algorithm(), b"bytes", &signature));
        assert!(!verifying.verifies(key.algorithm(), b"other", &signature));
        assert!(!verifying.verifies(key.algorithm(), b"bytes", &[]));
        assert_eq!(verifying, key.verifying());
    }
}

#[test]
fn a_key_of_another_kind_never_verifies() {
    let (rsa, ec) = (key(KeyKind::Rsa2048), key(KeyKind::P256));
    let signature = rsa.sign(b"bytes").unwrap();
    assert!(
        !ec.verifying()
            .verifies(Algorithm::RsaSha256, b"bytes", &signature)
    );
    assert!(
        !rsa.verifying()
            .verifies(Algorithm::EcdsaSha256, b"bytes", &signature)
    );
}

#[test]
fn a_certificate_of_another_key_is_refused() {
    let one = generate(KeyKind::P256, "one", [1; 16], now(), 1).unwrap();
    let two = generate(KeyKind::P256, "two", [2; 16], now(), 1).unwrap();
    let fault = SigningKey::from_pem(&one.key_pem, &two.cert_pem).unwrap_err();
    assert!(matches!(fault, KeyFault::Mismatch));
}

#[test]
fn a_key_under_a_passphrase_is_refused_and_nobody_is_asked() {
    let pair = generate(KeyKind::P256, "locked", [4; 16], now(), 1).unwrap();
    let locked = PKey::private_key_from_pem(pair.key_pem.as_bytes())
        .unwrap()
        .private_key_to_pem_pkcs8_passphrase(openssl::symm::Cipher::aes_256_cbc(), b"secret")
        .unwrap();
    let locked = String::from_utf8(locked).unwrap();
    let fault = SigningKey::from_pem(&locked, &pair.cert_pem).unwrap_err();
    assert!(matches!(fault, KeyFault::OpenSsl(_)));
}

#[test]
fn a_short_rsa_key_is_refused() {
    let key = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
    let mut certificate = X509Builder::new().unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    let fault = VerifyingKey::from_x509(&certificate.build()).unwrap_err();
    assert!(matches!(fault, KeyFault::RsaTooShort(1024)));
}

#[test]
fn the_end_of_a_certificate_is_told_and_a_past_one_still_works() {
    let pair = generate(KeyKind::P256, "old", [3; 16], Moment::UNIX_EPOCH, 30).unwrap();
    let key = VerifyingKey::from_pem(&pair.cert_pem).unwrap();
    assert_eq!(key.not_after(), Moment::from_timestamp(30 * 86_400, 0));
}

#[test]
fn garbage_is_no_certificate() {
    for text in ["", "AAAA", "%%%", "é"] {
        assert!(VerifyingKey::from_certificate(text).is_err(), "{text}");
    }
}
