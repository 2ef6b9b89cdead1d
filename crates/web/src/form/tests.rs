use actix_web::http::StatusCode;
use actix_web::test::TestRequest;

use super::*;
use crate::scene::{Answer, Scene};

const FORM: &str = "application/x-www-form-urlencoded";

async fn post(kind: Option<&str>, encoding: Option<&str>, body: impl Into<Vec<u8>>) -> Answer {
    let mut request = TestRequest::post().uri("/form").set_payload(body.into());
    for (name, value) in [("content-type", kind), ("content-encoding", encoding)] {
        if let Some(value) = value {
            request = request.insert_header((name, value));
        }
    }
    Scene::at("http://localhost").send(request).await
}

fn refused(answer: &Answer, status: StatusCode, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.attribute("data-code"), Some(code));
}

#[actix_web::test]
async fn a_form_is_read_whatever_the_case_of_its_type() {
    for kind in [FORM, "Application/X-WWW-Form-Urlencoded; charset=UTF-8"] {
        let answer = post(Some(kind), Some("identity"), "name=%C3%A9&other=1").await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::OK, "again")
        );
    }
}

#[actix_web::test]
async fn what_is_no_form_is_refused() {
    let unsuited = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    for kind in [
        None,
        Some(""),
        Some("text/plain"),
        Some("multipart/form-data; boundary=x"),
        Some("application/json"),
        Some("application/x-www-form-urlencodedx"),
    ] {
        refused(&post(kind, None, "name=1").await, unsuited, "EDU-1006");
    }
    for encoding in ["gzip", "deflate", "br", "identity, gzip", ""] {
        let answer = post(Some(FORM), Some(encoding), "name=1").await;
        refused(&answer, unsuited, "EDU-1006");
    }
}

#[actix_web::test]
async fn malformed_forms_are_refused_with_their_code() {
    for (body, code) in [
        (&b"name=1&name=1"[..], "EDU-1002"),
        (b"name=1&n%61me=1", "EDU-1002"),
        (b"unknown=1&unknown=1", "EDU-1002"),
        (b"name=%", "EDU-1001"),
        (b"name=%f", "EDU-1001"),
        (b"name=%C3%28", "EDU-1001"),
        (b"name=\xff\xfe", "EDU-1001"),
        (b"name=a%00b", "EDU-1001"),
        (b"\xff=1", "EDU-1001"),
    ] {
        let answer = post(Some(FORM), None, body).await;
        refused(&answer, StatusCode::BAD_REQUEST, code);
    }
    let many: String = (0..200).map(|n| format!("p{n}=1&")).collect();
    refused(
        &post(Some(FORM), None, many).await,
        StatusCode::BAD_REQUEST,
        "EDU-1004",
    );
}

#[actix_web::test]
async fn a_form_is_at_most_256_kb() {
    let sized = |size: usize| format!("name={}", "a".repeat(size - 5));
    let answer = post(Some(FORM), None, sized(LARGEST_FORM)).await;
    assert_eq!(answer.status, StatusCode::OK);
    for size in [LARGEST_FORM + 1, DRAINED + 1] {
        let answer = post(Some(FORM), None, sized(size)).await;
        refused(&answer, StatusCode::PAYLOAD_TOO_LARGE, "EDU-1005");
    }
}

#[actix_web::test]
async fn a_body_declared_far_too_long_is_not_waited_for() {
    let scene = Scene::at("http://localhost");
    for (method, path) in [("POST", "/form"), ("GET", "/accessibilite")] {
        let request = TestRequest::default()
            .method(method.parse().unwrap())
            .uri(path)
            .insert_header(("content-length", "1000000000"));
        let answer = scene.send(request).await;
        refused(&answer, StatusCode::PAYLOAD_TOO_LARGE, "EDU-1005");
    }
}
