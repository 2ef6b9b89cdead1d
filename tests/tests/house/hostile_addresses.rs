//! Every address with every parameter missing, doubled, a megabyte long, not UTF-8; every wrong
//! method. Each answer is clear, never a 5xx, and the house stands afterwards.

use std::time::Duration;

use visits::client::{Answer, form};
use visits::{House, process};

/// An address, the methods it answers, and the parameters it reads.
struct Address {
    path: &'static str,
    methods: &'static [&'static str],
    parameters: &'static [&'static str],
}

const fn at(
    path: &'static str,
    methods: &'static [&'static str],
    parameters: &'static [&'static str],
) -> Address {
    Address {
        path,
        methods,
        parameters,
    }
}

const GET: &[&str] = &["GET"];
const POST: &[&str] = &["POST"];
/// A proxy sends here whatever its visitor sent.
const ANY: &[&str] = &["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"];
const BOTH: &[&str] = &["GET", "POST"];
const REQUEST: &[&str] = &["SAMLRequest", "RelayState", "SigAlg", "Signature"];

const ADDRESSES: [Address; 43] = [
    at(
        "/wayf/",
        BOTH,
        &[
            "entityID",
            "return",
            "returnIDParam",
            "policy",
            "isPassive",
            "profile",
            "csrf",
        ],
    ),
    at("/idp/personnel/metadata", GET, &[]),
    at("/idp/personnel/sso/redirect", GET, REQUEST),
    at("/idp/personnel/sso/post", POST, REQUEST),
    at("/idp/personnel/continue", GET, &["flow"]),
    at("/idp/personnel/other", GET, &["flow", "sp"]),
    at(
        "/idp/personnel/login",
        BOTH,
        &["flow", "csrf", "username", "password"],
    ),
    at("/idp/personnel/logout", BOTH, &["csrf"]),
    at("/idp/eleve/metadata", GET, &[]),
    at("/portail/", GET, &[]),
    at(
        "/portail/login",
        GET,
        &["entityID", "target", "attempt", "request"],
    ),
    at("/portail/applications", GET, &["categorie", "q", "vue"]),
    at(
        "/portail/favoris",
        BOTH,
        &["csrf", "add", "up", "order", "from"],
    ),
    at("/portail/catalogue", GET, &["q"]),
    at("/portail/porte/carnet", GET, &["depart", "vers"]),
    at("/portail/porte/carnet/verifier", GET, &[]),
    at("/portail/porte/carnet/aller", ANY, &[]),
    at("/portail/porte/carnet/entrer", GET, &["billet"]),
    at("/portail/porte/carnet/sortir", GET, &[]),
    at("/portail/role", POST, &["csrf", "role", "from"]),
    at("/portail/usage", POST, &["csrf", "application", "compter"]),
    at("/erreur", GET, &["code", "ts", "rp", "tid", "ctx"]),
    at("/portail/saml/metadata", GET, &[]),
    at("/portail/saml/acs", POST, &["SAMLResponse", "RelayState"]),
    at("/portail/land", GET, &["ticket"]),
    at("/portail/reprise", GET, &["ticket"]),
    at("/portail/logout", BOTH, &["csrf"]),
    at("/magistere/", GET, &[]),
    at(
        "/magistere/login",
        GET,
        &["entityID", "target", "attempt", "request"],
    ),
    at("/magistere/saml/metadata", GET, &[]),
    at("/magistere/saml/acs", POST, &["SAMLResponse", "RelayState"]),
    at("/magistere/land", GET, &["ticket"]),
    at("/magistere/logout", BOTH, &["csrf"]),
    at("/outils/decodeur", BOTH, &["csrf", "message"]),
    at("/compte/", GET, &[]),
    at("/compte/identite", GET, &[]),
    at("/compte/saml/metadata", GET, &[]),
    at("/compte/saml/acs", POST, &["SAMLResponse", "RelayState"]),
    at("/compte/land", GET, &["ticket"]),
    at("/compte/logout", BOTH, &["csrf"]),
    at("/accessibilite", GET, &["lang"]),
    at("/health/live", GET, &[]),
    at("/health/ready", GET, &[]),
];

/// Sends and checks that the answer is clear: below 500, and a page with a code when refused.
fn clear(house: &House, method: &str, path: &str, query: &str, body: Option<&str>) -> Answer {
    let client = house.client();
    let url = if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    };
    let headers: &[(&str, &str)] = if body.is_some() {
        &[("content-type", "application/x-www-form-urlencoded")]
    } else {
        &[]
    };
    let answer = client
        .send(method, &url, headers, body.map(str::as_bytes))
        .unwrap_or_else(|why| panic!("{method} {path}: {why}"));
    let shown: String = url.chars().take(200).collect();
    assert!(
        answer.status < 500,
        "{method} {shown}: {} {}",
        answer.status,
        answer.body
    );
    if answer.status >= 400 && method != "HEAD" {
        assert!(
            answer.code().is_some(),
            "{method} {shown}: {} {}",
            answer.status,
            answer.body
        );
        assert!(answer.reference().is_some(), "{method} {shown}");
    }
    answer
}

/// The same fields, by GET or by POST as the address takes them.
fn send(house: &House, method: &str, address: &Address, fields: &str) -> Answer {
    if method == "POST" {
        clear(house, "POST", address.path, "", Some(fields))
    } else {
        clear(house, method, address.path, fields, None)
    }
}

#[test]
fn every_parameter_missing() {
    let mut house = House::start();
    for address in &ADDRESSES {
        for method in address.methods {
            send(&house, method, address, "");
            for left_out in address.parameters {
                let fields: Vec<(&str, &str)> = address
                    .parameters
                    .iter()
                    .filter(|p| *p != left_out)
                    .map(|p| (*p, "x"))
                    .collect();
                send(&house, method, address, &form(&fields));
            }
        }
    }
    assert!(house.is_alive());
}

#[test]
fn every_parameter_doubled_is_refused() {
    let mut house = House::start();
    for address in &ADDRESSES {
        for method in address.methods {
            for parameter in address.parameters {
                let answer = send(
                    &house,
                    method,
                    address,
                    &format!("{parameter}=a&{parameter}=b"),
                );
                assert_eq!(
                    answer.status, 400,
                    "{method} {} {parameter} twice: {}",
                    address.path, answer.body
                );
            }
        }
    }
    assert!(house.is_alive());
}

#[test]
fn every_parameter_not_utf8_is_refused() {
    let mut house = House::start();
    for address in &ADDRESSES {
        for method in address.methods {
            for parameter in address.parameters {
                for bad in ["%FF%FE", "%C3%28", "%", "%zz", "a%00b"] {
                    let answer = send(&house, method, address, &format!("{parameter}={bad}"));
                    assert!(
                        answer.status < 500 && answer.user().is_none(),
                        "{method} {} {parameter}={bad}: {}",
                        address.path,
                        answer.status
                    );
                    if bad.starts_with("%F") || bad.starts_with("%C") {
                        assert_eq!(
                            answer.status, 400,
                            "{method} {} {parameter}={bad}",
                            address.path
                        );
                    }
                }
            }
        }
    }
    assert!(house.is_alive());
}

#[test]
fn every_parameter_a_megabyte_long_is_refused_cheaply() {
    let mut house = House::start();
    let pid = house.pid();
    let megabyte = "A".repeat(1 << 20);
    let (_, before) = process::memory_kb(pid);
    for address in &ADDRESSES {
        for method in address.methods {
            for parameter in address.parameters {
                let fields = format!("{parameter}={megabyte}");
                if *method == "POST" {
                    let answer = raw_post(&house, address.path, &fields);
                    assert!(
                        answer.starts_with("HTTP/1.1 4"),
                        "{} {parameter}: {answer}",
                        address.path
                    );
                } else {
                    let head = format!(
                        "GET {}?{fields} HTTP/1.1\r\nhost: localhost\r\n\r\n",
                        address.path
                    );
                    let answer =
                        process::raw_exchange(house.port, head.as_bytes(), Duration::from_secs(5));
                    let answer = String::from_utf8_lossy(&answer).into_owned();
                    // The server may close before it read it all; what it says, it says clearly.
                    assert!(
                        answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
                        "{} {parameter}: {answer}",
                        address.path
                    );
                }
            }
        }
    }
    let (_, after) = process::memory_kb(pid);
    assert!(after - before < 50_000, "{before} kB then {after} kB");
    assert!(house.is_alive());
}

fn raw_post(house: &House, path: &str, body: &str) -> String {
    let bytes = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let answer = process::raw_exchange(house.port, bytes.as_bytes(), Duration::from_secs(5));
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn every_wrong_method_is_refused() {
    let mut house = House::start();
    for address in &ADDRESSES {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
            if address.methods.contains(&method) {
                continue;
            }
            let body = matches!(method, "POST" | "PUT" | "PATCH").then_some("");
            let answer = clear(&house, method, address.path, "", body);
            assert_eq!(answer.status, 405, "{method} {}", address.path);
            let allowed = answer.header("allow").unwrap_or_default().to_owned();
            for allow in address.methods {
                assert!(
                    allowed.contains(allow),
                    "{method} {}: Allow {allowed}",
                    address.path
                );
            }
        }
    }
    assert!(house.is_alive());
}

#[test]
fn unknown_addresses_are_a_404_page() {
    let house = House::start();
    for path in [
        "/",
        "/nowhere",
        "/idp/nobody/metadata",
        "/idp/",
        "/portail/nothing",
        "/magistere/%2e%2e/x",
        "/assets/../../etc/passwd",
        "/assets/0/%2e%2e%2fx",
    ] {
        let answer = clear(&house, "GET", path, "", None);
        assert!(
            answer.status == 404 || (path == "/" && answer.status == 303) || answer.status == 400,
            "{path}: {}",
            answer.status
        );
    }
}

#[test]
fn broken_http_never_ends_the_house() {
    let mut house = House::start();
    for bytes in [
        &b"\x00\x01\x02\x03"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /wayf/\xff\xfe HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        b"POST /portail/saml/acs HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n",
        b"POST /portail/saml/acs HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"GET /wayf/ HTTP/1.1\r\nhost: localhost\r\ncookie: \xff\xfe=1; eduline=\x80\r\nconnection: close\r\n\r\n",
        b"POST /wayf/ HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc",
        b"POST /wayf/ HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc",
    ] {
        let answer = process::raw_exchange(house.port, bytes, Duration::from_millis(800));
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(!answer.starts_with("HTTP/1.1 5"), "{bytes:?}: {answer}");
    }
    assert!(house.is_alive());
    assert_eq!(house.client().get("/health/ready").status, 200);
}
