//! Reading one source: file, folder or address.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use saml::Moment;
use saml::metadata::ReadPolicy;

use crate::cache::Cache;
use crate::draft::{BULK, Draft, Taken};
use crate::fetch::{Ask, Unfetched, Validators, fetch_into};
use crate::kept::{Bulk, Kept};
use crate::reading::{Fresh, Reading};
use crate::unread::Unread;
use crate::{Location, Source};

/// Largest document taken from an address, bytes.
const LARGEST: u64 = 256 * 1024 * 1024;
/// How long an address may take to begin its answer, and be silent in it.
const PATIENCE: Duration = Duration::from_secs(10);

/// A source, and what it is read with.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub(crate) source: &'a Source,
    pub(crate) cache: &'a Cache,
    pub(crate) loopback: bool,
    pub(crate) now: Moment,
    /// What it gave last.
    pub(crate) before: &'a [Arc<Kept>],
}

/// What the last good copy of an address holds; files are read now. Faults are in the report.
pub(crate) fn from_cache(ground: Ground<'_>) -> Reading {
    let (source, cache) = (ground.source, ground.cache);
    let empty = Reading::empty(&source.name);
    let mut reading = match &source.location {
        Location::Url(url) => {
            let copy = match cache.open(&source.name, BULK) {
                Some(file) => large(ground, url, file).ok(),
                None => cache
                    .find(&source.name)
                    .and_then(|text| small(ground, url, &text.into()).ok()),
            };
            let mut reading = copy.unwrap_or(empty);
            if reading.is_of_something() {
                let known = cache.validators(&source.name, url);
                reading.standing.validators = known.unwrap_or_default();
            }
            reading.admit(source);
            reading
        }
        Location::Query(_) => empty,
        Location::File(_) | Location::Folder(_) => {
            let mut reading = match read(ground, None) {
                Ok(reading) => reading.unwrap_or(empty),
                Err(why) => empty.after_failure(&source.name, &why.into(), ground.now),
            };
            keep(&mut reading, source, cache);
            reading
        }
    };
    reading.mark = source.mark();
    reading
}

/// Reads a source anew; nothing where what is `known` is what there is.
pub(crate) fn read(
    ground: Ground<'_>,
    known: Option<&Validators>,
) -> Result<Option<Reading>, Unread> {
    let source = ground.source;
    let taken = match &source.location {
        Location::Query(_) => return Ok(None),
        Location::Folder(folder) => {
            let mut reading = read_folder(ground, folder)?;
            reading.admit(source);
            reading.report.read_at = Some(ground.now);
            return Ok(Some(reading));
        }
        Location::File(path) => {
            let place = path.display().to_string();
            from_file(ground, path, known)?.map(|taken| (place, taken))
        }
        Location::Url(url) => fetched(ground, url, known)?.map(|taken| (url.clone(), taken)),
    };
    let Some((place, (taken, validators))) = taken else {
        return Ok(None);
    };
    let mut reading = take(ground, &place, taken)?;
    reading.standing.validators = validators;
    reading.admit(source);
    reading.report.read_at = Some(ground.now);
    Ok(Some(reading))
}

/// Keeps what was read just now and found good: what came from an address, and large aggregates.
pub(crate) fn keep(reading: &mut Reading, source: &Source, cache: &Cache) {
    for fresh in std::mem::take(&mut reading.fresh) {
        let mut kept = match &fresh.taken {
            Taken::Small(text) => cache.keep(&fresh.name, text),
            Taken::Large(draft) => cache.adopt(&fresh.name, draft),
        };
        if let Location::Url(url) = &source.location {
            let validators = &reading.standing.validators;
            kept = kept.and_then(|()| cache.keep_validators(&fresh.name, url, validators));
        }
        if let Err(why) = kept {
            // Entities of a large one are still read from the file that is open.
            let source = &fresh.name;
            tracing::warn!(source, %why, "the last good copy cannot be kept");
        }
    }
}

fn policy<'a>(ground: &Ground<'a>) -> ReadPolicy<'a> {
    ReadPolicy {
        pinned: &ground.source.pinned,
        now: ground.now,
        horizon_days: ground.source.horizon_days,
        loopback_http: ground.loopback,
    }
}

/// Reads what was taken from `place`; it is to be kept when it came from an address, or is large.
fn take(ground: Ground<'_>, place: &str, taken: Taken) -> Result<Reading, Unread> {
    let unread = |source| Unread::File {
        path: place.to_owned(),
        source,
    };
    let mut reading = match &taken {
        Taken::Small(text) => small(ground, place, text)?,
        Taken::Large(draft) => large(ground, place, draft.read().map_err(unread)?)?,
    };
    let is_of_address = matches!(ground.source.location, Location::Url(_));
    if is_of_address || matches!(taken, Taken::Large(_)) {
        reading.fresh.push(Fresh {
            name: copy_of(ground.source, place),
            taken,
        });
    }
    Ok(reading)
}

/// Reads a document in full.
fn small(ground: Ground<'_>, place: &str, text: &Arc<str>) -> Result<Reading, Unread> {
    let document = saml::metadata::read(text, &policy(&ground));
    let document = document.map_err(|refusal| Unread::Refused {
        place: place.to_owned(),
        refusal,
    })?;
    let mut reading = Reading::empty(&ground.source.name);
    reading.used.clone_from(&document.used);
    reading.standing.cache_s = document.cache_s;
    reading.report.ends = document.valid_until;
    if matches!(ground.source.location, Location::Url(_)) {
        reading.valid_until = document.valid_until;
        let is_alone = document.is_one && document.entities.len() == 1;
        reading.document = is_alone.then(|| Arc::clone(text));
    }
    reading.add(document, ground.now);
    Ok(reading)
}

/// Reads a large document from disk as it streams by: its text is never in memory.
fn large(ground: Ground<'_>, place: &str, mut file: File) -> Result<Reading, Unread> {
    file.seek(SeekFrom::Start(0))
        .map_err(|source| Unread::File {
            path: place.to_owned(),
            source,
        })?;
    let input = BufReader::with_capacity(256 * 1024, &file);
    // What is listed as before is in memory once.
    let before = ground.before.iter().map(|kept| (kept.id(), &kept.listing));
    let before: std::collections::HashMap<_, _> = before.collect();
    let known = |id: &_| before.get(id).map(|listing| Arc::clone(listing));
    let scan = saml::metadata::scan_beside(input, &policy(&ground), &known);
    let scan = scan.map_err(|refusal| Unread::Refused {
        place: place.to_owned(),
        refusal,
    })?;
    let source = ground.source;
    let bulk = Arc::new(Bulk::of(&source.name, (ground.now, ground.loopback), file));
    let is_of_address = matches!(source.location, Location::Url(_));
    let mut reading = Reading::empty(&source.name);
    reading.used.clone_from(&scan.used);
    reading.standing.cache_s = scan.cache_s;
    reading.valid_until = scan.valid_until.filter(|_| is_of_address);
    reading.report.ends = scan.valid_until;
    reading.add_parts(scan, &bulk, ground.now);
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

/// A document, and what it is known by.
type Known = (Taken, Validators);

/// What a file holds; nothing where that is what is `known`: a large one that nobody has touched is
/// not read again.
fn from_file(
    ground: Ground<'_>,
    path: &Path,
    known: Option<&Validators>,
) -> Result<Option<Known>, Unread> {
    let failed = |source| Unread::File {
        path: path.display().to_string(),
        source,
    };
    let mut file = File::open(path).map_err(failed)?;
    let seen = file.metadata().map_err(failed)?;
    let is_large = usize::try_from(seen.len()).is_ok_and(|length| length >= BULK);
    let validators = Validators {
        etag: is_large.then(|| {
            let changed = (seen.ctime(), seen.ctime_nsec());
            format!("{} {} {} {changed:?}", seen.dev(), seen.ino(), seen.len())
        }),
        modified: None,
    };
    if is_large && known == Some(&validators) {
        return Ok(None);
    }
    // The copy is what is verified: the file may be written to while it is read.
    let mut draft = Draft::of(ground.cache, &ground.source.name);
    std::io::copy(&mut file, &mut draft).map_err(failed)?;
    let taken = draft.finish().map_err(failed)?;
    Ok(Some((taken, validators)))
}

/// One bad file never spoils the others; a folder that is not there yet is empty.
fn read_folder(ground: Ground<'_>, folder: &Path) -> Result<Reading, Unread> {
    let mut reading = Reading::empty(&ground.source.name);
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(why) if why.kind() == ErrorKind::NotFound => return Ok(reading),
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
        let one = from_file(ground, &path, None).and_then(|taken| match taken {
            Some((taken, _)) => take(ground, &place, taken),
            None => Ok(Reading::empty(&ground.source.name)),
        });
        match one {
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
    ground: Ground<'_>,
    url: &str,
    known: Option<&Validators>,
) -> Result<Option<Known>, Unread> {
    let source = ground.source;
    let is_followed = source.terms.is_followed;
    if source.pinned.is_empty() && !is_followed {
        return Err(Unread::Unpinned {
            url: url.to_owned(),
        });
    }
    let ask = Ask {
        url,
        known: known.filter(|known| **known != Validators::default()),
        longest: LARGEST,
        patience: PATIENCE,
        // What nobody signs is believed for its certificate.
        loopback_http: ground.loopback && !is_followed,
        // Nobody else's may go back.
        is_own: source.may_go_back,
    };
    let mut draft = Draft::of(ground.cache, &source.name);
    let Some(validators) = fetch_into(&ask, &mut draft)? else {
        return Ok(None);
    };
    let taken = draft.finish().map_err(|_| Unfetched::NotText {
        url: url.to_owned(),
    })?;
    Ok(Some((taken, validators)))
}
