//! Back from a copy, into places where nothing is. Everything is looked at before anything is laid down.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use serde_json::json;
use tar::Archive;

use super::{
    ACCOUNTS, KEYS, MANIFEST, METADATA, Manifest, SETTINGS, VERSION, digest, inside, refused,
};
use crate::cli::Copied;
use crate::commands::Refusal;
use crate::say::Voice;
use crate::settings::{self, Settings};

/// Files in a copy at most.
const MOST: usize = 100_000;

/// Lays a copy down: settings at `config` where there are none yet, data where the settings say.
pub(crate) fn run(config: &Path, asked: &Copied) -> Result<(), Refusal> {
    let at = |why: &dyn std::fmt::Display| Refusal::of(format!("{}: {why}", asked.file.display()));
    let file = File::open(&asked.file).map_err(|why| at(&why))?;
    let room = tempfile::tempdir().map_err(refused)?;
    unpack(file, room.path()).map_err(|Refusal(why)| at(&why.join("; ")))?;
    let manifest = checked(room.path()).map_err(|Refusal(why)| at(&why.join("; ")))?;
    let brings_settings = !config.exists();
    let written = if brings_settings {
        room.path().join(&manifest.settings)
    } else {
        config.to_path_buf()
    };
    let settings = settings::load(&written, std::env::vars())?;
    nothing_is_there(&settings)?;
    let brings_accounts = manifest.files.iter().any(|one| one.name == ACCOUNTS);
    if brings_accounts && settings.directory.place.file().is_none() {
        return Err(at(
            &"its accounts are a file, and the settings want them on a server",
        ));
    }
    let home = config.parent().unwrap_or_else(|| Path::new(""));
    let mut lines = Vec::new();
    for listed in &manifest.files {
        let from = room.path().join(&listed.name);
        let Some(to) = place(&settings, home, &listed.name, brings_settings) else {
            continue;
        };
        lay(&from, &to).map_err(|why| Refusal::of(format!("{}: {why}", to.display())))?;
        lines.push(to.display().to_string());
    }
    let count = lines.len();
    let kept = "the settings that were there stay as they are";
    let of = format!(
        "{count} files of {}, made by Eduline {}",
        manifest.at, manifest.eduline
    );
    lines.push(of);
    lines.extend((!brings_settings).then(|| kept.to_owned()));
    lines.push("next: eduline check".to_owned());
    let value = json!({ "files": count, "at": manifest.at, "settings": brings_settings });
    Voice::of(asked.print.json).tell(&lines, &value);
    Ok(())
}

/// Takes every file out, into a folder of its own. Nothing but plain files under plain names is taken.
fn unpack(file: File, room: &Path) -> Result<(), Refusal> {
    let mut archive = Archive::new(file);
    for (count, entry) in archive.entries().map_err(refused)?.enumerate() {
        let mut entry = entry.map_err(refused)?;
        let name = entry.path().map_err(refused)?.into_owned();
        if count >= MOST || !entry.header().entry_type().is_file() || !is_plain(&name) {
            return Err(Refusal::of(format!("{}: is not of a copy", name.display())));
        }
        write(&mut entry, &room.join(name)).map_err(refused)?;
    }
    Ok(())
}

/// A name that stays under the folder it is put in.
fn is_plain(name: &Path) -> bool {
    let mut parts = name.components();
    name.to_str().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}

/// The manifest, when every file is there as it was, and none besides.
fn checked(room: &Path) -> Result<Manifest, Refusal> {
    let text = std::fs::read(room.join(MANIFEST))
        .map_err(|_| Refusal::of("it has no end, or is no copy of ours"))?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|why| Refusal::of(format!("{MANIFEST}: {why}")))?;
    if manifest.v != VERSION || !is_plain(Path::new(&manifest.settings)) {
        return Err(Refusal::of("a later release made it"));
    }
    for listed in &manifest.files {
        let name = Path::new(&listed.name);
        let is_so =
            is_plain(name) && digest(&room.join(name)).is_ok_and(|digest| digest == listed.sha256);
        if !is_so {
            return Err(Refusal::of(format!("{} is not as it was", listed.name)));
        }
    }
    Ok(manifest)
}

fn nothing_is_there(settings: &Settings) -> Result<(), Refusal> {
    let mut found: Vec<PathBuf> = Vec::new();
    let accounts = settings.directory.place.file();
    found.extend(accounts.filter(|path| path.exists()).map(Path::to_path_buf));
    for folder in [&settings.keys.folder, &settings.registered()] {
        found.extend(inside("", folder)?.into_iter().map(|(_, path)| path));
    }
    if found.is_empty() {
        return Ok(());
    }
    let is_there = |path: PathBuf| format!("{}: is there already", path.display());
    Err(Refusal(found.into_iter().map(is_there).collect()))
}

/// Where a file of the copy goes.
fn place(settings: &Settings, home: &Path, name: &str, brings_settings: bool) -> Option<PathBuf> {
    let under = |folder: &str| name.strip_prefix(folder)?.strip_prefix('/');
    if name == ACCOUNTS {
        return settings.directory.place.file().map(Path::to_path_buf);
    }
    if let Some(key) = under(KEYS) {
        return Some(settings.keys.folder.join(key));
    }
    if let Some(metadata) = under(METADATA) {
        return Some(settings.registered().join(metadata));
    }
    under(SETTINGS)
        .filter(|_| brings_settings)
        .map(|file| home.join(file))
}

fn lay(from: &Path, to: &Path) -> std::io::Result<()> {
    write(&mut File::open(from)?, to)
}

/// A new file for its owner only, on the disk when this returns.
fn write(content: &mut impl Read, to: &Path) -> std::io::Result<()> {
    if let Some(folder) = to.parent().filter(|folder| folder.as_os_str() != "") {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)?;
    std::io::copy(content, &mut file)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_where_it_is_put() {
        for good in ["a", "data/keys/x.pem", "settings/theme/words/fr.toml"] {
            assert!(is_plain(Path::new(good)), "{good}");
        }
        for bad in ["../a", "/etc/passwd", "a/../../b", "./a"] {
            assert!(!is_plain(Path::new(bad)), "{bad}");
        }
    }
}
