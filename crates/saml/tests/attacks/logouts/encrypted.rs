//! An identifier encrypted in a logout request (IIP-IDP19, IIP-SP16).

use saml::encryption::DecryptionKey;
use saml::logout::LogoutRequest;
use saml::{Received, Refusal};

use super::{request, signed};
use crate::encrypted::{BEFORE, OTHERS, OWN, encrypted};
use crate::forge::RSA;

const NAME: &str = "<saml:NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:transient\">_opaque</saml:NameID>";

/// A signed request about `content`, encrypted.
fn about(content: &str) -> String {
    let sealed = encrypted(content).replace("EncryptedAssertion", "EncryptedID");
    signed(&|xml| xml.replace(NAME, &sealed))
}

fn open(wire: &str, own: &[DecryptionKey]) -> Result<LogoutRequest, Refusal> {
    Received::<LogoutRequest>::by_post(wire, None)?
        .verify_and_open(&[RSA.signing.verifying()], own)
        .map(|verified| verified.message().clone())
}

fn declared() -> String {
    NAME.replace(
        "<saml:NameID ",
        "<saml:NameID xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ",
    )
}

#[test]
fn two_keys_are_tried_in_turn() {
    let wire = about(&declared());
    for own in [
        vec![OWN.opens.clone()],
        vec![BEFORE.opens.clone(), OWN.opens.clone()],
        vec![OWN.opens.clone(), BEFORE.opens.clone()],
    ] {
        assert_eq!(open(&wire, &own), Ok(request()));
    }
    let others = std::slice::from_ref(&OTHERS.opens);
    assert_eq!(open(&wire, others), Err(Refusal::Undecryptable));
    assert_eq!(open(&wire, &[]), Err(Refusal::SubjectEncrypted));
}

#[test]
fn what_is_inside_obeys_the_same_rules() {
    let own = std::slice::from_ref(&OWN.opens);
    let declared = declared();
    for (content, code) in [
        (NAME.to_owned(), "EDU-2015"),
        (format!("<!DOCTYPE a>{declared}"), "EDU-2007"),
        (declared.replace("_opaque", "_opa<!-- -->que"), "EDU-2017"),
        (declared.replace("_opaque", ""), "EDU-2305"),
        (declared.replace("saml:NameID", "saml:BaseID"), "EDU-2301"),
        (String::new(), "EDU-2015"),
    ] {
        assert_eq!(
            open(&about(&content), own).unwrap_err().code(),
            code,
            "{content}"
        );
    }
    let both = signed(&|xml| {
        let sealed = encrypted(&declared).replace("EncryptedAssertion", "EncryptedID");
        xml.replace(NAME, &format!("{NAME}{sealed}"))
    });
    assert_eq!(open(&both, own).unwrap_err().code(), "EDU-2304");
}
