//! Service providers that others wrote, registered with a deployment of ours from the metadata they
//! publish, and driven as a browser would.
//!
//! Each stands on what `eduline sp snippet` writes for its make, and all are behind one trait: what is asked
//! of one can be asked of the others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use saml::attribute::{self, Wire};

use crate::{Answer, Client, House, forge};

mod mellon;
mod onelogin;
mod pysaml;
mod shibboleth;
mod simplesaml;

pub use mellon::Mellon;
pub use onelogin::Onelogin;
pub use pysaml::{Pysaml, carry, query};
pub use shibboleth::Shibboleth;
pub use simplesaml::SimpleSaml;

/// What all of them ask for.
const ASKED: [Wire; 3] = [attribute::SN, attribute::GIVEN_NAME, attribute::AFFILIATION];

/// How a peer is set up.
#[derive(Debug, Clone, Copy, Default)]
pub struct Setup {
    /// Signs its requests, and its metadata says so.
    pub signs: bool,
    /// Sends its requests by HTTP-POST.
    pub by_post: bool,
    /// Publishes a key to encrypt for.
    pub decrypts: bool,
    /// The format its requests ask for; without one, whatever the peer asks for by itself.
    pub name_id_format: Option<&'static str>,
    /// The authentication context its requests ask for.
    pub context: Option<&'static str>,
    /// Takes its answers by HTTP-Artifact.
    pub artifact: bool,
    /// Signs on who comes with an enhanced client, too.
    pub paos: bool,
    /// Takes answers it did not ask for, and the operator allows them.
    pub unsolicited: bool,
    /// Asks the discovery service who signs its visitors on.
    pub discovers: bool,
}

/// What a sign-on should be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// As it comes.
    Plain,
    /// `ForceAuthn`.
    Forced,
    /// `IsPassive`.
    Passive,
}

impl Wish {
    /// A word for it.
    fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Forced => "forced",
            Self::Passive => "passive",
        }
    }
}

/// What `eduline sp snippet` wrote.
struct Snippet(serde_json::Value);

impl Snippet {
    /// For a service of `make` that stands at `base` and asks for what all of them ask for.
    fn of(house: &House, make: &str, base: &str) -> Self {
        let mut command = house.command(&["sp", "snippet", make, "--at", base, "--json"]);
        for wire in ASKED {
            command.args(["--attribute", wire.short]);
        }
        let written = command.output().expect("the binary runs");
        let why = String::from_utf8_lossy(&written.stderr);
        assert!(written.status.success(), "{why}");
        Self(serde_json::from_slice(&written.stdout).expect("JSON"))
    }

    /// The content of one of its files.
    fn file(&self, path: &str) -> &str {
        let files = self.0["files"].as_array().expect("files");
        let file = files.iter().find(|file| file["path"] == path);
        let file = file.unwrap_or_else(|| panic!("no {path} in {}", self.0));
        file["content"].as_str().expect("text")
    }
}

/// What a peer knows of who signed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The name identifier's value.
    pub name_id: String,
    /// Attributes: every value of each, by its short name.
    pub attributes: BTreeMap<String, Vec<String>>,
}

/// A service provider of another make, running on a loopback port until it is dropped.
pub trait Peer: Sized {
    /// Starts it against the staff's identity provider of `house`, whose metadata it reads from
    /// where it is published.
    fn start(house: &House, setup: Setup) -> Self;

    /// Its entityID.
    fn entity_id(&self) -> String;

    /// Where its metadata is published.
    fn metadata(&self) -> String {
        self.entity_id()
    }

    /// Whether its metadata says which attributes it needs; else the operator does.
    fn says_what_it_needs(&self) -> bool {
        true
    }

    /// Where it shows who is signed on.
    fn page(&self) -> String;

    /// Where a visitor who wants in begins.
    fn door(&self) -> String;

    /// Begins a sign-on: the peer's own answer, which leads to the identity provider.
    fn begin(&self, client: &Client, wish: Wish) -> Answer;

    /// Begins a logout at the peer: its own answer, which leads to the identity provider.
    fn log_out(&self, client: &Client) -> Answer;

    /// Reads the metadata of the identity provider again, as it does now and then; whatever is
    /// under way there is lost.
    fn reread(&mut self, house: &House);

    /// Ends it, as if it had broken.
    fn stop(&mut self);

    /// Who the peer says is signed on, if anybody.
    fn known(&self, client: &Client) -> Option<Known>;

    /// Everything it has written about answers it did not take, newest last.
    fn complaints(&self) -> String;

    /// Starts it and registers it.
    fn registered(house: &House, setup: Setup) -> Self {
        let peer = Self::start(house, setup);
        let mut decided = Vec::new();
        if setup.unsolicited {
            decided.push("--unsolicited");
        }
        if !peer.says_what_it_needs() {
            decided.extend(ASKED.iter().flat_map(|wire| ["--attribute", wire.short]));
        }
        register(house, &peer, &decided);
        peer
    }

    /// Begins a sign-on and follows it, delivering a request sent by POST, to a page of the
    /// identity provider.
    fn ask(&self, client: &Client, wish: Wish) -> Answer {
        let sent = self.begin(client, wish);
        match sent.field("SAMLRequest") {
            Some(request) => {
                let action = sent.action("SAMLRequest").expect("an address to post to");
                let state = sent.field("RelayState").unwrap_or_default();
                let fields = [("SAMLRequest", request.as_str()), ("RelayState", &state)];
                client.follow(client.post(&action, &fields))
            }
            None => client.follow(sent),
        }
    }

    /// The whole way with a password; who the peer says it is.
    fn sign_on(&self, client: &Client, username: &str, password: &str) -> Known {
        let login = self.ask(client, Wish::Plain);
        let answer = client.sign_in(&login, username, password);
        let page = client.deliver(&answer);
        self.known(client).unwrap_or_else(|| {
            panic!(
                "nobody is signed on: {} at {}\n{}",
                page.status,
                page.url,
                self.complaints()
            )
        })
    }
}

/// Registers a service, and waits until the house knows it.
fn register<P: Peer>(house: &House, peer: &P, decided: &[&str]) {
    let (id, metadata) = (peer.entity_id(), peer.metadata());
    let added = house.run(&[&["sp", "add", &metadata], decided].concat());
    let why = String::from_utf8_lossy(&added.stderr);
    assert!(added.status.success(), "{why}");
    let client = house.client();
    let question = format!("/wayf/?{}", crate::client::form(&[("entityID", &id)]));
    let added = Instant::now();
    // EDU-3002: a service nobody knows.
    while client.get(&question).code().as_deref() == Some("EDU-3002") {
        assert!(added.elapsed() < Duration::from_secs(3), "{id} is not seen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A key pair of the peer's own, as two files.
struct KeyFiles {
    key: PathBuf,
    certificate: PathBuf,
    /// Base64 of the certificate, as metadata holds it.
    base64: String,
}

impl KeyFiles {
    fn make(folder: &Path, name: &str) -> Self {
        let subject = format!("peer {name}");
        let chance = *forge::random_id()
            .as_str()
            .as_bytes()
            .last_chunk()
            .expect("20 bytes");
        let kind = saml::KeyKind::Rsa2048;
        let pair = saml::keys::generate(kind, &subject, chance, forge::now(), 30).expect("a key");
        let files = Self {
            key: folder.join(format!("{name}.key")),
            certificate: folder.join(format!("{name}.crt")),
            base64: pair
                .cert_pem
                .lines()
                .filter(|line| !line.starts_with("-----"))
                .collect(),
        };
        std::fs::write(&files.key, pair.key_pem).expect("written");
        std::fs::write(&files.certificate, pair.cert_pem).expect("written");
        files
    }
}

/// The certificate our metadata is signed with, given to peers beforehand as federations do.
fn metadata_certificate(house: &House, folder: &Path) -> PathBuf {
    let path = house.data.path().join("keys/metadata.pem");
    let pem = std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{path:?}: {why}"));
    let certificate = folder.join("metadata.crt");
    let at = pem.find("-----BEGIN CERTIFICATE").expect("both");
    std::fs::write(&certificate, &pem[at..]).expect("written");
    certificate
}
