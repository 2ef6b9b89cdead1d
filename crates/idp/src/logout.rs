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
    releases: String,
    standing: Standing,
    expired: bool,
    tutoie: bool,
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

impl Page for LogoutPage {
    const TEMPLATE: &'static str = "idp-logout.html";

    fn samples() -> Vec<Self> {
        [
            (Standing::Open, false),
            (Standing::Open, true),
            (Standing::Ended, false),
            (Standing::None, false),
        ]
        .map(|(standing, expired)| Self {
            action: "/idp/personnel/logout".to_owned(),
            portal: "/portail/".to_owned(),
            releases: "/idp/personnel/releases".to_owned(),
            standing,
            expired,
            tutoie: standing == Standing::Ended,
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
    let standing = standing(&visit, &realm).await?;
    page(&visit, &realm, standing, false)
}

pub(crate) async fn leave(
    visit: Visit,
    realm: Data<Realm>,
    Form(sent): Form<Sent>,
) -> Result<HttpResponse, Refused> {
    if visit.check_csrf(FORM, sent.csrf.as_deref()).is_err() {
        let standing = standing(&visit, &realm).await?;
        return page(&visit, &realm, standing, true);
    }
    let Some(session) = realm.sessions.close(&visit).await? else {
        return page(&visit, &realm, Standing::None, false);
    };
    visit.tell(Event::new("idp.logout").with("person", session.value.person.as_str()));
    page(&visit, &realm, Standing::Ended, false)
}

async fn standing(visit: &Visit, realm: &Realm) -> Result<Standing, Refused> {
    let session = realm.sessions.current(visit).await?;
    Ok(if session.is_some() {
        Standing::Open
    } else {
        Standing::None
    })
}

fn page(
    visit: &Visit,
    realm: &Realm,
    standing: Standing,
    expired: bool,
) -> Result<HttpResponse, Refused> {
    visit.page(&LogoutPage {
        action: realm.path("/logout"),
        portal: "/portail/".to_owned(),
        releases: realm.path("/releases"),
        standing,
        expired,
        tutoie: realm.tutoie(),
    })
}
