//! What the operator decides for every message: a narrower or wider clock, and algorithms that are
//! not taken though the signature is good.

use saml::encryption::{DecryptionKey, EncryptionKey, Legacy};
use saml::metadata::{Algorithms, SpRole};
use saml::response::{Login, Response, ResponseExpected, SignWhat};
use saml::{Accepted, MessageId, Received, Refusal, Rules, keys::generate};

use crate::forge::{
    ACS, IDP, REQUEST, RSA, RSA_SHA256, SHA256, SP, composed_for, entity, genuine, now,
};

fn taken(
    xml: &str,
    seconds: i64,
    own: &[DecryptionKey],
    rules: &Rules,
) -> Result<Accepted<Login>, Refusal> {
    use base64::Engine;
    let field = base64::engine::general_purpose::STANDARD.encode(xml);
    let keys = [RSA.signing.verifying()];
    let request = MessageId::parse(REQUEST).unwrap();
    let expected = ResponseExpected {
        issuer: &entity(IDP),
        audience: &entity(SP),
        acs: ACS,
        in_response_to: Some(&request),
        now: now() + chrono::Duration::seconds(seconds),
    };
    let received = Received::<Response>::from_form(&field)?;
    received
        .verify_and_open(&keys, own)?
        .accept_by(&expected, rules)
}

fn without(uri: &str) -> Rules {
    Rules::default().without(uri).unwrap()
}

#[test]
fn clocks_may_differ_by_what_the_operator_says() {
    let xml = genuine(SignWhat::Both);
    for (skew, within, beyond) in [(0, 0, 1), (60, 60, 61), (300, 300, 301), (900, 300, 301)] {
        let rules = Rules::default().within(skew);
        let at = |seconds: i64| taken(&xml, seconds, &[], &rules).map(drop);
        assert!(at(-within).is_ok(), "{skew}");
        assert_eq!(at(-beyond).unwrap_err().code(), "EDU-2310", "{skew}");
        assert!(at(300 + within - 1).is_ok(), "{skew}");
        assert_eq!(at(300 + within).unwrap_err().code(), "EDU-2608", "{skew}");
        // As long as it would be taken, it is remembered.
        let login = taken(&xml, 0, &[], &rules).unwrap().into_message();
        let remembered = (login.replay_until - now()).num_seconds();
        assert_eq!(remembered, 300 + within);
    }
}

#[test]
fn what_is_forbidden_is_refused_though_the_signature_is_good() {
    for sign in [SignWhat::Both, SignWhat::Response, SignWhat::Assertion] {
        let xml = genuine(sign);
        assert!(taken(&xml, 0, &[], &Rules::default()).is_ok());
        assert!(Rules::default().without("urn:none").is_err());
        for algorithm in [RSA_SHA256, SHA256] {
            let refused = taken(&xml, 0, &[], &without(algorithm)).unwrap_err();
            assert_eq!(refused, Refusal::AlgorithmForbidden { algorithm });
            assert_eq!(refused.code(), "EDU-2214");
        }
    }
}

#[test]
fn what_is_encrypted_by_what_is_forbidden_is_refused() {
    let pair = generate(saml::KeyKind::Rsa2048, "sp", [3; 16], now(), 30).unwrap();
    let own = [DecryptionKey::from_pem(&pair.key_pem, &pair.cert_pem).unwrap()];
    let role = SpRole {
        signing_keys: Vec::new(),
        encryption_keys: vec![EncryptionKey {
            key: saml::VerifyingKey::from_pem(&pair.cert_pem).unwrap(),
            methods: Vec::new(),
        }],
        acs: Vec::new(),
        slo: Vec::new(),
        signs_requests: false,
        wants_signed_assertions: false,
        name_id_formats: Vec::new(),
        discovery: Vec::new(),
        requested_attributes: Vec::new(),
        attribute_services: Vec::new(),
        algorithms: Algorithms::default(),
    };
    let gcm = "http://www.w3.org/2009/xmlenc11#aes256-gcm";
    let sha1 = "http://www.w3.org/2000/09/xmldsig#sha1";
    let chosen = |rules: &Rules| role.choose_encryption_by(Legacy::default(), rules);
    let usual = chosen(&Rules::default()).unwrap().unwrap();
    for sign in [SignWhat::Both, SignWhat::Response, SignWhat::Assertion] {
        let xml = composed_for(sign, Some(&usual), &RSA.signing);
        assert!(taken(&xml, 0, &own, &Rules::default()).is_ok());
        for algorithm in [gcm, sha1, RSA_SHA256] {
            let refused = taken(&xml, 0, &own, &without(algorithm)).unwrap_err();
            assert_eq!(refused, Refusal::AlgorithmForbidden { algorithm });
        }
    }
    // And is not chosen: something else is, as long as there is something.
    let rules = without(gcm).without(sha1).unwrap();
    let other = chosen(&rules).unwrap().unwrap();
    let xml = composed_for(SignWhat::Both, Some(&other), &RSA.signing);
    assert!(!xml.contains(gcm) && !xml.contains(sha1), "{xml}");
    assert!(taken(&xml, 0, &own, &rules).is_ok());
    let nothing = rules.without("http://www.w3.org/2009/xmlenc11#aes128-gcm");
    assert_eq!(chosen(&nothing.unwrap()), Err(Refusal::NoCommonEncryption));
}
