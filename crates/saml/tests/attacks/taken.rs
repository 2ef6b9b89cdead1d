//! What must be taken, whatever the refusals are for.

use saml::response::SignWhat;
use saml::{NameIdFormat, names};

use crate::forge::{
    EC, EXCLUSIVE, RSA, composed, genuine, receive, signed, signed_as, signed_assertion, template,
};

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
    let login = receive(&signed(&same)).unwrap();
    assert_eq!(login.signed, SignWhat::Response);
    assert_eq!(login.assertion_id, "_assertion");
    assert_eq!(login.session_index.as_deref(), Some("_session"));
    assert_eq!(login.authn_context.as_deref(), Some(names::PASSWORD));
    assert_eq!(login.replay_until.to_rfc3339(), "2026-11-23T12:08:00+00:00");
    let name_id = login.name_id.unwrap();
    assert_eq!(
        (name_id.value.as_str(), name_id.format),
        ("_opaque", NameIdFormat::Transient)
    );
    let login = receive(&signed_assertion(&same)).unwrap();
    assert_eq!(login.signed, SignWhat::Assertion);
}

#[test]
fn both_signed_by_another_library_are_taken() {
    let xml = signed_assertion(&|xml| xml.replace("@R@", "@@"));
    let xml = RSA.sign(&xml.replace("@@", &template("_response")));
    assert_eq!(receive(&xml).unwrap().signed, SignWhat::Both);
}

#[test]
fn stronger_algorithms_are_taken() {
    let algorithms = [
        ("rsa-sha384", "xmldsig-more#sha384", &*RSA),
        ("rsa-sha512", "xmlenc#sha512", &*RSA),
        ("ecdsa-sha384", "xmldsig-more#sha384", &*EC),
        ("ecdsa-sha512", "xmlenc#sha512", &*EC),
    ];
    for (method, digest, key) in algorithms {
        let xml = template("_response")
            .replace("rsa-sha256", method)
            .replace("xmlenc#sha256", digest);
        let xml = crate::forge::RESPONSE
            .replace("@A@", "")
            .replace("@R@", &xml);
        assert!(receive(&key.sign(&xml)).is_ok(), "{method}");
    }
}

#[test]
fn exclusive_canonicalization_may_keep_comments_and_list_prefixes() {
    let same = |xml| xml;
    let shapes: [&dyn Fn(String) -> String; 2] = [
        &|template| template.replace(EXCLUSIVE, &format!("{EXCLUSIVE}WithComments")),
        &|template| {
            let bare = format!("<ds:Transform Algorithm=\"{EXCLUSIVE}\"/>");
            let listed = format!(
                "<ds:Transform Algorithm=\"{EXCLUSIVE}\"><ec:InclusiveNamespaces xmlns:ec=\"{EXCLUSIVE}\" PrefixList=\"#default xs saml\"/></ds:Transform>"
            );
            template.replace(&bare, &listed)
        },
    ];
    for shape in shapes {
        receive(&signed_as(&same, shape)).unwrap();
    }
}

#[test]
fn unknown_extensions_change_nothing() {
    let xml = signed(&|xml| {
        xml.replace(" ID=\"_response\"", " ID=\"_response\" x:extra=\"1\" xmlns:x=\"urn:x\" Consent=\"urn:x\"")
            .replace("@R@", "@R@<samlp:Extensions><x:any xmlns:x=\"urn:x\" id=\"y\">text<x:b/></x:any></samlp:Extensions>")
            .replace("<saml:Conditions ", "<!-- comment --><saml:Conditions x:more=\"1\" xmlns:x=\"urn:x\" ")
            .replace("</saml:AudienceRestriction>", "</saml:AudienceRestriction><saml:OneTimeUse/><saml:ProxyRestriction Count=\"0\"/>")
            .replace("<saml:AuthnStatement ", "<saml:Advice><x:any xmlns:x=\"urn:x\"/></saml:Advice><saml:AuthnStatement ")
            .replace("<saml:AuthnContext>", "<saml:SubjectLocality Address=\"192.0.2.1\"/><saml:AuthnContext>")
    });
    assert_eq!(receive(&xml).unwrap().value("uid"), Some("amartin"));
}

#[test]
fn any_attribute_is_taken_as_it_is() {
    let long: String = "é<&\u{10348}'\"".chars().cycle().take(256).collect();
    let escaped = long.replace('&', "&amp;").replace('<', "&lt;");
    let attributes = format!(
        "<saml:Attribute Name=\"x y &amp; z\" NameFormat=\"urn:any\" FriendlyName=\"uid\">\
         <saml:AttributeValue xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xsi:type=\"xs:string\">{escaped}</saml:AttributeValue>\
         <saml:AttributeValue> a<![CDATA[ <b> ]]>c </saml:AttributeValue><saml:AttributeValue/>\
         <saml:AttributeValue xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:nil=\"true\"/>\
         <saml:AttributeValue><saml:NameID>structured</saml:NameID></saml:AttributeValue></saml:Attribute>\
         <saml:Attribute Name=\"none\"/></saml:AttributeStatement>"
    );
    let xml = signed(&|xml| xml.replace("</saml:AttributeStatement>", &attributes));
    let login = receive(&xml).unwrap();
    let values: Vec<&str> = login.values("x y & z").collect();
    assert_eq!(values, [long.as_str(), " a <b> c ", ""]);
    assert_eq!(login.value("none"), None);
    // A friendly name is for people.
    assert_eq!(login.value("uid"), Some("amartin"));
}

#[test]
fn a_value_is_never_cut_at_a_cdata_boundary() {
    let xml = signed(&|xml| xml.replace(">amartin<", ">operateur<![CDATA[.evil]]><"));
    assert_eq!(receive(&xml).unwrap().value("uid"), Some("operateur.evil"));
    let xml = signed_assertion(&|xml| {
        xml.replace(">amartin<", "><![CDATA[oper]]><![CDATA[ateur]]>.evil<")
    });
    assert_eq!(receive(&xml).unwrap().value("uid"), Some("operateur.evil"));
}

#[test]
fn a_person_without_a_name_identifier_is_taken() {
    let xml = signed(&|xml| {
        let start = xml.find("<saml:NameID").unwrap();
        let stop = xml.find("</saml:NameID>").unwrap() + "</saml:NameID>".len();
        format!("{}{}", &xml[..start], &xml[stop..])
    });
    assert_eq!(receive(&xml).unwrap().name_id, None);
}

#[test]
fn a_response_that_is_not_signed_itself_may_leave_its_issuer_out() {
    let xml = signed_assertion(&|xml| {
        xml.replacen("<saml:Issuer>https://idp.example/idp</saml:Issuer>", "", 1)
    });
    assert_eq!(receive(&xml).unwrap().issuer.as_str(), crate::forge::IDP);
}

#[test]
fn one_good_bearer_confirmation_among_others_is_enough() {
    let other = "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:holder-of-key\"/>\
         <saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData Recipient=\"https://other.example\" NotOnOrAfter=\"2026-11-23T12:05:00Z\"/></saml:SubjectConfirmation>";
    let xml = signed(&|xml| {
        xml.replacen(
            "<saml:SubjectConfirmation ",
            &format!("{other}<saml:SubjectConfirmation "),
            1,
        )
    });
    assert!(receive(&xml).is_ok());
}

#[test]
fn layout_and_declarations_change_nothing() {
    let xml = signed(&|xml| {
        let laid_out = xml.replace("><", ">\n  <");
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n<!-- sent -->\n{laid_out}"
        )
    });
    assert_eq!(receive(&xml).unwrap().value("uid"), Some("amartin"));
    assert!(receive(&format!("\u{feff}{}", genuine(SignWhat::Both))).is_ok());
}
