//! A relying party: an application of yours that lets people in through the federation.
//!
//! ```sh
//! cargo run --example relying_party -- http://localhost:3000 idp.xml http://localhost:8080/wayf/ var/notes
//! ```
//! Then register <http://localhost:3000/notes/saml/metadata> with the identity provider, and open
//! <http://localhost:3000/notes/>.

use std::error::Error;
use std::path::Path;

use actix_web::middleware::from_fn;
use actix_web::web::{Data, get};
use actix_web::{App, HttpResponse, HttpServer};
use saml::attribute::{GIVEN_NAME, SN};
use sp::{Kit, Service, Trusted};
use web::{Refused, Visit};

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
    let mut given = std::env::args().skip(1);
    let mut argument = |what: &str| given.next().ok_or_else(|| format!("{what} is missing"));
    let public_url = argument("the address of this application")?;
    let provider = argument("the identity provider's metadata")?;
    let discovery = argument("the address of the discovery service")?;
    let folder = argument("a folder of its own")?;
    let kit = Kit {
        public_url: &public_url,
        name: "notes",
        home: "/notes/",
        trusted: Trusted::File(Path::new(&provider)),
        discovery: &discovery,
        attributes: &[GIVEN_NAME, SN],
        folder: Path::new(&folder),
    };
    let (edge, service) = kit.open().await?;
    HttpServer::new(move || {
        App::new()
            .wrap(from_fn(web::guard))
            .configure(|cfg| edge.configure(cfg))
            .configure(|cfg| service.configure(cfg))
            .app_data(Data::from(service.clone()))
            .route("/notes/", get().to(notes))
    })
    .bind(public_url.trim_start_matches("http://"))?
    .run()
    .await?;
    Ok(())
}
