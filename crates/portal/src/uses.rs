//! What somebody opened last and most. Counted here, for them alone, and for as long as they like it.

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sp::Sent;
use web::{Event, Form, Refused, Visit};

use crate::favourites::{self, FAVOURITES};
use crate::{Opened, Portal};

/// The address that is told.
pub(crate) const USES: &str = "/portail/usage";
/// The form's name, for its token.
const FORM: &str = "uses";
/// Applications counted of one person; the one that was opened longest ago makes room.
const MOST: usize = 60;
/// How many of each are shown.
const SHOWN: usize = 4;
/// What was opened once is not opened often.
const OFTEN: u32 = 3;

/// What one person opened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Uses {
    /// Whether they do not want it counted.
    pub(crate) off: bool,
    /// The one opened last stands first.
    opened: Vec<Use>,
}

/// How often an application was opened, and when last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Use {
    id: String,
    times: u32,
    last: DateTime<Utc>,
}

impl Uses {
    /// Counts once more.
    pub(crate) fn count(&mut self, id: &str, now: DateTime<Utc>) {
        if self.off {
            return;
        }
        let before = self.opened.iter().find(|one| one.id == id);
        let times = before.map_or(0, |one| one.times).saturating_add(1);
        self.opened.retain(|one| one.id != id);
        self.opened.truncate(MOST - 1);
        let last = now;
        let id = id.to_owned();
        self.opened.insert(0, Use { id, times, last });
    }

    /// Counts from now on, or does not; then it forgets what it knew too.
    pub(crate) fn turn(&mut self, on: bool) {
        self.off = !on;
        if self.off {
            self.opened.clear();
        }
    }

    /// Those opened last and, of the others, those opened most: of what `is_seen` today.
    pub(crate) fn shown(&self, is_seen: &dyn Fn(&str) -> bool) -> (Vec<&str>, Vec<&str>) {
        let seen = self.opened.iter().filter(|one| is_seen(&one.id));
        let seen: Vec<&Use> = seen.collect();
        let (recent, others) = seen.split_at(seen.len().min(SHOWN));
        let mut often: Vec<&Use> = others
            .iter()
            .filter(|one| one.times >= OFTEN)
            .copied()
            .collect();
        often.sort_by_key(|one| std::cmp::Reverse(one.times));
        (
            recent.iter().map(|one| one.id.as_str()).collect(),
            often
                .into_iter()
                .take(SHOWN)
                .map(|one| one.id.as_str())
                .collect(),
        )
    }
}

/// What `POST /portail/usage` may be told: one application that was opened, or whether to count.
#[derive(Debug, Deserialize)]
pub(crate) struct Told {
    csrf: Option<String>,
    application: Option<String>,
    /// `oui` or `non`.
    compter: Option<String>,
}

impl Told {
    /// The form, for it to be kept while its person signs on. What a script tells is not worth it.
    fn sent(&self) -> Option<Sent<'_>> {
        let word = self.compter.clone()?;
        Some(Sent {
            form: FORM,
            csrf: self.csrf.as_deref(),
            action: USES,
            page: FAVOURITES.to_owned(),
            title: match word.as_str() {
                "oui" => "portal.uses-start",
                _ => "portal.uses-stop",
            },
            shown: Vec::new(),
            fields: vec![("compter", word)],
        })
    }
}

/// `POST /portail/usage`: by a script beside a link that was followed, or by the form of favourites.
pub(crate) async fn tell(
    visit: Visit,
    portal: Data<Portal>,
    Form(told): Form<Told>,
) -> Result<HttpResponse, Refused> {
    let Some(opened) = portal.open(&visit).await? else {
        let service = &portal.parts.service;
        return match told.sent() {
            Some(sent) => service.start_with(&visit, sent).await,
            None => service.start(&visit, FAVOURITES).await,
        };
    };
    if visit.check_csrf(FORM, told.csrf.as_deref()).is_err() {
        return favourites::page(&visit, &portal, &opened, true);
    }
    match (told.application.as_deref(), told.compter.as_deref()) {
        (Some(id), None) => portal.count_use(&visit, opened, id).await,
        (None, Some(word @ ("oui" | "non"))) => {
            portal.turn_uses(&visit, opened, word == "oui").await
        }
        _ => Err(
            Refused::malformed("EDU-8001", "malformed", "neither one use nor one choice")
                .way_out("portal.favourites-manage", FAVOURITES),
        ),
    }
}

impl Portal {
    /// Nobody waits for the answer: what cannot be counted is not.
    async fn count_use(
        &self,
        visit: &Visit,
        mut opened: Opened,
        id: &str,
    ) -> Result<HttpResponse, Refused> {
        let application = opened.catalogue.application(id);
        let application = application.filter(|one| opened.visitor.sees(one) && !one.cachee);
        let known = application.map(|one| one.id.clone());
        if let (Some(key), Some(id), false) = (&opened.key, known, opened.remembered.uses.off) {
            opened.remembered.uses.count(&id, opened.now);
            self.memory
                .keep(key, &mut opened.remembered, opened.now)
                .await?;
            let labels = [("application", id.as_str())];
            visit.edge().count("eduline_portal_launches_total", &labels);
        }
        Ok(HttpResponse::NoContent().finish())
    }

    async fn turn_uses(
        &self,
        visit: &Visit,
        mut opened: Opened,
        on: bool,
    ) -> Result<HttpResponse, Refused> {
        if let Some(key) = &opened.key {
            opened.remembered.uses.turn(on);
            self.memory
                .keep(key, &mut opened.remembered, opened.now)
                .await?;
            let counts = if on { "yes" } else { "no" };
            visit.tell(Event::new("portal.uses").with("counts", counts));
        }
        Ok(visit.see_other(&format!("{FAVOURITES}#usage")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ids: &str) -> Uses {
        let mut uses = Uses::default();
        for id in ids.chars() {
            uses.count(&id.to_string(), DateTime::UNIX_EPOCH);
        }
        uses
    }

    #[test]
    fn t12_the_last_come_first_and_of_the_others_the_most_used() {
        let uses = of("aaaaabbbcddddefgh");
        let (recent, often) = uses.shown(&|_| true);
        assert_eq!(recent, ["h", "g", "f", "e"]);
        assert_eq!(often, ["a", "d", "b"], "c was opened once");
        let (recent, often) = uses.shown(&|id| "ab".contains(id));
        assert_eq!((recent.concat(), often.len()), ("ba".to_owned(), 0));
        let many = Uses::default();
        assert_eq!(many.shown(&|_| true), (vec![], vec![]));
    }

    #[test]
    fn who_does_not_want_it_is_forgotten_and_not_counted() {
        let mut uses = of("aab");
        uses.turn(false);
        assert!(uses.opened.is_empty());
        uses.count("a", DateTime::UNIX_EPOCH);
        assert!(uses.opened.is_empty());
        uses.turn(true);
        uses.count("a", DateTime::UNIX_EPOCH);
        assert_eq!(uses.opened.len(), 1);
        for n in 0..200 {
            uses.count(&n.to_string(), DateTime::UNIX_EPOCH);
        }
        assert_eq!(uses.opened.len(), MOST);
    }
}
