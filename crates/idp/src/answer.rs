//! The answer: composed, signed, and handed over by a page that may post to one address only.

use actix_web::HttpResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use saml::response::{ErrorPlan, NameId, ResponsePlan, SignWhat, Status};
use saml::{MessageId, NameIdFormat};
use serde::Serialize;
use web::{Event, Page, Refused, Visit};

use crate::flow::{Flow, Named, stale};
use crate::realm::Realm;
use crate::refusals;
use crate::release::{self, Asking};
use crate::session::SignedOn;

/// Seconds an answer may be presented: a slow phone, not a stolen one.
const LIFETIME_S: u32 = 300;
const SESSION: chrono::TimeDelta = chrono::TimeDelta::hours(9);

/// The page that hands the answer over.
#[derive(Serialize)]
pub(crate) struct AnswerPage {
    acs: String,
    response: String,
    relay_state: Option<String>,
    tutoie: bool,
}

impl Page for AnswerPage {
    const TEMPLATE: &'static str = "idp-answer.html";

    fn samples() -> Vec<Self> {
        [None, Some("state".to_owned())]
            .map(|relay_state| Self {
                acs: "https://sp.example/acs".to_owned(),
                response: "PHg+".to_owned(),
                tutoie: relay_state.is_some(),
                relay_state,
            })
            .into()
    }

    fn form_action(&self) -> Option<String> {
        Some(self.acs.clone())
    }

    fn tutoie(&self) -> bool {
        self.tutoie
    }
}

/// Answers for the person whose session stands.
pub(crate) async fn give(
    visit: &Visit,
    realm: &Realm,
    flow: &Flow,
    session: &SignedOn,
) -> Result<HttpResponse, Refused> {
    let now = visit.edge().now();
    let Some(person) = realm.people.find(&session.person, now).await? else {
        // The account was disabled meanwhile: its session ends here.
        realm.sessions.close(visit).await?;
        let named = Named {
            flow: None,
            sp: Some(flow.service.as_str().to_owned()),
        };
        return stale(visit, realm, &named);
    };
    let snapshot = realm.federation.snapshot();
    let Some((_, role)) = snapshot.service(&flow.service) else {
        return Err(refusals::unknown_service(&flow.service, realm));
    };
    let asking = Asking {
        service: &flow.service,
        requested: &role.requested_attributes,
        added: &(realm.added)(&flow.service),
        is_own: realm.own_services.contains(&flow.service),
        now: now.date_naive(),
    };
    let Some(name_id) = name_id(realm, flow, session, &person) else {
        return tell(visit, realm, flow, Status::InvalidNameIdPolicy);
    };
    let attributes = release::attributes(&person, &asking, &realm.parts, &realm.fonctions);
    let response_id = MessageId::from_random(visit.edge().random());
    let plan = ResponsePlan {
        response_id: &response_id,
        assertion_id: &MessageId::from_random(visit.edge().random()),
        in_response_to: Some(&flow.request),
        issuer: &realm.parts.entity_id,
        audience: &flow.service,
        acs: &flow.acs,
        now,
        lifetime_s: LIFETIME_S,
        name_id: Some(&name_id),
        authn_instant: session.authn_instant,
        authn_context: &session.context,
        session_index: &session.index,
        session_ends: Some(session.authn_instant + SESSION),
        attributes: &attributes,
        sign: SignWhat::Both,
    };
    let xml = saml::response::compose(&plan, &realm.parts.signing).map_err(|refusal| {
        refusals::not_composed(&refusal).with("request", flow.request.as_str())
    })?;
    let names: Vec<&str> = attributes
        .iter()
        .filter_map(|a| a.friendly_name.as_deref())
        .collect();
    visit.tell(sent(realm, flow, &response_id).with("attributes", names.join(" ")));
    realm.edge.count(
        "eduline_answers_issued_total",
        &[
            ("realm", realm.parts.realm.as_str()),
            ("sp", flow.service.as_str()),
        ],
    );
    hand_over(visit, realm, flow, &xml)
}

/// Tells the service no (IIP-IDP05): to its own verified address.
pub(crate) fn tell(
    visit: &Visit,
    realm: &Realm,
    flow: &Flow,
    status: Status,
) -> Result<HttpResponse, Refused> {
    let response_id = MessageId::from_random(visit.edge().random());
    let (_, second) = status.codes();
    let event = sent(realm, flow, &response_id).with("status", second.unwrap_or_default());
    let plan = ErrorPlan {
        response_id: &response_id,
        in_response_to: Some(&flow.request),
        issuer: &realm.parts.entity_id,
        acs: &flow.acs,
        now: visit.edge().now(),
        status,
        message: None,
    };
    let xml = saml::response::compose_error(&plan, &realm.parts.signing).map_err(|refusal| {
        refusals::not_composed(&refusal).with("request", flow.request.as_str())
    })?;
    visit.tell(event);
    hand_over(visit, realm, flow, &xml)
}

fn sent(realm: &Realm, flow: &Flow, response: &MessageId) -> Event {
    Event::new("idp.response.sent")
        .with("request", flow.request.as_str())
        .with("response", response.as_str())
        .with("sp", flow.service.as_str())
        .with("realm", realm.parts.realm.as_str())
}

fn hand_over(
    visit: &Visit,
    realm: &Realm,
    flow: &Flow,
    xml: &str,
) -> Result<HttpResponse, Refused> {
    visit.page(&AnswerPage {
        acs: flow.acs.clone(),
        response: STANDARD.encode(xml),
        relay_state: flow.relay_state.clone(),
        tutoie: realm.tutoie(),
    })
}

/// The name identifier the request's policy asks for; `None` when it cannot be (Core 3.4.1.1).
fn name_id(
    realm: &Realm,
    flow: &Flow,
    session: &SignedOn,
    person: &directory::Person,
) -> Option<NameId> {
    let (format, value) = match &flow.name_id_format {
        None | Some(NameIdFormat::Unspecified | NameIdFormat::Transient) => {
            let value = release::transient(&session.secret, &flow.service);
            (NameIdFormat::Transient, value)
        }
        Some(NameIdFormat::Persistent) => {
            let value = release::pairwise(&realm.parts.pairwise_salt, &person.id, &flow.service);
            (NameIdFormat::Persistent, value)
        }
        Some(_) => return None,
    };
    Some(NameId {
        value,
        format,
        name_qualifier: Some(realm.parts.entity_id.as_str().to_owned()),
        sp_name_qualifier: Some(flow.service.as_str().to_owned()),
    })
}
