//! The keys of one name as they stand in the folder: current, next, retired.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use saml::encryption::DecryptionKey;
use saml::keys::OwnKeys;
use saml::{Moment, SigningKey, VerifyingKey};

use super::KeyRing;
use crate::settings::Fault;

/// What a token signs to show that it is there.
const PROOF: &[u8] = b"eduline: are you there?";
/// How often a folder is read again that changes while it is read.
const TRIES: usize = 5;
/// How the moment of retirement is written in the name of a file.
const RETIRED_AT: &str = "%Y-%m-%dT%H%M%SZ";

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// It signs.
    Current,
    /// It is published, and will sign.
    Next,
    /// It signed until then, and is still published.
    Retired(Moment),
}

impl State {
    /// Its name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Next => "next",
            Self::Retired(_) => "retired",
        }
    }

    /// What its file is called after the name of the key, with the ending.
    pub(super) fn ending(self) -> String {
        match self {
            Self::Current => ".pem".to_owned(),
            Self::Next => ".next.pem".to_owned(),
            Self::Retired(at) => format!(".retired-{}.pem", at.format(RETIRED_AT)),
        }
    }

    fn of_ending(ending: &str) -> Option<Self> {
        match ending {
            ".pem" => Some(Self::Current),
            ".next.pem" => Some(Self::Next),
            _ => {
                let at = ending.strip_prefix(".retired-")?.strip_suffix(".pem")?;
                let at = chrono::NaiveDateTime::parse_from_str(at, RETIRED_AT).ok()?;
                Some(Self::Retired(at.and_utc()))
            }
        }
    }
}

/// One key of a bunch.
#[derive(Debug)]
pub(crate) struct OneKey {
    /// What it is for.
    pub(crate) state: State,
    /// Its file.
    pub(crate) path: PathBuf,
    /// The key.
    pub(crate) key: Arc<SigningKey>,
    /// Since when the file stands as it is: at the latest then it was published.
    pub(crate) since: Moment,
}

impl OneKey {
    /// The key as others know it.
    pub(crate) fn verifying(&self) -> VerifyingKey {
        self.key.verifying()
    }

    /// Days until its certificate ends, negative once it has.
    pub(crate) fn days_left(&self, now: Moment) -> Option<i64> {
        let ends = self.verifying().not_after()?;
        Some((ends - now).num_days())
    }
}

/// The keys of one name: the current one, then the next one, then those that went, newest first.
#[derive(Debug)]
pub(crate) struct Bunch {
    name: String,
    keys: Vec<OneKey>,
    current: Arc<SigningKey>,
}

impl Bunch {
    /// The name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Every key, the current one first.
    pub(crate) fn keys(&self) -> &[OneKey] {
        &self.keys
    }

    /// The one that signs.
    pub(crate) fn current(&self) -> &Arc<SigningKey> {
        &self.current
    }

    /// The one that comes next.
    pub(crate) fn next(&self) -> Option<&OneKey> {
        self.keys.iter().find(|one| one.state == State::Next)
    }

    /// Those that went, and when.
    pub(crate) fn retired(&self) -> impl Iterator<Item = (&OneKey, Moment)> {
        self.keys.iter().filter_map(|one| match one.state {
            State::Retired(at) => Some((one, at)),
            State::Current | State::Next => None,
        })
    }

    /// What is wrong with its keys that a token holds and that sign or will: it is away, or has
    /// another key under that name. Each makes a signature to show it.
    pub(crate) fn held_faults(&self) -> Vec<String> {
        let signs = |one: &&OneKey| !matches!(one.state, State::Retired(_)) && one.key.is_held();
        let fault = |one: &OneKey| {
            let why = match one.key.sign(PROOF) {
                Ok(signature) => {
                    let key = one.verifying();
                    if key.verifies(one.key.algorithm(), PROOF, &signature) {
                        return None;
                    }
                    "the token has another key under that name".to_owned()
                }
                Err(why) => why.to_string(),
            };
            Some(format!("{}: {why}", one.path.display()))
        };
        self.keys.iter().filter(signs).filter_map(fault).collect()
    }

    /// The same, to open with: those that others may have encrypted for, the current one first.
    pub(crate) fn opening_keys(&self) -> Result<Vec<DecryptionKey>, Fault> {
        let key = |one: &OneKey| {
            DecryptionKey::of(&one.key).map_err(|why| Fault::of_file(&one.path, why.to_string()))
        };
        self.keys.iter().map(key).collect()
    }

    /// The same, to sign with.
    pub(crate) fn own_keys(&self) -> OwnKeys {
        let others = self.keys.iter().map(OneKey::verifying);
        OwnKeys::new(Arc::clone(&self.current), others)
    }
}

impl KeyRing {
    /// The keys of one name. The folder may change meanwhile: what is read is what stood there at
    /// one moment.
    pub(crate) fn bunch(&self, name: &str) -> Result<Bunch, Fault> {
        let mut files = self.files(name)?;
        for _ in 0..TRIES {
            let read = self.read_all(name, &files);
            let again = self.files(name)?;
            if again == files {
                return read;
            }
            files = again;
        }
        Err(Fault::of_file(
            &self.folder,
            "changes all the time and cannot be read",
        ))
    }

    fn read_all(&self, name: &str, files: &[File]) -> Result<Bunch, Fault> {
        let current = self.key(name)?;
        let mut keys = Vec::with_capacity(files.len());
        for (state, path, since) in files {
            let key = if *state == State::Current {
                Arc::clone(&current)
            } else {
                self.decode(path)?
            };
            keys.push(OneKey {
                state: *state,
                path: path.clone(),
                key,
                since: *since,
            });
        }
        Ok(Bunch {
            name: name.to_owned(),
            keys,
            current,
        })
    }

    /// The files of one name, as a bunch orders them.
    fn files(&self, name: &str) -> Result<Vec<File>, Fault> {
        let fault = |why: std::io::Error| Fault::of_file(&self.folder, why.to_string());
        let mut files = Vec::new();
        // A folder that is not there holds none; what is missing is said where it is read.
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten();
        for entry in entries {
            let entry = entry.map_err(fault)?;
            let file_name = entry.file_name();
            let state = file_name
                .to_str()
                .and_then(|file| file.strip_prefix(name))
                .and_then(State::of_ending);
            // A file that is gone by now is seen to be gone at the second look.
            // Of its times the one that nothing sets back: a file brought from elsewhere counts
            // from when it came.
            let since = entry.metadata().map(|metadata| metadata.ctime());
            let since = since.ok().and_then(|at| Moment::from_timestamp(at, 0));
            if let (Some(state), Some(since)) = (state, since) {
                files.push((state, entry.path(), since));
            }
        }
        files.sort_by(|(a, ..), (b, ..)| match (a, b) {
            (State::Retired(a), State::Retired(b)) => b.cmp(a),
            (a, b) => a.cmp(b),
        });
        Ok(files)
    }
}

/// A file of a bunch: what its key is for, where it is, since when it stands as it is.
type File = (State, PathBuf, Moment);
