//! What the command line says: one writer for people, one for programs.

use std::io::{IsTerminal, Write};

/// How a command prints what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    /// Lines for a person.
    Plain,
    /// One JSON value for a program (`--json`).
    Json,
}

/// Writes a line to standard output; a closed pipe is no fault of ours.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _closed = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Writes a line to standard error.
pub(crate) fn complain(text: &str) {
    let _closed = writeln!(std::io::stderr().lock(), "{text}");
}

/// Says on a terminal how far long work has come, in place of what was said before.
pub(crate) fn progress(text: &str) {
    let mut err = std::io::stderr().lock();
    if err.is_terminal() {
        let _closed = write!(err, "\r\u{1b}[K{text}").and_then(|()| err.flush());
    }
}

impl Voice {
    /// `--json` or not.
    pub(crate) fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Plain }
    }

    /// Prints lines to a person, nothing to a program.
    pub(crate) fn tell_plain(self, lines: &[String]) {
        if self == Self::Plain {
            for text in lines {
                line(text);
            }
        }
    }

    /// Prints the lines to a person, the value to a program.
    pub(crate) fn tell(self, lines: &[String], value: &serde_json::Value) {
        match self {
            Self::Plain => lines.iter().for_each(|text| line(text)),
            Self::Json => line(&value.to_string()),
        }
    }
}
