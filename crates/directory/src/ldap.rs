//! Accounts that are kept in LDAP trees, several in order, over the house's own database.
//!
//! Whoever has an account here is looked for nowhere else. A tree that does not answer is a fault, never
//! a reason to ask the next one: it may be the one that knows.

pub(crate) mod mapping;
mod ppolicy;
mod tree;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::hashing::LONGEST;
use crate::sql::{Kept, LONGEST_LOGIN, Sql, typed};
use crate::{
    Accounts, Attempt, Connections, Due, Fault, NewAccount, Passwords, Person, Realm, fit,
};
use tree::{Bound, Entry, Link};

pub use tree::{Attributes, Service, Tree};

/// Trees over a database.
pub(crate) struct Layered {
    own: Arc<Sql>,
    trees: Vec<Link>,
}

impl Layered {
    pub(crate) fn of(own: Arc<Sql>, trees: Vec<Tree>) -> Result<Self, Fault> {
        let trees: Result<_, Fault> = trees.into_iter().map(Link::of).collect();
        Ok(Self { own, trees: trees? })
    }

    fn trees(&self, realm: Realm) -> impl Iterator<Item = &Link> {
        self.trees.iter().filter(move |link| link.realm() == realm)
    }

    /// The first tree that knows the login, and what it knows; nobody who has an account here.
    async fn seek(&self, realm: Realm, login: &str) -> Result<Option<(&Link, Entry)>, Fault> {
        let login = typed(login);
        if login.is_empty() || login.len() > LONGEST_LOGIN {
            return Ok(None);
        }
        let here = self.own.by_login(realm, &login).await?;
        if here.is_some_and(|kept| kept.origin.is_none()) {
            return Ok(None);
        }
        for link in self.trees(realm) {
            if let Some(entry) = link.by_login(&login).await? {
                return Ok(Some((link, entry)));
            }
        }
        Ok(None)
    }

    /// The account with this login as it is now, wherever it is kept.
    async fn kept(&self, realm: Realm, login: &str) -> Result<Option<Kept>, Fault> {
        if let Some((_, entry)) = self.seek(realm, login).await? {
            return self.own.mirror(entry.seen).await.map(Some);
        }
        let here = self.own.by_login(realm, login).await?;
        Ok(here.filter(|kept| kept.origin.is_none()))
    }

    /// What a right password comes to.
    async fn right(&self, entry: Entry, due: Option<Due>) -> Result<Attempt, Fault> {
        let kept = self.own.mirror(entry.seen).await?;
        Ok(match (kept.enabled, due) {
            (false, _) => Attempt::Disabled,
            (true, None) => Attempt::Welcome(Box::new(kept.person)),
            (true, Some(due)) => Attempt::Due(Box::new(kept.person), due),
        })
    }
}

fn who(kept: Option<Kept>) -> Option<Person> {
    kept.filter(|kept| kept.enabled).map(|kept| kept.person)
}

#[async_trait::async_trait]
impl Accounts for Layered {
    async fn find(&self, realm: Realm, login: &str) -> Result<Option<Person>, Fault> {
        Ok(who(self.kept(realm, login).await?))
    }

    async fn person(&self, id: &str) -> Result<Option<Person>, Fault> {
        let Some(kept) = self.own.by_id(id).await? else {
            return Ok(None);
        };
        let Some(origin) = &kept.origin else {
            return Ok(who(Some(kept)));
        };
        for link in self.trees(kept.person.realm) {
            if let Some(entry) = link.by_origin(origin).await? {
                return Ok(who(Some(self.own.mirror(entry.seen).await?)));
            }
        }
        Ok(None)
    }

    /// Those of trees as far as they came by.
    async fn list(&self, realm: Realm) -> Result<Vec<Person>, Fault> {
        self.own.list(realm).await
    }

    async fn search(
        &self,
        text: &str,
        uais: Option<&[String]>,
        most: usize,
    ) -> Result<Vec<Person>, Fault> {
        self.own.search(text, uais, most).await
    }

    async fn keep(&self, account: NewAccount) -> Result<Person, Fault> {
        self.own.keep(account).await
    }

    async fn enabled(&self, realm: Realm, login: &str) -> Result<Option<bool>, Fault> {
        let kept = self.kept(realm, login).await?;
        Ok(kept.map(|kept| kept.enabled))
    }

    async fn place(&self, person: &Person) -> Result<bool, Fault> {
        self.own.place(person).await
    }

    async fn set_enabled(&self, realm: Realm, login: &str, enabled: bool) -> Result<bool, Fault> {
        let Some(kept) = self.kept(realm, login).await? else {
            return Ok(false);
        };
        self.own
            .set_enabled(realm, &kept.person.login, enabled)
            .await
    }

    fn connections(&self) -> Connections {
        self.own.connections()
    }

    async fn ready(&self) -> Result<(), Fault> {
        self.own.ready().await?;
        for link in &self.trees {
            link.ready().await?;
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl Passwords for Layered {
    fn waiting(&self) -> usize {
        self.own.waiting()
    }

    async fn verify(&self, realm: Realm, login: &str, password: &str) -> Result<Attempt, Fault> {
        // An empty password would be no password to a tree, and let anybody in (RFC 4513, 5.1.2).
        let is_one = (1..=LONGEST).contains(&password.len());
        let found = if is_one {
            self.seek(realm, login).await?
        } else {
            None
        };
        let Some((link, entry)) = found else {
            return self.own.verify(realm, login, password).await;
        };
        match link.bind(&entry.dn, password).await? {
            Bound::Right => self.right(entry, None).await,
            Bound::Due(due) => self.right(entry, Some(due)).await,
            Bound::Wrong => Ok(Attempt::Refused),
            Bound::Locked => Ok(Attempt::Locked),
        }
    }

    async fn set(&self, realm: Realm, login: &str, password: &str) -> Result<bool, Fault> {
        let unfit = |reason| Fault::Unfit {
            login: typed(login),
            reason,
        };
        if let Some(reason) = fit::password(password) {
            return Err(unfit(reason));
        }
        match self.seek(realm, login).await? {
            Some((link, entry)) => {
                if let Some(reason) = link.set(&entry.dn, password).await? {
                    return Err(unfit(reason));
                }
                let kept = self.own.mirror(entry.seen).await?;
                self.own.has_changed(&kept.person.id).await.map(|()| true)
            }
            None => match self.kept(realm, login).await? {
                Some(_) => self.own.set(realm, login, password).await,
                None => Ok(false),
            },
        }
    }

    async fn give(&self, realm: Realm, login: &str, password: &str) -> Result<bool, Fault> {
        if !self.set(realm, login, password).await? {
            return Ok(false);
        }
        let Some(kept) = self.kept(realm, login).await? else {
            return Ok(false);
        };
        self.own
            .ask_for_change(&kept.person.id)
            .await
            .map(|()| true)
    }

    async fn ask_for_change(&self, person: &str) -> Result<(), Fault> {
        self.own.ask_for_change(person).await
    }

    async fn must_change(&self, person: &str) -> Result<bool, Fault> {
        self.own.must_change(person).await
    }

    async fn is_past(&self, person: &str, password: &str, many: usize) -> Result<bool, Fault> {
        self.own.is_past(person, password, many).await
    }

    /// Of a tree, only the tree knows those of before.
    async fn remember(&self, person: &str, many: usize, now: DateTime<Utc>) -> Result<(), Fault> {
        let kept = self.own.by_id(person).await?;
        if kept.is_some_and(|kept| kept.origin.is_some()) {
            return Ok(());
        }
        self.own.remember(person, many, now).await
    }

    async fn last_changed(&self, person: &str) -> Result<Option<DateTime<Utc>>, Fault> {
        self.own.last_changed(person).await
    }
}
