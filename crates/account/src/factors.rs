//! A person's second factors: `GET` and `POST /compte/otp`; and what has to be proven before they are
//! changed.

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::{DateTime, TimeDelta, Utc};
use directory::factors::{AT_MOST, Factor};
use serde::{Deserialize, Serialize};
use sp::{Proof, Sent};
use web::{Badge, Event, Form, Page, Refused, Visit};

use crate::home::sample_badge;
use crate::letters::{self, Kind};
use crate::signed::Signed;
use crate::{Account, otp, refusals};

const FORM: &str = "account-factors";
/// How old the proof may be under which factors are changed.
const FRESH: TimeDelta = TimeDelta::minutes(10);

/// Who proved just now who they are, with a second factor if they have one.
pub(crate) struct Proven {
    pub(crate) signed: Signed,
    pub(crate) factors: Vec<Factor>,
}

impl Account {
    /// Whoever changes factors gave their password a moment ago and, where there is one, a second
    /// factor: who finds a screen unlocked, or has stolen a password, makes none for themselves
    /// (A11). `Err` holds the answer that asks for it, and leads back to `back`.
    pub(crate) async fn proven(
        &self,
        visit: &Visit,
        back: &str,
    ) -> Result<Result<Proven, HttpResponse>, Refused> {
        match self.signed(visit).await? {
            Ok(signed) => self.proven_of(visit, signed, (back, None)).await,
            Err(start) => Ok(Err(start)),
        }
    }

    /// The same for who sent a form: it is kept meanwhile, and given back to be confirmed.
    pub(crate) async fn proven_with(
        &self,
        visit: &Visit,
        back: &str,
        sent: Sent<'_>,
    ) -> Result<Result<Proven, HttpResponse>, Refused> {
        match self.signed_with(visit, Some(sent.clone())).await? {
            Ok(signed) => self.proven_of(visit, signed, (back, Some(sent))).await,
            Err(start) => Ok(Err(start)),
        }
    }

    async fn proven_of(
        &self,
        visit: &Visit,
        signed: Signed,
        (back, sent): (&str, Option<Sent<'_>>),
    ) -> Result<Result<Proven, HttpResponse>, Refused> {
        let factors = self.parts.directory.factors.list(&signed.person.id).await;
        let factors = factors.map_err(refusals::away)?;
        let is_fresh = visit.edge().now() - signed.since < FRESH;
        if is_fresh && (factors.is_empty() || signed.second) {
            return Ok(Ok(Proven { signed, factors }));
        }
        let proof = if factors.is_empty() {
            Proof::Again
        } else {
            Proof::SecondFactor
        };
        let service = &self.parts.service;
        let kept = match sent {
            Some(sent) => Some(service.keep(visit, sent).await?),
            None => None,
        };
        let target = (kept.as_deref().unwrap_or(back), signed.provider);
        let asked = service.prove_again(visit, target, proof).await?;
        Ok(Err(asked))
    }
}

/// Tells the journal of a change, or of a try, and counts it.
pub(crate) fn told(visit: &Visit, person: &str, result: &'static str) {
    let event = Event::new("account.factor")
        .with("person", person)
        .with("result", result);
    visit.tell(event);
    let labels = [("result", result)];
    visit.edge().count("eduline_account_factors_total", &labels);
}

/// « Activer votre clé OTP », for those who have one.
#[derive(Serialize)]
pub(crate) struct FactorsPage {
    badge: Badge,
    pupil: bool,
    notice: &'static str,
    factors: Vec<Row>,
    is_full: bool,
    codes_left: usize,
}

/// One factor: dates for machines and for people.
#[derive(Serialize)]
struct Row {
    id: String,
    kind: &'static str,
    name: String,
    since: (String, String),
    last_used: Option<(String, String)>,
    /// Whether without it nothing is left.
    is_last: bool,
}

/// A day, for machines and for people.
fn day(at: DateTime<Utc>) -> (String, String) {
    let machine = at.format("%Y-%m-%d").to_string();
    (machine, at.format("%d/%m/%Y").to_string())
}

impl FactorsPage {
    fn of(proven: Proven, notice: &'static str, codes_left: usize) -> Self {
        let is_last = proven.factors.len() == 1;
        let is_full = proven.factors.len() >= AT_MOST;
        let rows = proven.factors.into_iter().map(|factor| Row {
            id: factor.id,
            kind: factor.kind.as_str(),
            name: factor.name,
            since: day(factor.created),
            last_used: factor.last_used.map(day),
            is_last,
        });
        Self {
            pupil: proven.signed.tutoie(),
            badge: proven.signed.badge,
            notice,
            factors: rows.collect(),
            is_full,
            codes_left,
        }
    }
}

impl Page for FactorsPage {
    const TEMPLATE: &'static str = "account-factors.html";

    fn samples() -> Vec<Self> {
        let moment = DateTime::from_timestamp(1_796_800_000, 0).unwrap_or_default();
        let row = |kind, name: &str, is_last: bool| Row {
            id: "a".to_owned(),
            kind,
            name: name.to_owned(),
            since: day(moment),
            last_used: (!is_last).then(|| day(moment)),
            is_last,
        };
        let page = |notice, factors, codes_left| Self {
            badge: sample_badge(),
            pupil: codes_left == 0,
            notice,
            factors,
            is_full: codes_left == 3,
            codes_left,
        };
        let two = || {
            vec![
                row("application", "Mon téléphone", false),
                row("token", "SN-0042", false),
            ]
        };
        vec![
            page("", two(), 10),
            page("removed", vec![row("application", "", true)], 3),
            page("expired", two(), 0),
            page("", vec![row("passkey", "", true)], 1),
        ]
    }

    fn user(&self) -> Option<Badge> {
        Some(self.badge.clone())
    }

    fn tutoie(&self) -> bool {
        self.pupil
    }
}

/// A sheet of recovery codes, shown once.
#[derive(Serialize)]
pub(crate) struct CodesPage {
    badge: Badge,
    pupil: bool,
    /// Whether a factor was activated just now.
    is_new: bool,
    name: String,
    login: String,
    made: (String, String),
    codes: Vec<(String, String)>,
}

impl CodesPage {
    fn of(signed: &Signed, is_new: bool, now: DateTime<Utc>, codes: &[String]) -> Self {
        let halves = codes.iter().map(|code| {
            let (one, other) = code.split_at_checked(5).unwrap_or((code, ""));
            (one.to_owned(), other.to_owned())
        });
        Self {
            badge: signed.badge.clone(),
            pupil: signed.tutoie(),
            is_new,
            name: signed.badge.name.clone(),
            login: signed.person.login.clone(),
            made: day(now),
            codes: halves.collect(),
        }
    }
}

impl Page for CodesPage {
    const TEMPLATE: &'static str = "account-codes.html";

    fn samples() -> Vec<Self> {
        let moment = DateTime::from_timestamp(1_796_800_000, 0).unwrap_or_default();
        [true, false]
            .map(|is_new| Self {
                badge: sample_badge(),
                pupil: is_new,
                is_new,
                name: "Anne Martin".to_owned(),
                login: "amartin".to_owned(),
                made: day(moment),
                codes: vec![("12345".to_owned(), "67890".to_owned()); 10],
            })
            .into()
    }

    fn user(&self) -> Option<Badge> {
        Some(self.badge.clone())
    }

    fn tutoie(&self) -> bool {
        self.pupil
    }
}

/// What the forms of the list send.
#[derive(Deserialize)]
pub(crate) struct Told {
    csrf: Option<String>,
    choice: Option<String>,
    factor: Option<String>,
    otp: Option<String>,
    name: Option<String>,
}

/// `GET`: the list; who has none begins to activate one.
pub(crate) async fn show(visit: Visit, account: Data<Account>) -> Result<HttpResponse, Refused> {
    match account.proven(&visit, "/compte/otp").await? {
        Ok(proven) if proven.factors.is_empty() => {
            otp::page(&visit, &account, &proven, ("", "")).await
        }
        Ok(proven) => page(&visit, &account, proven, "").await,
        Err(asked) => Ok(asked),
    }
}

/// `POST`: removes one, or makes fresh recovery codes; and ends what `GET` began for who had none.
pub(crate) async fn change(
    visit: Visit,
    account: Data<Account>,
    Form(sent): Form<Told>,
) -> Result<HttpResponse, Refused> {
    let proven = match account.proven(&visit, "/compte/otp").await? {
        Ok(proven) => proven,
        Err(asked) => return Ok(asked),
    };
    let Some(choice) = sent.choice else {
        let typed = otp::Typed::of(sent.csrf, sent.otp, sent.name);
        return otp::judge(&visit, &account, proven, typed).await;
    };
    if proven.factors.is_empty() {
        return Ok(visit.see_other("/compte/otp"));
    }
    if visit.check_csrf(FORM, sent.csrf.as_deref()).is_err() {
        return page(&visit, &account, proven, "expired").await;
    }
    match choice.as_str() {
        "remove" => remove(&visit, &account, proven, &sent.factor.unwrap_or_default()).await,
        "codes" => {
            told(&visit, &proven.signed.person.id, "codes-renewed");
            letters::tell_everywhere(&visit, &account, &proven.signed.person, &Kind::Factors).await;
            fresh_codes(&visit, &account, &proven.signed, false).await
        }
        _ => page(&visit, &account, proven, "").await,
    }
}

async fn remove(
    visit: &Visit,
    account: &Account,
    mut proven: Proven,
    id: &str,
) -> Result<HttpResponse, Refused> {
    let person = &proven.signed.person.id;
    let factors = &account.parts.directory.factors;
    let removed = factors.remove(person, id).await.map_err(refusals::away)?;
    if !removed {
        return page(visit, account, proven, "").await;
    }
    told(visit, person, "removed");
    letters::tell_everywhere(visit, account, &proven.signed.person, &Kind::Factors).await;
    proven.factors.retain(|factor| factor.id != id);
    page(visit, account, proven, "removed").await
}

/// Makes fresh recovery codes in place of those there were, and shows them, once.
pub(crate) async fn fresh_codes(
    visit: &Visit,
    account: &Account,
    signed: &Signed,
    is_new: bool,
) -> Result<HttpResponse, Refused> {
    let codes = &account.parts.directory.factors;
    let codes = codes.renew_codes(&signed.person.id).await;
    let codes = codes.map_err(refusals::away)?;
    let now = visit.edge().now();
    visit.page(&CodesPage::of(signed, is_new, now, &codes))
}

async fn page(
    visit: &Visit,
    account: &Account,
    proven: Proven,
    notice: &'static str,
) -> Result<HttpResponse, Refused> {
    let factors = &account.parts.directory.factors;
    let left = factors.codes_left(&proven.signed.person.id).await;
    let left = left.map_err(refusals::away)?;
    visit.page(&FactorsPage::of(proven, notice, left))
}
