//! `eduline keys list`: every key, how long it lasts, and what is next to be done for it.

use chrono::TimeDelta;
use saml::Moment;
use serde_json::{Value, json};

use super::{minute, now, ring};
use crate::commands::Refusal;
use crate::keyring::{Bunch, KeyRing, OneKey, State, Wait};
use crate::say::Voice;
use crate::settings::Settings;

/// How long before its certificate ends a key should be followed by another: peers that look at
/// dates, against MetadataIOP, stop working on that day.
const AHEAD: TimeDelta = TimeDelta::days(90);

/// Runs the subcommand.
pub(super) fn run(settings: &Settings, print: &crate::cli::Json) -> Result<(), Refusal> {
    let ring = ring(settings);
    let (mut lines, mut values, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    for name in KeyRing::names() {
        match ring.bunch(&name) {
            Ok(bunch) => {
                for one in bunch.keys() {
                    let advice = advice(settings, &bunch, one);
                    lines.push(line(&bunch, one, advice.as_ref()));
                    values.push(value(&bunch, one, advice.as_ref()));
                }
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

/// What to do, and from when on. None: nothing that this key is waiting for.
struct Advice {
    what: String,
    from: Option<Moment>,
}

fn advice(settings: &Settings, bunch: &Bunch, one: &OneKey) -> Option<Advice> {
    let name = bunch.name();
    match one.state {
        State::Current if bunch.next().is_some() => None,
        State::Current => Some(Advice {
            what: format!("eduline keys next {name}"),
            from: one.verifying().not_after().map(|ends| ends - AHEAD),
        }),
        State::Next => match bunch.wait(settings.wait(), now()) {
            Wait::ForThosePinning => Some(Advice {
                what: format!(
                    "once everybody who pinned it has it: eduline keys promote --now {name}"
                ),
                from: None,
            }),
            _ => Some(Advice {
                what: format!("eduline keys promote {name}"),
                from: Some(one.since + settings.wait()),
            }),
        },
        State::Retired(at) => Some(Advice {
            what: format!("eduline keys retire {name}"),
            from: Some(at + settings.keys.grace),
        }),
    }
}

fn line(bunch: &Bunch, one: &OneKey, advice: Option<&Advice>) -> String {
    let key = one.verifying();
    let date = |moment: Option<Moment>| moment.map(|at| at.date_naive().to_string());
    let told = advice.map(|advice| match advice.from {
        Some(from) if from > now() => format!("from {}: {}", minute(from), advice.what),
        Some(_) => format!("now: {}", advice.what),
        None => advice.what.clone(),
    });
    format!(
        "{:<20} {:<8} {}  {} to {}  {}",
        bunch.name(),
        one.state.as_str(),
        key.fingerprint(),
        date(key.not_before()).unwrap_or_default(),
        date(key.not_after()).unwrap_or_default(),
        told.unwrap_or_default(),
    )
    .trim_end()
    .to_owned()
}

fn value(bunch: &Bunch, one: &OneKey, advice: Option<&Advice>) -> Value {
    let key = one.verifying();
    let date = |moment: Option<Moment>| moment.map(|at| at.date_naive().to_string());
    json!({
        "name": bunch.name(),
        "state": one.state.as_str(),
        "fingerprint": key.fingerprint(),
        "certificate_sha256": key.certificate_fingerprint(),
        "not_before": date(key.not_before()),
        "not_after": date(key.not_after()),
        "days_left": one.days_left(now()),
        "file": one.path,
        "in_token": one.key.is_held(),
        "next_step": advice.map(|advice| &advice.what),
        "next_step_from": advice.and_then(|advice| advice.from).map(|at| at.to_rfc3339()),
    })
}
