//! Leaving: the session of this service ends; the identity provider's is the person's choice, and
//! what the provider ends is ended here.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use web::{Badge, Event, Form, Page, Refused, Sample, Visit};

use crate::Service;
use known::Said;

pub(crate) mod everywhere;
pub(crate) mod known;
pub(crate) mod told;

/// The form's name, for its token.
const FORM: &str = "logout";

/// « Se déconnecter ? »
#[derive(Debug, Serialize)]
pub(crate) struct LeavingPage {
    /// Where the form posts to.
    action: String,
    /// Where "stay" leads.
    home: String,
    /// The form was too old and is shown again.
    expired: bool,
    /// Whether it is said to a pupil.
    pupil: bool,
    /// Who is signed in.
    badge: Badge,
}

impl Page for LeavingPage {
    const TEMPLATE: &'static str = "sp-logout.html";

    fn samples() -> Vec<Self> {
        [false, true]
            .map(|expired| Self {
                action: "/portail/logout".into(),
                home: "/portail/".into(),
                expired,
                pupil: expired,
                badge: Badge {
                    login: "amartin".into(),
                    name: "Anne Martin".into(),
                    logout: "/portail/logout".into(),
                },
            })
            .into()
    }

    fn user(&self) -> Option<Badge> {
        Some(self.badge.clone())
    }

    fn tutoie(&self) -> bool {
        self.pupil
    }
}

/// The session is over.
#[derive(Debug, Serialize)]
pub(crate) struct LeftPage {
    /// Where a new sign-on starts.
    again: String,
    /// Where the identity provider's own session is ended, when it has such a page.
    provider_logout: Option<String>,
    /// What that provider calls itself.
    provider: Option<String>,
    /// What it said when it was asked to end its session.
    said: Option<Said>,
}

impl Page for LeftPage {
    const TEMPLATE: &'static str = "sp-left.html";

    fn samples() -> Vec<Self> {
        let page = |provider_logout: Option<&str>, provider: Option<&str>, said| Self {
            again: "/portail/".into(),
            provider_logout: provider_logout.map(Into::into),
            provider: provider.map(Into::into),
            said,
        };
        let logout = Some("https://eduline.example/idp/personnel/logout");
        let name = Some("Académie de Démonstration");
        vec![
            page(None, None, None),
            page(logout, None, None),
            page(logout, name, None),
            page(None, name, Some(Said::Done)),
            page(None, name, Some(Said::Partial)),
            page(logout, name, Some(Said::Failed)),
        ]
    }
}

/// The page that carries the answer to a logout request to the identity provider.
#[derive(Debug, Serialize)]
pub(crate) struct CarryPage {
    /// Where the form posts to.
    to: String,
    /// `SAMLResponse`.
    response: String,
    /// What came with the request, given back.
    relay_state: Option<String>,
}

impl Page for CarryPage {
    const TEMPLATE: &'static str = "sp-logout-carry.html";

    fn samples() -> Vec<Self> {
        [None, Some("state".to_owned())]
            .map(|relay_state| Self {
                to: "https://idp.example/slo".into(),
                response: "PHg+".into(),
                relay_state,
            })
            .into()
    }

    fn form_action(&self) -> Option<String> {
        Some(self.to.clone())
    }
}

/// The pages of this room, for the edge to check.
pub fn samples() -> Vec<Sample> {
    [
        Sample::of::<LeavingPage>(),
        Sample::of::<LeftPage>(),
        Sample::of::<CarryPage>(),
        Sample::of::<crate::kept::KeptPage>(),
    ]
    .concat()
}

/// What `POST {prefix}/logout` may be told.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct LeaveForm {
    csrf: Option<String>,
}

/// `GET {prefix}/logout`
pub(crate) async fn ask(visit: Visit, service: Data<Service>) -> Result<HttpResponse, Refused> {
    show(&service, &visit, false).await
}

/// `POST {prefix}/logout`
pub(crate) async fn leave(
    visit: Visit,
    service: Data<Service>,
    Form(form): Form<LeaveForm>,
) -> Result<HttpResponse, Refused> {
    if visit.check_csrf(FORM, form.csrf.as_deref()).is_err() {
        return show(&service, &visit, true).await;
    }
    let closed = service.sessions.close(&visit).await?;
    let Some(session) = closed else {
        return visit.page(&service.left(None, None));
    };
    visit.tell(
        Event::new("sp.logout")
            .with("service", service.parts.name)
            .with("provider", session.value.provider.as_str()),
    );
    count(&service, "own");
    let provider = &session.value.provider;
    let page = (service.parts.provider_logout)(provider);
    let logout = everywhere::offer(&service, &visit, &session.value).await?;
    let logout = logout.or(page);
    let name = service.provider_name(provider, visit.lang());
    visit.page(&service.left(logout, name))
}

/// Counts a logout of this service by what it came to.
fn count(service: &Service, outcome: &str) {
    let labels = [("side", service.parts.name), ("outcome", outcome)];
    service.parts.edge.count("eduline_logouts_total", &labels);
}

/// The question, or what there is to say when nobody is signed in.
async fn show(service: &Service, visit: &Visit, expired: bool) -> Result<HttpResponse, Refused> {
    match service.current(visit).await? {
        Some(session) => visit.page(&LeavingPage {
            action: service.path("/logout"),
            home: service.parts.home.to_owned(),
            expired,
            pupil: session.value.is_pupil(),
            badge: service.badge(&session.value),
        }),
        None => visit.page(&service.left(None, None)),
    }
}

impl Service {
    /// The session here is over; the provider's may be ended at `logout`.
    fn left(&self, logout: Option<String>, provider: Option<String>) -> LeftPage {
        LeftPage {
            again: self.parts.home.to_owned(),
            provider: provider.filter(|_| logout.is_some()),
            provider_logout: logout,
            said: None,
        }
    }

    /// The same, and what the provider said. One that did not end its session may have a page that
    /// does.
    fn left_everywhere(&self, visit: &Visit, provider: &saml::EntityId, said: Said) -> LeftPage {
        let logout = (self.parts.provider_logout)(provider);
        LeftPage {
            again: self.parts.home.to_owned(),
            provider: self.provider_name(provider, visit.lang()),
            provider_logout: logout.filter(|_| said == Said::Failed),
            said: Some(said),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_sample_renders_strictly_in_both_languages() {
        assert_eq!(web::check(&super::samples(), None), Vec::<String>::new());
    }
}
