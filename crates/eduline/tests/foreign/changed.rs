//! The same changes in every run: a number chooses them, and a failure prints the bytes.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use eduline::foreign::{READERS, feed};

/// Changes that every reader takes, however slow the machine is.
const LEAST: u32 = 300;
/// As long as each is fed after that; `EDULINE_FUZZ_S` says otherwise.
const MOMENT: Duration = Duration::from_millis(800);
/// Longest input: larger ones are refused by their size alone.
const LONGEST: usize = 64 * 1024;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let stems = entries.map(|entry| entry.unwrap().path().with_extension(""));
    stems
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect()
}

fn seeds(reader: &str) -> Vec<Vec<u8>> {
    let folder = fuzz().join("seeds").join(reader);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// The pieces of `fuzz/dictionary` that need no escape.
fn pieces() -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(fuzz().join("dictionary")).unwrap();
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    lines
        .filter(|piece| !piece.contains("\\x"))
        .map(|piece| piece.replace("\\\"", "\"").into_bytes())
        .collect()
}

/// Marsaglia's xorshift: chance that is the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let from = self.below(length + 1);
        let longest = [4, 32, length][self.below(3)];
        from..(from + self.below(longest + 1)).min(length)
    }

    fn change(&mut self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>], pieces: &[Vec<u8>]) {
        let at = self.below(bytes.len() + 1);
        match self.below(7) {
            0 if at < bytes.len() => bytes[at] = u8::try_from(self.below(256)).unwrap(),
            1 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            2 => drop(bytes.drain(self.range(bytes.len()))),
            3 => {
                let part = bytes[self.range(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
            4 => {
                let piece = pieces[self.below(pieces.len())].clone();
                bytes.splice(at..at, piece);
            }
            5 => {
                let other = &seeds[self.below(seeds.len())];
                let part = other[self.range(other.len())].to_vec();
                bytes.splice(self.range(bytes.len()), part);
            }
            _ => bytes.truncate(at),
        }
        bytes.truncate(LONGEST);
    }
}

fn change(name: &str) {
    let asked = std::env::var("EDULINE_FUZZ_S")
        .ok()
        .and_then(|text| text.parse().ok());
    let moment = asked.map_or(MOMENT, Duration::from_secs);
    let (seeds, pieces) = (seeds(name), pieces());
    let fed = |bytes: &[u8]| {
        let fell = catch_unwind(AssertUnwindSafe(|| feed(name, bytes))).is_err();
        assert!(!fell, "{name} falls over b\"{}\"", bytes.escape_ascii());
    };
    fed(b"");
    for seed in &seeds {
        fed(seed);
    }
    let mut chance = Chance(name.bytes().fold(0x9e37_79b9_7f4a_7c15, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    }));
    let started = Instant::now();
    let mut rounds = 0;
    while rounds < LEAST || started.elapsed() < moment {
        let mut bytes = seeds[chance.below(seeds.len())].clone();
        for _ in 0..=chance.below(4) {
            chance.change(&mut bytes, &seeds, &pieces);
        }
        fed(&bytes);
        rounds += 1;
    }
}

#[test]
fn h12_no_reader_of_foreign_bytes_falls_over_changed_seeds() {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some((name, _)) = READERS.get(next.fetch_add(1, Ordering::Relaxed)) {
            change(name);
        }
    };
    std::thread::scope(|scope| {
        let workers = [(); 4].map(|()| scope.spawn(work));
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

#[test]
fn h12_every_reader_has_its_program_and_its_seeds() {
    let known: BTreeSet<String> = READERS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(known.len(), READERS.len(), "each name once");
    assert_eq!(names(&fuzz().join("fuzz_targets")), known);
    assert_eq!(names(&fuzz().join("seeds")), known);
    let listed = std::fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for name in &known {
        assert!(listed.contains(&format!("name = \"{name}\"")), "{name}");
        assert!(!seeds(name).is_empty(), "{name}");
        let program = fuzz().join("fuzz_targets").join(format!("{name}.rs"));
        let text = std::fs::read_to_string(program).unwrap();
        assert!(text.contains(&format!("feed(\"{name}\"")), "{name}");
    }
}
