//! Common words and common passwords: what everybody tries first. Our own short lists are inside the binary; an
//! operator's longer ones come by file.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use sha1::{Digest, Sha1};

/// Shortest word that is looked for: of four letters, one random password in 150 holds one; of five, one in
/// five thousand (measured).
const SHORTEST: usize = 5;
/// Longest word of a list, bytes.
const LONGEST: usize = 40;
const WORDS: &str = include_str!("words-fr.txt");
const PASSWORDS: &str = include_str!("passwords.txt");

static OWN: LazyLock<Arc<Lists>> = LazyLock::new(|| {
    let mut lists = Lists::default();
    lists.add_words(WORDS);
    for line in PASSWORDS.lines() {
        lists.passwords.insert(folded(line.trim()));
    }
    Arc::new(lists)
});

#[derive(Debug, Clone, Default)]
struct Lists {
    words: HashSet<String>,
    passwords: HashSet<String>,
}

impl Lists {
    fn add_words(&mut self, text: &str) {
        let words = text.lines().filter(|line| !line.starts_with('#'));
        let words = words.flat_map(str::split_whitespace).map(folded);
        self.words
            .extend(words.filter(|word| (SHORTEST..=LONGEST).contains(&word.len())));
    }
}

/// Words and passwords that are refused.
#[derive(Debug, Clone)]
pub struct Dictionary {
    lists: Arc<Lists>,
}

impl Dictionary {
    /// The lists inside the binary.
    pub fn own() -> Self {
        Self {
            lists: Arc::clone(&OWN),
        }
    }

    /// With the words of a text added, parted by spaces or lines; lines that begin with # are none.
    #[must_use]
    pub fn with(self, text: &str) -> Self {
        let mut lists = (*self.lists).clone();
        lists.add_words(text);
        Self {
            lists: Arc::new(lists),
        }
    }

    /// How many words there are.
    pub fn len(&self) -> usize {
        self.lists.words.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lists.words.is_empty()
    }

    /// Whether the whole password is one that everybody tries.
    pub(crate) fn is_common(&self, password: &str) -> bool {
        self.lists.passwords.contains(&folded(password))
    }

    /// The longest common word in one of the readings.
    pub(crate) fn word_in(&self, readings: &[String]) -> Option<String> {
        let mut longest = None::<&str>;
        for reading in readings {
            let ends: Vec<usize> = reading.char_indices().map(|(at, _)| at).collect();
            for start in &ends {
                let rest = reading.get(*start..).unwrap_or_default();
                for length in SHORTEST..=LONGEST.min(rest.len()) {
                    let Some(part) = rest.get(..length) else {
                        continue;
                    };
                    if part.len() > longest.map_or(0, str::len) && self.lists.words.contains(part) {
                        longest = Some(part);
                    }
                }
            }
        }
        longest.map(str::to_owned)
    }
}

/// A text in small letters without accents; everything else stays.
pub(crate) fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars().flat_map(char::to_lowercase) {
        match directory::fold::plain(letter) {
            Some(plain) => folded.push_str(plain),
            None if ('\u{300}'..='\u{36f}').contains(&letter) => {}
            None => folded.push(letter),
        }
    }
    folded
}

/// The password as it may be read: as it stands, and with the usual substitutions undone, of which 1 is two.
pub(crate) fn readings(password: &str) -> Vec<String> {
    let plain = folded(password);
    let undone = |one: char| {
        plain
            .chars()
            .map(|sign| match sign {
                '0' => 'o',
                '1' | '!' | '|' => one,
                '3' | '€' => 'e',
                '4' | '@' => 'a',
                '5' | '$' => 's',
                '7' => 't',
                sign => sign,
            })
            .collect::<String>()
    };
    let mut readings = vec![undone('i'), undone('l'), plain];
    readings.dedup();
    readings
}

/// An operator's list of passwords that leaked: SHA-1 in capitals, one a line, in their order, whatever stands
/// after the hash (`…:12`), as Have I Been Pwned publishes it. It is looked up in place: nothing is sent
/// anywhere, and nothing of it is kept in memory.
#[derive(Debug, Clone)]
pub struct Breached {
    path: PathBuf,
    length: u64,
}

/// Figures of a hash.
const HASH: usize = 40;
/// Longest line of the list, bytes.
const LINE: usize = 80;

impl Breached {
    /// A list; the error says what is wrong with it.
    pub fn open(path: &Path) -> Result<Self, String> {
        let mut file = File::open(path).map_err(|why| why.to_string())?;
        let length = file.metadata().map_err(|why| why.to_string())?.len();
        let mut first = [0; HASH];
        file.read_exact(&mut first)
            .map_err(|_| "holds no hash".to_owned())?;
        if !first.iter().all(u8::is_ascii_hexdigit) {
            return Err("does not begin with a SHA-1 in hexadecimal".to_owned());
        }
        Ok(Self {
            path: path.to_path_buf(),
            length,
        })
    }

    /// Whether the password is in it. A list that cannot be read any more refuses nobody.
    pub(crate) fn holds(&self, password: &str) -> bool {
        let hash: String = Sha1::digest(password.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        self.find(&hash).unwrap_or(false)
    }

    /// By halves: of a billion lines, thirty are read.
    fn find(&self, hash: &str) -> std::io::Result<bool> {
        let mut file = File::open(&self.path)?;
        let (mut low, mut high) = (0, self.length);
        while low < high {
            let middle = low + (high - low) / 2;
            let from = middle.saturating_sub(u64::try_from(LINE).unwrap_or(0));
            let mut bytes = [0; 2 * LINE];
            file.seek(SeekFrom::Start(from))?;
            let read = read_up_to(&mut file, &mut bytes)?;
            let text = bytes.get(..read).unwrap_or_default();
            let at = usize::try_from(middle - from).unwrap_or(0);
            // The line that the middle is in.
            let before = text.get(..at).unwrap_or_default();
            let start = before
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
            let line = text.get(start..).unwrap_or_default();
            let end = line
                .iter()
                .position(|byte| *byte == b'\n')
                .unwrap_or(line.len());
            let found = line.get(..HASH.min(end)).unwrap_or_default();
            let found = found.to_ascii_uppercase();
            let line_at = |offset: usize| from + u64::try_from(offset).unwrap_or(0);
            match found.as_slice().cmp(hash.as_bytes()) {
                std::cmp::Ordering::Equal => return Ok(true),
                std::cmp::Ordering::Less => low = line_at(start + end + 1),
                std::cmp::Ordering::Greater => high = line_at(start),
            }
        }
        Ok(false)
    }
}

fn read_up_to(file: &mut File, bytes: &mut [u8]) -> std::io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            more => read += more,
        }
    }
    Ok(read)
}
