//! Letters that wait: one sealed file each, called by its number and by when it may be tried.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aes_gcm::Aes256Gcm;
use aes_gcm::KeyInit;
use aes_gcm::aead::{Aead, Payload};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{Dice, Fault, Letter};

/// A letter, and what is known of its way so far.
#[derive(Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) letter: Letter,
    pub(crate) until: DateTime<Utc>,
    pub(crate) not_before: DateTime<Utc>,
    pub(crate) tries: usize,
}

impl Waiting {
    pub(crate) fn of(letter: Letter, until: DateTime<Utc>) -> Self {
        Self {
            letter,
            until,
            not_before: DateTime::UNIX_EPOCH,
            tries: 0,
        }
    }
}

/// Ends the name of a letter that waits.
const WAITS: &str = ".letter";
/// Ends the name of a letter that somebody is sending.
const LEAVES: &str = ".leaving";
/// A letter that has been leaving for so long was left behind by a process that ended.
const LEFT_BEHIND: TimeDelta = TimeDelta::minutes(3);

pub(crate) struct Queue {
    folder: PathBuf,
    cipher: Aes256Gcm,
    dice: Dice,
}

impl Queue {
    pub(crate) fn open(folder: &Path, key: &[u8; 32], dice: Dice) -> Result<Self, Fault> {
        let queue = Self {
            folder: folder.to_path_buf(),
            cipher: Aes256Gcm::new_from_slice(key).map_err(|_| Fault::Sealing)?,
            dice,
        };
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|why| queue.fault(why))?;
        Ok(queue)
    }

    pub(crate) fn fault(&self, why: std::io::Error) -> Fault {
        Fault::Folder {
            folder: self.folder.display().to_string(),
            why,
        }
    }

    /// Keeps a letter; its number.
    pub(crate) fn put(&self, waiting: &Waiting) -> Result<String, Fault> {
        let number = self.number();
        let sealed = self.seal(&number, waiting)?;
        self.write(&number, WAITS, &sealed)
            .map_err(|why| self.fault(why))?;
        Ok(number)
    }

    /// The same work, under a name that nobody looks for, and away again.
    pub(crate) fn pretend(&self, waiting: &Waiting) -> Result<(), Fault> {
        let number = self.number();
        let sealed = self.seal(&number, waiting)?;
        self.write(&number, ".none", &sealed)
            .and_then(|()| std::fs::remove_file(self.path(&number, ".none")))
            .map_err(|why| self.fault(why))
    }

    /// Keeps a letter again that did not leave.
    pub(crate) fn put_back(&self, number: &str, waiting: &Waiting) {
        let kept = self
            .seal(number, waiting)
            .is_ok_and(|sealed| self.write(number, WAITS, &sealed).is_ok());
        if kept {
            std::fs::remove_file(self.path(number, LEAVES)).ok();
        }
        // What cannot be written now is left behind, and found again.
    }

    pub(crate) fn remove(&self, number: &str) {
        std::fs::remove_file(self.path(number, LEAVES)).ok();
    }

    /// The numbers of letters that wait or were left behind, the first come first.
    pub(crate) fn numbers(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut numbers: Vec<String> = names
            .filter_map(|name| {
                let number = name.strip_suffix(WAITS).or(name.strip_suffix(LEAVES))?;
                Some(number.to_owned())
            })
            .collect();
        numbers.sort();
        numbers.dedup();
        numbers
    }

    pub(crate) fn len(&self) -> usize {
        self.numbers().len()
    }

    /// How long the letter waits still; `None` when there is nothing to do for it here.
    pub(crate) fn due(&self, number: &str, now: DateTime<Utc>) -> Option<TimeDelta> {
        let waits = self.path(number, WAITS);
        if !waits.exists() {
            let leaving = std::fs::metadata(self.path(number, LEAVES)).ok()?;
            let since: DateTime<Utc> = leaving.modified().ok()?.into();
            return (now - since > LEFT_BEHIND).then(TimeDelta::zero);
        }
        let waiting = self.read(number, &waits)?;
        Some((waiting.not_before - now).max(TimeDelta::zero()))
    }

    /// Takes the letter to send it: of several processes, one does. What cannot be read (another key) is
    /// left where it is.
    pub(crate) fn claim(&self, number: &str, now: DateTime<Utc>) -> Option<Waiting> {
        let (waits, leaves) = (self.path(number, WAITS), self.path(number, LEAVES));
        if waits.exists() {
            let waiting = self.read(number, &waits)?;
            std::fs::rename(&waits, &leaves).ok()?;
            // From now on it counts as leaving.
            let touched = OpenOptions::new().append(true).open(&leaves).ok()?;
            touched.set_modified(now.into()).ok()?;
            return Some(waiting);
        }
        let waiting = self.read(number, &leaves)?;
        let touched = OpenOptions::new().append(true).open(&leaves).ok()?;
        touched.set_modified(now.into()).ok()?;
        Some(waiting)
    }

    fn read(&self, number: &str, path: &Path) -> Option<Waiting> {
        let bytes = std::fs::read(path).ok()?;
        let (nonce, closed) = bytes.split_first_chunk::<12>()?;
        let payload = Payload {
            msg: closed,
            aad: number.as_bytes(),
        };
        let opened = self.cipher.decrypt(&(*nonce).into(), payload).ok()?;
        serde_json::from_slice(&opened).ok()
    }

    fn seal(&self, number: &str, waiting: &Waiting) -> Result<Vec<u8>, Fault> {
        let open = serde_json::to_vec(waiting).map_err(|_| Fault::Sealing)?;
        let mut nonce = [0; 12];
        (self.dice)(&mut nonce);
        let payload = Payload {
            msg: &open,
            aad: number.as_bytes(),
        };
        let closed = self.cipher.encrypt(&nonce.into(), payload);
        let closed = closed.map_err(|_| Fault::Sealing)?;
        Ok([nonce.as_slice(), &closed].concat())
    }

    /// Lets the file appear whole, and stay after a power cut.
    fn write(&self, number: &str, end: &str, bytes: &[u8]) -> std::io::Result<()> {
        let draft = self.path(number, ".draft");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&draft, self.path(number, end))?;
        File::open(&self.folder)?.sync_all()
    }

    fn number(&self) -> String {
        let mut chance = [0; 12];
        (self.dice)(&mut chance);
        chance.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn path(&self, number: &str, end: &str) -> PathBuf {
        self.folder.join(format!("{number}{end}"))
    }
}
