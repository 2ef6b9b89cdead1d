//! A relying party: an application of yours that lets people in through the federation.
//!
//! ```sh
//! cargo run -p sp --example relying_party -- identity-provider-metadata.xml
//! ```
//! Then register <http://localhost:3000/notes/saml/metadata> with the identity provider, and open
//! <http://localhost:3000/notes/>.

use std::error::Error;
use std::sync::Arc;

use actix_web::middleware::from_fn;
use actix_web::web::{Data, get};
use actix_web::{App, HttpResponse, HttpServer};
use federation::{Federation, Location, Source};
use saml::keys::{Hook, OwnKeys};
use saml::{EntityId, KeyKind, SigningKey};
use sp::{Service, ServiceParts, SessionTimes};
use web::{Edge, EdgeParts, Journal, PublicUrl, Refused, Visit};

/// The application: who is signed in reads their notes, everybody else signs in first and comes
/// back to where they were going.
async fn notes(visit: Visit, service: Data<Service>) -> Result<HttpResponse, Refused> {
    match service.current(&visit).await? {
        Some(session) => {
            let greeting = format!("Bonjour {}. No notes yet.", session.value.name());
            Ok(HttpResponse::Ok().body(greeting))
        }
        None => service.start(&visit, visit.path_and_query()).await,
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let edge = edge()?;
    let service = Service::new(parts(&edge).await?);
    HttpServer::new(move || {
        App::new()
            .wrap(from_fn(web::guard))
            .configure(|cfg| edge.configure(cfg))
            .configure(|cfg| service.configure(cfg))
            .app_data(Data::from(Arc::clone(&service)))
            .route("/notes/", get().to(notes))
    })
    .bind("127.0.0.1:3000")?
    .run()
    .await?;
    Ok(())
}

/// Settings a real application reads from its own configuration.
async fn parts(edge: &Edge) -> Result<ServiceParts, Box<dyn Error>> {
    let trusted = std::env::args().nth(1).unwrap_or("idp.xml".into());
    let source = Source {
        name: "idp".into(),
        location: Location::File(trusted.into()),
        pinned: Vec::new(),
        horizon_days: None,
        may_go_back: false,
        terms: federation::Terms::default(),
    };
    let folder = std::env::temp_dir().join("notes");
    std::fs::create_dir_all(&folder)?;
    let federation = Federation::open(vec![source], folder.join("metadata"), true, edge.now());
    federation.refresh(edge.now()).await;
    // A real one keeps its key: providers know it by its metadata.
    let pair = saml::keys::generate(KeyKind::P256, "notes", edge.random(), edge.now(), 365)?;
    let key = Arc::new(SigningKey::from_pem(&pair.key_pem, &pair.cert_pem)?);
    let keys = Arc::new(Hook::new(OwnKeys::alone(key)));
    Ok(ServiceParts {
        edge: edge.clone(),
        federation: Arc::new(federation),
        shelf: store::embedded(&folder.join("shelf.redb"), Edge::system_clock())?,
        name: "notes",
        prefix: "/notes",
        entity_id: EntityId::parse("http://localhost:3000/notes")?,
        opening: Arc::new(Hook::new(Vec::new())),
        metadata_keys: Arc::clone(&keys),
        keys,
        ui: saml::metadata::Ui::default(),
        imprint: saml::metadata::Imprint::default(),
        requested: Vec::new(),
        discovery: "http://localhost:8080/wayf/".into(),
        home: "/notes/",
        session: SessionTimes::default(),
        asks: sp::Asks::default(),
        provider_logout: Arc::new(|_| None),
    })
}

fn edge() -> Result<Edge, Box<dyn Error>> {
    let parts = EdgeParts {
        public_url: PublicUrl::parse("http://localhost:3000")?,
        csrf_key: [0; 32],
        theme: None,
        journal: Journal::nowhere(),
        clock: Edge::system_clock(),
        samples: sp::samples(),
        probes: Vec::new(),
    };
    Edge::new(parts).map_err(|faults| faults.join("\n").into())
}
