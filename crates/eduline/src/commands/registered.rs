//! Entities registered by hand: `eduline sp` and `eduline idp`.
//!
//! A registration is the entity's metadata in `<data>/metadata`, a folder that every running process
//! watches, and beside it what the operator adds of their own. The operator vouches for what is
//! registered: a signature in it is not looked at, every other rule of metadata holds.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use federation::fetch::{Answer, Ask, fetch};
use saml::EntityId;
use saml::metadata::{Entity, ReadPolicy};
use serde_json::Value;
use web::Edge;

use super::Refusal;
use crate::house::decided::file_of;
use crate::house::followed;
use crate::settings::Settings;

/// Metadata of one entity is a few kilobytes; what is longer is something else.
pub(crate) const LONGEST: u64 = 1 << 20;
/// How long an address may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What stands beside the metadata of an entity, by the ends of their names.
pub(crate) const BESIDE: [&str; 3] = ["toml", "profile", followed::END];

/// An entity that is registered.
pub(crate) struct Registered {
    /// What its metadata says.
    pub(crate) entity: Entity,
    /// The file of its metadata.
    pub(crate) path: PathBuf,
}

/// The text of a file, of an address, or of standard input (`-`).
pub(crate) fn text_of(settings: &Settings, from: &str, longest: u64) -> Result<String, Refusal> {
    let refused = |why: String| Refusal::of(format!("{from}: {why}"));
    if from.contains("://") {
        let ask = Ask {
            url: from,
            known: None,
            longest,
            patience: PATIENCE,
            loopback_http: !settings.server.public_url.is_https(),
            is_own: false,
        };
        return match fetch(&ask) {
            Ok(Answer::Document { text, .. }) => Ok(text),
            Ok(Answer::Unchanged) => Err(refused("it says that nothing changed".to_owned())),
            Err(why) => Err(Refusal::of(why.to_string())),
        };
    }
    let file: Box<dyn Read> = if from == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(from).map_err(|why| refused(why.to_string()))?)
    };
    let mut text = String::new();
    file.take(longest.saturating_add(1))
        .read_to_string(&mut text)
        .map_err(|why| refused(why.to_string()))?;
    if u64::try_from(text.len()).is_ok_and(|length| length <= longest) {
        Ok(text)
    } else {
        Err(refused(format!("longer than {longest} bytes")))
    }
}

/// The one entity that a file or an address holds, and the text that says so.
pub(crate) fn one_of(settings: &Settings, from: &str) -> Result<(Entity, String), Refusal> {
    let xml = text_of(settings, from, LONGEST)?;
    let refused = |why: String| Refusal::of(format!("{from}: {why}"));
    let policy = ReadPolicy {
        pinned: &[],
        now: Edge::system_clock()(),
        horizon_days: None,
        loopback_http: !settings.server.public_url.is_https(),
    };
    let document = saml::metadata::read(&xml, &policy)
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
        (Some(entity), true) => Ok((entity, xml)),
        (Some(_), false) => Err(refused(
            "holds several entities: register them one by one, or make it a source \
             (`eduline metadata source add`)"
                .to_owned(),
        )),
        (None, _) => Err(refused("holds no entity".to_owned())),
    }
}

/// Registers an entity with what stands beside it: the end of its name, and its content.
pub(crate) fn keep(
    settings: &Settings,
    (entity, xml): (Entity, &str),
    (end, beside): (&str, &str),
) -> Result<Registered, Refusal> {
    if settings.is_own(&entity.id) {
        return Err(Refusal::of(format!("{} is one of our own", entity.id)));
    }
    let folder = settings.registered();
    let failed = |why: std::io::Error| Refusal::of(format!("{}: {why}", folder.display()));
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let path = file_of(&folder, &entity.id);
    // What was decided must be known when the entity is first seen.
    replace(&path.with_extension(end), beside).map_err(failed)?;
    replace(&path, xml).map_err(failed)?;
    Ok(Registered { entity, path })
}

/// Every entity registered, and what is wrong with the files that hold none.
pub(crate) fn all(settings: &Settings) -> (Vec<Registered>, Vec<String>) {
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
        match one_of(settings, &path.display().to_string()) {
            Ok((entity, _)) => all.push(Registered { entity, path }),
            Err(why) => faults.extend(why.0),
        }
    }
    all.sort_by(|a, b| a.entity.id.cmp(&b.entity.id));
    (all, faults)
}

/// The entity of that name, of those that are `wanted`.
pub(crate) fn find(
    settings: &Settings,
    id: &str,
    wanted: impl Fn(&Entity) -> bool,
) -> Result<Registered, Refusal> {
    let (all, _) = all(settings);
    all.into_iter()
        .find(|one| one.entity.id.as_str() == id && wanted(&one.entity))
        .ok_or_else(|| Refusal::of(format!("{id} is not registered")))
}

/// Forgets an entity and what stands beside it.
pub(crate) fn forget(registered: &Registered) -> Result<&EntityId, Refusal> {
    let path = &registered.path;
    // The metadata first: it is never seen without what was decided.
    let beside = BESIDE.map(|end| path.with_extension(end));
    for path in std::iter::once(path).chain(&beside) {
        match std::fs::remove_file(path) {
            Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
                return Err(Refusal::of(format!("{}: {why}", path.display())));
            }
            _ => {}
        }
    }
    Ok(&registered.entity.id)
}

/// Lines for a person, of what is said to a program: one for each value.
pub(crate) fn lines(described: &Value) -> Vec<String> {
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

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Replaces a file in one step: a process that watches sees the old one or the new one.
pub(crate) fn replace(path: &Path, content: &str) -> std::io::Result<()> {
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    std::fs::write(&draft, content)?;
    std::fs::rename(&draft, path)
}
