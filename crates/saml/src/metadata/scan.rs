//! Reading an aggregate of any size in little memory: one pass over its bytes, in which its
//! signature is verified, every entity is looked at, and the place of each is noted. An entity is
//! read in full when somebody asks for it.
//!
//! # Invariants
//!
//! * Nothing is told before the last byte was digested and the digest is the signed one.
//! * A bad entity is left out alone, with its line and the rule; what no parser can agree on spoils
//!   the document.

mod found;
mod light;
mod ration;
mod seal;

use std::collections::HashSet;
use std::io::BufRead;
use std::sync::Arc;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::read::{earlier, not_past, within_horizon};
use super::{LeftOut, Listing, ReadPolicy};
use crate::c14n::{Canon, Namespace, Resolved, value_of_reference};
use crate::preflight::{DEPTH, check_declaration};
use crate::reader::{self, instant_of};
use crate::refusal::Said;
use crate::{EntityId, Moment, Refusal};

use super::listing::Alike;
use found::Around;
use light::Light;
use ration::Ration;
use seal::Seal;

pub use found::{Found, Scan, Slice};

/// Bytes of a document: twice the largest there is (eduGAIN, 2026: near 100 MB).
const LARGEST: u64 = 256 * 1024 * 1024;
/// Elements and texts of a document.
const NODES: usize = 24_000_000;
/// Bytes of one text: a logo may be one.
const TEXT: usize = 1024 * 1024;
/// Bytes of one tag or text as it is written: what is longer is never in memory.
const RATION: usize = TEXT + 64 * 1024;

/// Reads an aggregate, byte after byte.
///
/// # Errors
/// What makes a whole document unreadable or untrusted: see [`super::read()`].
pub fn scan(input: impl BufRead, policy: &ReadPolicy<'_>) -> Result<Scan, Refusal> {
    scan_beside(input, policy, &|_| None)
}

/// The same, beside what is `known`: who is listed there as here is not listed a second time.
///
/// # Errors
/// As [`scan()`].
pub fn scan_beside(
    input: impl BufRead,
    policy: &ReadPolicy<'_>,
    known: &dyn Fn(&EntityId) -> Option<Arc<Listing>>,
) -> Result<Scan, Refusal> {
    let mut reader = Reader::from_reader(Ration::of(input.take(LARGEST + 1)));
    reader.config_mut().check_comments = true;
    let mut walk = Walk::new(policy, known);
    let mut buffer = Vec::with_capacity(64 * 1024);
    let mut from = 0;
    loop {
        reader.get_mut().renew(RATION);
        let event = reader.read_event_into(&mut buffer);
        let event = match event {
            Ok(event) => event,
            Err(_) if reader.get_ref().is_used_up() => {
                return Err(Refusal::ValueTooLong { limit: TEXT });
            }
            Err(why) => return Err(ill_formed(&why.to_string())),
        };
        let to = reader.buffer_position();
        if to > LARGEST {
            let limit = usize::try_from(LARGEST).unwrap_or(usize::MAX);
            let bytes = usize::try_from(to).unwrap_or(usize::MAX);
            return Err(Refusal::TooLarge { bytes, limit });
        }
        if matches!(event, Event::Eof) {
            return walk.finish();
        }
        walk.take(&event, from..to)?;
        let breaks: u32 = event.iter().map(|byte| u32::from(*byte == b'\n')).sum();
        walk.line = walk.line.saturating_add(breaks);
        buffer.clear();
        from = to;
    }
}

/// Until when what is in a group counts, or why nothing does.
type Until = Result<Option<Moment>, Refusal>;

/// What an open element is to the walk.
enum Level {
    /// `EntitiesDescriptor`: until when what is in it counts, or why nothing does, and what is
    /// declared around its children.
    Group(Until, Around),
    /// An `EntityDescriptor` that starts there.
    Entity(u64, u32, Around),
    /// Something inside an entity.
    Inside,
    /// Something else.
    Other,
}

/// The walk over one document.
struct Walk<'p> {
    policy: &'p ReadPolicy<'p>,
    known: &'p dyn Fn(&EntityId) -> Option<Arc<Listing>>,
    alike: Alike,
    canon: Canon,
    seal: Seal,
    levels: Vec<Level>,
    light: Option<Light<'p>>,
    /// Why the entity at hand does not count, whatever is in it.
    fault: Option<Refusal>,
    id: String,
    line: u32,
    nodes: usize,
    text: usize,
    is_first: bool,
    seen: HashSet<EntityId>,
    scan: Scan,
}

impl<'p> Walk<'p> {
    fn new(
        policy: &'p ReadPolicy<'p>,
        known: &'p dyn Fn(&EntityId) -> Option<Arc<Listing>>,
    ) -> Self {
        let is_signed = !policy.pinned.is_empty();
        Self {
            policy,
            known,
            alike: Alike::default(),
            canon: Canon::muted(!is_signed),
            seal: Seal::of(is_signed),
            levels: Vec::new(),
            light: None,
            fault: None,
            id: String::new(),
            line: 1,
            nodes: 0,
            text: 0,
            is_first: true,
            seen: HashSet::new(),
            scan: Scan::default(),
        }
    }

    fn take(&mut self, event: &Event<'_>, at: std::ops::Range<u64>) -> Result<(), Refusal> {
        match event {
            Event::Decl(declaration) => check_declaration(declaration, self.is_first)?,
            Event::Start(start) => self.start(start, at.start)?,
            Event::Empty(start) => {
                self.start(start, at.start)?;
                self.end(start.name().as_ref(), at.end)?;
            }
            Event::End(end) => self.end(end.name().as_ref(), at.end)?,
            Event::Text(text) => self.said(text, text.len())?,
            Event::CData(text) => self.said_in_cdata(text)?,
            Event::GeneralRef(name) => self.referred(name)?,
            Event::Comment(_) => self.commented()?,
            Event::PI(_) => return Err(Refusal::ProcessingInstruction),
            Event::DocType(_) => return Err(Refusal::Doctype),
            Event::Eof => {}
        }
        self.is_first = false;
        self.seal.digest(&mut self.canon.out)
    }

    fn start(&mut self, start: &BytesStart<'_>, from: u64) -> Result<(), Refusal> {
        self.text = 0;
        self.node()?;
        if self.canon.depth() == DEPTH {
            return Err(Refusal::TooDeep { limit: DEPTH });
        }
        if self.canon.depth() == 0 {
            return self.root(start, from);
        }
        let mut element = self.canon.open(start)?;
        self.refuse_root_id(&element)?;
        let is_signature = element.namespace == Namespace::Ds && element.local == "Signature";
        if self.canon.depth() == 2 {
            self.seal.child(&mut self.canon, is_signature)?;
        }
        self.canon.render(&mut element);
        let level = self.level(&element, from);
        self.levels.push(level);
        Ok(())
    }

    fn root(&mut self, start: &BytesStart<'_>, from: u64) -> Result<(), Refusal> {
        if !self.levels.is_empty() || self.scan.is_one || self.seal.is_past() {
            return Err(ill_formed("a second root"));
        }
        let element = self.canon.open(start)?;
        let is_md = element.namespace == Namespace::Md;
        self.scan.is_one = is_md && element.local == "EntityDescriptor";
        let is_group = is_md && element.local == "EntitiesDescriptor";
        if !(self.scan.is_one || is_group) {
            return Err(Refusal::NotMetadata {
                found: Said::new(element.local),
            });
        }
        element
            .attribute("ID")
            .unwrap_or_default()
            .clone_into(&mut self.id);
        let until = moment(&element, "validUntil")?;
        within_horizon(until, self.policy)?;
        self.scan.valid_until = until;
        self.scan.cache_s = element.attribute("cacheDuration").and_then(reader::seconds);
        self.seal.root(start, &self.id)?;
        let level = if self.scan.is_one {
            self.entity(&element, from, (Ok(None), Arc::new([])))
        } else {
            Level::Group(Ok(until), self.canon.declared().into())
        };
        self.levels.push(level);
        Ok(())
    }

    /// What an element under the root is.
    fn level(&mut self, element: &Resolved<'_>, from: u64) -> Level {
        let is_md = element.namespace == Namespace::Md;
        match self.levels.last() {
            Some(Level::Entity(..) | Level::Inside) => {
                if let Some(light) = &mut self.light {
                    light.start(element);
                }
                Level::Inside
            }
            Some(Level::Group(until, declared)) if is_md => match element.local {
                "EntityDescriptor" => {
                    let around = (until.clone(), Arc::clone(declared));
                    self.entity(element, from, around)
                }
                "EntitiesDescriptor" => {
                    let until = until.clone().and_then(|outer| {
                        let inner = moment(element, "validUntil")?;
                        not_past(inner, self.policy.now)?;
                        Ok(earlier(outer, inner))
                    });
                    Level::Group(until, self.canon.declared().into())
                }
                _ => Level::Other,
            },
            _ => Level::Other,
        }
    }

    fn entity(
        &mut self,
        element: &Resolved<'_>,
        from: u64,
        (until, declared): (Until, Around),
    ) -> Level {
        let (until, fault) = match until {
            Ok(until) => (until, None),
            Err(fault) => (None, Some(fault)),
        };
        self.fault = fault;
        self.light = Some(Light::of(element, until, self.policy));
        Level::Entity(from, self.line, declared)
    }

    fn end(&mut self, name: &[u8], to: u64) -> Result<(), Refusal> {
        self.text = 0;
        let depth = self.canon.depth();
        self.canon.close(name);
        if depth == 2 {
            let pinned = self.policy.pinned;
            self.seal.child_ends(&mut self.canon, &self.id, pinned)?;
        }
        match self.levels.pop() {
            Some(Level::Entity(from, line, declared)) => {
                self.entity_ends((from, to), line, declared);
            }
            Some(Level::Inside) => {
                if let Some(light) = &mut self.light {
                    light.end();
                }
            }
            _ => {}
        }
        if depth == 1 {
            if let Some(opened) = self.seal.root_ends(&mut self.canon.out)? {
                self.scan.key = Some(opened.key);
                self.scan.used = opened.used;
            }
            self.canon.is_muted = true;
        }
        Ok(())
    }

    fn entity_ends(&mut self, (from, to): (u64, u64), line: u32, declared: Around) {
        let Some(light) = self.light.take() else {
            return;
        };
        let (name, until) = (light.name().to_owned(), light.until());
        let keys = light.keys();
        let read = match self.fault.take() {
            Some(fault) => Err(fault),
            None => light.finish(&mut self.alike),
        };
        // Which of two wins must not depend on which breaks a rule: only good ones count.
        let read = read.and_then(|(listing, valid_until)| {
            if self.seen.insert(listing.id.clone()) {
                Ok((listing, valid_until))
            } else {
                Err(Refusal::EntityRepeated)
            }
        });
        match read {
            Ok((listing, valid_until)) => self.scan.entities.push(Found {
                listing: (self.known)(&listing.id)
                    .filter(|known| **known == listing)
                    .unwrap_or_else(|| Arc::new(listing)),
                valid_until,
                keys,
                slice: Slice {
                    at: from,
                    len: usize::try_from(to - from).unwrap_or(usize::MAX),
                    declared,
                    until,
                },
            }),
            Err(reason) => self.scan.left_out.push(LeftOut {
                entity_id: Said::new(&name).as_str().to_owned(),
                line,
                reason,
            }),
        }
    }

    fn said(&mut self, text: &[u8], bytes: usize) -> Result<(), Refusal> {
        self.counted(bytes)?;
        if self.canon.depth() == 0 {
            let is_blank = text.iter().all(u8::is_ascii_whitespace);
            return if is_blank {
                Ok(())
            } else {
                Err(ill_formed("text outside the root"))
            };
        }
        self.canon.text(text)?;
        match &mut self.light {
            Some(light) => light.text(text),
            None => Ok(()),
        }
    }

    fn said_in_cdata(&mut self, text: &[u8]) -> Result<(), Refusal> {
        self.counted(text.len())?;
        self.inside()?;
        self.canon.cdata(text)?;
        match &mut self.light {
            Some(light) => light.text(text),
            None => Ok(()),
        }
    }

    fn referred(&mut self, name: &[u8]) -> Result<(), Refusal> {
        self.counted(name.len())?;
        self.inside()?;
        self.canon.reference(name)?;
        if let Some(light) = &mut self.light {
            light.character(value_of_reference(name)?);
        }
        Ok(())
    }

    fn inside(&self) -> Result<(), Refusal> {
        if self.canon.depth() == 0 {
            return Err(ill_formed("text outside the root"));
        }
        Ok(())
    }

    fn commented(&mut self) -> Result<(), Refusal> {
        self.node()?;
        self.seal.comment()?;
        if let Some(light) = &mut self.light {
            light.comment();
        }
        Ok(())
    }

    fn counted(&mut self, bytes: usize) -> Result<(), Refusal> {
        if self.text == 0 {
            self.node()?;
        }
        self.text += bytes;
        if self.text > TEXT {
            return Err(Refusal::ValueTooLong { limit: TEXT });
        }
        Ok(())
    }

    fn node(&mut self) -> Result<(), Refusal> {
        self.nodes += 1;
        if self.nodes > NODES {
            return Err(Refusal::TooManyNodes { limit: NODES });
        }
        Ok(())
    }

    /// Whether something else than the root has its identifier, whatever the attribute's spelling.
    fn refuse_root_id(&self, element: &Resolved<'_>) -> Result<(), Refusal> {
        let mut ids = element.attributes.iter();
        let is_it = |one: &str, value: &str| one.eq_ignore_ascii_case("id") && value == self.id;
        if !self.id.is_empty() && ids.any(|one| is_it(one.local, &one.value)) {
            return Err(Refusal::DuplicateId {
                id: Said::new(&self.id),
            });
        }
        Ok(())
    }

    fn finish(self) -> Result<Scan, Refusal> {
        if self.canon.depth() > 0 || !self.seal.is_past() {
            return Err(ill_formed("the document is not whole"));
        }
        Ok(self.scan)
    }
}

fn moment(element: &Resolved<'_>, name: &'static str) -> Result<Option<Moment>, Refusal> {
    let text = element.attribute(name);
    text.map(|text| instant_of(name, text)).transpose()
}

fn ill_formed(why: &str) -> Refusal {
    Refusal::NotWellFormed {
        why: Said::new(why),
    }
}

#[cfg(test)]
pub(in crate::metadata) mod tests;
