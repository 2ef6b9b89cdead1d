//! Enhanced clients: what their envelopes may hold, and channels that somebody stands in.

use saml::ecp::{self, Beside, ChannelBinding, Headers};
use saml::response::{Advice, ResponsePlan, SignWhat, compose_advised};
use saml::{AuthnRequest, MessageId, Received, Refusal, Signing};

use crate::forge::{ACS, IDP, REQUEST, RSA, SP, entity, now, receive, template};
use crate::requests::{REQUEST_XML, request};

const CB: &str = "xmlns:cb=\"urn:oasis:names:tc:SAML:protocol:ext:channel-binding\"";

fn envelope(header: &str, message: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header>{header}</s:Header>\
         <s:Body>{message}</s:Body></s:Envelope>"
    )
}

fn plain() -> String {
    REQUEST_XML.replace("<!--@S@-->", "")
}

/// An envelope with everything that a client may say.
pub(crate) fn seed() -> String {
    let channel =
        format!("<cb:ChannelBindings {CB} Type=\"tls-server-end-point\">YWJj</cb:ChannelBindings>");
    let key = "<e:SessionKey xmlns:e=\"urn:ietf:params:xml:ns:samlec\"><e:EncType>17</e:EncType></e:SessionKey>";
    let named = format!("<samlp:Extensions>{channel}</samlp:Extensions>");
    let request = REQUEST_XML.replace("<!--@S@-->", &named);
    envelope(&format!("{channel}{key}"), &request)
}

fn refusal(xml: &str) -> Option<Refusal> {
    Received::<AuthnRequest>::by_client(xml.as_bytes()).err()
}

fn channel(value: &str) -> ChannelBinding {
    ChannelBinding {
        kind: Some("tls-server-end-point".to_owned()),
        value: value.to_owned(),
    }
}

#[test]
fn what_a_client_says_beside_the_request_is_read() {
    let must = "s:actor=\"http://schemas.xmlsoap.org/soap/actor/next\" s:mustUnderstand=\"1\"";
    let headers = format!(
        "<cb:ChannelBindings {CB} Type=\"tls-server-end-point\" {must}>\n YWJj </cb:ChannelBindings>\
         <e:SessionKey xmlns:e=\"urn:ietf:params:xml:ns:samlec\" {must}><e:EncType>17</e:EncType></e:SessionKey>\
         <x:other xmlns:x=\"urn:x\"/>"
    );
    let xml = envelope(&headers, &plain());
    let (received, beside) = Received::<AuthnRequest>::by_client(xml.as_bytes()).unwrap();
    assert_eq!(received.issuer(), &entity(SP));
    assert_eq!(beside.channel_bindings, [channel("YWJj")]);
    assert!(beside.session_key);
    let read = received.verify(Signing::Optional(&[])).unwrap();
    assert_eq!(read.message(), &request());
    let (_, beside) =
        Received::<AuthnRequest>::by_client(envelope("", &plain()).as_bytes()).unwrap();
    assert_eq!(beside, Beside::default());
}

#[test]
fn what_was_for_the_client_alone_is_refused() {
    let must = "s:mustUnderstand=\"1\"";
    for header in [
        format!("<p:Request xmlns:p=\"urn:liberty:paos:2003-08\" {must}/>"),
        format!("<e:Request xmlns:e=\"urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp\" {must}/>"),
        format!(
            "<e:SubjectConfirmation xmlns:e=\"urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp\" {must}/>"
        ),
        format!("<c:ChannelBindings xmlns:c=\"urn:other\" {must}>YWJj</c:ChannelBindings>"),
    ] {
        let refusal = refusal(&envelope(&header, &plain())).unwrap();
        assert_eq!(refusal.code(), "EDU-2112", "{header}");
    }
    let logout = plain().replace("AuthnRequest", "LogoutRequest");
    assert_eq!(refusal(&envelope("", &logout)).unwrap().code(), "EDU-2301");
    let cut = format!("<cb:ChannelBindings {CB}>YW<x/>Jj</cb:ChannelBindings>");
    assert_eq!(
        refusal(&envelope(&cut, &plain())).unwrap().code(),
        "EDU-2018"
    );
}

#[test]
fn a_channel_is_bound_when_both_ends_see_the_same_and_the_service_signs() {
    let asked = |channels: &[&str]| AuthnRequest {
        channel_bindings: channels.iter().map(|value| channel(value)).collect(),
        ..request()
    };
    let seen = |channels: &[&str]| Beside {
        channel_bindings: channels.iter().map(|value| channel(value)).collect(),
        session_key: false,
    };
    let bound = |signed, theirs: &[&str], ours: &[&str]| {
        let (asked, seen) = (asked(theirs), seen(ours));
        ecp::bound(&asked, signed, &seen).map(Option::<&ChannelBinding>::cloned)
    };
    assert_eq!(bound(true, &[], &[]), Ok(None));
    assert_eq!(bound(false, &[], &[]), Ok(None));
    assert_eq!(bound(true, &["a"], &["a"]), Ok(Some(channel("a"))));
    assert_eq!(
        bound(true, &["a", "b"], &["c", "b"]),
        Ok(Some(channel("b")))
    );
    for (signed, theirs, ours) in [
        (true, &["a"][..], &["b"][..]),
        (true, &["a"], &[]),
        (true, &[], &["a"]),
        (false, &["a"], &["a"]),
    ] {
        let refused = bound(signed, theirs, ours).unwrap_err();
        assert_eq!(refused.code(), "EDU-2805");
    }
    // Of another type it is another channel.
    let unique = Beside {
        channel_bindings: vec![ChannelBinding {
            kind: None,
            ..channel("a")
        }],
        session_key: false,
    };
    assert!(ecp::bound(&asked(&["a"]), true, &unique).is_err());
    // What the service names travels in its request, under its signature.
    let xml = saml::post::compose(&asked(&["a"]), &RSA.signing).unwrap();
    let (received, _) = Received::<AuthnRequest>::by_client(envelope("", &xml).as_bytes()).unwrap();
    let keys = [RSA.signing.verifying()];
    let read = received.verify(Signing::Required(&keys)).unwrap();
    assert_eq!(read.message().channel_bindings, [channel("a")]);
    let forged = xml.replace(">a<", ">b<");
    let (received, _) =
        Received::<AuthnRequest>::by_client(envelope("", &forged).as_bytes()).unwrap();
    assert!(received.verify(Signing::Required(&keys)).is_err());
    let unsigned = plain().replace("<!--", "").replace("-->", "");
    assert!(!unsigned.contains("Signature") && template("x").contains("Signature"));
}

#[test]
fn advice_is_signed_with_the_assertion_and_a_shared_key_never_leaves_open() {
    let [response_id, assertion_id, request] =
        ["_response", "_assertion", REQUEST].map(|id| MessageId::parse(id).unwrap());
    let plan = ResponsePlan {
        response_id: &response_id,
        assertion_id: &assertion_id,
        in_response_to: Some(&request),
        issuer: &entity(IDP),
        audience: &entity(SP),
        acs: ACS,
        now: now(),
        lifetime_s: 300,
        name_id: None,
        authn_instant: now(),
        authn_context: saml::names::PASSWORD,
        session_index: "_session",
        session_ends: None,
        attributes: &[],
        sign: SignWhat::Both,
    };
    let same = channel("YWJj");
    let advice = Advice {
        channel: Some(&same),
        key: None,
    };
    let xml = compose_advised(&plan, advice, None, &RSA.signing).unwrap();
    assert!(receive(&xml).is_ok());
    let advised = "</saml:Conditions><saml:Advice><cb:ChannelBindings";
    assert!(xml.contains(advised), "{xml}");
    assert!(receive(&xml.replace(">YWJj<", ">YWJk<")).is_err());
    let keyed = Advice {
        key: Some("a2V5"),
        ..advice
    };
    let refused = compose_advised(&plan, keyed, None, &RSA.signing).unwrap_err();
    assert!(matches!(refused, Refusal::NotComposed { .. }));
}

#[test]
fn the_envelope_says_what_is_for_the_client() {
    let (same, xml) = (channel("YWJj"), "<x/>");
    let headers = Headers {
        acs: ACS,
        is_authenticated: true,
        channel: Some(&same),
        key: Some("a2V5"),
    };
    let whole = ecp::enclose(&headers, xml).unwrap();
    let actor = "soap:actor=\"http://schemas.xmlsoap.org/soap/actor/next\"";
    for part in [
        format!("AssertionConsumerServiceURL=\"{ACS}\" {actor} soap:mustUnderstand=\"1\""),
        format!("Type=\"tls-server-end-point\" {actor} soap:mustUnderstand=\"1\">YWJj<"),
        format!(
            "<ecp:RequestAuthenticated xmlns:ecp=\"urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp\" {actor}"
        ),
        ">a2V5</samlec:GeneratedKey>".to_owned(),
        format!("<soap:Body>{xml}</soap:Body>"),
    ] {
        assert!(whole.contains(&part), "{part}: {whole}");
    }
    let bare = ecp::enclose(
        &Headers {
            acs: ACS,
            ..Headers::default()
        },
        xml,
    )
    .unwrap();
    for part in ["RequestAuthenticated", "soap:Header><cb:", "GeneratedKey"] {
        assert!(!bare.contains(part), "{part}");
    }
}
