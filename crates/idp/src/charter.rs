//! The charter: `GET` and `POST /idp/<realm>/charte`. Whoever has not accepted it as it stands reads it before
//! anybody is answered (U14). The directory archives who accepted which version, and when.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::Data;
use saml::response::Status;
use serde::{Deserialize, Serialize};
use web::{Event, Form, Page, Query, Refused, Visit, Written};

use crate::flow::{Flow, Named, name, stale, without_cookies};
use crate::next::Step;
use crate::realm::Realm;
use crate::session::SignedOn;
use crate::{answer, refusals};

const FORM: &str = "charter";

/// « Charte »
#[derive(Serialize)]
pub(crate) struct CharterPage {
    action: String,
    flow: String,
    sp: String,
    title: String,
    html: String,
    version: String,
    /// `expired`: the form; `changed`: the text.
    notice: &'static str,
    tutoie: bool,
    #[serde(skip)]
    form_action: Option<String>,
}

impl Page for CharterPage {
    const TEMPLATE: &'static str = "idp-charter.html";

    fn samples() -> Vec<Self> {
        ["", "expired", "changed"]
            .map(|notice| Self {
                action: "/idp/personnel/charte".to_owned(),
                flow: "f".to_owned(),
                sp: "https://eduline.example/portail".to_owned(),
                title: "Charte d'usage".to_owned(),
                html: "<h2>Vos droits</h2>\n<p>Du texte.</p>".to_owned(),
                version: "v".to_owned(),
                notice,
                tutoie: notice.is_empty(),
                form_action: None,
            })
            .into()
    }

    fn tutoie(&self) -> bool {
        self.tutoie
    }

    fn form_action(&self) -> Option<String> {
        self.form_action.clone()
    }
}

/// Whether the person of this session has to accept it. Who had done so when they signed in is not looked up
/// again.
pub(crate) async fn is_left(realm: &Realm, session: Option<&SignedOn>) -> Result<bool, Refused> {
    let (Some(charter), Some(session)) = (&realm.charter, session) else {
        return Ok(false);
    };
    if session.agreed.as_deref() == Some(charter.digest()) {
        return Ok(false);
    }
    Ok(agreed(realm, &session.person).await?.is_none())
}

/// The version that is in force, if the person has accepted it.
pub(crate) async fn agreed(realm: &Realm, person: &str) -> Result<Option<String>, Refused> {
    let Some(charter) = &realm.charter else {
        return Ok(None);
    };
    let agreements = &realm.directory.agreements;
    let at = agreements.agreed(person, charter.digest()).await;
    let at = at.map_err(refusals::away)?;
    Ok(at.map(|_| charter.digest().to_owned()))
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Typed {
    csrf: Option<String>,
    flow: Option<String>,
    sp: Option<String>,
    version: Option<String>,
    choice: Option<String>,
}

/// The charter that a flow waits for, and whose it is to accept.
async fn waits(
    visit: &Visit,
    realm: &Realm,
    flow: &Flow,
) -> Result<Option<(Arc<Written>, String)>, Refused> {
    let Some(session) = realm.session(visit).await? else {
        return Ok(None);
    };
    let step = flow.step(visit, realm, Some(&session.value)).await?;
    let charter = realm.charter.clone().filter(|_| step == Step::Agree);
    Ok(charter.map(|charter| (charter, session.value.person)))
}

/// `GET`: the text, when the decider wants it.
pub(crate) async fn show(
    visit: Visit,
    realm: Data<Realm>,
    Query(named): Query<Named>,
) -> Result<HttpResponse, Refused> {
    let Some((id, flow)) = realm.flow(&visit, &named).await? else {
        return stale(&visit, &realm, &named);
    };
    match waits(&visit, &realm, &flow).await? {
        Some((charter, _)) => page(&visit, &realm, (&id, &flow), (&charter, "")),
        None => Ok(go_on(&visit, &realm, &id, &flow)),
    }
}

/// `POST`: accepted, or not; the service is told no then.
pub(crate) async fn take(
    visit: Visit,
    realm: Data<Realm>,
    Form(typed): Form<Typed>,
) -> Result<HttpResponse, Refused> {
    let named = Named {
        flow: typed.flow,
        sp: typed.sp,
        first: None,
    };
    if !visit.browser_is_known() {
        return Err(without_cookies(&visit, &realm, &named));
    }
    let Some((id, flow)) = realm.flow(&visit, &named).await? else {
        return stale(&visit, &realm, &named);
    };
    let Some((charter, person)) = waits(&visit, &realm, &flow).await? else {
        return Ok(go_on(&visit, &realm, &id, &flow));
    };
    if visit.check_csrf(FORM, typed.csrf.as_deref()).is_err() {
        return page(&visit, &realm, (&id, &flow), (&charter, "expired"));
    }
    if typed.version.as_deref() != Some(charter.digest()) {
        return page(&visit, &realm, (&id, &flow), (&charter, "changed"));
    }
    match typed.choice.as_deref() {
        Some("accept") => {
            let whole = (charter.digest(), charter.text());
            let now = visit.edge().now();
            let kept = realm.directory.agreements.agree(&person, whole, now).await;
            kept.map_err(refusals::away)?;
            told(&visit, &realm, (&id, &charter), (&person, "accepted"));
            Ok(go_on(&visit, &realm, &id, &flow))
        }
        Some("refuse") => {
            let Some(flow) = realm.flows.take(&id).await? else {
                return stale(&visit, &realm, &named);
            };
            told(&visit, &realm, (&id, &charter), (&person, "refused"));
            answer::tell(&visit, &realm, &flow, Status::RequestDenied).await
        }
        _ => page(&visit, &realm, (&id, &flow), (&charter, "")),
    }
}

fn go_on(visit: &Visit, realm: &Realm, id: &str, flow: &Flow) -> HttpResponse {
    visit.see_other(&realm.path(&format!("/continue?{}", name(id, &flow.service))))
}

fn told(
    visit: &Visit,
    realm: &Realm,
    (flow, charter): (&str, &Written),
    (person, result): (&str, &'static str),
) {
    let event = Event::new("idp.charter")
        .with("flow", flow)
        .with("person", person)
        .with("version", charter.digest())
        .with("result", result);
    visit.tell(event);
    let labels = [("realm", realm.parts.realm.as_str()), ("result", result)];
    realm.edge.count("eduline_charters_total", &labels);
}

fn page(
    visit: &Visit,
    realm: &Realm,
    (id, flow): (&str, &Flow),
    (charter, notice): (&Written, &'static str),
) -> Result<HttpResponse, Refused> {
    visit.page(&CharterPage {
        action: realm.path("/charte"),
        flow: id.to_owned(),
        sp: flow.service.to_string(),
        title: charter.title().to_owned(),
        html: charter.html().to_owned(),
        version: charter.digest().to_owned(),
        notice,
        tutoie: realm.tutoie(),
        form_action: flow.form_action(),
    })
}
