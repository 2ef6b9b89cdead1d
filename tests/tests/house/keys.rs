//! Keys roll while people sign on.

mod token;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use saml::metadata::{Document, ReadPolicy};
use serde_json::Value;
use visits::client::form;
use visits::peers::{Mellon, Peer, Pysaml, Setup, Wish};
use visits::{Client, House, PASSWORD, forge};

/// The key of the staff, and where it is published.
const STAFF: &str = "idp-personnel";
const STAFF_METADATA: &str = "/idp/personnel/metadata";

/// What a command said, which it must have done.
#[track_caller]
fn done(house: &House, arguments: &[&str]) -> String {
    let output = house.run(arguments);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {complaints}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Why a command was refused, which it must have been.
#[track_caller]
fn refused(house: &House, arguments: &[&str]) -> String {
    let output = house.run(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The fingerprints of the keys of a name, by state, as `keys list` tells them.
fn listed(house: &House, name: &str) -> Vec<(String, String)> {
    let told: Value = serde_json::from_str(&done(house, &["keys", "list", "--json"])).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let keys = told.as_array().unwrap().iter();
    keys.filter(|one| one["name"] == name)
        .map(|one| (text(&one["state"]), text(&one["fingerprint"])))
        .collect()
}

/// The fingerprints of the signing keys that the metadata at `path` publishes, in its order, and of
/// the key it is signed with.
fn published(house: &House, path: &str) -> (Vec<String>, String) {
    let document = read(house, path);
    let entity = document.entities.first().expect("an entity");
    let keys = match (&entity.idp, &entity.sp) {
        (Some(role), _) => &role.signing_keys,
        (_, Some(role)) => &role.signing_keys,
        _ => panic!("no role"),
    };
    let keys = keys
        .iter()
        .map(|key| key.fingerprint().to_owned())
        .collect();
    (keys, document.key.expect("verified"))
}

/// Waits until what is published is what is listed: every process has turned the page.
#[track_caller]
fn until_published(house: &House, name: &str, path: &str) {
    let listed: Vec<String> = listed(house, name)
        .into_iter()
        .map(|(_, key)| key)
        .collect();
    let started = Instant::now();
    while published(house, path).0 != listed {
        assert!(started.elapsed() < Duration::from_secs(3), "{path}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until the journal tells that the portal and the viewer know what is published: our own
/// metadata was read again, and once more.
fn until_known() {
    std::thread::sleep(Duration::from_secs(2));
}

/// Sign-ons one after the other; each must succeed.
struct Stream {
    stop: AtomicBool,
    /// How many at each service.
    done: Mutex<BTreeMap<&'static str, usize>>,
    failed: Mutex<Vec<String>>,
}

/// One sign-on: who the service says it is, or what it said instead.
type SignOn<'a> = &'a (dyn Fn(&Client) -> Result<String, String> + Sync);

impl Stream {
    /// Signs on again and again, with a session at the identity provider that lives meanwhile.
    fn flow(&self, house: &House, service: &'static str, sign_on: SignOn<'_>) {
        let client = house.client();
        client.arrive("personnel", "amartin");
        while !self.stop.load(Ordering::SeqCst) {
            // The machine is not to be measured here: some air for what rolls meanwhile.
            std::thread::sleep(Duration::from_millis(30));
            match sign_on(&client) {
                Ok(who) if who == "Martin" || who == "amartin" => {
                    *self.done.lock().unwrap().entry(service).or_default() += 1;
                }
                Ok(who) | Err(who) => {
                    let story = format!("{service}: {who}");
                    self.failed.lock().unwrap().push(story);
                }
            }
        }
    }

    /// Waits until each service has let somebody in `more` times since.
    fn wait_for(&self, more: usize) {
        let before = self.done.lock().unwrap().clone();
        let started = Instant::now();
        let is_enough = || {
            let done = self.done.lock().unwrap();
            before
                .iter()
                .all(|(service, count)| done[service] >= count + more)
        };
        while !is_enough() {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "nobody signs on any more: {:?}",
                self.failed.lock().unwrap().first()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Signs on at a service of ours, which forgets us first.
fn at_our_own(client: &Client, house: &House, path: &str) -> Result<String, String> {
    let logout = format!("{path}/logout");
    if let Some(csrf) = client.get(&logout).field("csrf") {
        client.post(&logout, &[("csrf", &csrf)]);
    }
    let provider = form(&[("entityID", &house.at("/idp/personnel"))]);
    let page = client.open(&format!("{path}/login?{provider}"));
    if page.field("SAMLResponse").is_none() {
        return Err(page.body);
    }
    let arrived = client.deliver(&page);
    arrived.user().ok_or(arrived.body)
}

/// Signs on at a service of another make; while it reads metadata again it is not asked.
fn at_a_peer<P: Peer>(client: &Client, peer: &Mutex<P>) -> Result<String, String> {
    let peer = peer.lock().unwrap();
    let page = peer.ask(client, Wish::Plain);
    if page.field("SAMLResponse").is_none() {
        return Err(page.body);
    }
    let told = client.deliver(&page);
    let known = peer.known(client);
    let known = known.ok_or_else(|| format!("{}\n{}", told.body, peer.complaints()))?;
    Ok(known.attributes["sn"].concat())
}

/// Runs `story` while people sign on everywhere, one after the other; nobody may fail.
fn while_people_sign_on(
    house: &House,
    services: &[(&'static str, SignOn<'_>)],
    story: impl FnOnce(&Stream),
) {
    let begun = services.iter().map(|(service, _)| (*service, 0)).collect();
    let stream = Stream {
        stop: AtomicBool::new(false),
        done: Mutex::new(begun),
        failed: Mutex::default(),
    };
    std::thread::scope(|scope| {
        for (service, sign_on) in services {
            let stream = &stream;
            scope.spawn(move || stream.flow(house, service, *sign_on));
        }
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            stream.wait_for(2);
            story(&stream);
        }));
        stream.stop.store(true, Ordering::SeqCst);
        if let Err(why) = told {
            std::panic::resume_unwind(why);
        }
    });
    let failed = stream.failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} failed: {}", failed.len(), failed[0]);
}

/// The whole roll of one key, step by step, while `stream` flows; `published` waits until others
/// can know of each step.
fn roll(house: &House, stream: &Stream, name: &str, published: &dyn Fn()) {
    let first = listed(house, name);
    assert_eq!(first.len(), 1);
    let told = done(house, &["keys", "next", name]);
    assert!(told.contains(&format!("keys promote {name}")), "{told}");
    let rolling = listed(house, name);
    assert_eq!(rolling[0], first[0]);
    assert_eq!(rolling[1].0, "next");
    published();
    stream.wait_for(3);
    // Not everybody has read our metadata again: only who insists is let through.
    let why = refused(house, &["keys", "promote", name]);
    assert!(why.contains("--now"), "{why}");
    assert_eq!(listed(house, name), rolling);
    done(house, &["keys", "promote", name, "--now"]);
    let rolled = listed(house, name);
    assert_eq!(rolled[0].1, rolling[1].1);
    assert_eq!(rolled[1], ("retired".to_owned(), first[0].1.clone()));
    published();
    stream.wait_for(3);
    // It stays for a while, unless somebody insists.
    assert!(done(house, &["keys", "retire"]).contains("nothing to do"));
    assert_eq!(listed(house, name), rolled);
    done(house, &["keys", "retire", name, "--now"]);
    assert_eq!(listed(house, name), [rolled[0].clone()]);
    published();
    stream.wait_for(3);
}

#[test]
fn m09_a_realms_key_rolls_while_people_sign_on_everywhere() {
    let house = House::start();
    let decrypts = Setup {
        decrypts: true,
        ..Setup::default()
    };
    let mellon = Mutex::new(Mellon::registered(&house, decrypts));
    let pysaml = Mutex::new(Pysaml::registered(&house, Setup::default()));
    let first = listed(&house, STAFF)[0].1.clone();
    let services: [(&str, SignOn<'_>); 4] = [
        ("portal", &|client| at_our_own(client, &house, "/portail")),
        ("viewer", &|client| at_our_own(client, &house, "/magistere")),
        ("mellon", &|client| at_a_peer(client, &mellon)),
        ("pysaml", &|client| at_a_peer(client, &pysaml)),
    ];
    while_people_sign_on(&house, &services, |stream| {
        roll(&house, stream, STAFF, &|| {
            until_published(&house, STAFF, STAFF_METADATA);
            mellon.lock().unwrap().reread(&house);
            pysaml.lock().unwrap().reread(&house);
            until_known();
        });
    });
    // The answers were signed with the one, then with the other.
    let journal = house.journal();
    let signed_with = |key: &str| {
        let accepted =
            |line: &&Value| line["event"] == "sp.response.accepted" && line["key"] == key;
        journal.iter().filter(accepted).count()
    };
    let second = &listed(&house, STAFF)[0].1;
    assert!(signed_with(&first) >= 4 && signed_with(second) >= 4);
    assert_eq!(changes(&journal, STAFF), 3);
}

#[test]
fn m09_the_keys_of_a_service_roll_while_people_sign_on() {
    let house = House::start();
    let services: [(&str, SignOn<'_>); 1] =
        [("portal", &|client| at_our_own(client, &house, "/portail"))];
    let path = "/portail/saml/metadata";
    while_people_sign_on(&house, &services, |stream| {
        roll(&house, stream, "portail", &|| {
            until_published(&house, "portail", path);
            until_known();
        });
        let before = opening(&house, path);
        // One is published at a time, and all of them open.
        roll(&house, stream, "portail-encryption", &|| {
            let current = listed(&house, "portail-encryption")[0].1.clone();
            let started = Instant::now();
            while opening(&house, path) != [current.clone()] {
                assert!(started.elapsed() < Duration::from_secs(3), "not published");
                std::thread::sleep(Duration::from_millis(50));
            }
            until_known();
        });
        assert_ne!(opening(&house, path), before);
    });
    let journal = house.journal();
    let open = |line: &&Value| line["event"] == "sp.response.accepted" && line["encrypted"] == "no";
    assert_eq!(journal.iter().filter(open).count(), 0, "sent in the clear");
    assert_eq!(changes(&journal, "portail"), 3);
    assert_eq!(changes(&journal, "portail-encryption"), 3);
}

/// How often the journal tells that the keys of a name changed.
fn changes(journal: &[Value], name: &str) -> usize {
    let changed = |line: &&Value| line["event"] == "keys.changed" && line["key"] == name;
    journal.iter().filter(changed).count()
}

/// The fingerprints of the keys to encrypt for that the metadata at `path` publishes.
fn opening(house: &House, path: &str) -> Vec<String> {
    let document = read(house, path);
    let entity = document.entities.first().expect("an entity");
    let keys = &entity.sp.as_ref().expect("a service").encryption_keys;
    let keys = keys.iter().map(|key| key.key.fingerprint().to_owned());
    keys.collect()
}

/// Metadata of ours, signed by one of its keys.
fn read(house: &House, path: &str) -> Document {
    let text = house.client().get(path).body;
    let folder = std::fs::read_dir(house.data.path().join("keys")).unwrap();
    let pinned: Vec<_> = folder
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("metadata"))
        .map(|entry| forge::certificate(&entry.path()))
        .collect();
    let policy = ReadPolicy {
        pinned: &pinned,
        now: forge::now(),
        horizon_days: Some(60),
        loopback_http: true,
    };
    saml::metadata::read(&text, &policy).expect("good metadata")
}

#[test]
fn h11_the_key_that_signs_metadata_rolls_by_itself() {
    let house = House::start();
    let first = published(&house, STAFF_METADATA);
    assert_eq!(first.1, listed(&house, "metadata")[0].1);
    assert!(!first.0.contains(&first.1), "it signs nothing else");
    done(&house, &["keys", "next", "metadata"]);
    // Those who pinned it get the next one by hand.
    assert!(refused(&house, &["keys", "promote", "metadata"]).contains("pinned"));
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(published(&house, STAFF_METADATA), first);
    done(&house, &["keys", "promote", "metadata", "--now"]);
    let next = listed(&house, "metadata")[0].1.clone();
    let started = Instant::now();
    while published(&house, STAFF_METADATA).1 != next {
        assert!(started.elapsed() < Duration::from_secs(3));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(published(&house, STAFF_METADATA).0, first.0);
    // Our own services read it under the new key, and so they do after a restart.
    until_known();
    assert_eq!(house.client().get("/health/ready").status, 200);
    let mut house = house;
    house.kill();
    house.open();
    let arrived = house.client().arrive("personnel", "amartin");
    assert_eq!(arrived.user().as_deref(), Some("amartin"));
}

#[test]
fn r10_a_person_is_the_same_to_a_service_whatever_key_signs() {
    let house = House::start();
    let peer = Pysaml::registered(
        &house,
        Setup {
            name_id_format: Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"),
            ..Setup::default()
        },
    );
    let mut peer = peer;
    let before = peer.sign_on(&house.client(), "amartin", PASSWORD);
    done(&house, &["keys", "next", "--all"]);
    done(&house, &["keys", "promote", "--all", "--now"]);
    done(&house, &["keys", "retire", "--now"]);
    until_published(&house, STAFF, STAFF_METADATA);
    peer.reread(&house);
    let after = peer.sign_on(&house.client(), "amartin", PASSWORD);
    assert_eq!(before.name_id, after.name_id);
    assert_ne!(
        before.name_id,
        peer.sign_on(&house.client(), "bleroy", PASSWORD).name_id
    );
}

#[test]
fn o12_keys_come_back_from_a_copy() {
    let mut house = House::start();
    let before = (listed(&house, STAFF), published(&house, STAFF_METADATA));
    let folder = house.data.path().join("keys");
    let copy = house.data.path().join("copy");
    std::fs::rename(&folder, &copy).unwrap();
    // Gone while it serves: what it holds it keeps.
    std::thread::sleep(Duration::from_secs(2));
    let arrived = house.client().arrive("personnel", "amartin");
    assert_eq!(arrived.user().as_deref(), Some("amartin"));
    house.kill();
    let mut command = house.command(&["serve", "all"]);
    let refused = command
        .env("EDULINE__SERVER__DEMO", "false")
        .output()
        .unwrap();
    assert_eq!(
        refused.status.code(),
        Some(1),
        "it does not serve without its keys"
    );
    assert!(!folder.exists(), "and makes none");
    std::fs::rename(&copy, &folder).unwrap();
    house.open();
    assert_eq!(
        (listed(&house, STAFF), published(&house, STAFF_METADATA)),
        before
    );
    let arrived = house.client().arrive("personnel", "amartin");
    assert_eq!(arrived.user().as_deref(), Some("amartin"));
}

#[test]
fn a_next_key_that_cannot_be_read_leaves_what_stands() {
    let house = House::start();
    let file = house.data.path().join("keys/idp-personnel.next.pem");
    std::fs::write(&file, "no key").unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let arrived = house.client().arrive("personnel", "amartin");
    assert_eq!(arrived.user().as_deref(), Some("amartin"));
    for arguments in [&["check"][..], &["keys", "list"]] {
        assert!(refused(&house, arguments).contains("idp-personnel.next.pem"));
    }
    for arguments in [
        &["keys", "promote", "personnel", "--now"][..],
        &["keys", "next", "personnel"],
        &["keys", "next", "nobody"],
    ] {
        refused(&house, arguments);
    }
    assert_eq!(house.run(&["keys", "next"]).status.code(), Some(2));
    assert_eq!(
        house.run(&["keys", "next", "--all", "eleve"]).status.code(),
        Some(2)
    );
}

#[test]
fn how_long_certificates_last_is_measured() {
    let port = visits::process::free_port();
    let admin = format!("127.0.0.1:{port}");
    let house = House::with(&[
        ("EDULINE__ADMIN__LISTEN", &admin),
        ("EDULINE__KEYS__DAYS", "40"),
    ]);
    let metrics = || house.client().get(&format!("http://{admin}/metrics")).body;
    let days = |state: &str| {
        let line = format!("eduline_certificate_days_left{{key=\"{STAFF}\",state=\"{state}\"}} ");
        visits::client::between(&metrics(), &line, "\n")
    };
    assert_eq!(days("current").as_deref(), Some("39"));
    assert_eq!(days("next"), None);
    // So little is left that it is time to follow it up.
    let told = done(&house, &["keys", "list"]);
    assert!(
        told.contains("now: eduline keys next idp-personnel"),
        "{told}"
    );
    done(&house, &["keys", "next", "personnel"]);
    let started = Instant::now();
    while days("next").is_none() {
        assert!(started.elapsed() < Duration::from_secs(3), "{}", metrics());
        std::thread::sleep(Duration::from_millis(50));
    }
    let told = done(&house, &["keys", "list"]);
    assert!(
        told.contains("eduline keys promote idp-personnel"),
        "{told}"
    );
}
