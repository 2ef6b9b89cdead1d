//! A browser, and the answers an identity provider gives it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use saml::request::RequestExpected;
use saml::response::{Attribute, NameId, ResponsePlan, SignWhat};
use saml::{AuthnRequest, EntityId, MessageId, Moment, NameIdFormat, Received, Signing};

use crate::scene::{ACS, Answer, ORIGIN, PROVIDER, Scene, between, id, key, sso};

/// A browser.
pub(crate) struct Browser<'a> {
    scene: &'a Scene,
    jar: RefCell<BTreeMap<String, String>>,
}

impl Scene {
    /// A browser without cookies.
    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser {
            scene: self,
            jar: RefCell::default(),
        }
    }
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
        let answer = self.scene.call(request).await;
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
