//! `/compte/secours`: where a person is reached who has lost their password. They say so themselves, having proved
//! just now who they are, and the new address counts once a code that was sent there has come back.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use directory::recovery;
use serde::{Deserialize, Serialize};
use sp::Sent;
use store::{Drawer, Shelf};
use web::session::digest;
use web::{Badge, Event, Form, Page, Refused, Visit};

use crate::factors::Proven;
use crate::home::sample_badge;
use crate::letters::{self, Kind};
use crate::{Account, refusals};

const FORM: &str = "contact";
const PATH: &str = "/compte/secours";
/// How long an address waits for its code.
const WAITS: Duration = Duration::from_secs(15 * 60);
/// Longest address, characters.
const LONGEST: usize = 254;

/// An address that is not confirmed yet.
#[derive(Serialize, Deserialize)]
pub(crate) struct Pending {
    mail: String,
    /// Digest of the code and the person.
    code: String,
}

/// Addresses that wait for their code, by person.
pub(crate) struct Pendings {
    kept: Drawer<Pending>,
}

impl Pendings {
    pub(crate) fn new(shelf: &Arc<dyn Shelf>) -> Self {
        Self {
            kept: Drawer::new(Arc::clone(shelf), "account.contact"),
        }
    }
}

/// « Coordonnées de secours »
#[derive(Debug, Serialize)]
pub(crate) struct ContactPage {
    badge: Badge,
    pupil: bool,
    contact: Option<String>,
    pending: Option<String>,
    typed: String,
    said: &'static str,
}

impl Page for ContactPage {
    const TEMPLATE: &'static str = "account-contact.html";

    fn samples() -> Vec<Self> {
        let page = |contact: bool, pending: bool, said| Self {
            badge: sample_badge(),
            pupil: pending,
            contact: contact.then(|| "anne@perso.example".to_owned()),
            pending: pending.then(|| "anne@autre.example".to_owned()),
            typed: String::new(),
            said,
        };
        vec![
            page(false, false, ""),
            page(true, false, "done"),
            page(true, false, "removed"),
            page(false, false, "address"),
            page(false, false, "work"),
            page(true, true, ""),
            page(true, true, "code"),
            page(true, true, "expired"),
            page(true, false, "expired"),
        ]
    }

    fn user(&self) -> Option<Badge> {
        Some(self.badge.clone())
    }

    fn tutoie(&self) -> bool {
        self.pupil
    }
}

/// What the forms send.
#[derive(Deserialize)]
pub(crate) struct Typed {
    csrf: Option<String>,
    courriel: Option<String>,
    code: Option<String>,
    action: Option<String>,
}

impl Typed {
    /// The form, for it to be kept while its person signs on; with a code it is not.
    fn sent(&self) -> Sent<'_> {
        let fields = [
            ("courriel", &self.courriel),
            ("code", &self.code),
            ("action", &self.action),
        ];
        let fields = fields
            .iter()
            .filter_map(|(name, value)| Some((*name, (*value).clone()?)));
        let address = self.courriel.clone().into_iter();
        Sent {
            form: FORM,
            csrf: self.csrf.as_deref(),
            action: PATH,
            page: PATH.to_owned(),
            title: "account.menu-contact",
            shown: address
                .map(|address| ("account.contact-new", address))
                .collect(),
            fields: fields.collect(),
        }
    }
}

/// `GET`: what there is, and the form that comes next.
pub(crate) async fn show(visit: Visit, account: Data<Account>) -> Result<HttpResponse, Refused> {
    match account.proven(&visit, PATH).await? {
        Ok(proven) => page(&visit, &account, &proven, ("", String::new())).await,
        Err(asked) => Ok(asked),
    }
}

/// `POST`: an address, a code, or none of it any more.
pub(crate) async fn take(
    visit: Visit,
    account: Data<Account>,
    Form(typed): Form<Typed>,
) -> Result<HttpResponse, Refused> {
    let proven = match account.proven_with(&visit, PATH, typed.sent()).await? {
        Ok(proven) => proven,
        Err(asked) => return Ok(asked),
    };
    let address: String = typed.courriel.unwrap_or_default();
    let address: String = address
        .trim()
        .to_lowercase()
        .chars()
        .take(LONGEST)
        .collect();
    if visit.check_csrf(FORM, typed.csrf.as_deref()).is_err() {
        return page(&visit, &account, &proven, ("expired", address)).await;
    }
    match typed.action.as_deref() {
        Some("confirmer") => {
            confirm(&visit, &account, &proven, &typed.code.unwrap_or_default()).await
        }
        Some("abandonner") => {
            account.pendings.kept.take(&proven.signed.person.id).await?;
            page(&visit, &account, &proven, ("", String::new())).await
        }
        Some("retirer") => {
            change(&visit, &account, &proven, None).await?;
            page(&visit, &account, &proven, ("removed", String::new())).await
        }
        _ => begin(&visit, &account, &proven, address).await,
    }
}

/// Sends a code to the new address.
async fn begin(
    visit: &Visit,
    account: &Account,
    proven: &Proven,
    address: String,
) -> Result<HttpResponse, Refused> {
    let person = &proven.signed.person;
    if !mail::is_address(&address) {
        return page(visit, account, proven, ("address", address)).await;
    }
    // It is behind the password that would be lost.
    if person.mail.as_ref() == Some(&address) {
        return page(visit, account, proven, ("work", address)).await;
    }
    slow(visit, account, &person.id).await?;
    let code = recovery::code(visit.edge().random());
    let pending = Pending {
        code: sealed(&person.id, &code),
        mail: address.clone(),
    };
    account
        .pendings
        .kept
        .put(&person.id, &pending, WAITS)
        .await?;
    // Each letter to a stranger's address counts.
    let now = visit.edge().now();
    account
        .passwords
        .count(&subject(&person.id), visit.peer(), now)
        .await?;
    letters::send(visit, account, (person, &address), &Kind::Confirm(code))?;
    page(visit, account, proven, ("", String::new())).await
}

async fn confirm(
    visit: &Visit,
    account: &Account,
    proven: &Proven,
    typed: &str,
) -> Result<HttpResponse, Refused> {
    let person = &proven.signed.person;
    slow(visit, account, &person.id).await?;
    let pending = account.pendings.kept.get(&person.id).await?;
    let right = pending.filter(|one| one.code == sealed(&person.id, typed));
    let Some(pending) = right else {
        let now = visit.edge().now();
        account
            .passwords
            .count(&subject(&person.id), visit.peer(), now)
            .await?;
        return page(visit, account, proven, ("code", String::new())).await;
    };
    account.pendings.kept.take(&person.id).await?;
    account
        .passwords
        .forget(&subject(&person.id), visit.peer())
        .await?;
    change(visit, account, proven, Some(&pending.mail)).await?;
    page(visit, account, proven, ("done", String::new())).await
}

/// Changes it; the address of before hears of it, and the professional one (A15).
async fn change(
    visit: &Visit,
    account: &Account,
    proven: &Proven,
    address: Option<&str>,
) -> Result<(), Refused> {
    let person = &proven.signed.person;
    letters::tell_everywhere(visit, account, person, &Kind::ContactChanged).await;
    let set = account
        .parts
        .directory
        .recovery
        .set_contact(&person.id, address)
        .await;
    set.map_err(refusals::away)?;
    let result = if address.is_some() { "set" } else { "removed" };
    let event = Event::new("account.contact").with("person", person.id.as_str());
    visit.tell(event.with("result", result));
    visit
        .edge()
        .count("eduline_contacts_total", &[("result", result)]);
    Ok(())
}

async fn slow(visit: &Visit, account: &Account, person: &str) -> Result<(), Refused> {
    let now = visit.edge().now();
    let wait = account
        .passwords
        .wait(&subject(person), visit.peer(), now)
        .await?;
    wait.map_or(Ok(()), |seconds| Err(refusals::slow(seconds, PATH)))
}

fn subject(person: &str) -> String {
    format!("contact/{person}")
}

fn sealed(person: &str, code: &str) -> String {
    digest(&format!("{person}\n{}", recovery::bare(code)))
}

async fn page(
    visit: &Visit,
    account: &Account,
    proven: &Proven,
    (said, typed): (&'static str, String),
) -> Result<HttpResponse, Refused> {
    let person = &proven.signed.person;
    let contact = account.parts.directory.recovery.contact(&person.id).await;
    let pending = account.pendings.kept.get(&person.id).await?;
    let page = ContactPage {
        badge: proven.signed.badge.clone(),
        pupil: proven.signed.tutoie(),
        contact: contact.map_err(refusals::away)?,
        pending: pending.map(|one| one.mail),
        typed,
        said,
    };
    let status = match said {
        "address" | "work" => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    visit.page_with(status, &page)
}
