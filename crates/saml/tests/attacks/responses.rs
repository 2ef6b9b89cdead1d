//! What a response must say, apart from its assertion (SAML Core 3.2.2, Profiles 4.1.4.3). All are
//! really signed.

use saml::response::{Response, ResponseExpected};
use saml::{MessageId, Received, Refusal};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::forge::{
    ACS, IDP, RSA, SP, entity, expected, genuine, now, receive_at, refused, signed,
    signed_assertion,
};

/// The code under which a signed response with `to` in the place of `from` is refused.
fn with(from: &str, to: &str) -> &'static str {
    let xml = signed(&|xml| {
        assert!(xml.contains(from), "{from}");
        xml.replacen(from, to, 1)
    });
    refused(&xml).code()
}

#[test]
fn another_issuer_is_refused() {
    let issuer = "<saml:Issuer>https://idp.example/idp</saml:Issuer>";
    assert_eq!(
        with(issuer, "<saml:Issuer>https://other.example</saml:Issuer>"),
        "EDU-2503"
    );
    assert_eq!(with(issuer, ""), "EDU-2303");
    assert_eq!(with(issuer, "<saml:Issuer/>"), "EDU-2305");
    assert_eq!(
        with(
            issuer,
            "<saml:Issuer> https://idp.example/idp</saml:Issuer>"
        ),
        "EDU-2305"
    );
    assert_eq!(with(issuer, &issuer.repeat(2)), "EDU-2304");
    assert_eq!(
        with(
            "<saml:Issuer>",
            "<saml:Issuer Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\">"
        ),
        "EDU-2307"
    );
}

#[test]
fn another_destination_is_refused() {
    let destination = " Destination=\"https://sp.example/sp/saml/acs\"";
    assert_eq!(
        with(
            destination,
            " Destination=\"https://sp.example/sp/saml/acs/\""
        ),
        "EDU-2309"
    );
    assert_eq!(
        with(
            destination,
            " Destination=\"https://SP.example/sp/saml/acs\""
        ),
        "EDU-2309"
    );
    assert_eq!(with(destination, " Destination=\"\""), "EDU-2309");
    assert_eq!(with(destination, ""), "EDU-2308");
    assert_eq!(
        with(
            destination,
            &format!(" x:{} xmlns:x=\"urn:x\"", destination.trim())
        ),
        "EDU-2308"
    );
}

#[test]
fn an_answer_to_another_request_is_refused() {
    let answers = " InResponseTo=\"_request\"><saml:Issuer>";
    assert_eq!(
        with(answers, " InResponseTo=\"_other\"><saml:Issuer>"),
        "EDU-2506"
    );
    assert_eq!(with(answers, "><saml:Issuer>"), "EDU-2505");
    assert_eq!(
        with(answers, " InResponseTo=\"not an id\"><saml:Issuer>"),
        "EDU-2305"
    );
}

#[test]
fn an_answer_to_a_request_is_not_an_unsolicited_one() {
    let (issuer, audience) = (entity(IDP), entity(SP));
    let request = MessageId::parse("_request").unwrap();
    let unasked = ResponseExpected {
        in_response_to: None,
        ..expected(&issuer, &audience, &request)
    };
    let accept = |xml: &str| {
        let received = Received::<Response>::from_form(&STANDARD.encode(xml)).unwrap();
        let verified = received.verify(&[RSA.signing.verifying()]).unwrap();
        verified.accept(&unasked).map(saml::Accepted::into_message)
    };
    let refusal = accept(&genuine(saml::response::SignWhat::Both)).unwrap_err();
    assert_eq!(refusal.code(), "EDU-2507");
    let half = signed(&|xml| xml.replacen(" InResponseTo=\"_request\"", "", 1));
    assert_eq!(accept(&half).unwrap_err().code(), "EDU-2611");
    let none = signed(&|xml| xml.replace(" InResponseTo=\"_request\"", ""));
    assert!(accept(&none).is_ok());
}

#[test]
fn another_version_is_refused() {
    let version = " Version=\"2.0\" IssueInstant=\"2026-11-23T12:00:00Z\" Dest";
    let of = |version: &str| format!("{version} IssueInstant=\"2026-11-23T12:00:00Z\" Dest");
    for other in ["1.1", "2", "2.00", "2.1", ""] {
        assert_eq!(
            with(version, &of(&format!(" Version=\"{other}\""))),
            "EDU-2302",
            "{other}"
        );
    }
    assert_eq!(with(version, &of("")), "EDU-2302");
}

#[test]
fn a_response_from_the_future_is_refused() {
    let issued = "IssueInstant=\"2026-11-23T12:00:00Z\"";
    assert_eq!(
        with(issued, "IssueInstant=\"2026-11-23T12:03:01Z\""),
        "EDU-2310"
    );
    assert_eq!(
        with(issued, "IssueInstant=\"2026-11-23T12:00:00+00:00\""),
        "EDU-2306"
    );
    assert_eq!(with(issued, "IssueInstant=\"now\""), "EDU-2306");
    assert_eq!(with(&format!(" {issued}"), ""), "EDU-2303");
    let ahead = signed(&|xml| xml.replacen(issued, "IssueInstant=\"2026-11-23T12:03:00Z\"", 1));
    assert!(receive_at(&ahead, now()).is_ok());
}

#[test]
fn a_missing_status_is_refused() {
    let success = "<samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>";
    assert_eq!(with(success, ""), "EDU-2501");
    assert_eq!(with(success, "<samlp:Status/>"), "EDU-2501");
    assert_eq!(
        with(success, "<samlp:Status><samlp:StatusCode/></samlp:Status>"),
        "EDU-2303"
    );
    assert_eq!(with(success, &success.repeat(2)), "EDU-2304");
    assert_eq!(
        with(
            success,
            &success.replace("samlp:StatusCode", "saml:StatusCode")
        ),
        "EDU-2501"
    );
}

#[test]
fn an_error_status_is_refused_whatever_else_is_there() {
    let status = |codes: &str| {
        signed(&|xml| {
            let success =
                "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/>";
            xml.replace(success, codes)
        })
    };
    let refusal = refused(&status(
        "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Responder\"><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:NoPassive\"/></samlp:StatusCode><samlp:StatusMessage>Non.</samlp:StatusMessage>",
    ));
    let Refusal::Status {
        code,
        second,
        message,
    } = &refusal
    else {
        panic!("{refusal}");
    };
    assert_eq!(
        code.as_str(),
        "urn:oasis:names:tc:SAML:2.0:status:Responder"
    );
    assert_eq!(
        second.as_str(),
        "urn:oasis:names:tc:SAML:2.0:status:NoPassive"
    );
    assert_eq!(message.as_str(), "Non.");
    // Success below the top is no success.
    let nested = status(
        "<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Responder\"><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:StatusCode>",
    );
    assert_eq!(refused(&nested).code(), "EDU-2502");
    assert_eq!(
        refused(&status("<samlp:StatusCode Value=\"Success\"/>")).code(),
        "EDU-2502"
    );
}

#[test]
fn success_without_an_assertion_is_refused() {
    let xml = signed(&|xml| {
        let start = xml.find("<saml:Assertion").unwrap();
        format!("{}</samlp:Response>", &xml[..start])
    });
    assert_eq!(refused(&xml), Refusal::AssertionMissing);
}

#[test]
fn what_stands_around_a_signed_assertion_may_refuse_and_never_give() {
    for (from, to, code) in [
        (
            " InResponseTo=\"_request\"><saml:Issuer>",
            " InResponseTo=\"_other\"><saml:Issuer>",
            "EDU-2506",
        ),
        ("status:Success", "status:Responder", "EDU-2502"),
        (ACS, "https://other.example/acs", "EDU-2309"),
        (
            "<saml:Issuer>https://idp.example/idp<",
            "<saml:Issuer>https://other.example<",
            "EDU-2503",
        ),
        ("Version=\"2.0\"", "Version=\"1.1\"", "EDU-2302"),
        (
            " Destination=\"https://sp.example/sp/saml/acs\"",
            "",
            "EDU-2308",
        ),
    ] {
        let xml = signed_assertion(&|xml| xml).replacen(from, to, 1);
        assert_eq!(refused(&xml).code(), code, "{to}");
    }
    // A statement outside the signature gives nothing.
    let beside = "<saml:AttributeStatement><saml:Attribute Name=\"admin\"><saml:AttributeValue>yes</saml:AttributeValue></saml:Attribute></saml:AttributeStatement><saml:Assertion ";
    let xml = signed_assertion(&|xml| xml).replacen("<saml:Assertion ", beside, 1);
    let login = crate::forge::receive(&xml).unwrap();
    assert_eq!(login.value("admin"), None);
}
