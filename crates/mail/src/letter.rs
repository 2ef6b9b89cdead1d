//! A letter: to one person, in plain text.

use lettre::Address;
use serde::{Deserialize, Serialize};

/// A letter. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// An address, nothing else.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text, lines parted by `\n`.
    pub text: String,
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Letter(…)")
    }
}

/// Whether letters can be from that: an address, or a name and an address.
pub fn check_from(text: &str) -> Result<(), String> {
    let read = text.parse::<lettre::message::Mailbox>();
    read.map(drop)
        .map_err(|_| "expected an address, or a name and <an address>".to_owned())
}

/// Whether a letter can be sent to that address.
pub fn is_address(text: &str) -> bool {
    text.parse::<Address>().is_ok()
}
