//! The form of what we emit: canonical as it stands.

use proptest::prelude::*;
use saml::response::SignWhat;

use crate::documents::{NAME, P256, attributes, every, keys, name_id, response, response_about};
use crate::witnesses::{canonical_by_bergshamra, canonical_by_xmllint};

#[test]
fn every_document_is_its_own_canonical_form() {
    for key in keys() {
        for emitted in every(&key.signing) {
            let written = emitted.xml.as_bytes();
            let kind = emitted.kind;
            assert!(written == canonical_by_xmllint(&emitted.xml), "{kind}");
            assert!(written == canonical_by_bergshamra(&emitted.xml), "{kind}");
        }
    }
}

#[test]
fn the_witnesses_would_see_another_form() {
    let genuine = response(SignWhat::Both, &P256.signing);
    for (written, otherwise) in [
        ("></samlp:StatusCode>", "/>"),
        ("&quot;", "&#34;"),
        ("]]&gt;", "]]&#62;"),
        (
            " ID=\"_response\" InResponseTo=\"_request\"",
            " InResponseTo=\"_request\" ID=\"_response\"",
        ),
    ] {
        let changed = genuine.replacen(written, otherwise, 1);
        assert_ne!(genuine, changed, "{written}");
        assert_eq!(
            canonical_by_xmllint(&changed),
            genuine.as_bytes(),
            "{written}"
        );
        assert_eq!(
            canonical_by_bergshamra(&changed),
            genuine.as_bytes(),
            "{written}"
        );
    }
}

#[test]
fn no_value_says_its_type() {
    for emitted in every(&P256.signing) {
        assert!(!emitted.xml.contains("XMLSchema"), "{}", emitted.kind);
    }
}

#[test]
fn an_assertion_keeps_its_form_when_it_is_taken_out() {
    let xml = response(SignWhat::Both, &P256.signing);
    let start = xml.find("<saml:Assertion").unwrap();
    let stop = xml.find("</samlp:Response>").unwrap();
    let assertion = &xml[start..stop];
    assert!(assertion.as_bytes() == canonical_by_xmllint(assertion));
    assert_eq!(
        crate::witnesses::xmlsec(assertion, "_assertion", &P256, crate::witnesses::Trust::Key),
        Ok(())
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_values_stay_canonical(
        text in "[\\t\\n\\r -\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]{0,40}",
    ) {
        let mut name_id = name_id();
        name_id.value.clone_from(&text);
        name_id.name_qualifier = Some(text.clone());
        let mut attributes = attributes();
        for attribute in &mut attributes {
            attribute.name = format!("{}{text}", attribute.name);
            attribute.values = vec![text.clone(), format!("{text}{NAME}{text}")];
        }
        let xml = response_about(&name_id, &attributes, SignWhat::Both, &P256.signing).unwrap();
        prop_assert_eq!(canonical_by_bergshamra(&xml), xml.as_bytes());
    }
}
