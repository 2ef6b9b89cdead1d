//! Looking at a message or at metadata that somebody pasted: what it is, written out readably, and
//! every rule it obeys or breaks. For people who bring a service in: nothing is accepted here, nothing
//! is opened that is encrypted, and nothing that is read here is ever acted on.
//!
//! The rules are those that the house applies, in the same functions.

use std::sync::Arc;

use crate::metadata::{self, Entity, ReadPolicy};
use crate::preflight::{MESSAGE, preflight};
use crate::reader::{self, Element, SAMLP};
use crate::{EntityId, Moment, Refusal, Rules, signature};

mod message;
mod pretty;
mod response;
mod unwrap;

pub use unwrap::Wrapping;

use unwrap::Unwrapped;

/// Characters that are shown of a value.
const SHOWN: usize = 300;

/// What was pasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// `AuthnRequest`.
    AuthnRequest,
    /// `Response`.
    Response,
    /// `LogoutRequest`.
    LogoutRequest,
    /// `LogoutResponse`.
    LogoutResponse,
    /// `EntityDescriptor` or `EntitiesDescriptor`.
    Metadata,
    /// XML of some other kind.
    Other,
}

impl What {
    /// The name of its element.
    pub fn name(self) -> &'static str {
        match self {
            Self::AuthnRequest => "AuthnRequest",
            Self::Response => "Response",
            Self::LogoutRequest => "LogoutRequest",
            Self::LogoutResponse => "LogoutResponse",
            Self::Metadata => "EntityDescriptor",
            Self::Other => "XML",
        }
    }
}

/// What came of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is obeyed.
    Holds,
    /// It is broken.
    Fails(Refusal),
    /// It was obeyed in its time, which is over: most of what is pasted is some minutes old.
    Past(Refusal),
    /// It cannot be said from the message alone, or is no rule but worth knowing.
    Unknown,
}

impl Verdict {
    /// Every [`Verdict::word`].
    pub const WORDS: [&'static str; 4] = ["holds", "fails", "past", "unknown"];

    /// A word for it, for programs and for tables of words.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Fails(_) => "fails",
            Self::Past(_) => "past",
            Self::Unknown => "unknown",
        }
    }

    /// Why it does not hold.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Fails(refusal) | Self::Past(refusal) => Some(refusal),
            Self::Holds | Self::Unknown => None,
        }
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Short and stable, one of [`NAMES`]: tables of words keep what it says under it.
    pub name: &'static str,
    /// Where it is written.
    pub clause: &'static str,
    /// What came of it.
    pub verdict: Verdict,
    /// What was found, cut to what can be shown.
    pub found: Option<String>,
}

/// Every [`Check::name`].
pub const NAMES: [&str; 33] = [
    "xml",
    "version",
    "id",
    "issued",
    "fresh",
    "issuer",
    "known",
    "destination",
    "relay-state",
    "signature-shape",
    "signature-none",
    "signature-elsewhere",
    "signature",
    "algorithms",
    "request",
    "acs",
    "attributes",
    "answers",
    "unsolicited",
    "status",
    "assertion",
    "encrypted",
    "not-encrypted",
    "assertion-issuer",
    "assertion-issued",
    "subject",
    "bearer",
    "dates",
    "audience",
    "authn",
    "logout",
    "metadata",
    "entity",
];

/// What there is to say of something that was pasted.
#[derive(Debug)]
pub struct Examined {
    /// What it is.
    pub what: What,
    /// What it was wrapped in, outermost first.
    pub wrapped: Vec<Wrapping>,
    /// `RelayState` beside it.
    pub relay_state: Option<String>,
    /// The document, indented; for reading only: a signature does not survive it.
    pub pretty: String,
    /// Every rule that was looked at, in order.
    pub checks: Vec<Check>,
}

/// What is known beside the message.
pub struct Known<'a> {
    /// The metadata of an entity, when the federation has it.
    pub entity: &'a dyn Fn(&EntityId) -> Option<Arc<Entity>>,
    /// The moment.
    pub now: Moment,
    /// What the deployment decides.
    pub rules: &'a Rules,
    /// Whether `http://` on a loopback host is taken for an endpoint.
    pub loopback_http: bool,
}

/// Looks at what was pasted: a message in base64, deflated or not, percent-encoded or not; a whole
/// address, query or form that carries one; or XML. At most 256 kB.
///
/// # Errors
/// Where there is no document to look at: what cannot be unwrapped, or is not XML that SAML may be
/// written in.
pub fn examine(pasted: &str, known: &Known<'_>) -> Result<Examined, Refusal> {
    let unwrapped = unwrap::unwrap(pasted)?;
    let text = preflight(&unwrapped.bytes, &MESSAGE)?;
    let document = reader::parse(text, &MESSAGE)?;
    let root = document.root_element();
    let what = what(root);
    let mut checks = Checks::default();
    let size = format!("{} octets", text.len());
    checks.add("xml", "IIP-G03", Ok(()), Some(size));
    match what {
        What::Metadata => of_metadata(text, root, known, &mut checks),
        What::Other => {}
        _ => {
            let whole = Whole {
                text,
                root,
                unwrapped: &unwrapped,
                known,
            };
            message::check(&whole, what, &mut checks);
        }
    }
    Ok(Examined {
        what,
        pretty: pretty::print(text)?,
        checks: checks.0,
        wrapped: unwrapped.wrapped,
        relay_state: unwrapped.relay_state,
    })
}

/// A message with everything around it.
struct Whole<'a, 'i> {
    text: &'i str,
    root: Element<'a, 'i>,
    unwrapped: &'a Unwrapped,
    known: &'a Known<'a>,
}

/// The rules so far.
#[derive(Default)]
pub(crate) struct Checks(pub(crate) Vec<Check>);

impl Checks {
    /// A rule that is obeyed, or broken, with what was found.
    pub(crate) fn add(
        &mut self,
        name: &'static str,
        clause: &'static str,
        result: Result<(), Refusal>,
        found: Option<String>,
    ) {
        let (verdict, clause) = match result {
            Ok(()) => (Verdict::Holds, clause),
            Err(refusal) => (of_refusal(&refusal), refusal.clause()),
        };
        self.push(name, clause, verdict, found);
    }

    /// A rule whose result is what was found.
    fn found(
        &mut self,
        name: &'static str,
        clause: &'static str,
        result: Result<Option<String>, Refusal>,
    ) {
        match result {
            Ok(found) => self.add(name, clause, Ok(()), found),
            Err(refusal) => self.add(name, clause, Err(refusal), None),
        }
    }

    /// A rule of which nothing can be said.
    fn unknown(&mut self, name: &'static str, clause: &'static str, found: Option<String>) {
        self.push(name, clause, Verdict::Unknown, found);
    }

    fn push(
        &mut self,
        name: &'static str,
        clause: &'static str,
        verdict: Verdict,
        found: Option<String>,
    ) {
        self.0.push(Check {
            name,
            clause,
            verdict,
            found: found.map(|text| cut(&text)),
        });
    }
}

/// What is only too late is not what is wrong with a message.
fn of_refusal(refusal: &Refusal) -> Verdict {
    match refusal {
        Refusal::TooOld { .. }
        | Refusal::ConfirmationExpired { .. }
        | Refusal::Expired { .. }
        | Refusal::SessionEnded { .. }
        | Refusal::LogoutExpired { .. } => Verdict::Past(refusal.clone()),
        _ => Verdict::Fails(refusal.clone()),
    }
}

fn cut(text: &str) -> String {
    let mut chars = text.chars();
    let mut shown: String = chars.by_ref().take(SHOWN).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

fn what(root: Element<'_, '_>) -> What {
    const MD: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
    let kinds = [
        (SAMLP, "AuthnRequest", What::AuthnRequest),
        (SAMLP, "Response", What::Response),
        (SAMLP, "LogoutRequest", What::LogoutRequest),
        (SAMLP, "LogoutResponse", What::LogoutResponse),
        (MD, "EntityDescriptor", What::Metadata),
        (MD, "EntitiesDescriptor", What::Metadata),
    ];
    let mut kinds = kinds.into_iter();
    let found = kinds.find(|(namespace, name, _)| reader::is(root, namespace, name));
    found.map_or(What::Other, |(_, _, what)| what)
}

fn of_metadata(text: &str, root: Element<'_, '_>, known: &Known<'_>, checks: &mut Checks) {
    // A signature says who published it; whose key that may be, only its reader knows.
    match signature::find_on_root(root.document()) {
        Ok(Some(_)) => checks.unknown("signature-elsewhere", "IIP-MD03", None),
        Ok(None) => checks.unknown("signature-none", "IIP-MD03", None),
        Err(refusal) => checks.add("signature-shape", "IIP-MD03", Err(refusal), None),
    }
    let policy = ReadPolicy {
        pinned: &[],
        now: known.now,
        horizon_days: None,
        loopback_http: known.loopback_http,
    };
    let read = match metadata::read(text, &policy) {
        Err(refusal) => return checks.add("metadata", "SAML Metadata 2.3", Err(refusal), None),
        Ok(read) => read,
    };
    let until = read.valid_until.map(|at| at.to_rfc3339());
    checks.add("metadata", "SAML Metadata 2.3", Ok(()), until);
    for one in &read.entities {
        let id = one.id.to_string();
        checks.add("entity", "SAML Metadata 2.3.2", Ok(()), Some(id));
    }
    for one in read.left_out {
        let place = format!("{} ({})", one.entity_id, one.line);
        checks.add(
            "entity",
            "SAML Metadata 2.3.2",
            Err(one.reason),
            Some(place),
        );
    }
}

#[cfg(test)]
mod tests;
