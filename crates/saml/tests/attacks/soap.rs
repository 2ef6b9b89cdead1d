//! Envelopes: one message, and nothing beside it that would have to be understood.

use saml::logout::LogoutRequest;
use saml::soap::{self, Fault};
use saml::{Received, Refusal};

const MESSAGE: &str = "<samlp:LogoutRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"><saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">https://sp.example/sp</saml:Issuer></samlp:LogoutRequest>";
const NS: &str = "xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"";

fn refusal(envelope: &str) -> Option<Refusal> {
    Received::<LogoutRequest>::by_soap(envelope.as_bytes()).err()
}

#[track_caller]
fn code(envelope: &str) -> &'static str {
    refusal(envelope)
        .unwrap_or_else(|| panic!("taken: {envelope}"))
        .code()
}

fn envelope(header: &str, body: &str) -> String {
    format!("<s:Envelope {NS}>{header}<s:Body>{body}</s:Body></s:Envelope>")
}

#[test]
fn what_everybody_writes_is_taken() {
    for header in [
        "",
        "<s:Header/>",
        "<s:Header><x:a xmlns:x=\"urn:x\"/></s:Header>",
        "<s:Header>\n<x:a xmlns:x=\"urn:x\" s:mustUnderstand=\"0\"/></s:Header>\n",
        "<s:Header><x:a xmlns:x=\"urn:x\" mustUnderstand=\"1\"/></s:Header>",
    ] {
        assert_eq!(refusal(&envelope(header, MESSAGE)), None, "{header}");
    }
    assert_eq!(refusal(&envelope("", &format!("\n {MESSAGE}\n"))), None);
    let declared = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}",
        envelope("", MESSAGE)
    );
    assert_eq!(refusal(&declared), None);
    assert_eq!(refusal(&soap::enclose(MESSAGE).unwrap()), None);
    // Prefixes declared around the message.
    let inner = MESSAGE
        .replace(" xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"", "")
        .replace(" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"", "");
    let outer = envelope("", &inner).replace(
        "<s:Body>",
        "<s:Body xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">",
    );
    assert_eq!(refusal(&outer), None);
    let by_default = envelope(
        "",
        "<LogoutRequest><Issuer xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\">https://sp.example/sp</Issuer></LogoutRequest>",
    )
    .replace(&format!("Envelope {NS}"), &format!("Envelope {NS} xmlns=\"urn:oasis:names:tc:SAML:2.0:protocol\""));
    assert_eq!(refusal(&by_default), None);
}

#[test]
fn a_header_that_must_be_understood_is_refused() {
    for header in [
        "<s:Header><x:a xmlns:x=\"urn:x\" s:mustUnderstand=\"1\"/></s:Header>",
        "<s:Header><x:a xmlns:x=\"urn:x\" s:mustUnderstand=\"true\"/></s:Header>",
        "<s:Header><x:a xmlns:x=\"urn:x\" s:mustUnderstand=\"\"/></s:Header>",
        "<s:Header><x:a xmlns:x=\"urn:x\"/><x:b xmlns:x=\"urn:x\" s:mustUnderstand=\"1\"/></s:Header>",
        "<s:Header><x:a xmlns:x=\"urn:x\" s:actor=\"urn:other\" s:mustUnderstand=\"1\"/></s:Header>",
    ] {
        let refusal = refusal(&envelope(header, MESSAGE)).unwrap();
        assert_eq!(refusal.code(), "EDU-2112", "{header}");
        assert_eq!(Fault::of(&refusal), Fault::MustUnderstand);
    }
}

#[test]
fn an_envelope_of_another_shape_is_refused() {
    let two = format!("{MESSAGE}{MESSAGE}");
    for (xml, expected) in [
        (envelope("", ""), "EDU-2110"),
        (envelope("", "text"), "EDU-2110"),
        (envelope("", &two), "EDU-2110"),
        (envelope("", &format!("text{MESSAGE}")), "EDU-2110"),
        (envelope("<s:Header/><s:Header/>", MESSAGE), "EDU-2110"),
        (envelope("<x:a xmlns:x=\"urn:x\"/>", MESSAGE), "EDU-2110"),
        (envelope("text", MESSAGE), "EDU-2110"),
        (format!("<s:Envelope {NS}/>"), "EDU-2110"),
        (
            format!("<s:Envelope {NS}><s:Header/></s:Envelope>"),
            "EDU-2110",
        ),
        (
            format!("<s:Envelope {NS}><s:Body>{MESSAGE}</s:Body><s:Header/></s:Envelope>"),
            "EDU-2110",
        ),
        (
            format!("<s:Envelope {NS}><s:Body>{MESSAGE}</s:Body><s:Body/></s:Envelope>"),
            "EDU-2110",
        ),
        (envelope("", &envelope("", MESSAGE)), "EDU-2301"),
        (envelope("", "<a/>"), "EDU-2301"),
        (MESSAGE.to_owned(), "EDU-2301"),
        (String::new(), "EDU-2015"),
        (
            envelope("", MESSAGE).replace(
                "http://schemas.xmlsoap.org/soap/envelope/",
                "http://www.w3.org/2003/05/soap-envelope",
            ),
            "EDU-2111",
        ),
        (format!("<!DOCTYPE a>{}", envelope("", MESSAGE)), "EDU-2007"),
        (envelope("<?x y?>", MESSAGE), "EDU-2008"),
        (envelope("", &"<a>".repeat(70)), "EDU-2009"),
        (envelope(&"<s:Header/>".repeat(25_000), MESSAGE), "EDU-2001"),
    ] {
        assert_eq!(code(&xml), expected, "{xml:.300}");
    }
}

#[test]
fn a_fault_is_read_and_said() {
    let said = soap::fault(Fault::Client, "Dupont & fils <O'Neil>").unwrap();
    let refusal = refusal(&said).unwrap();
    let Refusal::SoapFault { code, message } = &refusal else {
        panic!("{refusal}");
    };
    assert_eq!(code.as_str(), "soap:Client");
    assert_eq!(message.as_str(), "Dupont & fils <O'Neil>");
    assert!(soap::fault(Fault::Server, "a\u{b}").is_err());
    for (fault, code) in [
        (Fault::Server, "soap:Server"),
        (Fault::MustUnderstand, "soap:MustUnderstand"),
        (Fault::VersionMismatch, "soap:VersionMismatch"),
    ] {
        assert!(soap::fault(fault, "x").unwrap().contains(code));
    }
}
