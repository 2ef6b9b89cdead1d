//! The keys a process holds, on hooks from which its services take them, replaced when they roll.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use federation::Federation;
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
    hook: Arc<Hook<OwnKeys>>,
}

impl HeldKeys {
    /// None yet, of this ring.
    pub(crate) fn of(ring: KeyRing) -> Self {
        Self {
            ring,
            held: Mutex::default(),
        }
    }

    /// The hook of a name, read now when nobody asked for it before.
    pub(crate) fn hook(&self, name: &str) -> Result<Arc<Hook<OwnKeys>>, Fault> {
        if let Some(held) = self.held().get(name) {
            return Ok(Arc::clone(&held.hook));
        }
        let bunch = Arc::new(self.ring.bunch(name)?);
        let hook = Arc::new(Hook::new(bunch.own_keys()));
        let held = Held {
            bunch,
            hook: Arc::clone(&hook),
        };
        self.held().insert(name.to_owned(), held);
        Ok(hook)
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
            let bunch = match self.ring.bunch(name) {
                Ok(bunch) => bunch,
                Err(fault) => {
                    tracing::warn!(%fault, "a key has a fault; the last good ones stand");
                    continue;
                }
            };
            let keys = bunch.own_keys();
            let is_same = keys.mark() == held.hook.now().mark();
            held.bunch = Arc::new(bunch);
            if is_same {
                continue;
            }
            has_changed = true;
            if name == METADATA {
                federation.pin(OWN, keys.published());
            }
            held.hook.hang(keys);
            edge.journal().tell(edge.now(), None, &changed(&held.bunch));
        }
        has_changed
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
