//! What each refresh changed (M15): who is new, who is gone, whose keys are others.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use saml::{EntityId, Moment};
use serde::{Deserialize, Serialize};

use crate::cache::Cache;
use crate::kept::Kept;
use crate::reading::Reading;

/// What one refresh of one source changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// When.
    pub at: Moment,
    /// The source's name.
    pub source: String,
    /// Whether nothing was known of the source before: nobody is listed then.
    pub is_first: bool,
    /// How many entities there are now.
    pub entities: usize,
    /// Those that are new.
    pub added: Vec<String>,
    /// Those that are gone.
    pub removed: Vec<String>,
    /// Those whose keys are others.
    pub keys_changed: Vec<String>,
    /// Those that are reached at others, of services that are followed.
    #[serde(default)]
    pub addresses_changed: Vec<String>,
}

impl Changes {
    /// What changed between two readings of a source; `None` where nothing did.
    pub(crate) fn between(before: Option<&[Arc<Kept>]>, now: &Reading, at: Moment) -> Option<Self> {
        let mut changes = Self {
            at,
            source: now.report.source.clone(),
            is_first: before.is_none(),
            entities: now.entities.len(),
            added: Vec::new(),
            removed: Vec::new(),
            keys_changed: Vec::new(),
            addresses_changed: Vec::new(),
        };
        let Some(before) = before else {
            return Some(changes);
        };
        let mut known: HashMap<&EntityId, &Kept> = by_name(before).collect();
        for (id, kept) in by_name(&now.entities) {
            let name = || id.as_str().to_owned();
            let Some(other) = known.remove(id) else {
                changes.added.push(name());
                continue;
            };
            if kept.has_other_keys(other) {
                changes.keys_changed.push(name());
            }
            if kept.is_elsewhere(other) {
                changes.addresses_changed.push(name());
            }
        }
        changes.removed = known.keys().map(|id| id.as_str().to_owned()).collect();
        changes.removed.sort();
        let is_same = changes.lists().all(Vec::is_empty);
        (!is_same).then_some(changes)
    }

    fn lists(&self) -> impl Iterator<Item = &Vec<String>> {
        [
            &self.added,
            &self.removed,
            &self.keys_changed,
            &self.addresses_changed,
        ]
        .into_iter()
    }

    /// Whether it says the same as `other`, at whatever time.
    fn is_like(&self, other: &Self) -> bool {
        self.source == other.source && self.lists().eq(other.lists())
    }

    /// Whether it is about a source of this name, or an entity whose name has this in it.
    pub fn mentions(&self, text: &str) -> bool {
        let mut names = self.lists().flatten();
        self.source == text || names.any(|id| id.contains(text))
    }
}

fn by_name(entities: &[Arc<Kept>]) -> impl Iterator<Item = (&EntityId, &Kept)> {
    let kept = entities.iter();
    kept.map(|kept| (kept.id(), kept.as_ref()))
}

/// Notes what changed. Several processes may share a folder, and see the same change one after the
/// other: it is noted once.
pub(crate) fn keep(cache: &Cache, changes: &Changes) -> std::io::Result<()> {
    let all = cache.changes()?;
    let last = all.iter().rfind(|one| one.source == changes.source);
    if last.is_some_and(|last| last.is_like(changes)) {
        return Ok(());
    }
    cache.note(changes)
}

/// What every refresh changed, the latest last, as kept in `folder`, that of the last good copies:
/// all of it, or what mentions a text.
///
/// # Errors
/// When what is kept cannot be read.
pub fn history(folder: &Path, about: Option<&str>) -> std::io::Result<Vec<Changes>> {
    let mut all = Cache::at(folder.to_path_buf()).changes()?;
    all.retain(|one| about.is_none_or(|text| one.mentions(text)));
    Ok(all)
}
