//! Verifying what others send: a signed request by POST and a signed answer, each by our code and by `xmlsec1`
//! on the same document. Ours is everything from the form's field to the message that was signed; the witness
//! reads, digests and verifies in one process, again and again, less what one that verifies once costs.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use saml::attribute::{self, Wire};
use saml::keys::KeyPair;
use saml::response::{Attribute, NameId, Response, ResponsePlan, SignWhat};
use saml::{
    AuthnRequest, EntityId, KeyKind, MessageId, Moment, NameIdFormat, Received, Signing,
    SigningKey, VerifyingKey, post,
};
use tempfile::TempDir;
use web::Edge;

use super::scale::spent_by;
use super::{Row, bare, micros};
use crate::commands::Refusal;

/// Verifications by the witness: the kernel counts a child's time by 10 ms.
const WITNESSED: u32 = 3000;
const SERVICE: &str = "https://plain.example/sp";
const PROVIDER: &str = "https://idp.example/idp";
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// What an answer of some kilobytes says.
const SAID: [Wire; 7] = [
    attribute::DISPLAY_NAME,
    attribute::MAIL,
    attribute::SN,
    attribute::GIVEN_NAME,
    attribute::UID,
    attribute::PRINCIPAL_NAME,
    attribute::AFFILIATION,
];

/// A row for each message, signed with keys of this kind.
pub(super) fn rows(kind: KeyKind, named: &str) -> Result<Vec<Row>, Refusal> {
    let sender = Sender::new(kind)?;
    let request = sender.request()?;
    let answer = sender.answer()?;
    let keys = [sender.verifying.clone()];
    let field = post::encode(&request);
    let ours = bare::each(1000, || {
        let received = Received::<AuthnRequest>::from_form(&field, None);
        let verified = received.and_then(|one| one.verify(Signing::Required(&keys)));
        verified.map_err(refused)
    })?;
    let what = format!("a signed request by POST verified, {named}, CPU");
    let mut rows = vec![sender.beside(what, ours, (&request, "AuthnRequest"))?];
    let field = post::encode(&answer);
    let ours = bare::each(1000, || {
        let received = Received::<Response>::from_form(&field);
        received.and_then(|one| one.verify(&keys)).map_err(refused)
    })?;
    let kilobytes = answer.len() / 1000;
    let what = format!("a signed answer ({kilobytes} kB) verified, {named}, CPU");
    rows.push(sender.beside(what, ours, (&answer, "Response"))?);
    Ok(rows)
}

/// Who sends both, and where the witness reads them.
struct Sender {
    folder: TempDir,
    pair: KeyPair,
    signing: SigningKey,
    verifying: VerifyingKey,
    now: Moment,
}

impl Sender {
    fn new(kind: KeyKind) -> Result<Self, Refusal> {
        let now = Edge::system_clock()();
        let pair = saml::keys::generate(kind, "bench", [7; 16], now, 30);
        let pair = pair.map_err(|why| Refusal::of(why.to_string()))?;
        let signing = SigningKey::from_pem(&pair.key_pem, &pair.cert_pem);
        let verifying = VerifyingKey::from_pem(&pair.cert_pem);
        Ok(Self {
            folder: TempDir::new().map_err(failed)?,
            signing: signing.map_err(|why| Refusal::of(why.to_string()))?,
            verifying: verifying.map_err(|why| Refusal::of(why.to_string()))?,
            pair,
            now,
        })
    }

    fn request(&self) -> Result<String, Refusal> {
        let id = MessageId::from_random([1; 20]);
        let request = AuthnRequest {
            destination: Some(format!("{PROVIDER}/sso/post")),
            acs: saml::request::AcsChoice::Url(format!("{SERVICE}/acs")),
            ..AuthnRequest::new(id, self.now, entity(SERVICE)?)
        };
        post::compose(&request, &self.signing).map_err(refused)
    }

    fn answer(&self) -> Result<String, Refusal> {
        let attributes = SAID.map(|wire| Attribute {
            name: wire.name.to_owned(),
            name_format: wire.format.to_owned(),
            friendly_name: Some(wire.short.to_owned()),
            values: vec!["a.value.as.long.as.most@academie.example".to_owned()],
        });
        let name_id = NameId {
            value: "k4w6n2f7q5r3t8y2u6i4o9p1a3s5d7f9".to_owned(),
            format: NameIdFormat::Persistent,
            name_qualifier: Some(PROVIDER.to_owned()),
            sp_name_qualifier: Some(SERVICE.to_owned()),
        };
        let plan = ResponsePlan {
            response_id: &MessageId::from_random([2; 20]),
            assertion_id: &MessageId::from_random([3; 20]),
            in_response_to: Some(&MessageId::from_random([1; 20])),
            issuer: &entity(PROVIDER)?,
            audience: &entity(SERVICE)?,
            acs: &format!("{SERVICE}/acs"),
            now: self.now,
            lifetime_s: 300,
            name_id: Some(&name_id),
            authn_instant: self.now,
            authn_context: saml::names::PASSWORD,
            session_index: "_index",
            session_ends: None,
            attributes: &attributes,
            // The witness verifies one signature of a document.
            sign: SignWhat::Response,
        };
        saml::response::compose(&plan, &self.signing).map_err(refused)
    }

    /// The row of what took us so long, beside the witness on the same document.
    fn beside(
        &self,
        what: String,
        ours: Duration,
        (xml, root): (&str, &str),
    ) -> Result<Row, Refusal> {
        let certificate = self.folder.path().join("sender.crt");
        let message = self.folder.path().join("message.xml");
        std::fs::write(&certificate, &self.pair.cert_pem).map_err(failed)?;
        std::fs::write(&message, xml).map_err(failed)?;
        let spent = |times: u32| spent_by(&mut witness(&certificate, root, &message, times));
        let bare = spent(WITNESSED)?.saturating_sub(spent(1)?) / WITNESSED;
        let ratio = ours.as_secs_f64() / bare.as_secs_f64();
        Ok(Row {
            what,
            took: format!("{} ({ratio:.2} ×)", micros(ours)),
            limit: format!("{} `xmlsec1 --verify`, its start left out", micros(bare)),
            aim: None,
        })
    }
}

fn witness(certificate: &Path, root: &str, message: &Path, times: u32) -> Command {
    let mut command = Command::new("xmlsec1");
    command
        .args(["--verify", "--enabled-key-data", "key-name", "--repeat"])
        .arg(times.to_string())
        .arg("--pubkey-cert-pem")
        .arg(certificate)
        .arg("--id-attr:ID")
        .arg(format!("{PROTOCOL}:{root}"))
        .arg(message);
    command
}

fn entity(name: &str) -> Result<EntityId, Refusal> {
    EntityId::parse(name).map_err(|why| Refusal::of(why.to_string()))
}

fn refused(why: saml::Refusal) -> Refusal {
    Refusal::of(why.to_string())
}

fn failed(why: std::io::Error) -> Refusal {
    Refusal::of(why.to_string())
}
