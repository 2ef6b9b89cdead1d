//! Reading one table of the settings: each key is asked for once, and what nobody asked for is
//! refused.

use std::path::{Path, PathBuf};

use super::raw::{Fault, Item, Node, Place};

/// A table being read. Faults go to one list, so that all of them are found in one go.
pub(crate) struct Section<'f> {
    name: String,
    /// Where the table stands.
    pub(crate) place: Place,
    entries: Vec<(String, Node)>,
    known: Vec<&'static str>,
    faults: &'f mut Vec<Fault>,
}

impl<'f> Section<'f> {
    /// The table `node`, called `name` in what is said about it.
    pub(crate) fn of(name: &str, node: Node, faults: &'f mut Vec<Fault>) -> Self {
        let entries = if let Item::Table(entries) = node.item {
            entries
        } else {
            faults.push(Fault {
                place: node.place.clone(),
                what: format!("{name} must be a table"),
            });
            Vec::new()
        };
        Self {
            name: name.to_owned(),
            place: node.place,
            entries,
            known: Vec::new(),
            faults,
        }
    }

    /// Says what is wrong with what stands at `place`.
    pub(crate) fn fault(&mut self, place: Place, what: impl Into<String>) {
        self.faults.push(Fault {
            place,
            what: what.into(),
        });
    }

    /// The value under `key`, as written.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        let at = self.entries.iter().position(|(name, _)| name == key)?;
        Some(self.entries.remove(at).1)
    }

    /// A table inside this one, handed to `read`; an absent one is read as an empty one.
    pub(crate) fn table<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'_>) -> T,
    ) -> T {
        let node = self.take(key).unwrap_or(Node {
            place: self.place.clone(),
            item: Item::Table(Vec::new()),
        });
        let name = self.path(key);
        let mut section = Section::of(&name, node, self.faults);
        let value = read(&mut section);
        section.close();
        value
    }

    /// Every table of a list of tables, handed to `read`.
    pub(crate) fn tables<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section<'_>) -> Option<T>,
    ) -> Vec<T> {
        let name = self.path(key);
        let Some(node) = self.take(key) else {
            return Vec::new();
        };
        let Item::List(nodes) = node.item else {
            self.fault(
                node.place,
                format!("{name} must be a list of tables ([[{name}]])"),
            );
            return Vec::new();
        };
        nodes
            .into_iter()
            .filter_map(|node| {
                let mut section = Section::of(&name, node, self.faults);
                let value = read(&mut section);
                section.close();
                value
            })
            .collect()
    }

    /// A text, read by `read`, which says what is expected when the text is not it.
    pub(crate) fn parsed<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let node = self.take(key)?;
        let (Item::Text(text) | Item::Loose(text)) = &node.item else {
            self.wrong(key, node.place, "a text between quotes");
            return None;
        };
        read(text)
            .map_err(|why| {
                let name = self.path(key);
                self.fault(node.place.clone(), format!("{name} = {text:?}: {why}"));
            })
            .ok()
    }

    /// A text that must be there.
    pub(crate) fn needed<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if !self.has(key) {
            self.known.push(key);
            let name = self.path(key);
            self.fault(self.place.clone(), format!("{name} is missing"));
            return None;
        }
        self.parsed(key, read)
    }

    /// The same; once its fault is told, `stand_in` is read in its place, so that whatever depends on it is
    /// looked at in the same go. Nobody serves with it: settings with a fault are refused.
    pub(crate) fn needed_or<T>(
        &mut self,
        key: &'static str,
        stand_in: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.needed(key, &read).or_else(|| read(stand_in).ok())
    }

    /// A text; an empty one counts as absent.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<String> {
        self.parsed(key, |text| Ok(text.to_owned()))
            .filter(|text| !text.is_empty())
    }

    /// A path, taken from `folder` when it is not absolute; an empty one counts as absent.
    pub(crate) fn path_in(&mut self, key: &'static str, folder: &Path) -> Option<PathBuf> {
        self.text(key).map(|text| folder.join(text))
    }

    /// A whole number between `least` and `most`.
    pub(crate) fn number(&mut self, key: &'static str, least: u32, most: u32) -> Option<u32> {
        let node = self.take(key)?;
        let number = match &node.item {
            Item::Integer(number) => Some(*number),
            Item::Loose(text) => text.trim().parse().ok(),
            _ => None,
        };
        let fits = number
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| (least..=most).contains(number));
        if fits.is_none() {
            self.wrong(
                key,
                node.place,
                &format!("a whole number from {least} to {most}"),
            );
        }
        fits
    }

    /// Yes or no.
    pub(crate) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        let node = self.take(key)?;
        let value = match &node.item {
            Item::Boolean(value) => Some(*value),
            Item::Loose(text) => text.trim().parse().ok(),
            _ => None,
        };
        if value.is_none() {
            self.wrong(key, node.place, "true or false");
        }
        value
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, key: &'static str) -> Vec<(Place, String)> {
        let Some(node) = self.take(key) else {
            return Vec::new();
        };
        let nodes = match node.item {
            Item::List(nodes) => nodes,
            Item::Loose(text) => {
                let parts = text
                    .split(',')
                    .map(str::trim)
                    .filter(|part| !part.is_empty());
                return parts
                    .map(|part| (node.place.clone(), part.to_owned()))
                    .collect();
            }
            _ => {
                self.wrong(key, node.place, "a list of texts");
                return Vec::new();
            }
        };
        let mut texts = Vec::new();
        for node in nodes {
            match node.item {
                Item::Text(text) => texts.push((node.place, text)),
                _ => self.wrong(key, node.place, "a list of texts"),
            }
        }
        texts
    }

    /// Whether the key is written.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _)| name == key)
    }

    /// Refuses the keys that nobody asked for.
    pub(crate) fn close(self) {
        for (key, node) in self.entries {
            let name = if self.name.is_empty() {
                key.clone()
            } else {
                format!("{}.{key}", self.name)
            };
            let near = self
                .known
                .iter()
                .find(|known| is_near(known, &key))
                .map_or(String::new(), |known| format!("; did you mean {known}?"));
            self.faults.push(Fault {
                place: node.place,
                what: format!("unknown key {name}{near}"),
            });
        }
    }

    /// The full name of a key.
    fn path(&self, key: &str) -> String {
        if self.name.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.name)
        }
    }

    fn wrong(&mut self, key: &str, place: Place, expected: &str) {
        let name = self.path(key);
        self.fault(place, format!("{name} must be {expected}"));
    }
}

/// Whether two keys differ by one slip: one letter more, less or other, or a dash for an underscore.
fn is_near(known: &str, key: &str) -> bool {
    let (known, key) = (known.replace('-', "_"), key.replace('-', "_"));
    if known == key {
        return true;
    }
    let common = known.chars().zip(key.chars()).take_while(|(a, b)| a == b);
    let start = common.count();
    let from = |text: &str, skip: usize| text.chars().skip(skip).collect::<String>();
    from(&known, start + 1) == from(&key, start + 1)
        || from(&known, start) == from(&key, start + 1)
        || from(&known, start + 1) == from(&key, start)
}
