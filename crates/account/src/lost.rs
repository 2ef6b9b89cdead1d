//! `/compte/mot-de-passe-perdu` and `/compte/identifiant`: three fields, and one answer for everybody.
//!
//! What is typed is read, counted and answered; whether it is true of anybody is looked at afterwards, when the
//! answer has left. Neither its words nor the time it takes say more (U06).

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use directory::Person;
use directory::recovery::{Claim, SENT};
use serde::Serialize;
use web::{Event, Form, Page, Refused, Visit};

use crate::claim::{Again, Typed};
use crate::letters::{self, Kind};
use crate::{Account, refusals};

const FORM: &str = "claim";
/// Letters to one person in an hour; who asks more often has them already.
const LETTERS: u64 = 6;
/// Whom a claim that is true of nobody is about: the same work for them.
const NOBODY: &str = "nobody";

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Purpose {
    /// A code, to set a new password.
    Password,
    /// The login.
    Login,
}

impl Purpose {
    fn path(self) -> &'static str {
        match self {
            Self::Password => "/compte/mot-de-passe-perdu",
            Self::Login => "/compte/identifiant",
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Login => "login",
        }
    }
}

/// What the page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Said {
    /// Its form.
    Nothing,
    /// The form's token is too old.
    Expired,
    /// What was typed cannot be read.
    Faulty,
    /// That it was taken.
    Sent,
}

/// « Réinitialisation de votre mot de passe », « Retrouver votre identifiant »
#[derive(Debug, Serialize)]
pub(crate) struct ClaimPage {
    purpose: Purpose,
    action: &'static str,
    again: Again,
    said: Said,
    compat: bool,
    minutes: i64,
}

impl ClaimPage {
    fn of(purpose: Purpose, compat: bool) -> Self {
        Self {
            purpose,
            action: purpose.path(),
            again: Again::default(),
            said: Said::Nothing,
            compat: compat && purpose == Purpose::Password,
            minutes: SENT.num_minutes(),
        }
    }
}

impl Page for ClaimPage {
    const TEMPLATE: &'static str = "account-claim.html";

    fn samples() -> Vec<Self> {
        let of = |purpose| {
            let again = Again {
                name: "Martin".into(),
                date: "10/01/1964".into(),
                ..Again::default()
            };
            let wrong = Again {
                wrong_numen: true,
                wrong_name: true,
                wrong_date: true,
                ..Again::default()
            };
            let page = || Self::of(purpose, true);
            [
                page(),
                Self {
                    said: Said::Expired,
                    again,
                    ..page()
                },
                Self {
                    said: Said::Faulty,
                    again: wrong,
                    ..page()
                },
                Self {
                    said: Said::Sent,
                    ..page()
                },
            ]
        };
        of(Purpose::Password)
            .into_iter()
            .chain(of(Purpose::Login))
            .collect()
    }
}

/// `GET`: the form.
pub(crate) async fn show_password(
    visit: Visit,
    account: Data<Account>,
) -> Result<HttpResponse, Refused> {
    visit.page(&ClaimPage::of(Purpose::Password, account.parts.compat_2014))
}

/// `GET`: the form.
pub(crate) async fn show_login(visit: Visit) -> Result<HttpResponse, Refused> {
    visit.page(&ClaimPage::of(Purpose::Login, false))
}

/// `POST`: takes the claim.
pub(crate) async fn take_password(
    visit: Visit,
    account: Data<Account>,
    Form(typed): Form<Typed>,
) -> Result<HttpResponse, Refused> {
    take(visit, account, typed, Purpose::Password).await
}

/// `POST`: takes the claim.
pub(crate) async fn take_login(
    visit: Visit,
    account: Data<Account>,
    Form(typed): Form<Typed>,
) -> Result<HttpResponse, Refused> {
    take(visit, account, typed, Purpose::Login).await
}

async fn take(
    visit: Visit,
    account: Data<Account>,
    typed: Typed,
    purpose: Purpose,
) -> Result<HttpResponse, Refused> {
    let page = ClaimPage::of(purpose, account.parts.compat_2014);
    if visit.check_csrf(FORM, typed.csrf.as_deref()).is_err() {
        return visit.page(&ClaimPage {
            said: Said::Expired,
            again: typed.again(),
            ..page
        });
    }
    let claim = match typed.claim() {
        Ok(claim) => claim,
        Err(again) => {
            let page = ClaimPage {
                said: Said::Faulty,
                again,
                ..page
            };
            return visit.page_with(StatusCode::BAD_REQUEST, &page);
        }
    };
    let directory = &account.parts.directory;
    // Nobody is promised a letter while the accounts cannot be asked.
    directory.accounts.ready().await.map_err(refusals::away)?;
    let subject = directory.recovery.counted(&claim.numen);
    let subject = subject.map_err(refusals::away)?;
    let subject = format!("{}/{subject}", purpose.as_str());
    let now = visit.edge().now();
    let peer = visit.peer();
    if let Some(seconds) = account.claims.wait(&subject, peer, now).await? {
        count(&visit, purpose, "throttled");
        return Err(refusals::slow(seconds, purpose.path()));
    }
    account.claims.count(&subject, peer, now).await?;
    count(&visit, purpose, "taken");
    actix_web::rt::spawn(look(visit.clone(), account.into_inner(), claim, purpose));
    visit.page(&ClaimPage {
        said: Said::Sent,
        ..page
    })
}

fn count(visit: &Visit, purpose: Purpose, result: &str) {
    let labels = [("purpose", purpose.as_str()), ("result", result)];
    visit.edge().count("eduline_claims_total", &labels);
}

/// Looks whether the claim is true, and writes to whom it is true of; the journal hears which.
async fn look(visit: Visit, account: Arc<Account>, claim: Claim, purpose: Purpose) {
    let event = Event::new("account.claim").with("purpose", purpose.as_str());
    let event = match write(&visit, &account, &claim, purpose).await {
        Ok(Written::Letter { person, letter }) => event
            .with("result", "written")
            .with("person", person)
            .with("letter", letter),
        Ok(Written::Not { person, why }) => event.with("result", why).with("person", person),
        Ok(Written::Nobody) => event.with("result", "nobody"),
        Err(why) => event.with("result", "failed").with("story", why.story),
    };
    visit.tell(event);
}

enum Written {
    Letter { person: String, letter: String },
    Not { person: String, why: &'static str },
    Nobody,
}

async fn write(
    visit: &Visit,
    account: &Account,
    claim: &Claim,
    purpose: Purpose,
) -> Result<Written, Refused> {
    let recovery = &account.parts.directory.recovery;
    let found = recovery.recognise(claim).await.map_err(refusals::away)?;
    let id = found.as_ref().map_or(NOBODY, |person| &person.id);
    let contact = recovery.contact(id).await.map_err(refusals::away)?;
    let hour = std::time::Duration::from_secs(3600);
    let shelf = &account.parts.shelf;
    let letters = shelf.count("account.letters", id, hour).await?;
    let now = visit.edge().now();
    let kind = match purpose {
        Purpose::Login => Kind::Login,
        Purpose::Password => {
            let code = recovery.give_code(id, SENT, now).await;
            Kind::Code(code.map_err(refusals::away)?)
        }
    };
    let Some(person) = found else {
        let letter = letters::compose(visit, &somebody(), "nobody@perso.example", &kind);
        account
            .parts
            .post
            .pretend(letter, now + SENT)
            .map_err(refusals::post)?;
        return Ok(Written::Nobody);
    };
    let not = |why| Written::Not {
        person: person.id.clone(),
        why,
    };
    if account.parts.compat_2014 && purpose == Purpose::Password {
        let numen = claim.numen.reveal();
        let let_in = recovery.let_in_by(&person.id, numen, SENT, now).await;
        let_in.map_err(refusals::away)?;
        return Ok(not("compat-2014"));
    }
    if letters > LETTERS {
        return Ok(not("too-many-letters"));
    }
    let Some(contact) = contact else {
        // Their professional mailbox is behind the password they lost, and somebody may still read it.
        letters::send_to_work(visit, account, &person, &Kind::NoContact)?;
        return Ok(not("no-contact"));
    };
    let letter = letters::compose(visit, &person, &contact, &kind);
    let taken = account.parts.post.take(letter, now + SENT);
    let letter = taken.map_err(refusals::post)?;
    if purpose == Purpose::Password {
        letters::send_to_work(visit, account, &person, &Kind::CodeAsked)?;
    }
    Ok(Written::Letter {
        person: person.id,
        letter,
    })
}

/// Somebody to write a letter to that nobody receives.
fn somebody() -> Person {
    Person {
        id: NOBODY.to_owned(),
        realm: directory::Realm::Personnel,
        login: NOBODY.to_owned(),
        title: String::new(),
        given_name: "Personne".to_owned(),
        surname: "Personne".to_owned(),
        mail: None,
        posts: Vec::new(),
        delegations: Vec::new(),
        groups: Vec::new(),
        roles: Vec::new(),
        second_factor: "none".to_owned(),
    }
}
