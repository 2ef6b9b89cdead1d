//! Whatever is changed in a signed answer: it is refused, or says exactly what it said.

use proptest::prelude::*;
use saml::response::{Login, SignWhat};
use saml::{AuthnRequest, Received, Signing};

use crate::forge::{RSA, genuine, receive, signed, signed_assertion};
use crate::requests::{SSO, request};

mod carried;

/// What a signature covers: which elements carry one may change, what is said may not.
fn said(login: Login) -> Login {
    Login {
        signed: SignWhat::Both,
        ..login
    }
}

fn is_refused_or_the_same(original: &str, changed: &[u8]) {
    let Ok(changed) = std::str::from_utf8(changed) else {
        return;
    };
    if let Ok(login) = receive(changed) {
        assert_eq!(said(login), said(receive(original).unwrap()), "{changed}");
    }
}

fn answers() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(SignWhat::Both).prop_map(genuine),
        Just(SignWhat::Response).prop_map(genuine),
        Just(SignWhat::Assertion).prop_map(genuine),
        Just(()).prop_map(|()| signed(&|xml| xml)),
        Just(()).prop_map(|()| signed_assertion(&|xml| xml)),
    ]
}

/// Pieces that mean something to some parser.
pub(crate) const PIECES: [&str; 14] = [
    "<!-- -->",
    "<![CDATA[",
    "]]>",
    "&amp;",
    "&#0;",
    "<?x?>",
    "<!DOCTYPE x>",
    "ID=\"_assertion\"",
    " xmlns=\"urn:x\"",
    "</saml:Assertion>",
    "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>",
    "\u{feff}",
    "'",
    "/>",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_byte_changed(xml in answers(), at: prop::sample::Index, byte: u8) {
        let mut bytes = xml.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        is_refused_or_the_same(&xml, &bytes);
    }

    #[test]
    fn a_piece_put_in(xml in answers(), at: prop::sample::Index, piece in prop::sample::select(&PIECES[..])) {
        let mut bytes = xml.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes.splice(at..at, piece.bytes());
        is_refused_or_the_same(&xml, &bytes);
    }

    #[test]
    fn a_part_left_out_or_moved(xml in answers(), from: prop::sample::Index, to: prop::sample::Index, at: prop::sample::Index, keep: bool) {
        let mut bytes = xml.clone().into_bytes();
        let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
        let part: Vec<u8> = bytes.drain(from.min(to)..from.max(to)).collect();
        if keep {
            let at = at.index(bytes.len());
            bytes.splice(at..at, part);
        }
        is_refused_or_the_same(&xml, &bytes);
    }

    #[test]
    fn a_signed_query_changed(at: prop::sample::Index, byte in b' '..b'~') {
        let address = saml::redirect::compose(&request(), SSO, Some("state"), &RSA.signing).unwrap();
        let query = address.split_once('?').unwrap().1;
        let mut bytes = query.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let changed = String::from_utf8(bytes).unwrap();
        let keys = [RSA.signing.verifying()];
        let read = Received::<AuthnRequest>::from_query(&changed)
            .and_then(|received| received.verify(Signing::Required(&keys)));
        if let Ok(verified) = read {
            prop_assert_eq!(verified.message(), &request());
        }
    }

    #[test]
    fn nothing_at_all_ends_in_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes);
        prop_assert!(receive(&text).is_err());
        prop_assert!(Received::<AuthnRequest>::from_query(&text).is_err());
    }
}
