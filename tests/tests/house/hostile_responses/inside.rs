//! The same of what an answer holds: values, keys, what is encrypted.

use openssl::hash::MessageDigest;
use saml::SigningKey;
use saml::encryption::{Encryption, Legacy};
use saml::metadata::ReadPolicy;
use saml::response::SignWhat;
use visits::forge::seal::{Seal, placed};
use visits::{House, forge};

use super::{Scene, element, evil, id_of};

/// An answer whose response alone is signed, without its signature.
fn bare(scene: &Scene) -> String {
    let mut answer = scene.answer.clone();
    answer.sign = SignWhat::Response;
    let xml = answer.compose(&scene.key);
    xml.replacen(&element(&xml, "Signature"), "", 1)
}

/// How what is encrypted for the portal is encrypted.
fn for_the_portal(house: &House) -> Encryption {
    let policy = ReadPolicy {
        pinned: &[],
        now: forge::now(),
        horizon_days: None,
        loopback_http: true,
    };
    let text = house.client().get("/portail/saml/metadata").body;
    let document = saml::metadata::read(&text, &policy).expect("metadata");
    let role = document.entities[0].sp.as_ref().expect("a service");
    let chosen = role.choose_encryption(Legacy::default());
    chosen.expect("one is known").expect("a key")
}

#[test]
fn h02_a_value_marked_as_text_in_part_arrives_whole() {
    let scene = Scene::open();
    let mut answer = scene.answer.clone();
    answer.uid = "operateur.evil".to_owned();
    let xml = answer.compose(&scene.key);
    // Canonical form joins what is marked as text: the signature stays good.
    let cut = xml.replace("operateur.evil", "operateur<![CDATA[.evil]]>");
    assert_ne!(cut, xml);
    let landed = scene.post(&forge::base64(&cut));
    assert_eq!(landed.user().as_deref(), Some("operateur.evil"));
}

#[test]
fn h03_an_answer_with_the_digest_of_an_empty_canonical_form_is_refused() {
    let scene = Scene::open();
    let bare = bare(&scene);
    let mut seal = Seal::of(&bare, &id_of(&bare), &scene.key);
    let nothing = openssl::hash::hash(MessageDigest::sha256(), b"").unwrap();
    seal.digest = forge::base64_bytes(&nothing);
    let sealed = placed(&bare, &seal.by(&scene.key));
    scene.assert_refused_field(&forge::base64(&sealed), "EDU-2211");
    let broken = sealed.replacen(" ID=", " xmlns:x=\"relative/\" ID=", 1);
    scene.assert_refused_field(&forge::base64(&broken), "EDU-2016");
    let empty = seal.with(|_| scene.key.sign(b"").unwrap());
    scene.assert_refused(&placed(&bare, &empty), "EDU-2211");
}

#[test]
fn h01_two_assertions_both_signed_are_not_merged() {
    let scene = Scene::open();
    let signed = |uid: &str| {
        let mut answer = scene.answer.clone();
        answer.sign = SignWhat::Assertion;
        answer.assertion_id = forge::random_id();
        uid.clone_into(&mut answer.uid);
        answer.compose(&scene.key)
    };
    let (one, other) = (signed("forged"), signed("operateur"));
    let both = format!(
        "{}{}",
        element(&one, "Assertion"),
        element(&other, "Assertion")
    );
    let both = one.replace(&element(&one, "Assertion"), &both);
    scene.assert_refused(&both, "EDU-2509");
}

#[test]
fn h07_no_other_key_signs_for_a_provider() {
    let scene = Scene::open();
    for name in [
        "idp-eleve",
        "idp-personnel-encryption",
        "metadata",
        "portail",
    ] {
        let other = forge::key(&scene.house, name);
        let sealed = scene.answer.compose(&other);
        scene.assert_refused_field(&forge::base64(&sealed), "EDU-2211");
    }
    // Its certificate comes along: it proves nothing.
    let strangers = scene.answer.compose(&forge::stranger());
    assert!(strangers.contains("X509Certificate"), "{strangers}");
    scene.assert_refused(&strangers, "EDU-2211");
}

#[test]
fn an_answer_that_does_not_say_how_it_went_is_refused() {
    let scene = Scene::open();
    let mut answer = scene.answer.clone();
    // Nobody signed for what stands around the assertion.
    answer.sign = SignWhat::Assertion;
    let xml = answer.compose(&scene.key);
    let without = xml.replace(&element(&xml, "Status"), "");
    assert_ne!(without, xml);
    scene.assert_refused_field(&forge::base64(&without), "EDU-2501");
    let failed = xml.replacen("status:Success", "status:Responder", 1);
    scene.assert_refused(&failed, "EDU-2502");
}

#[test]
fn h05_what_is_encrypted_proves_nothing_and_asks_nobody() {
    let scene = Scene::open();
    let encryption = for_the_portal(&scene.house);
    let with = |sign: SignWhat, key: &SigningKey| {
        let mut answer = scene.answer.clone();
        answer.sign = sign;
        answer.compose_for(Some(&encryption), key)
    };
    let refused = |xml: &str, code: &str| scene.assert_refused_field(&forge::base64(xml), code);
    // Anybody can encrypt for a service: its key is published.
    refused(&with(SignWhat::Both, &forge::stranger()), "EDU-2211");
    let xml = with(SignWhat::Response, &scene.key);
    let unsigned = xml.replacen(&element(&xml, "Signature"), "", 1);
    refused(&unsigned, "EDU-2201");
    // One beside the other.
    let open = scene.answer.compose(&scene.key);
    let sealed = with(SignWhat::Assertion, &scene.key);
    let forged = evil(&element(&open, "Assertion"));
    let hidden = element(&sealed, "EncryptedAssertion");
    refused(
        &sealed.replace(&hidden, &format!("{forged}{hidden}")),
        "EDU-2509",
    );
    // What it holds is here, and nowhere else.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let at = format!("http://{}/x", listener.local_addr().unwrap());
    for uri in [at.as_str(), "file:///dev/zero", "#_x"] {
        let reference = format!("<xenc:CipherReference URI=\"{uri}\"/><xenc:CipherValue>");
        refused(
            &sealed.replacen("<xenc:CipherValue>", &reference, 1),
            "EDU-2513",
        );
        let retrieval = format!("<ds:RetrievalMethod URI=\"{uri}\"/><xenc:EncryptedKey");
        let retrieval = sealed.replacen("<xenc:EncryptedKey", &retrieval, 1);
        assert_ne!(retrieval, sealed);
        refused(&retrieval, "EDU-2513");
    }
    assert!(listener.accept().is_err(), "somebody asked");
    let weak = "http://www.w3.org/2001/04/xmlenc#aes256-cbc";
    refused(&sealed.replace(encryption.data().uri(), weak), "EDU-2514");
    let weak = "http://www.w3.org/2001/04/xmlenc#rsa-1_5";
    refused(
        &sealed.replace(encryption.transport().uri(), weak),
        "EDU-2514",
    );
    // The genuine one is taken.
    let landed = scene.post(&forge::base64(&sealed));
    assert_eq!(landed.user().as_deref(), Some("forged"), "{}", landed.body);
}
