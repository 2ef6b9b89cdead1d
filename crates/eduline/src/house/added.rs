//! Sources of metadata that a command added: one file each in `<data>/sources`, a folder that every
//! running process watches.

use std::path::{Path, PathBuf};

use federation::Filter;
use saml::{EntityId, VerifyingKey};

use crate::settings::{Settings, SourcePlace, SourceSettings};

/// Names that are no source's of the operator.
const TAKEN: [&str; 2] = ["registered", "followed"];
/// The longest name.
const LONGEST_NAME: usize = 60;

/// The folder.
pub(crate) fn folder(settings: &Settings) -> PathBuf {
    settings.server.data.join("sources")
}

/// The file that changes when every source is to be asked now.
pub(crate) fn asked(settings: &Settings) -> PathBuf {
    folder(settings).join(".asked")
}

/// The file of a source.
pub(crate) fn file(settings: &Settings, name: &str) -> PathBuf {
    folder(settings).join(format!("{name}.toml"))
}

/// Every source that was added, by name, and what is wrong with the files that say none.
pub(crate) fn read(settings: &Settings) -> (Vec<SourceSettings>, Vec<String>) {
    let entries = std::fs::read_dir(folder(settings)).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    paths.sort();
    let mut sources: Vec<SourceSettings> = Vec::new();
    let mut faults = Vec::new();
    for path in paths {
        match one(&path) {
            Ok(source) if is_named(settings, &source.name) => faults.push(format!(
                "{}: a source of the settings has the same name",
                path.display()
            )),
            Ok(source) => sources.push(source),
            Err(why) => faults.push(format!("{}: {why}", path.display())),
        }
    }
    (sources, faults)
}

/// Whether a source of the settings has that name.
pub(crate) fn is_named(settings: &Settings, name: &str) -> bool {
    let mut named = settings.federation.sources.iter();
    named.any(|source| source.name == name)
}

/// A name for a source: a word for file names and metrics.
pub(crate) fn name(text: &str) -> Result<String, String> {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = !text.is_empty() && text.len() <= LONGEST_NAME && text.chars().all(is_word);
    if fits && !TAKEN.contains(&text) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{text:?} is no name for a source: lower-case letters, digits and dashes"
        ))
    }
}

/// What the file of a source says.
pub(crate) fn written(source: &SourceSettings, key_pem: &str) -> Result<String, String> {
    let mut table = toml::Table::new();
    let (kind, place) = match &source.place {
        SourcePlace::Url(url) => ("url", url.clone()),
        SourcePlace::File(path) => ("file", path.display().to_string()),
        SourcePlace::Folder(path) => ("folder", path.display().to_string()),
        SourcePlace::Query(url) => ("mdq", url.clone()),
    };
    table.insert(kind.to_owned(), place.into());
    table.insert("key".to_owned(), key_pem.into());
    if let Some(days) = source.horizon_days {
        table.insert("horizon_days".to_owned(), i64::from(days).into());
    }
    let filter = &source.filter;
    let without = filter.without.iter().map(|id| id.as_str().to_owned());
    for (name, texts) in [
        ("categories", filter.categories.clone()),
        ("registrars", filter.registrars.clone()),
        ("without_categories", filter.without_categories.clone()),
        ("without", without.collect()),
    ] {
        if !texts.is_empty() {
            table.insert(name.to_owned(), texts.into());
        }
    }
    toml::to_string(&table).map_err(|why| why.to_string())
}

fn one(path: &Path) -> Result<SourceSettings, String> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = name(&stem)?;
    let text = std::fs::read_to_string(path).map_err(|why| why.to_string())?;
    let mut table: toml::Table = toml::from_str(&text).map_err(|why| why.to_string())?;
    let mut text_of = |key: &str| match table.remove(key) {
        None => Ok(None),
        Some(toml::Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{key} must be a text")),
    };
    let places = [
        text_of("url")?.map(SourcePlace::Url),
        text_of("file")?.map(|path| SourcePlace::File(path.into())),
        text_of("folder")?.map(|path| SourcePlace::Folder(path.into())),
        text_of("mdq")?.map(SourcePlace::Query),
    ];
    let pem = text_of("key")?.ok_or("key is missing: the certificate that signs it")?;
    let horizon_days = match table.remove("horizon_days") {
        None => None,
        Some(toml::Value::Integer(days)) => {
            Some(u32::try_from(days).map_err(|_| "horizon_days must be a number of days")?)
        }
        Some(_) => return Err("horizon_days must be a number of days".to_owned()),
    };
    let filter = filter(&mut table)?;
    if let Some(key) = table.keys().next() {
        return Err(format!("unknown key {key}"));
    }
    let mut written = places.into_iter().flatten();
    let (Some(place), None) = (written.next(), written.next()) else {
        return Err("a source has one of url, file, folder, mdq".to_owned());
    };
    let key = VerifyingKey::from_pem(&pem).map_err(|why| why.to_string())?;
    Ok(SourceSettings {
        name,
        place,
        pinned: vec![key],
        horizon_days,
        filter,
        key: None,
        needed: false,
    })
}

/// Whom the source may bring.
fn filter(table: &mut toml::Table) -> Result<Filter, String> {
    let mut texts_of = |key: &str| -> Result<Vec<String>, String> {
        let texts = table.remove(key).map(toml::Value::try_into);
        let texts = texts.transpose().map_err(|why| format!("{key}: {why}"))?;
        Ok(texts.unwrap_or_default())
    };
    let filter = Filter {
        categories: texts_of("categories")?,
        registrars: texts_of("registrars")?,
        without_categories: texts_of("without_categories")?,
        without: Vec::new(),
    };
    let without = texts_of("without")?;
    let without: Result<_, _> = without.iter().map(|id| EntityId::parse(id)).collect();
    let without = without.map_err(|why| format!("without: {why}"))?;
    Ok(Filter { without, ..filter })
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn a_name_is_a_word() {
        assert_eq!(name("renater-2").as_deref(), Ok("renater-2"));
        let long = "a".repeat(61);
        for bad in [
            "",
            "own.portail",
            "../x",
            "A",
            "a b",
            "registered",
            "followed",
            &long,
        ] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
