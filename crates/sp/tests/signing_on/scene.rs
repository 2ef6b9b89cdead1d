//! A running service and its identity providers.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::{Data, ServiceConfig, get};
use actix_web::{App, HttpResponse};
use chrono::{DateTime, TimeDelta};
use federation::{Federation, Location, Source};
use saml::keys::generate;
use saml::keys::{Hook, OwnKeys};
use saml::metadata::{Endpoint, EntityPlan, RolePlan, Ui};
use saml::{Binding, EntityId, KeyKind, MessageId, Moment, NameIdFormat, SigningKey};
use sp::{Service, ServiceParts, SessionTimes};
use tempfile::TempDir;
use web::{Edge, EdgeParts, Journal, PublicUrl, Refused, Visit};

/// The service's public address, name and ACS.
pub(crate) const ORIGIN: &str = "https://service.example";
pub(crate) const SERVICE: &str = "https://service.example/notes";
pub(crate) const ACS: &str = "https://service.example/notes/saml/acs";
/// The identity provider that is asked, and another of the same federation.
pub(crate) const PROVIDER: &str = "https://idp.example/idp/personnel";
pub(crate) const OTHER: &str = "https://idp.example/idp/eleve";
/// The discovery service.
pub(crate) const WAYF: &str = "https://wayf.example/wayf/";
/// The scope of both identity providers.
pub(crate) const SCOPE: &str = "ac-demo.example";

type Reply = Pin<Box<dyn Future<Output = Answer>>>;

/// A running service.
pub(crate) struct Scene {
    call: Box<dyn Fn(TestRequest) -> Reply>,
    clock: Arc<AtomicI64>,
    chance: RefCell<u8>,
    folder: TempDir,
    pub(crate) federation: Arc<Federation>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// Where it leads; the status must be 303.
    pub(crate) fn leads_to(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.body);
        self.header("location").unwrap()
    }

    /// The code of a refusal page.
    pub(crate) fn code(&self) -> Option<&str> {
        between(&self.body, "data-code=\"", "\"")
    }
}

/// The text between two marks.
pub(crate) fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?
        .1
        .split_once(after)
        .map(|(it, _)| it)
}

/// What a page escapes, as a browser reads it.
fn unescape(html: &str) -> String {
    html.replace("&#x2f;", "/").replace("&#x27;", "'")
}

/// A key pair of these tests, made once: `SigningKey` is not for cloning.
pub(crate) fn key(name: &'static str) -> SigningKey {
    static PAIRS: OnceLock<BTreeMap<&str, (String, String)>> = OnceLock::new();
    let pairs = PAIRS.get_or_init(|| {
        ["service", "metadata", PROVIDER, OTHER, "stranger"]
            .into_iter()
            .zip(1_u8..)
            .map(|(name, serial)| {
                let pair = generate(KeyKind::P256, "test", [serial; 16], start(), 3650).unwrap();
                (name, (pair.key_pem, pair.cert_pem))
            })
            .collect()
    });
    let (key, cert) = &pairs[name];
    SigningKey::from_pem(key, cert).unwrap()
}

/// The moment every scene starts at.
fn start() -> Moment {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

pub(crate) fn id(text: &str) -> EntityId {
    EntityId::parse(text).unwrap()
}

impl Scene {
    pub(crate) async fn open() -> Self {
        let folder = TempDir::new().unwrap();
        let clock = Arc::new(AtomicI64::new(start().timestamp()));
        let edge = edge(folder.path(), &clock);
        let federation = federation(folder.path()).await;
        let service = Service::new(parts(&edge, &federation, folder.path(), &clock));
        let call = serve(edge, service).await;
        Self {
            call,
            clock,
            chance: RefCell::new(0),
            folder,
            federation,
        }
    }

    pub(crate) fn now(&self) -> Moment {
        DateTime::from_timestamp(self.clock.load(Ordering::SeqCst), 0).unwrap()
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Sends a request.
    pub(crate) async fn call(&self, request: TestRequest) -> Answer {
        (self.call)(request).await
    }

    /// An identifier nobody used before.
    pub(crate) fn fresh(&self) -> MessageId {
        let mut chance = self.chance.borrow_mut();
        *chance += 1;
        MessageId::from_random([*chance; 20])
    }

    /// The journal so far.
    pub(crate) fn journal(&self) -> String {
        // Written by a thread of its own, a batch at a time.
        std::thread::sleep(std::time::Duration::from_millis(300));
        std::fs::read_dir(self.journal_folder())
            .unwrap()
            .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect()
    }

    pub(crate) fn journal_folder(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    /// Takes a provider out of the federation.
    pub(crate) async fn expel(&self, provider: &str) {
        std::fs::remove_file(self.folder.path().join("metadata").join(file(provider))).unwrap();
        self.federation.refresh(self.now()).await;
    }
}

fn edge(folder: &Path, clock: &Arc<AtomicI64>) -> Edge {
    let clock = Arc::clone(clock);
    let parts = EdgeParts {
        public_url: PublicUrl::parse(ORIGIN).unwrap(),
        csrf_key: [7; 32],
        theme: None,
        journal: Journal::open(folder.join("journal"), "notes", 30).unwrap(),
        clock: Arc::new(move || DateTime::from_timestamp(clock.load(Ordering::SeqCst), 0).unwrap()),
        samples: sp::samples(),
        probes: Vec::new(),
    };
    Edge::new(parts).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

async fn federation(folder: &Path) -> Arc<Federation> {
    let metadata = folder.join("metadata");
    std::fs::create_dir_all(&metadata).unwrap();
    for provider in [PROVIDER, OTHER] {
        std::fs::write(metadata.join(file(provider)), describe(provider)).unwrap();
    }
    let source = Source {
        name: "tests".into(),
        location: Location::Folder(metadata),
        pinned: vec![key("metadata").verifying()],
        horizon_days: Some(30),
        may_go_back: false,
        terms: federation::Terms::default(),
    };
    let federation = Federation::open(vec![source], folder.join("cache"), false, start());
    let snapshot = federation.refresh(start()).await;
    assert_eq!(snapshot.at_hand().count(), 2, "{:#?}", snapshot.reports);
    Arc::new(federation)
}

fn file(provider: &str) -> String {
    format!("{}.xml", provider.rsplit('/').next().unwrap())
}

/// The metadata of an identity provider.
fn describe(provider: &'static str) -> String {
    let signing = key(provider);
    let plan = EntityPlan {
        document_id: MessageId::from_random([9; 20]),
        id: &id(provider),
        valid_until: start() + TimeDelta::days(20),
        cache_s: 3600,
        ui: &Ui::default(),
        attributes: &[],
        role: RolePlan::Idp {
            sso: vec![Endpoint {
                binding: Binding::Redirect,
                location: sso(provider),
                response_location: None,
            }],
            slo: Vec::new(),
            name_id_formats: vec![NameIdFormat::Transient],
            scopes: vec![SCOPE],
            error_url: None,
            wants_signed_requests: true,
        },
        signing_certificates: vec![signing.certificate()],
    };
    saml::metadata::compose(&plan, &key("metadata")).unwrap()
}

pub(crate) fn sso(provider: &str) -> String {
    format!("{provider}/sso/redirect")
}

fn hung(name: &'static str) -> Arc<Hook<OwnKeys>> {
    Arc::new(Hook::new(OwnKeys::alone(Arc::new(key(name)))))
}

fn parts(
    edge: &Edge,
    federation: &Arc<Federation>,
    folder: &Path,
    clock: &Arc<AtomicI64>,
) -> ServiceParts {
    let clock = Arc::clone(clock);
    let clock =
        Arc::new(move || DateTime::from_timestamp(clock.load(Ordering::SeqCst), 0).unwrap());
    ServiceParts {
        edge: edge.clone(),
        federation: Arc::clone(federation),
        shelf: store::embedded(&folder.join("shelf.redb"), clock).unwrap(),
        name: "notes",
        prefix: "/notes",
        entity_id: id(SERVICE),
        keys: hung("service"),
        opening: Arc::new(Hook::new(Vec::new())),
        metadata_keys: hung("metadata"),
        ui: Ui::default(),
        imprint: saml::metadata::Imprint::default(),
        requested: Vec::new(),
        discovery: WAYF.into(),
        home: "/notes/",
        session: SessionTimes::default(),
        asks: sp::Asks::default(),
        provider_logout: Arc::new(|provider| {
            (provider.as_str() == PROVIDER).then(|| format!("{PROVIDER}/logout"))
        }),
        keeps_evidence: true,
    }
}

async fn serve(edge: Edge, service: Arc<Service>) -> Box<dyn Fn(TestRequest) -> Reply> {
    let pages = |cfg: &mut ServiceConfig| {
        cfg.route("/notes/", get().to(page))
            .route("/notes/deep", get().to(page));
    };
    let app = App::new()
        .wrap(from_fn(web::guard))
        .configure(|cfg| edge.configure(cfg))
        .configure(|cfg| service.configure(cfg))
        .app_data(Data::from(service))
        .configure(pages);
    let app = Rc::new(init_service(app).await);
    Box::new(move |request| {
        let app = Rc::clone(&app);
        Box::pin(async move {
            let answer = call_service(&*app, request.to_request()).await;
            Answer {
                status: answer.status().as_u16(),
                headers: answer
                    .headers()
                    .iter()
                    .map(|(name, value)| {
                        (
                            name.to_string(),
                            value.to_str().unwrap_or_default().to_owned(),
                        )
                    })
                    .collect(),
                body: unescape(str::from_utf8(&read_body(answer).await).unwrap()),
            }
        })
    })
}

/// The only page of the service: who is signed in.
async fn page(visit: Visit, service: Data<Service>) -> Result<HttpResponse, Refused> {
    match service.current(&visit).await? {
        Some(session) => Ok(HttpResponse::Ok().body(format!(
            "<body data-user=\"{}\">{}",
            session.value.user(),
            session
                .value
                .login
                .values(saml::attribute::SUBJECT_ID.name)
                .count()
        ))),
        None => service.start(&visit, visit.path_and_query()).await,
    }
}
