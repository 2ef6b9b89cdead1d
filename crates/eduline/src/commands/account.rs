//! `eduline account`: accounts by hand or from a file.

use std::io::Read;
use std::path::Path;

use directory::factors::{Device, Kind};
use directory::notices::What;
use directory::otp::Hash;
use directory::{Directory, NewAccount, Person, Post, Realm};
use serde_json::{Value, json};
use web::Edge;
use zeroize::Zeroizing;

use super::Refusal;
use crate::cli::{self, Account};
use crate::say::Voice;
use crate::settings::Settings;

pub(crate) mod import;
mod standing;
mod tokens;

/// Runs the subcommand.
pub(crate) async fn run(
    settings: &Settings,
    directory: &Directory,
    command: &Account,
) -> Result<(), Refusal> {
    match command {
        Account::Add(new) => add(directory, new).await,
        Account::Import(asked) => import::run((settings, directory), asked).await,
        Account::List { realm, print } => {
            let realms = match realm {
                Some(name) => vec![parse_realm(name)?],
                None => Realm::ALL.to_vec(),
            };
            let mut people = Vec::new();
            for realm in realms {
                people.extend(directory.accounts.list(realm).await.map_err(away)?);
            }
            let lines: Vec<String> = people.iter().map(line).collect();
            let values: Vec<Value> = people.iter().map(described).collect();
            Voice::of(print.json).tell(&lines, &json!(values));
            Ok(())
        }
        Account::Show { whose, print } => {
            let value = shown_whole(directory, whose).await?;
            let lines: Vec<String> = value
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, value)| format!("{name:<14}{}", shown(value)))
                .collect();
            Voice::of(print.json).tell(&lines, &value);
            Ok(())
        }
        Account::Disable { whose, print } => {
            standing::enable(directory, (whose, false), print).await
        }
        Account::Enable { whose, print } => standing::enable(directory, (whose, true), print).await,
        Account::Unlock { whose, print } => standing::unlock(directory, whose, print).await,
        Account::Reset { whose, print } => standing::reset(directory, whose, print).await,
        Account::Roles(roles) => standing::roles((settings, directory), roles).await,
        Account::Tokens(command) => tokens::run(directory, command).await,
    }
}

/// Keeps an account; whoever is signed on with what it was before is so no longer.
async fn keep(directory: &Directory, account: NewAccount) -> Result<Person, Refusal> {
    let (realm, login) = (account.person.realm, account.person.login.clone());
    let before = directory.accounts.enabled(realm, &login);
    let before = before.await.map_err(away)?;
    let kept = directory.accounts.keep(account).await.map_err(away)?;
    if before.is_some() {
        standing::tell(directory, &kept, What::Password).await?;
    }
    Ok(kept)
}

/// A password that was made here is changed by its person at the first sign-on.
async fn ask_for_change(directory: &Directory, person: &Person) -> Result<(), Refusal> {
    let asked = directory.passwords.ask_for_change(&person.id);
    asked.await.map_err(away)
}

/// An account that was made, and its password where it was made too.
fn made(person: &Person, password: Option<&str>) -> Value {
    let mut value = described(person);
    if let (Some(fields), Some(password)) = (value.as_object_mut(), password) {
        fields.insert("password".to_owned(), json!(password));
    }
    value
}

/// Creates the accounts of a CSV file whose logins are not there yet, all with one password.
pub(crate) async fn import_missing(
    directory: &Directory,
    file: &Path,
    password: &str,
) -> Result<(), Refusal> {
    for account in read_csv(file, password)? {
        let (realm, login) = (account.person.realm, &account.person.login);
        // An account that was disabled is there too.
        let there = directory.accounts.enabled(realm, login);
        if there.await.map_err(away)?.is_none() {
            directory.accounts.keep(account).await.map_err(away)?;
        }
    }
    give_seeds(directory, &read_seeds(file)?).await
}

/// Gives those a second factor whose seed the file tells, and who have none.
async fn give_seeds(
    directory: &Directory,
    seeds: &[(Realm, String, Vec<u8>)],
) -> Result<(), Refusal> {
    for (realm, login, seed) in seeds {
        let Some(person) = directory.accounts.find(*realm, login).await.map_err(away)? else {
            continue;
        };
        if directory
            .factors
            .list(&person.id)
            .await
            .map_err(away)?
            .is_empty()
        {
            let device = Device {
                kind: Kind::Application,
                name: "graine_otp".to_owned(),
                seed: seed.clone(),
                hash: Hash::Sha1,
                digits: directory::otp::DIGITS,
                period_s: directory::otp::PERIOD_S,
            };
            let now = Edge::system_clock()();
            let given = directory.factors.give(&person.id, device, now);
            given.await.map_err(away)?;
        }
    }
    Ok(())
}

/// The seeds of second factors in a CSV file of accounts.
pub(crate) fn read_seeds(file: &Path) -> Result<Vec<(Realm, String, Vec<u8>)>, Refusal> {
    let refused = |why: String| Refusal::of(format!("{}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|why| refused(why.to_string()))?;
    directory::import::seeds(&text).map_err(refused)
}

/// The accounts of a CSV file; every fault at once, with its line.
pub(crate) fn read_csv(file: &Path, password: &str) -> Result<Vec<NewAccount>, Refusal> {
    let text = std::fs::read_to_string(file)
        .map_err(|why| Refusal::of(format!("{}: {why}", file.display())))?;
    directory::import::read_csv(&text, password).map_err(|faults| {
        let placed = faults.iter();
        Refusal(
            placed
                .map(|fault| format!("{}: {fault}", file.display()))
                .collect(),
        )
    })
}

async fn add(directory: &Directory, new: &cli::NewAccount) -> Result<(), Refusal> {
    let realm = parse_realm(&new.realm)?;
    let posts: Result<Vec<Post>, Refusal> = new.posts.iter().map(|text| parse_post(text)).collect();
    let (password, is_made) = if new.password_stdin {
        (from_input()?, false)
    } else {
        (fresh_password(), true)
    };
    let person = Person {
        id: String::new(),
        realm,
        login: new.login.clone(),
        title: new.title.clone(),
        given_name: new.given_name.clone(),
        surname: new.surname.clone(),
        mail: new.mail.clone(),
        posts: posts?,
        delegations: Vec::new(),
        groups: Vec::new(),
        roles: Vec::new(),
        second_factor: "none".to_owned(),
    };
    let account = NewAccount {
        person,
        password: password.to_string(),
        numen: new.numen.clone(),
        birth_date: new.birth_date,
        recovery: new.recovery_mail.clone(),
    };
    let kept = keep(directory, account).await?;
    let mut lines = vec![line(&kept)];
    if is_made {
        ask_for_change(directory, &kept).await?;
        lines.push(format!("password: {} (shown this once)", password.as_str()));
        lines.push(standing::GIVEN.to_owned());
    }
    let value = made(&kept, is_made.then_some(password.as_str()));
    Voice::of(new.print.json).tell(&lines, &value);
    Ok(())
}

fn line(person: &Person) -> String {
    format!(
        "{:<11} {:<16} {} {}",
        person.realm.as_str(),
        person.login,
        person.given_name,
        person.surname
    )
}

/// One account, disabled ones too, and whether it is enabled.
async fn shown_whole(directory: &Directory, whose: &cli::Whose) -> Result<Value, Refusal> {
    let (person, enabled) = standing::whole(directory, whose).await?;
    let mut value = described(&person);
    let must_change = directory.passwords.must_change(&person.id).await;
    let must_change = must_change.map_err(away)?;
    if let Some(fields) = value.as_object_mut() {
        fields.insert("enabled".to_owned(), json!(enabled));
        fields.insert("must_change".to_owned(), json!(must_change));
    }
    Ok(value)
}

fn described(person: &Person) -> Value {
    serde_json::to_value(person).unwrap_or_default()
}

fn shown(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn parse_realm(text: &str) -> Result<Realm, Refusal> {
    Realm::parse(text).ok_or_else(|| {
        let all: Vec<&str> = Realm::ALL.iter().map(|realm| realm.as_str()).collect();
        Refusal::of(format!("no realm is called {text:?}: {}", all.join(", ")))
    })
}

fn parse_post(text: &str) -> Result<Post, Refusal> {
    let mut parts = text.splitn(3, ':').map(str::to_owned);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(function), Some(uai), Some(place)) => Ok(Post {
            function,
            uai,
            place,
        }),
        _ => Err(Refusal::of(format!("{text:?} is not FUNCTION:UAI:PLACE"))),
    }
}

fn from_input() -> Result<Zeroizing<String>, Refusal> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin()
        .lock()
        .take(4096)
        .read_to_string(&mut text)
        .map_err(|why| Refusal::of(format!("standard input: {why}")))?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Refusal::of("standard input holds no password"));
    }
    Ok(Zeroizing::new(password.to_owned()))
}

/// Four groups of four from 31 signs that cannot be mistaken for each other: over 75 bits.
pub(crate) fn fresh_password() -> Zeroizing<String> {
    loop {
        let drawn = draw();
        // The policy asks for an upper-case letter, a lower-case one and a digit.
        let digit = drawn.contains(|c: char| c.is_ascii_digit());
        if let (true, Some(at)) = (digit, drawn.find(|c: char| c.is_ascii_lowercase())) {
            let (before, after) = drawn.split_at(at);
            let mut letters = after.chars();
            let upper = letters.next().map(|letter| letter.to_ascii_uppercase());
            let password = before.chars().chain(upper).chain(letters).collect();
            return Zeroizing::new(password);
        }
    }
}

fn draw() -> Zeroizing<String> {
    const SIGNS: &[u8; 31] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let dice = Edge::system_dice();
    let mut text = Zeroizing::new(String::new());
    while text.len() < 19 {
        let mut chance = [0];
        dice(&mut chance);
        let [byte] = chance;
        // 248 = 8 × 31: what lies above would favour the first signs.
        let drawn = SIGNS.get(usize::from(byte % 31)).filter(|_| byte < 248);
        if let Some(sign) = drawn {
            if text.len() % 5 == 4 {
                text.push('-');
            }
            text.push(char::from(*sign));
        }
    }
    text
}

fn nobody(realm: Realm, login: &str) -> Refusal {
    Refusal::of(format!("no account {}/{login}", realm.as_str()))
}

/// What the directory says when it does not keep an account, or is away.
fn away(fault: directory::Fault) -> Refusal {
    Refusal::of(fault.to_string())
}
