//! The journal: one JSON line an event, with stable names, and the reference that finds them.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// Version of the lines, in their field `v`.
const VERSION: u64 = 1;
/// Lines that may wait for the disk; beyond that they are dropped and counted, so that a slow disk
/// never holds a visitor.
const QUEUE: usize = 16_384;
/// What the thread that writes waits after each write: under load a batch is a few milliseconds'
/// events, and no request pays for waking it. What a process loses that is killed at once.
const GATHER: Duration = Duration::from_millis(5);
/// Fields that join the events of one login.
const JOINTS: [&str; 3] = ["request", "flow", "attempt"];
/// Days a trace looks back (B03).
const TRACED_DAYS: usize = 7;
/// No I, L, O, U, 0, 1: what is read aloud is heard as one thing only.
const ALPHABET: &[u8; 30] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";

/// What an error page shows and the journal knows: eight characters that can be read aloud
/// (`K7QP-3MXD`; no I, L, O, U, 0, 1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference(String);

impl Reference {
    /// Made of 40 bits of chance.
    pub fn from_random(chance: [u8; 5]) -> Self {
        let mut number = chance
            .iter()
            .fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        let mut text = String::with_capacity(9);
        for place in 0..8 {
            if place == 4 {
                text.push('-');
            }
            let at = usize::try_from(number % 30).unwrap_or_default();
            text.push(char::from(ALPHABET.get(at).copied().unwrap_or(b'2')));
            number /= 30;
        }
        Self(text)
    }

    /// Reads one typed by a person: case, spaces and dashes do not matter.
    pub fn parse(text: &str) -> Option<Self> {
        let plain: String = text
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .map(|c| c.to_ascii_uppercase())
            .collect();
        let known = plain.bytes().all(|byte| ALPHABET.contains(&byte));
        let (before, after) = plain.split_at_checked(4)?;
        (plain.len() == 8 && known).then(|| Self(format!("{before}-{after}")))
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
    writer: Option<Arc<Writer>>,
}

struct Writer {
    service: String,
    lines: SyncSender<Line>,
    dropped: AtomicU64,
}

enum Line {
    Event(NaiveDate, String),
    /// Answers once everything before it is written.
    Flush(SyncSender<()>),
}

/// One event as it is written.
struct Told<'a> {
    at: DateTime<Utc>,
    service: &'a str,
    reference: Option<&'a Reference>,
    event: &'a Event,
    /// Lines that found no room before this one.
    dropped: u64,
}

impl Told<'_> {
    fn line(&self) -> String {
        let mut line = Vec::with_capacity(512);
        // Numbers and strings always become JSON.
        serde_json::to_writer(&mut line, self).ok();
        line.push(b'\n');
        String::from_utf8(line).unwrap_or_default()
    }
}

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = &self.event.fields;
        let at = self.at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let head = [
            ("at", at.as_str()),
            ("event", self.event.name),
            ("service", self.service),
            ("ref", self.reference.map_or("", Reference::as_str)),
        ];
        let said_later = |name: &str, from: usize| {
            let later = fields.iter().skip(from);
            later.into_iter().any(|(other, _)| *other == name)
        };
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("v", &VERSION)?;
        // A name stands once in a line: what an event says takes the place of what is said for it.
        for (name, value) in head {
            if !value.is_empty() && !said_later(name, 0) {
                line.serialize_entry(name, value)?;
            }
        }
        for (number, (name, value)) in fields.iter().enumerate() {
            if !said_later(name, number + 1) {
                line.serialize_entry(name, value)?;
            }
        }
        if self.dropped > 0 {
            line.serialize_entry("dropped_before", &self.dropped)?;
        }
        line.end()
    }
}

impl Journal {
    /// A journal in `folder`, created when absent; files older than `keep_days` are removed.
    pub fn open(folder: PathBuf, service: &str, keep_days: u32) -> std::io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        let (lines, inbox) = sync_channel(QUEUE);
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write_until_closed(&folder, keep_days, &inbox))?;
        let writer = Writer {
            service: service.to_owned(),
            lines,
            dropped: AtomicU64::new(0),
        };
        Ok(Self {
            writer: Some(Arc::new(writer)),
        })
    }

    /// A journal that keeps nothing, for tests and `check`.
    pub fn nowhere() -> Self {
        Self { writer: None }
    }

    /// Tells one event, under a reference where there is one. Never waits.
    pub fn tell(&self, at: DateTime<Utc>, reference: Option<&Reference>, event: &Event) {
        let Some(writer) = &self.writer else { return };
        let dropped = writer.dropped.swap(0, Ordering::Relaxed);
        let text = Told {
            at,
            service: &writer.service,
            reference,
            event,
            dropped,
        }
        .line();
        if let Err(TrySendError::Full(_)) =
            writer.lines.try_send(Line::Event(at.date_naive(), text))
        {
            writer.dropped.fetch_add(dropped + 1, Ordering::Relaxed);
        }
    }

    /// Returns once everything told so far is written.
    pub fn flush(&self) {
        let Some(writer) = &self.writer else { return };
        let (done, wait) = sync_channel(1);
        if writer.lines.send(Line::Flush(done)).is_ok() {
            wait.recv().ok();
        }
    }

    /// Every event of one login: those with the reference, and those that share a `request`, `flow`
    /// or `attempt` field with them, in order of time, as JSON values.
    pub fn trace(folder: &Path, reference: &Reference) -> std::io::Result<Vec<Value>> {
        let files = recent_files(folder)?;
        let mut marks: HashSet<String> = HashSet::from([reference.as_str().to_owned()]);
        let mut found: Vec<Value> = Vec::new();
        // A refusal knows its request, the request its flow, the flow its login: a few rounds reach
        // everything; more would reach nothing new.
        for _ in 0..4 {
            found = matching(&files, &marks)?;
            let before = marks.len();
            for event in &found {
                marks.extend(
                    JOINTS
                        .iter()
                        .filter_map(|joint| event.get(joint)?.as_str().map(str::to_owned)),
                );
            }
            if found.is_empty() || marks.len() == before {
                break;
            }
        }
        found.sort_by_key(|event| {
            event
                .get("at")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        });
        Ok(found)
    }
}

fn recent_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = day_files(folder)?;
    files.sort();
    Ok(files
        .into_iter()
        .rev()
        .take(TRACED_DAYS)
        .map(|(_, path)| path)
        .collect())
}

fn day_files(folder: &Path) -> std::io::Result<Vec<(NaiveDate, PathBuf)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if let Some(day) = name.strip_suffix(".jsonl").and_then(|day| day.parse().ok()) {
            files.push((day, path));
        }
    }
    Ok(files)
}

fn matching(files: &[PathBuf], marks: &HashSet<String>) -> std::io::Result<Vec<Value>> {
    let mut found = Vec::new();
    for path in files {
        for line in BufReader::new(File::open(path)?).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            // Cheap first: most lines of a day belong to others.
            if !marks.iter().any(|mark| line.contains(mark.as_str())) {
                continue;
            }
            let Ok(event) = serde_json::from_str::<Value>(&line) else {
                continue;
            };
            let marked = |field: &str| {
                event
                    .get(field)
                    .and_then(Value::as_str)
                    .is_some_and(|value| marks.contains(value))
            };
            if marked("ref") || JOINTS.into_iter().any(marked) {
                found.push(event);
            }
        }
    }
    Ok(found)
}

/// The writing thread: everything that waits goes out in one write a day's file.
fn write_until_closed(folder: &Path, keep_days: u32, inbox: &Receiver<Line>) {
    let mut purged = None;
    let mut open: Option<(NaiveDate, File)> = None;
    while let Ok(first) = inbox.recv() {
        let mut waiting = Vec::new();
        let mut text = String::new();
        let mut day = None;
        for line in std::iter::once(first).chain(inbox.try_iter().take(4096)) {
            match line {
                Line::Event(date, line) => {
                    day = Some(date);
                    text.push_str(&line);
                }
                Line::Flush(done) => waiting.push(done),
            }
        }
        if let Some(day) = day {
            if purged != Some(day) {
                purged = Some(day);
                purge(folder, keep_days, day);
            }
            append(folder, day, &mut open, &text);
        }
        for done in waiting {
            done.send(()).ok();
        }
        std::thread::sleep(GATHER);
    }
}

fn append(folder: &Path, day: NaiveDate, open: &mut Option<(NaiveDate, File)>, text: &str) {
    if open.as_ref().is_none_or(|(date, _)| *date != day) {
        let path = folder.join(format!("{day}.jsonl"));
        *open = OpenOptions::new()
            .create(true)
            .append(true)
            // Who signs in where, and when, is for the operator's group only.
            .mode(0o640)
            .open(path)
            .ok()
            .map(|file| (day, file));
    }
    let written = open
        .as_mut()
        .is_some_and(|(_, file)| file.write_all(text.as_bytes()).is_ok());
    if !written {
        // A full disk must not stop sign-ons: the operator's log says what the journal could not.
        tracing::error!(folder = %folder.display(), "the journal cannot be written");
        *open = None;
    }
}

/// CNIL 2021-122: kept for a time, then removed.
fn purge(folder: &Path, keep_days: u32, today: NaiveDate) {
    for (day, path) in day_files(folder).unwrap_or_default() {
        if (today - day).num_days() > i64::from(keep_days) {
            std::fs::remove_file(path).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_790_000_000_000 + ms).unwrap()
    }

    #[test]
    fn a_reference_is_read_as_it_is_spoken() {
        let reference = Reference::from_random([0xff, 1, 2, 3, 4]);
        assert_eq!(reference.as_str().len(), 9);
        let spoken = reference.as_str().to_lowercase().replace('-', " ");
        assert_eq!(Reference::parse(&spoken), Some(reference));
        for bad in [
            "",
            "K7QP",
            "K7QP-3MX0",
            "K7QP-3MXI",
            "K7QP-3MXDD",
            "é7QP-3MX",
        ] {
            assert_eq!(Reference::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_trace_joins_services_by_request_and_flow() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path().to_path_buf(), "all", 365).unwrap();
        let [a, b, c, d] = [1, 2, 3, 4].map(|n| Reference::from_random([n; 5]));
        journal.tell(
            at(3),
            Some(&b),
            &Event::new("idp.received")
                .with("request", "_r")
                .with("flow", "f"),
        );
        journal.tell(
            at(1),
            Some(&a),
            &Event::new("sp.sent").with("request", "_r"),
        );
        journal.tell(at(4), Some(&c), &Event::new("idp.login").with("flow", "f"));
        journal.tell(
            at(2),
            Some(&d),
            &Event::new("other")
                .with("request", "_other")
                .with("note", "_r"),
        );
        journal.flush();
        for start in [&a, &c] {
            let names: Vec<String> = Journal::trace(folder.path(), start)
                .unwrap()
                .iter()
                .map(|event| event["event"].as_str().unwrap().to_owned())
                .collect();
            assert_eq!(names, ["sp.sent", "idp.received", "idp.login"]);
        }
        assert!(
            Journal::trace(folder.path(), &Reference::from_random([9; 5]))
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn values_cannot_write_lines_and_old_days_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("2020-01-01.jsonl"), "{}\n").unwrap();
        std::fs::write(folder.path().join("notes.txt"), "kept").unwrap();
        let journal = Journal::open(folder.path().to_path_buf(), "all", 365).unwrap();
        journal.tell(at(0), None, &Event::new("a").with("x", "one\ntwo\"}"));
        journal.flush();
        assert!(!folder.path().join("2020-01-01.jsonl").exists());
        assert!(folder.path().join("notes.txt").exists());
        let day = at(0).date_naive();
        let text = std::fs::read_to_string(folder.path().join(format!("{day}.jsonl"))).unwrap();
        assert_eq!(text.lines().count(), 1);
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["x"], "one\ntwo\"}");
        assert_eq!(line["v"], 1);
    }

    #[test]
    fn a_trace_reads_past_lines_that_are_not_ours() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path().to_path_buf(), "all", 365).unwrap();
        let reference = Reference::from_random([7; 5]);
        let path = folder.path().join(format!("{}.jsonl", at(0).date_naive()));
        let torn = [
            b"\xff\xfe\n{\"ref\": \"",
            reference.as_str().as_bytes(),
            b"\n",
        ]
        .concat();
        std::fs::write(path, torn).unwrap();
        journal.tell(at(0), Some(&reference), &Event::new("whole"));
        journal.flush();
        let found = Journal::trace(folder.path(), &reference).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0]["event"], "whole");
    }

    #[test]
    fn what_is_told_before_the_last_handle_goes_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let reference = Reference::from_random([3; 5]);
        let journal = Journal::open(folder.path().to_path_buf(), "all", 365).unwrap();
        let others: Vec<_> = (0..8)
            .map(|number| {
                let (journal, reference) = (journal.clone(), reference.clone());
                std::thread::spawn(move || {
                    for line in 0..100 {
                        let event = Event::new("told").with("line", format!("{number} {line}"));
                        journal.tell(at(line), Some(&reference), &event);
                    }
                })
            })
            .collect();
        for other in others {
            other.join().unwrap();
        }
        journal.flush();
        assert_eq!(
            Journal::trace(folder.path(), &reference).unwrap().len(),
            800
        );
    }
}
