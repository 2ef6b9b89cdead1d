//! The keys a process holds, on hooks from which its services take them, replaced when they roll.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use federation::Federation;
use saml::encryption::DecryptionKey;
use saml::keys::{Hook, OwnKeys};
use web::{Edge, Event, Probe};

use super::OWN;
use crate::keyring::{Bunch, KeyRing, METADATA, OneKey};
use crate::settings::Fault;

/// The keys of this process.
pub(crate) struct HeldKeys {
    ring: KeyRing,
    held: Mutex<BTreeMap<String, Held>>,
}

/// The keys of one name.
struct Held {
    bunch: Arc<Bunch>,
    signing: Arc<Hook<OwnKeys>>,
    /// For those to open with.
    opening: Option<Arc<Hook<Vec<DecryptionKey>>>>,
}

impl HeldKeys {
    /// None yet, of this ring.
    pub(crate) fn of(ring: KeyRing) -> Self {
        Self {
            ring,
            held: Mutex::default(),
        }
    }

    /// Where the keys of a name hang to sign with; read now when nobody asked for them before.
    pub(crate) fn signing(&self, name: &str) -> Result<Arc<Hook<OwnKeys>>, Fault> {
        if let Some(held) = self.held().get(name) {
            return Ok(Arc::clone(&held.signing));
        }
        let bunch = self.ring.bunch(name)?;
        let signing = Arc::new(Hook::new(bunch.own_keys()));
        let held = Held {
            bunch: Arc::new(bunch),
            signing: Arc::clone(&signing),
            opening: None,
        };
        self.held().insert(name.to_owned(), held);
        Ok(signing)
    }

    /// Where the keys of a name hang to open with.
    pub(crate) fn opening(&self, name: &str) -> Result<Arc<Hook<Vec<DecryptionKey>>>, Fault> {
        let bunch = self.ring.bunch(name)?;
        let opening = Arc::new(Hook::new(bunch.opening_keys()?));
        let held = Held {
            signing: Arc::new(Hook::new(bunch.own_keys())),
            bunch: Arc::new(bunch),
            opening: Some(Arc::clone(&opening)),
        };
        self.held().insert(name.to_owned(), held);
        Ok(opening)
    }

    /// What is held, name by name.
    pub(crate) fn bunches(&self) -> Vec<Arc<Bunch>> {
        let held = self.held();
        held.values().map(|held| Arc::clone(&held.bunch)).collect()
    }

    /// Reads the folder again, hangs up what has changed and tells the journal; says whether
    /// something has. A key that cannot be read leaves what stands.
    pub(crate) fn reread(&self, edge: &Edge, federation: &Federation) -> bool {
        let mut has_changed = false;
        for (name, held) in self.held().iter_mut() {
            let (bunch, opening) = match self.read(name, held.opening.is_some()) {
                Ok(read) => read,
                Err(fault) => {
                    tracing::warn!(%fault, "a key has a fault; the last good ones stand");
                    continue;
                }
            };
            let keys = bunch.own_keys();
            let is_same = keys.mark() == held.signing.now().mark();
            held.bunch = Arc::new(bunch);
            if is_same {
                continue;
            }
            has_changed = true;
            if name == METADATA {
                federation.pin(OWN, keys.published());
            }
            held.signing.hang(keys);
            if let Some(hook) = &held.opening {
                hook.hang(opening);
            }
            edge.journal().tell(edge.now(), None, &changed(&held.bunch));
        }
        has_changed
    }

    /// The keys of a name, and the same to open with, where that is what they are for.
    fn read(&self, name: &str, opens: bool) -> Result<(Bunch, Vec<DecryptionKey>), Fault> {
        let bunch = self.ring.bunch(name)?;
        let opening = if opens {
            bunch.opening_keys()?
        } else {
            Vec::new()
        };
        Ok((bunch, opening))
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the keys that a token holds can sign. Asked off the threads that answer: a token may
/// take its time.
pub(super) fn probe(keys: Arc<HeldKeys>) -> Probe {
    Probe {
        name: "token",
        ask: Arc::new(move || {
            let bunches = keys.bunches();
            Box::pin(async move {
                let is_held = |bunch: &Arc<Bunch>| bunch.current().is_held();
                if !bunches.iter().any(is_held) {
                    return Ok(());
                }
                let ask = move || bunches.iter().flat_map(|bunch| bunch.held_faults()).next();
                let asked = tokio::task::spawn_blocking(ask).await;
                asked.map_err(|why| why.to_string())?.map_or(Ok(()), Err)
            })
        }),
    }
}

fn changed(bunch: &Bunch) -> Event {
    let next = bunch.next().map(OneKey::verifying);
    let retired: Vec<String> = bunch
        .retired()
        .map(|(one, _)| one.verifying().fingerprint().to_owned())
        .collect();
    Event::new("keys.changed")
        .with("key", bunch.name())
        .with("current", bunch.current().verifying().fingerprint())
        .with(
            "next",
            next.as_ref().map_or("none", |key| key.fingerprint()),
        )
        .with("retired", retired.join(" "))
}
