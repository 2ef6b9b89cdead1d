//! When an answer must be encrypted, and what happens when it cannot be.

use saml::{AuthnRequest, EntityId, KeyKind, SigningKey};
use visits::{Answer, House, PASSWORD, forge, partner};

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
    partner::add(house, &text, decisions);
}

/// The answer to a request of a service.
fn answered(house: &House, id: &str) -> Answer {
    let id = EntityId::parse(id).unwrap();
    let mut request = AuthnRequest::new(forge::random_id(), forge::now(), id);
    request.destination = Some(house.at("/idp/personnel/sso/redirect"));
    let client = house.client();
    let page = client.open(&partner::unsigned(house, &request));
    client.sign_in(&page, "amartin", PASSWORD)
}

#[track_caller]
fn assert_refused(answer: &Answer) {
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert_eq!(answer.code().as_deref(), Some("EDU-4005"));
    assert!(answer.reference().is_some() && answer.field("SAMLResponse").is_none());
}

#[track_caller]
fn assert_encrypted(answer: &Answer, is: bool) {
    let xml = partner::decoded(&answer.field("SAMLResponse").expect("an answer"));
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
    partner::wait_until_known(&house, &id("open"));
    assert_refused(&answered(&house, &id("curve")));
    assert_encrypted(&answered(&house, &id("waived")), false);
    assert_encrypted(&answered(&house, &id("both")), true);
    assert_refused(&answered(&house, &id("keyless")));
    assert_encrypted(&answered(&house, &id("open")), false);
}
