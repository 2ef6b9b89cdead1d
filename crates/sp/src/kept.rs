//! A form that arrives after its session ended is kept while its person signs on, and given back to
//! be confirmed (SDP-SP22, IIP-SP09).
//!
//! It is kept for the browser and the person it came from, once, for half an hour, sealed. Nothing is
//! done by giving it back: the person sees what they had sent and sends it again, or does not. On a
//! shared computer whoever signs on next is shown nothing.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use store::{Away, Drawer, Shelf};
use web::{Badge, Event, Page, Query, Refused, Visit};

use crate::attempt::is_token;
use crate::{Service, SignedIn, refusals};

/// Where it is given back, under the prefix.
pub(crate) const ROUTE: &str = "/reprise";
/// How long a form waits for its person: a sign-on with a second factor that has to be looked for.
const WAITS: Duration = Duration::from_secs(30 * 60);
/// Longest form, bytes of JSON: a page of text.
const LONGEST: usize = 8 * 1024;
/// How long a form may stay open after its session: the life of its token ([`Visit::check_csrf`]).
const OPEN_FOR: Duration = Duration::from_secs(8 * 3600);
/// What it is sealed for.
const PURPOSE: &str = "sp.kept";
/// Fields that prove who somebody is. A form that has one is not kept, whatever else it says.
const SECRETS: [&str; 12] = [
    "code",
    "confirmation",
    "csrf",
    "date_naissance",
    "mot_de_passe",
    "nouveau",
    "numen",
    "otp",
    "passkey",
    "password",
    "pin",
    "reponse",
];

/// A form as it was sent, by an application that knows what is in it.
#[derive(Debug, Clone)]
pub struct Sent<'a> {
    /// The name its token was made for.
    pub form: &'static str,
    /// That token.
    pub csrf: Option<&'a str>,
    /// Where it is sent: a path of ours.
    pub action: &'static str,
    /// The page it stands on: a path of ours.
    pub page: String,
    /// The word that says what it is for.
    pub title: &'static str,
    /// What the person is shown of it: a word, and what they typed or chose.
    pub shown: Vec<(&'static str, String)>,
    /// Its fields, but for the token.
    pub fields: Vec<(&'static str, String)>,
}

impl Sent<'_> {
    /// Whether one of its fields proves who somebody is.
    fn has_secret(&self) -> bool {
        let mut names = self.fields.iter().map(|(name, _)| name);
        names.any(|name| SECRETS.contains(name))
    }
}

/// A form as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    whose: String,
    form: String,
    action: String,
    page: String,
    title: String,
    shown: Vec<(String, String)>,
    fields: Vec<(String, String)>,
}

impl Kept {
    fn of(sent: &Sent<'_>, whose: String) -> Self {
        let owned = |pairs: &[(&'static str, String)]| {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect()
        };
        Self {
            whose,
            form: sent.form.to_owned(),
            action: sent.action.to_owned(),
            page: sent.page.clone(),
            title: sent.title.to_owned(),
            shown: owned(&sent.shown),
            fields: owned(&sent.fields),
        }
    }
}

/// The forms that wait at one service, and whose sessions there were.
pub(crate) struct Forms {
    prefix: &'static str,
    waiting: Drawer<String>,
    whose: Drawer<String>,
    /// How long it is known whose session it was.
    known_for: Duration,
}

impl Forms {
    pub(crate) fn new(shelf: &Arc<dyn Shelf>, prefix: &'static str, whole: Duration) -> Self {
        Self {
            prefix,
            waiting: Drawer::new(Arc::clone(shelf), "sp.kept"),
            whose: Drawer::new(Arc::clone(shelf), "sp.whose"),
            known_for: whole + OPEN_FOR,
        }
    }

    /// Notes whose session was opened under that key. It outlives the session, and its cookie tells
    /// who sent a form after it; a logout takes the cookie away, and with it what is known.
    pub(crate) async fn opened(&self, session: &str, signed_in: &SignedIn) -> Result<(), Away> {
        let key = self.key(session);
        self.whose
            .put(&key, &whose(signed_in), self.known_for)
            .await
    }

    async fn take(&self, ticket: &str) -> Result<Option<String>, Away> {
        if is_token(ticket) {
            self.waiting.take(&self.key(ticket)).await
        } else {
            Ok(None)
        }
    }

    /// Whoever reads the shelf finds neither a ticket nor a session's key.
    fn key(&self, name: &str) -> String {
        format!("{} {}", self.prefix, refusals::digest(name))
    }
}

/// One person of one provider, by digest.
fn whose(signed_in: &SignedIn) -> String {
    refusals::digest(&format!("{}\n{}", signed_in.provider, signed_in.user()))
}

impl Service {
    /// Keeps a form whose session is over, or whose person has to prove again who they are. Says
    /// where a sign-on leads to for it to be given back ([`Service::start`]): to the page it stands on
    /// when it is not kept, because it was not sent from a page of ours, by nobody who was signed in
    /// here, with a secret in it, or with more than 8 kB.
    pub async fn keep(&self, visit: &Visit, sent: Sent<'_>) -> Result<String, Refused> {
        match self.keep_of(visit, &sent).await? {
            Ok(ticket) => {
                self.tell_form(visit, "sp.form.kept", sent.form, None);
                Ok(format!("{}?ticket={ticket}", self.path(ROUTE)))
            }
            Err(why) => {
                self.tell_form(visit, "sp.form.dropped", sent.form, Some(why));
                Ok(sent.page)
            }
        }
    }

    async fn keep_of(
        &self,
        visit: &Visit,
        sent: &Sent<'_>,
    ) -> Result<Result<String, &'static str>, Refused> {
        if visit.check_csrf(sent.form, sent.csrf).is_err() {
            return Ok(Err("token"));
        }
        if sent.has_secret() {
            return Ok(Err("secret"));
        }
        let Some(whose) = self.last_here(visit).await? else {
            return Ok(Err("nobody"));
        };
        let plain = serde_json::to_vec(&Kept::of(sent, whose)).unwrap_or_default();
        if !(1..=LONGEST).contains(&plain.len()) {
            return Ok(Err("too-long"));
        }
        let ticket = self.edge().token();
        let closed = visit.close_for_browser(PURPOSE, &plain)?;
        let key = self.forms.key(&ticket);
        self.forms.waiting.put(&key, &closed, WAITS).await?;
        Ok(Ok(ticket))
    }

    /// Who is signed in with this browser, else who was.
    async fn last_here(&self, visit: &Visit) -> Result<Option<String>, Refused> {
        if let Some(session) = self.current(visit).await? {
            return Ok(Some(whose(&session.value)));
        }
        match self.sessions.named(visit) {
            Some(session) => Ok(self.forms.whose.get(&self.forms.key(&session)).await?),
            None => Ok(None),
        }
    }

    fn tell_form(&self, visit: &Visit, event: &'static str, form: &str, why: Option<&str>) {
        let mut event = Event::new(event)
            .with("service", self.parts.name)
            .with("form", form);
        if let Some(why) = why {
            event = event.with("why", why);
        }
        visit.tell(event);
    }
}

/// What [`ROUTE`] may be told.
#[derive(Debug, Deserialize)]
pub(crate) struct KeptQuery {
    ticket: Option<String>,
}

/// `GET {prefix}/reprise`: the form, once, to whom it came from.
pub(crate) async fn give_back(
    visit: Visit,
    service: Data<Service>,
    Query(query): Query<KeptQuery>,
) -> Result<HttpResponse, Refused> {
    let Some(session) = service.current(&visit).await? else {
        return service.start(&visit, visit.path_and_query()).await;
    };
    let signed_in = session.value;
    let closed = service
        .forms
        .take(&query.ticket.unwrap_or_default())
        .await?;
    let opened = closed.and_then(|closed| visit.open_for_browser(PURPOSE, &closed));
    let kept: Option<Kept> = opened.and_then(|plain| serde_json::from_slice(&plain).ok());
    let is_theirs = |kept: &Kept| kept.whose == whose(&signed_in);
    let form = match kept {
        Some(kept) if is_theirs(&kept) => {
            service.tell_form(&visit, "sp.form.returned", &kept.form, None);
            Some(kept)
        }
        Some(kept) => {
            service.tell_form(&visit, "sp.form.dropped", &kept.form, Some("other-person"));
            None
        }
        None => None,
    };
    visit.page(&KeptPage {
        badge: service.badge(&signed_in),
        pupil: signed_in.is_pupil(),
        home: service.parts.home.to_owned(),
        form,
    })
}

/// « Reprendre ce que vous faisiez »
#[derive(Debug, Serialize)]
pub(crate) struct KeptPage {
    badge: Badge,
    pupil: bool,
    /// Where to go on when there is nothing.
    home: String,
    /// What was sent; `None` when it was given back before, is too old, or is somebody else's.
    form: Option<Kept>,
}

impl Page for KeptPage {
    const TEMPLATE: &'static str = "sp-kept.html";

    fn samples() -> Vec<Self> {
        let form = |shown: &[(&str, &str)]| Kept {
            whose: String::new(),
            form: "logout".into(),
            action: "/portail/logout".into(),
            page: "/portail/".into(),
            title: "sp.logout-title".into(),
            shown: shown
                .iter()
                .map(|(word, value)| ((*word).to_owned(), (*value).to_owned()))
                .collect(),
            fields: vec![("choice".into(), "end".into())],
        };
        let shown = [("sp.left-title", "Magistère <&>")];
        [Some(form(&shown)), Some(form(&[])), None]
            .into_iter()
            .enumerate()
            .map(|(number, form)| Self {
                badge: Badge {
                    login: "amartin".into(),
                    name: "Anne Martin".into(),
                    logout: "/portail/logout".into(),
                },
                pupil: number > 0,
                home: "/portail/".into(),
                form,
            })
            .collect()
    }

    fn user(&self) -> Option<Badge> {
        Some(self.badge.clone())
    }

    fn tutoie(&self) -> bool {
        self.pupil
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_with_a_field_that_proves_who_somebody_is_is_known() {
        let sent = |name| Sent {
            form: "f",
            csrf: None,
            action: "/portail/favoris",
            page: "/portail/favoris".into(),
            title: "sp.logout-title",
            shown: Vec::new(),
            fields: vec![("add", String::new()), (name, String::new())],
        };
        for name in SECRETS {
            assert!(sent(name).has_secret(), "{name}");
        }
        assert!(!sent("courriel").has_secret());
    }
}
