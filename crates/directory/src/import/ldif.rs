//! Exports of trees (LDIF, RFC 2849): records of content, and changes that add or delete. What a value
//! elsewhere says (`<`) is not fetched, and passwords are not taken over.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ldap3::SearchEntry;

use super::fed::Fed;
use super::{Record, Said};
use crate::ldap::mapping::{self, Names};
use crate::rule::Rule;
use crate::{Attributes, Realm};

/// Whose accounts they are, and what is called how.
#[derive(Clone)]
pub struct Wording {
    /// The realm.
    pub realm: Realm,
    /// Attributes.
    pub attributes: Attributes,
    /// Codes of functions, each with the id of ours.
    pub functions: Vec<(String, String)>,
}

/// The records of an export.
pub struct Ldif<R> {
    from: BufReader<Fed<R>>,
    wording: Wording,
    line: usize,
    is_over: bool,
}

/// Lines that belong together, unfolded (RFC 2849, note 2).
struct Lines {
    first: usize,
    own: Vec<String>,
}

impl<R: BufRead> Ldif<R> {
    /// The export in a file.
    pub fn of(from: R, wording: Wording) -> Self {
        Self {
            from: BufReader::new(Fed::text(from)),
            wording,
            line: 0,
            is_over: false,
        }
    }

    fn lines(&mut self) -> std::io::Result<Option<Lines>> {
        self.from.get_mut().next_record();
        let mut lines = Lines {
            first: 0,
            own: Vec::new(),
        };
        let mut text = String::new();
        let mut is_comment = false;
        loop {
            text.clear();
            if self.from.read_line(&mut text)? == 0 {
                return Ok((!lines.own.is_empty()).then_some(lines));
            }
            self.line += 1;
            let line = text.strip_suffix('\n').unwrap_or(&text);
            if line.is_empty() {
                if lines.own.is_empty() {
                    continue;
                }
                return Ok(Some(lines));
            }
            match (line.strip_prefix(' '), lines.own.last_mut()) {
                (Some(_), _) if is_comment => {}
                (Some(rest), Some(before)) => before.push_str(rest),
                _ => {
                    is_comment = line.starts_with('#');
                    if !is_comment {
                        if lines.own.is_empty() {
                            lines.first = self.line;
                        }
                        lines.own.push(line.to_owned());
                    }
                }
            }
        }
    }

    fn record(&self, lines: Lines) -> Record {
        let mut faults = Vec::new();
        let mut entry = SearchEntry {
            dn: String::new(),
            attrs: HashMap::new(),
            bin_attrs: HashMap::new(),
        };
        let mut change = None;
        for line in &lines.own {
            match value(line) {
                Err(rule) => faults.push(rule),
                Ok((name, text)) => match name.to_ascii_lowercase().as_str() {
                    "dn" => entry.dn = text,
                    "changetype" => change = Some(text),
                    "version" | "control" => {}
                    name => entry.attrs.entry(name.to_owned()).or_default().push(text),
                },
            }
        }
        let line = lines.first;
        // `version: 1` may stand alone before the first record.
        if entry.dn.is_empty() && entry.attrs.is_empty() && faults.is_empty() {
            let said = Some(Said::Nothing);
            return Record { line, said, faults };
        }
        let said = match change.as_deref() {
            None | Some("add") => self.account(&entry, &mut faults),
            Some("delete") => self.gone(&entry.dn, &mut faults),
            Some(other) => {
                faults.push(Rule::Operation(other.to_owned()));
                None
            }
        };
        Record { line, said, faults }
    }

    fn account(&self, entry: &SearchEntry, faults: &mut Vec<Rule>) -> Option<Said> {
        let names = Names {
            realm: self.wording.realm,
            attributes: &self.wording.attributes,
            functions: &self.wording.functions,
        };
        // Branches of the tree are no people.
        let is = |class: &str| {
            let classes = entry.attrs.get("objectclass");
            classes.is_some_and(|all| all.iter().any(|own| own.eq_ignore_ascii_case(class)))
        };
        if is("organizationalUnit") || is("organization") || is("domain") {
            return Some(Said::Nothing);
        }
        let Some(account) = mapping::account(names, entry) else {
            faults.push(Rule::Lacks("login"));
            return None;
        };
        let born = mapping::first(entry, &self.wording.attributes.birth_date);
        if let Some(text) = born.filter(|_| account.birth_date.is_none()) {
            faults.push(Rule::Date(text, "YYYYMMDD"));
        }
        Some(Said::Account {
            account: Box::new(account),
            is_whole: false,
        })
    }

    /// Whom a distinguished name names, where its first part is the login.
    fn gone(&self, dn: &str, faults: &mut Vec<Rule>) -> Option<Said> {
        let first = dn.split([',', '+']).next().unwrap_or_default();
        match first.split_once('=') {
            Some((name, login))
                if name
                    .trim()
                    .eq_ignore_ascii_case(&self.wording.attributes.login) =>
            {
                let login = login.trim().to_lowercase();
                Some(Said::Gone(self.wording.realm, login))
            }
            _ => {
                faults.push(Rule::Nobody(dn.to_owned()));
                None
            }
        }
    }
}

/// `name: value`, `name:: base64`.
fn value(line: &str) -> Result<(String, String), Rule> {
    let broken = || Rule::Operation(line.chars().take(60).collect());
    let (name, rest) = line.split_once(':').ok_or_else(broken)?;
    let text = if let Some(coded) = rest.strip_prefix(':') {
        let bytes = STANDARD.decode(coded.trim()).map_err(|_| broken())?;
        // Pictures and certificates are no text, and nobody's account.
        String::from_utf8(bytes).unwrap_or_default()
    } else if rest.starts_with('<') {
        return Err(broken());
    } else {
        rest.trim_start().to_owned()
    };
    Ok((name.to_owned(), text))
}

impl<R: BufRead> Iterator for Ldif<R> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        if self.is_over {
            return None;
        }
        match self.lines() {
            Ok(Some(lines)) => Some(self.record(lines)),
            Ok(None) => {
                self.is_over = true;
                None
            }
            Err(why) => {
                self.is_over = true;
                Some(Record::broken(self.line, &why))
            }
        }
    }
}
