//! A document as it comes in: in memory while it is small, else in a file beside the last good copies,
//! so that how long it is costs no memory.

use std::fs::File;
use std::io::{Error, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cache::Cache;

/// From this size on, bytes, a document is read as it streams by, and its entities when they are
/// asked for.
pub(crate) const BULK: usize = 4 * 1024 * 1024;
/// A byte order mark: places in a text are counted without it.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// A document that comes in. Its file is gone when nobody has kept it.
pub(crate) struct Draft {
    path: PathBuf,
    start: Vec<u8>,
    file: Option<File>,
}

/// A document that is there.
#[derive(Clone)]
pub(crate) enum Taken {
    Small(Arc<str>),
    Large(Arc<Draft>),
}

impl Draft {
    /// A document of a source, of which nothing is there yet.
    pub(crate) fn of(cache: &Cache, source: &str) -> Self {
        Self {
            path: cache.draft(source),
            start: Vec::new(),
            file: None,
        }
    }

    /// It is there.
    ///
    /// # Errors
    /// When a small one is no UTF-8. A large one is looked at as it streams by.
    pub(crate) fn finish(mut self) -> std::io::Result<Taken> {
        if self.file.is_some() {
            return Ok(Taken::Large(Arc::new(self)));
        }
        let text = String::from_utf8(std::mem::take(&mut self.start));
        let text = text.map_err(|why| Error::new(ErrorKind::InvalidData, why))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        Ok(Taken::Small(text.into()))
    }

    /// The file of a large one.
    pub(crate) fn read(&self) -> std::io::Result<File> {
        let file = self.file.as_ref();
        file.ok_or(ErrorKind::NotFound)?.try_clone()
    }

    /// Puts the file of a large one in its place, once the disk has it.
    pub(crate) fn put(&self, path: &Path) -> std::io::Result<()> {
        self.read()?.sync_all()?;
        std::fs::rename(&self.path, path)
    }

    fn spill(&mut self) -> std::io::Result<File> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut options = File::options();
        let options = options.read(true).write(true).create_new(true);
        let mut file = options.open(&self.path)?;
        let start = std::mem::take(&mut self.start);
        file.write_all(start.strip_prefix(MARK).unwrap_or(&start))?;
        Ok(file)
    }
}

impl Write for Draft {
    fn write(&mut self, part: &[u8]) -> std::io::Result<usize> {
        if self.file.is_none() && self.start.len() + part.len() >= BULK {
            self.file = Some(self.spill()?);
        }
        match &mut self.file {
            Some(file) => file.write(part),
            None => self.start.write(part),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.file.is_some() {
            // Once it was put in its place, nothing is there any more.
            std::fs::remove_file(&self.path).ok();
        }
    }
}
