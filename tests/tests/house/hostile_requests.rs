//! Requests an identity provider must not answer.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use saml::{AuthnRequest, EntityId, SigningKey};
use visits::{Answer, House, forge, process};

/// A genuine request of the portal.
fn request(house: &House) -> AuthnRequest {
    let issuer = EntityId::parse(&house.at("/portail")).unwrap();
    AuthnRequest {
        destination: Some(house.at("/idp/personnel/sso/redirect")),
        acs: saml::request::AcsChoice::Url(house.at("/portail/saml/acs")),
        protocol_binding: Some(saml::Binding::Post),
        ..AuthnRequest::new(forge::random_id(), forge::now(), issuer)
    }
}

fn address(house: &House, request: &AuthnRequest, key: &SigningKey) -> String {
    let to = house.at("/idp/personnel/sso/redirect");
    saml::redirect::compose(request, &to, Some("state"), key).expect("composes")
}

fn send(house: &House, address: &str) -> Answer {
    let client = house.client();
    client.follow(client.get(address))
}

#[track_caller]
fn assert_refused(answer: &Answer) {
    assert!(
        matches!(answer.status, 400 | 403),
        "{} {}",
        answer.status,
        answer.body
    );
    assert!(
        answer.code().is_some_and(|code| code.starts_with("EDU-")),
        "{}",
        answer.body
    );
    assert!(answer.reference().is_some());
    assert_eq!(
        answer.field("password"),
        None,
        "no login page for a refused request"
    );
    assert_eq!(
        answer.field("SAMLResponse"),
        None,
        "no answer to an address nobody verified"
    );
}

#[test]
fn a_genuine_request_is_answered_so_that_the_refusals_below_mean_something() {
    let house = House::start();
    let page = send(
        &house,
        &address(&house, &request(&house), &forge::key(&house, "portail")),
    );
    assert_eq!(page.status, 200);
    assert!(page.body.contains("name=\"password\""), "{}", page.body);
}

#[test]
fn a_relay_state_is_given_back_and_never_becomes_markup() {
    let house = House::start();
    let request = AuthnRequest {
        is_passive: true,
        ..request(&house)
    };
    let state = "\"><script>x</script>'";
    let to = house.at("/idp/personnel/sso/redirect");
    let key = forge::key(&house, "portail");
    let address = saml::redirect::compose(&request, &to, Some(state), &key).unwrap();
    let page = send(&house, &address);
    assert_eq!(page.field("RelayState").as_deref(), Some(state));
    assert!(!page.body.contains("<script>x"), "{}", page.body);
}

#[test]
fn p09_a_request_signed_by_a_stranger_is_refused() {
    let house = House::start();
    assert_refused(&send(
        &house,
        &address(&house, &request(&house), &forge::stranger()),
    ));
}

#[test]
fn p09_an_unsigned_request_is_refused_when_the_service_signs() {
    let house = House::start();
    let signed = address(&house, &request(&house), &forge::key(&house, "portail"));
    let unsigned = signed.split("&SigAlg=").next().unwrap();
    assert_refused(&send(&house, unsigned));
}

#[test]
fn h06_a_request_changed_by_one_octet_is_refused() {
    let house = House::start();
    let signed = address(&house, &request(&house), &forge::key(&house, "portail"));
    assert_refused(&send(
        &house,
        &signed.replace("RelayState=state", "RelayState=stats"),
    ));
    // The same value under another percent-encoding is another octet string.
    assert_refused(&send(
        &house,
        &signed.replace("RelayState=state", "RelayState=%73tate"),
    ));
}

#[test]
fn h06_parameters_out_of_order_or_doubled_are_refused() {
    let house = House::start();
    let signed = address(&house, &request(&house), &forge::key(&house, "portail"));
    let (path, query) = signed.split_once('?').unwrap();
    let mut parts: Vec<&str> = query.split('&').collect();
    parts.swap(0, 1);
    assert_refused(&send(&house, &format!("{path}?{}", parts.join("&"))));
    parts.swap(0, 1);
    // The signature is no part of what is signed: it may stand anywhere, and covers the same.
    parts.swap(2, 3);
    let page = send(&house, &format!("{path}?{}", parts.join("&")));
    assert!(page.body.contains("name=\"password\""), "{}", page.body);
    let bent = parts
        .join("&")
        .replace("RelayState=state", "RelayState=stats");
    assert_refused(&send(&house, &format!("{path}?{bent}")));
    assert_refused(&send(&house, &format!("{signed}&RelayState=other")));
    assert_refused(&send(&house, &format!("{signed}&SAMLRequest=AAAA")));
}

#[test]
fn p09_a_signature_without_its_algorithm_is_refused() {
    let house = House::start();
    let signed = address(&house, &request(&house), &forge::key(&house, "portail"));
    let start = signed.find("&SigAlg=").unwrap();
    let stop = signed.find("&Signature=").unwrap();
    let without = format!("{}{}", &signed[..start], &signed[stop..]);
    assert_refused(&send(&house, &without));
}

#[test]
fn p08_an_acs_that_is_not_in_metadata_is_refused() {
    let house = House::start();
    let key = forge::key(&house, "portail");
    for acs in [
        "https://evil.example/acs".to_owned(),
        house.at("/portail/saml/acs/"),
        house.at("/portail/saml/acs?x=1"),
        house.at("/PORTAIL/saml/acs"),
        house.at("/magistere/saml/acs"),
        format!("http://user@localhost:{}/portail/saml/acs", house.port),
    ] {
        let mut request = request(&house);
        request.acs = saml::request::AcsChoice::Url(acs);
        assert_refused(&send(&house, &address(&house, &request, &key)));
    }
    let mut request = request(&house);
    request.acs = saml::request::AcsChoice::Index(99);
    request.protocol_binding = None;
    assert_refused(&send(&house, &address(&house, &request, &key)));
}

#[test]
fn a_request_for_another_identity_provider_is_refused() {
    let house = House::start();
    let mut request = request(&house);
    request.destination = Some(house.at("/idp/eleve/sso/redirect"));
    assert_refused(&send(
        &house,
        &address(&house, &request, &forge::key(&house, "portail")),
    ));
}

#[test]
fn a_request_of_last_year_is_refused() {
    let house = House::start();
    let mut request = request(&house);
    request.issue_instant = forge::now() - Duration::from_secs(365 * 86_400);
    assert_refused(&send(
        &house,
        &address(&house, &request, &forge::key(&house, "portail")),
    ));
}

#[test]
fn a_request_of_an_unknown_service_is_refused() {
    let house = House::start();
    let mut request = request(&house);
    request.issuer = EntityId::parse("https://unknown.example/sp").unwrap();
    assert_refused(&send(
        &house,
        &address(&house, &request, &forge::stranger()),
    ));
}

#[test]
fn h04_a_request_that_inflates_to_a_gigabyte_is_refused_cheaply() {
    let house = House::start();
    let pid = house.pid();
    // One gigabyte of spaces, as raw deflate: about one megabyte; what fits an address is sent by
    // Redirect, the whole by POST (where nothing is deflated: it is simply not XML).
    let bomb = bomb(1 << 30);
    let (_, before) = process::memory_kb(pid);
    let cpu = process::cpu_time(pid);
    let short = forge::deflate(&vec![b' '; 16 << 20]);
    let path = format!(
        "/idp/personnel/sso/redirect?SAMLRequest={}",
        utf8_percent_encode(&short, NON_ALPHANUMERIC)
    );
    let answer = house.client().get(&path);
    assert_refused(&answer);
    let raw = format!(
        "GET /idp/personnel/sso/redirect?SAMLRequest={} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        utf8_percent_encode(&bomb, NON_ALPHANUMERIC)
    );
    process::raw_exchange(house.port, raw.as_bytes(), Duration::from_secs(5));
    let used = process::cpu_time(pid).saturating_sub(cpu);
    let (_, after) = process::memory_kb(pid);
    assert!(
        used < Duration::from_millis(500),
        "{used:?} of CPU for two requests"
    );
    assert!(after - before < 50_000, "{before} kB then {after} kB");
}

fn bomb(size: usize) -> String {
    use std::io::Write;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    let block = vec![b' '; 1 << 20];
    for _ in 0..(size >> 20) {
        encoder.write_all(&block).unwrap();
    }
    forge::base64_bytes(&encoder.finish().unwrap())
}

#[test]
fn h02_a_request_with_a_doctype_or_garbage_is_refused() {
    let house = House::start();
    for text in [
        "<!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>",
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?><x/>",
        "not xml",
        "<a><b></a></b>",
        "",
        "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"/>",
        "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_1\" Version=\"2.0\" IssueInstant=\"2026-01-01T00:00:00Z\"/>",
    ] {
        let value = forge::deflate(text.as_bytes());
        let path = format!(
            "/idp/personnel/sso/redirect?SAMLRequest={}",
            utf8_percent_encode(&value, NON_ALPHANUMERIC)
        );
        assert_refused(&house.client().get(&path));
        let posted = house.client().post(
            "/idp/personnel/sso/post",
            &[("SAMLRequest", &forge::base64(text))],
        );
        assert_refused(&posted);
    }
}
