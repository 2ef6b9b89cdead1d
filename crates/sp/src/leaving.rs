//! Leaving: the session of this service ends; the identity provider's is the person's choice.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use web::{Badge, Event, Form, Page, Refused, Sample, Visit};

use crate::Service;

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
}

impl Page for LeftPage {
    const TEMPLATE: &'static str = "sp-left.html";

    fn samples() -> Vec<Self> {
        let page = |provider_logout: Option<&str>, provider: Option<&str>| Self {
            again: "/portail/".into(),
            provider_logout: provider_logout.map(Into::into),
            provider: provider.map(Into::into),
        };
        let logout = Some("https://eduline.example/idp/personnel/logout");
        vec![
            page(None, None),
            page(logout, None),
            page(logout, Some("Académie de Démonstration")),
        ]
    }
}

/// The pages of this room, for the edge to check.
pub fn samples() -> Vec<Sample> {
    [Sample::of::<LeavingPage>(), Sample::of::<LeftPage>()].concat()
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
        return visit.page(&service.left(&visit, None));
    };
    visit.tell(
        Event::new("sp.logout")
            .with("service", service.parts.name)
            .with("provider", session.value.provider.as_str()),
    );
    visit.page(&service.left(&visit, Some(&session.value.provider)))
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
        None => visit.page(&service.left(visit, None)),
    }
}

impl Service {
    fn left(&self, visit: &Visit, provider: Option<&saml::EntityId>) -> LeftPage {
        let logout = provider.and_then(|id| (self.parts.provider_logout)(id));
        LeftPage {
            again: self.parts.home.to_owned(),
            provider: provider
                .filter(|_| logout.is_some())
                .and_then(|id| self.provider_name(id, visit.lang())),
            provider_logout: logout,
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
