use super::{ATTRIBUTE, ATTRIBUTES, DEPTH, Limits, MESSAGE, NAMESPACE, NAMESPACES, preflight};
use crate::{Refusal, reader};

/// The code under which `xml` is refused, by the preflight or by the reader behind it.
fn code(xml: &str) -> &'static str {
    refusal(xml.as_bytes()).code()
}

fn refusal(xml: &[u8]) -> Refusal {
    preflight(xml, &MESSAGE)
        .and_then(|text| reader::parse(text, &MESSAGE).map(|_| ()))
        .expect_err(&String::from_utf8_lossy(xml))
}

fn taken(xml: &str) {
    let text = preflight(xml.as_bytes(), &MESSAGE).expect("passes the preflight");
    reader::parse(text, &MESSAGE).expect("is well-formed");
}

#[test]
fn ordinary_documents_pass() {
    taken("<a/>");
    taken("\u{feff}<a/>");
    taken("<?xml version=\"1.0\"?><a/>");
    taken("<?xml version='1.0' encoding='utf-8' standalone='no'?>\n<!-- x -->\n<a/>\n");
    taken(
        "<a xmlns=\"urn:x\" b=\"&lt;&#233;&#xE9;&amp;\">&apos;&quot;&gt;<![CDATA[<&]]>é\u{10348}</a>",
    );
    taken("<a xmlns=\"urn:x\"><b xmlns=\"\"/></a>");
}

#[test]
fn size_is_capped_before_anything_is_read() {
    let xml = format!("<a>{}</a>", "x".repeat(MESSAGE.bytes));
    assert_eq!(code(&xml), "EDU-2001");
    let mut not_even_utf8 = vec![0xff; MESSAGE.bytes];
    not_even_utf8.push(0xff);
    assert_eq!(refusal(&not_even_utf8).code(), "EDU-2001");
}

#[test]
fn only_utf8_is_read() {
    assert_eq!(refusal(b"<a>\xff</a>").code(), "EDU-2005");
    assert_eq!(refusal(b"<a>\xc0\xaf</a>").code(), "EDU-2005");
    assert_eq!(refusal(b"<a>\xed\xa0\x80</a>").code(), "EDU-2005");
    assert_eq!(refusal(b"\xff\xfe<\0a\0/\0>\0").code(), "EDU-2005");
    for declaration in [
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?>",
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>",
        "<?xml version=\"1.0\" encoding=\"UTF-7\"?>",
        "<?xml version=\"1.1\"?>",
        "<?xml version=\"1.1\" encoding=\"UTF-8\"?>",
        "\n<?xml version=\"1.0\"?>",
        "<?xml version=\"1.0\"?><?xml version=\"1.0\"?>",
    ] {
        assert_eq!(
            code(&format!("{declaration}<a/>")),
            "EDU-2006",
            "{declaration}"
        );
    }
}

#[test]
fn a_doctype_is_refused() {
    for doctype in [
        "<!DOCTYPE a>",
        "<!DOCTYPE a SYSTEM \"http://example.org/a.dtd\">",
        "<!DOCTYPE a [<!ENTITY b \"c\">]>",
        "<!doctype a>",
    ] {
        assert_eq!(code(&format!("{doctype}<a/>")), "EDU-2007", "{doctype}");
    }
}

#[test]
fn entity_expansion_is_refused() {
    let laughs =
        "<!DOCTYPE a [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;\">]><a>&b;</a>";
    assert_eq!(code(laughs), "EDU-2007");
    assert_eq!(code("<a>&b;</a>"), "EDU-2014");
    assert_eq!(code("<a b=\"&c;\"/>"), "EDU-2014");
    assert_eq!(code("<a>&eacute;</a>"), "EDU-2014");
    assert_eq!(code("<a>&AMP;</a>"), "EDU-2014");
}

#[test]
fn references_to_what_is_no_character_are_refused() {
    for reference in [
        "&#0;",
        "&#x1F;",
        "&#xD800;",
        "&#xFFFE;",
        "&#x110000;",
        "&#99999999999;",
        "&#;",
        "&#x;",
        "&#+65;",
        "&#xG;",
        "&#X41;",
    ] {
        assert_eq!(
            code(&format!("<a>{reference}</a>")),
            "EDU-2015",
            "{reference}"
        );
        assert_eq!(
            code(&format!("<a b=\"{reference}\"/>")),
            "EDU-2015",
            "{reference}"
        );
    }
    assert_eq!(code("<a b=\"x & y\"/>"), "EDU-2015");
    assert_eq!(code("<a>x & y</a>"), "EDU-2015");
}

#[test]
fn a_processing_instruction_is_refused() {
    assert_eq!(code("<?xml-stylesheet href=\"x\"?><a/>"), "EDU-2008");
    assert_eq!(code("<a>b<?c?>d</a>"), "EDU-2008");
    assert_eq!(code("<a/><?c?>"), "EDU-2008");
}

#[test]
fn depth_is_capped() {
    let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    taken(&nested(DEPTH));
    assert_eq!(code(&nested(DEPTH + 1)), "EDU-2009");
    assert_eq!(code(&nested(30_000)), "EDU-2009");
    assert_eq!(code(&"<a>".repeat(30_000)), "EDU-2009");
}

#[test]
fn nodes_are_capped() {
    taken(&format!("<a>{}</a>", "<b/>".repeat(MESSAGE.nodes - 1)));
    assert_eq!(
        code(&format!("<a>{}</a>", "<b/>".repeat(MESSAGE.nodes))),
        "EDU-2010"
    );
    assert_eq!(
        code(&format!("<a>{}</a>", "<b/>x".repeat(MESSAGE.nodes / 2))),
        "EDU-2010"
    );
    assert_eq!(
        code(&format!("<a>{}</a>", "<!---->".repeat(MESSAGE.nodes))),
        "EDU-2010"
    );
    assert_eq!(
        code(&format!(
            "<a>{}</a>",
            "<b c=\"\"/>".repeat(MESSAGE.nodes / 2)
        )),
        "EDU-2010"
    );
}

#[test]
fn attributes_of_one_element_are_capped() {
    let with = |count: usize| {
        let attributes: Vec<_> = (0..count).map(|n| format!(" a{n}=\"\"")).collect();
        format!("<a{}/>", attributes.concat())
    };
    taken(&with(ATTRIBUTES));
    assert_eq!(code(&with(ATTRIBUTES + 1)), "EDU-2011");
    assert_eq!(code(&with(20_000)), "EDU-2011");
}

#[test]
fn a_long_value_is_refused() {
    let roomy = Limits {
        bytes: 4 << 20,
        ..MESSAGE
    };
    let attribute = format!("<a b=\"{}\"/>", "x".repeat(ATTRIBUTE + 1));
    assert_eq!(code(&attribute), "EDU-2012");
    let megabyte = format!("<a b=\"{}\"/>", "x".repeat(1 << 20));
    assert_eq!(code(&megabyte), "EDU-2001");
    assert_eq!(
        preflight(megabyte.as_bytes(), &roomy).unwrap_err().code(),
        "EDU-2012"
    );
    // Cut into pieces, a text is as long as it was.
    let pieces = format!(
        "<a>{}</a>",
        "x&amp;<![CDATA[y]]>".repeat(MESSAGE.text / 5 + 1)
    );
    assert_eq!(
        preflight(pieces.as_bytes(), &roomy).unwrap_err().code(),
        "EDU-2012"
    );
}

#[test]
fn namespaces_in_scope_are_capped() {
    let declare = |from: usize, to: usize| -> String {
        let all: Vec<_> = (from..to)
            .map(|n| format!(" xmlns:n{n}=\"urn:x\""))
            .collect();
        all.concat()
    };
    let half = NAMESPACES / 2;
    taken(&format!(
        "<a{}><b{}/></a>",
        declare(0, half),
        declare(half, NAMESPACES)
    ));
    let beyond = format!(
        "<a{}><b{}/></a>",
        declare(0, half),
        declare(half, NAMESPACES + 1)
    );
    assert_eq!(code(&beyond), "EDU-2013");
    // Each element that adds one has a tree copy all.
    let copied = format!(
        "<a{}>{}</a>",
        declare(0, half),
        "<b xmlns:m=\"urn:m\"/>".repeat(6_000)
    );
    assert_eq!(code(&copied), "EDU-2013");
    // Out of scope, they no longer count.
    taken(&format!(
        "<a>{}</a>",
        format!("<b{}/>", declare(0, half)).repeat(10)
    ));
}

#[test]
fn a_long_namespace_is_refused() {
    let uri = |length: usize| format!("urn:{}", "x".repeat(length - 4));
    taken(&format!("<p:a xmlns:p=\"{}\"/>", uri(NAMESPACE)));
    assert_eq!(
        code(&format!("<p:a xmlns:p=\"{}\"/>", uri(NAMESPACE + 1))),
        "EDU-2012"
    );
}

#[test]
fn relative_namespaces_are_refused() {
    for uri in [
        "x",
        "x/y",
        "../x",
        "//host/x",
        "#x",
        "1:x",
        "&#104;ttp://x",
        " urn:x",
        "é:x",
    ] {
        assert_eq!(code(&format!("<a xmlns=\"{uri}\"/>")), "EDU-2016", "{uri}");
        assert_eq!(
            code(&format!("<p:a xmlns:p=\"{uri}\"/>")),
            "EDU-2016",
            "{uri}"
        );
    }
    assert_eq!(code("<p:a xmlns:p=\"\"/>"), "EDU-2016");
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for xml in [
        "",
        " ",
        "not xml",
        "<",
        "<a",
        "<a>",
        "<a></b>",
        "<a><b></a></b>",
        "</a>",
        "<a/><b/>",
        "<a/>text",
        "text<a/>",
        "<a b/>",
        "<a b=c/>",
        "<a b=\"c/>",
        "<a b=\"<\"/>",
        "<a b=\"1\" b=\"2\"/>",
        "<a xmlns=\"urn:x\" xmlns=\"urn:y\"/>",
        "<a xmlns:p=\"urn:x\" xmlns:q=\"urn:x\" p:b=\"1\" q:b=\"2\"/>",
        "<p:a/>",
        "<a p:b=\"\"/>",
        "<a:b:c xmlns:a=\"urn:x\"/>",
        "<1a/>",
        "<a>]]></a>",
        "<a><![CDATA[</a>",
        "<a><!-- -- --></a>",
        "<a><!-- </a>",
        "<a>\u{1}</a>",
        "<a>\u{0}</a>",
        "<a>\u{ffff}</a>",
        "<a b=\"\u{1b}\"/>",
        "<a><![CDATA[\u{1}]]></a>",
        "<a xmlns:xml=\"urn:x\"/>",
        "<a xmlns:xmlns=\"urn:x\"/>",
        "<a xmlns:p=\"http://www.w3.org/2000/xmlns/\"/>",
    ] {
        assert_eq!(code(xml), "EDU-2015", "{xml}");
    }
}
