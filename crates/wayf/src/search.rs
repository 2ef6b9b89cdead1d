//! `/wayf/search`: an organisation is found by what it is called (D09, D10). A page, and the same
//! as JSON; the page works without scripts, and a script asks for it while the visitor types.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use web::{Page, Query, Refused, Visit};

use crate::page::{Asked, Offered};
use crate::question::{Question, RawQuestion};
use crate::shown::{Leads, Shown};
use crate::{Wayf, not_offered};

/// Most organisations of one answer: who is not among them says more.
const SHOWN: usize = 12;
/// Longest search that is given back, characters.
const LONGEST: usize = 120;

/// What is asked. The question it is asked for comes along.
#[derive(Debug, Deserialize)]
pub(crate) struct SearchQuery {
    q: Option<String>,
    profile: Option<String>,
    #[serde(rename = "entityID")]
    entity_id: Option<String>,
    r#return: Option<String>,
    #[serde(rename = "returnIDParam")]
    return_id_param: Option<String>,
}

/// « Cherchez votre organisme »
#[derive(Debug, Serialize)]
pub(crate) struct SearchPage {
    asked: Asked,
    /// The tile that led here, if one did.
    profile: Option<String>,
    query: String,
    results: Vec<Offered>,
    total: usize,
    /// Whether there are more than are shown.
    more: bool,
    /// Whether something was asked.
    searched: bool,
}

/// The same for programs.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    query: &'a str,
    total: usize,
    results: Vec<OneFound<'a>>,
}

/// One organisation.
#[derive(Debug, Serialize)]
struct OneFound<'a> {
    #[serde(rename = "entityID")]
    entity_id: &'a str,
    name: &'a str,
    domain: &'a str,
    logo: Option<String>,
    profile: Option<&'a str>,
}

/// `GET /wayf/search`
pub(crate) async fn search(
    visit: Visit,
    wayf: Data<Wayf>,
    Query(query): Query<SearchQuery>,
) -> Result<HttpResponse, Refused> {
    let known = wayf.parts.federation.snapshot();
    let raw = RawQuestion {
        entity_id: query.entity_id,
        r#return: query.r#return,
        return_id_param: query.return_id_param,
        ..RawQuestion::default()
    };
    let question = Question::parse(raw, &wayf.parts.default_service, &known)?;
    let shown = Shown::to(&wayf, &question.service, known);
    let profile = match query.profile.as_deref().filter(|id| !id.is_empty()) {
        None => None,
        Some(id) => Some(
            shown
                .open_profile(id)
                .ok_or_else(|| not_offered().way_out("wayf.change", question.again()))?,
        ),
    };
    let text: String = query.q.unwrap_or_default().chars().take(LONGEST).collect();
    let text = text.trim();
    let (total, found) = shown.search(text, profile.map(|(place, _)| place), SHOWN);
    wayf.parts.edge.count("eduline_wayf_searches_total", &[]);
    if visit.wants_json() {
        let results = found.iter().map(|one| OneFound {
            entity_id: one.id().as_str(),
            name: one.name(visit.lang().as_str()),
            domain: one.domain(),
            logo: shown.logo(one),
            profile: shown
                .profile_of(one.id())
                .map(|(_, profile)| profile.id.as_str()),
        });
        return Ok(HttpResponse::Ok().json(Listed {
            query: text,
            total,
            results: results.collect(),
        }));
    }
    let results = found.iter();
    let results = results.map(|one| Offered::of(one, &visit).with_logo(shown.logo(one)));
    let results: Vec<Offered> = results.collect();
    // Where a tile leads to a search of thousands, the first twelve of the alphabet help nobody.
    let few = total <= SHOWN;
    visit.page(&SearchPage {
        asked: Asked::of(&shown, &question, &visit),
        profile: profile
            .filter(|profile| !matches!(shown.leads(*profile), Leads::To(_)))
            .map(|(_, profile)| profile.id.clone()),
        query: text.to_owned(),
        more: !few,
        results: if few || !text.is_empty() {
            results
        } else {
            Vec::new()
        },
        total,
        searched: !text.is_empty(),
    })
}

impl Page for SearchPage {
    const TEMPLATE: &'static str = "wayf-search.html";

    fn form_action(&self) -> Option<String> {
        self.asked.leads_to.clone()
    }

    fn samples() -> Vec<Self> {
        let results = || {
            vec![
                Offered::sample("Université de Lille", "univ-lille.fr"),
                Offered::sample("Ville de Lille", "mairie-lille.fr"),
            ]
        };
        let page = |query: &str, total: usize, results: Vec<Offered>| Self {
            asked: Asked::sample((total > 0).then_some("Magistère")),
            profile: (total > 1).then(|| "partenaire".to_owned()),
            query: query.to_owned(),
            more: total > results.len(),
            results,
            total,
            searched: !query.is_empty(),
        };
        vec![
            page("", 6000, Vec::new()),
            page("", 2, results()),
            page("lille", 1, results().into_iter().take(1).collect()),
            page("lille", 40, results()),
            page("<b>", 0, Vec::new()),
        ]
    }
}
