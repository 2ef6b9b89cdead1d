//! What is shown and searched of an entity, and whether it breaks a rule, from its tags as they
//! stream by. Keys are counted, not decoded.

mod role;
mod tag;

use std::hash::{DefaultHasher, Hasher};

use crate::c14n::{Namespace, Resolved, value_of_text};
use crate::metadata::listing::Alike;
use crate::metadata::read::{ENTITY_NODES, earlier, not_past};
use crate::metadata::{Listing, Localized, Logo, ReadPolicy, Ui};
use crate::reader::{SAMLP, XML_SPACE, instant_of};
use crate::refusal::Said;
use crate::{EntityId, Moment, Refusal};

use role::{Role, in_role, is_scope};
use tag::{Tag, tag};

/// Bytes of one text that is kept: a logo written into the metadata is not.
const LONGEST: usize = 64 * 1024;

/// A text that is being read.
#[derive(Debug)]
struct Capture {
    depth: usize,
    text: String,
    lang: String,
    size: Option<(u32, u32)>,
    is_spoilt: bool,
}

/// An entity that streams by.
pub(super) struct Light<'p> {
    policy: &'p ReadPolicy<'p>,
    name: String,
    until: Option<Moment>,
    own_until: Option<Moment>,
    fault: Option<Refusal>,
    path: Vec<Tag>,
    nodes: usize,
    in_text: bool,
    capture: Option<Capture>,
    idp: Option<Role>,
    sp: Option<Role>,
    scopes: Vec<String>,
    attributes: Vec<(String, Vec<String>)>,
    registrar: Option<String>,
    is_registered: bool,
    organization: Option<(Vec<Localized>, Vec<Localized>)>,
    /// Of the certificates, as they are written.
    keys: DefaultHasher,
}

impl<'p> Light<'p> {
    /// An entity that begins; what is above it says `until`.
    pub(super) fn of(
        element: &Resolved<'_>,
        until: Option<Moment>,
        policy: &'p ReadPolicy<'p>,
    ) -> Self {
        let mut light = Self {
            policy,
            name: element.attribute("entityID").unwrap_or_default().to_owned(),
            until,
            own_until: None,
            fault: None,
            path: Vec::new(),
            nodes: 1,
            in_text: false,
            capture: None,
            idp: None,
            sp: None,
            scopes: Vec::new(),
            attributes: Vec::new(),
            registrar: None,
            is_registered: false,
            organization: None,
            keys: DefaultHasher::new(),
        };
        let own = moment(element);
        let own = own.and_then(|own| not_past(own, policy.now).map(|()| own));
        match own {
            Ok(own) => light.own_until = own,
            Err(fault) => light.blame(fault),
        }
        if element.attribute("entityID").is_none() {
            light.blame(Refusal::Missing { what: "entityID" });
        }
        light
    }

    /// The name it gives itself.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The same as long as its certificates are written alike, and in the same order.
    pub(super) fn keys(&self) -> u64 {
        self.keys.finish()
    }

    /// What is above it says.
    pub(super) fn until(&self) -> Option<Moment> {
        self.until
    }

    /// The first fault is the one that is told.
    fn blame(&mut self, fault: Refusal) {
        self.fault.get_or_insert(fault);
    }

    fn node(&mut self) {
        self.nodes += 1;
        if self.nodes > ENTITY_NODES {
            self.fault = Some(Refusal::EntityTooLarge {
                limit: ENTITY_NODES,
            });
        }
    }

    /// An element inside opens.
    pub(super) fn start(&mut self, element: &Resolved<'_>) {
        self.in_text = false;
        self.node();
        if let Some(capture) = &mut self.capture {
            capture.is_spoilt = true;
        }
        let tag = match self.path.as_slice() {
            [] => self.child(element),
            [of, Tag::Extensions] => self.extension(*of, tag(element)),
            _ => tag(element),
        };
        self.path.push(tag);
        if let Err(fault) = self.enter(element) {
            self.blame(fault);
        }
    }

    /// A child of the entity: of each kind of role, the first that speaks SAML 2.0 and is not past.
    fn child(&mut self, element: &Resolved<'_>) -> Tag {
        let tag = tag(element);
        let role = match tag {
            Tag::Idp => &mut self.idp,
            Tag::Sp => &mut self.sp,
            Tag::Organization if self.organization.is_some() => return Tag::Other,
            _ => return tag,
        };
        if role.is_some() {
            return Tag::Other;
        }
        let protocols = element.attribute("protocolSupportEnumeration");
        let mut protocols = protocols.unwrap_or_default().split(XML_SPACE);
        let speaks = protocols.any(|protocol| protocol == SAMLP);
        match moment(element) {
            Ok(ends) if speaks && ends.is_none_or(|ends| ends > self.policy.now) => {
                *role = Some(Role::default());
                tag
            }
            Ok(_) => Tag::Other,
            Err(fault) => {
                self.blame(fault);
                Tag::Other
            }
        }
    }

    /// An extension of a role: of what it shows and where its people are, the first counts.
    fn extension(&mut self, of: Tag, tag: Tag) -> Tag {
        let role = self.role(of);
        let is_second = role.is_some_and(|role| match tag {
            Tag::UiInfo => role.ui.is_some(),
            Tag::Hints => role.hints.is_some(),
            _ => false,
        });
        if is_second { Tag::Other } else { tag }
    }

    /// What an element says by being there, with its attributes.
    fn enter(&mut self, element: &Resolved<'_>) -> Result<(), Refusal> {
        let loopback = self.policy.loopback_http;
        match self.path.as_slice() {
            [Tag::Extensions, Tag::Registration] => {
                let authority = element.attribute("registrationAuthority");
                if !std::mem::replace(&mut self.is_registered, true) {
                    self.registrar = authority.map(str::to_owned);
                }
            }
            [Tag::Extensions, Tag::Attributes, Tag::Attribute] => {
                let name = element.attribute("Name");
                let name = name.ok_or(Refusal::Missing { what: "Name" })?;
                self.attributes.push((name.to_owned(), Vec::new()));
            }
            [Tag::Organization] if self.organization.is_none() => {
                self.organization = Some((Vec::new(), Vec::new()));
            }
            [of @ (Tag::Idp | Tag::Sp), rest @ ..] => {
                let of = *of;
                let found = in_role(rest, element, (of, loopback))?;
                if let Some(role) = self.role(of) {
                    found.add_to(role);
                }
            }
            _ => {}
        }
        if self.is_told() && self.capture.is_none() {
            self.capture = Some(Capture::of(element, self.path.len()));
        }
        Ok(())
    }

    fn role(&mut self, of: Tag) -> Option<&mut Role> {
        match of {
            Tag::Idp => self.idp.as_mut(),
            Tag::Sp => self.sp.as_mut(),
            _ => None,
        }
    }

    /// Whether the text of the element at hand is kept.
    fn is_told(&self) -> bool {
        matches!(
            self.path.as_slice(),
            [Tag::Extensions, Tag::Attributes, Tag::Attribute, Tag::Value]
                | [Tag::Extensions, Tag::Scope]
                | [Tag::Idp, Tag::Extensions, Tag::Scope]
                | [
                    Tag::Idp | Tag::Sp,
                    Tag::Extensions,
                    Tag::UiInfo,
                    Tag::DisplayName | Tag::Keywords | Tag::Logo
                ]
                | [
                    Tag::Idp,
                    Tag::Extensions,
                    Tag::Hints,
                    Tag::IpHint | Tag::DomainHint | Tag::PlaceHint
                ]
                | [
                    Tag::Organization,
                    Tag::OrganizationName | Tag::OrganizationDisplayName
                ]
        )
    }

    /// A text inside.
    pub(super) fn text(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.counted();
        if self.path.last() == Some(&Tag::Certificate) {
            let written = bytes.iter().filter(|byte| !byte.is_ascii_whitespace());
            written.for_each(|byte| self.keys.write_u8(*byte));
        }
        match &mut self.capture {
            Some(capture) if capture.text.len() + bytes.len() <= LONGEST => {
                value_of_text(&mut capture.text, bytes)
            }
            Some(capture) => {
                // A logo written out: what it is, is told; the rest is read when it is wanted.
                if capture.text.is_empty() {
                    value_of_text(&mut capture.text, bytes.get(..32).unwrap_or_default())?;
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// A reference inside.
    pub(super) fn character(&mut self, c: char) {
        self.counted();
        if let Some(capture) = &mut self.capture {
            capture.text.push(c);
        }
    }

    fn counted(&mut self) {
        if !self.in_text {
            self.in_text = true;
            self.node();
        }
    }

    /// A comment inside.
    pub(super) fn comment(&mut self) {
        self.in_text = false;
        self.node();
        if let Some(capture) = &mut self.capture {
            capture.is_spoilt = true;
        }
    }

    /// The element at hand is over.
    pub(super) fn end(&mut self) {
        self.in_text = false;
        let is_captured = |capture: &Capture| capture.depth == self.path.len();
        if self.capture.as_ref().is_some_and(is_captured)
            && let Some(capture) = self.capture.take()
            && !capture.is_spoilt
        {
            self.told(capture);
        }
        self.path.pop();
    }

    /// A whole text was read.
    fn told(&mut self, capture: Capture) {
        let text = capture.text.trim_matches(XML_SPACE).to_owned();
        let localized = Localized {
            lang: capture.lang,
            text: text.clone(),
        };
        let tag = self.path.last().copied().unwrap_or(Tag::Other);
        match self.path.as_slice() {
            [.., Tag::Value] => {
                if let Some((_, values)) = self.attributes.last_mut() {
                    values.push(text);
                }
            }
            _ if text.is_empty() => {}
            [Tag::Organization, ..] => {
                if let Some((shown, legal)) = &mut self.organization {
                    let names = if tag == Tag::OrganizationDisplayName {
                        shown
                    } else {
                        legal
                    };
                    names.push(localized);
                }
            }
            [Tag::Extensions, Tag::Scope] if is_scope(&text) => self.scopes.push(text),
            [of @ (Tag::Idp | Tag::Sp), ..] => {
                let of = *of;
                if let Some(role) = self.role(of) {
                    role.told(tag, localized, capture.size);
                }
            }
            _ => {}
        }
    }

    /// What is known of it now that it is over, and until when it is valid.
    pub(super) fn finish(self, alike: &mut Alike) -> Result<(Listing, Option<Moment>), Refusal> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let id = EntityId::parse(&self.name).map_err(|_| Refusal::EntityIdInvalid {
            found: Said::new(&self.name),
        })?;
        if self.idp.is_none() && self.sp.is_none() {
            return Err(Refusal::RoleMissing);
        }
        if let Some(idp) = &self.idp {
            if !idp.has_key {
                return Err(Refusal::SigningKeyMissing);
            }
            if idp.endpoints == 0 {
                return Err(Refusal::SignOnMissing);
            }
        }
        if self.sp.as_ref().is_some_and(|sp| sp.endpoints == 0) {
            return Err(Refusal::ConsumerMissing);
        }
        let valid_until = earlier(self.until, self.own_until);
        Ok((self.listing(id, alike), valid_until))
    }

    fn listing(self, id: EntityId, alike: &mut Alike) -> Listing {
        let (idp, sp) = (self.idp, self.sp);
        let (is_provider, is_service) = (idp.is_some(), sp.is_some());
        let Role {
            ui, hints, scopes, ..
        } = idp.unwrap_or_default();
        let ui = ui.or_else(|| sp.and_then(|sp| sp.ui)).unwrap_or_default();
        let names = if ui.display_names.is_empty() {
            let name = organization(self.organization);
            alike.wordings(name.as_slice())
        } else {
            alike.wordings(&ui.display_names)
        };
        let is_inline = |logo: &Logo| logo.url.starts_with("data:");
        let has_inline_logo = ui.logos.iter().any(is_inline);
        let mut logos = ui.logos;
        logos.retain(|logo| !is_inline(logo));
        let own = if is_provider { self.scopes } else { Vec::new() };
        Listing {
            id,
            is_provider,
            is_service,
            names,
            keywords: alike.wordings(&ui.keywords),
            logos: logos.into(),
            has_inline_logo,
            scopes: scopes.into_iter().chain(own).map(Into::into).collect(),
            hints: hints.unwrap_or_default(),
            attributes: alike.attributes(&self.attributes),
            registrar: self.registrar.map(|by| alike.one(&by)),
        }
    }
}

/// The name for people, else the legal one; in French, else in English, else the first.
fn organization(names: Option<(Vec<Localized>, Vec<Localized>)>) -> Option<Localized> {
    let (shown, legal) = names?;
    [shown, legal].into_iter().find_map(|display_names| {
        let ui = Ui {
            display_names,
            ..Ui::default()
        };
        let text = ui.display_name("fr")?.to_owned();
        Some(Localized {
            lang: String::new(),
            text,
        })
    })
}

impl Capture {
    fn of(element: &Resolved<'_>, depth: usize) -> Self {
        let mut languages = element.attributes.iter().filter(|one| one.is_lang());
        let pixels = |name| {
            let text = element.attribute(name)?.trim_matches(XML_SPACE);
            text.parse::<u16>().ok().map(u32::from)
        };
        // A scope that is a pattern is never used (SDP-IDP14).
        let regexp = element
            .attribute("regexp")
            .map(|text| text.trim_matches(XML_SPACE));
        let is_scope = element.namespace == Namespace::Shibmd;
        Self {
            depth,
            text: String::new(),
            lang: languages
                .next()
                .map_or(String::new(), |one| one.value.clone().into_owned()),
            size: pixels("width").zip(pixels("height")),
            is_spoilt: is_scope && !matches!(regexp, None | Some("false" | "0")),
        }
    }
}

fn moment(element: &Resolved<'_>) -> Result<Option<Moment>, Refusal> {
    let text = element.attribute("validUntil");
    text.map(|text| instant_of("validUntil", text)).transpose()
}
