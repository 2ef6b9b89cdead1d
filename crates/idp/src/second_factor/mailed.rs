//! A code by mail, for those who have nothing else yet, to the recovery contact that they confirmed (A05).
//!
//! It satisfies the rules of this house and is never told to a service as a second factor: whoever reads
//! that mailbox is given a new password, too. Who has a factor is offered none: what is stronger stays
//! needed.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use chrono::TimeDelta;
use directory::recovery;
use serde::{Deserialize, Serialize};
use store::{Drawer, Shelf};
use web::session::digest;
use web::throttle::{Names, Rule, Who};
use web::{Refused, Throttle, Visit};

use super::{Notice, Waiting, accept, page, told};
use crate::flow::name;
use crate::letters::{self, Kind};
use crate::next::Step;
use crate::realm::Realm;
use crate::refusals;

/// How long a code is worth something, minutes.
const MINUTES: u8 = 10;

const NAMES: Names = Names {
    counts: "idp.mailed-count",
    holds: "idp.mailed-hold",
    forgiven: "idp.mailed-forgiven",
};

/// Letters and wrong codes: four cost nothing. Nobody but who knows the password gets that far.
const RULES: [Rule; 3] = [
    Rule::new(Who::Subject, 5, 900),
    Rule::new(Who::Address, 60, 300),
    Rule::new(Who::All, 6000, 10),
];

/// The codes that were sent, one for each flow.
pub(crate) struct Mailed {
    kept: Drawer<Sent>,
    throttle: Throttle,
}

#[derive(Serialize, Deserialize)]
struct Sent {
    person: String,
    /// Digest of the code and the person.
    code: String,
}

impl Mailed {
    pub(crate) fn on(shelf: &Arc<dyn Shelf>) -> Self {
        Self {
            kept: Drawer::new(Arc::clone(shelf), "idp.mailed"),
            throttle: Throttle::new(shelf, NAMES, &RULES),
        }
    }

    /// Forgets what was counted for a person before that notice.
    pub(crate) async fn forgive(&self, person: &str, notice: i64) -> Result<(), Refused> {
        Ok(self.throttle.forgive(&subject(person), notice).await?)
    }
}

/// What the page offers.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Offer {
    /// The address, as its owner knows it.
    to: String,
    is_sent: bool,
}

impl Offer {
    /// `None`: this is no way for them.
    pub(super) async fn of(realm: &Realm, waiting: &Waiting) -> Result<Option<Self>, Refused> {
        let Some(contact) = contact(realm, waiting).await? else {
            return Ok(None);
        };
        let sent = realm.mailed.kept.get(&waiting.id).await?;
        Ok(Some(Self {
            to: mail::masked(&contact),
            is_sent: sent.is_some_and(|sent| sent.person == waiting.person.id),
        }))
    }

    pub(super) fn sample(is_sent: bool) -> Self {
        Self {
            to: "a…@perso.example".to_owned(),
            is_sent,
        }
    }
}

/// The recovery contact of who has no factor, where the operator lets codes go there.
async fn contact(realm: &Realm, waiting: &Waiting) -> Result<Option<String>, Refused> {
    if !realm.second_factors.by_mail || waiting.step != Step::Activate {
        return Ok(None);
    }
    let contact = realm.directory.recovery.contact(&waiting.person.id).await;
    contact.map_err(refusals::away)
}

/// Sends a code, in place of the one before.
pub(super) async fn send(
    visit: &Visit,
    realm: &Realm,
    waiting: Waiting,
) -> Result<HttpResponse, Refused> {
    let Some(contact) = contact(realm, &waiting).await? else {
        return page(visit, realm, &waiting, Notice::None).await;
    };
    slow(visit, realm, &waiting).await?;
    count(visit, realm, &waiting).await?;
    let person = &waiting.person;
    let code = recovery::code(visit.edge().random());
    let sent = Sent {
        person: person.id.clone(),
        code: sealed(&person.id, &code),
    };
    let worth = Duration::from_secs(60 * u64::from(MINUTES));
    realm.mailed.kept.put(&waiting.id, &sent, worth).await?;
    let kind = Kind::Code(&code, TimeDelta::minutes(MINUTES.into()));
    letters::send(visit, realm, (person, &contact), &kind)?;
    told(visit, realm, &waiting, "mail-sent");
    page(visit, realm, &waiting, Notice::None).await
}

/// Takes the code that was sent for this flow, once.
pub(super) async fn judge(
    visit: &Visit,
    realm: &Realm,
    mut waiting: Waiting,
    typed: &str,
) -> Result<HttpResponse, Refused> {
    if typed.trim().is_empty() || contact(realm, &waiting).await?.is_none() {
        return page(visit, realm, &waiting, Notice::None).await;
    }
    slow(visit, realm, &waiting).await?;
    let right = sealed(&waiting.person.id, typed);
    let kept = &realm.mailed.kept;
    let is_right = |sent: Option<Sent>| sent.is_some_and(|sent| sent.code == right);
    // Of two that come at once, one takes it.
    if is_right(kept.get(&waiting.id).await?) && is_right(kept.take(&waiting.id).await?) {
        let subject = subject(&waiting.person.id);
        realm.mailed.throttle.forget(&subject, visit.peer()).await?;
        waiting.session.value.mailed = Some(visit.edge().now());
        return accept(visit, realm, waiting, "mail-code").await;
    }
    count(visit, realm, &waiting).await?;
    told(visit, realm, &waiting, "refused");
    page(visit, realm, &waiting, Notice::WrongMail).await
}

fn subject(person: &str) -> String {
    format!("mailed/{person}")
}

fn sealed(person: &str, code: &str) -> String {
    digest(&format!("{person}\n{}", recovery::bare(code)))
}

async fn count(visit: &Visit, realm: &Realm, waiting: &Waiting) -> Result<(), Refused> {
    let now = visit.edge().now();
    let throttle = &realm.mailed.throttle;
    throttle
        .count(&subject(&waiting.person.id), visit.peer(), now)
        .await?;
    Ok(())
}

async fn slow(visit: &Visit, realm: &Realm, waiting: &Waiting) -> Result<(), Refused> {
    let now = visit.edge().now();
    let throttle = &realm.mailed.throttle;
    let wait = throttle
        .wait(&subject(&waiting.person.id), visit.peer(), now)
        .await?;
    let Some(seconds) = wait else {
        return Ok(());
    };
    told(visit, realm, waiting, "throttled");
    let to = format!(
        "/second-factor?{}",
        name(&waiting.id, &waiting.flow.service)
    );
    Err(refusals::wait(seconds, realm.path(&to))
        .with("flow", waiting.id.as_str())
        .with("request", waiting.flow.request_id()))
}
