//! A flow: one request, from its arrival to its answer, on the shelf.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use saml::metadata::IndexedEndpoint;
use saml::request::AuthnRequest;
use saml::{Binding, EntityId, MessageId, NameIdFormat};
use serde::{Deserialize, Serialize};
use web::{Event, Page, Query, Refused, Visit};

use crate::answer::{Hindrance, Prospect};
use crate::ecp::Client;
use crate::next::{self, Standing, Step, Untold, Wanted, next};
use crate::realm::Realm;
use crate::session::SignedOn;
use crate::{answer, change, charter, posts, refusals, second_factor, telling};

/// How long a login page may stay open.
pub(crate) const KEPT: Duration = Duration::from_secs(3600);

/// One request that is being answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Flow {
    /// The browser it belongs to.
    pub(crate) browser: String,
    /// The realm that was asked.
    pub(crate) realm: directory::Realm,
    /// `ID` of the request; none when the service did not ask.
    pub(crate) request: Option<MessageId>,
    /// The service.
    pub(crate) service: EntityId,
    /// Its assertion consumer service, one of its metadata.
    pub(crate) acs: String,
    /// How that takes the answer; flows of an earlier release are answered by POST.
    #[serde(default = "by_post")]
    pub(crate) binding: Binding,
    /// Its `RelayState`, given back unchanged.
    pub(crate) relay_state: Option<String>,
    /// `NameIDPolicy` format.
    pub(crate) name_id_format: Option<NameIdFormat>,
    /// `AttributeConsumingServiceIndex`; flows of an earlier release have none.
    #[serde(default)]
    pub(crate) attribute_service: Option<u16>,
    /// What the person was told and goes on with; flows of an earlier release have none.
    #[serde(default)]
    pub(crate) told: Option<String>,
    /// Short names of what they keep back of it; flows of an earlier release have none.
    #[serde(default)]
    pub(crate) declined: Vec<String>,
    /// The person puts the activation of a second factor off; flows of an earlier release have none.
    #[serde(default)]
    pub(crate) put_off: bool,
    /// The enhanced client that waits for the answer; such flows are never kept.
    #[serde(skip)]
    pub(crate) client: Option<Client>,
    asked: chrono::DateTime<chrono::Utc>,
    force_authn: bool,
    is_passive: bool,
    context: Option<(bool, Vec<String>)>,
}

fn by_post() -> Binding {
    Binding::Post
}

/// What the addresses of a flow are called with.
#[derive(Debug, Deserialize)]
pub(crate) struct Named {
    /// The flow.
    pub(crate) flow: Option<String>,
    /// The service it began at: where to start again when the flow is gone.
    pub(crate) sp: Option<String>,
    /// Says that the browser was given its cookie one step ago: when it does not have it now, it
    /// keeps none.
    #[serde(default)]
    pub(crate) first: Option<String>,
}

impl Flow {
    pub(crate) fn of(
        request: &AuthnRequest,
        acs: &IndexedEndpoint,
        relay_state: Option<String>,
        visit: &Visit,
        realm: &Realm,
    ) -> Self {
        let context = request
            .requested_context
            .as_ref()
            .map(|c| (c.exact, c.classes.clone()));
        let format = request
            .name_id_policy
            .as_ref()
            .and_then(|policy| policy.format.clone());
        Self {
            browser: String::new(),
            realm: realm.parts.realm,
            request: Some(request.id.clone()),
            service: request.issuer.clone(),
            acs: acs.location.clone(),
            binding: acs.binding,
            relay_state,
            name_id_format: format,
            attribute_service: request.attribute_service,
            told: None,
            declined: Vec::new(),
            put_off: false,
            client: None,
            asked: visit.edge().now(),
            force_authn: request.force_authn,
            is_passive: request.is_passive,
            context,
        }
    }

    /// A sign-on the service did not ask for: nothing in particular is wanted.
    pub(crate) fn unsolicited(
        service: EntityId,
        acs: String,
        relay_state: Option<String>,
        visit: &Visit,
        realm: &Realm,
    ) -> Self {
        Self {
            browser: String::new(),
            realm: realm.parts.realm,
            request: None,
            service,
            acs,
            binding: Binding::Post,
            relay_state,
            name_id_format: None,
            attribute_service: None,
            told: None,
            declined: Vec::new(),
            put_off: false,
            client: None,
            asked: visit.edge().now(),
            force_authn: false,
            is_passive: false,
            context: None,
        }
    }

    /// The request's `ID`, as the journal says it.
    pub(crate) fn request_id(&self) -> &str {
        self.request.as_ref().map_or("none", MessageId::as_str)
    }

    /// Whether the password is what is left to ask.
    pub(crate) fn asks_password(&self, session: Option<&SignedOn>) -> bool {
        let step = next(&self.wanted(), standing(session));
        step == Step::Password
    }

    /// Where a form on the way to the answer may end, for pages with one: an artifact leaves by a
    /// redirection, and browsers hold the form to where that goes ([`Page::form_action`]).
    pub(crate) fn form_action(&self) -> Option<String> {
        (self.binding == Binding::Artifact).then(|| format!("'self' {}", self.acs))
    }

    /// What is left to do, with the session that stands.
    pub(crate) async fn step(
        &self,
        visit: &Visit,
        realm: &Realm,
        session: Option<&SignedOn>,
    ) -> Result<Step, Refused> {
        Ok(self.next(visit, realm, session).await?.0)
    }

    /// The same, and what an answer would say where one could be given.
    pub(crate) async fn next(
        &self,
        visit: &Visit,
        realm: &Realm,
        session: Option<&SignedOn>,
    ) -> Result<(Step, Option<Result<Prospect, Hindrance>>), Refused> {
        let second = second_factor::second(visit, realm, self, session).await?;
        let standing = Standing {
            second,
            closed: self.is_closed(visit, realm, session).await?,
            given: change::is_left(realm, session).await?,
            charter: charter::is_left(realm, session).await?,
            post: posts::is_left(visit, realm, self, session).await?,
            ..standing(session)
        };
        let wanted = self.wanted();
        let step = next(&wanted, standing);
        let (Step::Answer, Some(session)) = (&step, session) else {
            return Ok((step, None));
        };
        let prospect = answer::prospect(visit, realm, self, session).await?;
        // Who answers says why nothing could be said.
        let untold = match &prospect {
            Ok(prospect) => telling::untold(realm, self, prospect).await?,
            Err(_) => Untold::Nothing,
        };
        let step = next(&wanted, Standing { untold, ..standing });
        Ok((step, Some(prospect)))
    }

    /// Whether the operator's rule keeps the person of the session out of the service.
    async fn is_closed(
        &self,
        visit: &Visit,
        realm: &Realm,
        session: Option<&SignedOn>,
    ) -> Result<bool, Refused> {
        let Some(session) = session else {
            return Ok(false);
        };
        let now = visit.edge().now();
        let person = realm.people.find(&session.person, now).await?;
        Ok(person.is_some_and(|person| !(realm.access)(&self.service, &person, now.date_naive())))
    }

    /// Tells a person that the service is not open to them, and the journal of whom it was.
    pub(crate) fn close(&self, visit: &Visit, realm: &Realm, session: &SignedOn) -> Refused {
        self.tell_closed(visit, realm, session);
        refusals::closed(&self.service, realm).with("request", self.request_id())
    }

    /// The same for the journal alone.
    pub(crate) fn tell_closed(&self, visit: &Visit, realm: &Realm, session: &SignedOn) {
        visit.tell(
            Event::new("idp.service.closed")
                .with("request", self.request_id())
                .with("sp", self.service.as_str())
                .with("person", session.person.as_str()),
        );
        let labels = [
            ("realm", realm.parts.realm.as_str()),
            ("sp", self.service.as_str()),
        ];
        visit.edge().count("eduline_services_closed_total", &labels);
    }

    /// Whether the answer could be of use without a second factor, as far as the request goes.
    pub(crate) fn requests_second_factor(&self) -> bool {
        let classes = self.context.iter().flat_map(|(_, classes)| classes);
        classes
            .into_iter()
            .any(|class| class == saml::names::REFEDS_MFA)
    }

    /// What the answer says was proven.
    pub(crate) fn said(&self, session: &SignedOn) -> &'static str {
        next::said(self.context.as_ref(), session.proven())
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            asked: self.asked,
            force_authn: self.force_authn,
            is_passive: self.is_passive,
            context: self.context.clone(),
        }
    }

    /// Keeps a flow whose visitor has something left to do, for this browser; says where they go.
    pub(crate) async fn keep(mut self, realm: &Realm, visit: &Visit) -> Result<String, Refused> {
        let first = if visit.browser_is_known() {
            ""
        } else {
            "&first=1"
        };
        self.browser = visit.browser().to_owned();
        let id = realm.edge.token();
        visit.tell(
            Event::new("idp.flow.kept")
                .with("flow", id.as_str())
                .with("request", self.request_id())
                .with("sp", self.service.as_str()),
        );
        let address = realm.path(&format!("/login?{}{first}", name(&id, &self.service)));
        realm.flows.put(&id, &self, KEPT).await?;
        Ok(address)
    }
}

/// What stands, as far as the session says.
fn standing(session: Option<&SignedOn>) -> Standing {
    Standing {
        session: session.map(SignedOn::proven),
        ..Standing::default()
    }
}

/// The query that names a flow.
pub(crate) fn name(flow: &str, service: &EntityId) -> String {
    format!(
        "flow={flow}&sp={}",
        utf8_percent_encode(service.as_str(), NON_ALPHANUMERIC)
    )
}

impl Realm {
    /// The flow of that name, if it is of this browser and this realm.
    pub(crate) async fn flow(
        &self,
        visit: &Visit,
        named: &Named,
    ) -> Result<Option<(String, Flow)>, Refused> {
        let Some(id) = named.flow.as_deref().filter(|id| id.len() <= 64) else {
            return Ok(None);
        };
        let found = self.flows.get(id).await?;
        Ok(found
            .filter(|flow| visit.browser_is_known() && flow.browser == visit.browser())
            .filter(|flow| flow.realm == self.parts.realm)
            .map(|flow| (id.to_owned(), flow)))
    }
}

/// `GET /idp/<realm>/continue`: the only door back to the decider.
pub(crate) async fn go_on(
    visit: Visit,
    realm: Data<Realm>,
    Query(named): Query<Named>,
) -> Result<HttpResponse, Refused> {
    let Some((id, flow)) = realm.flow(&visit, &named).await? else {
        return stale(&visit, &realm, &named);
    };
    let session = realm.session(&visit).await?;
    let signed_on = session.as_ref().map(|session| &session.value);
    let (step, prospect) = flow.next(&visit, &realm, signed_on).await?;
    let page = match step {
        Step::Password => Some("login"),
        Step::SecondFactor | Step::Activate => Some("second-factor"),
        Step::Inform | Step::Refuse => Some("information"),
        Step::Agree => Some("charte"),
        Step::Choose => Some("affectation"),
        Step::Change | Step::Answer | Step::Close | Step::Tell(_) => None,
    };
    if let Some(page) = page {
        let to = format!("/{page}?{}", name(&id, &flow.service));
        return Ok(visit.see_other(&realm.path(&to)));
    }
    if let (Step::Change, Some(session)) = (&step, &session) {
        return change::hand_over(&visit, &realm, (&id, &flow), &session.value).await;
    }
    // Taken once: of two tabs that go on at the same moment, one answers.
    let Some(flow) = realm.flows.take(&id).await? else {
        return stale(&visit, &realm, &named);
    };
    match (step, session, prospect) {
        (Step::Answer, Some(session), Some(prospect)) => {
            answer::give(&visit, &realm, &flow, (&session.value, prospect)).await
        }
        (Step::Close, Some(session), _) => Err(flow.close(&visit, &realm, &session.value)),
        (Step::Tell(status), ..) => answer::tell(&visit, &realm, &flow, status).await,
        _ => stale(&visit, &realm, &named),
    }
}

/// A login page that leads nowhere any more: bookmarked, used, forgotten, or another browser's.
#[derive(Serialize)]
pub(crate) struct StalePage {
    /// Where to start again.
    again: String,
    /// What the service that asked calls itself.
    service: Option<String>,
    tutoie: bool,
}

impl Page for StalePage {
    const TEMPLATE: &'static str = "idp-stale.html";

    fn samples() -> Vec<Self> {
        [None, Some("Magistère".to_owned())]
            .map(|service| Self {
                again: "/portail/".to_owned(),
                tutoie: service.is_some(),
                service,
            })
            .into()
    }

    fn tutoie(&self) -> bool {
        self.tutoie
    }
}

/// No dead end (P16): the service it came from starts again with this provider chosen; without one
/// that we know, the portal does.
pub(crate) fn stale(visit: &Visit, realm: &Realm, named: &Named) -> Result<HttpResponse, Refused> {
    let (service, again) = again(visit, realm, named)?;
    visit.tell(Event::new("idp.flow.stale").with("flow", named.flow.clone().unwrap_or_default()));
    visit.page_with(
        StatusCode::OK,
        &StalePage {
            again,
            service,
            tutoie: realm.tutoie(),
        },
    )
}

/// A browser that keeps no cookies would go round in circles: it is told so, with a way to start
/// again once it does.
pub(crate) fn without_cookies(visit: &Visit, realm: &Realm, named: &Named) -> Refused {
    match again(visit, realm, named) {
        Ok((_, again)) => refusals::without_cookies(again),
        Err(refused) => refused,
    }
}

/// What the service that asked calls itself, and the address where the sign-on starts again.
fn again(visit: &Visit, realm: &Realm, named: &Named) -> Result<(Option<String>, String), Refused> {
    let snapshot = realm.federation.snapshot();
    if snapshot.is_empty() {
        return Err(refusals::starting());
    }
    let service = named.sp.as_deref().and_then(|sp| EntityId::parse(sp).ok());
    let found = service.as_ref().and_then(|service| {
        let (entity, role) = snapshot.service(service)?;
        let name = entity.ui.display_name(visit.lang().as_str());
        Some((name.map(str::to_owned), role.default_discovery()?))
    });
    let (service, start) =
        found.map_or((None, realm.parts.portal.as_str()), |(name, to)| (name, to));
    Ok((service, begin(start, realm)))
}

/// The address where a service begins a sign-on, with this provider chosen.
pub(crate) fn begin(start: &str, realm: &Realm) -> String {
    let joint = if start.contains('?') { '&' } else { '?' };
    let provider = utf8_percent_encode(realm.parts.entity_id.as_str(), NON_ALPHANUMERIC);
    format!("{start}{joint}entityID={provider}")
}
