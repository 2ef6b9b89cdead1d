use super::{
    DataAlgorithm, DecryptionKey, Encryption, EncryptionKey, EncryptionMethod, KeyTransport,
    Legacy, OaepDigest, open, seal, supported,
};
use crate::keys::{KeyFault, KeyKind, generate};
use crate::metadata::{IdpRole, SpRole};
use crate::preflight::MESSAGE;
use crate::writer::Writer;
use crate::{EntityId, Moment, Refusal, VerifyingKey, reader};

const GCM256: &str = "http://www.w3.org/2009/xmlenc11#aes256-gcm";
const GCM128: &str = "http://www.w3.org/2009/xmlenc11#aes128-gcm";
const CBC128: &str = "http://www.w3.org/2001/04/xmlenc#aes128-cbc";
const MGF1P: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
const OAEP: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
const PKCS1: &str = "http://www.w3.org/2001/04/xmlenc#rsa-1_5";

const ANY: Legacy = Legacy {
    cbc: true,
    pkcs1: true,
};

fn now() -> Moment {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn pair(kind: KeyKind) -> (VerifyingKey, Result<DecryptionKey, KeyFault>) {
    let pair = generate(kind, "sp.example", [3; 16], now(), 1).unwrap();
    (
        VerifyingKey::from_pem(&pair.cert_pem).unwrap(),
        DecryptionKey::from_pem(&pair.key_pem, &pair.cert_pem),
    )
}

fn method(algorithm: &str) -> EncryptionMethod {
    EncryptionMethod {
        algorithm: algorithm.to_owned(),
        digest: None,
        mask: None,
    }
}

fn service(keys: Vec<EncryptionKey>) -> SpRole {
    SpRole {
        signing_keys: Vec::new(),
        encryption_keys: keys,
        acs: Vec::new(),
        slo: Vec::new(),
        signs_requests: false,
        wants_signed_assertions: false,
        name_id_formats: Vec::new(),
        discovery: Vec::new(),
        requested_attributes: Vec::new(),
        attribute_services: Vec::new(),
        algorithms: crate::metadata::Algorithms::default(),
    }
}

/// What is chosen for a service that declares `methods` for one RSA key.
fn chosen(
    methods: &[EncryptionMethod],
    legacy: Legacy,
) -> Result<(DataAlgorithm, KeyTransport), Refusal> {
    let (key, _) = pair(KeyKind::Rsa2048);
    let methods = methods.to_vec();
    let role = service(vec![EncryptionKey { key, methods }]);
    let encryption = role.choose_encryption(legacy)?.unwrap();
    Ok((encryption.data(), encryption.transport()))
}

const NONE: Legacy = Legacy {
    cbc: false,
    pkcs1: false,
};
const SHA1: KeyTransport = KeyTransport::OaepMgf1p(OaepDigest::Sha1);

#[test]
fn a_service_that_declares_nothing_gets_what_everybody_reads() {
    assert_eq!(chosen(&[], NONE), Ok((DataAlgorithm::Aes256Gcm, SHA1)));
    // A list of one kind says nothing of the other.
    assert_eq!(
        chosen(&[method(GCM128)], NONE),
        Ok((DataAlgorithm::Aes128Gcm, SHA1))
    );
    assert_eq!(
        chosen(&[method(MGF1P)], NONE),
        Ok((DataAlgorithm::Aes256Gcm, SHA1))
    );
}

#[test]
fn the_first_that_both_know_is_chosen() {
    let unknown = method("http://www.w3.org/2009/xmlenc11#aes192-gcm");
    let list = [
        unknown,
        method(GCM128),
        method(GCM256),
        method(MGF1P),
        method(OAEP),
    ];
    assert_eq!(chosen(&list, NONE), Ok((DataAlgorithm::Aes128Gcm, SHA1)));
    let sha256 = EncryptionMethod {
        digest: Some(OaepDigest::Sha256.uri().to_owned()),
        mask: Some(OaepDigest::Sha256.mask_uri().to_owned()),
        ..method(OAEP)
    };
    let (digest, mask) = (OaepDigest::Sha256, OaepDigest::Sha256);
    assert_eq!(
        chosen(&[sha256.clone(), method(MGF1P)], NONE),
        Ok((
            DataAlgorithm::Aes256Gcm,
            KeyTransport::Oaep { digest, mask }
        ))
    );
    // Silence means SHA-1, in digest and mask (IIP-ALG06).
    let (digest, mask) = (OaepDigest::Sha1, OaepDigest::Sha1);
    assert_eq!(
        chosen(&[method(OAEP)], NONE).unwrap().1,
        KeyTransport::Oaep { digest, mask }
    );
    // A digest nobody here knows leaves the method out.
    let odd = EncryptionMethod {
        digest: Some("urn:x".to_owned()),
        ..method(MGF1P)
    };
    assert_eq!(chosen(&[odd.clone(), sha256], NONE).unwrap().1.uri(), OAEP);
    assert_eq!(chosen(&[odd], NONE), Err(Refusal::NoCommonEncryption));
}

#[test]
fn what_is_forbidden_is_chosen_only_where_the_operator_names_it() {
    for list in [
        vec![method(CBC128)],
        vec![method(CBC128), method(MGF1P)],
        vec![method(GCM256), method(PKCS1)],
        vec![method("http://www.w3.org/2001/04/xmlenc#tripledes-cbc")],
        vec![
            method(GCM256),
            method("http://www.w3.org/2001/04/xmlenc#kw-aes256"),
        ],
    ] {
        assert_eq!(chosen(&list, NONE), Err(Refusal::NoCommonEncryption));
    }
    let cbc = Legacy {
        cbc: true,
        pkcs1: false,
    };
    assert_eq!(
        chosen(&[method(CBC128), method(MGF1P)], cbc),
        Ok((DataAlgorithm::Aes128Cbc, SHA1))
    );
    assert_eq!(
        chosen(&[method(CBC128), method(PKCS1)], cbc),
        Err(Refusal::NoCommonEncryption)
    );
    assert_eq!(
        chosen(&[method(CBC128), method(PKCS1)], ANY),
        Ok((DataAlgorithm::Aes128Cbc, KeyTransport::Pkcs1))
    );
    // What is better and declared comes first all the same.
    assert_eq!(
        chosen(
            &[method(CBC128), method(GCM128), method(PKCS1), method(MGF1P)],
            ANY
        ),
        Ok((DataAlgorithm::Aes128Gcm, SHA1))
    );
    assert_eq!(
        chosen(&[], ANY),
        Ok((DataAlgorithm::Aes256Cbc, KeyTransport::Pkcs1))
    );
    // Triple DES is not known even then.
    let triple = method("http://www.w3.org/2001/04/xmlenc#tripledes-cbc");
    assert_eq!(chosen(&[triple], ANY), Err(Refusal::NoCommonEncryption));
}

#[test]
fn only_an_rsa_key_is_chosen() {
    assert_eq!(service(Vec::new()).choose_encryption(NONE), Ok(None));
    let of = |kind| EncryptionKey {
        key: pair(kind).0,
        methods: Vec::new(),
    };
    let (curve, rsa) = (of(KeyKind::P256), of(KeyKind::Rsa2048));
    let refused = service(vec![curve.clone()]).choose_encryption(NONE);
    assert_eq!(refused, Err(Refusal::NoCommonEncryption));
    let fingerprint = rsa.key.fingerprint().to_owned();
    let unusable = EncryptionKey {
        methods: vec![method(PKCS1)],
        ..of(KeyKind::Rsa2048)
    };
    let role = service(vec![curve, unusable, rsa]);
    let encryption = role.choose_encryption(NONE).unwrap().unwrap();
    assert_eq!(encryption.key(), fingerprint);
    assert!(!encryption.is_legacy());
}

#[test]
fn only_an_rsa_key_opens() {
    assert!(matches!(pair(KeyKind::P256).1, Err(KeyFault::NotRsa)));
    let rsa = pair(KeyKind::Rsa3072).1.unwrap();
    assert_eq!(
        format!("{rsa:?}"),
        format!("DecryptionKey({})", rsa.fingerprint())
    );
}

const PLAIN: &str =
    "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"></saml:Assertion>";

fn written(encryption: &Encryption) -> String {
    let mut w = Writer::with_capacity(1024);
    let recipient = EntityId::parse("https://sp.example/?a&b").unwrap();
    seal(&mut w, "EncryptedAssertion", PLAIN, encryption, &recipient).unwrap();
    w.finish()
}

fn read(xml: &str, keys: &[DecryptionKey]) -> Result<Vec<u8>, Refusal> {
    let document = reader::parse(xml, &MESSAGE).unwrap();
    open(document.root_element(), keys)
}

#[test]
fn every_combination_that_is_not_forbidden_is_opened_again() {
    let (key, own) = pair(KeyKind::Rsa2048);
    let own = [pair(KeyKind::Rsa2048).1.unwrap(), own.unwrap()];
    let mut transports: Vec<_> = OaepDigest::ALL.map(KeyTransport::OaepMgf1p).to_vec();
    for digest in OaepDigest::ALL {
        transports.extend(OaepDigest::ALL.map(|mask| KeyTransport::Oaep { digest, mask }));
    }
    for transport in transports {
        for data in [DataAlgorithm::Aes256Gcm, DataAlgorithm::Aes128Gcm] {
            let key = key.clone();
            let xml = written(&Encryption {
                key,
                data,
                transport,
            });
            assert_eq!(read(&xml, &own).unwrap(), PLAIN.as_bytes(), "{xml}");
            // With the wrong key only, and with none.
            assert_eq!(read(&xml, &own[..1]), Err(Refusal::Undecryptable));
            assert_eq!(read(&xml, &[]), Err(Refusal::Undecryptable));
        }
    }
}

#[test]
fn what_is_forbidden_is_written_where_it_is_named_and_never_read() {
    let (key, own) = pair(KeyKind::Rsa2048);
    let own = [own.unwrap()];
    for (data, transport) in [
        (DataAlgorithm::Aes256Cbc, SHA1),
        (DataAlgorithm::Aes128Cbc, SHA1),
        (DataAlgorithm::Aes256Gcm, KeyTransport::Pkcs1),
    ] {
        let key = key.clone();
        let encryption = Encryption {
            key,
            data,
            transport,
        };
        assert!(encryption.is_legacy());
        let refusal = read(&written(&encryption), &own).unwrap_err();
        assert_eq!(refusal.code(), "EDU-2514");
    }
}

#[test]
fn key_and_vector_are_new_each_time() {
    let (key, _) = pair(KeyKind::Rsa2048);
    let data = DataAlgorithm::Aes256Gcm;
    let encryption = Encryption {
        key,
        data,
        transport: SHA1,
    };
    let values = |xml: String| {
        let document = roxmltree::Document::parse(&xml).unwrap();
        document
            .descendants()
            .filter(|node| node.tag_name().name() == "CipherValue")
            .map(|node| node.text().unwrap_or_default()[..16].to_owned())
            .collect::<Vec<_>>()
    };
    let (one, two) = (values(written(&encryption)), values(written(&encryption)));
    assert_eq!(one.len(), 2);
    assert!(one.iter().all(|value| !two.contains(value)));
}

#[test]
fn what_we_declare_we_can_read_and_would_choose() {
    let list = supported();
    let (data, transport) = chosen(&list, NONE).unwrap();
    assert_eq!(data, DataAlgorithm::Aes256Gcm);
    let (digest, mask) = (OaepDigest::Sha256, OaepDigest::Sha256);
    assert_eq!(transport, KeyTransport::Oaep { digest, mask });
    assert!(
        !list
            .iter()
            .any(|method| [CBC128, PKCS1].contains(&method.algorithm.as_str()))
    );
}

#[test]
fn an_identity_providers_key_is_chosen_by_the_same_rule() {
    let (key, _) = pair(KeyKind::Rsa2048);
    let role = |encryption_keys| IdpRole {
        signing_keys: Vec::new(),
        encryption_keys,
        sso: Vec::new(),
        slo: Vec::new(),
        artifact_resolution: Vec::new(),
        wants_signed_requests: false,
        name_id_formats: Vec::new(),
        scopes: Vec::new(),
        error_url: None,
        algorithms: crate::metadata::Algorithms::default(),
    };
    let methods = vec![method(CBC128)];
    let refused = role(vec![EncryptionKey { key, methods }]).choose_encryption(NONE);
    assert_eq!(refused, Err(Refusal::NoCommonEncryption));
    assert_eq!(role(Vec::new()).choose_encryption(NONE), Ok(None));
}
