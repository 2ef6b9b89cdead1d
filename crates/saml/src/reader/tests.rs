use super::{SAML, boolean, child, children, instant, number, parse, uri_value, value};
use crate::Refusal;
use crate::preflight::{MESSAGE, preflight};

fn value_of(content: &str) -> Result<String, Refusal> {
    let xml = format!("<a>{content}</a>");
    let document = parse(preflight(xml.as_bytes(), &MESSAGE)?, &MESSAGE)?;
    value(document.root_element())
}

#[test]
fn a_value_is_all_its_text_and_cdata() {
    assert_eq!(value_of("jeanne<![CDATA[.b]]>").unwrap(), "jeanne.b");
    assert_eq!(value_of("<![CDATA[a]]><![CDATA[b]]>c").unwrap(), "abc");
    assert_eq!(
        value_of("Dupont &amp; fils &#60;O'Neil&gt; \"é\"").unwrap(),
        "Dupont & fils <O'Neil> \"é\""
    );
    assert_eq!(value_of("<![CDATA[&amp;<b/>]]>").unwrap(), "&amp;<b/>");
    assert_eq!(value_of("  a\r\nb  ").unwrap(), "  a\nb  ");
    assert_eq!(value_of("").unwrap(), "");
}

#[test]
fn a_value_of_256_characters_is_taken_unharmed() {
    let long: String = "é<\u{10348}\u{2028}'".chars().cycle().take(256).collect();
    let escaped = long.replace('<', "&lt;");
    assert_eq!(value_of(&escaped).unwrap(), long);
}

#[test]
fn a_value_that_is_cut_is_refused() {
    assert_eq!(
        value_of("operateur<!-- -->.evil").unwrap_err().code(),
        "EDU-2017"
    );
    assert_eq!(value_of("<!-- -->a").unwrap_err().code(), "EDU-2017");
    assert_eq!(value_of("a<b/>c").unwrap_err().code(), "EDU-2018");
    assert_eq!(value_of("<b>a</b>").unwrap_err().code(), "EDU-2018");
}

#[test]
fn elements_are_found_by_their_exact_name() {
    let xml = format!(
        "<r xmlns:s=\"{SAML}\" xmlns:t=\"{SAML}x\"><Issuer/><t:Issuer/><s:issuer/><s:Issuer/><x><s:Issuer/></x></r>"
    );
    let document = parse(&xml, &MESSAGE).unwrap();
    let root = document.root_element();
    assert_eq!(children(root, SAML, "Issuer").count(), 1);
    assert!(child(root, SAML, "Issuer").unwrap().is_some());
    assert!(child(root, SAML, "Subject").unwrap().is_none());
    let twice = format!("<r xmlns:s=\"{SAML}\"><s:Issuer/><s:Issuer/></r>");
    let document = parse(&twice, &MESSAGE).unwrap();
    assert_eq!(
        child(document.root_element(), SAML, "Issuer").unwrap_err(),
        Refusal::Repeated { what: "Issuer" }
    );
}

#[test]
fn attributes_are_read_by_their_type_and_without_namespace() {
    let xml = "<r xmlns:p=\"urn:p\" p:t=\"true\" b=\" 1 \" f=\"false\" n=\"65535\" i=\"2026-01-01T00:00:00Z\"/>";
    let document = parse(xml, &MESSAGE).unwrap();
    let root = document.root_element();
    assert_eq!(boolean(root, "t"), Ok(None));
    assert_eq!(boolean(root, "b"), Ok(Some(true)));
    assert_eq!(boolean(root, "f"), Ok(Some(false)));
    assert_eq!(number(root, "n"), Ok(Some(65535)));
    assert!(instant(root, "i").unwrap().is_some());
    for bad in ["", "TRUE", "yes", "2", "65536", "-1", "1.0", "0x1"] {
        let xml = format!("<r v=\"{bad}\"/>");
        let document = parse(&xml, &MESSAGE).unwrap();
        let root = document.root_element();
        if bad != "2" {
            assert_eq!(number(root, "v").unwrap_err().code(), "EDU-2305", "{bad}");
        }
        assert_eq!(boolean(root, "v").unwrap_err().code(), "EDU-2305", "{bad}");
        assert_eq!(instant(root, "v").unwrap_err().code(), "EDU-2306", "{bad}");
    }
}

#[test]
fn white_space_around_a_uri_does_not_count() {
    let document = parse("<r>\n  urn:x \t</r>", &MESSAGE).unwrap();
    assert_eq!(uri_value(document.root_element()).unwrap(), "urn:x");
}
