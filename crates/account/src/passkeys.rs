//! `GET` and `POST /compte/passkeys`: passkeys are made and added.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Data;
use directory::Fault;
use directory::factors::{AT_MOST, Kind};
use directory::passkeys::{Made, Place, read, written};
use serde::{Deserialize, Serialize};
use store::{Drawer, Shelf};
use web::{Badge, Event, Form, Page, Refused, Visit};

use crate::factors::{Proven, fresh_codes, told};
use crate::home::sample_badge;
use crate::{Account, letters, otp, refusals};

const FORM: &str = "account-passkeys";
/// How long a page may stay open before its passkey is made.
const KEPT: Duration = Duration::from_secs(900);

/// The question each session was last asked; one answer each.
pub(crate) fn questions(shelf: &Arc<dyn Shelf>) -> Drawer<String> {
    Drawer::new(Arc::clone(shelf), "account.passkey")
}

/// « Clés d'accès »
#[derive(Serialize)]
pub(crate) struct PasskeysPage {
    badge: Badge,
    pupil: bool,
    notice: &'static str,
    names: Vec<String>,
    is_full: bool,
    challenge: String,
    host: String,
    /// Those that are there: an authenticator makes no second one.
    known: String,
    /// What the passkey calls its owner by: opaque.
    handle: String,
}

impl Page for PasskeysPage {
    const TEMPLATE: &'static str = "account-passkeys.html";

    fn samples() -> Vec<Self> {
        let page = |notice: &'static str, names: &[&str]| Self {
            badge: sample_badge(),
            pupil: notice == "refused",
            notice,
            is_full: names.len() == 2,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            challenge: "Y2hhbGxlbmdl".to_owned(),
            host: "eduline.example".to_owned(),
            known: String::new(),
            handle: "YQ".to_owned(),
        };
        vec![
            page("", &[]),
            page("expired", &[""]),
            page("refused", &["Mon ordinateur"]),
            page("added", &["Mon ordinateur", ""]),
        ]
    }

    fn user(&self) -> Option<Badge> {
        Some(self.badge.clone())
    }

    fn tutoie(&self) -> bool {
        self.pupil
    }
}

/// What the form sends: what the browser said, base64url.
#[derive(Deserialize)]
pub(crate) struct Sent {
    csrf: Option<String>,
    name: Option<String>,
    client_data: Option<String>,
    authenticator_data: Option<String>,
    key: Option<String>,
}

/// `GET`: those there are, and how to make one.
pub(crate) async fn show(visit: Visit, account: Data<Account>) -> Result<HttpResponse, Refused> {
    match account.proven(&visit, "/compte/passkeys").await? {
        Ok(proven) => page(&visit, &account, &proven, "").await,
        Err(asked) => Ok(asked),
    }
}

/// `POST`: takes one that was made.
pub(crate) async fn add(
    visit: Visit,
    account: Data<Account>,
    Form(sent): Form<Sent>,
) -> Result<HttpResponse, Refused> {
    let mut proven = match account.proven(&visit, "/compte/passkeys").await? {
        Ok(proven) => proven,
        Err(asked) => return Ok(asked),
    };
    let asked = account
        .passkey_questions
        .take(&proven.signed.session)
        .await?;
    let (Ok(()), Some(challenge)) = (visit.check_csrf(FORM, sent.csrf.as_deref()), asked) else {
        return page(&visit, &account, &proven, "expired").await;
    };
    let place = Place::of(visit.edge().public_url().origin(), challenge);
    let bytes = |text: Option<String>| read(&text.unwrap_or_default());
    let made = Made {
        client_data: bytes(sent.client_data),
        authenticator_data: bytes(sent.authenticator_data),
        key: bytes(sent.key),
    };
    let person = proven.signed.person.id.clone();
    let passkey = match made.check(&place) {
        Ok(passkey) => passkey,
        Err(why) => {
            let event = Event::new("account.passkey.refused").with("person", person.as_str());
            visit.tell(event.with("why", why.to_string()));
            told(&visit, &person, "refused");
            return page(&visit, &account, &proven, "refused").await;
        }
    };
    let name = otp::short_name(sent.name.as_deref());
    let now = visit.edge().now();
    let passkeys = &account.parts.directory.passkeys;
    match passkeys.add(&person, (&name, &passkey), now).await {
        Err(Fault::Unfit { .. }) => return page(&visit, &account, &proven, "refused").await,
        added => added.map_err(refusals::away)?,
    }
    told(&visit, &person, "activated");
    letters::tell_everywhere(
        &visit,
        &account,
        &proven.signed.person,
        &letters::Kind::Factors,
    )
    .await;
    let factors = &account.parts.directory.factors;
    if factors.codes_left(&person).await.map_err(refusals::away)? == 0 {
        return fresh_codes(&visit, &account, &proven.signed, true).await;
    }
    proven.factors = factors.list(&person).await.map_err(refusals::away)?;
    page(&visit, &account, &proven, "added").await
}

async fn page(
    visit: &Visit,
    account: &Account,
    proven: &Proven,
    notice: &'static str,
) -> Result<HttpResponse, Refused> {
    let signed = &proven.signed;
    let challenge = written(&visit.edge().random::<32>());
    account
        .passkey_questions
        .put(&signed.session, &challenge, KEPT)
        .await?;
    let known = account.parts.directory.passkeys.of(&signed.person.id).await;
    let known = known.map_err(refusals::away)?;
    let known: Vec<String> = known.iter().map(|one| written(&one.credential)).collect();
    let theirs = proven.factors.iter();
    let theirs = theirs.filter(|factor| factor.kind == Kind::Passkey);
    let place = Place::of(visit.edge().public_url().origin(), challenge);
    visit.page(&PasskeysPage {
        badge: signed.badge.clone(),
        pupil: signed.tutoie(),
        notice,
        names: theirs.map(|factor| factor.name.clone()).collect(),
        is_full: proven.factors.len() >= AT_MOST,
        challenge: place.challenge,
        host: place.host,
        known: known.join(" "),
        handle: written(signed.person.id.as_bytes()),
    })
}
