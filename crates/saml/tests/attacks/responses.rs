//! Answers that must be taken, so that the refusals mean something.

use saml::response::SignWhat;

use crate::forge::{EC, composed, genuine, receive, signed, signed_assertion};

#[test]
fn genuine_answers_are_taken() {
    for sign in [SignWhat::Both, SignWhat::Response, SignWhat::Assertion] {
        let login = receive(&genuine(sign)).unwrap();
        assert_eq!(login.value("uid"), Some("amartin"));
        assert_eq!(login.signed, sign);
        let login = receive(&composed(sign, &EC.signing)).unwrap();
        assert_eq!(login.value("uid"), Some("amartin"));
    }
}

#[test]
fn answers_signed_by_another_library_are_taken() {
    let same = |xml| xml;
    assert_eq!(receive(&signed(&same)).unwrap().signed, SignWhat::Response);
    assert_eq!(
        receive(&signed_assertion(&same)).unwrap().signed,
        SignWhat::Assertion
    );
}
