//! Rolling a key: next → current → retired → gone. Each step is one change of the folder that a
//! reader sees whole or not at all.

use std::fs::File;
use std::time::Duration;

use saml::Moment;
use saml::keys::Subject;

use super::bunch::{Bunch, State};
use super::{IN_TOKEN, KeyRing, METADATA, Making, opens};
use crate::settings::Fault;

/// Why a next key is not made.
const THERE: &str = "is there already: promote it first";

/// Whether the next key may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// There is none.
    NoNext,
    /// Not before then: others may still hold metadata without it.
    Until(Moment),
    /// As soon as those who pinned the key that signs metadata have the next one: they got it by
    /// hand, so that only the operator knows.
    ForThosePinning,
    /// Now.
    Over,
}

impl Bunch {
    /// Whether the next key may sign at `now`, when others need `wait` to read our metadata again.
    pub(crate) fn wait(&self, wait: Duration, now: Moment) -> Wait {
        let Some(next) = self.next() else {
            return Wait::NoNext;
        };
        if self.name() == METADATA {
            return Wait::ForThosePinning;
        }
        let until = next.since + wait;
        if until > now {
            Wait::Until(until)
        } else {
            Wait::Over
        }
    }
}

impl KeyRing {
    /// Makes the next key of a name; refused when there is one.
    pub(crate) fn make_next(&self, name: &str, making: &Making<'_>) -> Result<(), Fault> {
        let _alone = self.lock()?;
        // A name without a current key has nothing to follow.
        self.key(name)?;
        let path = self.file_of(name, State::Next);
        if self.make(name, &path, making)? {
            Ok(())
        } else {
            Err(Fault::of_file(&path, THERE))
        }
    }

    /// Makes the key called `label` in the token the next key of a name; it may be there already.
    pub(crate) fn make_next_in_token(
        &self,
        name: &str,
        label: &str,
        making: &Making<'_>,
    ) -> Result<(), Fault> {
        let _alone = self.lock()?;
        self.key(name)?;
        let path = self.file_of(name, State::Next);
        let refused = |why: String| Fault::of_file(&path, why);
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if label.is_empty() || !label.chars().all(plain) {
            return Err(refused(format!(
                "a key in a token is called by letters, digits, dashes and dots, not {label:?}"
            )));
        }
        if opens(name) {
            let why = "what opens what others encrypted for us is in a file, not in a token";
            return Err(refused(why.to_owned()));
        }
        if path.exists() {
            return Err(refused(THERE.to_owned()));
        }
        let token = self
            .token
            .as_ref()
            .ok_or_else(|| refused("no token is set up: [pkcs11]".to_owned()))?;
        let public = token.find_or_make(label, making.kind).map_err(refused)?;
        let mut serial = [0; 16];
        (making.dice)(&mut serial);
        let subject = Subject {
            common_name: &format!("{name} {}", making.host),
            serial,
            now: making.now,
            days: making.days,
        };
        let certificate = saml::keys::certify(&public, &*token.key(label), &subject)
            .map_err(|why| refused(why.to_string()))?;
        let content = format!("{IN_TOKEN}{label}\n{certificate}");
        self.publish(&path, content.as_bytes(), making.dice)?;
        Ok(())
    }

    /// The next key becomes the current one, which is retired.
    ///
    /// The current key gets its second name first, then the next one takes its place: at no moment
    /// is there no current key, nor one that is no longer published.
    pub(crate) fn promote(&self, name: &str, now: Moment) -> Result<(), Fault> {
        let _alone = self.lock()?;
        let (current, next) = (self.key_file(name), self.file_of(name, State::Next));
        self.decode(&next)?;
        let retired = self.file_of(name, State::Retired(now));
        std::fs::hard_link(&current, &retired)
            .map_err(|why| Fault::of_file(&retired, why.to_string()))?;
        std::fs::rename(&next, &current).map_err(|why| Fault::of_file(&next, why.to_string()))?;
        self.settle()
    }

    /// Removes what was retired until `before`; says which files.
    pub(crate) fn remove_retired(&self, name: &str, before: Moment) -> Result<Vec<String>, Fault> {
        let _alone = self.lock()?;
        let mut removed = Vec::new();
        for (one, at) in self.bunch(name)?.retired() {
            if at <= before {
                std::fs::remove_file(&one.path)
                    .map_err(|why| Fault::of_file(&one.path, why.to_string()))?;
                let file = one.path.file_name().unwrap_or_default();
                removed.push(file.to_string_lossy().into_owned());
            }
        }
        self.settle()?;
        Ok(removed)
    }

    /// Where the key of a name is in some state.
    pub(super) fn file_of(&self, name: &str, state: State) -> std::path::PathBuf {
        self.folder.join(format!("{name}{}", state.ending()))
    }

    /// What was renamed stays so when the power fails.
    fn settle(&self) -> Result<(), Fault> {
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|why| Fault::of_file(&self.folder, why.to_string()))
    }

    /// One command changes the folder at a time.
    fn lock(&self) -> Result<File, Fault> {
        let path = self.folder.join(".lock");
        let fault = |why: std::io::Error| Fault::of_file(&path, why.to_string());
        let file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(fault)?;
        file.lock().map_err(fault)?;
        Ok(file)
    }
}
