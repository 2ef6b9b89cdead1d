//! A service of somebody else, as far as the identity provider can tell: keys, metadata, requests,
//! and a reader of answers. For real ones of other makes, see the tests that bear their names.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use saml::metadata::{
    Endpoint, EntityPlan, IndexedEndpoint, IndexedEndpointUrl, RequestedAttribute, RolePlan, Ui,
};
use saml::response::{Login, Response, ResponseExpected};
use saml::{AuthnRequest, Binding, EntityId, MessageId, NameIdFormat, Received, SigningKey};

use crate::{Answer, Client, House, forge};

/// A service that is registered by hand.
pub struct Partner {
    /// Its signing key.
    pub key: SigningKey,
    /// Its entityID.
    pub id: EntityId,
    /// Its assertion consumer service.
    pub acs: String,
    /// What it asks for.
    pub requested: Vec<RequestedAttribute>,
    /// Its entity attributes.
    pub attributes: Vec<(String, Vec<String>)>,
    /// Its `NameIDFormat`s.
    pub formats: Vec<NameIdFormat>,
    /// Where discovery answers it.
    pub discovery: Option<String>,
    /// What it shows of itself.
    pub ui: Ui,
    /// The bindings of its logout address.
    pub slo: Vec<Binding>,
}

impl Partner {
    /// A service on `host` that asks for nothing.
    pub fn new(host: &str) -> Self {
        Self {
            key: forge::stranger(),
            id: EntityId::parse(&format!("https://{host}/sp")).expect("an entityID"),
            acs: format!("https://{host}/acs"),
            requested: Vec::new(),
            attributes: Vec::new(),
            formats: Vec::new(),
            discovery: None,
            ui: Ui::default(),
            slo: Vec::new(),
        }
    }

    /// Its logout address, of whatever binding.
    pub fn slo_address(&self) -> String {
        self.acs.replacen("/acs", "/slo", 1)
    }

    /// The same, asking for an attribute.
    #[must_use]
    pub fn asking(mut self, name: &str, required: bool) -> Self {
        let wire = saml::attribute::find(name).expect("an attribute");
        self.requested.push(RequestedAttribute {
            name: wire.name.to_owned(),
            name_format: wire.format.to_owned(),
            friendly_name: None,
            required,
        });
        self
    }

    /// The same, with an entity attribute.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.attributes
            .push((name.to_owned(), vec![value.to_owned()]));
        self
    }

    fn slo_at(&self, binding: Binding) -> Endpoint {
        Endpoint {
            binding,
            location: self.slo_address(),
            response_location: None,
        }
    }

    /// Its metadata.
    pub fn metadata(&self) -> String {
        let discovery = self.discovery.iter().map(|location| IndexedEndpointUrl {
            location: location.clone(),
            index: 0,
            is_default: true,
        });
        let plan = EntityPlan {
            document_id: forge::random_id(),
            id: &self.id,
            valid_until: forge::now() + chrono::Duration::days(5),
            cache_s: 3600,
            ui: &self.ui,
            attributes: &self.attributes,
            role: RolePlan::Sp {
                acs: vec![IndexedEndpoint {
                    binding: Binding::Post,
                    location: self.acs.clone(),
                    index: 0,
                    is_default: true,
                }],
                slo: self
                    .slo
                    .iter()
                    .map(|binding| self.slo_at(*binding))
                    .collect(),
                discovery: discovery.collect(),
                name_id_formats: self.formats.clone(),
                requested_attributes: &self.requested,
            },
            signing_certificates: vec![self.key.certificate()],
        };
        saml::metadata::compose(&plan, &self.key).expect("composes")
    }

    /// Registers it with `eduline sp add` and these options, and waits until it is known.
    pub fn register(&self, house: &House, options: &[&str]) {
        add(house, &self.metadata(), options);
        wait_until_known(house, self.id.as_str());
    }

    /// A request to the staff's identity provider.
    pub fn request(&self, house: &House) -> AuthnRequest {
        let id = self.id.clone();
        let mut request = AuthnRequest::new(forge::random_id(), forge::now(), id);
        request.destination = Some(house.at("/idp/personnel/sso/redirect"));
        request
    }

    /// The address that carries a request.
    pub fn address(&self, house: &House, request: &AuthnRequest) -> String {
        let to = house.at("/idp/personnel/sso/redirect");
        saml::redirect::compose(request, &to, None, &self.key).expect("composes")
    }

    /// Asks for a sign-on; the answer is read as the service would read it.
    pub fn sign_on(&self, house: &House, client: &Client, login: &str) -> Login {
        let request = self.request(house);
        let page = client.open(&self.address(house, &request));
        let page = if page.action("name=\"password\"").is_some() {
            client.sign_in(&page, login, crate::PASSWORD)
        } else {
            page
        };
        self.receive(house, &page, Some(&request.id))
    }

    /// Reads the answer that a page carries.
    pub fn receive(&self, house: &House, page: &Answer, request: Option<&MessageId>) -> Login {
        assert_eq!(
            page.action("SAMLResponse").as_deref(),
            Some(self.acs.as_str()),
            "{}",
            page.body
        );
        let issuer = EntityId::parse(&house.at("/idp/personnel")).expect("an entityID");
        let expected = ResponseExpected {
            issuer: &issuer,
            audience: &self.id,
            acs: &self.acs,
            in_response_to: request,
            now: forge::now(),
        };
        let response = page.field("SAMLResponse").expect("an answer");
        Received::<Response>::from_form(&response)
            .and_then(|received| received.verify(&[forge::key(house, "idp-personnel").verifying()]))
            .and_then(|verified| verified.accept(&expected))
            .unwrap_or_else(|why| panic!("{why}: {}", decoded(&response)))
            .into_message()
    }
}

/// Registers the service of that metadata with `eduline sp add` and these options.
pub fn add(house: &House, metadata: &str, options: &[&str]) {
    let file = house.data.path().join("partner.xml");
    std::fs::write(&file, metadata).expect("written");
    let path = file.display().to_string();
    let added = house.run(&[&["sp", "add", path.as_str(), "--replace"], options].concat());
    let said = String::from_utf8_lossy(&added.stderr);
    assert!(added.status.success(), "{said}");
}

/// Waits until a service that was registered just now is known to the staff's identity provider.
pub fn wait_until_known(house: &House, id: &str) {
    let client = house.client();
    let query = crate::client::form(&[("providerId", id)]);
    let address = format!("/idp/personnel/sso/unsolicited?{query}");
    let started = std::time::Instant::now();
    while client.get(&address).code().as_deref() == Some("EDU-4003") {
        assert!(started.elapsed().as_secs() < 10, "it never became known");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// The address that carries a request to the staff's identity provider, unsigned.
pub fn unsigned(house: &House, request: &AuthnRequest) -> String {
    let to = house.at("/idp/personnel/sso/redirect");
    let signed = saml::redirect::compose(request, &to, None, &forge::stranger());
    let mut parts = signed.as_deref().expect("composes").split("&SigAlg=");
    parts.next().expect("a query").to_owned()
}

/// The XML inside a form field.
pub fn decoded(field: &str) -> String {
    let bytes = STANDARD.decode(field).expect("base64");
    String::from_utf8(bytes).expect("UTF-8")
}
