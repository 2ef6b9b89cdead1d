use std::io::{Read, Write};
use std::net::TcpListener;

use saml::keys::{KeyKind, generate};
use saml::metadata::{EntityPlan, IndexedEndpoint, RolePlan, Ui, compose};
use saml::{Binding, MessageId, SigningKey};

use super::*;

fn now() -> Moment {
    Moment::from_timestamp(1_790_000_000, 0).unwrap()
}

fn key(seed: u8) -> SigningKey {
    let pair = generate(KeyKind::P256, "federation", [seed; 16], now(), 3650).unwrap();
    SigningKey::from_pem(&pair.key_pem, &pair.cert_pem).unwrap()
}

fn service(id: &str, key: &SigningKey, valid_until: Moment) -> String {
    let plan = EntityPlan {
        document_id: MessageId::from_random([1; 20]),
        id: &EntityId::parse(id).unwrap(),
        valid_until,
        cache_s: 3600,
        ui: &Ui::default(),
        attributes: &[],
        role: RolePlan::Sp {
            acs: vec![IndexedEndpoint {
                binding: Binding::Post,
                location: "https://sp.example/acs".to_owned(),
                index: 0,
                is_default: true,
            }],
            slo: vec![],
            discovery: vec![],
            name_id_formats: vec![],
            requested_attributes: &[],
        },
        signing_certificates: vec![key.certificate()],
    };
    compose(&plan, key).unwrap()
}

fn source(name: &str, location: Location, pinned: &[&SigningKey]) -> Source {
    Source {
        name: name.to_owned(),
        location,
        pinned: pinned.iter().map(|key| key.verifying()).collect(),
        horizon_days: Some(60),
        may_go_back: false,
        terms: Terms::default(),
    }
}

fn week() -> Moment {
    now() + chrono::Duration::days(7)
}

fn id(text: &str) -> EntityId {
    EntityId::parse(text).unwrap()
}

/// Answers each connection with the next of `answers`, then nothing.
fn serve(answers: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/metadata", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    url
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn one_bad_file_never_spoils_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("registered");
    let key = key(1);
    let sources = || vec![source("registered", Location::Folder(place.clone()), &[])];
    let federation = Federation::open(sources(), folder.path().join("cache"), false, now());
    assert_eq!(
        federation.snapshot().at_hand().count(),
        0,
        "a folder that is not there is empty"
    );
    std::fs::create_dir_all(&place).unwrap();
    std::fs::write(
        place.join("a.xml"),
        service("https://a.example", &key, week()),
    )
    .unwrap();
    std::fs::write(place.join("b.xml"), "<not metadata").unwrap();
    std::fs::write(
        place.join("c.xml"),
        service("https://c.example", &key, week()),
    )
    .unwrap();
    std::fs::write(place.join("d.txt"), "not looked at").unwrap();
    let snapshot = federation.refresh(now()).await;
    assert!(snapshot.service(&id("https://a.example")).is_some());
    assert!(snapshot.service(&id("https://c.example")).is_some());
    assert!(snapshot.provider(&id("https://a.example")).is_none());
    assert_eq!(
        snapshot.reports[0].left_out.len(),
        1,
        "{:?}",
        snapshot.reports
    );
    std::fs::remove_file(place.join("a.xml")).unwrap();
    assert!(
        federation
            .refresh(now())
            .await
            .entity(&id("https://a.example"))
            .is_none()
    );
}

#[tokio::test]
async fn an_address_needs_the_pinned_key_and_keeps_its_last_good_copy() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, other) = (key(1), key(2));
    let good = service("https://a.example", &ours, week());
    let forged = service("https://evil.example", &other, week());
    let url = serve(vec![
        ok(&good),
        ok(&forged),
        "HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n".to_owned(),
    ]);
    let sources = || vec![source("far", Location::Url(url.clone()), &[&ours])];
    let federation = Federation::open(sources(), folder.path().to_path_buf(), true, now());
    assert_eq!(federation.snapshot().at_hand().count(), 0);
    for round in 0..3 {
        let snapshot = federation.refresh(now()).await;
        assert!(
            snapshot.entity(&id("https://a.example")).is_some(),
            "round {round}"
        );
        assert!(snapshot.entity(&id("https://evil.example")).is_none());
        assert_eq!(
            snapshot.reports[0].failure.is_some(),
            round > 0,
            "{:?}",
            snapshot.reports
        );
    }
    // Another process, without a network: the copy on disk, verified again.
    let again = Federation::open(sources(), folder.path().to_path_buf(), true, now());
    assert!(again.snapshot().entity(&id("https://a.example")).is_some());
    // A copy that somebody changed on disk is not believed.
    std::fs::write(
        folder.path().join("far.xml"),
        good.replace("a.example", "b.example"),
    )
    .unwrap();
    let again = Federation::open(sources(), folder.path().to_path_buf(), true, now());
    assert_eq!(again.snapshot().at_hand().count(), 0);
    // After its validUntil nothing stands, good copy or not.
    let late = federation.refresh(week() + chrono::Duration::days(1)).await;
    assert_eq!(late.at_hand().count(), 0);
}

#[tokio::test]
async fn an_address_without_a_key_is_not_even_asked() {
    let folder = tempfile::tempdir().unwrap();
    let sources = vec![source(
        "far",
        Location::Url("https://127.0.0.1:1/x".to_owned()),
        &[],
    )];
    let federation = Federation::open(sources, folder.path().to_path_buf(), false, now());
    let snapshot = federation.refresh(now()).await;
    assert!(
        snapshot.reports[0]
            .failure
            .as_deref()
            .unwrap()
            .starts_with("EDU-5004")
    );
}

#[tokio::test]
async fn metadata_valid_too_long_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let key = key(1);
    let path = folder.path().join("a.xml");
    let far = now() + chrono::Duration::days(400);
    std::fs::write(&path, service("https://a.example", &key, far)).unwrap();
    let sources = vec![source("file", Location::File(path), &[&key])];
    let federation = Federation::open(sources, folder.path().to_path_buf(), false, now());
    assert_eq!(federation.snapshot().at_hand().count(), 0);
    assert!(
        federation.snapshot().reports[0]
            .failure
            .as_deref()
            .unwrap()
            .starts_with("EDU-5003")
    );
}

#[tokio::test]
async fn the_first_source_wins_and_the_other_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (key(1), key(2));
    let write = |name: &str, key: &SigningKey| {
        let path = folder.path().join(name);
        std::fs::write(&path, service("https://a.example", key, week())).unwrap();
        Location::File(path)
    };
    let sources = vec![
        source("first", write("1.xml", &one), &[&one]),
        source("second", write("2.xml", &two), &[&two]),
    ];
    let federation = Federation::open(sources, folder.path().to_path_buf(), false, now());
    let snapshot = federation.snapshot();
    let (_, role) = snapshot.service(&id("https://a.example")).unwrap();
    assert_eq!(
        role.signing_keys[0].fingerprint(),
        one.verifying().fingerprint()
    );
    assert!(snapshot.reports[1].left_out[0].contains("earlier source"));
}

#[tokio::test]
async fn a_source_is_believed_by_other_keys_once_they_are_pinned() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (key(1), key(2));
    let write = |name: &str| {
        let path = folder.path().join(name);
        let id = format!("https://{name}.example");
        std::fs::write(&path, service(&id, &two, week())).unwrap();
        Location::File(path)
    };
    let sources = vec![
        source("own.a", write("a"), &[&one]),
        source("b", write("b"), &[&one]),
    ];
    let federation = Federation::open(sources, folder.path().to_path_buf(), false, now());
    assert_eq!(federation.snapshot().at_hand().count(), 0);
    federation.pin("own.", &[one.verifying(), two.verifying()]);
    let snapshot = federation.refresh(now()).await;
    assert!(snapshot.service(&id("https://a.example")).is_some());
    assert!(snapshot.service(&id("https://b.example")).is_none());
    federation.pin("own.", &[one.verifying()]);
    let snapshot = federation.refresh(now()).await;
    assert!(snapshot.reports[0].failure.is_some());
}

#[tokio::test]
async fn a_generation_ends_when_what_is_listed_changes_and_only_then() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("registered");
    std::fs::create_dir_all(&place).unwrap();
    let sources = vec![source("registered", Location::Folder(place.clone()), &[])];
    let federation = Federation::open(sources, folder.path().join("cache"), false, now());
    let first = federation.snapshot().generation();
    let path = place.join("a.xml");
    std::fs::write(&path, service("https://a.example", &key(1), week())).unwrap();
    let second = federation.refresh(now()).await;
    assert!(second.generation() > first);
    let listing = &second.listings()[0];
    assert_eq!(listing.id, id("https://a.example"));
    assert!(listing.is_service && !listing.is_provider && !listing.is_hidden());
    // Signed anew, for longer: nothing that is shown has changed.
    let later = week() + chrono::Duration::days(1);
    std::fs::write(&path, service("https://a.example", &key(1), later)).unwrap();
    let third = federation.refresh(now()).await;
    assert_eq!(third.generation(), second.generation());
    std::fs::remove_file(&path).unwrap();
    let fourth = federation.refresh(now()).await;
    assert!(fourth.generation() > third.generation() && fourth.listings().is_empty());
}

#[tokio::test]
async fn an_older_document_is_not_taken_while_a_newer_one_stands() {
    let folder = tempfile::tempdir().unwrap();
    let ours = key(1);
    let day = chrono::Duration::days(1);
    let newer = service("https://new.example", &ours, week());
    let older = service("https://old.example", &ours, week() - day);
    let answers = vec![ok(&newer), ok(&older), ok(&older)];
    let sources = vec![source("far", Location::Url(serve(answers)), &[&ours])];
    let federation = Federation::open(sources, folder.path().to_path_buf(), true, now());
    federation.refresh(now()).await;
    let snapshot = federation.refresh(now()).await;
    assert!(snapshot.entity(&id("https://old.example")).is_none());
    assert!(snapshot.entity(&id("https://new.example")).is_some());
    let failure = snapshot.reports[0].failure.as_deref().unwrap();
    assert!(failure.starts_with("EDU-5005"), "{failure}");
    let is_ours = snapshot.published("https://new.example").is_some();
    assert!(!is_ours, "we publish nobody else");
    let kept = std::fs::read_to_string(folder.path().join("far.xml")).unwrap();
    assert_eq!(kept, newer, "the last good copy is the newer one");
}

#[tokio::test]
async fn a_provider_is_behind_the_profile_that_stands_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("a.xml"),
        service("https://a.example", &key(1), week()),
    )
    .unwrap();
    let beside = folder.path().join("a.profile");
    std::fs::write(&beside, "partenaire\n").unwrap();
    let location = Location::Folder(folder.path().to_path_buf());
    let sources = vec![source("registered", location, &[])];
    let federation = Federation::open(sources, folder.path().join("cache"), false, now());
    let snapshot = federation.snapshot();
    let found = snapshot.behind("partenaire").map(EntityId::as_str);
    assert_eq!(found.collect::<Vec<_>>(), ["https://a.example"]);
    assert_eq!(snapshot.behind("eleve").count(), 0);
    std::fs::remove_file(beside).unwrap();
    let later = federation.refresh(now()).await;
    assert_eq!(later.behind("partenaire").count(), 0);
    assert!(later.generation() > snapshot.generation());
    federation.replace(Vec::new());
    assert_eq!(federation.refresh(now()).await.at_hand().count(), 0);
}

mod rounds;
