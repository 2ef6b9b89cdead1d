//! Logout messages: forged, unsigned, stale and misdirected ones end nobody's session (SECURITY 20).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use saml::logout::{
    LogoutRequest, LogoutRequestExpected, LogoutResponse, LogoutResponseExpected, Notice, Outcome,
};
use saml::response::{NameId, Status, StatusSaid};
use saml::{
    Binding, MessageId, Moment, NameIdFormat, Outgoing, Received, Refusal, post, redirect, soap,
};

use crate::forge::{EC, IDP, Key, RSA, SP, STRANGER, entity, now, template};

mod encrypted;

const SLO: &str = "https://idp.example/idp/slo";
const BINDINGS: [Binding; 3] = [Binding::Redirect, Binding::Post, Binding::Soap];

/// A request as others may write it; `@S@` is where its signature goes.
const REQUEST_XML: &str = r#"<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_logout" Version="2.0" IssueInstant="2026-11-23T12:00:00Z" Destination="https://idp.example/idp/slo" NotOnOrAfter="2026-11-23T12:05:00Z"><saml:Issuer>https://sp.example/sp</saml:Issuer>@S@<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:transient">_opaque</saml:NameID><samlp:SessionIndex>_session</samlp:SessionIndex></samlp:LogoutRequest>"#;

fn id(text: &str) -> MessageId {
    MessageId::parse(text).unwrap()
}

pub(crate) fn request() -> LogoutRequest {
    LogoutRequest {
        id: id("_logout"),
        issue_instant: now(),
        issuer: entity(SP),
        destination: Some(SLO.to_owned()),
        not_on_or_after: Some(now() + chrono::Duration::minutes(5)),
        reason: None,
        name_id: NameId {
            value: "_opaque".to_owned(),
            format: NameIdFormat::Transient,
            name_qualifier: None,
            sp_name_qualifier: None,
        },
        session_indexes: vec!["_session".to_owned()],
        asynchronous: false,
    }
}

fn response(status: StatusSaid) -> LogoutResponse {
    LogoutResponse {
        id: id("_response"),
        issue_instant: now(),
        issuer: entity(SP),
        destination: Some(SLO.to_owned()),
        in_response_to: Some(id("_logout")),
        status,
    }
}

/// What arrives when `message` is sent.
pub(crate) fn sent<M: Outgoing>(message: &M, binding: Binding, key: &Key) -> String {
    match binding {
        Binding::Redirect => {
            let to = redirect::compose(message, SLO, Some("state"), &key.signing).unwrap();
            to.split_once('?').unwrap().1.to_owned()
        }
        Binding::Post => post::encode(&post::compose(message, &key.signing).unwrap()),
        _ => soap::compose(message, &key.signing).unwrap(),
    }
}

fn received<T: saml::Incoming>(wire: &str, binding: Binding) -> Result<Received<T>, Refusal> {
    match binding {
        Binding::Redirect => Received::<T>::by_redirect(wire),
        Binding::Post => Received::<T>::by_post(wire, None),
        _ => Received::<T>::by_soap(wire.as_bytes()),
    }
}

fn take_at(wire: &str, binding: Binding, now: Moment) -> Result<LogoutRequest, Refusal> {
    let keys = [EC.signing.verifying(), RSA.signing.verifying()];
    let expected = LogoutRequestExpected {
        issuer: &entity(SP),
        destination: SLO,
        binding,
        now,
    };
    received::<LogoutRequest>(wire, binding)?
        .verify(&keys)?
        .accept(&expected)
        .map(saml::Accepted::into_message)
}

pub(crate) fn take(wire: &str, binding: Binding) -> Result<LogoutRequest, Refusal> {
    take_at(wire, binding, now())
}

fn take_answer(wire: &str, binding: Binding) -> Result<LogoutResponse, Refusal> {
    let keys = [EC.signing.verifying(), RSA.signing.verifying()];
    let expected = LogoutResponseExpected {
        issuer: &entity(SP),
        in_response_to: &id("_logout"),
        destination: SLO,
        binding,
        now: now(),
    };
    received::<LogoutResponse>(wire, binding)?
        .verify(&keys)?
        .accept(&expected)
        .map(saml::Accepted::into_message)
}

/// [`REQUEST_XML`], changed, signed by another library, sent by POST.
fn signed(change: &dyn Fn(String) -> String) -> String {
    let xml = change(REQUEST_XML.to_owned());
    STANDARD.encode(RSA.sign(&xml.replace("@S@", &template("_logout"))))
}

/// The code under which a signed request with `to` in the place of `from` is refused.
#[track_caller]
fn with(from: &str, to: &str) -> &'static str {
    let wire = signed(&|xml| {
        assert!(xml.contains(from), "{from}");
        xml.replacen(from, to, 1)
    });
    match take(&wire, Binding::Post) {
        Ok(request) => panic!("taken: {request:?}"),
        Err(refusal) => refusal.code(),
    }
}

#[test]
fn genuine_requests_are_taken_by_every_binding() {
    for binding in BINDINGS {
        for key in [&RSA, &EC] {
            assert_eq!(
                take(&sent(&request(), binding, key), binding),
                Ok(request())
            );
        }
    }
    assert_eq!(take(&signed(&|xml| xml), Binding::Post), Ok(request()));
}

#[test]
fn genuine_answers_are_taken_by_every_binding() {
    for binding in BINDINGS {
        for (status, outcome) in [
            (Status::Success, Outcome::Done),
            (Status::PartialLogout, Outcome::Partial),
            (Status::Responder, Outcome::Failed),
            (Status::RequestDenied, Outcome::Failed),
            (Status::UnknownPrincipal, Outcome::Failed),
        ] {
            let answer = response(StatusSaid {
                message: Some("Dupont & fils".to_owned()),
                ..status.said()
            });
            let taken = take_answer(&sent(&answer, binding, &RSA), binding).unwrap();
            assert_eq!(taken.outcome(), outcome, "{status:?}");
            assert_eq!(taken, answer);
        }
    }
    // Some put it below Responder.
    let status = StatusSaid {
        code: "urn:oasis:names:tc:SAML:2.0:status:Responder".to_owned(),
        second: Some("urn:oasis:names:tc:SAML:2.0:status:PartialLogout".to_owned()),
        message: None,
    };
    assert_eq!(response(status).outcome(), Outcome::Partial);
    // A code that only looks like it.
    let other = StatusSaid {
        code: "urn:x:Success".to_owned(),
        second: None,
        message: None,
    };
    assert_eq!(response(other).outcome(), Outcome::Failed);
}

#[test]
fn everything_a_request_may_say_is_kept() {
    let full = LogoutRequest {
        reason: Some("urn:oasis:names:tc:SAML:2.0:logout:user".to_owned()),
        not_on_or_after: None,
        name_id: NameId {
            value: "Dupont & fils".to_owned(),
            format: NameIdFormat::Persistent,
            name_qualifier: Some(IDP.to_owned()),
            sp_name_qualifier: Some(SP.to_owned()),
        },
        session_indexes: (0..64).map(|n| format!("_{n}<")).collect(),
        asynchronous: true,
        ..request()
    };
    for binding in BINDINGS {
        let wire = sent(&full, binding, &RSA);
        assert_eq!(take(&wire, binding), Ok(full.clone()));
    }
    let everywhere = LogoutRequest {
        session_indexes: Vec::new(),
        ..request()
    };
    let wire = sent(&everywhere, Binding::Soap, &EC);
    assert_eq!(take(&wire, Binding::Soap), Ok(everywhere));
}

#[test]
fn what_came_beside_it_is_given_back() {
    let wire = sent(&request(), Binding::Redirect, &RSA);
    let Ok(Notice::Request(received)) = Notice::from_query(&wire) else {
        panic!("{wire}");
    };
    assert_eq!(received.relay_state(), Some("state"));
    assert_eq!(received.issuer().as_str(), SP);
    let answer = sent(&response(Status::Success.said()), Binding::Redirect, &RSA);
    let Ok(Notice::Response(received)) = Notice::from_query(&answer) else {
        panic!("{answer}");
    };
    assert_eq!(received.in_response_to(), Some(&id("_logout")));
}

#[test]
fn an_answer_gives_back_what_came_with_the_request() {
    let answer = response(Status::Success.said());
    let long = "é &+%".repeat(150);
    for state in ["", "a b", long.as_str()] {
        let to = redirect::compose(&answer, SLO, Some(state), &RSA.signing).unwrap();
        let (_, query) = to.split_once('?').unwrap();
        let received = Received::<LogoutResponse>::by_redirect(query).unwrap();
        assert_eq!(received.relay_state(), Some(state));
        assert!(received.verify(&[RSA.signing.verifying()]).is_ok());
    }
    let beyond = "x".repeat(1025);
    assert!(redirect::compose(&answer, SLO, Some(&beyond), &RSA.signing).is_err());
    // What is ours is short.
    for state in ["", long.as_str()] {
        assert!(redirect::compose(&request(), SLO, Some(state), &RSA.signing).is_err());
    }
}

#[test]
fn a_stranger_ends_nobodys_session() {
    for binding in BINDINGS {
        let wire = sent(&request(), binding, &STRANGER);
        assert_eq!(take(&wire, binding), Err(Refusal::SignatureInvalid));
        let wire = sent(&response(Status::Success.said()), binding, &STRANGER);
        assert_eq!(take_answer(&wire, binding), Err(Refusal::SignatureInvalid));
        let none = received::<LogoutRequest>(&wire_of(binding), binding).unwrap();
        assert_eq!(none.verify(&[]).err(), Some(Refusal::NoKey));
    }
}

fn wire_of(binding: Binding) -> String {
    sent(&request(), binding, &RSA)
}

#[test]
fn an_unsigned_request_is_refused() {
    let bare = REQUEST_XML.replace("@S@", "");
    assert_eq!(
        take(&STANDARD.encode(&bare), Binding::Post),
        Err(Refusal::Unsigned)
    );
    let envelope = soap::enclose(&bare).unwrap();
    assert_eq!(take(&envelope, Binding::Soap), Err(Refusal::Unsigned));
    let query = wire_of(Binding::Redirect);
    let unsigned = query.split_once("&SigAlg=").unwrap().0;
    assert_eq!(take(unsigned, Binding::Redirect), Err(Refusal::Unsigned));
    let half = query.split_once("&Signature=").unwrap().0;
    assert_eq!(
        take(half, Binding::Redirect).unwrap_err().code(),
        "EDU-2108"
    );
}

#[test]
fn a_request_changed_on_its_way_is_refused() {
    let xml = post::compose(&request(), &RSA.signing).unwrap();
    for (from, to) in [
        (">_opaque<", ">_other<"),
        (">_session<", ">_other<"),
        ("12:05:00Z", "13:05:00Z"),
        ("ID=\"_logout\"", "ID=\"_again\""),
    ] {
        let changed = xml.replacen(from, to, 1);
        assert_ne!(changed, xml, "{from}");
        for (wire, binding) in [
            (STANDARD.encode(&changed), Binding::Post),
            (soap::enclose(&changed).unwrap(), Binding::Soap),
        ] {
            let refusal = take(&wire, binding).unwrap_err();
            let known = [Refusal::SignatureInvalid.code(), "EDU-2206"];
            assert!(known.contains(&refusal.code()), "{from}: {refusal}");
        }
    }
    let query = wire_of(Binding::Redirect);
    let state = query.replace("RelayState=state", "RelayState=other");
    assert_eq!(
        take(&state, Binding::Redirect),
        Err(Refusal::SignatureInvalid)
    );
    let without = query.replace("RelayState=state&", "");
    assert_eq!(
        take(&without, Binding::Redirect),
        Err(Refusal::SignatureInvalid)
    );
}

#[test]
fn a_signature_is_of_the_parameter_it_was_made_for() {
    // The octets of a request are not those of an answer (SAML Bindings 3.4.4.1).
    let query = sent(&response(Status::Success.said()), Binding::Redirect, &RSA);
    let renamed = query.replace("SAMLResponse=", "SAMLRequest=");
    let refusal = take(&renamed, Binding::Redirect).unwrap_err();
    assert_eq!(refusal.code(), "EDU-2301");
    let request = wire_of(Binding::Redirect);
    for both in [format!("{request}&{query}"), format!("{query}&{request}")] {
        let refusal = Notice::from_query(&both).err().unwrap();
        assert_eq!(refusal.code(), "EDU-2103");
    }
    let twice = format!("{request}&SAMLRequest=AAAA");
    assert_eq!(
        take(&twice, Binding::Redirect).unwrap_err().code(),
        "EDU-2103"
    );
    let disguised = query.replace("SAMLResponse=", "SAML%52esponse=");
    assert!(Notice::from_query(&disguised).is_err());
    let enveloped = {
        let xml = post::compose(&self::request(), &RSA.signing).unwrap();
        format!("SAMLRequest={}", crate::queries::deflated(xml.as_bytes()))
    };
    assert_eq!(
        take(&enveloped, Binding::Redirect),
        Err(Refusal::EnvelopedInRedirect)
    );
}

#[test]
fn a_request_for_another_place_is_refused() {
    let to = |destination: Option<&str>| LogoutRequest {
        destination: destination.map(str::to_owned),
        ..request()
    };
    for binding in BINDINGS {
        let other = sent(&to(Some("https://idp.example/idp/slo/")), binding, &RSA);
        assert_eq!(take(&other, binding).unwrap_err().code(), "EDU-2309");
        let nowhere = take(&sent(&to(None), binding, &RSA), binding);
        match binding {
            Binding::Soap => assert!(nowhere.is_ok()),
            _ => assert_eq!(nowhere, Err(Refusal::DestinationMissing)),
        }
        let answer = LogoutResponse {
            destination: Some(SP.to_owned()),
            ..response(Status::Success.said())
        };
        let refusal = take_answer(&sent(&answer, binding, &RSA), binding).unwrap_err();
        assert_eq!(refusal.code(), "EDU-2309");
    }
}

#[test]
fn a_stale_request_is_refused_and_a_fresh_one_comes_once() {
    let after = |seconds| now() + chrono::Duration::seconds(seconds);
    for binding in BINDINGS {
        let wire = wire_of(binding);
        assert!(take_at(&wire, binding, after(300)).is_ok());
        assert_eq!(
            take_at(&wire, binding, after(301)).unwrap_err().code(),
            "EDU-2311"
        );
        assert_eq!(
            take_at(&wire, binding, after(-301)).unwrap_err().code(),
            "EDU-2310"
        );
    }
    // What the caller keeps, until it could not be sent again.
    let taken = take(&wire_of(Binding::Post), Binding::Post).unwrap();
    assert_eq!(taken.id, id("_logout"));
    // As long as the widest rules there can be would take it.
    assert_eq!(taken.replay_until(), after(420));
    let ended = LogoutRequest {
        not_on_or_after: Some(after(-180)),
        ..request()
    };
    let refusal = take(&sent(&ended, Binding::Soap, &RSA), Binding::Soap).unwrap_err();
    assert_eq!(refusal.code(), "EDU-2802");
    let within_skew = LogoutRequest {
        not_on_or_after: Some(after(-179)),
        ..request()
    };
    assert!(take(&sent(&within_skew, Binding::Soap, &RSA), Binding::Soap).is_ok());
}

#[test]
fn a_request_in_anothers_name_is_refused() {
    for binding in BINDINGS {
        let other = LogoutRequest {
            issuer: entity("https://other.example"),
            ..request()
        };
        let refusal = take(&sent(&other, binding, &RSA), binding).unwrap_err();
        assert_eq!(refusal.code(), "EDU-2801");
        let answer = LogoutResponse {
            issuer: entity("https://other.example"),
            ..response(Status::Success.said())
        };
        let refusal = take_answer(&sent(&answer, binding, &RSA), binding).unwrap_err();
        assert_eq!(refusal.code(), "EDU-2801");
    }
}

#[test]
fn an_answer_to_another_request_is_refused() {
    for (answers, code) in [(Some(id("_other")), "EDU-2506"), (None, "EDU-2505")] {
        let answer = LogoutResponse {
            in_response_to: answers,
            ..response(Status::Success.said())
        };
        for binding in BINDINGS {
            let refusal = take_answer(&sent(&answer, binding, &RSA), binding).unwrap_err();
            assert_eq!(refusal.code(), code);
        }
    }
}

#[test]
fn a_request_of_another_form_is_refused() {
    let name = "<saml:NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:transient\">_opaque</saml:NameID>";
    let session = "<samlp:SessionIndex>_session</samlp:SessionIndex>";
    let many = session.repeat(65);
    for (from, to, code) in [
        (name, "", "EDU-2303"),
        (name, "<saml:NameID/>", "EDU-2305"),
        (name, "<saml:NameID> \n</saml:NameID>", "EDU-2305"),
        (name, &name.repeat(2), "EDU-2304"),
        (name, "<saml:BaseID/>", "EDU-2303"),
        (">_opaque<", ">_opa<!-- -->que<", "EDU-2017"),
        (">_opaque<", ">_opa<x/>que<", "EDU-2018"),
        (session, &many, "EDU-2803"),
        (">_session<", "><x/><", "EDU-2018"),
        ("Version=\"2.0\"", "Version=\"1.1\"", "EDU-2302"),
        ("12:05:00Z", "12:05:00", "EDU-2306"),
        (" IssueInstant=\"2026-11-23T12:00:00Z\"", "", "EDU-2303"),
        (
            "<saml:Issuer>https://sp.example/sp</saml:Issuer>",
            "",
            "EDU-2303",
        ),
    ] {
        assert_eq!(with(from, to), code, "{to}");
    }
    for name in ["LogoutResponse", "AuthnRequest", "Response"] {
        let wire = signed(&|xml| xml.replace("LogoutRequest", name));
        assert_eq!(take(&wire, Binding::Post).unwrap_err().code(), "EDU-2301");
    }
    let unknown = "<samlp:Extensions><x:any xmlns:x=\"urn:x\">text</x:any></samlp:Extensions>";
    let wire = signed(&|xml| xml.replace(name, &format!("{unknown}{name}")));
    assert_eq!(take(&wire, Binding::Post), Ok(request()));
}

#[test]
fn a_signed_request_inside_another_is_refused() {
    let genuine = post::compose(&request(), &RSA.signing).unwrap();
    let evil = REQUEST_XML
        .replace("\"_logout\"", "\"_evil\"")
        .replace("_opaque", "_victim");
    let inside = evil.replace(
        "@S@",
        &format!("<samlp:Extensions>{genuine}</samlp:Extensions>"),
    );
    let start = genuine.find("<ds:Signature").unwrap();
    let stop = genuine.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let signature = &genuine[start..stop];
    let bare = genuine.replace(signature, "");
    let beside = evil.replace(
        "@S@",
        &format!("{signature}<samlp:Extensions>{bare}</samlp:Extensions>"),
    );
    let same = beside.replace("\"_evil\"", "\"_logout\"");
    for (xml, code) in [
        (inside, "EDU-2202"),
        (beside, "EDU-2206"),
        (same, "EDU-2019"),
    ] {
        for (wire, binding) in [
            (STANDARD.encode(&xml), Binding::Post),
            (soap::enclose(&xml).unwrap(), Binding::Soap),
        ] {
            assert_eq!(take(&wire, binding).unwrap_err().code(), code);
        }
    }
}
