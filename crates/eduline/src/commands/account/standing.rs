//! What an account may do and whether it may do it: disabling, unlocking, a new password, functions
//! and roles. Whatever changes is told to every process that serves ([`directory::notices`]).

use directory::notices::{Notice, What};
use directory::{Directory, Person, Realm};
use serde_json::json;
use web::Edge;

use super::{away, described, fresh_password, nobody, parse_post, parse_realm};
use crate::cli::{Json, Roles, Whose};
use crate::commands::Refusal;
use crate::say::Voice;
use crate::settings::Settings;

/// What is said of a password that was made here.
pub(super) const GIVEN: &str = "it is to be changed at the next sign-on";

/// `REALM LOGIN`, `REALM/LOGIN`, or the login of one of the staff.
pub(super) fn whose(whose: &Whose) -> Result<(Realm, String), Refusal> {
    let (realm, login) = match whose.who.as_slice() {
        [realm, login] => (realm.as_str(), login.as_str()),
        [one] => one.split_once('/').unwrap_or(("personnel", one)),
        _ => return Err(Refusal::of("whose account: REALM LOGIN")),
    };
    Ok((parse_realm(realm)?, login.to_owned()))
}

/// An account, disabled ones too, and whether it is enabled.
pub(super) async fn whole(directory: &Directory, of: &Whose) -> Result<(Person, bool), Refusal> {
    let (realm, login) = whose(of)?;
    let accounts = &directory.accounts;
    let enabled = accounts.enabled(realm, &login).await.map_err(away)?;
    let enabled = enabled.ok_or_else(|| nobody(realm, &login))?;
    let found = accounts.find(realm, &login).await.map_err(away)?;
    if let Some(person) = found {
        return Ok((person, enabled));
    }
    let asked = login.trim().to_lowercase();
    let all = accounts.list(realm).await.map_err(away)?;
    let mut all = all.into_iter();
    all.find(|person| person.login == asked || person.mail.as_ref() == Some(&asked))
        .map(|person| (person, enabled))
        .ok_or_else(|| nobody(realm, &login))
}

/// Tells every process that serves.
pub(super) async fn tell(
    directory: &Directory,
    person: &Person,
    what: What,
) -> Result<(), Refusal> {
    let notice = Notice::of(person, what, Edge::system_clock()());
    directory.notices.tell(&notice).await.map_err(away)
}

fn name(person: &Person) -> String {
    format!("{}/{}", person.realm.as_str(), person.login)
}

/// `account disable`, `account enable`.
pub(super) async fn enable(
    directory: &Directory,
    (of, enabled): (&Whose, bool),
    print: &Json,
) -> Result<(), Refusal> {
    let (person, was) = whole(directory, of).await?;
    let accounts = &directory.accounts;
    let there = accounts.set_enabled(person.realm, &person.login, enabled);
    if !there.await.map_err(away)? {
        return Err(nobody(person.realm, &person.login));
    }
    let what = if enabled {
        What::Changed
    } else {
        What::Disabled
    };
    // Once more when it was so already: whoever disables wants nobody in.
    tell(directory, &person, what).await?;
    let word = if enabled { "enabled" } else { "disabled" };
    let more = if enabled {
        ""
    } else {
        "; every session of theirs ends"
    };
    let line = format!("{word} {}{more}", name(&person));
    let value = json!({ "account": name(&person), "enabled": enabled, "was_enabled": was });
    Voice::of(print.json).tell(&[line], &value);
    Ok(())
}

/// `account unlock`: nobody waits because wrong passwords or codes were typed for this person.
pub(super) async fn unlock(directory: &Directory, of: &Whose, print: &Json) -> Result<(), Refusal> {
    let (person, enabled) = whole(directory, of).await?;
    directory.factors.excuse(&person.id).await.map_err(away)?;
    tell(directory, &person, What::Unlocked).await?;
    let mut lines = vec![format!(
        "unlocked {}: wrong passwords and codes are forgotten",
        name(&person)
    )];
    if !enabled {
        lines.push("it is disabled: `eduline account enable` enables it".to_owned());
    }
    let value = json!({ "account": name(&person), "unlocked": true, "enabled": enabled });
    Voice::of(print.json).tell(&lines, &value);
    Ok(())
}

/// `account reset`: a new password, told once, to be changed at the next sign-on; whoever had the one before is
/// out.
pub(super) async fn reset(directory: &Directory, of: &Whose, print: &Json) -> Result<(), Refusal> {
    let (person, enabled) = whole(directory, of).await?;
    let password = fresh_password();
    let passwords = &directory.passwords;
    let set = passwords.give(person.realm, &person.login, &password);
    if !set.await.map_err(away)? {
        return Err(nobody(person.realm, &person.login));
    }
    directory.factors.excuse(&person.id).await.map_err(away)?;
    tell(directory, &person, What::Password).await?;
    tell(directory, &person, What::Unlocked).await?;
    let mut lines = vec![
        format!(
            "{}: a new password; every session of theirs ends",
            name(&person)
        ),
        format!("password: {} (shown this once)", password.as_str()),
        GIVEN.to_owned(),
    ];
    if !enabled {
        lines.push("it is disabled: `eduline account enable` enables it".to_owned());
    }
    let value = json!({
        "account": name(&person),
        "password": password.as_str(),
        "must_change": true,
        "enabled": enabled,
    });
    Voice::of(print.json).tell(&lines, &value);
    Ok(())
}

/// `account roles`: lists functions and roles, after setting them when something is to be set.
pub(super) async fn roles(
    (settings, directory): (&Settings, &Directory),
    roles: &Roles,
) -> Result<(), Refusal> {
    let (mut person, _) = whole(directory, &roles.whose).await?;
    let before = person.clone();
    if roles.no_posts {
        person.posts.clear();
    } else if !roles.posts.is_empty() {
        let posts = roles.posts.iter().map(|text| parse_post(text));
        person.posts = posts.collect::<Result<_, _>>()?;
        are_known(settings, &person)?;
    }
    person.roles.retain(|role| !roles.revoke.contains(role));
    for role in &roles.grant {
        if !person.roles.contains(role) {
            person.roles.push(role.clone());
        }
    }
    if person != before {
        if !directory.accounts.place(&person).await.map_err(away)? {
            return Err(nobody(person.realm, &person.login));
        }
        tell(directory, &person, What::Changed).await?;
        // As it was kept: an UAI typed in lower case stands in capitals.
        (person, _) = whole(directory, &roles.whose).await?;
    }
    let posts = person.posts.iter();
    let mut lines: Vec<String> = posts
        .map(|post| format!("function  {}:{}:{}", post.function, post.uai, post.place))
        .collect();
    lines.extend(person.roles.iter().map(|role| format!("role      {role}")));
    if lines.is_empty() {
        lines.push(format!("{} has no function and no role", name(&person)));
    }
    let whole = described(&person);
    let value = json!({
        "account": name(&person),
        "posts": whole.get("posts"),
        "roles": whole.get("roles"),
    });
    Voice::of(roles.print.json).tell(&lines, &value);
    Ok(())
}

/// A function that `config/fonctions.toml` does not have opens nothing: whoever types it is told.
fn are_known(settings: &Settings, person: &Person) -> Result<(), Refusal> {
    let known = crate::house::read_fonctions(settings)?;
    let posts = person.posts.iter();
    let unknown =
        posts.filter(|post| !post.function.is_empty() && known.find(&post.function).is_none());
    let faults: Vec<String> = unknown
        .map(|post| {
            let ids: Vec<&str> = known.ids().collect();
            format!(
                "no function is called {}: {}",
                post.function,
                ids.join(", ")
            )
        })
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Refusal(faults))
    }
}
