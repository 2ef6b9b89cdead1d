use crate::metadata::{IndexedEndpoint, SpRole};
use crate::request::AcsChoice;
use crate::{AuthnRequest, Binding, EntityId, MessageId, Moment, Refusal};

fn acs(binding: Binding, location: &str, index: u16, is_default: bool) -> IndexedEndpoint {
    IndexedEndpoint {
        binding,
        location: location.to_owned(),
        index,
        is_default,
    }
}

fn role(acs: Vec<IndexedEndpoint>) -> SpRole {
    SpRole {
        signing_keys: Vec::new(),
        encryption_keys: Vec::new(),
        acs,
        slo: Vec::new(),
        signs_requests: false,
        wants_signed_assertions: false,
        name_id_formats: Vec::new(),
        discovery: Vec::new(),
        requested_attributes: Vec::new(),
        attribute_services: Vec::new(),
        algorithms: crate::metadata::Algorithms::default(),
    }
}

fn usual() -> SpRole {
    role(vec![
        acs(Binding::Artifact, "https://sp.example/artifact", 0, true),
        acs(Binding::Post, "https://sp.example/acs", 1, false),
        acs(Binding::Post, "https://sp.example/other", 2, true),
        acs(Binding::Artifact, "https://sp.example/other", 3, false),
    ])
}

fn request(acs: AcsChoice) -> AuthnRequest {
    let id = MessageId::parse("_r").unwrap();
    let issuer = EntityId::parse("https://sp.example").unwrap();
    AuthnRequest {
        acs,
        ..AuthnRequest::new(id, Moment::UNIX_EPOCH, issuer)
    }
}

fn chosen(acs: AcsChoice) -> Result<u16, &'static str> {
    let role = usual();
    let chosen = role.choose_acs(&request(acs));
    chosen
        .map(|acs| acs.index)
        .map_err(|refusal| refusal.code())
}

#[test]
fn by_url_by_index_or_by_default() {
    let url = |url: &str| chosen(AcsChoice::Url(url.to_owned()));
    assert_eq!(url("https://sp.example/acs"), Ok(1));
    assert_eq!(url("https://sp.example/other"), Ok(2));
    assert_eq!(chosen(AcsChoice::Index(1)), Ok(1));
    assert_eq!(chosen(AcsChoice::Default), Ok(2));
    let without_default = role(vec![
        acs(Binding::Post, "https://sp.example/b", 7, false),
        acs(Binding::Post, "https://sp.example/a", 1, false),
    ]);
    let first = without_default.choose_acs(&request(AcsChoice::Default));
    assert_eq!(first.unwrap().index, 7);
}

#[test]
fn an_address_that_is_not_string_equal_to_one_of_metadata_is_refused() {
    for url in [
        "https://sp.example/acs/",
        "https://sp.example/acs?x=1",
        "https://sp.example/acs#x",
        "https://sp.example/ACS",
        "https://SP.example/acs",
        "https://sp.example:443/acs",
        "https://sp.example/%61cs",
        "https://evil.example/acs",
        " https://sp.example/acs",
        "",
    ] {
        assert_eq!(
            chosen(AcsChoice::Url(url.to_owned())),
            Err("EDU-2404"),
            "{url}"
        );
    }
    assert_eq!(chosen(AcsChoice::Index(99)), Err("EDU-2405"));
}

#[test]
fn an_answer_by_another_binding_than_post_is_refused() {
    let artifact = "https://sp.example/artifact".to_owned();
    assert_eq!(chosen(AcsChoice::Url(artifact)), Err("EDU-2403"));
    assert_eq!(chosen(AcsChoice::Index(3)), Err("EDU-2403"));
    let mut by_artifact = request(AcsChoice::Default);
    by_artifact.protocol_binding = Some(Binding::Artifact);
    let refusal = usual().choose_acs(&by_artifact).unwrap_err();
    assert_eq!(refusal.code(), "EDU-2403");
    let none = role(vec![acs(Binding::Paos, "https://sp.example/ecp", 1, true)]);
    let refusal = none.choose_acs(&request(AcsChoice::Default)).unwrap_err();
    assert_eq!(refusal, Refusal::AcsNone);
}

#[test]
fn a_binding_is_used_where_the_caller_has_it() {
    let both = [Binding::Post, Binding::Artifact];
    let role = usual();
    let among = |acs: AcsChoice, wanted, bindings: &[Binding]| {
        let request = AuthnRequest {
            protocol_binding: wanted,
            ..request(acs)
        };
        role.choose_acs_among(&request, bindings)
            .map(|acs| acs.index)
            .map_err(|refusal| refusal.code())
    };
    let other = || AcsChoice::Url("https://sp.example/other".to_owned());
    assert_eq!(among(AcsChoice::Default, None, &both), Ok(0));
    assert_eq!(among(AcsChoice::Default, Some(Binding::Post), &both), Ok(2));
    assert_eq!(
        among(AcsChoice::Default, Some(Binding::Artifact), &both),
        Ok(0)
    );
    assert_eq!(among(other(), Some(Binding::Artifact), &both), Ok(3));
    assert_eq!(among(other(), None, &both), Ok(2));
    assert_eq!(among(AcsChoice::Index(3), None, &both), Ok(3));
    // Neither by what the caller has not, nor by what the address does not take.
    let post = [Binding::Post];
    let artifact = Some(Binding::Artifact);
    assert_eq!(among(AcsChoice::Default, artifact, &post), Err("EDU-2403"));
    assert_eq!(among(AcsChoice::Index(3), None, &post), Err("EDU-2403"));
    let acs = || AcsChoice::Url("https://sp.example/acs".to_owned());
    assert_eq!(among(acs(), artifact, &both), Err("EDU-2403"));
    let paos = Some(Binding::Paos);
    assert_eq!(among(AcsChoice::Default, paos, &both), Err("EDU-2403"));
    let elsewhere = AcsChoice::Url("https://sp.example/acs/".to_owned());
    assert_eq!(among(elsewhere, None, &both), Err("EDU-2404"));
    assert_eq!(among(AcsChoice::Index(9), None, &both), Err("EDU-2405"));
}
