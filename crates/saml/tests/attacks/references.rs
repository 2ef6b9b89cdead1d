//! What a signature refers to: the element it stands in, once, by its identifier, and nothing else.

use std::net::TcpListener;

use saml::Refusal;

use crate::forge::{STRANGER, receive, refused, signed, signed_as};

fn same(xml: String) -> String {
    xml
}

#[test]
fn a_reference_to_elsewhere_is_refused() {
    for uri in [
        "",
        "#",
        "#_assertion",
        "#_nobody",
        "_response",
        "#xpointer(/)",
        "#xpointer(id('_response'))",
        "#_response ",
        "#_Response",
        "#%5Fresponse",
        "file:///etc/passwd",
        "file:///dev/zero",
        "https://example.org/#_response",
        "cid:x",
    ] {
        let xml = signed(&same).replace("URI=\"#_response\"", &format!("URI=\"{uri}\""));
        assert_eq!(refused(&xml).code(), "EDU-2206", "{uri}");
    }
    let xml = signed(&same).replace(" URI=\"#_response\"", "");
    assert_eq!(refused(&xml).code(), "EDU-2206");
}

#[test]
fn the_whole_document_by_an_empty_reference_is_refused_though_the_signature_is_good() {
    let xml = signed_as(&same, &|template| {
        template.replace("URI=\"#_response\"", "URI=\"\"")
    });
    assert_eq!(refused(&xml).code(), "EDU-2206");
}

#[test]
fn a_reference_to_http_is_never_fetched() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let xml = signed(&same).replace("URI=\"#_response\"", &format!("URI=\"http://{address}/x\""));
    assert_eq!(refused(&xml).code(), "EDU-2206");
    // A key, too, may be said to be elsewhere: nobody looks.
    let retrieval = format!(
        "</ds:SignatureValue><ds:KeyInfo><ds:RetrievalMethod Type=\"http://www.w3.org/2000/09/xmldsig#X509Data\" URI=\"http://{address}/key\"/>\
         <ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>",
        STRANGER.signing.certificate()
    );
    let end = "</ds:SignatureValue></ds:Signature>";
    let xml = signed(&same).replace(end, &retrieval);
    assert!(xml.contains("RetrievalMethod"));
    assert!(receive(&xml).is_ok());
    let forged = xml.replace(">amartin<", ">operateur<");
    assert_eq!(refused(&forged), Refusal::SignatureInvalid);
    assert!(listener.accept().is_err(), "something was fetched");
}

#[test]
fn two_references_are_refused() {
    let xml = signed_as(&same, &|template| {
        let start = template.find("<ds:Reference").unwrap();
        let stop = template.find("</ds:SignedInfo>").unwrap();
        let reference = &template[start..stop];
        let other = reference.replace("#_response", "#_assertion");
        template.replace(reference, &format!("{reference}{other}"))
    });
    assert_eq!(refused(&xml), Refusal::ReferenceCount { count: 2 });
}

#[test]
fn no_reference_is_refused() {
    let xml = signed(&same);
    let start = xml.find("<ds:Reference").unwrap();
    let stop = xml.find("</ds:SignedInfo>").unwrap();
    let none = format!("{}{}", &xml[..start], &xml[stop..]);
    assert_eq!(refused(&none), Refusal::ReferenceCount { count: 0 });
}

#[test]
fn objects_and_manifests_are_refused() {
    let manifest = "<ds:Object><ds:Manifest Id=\"m\"><ds:Reference URI=\"#_assertion\"/></ds:Manifest></ds:Object>";
    // Outside what is signed: the signature still holds.
    let xml = signed(&same).replace("</ds:Signature>", &format!("{manifest}</ds:Signature>"));
    assert_eq!(refused(&xml).code(), "EDU-2204");
    let typed = signed_as(&same, &|template| {
        template.replace(
            "<ds:Reference ",
            "<ds:Reference Type=\"http://www.w3.org/2000/09/xmldsig#Manifest\" ",
        )
    });
    assert_eq!(refused(&typed).code(), "EDU-2204");
}

#[test]
fn two_elements_with_one_identifier_are_refused() {
    let xml = signed(&|xml| xml.replace("ID=\"_assertion\"", "ID=\"_response\""));
    assert_eq!(refused(&xml).code(), "EDU-2019");
    for spelling in ["Id", "id", "xml:id", "x:ID"] {
        let xml = signed(&|xml| {
            xml.replace(
                "<saml:Subject>",
                &format!("<saml:Subject xmlns:x=\"urn:x\" {spelling}=\"_response\">"),
            )
        });
        assert_eq!(refused(&xml).code(), "EDU-2019", "{spelling}");
    }
}

#[test]
fn a_signed_element_without_an_identifier_is_refused() {
    let xml = signed(&same).replacen(" ID=\"_response\"", "", 1);
    assert_eq!(refused(&xml), Refusal::Missing { what: "ID" });
    let xml = signed(&same)
        .replacen(" ID=\"_response\"", " ID=\"\"", 1)
        .replace("#_response", "#");
    assert_eq!(refused(&xml).code(), "EDU-2206");
}
