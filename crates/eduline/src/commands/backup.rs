//! `eduline backup FILE` and `eduline restore FILE`: what cannot be made again, in one file, and back.
//!
//! In it: the accounts as they stand at one moment, keys and secrets, registered metadata, and the
//! settings with the files they name. Not in it: sessions, the journal, others' metadata, and secrets
//! that the settings only point to. It is a tar file for its owner only, whose last entry lists every
//! other one with its digest: what was cut off or changed is refused.

mod restore;

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use tar::{Builder, Header};
use web::Edge;

use super::Refusal;
use crate::cli::Copied;
use crate::keyring::hexadecimal;
use crate::say::Voice;
use crate::settings::{Settings, SourcePlace};

pub(crate) use restore::run as restore;

/// What a file is called in a copy, and where it is.
type Named = Vec<(String, PathBuf)>;

/// The version of what is in the file.
const VERSION: u32 = 1;
const MANIFEST: &str = "manifest.json";
/// The accounts.
const ACCOUNTS: &str = "data/directory.sqlite";
const KEYS: &str = "data/keys";
const METADATA: &str = "data/metadata";
const SETTINGS: &str = "settings";

/// What a copy says of itself.
#[derive(Serialize, Deserialize)]
struct Manifest {
    v: u32,
    /// The release that made it.
    eduline: String,
    /// When.
    at: String,
    /// The settings file among the settings.
    settings: String,
    files: Vec<Listed>,
}

/// One file of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Listed {
    name: String,
    sha256: String,
}

/// Writes a copy while the house serves.
pub(crate) async fn run(settings: &Settings, config: &Path, asked: &Copied) -> Result<(), Refusal> {
    let folder = asked
        .file
        .parent()
        .filter(|folder| folder.as_os_str() != "");
    let room = tempfile::tempdir_in(folder.unwrap_or_else(|| Path::new("."))).map_err(refused)?;
    let mut files = accounts(settings, room.path()).await?;
    files.extend(inside(KEYS, &settings.keys.folder)?);
    files.extend(inside(METADATA, &settings.registered())?);
    let home = config.parent().unwrap_or_else(|| Path::new(""));
    let (named, elsewhere) = named(settings, config, home)?;
    files.extend(named);
    let draft = room.path().join("copy");
    let listed = write(&draft, config, &files)?;
    // Whole or not there at all; and a copy of before is never written over.
    std::fs::hard_link(&draft, &asked.file)
        .map_err(|why| Refusal::of(format!("{}: {why}", asked.file.display())))?;
    let mut lines = vec![format!("{}: {} files", asked.file.display(), listed.len())];
    let outside = elsewhere.iter();
    lines.extend(outside.map(|path| format!("not in it: {}", path.display())));
    if settings.directory.place.file().is_none() {
        lines.push("not in it: the accounts; copy their database with pg_dump".to_owned());
    }
    lines.push("keys are in it: keep it where the keys may be kept".to_owned());
    Voice::of(asked.print.json).tell(&lines, &json!({ "files": listed, "elsewhere": elsewhere }));
    Ok(())
}

/// The accounts as they stand, where they are a file.
async fn accounts(settings: &Settings, room: &Path) -> Result<Named, Refusal> {
    let Some(path) = settings.directory.place.file() else {
        return Ok(Vec::new());
    };
    let accounts = room.join("accounts");
    let copied = directory::copy_sqlite(path, &accounts).await;
    copied.map_err(|why| Refusal::of(format!("{}: {why}", path.display())))?;
    Ok(vec![(ACCOUNTS.to_owned(), accounts)])
}

fn refused(why: std::io::Error) -> Refusal {
    Refusal::of(why.to_string())
}

/// The plain files of a folder, sorted; drafts and what begins with a dot stay out.
fn inside(name: &str, folder: &Path) -> Result<Named, Refusal> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(why) => return Err(Refusal::of(format!("{}: {why}", folder.display()))),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(refused)?.path();
        let plain = path.file_name().and_then(|name| name.to_str());
        if let Some(plain) = plain.filter(|plain| path.is_file() && !plain.starts_with('.')) {
            files.push((format!("{name}/{plain}"), path.clone()));
        }
    }
    files.sort();
    Ok(files)
}

/// The settings and the files they name, called by where they are under the settings' folder; and those
/// that are elsewhere.
fn named(
    settings: &Settings,
    config: &Path,
    home: &Path,
) -> Result<(Named, Vec<PathBuf>), Refusal> {
    let mut paths = vec![
        config.to_path_buf(),
        settings.portal.catalogue.clone(),
        settings.idp.fonctions.clone(),
    ];
    paths.extend(settings.idp.services.clone());
    if settings.server.demo {
        paths.push(settings.server.demo_accounts.clone());
    }
    for source in &settings.federation.sources {
        paths.extend(source.key.clone());
        match &source.place {
            SourcePlace::File(path) => paths.push(path.clone()),
            SourcePlace::Folder(folder) => {
                paths.extend(inside("", folder)?.into_iter().map(|(_, path)| path));
            }
            SourcePlace::Url(_) | SourcePlace::Query(_) => {}
        }
    }
    if let Some(theme) = &settings.theme {
        for folder in ["", "pages", "parts", "words", "assets"] {
            let found = inside("", &theme.join(folder))?;
            paths.extend(found.into_iter().map(|(_, path)| path));
        }
    }
    let (mut near, mut elsewhere) = (Vec::new(), Vec::new());
    paths.sort();
    paths.dedup();
    for path in paths {
        match path.strip_prefix(home).ok().and_then(Path::to_str) {
            Some(name) => near.push((format!("{SETTINGS}/{name}"), path.clone())),
            None => elsewhere.push(path),
        }
    }
    Ok((near, elsewhere))
}

/// Writes the file, for its owner only.
fn write(draft: &Path, config: &Path, files: &[(String, PathBuf)]) -> Result<Vec<Listed>, Refusal> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(draft)
        .map_err(refused)?;
    let mut archive = Builder::new(file);
    let mut listed = Vec::new();
    for (name, path) in files {
        let from = |why: std::io::Error| Refusal::of(format!("{}: {why}", path.display()));
        let digest = digest(path).map_err(from)?;
        let file = File::open(path).map_err(from)?;
        let length = file.metadata().map_err(from)?.len();
        append(&mut archive, name, length, file).map_err(from)?;
        listed.push(Listed {
            name: name.clone(),
            sha256: digest,
        });
    }
    let settings = config.file_name().unwrap_or_default().to_string_lossy();
    let manifest = Manifest {
        v: VERSION,
        eduline: env!("CARGO_PKG_VERSION").to_owned(),
        at: Edge::system_clock()().to_rfc3339(),
        settings: format!("{SETTINGS}/{settings}"),
        files: listed.clone(),
    };
    let text = serde_json::to_vec_pretty(&manifest).map_err(|why| Refusal::of(why.to_string()))?;
    let length = u64::try_from(text.len()).unwrap_or_default();
    append(&mut archive, MANIFEST, length, text.as_slice()).map_err(refused)?;
    let file = archive.into_inner().map_err(refused)?;
    file.sync_all().map_err(refused)?;
    Ok(listed)
}

fn append(
    archive: &mut Builder<File>,
    name: &str,
    length: u64,
    content: impl Read,
) -> std::io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_size(length);
    header.set_mode(0o600);
    // What is the same is written the same.
    header.set_mtime(0);
    archive.append_data(&mut header, name, content.take(length))
}

/// SHA-256 of a file, hexadecimal.
fn digest(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = file.read(&mut buffer)?;
        let Some(read) = buffer.get(..length).filter(|read| !read.is_empty()) else {
            return Ok(hexadecimal(&hasher.finalize()));
        };
        hasher.update(read);
    }
}
