//! The decoder: a message or metadata that somebody pastes, readable, with every rule it obeys or
//! breaks. Open to everybody: it knows what the federation publishes, and opens nothing.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use saml::examine::{Check, Examined, Known, Verdict, Wrapping, examine};
use saml::metadata::Entity;
use saml::{EntityId, Refusal};
use serde::{Deserialize, Serialize};
use web::{Form, Page, Refused, Visit};

use crate::Viewer;

/// Its address, outside the viewer's own: it is that of the whole deployment.
pub(crate) const DECODER: &str = "/outils/decodeur";
/// The name of its form.
const FORM: &str = "decoder";

/// The page.
#[derive(Debug, Default, Serialize)]
pub(crate) struct DecoderPage {
    /// What was pasted, where it is shown again.
    pasted: String,
    expired: bool,
    /// The code of why nothing can be shown.
    problem: Option<&'static str>,
    found: Option<Found>,
}

/// What there is to say.
#[derive(Debug, Serialize)]
struct Found {
    kind: &'static str,
    wrapped: Vec<&'static str>,
    relay_state: Option<String>,
    score: Score,
    rules: Vec<Rule>,
    document: String,
}

/// How many rules came out how.
#[derive(Debug, Default, Serialize)]
struct Score {
    holds: usize,
    fails: usize,
    past: usize,
}

/// One rule, for whichever page shows some.
#[derive(Debug, Serialize)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) clause: String,
    pub(crate) verdict: &'static str,
    pub(crate) found: Option<String>,
    pub(crate) code: Option<&'static str>,
}

impl Rule {
    fn of(check: &Check) -> Self {
        Self {
            name: check.name.to_owned(),
            clause: check.clause.to_owned(),
            verdict: check.verdict.word(),
            found: check.found.clone().filter(|found| !found.trim().is_empty()),
            code: check.verdict.refusal().map(Refusal::code),
        }
    }
}

impl Found {
    fn of(seen: Examined) -> Self {
        let mut score = Score::default();
        for check in &seen.checks {
            match check.verdict {
                Verdict::Holds => score.holds += 1,
                Verdict::Fails(_) => score.fails += 1,
                Verdict::Past(_) => score.past += 1,
                Verdict::Unknown => {}
            }
        }
        Self {
            kind: seen.what.name(),
            wrapped: seen.wrapped.into_iter().map(Wrapping::word).collect(),
            relay_state: seen.relay_state,
            score,
            rules: seen.checks.iter().map(Rule::of).collect(),
            document: seen.pretty,
        }
    }
}

/// What is pasted.
#[derive(Deserialize)]
pub(crate) struct Pasted {
    csrf: Option<String>,
    #[serde(default)]
    message: String,
}

/// `GET /outils/decodeur`
pub(crate) async fn ask(visit: Visit) -> Result<HttpResponse, Refused> {
    visit.page(&DecoderPage::default())
}

/// `POST /outils/decodeur`
pub(crate) async fn show(
    visit: Visit,
    viewer: Data<Viewer>,
    Form(pasted): Form<Pasted>,
) -> Result<HttpResponse, Refused> {
    let message = pasted.message;
    if visit.check_csrf(FORM, pasted.csrf.as_deref()).is_err() {
        return visit.page(&DecoderPage {
            pasted: message,
            expired: true,
            ..DecoderPage::default()
        });
    }
    let (own, now) = (Data::clone(&viewer), visit.edge().now());
    let is_loopback = !visit.edge().public_url().is_https();
    let looking = move || {
        let service = &own.parts.service;
        let entity = |id: &EntityId| -> Option<Arc<Entity>> { service.entity(id) };
        let known = Known {
            entity: &entity,
            now,
            rules: service.rules(),
            loopback_http: is_loopback,
        };
        let seen = examine(&message, &known);
        (message, seen)
    };
    let looked = viewer.pool.run(looking).await;
    let (message, seen) = looked.map_err(|busy| {
        let story = busy.to_string();
        Refused::new(StatusCode::SERVICE_UNAVAILABLE, "EDU-9001", "busy", story).retry_after(5)
    })?;
    let kind = seen.as_ref().map_or("none", |seen| seen.what.name());
    visit
        .edge()
        .count("eduline_decoded_total", &[("kind", kind)]);
    match seen {
        Ok(seen) => visit.page(&DecoderPage {
            found: Some(Found::of(seen)),
            ..DecoderPage::default()
        }),
        Err(why) => {
            let page = DecoderPage {
                pasted: message,
                problem: Some(why.code()),
                ..DecoderPage::default()
            };
            visit.page_with(StatusCode::BAD_REQUEST, &page)
        }
    }
}

impl Page for DecoderPage {
    const TEMPLATE: &'static str = "viewer-decoder.html";

    fn samples() -> Vec<Self> {
        let rules =
            Verdict::WORDS
                .into_iter()
                .zip([None, Some("EDU-2211"), Some("EDU-2608"), None]);
        let rules = rules.map(|(verdict, code)| Rule {
            name: "signature".to_owned(),
            clause: "XML Signature 3.2".to_owned(),
            verdict,
            found: (verdict != "unknown").then(|| "<script>".to_owned()),
            code,
        });
        let found = |kind, wrapped, relay_state| Found {
            kind,
            wrapped,
            relay_state,
            score: Score::default(),
            rules: Vec::new(),
            document: "<a>\n  <b/>\n</a>".to_owned(),
        };
        let mut whole = found("Response", Wrapping::WORDS.into(), Some("state".to_owned()));
        whole.rules = rules.collect();
        let shown = |found| Self {
            found: Some(found),
            ..Self::default()
        };
        vec![
            Self::default(),
            Self {
                pasted: "x".to_owned(),
                expired: true,
                ..Self::default()
            },
            Self {
                pasted: "<script>".to_owned(),
                problem: Some("EDU-2015"),
                ..Self::default()
            },
            shown(whole),
            shown(found("XML", Vec::new(), None)),
        ]
    }
}
