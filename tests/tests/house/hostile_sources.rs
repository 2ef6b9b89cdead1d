//! A source that means harm, or whose line somebody holds: each thing it may send is refused under its own name, and
//! what was good before stands. The aggregates are signed by xmlsec1.

use std::process::Output;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use visits::{Client, House};

use crate::sources::{
    DAY, Key, Origin, aggregate, is_trusted, key, provider, response, said, signed, wait_until,
};

/// A house, an address it may ask, the key that it is to believe there, and another one.
struct Scene {
    house: House,
    origin: Origin,
    theirs: Key,
    stranger: Key,
    _folder: TempDir,
}

impl Scene {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            house: House::with(&[("EDULINE__FEDERATION__REFRESH_S", "1")]),
            origin: Origin::start(),
            theirs: key(folder.path(), "theirs"),
            stranger: key(folder.path(), "stranger"),
            _folder: folder,
        }
    }

    /// An aggregate with one provider, signed by whom it should be.
    fn good(&self) -> String {
        let one = provider("one.example", &self.theirs);
        signed(&aggregate(&one, Some(7 * DAY)), &self.theirs)
    }

    fn add(&self, place: &str, name: &str) -> Output {
        let pem = self.theirs.certificate.display().to_string();
        let add = ["metadata", "source", "add", place, "--key", &pem];
        self.house.run(&[&add[..], &["--name", name]].concat())
    }

    /// Nobody takes this for a source, for one of these reasons, and nothing of it is kept.
    #[track_caller]
    fn assert_no_source(&self, what: &str, document: &str, reasons: &[&str]) {
        self.origin.gives("/all", document);
        let output = self.add(&self.origin.at("/all"), "hostile");
        let told = said(&output);
        assert_eq!(output.status.code(), Some(1), "{what}: {told}");
        let is_told = reasons.iter().any(|one| told.contains(one));
        assert!(is_told, "{what}: {told}");
        let listed = self.house.run(&["metadata", "source", "list"]);
        assert_eq!(said(&listed).trim(), "", "nothing was added");
        let client = self.house.client();
        for host in ["one.example", "evil.example"] {
            assert!(!is_trusted(&client, host), "{what}: {host}");
        }
    }

    /// The good one is a source, and a running house believes it.
    fn believed(&self) -> Client {
        self.origin.gives("/all", &self.good());
        let added = self.add(&self.origin.at("/all"), "good");
        assert!(added.status.success(), "{}", said(&added));
        let client = self.house.client();
        wait_until(&client, "one.example", true);
        client
    }
}

/// A digest or a signature that is not right.
const NOT_SIGNED: [&str; 2] = ["EDU-2211", "signature"];

#[test]
fn m01_an_aggregate_stripped_of_its_signature_is_refused() {
    let scene = Scene::open();
    let one = provider("one.example", &scene.theirs);
    let bare = aggregate(&one, Some(7 * DAY));
    scene.assert_no_source("without", &bare, &["no signature"]);
    // Of each entity, and none of the whole.
    let good = scene.good();
    let nested = aggregate(&good, Some(7 * DAY)).replacen("_all", "_other", 1);
    scene.assert_no_source("of each alone", &nested, &["no signature"]);
}

#[test]
fn m01_an_aggregate_signed_anew_by_a_stranger_is_refused() {
    let scene = Scene::open();
    let evil = provider("evil.example", &scene.stranger);
    let forged = signed(&aggregate(&evil, Some(7 * DAY)), &scene.stranger);
    scene.assert_no_source("a stranger", &forged, &NOT_SIGNED);
    // Nor is it later, from the address of somebody who was believed.
    let client = scene.believed();
    scene.origin.gives("/all", &forged);
    let refreshed = scene.house.run(&["metadata", "refresh"]);
    assert_eq!(refreshed.status.code(), Some(1), "{}", said(&refreshed));
    std::thread::sleep(Duration::from_millis(1500));
    assert!(is_trusted(&client, "one.example") && !is_trusted(&client, "evil.example"));
}

#[test]
fn m01_an_aggregate_that_was_changed_is_refused() {
    let scene = Scene::open();
    let good = scene.good();
    let changed = good.replace("one.example", "evil.example");
    scene.assert_no_source("a name", &changed, &NOT_SIGNED);
    // One octet of white space counts, too.
    let spaced = good.replacen("</md:IDPSSODescriptor>", " </md:IDPSSODescriptor>", 1);
    assert_ne!(spaced, good);
    scene.assert_no_source("a space", &spaced, &NOT_SIGNED);
}

#[test]
fn m01_an_aggregate_wrapped_in_another_is_refused() {
    let scene = Scene::open();
    let good = scene.good();
    let evil = provider("evil.example", &scene.stranger);
    let signature = {
        let (from, to) = (
            good.find("<ds:Signature").unwrap(),
            good.find("</ds:Signature>").unwrap(),
        );
        good[from..to + "</ds:Signature>".len()].to_owned()
    };
    let outside = |inner: &str| aggregate(inner, Some(7 * DAY)).replacen("_all", "_other", 1);
    let bare = good.replacen(&signature, "", 1);
    for (what, document) in [
        ("beside it", outside(&format!("{evil}{good}"))),
        ("after it", outside(&format!("{good}{evil}"))),
        (
            "its signature moved to the root",
            outside(&format!("{signature}{evil}{bare}")),
        ),
        (
            "inside extensions",
            outside(&format!(
                "{signature}<md:Extensions>{bare}</md:Extensions>{evil}"
            )),
        ),
        (
            "inside its own signature",
            outside(&format!(
                "{}{evil}",
                signature.replacen(
                    "</ds:Signature>",
                    &format!("<ds:Object>{bare}</ds:Object></ds:Signature>"),
                    1
                )
            )),
        ),
        (
            "two of one name",
            outside(&format!("{signature}{evil}{bare}")).replacen("_other", "_all", 1),
        ),
    ] {
        scene.assert_no_source(what, &document, &["signature", "given twice"]);
    }
}

#[test]
fn m04_an_aggregate_that_has_expired_or_says_no_end_is_refused() {
    let scene = Scene::open();
    let one = provider("one.example", &scene.theirs);
    for (end, reason) in [
        (Some(-60), "valid until"),
        (None, "does not say until when"),
        (Some(90 * DAY), "more than 30 days"),
    ] {
        let document = signed(&aggregate(&one, end), &scene.theirs);
        scene.assert_no_source(reason, &document, &[reason]);
    }
}

#[test]
fn m02_an_aggregate_that_is_rolled_back_is_not_taken_again() {
    let scene = Scene::open();
    let client = scene.believed();
    // Signed well, and valid still: of a time when somebody else was in it.
    let evil = provider("evil.example", &scene.stranger);
    let older = signed(&aggregate(&evil, Some(DAY)), &scene.theirs);
    scene.origin.gives("/all", &older);
    let refreshed = scene.house.run(&["metadata", "refresh"]);
    let told = said(&refreshed);
    assert_eq!(refreshed.status.code(), Some(1), "{told}");
    assert!(told.contains("EDU-5005"), "{told}");
    // The server has read it again meanwhile.
    std::thread::sleep(Duration::from_millis(1500));
    assert!(is_trusted(&client, "one.example"));
    assert!(!is_trusted(&client, "evil.example"));
    let failed = |line: &serde_json::Value| line["event"] == "metadata.failed";
    assert!(scene.house.journal().iter().any(failed));
}

#[test]
fn m13_an_entity_that_is_there_twice_counts_once() {
    let scene = Scene::open();
    let one = provider("one.example", &scene.theirs);
    let again = one.replace("https://one.example/sso", "https://evil.example/sso");
    let twice = aggregate(&format!("{one}{again}"), Some(7 * DAY));
    scene.origin.gives("/all", &signed(&twice, &scene.theirs));
    let added = scene.add(&scene.origin.at("/all"), "twice");
    let told = said(&added);
    assert!(added.status.success() && told.contains("twice"), "{told}");
    let client = scene.house.client();
    wait_until(&client, "one.example", true);
    assert!(is_trusted(&client, "one.example"), "the first one counts");
}

#[test]
fn m02_a_server_that_drips_one_byte_a_second_holds_nobody_up() {
    let scene = Scene::open();
    scene
        .origin
        .says("/drip", response("200 OK", "", &scene.good()));
    let started = Instant::now();
    let dripped = scene.add(&scene.origin.at("/drip"), "drip");
    assert_eq!(dripped.status.code(), Some(1), "{}", said(&dripped));
    assert!(started.elapsed().as_secs() < 25, "{:?}", started.elapsed());
    // Who was believed and drips from now on: what it gave stands, and neither people nor another source wait.
    let client = scene.believed();
    let first = scene.origin.times("/drip");
    let redirect = response("302 Found", "location: /drip\r\n", "");
    scene.origin.says("/all", redirect);
    let until = Instant::now() + Duration::from_secs(20);
    while scene.origin.times("/drip") == first {
        assert!(Instant::now() < until, "it is never asked again");
        std::thread::sleep(Duration::from_millis(50));
    }
    let other = provider("two.example", &scene.theirs);
    let other = signed(&aggregate(&other, Some(7 * DAY)), &scene.theirs);
    scene.origin.gives("/other", &other);
    let added = scene.add(&scene.origin.at("/other"), "other");
    assert!(added.status.success(), "{}", said(&added));
    wait_until(&client, "two.example", true);
    let asked = Instant::now();
    assert!(is_trusted(&client, "one.example"));
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "{:?}",
        asked.elapsed()
    );
}

#[test]
fn m02_an_address_leads_nowhere_it_should_not() {
    let scene = Scene::open();
    let (origin, good) = (&scene.origin, scene.good());
    origin.gives("/doctype", &format!("<!DOCTYPE a>{good}"));
    origin.gives("/nothing", "");
    let leads = |path: &str, status: &str, to: &str| {
        origin.says(path, response(status, &format!("location: {to}\r\n"), ""));
    };
    leads("/elsewhere", "302 Found", "http://192.0.2.1/x");
    leads("/file", "301 Moved", "file:///etc/passwd");
    leads("/loop", "307 Again", "/loop");
    for (path, reason) in [
        ("/doctype", "DOCTYPE"),
        ("/nothing", "EDU-5003"),
        ("/elsewhere", "not followed"),
        ("/file", "not followed"),
        ("/loop", "five"),
        ("/missing", "404"),
    ] {
        let output = scene.add(&origin.at(path), "hostile");
        assert_eq!(output.status.code(), Some(1), "{path}");
        assert!(said(&output).contains(reason), "{path}: {}", said(&output));
    }
    for (place, name) in [
        ("file:///etc/passwd", "hostile"),
        ("http://federation.example/all.xml", "hostile"),
        ("/no/such/file", "hostile"),
        (origin.at("/doctype").as_str(), "../hostile"),
        (origin.at("/doctype").as_str(), "registered"),
    ] {
        let output = scene.add(place, name);
        assert_eq!(output.status.code(), Some(1), "{place} {name}");
    }
    let listed = scene.house.run(&["metadata", "source", "list"]);
    assert_eq!(said(&listed).trim(), "", "nothing was added");
}
