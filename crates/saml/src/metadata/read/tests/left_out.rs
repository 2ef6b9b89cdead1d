//! One bad entity never spoils the rest.

use super::{HEAD, acs, certificate, entity, good_sp, group, idp, key, open, policy, sp, sso};
use crate::metadata::{ReadPolicy, read};

/// The code under which an entity is left out of a document that holds a good one, too.
fn left_out(bad: &str) -> &'static str {
    let xml = group(&format!(
        "{}{bad}{}",
        good_sp("https://a.example"),
        good_sp("https://b.example")
    ));
    let document = open(&xml);
    let ids: Vec<&str> = document
        .entities
        .iter()
        .map(|entity| entity.id.as_str())
        .collect();
    assert_eq!(ids, ["https://a.example", "https://b.example"]);
    assert_eq!(document.left_out.len(), 1);
    document.left_out[0].reason.code()
}

const X: &str = "https://x.example";

/// Asserts each entity to be left out under its code.
fn all_left_out(cases: &[(String, &str)]) {
    for (bad, code) in cases {
        assert_eq!(left_out(bad), *code, "{}", &bad[..bad.len().min(900)]);
    }
}

#[test]
fn an_entity_without_what_its_role_needs_is_left_out() {
    let key = key();
    let other_protocol =
        "<md:SPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:1.1:protocol\"/>";
    let other_binding = idp(&format!(
        "{}{}",
        certificate(&key, ""),
        sso("https://idp.example/sso")
    ))
    .replace("HTTP-Redirect", "HTTP-POST-SimpleSign");
    all_left_out(&[
        (entity(X, ""), "EDU-2707"),
        (entity(X, other_protocol), "EDU-2707"),
        (entity(X, &idp(&sso("https://idp.example/sso"))), "EDU-2708"),
        (entity(X, &idp(&certificate(&key, ""))), "EDU-2709"),
        (entity(X, &other_binding), "EDU-2709"),
        (entity(X, &sp("")), "EDU-2710"),
    ]);
}

#[test]
fn an_entity_with_an_address_that_may_not_be_an_endpoint_is_left_out() {
    let key = certificate(&key(), "");
    let script = idp(&format!("{key}{}", sso("javascript:alert(1)")));
    let answer = sso("https://idp.example/sso\" ResponseLocation=\"data:text/html,x");
    all_left_out(&[
        (entity(X, &sp(&acs("javascript:alert(1)"))), "EDU-2711"),
        (entity(X, &sp(&acs("data:text/html,x"))), "EDU-2711"),
        (entity(X, &sp(&acs("http://sp.example/acs"))), "EDU-2711"),
        (entity(X, &sp(&acs("http://localhost/acs"))), "EDU-2711"),
        (
            entity(X, &sp(&acs("https://user@sp.example/acs"))),
            "EDU-2711",
        ),
        (entity(X, &script), "EDU-2711"),
        (entity(X, &idp(&format!("{key}{answer}"))), "EDU-2711"),
    ]);
}

#[test]
fn an_entity_with_a_value_not_of_its_type_is_left_out() {
    let good = acs("https://sp.example/acs");
    let role = sp(&good).replace(
        "<md:SPSSODescriptor",
        "<md:SPSSODescriptor AuthnRequestsSigned=\"yes\"",
    );
    all_left_out(&[
        (entity(X, &sp(&good.replace("index=\"0\"", ""))), "EDU-2303"),
        (
            entity(X, &sp(&good.replace("index=\"0\"", "index=\"x\""))),
            "EDU-2305",
        ),
        (entity(X, &sp(&good.replace(" Location", " x"))), "EDU-2303"),
        (entity(X, &role), "EDU-2305"),
    ]);
}

#[test]
fn an_entity_without_a_name_of_its_own_is_left_out() {
    let role = sp(&acs("https://sp.example/acs"));
    let long = format!("https://{}", "x".repeat(1100));
    all_left_out(&[
        (entity("", &role), "EDU-2705"),
        (entity("not a uri", &role), "EDU-2705"),
        (entity(&long, &role), "EDU-2705"),
        (
            entity(X, &role).replace(&format!(" entityID=\"{X}\""), ""),
            "EDU-2303",
        ),
        (good_sp("https://a.example"), "EDU-2706"),
    ]);
}

#[test]
fn an_entity_that_is_past_or_too_large_is_left_out() {
    let until =
        |until: &str| good_sp(X).replace(" entityID", &format!(" validUntil=\"{until}\" entityID"));
    let role = sp(&acs("https://sp.example/acs"));
    let past = role.replace(
        "<md:SPSSODescriptor",
        "<md:SPSSODescriptor validUntil=\"2020-01-01T00:00:00Z\"",
    );
    all_left_out(&[
        (until("2026-11-23T12:00:00Z"), "EDU-2703"),
        (until("tomorrow"), "EDU-2306"),
        (entity(X, &past), "EDU-2707"),
        (
            entity(X, &format!("{role}{}", "<md:x/>".repeat(20_000))),
            "EDU-2712",
        ),
    ]);
}

#[test]
fn the_discovery_response_is_an_endpoint_too() {
    let response = |location: &str| {
        let binding = "urn:oasis:names:tc:SAML:profiles:SSO:idp-discovery-protocol";
        sp(&format!(
            "<md:Extensions><idpdisc:DiscoveryResponse Binding=\"{binding}\" Location=\"{location}\" index=\"1\"/></md:Extensions>{}",
            acs("https://sp.example/acs")
        ))
    };
    let document = open(&entity(
        "https://sp.example",
        &response("https://sp.example/login"),
    ));
    let role = document.entities[0].sp.as_ref().unwrap();
    assert_eq!(role.default_discovery(), Some("https://sp.example/login"));
    assert_eq!(
        left_out(&entity(
            "https://x.example",
            &response("javascript:alert(1)")
        )),
        "EDU-2711"
    );
}

#[test]
fn what_is_left_out_is_told_with_its_line() {
    let xml = format!(
        "<md:EntitiesDescriptor {HEAD}>\n\n{}\n<md:EntitiesDescriptor>\n<md:Extensions>{}</md:Extensions>\n{}\n</md:EntitiesDescriptor>\n</md:EntitiesDescriptor>",
        good_sp("https://a.example"),
        good_sp("https://hidden.example"),
        entity("https://bad.example", ""),
    );
    let document = open(&xml);
    assert_eq!(document.entities.len(), 1);
    assert_eq!(document.left_out.len(), 1);
    assert_eq!(document.left_out[0].entity_id, "https://bad.example");
    assert_eq!(document.left_out[0].line, 6);
}

#[test]
fn plain_http_on_loopback_is_taken_where_allowed() {
    let xml = entity(
        "http://localhost:8080/sp",
        &sp(&acs("http://localhost:8080/acs")),
    );
    let loopback = ReadPolicy {
        loopback_http: true,
        ..policy()
    };
    assert_eq!(read(&xml, &loopback).unwrap().entities.len(), 1);
    let xml = entity("http://sp.example", &sp(&acs("http://sp.example/acs")));
    assert_eq!(
        read(&xml, &loopback).unwrap().left_out[0].reason.code(),
        "EDU-2711"
    );
}
