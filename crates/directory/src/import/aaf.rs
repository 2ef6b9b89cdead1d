//! The ministry's deltas (AAF): XML documents `ficAlimMENESR` of requests, each about a person or a
//! school, in ISO-8859-15. Its document type is named and never fetched; entities that are not XML's own,
//! processing instructions and a document type with declarations in it are refused.

use std::io::{BufRead, BufReader};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::entry::{Act, Entry, Of};
use super::fed::Fed;
use super::{Record, Said};
use crate::Realm;
use crate::rule::Rule;

/// Elements inside each other: root, request, part, attribute, value.
const DEPTH: usize = 5;

/// The requests of a document.
pub struct Aaf<R> {
    reader: Reader<BufReader<Fed<R>>>,
    buffer: Vec<u8>,
    line: usize,
    open: Vec<String>,
    request: Option<Request>,
    text: Option<String>,
    is_rooted: bool,
    is_over: bool,
}

struct Request {
    line: usize,
    act: Act,
    category: Option<(String, String)>,
    key: String,
    values: Vec<(String, Vec<String>)>,
    faults: Vec<Rule>,
}

impl<R: BufRead> Aaf<R> {
    /// The document of a file.
    pub fn of(from: R) -> Self {
        Self {
            reader: Reader::from_reader(BufReader::new(Fed::xml(from))),
            buffer: Vec::new(),
            line: 1,
            open: Vec::new(),
            request: None,
            text: None,
            is_rooted: false,
            is_over: false,
        }
    }

    /// Reads on to the end of a request.
    fn read(&mut self) -> Result<Option<Record>, String> {
        loop {
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.clear();
            let event = self.reader.read_event_into(&mut buffer);
            let event = event.map_err(|why| why.to_string())?;
            let begun = self.line;
            let done = self.take(&event, begun);
            let is_end = matches!(event, Event::Eof);
            drop(event);
            // What stands between two signs of markup holds every line end there is.
            self.line += buffer.split(|byte| *byte == b'\n').skip(1).count();
            self.buffer = buffer;
            if let Some(record) = done? {
                return Ok(Some(record));
            }
            if is_end {
                return Ok(None);
            }
        }
    }

    fn take(&mut self, event: &Event<'_>, line: usize) -> Result<Option<Record>, String> {
        match event {
            Event::Start(start) => self.start(start, line)?,
            Event::Empty(start) => {
                self.start(start, line)?;
                return self.end();
            }
            Event::End(_) => return self.end(),
            Event::Text(text) => self.said(text)?,
            Event::CData(text) => self.said(text)?,
            Event::GeneralRef(name) => {
                let letter = referred(name).ok_or("an entity that is not XML's own")?;
                if let Some(text) = &mut self.text {
                    text.push(letter);
                }
            }
            Event::PI(_) => return Err("a processing instruction".to_owned()),
            Event::DocType(declared) if declared.contains(&b'[') => {
                return Err("a document type with declarations in it".to_owned());
            }
            Event::Eof if !self.open.is_empty() => {
                return Err("the document ends before its elements do".to_owned());
            }
            Event::Eof if !self.is_rooted => return Err("it is no ficAlimMENESR".to_owned()),
            Event::DocType(_) | Event::Decl(_) | Event::Comment(_) | Event::Eof => {}
        }
        Ok(None)
    }

    fn said(&mut self, bytes: &[u8]) -> Result<(), String> {
        let said = std::str::from_utf8(bytes).map_err(|why| why.to_string())?;
        if let Some(text) = &mut self.text {
            text.push_str(said);
        } else if !said.trim().is_empty() {
            return Err("text outside of any value".to_owned());
        }
        Ok(())
    }

    fn start(&mut self, start: &BytesStart<'_>, line: usize) -> Result<(), String> {
        let name = start.name();
        let name = String::from_utf8_lossy(name.as_ref()).into_owned();
        let above = self.open.last().map(String::as_str);
        match (above, name.as_str()) {
            (None, "ficAlimMENESR") if !self.is_rooted => self.is_rooted = true,
            (None, _) => return Err("it is no ficAlimMENESR".to_owned()),
            (Some("ficAlimMENESR"), own) => {
                let act = match own {
                    "addRequest" => Act::Add,
                    "modifyRequest" => Act::Modify,
                    "deleteRequest" => Act::Delete,
                    _ => return Err(format!("{own:?} is no request")),
                };
                self.request = Some(Request::of(act, line));
            }
            (Some(_), "attr" | "modification") => self.named(start)?,
            (Some(_), "value" | "id") => self.text = Some(String::new()),
            (Some(_), _) => {}
        }
        if self.open.len() == DEPTH {
            return Err("elements stand too deep in each other".to_owned());
        }
        self.open.push(name);
        Ok(())
    }

    /// An attribute, and what is to be done to it.
    fn named(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        let Some(request) = &mut self.request else {
            return Ok(());
        };
        let mut name = String::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|why| why.to_string())?;
            let value = String::from_utf8_lossy(&attribute.value).into_owned();
            match attribute.key.as_ref() {
                b"name" => name = value,
                b"operation" if value != "replace" => {
                    request.faults.push(Rule::Operation(value));
                }
                _ => {}
            }
        }
        if self.open.iter().any(|open| open == "operationalAttributes") {
            request.category = Some((name, String::new()));
        } else {
            request.values.push((name, Vec::new()));
        }
        Ok(())
    }

    fn end(&mut self) -> Result<Option<Record>, String> {
        let name = self.open.pop().ok_or("an end without a beginning")?;
        let Some(request) = &mut self.request else {
            return Ok(None);
        };
        match (name.as_str(), self.text.take()) {
            ("id", Some(text)) => text.trim().clone_into(&mut request.key),
            ("value", Some(text)) => {
                let within = |part: &str| self.open.iter().any(|open| open == part);
                if within("operationalAttributes") {
                    if let Some((_, category)) = &mut request.category {
                        text.trim().clone_into(category);
                    }
                } else if let Some((_, values)) = request.values.last_mut() {
                    values.push(text);
                }
            }
            _ => {}
        }
        if self.open.len() == 1 {
            self.reader.get_mut().get_mut().next_record();
            return Ok(self.request.take().map(Request::record));
        }
        Ok(None)
    }
}

impl<R: BufRead> Iterator for Aaf<R> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        if self.is_over {
            return None;
        }
        match self.read() {
            Ok(record) => {
                self.is_over = record.is_none();
                record
            }
            Err(why) => {
                self.is_over = true;
                Some(Record::broken(self.line, &why))
            }
        }
    }
}

impl Request {
    fn of(act: Act, line: usize) -> Self {
        Self {
            line,
            act,
            category: None,
            key: String::new(),
            values: Vec::new(),
            faults: Vec::new(),
        }
    }

    fn record(self) -> Record {
        let (line, mut faults) = (self.line, self.faults);
        let of = match &self.category {
            None => {
                faults.push(Rule::Lacks("operationalAttributes"));
                None
            }
            Some((kind, value)) => match (kind.as_str(), value.as_str()) {
                ("categoriePersonne", "Eleve") => Some(Of::Person(Realm::Eleve)),
                ("categoriePersonne", "PersRelEleve") => Some(Of::Person(Realm::Parent)),
                ("categoriePersonne", "PersEducNat") => Some(Of::Person(Realm::Personnel)),
                ("categorieStructure", _) => Some(Of::School),
                ("categoriePersonne", other) => {
                    faults.push(Rule::Category(other.to_owned()));
                    None
                }
                // Nomenclatures (categorieMef, categorieMatiere…): nobody's account.
                _ => {
                    let said = Some(Said::Nothing);
                    return Record { line, said, faults };
                }
            },
        };
        if self.key.is_empty() {
            faults.push(Rule::Lacks("id"));
        }
        let said = of.map(|of| {
            Said::Entry(Box::new(Entry {
                act: self.act,
                of,
                key: self.key,
                values: self.values,
            }))
        });
        Record { line, said, faults }
    }
}

/// XML's own entities and characters by their number (XML 1.0, 4.1 and 4.6).
fn referred(name: &[u8]) -> Option<char> {
    match name {
        b"amp" => Some('&'),
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"apos" => Some('\''),
        b"quot" => Some('"'),
        _ => {
            let number = std::str::from_utf8(name).ok()?.strip_prefix('#')?;
            let number = match number.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(number.ok()?).filter(|letter| *letter != '\0')
        }
    }
}
