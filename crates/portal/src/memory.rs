//! What the portal remembers of a person, under a digest of who they are: the store alone names
//! nobody.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use saml::NameIdFormat;
use saml::attribute::{PAIRWISE_ID, SUBJECT_ID, UID};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sp::SignedIn;
use store::{Away, Drawer, Shelf};

use crate::uses::Uses;

/// Who has not come for two school years has left.
const KEPT: Duration = Duration::from_secs(2 * 366 * 86_400);
/// How often a visit makes it last anew: a page view is not a write.
const RENEWED: TimeDelta = TimeDelta::days(30);
/// Favourites of one person; more are no favourites.
pub(crate) const MOST: usize = 60;

/// What is remembered of one person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Remembered {
    /// Ids of applications, in the person's order.
    pub(crate) favourites: Vec<String>,
    /// The id of the post they were last here in.
    pub(crate) role: Option<String>,
    /// What they opened, unless they do not want it counted.
    pub(crate) uses: Uses,
    written: DateTime<Utc>,
}

/// A change of somebody's favourites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// Put last.
    Add(String),
    /// Taken away.
    Remove(String),
    /// One place up.
    Up(String),
    /// One place down.
    Down(String),
    /// In this order; those that are not named keep theirs, behind.
    Order(Vec<String>),
}

impl Change {
    /// What the journal and the counters call it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Add(_) => "add",
            Self::Remove(_) => "remove",
            Self::Up(_) | Self::Down(_) | Self::Order(_) => "move",
        }
    }
}

impl Remembered {
    /// Makes the change; says whether there was anything to change. Favourites that this person does
    /// not see today are stepped over, so that one step is one step on the page.
    pub(crate) fn change(&mut self, change: &Change, is_seen: &dyn Fn(&str) -> bool) -> bool {
        let before = self.favourites.clone();
        match change {
            Change::Add(id) => {
                if !before.contains(id) && before.len() < MOST {
                    self.favourites.push(id.clone());
                }
            }
            Change::Remove(id) => self.favourites.retain(|one| one != id),
            Change::Up(id) => self.step(id, is_seen, |at| at.checked_sub(1)),
            Change::Down(id) => self.step(id, is_seen, |at| at.checked_add(1)),
            Change::Order(order) => {
                let rank = |id: &String| order.iter().position(|one| one == id);
                self.favourites
                    .sort_by_key(|id| rank(id).unwrap_or(usize::MAX));
            }
        }
        self.favourites != before
    }

    /// Changes places with the neighbour that `to` names, among those that are seen.
    fn step(
        &mut self,
        id: &str,
        is_seen: &dyn Fn(&str) -> bool,
        to: impl Fn(usize) -> Option<usize>,
    ) {
        let all = self.favourites.iter().enumerate();
        let seen: Vec<usize> = all
            .filter(|(_, one)| is_seen(one))
            .map(|(at, _)| at)
            .collect();
        let place = self.favourites.iter().position(|one| one == id);
        let rank = seen.iter().position(|at| Some(*at) == place);
        let other = rank.and_then(to).and_then(|rank| seen.get(rank));
        if let (Some(place), Some(other)) = (place, other) {
            self.favourites.swap(place, *other);
        }
    }
}

/// The store.
pub(crate) struct Memory {
    drawer: Drawer<Remembered>,
}

impl Memory {
    /// The memory on that shelf.
    pub(crate) fn on(shelf: Arc<dyn Shelf>) -> Self {
        Self {
            drawer: Drawer::new(shelf, "portal.person"),
        }
    }

    /// What is remembered of that person. What another release wrote otherwise is forgotten.
    pub(crate) async fn of(&self, key: &str, now: DateTime<Utc>) -> Result<Remembered, Away> {
        let mut found = match self.drawer.get(key).await {
            Ok(found) => found.unwrap_or_default(),
            Err(Away::Unreadable { .. }) => Remembered::default(),
            Err(away) => return Err(away),
        };
        if found != Remembered::default() && now - found.written > RENEWED {
            self.keep(key, &mut found, now).await?;
        }
        Ok(found)
    }

    /// Keeps it.
    pub(crate) async fn keep(
        &self,
        key: &str,
        remembered: &mut Remembered,
        now: DateTime<Utc>,
    ) -> Result<(), Away> {
        remembered.written = now;
        self.drawer.put(key, remembered, KEPT).await
    }
}

/// Under what a person is remembered: their provider and what it calls them for good (SDP-SP16).
/// Nothing, when all it says is for one session.
pub(crate) fn key(signed_in: &SignedIn) -> Option<String> {
    let login = &signed_in.login;
    let first = |name: &str| {
        let mut values = login.values(name).map(str::trim);
        values.find(|one| !one.is_empty() && *one != "X")
    };
    let lasting = login.name_id.as_ref();
    let lasting = lasting.filter(|id| id.format == NameIdFormat::Persistent);
    let subject = first(SUBJECT_ID.name)
        .map(|id| ("subject-id", id))
        .or_else(|| first(UID.name).map(|id| ("uid", id)))
        .or_else(|| lasting.map(|id| ("name-id", id.value.as_str())))
        .or_else(|| first(PAIRWISE_ID.name).map(|id| ("pairwise-id", id)));
    let (kind, subject) = subject?;
    let named = format!("{}\n{kind}\n{subject}", signed_in.provider);
    let digest = Sha256::digest(named.as_bytes());
    Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ids: &str) -> Remembered {
        Remembered {
            favourites: ids.chars().map(String::from).collect(),
            ..Remembered::default()
        }
    }

    #[test]
    fn favourites_are_added_moved_and_removed_and_nothing_breaks_at_the_ends() {
        let mut one = of("abc");
        let letter = |text: &str| text.to_owned();
        for (change, after) in [
            (Change::Up(letter("a")), "abc"),
            (Change::Up(letter("c")), "acb"),
            (Change::Down(letter("a")), "cab"),
            (Change::Down(letter("b")), "cab"),
            (Change::Up(letter("z")), "cab"),
            (Change::Add(letter("a")), "cab"),
            (Change::Add(letter("d")), "cabd"),
            (Change::Remove(letter("z")), "cabd"),
            (Change::Remove(letter("a")), "cbd"),
            (
                Change::Order(vec![letter("d"), letter("z"), letter("c")]),
                "dcb",
            ),
            (Change::Order(vec![]), "dcb"),
        ] {
            let before = one.favourites.concat();
            let changed = one.change(&change, &|_| true);
            assert_eq!(changed, before != after, "{change:?}");
            assert_eq!(one.favourites.concat(), after, "{change:?}");
        }
        let mut full = Remembered {
            favourites: (0..MOST).map(|n| n.to_string()).collect(),
            ..Remembered::default()
        };
        assert!(!full.change(&Change::Add(letter("one more")), &|_| true));
    }

    #[test]
    fn what_is_not_seen_today_keeps_its_place_and_costs_no_step() {
        let mut one = of("axxb");
        one.favourites[2] = "y".into();
        assert!(one.change(&Change::Up("b".into()), &|id| id.len() == 1
            && "ab".contains(id)));
        assert_eq!(one.favourites.concat(), "bxya");
        assert!(!one.change(&Change::Up("x".into()), &|id| "ab".contains(id)));
    }
}
