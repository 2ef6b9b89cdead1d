//! The last good copy of each source, on disk.

use std::io::Write;
use std::path::PathBuf;

use saml::EntityId;

use crate::changes::Changes;

/// Bytes of what changed that are kept; of more, the newer half is.
const HISTORY: usize = 4 << 20;

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
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(&begins))
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
        std::fs::remove_file(self.path(source)).ok();
    }

    /// Keeps a copy: whole or not at all, whatever happens meanwhile.
    pub(crate) fn keep(&self, source: &str, text: &str) -> std::io::Result<PathBuf> {
        std::fs::create_dir_all(&self.0)?;
        let path = self.path(source);
        let draft = path.with_extension(format!("{}.draft", std::process::id()));
        let mut file = std::fs::File::create(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(draft, &path)?;
        Ok(path)
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
