//! `/etat`: a page that an operator leaves open (B10). It comes anew by itself, until asked not to.

use actix_web::HttpResponse;
use actix_web::http::header::HeaderName;
use actix_web::http::header::HeaderValue;
use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use web::{Page, Query, Refused, Sample, Visit};

use super::metrics::ending;
use super::{Behind, Shown};
use crate::house::OWN;

/// Seconds until it comes anew.
const ANEW_S: u32 = 30;
/// Days a certificate of ours may have left before it is shown.
const SOON: i64 = 90;

#[derive(Deserialize)]
pub(super) struct Asked {
    /// Whether it is to stay as it is.
    fixe: Option<bool>,
}

/// « État du service »
#[derive(Serialize)]
struct StatusPage {
    /// Whether it comes anew by itself.
    anew: Option<u32>,
    at: String,
    version: &'static str,
    days: u64,
    hours: u64,
    minutes: u64,
    away: Vec<Away>,
    accepted: u64,
    refused: u64,
    issued: u64,
    turned_away: u64,
    settings_refused: bool,
    sources: Vec<Source>,
    ending: Vec<Ending>,
}

#[derive(Serialize)]
struct Away {
    name: String,
    why: String,
}

#[derive(Serialize)]
struct Source {
    name: String,
    entities: usize,
    left_out: usize,
    read_at: Option<String>,
    ends: Option<String>,
    failure: Option<String>,
}

#[derive(Serialize)]
struct Ending {
    whose: String,
    days: i64,
}

/// Its samples.
pub(crate) fn samples() -> Vec<Sample> {
    Sample::of::<StatusPage>()
}

/// `GET /etat`
pub(super) async fn show(
    visit: Visit,
    shown: Data<Shown>,
    Query(asked): Query<Asked>,
) -> Result<HttpResponse, Refused> {
    let behind = shown.behind.load_full();
    let anew = (!asked.fixe.unwrap_or(false)).then_some(ANEW_S);
    let mut page = StatusPage::of(&behind, shown.since.elapsed().as_secs());
    page.anew = anew;
    for (name, why) in behind.edge.unready().await {
        let name = name.to_owned();
        page.away.push(Away { name, why });
    }
    let mut answer = visit.page(&page)?;
    if let Some(seconds) = anew {
        let name = HeaderName::from_static("refresh");
        answer
            .headers_mut()
            .insert(name, HeaderValue::from(seconds));
    }
    Ok(answer)
}

impl StatusPage {
    fn of(behind: &Behind, seconds: u64) -> Self {
        let now = behind.edge.now();
        let metrics = behind.edge.metrics();
        let snapshot = behind.federation.snapshot();
        let reports = snapshot.reports.iter();
        let written = |at: saml::Moment| at.format("%Y-%m-%d %H:%M UTC").to_string();
        let sources = reports
            .filter(|report| report.failure.is_some() || !report.source.starts_with(OWN))
            .map(|report| Source {
                name: report.source.clone(),
                entities: report.entities,
                left_out: report.left_out.len(),
                read_at: report.read_at.map(written),
                ends: report.ends.map(written),
                failure: report.failure.clone(),
            });
        let ours = behind.keys.bunches();
        let ours = ours.iter().filter_map(|bunch| {
            let days = bunch.keys().first()?.days_left(now)?;
            let whose = bunch.name().to_owned();
            (days < SOON).then_some(Ending { whose, days })
        });
        let others = ending(&snapshot, now).into_iter();
        let others = others.map(|(whose, days)| Ending { whose, days });
        Self {
            anew: None,
            at: written(now),
            version: env!("CARGO_PKG_VERSION"),
            days: seconds / 86_400,
            hours: seconds / 3600 % 24,
            minutes: seconds / 60 % 60,
            away: Vec::new(),
            accepted: metrics.sum("eduline_logins_total", "result=\"accepted\""),
            refused: metrics.sum("eduline_logins_total", "result=\"refused\""),
            issued: metrics.sum("eduline_answers_issued_total", ""),
            turned_away: metrics.sum("eduline_answers_total", "class=\"5xx\""),
            settings_refused: metrics.read("eduline_settings_refused") == Some(1),
            sources: sources.collect(),
            ending: ours.chain(others).collect(),
        }
    }
}

impl Page for StatusPage {
    const TEMPLATE: &'static str = "status.html";

    fn samples() -> Vec<Self> {
        let well = || Self {
            anew: Some(ANEW_S),
            at: "2026-11-25 08:15 UTC".to_owned(),
            version: "0.1.0",
            days: 12,
            hours: 3,
            minutes: 40,
            away: Vec::new(),
            accepted: 48_211,
            refused: 1_904,
            issued: 183_402,
            turned_away: 0,
            settings_refused: false,
            sources: vec![Source {
                name: "registered".to_owned(),
                entities: 14,
                left_out: 0,
                read_at: Some("2026-11-25 08:00 UTC".to_owned()),
                ends: None,
                failure: None,
            }],
            ending: Vec::new(),
        };
        let mut ill = well();
        ill.anew = None;
        ill.settings_refused = true;
        ill.turned_away = 3;
        ill.away.push(Away {
            name: "store".to_owned(),
            why: "connection refused".to_owned(),
        });
        ill.sources.push(Source {
            name: "renater".to_owned(),
            entities: 312,
            left_out: 2,
            read_at: None,
            ends: Some("2026-11-26 00:00 UTC".to_owned()),
            failure: Some("EDU-5002 https://metadata.federation.example: timeout".to_owned()),
        });
        ill.ending.push(Ending {
            whose: "https://service.example/shibboleth".to_owned(),
            days: 12,
        });
        vec![well(), ill]
    }
}
