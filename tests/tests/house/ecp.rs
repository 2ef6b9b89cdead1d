//! Programs that sign people on without a browser (SAML ECP 2.0): a client made by hand, and what it
//! may not do.

use saml::response::{Login, Response, ResponseExpected};
use saml::{AuthnRequest, Binding, EntityId, Received, SigningKey, soap};
use visits::client::between;
use visits::{Answer, House, PASSWORD, forge, partner};

const AT: &str = "/idp/personnel/ecp";
const CB: &str = "urn:oasis:names:tc:SAML:protocol:ext:channel-binding";
const NEXT: &str = "s:actor=\"http://schemas.xmlsoap.org/soap/actor/next\" s:mustUnderstand=\"1\"";

/// A service with a PAOS address beside its usual one.
struct Service {
    key: SigningKey,
    key_pem: String,
    id: EntityId,
    acs: String,
}

/// What its metadata says.
#[derive(Clone, Copy, Default)]
struct Says {
    encrypts: bool,
    signs: bool,
    no_paos: bool,
}

impl Service {
    fn registered(house: &House, host: &str, says: Says, decided: &[&str]) -> Self {
        let pair =
            saml::keys::generate(saml::KeyKind::Rsa2048, host, [9; 16], forge::now(), 30).unwrap();
        let service = Self {
            key: SigningKey::from_pem(&pair.key_pem, &pair.cert_pem).unwrap(),
            key_pem: pair.key_pem,
            id: EntityId::parse(&format!("https://{host}/sp")).unwrap(),
            acs: format!("https://{host}/paos"),
        };
        let uses = if says.encrypts {
            ""
        } else {
            " use=\"signing\""
        };
        let acs = |index: u8, binding: Binding, to: &str| {
            format!(
                "<md:AssertionConsumerService index=\"{index}\" Location=\"{to}\" Binding=\"{}\"/>",
                binding.uri()
            )
        };
        let mut addresses = acs(0, Binding::Post, &service.post());
        if !says.no_paos {
            addresses.push_str(&acs(1, Binding::Paos, &service.acs));
        }
        let text = format!(
            "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" \
             xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" entityID=\"{}\"><md:SPSSODescriptor \
             AuthnRequestsSigned=\"{}\" \
             protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">\
             <md:KeyDescriptor{uses}><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}\
             </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>{addresses}\
             </md:SPSSODescriptor></md:EntityDescriptor>",
            service.id,
            says.signs,
            service.key.certificate(),
        );
        partner::add(house, &text, decided);
        partner::wait_until_known(house, service.id.as_str());
        service
    }

    fn post(&self) -> String {
        self.acs.replace("/paos", "/post")
    }

    fn request(&self, house: &House) -> AuthnRequest {
        let mut request = AuthnRequest::new(forge::random_id(), forge::now(), self.id.clone());
        request.destination = Some(house.at(AT));
        request.protocol_binding = Some(Binding::Paos);
        request
    }

    fn signed(&self, request: &AuthnRequest) -> String {
        saml::post::compose(request, &self.key).unwrap()
    }

    /// The answer in an envelope, as the service reads it.
    fn login(&self, house: &House, request: &AuthnRequest, answer: &Answer) -> Login {
        let issuer = EntityId::parse(&house.at("/idp/personnel")).unwrap();
        let expected = ResponseExpected {
            issuer: &issuer,
            audience: &self.id,
            acs: &self.acs,
            in_response_to: Some(&request.id),
            now: forge::now(),
        };
        let own = [saml::encryption::DecryptionKey::of(&self.key).unwrap()];
        let keys = [forge::key(house, "idp-personnel").verifying()];
        Received::<Response>::from_form(&forge::base64(&message(answer)))
            .and_then(|received| received.verify_and_open(&keys, &own))
            .and_then(|verified| verified.accept(&expected))
            .unwrap_or_else(|why| panic!("{why}: {}", answer.body))
            .into_message()
    }
}

/// The same request without its signature.
fn unsigned(signed: &str) -> String {
    let (start, end) = (
        signed.find("<ds:Signature").unwrap(),
        signed.find("</ds:Signature>").unwrap(),
    );
    let rest = &signed[end + "</ds:Signature>".len()..];
    format!("{}{rest}", &signed[..start])
}

fn envelope(headers: &str, message: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header>{headers}\
         </s:Header><s:Body>{message}</s:Body></s:Envelope>"
    )
}

/// Sends an envelope, with a login and a password if there are.
fn send(house: &House, envelope: &str, who: Option<(&str, &str)>) -> Answer {
    let client = house.client();
    let basic = who.map(|(login, password)| {
        let pair = forge::base64(&format!("{login}:{password}"));
        format!("Basic {pair}")
    });
    let mut headers = vec![("content-type", soap::CONTENT_TYPE)];
    headers.extend(basic.as_deref().map(|basic| ("authorization", basic)));
    let answer = client.send("POST", AT, &headers, Some(envelope.as_bytes()));
    assert!(client.cookies().is_empty(), "nothing is kept in a client");
    answer.unwrap()
}

/// The message in an answer's envelope.
fn message(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(
        answer
            .header("content-type")
            .unwrap()
            .starts_with("text/xml")
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    between(&answer.body, "<soap:Body>", "</soap:Body>").expect("a body")
}

#[track_caller]
fn assert_told(answer: &Answer, acs: &str, status: &str) {
    let message = message(answer);
    assert!(
        message.contains(&format!("status:{status}\"")),
        "{status}: {message}"
    );
    assert!(!message.contains("Assertion ") && message.contains("<ds:Signature"));
    let header = format!(
        "<ecp:Response xmlns:ecp=\"urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp\" AssertionConsumerServiceURL=\"{acs}\""
    );
    assert!(answer.body.contains(&header), "{}", answer.body);
    assert!(!answer.body.contains("GeneratedKey"), "{}", answer.body);
}

const AMARTIN: Option<(&str, &str)> = Some(("amartin", PASSWORD));

#[test]
fn p04_a_program_signs_a_person_on_without_a_browser() {
    let house = House::start();
    let service = Service::registered(&house, "one.example", Says::default(), &[]);
    let published = house.client().get("/idp/personnel/metadata").body;
    let offered = published
        .split("<md:SingleSignOnService")
        .skip(1)
        .find(|one| one.contains(Binding::Soap.uri()));
    assert!(offered.expect("published").contains(&house.at(AT)));

    // IIP-IDP14: whoever is not known is asked who they are, all alike.
    let request = service.request(&house);
    let signed = envelope("", &service.signed(&request));
    let asked = send(&house, &signed, None);
    assert_eq!(asked.status, 401, "{}", asked.body);
    let scheme = asked.header("www-authenticate").unwrap();
    assert!(scheme.starts_with("Basic realm="), "{scheme}");
    for who in [("amartin", "wrong"), ("nobody", PASSWORD), ("", "")] {
        let refused = send(&house, &signed, Some(who));
        assert_eq!(refused.status, 401, "{who:?}");
        assert_eq!(refused.header("www-authenticate"), Some(scheme));
        let same = |answer: &Answer| {
            let reference = answer.reference().expect("a reference");
            answer.body.replace(&reference, "")
        };
        assert_eq!(same(&refused), same(&asked), "{who:?}");
    }

    let answer = send(&house, &signed, AMARTIN);
    let login = service.login(&house, &request, &answer);
    assert!(login.name_id.is_some() && !login.encrypted);
    let acs = format!("AssertionConsumerServiceURL=\"{}\"", service.acs);
    assert!(answer.body.contains(&acs) && answer.body.contains("<ecp:RequestAuthenticated"));
    let request = service.request(&house);
    let plain = unsigned(&service.signed(&request));
    let answer = send(&house, &envelope("", &plain), AMARTIN);
    service.login(&house, &request, &answer);
    assert!(
        !answer.body.contains("RequestAuthenticated"),
        "{}",
        answer.body
    );
    // Nobody is signed on in a browser by that.
    let client = house.client();
    let page = client.open("/portail/login?entityID=");
    assert!(page.user().is_none());

    // IIP-IDP13: both ends name the same channel, and the service signs what it says.
    let header = |value: &str| {
        format!(
            "<cb:ChannelBindings xmlns:cb=\"{CB}\" {NEXT} Type=\"tls-server-end-point\">{value}</cb:ChannelBindings>"
        )
    };
    for (theirs, seen, is_signed, is_bound) in [
        (Some("YWJj"), Some("YWJj"), true, true),
        (Some("YWJj"), Some("YWJj"), false, false),
        (Some("YWJj"), Some("YWJk"), true, false),
        (Some("YWJj"), None, true, false),
        (None, Some("YWJj"), true, false),
    ] {
        let mut request = service.request(&house);
        request.channel_bindings = theirs
            .map(|value| saml::ecp::ChannelBinding {
                kind: Some("tls-server-end-point".to_owned()),
                value: value.to_owned(),
            })
            .into_iter()
            .collect();
        let mut message = service.signed(&request);
        if !is_signed {
            message = unsigned(&message);
        }
        let headers = seen.map(header).unwrap_or_default();
        let answer = send(&house, &envelope(&headers, &message), AMARTIN);
        if is_bound {
            service.login(&house, &request, &answer);
            assert_eq!(answer.body.matches(">YWJj</cb:ChannelBindings>").count(), 2);
            assert!(answer.body.contains("<saml:Advice><cb:ChannelBindings"));
        } else {
            assert_told(&answer, &service.acs, "RequestDenied");
        }
    }
    let lines = house.journal();
    let count = |event: &str| lines.iter().filter(|line| line["event"] == event).count();
    assert_eq!(count("idp.ecp.unbound"), 4);
    assert!(count("idp.login.accepted") >= 3 && count("idp.login.refused") == 3);
    let sent = |line: &&serde_json::Value| line["event"] == "idp.response.sent";
    assert!(
        lines
            .iter()
            .filter(sent)
            .all(|line| line["binding"] == "paos")
    );
}

/// IIP-IDP15: what is encrypted carries a key for both ends, and the client gets the same.
#[test]
fn p04_service_and_client_are_given_a_key_that_nobody_else_reads() {
    let house = House::start();
    let says = Says {
        encrypts: true,
        ..Says::default()
    };
    let service = Service::registered(&house, "keyed.example", says, &[]);
    let open = Service::registered(&house, "open.example", Says::default(), &[]);
    let wanted = format!(
        "<e:SessionKey xmlns:e=\"urn:ietf:params:xml:ns:samlec\" {NEXT}><e:EncType>17</e:EncType></e:SessionKey>"
    );
    let keys: Vec<String> = ["", wanted.as_str()]
        .iter()
        .map(|headers| {
            let request = service.request(&house);
            let sent = envelope(headers, &service.signed(&request));
            let answer = send(&house, &sent, AMARTIN);
            assert!(service.login(&house, &request, &answer).encrypted);
            let (head, body) = answer.body.split_once("<soap:Body>").unwrap();
            let end = "</samlec:GeneratedKey>";
            let start = head.find("<samlec:GeneratedKey").expect("a key");
            let key = between(&head[start..], ">", end).unwrap();
            assert_eq!(key.len(), 44, "32 bytes: {key}");
            assert!(!body.contains(&key), "in the open: {body}");
            let inside = decrypted(&house, &service, &message(&answer));
            assert!(inside.contains(&format!(">{key}{end}")), "{inside}");
            key
        })
        .collect();
    assert_ne!(keys[0], keys[1]);
    // Where it could not be kept from others, whoever wants one is told no.
    let request = open.request(&house);
    let sent = envelope(&wanted, &open.signed(&request));
    assert_told(&send(&house, &sent, AMARTIN), &open.acs, "RequestDenied");
    let answer = send(&house, &envelope("", &open.signed(&request)), AMARTIN);
    open.login(&house, &request, &answer);
    assert!(!answer.body.contains("GeneratedKey"), "{}", answer.body);
}

/// What xmlsec finds in it.
fn decrypted(house: &House, service: &Service, xml: &str) -> String {
    let (key, file) = (
        house.data.path().join("sp.key"),
        house.data.path().join("sp.xml"),
    );
    std::fs::write(&key, &service.key_pem).unwrap();
    std::fs::write(&file, xml).unwrap();
    let opened = std::process::Command::new("xmlsec1")
        .args(["--decrypt", "--privkey-pem"])
        .arg(&key)
        .args([
            "--node-name",
            "http://www.w3.org/2001/04/xmlenc#:EncryptedData",
        ])
        .arg(&file)
        .output()
        .expect("xmlsec1 runs");
    String::from_utf8_lossy(&opened.stdout).into_owned()
}

#[test]
fn p04_what_an_enhanced_client_may_not_do_is_refused() {
    let house = House::start();
    let service = Service::registered(&house, "one.example", Says::default(), &[]);
    let signs = Says {
        signs: true,
        ..Says::default()
    };
    let signs = Service::registered(&house, "signs.example", signs, &[]);
    let browsers = Says {
        no_paos: true,
        ..Says::default()
    };
    let browsers = Service::registered(&house, "browsers.example", browsers, &[]);
    let careful = ["--second-factor", "always"];
    let careful = Service::registered(&house, "careful.example", Says::default(), &careful);
    let telling = ["--information", "always"];
    let telling = Service::registered(&house, "telling.example", Says::default(), &telling);
    let changed = |change: &dyn Fn(&mut AuthnRequest)| {
        let mut request = service.request(&house);
        change(&mut request);
        envelope("", &service.signed(&request))
    };
    let plain = changed(&|_| {});
    let request = service.request(&house);
    let stranger = saml::post::compose(&request, &forge::stranger()).unwrap();
    let left = |block: &str| envelope(block, &service.signed(&request));
    let paos = format!(
        "<p:Request xmlns:p=\"urn:liberty:paos:2003-08\" {NEXT} responseConsumerURL=\"{}\"/>",
        service.acs
    );
    let confirmed = format!(
        "<e:SubjectConfirmation xmlns:e=\"urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp\" {NEXT}/>"
    );
    let url = |text: &str| saml::request::AcsChoice::Url(text.to_owned());
    let elsewhere = url("https://elsewhere.example/paos");
    let post = url(&service.post());
    let mut of_browsers = browsers.request(&house);
    of_browsers.protocol_binding = None;
    let old = forge::now() - chrono::Duration::minutes(10);
    let nobody = EntityId::parse("https://nobody.example/sp").unwrap();
    for (what, sent, status, code) in [
        ("the service's header is left", left(&paos), 403, "EDU-2112"),
        ("another confirmation", left(&confirmed), 403, "EDU-2112"),
        (
            "a stranger's signature",
            envelope("", &stranger),
            403,
            "EDU-2211",
        ),
        ("changed", plain.replacen("ID=\"_", "ID=\"_0", 1), 403, ""),
        (
            "unsigned by a service that signs",
            envelope("", &unsigned(&signs.signed(&signs.request(&house)))),
            403,
            "EDU-2201",
        ),
        (
            "to elsewhere",
            changed(&|it| it.acs = elsewhere.clone()),
            403,
            "EDU-2404",
        ),
        (
            "to where browsers post",
            changed(&|it| it.acs = post.clone()),
            403,
            "EDU-2403",
        ),
        (
            "by another binding",
            changed(&|it| it.protocol_binding = Some(Binding::Post)),
            403,
            "EDU-2403",
        ),
        (
            "a service for browsers",
            envelope("", &browsers.signed(&of_browsers)),
            403,
            "",
        ),
        (
            "for another address",
            changed(&|it| it.destination = Some(house.at("/idp/eleve/ecp"))),
            403,
            "EDU-2309",
        ),
        (
            "too old",
            changed(&|it| it.issue_instant = old),
            403,
            "EDU-2311",
        ),
        (
            "of nobody",
            changed(&|it| it.issuer = nobody.clone()),
            403,
            "EDU-4003",
        ),
        ("no envelope", service.signed(&request), 400, "EDU-2301"),
        ("no XML", "PAOS".to_owned(), 400, ""),
        (
            "a document type",
            format!("<!DOCTYPE x>{plain}"),
            400,
            "EDU-2007",
        ),
    ] {
        let refused = send(&house, &sent, AMARTIN);
        assert_eq!(refused.status, status, "{what}: {}", refused.body);
        let given = refused.code().unwrap_or_default();
        assert!(
            given == code || (code.is_empty() && given.starts_with("EDU-2")),
            "{what}: {given}"
        );
        assert!(refused.reference().is_some() && !refused.body.contains("<samlp:Response"));
    }
    assert_eq!(house.client().get(AT).status, 405);

    // Nobody can be shown a page: what one would ask for, or say, is a no.
    let told = |service: &Service, change: &dyn Fn(&mut AuthnRequest), status: &str| {
        let mut request = service.request(&house);
        change(&mut request);
        let sent = envelope("", &service.signed(&request));
        assert_told(&send(&house, &sent, AMARTIN), &service.acs, status);
    };
    told(&careful, &|_| {}, "NoAuthnContext");
    told(&telling, &|_| {}, "RequestDenied");
    let mfa = saml::request::RequestedContext {
        exact: true,
        classes: vec![saml::names::REFEDS_MFA.to_owned()],
    };
    told(
        &service,
        &|it| it.requested_context = Some(mfa.clone()),
        "NoAuthnContext",
    );
    let policy = saml::request::NameIdPolicy {
        format: Some(saml::NameIdFormat::Entity),
        ..Default::default()
    };
    told(
        &service,
        &|it| it.name_id_policy = Some(policy.clone()),
        "InvalidNameIDPolicy",
    );
    let scoping = saml::request::Scoping {
        idps: vec![nobody.clone()],
        ..Default::default()
    };
    told(
        &service,
        &|it| it.scoping = Some(scoping.clone()),
        "NoAvailableIDP",
    );

    // Whoever guesses waits, here as at the login page, and there for what was guessed here.
    let mut last = 0;
    for _ in 0..12 {
        last = send(&house, &plain, Some(("bleroy", "guess"))).status;
        if last == 429 {
            break;
        }
        assert_eq!(last, 401);
    }
    assert_eq!(last, 429);
    let right = send(&house, &plain, Some(("bleroy", PASSWORD)));
    assert_eq!(right.status, 429, "{}", right.body);
    assert!(right.header("retry-after").is_some());
    assert!(
        send(&house, &plain, AMARTIN).status == 200,
        "nobody else waits"
    );
}

#[test]
fn p04_an_operator_can_do_without() {
    let house = House::with(&[("EDULINE__IDP__ECP", "false")]);
    let refused = send(&house, &envelope("", "<x/>"), AMARTIN);
    assert_eq!(refused.status, 404, "{}", refused.body);
    let published = house.client().get("/idp/personnel/metadata").body;
    assert!(!published.contains(AT));
}
