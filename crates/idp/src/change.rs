//! A password that somebody else gave: its person chooses their own before anybody is answered.
//!
//! The account pages do that. A ticket on the shelf tells them whose password was proven a moment ago, in which
//! browser, and where to come back: the flow waits meanwhile.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use store::{Drawer, Shelf};
use web::{Event, Refused, Visit};

use crate::flow::{Flow, name};
use crate::realm::Realm;
use crate::refusals;
use crate::session::SignedOn;

/// How long a ticket may be on its way.
const ON_ITS_WAY: Duration = Duration::from_secs(5 * 60);
/// Where it is taken.
const TAKEN_AT: &str = "/compte/mot-de-passe";

/// Somebody on their way to a password of their own.
#[derive(Clone, Serialize, Deserialize)]
pub struct HandedOver {
    browser: String,
    /// Who: [`directory::Person::id`].
    pub person: String,
    /// The session that goes on, by its `SessionIndex`.
    pub session: String,
    /// The path that goes on with the flow.
    pub back: String,
    /// Where a form on that way may end ([`web::Page::form_action`]).
    pub form_action: Option<String>,
}

/// Tickets, each worth one visit of one browser.
pub struct Tickets(Drawer<HandedOver>);

impl Tickets {
    /// Those on this shelf.
    pub fn on(shelf: &Arc<dyn Shelf>) -> Self {
        Self(Drawer::new(Arc::clone(shelf), "idp.change"))
    }

    /// Who comes with it, in this browser; it is spent.
    pub async fn take(&self, ticket: &str, browser: &str) -> Result<Option<HandedOver>, Refused> {
        if ticket.len() > 64 {
            return Ok(None);
        }
        let found = self.0.take(ticket).await?;
        Ok(found.filter(|handed| handed.browser == browser))
    }
}

/// Whether the person of this session has to choose a password first. Only who proved one that was given is
/// looked up again.
pub(crate) async fn is_left(realm: &Realm, session: Option<&SignedOn>) -> Result<bool, Refused> {
    let Some(session) = session.filter(|of| of.given && realm.account_pages) else {
        return Ok(false);
    };
    must_change(realm, &session.person).await
}

/// Whether the directory says so.
pub(crate) async fn must_change(realm: &Realm, person: &str) -> Result<bool, Refused> {
    let must = realm.directory.passwords.must_change(person).await;
    must.map_err(refusals::away)
}

/// Sends the browser to where it is chosen.
pub(crate) async fn hand_over(
    visit: &Visit,
    realm: &Realm,
    (id, flow): (&str, &Flow),
    session: &SignedOn,
) -> Result<HttpResponse, Refused> {
    let handed = HandedOver {
        browser: visit.browser().to_owned(),
        person: session.person.clone(),
        session: session.index.clone(),
        back: realm.path(&format!("/continue?{}", name(id, &flow.service))),
        form_action: flow.form_action(),
    };
    let ticket = visit.edge().token();
    realm.tickets.0.put(&ticket, &handed, ON_ITS_WAY).await?;
    let event = Event::new("idp.password.to-change")
        .with("flow", id)
        .with("request", flow.request_id())
        .with("person", handed.person);
    visit.tell(event);
    Ok(visit.see_other(&format!("{TAKEN_AT}?billet={ticket}")))
}
