//! Logout: a person's own "Se déconnecter", and what services ask for and say.
//!
//! The session of this realm ends first. Services that take it are told by SOAP at once; the visitor
//! is sent to the others one after another, and the page in between says what became of each.

use actix_web::HttpResponse;
use actix_web::web::Data;
use saml::Binding;
use serde::{Deserialize, Serialize};
use web::{Event, Form, Page, Query, Refused, Visit};

use crate::realm::Realm;
use running::{Logout, State, Telling};

mod answering;
mod back_channel;
mod participants;
mod receiving;
mod running;
mod telling;

use back_channel::Unheard;
pub(crate) use participants::{Participant, Participants};
pub(crate) use receiving::{by_post, by_redirect, by_soap};
pub(crate) use running::Logouts;
use telling::Behalf;
pub(crate) use telling::Tell;

const FORM: &str = "idp-logout";

/// « Se déconnecter du service d'identité ? », and what it came to.
#[derive(Serialize)]
pub(crate) struct LogoutPage {
    action: String,
    portal: String,
    releases: String,
    standing: Standing,
    expired: bool,
    tutoie: bool,
    /// What became of each service.
    services: Vec<Line>,
    /// Where it goes on, when something is left to do.
    go_on: Option<String>,
    /// What the service that asked for it, and waits, calls itself.
    back_to: Option<String>,
}

/// One service of a logout.
#[derive(Serialize)]
struct Line {
    name: String,
    state: State,
}

/// What stands of the session.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Standing {
    /// It is open.
    Open,
    /// It was ended just now.
    Ended,
    /// There is none.
    None,
}

impl LogoutPage {
    fn of(realm: &Realm, standing: Standing) -> Self {
        Self {
            action: realm.path("/logout"),
            portal: "/portail/".to_owned(),
            releases: realm.path("/releases"),
            standing,
            expired: false,
            tutoie: realm.tutoie(),
            services: Vec::new(),
            go_on: None,
            back_to: None,
        }
    }
}

impl Page for LogoutPage {
    const TEMPLATE: &'static str = "idp-logout.html";

    fn samples() -> Vec<Self> {
        let page = |standing, expired, tutoie| Self {
            action: "/idp/personnel/logout".to_owned(),
            portal: "/portail/".to_owned(),
            releases: "/idp/personnel/releases".to_owned(),
            standing,
            expired,
            tutoie,
            services: Vec::new(),
            go_on: None,
            back_to: None,
        };
        let told = |states: &[State], back_to: Option<&str>, tutoie| Self {
            services: states
                .iter()
                .map(|state| Line {
                    name: "Magistère".to_owned(),
                    state: *state,
                })
                .collect(),
            go_on: (states.iter().any(|state| state.is_open()) || back_to.is_some())
                .then(|| "/idp/personnel/logout/next?id=x".to_owned()),
            back_to: back_to.map(str::to_owned),
            ..page(Standing::Ended, false, tutoie)
        };
        let every = [
            State::Waiting,
            State::Asked,
            State::Done,
            State::Partial,
            State::Failed,
            State::Unsupported,
        ];
        vec![
            page(Standing::Open, false, false),
            page(Standing::Open, true, true),
            page(Standing::Ended, false, false),
            page(Standing::Ended, false, true),
            page(Standing::None, false, false),
            told(&every, None, false),
            told(&every, None, true),
            told(&every, Some("Magistère"), false),
            told(&[State::Done], None, false),
            told(&[State::Done], Some("Magistère"), true),
            told(&[State::Failed], None, true),
        ]
    }

    fn tutoie(&self) -> bool {
        self.tutoie
    }
}

/// The page that carries a logout message to a service.
#[derive(Serialize)]
pub(crate) struct CarryPage {
    to: String,
    field: &'static str,
    message: String,
    relay_state: Option<String>,
    tutoie: bool,
}

impl Page for CarryPage {
    const TEMPLATE: &'static str = "idp-logout-carry.html";

    fn samples() -> Vec<Self> {
        [("SAMLRequest", None), ("SAMLResponse", Some("state"))]
            .map(|(field, relay_state)| Self {
                to: "https://sp.example/slo".to_owned(),
                field,
                message: "PHg+".to_owned(),
                relay_state: relay_state.map(str::to_owned),
                tutoie: relay_state.is_some(),
            })
            .into()
    }

    /// The service answers by sending the visitor back here.
    fn form_action(&self) -> Option<String> {
        Some(format!("{} 'self'", self.to))
    }

    fn tutoie(&self) -> bool {
        self.tutoie
    }
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Sent {
    csrf: Option<String>,
}

/// Which logout is meant.
#[derive(Deserialize)]
pub(crate) struct Named {
    id: Option<String>,
}

/// `GET /idp/<realm>/logout`: the question; with `id`, what a logout came to.
pub(crate) async fn ask(
    visit: Visit,
    realm: Data<Realm>,
    Query(named): Query<Named>,
) -> Result<HttpResponse, Refused> {
    match find(&visit, &realm, &named).await? {
        Some((id, logout)) => show(&visit, &realm, &id, &logout).await,
        None => question(&visit, &realm, false).await,
    }
}

/// `POST /idp/<realm>/logout`
pub(crate) async fn leave(
    visit: Visit,
    realm: Data<Realm>,
    Form(sent): Form<Sent>,
) -> Result<HttpResponse, Refused> {
    if visit.check_csrf(FORM, sent.csrf.as_deref()).is_err() {
        return question(&visit, &realm, true).await;
    }
    let Some(session) = realm.sessions.close(&visit).await? else {
        return nobody(&visit, &realm);
    };
    visit.tell(Event::new("idp.logout").with("person", session.value.person.as_str()));
    let labels = [("side", "idp"), ("outcome", "own")];
    realm.edge.count("eduline_logouts_total", &labels);
    let mut tellings = telling::tellings(&realm, &session.value.index).await?;
    if tellings.is_empty() {
        return over(&visit, &realm);
    }
    let journal = |event| visit.tell(event);
    telling::at_once(&journal, &realm, &mut tellings, Behalf::Visitor).await;
    let browser = Some(visit.browser().to_owned());
    telling::keep_and_go_on(&visit, &realm, (browser, None), &tellings).await
}

/// `GET /idp/<realm>/logout/next`: on to the next service, or back to whoever asked.
pub(crate) async fn go_on(
    visit: Visit,
    realm: Data<Realm>,
    Query(named): Query<Named>,
) -> Result<HttpResponse, Refused> {
    match find(&visit, &realm, &named).await? {
        Some((id, logout)) => telling::next(&visit, &realm, &id, logout).await,
        None => question(&visit, &realm, false).await,
    }
}

/// Ends the sessions of these indexes without anybody's visit, and tells the services that took part
/// and that take it by SOAP; says how many took part.
pub(crate) async fn by_the_house(
    journal: Tell<'_>,
    realm: &Realm,
    indexes: &[String],
) -> Result<usize, Refused> {
    let mut tellings = Vec::new();
    for index in indexes {
        tellings.extend(telling::end(journal, realm, index).await?);
    }
    telling::at_once(journal, realm, &mut tellings, Behalf::House).await;
    let labels = [("side", "idp"), ("outcome", "house")];
    for _ in indexes {
        realm.edge.count("eduline_logouts_total", &labels);
    }
    Ok(tellings.len())
}

async fn find(
    visit: &Visit,
    realm: &Realm,
    named: &Named,
) -> Result<Option<(String, Logout)>, Refused> {
    let Some(id) = &named.id else {
        return Ok(None);
    };
    let found = realm.logouts.of(visit, id).await?;
    Ok(found.map(|logout| (id.clone(), logout)))
}

/// What became of each service.
async fn show(
    visit: &Visit,
    realm: &Realm,
    id: &str,
    logout: &Logout,
) -> Result<HttpResponse, Refused> {
    let lang = visit.lang();
    let snapshot = realm.federation.snapshot();
    let name = |service: &saml::EntityId| {
        let shown = snapshot.entity(service);
        let shown = shown.and_then(|entity| entity.ui.display_name(lang.as_str()));
        shown.map_or_else(|| service.to_string(), |name| web::typeset(name, lang))
    };
    let tellings = realm.logouts.tellings(id, logout).await?;
    let waits = |(_, one): &(u32, Telling)| one.state.is_open();
    let is_open = tellings.iter().any(waits) || logout.requester.is_some();
    visit.page(&LogoutPage {
        services: tellings
            .iter()
            .map(|(_, telling)| Line {
                name: name(&telling.service),
                state: telling.state,
            })
            .collect(),
        go_on: is_open.then(|| realm.path(&format!("/logout/next?id={id}"))),
        back_to: logout.requester.as_ref().map(|one| name(&one.service)),
        ..LogoutPage::of(realm, Standing::Ended)
    })
}

/// The session is over, and nobody else had to be told.
fn over(visit: &Visit, realm: &Realm) -> Result<HttpResponse, Refused> {
    visit.page(&LogoutPage::of(realm, Standing::Ended))
}

/// Nobody was signed on.
fn nobody(visit: &Visit, realm: &Realm) -> Result<HttpResponse, Refused> {
    visit.page(&LogoutPage::of(realm, Standing::None))
}

async fn question(visit: &Visit, realm: &Realm, expired: bool) -> Result<HttpResponse, Refused> {
    let standing = match realm.session(visit).await? {
        Some(_) => Standing::Open,
        None => Standing::None,
    };
    visit.page(&LogoutPage {
        expired,
        ..LogoutPage::of(realm, standing)
    })
}

/// What the journal calls a binding.
fn word(binding: Binding) -> &'static str {
    match binding {
        Binding::Redirect => "redirect",
        Binding::Post => "post",
        Binding::Soap => "soap",
        _ => "other",
    }
}
