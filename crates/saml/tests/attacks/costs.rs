//! What the most hostile documents cost: under 250 ms each (issue of the house: no input costs more).

use std::time::{Duration, Instant};

use saml::Received;
use saml::logout::LogoutRequest;
use saml::response::SignWhat;

use crate::forge::{EXCLUSIVE, STRANGER, genuine, receive, signed_as};

/// A document of this many bytes is as large as a message may be.
const FULL: usize = 250 * 1024;

/// What may be spent on one document.
const MOST: Duration = Duration::from_millis(250);

/// Asserts a document to be refused in time. Others use the machine, too: one run in time proves that
/// it can be, and what is really dear is dear every time.
#[track_caller]
fn cheap(name: &str, xml: &str, code: &str) {
    let mut took = Duration::MAX;
    for _ in 0..10 {
        let started = Instant::now();
        let found = receive(xml).map_or_else(|refusal| refusal.code(), |_| "taken");
        took = took.min(started.elapsed());
        assert_eq!(found, code, "{name}");
        if took < MOST {
            break;
        }
    }
    println!("{name}: {} bytes, {took:?}, {code}", xml.len());
    assert!(took < MOST, "{name}: {took:?}");
}

fn numbered(count: usize, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect::<Vec<_>>().concat()
}

#[test]
fn documents_that_the_preflight_refuses_are_cheap() {
    cheap("deep", &"<a>".repeat(FULL / 3), "EDU-2009");
    cheap(
        "wide",
        &format!("<a>{}</a>", "<b/>".repeat(FULL / 4)),
        "EDU-2010",
    );
    let attributes = numbered(20_000, |n| format!(" a{n}=\"\""));
    cheap("attributes", &format!("<a{attributes}/>"), "EDU-2011");
    let names = numbered(4_000, |n| format!("<a xmlns:n{n}=\"urn:x\">"));
    cheap("namespaces", &names, "EDU-2013");
    let references = "&#120;".repeat(FULL / 6);
    cheap("references", &format!("<a>{references}</a>"), "EDU-2301");
    let comments = "<!---->".repeat(FULL / 7);
    cheap("comments", &format!("<a>{comments}</a>"), "EDU-2010");
    cheap("ends", &"</a>".repeat(FULL / 4), "EDU-2015");
    cheap("open", &format!("<a {}", "x".repeat(FULL)), "EDU-2015");
    cheap(
        "ampersands",
        &format!("<a b=\"{}\"/>", "&".repeat(10_000)),
        "EDU-2015",
    );
    cheap(
        "megabyte",
        &format!("<a b=\"{}\"/>", "x".repeat(1 << 20)),
        "EDU-2001",
    );
}

#[test]
fn documents_that_the_reader_refuses_are_cheap() {
    let ids = numbered(9_000, |n| format!("<a ID=\"_{n}\"/>"));
    cheap("identifiers", &format!("<r>{ids}</r>"), "EDU-2301");
    let scope = numbered(42, |n| format!(" xmlns:n{n}=\"urn:x:{n}\""));
    let siblings = "<b xmlns:m=\"urn:m\"/>".repeat(9_000);
    cheap("scopes", &format!("<r{scope}>{siblings}</r>"), "EDU-2013");
    let xml = genuine(SignWhat::Response);
    let signatures =
        "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>".repeat(3_000);
    cheap(
        "signatures",
        &xml.replace("<samlp:Status>", &format!("{signatures}<samlp:Status>")),
        "EDU-2204",
    );
    let transforms = "<ds:Transform Algorithm=\"x\"/>".repeat(5_000);
    cheap(
        "transforms",
        &xml.replace("</ds:Transforms>", &format!("{transforms}</ds:Transforms>")),
        "EDU-2207",
    );
    let references = "<ds:Reference URI=\"#_response\"/>".repeat(5_000);
    cheap(
        "references",
        &xml.replace("</ds:SignedInfo>", &format!("{references}</ds:SignedInfo>")),
        "EDU-2205",
    );
    let assertions = "<saml:Assertion/>".repeat(9_000);
    cheap(
        "assertions",
        &xml.replace("<samlp:Status>", &format!("<x xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{assertions}</x><samlp:Status>")), "EDU-2509",
    );
}

/// What reaches xmlsec: a signature of the right shape, over a document made to be dear.
fn reaching(filling: &str) -> String {
    let extensions = format!("@R@<samlp:Extensions>{filling}</samlp:Extensions>");
    let bare = format!("<ds:Transform Algorithm=\"{EXCLUSIVE}\"/>");
    let prefixes = format!(
        "<ds:Transform Algorithm=\"{EXCLUSIVE}\"><ec:InclusiveNamespaces xmlns:ec=\"{EXCLUSIVE}\" PrefixList=\"a b c d e f g h\"/></ds:Transform>"
    );
    let xml = signed_as(&|xml| xml.replace("@R@", &extensions), &|template| {
        template.replace(&bare, &prefixes)
    });
    xml.replace(">amartin<", ">bmartin<")
}

#[test]
fn documents_that_reach_the_signature_are_cheap() {
    let deep = |levels: usize, inside: &str| {
        format!("{}{inside}{}", "<x>".repeat(levels), "</x>".repeat(levels))
    };
    let wide = "<x/>".repeat(18_000);
    cheap("wide", &reaching(&wide), "EDU-2211");
    cheap("wide and deep", &reaching(&deep(55, &wide)), "EDU-2211");
    let declared = numbered(42, |n| format!(" xmlns:n{n}=\"urn:x\""));
    let scope = format!("<x{declared}>{}</x>", deep(50, &"<n1:x/>".repeat(18_000)));
    cheap("scope", &reaching(&scope), "EDU-2211");
    let long = format!(
        "<x xmlns:p=\"urn:{}\">{}</x>",
        "x".repeat(250),
        "<p:x/>".repeat(18_000)
    );
    cheap("long namespace", &reaching(&long), "EDU-2211");
    let attributes = format!("<x {}/>", numbered(60, |n| format!(" a{n}=\"\""))).repeat(300);
    cheap("attributes", &reaching(&attributes), "EDU-2211");
    let redeclared = "<x xmlns:p=\"urn:p\"><p:y xmlns:p=\"urn:q\"/></x>".repeat(4_500);
    cheap("redeclared", &reaching(&redeclared), "EDU-2211");
    cheap("text", &reaching(&"&lt;".repeat(30_000)), "EDU-2211");
    cheap(
        "text and elements",
        &reaching(&"x<x/>".repeat(9_000)),
        "EDU-2211",
    );
    let identifiers = numbered(9_000, |n| format!("<x ID=\"_{n}\"/>"));
    cheap("identifiers", &reaching(&identifiers), "EDU-2211");
}

#[test]
fn a_strangers_signature_is_cheap() {
    let xml = crate::forge::composed(SignWhat::Both, &STRANGER.signing);
    cheap("stranger", &xml, "EDU-2211");
}

#[test]
fn envelopes_are_cheap() {
    let names = numbered(40, |n| format!(" xmlns:n{n}=\"urn:x:{}\"", "x".repeat(200)));
    let envelope = |body: &str| {
        format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"{names}><s:Body>{body}</s:Body></s:Envelope>"
        )
    };
    let wide = format!("<a>{}</a>", "<b/>".repeat(18_000));
    let deep = format!("{}{}", "<a>".repeat(60), "</a>".repeat(60));
    let many = numbered(9_000, |n| format!("<a ID=\"_{n}\"/>"));
    for (name, body, code) in [
        ("wide", wide, "EDU-2301"),
        ("deep", deep, "EDU-2301"),
        ("many", many, "EDU-2110"),
    ] {
        let xml = envelope(&body);
        let took = (0..10)
            .map(|_| {
                let started = Instant::now();
                let refusal = Received::<LogoutRequest>::by_soap(xml.as_bytes()).err();
                assert_eq!(refusal.map(|refusal| refusal.code()), Some(code), "{name}");
                started.elapsed()
            })
            .min()
            .unwrap();
        assert!(took < MOST, "{name}: {took:?}");
    }
}
