//! Signatures that must not count: absent, another's, over something else, or by means that are not
//! taken. Where it can be, each is really made with the identity provider's key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use saml::response::{Response, SignWhat};
use saml::{Received, Refusal, VerifyingKey};

use crate::forge::{
    EC, ENVELOPED, EXCLUSIVE, RSA, RSA_SHA256, SHA256, STRANGER, composed, genuine, receive,
    refused, signed, signed_as, signed_assertion, template, unsigned,
};

fn same(xml: String) -> String {
    xml
}

fn verified_with(xml: &str, keys: &[VerifyingKey]) -> Result<(), Refusal> {
    Received::<Response>::from_form(&STANDARD.encode(xml))?
        .verify(keys)
        .map(|_| ())
}

#[test]
fn an_unsigned_answer_is_refused() {
    assert_eq!(refused(&unsigned(&same)), Refusal::Unsigned);
}

#[test]
fn an_unsigned_answer_without_an_assertion_is_refused() {
    let xml = unsigned(&|xml| {
        let start = xml.find("<saml:Assertion").unwrap();
        format!("{}</samlp:Response>", &xml[..start]).replace(":Success", ":Responder")
    });
    assert_eq!(refused(&xml), Refusal::Unsigned);
}

#[test]
fn a_strangers_signature_is_refused() {
    for sign in [SignWhat::Both, SignWhat::Response, SignWhat::Assertion] {
        assert_eq!(
            refused(&composed(sign, &STRANGER.signing)),
            Refusal::SignatureInvalid
        );
    }
}

#[test]
fn one_good_signature_does_not_excuse_a_bad_one() {
    // The response signed by the identity provider around an assertion signed by a stranger.
    let inner = crate::forge::RESPONSE.replace("@A@", &template("_assertion"));
    let inner = STRANGER.sign(&inner);
    let xml = RSA.sign(&inner.replace("@R@", &template("_response")));
    assert_eq!(refused(&xml), Refusal::SignatureInvalid);
    // And the reverse.
    let inner = RSA.sign(&crate::forge::RESPONSE.replace("@A@", &template("_assertion")));
    let xml = STRANGER.sign(&inner.replace("@R@", &template("_response")));
    assert_eq!(refused(&xml), Refusal::SignatureInvalid);
}

#[test]
fn a_changed_value_is_refused_so_signatures_are_really_verified() {
    for sign in [SignWhat::Both, SignWhat::Response, SignWhat::Assertion] {
        let xml = genuine(sign);
        assert_eq!(
            refused(&xml.replace(">amartin<", ">bmartin<")),
            Refusal::SignatureInvalid
        );
    }
    assert_eq!(
        refused(&signed(&same).replace(">amartin<", "> amartin<")),
        Refusal::SignatureInvalid
    );
    assert_eq!(
        refused(&signed_assertion(&same).replace(">amartin<", "><")),
        Refusal::SignatureInvalid
    );
}

#[test]
fn a_changed_digest_is_refused() {
    let xml = genuine(SignWhat::Response);
    let start = xml.find("<ds:DigestValue>").unwrap() + "<ds:DigestValue>".len();
    let mut bytes = xml.clone().into_bytes();
    bytes[start] = if bytes[start] == b'A' { b'B' } else { b'A' };
    assert_eq!(
        refused(&String::from_utf8(bytes).unwrap()),
        Refusal::SignatureInvalid
    );
}

#[test]
fn a_signature_value_that_is_empty_or_garbage_is_refused() {
    let xml = genuine(SignWhat::Response);
    let start = xml.find("<ds:SignatureValue>").unwrap();
    let stop = xml.find("</ds:SignatureValue>").unwrap();
    for value in ["", "AAAA", "%%%", "\n"] {
        let changed = format!(
            "{}<ds:SignatureValue>{value}{}",
            &xml[..start],
            &xml[stop..]
        );
        assert_eq!(refused(&changed), Refusal::SignatureInvalid, "{value:?}");
    }
}

#[test]
fn a_certificate_inside_the_message_is_never_trusted() {
    let xml = composed(SignWhat::Both, &STRANGER.signing);
    assert!(xml.contains(STRANGER.signing.certificate()));
    assert_eq!(refused(&xml), Refusal::SignatureInvalid);
}

#[test]
fn without_a_key_of_its_kind_nothing_is_verified() {
    let xml = genuine(SignWhat::Both);
    assert_eq!(verified_with(&xml, &[]), Err(Refusal::NoKey));
    assert_eq!(
        verified_with(&xml, &[EC.signing.verifying()]),
        Err(Refusal::NoKey)
    );
    let all = [
        STRANGER.signing.verifying(),
        EC.signing.verifying(),
        RSA.signing.verifying(),
    ];
    assert_eq!(verified_with(&xml, &all), Ok(()));
}

/// Signs [`RESPONSE`](crate::forge::RESPONSE) with another transform in the list.
fn with_transform(xml: &str) -> Refusal {
    let list = format!("{xml}<ds:Transform Algorithm=\"{EXCLUSIVE}\"/></ds:Transforms>");
    let shape = |template: String| {
        template.replace(
            &format!("<ds:Transform Algorithm=\"{EXCLUSIVE}\"/></ds:Transforms>"),
            &list,
        )
    };
    refused(&signed_as(&same, &shape))
}

#[test]
fn an_xpath_transform_is_refused() {
    let xpath = "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"><ds:XPath>1</ds:XPath></ds:Transform>";
    assert_eq!(with_transform(xpath).code(), "EDU-2207");
    let filter = "<ds:Transform Algorithm=\"http://www.w3.org/2002/06/xmldsig-filter2\"><f:XPath xmlns:f=\"http://www.w3.org/2002/06/xmldsig-filter2\" Filter=\"intersect\">/*</f:XPath></ds:Transform>";
    assert_eq!(with_transform(filter).code(), "EDU-2207");
}

#[test]
fn an_expensive_xpath_transform_is_refused_before_it_runs() {
    let xml = signed(&same);
    let xpath = "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"><ds:XPath>count(//. | //@* | //namespace::*) = count(//. | //@*)</ds:XPath></ds:Transform>";
    let many = format!("{}</ds:Transforms>", xpath.repeat(500));
    let started = std::time::Instant::now();
    assert_eq!(
        refused(&xml.replace("</ds:Transforms>", &many)).code(),
        "EDU-2207"
    );
    assert!(started.elapsed().as_millis() < 1000);
}

#[test]
fn an_xslt_transform_is_refused() {
    let xslt = "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\"><xsl:stylesheet xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\" version=\"1.0\"><xsl:template match=\"/\"><xsl:copy-of select=\".\"/></xsl:template></xsl:stylesheet></ds:Transform>";
    let xml = signed(&same).replace("</ds:Transforms>", &format!("{xslt}</ds:Transforms>"));
    assert_eq!(refused(&xml).code(), "EDU-2207");
}

#[test]
fn other_transforms_are_refused() {
    let one = |algorithm: &str| format!("<ds:Transform Algorithm=\"{algorithm}\"/>");
    let list = format!("{}{}", one(ENVELOPED), one(EXCLUSIVE));
    let inclusive = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
    for (transforms, code) in [
        (format!("{}{}", one(ENVELOPED), one(inclusive)), "EDU-2207"),
        (
            format!(
                "{}{}",
                one(ENVELOPED),
                one("http://www.w3.org/2006/12/xml-c14n11")
            ),
            "EDU-2207",
        ),
        (
            format!("{}{}{}", one(ENVELOPED), one(EXCLUSIVE), one(EXCLUSIVE)),
            "EDU-2207",
        ),
        (format!("{}{}", one(ENVELOPED), one(ENVELOPED)), "EDU-2207"),
        (one(ENVELOPED), "EDU-2204"),
    ] {
        let xml = signed_as(&same, &|template| template.replace(&list, &transforms));
        assert_eq!(refused(&xml).code(), code, "{transforms}");
    }
    for (transforms, code) in [
        (one(EXCLUSIVE), "EDU-2207"),
        (format!("{}{}", one(EXCLUSIVE), one(ENVELOPED)), "EDU-2207"),
        (
            format!(
                "{}{}",
                one("http://www.w3.org/2000/09/xmldsig#base64"),
                one(EXCLUSIVE)
            ),
            "EDU-2207",
        ),
        (format!("{}{}", one(""), one(EXCLUSIVE)), "EDU-2207"),
        (String::new(), "EDU-2204"),
    ] {
        let xml = signed(&same).replace(&list, &transforms);
        assert_eq!(refused(&xml).code(), code, "{transforms}");
    }
}

#[test]
fn a_long_list_of_prefixes_is_refused() {
    let listed = |count: usize| {
        let prefixes = "p ".repeat(count);
        let bare = format!("<ds:Transform Algorithm=\"{EXCLUSIVE}\"/>");
        let with = format!(
            "<ds:Transform Algorithm=\"{EXCLUSIVE}\"><ec:InclusiveNamespaces xmlns:ec=\"{EXCLUSIVE}\" PrefixList=\"{prefixes}\"/></ds:Transform>"
        );
        signed_as(&same, &|template| template.replace(&bare, &with))
    };
    assert!(receive(&listed(8)).is_ok());
    assert_eq!(refused(&listed(9)).code(), "EDU-2204");
    assert_eq!(refused(&listed(5000)).code(), "EDU-2204");
}

#[test]
fn another_canonicalization_of_the_signature_is_refused() {
    let exclusive = format!("<ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\"/>");
    let inclusive = "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"/>";
    let xml = signed_as(&same, &|template| template.replace(&exclusive, inclusive));
    assert_eq!(refused(&xml).code(), "EDU-2208");
}

#[test]
fn sha1_and_md5_are_refused_though_the_signature_is_good() {
    for (method, digest, code) in [
        (
            "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
            SHA256,
            "EDU-2209",
        ),
        (
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha224",
            SHA256,
            "EDU-2209",
        ),
        (
            RSA_SHA256,
            "http://www.w3.org/2000/09/xmldsig#sha1",
            "EDU-2210",
        ),
        (
            RSA_SHA256,
            "http://www.w3.org/2001/04/xmldsig-more#sha224",
            "EDU-2210",
        ),
    ] {
        let shape = |template: String| template.replace(RSA_SHA256, method).replace(SHA256, digest);
        assert_eq!(
            refused(&signed_as(&same, &shape)).code(),
            code,
            "{method} {digest}"
        );
    }
    for (from, to, code) in [
        (
            RSA_SHA256,
            "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
            "EDU-2209",
        ),
        (
            RSA_SHA256,
            "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
            "EDU-2209",
        ),
        (
            RSA_SHA256,
            "http://www.w3.org/2007/05/xmldsig-more#rsa-pss",
            "EDU-2209",
        ),
        (RSA_SHA256, "", "EDU-2209"),
        (
            SHA256,
            "http://www.w3.org/2001/04/xmldsig-more#md5",
            "EDU-2210",
        ),
        (SHA256, "", "EDU-2210"),
    ] {
        assert_eq!(
            refused(&signed(&same).replace(from, to)).code(),
            code,
            "{to}"
        );
    }
}

#[test]
fn hmac_with_the_public_key_is_refused() {
    for hmac in [
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
    ] {
        assert_eq!(
            refused(&signed(&same).replace(RSA_SHA256, hmac)).code(),
            "EDU-2209"
        );
    }
    let truncated = format!(
        "\"{RSA_SHA256}\"><ds:HMACOutputLength>0</ds:HMACOutputLength></ds:SignatureMethod>"
    );
    let xml = signed(&same).replace(&format!("\"{RSA_SHA256}\"/>"), &truncated);
    assert_eq!(refused(&xml).code(), "EDU-2204");
}

#[test]
fn parts_of_a_signature_out_of_their_place_are_refused() {
    let xml = signed(&same);
    for (from, to) in [
        ("<ds:SignedInfo>", "<ds:SignedInfo>text"),
        ("<ds:SignedInfo>", "<x:y xmlns:x=\"urn:x\"/><ds:SignedInfo>"),
        ("<ds:SignedInfo>", "<ds:SignedInfo><ds:SignedInfo/>"),
        ("<ds:Transforms>", "<ds:Transforms/><ds:Transforms>"),
        ("<ds:DigestValue>", "<ds:DigestValue/><ds:DigestValue>"),
        ("</ds:SignedInfo>", "</ds:SignedInfo><ds:SignatureValue/>"),
        (
            "</ds:SignatureValue>",
            "</ds:SignatureValue><ds:KeyInfo/><ds:KeyInfo/>",
        ),
    ] {
        let changed = xml.replacen(from, to, 1);
        assert_ne!(changed, xml);
        assert_eq!(refused(&changed).code(), "EDU-2204", "{to}");
    }
}

#[test]
fn a_comment_in_a_digest_is_refused() {
    let xml = signed(&same);
    let two = xml.replace("<ds:DigestValue>", "<ds:DigestValue><!--AAAA-->");
    assert_eq!(refused(&two).code(), "EDU-2017");
    let two = xml.replace("<ds:SignatureValue>", "<ds:SignatureValue><!-- -->");
    assert_eq!(refused(&two).code(), "EDU-2017");
}
