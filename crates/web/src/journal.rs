//! The journal: one JSON line an event, with stable names, and the reference that finds them.

use std::path::PathBuf;

/// What an error page shows and the journal knows: eight characters that can be read aloud
/// (`K7QP-3MXD`; no I, L, O, U, 0, 1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference(String);

impl Reference {
    /// Made of 40 bits of chance.
    pub fn from_random(chance: [u8; 5]) -> Self {
        let _ = chance;
        todo!()
    }
    /// Reads one typed by a person: case, spaces and dashes do not matter.
    pub fn parse(text: &str) -> Option<Self> {
        let _ = text;
        todo!()
    }
    /// As shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One event: a stable dotted name and fields. Never a password, NUMEN, code, or attribute value.
#[derive(Debug, Clone)]
pub struct Event {
    /// `idp.login.accepted`, `sp.response.refused`…
    pub name: &'static str,
    /// Fields, in order. `request` holds a SAML message ID: the trace joins services by it.
    pub fields: Vec<(&'static str, String)>,
}

impl Event {
    /// An event.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            fields: Vec::new(),
        }
    }
    /// Adds a field.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }
}

/// Where events go: a folder of daily files `YYYY-MM-DD.jsonl`, appended to by a thread of its own
/// (one write a batch, whole lines, so several processes may share the folder). Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    #[expect(dead_code, reason = "skeleton")]
    folder: Option<PathBuf>,
}

impl Journal {
    /// A journal in `folder`, created when absent; files older than `keep_days` are removed.
    pub fn open(folder: PathBuf, service: &str, keep_days: u32) -> std::io::Result<Self> {
        let _ = (folder, service, keep_days);
        todo!()
    }
    /// A journal that keeps nothing, for tests and `check`.
    pub fn nowhere() -> Self {
        Self { folder: None }
    }
    /// Every event of one login: those with the reference, and those that share a `request` or
    /// `flow` field with them, in order of time, as JSON values.
    pub fn trace(
        folder: &std::path::Path,
        reference: &Reference,
    ) -> std::io::Result<Vec<serde_json::Value>> {
        let _ = (folder, reference);
        todo!()
    }
}
