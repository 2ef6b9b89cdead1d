//! `/compte/mot-de-passe`: login, password or code, and the sum; then the new password, twice.
//!
//! What was proven waits on the shelf for this browser, a quarter of an hour. A code is taken when it is shown:
//! whoever comes second with it has nothing.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use directory::notices::{Notice, What};
use directory::{Attempt, Fault, Person, Realm};
use serde::{Deserialize, Serialize};
use store::{Drawer, Shelf};
use web::session::digest;
use web::{Event, Form, Query, Refused, Visit};

use crate::letters::{self, Kind};
use crate::policy::{self, Broken, Rules};
use crate::{Account, Arrival, refusals};

mod page;

pub(crate) use page::ChangePage;
use page::{Said, Step};

const FORM: &str = "change";
const PATH: &str = "/compte/mot-de-passe";
/// How long a proof waits for the new password.
const PROVEN: Duration = Duration::from_secs(15 * 60);
/// Longest login that is looked at, characters.
const LONGEST_LOGIN: usize = 200;

/// What a browser has proven.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Proven {
    person: String,
    by_code: bool,
    at: DateTime<Utc>,
    /// Where they come from; proofs of an earlier release say nothing.
    #[serde(default)]
    arrival: Option<Arrival>,
}

/// Proofs, by browser; the shelf holds no name of any.
pub(crate) struct Proofs {
    kept: Drawer<Proven>,
}

impl Proofs {
    pub(crate) fn new(shelf: &Arc<dyn Shelf>) -> Self {
        Self {
            kept: Drawer::new(Arc::clone(shelf), "account.proven"),
        }
    }
}

/// What the address says.
#[derive(Deserialize)]
pub(crate) struct Asked {
    profil: Option<String>,
    fait: Option<String>,
    billet: Option<String>,
}

/// What the forms send.
#[derive(Deserialize)]
pub(crate) struct Typed {
    csrf: Option<String>,
    profil: Option<String>,
    login: Option<String>,
    mot_de_passe: Option<String>,
    question: Option<String>,
    reponse: Option<String>,
    nouveau: Option<String>,
    confirmation: Option<String>,
    annuler: Option<String>,
}

/// `GET`: whichever form comes next in this browser.
pub(crate) async fn show(
    visit: Visit,
    account: Data<Account>,
    Query(asked): Query<Asked>,
) -> Result<HttpResponse, Refused> {
    let realm = asked.profil.as_deref().and_then(Realm::parse);
    if asked.fait.is_some() {
        return visit.page(&blank(&account, Step::Done, realm == Some(Realm::Eleve)));
    }
    if let Some(ticket) = &asked.billet {
        account.arrive(&visit, ticket).await?;
        return Ok(visit.see_other(PATH));
    }
    if let Some(standing) = account.standing(&visit).await? {
        return choose(&visit, &account, &standing, (Said::Nothing, Vec::new()));
    }
    let signed_in = account.parts.service.current(&visit).await?;
    let (mut login, mut known) = (String::new(), realm);
    if let Some(session) = signed_in {
        known = account
            .parts
            .realms
            .get(&session.value.provider)
            .copied()
            .or(known);
        session.value.user().clone_into(&mut login);
    }
    let known = known.unwrap_or(Realm::Personnel);
    prove(&visit, &account, (known, login), Said::Nothing).await
}

/// `POST`: the first form or the second.
pub(crate) async fn take(
    visit: Visit,
    account: Data<Account>,
    Form(typed): Form<Typed>,
) -> Result<HttpResponse, Refused> {
    if typed.annuler.is_some() {
        return cancel(&visit, &account, &typed).await;
    }
    if typed.nouveau.is_some() || typed.confirmation.is_some() {
        return set(&visit, &account, typed).await;
    }
    let realm = typed.profil.as_deref().and_then(Realm::parse);
    let realm = realm.unwrap_or(Realm::Personnel);
    let field = |field: &Option<String>| field.clone().unwrap_or_default();
    let login: String = field(&typed.login).chars().take(LONGEST_LOGIN).collect();
    let again = (realm, login.clone());
    if visit.check_csrf(FORM, typed.csrf.as_deref()).is_err() {
        return prove(&visit, &account, again, Said::Expired).await;
    }
    let (secret, answer) = (field(&typed.mot_de_passe), field(&typed.reponse));
    if login.trim().is_empty() || secret.is_empty() || answer.trim().is_empty() {
        return prove(&visit, &account, again, Said::Empty).await;
    }
    if !account
        .sums
        .answer(&field(&typed.question), &answer)
        .await?
    {
        return prove(&visit, &account, again, Said::Sum).await;
    }
    check(&visit, &account, again, &secret).await
}

/// Login, and password or code. Whatever is wrong costs one hash and one look-up, and is told alike.
async fn check(
    visit: &Visit,
    account: &Account,
    (asked, login): (Realm, String),
    secret: &str,
) -> Result<HttpResponse, Refused> {
    let realm = account.realm_of(asked, &login).await?;
    let subject = format!("{}/{}", realm.as_str(), login.trim().to_lowercase());
    let now = visit.edge().now();
    let throttle = &account.passwords;
    if let Some(seconds) = throttle.wait(&subject, visit.peer(), now).await? {
        count(visit, "throttled");
        return Err(refusals::slow(seconds, PATH));
    }
    let directory = &account.parts.directory;
    let known = directory.accounts.find(realm, &login).await;
    let known = known.map_err(refusals::away)?;
    let attempt = directory.passwords.verify(realm, &login, secret).await;
    let is_password = matches!(
        attempt.map_err(refusals::away)?,
        Attempt::Welcome(_) | Attempt::Due(..)
    );
    let id = known.as_ref().map_or("nobody", |person| &person.id);
    // A code is not spent by who knows the password.
    let by_code = !is_password && {
        let taken = directory.recovery.take_code(id, secret, now).await;
        taken.map_err(refusals::away)?
    };
    let Some(person) = known.filter(|_| is_password || by_code) else {
        throttle.count(&subject, visit.peer(), now).await?;
        count(visit, "refused");
        visit.tell(Event::new("account.change.refused"));
        return prove(visit, account, (asked, login), Said::Refused).await;
    };
    throttle.forget(&subject, visit.peer()).await?;
    let proven = Proven {
        person: person.id.clone(),
        by_code,
        at: now,
        arrival: None,
    };
    let key = digest(visit.browser());
    account.proofs.kept.put(&key, &proven, PROVEN).await?;
    count(visit, "proven");
    let by = if by_code { "code" } else { "password" };
    visit.tell(
        Event::new("account.change.proven")
            .with("person", person.id)
            .with("by", by),
    );
    Ok(visit.see_other(PATH))
}

/// The second form: the new password, if it fits.
async fn set(visit: &Visit, account: &Account, typed: Typed) -> Result<HttpResponse, Refused> {
    let Some(standing) = account.standing(visit).await? else {
        return prove(
            visit,
            account,
            (Realm::Personnel, String::new()),
            Said::Late,
        )
        .await;
    };
    if visit.check_csrf(FORM, typed.csrf.as_deref()).is_err() {
        return choose(visit, account, &standing, (Said::Expired, Vec::new()));
    }
    let (proven, person) = &standing;
    let given = account.parts.directory.passwords.must_change(&person.id);
    let given = given.await.map_err(refusals::away)?;
    let new = typed.nouveau.unwrap_or_default();
    let mut broken = account.broken(person, &new, given).await?;
    if new != typed.confirmation.unwrap_or_default() {
        broken.push(Broken::Confirmation);
    }
    let may = given || proven.by_code;
    let is_soon = !may && account.is_too_soon(person, visit.edge().now()).await?;
    if is_soon || !broken.is_empty() {
        let said = if is_soon { Said::Soon } else { Said::Nothing };
        return choose(visit, account, &standing, (said, broken));
    }
    // Of two that are sent at once, one sets it.
    let key = digest(visit.browser());
    if account.proofs.kept.take(&key).await?.is_none() {
        let again = (person.realm, person.login.clone());
        return prove(visit, account, again, Said::Late).await;
    }
    if !account.set_password(visit, &standing, &new).await? {
        // What was proven stays proven: another one may fit.
        account.proofs.kept.put(&key, proven, PROVEN).await?;
        let broken = vec![Broken::Directory];
        return choose(visit, account, &standing, (Said::Nothing, broken));
    }
    letters::tell_everywhere(visit, account, person, &Kind::Changed).await;
    count(visit, "changed");
    let event = Event::new("account.password.changed")
        .with("person", person.id.as_str())
        .with("given", given.to_string());
    visit.tell(event);
    Ok(match &proven.arrival {
        Some(arrival) => visit.see_other(&arrival.back),
        None => visit.see_other(&format!("{PATH}?fait=1&profil={}", person.realm.as_str())),
    })
}

async fn cancel(visit: &Visit, account: &Account, typed: &Typed) -> Result<HttpResponse, Refused> {
    if visit.check_csrf(FORM, typed.csrf.as_deref()).is_ok() {
        account.proofs.kept.take(&digest(visit.browser())).await?;
    }
    Ok(visit.see_other("/compte/"))
}

fn count(visit: &Visit, result: &str) {
    visit
        .edge()
        .count("eduline_password_changes_total", &[("result", result)]);
}

fn blank(account: &Account, step: Step, pupil: bool) -> ChangePage {
    ChangePage {
        step,
        login: String::new(),
        profile: "personnel",
        question: None,
        rules: Rules::of(&account.parts.policy),
        broken: Vec::new(),
        said: Said::Nothing,
        pupil,
        compat: account.parts.compat_2014,
        given: false,
        form_action: None,
    }
}

/// The first form, with a fresh question.
async fn prove(
    visit: &Visit,
    account: &Account,
    (realm, login): (Realm, String),
    said: Said,
) -> Result<HttpResponse, Refused> {
    let page = ChangePage {
        login,
        profile: realm.as_str(),
        question: Some(account.sums.ask(visit.edge()).await?),
        said,
        ..blank(account, Step::Prove, realm == Realm::Eleve)
    };
    let status = match said {
        Said::Empty => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    visit.page_with(status, &page)
}

/// The second form.
fn choose(
    visit: &Visit,
    account: &Account,
    (proven, person): &(Proven, Person),
    (said, broken): (Said, Vec<Broken>),
) -> Result<HttpResponse, Refused> {
    let arrival = proven.arrival.as_ref();
    let status = if broken.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::BAD_REQUEST
    };
    let page = ChangePage {
        login: person.login.clone(),
        profile: person.realm.as_str(),
        broken,
        said,
        given: arrival.is_some(),
        form_action: arrival.and_then(|arrival| arrival.form_action.clone()),
        ..blank(account, Step::Choose, person.realm == Realm::Eleve)
    };
    visit.page_with(status, &page)
}

impl Account {
    /// Somebody comes from the sign-on: what they proved there counts here.
    async fn arrive(&self, visit: &Visit, ticket: &str) -> Result<(), Refused> {
        if !visit.browser_is_known() {
            return Ok(());
        }
        let arrivals = &self.parts.arrivals;
        let Some(arrival) = arrivals.take(ticket, visit.browser()).await? else {
            return Ok(());
        };
        let proven = Proven {
            person: arrival.person.clone(),
            by_code: false,
            at: visit.edge().now(),
            arrival: Some(arrival),
        };
        let key = digest(visit.browser());
        Ok(self.proofs.kept.put(&key, &proven, PROVEN).await?)
    }

    /// What this browser has proven, and of whom.
    async fn standing(&self, visit: &Visit) -> Result<Option<(Proven, Person)>, Refused> {
        if !visit.browser_is_known() {
            return Ok(None);
        }
        let Some(proven) = self.proofs.kept.get(&digest(visit.browser())).await? else {
            return Ok(None);
        };
        let person = self.parts.directory.accounts.person(&proven.person).await;
        Ok(person
            .map_err(refusals::away)?
            .map(|person| (proven, person)))
    }

    /// The realm where there is such a login: the one that was asked for, else the first other one. All
    /// four are looked at whatever the first says.
    async fn realm_of(&self, asked: Realm, login: &str) -> Result<Realm, Refused> {
        let mut found = None;
        let others = Realm::ALL.into_iter().filter(|realm| *realm != asked);
        for realm in std::iter::once(asked).chain(others) {
            let there = self.parts.directory.accounts.enabled(realm, login).await;
            if there.map_err(refusals::away)?.is_some() && found.is_none() {
                found = Some(realm);
            }
        }
        Ok(found.unwrap_or(asked))
    }

    /// Every rule that this password would break, for this person; one that was given is none of their own.
    async fn broken(
        &self,
        person: &Person,
        new: &str,
        given: bool,
    ) -> Result<Vec<Broken>, Refused> {
        let own = [
            person.login.as_str(),
            person.given_name.as_str(),
            person.surname.as_str(),
            person
                .mail
                .as_deref()
                .and_then(|mail| mail.split('@').next())
                .unwrap_or_default(),
        ];
        let rules = &self.parts.policy;
        let mut broken = rules.broken(new, &own);
        let recovery = &self.parts.directory.recovery;
        let born = recovery.is_born(&person.id, &policy::dates(new)).await;
        if born.map_err(refusals::away)? {
            broken.push(Broken::Birth);
        }
        // What costs hashes is asked last.
        let many = rules.past.max(usize::from(given));
        if broken.is_empty() && many > 0 {
            let passwords = &self.parts.directory.passwords;
            let past = passwords.is_past(&person.id, new, many);
            if past.await.map_err(refusals::away)? {
                broken.push(Broken::Past(many));
            }
        }
        Ok(broken)
    }

    /// Whether the password was changed so lately that it must be kept still.
    async fn is_too_soon(&self, person: &Person, now: DateTime<Utc>) -> Result<bool, Refused> {
        let least = chrono::TimeDelta::hours(self.parts.policy.least_hours.into());
        if least.is_zero() {
            return Ok(false);
        }
        let changed = self
            .parts
            .directory
            .passwords
            .last_changed(&person.id)
            .await;
        let changed = changed.map_err(refusals::away)?;
        Ok(changed.is_some_and(|changed| now - changed < least))
    }

    /// Sets it: the codes of before are worth nothing, and the directory's notice ends the sessions that
    /// were opened with the old one, wherever they are.
    /// `false`: where the account is kept that password is refused.
    async fn set_password(
        &self,
        visit: &Visit,
        (proven, person): &(Proven, Person),
        new: &str,
    ) -> Result<bool, Refused> {
        let directory = &self.parts.directory;
        let now = visit.edge().now();
        let kept = self.parts.policy.past;
        let past = directory.passwords.remember(&person.id, kept, now).await;
        past.map_err(refusals::away)?;
        let set = directory
            .passwords
            .set(person.realm, &person.login, new)
            .await;
        if let Err(Fault::Unfit { reason, .. }) = set {
            let event = Event::new("account.change.unfit").with("person", person.id.as_str());
            visit.tell(event.with("reason", reason));
            return Ok(false);
        }
        if !set.map_err(refusals::away)? {
            return Err(refusals::not_ours("the account is gone"));
        }
        let forgotten = directory.recovery.forget_codes(&person.id).await;
        forgotten.map_err(refusals::away)?;
        let notice = Notice::of(person, What::Password, visit.edge().now());
        let own = match &proven.arrival {
            Some(arrival) => Some(arrival.session.clone()),
            None => self.own_session(visit, person).await?,
        };
        let told = directory.notices.tell(&notice.sparing(own)).await;
        told.map_err(refusals::away).map(|()| true)
    }

    /// The session at the identity provider in which somebody changes their own password, who is signed
    /// in here: the one that goes on.
    async fn own_session(&self, visit: &Visit, person: &Person) -> Result<Option<String>, Refused> {
        let session = self.parts.service.current(visit).await?;
        let own = session.map(|session| session.value).filter(|signed_in| {
            let realm = self.parts.realms.get(&signed_in.provider);
            realm == Some(&person.realm) && signed_in.user() == person.login
        });
        Ok(own.and_then(|signed_in| signed_in.login.session_index))
    }
}
