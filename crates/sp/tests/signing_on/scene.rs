//! A running service, its identity providers, and browsers to visit it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::{Data, ServiceConfig, get};
use actix_web::{App, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta};
use federation::{Federation, Location, Source};
use saml::keys::generate;
use saml::metadata::{Endpoint, EntityPlan, RolePlan, Ui};
use saml::request::RequestExpected;
use saml::response::{Attribute, NameId, ResponsePlan, SignWhat};
use saml::{
    AuthnRequest, Binding, EntityId, KeyKind, MessageId, Moment, NameIdFormat, Received, Signing,
    SigningKey,
};
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

    /// A browser without cookies.
    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser {
            scene: self,
            jar: RefCell::default(),
        }
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
    };
    let federation = Federation::open(vec![source], folder.join("cache"), false, start());
    let snapshot = federation.refresh(start()).await;
    assert_eq!(snapshot.entities().count(), 2, "{:#?}", snapshot.reports);
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
        signing: Arc::new(key("service")),
        metadata_signing: Arc::new(key("metadata")),
        ui: Ui::default(),
        requested: Vec::new(),
        discovery: WAYF.into(),
        home: "/notes/",
        session: SessionTimes::default(),
        provider_logout: Arc::new(|provider| {
            (provider.as_str() == PROVIDER).then(|| format!("{PROVIDER}/logout"))
        }),
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

/// A browser.
pub(crate) struct Browser<'a> {
    scene: &'a Scene,
    jar: RefCell<BTreeMap<String, String>>,
}

impl Browser<'_> {
    /// GET with cookies.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(TestRequest::get().uri(path), true).await
    }

    /// A same-site POST.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = TestRequest::post().uri(path);
        self.send(
            form(request, fields).insert_header(("origin", ORIGIN)),
            true,
        )
        .await
    }

    /// The POST of the provider's page: cross-site, therefore without cookies.
    pub(crate) async fn deliver(&self, xml: &str) -> Answer {
        self.deliver_fields(&[("SAMLResponse", &STANDARD.encode(xml))])
            .await
    }

    pub(crate) async fn deliver_fields(&self, fields: &[(&str, &str)]) -> Answer {
        let request = TestRequest::post()
            .uri("/notes/saml/acs")
            .insert_header(("origin", "https://idp.example"))
            .insert_header(("sec-fetch-site", "cross-site"));
        self.send(form(request, fields), false).await
    }

    /// Any request.
    pub(crate) async fn send(&self, mut request: TestRequest, cookies: bool) -> Answer {
        if cookies && !self.jar.borrow().is_empty() {
            let jar = self.jar.borrow();
            let line: Vec<_> = jar.iter().map(|(n, v)| format!("{n}={v}")).collect();
            request = request.insert_header(("cookie", line.join("; ")));
        }
        let answer = (self.scene.call)(request).await;
        for (_, line) in answer.headers.iter().filter(|(n, _)| n == "set-cookie") {
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.jar.borrow_mut().remove(name);
            } else {
                self.jar.borrow_mut().insert(name.into(), value.into());
            }
        }
        assert!(answer.status < 500, "{} {}", answer.status, answer.body);
        answer
    }

    /// Who is signed in, as the service's page says.
    pub(crate) async fn user(&self) -> Option<String> {
        let page = self.get("/notes/").await;
        between(&page.body, "data-user=\"", "\"").map(str::to_owned)
    }

    /// Starts at the provider, wanting `target`: what a genuine answer would be.
    pub(crate) async fn ask(&self, provider: &'static str, target: &str) -> Genuine {
        let path = format!("/notes/login?entityID={provider}&target={target}");
        let sent = self.get(&path).await;
        self.genuine(
            provider,
            &read_request(sent.leads_to(), provider, self.scene.now()),
        )
    }

    pub(crate) fn genuine(&self, provider: &'static str, request: &AuthnRequest) -> Genuine {
        Genuine {
            response_id: self.scene.fresh(),
            assertion_id: self.scene.fresh(),
            in_response_to: Some(request.id.clone()),
            issuer: id(provider),
            audience: request.issuer.clone(),
            acs: ACS.into(),
            now: self.scene.now(),
            sign: SignWhat::Both,
            attributes: vec![attribute(saml::attribute::UID.name, &["amartin"])],
        }
    }

    /// Follows an accepted answer to where it lands.
    pub(crate) async fn land(&self, delivered: &Answer) -> Answer {
        let to = delivered.leads_to().to_owned();
        assert!(to.starts_with("/notes/land?ticket="), "{to}");
        self.get(&to).await
    }
}

fn form(request: TestRequest, fields: &[(&str, &str)]) -> TestRequest {
    request.set_form(fields)
}

/// The request in a Redirect address, verified as an identity provider does.
pub(crate) fn read_request(location: &str, provider: &str, now: Moment) -> AuthnRequest {
    let (address, query) = location.split_once('?').unwrap();
    assert_eq!(address, sso(provider));
    let received = Received::<AuthnRequest>::from_query(query).unwrap();
    let keys = [key("service").verifying()];
    let verified = received.verify(Signing::Required(&keys)).unwrap();
    let expected = RequestExpected {
        destination: address,
        now,
    };
    verified.accept(&expected).unwrap().into_message()
}

pub(crate) fn attribute(name: &str, values: &[&str]) -> Attribute {
    Attribute {
        name: name.into(),
        name_format: saml::names::ATTRNAME_URI.into(),
        friendly_name: None,
        values: values.iter().map(|value| (*value).into()).collect(),
    }
}

/// What a genuine answer says; change a field, then compose it.
#[derive(Clone)]
pub(crate) struct Genuine {
    pub(crate) response_id: MessageId,
    pub(crate) assertion_id: MessageId,
    pub(crate) in_response_to: Option<MessageId>,
    pub(crate) issuer: EntityId,
    pub(crate) audience: EntityId,
    pub(crate) acs: String,
    pub(crate) now: Moment,
    pub(crate) sign: SignWhat,
    pub(crate) attributes: Vec<Attribute>,
}

impl Genuine {
    /// Signed by the key of this name.
    pub(crate) fn signed_by(&self, signer: &'static str) -> String {
        let name_id = NameId {
            value: "_opaque".into(),
            format: NameIdFormat::Transient,
            name_qualifier: None,
            sp_name_qualifier: None,
        };
        let plan = ResponsePlan {
            response_id: &self.response_id,
            assertion_id: &self.assertion_id,
            in_response_to: self.in_response_to.as_ref(),
            issuer: &self.issuer,
            audience: &self.audience,
            acs: &self.acs,
            now: self.now,
            lifetime_s: 300,
            name_id: Some(&name_id),
            authn_instant: self.now,
            authn_context: saml::names::PASSWORD,
            session_index: "_index",
            session_ends: Some(self.now + TimeDelta::hours(8)),
            attributes: &self.attributes,
            sign: self.sign,
        };
        saml::response::compose(&plan, &key(signer)).unwrap()
    }

    /// Signed by the provider that was asked.
    pub(crate) fn signed(&self) -> String {
        self.signed_by(PROVIDER)
    }
}

/// A request of another method to one of the routes.
pub(crate) fn request(method: Method, path: &str) -> TestRequest {
    TestRequest::with_uri(path).method(method)
}
