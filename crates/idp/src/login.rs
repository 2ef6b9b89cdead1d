//! The password: `GET` and `POST /idp/<realm>/login`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use directory::history::{What, Whose};
use directory::{Attempt, Due, Person};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use web::{Event, Form, Page, Query, Refused, Visit};

use crate::flow::{Flow, Named, name, stale, without_cookies};
use crate::passkey::Ask;
use crate::realm::Realm;
use crate::session::SignedOn;
use crate::whence::{self, Whence};
use crate::{change, charter, refusals};

const FORM: &str = "login";
/// What is typed into a login field is no longer than this.
const LONGEST_LOGIN: usize = 200;

/// « Connexion »
#[derive(Serialize)]
pub(crate) struct LoginPage {
    action: String,
    flow: String,
    /// The service, so that a form whose flow is gone starts again where it began.
    sp: String,
    realm: &'static str,
    service: Option<String>,
    username: String,
    refused: bool,
    expired: bool,
    /// Why another password must be set first.
    due: Option<&'static str>,
    /// How many times more this one is taken.
    grace: u32,
    change: Option<String>,
    lost_password: Option<String>,
    other_profile: String,
    /// Where the pages are that the operator wrote, if there are any.
    informs: Option<&'static str>,
    passkey: Ask,
    tutoie: bool,
    #[serde(skip)]
    form_action: Option<String>,
}

impl Page for LoginPage {
    const TEMPLATE: &'static str = "idp-login.html";

    fn samples() -> Vec<Self> {
        let page = |realm: &'static str, refused: bool, expired: bool| Self {
            action: format!("/idp/{realm}/login"),
            flow: "f".to_owned(),
            sp: "https://eduline.example/portail".to_owned(),
            realm,
            service: (!expired).then(|| "Portail des applications".to_owned()),
            username: if refused {
                "amartin".to_owned()
            } else {
                String::new()
            },
            refused,
            expired,
            due: None,
            grace: 0,
            change: None,
            lost_password: refused.then(|| "/compte/mot-de-passe-perdu".to_owned()),
            other_profile: "/wayf/".to_owned(),
            informs: refused.then_some("/compte/informations"),
            passkey: Ask::sample(),
            tutoie: realm == "eleve",
            form_action: None,
        };
        let due = |realm, due| Self {
            due: Some(due),
            grace: 2,
            change: Some("/compte/mot-de-passe".to_owned()),
            ..page(realm, false, false)
        };
        vec![
            due("personnel", "expired"),
            due("personnel", "grace"),
            due("eleve", "reset"),
            page("personnel", false, false),
            page("personnel", true, false),
            page("eleve", true, false),
            page("parent", false, true),
            page("partenaire", false, false),
        ]
    }

    fn form_action(&self) -> Option<String> {
        self.form_action.clone()
    }

    fn tutoie(&self) -> bool {
        self.tutoie
    }
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Typed {
    csrf: Option<String>,
    flow: Option<String>,
    sp: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

/// What the page says besides the form.
#[derive(Default)]
struct Said {
    username: String,
    refused: bool,
    expired: bool,
    due: Option<Due>,
}

/// `GET`: the form, unless there is nothing left to ask.
pub(crate) async fn show(
    visit: Visit,
    realm: Data<Realm>,
    Query(named): Query<Named>,
) -> Result<HttpResponse, Refused> {
    let Some((id, flow)) = realm.flow(&visit, &named).await? else {
        if named.first.is_some() && !visit.browser_is_known() {
            return Err(without_cookies(&visit, &realm, &named));
        }
        return stale(&visit, &realm, &named);
    };
    if named.first.is_some() {
        // The address that is kept as a bookmark says nothing of this browser.
        return Ok(visit.see_other(&realm.path(&format!("/login?{}", name(&id, &flow.service)))));
    }
    let session = realm.session(&visit).await?;
    if !flow.asks_password(session.as_ref().map(|session| &session.value)) {
        return Ok(visit.see_other(&realm.path(&format!("/continue?{}", name(&id, &flow.service)))));
    }
    form(&visit, &realm, (&id, &flow), Said::default())
}

/// `POST`: signs in and goes on, or shows the form again. Unknown login, wrong password and disabled
/// account are told alike (U06).
pub(crate) async fn sign_in(
    visit: Visit,
    realm: Data<Realm>,
    Form(typed): Form<Typed>,
) -> Result<HttpResponse, Refused> {
    let named = Named {
        flow: typed.flow,
        sp: typed.sp,
        first: None,
    };
    // The form is shown to browsers that brought their cookie only.
    if !visit.browser_is_known() {
        return Err(without_cookies(&visit, &realm, &named));
    }
    let Some((id, flow)) = realm.flow(&visit, &named).await? else {
        return stale(&visit, &realm, &named);
    };
    let username: String = typed
        .username
        .unwrap_or_default()
        .chars()
        .take(LONGEST_LOGIN)
        .collect();
    if visit.check_csrf(FORM, typed.csrf.as_deref()).is_err() {
        return form(
            &visit,
            &realm,
            (&id, &flow),
            Said {
                username,
                expired: true,
                ..Said::default()
            },
        );
    }
    let account = counted(&realm, &username);
    let now = visit.edge().now();
    if let Some(seconds) = realm.throttle.wait(&account, visit.peer(), now).await? {
        count(&realm, &flow, "throttled");
        let back = realm.path(&format!("/login?{}", name(&id, &flow.service)));
        return Err(refusals::wait(seconds, back)
            .with("flow", id)
            .with("request", flow.request_id()));
    }
    let password = typed.password.unwrap_or_default();
    let verdict = realm
        .directory
        .passwords
        .verify(realm.parts.realm, &username, &password)
        .await;
    match verdict.map_err(refusals::away)? {
        Attempt::Welcome(person) => {
            realm.throttle.forget(&account, visit.peer()).await?;
            welcome(&visit, &realm, (&id, &flow), (&person, now)).await
        }
        Attempt::Due(person, due) => {
            realm.throttle.forget(&account, visit.peer()).await?;
            must_change(&visit, &realm, (&id, &flow), (username, &person, due))
        }
        refused => {
            realm.throttle.count(&account, visit.peer(), now).await?;
            refuse(&visit, &realm, (&id, &flow), (username, &refused))
        }
    }
}

/// What tries are counted by.
fn counted(realm: &Realm, username: &str) -> String {
    let realm = realm.parts.realm.as_str();
    format!("{realm}/{}", username.trim().to_lowercase())
}

/// Right, and good for nothing but to choose another one.
fn must_change(
    visit: &Visit,
    realm: &Realm,
    (id, flow): (&str, &Flow),
    (username, person, due): (String, &Person, Due),
) -> Result<HttpResponse, Refused> {
    let event = told("idp.login.due", id, flow).with("person", person.id.as_str());
    visit.tell(event.with("why", due.as_str()));
    count(realm, flow, "due");
    let said = Said {
        username,
        due: Some(due),
        ..Said::default()
    };
    form(visit, realm, (id, flow), said)
}

fn refuse(
    visit: &Visit,
    realm: &Realm,
    (id, flow): (&str, &Flow),
    (username, attempt): (String, &Attempt),
) -> Result<HttpResponse, Refused> {
    let whose = Whose::Login(realm.parts.realm, username.clone());
    let now = visit.edge().now();
    whence::note(visit, realm, flow, (whose, What::Refused, now));
    let disabled = (*attempt == Attempt::Disabled).to_string();
    let locked = (*attempt == Attempt::Locked).to_string();
    let event = told("idp.login.refused", id, flow).with("disabled", disabled);
    visit.tell(event.with("locked", locked));
    count(realm, flow, "refused");
    let said = Said {
        username,
        refused: true,
        ..Said::default()
    };
    form(visit, realm, (id, flow), said)
}

async fn welcome(
    visit: &Visit,
    realm: &Realm,
    (id, flow): (&str, &Flow),
    (person, now): (&Person, DateTime<Utc>),
) -> Result<HttpResponse, Refused> {
    open_session(visit, realm, (person, None), now).await?;
    let whose = Whose::Person(person.id.clone());
    whence::note(visit, realm, flow, (whose, What::Password, now));
    visit.tell(told("idp.login.accepted", id, flow).with("person", person.id.as_str()));
    count(realm, flow, "accepted");
    Ok(visit.see_other(&realm.path(&format!("/continue?{}", name(id, &flow.service)))))
}

fn told(event: &'static str, flow: &str, of: &Flow) -> Event {
    Event::new(event)
        .with("flow", flow)
        .with("request", of.request_id())
}

fn count(realm: &Realm, flow: &Flow, result: &str) {
    let labels = [
        ("realm", realm.parts.realm.as_str()),
        ("result", result),
        ("factor", "password"),
        ("sp", flow.service.as_str()),
    ];
    realm.edge.count("eduline_logins_total", &labels);
}

/// A fresh session: the token of before, if there was one, is worth nothing from now on. It counts from
/// the moment before the password was looked at, so that one that was changed meanwhile opens none
/// that lasts.
pub(crate) async fn open_session(
    visit: &Visit,
    realm: &Realm,
    (person, second): (&Person, Option<DateTime<Utc>>),
    now: DateTime<Utc>,
) -> Result<(), Refused> {
    let arrival = whence::arrive(visit, realm, person, now).await?;
    if second.is_some() {
        whence::prove(visit, realm, &person.id).await?;
    }
    let mut session = SignedOn {
        person: person.id.clone(),
        authn_instant: now,
        second,
        mailed: None,
        is_elsewhere: !arrival.is_proven,
        index: format!("_{}", visit.edge().token()),
        from: Some(Whence::of(visit)),
        given: change::must_change(realm, &person.id).await?,
        agreed: charter::agreed(realm, &person.id).await?,
        post: None,
        secret: URL_SAFE_NO_PAD.encode(visit.edge().random::<32>()),
    };
    // Who proves once more who they are goes on with the session that the services know.
    let standing = realm.session(visit).await?.map(|of| of.value);
    if let Some(same) = standing.filter(|of| of.person == session.person) {
        (session.index, session.secret) = (same.index, same.secret);
        session.post = same.post;
    }
    let opened = realm.sessions.open(visit, session).await?;
    let index = &opened.value.index;
    realm.participants.belongs(&person.id, index, now).await?;
    Ok(realm.participants.opened(index, &opened.key).await?)
}

fn form(
    visit: &Visit,
    realm: &Realm,
    (id, flow): (&str, &Flow),
    said: Said,
) -> Result<HttpResponse, Refused> {
    let lang = visit.lang().as_str();
    let snapshot = realm.federation.snapshot();
    let service = snapshot
        .entity(&flow.service)
        .and_then(|entity| entity.ui.display_name(lang).map(str::to_owned));
    visit.page(&LoginPage {
        action: realm.path("/login"),
        flow: id.to_owned(),
        sp: flow.service.to_string(),
        realm: realm.parts.realm.as_str(),
        service,
        username: said.username,
        refused: said.refused,
        expired: said.expired,
        due: said.due.map(Due::as_str),
        grace: match said.due {
            Some(Due::Grace(left)) => left,
            _ => 0,
        },
        change: said.due.filter(|_| realm.account_pages).map(|_| {
            let profile = realm.parts.realm.as_str();
            format!("/compte/mot-de-passe?profil={profile}")
        }),
        lost_password: realm.account_pages.then(|| {
            // Only staff have a NUMEN; everybody else asks somebody.
            match realm.parts.realm {
                directory::Realm::Personnel => "/compte/mot-de-passe-perdu",
                _ => "/compte/aide",
            }
            .to_owned()
        }),
        other_profile: realm.path(&format!("/other?{}", name(id, &flow.service))),
        informs: realm.informs.then_some("/compte/informations"),
        passkey: Ask::anybody(realm, id),
        tutoie: realm.tutoie(),
        form_action: flow.form_action(),
    })
}

/// `GET /idp/<realm>/other`: another profile is chosen (D17). A service of this house finds by the
/// request where its visitor wanted to land; for any other one the choice begins anew.
pub(crate) async fn other_profile(
    visit: Visit,
    realm: Data<Realm>,
    Query(named): Query<Named>,
) -> Result<HttpResponse, Refused> {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let Some((_, flow)) = realm.flow(&visit, &named).await? else {
        return stale(&visit, &realm, &named);
    };
    let home = realm.edge.public_url().join("/");
    let known = realm.federation.snapshot();
    let own = known
        .service(&flow.service)
        .and_then(|(_, role)| role.default_discovery())
        .filter(|address| address.starts_with(&home) && !address.contains('?'));
    let to = match (own, &flow.request) {
        (Some(address), Some(request)) => {
            format!("{address}?request={}", encode(request.as_str()))
        }
        _ => format!("/wayf/?entityID={}&change=1", encode(flow.service.as_str())),
    };
    Ok(visit.see_other(&to))
}
