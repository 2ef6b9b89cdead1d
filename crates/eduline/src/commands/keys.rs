//! `eduline keys`: which there are; those that are missing.

use serde_json::json;
use web::Edge;

use super::Refusal;
use crate::cli::{Json, Keys};
use crate::keyring::{KeyRing, Making};
use crate::say::Voice;
use crate::settings::{Fault, Settings};

/// Runs the subcommand.
pub(crate) fn run(settings: &Settings, command: &Keys) -> Result<(), Refusal> {
    match command {
        Keys::List(print) => list(settings, print),
        Keys::Generate(print) => {
            let made = generate(settings)?;
            let folder = settings.keys.folder.display();
            let mut lines: Vec<String> = made
                .iter()
                .map(|name| format!("{folder}: made {name}"))
                .collect();
            if lines.is_empty() {
                lines.push(format!("{folder}: nothing was missing"));
            }
            Voice::of(print.json).tell(&lines, &json!({ "made": made }));
            Ok(())
        }
    }
}

/// Makes the keys and secrets that are missing; says which.
pub(crate) fn generate(settings: &Settings) -> Result<Vec<String>, Fault> {
    let dice = Edge::system_dice();
    KeyRing::at(&settings.keys.folder).make_missing(&Making {
        kind: settings.keys.kind,
        days: settings.keys.days,
        host: settings.host(),
        now: Edge::system_clock()(),
        dice: &*dice,
    })
}

fn list(settings: &Settings, print: &Json) -> Result<(), Refusal> {
    let ring = KeyRing::at(&settings.keys.folder);
    let mut lines = Vec::new();
    let mut values = Vec::new();
    let mut faults = Vec::new();
    for name in KeyRing::names() {
        match ring.key(&name) {
            Ok(key) => {
                let verifying = key.verifying();
                let until = verifying
                    .not_after()
                    .map_or_else(String::new, |moment| moment.date_naive().to_string());
                let fingerprint = verifying.fingerprint().to_owned();
                lines.push(format!("{name:<16} {fingerprint}  until {until}"));
                values.push(json!({
                    "name": name, "fingerprint": fingerprint, "not_after": until,
                }));
            }
            Err(fault) => faults.push(fault),
        }
    }
    Voice::of(print.json).tell(&lines, &json!(values));
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.into())
    }
}
