//! `eduline bench`: what things cost, each beside its limit measured in the same run.
//!
//! The server is this binary, on a folder of its own that is removed at the end. CPU time is the
//! server process's own, all threads, as the scheduler counts it (nanoseconds); the limits are the
//! bare cryptography that the work cannot do without, in this process.

use std::time::Duration;

use saml::{AuthnRequest, Binding, EntityId, KeyKind, MessageId, SigningKey};
use serde_json::{Value, json};
use web::Edge;

use self::bare::Beside;
use self::server::{Server, Visitor};
use super::Refusal;
use crate::cli::Bench;
use crate::keyring::KeyRing;
use crate::say::Voice;

mod arrivals;
mod bare;
mod endurance;
mod federation;
mod refreshing;
mod scale;
mod server;
mod telling;
mod verifying;

/// Signatures in an answer: the response's and the assertion's.
const SIGNATURES: u32 = 2;
/// Requests before what is measured: caches fill, connections open.
const WARM: u32 = 50;
/// What is measured together: a row is the median of such batches, so that what else the machine
/// did for a moment counts for nothing.
const BATCH: usize = 64;
/// Visitors at a time: with one alone a server falls asleep after each answer, and what the system
/// does to wake it, on a virtual machine above all, would be counted for the answer.
const AT_ONCE: usize = 4;
/// How often its limit is measured beside a batch.
const LIMITS: u32 = 15;

/// The keys a sign-on is measured with, as settings call them.
const KINDS: [(&str, KeyKind); 2] = [("rsa-2048", KeyKind::Rsa2048), ("p-256", KeyKind::P256)];

/// One measure.
struct Row {
    what: String,
    took: String,
    limit: String,
    /// What is to be reached, and whether it is; nothing where the row is only to be read.
    aim: Option<(String, bool)>,
}

/// Measures everything and prints a table.
pub(crate) fn run(command: &Bench) -> Result<(), Refusal> {
    let mut rows = Vec::new();
    match command.endurance {
        Some(times) => rows.push(endurance::row(times)?),
        None if command.only_scale => rows.extend(large(command)?),
        None if command.only_sign_ons => rows.extend(signing_on(command.sign_ons)?),
        None if command.only_import => rows.extend(arrivals::rows(command.accounts)?),
        None => {
            rows.extend(arrivals::rows(command.accounts)?);
            rows.extend(small(command)?);
            rows.extend(large(command)?);
        }
    }
    let values: Vec<Value> = rows.iter().map(Row::described).collect();
    Voice::of(command.print.json).tell(&table(&rows), &json!(values));
    Ok(())
}

/// What one visit costs, and the server that nobody visits.
fn small(command: &Bench) -> Result<Vec<Row>, Refusal> {
    let mut rows = signing_on(command.sign_ons)?;
    for (name, kind) in KINDS {
        rows.extend(verifying::rows(kind, name)?);
    }
    rows.push(password(command.logins)?);
    rows.extend(start_and_rest()?);
    rows.extend(telling::rows(command.tries)?);
    Ok(rows)
}

/// What a sign-on costs with a live session, by either kind of key.
fn signing_on(times: u32) -> Result<Vec<Row>, Refusal> {
    let rows = KINDS.map(|(kind, _)| sign_ons(kind, times));
    let rows: Vec<Vec<Row>> = rows.into_iter().collect::<Result<_, _>>()?;
    Ok(rows.into_iter().flatten().collect())
}

/// What a large federation costs.
fn large(command: &Bench) -> Result<Vec<Row>, Refusal> {
    scale::rows(command.providers, command.services)
}

impl Row {
    fn described(&self) -> Value {
        json!({
            "what": self.what,
            "took": self.took,
            "limit": self.limit,
            "to_reach": self.aim.as_ref().map(|(aim, _)| aim),
            "reached": self.aim.as_ref().map(|(_, reached)| reached),
        })
    }
}

/// Markdown, which reads as well on a terminal as in a document.
fn table(rows: &[Row]) -> Vec<String> {
    let mut lines = vec![
        "| what | took | its limit, same run | to reach | reached |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    lines.extend(rows.iter().map(|row| {
        let (aim, reached) = match &row.aim {
            Some((aim, true)) => (aim.as_str(), "yes"),
            Some((aim, false)) => (aim.as_str(), "no"),
            None => ("", ""),
        };
        format!(
            "| {} | {} | {} | {aim} | {reached} |",
            row.what, row.took, row.limit
        )
    }));
    lines
}

/// Whose sign-ons are measured.
#[derive(Clone, Copy)]
enum By {
    /// A service that signs nothing and publishes no key: what is left is the answer's own cost.
    Plain,
    /// Our portal: its requests are signed, and what it gets is encrypted.
    Portal,
}

/// A service without keys that receives what most ask for.
const PLAIN: &str = "https://plain.example/sp";
const PLAIN_ACS: &str = "https://plain.example/acs";
const RELEASED: [&str; 6] = [
    "displayName",
    "mail",
    "sn",
    "givenName",
    "uid",
    "eduPersonPrincipalName",
];

/// Sign-ons with a live session: an `AuthnRequest` in, a signed Response out.
fn sign_ons(kind: &str, times: u32) -> Result<Vec<Row>, Refusal> {
    let server = Server::start(&[("EDULINE__KEYS__KIND", kind)])?;
    let visitor = server.visitor();
    visitor.sign_in("personnel", "amartin")?;
    register_plain(&server)?;
    let ring = KeyRing::at(&server.data().join("keys"));
    let pem = ring.key_file("idp-personnel");
    let sign = bare::signing(&pem)?;
    let signatures = || (0..SIGNATURES).try_for_each(|_| sign());
    let plain = sign_on(&server, &visitor, By::Plain, times, &signatures)?;
    let (verify, encrypt) = (
        bare::verifying(&ring.key_file(crate::keyring::PORTAL))?,
        bare::encrypting()?,
    );
    let all = || {
        verify()
            .and_then(|()| signatures())
            .and_then(|()| encrypt())
    };
    let portal = sign_on(&server, &visitor, By::Portal, times, &all)?;
    let ((took, limit), ratio) = (plain.medians(), plain.ratio());
    let aim = if kind == "rsa-2048" {
        (format!("at most 1.25 × (is {ratio:.2} ×)"), ratio <= 1.25)
    } else {
        let most = Duration::from_micros(150);
        ("under 150 µs".to_owned(), took < most)
    };
    let plain = Row {
        what: format!("sign-on with a live session, {kind}, CPU"),
        took: micros(took),
        limit: format!("{} for its two signatures, bare OpenSSL", micros(limit)),
        aim: Some(aim),
    };
    let ((took, limit), ratio) = (portal.medians(), portal.ratio());
    let portal = Row {
        what: format!("the same, request signed and assertion encrypted, {kind}, CPU"),
        took: format!("{} ({ratio:.2} ×)", micros(took)),
        limit: format!(
            "{} for the same and to verify, wrap a key and encrypt 6 kB, bare OpenSSL",
            micros(limit)
        ),
        aim: None,
    };
    Ok(vec![plain, portal])
}

fn register_plain(server: &Server) -> Result<(), Refusal> {
    let metadata = format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" \
         entityID=\"{PLAIN}\"><md:SPSSODescriptor \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
         <md:AssertionConsumerService index=\"0\" Location=\"{PLAIN_ACS}\" \
         Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\"/>\
         </md:SPSSODescriptor></md:EntityDescriptor>"
    );
    let released = RELEASED.map(|name| format!("--attribute={name}"));
    let decisions: Vec<&str> = released.iter().map(String::as_str).collect();
    server.register(&metadata, &decisions)?;
    // A running server reads what is registered within two seconds.
    std::thread::sleep(Duration::from_secs(3));
    Ok(())
}

/// The CPU of one sign-on, in batches, each beside its `limit`.
fn sign_on(
    server: &Server,
    visitor: &Visitor,
    by: By,
    times: u32,
    limit: &dyn Fn() -> Result<(), Refusal>,
) -> Result<Beside, Refusal> {
    let ring = KeyRing::at(&server.data().join("keys"));
    let key = ring.key(crate::keyring::PORTAL)?;
    let addresses = (0..times.saturating_add(WARM))
        .map(|number| address(server, by, number, &key))
        .collect::<Result<Vec<String>, saml::Refusal>>()
        .map_err(|why| Refusal::of(why.to_string()))?;
    let ask = |address: &String| ask(visitor, address);
    let (warm, measured) = addresses.split_at(usize::try_from(WARM).unwrap_or(0));
    warm.iter().try_for_each(ask)?;
    let mut batches = Beside::default();
    for batch in measured.chunks(BATCH) {
        let before = server.cpu();
        std::thread::scope(|scope| {
            let share = |part: &'_ [String]| part.iter().try_for_each(ask);
            let parts = batch.chunks(batch.len().div_ceil(AT_ONCE));
            let threads: Vec<_> = parts.map(|part| scope.spawn(move || share(part))).collect();
            let broken = |_| Err(Refusal::of("a visitor broke off".to_owned()));
            let joined = threads
                .into_iter()
                .map(|one| one.join().unwrap_or_else(broken));
            joined.collect::<Result<(), Refusal>>()
        })?;
        let spent = server.cpu().saturating_sub(before);
        let each = spent / u32::try_from(batch.len()).unwrap_or(u32::MAX).max(1);
        batches.push(each, bare::each(LIMITS, limit)?);
    }
    Ok(batches)
}

/// Where a visitor is sent with the request of this number.
fn address(
    server: &Server,
    by: By,
    number: u32,
    key: &SigningKey,
) -> Result<String, saml::Refusal> {
    let to = server.at("/idp/personnel/sso/redirect");
    let mut address = saml::redirect::compose(&request(server, by, number)?, &to, None, key)?;
    if let (By::Plain, Some(signature)) = (by, address.find("&SigAlg=")) {
        address.truncate(signature);
    }
    Ok(address)
}

/// Goes there, and is answered at once.
fn ask(visitor: &Visitor, address: &str) -> Result<(), Refusal> {
    let page = visitor.get(address)?;
    if page.contains("name=\"SAMLResponse\"") {
        Ok(())
    } else {
        Err(Refusal::of(format!("no answer was given: {page}")))
    }
}

fn request(server: &Server, by: By, number: u32) -> Result<AuthnRequest, saml::Refusal> {
    let not = |_| saml::Refusal::NotComposed {
        why: "a name of the measure itself",
    };
    let mut chance = [0; 20];
    chance
        .iter_mut()
        .zip(number.to_be_bytes())
        .for_each(|(to, from)| *to = from);
    let id = MessageId::from_random(chance);
    let (issuer, acs) = match by {
        By::Plain => (PLAIN.to_owned(), PLAIN_ACS.to_owned()),
        By::Portal => (server.at("/portail"), server.at("/portail/saml/acs")),
    };
    let issuer = EntityId::parse(&issuer).map_err(not)?;
    Ok(AuthnRequest {
        destination: Some(server.at("/idp/personnel/sso/redirect")),
        acs: saml::request::AcsChoice::Url(acs),
        protocol_binding: Some(Binding::Post),
        ..AuthnRequest::new(id, Edge::system_clock()(), issuer)
    })
}

/// A login with a password: the form's POST alone.
fn password(times: u32) -> Result<Row, Refusal> {
    let server = Server::start(&[])?;
    let mut spent = Duration::ZERO;
    for _ in 0..times.max(1) {
        let visitor = server.visitor();
        let form = visitor.login_form("personnel")?;
        let before = server.cpu();
        visitor.send(&form, "amartin")?;
        spent += server.cpu().saturating_sub(before);
    }
    let each = spent / times.max(1);
    let bare = bare::hash()?;
    let ratio = each.as_secs_f64() / bare.as_secs_f64();
    Ok(Row {
        what: "login with a password, CPU".to_owned(),
        took: micros(each),
        limit: format!("{} for Argon2id, 19 MiB, 2 passes, bare", micros(bare)),
        aim: Some((format!("at most 1.5 × (is {ratio:.2} ×)"), ratio <= 1.5)),
    })
}

/// From exec to the first answer, and memory at rest, on keys and accounts that are there.
fn start_and_rest() -> Result<Vec<Row>, Refusal> {
    let mut server = Server::start(&[])?;
    let mut starts = Vec::new();
    for _ in 0..7 {
        starts.push(server.again()?);
    }
    starts.sort();
    let start = starts.get(3).copied().unwrap_or_default();
    let bare = server.bare_exec()?;
    std::thread::sleep(Duration::from_secs(3));
    let kilobytes = server.resident_kb();
    Ok(vec![
        Row {
            what: "from exec to the first answer, ready (median of 7)".to_owned(),
            took: format!("{} ms", start.as_millis()),
            limit: format!("{:.1} ms to exec and end", bare.as_secs_f64() * 1e3),
            aim: Some((
                "under 300 ms".to_owned(),
                start < Duration::from_millis(300),
            )),
        },
        Row {
            what: "memory of `serve all` at rest".to_owned(),
            took: format!("{:.1} MB", megabytes(kilobytes)),
            limit: format!(
                "{:.1} MB, the binary's own pages",
                megabytes(server.file_kb())
            ),
            aim: Some(("under 60 MB".to_owned(), megabytes(kilobytes) < 60.0)),
        },
    ])
}

fn micros(duration: Duration) -> String {
    format!("{} µs", duration.as_micros())
}

fn megabytes(kilobytes: u32) -> f64 {
    f64::from(kilobytes) * 1024.0 / 1e6
}
