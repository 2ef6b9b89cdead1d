//! What the tests of this room share: an edge whose clock they turn, a few addresses, a browser.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::http::header::SET_COOKIE;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::{Path, ServiceConfig, get, post, resource};
use actix_web::{App, HttpResponse};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Badge, Edge, EdgeParts, Form, Journal, Page, Probe, PublicUrl, Query, Refused, Visit};

/// An edge and the hands of its clock.
pub(crate) struct Scene {
    pub(crate) edge: Edge,
    pub(crate) now: Arc<AtomicI64>,
    pub(crate) journal: tempfile::TempDir,
}

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Scene {
    pub(crate) fn at(public_url: &str) -> Self {
        Self::with(public_url, Vec::new())
    }

    pub(crate) fn with(public_url: &str, probes: Vec<Probe>) -> Self {
        let journal = tempfile::tempdir().unwrap();
        let now = Arc::new(AtomicI64::new(1_800_000_000));
        let hands = Arc::clone(&now);
        let edge = Edge::new(EdgeParts {
            public_url: PublicUrl::parse(public_url).unwrap(),
            csrf_key: [7; 32],
            theme: None,
            journal: Journal::open(journal.path().to_path_buf(), "test", 30).unwrap(),
            clock: Arc::new(move || {
                DateTime::from_timestamp(hands.load(Ordering::Relaxed), 0).unwrap()
            }),
            samples: Vec::new(),
            probes,
        })
        .unwrap_or_else(|faults| panic!("{faults:#?}"));
        Self { edge, now, journal }
    }

    pub(crate) fn later(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(crate) fn moment(&self) -> DateTime<Utc> {
        self.edge.now()
    }

    /// What the guard lets through to these addresses and back.
    pub(crate) async fn send(&self, request: TestRequest) -> Answer {
        let edge = self.edge.clone();
        let app = App::new()
            .wrap(from_fn(crate::guard))
            .configure(|config| edge.configure(config))
            .configure(addresses);
        let service = init_service(app).await;
        let answered = call_service(&service, request.to_request()).await;
        let status = answered.status();
        let headers = answered
            .headers()
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            })
            .collect();
        let body = String::from_utf8(read_body(answered).await.to_vec()).unwrap();
        // How the template engine writes a slash is its own affair.
        let body = body.replace("&#x2f;", "/");
        Answer {
            status,
            headers,
            body,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(TestRequest::get().uri(path)).await
    }

    /// Runs `with` on a visit that came with these cookies; says what it gave, and the cookies that
    /// were set.
    pub(crate) async fn visit<T>(
        &self,
        cookies: &[(String, String)],
        with: impl AsyncFnOnce(Visit) -> T,
    ) -> (T, Vec<(String, String)>) {
        let mut request = TestRequest::get().uri("/");
        for (name, value) in cookies {
            request = request.cookie(Cookie::new(name.clone(), value.clone()));
        }
        let visit = Visit::new(self.edge.clone(), &request.to_http_request());
        let given = with(visit.clone()).await;
        let cookies = visit.cookies_out().into_iter();
        let cookies = cookies.map(|one| (one.name().to_owned(), one.value().to_owned()));
        (given, cookies.collect())
    }

    /// Every line of the journal.
    pub(crate) fn told(&self) -> Vec<serde_json::Value> {
        self.edge.journal().flush();
        let name = format!("{}.jsonl", self.moment().date_naive());
        let text = std::fs::read_to_string(self.journal.path().join(name)).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(name == SET_COOKIE || found.next().is_none(), "{name} twice");
        value
    }

    /// The cookies it sets, name and value.
    pub(crate) fn cookies(&self) -> BTreeMap<String, String> {
        let lines = self.headers.iter().filter(|(name, _)| name == "set-cookie");
        lines
            .map(|(_, line)| {
                let cookie = Cookie::parse(line.clone()).unwrap();
                (cookie.name().to_owned(), cookie.value().to_owned())
            })
            .collect()
    }

    /// What stands in the first `name="…"` of the page.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let (_, after) = self.body.split_once(&format!("{name}=\""))?;
        after.split_once('"').map(|(value, _)| value)
    }

    /// The token of the sign-out form.
    pub(crate) fn token(&self) -> String {
        let (_, after) = self.body.split_once("name=\"csrf\" value=\"").unwrap();
        after.split_once('"').unwrap().0.to_owned()
    }
}

/// A page with somebody signed in and a foreign form.
#[derive(Serialize)]
struct Shown {
    signed_in: bool,
    leads_to: Option<&'static str>,
}

impl Page for Shown {
    const TEMPLATE: &'static str = "accessibility.html";

    fn samples() -> Vec<Self> {
        Vec::new()
    }

    fn user(&self) -> Option<Badge> {
        self.signed_in.then(|| Badge {
            login: "a\"<b".to_owned(),
            name: "Anne".to_owned(),
            logout: "/form".to_owned(),
        })
    }

    fn form_action(&self) -> Option<String> {
        self.leads_to.map(str::to_owned)
    }
}

#[derive(Debug, Deserialize, PartialEq)]
pub(crate) struct Fields {
    pub(crate) csrf: Option<String>,
    pub(crate) name: Option<String>,
}

fn addresses(config: &mut ServiceConfig) {
    config
        .service(resource("/signed-in").route(get().to(async |visit: Visit| {
            visit.page(&Shown {
                signed_in: true,
                leads_to: None,
            })
        })))
        .service(resource("/hand-over").route(get().to(async |visit: Visit| {
            visit.page(&Shown {
                signed_in: false,
                leads_to: Some("https://sp.example/acs;v=1,2?x=y"),
            })
        })))
        .service(
            resource("/form")
                .route(get().to(async |_: Query<Fields>| "read"))
                .route(post().to(async |visit: Visit, Form(form): Form<Fields>| {
                    match visit.check_csrf("logout", form.csrf.as_deref()) {
                        Ok(()) => format!("done {}", form.name.unwrap_or_default()),
                        Err(_) => "again".to_owned(),
                    }
                })),
        )
        .service(resource("/number/{n}").route(get().to(async |_: Path<u32>| "a number")))
        .service(resource("/broken").route(get().to(async || {
            Err::<HttpResponse, _>(actix_web::error::ErrorInternalServerError("boom"))
        })))
        .service(resource("/bare-500").route(get().to(HttpResponse::InternalServerError)))
        .service(resource("/refused/{how}").route(get().to(refuse)));
}

async fn refuse(how: Path<String>) -> Result<HttpResponse, Refused> {
    let refused = match how.as_str() {
        "store" => store::Away::Unreachable("no answer".to_owned()).into(),
        "too-many" => Refused::new(
            StatusCode::TOO_MANY_REQUESTS,
            "EDU-4004",
            "too-many",
            "a story",
        )
        .retry_after(400),
        "wordless" => Refused::forbidden("EDU-4999", "no-such-stem", "a <story>")
            .with("request", "_r")
            .way_out("site.start-again", "/wayf/?a=\"b"),
        _ => Refused::not_found("nothing"),
    };
    Err(refused)
}
