//! A copy of who a person is whose account is kept elsewhere, beside what only the house keeps of them:
//! second factors, codes, histories, roles. Its password is none.

use super::database::query;
use super::rows::to_json;
use super::{Sql, away};
use crate::identifiers::Numen;
use crate::rule::joined;
use crate::sql::Kept;
use crate::{Fault, NewAccount, Person, fit};

/// What a password that is kept elsewhere is here: no hash, so that nothing fits it.
const ELSEWHERE: &str = "elsewhere";

/// An account as it was seen where it is kept.
pub(crate) struct Seen {
    /// Which it is there, for ever.
    pub(crate) origin: String,
    /// Who it is; the id is ours, the password is not looked at.
    pub(crate) account: NewAccount,
    /// Whether posts are told there; if not, those that were given here stay.
    pub(crate) has_posts: bool,
    /// The same of groups.
    pub(crate) has_groups: bool,
}

impl Seen {
    fn is_as(&self, before: &Person) -> bool {
        let seen = &self.account.person;
        (&seen.login, &seen.title, &seen.given_name, &seen.surname)
            == (
                &before.login,
                &before.title,
                &before.given_name,
                &before.surname,
            )
            && seen.mail == before.mail
            && (!self.has_posts || seen.posts == before.posts)
            && (!self.has_groups || seen.groups == before.groups)
    }
}

impl Sql {
    /// The account with this id, disabled or not.
    pub(crate) async fn by_id(&self, id: &str) -> Result<Option<Kept>, Fault> {
        self.one("id = $1", &[id]).await
    }

    /// Its person chose their password where it is kept.
    pub(crate) async fn has_changed(&self, id: &str) -> Result<(), Fault> {
        query("UPDATE account SET must_change = 0 WHERE id = $1")
            .bind(id)
            .execute(&self.database)
            .await
            .map(drop)
            .map_err(away)
    }

    /// Keeps what was seen, where it differs from what is kept. A login goes with whoever has it now: who
    /// had it before keeps their id, which nobody else ever has.
    pub(crate) async fn mirror(&self, mut seen: Seen) -> Result<Kept, Fault> {
        fit::tidy(&mut seen.account);
        let faults = fit::faults(&seen.account);
        if !faults.is_empty() {
            return Err(Fault::Unfit {
                login: seen.account.person.login,
                reason: joined(&faults),
            });
        }
        let before = self.one("origin = $1", &[&seen.origin]).await?;
        if let Some(before) = before.filter(|before| seen.is_as(&before.person)) {
            return Ok(before);
        }
        let login = seen.account.person.login.clone();
        let written = self.write_seen(&seen).await;
        written.map_err(|why| match why {
            sqlx::Error::Database(fault) if fault.is_unique_violation() => Fault::Unfit {
                login,
                reason: "another account has this login or NUMEN".to_owned(),
            },
            why => away(why),
        })?;
        let kept = self.one("origin = $1", &[&seen.origin]).await?;
        kept.ok_or_else(|| Fault::Away("an account went while it was written".to_owned()))
    }

    async fn write_seen(&self, seen: &Seen) -> Result<(), sqlx::Error> {
        let person = &seen.account.person;
        let realm = person.realm.as_str();
        let mut transaction = self.database.begin(&seen.origin).await?;
        query("UPDATE account SET login = id WHERE realm = $1 AND login = $2 AND origin <> $3")
            .bind(realm)
            .bind(person.login.as_str())
            .bind(seen.origin.as_str())
            .execute(&mut transaction)
            .await?;
        // A mail address is one person's: who has an account here keeps theirs.
        query("UPDATE account SET mail = NULL WHERE realm = $1 AND mail = $2 AND origin <> $3")
            .bind(realm)
            .bind(person.mail.clone())
            .bind(seen.origin.as_str())
            .execute(&mut transaction)
            .await?;
        let taken =
            query("SELECT id FROM account WHERE realm = $1 AND mail = $2 AND origin IS NULL")
                .bind(realm)
                .bind(person.mail.clone())
                .fetch_optional(&mut transaction)
                .await?;
        let mail = person.mail.clone().filter(|_| taken.is_none());
        let before = query("SELECT id FROM account WHERE origin = $1")
            .bind(seen.origin.as_str())
            .fetch_optional(&mut transaction)
            .await?;
        let id = match before {
            Some(row) => row.try_get(0)?,
            None => self.fresh_id(),
        };
        self.upsert(seen, id, mail)?
            .execute(&mut transaction)
            .await?;
        transaction.commit().await
    }

    fn upsert(
        &self,
        seen: &Seen,
        id: String,
        mail: Option<String>,
    ) -> Result<super::database::Query, sqlx::Error> {
        let unfit = |fault: Fault| sqlx::Error::Encode(fault.into());
        let person = &seen.account.person;
        let numen = seen.account.numen.as_deref().and_then(Numen::parse);
        let numen = numen.map(|numen| self.keys.numen(&numen)).transpose();
        let born = seen.account.birth_date;
        let born = born.map(|born| self.keys.birth_date(&id, born)).transpose();
        let posts = seen.has_posts.then(|| to_json(&person.posts)).transpose();
        let groups = seen.has_groups.then(|| to_json(&person.groups)).transpose();
        Ok(query(
            "INSERT INTO account (id, realm, login, mail, title, given_name, surname, posts, \
             delegations, groups, roles, second_factor, enabled, password, numen, birth_date, origin) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, COALESCE($8, '[]'), '[]', COALESCE($9, '[]'), '[]', \
             'none', 1, $10, $11, $12, $13) ON CONFLICT (id) DO UPDATE SET login = excluded.login, \
             mail = excluded.mail, title = excluded.title, given_name = excluded.given_name, \
             surname = excluded.surname, posts = COALESCE($8, account.posts), \
             groups = COALESCE($9, account.groups), numen = COALESCE($11, account.numen), \
             birth_date = COALESCE($12, account.birth_date)",
        )
        .bind(id)
        .bind(person.realm.as_str())
        .bind(person.login.as_str())
        .bind(mail)
        .bind(person.title.as_str())
        .bind(person.given_name.as_str())
        .bind(person.surname.as_str())
        .bind(posts.map_err(unfit)?)
        .bind(groups.map_err(unfit)?)
        .bind(ELSEWHERE)
        .bind(numen.map_err(unfit)?)
        .bind(born.map_err(unfit)?)
        .bind(seen.origin.as_str()))
    }
}
