//! `eduline fticks`: one F-TICKS line for each answer of a day (draft-johansson-fticks), for a federation
//! that counts sign-ons. Who signed in is a keyed hash that nobody else can make, and nobody can undo.

use std::io::{BufRead, BufReader};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use web::Edge;

use super::Refusal;
use crate::cli::Fticks;
use crate::keyring::{KeyRing, Secret, hexadecimal};
use crate::say::Voice;
use crate::settings::Settings;

/// Runs the subcommand.
pub(crate) fn run(settings: &Settings, asked: &Fticks) -> Result<(), Refusal> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if asked.federation.is_empty() || !asked.federation.chars().all(is_plain) {
        let why = "a federation is called by letters, digits, dashes and dots";
        return Err(Refusal::of(format!("{:?}: {why}", asked.federation)));
    }
    let day = asked
        .day
        .unwrap_or_else(|| Edge::system_clock()().date_naive());
    let file = settings.journal.folder.join(format!("{day}.jsonl"));
    let secret = KeyRing::of(settings).secret(Secret::Pairwise)?;
    let journal = std::fs::File::open(&file)
        .map_err(|why| Refusal::of(format!("{}: {why}", file.display())))?;
    let lines: Vec<String> = BufReader::new(journal)
        .split(b'\n')
        .map_while(Result::ok)
        .filter_map(|line| serde_json::from_slice(&line).ok())
        .filter_map(|event| told(settings, &asked.federation, &secret, &event))
        .collect();
    Voice::of(asked.print.json).tell(&lines, &json!(lines));
    Ok(())
}

/// The line of an answer that was sent; `None` for every other event.
fn told(settings: &Settings, federation: &str, secret: &[u8; 32], event: &Value) -> Option<String> {
    let field = |name: &str| event.get(name).and_then(Value::as_str);
    if field("event") != Some("idp.response.sent") {
        return None;
    }
    let at = chrono::DateTime::parse_from_rfc3339(field("at")?).ok()?;
    let realm = directory::Realm::parse(field("realm")?)?;
    Some(format!(
        "F-TICKS/{federation}/1.0#TS={}#RP={}#AP={}#PN={}#AM={}#RESULT=OK#",
        at.timestamp(),
        value(field("sp")?),
        value(&settings.realm_entity(realm)),
        pseudonym(secret, field("person")?)?,
        value(field("context").unwrap_or_default()),
    ))
}

/// What would end a value is left out of it.
fn value(text: &str) -> String {
    text.chars()
        .filter(|c| *c != '#' && !c.is_control())
        .collect()
}

/// HMAC-SHA-256 of a person's identifier, under a name of its own: no service's identifier is alike.
fn pseudonym(secret: &[u8; 32], person: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(b"f-ticks\n");
    mac.update(person.as_bytes());
    Some(hexadecimal(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_the_same_for_one_and_tells_nobody() {
        let of = |secret, person| pseudonym(&[secret; 32], person).unwrap();
        assert_eq!(of(1, "abc"), of(1, "abc"));
        assert_ne!(of(1, "abc"), of(1, "abd"));
        assert_ne!(of(1, "abc"), of(2, "abc"));
        assert!(of(1, "abc").len() == 64 && !of(1, "abc").contains("abc"));
    }

    #[test]
    fn a_value_never_ends_its_field() {
        assert_eq!(value("https://sp.example/#x\n"), "https://sp.example/x");
    }
}
