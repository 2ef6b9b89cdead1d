//! An account as a row, and back.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::away;
use super::database::{Query, Row, query};
use crate::identifiers::Numen;
use crate::{DirectoryKeys, Fault, NewAccount, Person, Realm};

/// What [`read`] reads.
pub(super) const COLUMNS: &str = "id, realm, login, mail, title, given_name, surname, posts, \
                                  delegations, groups, roles, second_factor, enabled, password, origin";

/// A row, with what is never part of a [`Person`].
pub(crate) struct Kept {
    pub(crate) person: Person,
    pub(crate) enabled: bool,
    /// Which it is where it is kept, unless that is here.
    pub(crate) origin: Option<String>,
    /// PHC string.
    pub(super) password: String,
}

pub(super) fn read(row: &Row) -> Result<Kept, Fault> {
    let text = |column: &str| row.try_get::<String, _>(column).map_err(away);
    let realm = text("realm")?;
    let realm =
        Realm::parse(&realm).ok_or_else(|| Fault::Away(format!("unknown realm {realm}")))?;
    let person = Person {
        id: text("id")?,
        realm,
        login: text("login")?,
        title: text("title")?,
        given_name: text("given_name")?,
        surname: text("surname")?,
        mail: row.try_get("mail").map_err(away)?,
        posts: from_json(&text("posts")?)?,
        delegations: from_json(&text("delegations")?)?,
        groups: from_json(&text("groups")?)?,
        roles: from_json(&text("roles")?)?,
        second_factor: text("second_factor")?,
    };
    let enabled = row.try_get::<i64, _>("enabled").map_err(away)? != 0;
    Ok(Kept {
        person,
        enabled,
        origin: row.try_get("origin").map_err(away)?,
        password: text("password")?,
    })
}

/// Writes the account in place of the one with its realm and login: who it is (`id`) and whether it
/// is enabled stay.
pub(super) fn write(
    account: &NewAccount,
    password: String,
    keys: &DirectoryKeys,
) -> Result<Query, Fault> {
    let person = &account.person;
    let numen = account.numen.as_deref().and_then(Numen::parse);
    let numen = numen.map(|numen| keys.numen(&numen)).transpose()?;
    let born = account.birth_date;
    let born = born
        .map(|date| keys.birth_date(&person.id, date))
        .transpose()?;
    Ok(query(
        "INSERT INTO account (id, realm, login, mail, title, given_name, surname, posts, \
         delegations, groups, roles, second_factor, enabled, password, numen, birth_date, recovery) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1, $13, $14, $15, $16) \
         ON CONFLICT (realm, login) DO UPDATE SET mail = $4, title = $5, given_name = $6, \
         surname = $7, posts = $8, delegations = $9, groups = $10, roles = $11, \
         second_factor = $12, password = $13, numen = $14, birth_date = $15, \
         recovery = COALESCE($16, account.recovery)",
    )
    .bind(person.id.clone())
    .bind(person.realm.as_str())
    .bind(person.login.clone())
    .bind(person.mail.clone())
    .bind(person.title.clone())
    .bind(person.given_name.clone())
    .bind(person.surname.clone())
    .bind(to_json(&person.posts)?)
    .bind(to_json(&person.delegations)?)
    .bind(to_json(&person.groups)?)
    .bind(to_json(&person.roles)?)
    .bind(person.second_factor.clone())
    .bind(password)
    .bind(numen)
    .bind(born)
    .bind(account.recovery.clone()))
}

/// Writes who an account is with its id, NUMEN and birth date as they are kept; neither its password nor
/// where its person chose to be reached.
pub(super) fn change(
    account: &NewAccount,
    (numen, born): (Option<String>, Option<String>),
) -> Result<Query, Fault> {
    let person = &account.person;
    Ok(query(
        "UPDATE account SET mail = $2, title = $3, given_name = $4, surname = $5, posts = $6, \
         delegations = $7, groups = $8, roles = $9, second_factor = $10, \
         numen = COALESCE($11, numen), birth_date = COALESCE($12, birth_date), \
         recovery = COALESCE(recovery, $13) WHERE id = $1",
    )
    .bind(person.id.clone())
    .bind(person.mail.clone())
    .bind(person.title.clone())
    .bind(person.given_name.clone())
    .bind(person.surname.clone())
    .bind(to_json(&person.posts)?)
    .bind(to_json(&person.delegations)?)
    .bind(to_json(&person.groups)?)
    .bind(to_json(&person.roles)?)
    .bind(person.second_factor.clone())
    .bind(numen)
    .bind(born)
    .bind(account.recovery.clone()))
}

/// Writes the posts and roles of the account with the person's id.
pub(super) fn place(person: &Person) -> Result<Query, Fault> {
    let update = query("UPDATE account SET posts = $2, roles = $3 WHERE id = $1");
    Ok(update
        .bind(person.id.clone())
        .bind(to_json(&person.posts)?)
        .bind(to_json(&person.roles)?))
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text)
        .map_err(|why| Fault::Away(format!("an account cannot be read: {why}")))
}

pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value)
        .map_err(|why| Fault::Away(format!("an account cannot be written: {why}")))
}
