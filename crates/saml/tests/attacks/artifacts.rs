//! Artifacts: who resolves one, and what comes back (SAML Bindings 3.6).

use saml::artifact::{
    Artifact, ArtifactResolve, ArtifactResponse, ResolveExpected, ResolvedExpected,
};
use saml::response::{Login, SignWhat, Status, StatusSaid};
use saml::{MessageId, Received, Refusal, Signing, post, soap};

use crate::forge::{
    EC, IDP, Key, REQUEST, RSA, SP, STRANGER, composed, entity, expected, genuine, now, signed,
    signed_assertion, unsigned,
};

const AT: &str = "https://idp.example/idp/artifact";

fn id(text: &str) -> MessageId {
    MessageId::parse(text).unwrap()
}

pub(crate) fn resolve() -> ArtifactResolve {
    ArtifactResolve {
        id: id("_resolve"),
        issue_instant: now(),
        issuer: entity(SP),
        destination: Some(AT.to_owned()),
        artifact: Artifact::new(&entity(IDP), 3, [7; 20]),
    }
}

fn take(envelope: &str) -> Result<ArtifactResolve, Refusal> {
    let keys = [EC.signing.verifying(), RSA.signing.verifying()];
    Received::<ArtifactResolve>::by_soap(envelope.as_bytes())?
        .verify(&keys)?
        .accept(&ResolveExpected {
            issuer: &entity(SP),
            destination: AT,
            now: now(),
        })
        .map(saml::Accepted::into_message)
}

pub(crate) fn answer(message: Option<String>) -> ArtifactResponse {
    ArtifactResponse {
        id: id("_resolved"),
        issue_instant: now(),
        issuer: entity(IDP),
        in_response_to: Some(id("_resolve")),
        status: Status::Success.said(),
        message,
    }
}

pub(crate) fn sent(answer: &ArtifactResponse, key: &Key) -> String {
    soap::compose(answer, &key.signing).unwrap()
}

/// A response of ours without its signature: canonical, as what is carried must be.
pub(crate) fn never_signed() -> String {
    let xml = genuine(SignWhat::Response);
    let start = xml.find("<ds:Signature").unwrap();
    let stop = xml.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    format!("{}{}", &xml[..start], &xml[stop..])
}

/// Our service receives what its artifact stood for.
fn receive_as(envelope: &str, is_required: bool) -> Result<Login, Refusal> {
    let keys = [EC.signing.verifying(), RSA.signing.verifying()];
    let signing = if is_required {
        Signing::Required(&keys)
    } else {
        Signing::Optional(&keys)
    };
    let (issuer, audience, request) = (entity(IDP), entity(SP), id(REQUEST));
    Received::<ArtifactResponse>::by_soap(envelope.as_bytes())?
        .verify(signing)?
        .accept(&ResolvedExpected {
            issuer: &issuer,
            in_response_to: &id("_resolve"),
            now: now(),
        })?
        .into_response()?
        .verify(&keys)?
        .accept(&expected(&issuer, &audience, &request))
        .map(saml::Accepted::into_message)
}

pub(crate) fn receive(envelope: &str) -> Result<Login, Refusal> {
    receive_as(envelope, true)
}

/// An envelope around an unsigned answer around `message`, as others may write it.
fn bare(message: &str) -> String {
    let message = message.split_once("?>").map_or(message, |(_, xml)| xml);
    soap::enclose(&format!(
        "<samlp:ArtifactResponse xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_resolved\" InResponseTo=\"_resolve\" IssueInstant=\"2026-11-23T12:00:00Z\" Version=\"2.0\"><saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{IDP}</saml:Issuer><samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>{message}</samlp:ArtifactResponse>"
    ))
    .unwrap()
}

#[test]
fn genuine_requests_to_resolve_are_taken() {
    for key in [&RSA, &EC] {
        let envelope = soap::compose(&resolve(), &key.signing).unwrap();
        assert_eq!(take(&envelope), Ok(resolve()));
    }
    let nowhere = ArtifactResolve {
        destination: None,
        ..resolve()
    };
    let envelope = soap::compose(&nowhere, &RSA.signing).unwrap();
    assert_eq!(take(&envelope), Ok(nowhere));
}

#[test]
fn only_the_requester_itself_resolves() {
    let envelope = soap::compose(&resolve(), &STRANGER.signing).unwrap();
    assert_eq!(take(&envelope), Err(Refusal::SignatureInvalid));
    let signed = post::compose(&resolve(), &RSA.signing).unwrap();
    let start = signed.find("<ds:Signature").unwrap();
    let stop = signed.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let unsigned = format!("{}{}", &signed[..start], &signed[stop..]);
    assert_eq!(
        take(&soap::enclose(&unsigned).unwrap()),
        Err(Refusal::Unsigned)
    );
    let other = Artifact::new(&entity(IDP), 3, [8; 20]).encode();
    let changed = signed.replace(&resolve().artifact.encode(), &other);
    assert_eq!(
        take(&soap::enclose(&changed).unwrap()),
        Err(Refusal::SignatureInvalid)
    );
    for (change, code) in [
        (
            ArtifactResolve {
                issuer: entity("https://other.example"),
                ..resolve()
            },
            "EDU-2801",
        ),
        (
            ArtifactResolve {
                destination: Some(SP.to_owned()),
                ..resolve()
            },
            "EDU-2309",
        ),
        (
            ArtifactResolve {
                issue_instant: now() - chrono::Duration::seconds(301),
                ..resolve()
            },
            "EDU-2311",
        ),
        (
            ArtifactResolve {
                issue_instant: now() + chrono::Duration::seconds(301),
                ..resolve()
            },
            "EDU-2310",
        ),
    ] {
        let envelope = soap::compose(&change, &RSA.signing).unwrap();
        assert_eq!(take(&envelope).unwrap_err().code(), code);
    }
}

#[test]
fn what_is_no_artifact_is_refused() {
    let xml = RSA.sign(&format!(
        "<samlp:ArtifactResolve xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_resolve\" IssueInstant=\"2026-11-23T12:00:00Z\" Version=\"2.0\"><saml:Issuer>{SP}</saml:Issuer>{}<samlp:Artifact>AAQAAA==</samlp:Artifact></samlp:ArtifactResolve>",
        crate::forge::template("_resolve")
    ));
    let xml = xml.split_once("?>").map_or(&*xml, |(_, xml)| xml);
    let refusal = take(&soap::enclose(xml).unwrap()).unwrap_err();
    assert_eq!(refusal.code(), "EDU-2114");
}

#[test]
fn genuine_answers_are_taken_however_they_are_signed() {
    for sign in [SignWhat::Both, SignWhat::Response, SignWhat::Assertion] {
        for (outer, inner) in [(&RSA, &RSA), (&EC, &EC), (&EC, &RSA), (&RSA, &EC)] {
            let message = composed(sign, &inner.signing);
            let login = receive(&sent(&answer(Some(message)), outer)).unwrap();
            assert_eq!(login.value("uid"), Some("amartin"));
            assert_eq!(login.signed, sign);
        }
        let login = receive_as(&bare(&genuine(sign)), false).unwrap();
        assert_eq!(login.signed, sign);
    }
    // Signed as a part of what carried it.
    let same = |xml| xml;
    let login = receive(&sent(&answer(Some(never_signed())), &RSA)).unwrap();
    assert_eq!(login.signed, SignWhat::Response);
    // Written by others, with prefixes declared around it.
    for xml in [signed(&same), signed_assertion(&same)] {
        assert!(receive_as(&bare(&xml), false).is_ok());
    }
}

#[test]
fn an_answer_that_nobody_signed_is_refused() {
    let same = |xml| xml;
    let nobody = bare(&unsigned(&same));
    assert_eq!(receive(&nobody), Err(Refusal::Unsigned));
    assert_eq!(receive_as(&nobody, false), Err(Refusal::Unsigned));
    // Signed inside, where the answer itself must be.
    assert_eq!(
        receive(&bare(&genuine(SignWhat::Both))),
        Err(Refusal::Unsigned)
    );
}

#[test]
fn a_strangers_answer_is_refused_wherever_the_stranger_signs() {
    for is_required in [true, false] {
        let outer = sent(&answer(Some(genuine(SignWhat::Both))), &STRANGER);
        assert_eq!(
            receive_as(&outer, is_required),
            Err(Refusal::SignatureInvalid)
        );
        let outer = sent(&answer(Some(never_signed())), &STRANGER);
        assert_eq!(
            receive_as(&outer, is_required),
            Err(Refusal::SignatureInvalid)
        );
        // The provider carries what a stranger signed.
        let forged = composed(SignWhat::Both, &STRANGER.signing);
        let inner = sent(&answer(Some(forged)), &RSA);
        assert_eq!(
            receive_as(&inner, is_required),
            Err(Refusal::SignatureInvalid)
        );
    }
    let forged = composed(SignWhat::Both, &STRANGER.signing);
    assert_eq!(
        receive_as(&bare(&forged), false),
        Err(Refusal::SignatureInvalid)
    );
}

#[test]
fn an_answer_changed_on_its_way_is_refused() {
    let whole = sent(&answer(Some(never_signed())), &RSA);
    let changed = whole.replace(">amartin<", ">operateur<");
    assert_eq!(receive(&changed), Err(Refusal::SignatureInvalid));
    assert_eq!(receive_as(&changed, false), Err(Refusal::SignatureInvalid));
    // Both levels signed, one of them broken.
    let whole = sent(&answer(Some(genuine(SignWhat::Response))), &RSA);
    let changed = whole.replace(">amartin<", ">operateur<");
    assert_eq!(receive(&changed), Err(Refusal::SignatureInvalid));
    assert_eq!(receive_as(&changed, false), Err(Refusal::SignatureInvalid));
    // The outer signature left out, and its content with it.
    let start = whole.find("<ds:Signature").unwrap();
    let stop = whole.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let stripped = format!("{}{}", &whole[..start], &whole[stop..]);
    assert_eq!(receive(&stripped), Err(Refusal::Unsigned));
}

#[test]
fn wrapped_answers_are_refused() {
    let same = |xml| xml;
    let whole = sent(&answer(Some(never_signed())), &RSA);
    let start = whole.find("<samlp:ArtifactResponse").unwrap();
    let stop = whole.find("</soap:Body>").unwrap();
    let genuine_answer = &whole[start..stop];
    let evil = genuine_answer
        .replace("\"_resolved\"", "\"_evil\"")
        .replace(">amartin<", ">operateur<");
    let sig_start = genuine_answer.find("<ds:Signature").unwrap();
    let sig_stop = genuine_answer.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let signature = &genuine_answer[sig_start..sig_stop];
    let evil_bare = {
        let start = evil.find("<ds:Signature").unwrap();
        let stop = evil.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
        format!("{}{}", &evil[..start], &evil[stop..])
    };
    let status = "<samlp:Status>";
    for (xml, codes) in [
        // The genuine one inside the forged one's extensions.
        (
            evil_bare.replacen(
                status,
                &format!("<samlp:Extensions>{genuine_answer}</samlp:Extensions>{status}"),
                1,
            ),
            ["EDU-2019", "EDU-2201"],
        ),
        // Its signature moved out.
        (
            evil_bare.replacen(status, &format!("{signature}{status}"), 1),
            ["EDU-2206", "EDU-2206"],
        ),
        (
            evil_bare
                .replacen(status, &format!("{signature}{status}"), 1)
                .replace("\"_evil\"", "\"_resolved\""),
            ["EDU-2211", "EDU-2211"],
        ),
        // Two answers at once.
        (
            genuine_answer.replacen(
                "</samlp:ArtifactResponse>",
                "<samlp:Response/></samlp:ArtifactResponse>",
                1,
            ),
            ["EDU-2211", "EDU-2211"],
        ),
    ] {
        let found = receive(&soap::enclose(&xml).unwrap()).unwrap_err();
        assert!(codes.contains(&found.code()), "{found}: {xml}");
    }
    let two = format!(
        "{}{}",
        unsigned(&same),
        unsigned(&|xml| xml.replace("\"_", "\"_x"))
    );
    assert_eq!(
        receive_as(&bare(&two), false).unwrap_err().code(),
        "EDU-2304"
    );
}

#[test]
fn what_an_answer_must_say() {
    let with = |change: &dyn Fn(&mut ArtifactResponse)| {
        let mut changed = answer(Some(genuine(SignWhat::Both)));
        change(&mut changed);
        receive(&sent(&changed, &RSA)).unwrap_err()
    };
    assert_eq!(
        with(&|answer| answer.issuer = entity("https://other.example")).code(),
        "EDU-2801"
    );
    assert_eq!(
        with(&|answer| answer.in_response_to = Some(id("_other"))).code(),
        "EDU-2506"
    );
    assert_eq!(
        with(&|answer| answer.in_response_to = None).code(),
        "EDU-2505"
    );
    let old = now() - chrono::Duration::seconds(301);
    assert_eq!(
        with(&|answer| answer.issue_instant = old).code(),
        "EDU-2311"
    );
    // Core 3.5.3: an artifact that stands for nothing gets Success, and nothing.
    assert_eq!(
        with(&|answer| answer.message = None),
        Refusal::NothingResolved
    );
    let denied: StatusSaid = Status::RequestDenied.said();
    assert_eq!(
        with(&|answer| answer.status = denied.clone()).code(),
        "EDU-2502"
    );
    let request = post::compose(&resolve(), &RSA.signing).unwrap();
    assert_eq!(
        with(&|answer| answer.message = Some(request.clone())).code(),
        "EDU-2301"
    );
}

#[test]
fn what_was_not_composed_here_is_not_carried() {
    for message in [
        "",
        "<a/>",
        "x<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"/>",
        "<samlp:Response>",
    ] {
        let refusal = soap::compose(&answer(Some(message.to_owned())), &RSA.signing).unwrap_err();
        assert_eq!(refusal.code(), "EDU-2901", "{message}");
    }
}
