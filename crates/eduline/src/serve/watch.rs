//! Keeping what is read from outside fresh while a process serves: metadata, and the catalogue.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use actix_web::rt::time::sleep;
use arc_swap::ArcSwap;
use federation::{Federation, Outcome, Source};
use portal::Catalogue;
use tokio::task::JoinHandle;
use web::{Edge, Event};

use crate::commands::Refusal;
use crate::house::added;
use crate::house::decided::Decided;
use crate::house::{self, House, missing};
use crate::settings::Settings;

/// How often files are looked at: what `eduline sp add` writes is seen within two seconds.
pub(super) const LOOK: Duration = Duration::from_secs(1);
/// How soon our own metadata is asked for again while a part of it is missing: in a deployment of
/// several processes the others may start later.
const AGAIN: Duration = Duration::from_millis(500);
/// How soon our own metadata is read a second time after keys changed: every process has looked.
const TURNED: Duration = Duration::from_secs(3);
/// The longest a start waits for its own metadata before it says that it listens.
const PATIENCE: Duration = Duration::from_millis(2500);

/// Reads metadata and catalogue again, on time or when a file changes, as long as the process lives.
pub(super) fn spawn(settings: &Arc<Settings>, house: &House) -> JoinHandle<()> {
    let settings = Arc::clone(settings);
    let federation = Arc::clone(&house.federation);
    let catalogue = Arc::clone(&house.catalogue);
    let policies = Arc::clone(&house.policies);
    let keys = Arc::clone(&house.keys);
    let edge = house.edge.clone();
    let sources = house.sources(&settings);
    let afar = afar(house.edge.clone(), Arc::clone(&house.federation));
    let near = async move {
        let mut added = Seen::of_folder(added::folder(&settings));
        let mut asked = Seen::of_file(added::asked(&settings));
        let mut registered = Seen::of_folder(settings.registered());
        let mut applications = Seen::of_file(settings.portal.catalogue.clone());
        let mut services = Seen::of_file(settings.idp.services.clone().unwrap_or_default());
        let mut key_files = Seen::of_folder(settings.keys.folder.clone());
        let mut followed = Seen::of_folder(settings.registered());
        let mut rolled = Rolled::Settled;
        loop {
            if followed.has_changed() {
                replace(&federation, sources());
            }
            // Before the service is known: its first answer is made as it was decided.
            match Decided::read(&settings) {
                Ok(read) => policies.store(Arc::new(read)),
                Err(Refusal(faults)) => tracing::warn!(
                    ?faults,
                    "what was decided for services has faults; the last good decisions stand"
                ),
            }
            let snapshot = federation.refresh_near(edge.now()).await;
            let whole = missing(&snapshot).is_none();
            let pause = match (whole, rolled.next()) {
                (true, Rolled::Settled) => settings.federation.refresh,
                (true, Rolled::Just) => TURNED,
                (false, _) => AGAIN,
            };
            let read = Instant::now();
            while read.elapsed() < pause && !registered.has_changed() && !services.has_changed() {
                sleep(LOOK.min(pause)).await;
                if asked.has_changed() {
                    federation.hasten().await;
                }
                if added.has_changed() {
                    replace(&federation, sources());
                    break;
                }
                if key_files.has_changed() && keys.reread(&edge, &federation) {
                    rolled = Rolled::Just;
                    break;
                }
                if applications.has_changed() {
                    reread(&catalogue, &settings);
                }
            }
        }
    };
    actix_web::rt::spawn(async move {
        tokio::join!(near, afar);
    })
}

/// Reads from the sources there are now.
fn replace(federation: &Federation, sources: Result<Vec<Source>, Refusal>) {
    match sources {
        Ok(sources) => federation.replace(sources),
        Err(Refusal(faults)) => tracing::warn!(?faults, "sources stay as they were"),
    }
}

fn reread(catalogue: &ArcSwap<Catalogue>, settings: &Settings) {
    match house::reread_catalogue(settings) {
        Ok(read) => catalogue.store(Arc::new(read)),
        Err(Refusal(faults)) => {
            tracing::warn!(
                ?faults,
                "the catalogue has faults; the last good one stands"
            );
        }
    }
}

/// Asks others' addresses when their time has come. Nobody waits for one that is slow, no other
/// address either; what is under way when the house gives way comes to its end.
async fn afar(edge: Edge, federation: Arc<Federation>) {
    loop {
        let (edge, federation) = (edge.clone(), Arc::clone(&federation));
        actix_web::rt::spawn(async move {
            for outcome in federation.refresh_due(edge.now()).await {
                tell(&edge, &outcome);
            }
        });
        sleep(LOOK).await;
    }
}

/// What came of asking a source: changes, and the first failure of several.
fn tell(edge: &Edge, outcome: &Outcome) {
    let source = outcome.source.as_str();
    if let Some(changes) = &outcome.changes {
        let event = Event::new("metadata.changed")
            .with("source", source)
            .with("entities", changes.entities.to_string())
            .with("added", changes.added.len().to_string())
            .with("removed", changes.removed.len().to_string())
            .with("keys_changed", changes.keys_changed.len().to_string())
            .with(
                "addresses_changed",
                changes.addresses_changed.len().to_string(),
            );
        edge.journal().tell(edge.now(), None, &event);
    }
    if let (Some(why), 1) = (&outcome.failure, outcome.failures) {
        let event = Event::new("metadata.failed").with("source", source);
        let event = event.with("why", why.as_str());
        edge.journal().tell(edge.now(), None, &event);
    }
}

/// Whether keys have just changed. What we publish says so at once where the change was seen, and a
/// moment later in other processes: our own metadata is read now, and once more then.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rolled {
    Just,
    Settled,
}

impl Rolled {
    /// What it was, which it is no longer.
    fn next(&mut self) -> Self {
        std::mem::replace(self, Self::Settled)
    }
}

/// Waits until everything answers, or patience ends.
pub(super) async fn until_ready(house: &House) {
    let started = Instant::now();
    while started.elapsed() < PATIENCE && !house.edge.unready().await.is_empty() {
        sleep(Duration::from_millis(2)).await;
    }
}

/// What a file or a folder looked like when it was last looked at.
pub(super) struct Seen {
    path: PathBuf,
    is_folder: bool,
    then: Vec<Look>,
}

/// One file: its name, when it was written, how long it is.
type Look = (PathBuf, Option<SystemTime>, u64);

impl Seen {
    pub(super) fn of_folder(path: PathBuf) -> Self {
        let then = folder(&path);
        Self {
            path,
            is_folder: true,
            then,
        }
    }

    pub(super) fn of_file(path: PathBuf) -> Self {
        let then = file(&path).into_iter().collect();
        Self {
            path,
            is_folder: false,
            then,
        }
    }

    /// Whether it looks different from the last time.
    pub(super) fn has_changed(&mut self) -> bool {
        let now = if self.is_folder {
            folder(&self.path)
        } else {
            file(&self.path).into_iter().collect()
        };
        let changed = now != self.then;
        self.then = now;
        changed
    }
}

fn folder(path: &Path) -> Vec<Look> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut looks: Vec<Look> = entries.filter_map(|entry| file(&entry.path())).collect();
    looks.sort();
    looks
}

fn file(path: &Path) -> Option<Look> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((path.to_path_buf(), metadata.modified().ok(), metadata.len()))
}

#[cfg(test)]
mod tests {
    use super::Seen;

    #[test]
    fn what_changes_is_seen_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metadata");
        let mut seen = Seen::of_folder(path.clone());
        assert!(!seen.has_changed(), "a folder that is not there yet");
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("a.xml"), "a").unwrap();
        assert!(seen.has_changed());
        assert!(!seen.has_changed());
        std::fs::write(path.join("a.xml"), "longer").unwrap();
        assert!(seen.has_changed());
        let mut file = Seen::of_file(path.join("a.xml"));
        std::fs::remove_file(path.join("a.xml")).unwrap();
        assert!(seen.has_changed() && file.has_changed());
        assert!(!seen.has_changed() && !file.has_changed());
    }
}
