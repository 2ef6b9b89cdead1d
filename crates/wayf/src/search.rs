//! `/wayf/search`: an organisation is found by what it is called (D09, D10). A page, and the same
//! as JSON; the page works without scripts, and a script asks for it while the visitor types.

use actix_web::HttpResponse;
use actix_web::web::Data;
use saml::metadata::Place;
use serde::{Deserialize, Serialize};
use web::{Page, Query, Refused, Visit};

use crate::offer::Organisation;
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
    /// Where the visitor is, where they let their browser say it: `50.63,3.06`.
    near: Option<String>,
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
    /// Whether the place of the visitor was.
    near: bool,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    km: Option<f64>,
}

/// `GET /wayf/search`
pub(crate) async fn search(
    visit: Visit,
    wayf: Data<Wayf>,
    Query(query): Query<SearchQuery>,
) -> Result<HttpResponse, Refused> {
    let known = wayf.known(&visit, query.entity_id.as_deref()).await;
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
    let near = place(query.near.as_deref())?.filter(|_| text.is_empty());
    let behind = profile.map(|(place, _)| place);
    let found = match near {
        Some(place) => Found::near(shown.nearest(place, behind, SHOWN)),
        None => Found::by_name(shown.search(text, behind, SHOWN)),
    };
    wayf.parts.edge.count("eduline_wayf_searches_total", &[]);
    if visit.wants_json() {
        return Ok(listed(&visit, &shown, text, &found));
    }
    let results = found.best.iter().map(|(one, km)| {
        let one = Offered::of(one, &visit).with_logo(shown.logo(one, visit.lang().as_str()));
        one.far(*km)
    });
    let results: Vec<Offered> = results.collect();
    // Where a tile leads to a search of thousands, the first twelve of the alphabet help nobody.
    let few = found.total <= SHOWN;
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
        total: found.total,
        searched: !text.is_empty() || near.is_some(),
        near: near.is_some(),
    })
}

/// Who was found, with the kilometres to them where a place was asked about.
struct Found<'a> {
    total: usize,
    best: Vec<(&'a Organisation, Option<f64>)>,
}

impl<'a> Found<'a> {
    fn by_name((total, best): (usize, Vec<&'a Organisation>)) -> Self {
        let best = best.into_iter().map(|one| (one, None)).collect();
        Self { total, best }
    }

    /// Nobody asks for those who are farther: as many as are shown are all there are.
    fn near(best: Vec<(&'a Organisation, f64)>) -> Self {
        let best: Vec<_> = best.into_iter().map(|(one, km)| (one, Some(km))).collect();
        let total = best.len();
        Self { total, best }
    }
}

/// The place a visitor says they are at: degrees north and east.
fn place(said: Option<&str>) -> Result<Option<Place>, Refused> {
    let Some(said) = said.filter(|said| !said.is_empty()) else {
        return Ok(None);
    };
    let place = Place::parse(&format!("geo:{said}"));
    place
        .map(Some)
        .ok_or_else(|| Refused::malformed("EDU-3001", "malformed", "near is no place on Earth"))
}

/// The same for programs.
fn listed(visit: &Visit, shown: &Shown<'_>, text: &str, found: &Found<'_>) -> HttpResponse {
    let results = found.best.iter().map(|(one, km)| OneFound {
        entity_id: one.id().as_str(),
        name: one.name(visit.lang().as_str()),
        domain: one.domain(),
        logo: shown.logo(one, visit.lang().as_str()),
        profile: shown
            .profile_of(one.id())
            .map(|(_, profile)| profile.id.as_str()),
        km: km.map(f64::round),
    });
    HttpResponse::Ok().json(Listed {
        query: text,
        total: found.total,
        results: results.collect(),
    })
}

impl Page for SearchPage {
    const TEMPLATE: &'static str = "wayf-search.html";

    fn form_action(&self) -> Option<String> {
        self.asked.leads_to.clone()
    }

    fn asks_place(&self) -> bool {
        true
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
            near: false,
        };
        let near = Self {
            results: results()
                .into_iter()
                .map(|one| one.far(Some(0.2)))
                .collect(),
            searched: true,
            near: true,
            ..page("", 2, results())
        };
        vec![
            near,
            page("", 6000, Vec::new()),
            page("", 2, results()),
            page("lille", 1, results().into_iter().take(1).collect()),
            page("lille", 40, results()),
            page("<b>", 0, Vec::new()),
        ]
    }
}
