//! A service whose keys are what it says at its own address (M08): over https, with a certificate that is
//! good for its host, and nothing less.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Name};
use saml::{EntityId, KeyKind, SigningKey};
use visits::client::Answer;
use visits::partner::wait_until_known;
use visits::{Client, House, Partner, forge};

use crate::sources::{Origin, said};

type Pair = (PKey<Private>, X509);

/// A certificate for `name`, by `by` or by itself.
fn certificate(name: &str, by: Option<&Pair>) -> Pair {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut called = X509Name::builder().unwrap();
    called.append_entry_by_nid(Nid::COMMONNAME, name).unwrap();
    let called = called.build();
    let mut made = X509::builder().unwrap();
    made.set_version(2).unwrap();
    let number = BigNum::from_u32(by.map_or(1, |_| 2)).unwrap();
    made.set_serial_number(&number.to_asn1_integer().unwrap())
        .unwrap();
    made.set_subject_name(&called).unwrap();
    made.set_issuer_name(by.map_or(&*called, |(_, one)| one.subject_name()))
        .unwrap();
    made.set_pubkey(&key).unwrap();
    made.set_not_before(&Asn1Time::days_from_now(0).unwrap())
        .unwrap();
    made.set_not_after(&Asn1Time::days_from_now(2).unwrap())
        .unwrap();
    if by.is_some() {
        let names = SubjectAlternativeName::new()
            .dns(name)
            .build(&made.x509v3_context(None, None))
            .unwrap();
        made.append_extension(names).unwrap();
    } else {
        let authority = BasicConstraints::new().critical().ca().build().unwrap();
        made.append_extension(authority).unwrap();
    }
    let signer = by.map_or(&key, |(key, _)| key);
    made.sign(signer, MessageDigest::sha256()).unwrap();
    (key, made.build())
}

/// What a site answers with: its certificate, and the document that is at every path.
struct Says {
    identity: Pair,
    document: String,
}

/// A site that speaks TLS.
struct Site {
    url: String,
    says: Arc<Mutex<Says>>,
}

impl Site {
    fn open(identity: Pair, document: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let says = Arc::new(Mutex::new(Says {
            identity,
            document: document.to_owned(),
        }));
        let told = Arc::clone(&says);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
                let document = {
                    let says = told.lock().unwrap();
                    acceptor.set_private_key(&says.identity.0).unwrap();
                    acceptor.set_certificate(&says.identity.1).unwrap();
                    says.document.clone()
                };
                // Whoever does not believe the certificate goes away.
                let Ok(mut stream) = acceptor.build().accept(stream) else {
                    continue;
                };
                let mut asked = [0; 4096];
                let _ = stream.read(&mut asked).unwrap_or(0);
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    document.len()
                );
                stream.write_all(head.as_bytes()).ok();
                stream.write_all(document.as_bytes()).ok();
                stream.shutdown().ok();
            }
        });
        Self {
            url: format!("https://localhost:{port}/metadata"),
            says,
        }
    }

    fn document(&self, document: String) {
        self.says.lock().unwrap().document = document;
    }
}

fn trusted(folder: &Path, authority: &Pair) -> PathBuf {
    let file = folder.join("authorities.pem");
    std::fs::write(&file, authority.1.to_pem().unwrap()).unwrap();
    file
}

fn another_key(seed: u8) -> SigningKey {
    let pair = saml::keys::generate(KeyKind::P256, "sp", [seed; 16], forge::now(), 30).unwrap();
    SigningKey::from_pem(&pair.key_pem, &pair.cert_pem).unwrap()
}

/// What becomes of a request of the service.
fn asks(partner: &Partner, house: &House, client: &Client) -> Answer {
    client.open(&partner.address(house, &partner.request(house)))
}

fn is_taken(partner: &Partner, house: &House) -> bool {
    asks(partner, house, &house.client()).code().is_none()
}

#[track_caller]
fn wait_until_taken(partner: &Partner, house: &House) {
    let started = Instant::now();
    while !is_taken(partner, house) {
        assert!(
            started.elapsed().as_secs() < 40,
            "its new key is never taken"
        );
        std::thread::sleep(Duration::from_millis(250));
    }
}

#[test]
fn m08_a_service_rolls_its_key_at_its_own_https_address_and_nothing_less_is_believed() {
    let folder = tempfile::tempdir().unwrap();
    let authority = certificate("An authority", None);
    let file = trusted(folder.path(), &authority).display().to_string();
    let mut house = House::with(&[
        ("EDULINE__FEDERATION__REFRESH_S", "1"),
        ("SSL_CERT_FILE", &file),
    ]);
    let mut partner = Partner::new("sp.example");
    let site = Site::open(
        certificate("localhost", Some(&authority)),
        &partner.metadata(),
    );
    let add = |from: &str| house.run(&["sp", "add", from, "--follow"]);

    // Nobody is followed by http, in a file, or with somebody else's certificate.
    let origin = Origin::start();
    origin.gives("/metadata", &partner.metadata());
    let own = house.data.path().join("own.xml");
    std::fs::write(&own, partner.metadata()).unwrap();
    let elsewhere = Site::open(
        certificate("elsewhere.example", Some(&authority)),
        &partner.metadata(),
    );
    let unknown = Site::open(
        certificate("localhost", Some(&certificate("Nobody", None))),
        &partner.metadata(),
    );
    for from in [
        &format!("{}/metadata", origin.base),
        &own.display().to_string(),
        &elsewhere.url,
        &unknown.url,
    ] {
        let refused = add(from);
        assert_eq!(refused.status.code(), Some(1), "{from}: {}", said(&refused));
    }
    assert_eq!(said(&house.run(&["sp", "list"])).trim(), "");

    let added = add(&site.url);
    assert!(added.status.success(), "{}", said(&added));
    wait_until_known(&house, partner.id.as_str());
    assert!(is_taken(&partner, &house));
    let shown = said(&house.run(&["sp", "show", partner.id.as_str()]));
    assert!(shown.contains(&site.url), "{shown}");

    // Its key rolls: the next one is taken, the last one no longer is, and both ends are told.
    let old = std::mem::replace(&mut partner.key, another_key(7));
    site.document(partner.metadata());
    wait_until_taken(&partner, &house);
    let new = std::mem::replace(&mut partner.key, old);
    let refused = asks(&partner, &house, &house.client()).code();
    let refused = refused.unwrap_or_default();
    assert!(refused.starts_with("EDU-221"), "{refused}");
    partner.key = new;
    let changes = said(&house.run(&["metadata", "changes", "sp.example"]));
    assert!(changes.contains(": key https://sp.example/sp"), "{changes}");
    let told = house.journal();
    let told = |event: &str| {
        told.iter().any(|line| {
            line["event"] == event
                && line["source"]
                    .as_str()
                    .is_some_and(|name| name.starts_with("followed."))
        })
    };
    assert!(told("metadata.changed"));

    // Whatever else it says is not taken: more attributes, another entity, a host that is not its own.
    let client = house.client();
    let asked = Partner::new("sp.example").asking("mail", true);
    partner.requested = asked.requested;
    partner.attributes = vec![(
        "http://macedir.org/entity-category".to_owned(),
        vec!["urn:x".to_owned()],
    )];
    partner.acs = "https://sp.example/acs2".to_owned();
    site.document(partner.metadata());
    let started = Instant::now();
    let told = || said(&house.run(&["metadata", "changes", "sp.example"]));
    while !told().contains(": address https://sp.example/sp") {
        assert!(started.elapsed().as_secs() < 40, "{}", told());
        std::thread::sleep(Duration::from_millis(250));
    }
    std::thread::sleep(Duration::from_millis(500));
    let login = partner.sign_on(&house, &client, "amartin");
    assert_eq!(login.value(saml::attribute::MAIL.name), None, "{login:?}");

    let mut evil = Partner::new("evil.example");
    site.document(evil.metadata());
    std::thread::sleep(Duration::from_secs(3));
    assert!(!is_taken(&evil, &house) && is_taken(&partner, &house));
    evil.id = EntityId::parse("https://sp.example/sp").unwrap();
    evil.key = another_key(9);
    evil.acs.clone_from(&partner.acs);
    site.says.lock().unwrap().identity =
        certificate("localhost", Some(&certificate("Nobody", None)));
    site.document(evil.metadata());
    std::thread::sleep(Duration::from_secs(3));
    assert!(!is_taken(&evil, &house), "its certificate is nobody's");
    assert!(is_taken(&partner, &house), "what it said last stands");
    house.kill();
    house.open();
    assert!(is_taken(&partner, &house), "after a start too");

    // Registered anew without it, it is not followed any longer: what the operator vouches for is what counts.
    assert!(
        house
            .run(&["sp", "add", &own.display().to_string(), "--replace"])
            .status
            .success()
    );
    let started = Instant::now();
    while is_taken(&partner, &house) {
        assert!(started.elapsed().as_secs() < 20, "it is still followed");
        std::thread::sleep(Duration::from_millis(250));
    }
    let registered = house.data.path().join("metadata");
    let mut files = std::fs::read_dir(&registered).unwrap().flatten();
    assert!(files.all(|one| one.path().extension().is_none_or(|end| end != "follow")));
    // A file that follows nobody it may is said.
    std::fs::write(
        registered.join("x.follow"),
        "entityID = \"urn:x\"\nurl = \"http://x.example/\"\n",
    )
    .unwrap();
    let checked = house.run(&["check"]);
    assert!(said(&checked).contains("x.follow"), "{}", said(&checked));
}
