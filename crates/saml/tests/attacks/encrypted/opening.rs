//! What does not open: one refusal, whatever the reason.

use saml::Refusal;

use super::{
    CONTENT_KEY, MGF1P, OTHERS, OWN, assertion, enclosed, encrypted, receive, same, sealed_content,
    signed_around, unsigned_around, wrapped_key,
};
use crate::forge::RSA;

/// Bleichenbacher, Manger, Jager and Somorovsky: the answer to a changed message says one thing.
#[test]
fn every_failure_to_open_is_the_same() {
    let plain = assertion(&same, Some(&RSA));
    let content = sealed_content(plain.as_bytes());
    let wrapped = wrapped_key(&CONTENT_KEY, &OWN);
    let flipped = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    let last = content.len() - 1;
    let cases = [
        (
            "another's key",
            enclosed(&content, &wrapped_key(&CONTENT_KEY, &OTHERS)),
        ),
        (
            "another key inside",
            enclosed(&content, &wrapped_key(&[8; 32], &OWN)),
        ),
        (
            "a short key inside",
            enclosed(&content, &wrapped_key(&[9; 16], &OWN)),
        ),
        (
            "a long key inside",
            enclosed(&content, &wrapped_key(&[9; 64], &OWN)),
        ),
        ("no key inside", enclosed(&content, &wrapped_key(&[], &OWN))),
        ("a changed key", enclosed(&content, &flipped(&wrapped, 100))),
        ("a cut key", enclosed(&content, &wrapped[1..])),
        ("an empty key", enclosed(&content, &[])),
        ("a key of zeroes", enclosed(&content, &[0; 256])),
        ("a key beyond the modulus", enclosed(&content, &[0xff; 256])),
        (
            "a changed vector",
            enclosed(&flipped(&content, 0), &wrapped),
        ),
        (
            "a changed content",
            enclosed(&flipped(&content, 20), &wrapped),
        ),
        (
            "a changed tag",
            enclosed(&flipped(&content, last), &wrapped),
        ),
        ("a cut tag", enclosed(&content[..last], &wrapped)),
        (
            "a tag of four bytes",
            enclosed(&content[..last - 11], &wrapped),
        ),
        ("no content", enclosed(&[], &wrapped)),
        ("a vector alone", enclosed(&content[..12], &wrapped)),
        ("almost a tag", enclosed(&content[..27], &wrapped)),
    ];
    for (name, sealed) in cases {
        for xml in [signed_around(&sealed), unsigned_around(&sealed)] {
            let refusal = receive(&xml).unwrap_err();
            assert_eq!(refusal, Refusal::Undecryptable, "{name}");
        }
    }
}

#[test]
fn what_is_declared_as_another_algorithm_does_not_open() {
    let plain = assertion(&same, Some(&RSA));
    let aes128 = encrypted(&plain).replace("aes256-gcm", "aes128-gcm");
    assert_eq!(
        receive(&signed_around(&aes128)),
        Err(Refusal::Undecryptable)
    );
    let oaep = encrypted(&plain).replace(MGF1P, "http://www.w3.org/2009/xmlenc11#rsa-oaep");
    // The same defaults: SHA-1 in digest and mask (IIP-ALG06).
    assert!(receive(&signed_around(&oaep)).is_ok());
}

/// OpenSSL's own way to tell a cut tag is another than to tell a wrong one.
#[test]
fn a_tag_is_never_shortened() {
    let plain = assertion(&same, Some(&RSA));
    let content = sealed_content(plain.as_bytes());
    for bytes in 0..16 {
        let cut = &content[..content.len() - 16 + bytes];
        let xml = signed_around(&enclosed(cut, &wrapped_key(&CONTENT_KEY, &OWN)));
        assert_eq!(receive(&xml), Err(Refusal::Undecryptable), "{bytes}");
    }
}
