//! Signature wrapping: the eight classic ways, and those that remain when an assertion is counted.

use saml::Refusal;
use saml::response::SignWhat;

use crate::forge::{RESPONSE, RSA, genuine, refused, template};

/// What stands between `start` and `end`, both included.
fn between(xml: &str, start: &str, end: &str) -> String {
    let from = xml.find(start).unwrap();
    let to = xml[from..].find(end).unwrap() + from + end.len();
    xml[from..to].to_owned()
}

/// A signed response: whole, its signature, and itself without it.
fn signed_response() -> (String, String, String) {
    let xml = genuine(SignWhat::Response);
    let signature = between(&xml, "<ds:Signature ", "</ds:Signature>");
    let bare = xml.replace(&signature, "");
    (xml, signature, bare)
}

/// A response with a signed assertion: whole, the assertion, its signature, and itself without it.
fn signed_assertion() -> (String, String, String, String) {
    let xml = genuine(SignWhat::Assertion);
    let assertion = between(&xml, "<saml:Assertion ", "</saml:Assertion>");
    let signature = between(&assertion, "<ds:Signature ", "</ds:Signature>");
    let bare = assertion.replace(&signature, "");
    (xml, assertion, signature, bare)
}

/// Somebody else under another identifier.
fn evil(xml: &str) -> String {
    xml.replace("ID=\"_response\"", "ID=\"_evil\"")
        .replace("ID=\"_assertion\"", "ID=\"_evil_assertion\"")
        .replace(">amartin<", ">operateur<")
}

fn into_signature(signature: &str, hidden: &str) -> String {
    signature.replace("</ds:Signature>", &format!("{hidden}</ds:Signature>"))
}

const TWO: Refusal = Refusal::AssertionRepeated { count: 2 };

#[test]
fn xsw1_the_signed_response_hidden_in_its_own_signature() {
    let (xml, signature, bare) = signed_response();
    let wrapped = evil(&xml).replace(&signature, &into_signature(&signature, &bare));
    assert_eq!(refused(&wrapped), TWO);
}

#[test]
fn xsw2_the_signed_response_beside_the_signature() {
    let (xml, signature, bare) = signed_response();
    let wrapped = evil(&xml).replace(&signature, &format!("{bare}{signature}"));
    assert_eq!(refused(&wrapped), TWO);
}

#[test]
fn xsw3_a_forged_assertion_before_the_signed_one() {
    let (xml, assertion, _, bare) = signed_assertion();
    let wrapped = xml.replace(&assertion, &format!("{}{assertion}", evil(&bare)));
    assert_eq!(refused(&wrapped), TWO);
    let wrapped = xml.replace(&assertion, &format!("{assertion}{}", evil(&bare)));
    assert_eq!(refused(&wrapped), TWO);
}

#[test]
fn xsw4_a_forged_assertion_around_the_signed_one() {
    let (xml, assertion, _, bare) = signed_assertion();
    let end = "</saml:Assertion>";
    let around = evil(&bare).replace(end, &format!("{assertion}{end}"));
    assert_eq!(refused(&xml.replace(&assertion, &around)), TWO);
}

#[test]
fn xsw5_a_forged_assertion_with_the_signature_of_another() {
    let (xml, assertion, _, bare) = signed_assertion();
    let wrapped = xml.replace(&assertion, &format!("{}{bare}", evil(&assertion)));
    assert_eq!(refused(&wrapped), TWO);
}

#[test]
fn xsw6_the_signed_assertion_inside_the_signature_of_the_forged_one() {
    let (xml, assertion, signature, bare) = signed_assertion();
    let forged = evil(&assertion).replace(&signature, &into_signature(&signature, &bare));
    assert_eq!(refused(&xml.replace(&assertion, &forged)), TWO);
}

#[test]
fn xsw7_a_forged_assertion_inside_extensions() {
    let (xml, assertion, _, bare) = signed_assertion();
    let extensions = format!("<samlp:Extensions>{}</samlp:Extensions>", evil(&bare));
    let wrapped = xml.replace(&assertion, &format!("{extensions}{assertion}"));
    assert_eq!(refused(&wrapped), TWO);
}

#[test]
fn xsw8_the_signed_assertion_inside_an_object_of_the_signature() {
    let (xml, assertion, signature, bare) = signed_assertion();
    let object = format!("<ds:Object>{bare}</ds:Object>");
    let forged = evil(&assertion).replace(&signature, &into_signature(&signature, &object));
    assert_eq!(refused(&xml.replace(&assertion, &forged)), TWO);
}

/// A signed answer that says no, and so holds no assertion to be counted; and its forged double.
fn signed_no() -> (String, String, String) {
    let start = RESPONSE.find("<saml:Assertion").unwrap();
    let no = RESPONSE[..start].replace(":Success", ":Responder") + "</samlp:Response>";
    let no = RSA.sign(&no.replace("@R@", &template("_response")));
    let no = no
        .split_once("?>")
        .map_or(no.as_str(), |(_, no)| no)
        .trim()
        .to_owned();
    let signature = between(&no, "<ds:Signature ", "</ds:Signature>");
    let bare = no.replace(&signature, "");
    (no, signature, bare)
}

fn forged(at_signature: &str) -> String {
    let unsigned = RESPONSE.replace("@A@", "").replace("@R@", at_signature);
    unsigned
        .replacen("ID=\"_response\"", "ID=\"_evil\"", 1)
        .replace(">amartin<", ">operateur<")
}

#[test]
fn a_signed_refusal_hidden_in_the_signature_of_a_forged_answer() {
    let (_, signature, bare) = signed_no();
    let hidden = into_signature(&signature, &bare);
    assert_eq!(refused(&forged(&hidden)).code(), "EDU-2204");
    let object = into_signature(&signature, &format!("<ds:Object>{bare}</ds:Object>"));
    assert_eq!(refused(&forged(&object)).code(), "EDU-2204");
}

#[test]
fn a_signed_refusal_beside_the_signature_of_a_forged_answer() {
    let (_, signature, bare) = signed_no();
    let beside = forged(&format!(
        "{signature}<samlp:Extensions>{bare}</samlp:Extensions>"
    ));
    assert_eq!(refused(&beside).code(), "EDU-2206");
    // Under the same identifier as the one it hides.
    let same = beside.replace("ID=\"_evil\"", "ID=\"_response\"");
    assert_eq!(refused(&same).code(), "EDU-2019");
    let disguised = beside.replace(
        "ID=\"_evil\"",
        "ID=\"_evil\" x:ID=\"_response\" xmlns:x=\"urn:x\"",
    );
    assert_eq!(refused(&disguised).code(), "EDU-2019");
    let disguised = beside.replace("ID=\"_evil\"", "ID=\"_evil\" xml:id=\"_response\"");
    assert_eq!(refused(&disguised).code(), "EDU-2019");
}

#[test]
fn a_whole_signed_refusal_inside_a_forged_answer() {
    let (no, _, _) = signed_no();
    let inside = forged(&format!("<samlp:Extensions>{no}</samlp:Extensions>"));
    assert_eq!(refused(&inside), Refusal::SignatureMisplaced);
    let child = forged(&no);
    assert_eq!(refused(&child), Refusal::SignatureMisplaced);
}

#[test]
fn a_signed_refusal_around_a_forged_assertion() {
    let (no, _, _) = signed_no();
    let assertion = between(&forged(""), "<saml:Assertion ", "</saml:Assertion>");
    let added = no.replace(
        "</samlp:Response>",
        &format!("{assertion}</samlp:Response>"),
    );
    assert_eq!(refused(&added), Refusal::SignatureInvalid);
}

#[test]
fn a_signed_assertion_that_is_not_a_child_of_the_response() {
    let (xml, assertion, _, _) = signed_assertion();
    let hidden = format!("<samlp:Extensions>{assertion}</samlp:Extensions>");
    assert_eq!(
        refused(&xml.replace(&assertion, &hidden)),
        Refusal::AssertionMisplaced
    );
    // An element that only looks like a response around it.
    let around =
        format!("<x:Response xmlns:x=\"urn:oasis:names:tc:SAML:2.0:protocolx\">{xml}</x:Response>");
    assert_eq!(refused(&around).code(), "EDU-2301");
}

#[test]
fn the_signature_of_the_assertion_moved_up_to_the_response() {
    let (xml, assertion, signature, bare) = signed_assertion();
    let moved = xml.replace(&assertion, &format!("{signature}{bare}"));
    assert_eq!(refused(&moved).code(), "EDU-2206");
}

#[test]
fn a_signature_inside_the_subject() {
    let (xml, _, signature, _) = signed_assertion();
    let moved = xml
        .replace(&signature, "")
        .replace("<saml:Subject>", &format!("<saml:Subject>{signature}"));
    assert_eq!(refused(&moved), Refusal::SignatureMisplaced);
}

#[test]
fn two_signatures_of_one_element() {
    let (xml, signature, _) = signed_response();
    let twice = xml.replace(&signature, &format!("{signature}{signature}"));
    assert_eq!(refused(&twice), Refusal::SignatureRepeated);
}

#[test]
fn two_assertions_both_signed_are_not_merged() {
    let (xml, assertion, _, _) = signed_assertion();
    let other = RESPONSE
        .replace("@R@", "")
        .replace("_assertion", "_other")
        .replace("@A@", &template("_other"));
    let other = between(&RSA.sign(&other), "<saml:Assertion ", "</saml:Assertion>");
    let declared = "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ";
    let other = other.replace("<saml:Assertion ", declared);
    let both = xml.replace(&assertion, &format!("{assertion}{other}"));
    assert_eq!(refused(&both), TWO);
}
