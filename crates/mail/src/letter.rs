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

/// Enough of an address for its owner to know it by.
pub fn masked(mail: &str) -> String {
    let (name, host) = mail.split_once('@').unwrap_or((mail, ""));
    let first: String = name.chars().take(1).collect();
    format!("{first}…@{host}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_address_is_known_by_its_owner_only() {
        for (mail, shown) in [
            ("anne.martin@perso.example", "a…@perso.example"),
            ("é@a.example", "é…@a.example"),
            ("", "…@"),
        ] {
            assert_eq!(super::masked(mail), shown);
        }
    }
}
