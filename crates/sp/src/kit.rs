//! The short way in: a service that keeps its keys, its sessions and the metadata it trusts in one folder.
//!
//! What a deployment of many processes wants otherwise (Redis, keys in a token, several federations) is in
//! [`ServiceParts`]; what stands here is right for one process.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use federation::{Federation, Location, Source};
use saml::attribute::Wire;
use saml::encryption::DecryptionKey;
use saml::keys::{Hook, KeyFault, OwnKeys};
use saml::metadata::{Imprint, RequestedAttribute, Ui};
use saml::names::NotAnEntityId;
use saml::{EntityId, KeyKind, SigningKey, VerifyingKey};
use web::{Edge, EdgeParts, Journal, PublicUrl};

use crate::{Asks, Service, ServiceParts, SessionTimes};

/// Metadata is read again this often.
const READ_AGAIN: Duration = Duration::from_secs(3600);
/// How long a certificate says it is valid; nobody looks (IIP-MD12).
const DAYS: u32 = 3650;
/// How long the journal is kept.
const JOURNAL_DAYS: u32 = 90;

/// What an application says of itself.
pub struct Kit<'a> {
    /// Where browsers reach it, without a path; plain http on loopback hosts only.
    pub public_url: &'a str,
    /// Short, letters only.
    pub name: &'static str,
    /// Where it starts, with a slash at both ends: `/notes/`. Its entityID is the address of that.
    pub home: &'static str,
    /// Whom it trusts.
    pub trusted: Trusted<'a>,
    /// The discovery service, an absolute address.
    pub discovery: &'a str,
    /// The attributes it cannot do without.
    pub attributes: &'a [Wire],
    /// Its folder, readable by it alone: created when absent.
    pub folder: &'a Path,
}

/// Where the metadata of identity providers comes from.
pub enum Trusted<'a> {
    /// A file that whoever runs the application vouches for.
    File(&'a Path),
    /// An address, and the certificate (PEM) of the key that signs what is there.
    Signed(&'a str, &'a str),
}

/// Why a kit does not open.
#[derive(Debug, thiserror::Error)]
pub enum KitFault {
    /// The public address, the samples of a page.
    #[error("{}", .0.join("; "))]
    Edge(Vec<String>),
    /// The entityID that comes of the address and the home.
    #[error(transparent)]
    Name(#[from] NotAnEntityId),
    /// A key in the folder.
    #[error("a key cannot be read or made")]
    Key(#[from] KeyFault),
    /// The folder.
    #[error("{0}: {1}")]
    Folder(PathBuf, #[source] std::io::Error),
    /// What sessions are kept in.
    #[error(transparent)]
    Shelf(#[from] store::Away),
}

impl Kit<'_> {
    /// Opens the service: makes the keys that are missing, reads metadata, and reads it again every hour.
    /// Runs inside an actix system.
    pub async fn open(self) -> Result<(Edge, Arc<Service>), KitFault> {
        let public = PublicUrl::parse(self.public_url).map_err(|why| KitFault::Edge(vec![why]))?;
        std::fs::create_dir_all(self.folder).map_err(|why| self.failed("", why))?;
        let edge = self.edge(&public)?;
        let federation = Arc::new(self.federation(&public, &edge)?);
        federation.refresh(edge.now()).await;
        read_again(&federation, &edge);
        let key = Arc::new(self.key("sp.pem", &edge)?);
        let opening = DecryptionKey::of(&self.key("sp-encryption.pem", &edge)?)?;
        let keys = Arc::new(Hook::new(OwnKeys::alone(key)));
        let prefix = self.home.trim_end_matches('/');
        let service = Service::new(ServiceParts {
            edge: edge.clone(),
            federation,
            shelf: store::embedded(&self.folder.join("shelf.redb"), Edge::system_clock())?,
            name: self.name,
            prefix,
            entity_id: EntityId::parse(&public.join(prefix))?,
            metadata_keys: Arc::clone(&keys),
            keys,
            opening: Arc::new(Hook::new(vec![opening])),
            ui: Ui::default(),
            imprint: Imprint::default(),
            requested: self.attributes.iter().map(required).collect(),
            discovery: self.discovery.to_owned(),
            home: self.home,
            session: SessionTimes::default(),
            asks: Asks::default(),
            provider_logout: Arc::new(|_| None),
            keeps_evidence: false,
        });
        Ok((edge, service))
    }

    fn edge(&self, public: &PublicUrl) -> Result<Edge, KitFault> {
        let mut csrf_key = [0; 32];
        let made = || {
            let mut bytes = vec![0; 32];
            Edge::system_dice()(&mut bytes);
            Ok(bytes)
        };
        for (to, from) in csrf_key.iter_mut().zip(self.kept("csrf.secret", made)?) {
            *to = from;
        }
        let journal = Journal::open(self.folder.join("journal"), self.name, JOURNAL_DAYS);
        let parts = EdgeParts {
            public_url: public.clone(),
            csrf_key,
            theme: None,
            journal: journal.map_err(|why| self.failed("journal", why))?,
            clock: Edge::system_clock(),
            samples: crate::samples(),
            probes: Vec::new(),
        };
        Edge::new(parts).map_err(KitFault::Edge)
    }

    fn federation(&self, public: &PublicUrl, edge: &Edge) -> Result<Federation, KitFault> {
        let (location, pinned) = match self.trusted {
            Trusted::File(path) => (Location::File(path.to_owned()), Vec::new()),
            Trusted::Signed(url, pem) => (
                Location::Url(url.to_owned()),
                vec![VerifyingKey::from_pem(pem)?],
            ),
        };
        let source = Source {
            name: "trusted".to_owned(),
            location,
            pinned,
            horizon_days: None,
            may_go_back: false,
            terms: federation::Terms::default(),
        };
        let loopback_http = !public.is_https();
        let folder = self.folder.join("metadata");
        Ok(Federation::open(
            vec![source],
            folder,
            loopback_http,
            edge.now(),
        ))
    }

    /// An RSA key: every provider can verify its signatures, and encrypt for it.
    fn key(&self, file: &str, edge: &Edge) -> Result<SigningKey, KitFault> {
        let made = || {
            let kind = KeyKind::Rsa3072;
            let pair = saml::keys::generate(kind, self.name, edge.random(), edge.now(), DAYS)?;
            Ok(format!("{}{}", pair.key_pem, pair.cert_pem).into_bytes())
        };
        let pem = String::from_utf8_lossy(&self.kept(file, made)?).into_owned();
        let at = pem.find("-----BEGIN CERTIFICATE").unwrap_or(pem.len());
        let (key, certificate) = pem.split_at(at);
        Ok(SigningKey::from_pem(key, certificate)?)
    }

    /// The content of a file in the folder, made when it is not there, readable by its owner alone.
    fn kept(
        &self,
        file: &str,
        made: impl FnOnce() -> Result<Vec<u8>, KitFault>,
    ) -> Result<Vec<u8>, KitFault> {
        let path = self.folder.join(file);
        match std::fs::read(&path) {
            Err(why) if why.kind() == ErrorKind::NotFound => {}
            read => return read.map_err(|why| self.failed(file, why)),
        }
        let content = made()?;
        let mut options = OpenOptions::new();
        let opened = options.write(true).create_new(true).mode(0o600).open(path);
        opened
            .and_then(|mut new| new.write_all(&content))
            .map_err(|why| self.failed(file, why))?;
        Ok(content)
    }

    fn failed(&self, file: &str, why: std::io::Error) -> KitFault {
        KitFault::Folder(self.folder.join(file), why)
    }
}

/// As long as the process lives.
fn read_again(federation: &Arc<Federation>, edge: &Edge) {
    let (federation, edge) = (Arc::clone(federation), edge.clone());
    actix_web::rt::spawn(async move {
        loop {
            tokio::time::sleep(READ_AGAIN).await;
            federation.refresh(edge.now()).await;
        }
    });
}

fn required(wire: &Wire) -> RequestedAttribute {
    RequestedAttribute {
        name: wire.name.to_owned(),
        name_format: wire.format.to_owned(),
        friendly_name: Some(wire.friendly().to_owned()),
        required: true,
    }
}
