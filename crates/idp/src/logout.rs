//! A person's own "Se déconnecter": ends the session of this realm.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use web::{Event, Form, Page, Refused, Visit};

use crate::realm::Realm;

const FORM: &str = "idp-logout";

/// « Se déconnecter du service d'identité ? », and what it came to.
#[derive(Serialize)]
pub(crate) struct LogoutPage {
    action: String,
    portal: String,
    /// A session stands.
    signed_on: bool,
    /// It was ended just now.
    done: bool,
    expired: bool,
    tutoie: bool,
}

impl Page for LogoutPage {
    const TEMPLATE: &'static str = "idp-logout.html";

    fn samples() -> Vec<Self> {
        [
            (true, false, false),
            (true, false, true),
            (false, true, false),
            (false, false, false),
        ]
        .map(|(signed_on, done, expired)| Self {
            action: "/idp/personnel/logout".to_owned(),
            portal: "/portail/".to_owned(),
            signed_on,
            done,
            expired,
            tutoie: done,
        })
        .into()
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

pub(crate) async fn ask(visit: Visit, realm: Data<Realm>) -> Result<HttpResponse, Refused> {
    let signed_on = realm.sessions.current(&visit).await?.is_some();
    page(&visit, &realm, signed_on, (false, false))
}

pub(crate) async fn leave(
    visit: Visit,
    realm: Data<Realm>,
    Form(sent): Form<Sent>,
) -> Result<HttpResponse, Refused> {
    if visit.check_csrf(FORM, sent.csrf.as_deref()).is_err() {
        let signed_on = realm.sessions.current(&visit).await?.is_some();
        return page(&visit, &realm, signed_on, (false, true));
    }
    let closed = realm.sessions.close(&visit).await?;
    if let Some(session) = &closed {
        visit.tell(Event::new("idp.logout").with("person", session.value.person.as_str()));
    }
    page(&visit, &realm, false, (closed.is_some(), false))
}

fn page(
    visit: &Visit,
    realm: &Realm,
    signed_on: bool,
    (done, expired): (bool, bool),
) -> Result<HttpResponse, Refused> {
    visit.page(&LogoutPage {
        action: realm.path("/logout"),
        portal: "/portail/".to_owned(),
        signed_on,
        done,
        expired,
        tutoie: realm.tutoie(),
    })
}
