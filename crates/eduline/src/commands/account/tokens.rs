//! `eduline account tokens`: the hardware tokens of the house.

use std::path::Path;

use directory::notices::What;
use directory::tokens::{self, NewToken, Token};
use directory::{Directory, Person};
use serde_json::json;
use zeroize::Zeroizing;

use super::{away, standing};
use crate::cli::{Json, Tokens, Whose};
use crate::commands::Refusal;
use crate::say::Voice;

/// Runs the subcommand.
pub(super) async fn run(directory: &Directory, command: &Tokens) -> Result<(), Refusal> {
    match command {
        Tokens::Import { file, key, print } => {
            import(directory, (file, key.as_deref()), print).await
        }
        Tokens::List(print) => list(directory, print).await,
        Tokens::Bind {
            serial,
            whose,
            print,
        } => bind(directory, (serial, whose), print).await,
        Tokens::Release { serial, print } => {
            let done = directory.tokens.bind(serial, None).await.map_err(away)?;
            told(done, ("released", serial), print)
        }
        Tokens::Discard { serial, print } => {
            let done = directory.tokens.discard(serial).await.map_err(away)?;
            told(done, ("discarded", serial), print)
        }
    }
}

fn read(file: &Path) -> Result<Zeroizing<String>, Refusal> {
    let text = std::fs::read_to_string(file);
    text.map(Zeroizing::new)
        .map_err(|why| Refusal::of(format!("{}: {why}", file.display())))
}

async fn import(
    directory: &Directory,
    (file, key): (&Path, Option<&Path>),
    print: &Json,
) -> Result<(), Refusal> {
    let key = key.map(|file| {
        let refused = || Refusal::of(format!("{}: no hexadecimal", file.display()));
        tokens::from_hex(read(file)?.trim())
            .map(Zeroizing::new)
            .ok_or_else(refused)
    });
    let key = key.transpose()?;
    let text = read(file)?;
    let found = tokens::read(&text, key.as_ref().map(|key| key.as_slice()));
    let found: Vec<NewToken> = found.map_err(|faults| {
        let placed = faults.iter();
        Refusal(
            placed
                .map(|fault| format!("{}: {fault}", file.display()))
                .collect(),
        )
    })?;
    directory.tokens.stock(&found).await.map_err(away)?;
    let line = format!("{} tokens in the drawer", found.len());
    let serials: Vec<&str> = found.iter().map(|one| one.serial.as_str()).collect();
    Voice::of(print.json).tell(&[line], &json!({ "imported": serials }));
    Ok(())
}

async fn list(directory: &Directory, print: &Json) -> Result<(), Refusal> {
    let (mut lines, mut values) = (Vec::new(), Vec::new());
    for token in directory.tokens.list().await.map_err(away)? {
        let owner = match &token.person {
            Some(id) => directory.accounts.person(id).await.map_err(away)?,
            None => None,
        };
        let owner = owner.as_ref().map(name);
        let state = state(&token);
        let whose = owner.clone().unwrap_or_default();
        lines.push(format!("{:<20} {state:<8} {whose}", token.serial));
        values.push(json!({
            "serial": token.serial, "state": state, "account": owner, "period": token.period_s,
        }));
    }
    Voice::of(print.json).tell(&lines, &json!(values));
    Ok(())
}

fn state(token: &Token) -> &'static str {
    match (&token.person, token.is_active) {
        (_, true) => "active",
        (Some(_), false) => "handed",
        (None, false) => "free",
    }
}

fn name(person: &Person) -> String {
    format!("{}/{}", person.realm.as_str(), person.login)
}

async fn bind(
    directory: &Directory,
    (serial, whose): (&str, &Whose),
    print: &Json,
) -> Result<(), Refusal> {
    let (person, _) = standing::whole(directory, whose).await?;
    let done = directory.tokens.bind(serial, Some(&person.id)).await;
    if !done.map_err(away)? {
        let why = "there is no such token, or it is active: `eduline account tokens release` takes it back";
        return Err(Refusal::of(format!("{serial}: {why}")));
    }
    standing::tell(directory, &person, What::Changed).await?;
    let line = format!("{serial} is for {}", name(&person));
    let value = json!({ "serial": tokens::serial(serial), "account": name(&person) });
    Voice::of(print.json).tell(&[line], &value);
    Ok(())
}

fn told(done: bool, (what, serial): (&str, &str), print: &Json) -> Result<(), Refusal> {
    if !done {
        return Err(Refusal::of(format!("there is no token {serial}")));
    }
    let value = json!({ "serial": tokens::serial(serial), "state": what });
    Voice::of(print.json).tell(&[format!("{what} {serial}")], &value);
    Ok(())
}
