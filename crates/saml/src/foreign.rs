//! Every reader of what strangers send, fed with any bytes at all: what fuzzing calls (`fuzz/`).
//!
//! Each function takes bytes, never fails, and never minds what is in them; whatever they are, nothing
//! may panic, and what the rules forbid may not come out (those are the assertions). Where the door
//! that a stranger comes through wraps its message (base64, DEFLATE, a signature over the query), the
//! wrapping is put on here, so that changed bytes reach the reader and not the wrapping alone.

use std::io::Write;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

use crate::artifact::{Artifact, ArtifactResolve, ArtifactResponse, ResolvedExpected};
use crate::encryption::DecryptionKey;
use crate::keys::generate;
use crate::logout::{LogoutRequest, LogoutResponse, Notice};
use crate::message::Incoming;
use crate::metadata::{Listing, ReadPolicy};
use crate::request::RequestExpected;
use crate::response::{Response, ResponseExpected};
use crate::{
    AuthnRequest, EntityId, KeyKind, MessageId, Moment, Received, Signing, SigningKey, Verified,
    VerifyingKey, ecp, encoding, metadata, response,
};

/// The certificate that the seeds of `fuzz/seeds` are signed with; nobody has its key any more.
const SEEDS: &str = include_str!("foreign/seeds.pem");
/// What the seeds say, and where they were sent.
const IDP: &str = "https://idp.example/idp";
const SP: &str = "https://sp.example/sp";
const ACS: &str = "https://sp.example/sp/saml/acs";
const PERSON: &str = "amartin";

/// What a reader of foreign bytes knows besides them: made once.
struct Known {
    now: Moment,
    idp: EntityId,
    sp: EntityId,
    asked: MessageId,
    resolved: MessageId,
    /// The signer of the seeds.
    seeds: Vec<VerifyingKey>,
    /// A key of our own, new in each process: what it signs is as good as a stranger's own.
    stranger: SigningKey,
    own: Vec<DecryptionKey>,
}

static KNOWN: LazyLock<Option<Known>> = LazyLock::new(Known::new);

impl Known {
    fn new() -> Option<Self> {
        // The day the seeds were made.
        let now = Moment::from_timestamp(1_795_435_200, 0)?;
        let pair = |kind| {
            let pair = generate(kind, "foreign", [1; 16], now, 30).ok()?;
            SigningKey::from_pem(&pair.key_pem, &pair.cert_pem).ok()
        };
        Some(Self {
            now,
            idp: EntityId::parse(IDP).ok()?,
            sp: EntityId::parse(SP).ok()?,
            asked: MessageId::parse("_request")?,
            resolved: MessageId::parse("_resolve")?,
            seeds: vec![VerifyingKey::from_pem(SEEDS).ok()?],
            stranger: pair(KeyKind::P256)?,
            own: vec![DecryptionKey::of(&pair(KeyKind::Rsa2048)?).ok()?],
        })
    }
}

/// Whether there is what the readers are fed beside: false would make every function here say nothing.
pub fn is_ready() -> bool {
    KNOWN.is_some()
}

/// A query as it came to the endpoint of sign-on or logout.
pub fn query(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(received) = Received::<AuthnRequest>::from_query(&text) {
        asked(received);
    }
    Notice::from_query(&text).ok();
}

/// A field of a form, before its base64 is undone; and a stream of DEFLATE, which never becomes more
/// than its cap.
pub fn wrapped(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    Received::<AuthnRequest>::from_form(&text, Some(&text)).ok();
    Received::<Response>::from_form(&text).ok();
    Received::<LogoutResponse>::by_post(&text, None).ok();
    if let Ok(inflated) = encoding::inflate(bytes) {
        assert!(inflated.len() <= encoding::INFLATED, "more than the cap");
    }
}

/// The document of an authentication request, by form and by query, signed by nobody; and by query
/// signed by a stranger whose key is known.
pub fn request(bytes: &[u8]) {
    if let Ok(received) = Received::<AuthnRequest>::from_form(&STANDARD.encode(bytes), None) {
        asked(received);
    }
    if let Ok(received) = Received::<AuthnRequest>::from_query(&signed_query("SAMLRequest", bytes))
    {
        asked(received);
    }
}

fn asked(received: Received<AuthnRequest>) {
    let Some(known) = &*KNOWN else { return };
    let keys = [known.stranger.verifying()];
    let issuer = received.issuer().clone();
    let Ok(verified) = received.verify(Signing::Optional(&keys)) else {
        return;
    };
    assert_eq!(verified.message().issuer, issuer, "two issuers");
    let expected = RequestExpected {
        destination: "https://idp.example/idp/sso",
        now: known.now,
    };
    verified.accept(&expected).ok();
}

/// The document of an answer. What a trusted key signed says one thing only, so whatever is accepted
/// must say just that; what a stranger says under a verified message is read, and believed only as far
/// as the rules go.
pub fn answer(bytes: &[u8]) {
    let Some(known) = &*KNOWN else { return };
    if let Ok(received) = Received::<Response>::from_form(&STANDARD.encode(bytes))
        && let Ok(verified) = received.verify_and_open(&known.seeds, &known.own)
        && let Ok(accepted) = verified.accept(&expected(known))
    {
        let login = accepted.into_message();
        assert_eq!(login.value("uid"), Some(PERSON), "another person");
        assert_eq!(login.issuer.as_str(), IDP, "another provider");
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    // As a part of what was verified: the way to the reader that needs no signature in it.
    if crate::preflight::preflight(bytes, &crate::preflight::MESSAGE).is_ok()
        && let Ok(verified) =
            response::read::carried(text, (String::new(), Vec::new()), &known.seeds, &known.own)
    {
        verified.accept(&expected(known)).ok();
    }
}

fn expected(known: &Known) -> ResponseExpected<'_> {
    ResponseExpected {
        issuer: &known.idp,
        audience: &known.sp,
        acs: ACS,
        in_response_to: Some(&known.asked),
        now: known.now,
    }
}

/// The documents of logout, verified: by query, signed by a stranger whose key is known.
pub fn logout(bytes: &[u8]) {
    by_signed_query::<LogoutRequest>("SAMLRequest", bytes);
    by_signed_query::<LogoutResponse>("SAMLResponse", bytes);
}

fn by_signed_query<T: Incoming>(parameter: &str, bytes: &[u8]) -> Option<Verified<T>> {
    let known = KNOWN.as_ref()?;
    let received = Received::<T>::by_redirect(&signed_query(parameter, bytes)).ok()?;
    let keys = [known.stranger.verifying()];
    received.verify_and_open(&keys, &known.own).ok()
}

/// A SOAP envelope, at every endpoint that takes one; what a resolved artifact carries is read, too.
pub fn soap(bytes: &[u8]) {
    let Some(known) = &*KNOWN else { return };
    let forged = [known.stranger.verifying()];
    if let Ok(received) = Received::<LogoutRequest>::by_soap(bytes) {
        assert!(
            received.verify(&forged).is_err(),
            "a signature out of nothing"
        );
    }
    if let Ok(received) = Received::<LogoutResponse>::by_soap(bytes) {
        assert!(
            received.verify(&forged).is_err(),
            "a signature out of nothing"
        );
    }
    if let Ok(received) = Received::<ArtifactResolve>::by_soap(bytes) {
        assert!(
            received.verify(&forged).is_err(),
            "a signature out of nothing"
        );
    }
    if let Ok((received, beside)) = Received::<AuthnRequest>::by_client(bytes)
        && let Ok(verified) = received.verify(Signing::Optional(&forged))
    {
        assert!(verified.key().is_none(), "a signature out of nothing");
        ecp::bound(verified.message(), false, &beside).ok();
    }
    let Ok(received) = Received::<ArtifactResponse>::by_soap(bytes) else {
        return;
    };
    let expected = ResolvedExpected {
        issuer: &known.idp,
        in_response_to: &known.resolved,
        now: known.now,
    };
    if let Ok(verified) = received.verify(Signing::Optional(&known.seeds))
        && let Ok(accepted) = verified.accept(&expected)
        && let Ok(carried) = accepted.into_response()
    {
        carried.verify_and_open(&known.seeds, &known.own).ok();
    }
}

/// An artifact: one that is read is written the same.
pub fn artifact(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(artifact) = Artifact::parse(&text) {
        let again = Artifact::parse(&artifact.encode());
        assert_eq!(
            again.map(|again| again.handle().to_owned()).ok(),
            Some(artifact.handle().to_owned())
        );
    }
}

/// A document of metadata, vouched for by its place, and signed by a pinned key.
pub fn metadata(bytes: &[u8]) {
    let Some(known) = &*KNOWN else { return };
    let text = String::from_utf8_lossy(bytes);
    let policy = |pinned| ReadPolicy {
        pinned,
        now: known.now,
        horizon_days: Some(60),
        loopback_http: false,
    };
    if let Ok(document) = metadata::read(&text, &policy(&known.seeds)) {
        for entity in &document.entities {
            assert!(entity.id.as_str().ends_with(".example/sp"), "{}", entity.id);
        }
    }
    let Ok(document) = metadata::read(&text, &policy(&[])) else {
        return;
    };
    for entity in &document.entities {
        drop(Listing::of(entity));
        let acs = entity.sp.iter().flat_map(|role| &role.acs);
        for endpoint in acs {
            assert!(
                endpoint.location.starts_with("https://"),
                "{}",
                endpoint.location
            );
        }
    }
}

/// A certificate out of metadata, and PEM out of a file: keys that are read can be used.
pub fn certificate(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let der = STANDARD.encode(bytes);
    let keys = [
        VerifyingKey::from_certificate(&text),
        VerifyingKey::from_certificate(&der),
        VerifyingKey::from_pem(&text),
    ];
    for key in keys.into_iter().flatten() {
        let signed = key.verifies(crate::keys::Algorithm::RsaSha256, b"", bytes);
        assert!(!signed, "a signature out of nothing");
        let year = key.not_after().map(|at| at.to_rfc3339());
        assert!(year.is_none_or(|year| !year.is_empty()));
    }
    let _none = SigningKey::from_pem(&text, &text).is_ok();
}

/// The query that carries `bytes` under a good signature.
fn signed_query(parameter: &str, bytes: &[u8]) -> String {
    let escape = |bytes: &[u8]| percent_encode(bytes, NON_ALPHANUMERIC).to_string();
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory never fails.
    encoder.write_all(bytes).ok();
    let deflated = encoder.finish().unwrap_or_default();
    let message = escape(STANDARD.encode(deflated).as_bytes());
    let Some(known) = &*KNOWN else {
        return format!("{parameter}={message}");
    };
    let algorithm = escape(known.stranger.algorithm().uri().as_bytes());
    let octets = format!("{parameter}={message}&SigAlg={algorithm}");
    let signature = known.stranger.sign(octets.as_bytes()).unwrap_or_default();
    let signature = escape(STANDARD.encode(signature).as_bytes());
    format!("{octets}&Signature={signature}")
}
