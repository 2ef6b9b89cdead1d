//! Our services as any identity provider meets them: who is told from whom, and what is encrypted for them.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::encrypt::Encrypter;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Public};
use openssl::rsa::Padding;
use openssl::sign::Signer;
use openssl::symm::{Cipher, encrypt_aead};
use openssl::x509::X509;
use saml::attribute::{FONCTION, PAIRWISE_ID, SUBJECT_ID, UID};
use saml::logout::LogoutRequest;
use saml::response::{Attribute, NameId, ResponsePlan};
use saml::{EntityId, NameIdFormat};
use visits::client::{between, form, unescape};
use visits::{Answer, Client, House, forge};

use crate::portal::{ids, press};

const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";

fn called(value: &str) -> NameId {
    NameId {
        value: value.to_owned(),
        format: NameIdFormat::Transient,
        name_qualifier: None,
        sp_name_qualifier: None,
    }
}

/// An answer at the portal in which the provider of a realm says this, and no more.
fn land(
    house: &House,
    client: &Client,
    (realm, name): (&str, Option<&str>),
    said: &[(&str, &str)],
) -> Answer {
    let genuine = forge::attempt_at(house, client, realm);
    let attributes: Vec<Attribute> = said
        .iter()
        .map(|(name, value)| Attribute {
            name: (*name).to_owned(),
            name_format: saml::names::ATTRNAME_URI.to_owned(),
            friendly_name: None,
            values: vec![(*value).to_owned()],
        })
        .collect();
    // One session by name: an answer about one that was ended is taken no more (EDU-7020).
    let session_index = name.unwrap_or("_index");
    let name = name.map(called);
    let plan = ResponsePlan {
        response_id: &forge::random_id(),
        assertion_id: &genuine.assertion_id,
        in_response_to: genuine.in_response_to.as_ref(),
        issuer: &genuine.issuer,
        audience: &genuine.audience,
        acs: &genuine.acs,
        now: genuine.now,
        lifetime_s: 300,
        name_id: name.as_ref(),
        authn_instant: genuine.now,
        authn_context: saml::names::PASSWORD,
        session_index,
        session_ends: None,
        attributes: &attributes,
        sign: genuine.sign,
    };
    let key = forge::key(house, &format!("idp-{realm}"));
    let xml = saml::response::compose(&plan, &key).unwrap();
    let field = forge::base64(&xml);
    client.follow(client.post("/portail/saml/acs", &[("SAMLResponse", &field)]))
}

/// SDP-SP12, SDP-SP14: any subject identifier is enough, none is too little.
#[test]
fn t13_whom_nothing_tells_from_others_is_not_signed_in_and_learns_where_to_ask() {
    let house = House::start();
    for said in [
        &[][..],
        &[(UID.name, " ")],
        &[(FONCTION.name, "enseignant_1d")],
        // Not this provider's to say.
        &[(SUBJECT_ID.name, "a1@elsewhere.example")],
        &[(PAIRWISE_ID.name, "b2@elsewhere.example")],
    ] {
        let client = house.client();
        let refused = land(&house, &client, ("personnel", None), said);
        assert_eq!(refused.status, 403, "{said:?}: {}", refused.body);
        assert_eq!(refused.code().as_deref(), Some("EDU-7025"), "{said:?}");
        assert!(refused.reference().is_some());
        assert_eq!(client.get("/portail/").status, 303, "nobody is signed in");
        // The provider's own page, told what for and by whom.
        let body = unescape(&refused.body);
        let path = format!("{}?", house.at("/erreur"));
        let question = between(&body, &format!("href=\"{path}"), "\"").expect("a link");
        for part in [
            "code=IDENTIFICATION_FAILURE&",
            "portail&tid=_",
            "&ctx=subject-id",
        ] {
            assert!(question.contains(part), "{part}: {question}");
        }
        assert!(!question.contains("ERRORURL"), "{question}");
        assert_eq!(client.get(&format!("{path}{question}")).status, 200);
    }
    for (name, value) in [
        (SUBJECT_ID.name, "a1@ac-demo.example"),
        (PAIRWISE_ID.name, "b2@ac-demo.example"),
        (UID.name, "amartin"),
    ] {
        let landed = land(
            &house,
            &house.client(),
            ("personnel", None),
            &[(name, value)],
        );
        assert_eq!(landed.user().as_deref(), Some(value), "{}", landed.body);
    }
}

/// SDP-SP16: what is kept of a person is kept under who speaks for them.
#[test]
fn t13_two_providers_may_call_two_people_the_same() {
    let house = House::start();
    let at = |realm: &str| {
        let client = house.client();
        let said = [(UID.name, "same"), (FONCTION.name, "enseignant_1d")];
        let landed = land(&house, &client, (realm, None), &said);
        assert_eq!(landed.user().as_deref(), Some("same"), "{}", landed.body);
        client
    };
    let favourites = |client: &Client| ids(&client.get("/portail/applications"));
    let first = at("personnel");
    let offered = first.get("/portail/applications?categorie=intranet");
    let chosen = ids(&offered).first().expect("an application").clone();
    assert_eq!(press(&first, &[("add", &chosen)]).status, 303);
    assert_eq!(favourites(&first), std::slice::from_ref(&chosen));
    assert_eq!(favourites(&at("personnel")), [chosen], "another browser");
    for other in ["eleve", "parent", "partenaire"] {
        assert!(favourites(&at(other)).is_empty(), "{other}");
    }
}

/// The key to encrypt for that the portal publishes.
fn published(house: &House) -> Vec<u8> {
    let metadata = house.client().get("/portail/saml/metadata").body;
    let after = metadata.split("use=\"encryption\"").nth(1).expect("a key");
    let text = between(after, "<ds:X509Certificate>", "<").expect("a certificate");
    STANDARD.decode(text).unwrap()
}

fn public(certificate: &[u8]) -> PKey<Public> {
    let certificate = X509::from_der(certificate).unwrap();
    certificate.public_key().unwrap()
}

/// `xml`, encrypted by AES-256-GCM for `key`, which wraps the content's key by RSA-OAEP.
fn encrypted(xml: &str, key: &PKey<Public>) -> String {
    let (content_key, vector, mut tag) = ([9; 32], [1; 12], [0; 16]);
    let cipher = Cipher::aes_256_gcm();
    let sealed = encrypt_aead(
        cipher,
        &content_key,
        Some(&vector),
        &[],
        xml.as_bytes(),
        &mut tag,
    )
    .unwrap();
    let content = STANDARD.encode([&vector[..], &sealed, &tag].concat());
    let mut encrypter = Encrypter::new(key).unwrap();
    encrypter.set_rsa_padding(Padding::PKCS1_OAEP).unwrap();
    let mut wrapped = vec![0; encrypter.encrypt_len(&content_key).unwrap()];
    let length = encrypter.encrypt(&content_key, &mut wrapped).unwrap();
    wrapped.truncate(length);
    let wrapped = STANDARD.encode(wrapped);
    format!(
        "<saml:EncryptedID xmlns:saml=\"{ASSERTION}\">\
         <xenc:EncryptedData xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" \
         Type=\"http://www.w3.org/2001/04/xmlenc#Element\">\
         <xenc:EncryptionMethod Algorithm=\"http://www.w3.org/2009/xmlenc11#aes256-gcm\"/>\
         <ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><xenc:EncryptedKey>\
         <xenc:EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p\"/>\
         <xenc:CipherData><xenc:CipherValue>{wrapped}</xenc:CipherValue></xenc:CipherData>\
         </xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue>{content}\
         </xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></saml:EncryptedID>"
    )
}

/// The address with which the staff's provider ends the session of `name`, said to `key` alone.
fn told(house: &House, name: &str, key: &PKey<Public>) -> String {
    let to = house.at("/portail/saml/slo");
    let provider = forge::key(house, "idp-personnel");
    let request = LogoutRequest {
        id: forge::random_id(),
        issue_instant: forge::now(),
        issuer: EntityId::parse(&house.at("/idp/personnel")).unwrap(),
        destination: Some(to.clone()),
        not_on_or_after: None,
        reason: None,
        name_id: called(name),
        session_indexes: vec![name.to_owned()],
        asynchronous: false,
    };
    let open = saml::redirect::compose(&request, &to, None, &provider).unwrap();
    let xml = forge::request_in(&open);
    let end = "</saml:NameID>";
    let (start, stop) = (xml.find("<saml:NameID").unwrap(), xml.find(end).unwrap());
    let open = &xml[start..stop + end.len()];
    let alone = if open.contains("xmlns:saml=") {
        open.to_owned()
    } else {
        let declared = format!("<saml:NameID xmlns:saml=\"{ASSERTION}\"");
        open.replacen("<saml:NameID", &declared, 1)
    };
    let sealed = xml.replacen(open, &encrypted(&alone, key), 1);
    assert!(!sealed.contains("NameID"), "{sealed}");
    let octets = form(&[
        ("SAMLRequest", &forge::deflate(sealed.as_bytes())),
        ("SigAlg", provider.algorithm().uri()),
    ]);
    let pem = std::fs::read(house.data.path().join("keys/idp-personnel.pem")).unwrap();
    let key = PKey::private_key_from_pem(&pem).unwrap();
    let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
    let signature = signer.sign_oneshot_to_vec(octets.as_bytes()).unwrap();
    let signature = form(&[("Signature", &forge::base64_bytes(&signature))]);
    format!("{to}?{octets}&{signature}")
}

/// IIP-SP16, with the key that is published and with the one that was before.
#[test]
fn t13_a_logout_about_an_encrypted_name_ends_the_session_it_means() {
    let house = House::start();
    let signed_in = |name: &str| {
        let client = house.client();
        let said = [(UID.name, "amartin")];
        let landed = land(&house, &client, ("personnel", Some(name)), &said);
        assert_eq!(landed.user().as_deref(), Some("amartin"), "{}", landed.body);
        client
    };
    let is_open = |client: &Client| client.get("/portail/").user().is_some();
    let client = signed_in("_first");
    let pair = saml::keys::generate(
        saml::KeyKind::Rsa2048,
        "stranger",
        [7; 16],
        forge::now(),
        30,
    )
    .unwrap();
    let stranger = X509::from_pem(pair.cert_pem.as_bytes()).unwrap();
    let refused = house
        .client()
        .get(&told(&house, "_first", &stranger.public_key().unwrap()));
    assert!(
        matches!(refused.status, 400 | 403),
        "{} {}",
        refused.status,
        refused.body
    );
    assert!(refused.code().is_some() && is_open(&client));

    let first = published(&house);
    let answered = house.client().get(&told(&house, "_first", &public(&first)));
    assert!(
        answered.location().contains("SAMLResponse="),
        "{}",
        answered.body
    );
    assert!(!is_open(&client));

    for words in [
        &["keys", "next", "portail-encryption"][..],
        &["keys", "promote", "portail-encryption", "--now"],
    ] {
        let done = house.run(words);
        let why = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{words:?}: {why}");
    }
    let since = Instant::now();
    while published(&house) == first {
        assert!(since.elapsed() < Duration::from_secs(10), "not published");
        std::thread::sleep(Duration::from_millis(50));
    }
    for (name, key) in [("_second", first), ("_third", published(&house))] {
        let client = signed_in(name);
        let answered = house.client().get(&told(&house, name, &public(&key)));
        assert!(
            answered.location().contains("SAMLResponse="),
            "{}",
            answered.body
        );
        assert!(!is_open(&client));
    }
}
