//! Bytes of a file on their way to a parser: UTF-8, line ends as LF, and so many of them for one record.

use std::io::{BufRead, Read};

/// Bytes of one record: several times the longest there is.
const LARGEST: usize = 1024 * 1024;

/// ISO-8859-15 differs from ISO-8859-1 in these.
const LATIN_9: [(u8, char); 8] = [
    (0xa4, '€'),
    (0xa6, 'Š'),
    (0xa8, 'š'),
    (0xb4, 'Ž'),
    (0xb8, 'ž'),
    (0xbc, 'Œ'),
    (0xbd, 'œ'),
    (0xbe, 'Ÿ'),
];

/// How letters are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    /// The document says it.
    Named,
    Utf8,
    Latin1,
    Latin9,
}

/// A file that is read.
pub(super) struct Fed<R> {
    from: R,
    ready: Vec<u8>,
    at: usize,
    encoding: Encoding,
    is_begun: bool,
    is_over: bool,
    /// The last byte that was read; before all of them, the end of a line.
    last: u8,
    left: usize,
}

impl<R: BufRead> Fed<R> {
    pub(super) fn text(from: R) -> Self {
        Self::of(from, Encoding::Utf8)
    }

    /// The same of a document that names its encoding.
    pub(super) fn xml(from: R) -> Self {
        Self::of(from, Encoding::Named)
    }

    fn of(from: R, encoding: Encoding) -> Self {
        Self {
            from,
            ready: Vec::new(),
            at: 0,
            encoding,
            is_begun: false,
            is_over: false,
            last: b'\n',
            left: LARGEST,
        }
    }

    /// A record was read: another may come.
    pub(super) fn next_record(&mut self) {
        self.left = LARGEST;
    }

    fn fill(&mut self) -> std::io::Result<()> {
        let chunk = self.from.fill_buf()?;
        let length = chunk.len();
        let mut bytes = chunk;
        if !self.is_begun && length > 0 {
            self.is_begun = true;
            // Spreadsheets put a byte order mark before UTF-8.
            bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
            if self.encoding == Encoding::Named {
                self.encoding = encoding(bytes)?;
            }
        }
        self.ready.clear();
        self.at = 0;
        for byte in bytes {
            if self.last == b'\r' && *byte != b'\n' {
                self.ready.push(b'\r');
            }
            self.last = *byte;
            match *byte {
                b'\r' => {}
                plain if plain.is_ascii() || self.encoding == Encoding::Utf8 => {
                    self.ready.push(plain);
                }
                other => {
                    let letter = letter(other, self.encoding);
                    let mut place = [0; 4];
                    let bytes = letter.encode_utf8(&mut place).as_bytes();
                    self.ready.extend_from_slice(bytes);
                }
            }
        }
        self.is_over = length == 0;
        if self.is_over && self.last != b'\n' {
            // The last line ends like any other.
            self.ready.push(b'\n');
        }
        self.from.consume(length);
        Ok(())
    }
}

fn letter(byte: u8, encoding: Encoding) -> char {
    let special = LATIN_9.iter().find(|(own, _)| *own == byte);
    match special {
        Some((_, letter)) if encoding == Encoding::Latin9 => *letter,
        _ => char::from(byte),
    }
}

/// What the declaration of a document says (XML 1.0, 4.3.3).
fn encoding(bytes: &[u8]) -> std::io::Result<Encoding> {
    let head = bytes.split(|byte| *byte == b'>').next().unwrap_or_default();
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let named = head
        .strip_prefix("<?xml")
        .and_then(|head| head.split_once("encoding"));
    let named = named.and_then(|(_, rest)| rest.split(['"', '\'']).nth(1));
    match named {
        None | Some("utf-8") => Ok(Encoding::Utf8),
        Some("iso-8859-1") => Ok(Encoding::Latin1),
        Some("iso-8859-15") => Ok(Encoding::Latin9),
        Some(other) => Err(std::io::Error::other(format!(
            "encoding {other} is not read: ISO-8859-15, ISO-8859-1 and UTF-8 are"
        ))),
    }
}

impl<R: BufRead> Read for Fed<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.at >= self.ready.len() {
            if self.is_over {
                return Ok(0);
            }
            self.fill()?;
        }
        let rest = self.ready.get(self.at..).unwrap_or_default();
        let many = rest.len().min(into.len());
        if many > self.left {
            return Err(std::io::Error::other(
                "a record is longer than a million characters",
            ));
        }
        let (Some(to), Some(from)) = (into.get_mut(..many), rest.get(..many)) else {
            return Ok(0);
        };
        to.copy_from_slice(from);
        self.at += many;
        self.left -= many;
        Ok(many)
    }
}
