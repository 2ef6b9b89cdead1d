//! Whatever is changed in what is encrypted, enveloped or carried: it is refused, or says exactly
//! what it said.

use proptest::prelude::*;
use saml::artifact::{Artifact, ArtifactResolve, ArtifactResponse};
use saml::logout::{LogoutRequest, LogoutResponse, Notice};
use saml::response::SignWhat;
use saml::{Binding, Received};

use super::{PIECES, said};
use crate::forge::{RSA, genuine};
use crate::{artifacts, encrypted, logouts};

/// Encrypted answers: signed around, inside, and both.
fn sealed() -> impl Strategy<Value = String> {
    let inside = |key| encrypted::encrypted(&encrypted::assertion(&encrypted::same, key));
    prop_oneof![
        Just(()).prop_map(move |()| encrypted::signed_around(&inside(Some(&RSA)))),
        Just(()).prop_map(move |()| encrypted::signed_around(&inside(None))),
        Just(()).prop_map(move |()| encrypted::unsigned_around(&inside(Some(&RSA)))),
    ]
}

/// Resolved answers: signed around alone, and inside, too.
fn resolved() -> impl Strategy<Value = String> {
    let around = |message| artifacts::sent(&artifacts::answer(Some(message)), &RSA);
    prop_oneof![
        Just(()).prop_map(move |()| around(artifacts::never_signed())),
        Just(()).prop_map(move |()| around(genuine(SignWhat::Both))),
    ]
}

fn changed(xml: &str, at: prop::sample::Index, byte: u8, piece: Option<&str>) -> String {
    let mut bytes = xml.as_bytes().to_vec();
    let at = at.index(bytes.len());
    match piece {
        Some(piece) => drop(bytes.splice(at..at, piece.bytes())),
        None => bytes[at] = byte,
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_encrypted_answer_changed(xml in sealed(), at: prop::sample::Index, byte: u8, piece in prop::option::of(prop::sample::select(&PIECES[..]))) {
        if let Ok(login) = encrypted::receive(&changed(&xml, at, byte, piece)) {
            prop_assert_eq!(said(login), said(encrypted::receive(&xml).unwrap()));
        }
    }

    #[test]
    fn a_carried_answer_changed(xml in resolved(), at: prop::sample::Index, byte: u8, piece in prop::option::of(prop::sample::select(&PIECES[..]))) {
        if let Ok(login) = artifacts::receive(&changed(&xml, at, byte, piece)) {
            prop_assert_eq!(said(login), said(artifacts::receive(&xml).unwrap()));
        }
    }

    #[test]
    fn an_enveloped_logout_changed(at: prop::sample::Index, byte: u8, piece in prop::option::of(prop::sample::select(&PIECES[..]))) {
        let xml = logouts::sent(&logouts::request(), Binding::Soap, &RSA);
        if let Ok(request) = logouts::take(&changed(&xml, at, byte, piece), Binding::Soap) {
            prop_assert_eq!(request, logouts::request());
        }
    }

    #[test]
    fn a_logout_by_redirect_changed(at: prop::sample::Index, byte in b' '..b'~') {
        let query = logouts::sent(&logouts::request(), Binding::Redirect, &RSA);
        if let Ok(request) = logouts::take(&changed(&query, at, byte, None), Binding::Redirect) {
            prop_assert_eq!(request, logouts::request());
        }
    }

    #[test]
    fn nothing_at_all_ends_in_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes);
        prop_assert!(Received::<LogoutRequest>::by_soap(&bytes).is_err());
        prop_assert!(Received::<ArtifactResolve>::by_soap(&bytes).is_err());
        prop_assert!(Received::<ArtifactResponse>::by_soap(&bytes).is_err());
        prop_assert!(Received::<LogoutResponse>::by_post(&text, None).is_err());
        prop_assert!(Notice::from_query(&text).is_err());
        prop_assert!(Artifact::parse(&text).is_err());
    }
}
