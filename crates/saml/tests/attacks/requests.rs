//! Authentication requests: by POST, and what they must say.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use saml::request::{AcsChoice, NameIdPolicy, RequestExpected, RequestedContext, Scoping};
use saml::{AuthnRequest, Binding, MessageId, NameIdFormat, Received, Refusal, Signing};

use crate::forge::{ACS, EC, RSA, SP, STRANGER, entity, now, template};

/// Where requests arrive.
pub(crate) const SSO: &str = "https://idp.example/idp/sso";

/// A request; the comment is where a signature goes.
pub(crate) const REQUEST_XML: &str = r#"<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_request" Version="2.0" IssueInstant="2026-11-23T12:00:00Z" Destination="https://idp.example/idp/sso" AssertionConsumerServiceURL="https://sp.example/sp/saml/acs" ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"><saml:Issuer>https://sp.example/sp</saml:Issuer><!--@S@--><samlp:NameIDPolicy AllowCreate="1"/></samlp:AuthnRequest>"#;

/// The same, typed.
pub(crate) fn request() -> AuthnRequest {
    AuthnRequest {
        id: MessageId::parse("_request").unwrap(),
        issue_instant: now(),
        issuer: entity(SP),
        destination: Some(SSO.to_owned()),
        acs: AcsChoice::Url(ACS.to_owned()),
        protocol_binding: Some(Binding::Post),
        force_authn: false,
        is_passive: false,
        name_id_policy: Some(NameIdPolicy {
            format: None,
            allow_create: true,
            sp_name_qualifier: None,
        }),
        requested_context: None,
        attribute_service: None,
        scoping: None,
        channel_bindings: Vec::new(),
        names_subject: false,
    }
}

fn signed(change: &dyn Fn(String) -> String) -> String {
    RSA.sign(&change(REQUEST_XML.to_owned()).replace("<!--@S@-->", &template("_request")))
}

fn receive(xml: &str, signing: Signing<'_>) -> Result<AuthnRequest, Refusal> {
    let expected = RequestExpected {
        destination: SSO,
        now: now(),
    };
    Received::<AuthnRequest>::from_form(&STANDARD.encode(xml), Some("state"))?
        .verify(signing)?
        .accept(&expected)
        .map(saml::Accepted::into_message)
}

/// The code under which a request with `to` in the place of `from` is refused, signed or not.
#[track_caller]
fn with(from: &str, to: &str) -> &'static str {
    let change = |xml: String| {
        assert!(xml.contains(from), "{from}");
        xml.replacen(from, to, 1)
    };
    let unsigned = receive(&change(REQUEST_XML.to_owned()), Signing::Optional(&[])).unwrap_err();
    let keys = [RSA.signing.verifying()];
    let signed = receive(&signed(&change), Signing::Required(&keys)).unwrap_err();
    assert_eq!(unsigned.code(), signed.code());
    unsigned.code()
}

#[test]
fn genuine_requests_are_taken() {
    let keys = [STRANGER.signing.verifying(), RSA.signing.verifying()];
    let xml = signed(&|xml| xml);
    assert_eq!(receive(&xml, Signing::Required(&keys)), Ok(request()));
    assert_eq!(receive(&xml, Signing::Optional(&keys)), Ok(request()));
    assert_eq!(
        receive(REQUEST_XML, Signing::Optional(&keys)),
        Ok(request())
    );
}

#[test]
fn everything_a_request_may_ask_for_is_read() {
    let xml = REQUEST_XML
        .replace(" AssertionConsumerServiceURL=\"https://sp.example/sp/saml/acs\" ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\"",
            " AssertionConsumerServiceIndex=\"3\" ForceAuthn=\"true\" IsPassive=\"1\" ProviderName=\"x\" AttributeConsumingServiceIndex=\"1\" Consent=\"urn:x\" x:y=\"z\" xmlns:x=\"urn:x\"")
        .replace("<samlp:NameIDPolicy AllowCreate=\"1\"/>",
            "<samlp:Extensions><x:any xmlns:x=\"urn:x\">text</x:any></samlp:Extensions>\
             <samlp:NameIDPolicy Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\" SPNameQualifier=\"x\"/>\
             <samlp:RequestedAuthnContext Comparison=\"exact\"><saml:AuthnContextClassRef>\n urn:a </saml:AuthnContextClassRef>\
             <saml:AuthnContextClassRef>urn:b</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>\
             <samlp:Scoping ProxyCount=\"0\"><samlp:RequesterID>urn:x</samlp:RequesterID></samlp:Scoping>");
    let expected = AuthnRequest {
        acs: AcsChoice::Index(3),
        protocol_binding: None,
        force_authn: true,
        is_passive: true,
        name_id_policy: Some(NameIdPolicy {
            format: Some(NameIdFormat::Persistent),
            allow_create: false,
            sp_name_qualifier: Some("x".to_owned()),
        }),
        requested_context: Some(RequestedContext {
            exact: true,
            classes: vec!["urn:a".to_owned(), "urn:b".to_owned()],
        }),
        attribute_service: Some(1),
        scoping: Some(Scoping {
            proxy_count: Some(0),
            idps: Vec::new(),
            requesters: vec![entity("urn:x")],
        }),
        ..request()
    };
    assert_eq!(receive(&xml, Signing::Optional(&[])), Ok(expected));
}

#[test]
fn our_own_requests_are_taken_by_post() {
    let wanted = AuthnRequest {
        attribute_service: Some(7),
        scoping: Some(Scoping {
            proxy_count: Some(3),
            idps: vec![entity("https://idp.example/a&b"), entity("urn:b")],
            requesters: vec![entity("urn:x"), entity("urn:y")],
        }),
        ..request()
    };
    for key in [&RSA, &EC] {
        let xml = saml::post::compose(&wanted, &key.signing).unwrap();
        let keys = [RSA.signing.verifying(), EC.signing.verifying()];
        assert_eq!(receive(&xml, Signing::Required(&keys)), Ok(wanted.clone()));
        let stranger = [STRANGER.signing.verifying()];
        let refused = receive(&xml, Signing::Optional(&stranger)).unwrap_err();
        assert!([Refusal::SignatureInvalid, Refusal::NoKey].contains(&refused));
    }
    assert_eq!(saml::post::field(&wanted), "SAMLRequest");
    assert_eq!(saml::post::encode("<a/>"), "PGEvPg==");
}

#[test]
fn who_may_answer_is_read() {
    let scoped = |scoping: &str| {
        let end = "</samlp:AuthnRequest>";
        let xml = REQUEST_XML.replace(end, &format!("{scoping}{end}"));
        receive(&xml, Signing::Optional(&[]))
    };
    let read = scoped(
        "<samlp:Scoping ProxyCount=\" 99999999999999999999 \"><samlp:IDPList><samlp:IDPEntry ProviderID=\"urn:a\" Name=\"A\" Loc=\"http://127.0.0.1:1/\"/>\
         <x:any xmlns:x=\"urn:x\"/><samlp:IDPEntry ProviderID=\"urn:b\"/><samlp:GetComplete>http://127.0.0.1:1/</samlp:GetComplete></samlp:IDPList>\
         <samlp:RequesterID> urn:x </samlp:RequesterID></samlp:Scoping>",
    )
    .unwrap();
    let scoping = read.scoping.unwrap();
    assert_eq!(scoping.proxy_count, Some(u32::MAX));
    assert_eq!(scoping.idps, [entity("urn:a"), entity("urn:b")]);
    assert_eq!(scoping.requesters, [entity("urn:x")]);
    assert!(scoping.allows(&entity("urn:b")) && !scoping.allows(&entity("urn:c")));
    let anyone = scoped("<samlp:Scoping/>").unwrap().scoping.unwrap();
    assert!(anyone.allows(&entity("urn:c")));
    for (bad, code) in [
        ("<samlp:Scoping ProxyCount=\"-1\"/>", "EDU-2305"),
        ("<samlp:Scoping ProxyCount=\"\"/>", "EDU-2305"),
        ("<samlp:Scoping/><samlp:Scoping/>", "EDU-2304"),
        (
            "<samlp:Scoping><samlp:IDPList><samlp:IDPEntry/></samlp:IDPList></samlp:Scoping>",
            "EDU-2303",
        ),
        (
            "<samlp:Scoping><samlp:IDPList><samlp:IDPEntry ProviderID=\"a b\"/></samlp:IDPList></samlp:Scoping>",
            "EDU-2305",
        ),
        (
            "<samlp:Scoping><samlp:RequesterID>u<!-- -->rn:x</samlp:RequesterID></samlp:Scoping>",
            "EDU-2017",
        ),
        (
            "<samlp:Scoping><samlp:RequesterID/></samlp:Scoping>",
            "EDU-2305",
        ),
    ] {
        assert_eq!(scoped(bad).unwrap_err().code(), code, "{bad}");
    }
}

#[test]
fn a_signature_is_needed_where_it_is_and_right_where_it_is_not() {
    let keys = [RSA.signing.verifying()];
    let refusal = receive(REQUEST_XML, Signing::Required(&keys)).unwrap_err();
    assert_eq!(refusal, Refusal::Unsigned);
    let stranger = STRANGER.sign(&REQUEST_XML.replace("<!--@S@-->", &template("_request")));
    for signing in [Signing::Required(&keys), Signing::Optional(&keys)] {
        assert_eq!(
            receive(&stranger, signing).unwrap_err(),
            Refusal::SignatureInvalid
        );
    }
    let tampered = signed(&|xml| xml).replace(ACS, "https://evil.example/acs");
    assert_eq!(
        receive(&tampered, Signing::Required(&keys)).unwrap_err(),
        Refusal::SignatureInvalid
    );
}

#[test]
fn a_signed_request_inside_another_is_refused() {
    let keys = [RSA.signing.verifying()];
    let xml = signed(&|xml| xml);
    let inner = xml.split_once("?>").map_or(xml.as_str(), |(_, xml)| xml);
    let evil = REQUEST_XML
        .replace("_request", "_evil")
        .replace(ACS, "https://evil.example/acs");
    let around = evil.replace(
        "<!--@S@-->",
        &format!("<samlp:Extensions>{inner}</samlp:Extensions>"),
    );
    for signing in [Signing::Required(&keys), Signing::Optional(&keys)] {
        assert_eq!(
            receive(&around, signing).unwrap_err(),
            Refusal::SignatureMisplaced
        );
    }
    // Its signature moved out to the forged one.
    let start = inner.find("<ds:Signature").unwrap();
    let stop = inner.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let (signature, bare) = (
        &inner[start..stop],
        format!("{}{}", &inner[..start], &inner[stop..]),
    );
    let moved = evil.replace(
        "<!--@S@-->",
        &format!("{signature}<samlp:Extensions>{bare}</samlp:Extensions>"),
    );
    assert_eq!(
        receive(&moved, Signing::Required(&keys))
            .unwrap_err()
            .code(),
        "EDU-2206"
    );
}

#[test]
fn another_destination_is_refused() {
    let destination = " Destination=\"https://idp.example/idp/sso\"";
    assert_eq!(
        with(destination, " Destination=\"https://idp.example/idp2/sso\""),
        "EDU-2309"
    );
    assert_eq!(with(destination, " Destination=\"\""), "EDU-2309");
    // It may be left out only where nothing is signed.
    let without = |xml: String| xml.replacen(destination, "", 1);
    assert!(receive(&without(REQUEST_XML.to_owned()), Signing::Optional(&[])).is_ok());
    let keys = [RSA.signing.verifying()];
    let refusal = receive(&signed(&without), Signing::Required(&keys)).unwrap_err();
    assert_eq!(refusal, Refusal::DestinationMissing);
}

#[test]
fn a_request_out_of_its_time_is_refused() {
    let issued = "IssueInstant=\"2026-11-23T12:00:00Z\"";
    assert_eq!(
        with(issued, "IssueInstant=\"2026-11-23T11:54:59Z\""),
        "EDU-2311"
    );
    assert_eq!(
        with(issued, "IssueInstant=\"2026-11-23T12:05:01Z\""),
        "EDU-2310"
    );
    assert_eq!(
        with(issued, "IssueInstant=\"2025-11-23T12:00:00Z\""),
        "EDU-2311"
    );
    assert_eq!(
        with(issued, "IssueInstant=\"2026-11-23T13:00:00+01:00\""),
        "EDU-2306"
    );
    assert_eq!(
        with(issued, "IssueInstant=\"0000-01-01T00:00:00Z\""),
        "EDU-2311"
    );
    for fresh in ["2026-11-23T11:55:00Z", "2026-11-23T12:05:00.000Z"] {
        let xml = REQUEST_XML.replacen(issued, &format!("IssueInstant=\"{fresh}\""), 1);
        assert!(receive(&xml, Signing::Optional(&[])).is_ok(), "{fresh}");
    }
}

#[test]
fn a_request_of_a_bad_form_is_refused() {
    assert_eq!(with("Version=\"2.0\"", "Version=\"1.1\""), "EDU-2302");
    assert_eq!(
        with(" IssueInstant=\"2026-11-23T12:00:00Z\"", ""),
        "EDU-2303"
    );
    assert_eq!(
        with("<saml:Issuer>https://sp.example/sp</saml:Issuer>", ""),
        "EDU-2303"
    );
    assert_eq!(
        with("https://sp.example/sp</saml:Issuer>", "no</saml:Issuer>"),
        "EDU-2305"
    );
    assert_eq!(
        with("<saml:Issuer>", "<saml:Issuer Format=\"urn:x\">"),
        "EDU-2307"
    );
    assert_eq!(with("AllowCreate=\"1\"", "AllowCreate=\"yes\""), "EDU-2305");
    assert_eq!(with(" ID=", " ForceAuthn=\"maybe\" ID="), "EDU-2305");
    assert_eq!(with("HTTP-POST", "HTTP-POST-SimpleSign"), "EDU-2403");
    assert_eq!(
        with(" ID=", " AssertionConsumerServiceIndex=\"1\" ID="),
        "EDU-2402"
    );
    assert_eq!(
        with(
            " AssertionConsumerServiceURL=\"https://sp.example/sp/saml/acs\"",
            " AssertionConsumerServiceIndex=\"1\""
        ),
        "EDU-2402"
    );
    let context = "<samlp:RequestedAuthnContext Comparison=\"any\"/></samlp:AuthnRequest>";
    assert_eq!(with("</samlp:AuthnRequest>", context), "EDU-2305");
    let subject = "<saml:Subject/><saml:Subject/><samlp:NameIDPolicy";
    assert_eq!(with("<samlp:NameIDPolicy", subject), "EDU-2304");
}

#[test]
fn an_identifier_that_is_none_is_refused() {
    for id in ["", "1", "a b", "é", "a:b", "#a"] {
        let xml = REQUEST_XML.replace("ID=\"_request\"", &format!("ID=\"{id}\""));
        assert_eq!(
            receive(&xml, Signing::Optional(&[])).unwrap_err().code(),
            "EDU-2305",
            "{id}"
        );
    }
    let xml = REQUEST_XML.replace(" ID=\"_request\"", "");
    assert_eq!(
        receive(&xml, Signing::Optional(&[])).unwrap_err().code(),
        "EDU-2303"
    );
}

#[test]
fn a_long_relay_state_is_refused() {
    let field = STANDARD.encode(REQUEST_XML);
    let long = "x".repeat(1025);
    let refusal = Received::<AuthnRequest>::from_form(&field, Some(&long))
        .err()
        .unwrap();
    assert_eq!(refusal.code(), "EDU-2107");
    let fits = Received::<AuthnRequest>::from_form(&field, Some(&long[..1024])).unwrap();
    assert_eq!(fits.relay_state().map(str::len), Some(1024));
}
