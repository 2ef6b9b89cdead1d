//! A real mail server (Python's aiosmtpd) that keeps what it is sent.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::house::{House, root};
use crate::process::{Running, free_port};

/// A mail server on a port of its own.
pub struct Mailbox {
    /// Its port.
    pub port: u16,
    folder: TempDir,
    process: Option<Running>,
}

/// A letter as its reader sees it.
#[derive(Debug, Clone)]
pub struct Letter {
    /// To whom.
    pub to: String,
    /// Headers and all, encodings undone.
    pub text: String,
}

impl Default for Mailbox {
    fn default() -> Self {
        Self::start()
    }
}

impl Mailbox {
    /// Starts one.
    pub fn start() -> Self {
        let mut mailbox = Self {
            port: free_port(),
            folder: TempDir::new().expect("a folder"),
            process: None,
        };
        mailbox.open();
        mailbox
    }

    /// Starts the server again on its port.
    pub fn open(&mut self) {
        let mut command = Command::new(root().join("var/test-tools/peers/bin/python"));
        command
            .arg(root().join("tests/peers/mailbox.py"))
            .arg(self.folder.path())
            .arg(self.port.to_string());
        let mut process = Running::start(&mut command);
        process.wait_for_port(self.port);
        self.process = Some(process);
    }

    /// Ends the server.
    pub fn close(&mut self) {
        self.process = None;
    }

    /// A house that sends its letters here, with these settings more.
    pub fn house(&self, more: &[(&str, &str)]) -> House {
        let settings = self.settings();
        let own = settings.iter().map(|(name, value)| (*name, value.as_str()));
        House::with(&own.chain(more.iter().copied()).collect::<Vec<_>>())
    }

    /// The settings of a house that sends its letters here.
    pub fn settings(&self) -> [(&'static str, String); 2] {
        let smtp = format!("smtp://127.0.0.1:{}", self.port);
        [
            ("EDULINE__MAIL__SMTP", smtp),
            ("EDULINE__MAIL__TLS", "never".to_owned()),
        ]
    }

    /// The letters so far.
    pub fn letters(&self) -> Vec<Letter> {
        let entries = std::fs::read_dir(self.folder.path()).into_iter().flatten();
        let paths = entries.flatten().map(|entry| entry.path());
        let mut paths: Vec<PathBuf> = paths
            .filter(|path| path.extension().is_some_and(|end| end == "eml"))
            .collect();
        paths.sort_by_key(|path| std::fs::metadata(path).and_then(|m| m.modified()).ok());
        let texts = paths.iter().filter_map(|path| std::fs::read(path).ok());
        texts
            .map(|bytes| read(&String::from_utf8_lossy(&bytes)))
            .collect()
    }

    /// Waits for a letter to `to` that holds `part`.
    pub fn wait_for(&self, to: &str, part: &str) -> Letter {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(30) {
            let mut letters = self.letters().into_iter().rev();
            if let Some(found) = letters.find(|one| one.to == to && one.text.contains(part)) {
                return found;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("no letter to {to} with {part:?}: {:#?}", self.letters());
    }
}

impl Letter {
    /// The code it holds (`K7QPR-3MXDT`).
    pub fn code(&self) -> String {
        let lines = self.text.lines().map(str::trim);
        let is_code = |line: &&str| {
            line.len() == 11
                && line.bytes().enumerate().all(|(at, byte)| match at {
                    5 => byte == b'-',
                    _ => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
                })
        };
        let code = lines.into_iter().find(is_code);
        code.unwrap_or_else(|| panic!("no code in {}", self.text))
            .to_owned()
    }
}

/// Undoes quoted-printable and base64 of a body, which is what letters of ours are in.
fn read(mail: &str) -> Letter {
    let mail = mail.replace("\r\n", "\n");
    let (head, body) = mail.split_once("\n\n").unwrap_or((&mail, ""));
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().trim().to_owned()
    };
    let body = match header("Content-Transfer-Encoding:").as_str() {
        "quoted-printable" => quoted(body),
        "base64" => {
            use base64::Engine;
            let joined: String = body.split_whitespace().collect();
            let bytes = base64::engine::general_purpose::STANDARD.decode(joined);
            String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
        }
        _ => body.to_owned(),
    };
    Letter {
        to: header("To:"),
        text: format!("{head}\n\n{body}")
            .replace(['\u{a0}', '\u{202f}'], " ")
            .replace('’', "'"),
    }
}

fn quoted(text: &str) -> String {
    let text = text.replace("=\n", "");
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'=' {
            bytes.push(byte);
            continue;
        }
        let pair: Vec<u8> = rest.by_ref().take(2).collect();
        let pair = String::from_utf8_lossy(&pair).into_owned();
        bytes.push(u8::from_str_radix(&pair, 16).unwrap_or(b'?'));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
