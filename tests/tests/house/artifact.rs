//! HTTP-Artifact: the browser brings a token, the service comes for the message by SOAP.

use saml::artifact::{Artifact, ArtifactResolve, ArtifactResponse, ResolvedExpected};
use saml::request::{AcsChoice, NameIdPolicy};
use saml::response::{Login, ResponseExpected};
use saml::{Accepted, AuthnRequest, Binding, EntityId, MessageId, NameIdFormat, Received, Signing};
use saml::{SigningKey, soap};
use visits::{Answer, Client, House, PASSWORD, forge, partner};

const AT: &str = "/idp/personnel/artifact";

/// A service that takes answers by artifact at its index 1 and by POST at its default.
struct Service {
    key: SigningKey,
    id: EntityId,
    acs: String,
}

impl Service {
    fn registered(house: &House, host: &str) -> Self {
        let service = Self {
            key: forge::stranger(),
            id: EntityId::parse(&format!("https://{host}/sp")).unwrap(),
            acs: format!("https://{host}/artifact?of=us"),
        };
        let text = format!(
            "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{}\">\
             <md:SPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
             <md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">\
             <ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>\
             </md:KeyDescriptor><md:AssertionConsumerService index=\"0\" isDefault=\"true\" \
             Location=\"https://{host}/post\" Binding=\"{}\"/><md:AssertionConsumerService index=\"1\" \
             Location=\"{}\" Binding=\"{}\"/></md:SPSSODescriptor></md:EntityDescriptor>",
            service.id,
            service.key.certificate(),
            Binding::Post.uri(),
            service.acs,
            Binding::Artifact.uri(),
        );
        partner::add(house, &text, &[]);
        partner::wait_until_known(house, service.id.as_str());
        service
    }

    fn request(&self, house: &House) -> AuthnRequest {
        let mut request = AuthnRequest::new(forge::random_id(), forge::now(), self.id.clone());
        request.destination = Some(house.at("/idp/personnel/sso/redirect"));
        request.acs = AcsChoice::Index(1);
        request
    }

    fn open(&self, house: &House, client: &Client, request: &AuthnRequest) -> Answer {
        let to = house.at("/idp/personnel/sso/redirect");
        let address = saml::redirect::compose(request, &to, Some("some state"), &self.key);
        client.get(&address.unwrap())
    }

    fn resolve(&self, house: &House, artifact: Artifact) -> ArtifactResolve {
        ArtifactResolve {
            id: forge::random_id(),
            issue_instant: forge::now(),
            issuer: self.id.clone(),
            destination: Some(house.at(AT)),
            artifact,
        }
    }

    /// What the provider gives for an artifact: the signed answer, as the service reads it.
    fn resolved(
        &self,
        house: &House,
        artifact: &Artifact,
    ) -> Option<Received<saml::response::Response>> {
        let asked = self.resolve(house, artifact.clone());
        let answer = post(house, &soap::compose(&asked, &self.key).unwrap());
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let issuer = EntityId::parse(&house.at("/idp/personnel")).unwrap();
        let keys = [forge::key(house, "idp-personnel").verifying()];
        let verified = Received::<ArtifactResponse>::by_soap(answer.body.as_bytes())
            .and_then(|received| received.verify(Signing::Required(&keys)))
            .unwrap_or_else(|why| panic!("{why}: {}", answer.body));
        assert_eq!(verified.message().in_response_to.as_ref(), Some(&asked.id));
        assert!(verified.message().status.code.ends_with(":Success"));
        // SAML Core 3.5.3: nothing for it is a success without a message.
        verified.message().message.as_ref()?;
        let expected = ResolvedExpected {
            issuer: &issuer,
            in_response_to: &asked.id,
            now: forge::now(),
        };
        Some(
            verified
                .accept(&expected)
                .and_then(Accepted::into_response)
                .unwrap(),
        )
    }

    fn login(
        &self,
        house: &House,
        received: Received<saml::response::Response>,
        request: &MessageId,
    ) -> Result<Login, saml::Refusal> {
        let issuer = EntityId::parse(&house.at("/idp/personnel")).unwrap();
        let keys = [forge::key(house, "idp-personnel").verifying()];
        let expected = ResponseExpected {
            issuer: &issuer,
            audience: &self.id,
            acs: &self.acs,
            in_response_to: Some(request),
            now: forge::now(),
        };
        received
            .verify(&keys)?
            .accept(&expected)
            .map(Accepted::into_message)
    }
}

fn post(house: &House, envelope: &str) -> Answer {
    let client = house.client();
    client.post_raw(AT, soap::CONTENT_TYPE, envelope.as_bytes())
}

/// The artifact that leads the browser to the service.
fn brought(service: &Service, led: &Answer) -> Artifact {
    let to = led.location();
    let query = to.strip_prefix(&format!("{}&SAMLart=", service.acs));
    let query = query.unwrap_or_else(|| panic!("elsewhere: {to}"));
    let (artifact, state) = query.split_once("&RelayState=").expect("a state");
    assert_eq!(state, "some%20state");
    let text = percent_encoding::percent_decode_str(artifact).decode_utf8();
    Artifact::parse(&text.unwrap()).unwrap()
}

/// Signs on with a password, up to the redirection that carries the artifact.
fn sign_on(house: &House, service: &Service, client: &Client, request: &AuthnRequest) -> Artifact {
    let login = client.follow(service.open(house, client, request));
    // The form ends at the service: browsers hold it to that.
    let policy = login.header("content-security-policy").unwrap();
    let (path, _) = service.acs.split_once('?').unwrap();
    let allowed = format!("form-action 'self' {path};");
    assert!(policy.contains(&allowed), "{policy}");
    let field = |name: &str| login.field(name).unwrap_or_default();
    let (csrf, flow, sp) = (field("csrf"), field("flow"), field("sp"));
    let typed = client.post(
        "/idp/personnel/login",
        &[
            ("csrf", csrf.as_str()),
            ("flow", &flow),
            ("sp", &sp),
            ("username", "amartin"),
            ("password", PASSWORD),
        ],
    );
    brought(service, &client.get(typed.location()))
}

#[test]
fn p03_an_artifact_is_resolved_once_by_the_service_it_was_made_for() {
    let house = House::start();
    let service = Service::registered(&house, "one.example");
    let other = Service::registered(&house, "other.example");
    let client = house.client();
    let request = service.request(&house);
    let artifact = sign_on(&house, &service, &client, &request);
    let issuer = EntityId::parse(&house.at("/idp/personnel")).unwrap();
    assert!(artifact.is_of(&issuer) && artifact.endpoint() == 0);
    let published = client.get("/idp/personnel/metadata").body;
    let endpoint = visits::client::between(&published, "<md:ArtifactResolutionService", ">");
    assert!(endpoint.expect("published").contains(&house.at(AT)));

    // H05: another service that holds it gets nothing, and spends nothing.
    assert!(other.resolved(&house, &artifact).is_none());
    // Of another issuer, of another endpoint, of nobody.
    let handle = *artifact.handle();
    for stray in [
        Artifact::new(
            &EntityId::parse("https://idp.elsewhere.example").unwrap(),
            0,
            handle,
        ),
        Artifact::new(
            &EntityId::parse(&house.at("/idp/eleve")).unwrap(),
            0,
            handle,
        ),
        Artifact::new(&issuer, 7, handle),
        Artifact::new(&issuer, 0, [9; 20]),
    ] {
        assert!(service.resolved(&house, &stray).is_none(), "{stray:?}");
    }
    // Nothing of all that spent it.
    let received = service.resolved(&house, &artifact).expect("a message");
    let login = service
        .login(&house, received, &request.id)
        .expect("a login");
    assert!(login.name_id.is_some());
    assert!(service.resolved(&house, &artifact).is_none(), "once");

    // With a session, the next one comes at once; each is its own.
    let request = service.request(&house);
    let second = brought(&service, &service.open(&house, &client, &request));
    assert_ne!(second.handle(), artifact.handle());
    let received = service.resolved(&house, &second).expect("a message");
    service
        .login(&house, received, &request.id)
        .expect("a login");

    // A refusal goes the same way.
    let mut wanting = service.request(&house);
    wanting.name_id_policy = Some(NameIdPolicy {
        format: Some(NameIdFormat::Entity),
        allow_create: true,
        sp_name_qualifier: None,
    });
    let told = brought(&service, &service.open(&house, &client, &wanting));
    let received = service.resolved(&house, &told).expect("a message");
    let refusal = service.login(&house, received, &wanting.id).unwrap_err();
    assert!(
        refusal.to_string().contains("InvalidNameIDPolicy"),
        "{refusal}"
    );

    let lines = house.journal();
    let asked = lines
        .iter()
        .filter(|line| line["event"] == "idp.artifact.asked");
    let results: Vec<_> = asked.map(|line| line["result"].as_str().unwrap()).collect();
    assert_eq!(results.iter().filter(|one| **one == "resolved").count(), 3);
    assert_eq!(results.iter().filter(|one| **one == "nothing").count(), 6);
}

#[test]
fn h05_whoever_does_not_prove_who_they_are_is_given_no_message() {
    let house = House::start();
    let service = Service::registered(&house, "one.example");
    let other = Service::registered(&house, "other.example");
    let client = house.client();
    let request = service.request(&house);
    let artifact = sign_on(&house, &service, &client, &request);
    let asked = |change: &dyn Fn(&mut ArtifactResolve)| {
        let mut asked = service.resolve(&house, artifact.clone());
        change(&mut asked);
        asked
    };
    let sent = |asked: &ArtifactResolve, key: &SigningKey| soap::compose(asked, key).unwrap();
    let plain = sent(&asked(&|_| {}), &service.key);
    let (start, end) = (
        plain.find("<ds:Signature").unwrap(),
        plain.find("</ds:Signature>").unwrap(),
    );
    let unsigned = format!(
        "{}{}",
        &plain[..start],
        &plain[end + "</ds:Signature>".len()..]
    );
    let minutes = chrono::Duration::minutes;
    let old = asked(&|it| it.issue_instant = forge::now() - minutes(10));
    let future = asked(&|it| it.issue_instant = forge::now() + minutes(10));
    let elsewhere = asked(&|it| it.destination = Some(house.at("/idp/eleve/artifact")));
    let nobody = asked(&|it| it.issuer = EntityId::parse("https://nobody.example/sp").unwrap());
    let encoded = artifact.encode();
    for (what, envelope, status) in [
        ("unsigned", unsigned, 403),
        (
            "a stranger's key",
            sent(&asked(&|_| {}), &forge::stranger()),
            403,
        ),
        (
            "another service's key",
            sent(&asked(&|_| {}), &other.key),
            403,
        ),
        (
            "changed",
            plain.replacen(
                &encoded,
                &Artifact::new(&service.id, 0, [1; 20]).encode(),
                1,
            ),
            403,
        ),
        ("old", sent(&old, &service.key), 403),
        ("from the future", sent(&future, &service.key), 403),
        ("for another realm", sent(&elsewhere, &service.key), 403),
        ("of nobody we know", sent(&nobody, &service.key), 403),
        ("no artifact", plain.replacen(&encoded, "AAAA", 1), 403),
        ("no envelope", "<x/>".to_owned(), 400),
        ("no XML", "SAMLart".to_owned(), 400),
        ("a document type", format!("<!DOCTYPE x>{plain}"), 400),
    ] {
        let refused = post(&house, &envelope);
        assert_eq!(refused.status, status, "{what}: {}", refused.body);
        assert!(
            refused.code().is_some() && refused.reference().is_some(),
            "{what}"
        );
    }
    assert_eq!(house.client().get(AT).status, 405);
    // After all that, the service still gets its message.
    let received = service.resolved(&house, &artifact).expect("a message");
    service
        .login(&house, received, &request.id)
        .expect("a login");
}
