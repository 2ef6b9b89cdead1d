use actix_web::cookie::Cookie;
use actix_web::test::TestRequest;

use super::*;
use crate::scene::{Answer, Scene};
use crate::{Filling, Mould, gap};

const HTTP: &str = "http://localhost:8080";
const HTTPS: &str = "https://eduline.example";

#[test]
fn the_better_weighed_language_wins_and_french_else() {
    for (accepted, expected) in [
        ("", Lang::Fr),
        ("fr", Lang::Fr),
        ("en", Lang::En),
        ("en-GB,en;q=0.9", Lang::En),
        ("fr-FR,fr;q=0.9,en;q=0.8", Lang::Fr),
        ("de, en;q=0.5, fr;q=0.4", Lang::En),
        ("de,es", Lang::Fr),
        ("en;q=nonsense", Lang::Fr),
        ("enx", Lang::Fr),
    ] {
        assert_eq!(preferred(accepted), expected, "{accepted}");
    }
}

#[actix_web::test]
async fn the_language_is_asked_for_kept_or_preferred_in_this_order() {
    let scene = Scene::at(HTTP);
    for (query, cookie, accepted, expected) in [
        ("", None, None, "fr"),
        ("", None, Some("en"), "en"),
        ("", Some("fr"), Some("en"), "fr"),
        ("?lang=en", Some("fr"), Some("fr"), "en"),
        ("?lang=de", Some("en"), None, "en"),
        ("?lang=", Some("xx"), None, "fr"),
    ] {
        let mut request = TestRequest::get().uri(&format!("/accessibilite{query}"));
        if let Some(lang) = cookie {
            request = request.cookie(Cookie::new("lang", lang));
        }
        if let Some(accepted) = accepted {
            request = request.insert_header(("accept-language", accepted));
        }
        let answer = scene.send(request).await;
        let case = format!("{query} {cookie:?} {accepted:?}");
        assert_eq!(answer.attribute("<html lang"), Some(expected), "{case}");
        assert_eq!(answer.header("content-language"), Some(expected), "{case}");
        let chosen = answer.cookies().contains_key("lang");
        assert_eq!(chosen, query == "?lang=en", "{case}");
    }
}

#[actix_web::test]
async fn another_language_is_the_same_page_with_the_same_question() {
    let scene = Scene::at(HTTP);
    let answer = scene
        .get("/accessibilite?a=1&lang=fr&b=%22%3E&lang2=x")
        .await;
    let link = "href=\"/accessibilite?a=1&amp;b=%22%3E&amp;lang2=x&amp;lang=en\"";
    assert!(answer.body.contains(link), "{}", answer.body);
}

#[actix_web::test]
async fn cookies_are_named_and_guarded_by_the_kind_of_address() {
    for (url, name, secure) in [(HTTP, "eduline", false), (HTTPS, "__Host-eduline", true)] {
        let answer = Scene::at(url).get("/signed-in").await;
        let line = answer.header("set-cookie").unwrap();
        assert!(line.starts_with(&format!("{name}=")), "{line}");
        assert!(
            line.contains("HttpOnly") && line.contains("SameSite=Lax"),
            "{line}"
        );
        assert!(
            line.contains("Path=/") && !line.contains("Domain"),
            "{line}"
        );
        assert!(
            !line.contains("Max-Age") && !line.contains("Expires"),
            "{line}"
        );
        assert_eq!(line.contains("Secure"), secure, "{line}");
    }
}

#[actix_web::test]
async fn a_page_without_a_form_gives_no_cookie() {
    let scene = Scene::at(HTTPS);
    for path in [
        "/accessibilite",
        "/nowhere",
        "/health/live",
        "/refused/store",
    ] {
        assert!(scene.get(path).await.cookies().is_empty(), "{path}");
    }
}

#[actix_web::test]
async fn a_browser_keeps_its_name_and_a_made_up_one_is_replaced() {
    let scene = Scene::at(HTTPS);
    let first = scene.get("/signed-in").await.cookies();
    let name = first["__Host-eduline"].clone();
    assert_eq!(name.len(), 22, "128 bits");
    for (sent, kept) in [
        (name.as_str(), true),
        ("short", false),
        ("", false),
        ("é", false),
    ] {
        let request = TestRequest::get()
            .uri("/signed-in")
            .insert_header(("cookie", format!("__Host-eduline={sent}").as_bytes()));
        assert_eq!(
            scene.send(request).await.cookies().is_empty(),
            kept,
            "{sent}"
        );
    }
}

#[actix_web::test]
async fn a_foreign_cookie_of_any_bytes_does_not_hide_ours() {
    let scene = Scene::at(HTTPS);
    let name = scene.get("/signed-in").await.cookies()["__Host-eduline"].clone();
    let header = [
        b"other=\xff\xfe\"; =; ;__Host-eduline=",
        name.as_bytes(),
        b"; x",
    ]
    .concat();
    let request = TestRequest::get()
        .uri("/signed-in")
        .insert_header(("cookie", header));
    assert!(scene.send(request).await.cookies().is_empty());
}

/// A form as a browser posts it.
struct Posted<'a> {
    token: &'a str,
    browser: Option<&'a str>,
    headers: &'a [(&'static str, &'static str)],
}

async fn post(scene: &Scene, posted: Posted<'_>) -> bool {
    let mut request = TestRequest::post()
        .uri("/form")
        .insert_header(("content-type", "application/x-www-form-urlencoded"))
        .set_payload(format!("csrf={}&name=x", posted.token));
    if let Some(browser) = posted.browser {
        request = request.cookie(Cookie::new("__Host-eduline", browser.to_owned()));
    }
    for header in posted.headers {
        request = request.insert_header(*header);
    }
    scene.send(request).await.body == "done x"
}

#[actix_web::test]
async fn a_form_is_taken_from_the_browser_it_was_given_to_within_the_day() {
    let scene = Scene::at(HTTPS);
    let page: Answer = scene.get("/signed-in").await;
    let (token, browser) = (page.token(), page.cookies()["__Host-eduline"].clone());
    let other = scene.get("/signed-in").await.cookies()["__Host-eduline"].clone();
    let with = |token, browser| Posted {
        token,
        browser,
        headers: &[],
    };
    assert!(post(&scene, with(&token, Some(&browser))).await);
    assert!(
        !post(&scene, with(&token, Some(&other))).await,
        "another browser"
    );
    assert!(!post(&scene, with(&token, None)).await, "no browser");
    assert!(!post(&scene, with("", Some(&browser))).await, "no token");
    assert!(
        !post(&scene, with(&token[1..], Some(&browser))).await,
        "a part of it"
    );
    scene.later(8 * 3600);
    assert!(
        post(&scene, with(&token, Some(&browser))).await,
        "the last moment"
    );
    scene.later(1);
    assert!(!post(&scene, with(&token, Some(&browser))).await, "too old");
}

#[actix_web::test]
async fn a_form_is_taken_from_our_own_pages_only() {
    let scene = Scene::at(HTTPS);
    let page = scene.get("/signed-in").await;
    let (token, browser) = (page.token(), page.cookies()["__Host-eduline"].clone());
    let (site, origin) = ("sec-fetch-site", "origin");
    let cases: [(&[(&str, &str)], bool); 9] = [
        (&[(site, "same-origin"), (origin, "null")], true),
        (&[(site, "same-origin"), (origin, HTTPS)], true),
        (&[(site, "none")], true),
        (&[(origin, HTTPS)], true),
        (&[(site, "cross-site")], false),
        (&[(site, "same-site")], false),
        (&[(site, "cross-site"), (origin, HTTPS)], false),
        (&[(origin, "https://evil.example")], false),
        (&[(origin, "https://eduline.example.evil.example")], false),
    ];
    for (headers, taken) in cases {
        let headers: Vec<(&'static str, &'static str)> = headers.to_vec();
        let posted = Posted {
            token: &token,
            browser: Some(&browser),
            headers: &headers,
        };
        assert_eq!(post(&scene, posted).await, taken, "{headers:?}");
    }
}

#[actix_web::test]
async fn who_is_signed_in_is_shown_escaped() {
    let scene = Scene::at(HTTP);
    let answer = scene.get("/signed-in").await;
    assert_eq!(answer.attribute("data-user"), Some("a&quot;&lt;b"));
    assert!(answer.body.contains("action=\"/form\""), "{}", answer.body);
    assert_eq!(
        scene.get("/accessibilite").await.attribute("data-user"),
        None
    );
}

#[actix_web::test]
async fn only_a_proxy_of_ours_says_whom_it_asks_for() {
    let plain = Scene::at(HTTPS).edge;
    let behind = plain
        .clone()
        .behind(vec![crate::Network::parse("10.0.0.0/8").unwrap()]);
    for (edge, from, expected) in [
        (&plain, "10.0.0.1:1234", "10.0.0.1"),
        (&behind, "10.0.0.1:1234", "198.51.100.7"),
        (&behind, "192.0.2.1:1234", "192.0.2.1"),
    ] {
        let request = TestRequest::get()
            .peer_addr(from.parse().unwrap())
            .append_header(("x-forwarded-for", "203.0.113.9"))
            .append_header(("x-forwarded-for", "198.51.100.7"))
            .to_http_request();
        assert_eq!(
            Visit::new(edge.clone(), &request).peer(),
            expected,
            "{from}"
        );
    }
}

/// The page of an answer, by a mould or without.
#[derive(serde::Serialize)]
struct HandOver {
    acs: String,
    response: String,
    relay_state: Option<String>,
    #[serde(skip)]
    is_moulded: bool,
}

impl Page for HandOver {
    const TEMPLATE: &'static str = "idp-answer.html";

    fn samples() -> Vec<Self> {
        Vec::new()
    }

    fn mould(&self) -> Option<Mould<'_, Self>> {
        let state = self
            .relay_state
            .as_deref()
            .filter(|state| !state.is_empty());
        self.is_moulded.then(|| Mould {
            shape: u8::from(state.is_some()),
            blank: Self {
                acs: gap(0),
                response: gap(1),
                relay_state: state.map(|_| gap(2)),
                is_moulded: false,
            },
            values: vec![
                Filling::Text(&self.acs),
                Filling::Plain(&self.response),
                Filling::Text(state.unwrap_or_default()),
            ],
        })
    }
}

#[actix_web::test]
async fn what_a_mould_gives_is_what_the_template_gives() {
    let scene = Scene::at(HTTPS);
    let hostile = "\"><script>alert('1')</script>&amp;\u{E000}01\u{E001}é";
    for state in [None, Some(""), Some("state"), Some(hostile), Some("state")] {
        for acs in ["https://sp.example/acs?a=1&b=2", hostile] {
            let page = |is_moulded| HandOver {
                acs: acs.to_owned(),
                response: "PHg+/w==".to_owned(),
                relay_state: state.map(str::to_owned),
                is_moulded,
            };
            let ((moulded, plain), cookies) = scene
                .visit(&[], async |visit| {
                    let render = |is_moulded| visit.render(&page(is_moulded)).unwrap();
                    (render(true), render(false))
                })
                .await;
            assert_eq!(moulded, plain);
            assert!(cookies.is_empty(), "{cookies:?}");
        }
    }
}
