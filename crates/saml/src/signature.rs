//! Signatures inside documents (XML Signature, SAML Core 5.4): where they may stand, the only shape
//! they may have, and their verification by xmlsec, which hands back the bytes that were signed.
//!
//! The shape is checked before xmlsec sees the document: references are dereferenced and transforms
//! run before any key is tried, whatever they are.

use roxmltree::Document;
use samael::crypto::{
    AllowedSignatureAlgorithm, CertificateDer, CryptoProvider, ReduceMode, XmlSec,
};

use crate::keys::{Algorithm, Digest};
use crate::preflight::Limits;
use crate::reader::{self, DS, Element};
use crate::{Refusal, VerifyingKey};

mod opened;
mod shape;

pub(crate) use opened::{Opened, open};

/// What xmlsec may meet: the same algorithms that the shape allows. All of them at once, because the
/// library takes from this list the digests, too, and a SHA-256 digest under an ECDSA signature with
/// SHA-384 is lawful (XML Signature 4.4.3.5 binds neither to the other).
const ALLOWED: [AllowedSignatureAlgorithm; 6] = [
    AllowedSignatureAlgorithm::RsaSha256,
    AllowedSignatureAlgorithm::RsaSha384,
    AllowedSignatureAlgorithm::RsaSha512,
    AllowedSignatureAlgorithm::EcdsaSha256,
    AllowedSignatureAlgorithm::EcdsaSha384,
    AllowedSignatureAlgorithm::EcdsaSha512,
];

/// One signature of a document: how, and over which element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    algorithm: Algorithm,
    digest: Digest,
    namespace: String,
    name: String,
    id: String,
}

impl Mark {
    /// Checks `signature`, a child of `parent`, and notes what it covers.
    fn of(parent: Element<'_, '_>, signature: Element<'_, '_>) -> Result<Self, Refusal> {
        let id = reader::required(parent, "ID")?;
        let name = parent.tag_name();
        let (algorithm, digest) = shape::check(signature, id)?;
        Ok(Self {
            algorithm,
            digest,
            namespace: name.namespace().unwrap_or_default().to_owned(),
            name: name.name().to_owned(),
            id: id.to_owned(),
        })
    }
}

impl Mark {
    fn used(&self) -> [&'static str; 2] {
        [self.algorithm.uri(), self.digest.uri()]
    }
}

/// The signatures of a document: on the message and on its assertion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seals {
    /// On the root.
    pub(crate) root: Option<Mark>,
    /// On the assertion.
    pub(crate) assertion: Option<Mark>,
}

impl Seals {
    /// Finds every signature of `document`. Each must be a direct child of the root or of
    /// `assertion`, alone there, and cover that element and nothing else.
    pub(crate) fn find(
        document: &Document<'_>,
        assertion: Option<Element<'_, '_>>,
    ) -> Result<Self, Refusal> {
        reader::refuse_cut_values(document)?;
        reader::refuse_shared_ids(document)?;
        let root = document.root_element();
        let mut seals = Self::default();
        let is_signature = |node: &Element<'_, '_>| reader::is(*node, DS, "Signature");
        for signature in document.descendants().filter(is_signature) {
            let parent = signature.parent_element();
            let (parent, seal) = match parent {
                Some(parent) if parent == root => (parent, &mut seals.root),
                Some(parent) if Some(parent) == assertion => (parent, &mut seals.assertion),
                _ => return Err(Refusal::SignatureMisplaced),
            };
            if seal.replace(Mark::of(parent, signature)?).is_some() {
                return Err(Refusal::SignatureRepeated);
            }
        }
        Ok(seals)
    }

    /// Whether nothing is signed.
    pub(crate) fn are_none(&self) -> bool {
        *self == Self::default()
    }

    /// The algorithms they rest on.
    pub(crate) fn used(&self) -> Vec<&'static str> {
        let marks = self.root.iter().chain(&self.assertion);
        marks.flat_map(Mark::used).collect()
    }

    fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.root
            .iter()
            .chain(&self.assertion)
            .map(|mark| mark.algorithm)
    }
}

/// The bytes a signature covers: the canonical form of one element, without comments. Nothing reads
/// them but through [`Signed::document`].
#[derive(Debug)]
pub(crate) struct Signed {
    text: String,
    mark: Mark,
    key: String,
    used: Vec<&'static str>,
}

impl Signed {
    /// The tree of the signed bytes, whose root is the element that was to be signed.
    pub(crate) fn document(&self, limits: &Limits) -> Result<Document<'_>, Refusal> {
        let document = reader::parse(&self.text, limits)?;
        let root = document.root_element();
        let is_marked = reader::is(root, &self.mark.namespace, &self.mark.name)
            && reader::attribute(root, "ID") == Some(&self.mark.id);
        if is_marked {
            Ok(document)
        } else {
            Err(Refusal::NotWhatWasSigned)
        }
    }

    /// The fingerprint of the key that verified it.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The algorithms it rests on.
    pub(crate) fn used(&self) -> Vec<&'static str> {
        self.used.clone()
    }
}

/// Verifies every signature of `text`, whose `seals` were found before, with one of `keys`: the
/// same key for all of them. What comes back is the signed element, the outer one where two are
/// signed.
///
/// Keys are tried one at a time: the library gives up on the whole list at the first key of another
/// kind (IIP-MD07).
pub(crate) fn verify(text: &str, seals: &Seals, keys: &[VerifyingKey]) -> Result<Signed, Refusal> {
    let mark = seals.root.as_ref().or(seals.assertion.as_ref());
    let mark = mark.ok_or(Refusal::Unsigned)?;
    let fits = |key: &&VerifyingKey| seals.algorithms().all(|algorithm| key.fits(algorithm));
    let mut fitting = keys.iter().filter(fits).peekable();
    if fitting.peek().is_none() {
        return Err(Refusal::NoKey);
    }
    for key in fitting {
        let certificate = CertificateDer::from(key.certificate_der().to_vec());
        let verified = XmlSec::reduce_xml_to_signed_with_allowed_algorithms(
            text,
            &[certificate],
            ReduceMode::PreDigest,
            Some(&ALLOWED),
        );
        if let Ok(text) = verified {
            // An empty canonical form is signed by whoever signed nothing.
            if text.is_empty() {
                return Err(Refusal::NotWhatWasSigned);
            }
            return Ok(Signed {
                text,
                mark: mark.clone(),
                key: key.fingerprint().to_owned(),
                used: seals.used(),
            });
        }
    }
    Err(Refusal::SignatureInvalid)
}

/// The signature of a document's root, whatever is signed deeper inside it.
#[derive(Debug)]
pub(crate) struct RootMark {
    mark: Mark,
    is_alone: bool,
}

/// A document whose root's signature was verified.
#[derive(Debug)]
pub(crate) enum Root {
    /// No other signature is in it: the signed bytes.
    Alone(Signed),
    /// Parts of it are signed, too, by others: the document is as it was.
    AmongOthers {
        /// The fingerprint of the key that verified the root.
        key: String,
        /// The algorithms that rests on.
        used: Vec<&'static str>,
    },
}

/// Finds the signature of the root of `document`; it must come before any other.
pub(crate) fn find_on_root(document: &Document<'_>) -> Result<Option<RootMark>, Refusal> {
    let root = document.root_element();
    let mut signatures = document
        .descendants()
        .filter(|node| reader::is(*node, DS, "Signature"));
    let Some(first) = signatures.next() else {
        return Ok(None);
    };
    if reader::children(root, DS, "Signature").next() != Some(first) {
        // Those of the entities say nothing about the whole.
        return Ok(None);
    }
    if reader::children(root, DS, "Signature").nth(1).is_some() {
        return Err(Refusal::SignatureRepeated);
    }
    reader::refuse_other_with_id(document, reader::required(root, "ID")?)?;
    Ok(Some(RootMark {
        mark: Mark::of(root, first)?,
        is_alone: signatures.next().is_none(),
    }))
}

/// Verifies the signature of the root of `text` with one of `keys`.
///
/// The library verifies every signature it finds when it is asked for the signed bytes. Where others
/// signed parts of the document, with keys that are none of ours, it is asked about the first
/// signature only, which is the root's: by its shape, it covers everything but itself and comments,
/// so the document as it is may be read.
pub(crate) fn verify_root(
    text: &str,
    found: RootMark,
    keys: &[VerifyingKey],
) -> Result<Root, Refusal> {
    let algorithm = found.mark.algorithm;
    let used = found.mark.used().to_vec();
    if found.is_alone {
        let seals = Seals {
            root: Some(found.mark),
            assertion: None,
        };
        return verify(text, &seals, keys).map(Root::Alone);
    }
    let mut fitting = keys.iter().filter(|key| key.fits(algorithm)).peekable();
    if fitting.peek().is_none() {
        return Err(Refusal::NoKey);
    }
    fitting
        .find(|key| {
            let certificate = CertificateDer::from(key.certificate_der().to_vec());
            XmlSec::verify_signed_xml(text, &certificate, Some("ID")).is_ok()
        })
        .map(|key| Root::AmongOthers {
            key: key.fingerprint().to_owned(),
            used,
        })
        .ok_or(Refusal::SignatureInvalid)
}
