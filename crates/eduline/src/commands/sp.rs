//! `eduline sp`: service providers registered by hand.
//!
//! A registration is the service's metadata in `<data>/metadata`, a folder that every running
//! process watches, and beside it what the operator adds of their own. The operator vouches for
//! what is registered: a signature in it is not looked at, every other rule of metadata holds.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use idp::policy::Policy;
use saml::metadata::{Entity, ReadPolicy};
use serde_json::{Value, json};
use web::Edge;

use super::Refusal;
use crate::cli::{Decisions, Sp};
use crate::house::decided::{beside_metadata, file_of};
use crate::say::Voice;
use crate::settings::Settings;

mod preview;

/// Metadata of one service is a few kilobytes; what is longer is something else.
const LONGEST: u64 = 1 << 20;

/// Runs the subcommand.
pub(crate) async fn run(settings: &Settings, command: &Sp) -> Result<(), Refusal> {
    match command {
        Sp::Add {
            metadata,
            decisions,
            print,
        } => {
            let added = add(settings, metadata, decisions)?;
            let lines = [format!("registered {}", added.entity.id)];
            Voice::of(print.json).tell(&lines, &added.described());
            Ok(())
        }
        Sp::List(print) => {
            let (all, faults) = registered(settings);
            let lines: Vec<String> = all.iter().map(|one| one.entity.id.to_string()).collect();
            let values: Vec<Value> = all.iter().map(Registration::described).collect();
            Voice::of(print.json).tell(&lines, &json!(values));
            if faults.is_empty() {
                Ok(())
            } else {
                Err(Refusal(faults))
            }
        }
        Sp::Show { id, print } => {
            let found = find(settings, id)?;
            Voice::of(print.json).tell(&found.lines(), &found.described());
            Ok(())
        }
        Sp::Remove { id } => {
            let found = find(settings, id)?;
            for path in [found.path.with_extension("toml"), found.path] {
                match std::fs::remove_file(&path) {
                    Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
                        return Err(Refusal::of(format!("{}: {why}", path.display())));
                    }
                    _ => {}
                }
            }
            Voice::Plain.tell(&[format!("removed {}", found.entity.id)], &Value::Null);
            Ok(())
        }
        Sp::Preview { user, id, print } => preview::run(settings, (user, id), print).await,
    }
}

/// A service that is registered.
struct Registration {
    entity: Entity,
    path: PathBuf,
    /// What the operator decided for it.
    policy: Policy,
}

impl Registration {
    fn described(&self) -> Value {
        let sp = self.entity.sp.as_ref();
        let asked: Vec<&str> = sp
            .into_iter()
            .flat_map(|role| &role.requested_attributes)
            .map(|attribute| attribute.name.as_str())
            .collect();
        let acs: Vec<&str> = sp
            .into_iter()
            .flat_map(|role| &role.acs)
            .map(|acs| acs.location.as_str())
            .collect();
        let keys: Vec<&str> = sp
            .into_iter()
            .flat_map(|role| &role.signing_keys)
            .map(saml::VerifyingKey::fingerprint)
            .collect();
        json!({
            "entityID": self.entity.id.as_str(),
            "name": self.entity.ui.display_name("fr"),
            "acs": acs,
            "signing_keys": keys,
            "asks_for": asked,
            "decided": self.policy,
            "file": self.path.display().to_string(),
        })
    }

    fn lines(&self) -> Vec<String> {
        let described = self.described();
        let entries = described.as_object().into_iter().flatten();
        entries
            .flat_map(|(name, value)| match value {
                Value::Array(values) => values
                    .iter()
                    .map(|value| format!("{name:<14}{}", plain(value)))
                    .collect(),
                value => vec![format!("{name:<14}{}", plain(value))],
            })
            .collect()
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn add(settings: &Settings, from: &str, decisions: &Decisions) -> Result<Registration, Refusal> {
    let policy = decided(decisions)?;
    let xml = fetch(from, !settings.server.public_url.is_https())?;
    let entity = read(settings, from, &xml)?;
    if settings.is_own(&entity.id) {
        return Err(Refusal::of(format!("{} is one of our own", entity.id)));
    }
    let folder = settings.registered();
    let failed = |why: std::io::Error| Refusal::of(format!("{}: {why}", folder.display()));
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let path = file_of(&folder, &entity.id);
    let sidecar = toml::to_string(&policy).map_err(|why| Refusal::of(why.to_string()))?;
    // The sidecar first: what was decided must be known when the service is first seen.
    replace(&path.with_extension("toml"), &sidecar).map_err(failed)?;
    replace(&path, &xml).map_err(failed)?;
    Ok(Registration {
        entity,
        path,
        policy,
    })
}

/// The decisions of the command line, read as those of a file are.
fn decided(decisions: &Decisions) -> Result<Policy, Refusal> {
    let mut table = toml::Table::new();
    let mut list = |name: &str, values: &[String]| {
        let values = values.iter().cloned().map(toml::Value::String).collect();
        table.insert(name.to_owned(), toml::Value::Array(values));
    };
    list("attributes", &decisions.attributes);
    list("withheld", &decisions.withheld);
    let words = [
        ("name_style", &decisions.name_style),
        ("name_id", &decisions.name_id),
        ("encrypt", &decisions.encrypt),
        ("sign", &decisions.sign),
        ("information", &decisions.information),
        ("second_factor", &decisions.second_factor),
        ("missing", &decisions.missing),
    ];
    for (name, word) in words {
        if let Some(word) = word {
            table.insert(name.to_owned(), toml::Value::String(word.clone()));
        }
    }
    if decisions.unsolicited {
        table.insert("unsolicited".to_owned(), toml::Value::Boolean(true));
    }
    table
        .try_into()
        .map_err(|why| Refusal::of(why.to_string().trim().to_owned()))
}

/// The one service a document holds.
fn read(settings: &Settings, from: &str, xml: &str) -> Result<Entity, Refusal> {
    let refused = |why: String| Refusal::of(format!("{from}: {why}"));
    let document = saml::metadata::read(
        xml,
        &ReadPolicy {
            pinned: &[],
            now: Edge::system_clock()(),
            horizon_days: None,
            loopback_http: !settings.server.public_url.is_https(),
        },
    )
    .map_err(|why| refused(format!("{} {why}", why.code())))?;
    if !document.left_out.is_empty() {
        let reasons = document.left_out.iter().map(|one| {
            format!(
                "{from}:{}: {}: {} {}",
                one.line,
                one.entity_id,
                one.reason.code(),
                one.reason
            )
        });
        return Err(Refusal(reasons.collect()));
    }
    let mut entities = document.entities;
    match (entities.pop(), entities.is_empty()) {
        (Some(entity), true) if entity.sp.is_some() => Ok(entity),
        (Some(entity), true) => Err(refused(format!("{} is no service provider", entity.id))),
        (Some(_), false) => Err(refused(
            "holds several entities: register them one by one, or make it a source".to_owned(),
        )),
        (None, _) => Err(refused("holds no entity".to_owned())),
    }
}

fn fetch(from: &str, loopback_http: bool) -> Result<String, Refusal> {
    let refused = |why: String| Refusal::of(format!("{from}: {why}"));
    let limited = |reader: &mut dyn Read| {
        let mut text = String::new();
        reader
            .take(LONGEST)
            .read_to_string(&mut text)
            .map_err(|why| refused(why.to_string()))?;
        if u64::try_from(text.len()).is_ok_and(|length| length < LONGEST) {
            Ok(text)
        } else {
            Err(refused("longer than a megabyte".to_owned()))
        }
    };
    if !from.contains("://") {
        let mut file = std::fs::File::open(from).map_err(|why| refused(why.to_string()))?;
        return limited(&mut file);
    }
    let plain = loopback_http && from.starts_with("http://");
    if !plain && !from.starts_with("https://") {
        return Err(refused("expected a file or an https address".to_owned()));
    }
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(10)))
        .build()
        .into();
    let mut answer = agent
        .get(from)
        .call()
        .map_err(|why| refused(why.to_string()))?;
    limited(&mut answer.body_mut().as_reader())
}

/// Every service registered, and what is wrong with the files that hold none.
fn registered(settings: &Settings) -> (Vec<Registration>, Vec<String>) {
    let mut all = Vec::new();
    let mut faults = Vec::new();
    let entries = std::fs::read_dir(settings.registered());
    let mut paths: Vec<PathBuf> = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "xml"))
        .collect();
    paths.sort();
    for path in paths {
        let from = path.display().to_string();
        let entity = fetch(&from, false).and_then(|xml| read(settings, &from, &xml));
        let found = entity.and_then(|entity| Ok((entity, beside_metadata(&path)?)));
        match found {
            Ok((entity, policy)) => all.push(Registration {
                entity,
                path,
                policy,
            }),
            Err(why) => faults.extend(why.0),
        }
    }
    all.sort_by(|a, b| a.entity.id.cmp(&b.entity.id));
    (all, faults)
}

fn find(settings: &Settings, id: &str) -> Result<Registration, Refusal> {
    let (all, _) = registered(settings);
    all.into_iter()
        .find(|one| one.entity.id.as_str() == id)
        .ok_or_else(|| Refusal::of(format!("{id} is not registered")))
}

/// Replaces a file in one step: a process that watches sees the old one or the new one.
fn replace(path: &Path, content: &str) -> std::io::Result<()> {
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    std::fs::write(&draft, content)?;
    std::fs::rename(&draft, path)
}
