//! A service that shows what it received: it stands for Magistère in the demo, and tests a new
//! integration.
//!
//! # Invariants
//!
//! * An ordinary relying service: what it knows of a person came in one assertion, through `sp`.
//! * It shows everything it received and keeps nothing of its own.
//! * Of what is pasted into its decoder nothing is kept, told, opened or acted on.

mod decoder;
mod page;

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig, get, post, resource};
use sp::Service;
use web::{Pool, Refused, Sample, Visit};

use decoder::{DECODER, DecoderPage};
use page::ReceivedPage;

/// What a viewer is made of.
pub struct ViewerParts {
    /// The service it is.
    pub service: Arc<Service>,
    /// The portal that visitors come from, to lead them back without signing out (the ministry's
    /// `FrEduUrlRetour`).
    pub portal: Option<String>,
}

/// The viewer.
pub struct Viewer {
    parts: ViewerParts,
    /// Where what is pasted is looked at.
    pool: Pool,
}

impl Viewer {
    /// A viewer made of these parts.
    pub fn new(parts: ViewerParts) -> Arc<Self> {
        Arc::new(Self {
            parts,
            pool: Pool::of_this_machine(),
        })
    }

    /// Registers every route under the prefix: those of the service, and the one page.
    pub fn configure(self: &Arc<Self>, cfg: &mut ServiceConfig) {
        let home = self.parts.service.home();
        self.parts.service.configure(cfg);
        cfg.service(
            resource([home, home.trim_end_matches('/')])
                .app_data(Data::from(Arc::clone(self)))
                .route(get().to(show)),
        );
        cfg.service(
            resource([DECODER.to_owned(), format!("{DECODER}/")].to_vec())
                .app_data(Data::from(Arc::clone(self)))
                .route(get().to(decoder::ask))
                .route(post().to(decoder::show)),
        );
    }
}

/// The pages of this room, for the edge to check.
pub fn samples() -> Vec<Sample> {
    [Sample::of::<ReceivedPage>(), Sample::of::<DecoderPage>()].concat()
}

/// `GET {prefix}/`
async fn show(visit: Visit, viewer: Data<Viewer>) -> Result<HttpResponse, Refused> {
    let service = &viewer.parts.service;
    let Some(session) = service.current(&visit).await? else {
        return service.start(&visit, visit.path_and_query()).await;
    };
    let provider = service.provider_name(&session.value.provider, visit.lang());
    let badge = service.badge(&session.value);
    visit.page(
        &ReceivedPage::of(badge, &session.value, session.opened)
            .named(provider)
            .back_to(viewer.parts.portal.clone()),
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_sample_renders_strictly_in_both_languages() {
        assert_eq!(web::check(&super::samples(), None), Vec::<String>::new());
    }
}
