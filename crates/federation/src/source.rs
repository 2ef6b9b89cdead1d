//! Reading one source: file, folder or address.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use saml::metadata::{Document, ReadPolicy, Scan};
use saml::{EntityId, Moment, Refusal, Rules};

use crate::cache::Cache;
use crate::fetch::{Answer, Ask, Unfetched, Validators, fetch};
use crate::kept::{Bulk, Kept};
use crate::pace::{self, Standing};
use crate::{Location, Report, Source};

/// From this size on, bytes, a document is read as it streams by, and its entities when they are
/// asked for.
const BULK: usize = 4 * 1024 * 1024;
/// Largest document taken from an address, bytes.
const LARGEST: u64 = 128 * 1024 * 1024;
/// How long an address may take to begin its answer, and be silent in it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a source gave.
#[derive(Clone)]
pub(crate) struct Reading {
    pub(crate) entities: Vec<Arc<Kept>>,
    pub(crate) report: Report,
    /// What stands beside the metadata of an entity in a folder.
    pub(crate) profiles: HashMap<EntityId, String>,
    /// The document as it came from an address, while it is about one entity.
    pub(crate) document: Option<Arc<str>>,
    /// `validUntil` of the document of an address.
    pub(crate) valid_until: Option<Moment>,
    /// What is known of the address beside.
    pub(crate) standing: Standing,
    /// What source this is a reading of.
    pub(crate) mark: String,
    /// The algorithms that the signatures of its documents rest on.
    used: Vec<&'static str>,
    /// What was read just now, until it is kept on disk.
    fresh: Vec<Fresh>,
}

/// A text that was read just now.
#[derive(Clone)]
struct Fresh {
    /// What its copy is called.
    name: String,
    text: Arc<String>,
    /// Whose entities stand in it.
    bulk: Option<Arc<Bulk>>,
}

/// Why a source gave nothing. Codes EDU-5xxx.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Unread {
    #[error("EDU-5001 {path}: {source}")]
    File {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("EDU-5002 {0}")]
    Fetch(#[from] Unfetched),
    #[error("EDU-5003 {place}: {refusal} ({})", .refusal.clause())]
    Refused {
        place: String,
        #[source]
        refusal: Refusal,
    },
    #[error(
        "EDU-5005 the document is valid until {until}, and the last good one, until {stands}, is newer"
    )]
    RolledBack { until: Moment, stands: Moment },
    #[error("EDU-5008 the operator forbids the algorithm {algorithm}, which signs it")]
    Forbidden { algorithm: &'static str },
    #[error("EDU-5004 {url}: metadata from an address needs a pinned key")]
    Unpinned { url: String },
}

/// Why a source gave nothing new, as it is told.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    why: String,
    /// When the document ended, where that is why.
    ended: Option<Moment>,
    /// Seconds that the server asks to be left alone.
    pub(crate) again_s: Option<u64>,
    /// Whether the server says that there is nothing.
    pub(crate) is_gone: bool,
}

impl Failure {
    /// What is there ended then, and nothing newer is there.
    pub(crate) fn ended(at: Moment) -> Self {
        let refusal = Refusal::MetadataExpired { at };
        Self {
            why: format!("EDU-5003 nothing newer is there: {refusal}"),
            ended: Some(at),
            again_s: None,
            is_gone: false,
        }
    }

    /// The reason.
    pub(crate) fn why(&self) -> &str {
        &self.why
    }
}

impl From<Unread> for Failure {
    fn from(why: Unread) -> Self {
        Self {
            ended: match &why {
                Unread::Refused {
                    refusal: Refusal::MetadataExpired { at },
                    ..
                } => Some(*at),
                _ => None,
            },
            again_s: match &why {
                Unread::Fetch(Unfetched::Status { again_s, .. }) => *again_s,
                _ => None,
            },
            is_gone: matches!(
                &why,
                Unread::Fetch(Unfetched::Status {
                    status: 404 | 410,
                    ..
                })
            ),
            why: why.to_string(),
        }
    }
}

impl Reading {
    pub(crate) fn empty(source: &str) -> Self {
        let report = Report {
            source: source.to_owned(),
            read_at: None,
            entities: 0,
            left_out: Vec::new(),
            failure: None,
            failures: 0,
            ends: None,
            set_aside: 0,
            due: None,
        };
        Self {
            entities: Vec::new(),
            report,
            profiles: HashMap::new(),
            document: None,
            valid_until: None,
            standing: Standing::default(),
            mark: String::new(),
            used: Vec::new(),
            fresh: Vec::new(),
        }
    }

    /// Refuses what was verified by an algorithm that is forbidden (IIP-ALG08).
    pub(crate) fn allowed_by(self, rules: &Rules) -> Result<Self, Unread> {
        match self.used.iter().find(|uri| rules.forbids(uri)) {
            Some(algorithm) => Err(Unread::Forbidden { algorithm }),
            None => Ok(self),
        }
    }

    /// Refuses a document that ends before the last good one, which `stands` until then, does.
    pub(crate) fn no_older_than(
        self,
        stands: Option<Moment>,
        source: &Source,
        now: Moment,
    ) -> Result<Self, Unread> {
        match (stands, self.valid_until) {
            (Some(stands), Some(until))
                if !source.may_go_back && until < stands && stands > now =>
            {
                Err(Unread::RolledBack { until, stands })
            }
            _ => Ok(self),
        }
    }

    /// Whether it was ever read with success.
    pub(crate) fn is_of_something(&self) -> bool {
        self.report.ends.is_some() || !self.entities.is_empty()
    }

    /// Sets those aside whom the source may not bring.
    fn admit(&mut self, source: &Source) {
        let terms = &source.terms;
        let before = self.entities.len();
        self.entities.retain(|kept| {
            terms.filter.admits(&kept.listing)
                && terms.only.as_ref().is_none_or(|only| only == kept.id())
        });
        self.report.set_aside = before - self.entities.len();
        self.report.entities = self.entities.len();
    }

    /// The same reading, still valid entities only: it was asked for anew, and nothing is newer.
    pub(crate) fn unchanged(&self, now: Moment) -> Self {
        let mut reading = self.clone();
        reading.let_go(now);
        reading.report.failure = None;
        reading.report.read_at = Some(now);
        reading
    }

    /// Lets those go whose time is over.
    fn let_go(&mut self, now: Moment) {
        self.entities
            .retain(|entity| entity.valid_until.is_none_or(|until| until > now));
        self.report.entities = self.entities.len();
    }

    /// Says when its source, which answered, is asked next.
    pub(crate) fn paced(mut self, source: &Source, now: Moment) -> Self {
        let (every, cache_s) = (source.terms.every, self.standing.cache_s);
        let due = pace::after_success(every, cache_s, self.valid_until, now);
        self.report.failures = 0;
        self.asked_next(source, due)
    }

    /// Says when its source, which failed, is asked next: no later than what it gave ends.
    pub(crate) fn put_off(self, source: &Source, again_s: Option<u64>, now: Moment) -> Self {
        let failed = (source.name.as_str(), self.report.failures);
        let due = pace::after_failure(source.terms.every, failed, again_s, now);
        let ends = self.valid_until.filter(|ends| *ends > now);
        self.asked_next(source, ends.map_or(due, |ends| due.min(ends)))
    }

    fn asked_next(mut self, source: &Source, due: Moment) -> Self {
        self.standing.due = Some(due);
        self.report.due = Some(due);
        self.mark = source.mark();
        self
    }

    fn add(&mut self, document: Document, now: Moment) {
        self.report.left_out.extend(
            document
                .left_out
                .iter()
                .map(|out| format!("{} (line {}): {}", out.entity_id, out.line, out.reason)),
        );
        self.entities.extend(
            document
                .entities
                .into_iter()
                .map(|mut entity| {
                    // What ends with its document ends when the document does.
                    entity.valid_until = match (entity.valid_until, document.valid_until) {
                        (Some(own), Some(root)) => Some(own.min(root)),
                        (own, root) => own.or(root),
                    };
                    entity
                })
                .filter(|entity| entity.valid_until.is_none_or(|until| until > now))
                .map(|entity| Arc::new(Kept::whole(entity))),
        );
        self.report.entities = self.entities.len();
    }

    fn add_parts(&mut self, scan: Scan, bulk: &Arc<Bulk>, now: Moment) {
        let left_out = scan.left_out.iter();
        self.report.left_out.extend(
            left_out.map(|out| format!("{} (line {}): {}", out.entity_id, out.line, out.reason)),
        );
        let stands = |until: Option<Moment>| until.is_none_or(|until| until > now);
        let found = scan.entities.into_iter();
        let found = found.filter(|found| stands(found.valid_until));
        self.entities
            .extend(found.map(|found| Arc::new(Kept::part(found, bulk))));
        self.report.entities = self.entities.len();
    }

    /// The last good reading, still valid entities only, with the reason why there is no newer one,
    /// and when that one ended where this is the reason.
    pub(crate) fn after_failure(&self, source: &str, failure: &Failure, now: Moment) -> Self {
        let why = &failure.why;
        tracing::warn!(
            source,
            why,
            "metadata could not be read; the last good copy stands"
        );
        let mut reading = self.clone();
        reading.let_go(now);
        reading.report.failure = Some(why.clone());
        reading.report.failures = self.report.failures.saturating_add(1);
        reading.report.ends = reading.report.ends.or(failure.ended);
        reading
    }
}

/// What the last good copy of an address holds; files are read now. Faults are in the report.
pub(crate) fn from_cache(source: &Source, cache: &Cache, loopback: bool, now: Moment) -> Reading {
    let empty = Reading::empty(&source.name);
    let mut reading = match &source.location {
        Location::Url(url) => {
            let copy = match cache.open(&source.name, BULK) {
                Some(file) => stream(source, url, file, loopback, now).ok(),
                None => cache
                    .find(&source.name)
                    .and_then(|text| take(source, url, &Arc::new(text), loopback, now).ok()),
            };
            let mut reading = copy.unwrap_or(empty);
            reading.admit(source);
            reading
        }
        Location::Query(_) => empty,
        Location::File(_) | Location::Folder(_) => {
            let mut reading = match read(source, None, loopback, now) {
                Ok(reading) => reading.unwrap_or(empty),
                Err(why) => empty.after_failure(&source.name, &why.into(), now),
            };
            keep(&mut reading, cache);
            reading
        }
    };
    reading.mark = source.mark();
    reading
}

/// Reads a source anew; nothing where an address says that what is `known` is what there is.
pub(crate) fn read(
    source: &Source,
    known: Option<&Validators>,
    loopback: bool,
    now: Moment,
) -> Result<Option<Reading>, Unread> {
    let mut reading = match &source.location {
        Location::File(path) => take(
            source,
            &path.display().to_string(),
            &Arc::new(file(path)?),
            loopback,
            now,
        )?,
        Location::Folder(folder) => read_folder(source, folder, loopback, now)?,
        Location::Query(_) => return Ok(None),
        Location::Url(url) => {
            let Some((text, validators)) = fetched(source, url, known, loopback)? else {
                return Ok(None);
            };
            let text = Arc::new(text);
            let mut reading = take(source, url, &text, loopback, now)?;
            reading.standing.validators = validators;
            if reading.fresh.is_empty() {
                reading.fresh.push(Fresh {
                    name: source.name.clone(),
                    text,
                    bulk: None,
                });
            }
            reading
        }
    };
    reading.admit(source);
    reading.report.read_at = Some(now);
    Ok(Some(reading))
}

/// Keeps what was read just now and found good: what came from an address, and large aggregates.
pub(crate) fn keep(reading: &mut Reading, cache: &Cache) {
    for fresh in std::mem::take(&mut reading.fresh) {
        let kept = cache.keep(&fresh.name, &fresh.text);
        let kept = kept.and_then(std::fs::File::open);
        match (kept, fresh.bulk) {
            (Ok(file), Some(bulk)) => bulk.on_disk(file),
            (Ok(_), None) => {}
            (Err(why), bulk) => {
                let source = &fresh.name;
                tracing::warn!(source, %why, "the last good copy cannot be kept");
                if let Some(bulk) = bulk {
                    bulk.in_memory(fresh.text);
                }
            }
        }
    }
}

fn policy(source: &Source, loopback: bool, now: Moment) -> ReadPolicy<'_> {
    ReadPolicy {
        pinned: &source.pinned,
        now,
        horizon_days: source.horizon_days,
        loopback_http: loopback,
    }
}

fn take(
    source: &Source,
    place: &str,
    text: &Arc<String>,
    loopback: bool,
    now: Moment,
) -> Result<Reading, Unread> {
    let refused = |refusal| Unread::Refused {
        place: place.to_owned(),
        refusal,
    };
    let policy = policy(source, loopback, now);
    let mut reading = Reading::empty(&source.name);
    let is_of_address = matches!(source.location, Location::Url(_));
    if text.len() >= BULK {
        let scan = saml::metadata::scan(text.as_bytes(), &policy).map_err(refused)?;
        let bulk = Arc::new(Bulk::of(&source.name, now, loopback));
        reading.used.clone_from(&scan.used);
        reading.standing.cache_s = scan.cache_s;
        reading.valid_until = scan.valid_until.filter(|_| is_of_address);
        reading.report.ends = scan.valid_until;
        reading.add_parts(scan, &bulk, now);
        reading.fresh.push(Fresh {
            name: copy_of(source, place),
            text: Arc::clone(text),
            bulk: Some(bulk),
        });
        return Ok(reading);
    }
    let document = saml::metadata::read(text, &policy).map_err(refused)?;
    reading.used.clone_from(&document.used);
    reading.standing.cache_s = document.cache_s;
    reading.report.ends = document.valid_until;
    if is_of_address {
        reading.valid_until = document.valid_until;
        let is_alone = document.is_one && document.entities.len() == 1;
        reading.document = is_alone.then(|| text.as_str().into());
    }
    reading.add(document, now);
    Ok(reading)
}

/// Reads a large copy from disk as it streams by: its text is never in memory.
fn stream(
    source: &Source,
    place: &str,
    file: std::fs::File,
    loopback: bool,
    now: Moment,
) -> Result<Reading, Unread> {
    let policy = policy(source, loopback, now);
    let input = std::io::BufReader::with_capacity(256 * 1024, &file);
    let scan = saml::metadata::scan(input, &policy).map_err(|refusal| Unread::Refused {
        place: place.to_owned(),
        refusal,
    })?;
    let bulk = Arc::new(Bulk::of(&source.name, now, loopback));
    bulk.on_disk(file);
    let mut reading = Reading::empty(&source.name);
    reading.used.clone_from(&scan.used);
    reading.standing.cache_s = scan.cache_s;
    reading.valid_until = scan.valid_until;
    reading.report.ends = scan.valid_until;
    reading.add_parts(scan, &bulk, now);
    Ok(reading)
}

/// What the copy of a document is called: a folder holds several.
fn copy_of(source: &Source, place: &str) -> String {
    match (&source.location, Path::new(place).file_stem()) {
        (Location::Folder(_), Some(stem)) => format!("{}-{}", source.name, stem.to_string_lossy()),
        _ => source.name.clone(),
    }
}

/// The word beside the metadata of a provider: the profile it is behind.
fn profile_beside(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path.with_extension("profile")).ok()?;
    Some(text.trim().to_owned()).filter(|word| !word.is_empty())
}

fn file(path: &Path) -> Result<String, Unread> {
    let text = std::fs::read_to_string(path).map_err(|source| Unread::File {
        path: path.display().to_string(),
        source,
    })?;
    Ok(unmarked(text))
}

/// One bad file never spoils the others; a folder that is not there yet is empty.
fn read_folder(
    source: &Source,
    folder: &Path,
    loopback: bool,
    now: Moment,
) -> Result<Reading, Unread> {
    let mut reading = Reading::empty(&source.name);
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(reading),
        Err(source) => {
            return Err(Unread::File {
                path: folder.display().to_string(),
                source,
            });
        }
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "xml"))
        .collect();
    paths.sort();
    for path in paths {
        let place = path.display().to_string();
        let text = file(&path).map(Arc::new);
        match text.and_then(|text| take(source, &place, &text, loopback, now)) {
            Ok(one) => {
                if let Some(profile) = profile_beside(&path) {
                    let ids = one.entities.iter().map(|kept| kept.id().clone());
                    reading.profiles.extend(ids.map(|id| (id, profile.clone())));
                }
                reading.entities.extend(one.entities);
                reading.report.left_out.extend(one.report.left_out);
                reading.used.extend(one.used);
                reading.fresh.extend(one.fresh);
            }
            Err(why) => reading.report.left_out.push(why.to_string()),
        }
    }
    reading.report.entities = reading.entities.len();
    Ok(reading)
}

/// What stands at an address, with what it is known by; nothing where that is what is `known`.
fn fetched(
    source: &Source,
    url: &str,
    known: Option<&Validators>,
    loopback: bool,
) -> Result<Option<(String, Validators)>, Unread> {
    if source.pinned.is_empty() {
        return Err(Unread::Unpinned {
            url: url.to_owned(),
        });
    }
    let ask = Ask {
        url,
        known: known.filter(|known| **known != Validators::default()),
        longest: LARGEST,
        patience: PATIENCE,
        loopback_http: loopback,
        // Nobody else's may go back.
        is_own: source.may_go_back,
    };
    Ok(match fetch(&ask)? {
        Answer::Document { text, validators } => Some((unmarked(text), validators)),
        Answer::Unchanged => None,
    })
}

/// Places in a text are counted without a byte order mark.
fn unmarked(text: String) -> String {
    match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}
