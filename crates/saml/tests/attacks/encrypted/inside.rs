//! What was really encrypted for us, and is refused for what it says.

use super::{
    CONTENT_KEY, OWN, around, assertion, code, enclosed, encrypted, same, sealed_content,
    signed_around, unsigned_around, wrapped_key,
};
use crate::forge::{RSA, STRANGER, template};

#[test]
fn there_is_one_assertion_whether_encrypted_or_not() {
    let one = assertion(&same, Some(&RSA));
    let other = assertion(&|xml| xml.replace("_assertion", "_other"), None);
    let (sealed, bare) = (encrypted(&one), &one);
    for content in [
        format!("{sealed}{sealed}"),
        format!("{sealed}{}", encrypted(&other)),
        format!("{sealed}{bare}"),
        format!("{bare}{sealed}"),
        format!("{other}{sealed}"),
        format!("<samlp:Extensions>{other}</samlp:Extensions>{sealed}"),
        format!("<samlp:Extensions>{sealed}</samlp:Extensions>{sealed}"),
    ] {
        assert_eq!(code(&unsigned_around(&content)), "EDU-2509");
    }
    let hidden = format!("<samlp:Extensions>{sealed}</samlp:Extensions>");
    assert_eq!(code(&signed_around(&hidden)), "EDU-2510");
    // Inside what is encrypted.
    for inside in [other.clone(), encrypted(&other), sealed.clone()] {
        let advice = format!("<saml:Advice>{inside}</saml:Advice><saml:AuthnStatement ");
        let nested = assertion(&|xml| xml.replace("<saml:AuthnStatement ", &advice), None);
        assert_eq!(code(&signed_around(&encrypted(&nested))), "EDU-2509");
    }
    let two = format!("{one}{other}");
    assert_eq!(code(&signed_around(&encrypted(&two))), "EDU-2015");
    assert_eq!(
        code(&signed_around(&encrypted(&sealed.replacen(
            "<saml:EncryptedAssertion",
            "<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"",
            1
        )))),
        "EDU-2301"
    );
}

#[test]
fn whoever_encrypts_has_not_signed() {
    // Anybody can encrypt for us; nobody but the identity provider signs.
    let unsigned = encrypted(&assertion(&same, None));
    assert_eq!(code(&unsigned_around(&unsigned)), "EDU-2201");
    let strangers = encrypted(&assertion(&same, Some(&STRANGER)));
    assert_eq!(code(&unsigned_around(&strangers)), "EDU-2211");
    assert_eq!(code(&signed_around(&strangers)), "EDU-2211");
    let by_stranger = STRANGER.sign(
        &around(&encrypted(&assertion(&same, Some(&RSA)))).replace("@R@", &template("_response")),
    );
    assert_eq!(code(&by_stranger), "EDU-2211");
    // Replaced after the response was signed.
    let genuine = signed_around(&encrypted(&assertion(&same, None)));
    let forged = encrypted(&assertion(&|xml| xml.replace("amartin", "operateur"), None));
    let start = genuine.find("<saml:EncryptedAssertion").unwrap();
    let swapped = format!("{}{forged}</samlp:Response>", &genuine[..start]);
    assert_eq!(code(&swapped), "EDU-2211");
}

#[test]
fn a_signed_assertion_wrapped_inside_what_is_encrypted_is_refused() {
    let signed = assertion(&same, Some(&RSA));
    let evil = assertion(
        &|xml| {
            xml.replace("_assertion", "_evil")
                .replace("amartin", "operateur")
        },
        None,
    );
    let end = "</saml:Assertion>";
    let outside = evil.replace(end, &format!("<saml:Advice>{signed}</saml:Advice>{end}"));
    assert_eq!(code(&unsigned_around(&encrypted(&outside))), "EDU-2509");
    // Its signature alone, on another.
    let start = signed.find("<ds:Signature").unwrap();
    let stop = signed.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let signature = &signed[start..stop];
    let moved = evil.replacen("<saml:Subject>", &format!("{signature}<saml:Subject>"), 1);
    assert_eq!(code(&unsigned_around(&encrypted(&moved))), "EDU-2206");
    let renamed = moved.replace("_evil", "_assertion");
    assert_eq!(code(&unsigned_around(&encrypted(&renamed))), "EDU-2211");
    let deep = evil.replacen("<saml:Subject>", &format!("<saml:Subject>{signature}"), 1);
    assert_eq!(code(&unsigned_around(&encrypted(&deep))), "EDU-2202");
}

#[test]
fn what_was_encrypted_goes_through_the_same_rules() {
    let of = |change: &dyn Fn(String) -> String| {
        code(&signed_around(&encrypted(&assertion(change, None))))
    };
    for (before, refused) in [
        ("<!DOCTYPE a>", "EDU-2007"),
        ("<!DOCTYPE a SYSTEM \"file:///etc/passwd\">", "EDU-2007"),
        ("<?x y?>", "EDU-2008"),
        ("<?xml version=\"1.1\"?>", "EDU-2006"),
        ("x", "EDU-2015"),
    ] {
        assert_eq!(of(&|xml| format!("{before}{xml}")), refused, "{before}");
    }
    assert_eq!(
        of(&|xml| xml.replace("amartin", "oper<!-- -->ateur")),
        "EDU-2017"
    );
    assert_eq!(of(&|xml| xml.replace("amartin", "&evil;")), "EDU-2014");
    assert_eq!(
        of(&|xml| xml.replace("amartin", &"<a>".repeat(70))),
        "EDU-2009"
    );
    assert_eq!(
        of(&|xml| xml.replace("<saml:Subject>", "<saml:Subject ID=\"_assertion\">")),
        "EDU-2019"
    );
    assert_eq!(
        of(&|xml| xml.replace("\"_assertion\"", "\"_response\"")),
        "EDU-2019"
    );
    assert_eq!(
        of(&|xml| xml.replace("<saml:Subject>", "<saml:Subject xml:id=\"_response\">")),
        "EDU-2019"
    );
    // Prefixes declared outside mean nothing inside.
    assert_eq!(
        of(&|xml| xml.replacen(
            " xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"",
            "",
            1
        )),
        "EDU-2015"
    );
    assert_eq!(
        of(&|xml| xml.replace("https://sp.example/sp<", "https://other.example<")),
        "EDU-2617"
    );
    assert_eq!(
        of(&|xml| xml.replace("https://idp.example/idp<", "https://other.example<")),
        "EDU-2504"
    );
    let not_text = enclosed(
        &sealed_content(&[0xff, 0xfe]),
        &wrapped_key(&CONTENT_KEY, &OWN),
    );
    assert_eq!(code(&signed_around(&not_text)), "EDU-2005");
    assert_eq!(code(&signed_around(&encrypted(""))), "EDU-2015");
    assert_eq!(code(&signed_around(&encrypted("amartin"))), "EDU-2015");
}
