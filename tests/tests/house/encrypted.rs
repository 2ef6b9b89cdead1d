//! When an answer must be encrypted, and what happens when it cannot be.

use saml::{AuthnRequest, EntityId, KeyKind, SigningKey};
use visits::{Answer, House, PASSWORD, forge};

fn key(kind: KeyKind) -> SigningKey {
    let pair = saml::keys::generate(kind, "partner", [5; 16], forge::now(), 30).unwrap();
    SigningKey::from_pem(&pair.key_pem, &pair.cert_pem).unwrap()
}

/// Registers a service that publishes those keys to encrypt for.
fn register(house: &House, id: &str, keys: &[&SigningKey], decisions: &[&str]) {
    let keys: String = keys
        .iter()
        .map(|key| {
            format!(
                "<md:KeyDescriptor use=\"encryption\"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}\
                 </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>",
                key.certificate()
            )
        })
        .collect();
    let text = format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" \
         xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" entityID=\"{id}\"><md:SPSSODescriptor \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}\
         <md:AssertionConsumerService index=\"0\" Location=\"https://sp.partner.example/acs\" \
         Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\"/>\
         </md:SPSSODescriptor></md:EntityDescriptor>"
    );
    let file = house.data.path().join("partner.xml");
    std::fs::write(&file, text).unwrap();
    let path = file.display().to_string();
    let added = house.run(&[&["sp", "add", path.as_str()], decisions].concat());
    let why = String::from_utf8_lossy(&added.stderr);
    assert!(added.status.success(), "{why}");
}

/// The answer to a request of a service.
fn answered(house: &House, id: &str) -> Answer {
    let to = house.at("/idp/personnel/sso/redirect");
    let request = AuthnRequest {
        id: forge::random_id(),
        issue_instant: forge::now(),
        issuer: EntityId::parse(id).unwrap(),
        destination: Some(to.clone()),
        acs: saml::request::AcsChoice::Default,
        protocol_binding: None,
        force_authn: false,
        is_passive: false,
        name_id_policy: None,
        requested_context: None,
        attribute_service: None,
        scoping: None,
    };
    let signed = saml::redirect::compose(&request, &to, None, &forge::stranger()).unwrap();
    let unsigned = signed.split("&SigAlg=").next().unwrap();
    let client = house.client();
    client.sign_in(&client.open(unsigned), "amartin", PASSWORD)
}

#[track_caller]
fn assert_refused(answer: &Answer) {
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert_eq!(answer.code().as_deref(), Some("EDU-4005"));
    assert!(answer.reference().is_some() && answer.field("SAMLResponse").is_none());
}

#[track_caller]
fn assert_encrypted(answer: &Answer, is: bool) {
    let response = answer.field("SAMLResponse").expect("an answer");
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, response);
    let xml = String::from_utf8(bytes.unwrap()).unwrap();
    assert_eq!(xml.contains("EncryptedAssertion"), is, "{xml}");
    assert_eq!(xml.contains("<saml:Assertion"), !is, "{xml}");
}

#[test]
fn p06_an_answer_that_cannot_be_encrypted_is_not_sent_open() {
    let house = House::start();
    let (curve, rsa) = (key(KeyKind::P256), key(KeyKind::Rsa2048));
    let id = |name: &str| format!("https://{name}.partner.example/sp");
    // Keys on curves cannot be encrypted for.
    register(&house, &id("curve"), &[&curve], &[]);
    register(&house, &id("waived"), &[&curve], &["--encrypt", "never"]);
    register(&house, &id("both"), &[&curve, &rsa], &[]);
    register(&house, &id("keyless"), &[], &["--encrypt", "always"]);
    register(&house, &id("open"), &[], &[]);
    // The files are looked at every second.
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_refused(&answered(&house, &id("curve")));
    assert_encrypted(&answered(&house, &id("waived")), false);
    assert_encrypted(&answered(&house, &id("both")), true);
    assert_refused(&answered(&house, &id("keyless")));
    assert_encrypted(&answered(&house, &id("open")), false);
}
