//! What the directory tells of accounts ([`directory::notices`]): sessions end, failures are forgotten,
//! and what was kept of a person is looked up anew.
//!
//! Every process hears every notice within a second, and from then on takes no session for one that
//! was opened before. One of those that share a shelf tells the services that took part, by SOAP:
//! nobody has to visit anything (S10).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::rt::time::sleep;
use directory::notices::{KEPT, Notice, What};
use store::{Drawer, Shelf};
use web::{Event, Refused, Session, Visit};

use crate::logout;
use crate::realm::Realm;
use crate::refusals;
use crate::session::SignedOn;

/// How often the directory is asked.
const LOOK: Duration = Duration::from_secs(1);
/// After this another process acts on a notice that the first one did not finish with.
const CLAIMED: Duration = Duration::from_secs(60);
/// How long it is remembered that a notice was acted on: longer than it is kept.
const DONE: Duration = Duration::from_secs(13 * 3600);

/// The endings of the last hours, by person. Shared by the realms of a process.
#[derive(Default)]
pub(crate) struct Endings(Mutex<HashMap<String, Vec<Notice>>>);

impl Endings {
    fn add(&self, notice: &Notice) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = notice.at - KEPT;
        all.retain(|_, endings| {
            endings.retain(|ending| ending.at >= oldest);
            !endings.is_empty()
        });
        let ending = notice.clone();
        all.entry(notice.person.clone()).or_default().push(ending);
    }

    /// Whether the session is one of those that ended.
    fn ended(&self, session: &SignedOn) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let endings = all.get(&session.person);
        endings
            .into_iter()
            .flatten()
            .any(|ending| ending.ends(&session.index, session.authn_instant))
    }
}

impl Realm {
    /// The session of this browser; one that the directory ended is closed here and now.
    pub(crate) async fn session(
        &self,
        visit: &Visit,
    ) -> Result<Option<Session<SignedOn>>, Refused> {
        let Some(session) = self.sessions.current(visit).await? else {
            return Ok(None);
        };
        if self.endings.ended(&session.value) {
            self.sessions.close(visit).await?;
            return Ok(None);
        }
        Ok(Some(session))
    }

    /// What every process does, whichever tells the services.
    fn hear(&self, notice: &Notice) {
        self.people.forget(&notice.person);
        if notice.what.ends_sessions() {
            self.endings.add(notice);
        }
    }

    /// What one process does.
    async fn act(&self, number: i64, notice: &Notice) -> Result<(), Refused> {
        if notice.what == What::Unlocked {
            return self.forgive(number, notice).await;
        }
        if !notice.what.ends_sessions() {
            return Ok(());
        }
        let mut indexes = self.participants.of_person(&notice.person).await?;
        indexes.retain(|(index, opened)| notice.ends(index, *opened));
        let indexes: Vec<String> = indexes.into_iter().map(|(index, _)| index).collect();
        let tell = |event: Event| self.edge.journal().tell(self.edge.now(), None, &event);
        let services = logout::by_the_house(&tell, self, &indexes).await?;
        let realm = self.parts.realm.as_str();
        tell(
            Event::new("idp.sessions.ended")
                .with("person", notice.person.as_str())
                .with("realm", realm)
                .with("why", notice.what.as_str())
                .with("sessions", indexes.len().to_string())
                .with("services", services.to_string()),
        );
        let labels = [("realm", realm), ("why", notice.what.as_str())];
        for _ in indexes {
            self.edge.count("eduline_sessions_ended_total", &labels);
        }
        Ok(())
    }

    /// Forgets wrong passwords, whatever the person was called when they were typed.
    async fn forgive(&self, number: i64, notice: &Notice) -> Result<(), Refused> {
        let found = self.directory.accounts.person(&notice.person).await;
        let Some(person) = found.map_err(refusals::away)? else {
            return Ok(());
        };
        let names = std::iter::once(&person.login).chain(&person.mail);
        for name in names {
            let account = format!("{}/{name}", self.parts.realm.as_str());
            self.throttle.forgive(&account, number).await?;
        }
        self.mailed.forgive(&person.id, number).await?;
        let event = Event::new("idp.unlocked").with("person", notice.person.as_str());
        self.edge.journal().tell(self.edge.now(), None, &event);
        Ok(())
    }
}

/// Which notices were acted on, for the processes that share a shelf.
pub(crate) struct Acted {
    claimed: Drawer<()>,
    done: Drawer<()>,
}

impl Acted {
    pub(crate) fn new(shelf: &Arc<dyn Shelf>) -> Self {
        Self {
            claimed: Drawer::new(Arc::clone(shelf), "idp.notice-claimed"),
            done: Drawer::new(Arc::clone(shelf), "idp.notice-done"),
        }
    }
}

/// Hears what the directory tells, as long as the process lives. What was told while none ran is
/// heard first.
pub(crate) async fn listen(realms: Vec<Arc<Realm>>, acted: Arc<Acted>) {
    let Some(first) = realms.first() else {
        return;
    };
    let (mut last, mut is_away) = (0, false);
    let mut waiting: Vec<(i64, Notice)> = Vec::new();
    loop {
        let oldest = first.edge.now() - KEPT;
        match first.directory.notices.since(last, oldest).await {
            Ok(told) => {
                is_away = false;
                for (number, notice) in told {
                    last = number;
                    if let Some(realm) = of(&realms, &notice) {
                        realm.hear(&notice);
                        waiting.push((number, notice));
                    }
                }
            }
            Err(why) if !is_away => {
                is_away = true;
                let event = Event::new("idp.notices.away").with("story", why.to_string());
                first.edge.journal().tell(first.edge.now(), None, &event);
            }
            Err(_) => {}
        }
        let mut left = Vec::new();
        for (number, notice) in waiting {
            if let Some(realm) = of(&realms, &notice)
                && !attend(realm, &acted, (number, &notice)).await
            {
                left.push((number, notice));
            }
        }
        waiting = left;
        sleep(LOOK).await;
    }
}

/// The realm whose business a notice is, if it is served here.
fn of<'a>(realms: &'a [Arc<Realm>], notice: &Notice) -> Option<&'a Arc<Realm>> {
    realms.iter().find(|one| one.parts.realm == notice.realm)
}

/// Says whether somebody was done with the notice; else begins, unless somebody else has begun.
async fn attend(realm: &Arc<Realm>, acted: &Arc<Acted>, (number, notice): (i64, &Notice)) -> bool {
    let key = number.to_string();
    match acted.done.get(&key).await {
        Ok(None) => {}
        Ok(Some(())) => return true,
        // A shelf that does not answer is asked again in a second.
        Err(_) => return false,
    }
    if !matches!(acted.claimed.put_once(&key, &(), CLAIMED).await, Ok(true)) {
        return false;
    }
    let (realm, acted, notice) = (Arc::clone(realm), Arc::clone(acted), notice.clone());
    // A service may take its time to answer; what comes next must not wait for it.
    actix_web::rt::spawn(async move {
        if realm.act(number, &notice).await.is_ok() {
            acted.done.put(&key, &(), DONE).await.ok();
        }
    });
    false
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_790_000_000_000 + millis).unwrap()
    }

    fn session(person: &str, index: &str, millis: i64) -> SignedOn {
        SignedOn {
            person: person.to_owned(),
            authn_instant: at(millis) + TimeDelta::microseconds(900),
            second: None,
            mailed: None,
            is_elsewhere: false,
            index: index.to_owned(),
            from: None,
            given: false,
            agreed: None,
            post: None,
            secret: String::new(),
        }
    }

    #[test]
    fn what_was_opened_before_is_over_and_what_is_spared_or_came_after_is_not() {
        let endings = Endings::default();
        let notice = |person: &str, millis: i64, spared: Option<&str>| Notice {
            person: person.to_owned(),
            realm: directory::Realm::Personnel,
            what: What::Password,
            spared: spared.map(str::to_owned),
            only: None,
            at: at(millis),
        };
        assert!(!endings.ended(&session("a", "_1", 0)));
        endings.add(&notice("a", 10, Some("_mine")));
        for (person, index, millis, ended) in [
            ("a", "_1", 0, true),
            ("a", "_1", 10, true),
            ("a", "_1", 11, false),
            ("a", "_mine", 0, false),
            ("b", "_1", 0, false),
        ] {
            let is_over = endings.ended(&session(person, index, millis));
            assert_eq!(is_over, ended, "{person} {index} {millis}");
        }
        // Spared once is not spared for good, and one who was ended stays so.
        endings.add(&notice("a", 20, Some("_2")));
        assert!(endings.ended(&session("a", "_mine", 0)));
        assert!(endings.ended(&session("a", "_2", 0)));
        assert!(!endings.ended(&session("a", "_2", 15)));
        // What no session can be concerned by any more is let go.
        let hours = KEPT.num_milliseconds();
        endings.add(&notice("b", hours + 30, None));
        assert!(!endings.ended(&session("a", "_1", 0)));
    }
    #[test]
    fn of_several_sessions_one_alone_may_be_meant() {
        let endings = Endings::default();
        endings.add(&Notice {
            person: "a".to_owned(),
            realm: directory::Realm::Personnel,
            what: What::Left,
            spared: None,
            only: Some("_1".to_owned()),
            at: at(10),
        });
        assert!(endings.ended(&session("a", "_1", 0)));
        assert!(!endings.ended(&session("a", "_1", 11)), "it came after");
        assert!(!endings.ended(&session("a", "_2", 0)));
        assert!(!endings.ended(&session("b", "_1", 0)));
    }
}
