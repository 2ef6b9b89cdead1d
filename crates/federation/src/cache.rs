//! The last good copy of each source, on disk.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use saml::{EntityId, Moment};

use crate::changes::Changes;
use crate::draft::Draft;
use crate::fetch::Validators;

/// Bytes of what changed that are kept; of more, the newer half is.
const HISTORY: usize = 4 << 20;
/// How long a draft is somebody's: no document takes longer to come.
const DRAFT: TimeDelta = TimeDelta::hours(6);

/// Drafts of this process.
static DRAFTS: AtomicU64 = AtomicU64::new(0);

/// What the answer of an address is known by.
#[derive(serde::Serialize, serde::Deserialize)]
struct Known {
    url: String,
    #[serde(flatten)]
    validators: Validators,
}

/// A folder of last good copies.
#[derive(Debug, Clone)]
pub(crate) struct Cache(PathBuf);

impl Cache {
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Source names are short words of the settings; anything else in them is made harmless.
    fn path(&self, source: &str) -> PathBuf {
        let name: String = source
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '-' {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        self.0.join(format!("{name}.xml"))
    }

    /// The entities of which there are copies, each a source under this one.
    pub(crate) fn ids_under(&self, source: &str) -> Vec<EntityId> {
        let begins = format!("{source}_");
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries
            .filter(|entry| {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                name.starts_with(&begins) && name.ends_with(".xml")
            })
            .filter_map(|entry| {
                // What it really is, and whether it is signed, is seen when it is read.
                let text = std::fs::read_to_string(entry.path()).ok()?;
                let (_, rest) = text.split_once("entityID=\"")?;
                let (id, _) = rest.split_once('"')?;
                EntityId::parse(&id.replace("&amp;", "&")).ok()
            })
            .collect()
    }

    /// The copy of a source, if there is one.
    pub(crate) fn find(&self, source: &str) -> Option<String> {
        std::fs::read_to_string(self.path(source)).ok()
    }

    /// The copy of a source, if there is one of at least so many bytes.
    pub(crate) fn open(&self, source: &str, least: usize) -> Option<std::fs::File> {
        let file = std::fs::File::open(self.path(source)).ok()?;
        let bytes = usize::try_from(file.metadata().ok()?.len()).ok()?;
        (bytes >= least).then_some(file)
    }

    /// Forgets the copy of a source.
    pub(crate) fn forget(&self, source: &str) {
        let path = self.path(source);
        for path in [known_beside(&path), path] {
            std::fs::remove_file(path).ok();
        }
    }

    /// Keeps a copy: whole or not at all, whatever happens meanwhile. What the one before was known by
    /// is forgotten.
    pub(crate) fn keep(&self, source: &str, text: &str) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.0)?;
        let (draft, path) = (self.draft(source), self.path(source));
        std::fs::remove_file(known_beside(&path)).ok();
        let mut file = std::fs::File::create(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(draft, path)
    }

    /// The same, of a copy that is on disk already.
    pub(crate) fn adopt(&self, source: &str, draft: &Draft) -> std::io::Result<()> {
        let path = self.path(source);
        std::fs::remove_file(known_beside(&path)).ok();
        draft.put(&path)
    }

    /// Keeps what the copy of a source is known by at its address.
    pub(crate) fn keep_validators(
        &self,
        source: &str,
        url: &str,
        validators: &Validators,
    ) -> std::io::Result<()> {
        let known = Known {
            url: url.to_owned(),
            validators: validators.clone(),
        };
        let text = serde_json::to_string(&known)?;
        std::fs::write(known_beside(&self.path(source)), text)
    }

    /// What the copy of a source is known by at this address.
    pub(crate) fn validators(&self, source: &str, url: &str) -> Option<Validators> {
        let text = std::fs::read_to_string(known_beside(&self.path(source))).ok()?;
        let known: Known = serde_json::from_str(&text).ok()?;
        (known.url == url).then_some(known.validators)
    }

    /// Where a copy of a source is written before it is put in its place. Nobody else writes there.
    pub(crate) fn draft(&self, source: &str) -> PathBuf {
        let (process, number) = (std::process::id(), DRAFTS.fetch_add(1, Ordering::Relaxed));
        self.path(source)
            .with_extension(format!("{process}-{number}.draft"))
    }

    /// Removes drafts of processes that ended before they were done.
    pub(crate) fn sweep(&self, now: Moment) {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        for entry in entries {
            let path = entry.path();
            let written = entry.metadata().and_then(|seen| seen.modified());
            let written = written.map(DateTime::<Utc>::from);
            let is_old = written.is_ok_and(|at| now - at > DRAFT);
            if is_old && path.extension().is_some_and(|end| end == "draft") {
                std::fs::remove_file(path).ok();
            }
        }
    }

    /// What every refresh changed, the latest last. A line that broke off is nothing.
    pub(crate) fn changes(&self) -> std::io::Result<Vec<Changes>> {
        let text = match std::fs::read_to_string(self.history()) {
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        let lines = text.lines();
        Ok(lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect())
    }

    /// Notes what one changed.
    pub(crate) fn note(&self, changes: &Changes) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.0)?;
        let path = self.history();
        let line = serde_json::to_string(changes)?;
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        if text.len() > HISTORY {
            let lines: Vec<&str> = text.lines().collect();
            let newer = lines.get(lines.len() / 2..).unwrap_or_default();
            return std::fs::write(&path, format!("{}\n{line}\n", newer.join("\n")));
        }
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.create(true).append(true).open(&path)?;
        file.write_all(format!("{line}\n").as_bytes())
    }

    fn history(&self) -> PathBuf {
        self.0.join("changes.jsonl")
    }
}

/// Beside a copy: what it is known by.
fn known_beside(copy: &Path) -> PathBuf {
    copy.with_extension("known")
}
