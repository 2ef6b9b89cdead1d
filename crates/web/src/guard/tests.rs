use actix_web::http::StatusCode;
use actix_web::test::TestRequest;

use super::*;
use crate::scene::{Answer, Scene};
use crate::{Probe, Reference};

const HTTP: &str = "http://localhost:8080";
const HTTPS: &str = "https://eduline.example";

/// A refusal that a person can act on: its page, with code and reference.
fn explained(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
    assert_eq!(answer.attribute("data-code"), Some(code), "{}", answer.body);
    let reference = answer.attribute("data-reference").unwrap();
    assert!(Reference::parse(reference).is_some(), "{reference}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[actix_web::test]
async fn every_answer_carries_the_headers() {
    let scene = Scene::at(HTTPS);
    for path in [
        "/",
        "/health/live",
        "/health/ready",
        "/accessibilite",
        "/signed-in",
        "/nowhere",
        "/number/x",
        "/broken",
        "/bare-500",
        "/refused/store",
        "/%",
        "/robots.txt",
    ] {
        let answer = scene.get(path).await;
        let header = |name: &str| {
            answer
                .header(name)
                .unwrap_or_else(|| panic!("{path}: {name}"))
        };
        assert_eq!(
            header("content-security-policy"),
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
             font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'"
        );
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(header("cache-control"), "no-store");
        assert!(header("permissions-policy").contains("camera=(), geolocation=(), "));
        assert_eq!(header("strict-transport-security"), "max-age=31536000");
        assert!(
            !answer.status.is_server_error() || answer.status == StatusCode::SERVICE_UNAVAILABLE
        );
    }
    let plain = Scene::at(HTTP).get("/").await;
    assert_eq!(plain.header("strict-transport-security"), None);
}

#[actix_web::test]
async fn errors_of_any_origin_become_a_page_with_code_and_reference() {
    let scene = Scene::at(HTTP);
    for (path, status, code) in [
        ("/nowhere", 404, "EDU-1404"),
        ("/number/x", 404, "EDU-1404"),
        ("/broken", 503, "EDU-6009"),
        ("/bare-500", 503, "EDU-6009"),
        ("/refused/store", 503, "EDU-6001"),
        ("/refused/too-many", 429, "EDU-4004"),
        ("/refused/wordless", 403, "EDU-4999"),
        ("/form?name=1&name=2", 400, "EDU-1002"),
        ("/form?name=%FF", 400, "EDU-1001"),
        ("/form?name=%", 400, "EDU-1001"),
        ("/%FF", 400, "EDU-1001"),
        ("/number/%zz", 400, "EDU-1001"),
        ("/accessibilite/%00", 400, "EDU-1001"),
        ("/accessibilite?lang=fr&lang=en", 400, "EDU-1002"),
    ] {
        let answer = scene.get(path).await;
        explained(&answer, status, code);
    }
    let answer = scene
        .get(&format!("/form?name={}", "a".repeat(40_000)))
        .await;
    explained(&answer, 414, "EDU-1414");
}

#[actix_web::test]
async fn another_method_is_told_which_are_answered() {
    let scene = Scene::at(HTTP);
    for (method, path, allowed) in [
        ("POST", "/accessibilite", "GET"),
        ("DELETE", "/form", "GET, POST"),
        ("PUT", "/health/live", "GET, HEAD"),
    ] {
        let method = method.parse().unwrap();
        let answer = scene
            .send(TestRequest::default().method(method).uri(path))
            .await;
        explained(&answer, 405, "EDU-1405");
        let mut answered: Vec<&str> = answer.header("allow").unwrap().split(", ").collect();
        answered.sort_unstable();
        assert_eq!(answered.join(", "), allowed, "{path}");
    }
}

#[actix_web::test]
async fn waiting_is_said_in_the_header_and_in_words() {
    let scene = Scene::at(HTTP);
    let answer = scene.get("/refused/too-many").await;
    assert_eq!(answer.header("retry-after"), Some("400"));
    assert!(answer.body.contains("7 minutes"), "{}", answer.body);
    let answer = scene.get("/refused/store").await;
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert!(answer.body.contains("5 secondes"), "{}", answer.body);
}

#[actix_web::test]
async fn words_that_do_not_exist_fall_back_and_nothing_of_the_story_is_shown() {
    let scene = Scene::at(HTTP);
    let answer = scene.get("/refused/wordless?lang=en").await;
    assert!(
        answer.body.contains("This request did not succeed"),
        "{}",
        answer.body
    );
    assert!(
        answer.body.contains("href=\"/wayf/?a=&quot;b\""),
        "{}",
        answer.body
    );
    assert!(!answer.body.contains("story"), "{}", answer.body);
}

#[actix_web::test]
async fn programs_are_refused_in_json() {
    let scene = Scene::at(HTTP);
    for (accept, json) in [
        ("application/json", true),
        ("application/json, */*", true),
        ("text/html,application/json", false),
        ("*/*", false),
    ] {
        let request = TestRequest::get()
            .uri("/refused/store")
            .insert_header(("accept", accept));
        let answer = scene.send(request).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.header("retry-after"), Some("5"));
        let read: Result<serde_json::Value, _> = serde_json::from_str(&answer.body);
        assert_eq!(read.is_ok(), json, "{accept}: {}", answer.body);
        if let Ok(read) = read {
            assert_eq!(read["code"], "EDU-6001");
            assert!(Reference::parse(read["reference"].as_str().unwrap()).is_some());
            assert_eq!(read["title"], "Le service est momentanément indisponible");
        }
    }
}

#[actix_web::test]
async fn a_refusal_is_told_once_and_counted_once() {
    let scene = Scene::at(HTTP);
    let answer = scene.get("/refused/wordless").await;
    let told = scene.told();
    assert_eq!(told.len(), 1, "{told:#?}");
    let line = &told[0];
    assert_eq!(line["event"], "refused");
    assert_eq!(line["code"], "EDU-4999");
    assert_eq!(line["status"], "403");
    assert_eq!(line["route"], "/refused/{how}");
    assert_eq!(line["story"], "a <story>");
    assert_eq!(line["request"], "_r");
    assert_eq!(line["ref"].as_str(), answer.attribute("data-reference"));
    scene.get("/accessibilite").await;
    scene.get("/nowhere").await;
    let counters = scene.edge.metrics().text();
    for line in [
        "eduline_refusals_total{code=\"EDU-4999\"} 1\n",
        "eduline_answers_total{route=\"/refused/{how}\",class=\"4xx\"} 1\n",
        "eduline_answers_total{route=\"/accessibilite\",class=\"2xx\"} 1\n",
        "eduline_answers_total{route=\"none\",class=\"4xx\"} 1\n",
    ] {
        assert!(counters.contains(line), "{line}: {counters}");
    }
}

#[actix_web::test]
async fn a_page_that_hands_over_says_where_to_and_nowhere_else() {
    let scene = Scene::at(HTTP);
    let answer = scene.get("/hand-over").await;
    let csp = answer.header("content-security-policy").unwrap();
    assert!(
        csp.contains("form-action https://sp.example/acs%3Bv=1%2C2; base-uri"),
        "{csp}"
    );
}

#[test]
fn a_form_source_cannot_end_its_directive() {
    for (address, source) in [
        ("'self'", "'self'"),
        ("https:", "https:"),
        ("https://sp.example/acs?x=1;y", "https://sp.example/acs"),
        ("https://sp.example/#f", "https://sp.example/"),
        (
            "https://sp.example/a;script-src",
            "https://sp.example/a%3Bscript-src",
        ),
        ("https://é.example/", "https://%C3%A9.example/"),
        ("https://x/\r\nset-cookie:a", "https://x/%0D%0Aset-cookie:a"),
    ] {
        assert_eq!(form_source(address), source);
    }
    assert!(
        policy(Some("'self' https://sp.example"))
            .contains("form-action 'self' https://sp.example;")
    );
}

#[actix_web::test]
async fn assets_are_kept_for_ever_under_the_name_of_their_content() {
    let scene = Scene::at(HTTP);
    let page = scene.get("/accessibilite").await;
    let css = page
        .body
        .split("href=\"")
        .find(|part| part.starts_with("/assets/"))
        .unwrap();
    let css = css.split_once('"').unwrap().0;
    let answer = scene.get(css).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.header("content-type"),
        Some("text/css; charset=utf-8")
    );
    assert_eq!(
        answer.header("cache-control"),
        Some("public, max-age=31536000, immutable")
    );
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(answer.header("etag").is_none() && answer.cookies().is_empty());
    let name = css.rsplit('/').next().unwrap();
    for wrong in [
        format!("/assets/000000000000/{name}"),
        css.replace(name, "none.css"),
        css.replace(name, "..%2f..%2fCargo.toml"),
        css.replace(name, "../pages/refused.html"),
        css.replace(name, "%2e%2e"),
        css.replace(name, ""),
    ] {
        let answer = scene.get(&wrong).await;
        explained(&answer, 404, "EDU-1404");
    }
    let icon = scene.get("/favicon.ico").await;
    assert_eq!(icon.status, StatusCode::SEE_OTHER);
    let icon = scene.get(icon.header("location").unwrap()).await;
    assert_eq!(icon.header("content-type"), Some("image/svg+xml"));
}

#[actix_web::test]
async fn readiness_names_what_is_away_and_why() {
    let probe = |name, away: Option<&'static str>| Probe {
        name,
        ask: std::sync::Arc::new(move || {
            Box::pin(async move { away.map_or(Ok(()), |why| Err(why.to_owned())) })
        }),
    };
    let scene = Scene::with(
        HTTP,
        vec![probe("store", None), probe("federation", Some("empty"))],
    );
    let answer = scene.get("/health/ready").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let read: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        read,
        serde_json::json!({"ready": false, "away": [{"name": "federation", "why": "empty"}]})
    );
    assert!(
        scene.told().is_empty(),
        "a probe's question is nobody's refusal"
    );
    assert_eq!(scene.get("/health/live").await.status, StatusCode::OK);
    let scene = Scene::with(HTTP, vec![probe("store", None)]);
    assert_eq!(scene.get("/health/ready").await.status, StatusCode::OK);
}

#[actix_web::test]
async fn hosts_are_never_read_from_the_request() {
    let scene = Scene::at(HTTPS);
    for name in ["host", "x-forwarded-host", "forwarded", "x-original-url"] {
        let request = TestRequest::get()
            .uri("/nowhere")
            .insert_header((name, "evil.example"));
        let answer = scene.send(request).await;
        let headers = format!("{:?}", answer.headers);
        assert!(
            !answer.body.contains("evil") && !headers.contains("evil"),
            "{name}"
        );
    }
}

#[test]
fn a_wait_is_plural_in_both_languages() {
    for (seconds, word, count) in [
        (0, "refusal.wait-seconds", 2),
        (1, "refusal.wait-seconds", 2),
        (90, "refusal.wait-seconds", 90),
        (91, "refusal.wait-minutes", 2),
        (121, "refusal.wait-minutes", 3),
    ] {
        let wait = Wait::of(seconds);
        assert_eq!((wait.word, wait.count), (word, count), "{seconds}");
    }
}
