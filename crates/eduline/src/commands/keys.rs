//! `eduline keys`: which there are and what is next for each; the steps of a roll.

use directory::Realm;
use portal::GateSecret;
use saml::Moment;
use serde_json::{Value, json};
use web::Edge;

use super::Refusal;
use crate::cli::{Json, Keys, WhichKeys};
use crate::house;
use crate::keyring::{self, KeyRing, METADATA, Making, Secret, Wait};
use crate::say::Voice;
use crate::settings::{Fault, Settings};

mod list;

/// Runs the subcommand.
pub(crate) fn run(settings: &Settings, command: &Keys) -> Result<(), Refusal> {
    match command {
        Keys::List(print) => list::run(settings, print),
        Keys::Generate {
            names,
            realm,
            print,
        } if !(names.is_empty() && realm.is_empty()) => {
            let names = named(&[names.as_slice(), realm].concat())?;
            each(&names, print, |name| make(settings, name))
        }
        Keys::Generate { print, .. } => {
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
        Keys::Next {
            which,
            pkcs11,
            print,
        } => {
            let names = chosen(which)?;
            if pkcs11.is_some() && names.len() != 1 {
                return Err(Refusal::of(
                    "--pkcs11 names the key of one realm or service",
                ));
            }
            each(&names, print, |name| {
                next(settings, name, pkcs11.as_deref())
            })
        }
        Keys::Promote { which, now, print } => {
            let names = promotable(settings, which)?;
            each(&names, print, |name| promote(settings, name, *now))
        }
        Keys::Gate { application, print } => gate(settings, application, print),
        Keys::Retire {
            names,
            realm,
            now,
            print,
        } => {
            let names = [names.as_slice(), realm].concat();
            let names = if names.is_empty() {
                KeyRing::names()
            } else {
                named(&names)?
            };
            each(&names, print, |name| retire(settings, name, *now))
        }
    }
}

/// Makes the keys and secrets that are missing; says which.
pub(crate) fn generate(settings: &Settings) -> Result<Vec<String>, Fault> {
    making(settings, |making| ring(settings).make_missing(making))
}

/// Prints the key of an application that the catalogue knows behind the gate.
fn gate(settings: &Settings, id: &str, print: &Json) -> Result<(), Refusal> {
    let catalogue = house::reread_catalogue(settings)?;
    if !catalogue.application(id).is_some_and(|one| one.porte) {
        let known = catalogue.applications.iter().filter(|one| one.porte);
        let known: Vec<&str> = known.map(|one| one.id.as_str()).collect();
        return Err(Refusal::of(format!(
            "no application behind the gate (porte = true) is called {id}; those that are: {}",
            if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            }
        )));
    }
    let secret = GateSecret::new(ring(settings).secret(Secret::Gate)?);
    let key = secret.key_of(id);
    Voice::of(print.json).tell(
        std::slice::from_ref(&key),
        &json!({ "application": id, "key": key }),
    );
    Ok(())
}

/// What one key was told.
struct Told {
    line: String,
    value: Value,
}

/// One step for each key; what is refused for one does not keep the others from theirs.
fn each(
    names: &[String],
    print: &Json,
    step: impl Fn(&str) -> Result<Option<Told>, Refusal>,
) -> Result<(), Refusal> {
    let (mut lines, mut values, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for name in names {
        match step(name) {
            Ok(Some(told)) => {
                lines.push(told.line);
                values.push(told.value);
            }
            Ok(None) => {}
            Err(Refusal(why)) => refused.extend(why),
        }
    }
    if lines.is_empty() && refused.is_empty() {
        lines.push("nothing to do".to_owned());
    }
    Voice::of(print.json).tell(&lines, &json!(values));
    if refused.is_empty() {
        Ok(())
    } else {
        Err(Refusal(refused))
    }
}

/// The key of that name when there is none, else the one that comes next.
fn make(settings: &Settings, name: &str) -> Result<Option<Told>, Refusal> {
    let ring = ring(settings);
    if ring.key_file(name).exists() {
        return next(settings, name, None);
    }
    making(settings, |making| ring.make_one(name, making))?;
    let fingerprint = ring.key(name)?.verifying().fingerprint().to_owned();
    Ok(Some(Told {
        line: format!("{name}: made {fingerprint}, which signs from now on"),
        value: json!({ "name": name, "current": fingerprint }),
    }))
}

fn next(settings: &Settings, name: &str, label: Option<&str>) -> Result<Option<Told>, Refusal> {
    let ring = ring(settings);
    making(settings, |making| match label {
        Some(label) => ring.make_next_in_token(name, label, making),
        None => ring.make_next(name, making),
    })?;
    let bunch = ring.bunch(name)?;
    let Some(next) = bunch.next() else {
        return Err(Refusal::of(format!("{name}: the next key is gone already")));
    };
    let fingerprint = next.verifying().fingerprint().to_owned();
    let line = match bunch.wait(settings.wait(), now()) {
        Wait::Until(until) => format!(
            "{name}: {fingerprint} comes next; from {} on: eduline keys promote {name}",
            minute(until)
        ),
        _ => format!(
            "{name}: {fingerprint} comes next; give its certificate ({}) to those who pinned this \
             key, and promote it once they all have it",
            next.path.display()
        ),
    };
    let value = json!({ "name": name, "next": fingerprint });
    Ok(Some(Told { line, value }))
}

fn promote(settings: &Settings, name: &str, at_once: bool) -> Result<Option<Told>, Refusal> {
    let ring = ring(settings);
    let bunch = ring.bunch(name)?;
    let refused = |why: String| Err(Refusal::of(format!("{name}: {why}")));
    match bunch.wait(settings.wait(), now()) {
        Wait::NoNext => {
            return refused(format!(
                "there is no next key: `eduline keys next {name}` makes it"
            ));
        }
        Wait::Until(until) if !at_once => {
            return refused(format!(
                "the next key is not known to everybody before {}: whoever has not read our \
                 metadata until then would turn people away (--now promotes it all the same)",
                minute(until)
            ));
        }
        Wait::ForThosePinning if !at_once => {
            return refused(
                "who pinned this key cannot learn the next one from metadata: once all of them \
                 have it, --now promotes it"
                    .to_owned(),
            );
        }
        _ => {}
    }
    ring.promote(name, now())?;
    let current = ring.key(name)?.verifying().fingerprint().to_owned();
    let line = format!(
        "{name}: {current} signs from now on; from {} on: eduline keys retire {name}",
        minute(now() + settings.keys.grace)
    );
    let value = json!({ "name": name, "current": current });
    Ok(Some(Told { line, value }))
}

fn retire(settings: &Settings, name: &str, at_once: bool) -> Result<Option<Told>, Refusal> {
    let before = if at_once {
        now()
    } else {
        now() - settings.keys.grace
    };
    let removed = ring(settings).remove_retired(name, before)?;
    Ok((!removed.is_empty()).then(|| Told {
        line: format!("{name}: removed {}", removed.join(", ")),
        value: json!({ "name": name, "removed": removed }),
    }))
}

/// The keys that were named, or all that metadata publishes.
fn chosen(which: &WhichKeys) -> Result<Vec<String>, Refusal> {
    if which.all {
        let mut names = KeyRing::names();
        names.retain(|name| name != METADATA);
        return Ok(names);
    }
    named(&[which.names.as_slice(), &which.realm].concat())
}

/// The same; of all keys, those that have a next one.
fn promotable(settings: &Settings, which: &WhichKeys) -> Result<Vec<String>, Refusal> {
    let mut names = chosen(which)?;
    if which.all {
        let ring = ring(settings);
        names.retain(|name| {
            ring.bunch(name)
                .map_or(true, |bunch| bunch.next().is_some())
        });
    }
    Ok(names)
}

/// A realm may be called by its own name.
fn named(names: &[String]) -> Result<Vec<String>, Refusal> {
    let known = KeyRing::names();
    let find = |name: &String| {
        let realm = Realm::ALL.into_iter().find(|one| one.as_str() == name);
        let key = realm.map_or_else(|| name.clone(), keyring::of_realm);
        if known.contains(&key) {
            Ok(key)
        } else {
            let known = known.join(", ");
            Err(Refusal::of(format!("no key is called {name}: {known}")))
        }
    };
    names.iter().map(find).collect()
}

fn making<T>(
    settings: &Settings,
    make: impl FnOnce(&Making<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let dice = Edge::system_dice();
    make(&Making {
        kind: settings.keys.kind,
        days: settings.keys.days,
        host: settings.host(),
        now: now(),
        dice: &*dice,
    })
}

fn ring(settings: &Settings) -> KeyRing {
    KeyRing::of(settings)
}

fn now() -> Moment {
    Edge::system_clock()()
}

/// To the minute, as people make appointments.
fn minute(moment: Moment) -> String {
    moment.format("%Y-%m-%d %H:%M UTC").to_string()
}
