//! What the file and the environment say: a tree of values, each with its place.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A line of a file, from 1.
    Line(PathBuf, usize),
    /// An environment variable.
    Environment(String),
    /// A file as a whole.
    File(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(file, line) => write!(f, "{}:{line}", file.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::File(file) => write!(f, "{}", file.display()),
        }
    }
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Where.
    pub(crate) place: Place,
    /// What, in English.
    pub(crate) what: String,
}

impl Fault {
    /// A fault of a file as a whole.
    pub(crate) fn of_file(file: &Path, what: impl Into<String>) -> Self {
        Self {
            place: Place::File(file.to_path_buf()),
            what: what.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Where it was written.
    pub(crate) place: Place,
    /// What was written.
    pub(crate) item: Item,
}

/// What was written.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    /// A string.
    Text(String),
    /// An integer.
    Integer(i64),
    /// A boolean.
    Boolean(bool),
    /// A list.
    List(Vec<Node>),
    /// A table, in the order written.
    Table(Vec<(String, Node)>),
    /// A variable of the environment: a text that may mean an integer, a boolean, or a list
    /// separated by commas, as the setting it overrides asks for.
    Loose(String),
    /// A number with a fraction, a date: no setting takes one.
    Other,
}

/// Reads the file's text. What is not TOML is a fault each, and the rest is read all the same.
pub(crate) fn parse(file: &Path, text: &str, faults: &mut Vec<Fault>) -> Node {
    let (document, errors) = DeTable::parse_recoverable(text);
    let lines = Lines { file, text };
    for error in errors {
        faults.push(Fault {
            place: lines.place(error.span().map_or(0, |span| span.start)),
            what: error.message().to_owned(),
        });
    }
    Node {
        place: Place::File(file.to_path_buf()),
        item: table(document.get_ref(), &lines),
    }
}

/// Lays `EDULINE__<SECTION>__<KEY>` and the contract's four names over the file.
pub(crate) fn overlay(
    root: &mut Node,
    environment: impl Iterator<Item = (String, String)>,
    faults: &mut Vec<Fault>,
) {
    let mut overrides: Vec<(String, String)> = environment.collect();
    overrides.sort();
    for (name, value) in overrides {
        let path = match name.as_str() {
            "EDULINE_LISTEN" => Some(("server".to_owned(), "listen".to_owned())),
            "EDULINE_PUBLIC_URL" => Some(("server".to_owned(), "public_url".to_owned())),
            "EDULINE_DATA" => Some(("server".to_owned(), "data".to_owned())),
            _ => name
                .strip_prefix("EDULINE__")
                .and_then(|rest| rest.split_once("__"))
                .map(|(section, key)| (section.to_lowercase(), key.to_lowercase())),
        };
        let Some((section, key)) = path else {
            if name.starts_with("EDULINE__") {
                faults.push(Fault {
                    place: Place::Environment(name),
                    what: "is not of the form EDULINE__<SECTION>__<KEY>".to_owned(),
                });
            }
            continue;
        };
        let place = Place::Environment(name);
        let node = Node {
            place: place.clone(),
            item: Item::Loose(value),
        };
        set(entry(root, &section, place), key, node);
    }
}

/// The section of that name, made when absent.
fn entry<'a>(root: &'a mut Node, section: &str, place: Place) -> Option<&'a mut Node> {
    let Item::Table(sections) = &mut root.item else {
        return None;
    };
    if !sections.iter().any(|(name, _)| name == section) {
        let item = Item::Table(Vec::new());
        sections.push((section.to_owned(), Node { place, item }));
    }
    sections
        .iter_mut()
        .find(|(name, _)| name == section)
        .map(|(_, node)| node)
}

fn set(section: Option<&mut Node>, key: String, value: Node) {
    if let Some(Node {
        item: Item::Table(entries),
        ..
    }) = section
    {
        entries.retain(|(name, _)| *name != key);
        entries.push((key, value));
    }
}

/// Turns offsets into lines.
struct Lines<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Lines<'_> {
    fn place(&self, offset: usize) -> Place {
        let before = self.text.as_bytes().iter().take(offset);
        Place::Line(
            self.file.to_path_buf(),
            before.filter(|byte| **byte == b'\n').count() + 1,
        )
    }
}

fn table(table: &DeTable<'_>, lines: &Lines<'_>) -> Item {
    Item::Table(
        table
            .iter()
            .map(|(key, value)| {
                let mut node = node(value, lines);
                // A header's place is its name's: the span of a table starts at its first key.
                if matches!(node.item, Item::Table(_)) {
                    node.place = lines.place(key.span().start);
                }
                (key.get_ref().to_string(), node)
            })
            .collect(),
    )
}

fn node(value: &Spanned<DeValue<'_>>, lines: &Lines<'_>) -> Node {
    let item = match value.get_ref() {
        DeValue::String(text) => Item::Text(text.to_string()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Item::Other, Item::Integer)
        }
        DeValue::Boolean(value) => Item::Boolean(*value),
        DeValue::Array(values) => {
            Item::List(values.iter().map(|value| node(value, lines)).collect())
        }
        DeValue::Table(inner) => table(inner, lines),
        DeValue::Float(_) | DeValue::Datetime(_) => Item::Other,
    };
    Node {
        place: lines.place(value.span().start),
        item,
    }
}
