//! Reading metadata: preflight, signature by a pinned key, dates, then entity by entity.

use std::collections::HashSet;

use chrono::Duration;

use super::{Document, Entity, LeftOut, ReadPolicy};
use crate::preflight::{METADATA, preflight};
use crate::reader::{self, Element};
use crate::refusal::Said;
use crate::signature::{self, Root};
use crate::{EntityId, Moment, Refusal};

pub(super) mod address;
mod entity;
mod lines;
mod roles;
mod ui;

/// Namespaces.
const ALG: &str = "urn:oasis:names:tc:SAML:metadata:algsupport";
const MD: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const MDUI: &str = "urn:oasis:names:tc:SAML:metadata:ui";
const MDATTR: &str = "urn:oasis:names:tc:SAML:metadata:attribute";
const MDRPI: &str = "urn:oasis:names:tc:SAML:metadata:rpi";
const SHIBMD: &str = "urn:mace:shibboleth:metadata:1.0";
const IDPDISC: &str = "urn:oasis:names:tc:SAML:profiles:SSO:idp-discovery-protocol";

/// Nodes one entity may have: the largest of real ones, universities with hundreds of scopes and
/// services in thirty languages, stay under a tenth of it.
pub(super) const ENTITY_NODES: usize = 20_000;

/// Reads an `EntityDescriptor` or an `EntitiesDescriptor`: preflight, signature by a pinned key,
/// dates, then entity by entity, so that a bad one never spoils the rest.
pub fn read(xml: &str, policy: &ReadPolicy<'_>) -> Result<Document, Refusal> {
    let text = preflight(xml.as_bytes(), &METADATA)?;
    let document = reader::parse(text, &METADATA)?;
    let root = descriptor(document.root_element())?;
    let lines = lines::of(text, root);
    if policy.pinned.is_empty() {
        return contents(root, None, lines, policy);
    }
    let mark = signature::find_on_root(&document)?.ok_or(Refusal::Unsigned)?;
    // One tree at a time: that of a large federation takes ten times its text.
    drop(document);
    match signature::verify_root(text, mark, policy.pinned)? {
        Root::Alone(signed) => {
            let document = signed.document(&METADATA)?;
            let root = descriptor(document.root_element())?;
            let by = (signed.key().to_owned(), signed.used());
            contents(root, Some(by), lines, policy)
        }
        Root::AmongOthers { key, used } => {
            let document = reader::parse(text, &METADATA)?;
            contents(document.root_element(), Some((key, used)), lines, policy)
        }
    }
}

/// Reads the one entity of `text`, which is a part of a document that was verified, or that nobody
/// signs: what is above it says `until`.
pub(super) fn read_one(
    text: &str,
    until: Option<Moment>,
    policy: &ReadPolicy<'_>,
) -> Result<Entity, Refusal> {
    let text = preflight(text.as_bytes(), &METADATA)?;
    let document = reader::parse(text, &METADATA)?;
    let mut gathering = Gathering {
        policy,
        lines: Vec::new().into_iter(),
        seen: HashSet::new(),
        entities: Vec::new(),
        left_out: Vec::new(),
    };
    gathering.entity(document.root_element(), until)
}

fn descriptor<'a, 'i>(root: Element<'a, 'i>) -> Result<Element<'a, 'i>, Refusal> {
    if is_entity(root) || is_group(root) {
        Ok(root)
    } else {
        Err(Refusal::NotMetadata {
            found: reader::named(root),
        })
    }
}

fn is_entity(element: Element<'_, '_>) -> bool {
    reader::is(element, MD, "EntityDescriptor")
}

fn is_group(element: Element<'_, '_>) -> bool {
    reader::is(element, MD, "EntitiesDescriptor")
}

fn contents(
    root: Element<'_, '_>,
    by: Option<(String, Vec<&'static str>)>,
    lines: Vec<u32>,
    policy: &ReadPolicy<'_>,
) -> Result<Document, Refusal> {
    let valid_until = reader::instant(root, "validUntil")?;
    within_horizon(valid_until, policy)?;
    let mut gathering = Gathering {
        policy,
        lines: lines.into_iter(),
        seen: HashSet::new(),
        entities: Vec::new(),
        left_out: Vec::new(),
    };
    gathering.walk(root, Ok(None));
    let (key, used) = by.unzip();
    Ok(Document {
        entities: gathering.entities,
        left_out: gathering.left_out,
        is_one: is_entity(root),
        valid_until,
        cache_s: reader::attribute(root, "cacheDuration").and_then(reader::seconds),
        key,
        used: used.unwrap_or_default(),
    })
}

/// IIP-MD04, SDP-MD03: absent, past, or beyond the horizon. What is past is never taken.
pub(super) fn within_horizon(
    valid_until: Option<Moment>,
    policy: &ReadPolicy<'_>,
) -> Result<(), Refusal> {
    not_past(valid_until, policy.now)?;
    let Some(days) = policy.horizon_days else {
        return Ok(());
    };
    let at = valid_until.ok_or(Refusal::ValidUntilMissing)?;
    if at - policy.now > Duration::days(i64::from(days)) {
        return Err(Refusal::BeyondHorizon { at, days });
    }
    Ok(())
}

pub(super) fn not_past(valid_until: Option<Moment>, now: Moment) -> Result<(), Refusal> {
    match valid_until {
        Some(at) if at <= now => Err(Refusal::MetadataExpired { at }),
        _ => Ok(()),
    }
}

/// Until when something under `outer` is valid, if it says `inner` itself.
pub(super) fn earlier(outer: Option<Moment>, inner: Option<Moment>) -> Option<Moment> {
    outer.into_iter().chain(inner).min()
}

/// Entities as they are found, in the order of the document.
struct Gathering<'p> {
    policy: &'p ReadPolicy<'p>,
    /// The line of each `EntityDescriptor` to come.
    lines: std::vec::IntoIter<u32>,
    seen: HashSet<EntityId>,
    entities: Vec<Entity>,
    left_out: Vec<LeftOut>,
}

impl Gathering<'_> {
    /// Walks down groups. `until` is what the groups above say, or why nothing below them counts.
    /// Groups nest no deeper than the preflight allows.
    fn walk(&mut self, element: Element<'_, '_>, until: Result<Option<Moment>, Refusal>) {
        if is_entity(element) {
            let line = self.lines.next().unwrap_or_default();
            let read = until.and_then(|until| self.entity(element, until));
            match read {
                Ok(entity) => self.entities.push(entity),
                Err(reason) => self.left_out.push(LeftOut {
                    entity_id: Said::new(
                        reader::attribute(element, "entityID").unwrap_or_default(),
                    )
                    .as_str()
                    .to_owned(),
                    line,
                    reason,
                }),
            }
            return;
        }
        let until = until.and_then(|outer| {
            let inner = reader::instant(element, "validUntil")?;
            not_past(inner, self.policy.now)?;
            Ok(earlier(outer, inner))
        });
        for child in element.children() {
            if is_entity(child) || is_group(child) {
                self.walk(child, until.clone());
            }
        }
    }

    fn entity(
        &mut self,
        element: Element<'_, '_>,
        until: Option<Moment>,
    ) -> Result<Entity, Refusal> {
        if element.descendants().nth(ENTITY_NODES).is_some() {
            return Err(Refusal::EntityTooLarge {
                limit: ENTITY_NODES,
            });
        }
        let own = reader::instant(element, "validUntil")?;
        not_past(own, self.policy.now)?;
        let text = reader::required(element, "entityID")?;
        let id = EntityId::parse(text).map_err(|_| Refusal::EntityIdInvalid {
            found: Said::new(text),
        })?;
        let entity = entity::read(element, id, earlier(until, own), self.policy)?;
        // Which of two wins must not depend on which breaks a rule: only good ones count.
        if self.seen.insert(entity.id.clone()) {
            Ok(entity)
        } else {
            Err(Refusal::EntityRepeated)
        }
    }
}

#[cfg(test)]
mod tests;
