//! `eduline metadata`: sources of metadata, and what can be said of a document before it is one.

use std::path::Path;

use federation::{Federation, Filter, Report, Source};
use saml::metadata::ReadPolicy;
use saml::{EntityId, VerifyingKey};
use serde_json::{Value, json};
use web::Edge;

use super::{Refusal, registered};
use crate::cli::{Metadata, MetadataSource, NewSource};
use crate::house::{self, added};
use crate::keyring::KeyRing;
use crate::say::{self, Voice};
use crate::settings::{Settings, SourcePlace, SourceSettings};

pub(crate) mod lint;

/// The longest document that is looked at, bytes.
const LONGEST: u64 = 128 << 20;

/// Runs the subcommand.
pub(crate) async fn run(settings: &Settings, command: &Metadata) -> Result<(), Refusal> {
    match command {
        Metadata::Lint { from, print } => lint::run(settings, from, print),
        Metadata::Verify { file, key, print } => {
            let told = verify(settings, file, key)?;
            Voice::of(print.json).tell(&registered::lines(&told), &told);
            Ok(())
        }
        Metadata::Refresh(print) => refresh(settings, Voice::of(print.json)).await,
        Metadata::Changes { about, print } => {
            changes(settings, about.as_deref(), Voice::of(print.json))
        }
        Metadata::Source(MetadataSource::Add { source, print }) => {
            let told = add(settings, source).await?;
            Voice::of(print.json).tell(&registered::lines(&told), &told);
            Ok(())
        }
        Metadata::Source(MetadataSource::List(print)) => list(settings, Voice::of(print.json)),
        Metadata::Source(MetadataSource::Remove { name }) => remove(settings, name),
    }
}

/// Whether a document is signed by a key, and what it holds then.
fn verify(settings: &Settings, file: &str, key: &Path) -> Result<Value, Refusal> {
    let (key, _) = key_of(key)?;
    let xml = registered::text_of(settings, file, LONGEST)?;
    let pinned = [key];
    let policy = ReadPolicy {
        pinned: &pinned,
        now: Edge::system_clock()(),
        horizon_days: None,
        loopback_http: !settings.server.public_url.is_https(),
    };
    let document = saml::metadata::read(&xml, &policy)
        .map_err(|why| Refusal::of(format!("{file}: {} {why} ({})", why.code(), why.clause())))?;
    Ok(json!({
        "signed_by": document.key,
        "valid_until": document.valid_until.map(|until| until.to_rfc3339()),
        "entities": document.entities.len(),
        "left_out": document.left_out.iter().map(|one| {
            format!("line {}: {}: {} {}", one.line, one.entity_id, one.reason.code(), one.reason)
        }).collect::<Vec<_>>(),
    }))
}

/// Adds a source once it was read with success.
async fn add(settings: &Settings, new: &NewSource) -> Result<Value, Refusal> {
    let (key, pem) = key_of(&new.key)?;
    let place = match place_of(&new.place)? {
        SourcePlace::Url(url) if new.mdq => SourcePlace::Query(url),
        _ if new.mdq => return Err(Refusal::of("--mdq: expected an address".to_owned())),
        place => place,
    };
    let name = match &new.name {
        Some(name) => added::name(name),
        None => added::name(&name_for(&new.place)),
    };
    let name = name.map_err(Refusal::of)?;
    if added::is_named(settings, &name) || added::file(settings, &name).exists() {
        return Err(Refusal::of(format!("there is a source called {name}")));
    }
    let source = SourceSettings {
        name,
        place,
        pinned: vec![key],
        horizon_days: Some(new.horizon_days),
        filter: filter_of(new)?,
        key: None,
        needed: false,
    };
    let every = settings.federation.refresh;
    let read = ask(settings, house::source_of(&source, every)).await;
    let report = read
        .first()
        .filter(|report| report.failure.is_none())
        .ok_or_else(|| Refusal::of(why(&read)))?;
    let text = added::written(&source, &pem).map_err(Refusal::of)?;
    let path = added::file(settings, &source.name);
    std::fs::create_dir_all(added::folder(settings))
        .and_then(|()| registered::replace(&path, &text))
        .map_err(|why| Refusal::of(format!("{}: {why}", path.display())))?;
    Ok(described(settings, &source, report))
}

/// Whom a new source may bring.
fn filter_of(new: &NewSource) -> Result<Filter, Refusal> {
    let id = |text: &String| {
        EntityId::parse(text).map_err(|why| Refusal::of(format!("--without {text}: {why}")))
    };
    Ok(Filter {
        categories: new.category.clone(),
        registrars: new.registrar.clone(),
        without_categories: new.without_category.clone(),
        without: new.without.iter().map(id).collect::<Result<_, _>>()?,
    })
}

/// What the refreshes of sources changed.
fn changes(settings: &Settings, about: Option<&str>, voice: Voice) -> Result<(), Refusal> {
    let folder = settings.server.data.join("federation");
    let all = federation::history(&folder, about)
        .map_err(|why| Refusal::of(format!("{}: {why}", folder.display())))?;
    let mut lines = Vec::new();
    for one in &all {
        let at = one.at.format("%Y-%m-%d %H:%M:%S UTC");
        if one.is_first {
            lines.push(format!("{at}  {}: {} entities", one.source, one.entities));
        }
        for (sign, ids) in [
            ("+", &one.added),
            ("-", &one.removed),
            ("key", &one.keys_changed),
            ("address", &one.addresses_changed),
        ] {
            let told = ids
                .iter()
                .filter(|id| about.is_none_or(|text| one.source == text || id.contains(text)));
            lines.extend(told.map(|id| format!("{at}  {}: {sign} {id}", one.source)));
        }
    }
    voice.tell(&lines, &json!(all));
    Ok(())
}

fn why(reports: &[Report]) -> String {
    let failure = reports.first().and_then(|report| report.failure.clone());
    failure.unwrap_or_else(|| "nothing was read".to_owned())
}

/// Asks one source now; what is good is kept where every process finds it.
async fn ask(settings: &Settings, source: Source) -> Vec<Report> {
    let now = Edge::system_clock()();
    let federation = Federation::open(
        vec![source],
        settings.server.data.join("federation"),
        !settings.server.public_url.is_https(),
        now,
    )
    .under(settings.rules.clone());
    federation.refresh(now).await.reports.clone()
}

/// Asks every source now, and has running servers do the same.
async fn refresh(settings: &Settings, voice: Voice) -> Result<(), Refusal> {
    let sources = all(settings)?;
    let mut told = Vec::new();
    let mut reasons = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        say::progress(&format!("{}/{} {}", at + 1, sources.len(), source.name));
        let reports = ask(
            settings,
            house::source_of(source, settings.federation.refresh),
        )
        .await;
        for report in &reports {
            if let Some(failure) = &report.failure {
                reasons.push(format!("{}: {failure}", source.name));
            }
            told.push(described(settings, source, report));
        }
    }
    say::progress("");
    let folder = added::folder(settings);
    let asked = added::asked(settings);
    std::fs::create_dir_all(&folder)
        .and_then(|()| registered::replace(&asked, &Edge::system_clock()().to_rfc3339()))
        .map_err(|why| Refusal::of(format!("{}: {why}", asked.display())))?;
    voice.tell(&told.iter().map(line).collect::<Vec<_>>(), &json!(told));
    if reasons.is_empty() {
        Ok(())
    } else {
        Err(Refusal(reasons))
    }
}

fn list(settings: &Settings, voice: Voice) -> Result<(), Refusal> {
    let sources = all(settings)?;
    let known = house::known(settings, &KeyRing::of(settings))?;
    let told: Vec<Value> = sources
        .iter()
        .map(|source| {
            let mut reports = known.reports.iter();
            let report = reports.find(|report| report.source == source.name);
            described(settings, source, &report.cloned().unwrap_or_else(nothing))
        })
        .collect();
    voice.tell(&told.iter().map(line).collect::<Vec<_>>(), &json!(told));
    Ok(())
}

fn nothing() -> Report {
    Report {
        source: String::new(),
        read_at: None,
        entities: 0,
        left_out: Vec::new(),
        failure: Some("nothing was read yet".to_owned()),
        failures: 0,
        ends: None,
        set_aside: 0,
        due: None,
    }
}

fn remove(settings: &Settings, name: &str) -> Result<(), Refusal> {
    if added::is_named(settings, name) {
        return Err(Refusal::of(format!(
            "{name} is a source of the settings: it is removed there"
        )));
    }
    let name = added::name(name).map_err(Refusal::of)?;
    let path = added::file(settings, &name);
    std::fs::remove_file(&path).map_err(|why| match why.kind() {
        std::io::ErrorKind::NotFound => Refusal::of(format!("no source is called {name}")),
        _ => Refusal::of(format!("{}: {why}", path.display())),
    })?;
    // Its last good copy says nothing of another source that takes the name.
    std::fs::remove_file(copy(settings, &name)).ok();
    Voice::Plain.tell(&[format!("removed {name}")], &Value::Null);
    Ok(())
}

/// The sources of the settings, then those that were added.
fn all(settings: &Settings) -> Result<Vec<SourceSettings>, Refusal> {
    let (added, faults) = added::read(settings);
    if !faults.is_empty() {
        return Err(Refusal(faults));
    }
    let named = settings.federation.sources.iter().cloned();
    Ok(named.chain(added).collect())
}

fn described(settings: &Settings, source: &SourceSettings, report: &Report) -> Value {
    let place = match &source.place {
        SourcePlace::Url(url) | SourcePlace::Query(url) => url.clone(),
        SourcePlace::File(path) | SourcePlace::Folder(path) => path.display().to_string(),
    };
    let copied = std::fs::metadata(copy(settings, &source.name)).ok();
    let read_at = copied.as_ref().and_then(|file| file.modified().ok());
    json!({
        "name": source.name,
        "place": place,
        "keys": source.pinned.iter().map(VerifyingKey::fingerprint).collect::<Vec<_>>(),
        "horizon_days": source.horizon_days,
        "entities": report.entities,
        "left_out": report.left_out,
        "set_aside": report.set_aside,
        "failure": report.failure,
        "copied_at": read_at.map(|at| chrono::DateTime::<chrono::Utc>::from(at).to_rfc3339()),
        "bytes": copied.map(|file| file.len()),
    })
}

fn line(described: &Value) -> String {
    let text = |name: &str| described[name].as_str().unwrap_or("-").to_owned();
    let left_out = described["left_out"].as_array().map_or(0, Vec::len);
    let mut line = format!(
        "{:<16}{:>6} entities, {left_out} left out  {}",
        text("name"),
        described["entities"],
        text("place")
    );
    if let Some(failure) = described["failure"].as_str() {
        line.push_str("  ! ");
        line.push_str(failure);
    }
    line
}

/// The last good copy of a source at an address.
fn copy(settings: &Settings, name: &str) -> std::path::PathBuf {
    let folder = settings.server.data.join("federation");
    folder.join(format!("{name}.xml"))
}

fn key_of(file: &Path) -> Result<(VerifyingKey, String), Refusal> {
    let refused = |why: String| Refusal::of(format!("{}: {why}", file.display()));
    let pem = std::fs::read_to_string(file).map_err(|why| refused(why.to_string()))?;
    let key = VerifyingKey::from_pem(&pem).map_err(|why| refused(why.to_string()))?;
    Ok((key, pem))
}

fn place_of(text: &str) -> Result<SourcePlace, Refusal> {
    if text.contains("://") {
        return Ok(SourcePlace::Url(text.to_owned()));
    }
    let path = std::path::absolute(text).map_err(|why| Refusal::of(format!("{text}: {why}")))?;
    Ok(if path.is_dir() {
        SourcePlace::Folder(path)
    } else {
        SourcePlace::File(path)
    })
}

/// A name made of the host of an address, or of the name of a file.
fn name_for(place: &str) -> String {
    let word = match place.split_once("://") {
        Some((_, rest)) => rest.split(['/', ':', '?']).next().unwrap_or(rest),
        None => Path::new(place)
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or(place),
    };
    let word = word.to_lowercase();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    word.chars().map(plain).collect()
}
