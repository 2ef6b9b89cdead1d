//! Documents that are no messages: the XML that SAML has no use for, in messages that are really
//! signed.

use saml::Received;
use saml::response::{Response, SignWhat};

use crate::forge::{genuine, receive, refused, signed, signed_assertion};

#[test]
fn a_doctype_is_refused() {
    let xml = genuine(SignWhat::Both);
    for doctype in [
        "<!DOCTYPE samlp:Response>",
        "<!DOCTYPE r SYSTEM \"http://127.0.0.1:1/evil.dtd\">",
        "<!DOCTYPE r [<!ENTITY a \"operateur\">]>",
        "<!DOCTYPE r [<!ATTLIST samlp:Response ID CDATA #FIXED \"_x\">]>",
    ] {
        assert_eq!(
            refused(&format!("{doctype}{xml}")).code(),
            "EDU-2007",
            "{doctype}"
        );
    }
}

#[test]
fn entity_expansion_is_refused() {
    let laughs: Vec<_> = (1..30)
        .map(|n| format!("<!ENTITY l{n} \"&l{};&l{};\">", n - 1, n - 1))
        .collect();
    let xml = format!(
        "<!DOCTYPE r [<!ENTITY l0 \"ha\">{}]><r>&l29;</r>",
        laughs.concat()
    );
    assert_eq!(refused(&xml).code(), "EDU-2007");
    let xml = signed(&|xml| xml).replace(">amartin<", ">&amartin;<");
    assert_eq!(refused(&xml).code(), "EDU-2014");
}

#[test]
fn a_processing_instruction_is_refused() {
    let xml = signed(&|xml| xml.replace(">amartin<", ">ama<?x y?>rtin<"));
    assert_eq!(refused(&xml).code(), "EDU-2008");
    let xml = signed(&|xml| format!("<?xml-stylesheet href=\"x\"?>{xml}"));
    assert_eq!(refused(&xml).code(), "EDU-2008");
}

#[test]
fn a_value_cut_by_a_comment_is_refused_though_the_signature_does_not_see_it() {
    let xml = signed(&|xml| xml.replace(">amartin<", ">operateur.evil<"));
    assert_eq!(receive(&xml).unwrap().value("uid"), Some("operateur.evil"));
    let cut = xml.replace("operateur.evil", "operateur<!-- -->.evil");
    assert_eq!(refused(&cut).code(), "EDU-2017");
    let xml = signed_assertion(&|xml| xml).replace(">_opaque<", ">_<!---->opaque<");
    assert_eq!(refused(&xml).code(), "EDU-2017");
}

#[test]
fn a_value_cut_by_an_element_is_refused() {
    let xml = signed(&|xml| xml.replace(">amartin<", ">operateur<x:b xmlns:x=\"urn:x\"/>.evil<"));
    assert_eq!(refused(&xml).code(), "EDU-2018");
    let xml = signed(&|xml| xml.replace(">_opaque<", "><b>_opaque</b><"));
    assert_eq!(refused(&xml).code(), "EDU-2018");
}

#[test]
fn another_encoding_is_refused() {
    let xml = genuine(SignWhat::Both);
    for declaration in [
        "<?xml version=\"1.0\" encoding=\"UTF-7\"?>",
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>",
        "<?xml version=\"1.1\"?>",
    ] {
        assert_eq!(
            refused(&format!("{declaration}{xml}")).code(),
            "EDU-2006",
            "{declaration}"
        );
    }
}

#[test]
fn other_namespaces_and_roots_are_refused() {
    let other = "urn:oasis:names:tc:SAML:2.0:protocol2";
    let xml = genuine(SignWhat::Both).replace("urn:oasis:names:tc:SAML:2.0:protocol", other);
    assert_eq!(refused(&xml).code(), "EDU-2301");
    let xml = genuine(SignWhat::Both).replace("samlp:Response", "samlp:ArtifactResponse");
    assert_eq!(refused(&xml).code(), "EDU-2301");
    // An assertion in a namespace that only looks right is none at all.
    let xml = signed(&|xml| {
        xml.replace(
            "<saml:Assertion ",
            "<x:Assertion xmlns:x=\"urn:oasis:names:tc:SAML:2.0:assertion/\" ",
        )
        .replace("</saml:Assertion>", "</x:Assertion>")
    });
    assert_eq!(refused(&xml).code(), "EDU-2508");
}

#[test]
fn a_relative_namespace_is_refused() {
    let xml = signed(&|xml| xml).replace("<samlp:Status>", "<samlp:Status xmlns:x=\"relative\">");
    assert_eq!(refused(&xml).code(), "EDU-2016");
}

#[test]
fn what_is_no_message_at_all_is_refused() {
    for (field, code) in [
        ("", "EDU-2015"),
        ("%%%", "EDU-2002"),
        ("é", "EDU-2002"),
        ("AAAA=AAAA", "EDU-2002"),
        ("PHg+", "EDU-2015"),
        ("/////w==", "EDU-2005"),
    ] {
        let refusal = Received::<Response>::from_form(field).err().unwrap();
        assert_eq!(refusal.code(), code, "{field}");
        assert_eq!(refusal.kind(), saml::refusal::Kind::Malformed);
    }
    let megabyte = "A".repeat(1 << 20);
    let refusal = Received::<Response>::from_form(&megabyte).err().unwrap();
    assert_eq!(refusal.code(), "EDU-2001");
}
