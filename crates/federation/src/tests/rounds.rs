//! When addresses are asked, with what, and what is told of their answers.

use std::sync::Mutex;

use chrono::TimeDelta;

use super::*;

/// Answers each connection with the next of `answers`, and notes what it was asked.
fn noting(answers: Vec<String>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/all", listener.local_addr().unwrap());
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&asked);
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 4096];
            let length = stream.read(&mut head).unwrap();
            let head = String::from_utf8_lossy(&head[..length]).to_lowercase();
            noted.lock().unwrap().push(head);
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, asked)
}

fn tagged(body: &str, tag: &str) -> String {
    let fields = format!("etag: \"{tag}\"\r\nlast-modified: Wed, 25 Nov 2026 08:00:00 GMT\r\n");
    ok(body).replacen("content-length", &format!("{fields}content-length"), 1)
}

const UNCHANGED: &str = "HTTP/1.1 304 Same\r\nconnection: close\r\n\r\n";

fn away(fields: &str) -> String {
    format!("HTTP/1.1 503 Away\r\n{fields}content-length: 0\r\nconnection: close\r\n\r\n")
}

fn far(url: &str, key: &SigningKey) -> Source {
    source("far", Location::Url(url.to_owned()), &[key])
}

#[tokio::test]
async fn an_address_is_asked_when_its_time_has_come_and_only_for_what_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let ours = key(1);
    // It says PT3600S; the operator, two hours.
    let good = service("https://a.example", &ours, week());
    let (url, asked) = noting(vec![
        tagged(&good, "one"),
        UNCHANGED.to_owned(),
        away(""),
        away("retry-after: 7000\r\n"),
        UNCHANGED.to_owned(),
    ]);
    let mut source = far(&url, &ours);
    source.terms.every = Duration::from_secs(7200);
    let federation = Federation::open(vec![source], folder.path().to_path_buf(), true, now());
    let times = || asked.lock().unwrap().len();
    let round = async |seconds: i64| {
        let at = now() + TimeDelta::seconds(seconds);
        federation.refresh_due(at).await.pop()
    };
    let first = round(0).await.unwrap();
    assert!(first.failure.is_none() && first.changes.unwrap().is_first);
    assert!(round(3599).await.is_none(), "cacheDuration is not over");
    let second = round(3600).await.unwrap();
    assert!(second.failure.is_none() && second.changes.is_none());
    {
        let heads = asked.lock().unwrap();
        assert!(!heads[0].contains("if-none-match"));
        assert!(heads[1].contains("if-none-match: \"one\""), "{}", heads[1]);
        assert!(heads[1].contains("if-modified-since: wed, 25 nov 2026"));
    }
    assert!(
        federation
            .snapshot()
            .entity(&id("https://a.example"))
            .is_some()
    );
    // It is away: asked again soon, then as late as it wants.
    let third = round(7200).await.unwrap();
    assert_eq!((third.failures, third.changes), (1, None));
    assert!(round(7208).await.is_none(), "not at once");
    let fourth = round(7220).await.unwrap();
    assert_eq!(fourth.failures, 2);
    assert!(
        round(7220 + 6999).await.is_none(),
        "it asked to be left alone"
    );
    let fifth = round(7220 + 7000).await.unwrap();
    assert_eq!((fifth.failure, fifth.failures, times()), (None, 0, 5));
    let snapshot = federation.snapshot();
    assert!(snapshot.entity(&id("https://a.example")).is_some());
    assert!(snapshot.reports[0].due.is_some());
}

#[tokio::test]
async fn what_an_address_is_known_by_outlives_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let ours = key(1);
    let good = service("https://a.example", &ours, week());
    let (url, asked) = noting(vec![
        tagged(&good, "one"),
        UNCHANGED.to_owned(),
        UNCHANGED.to_owned(),
        tagged(&good, "two"),
    ]);
    let begin = |url: &str| {
        let cache = folder.path().to_path_buf();
        Federation::open(vec![far(url, &ours)], cache, true, now())
    };
    let is_known = |federation: &Federation| {
        federation
            .snapshot()
            .entity(&id("https://a.example"))
            .is_some()
    };
    let head = |number: usize| asked.lock().unwrap()[number].clone();
    begin(&url).refresh_due(now()).await;
    // Twice: "unchanged" takes nothing of it away.
    for number in [1, 2] {
        let federation = begin(&url);
        assert!(is_known(&federation), "before anybody is asked");
        let told = federation.refresh_due(now()).await.pop().unwrap();
        assert_eq!((told.failure, told.changes), (None, None));
        assert!(is_known(&federation));
        assert!(head(number).contains("if-none-match: \"one\""));
        assert!(head(number).contains("if-modified-since: wed, 25 nov 2026"));
    }
    // Without the copy there is nothing that could be unchanged.
    std::fs::remove_file(folder.path().join("far.xml")).unwrap();
    let federation = begin(&url);
    federation.refresh_due(now()).await;
    assert!(!head(3).contains("if-none-match"), "{}", head(3));
    assert!(is_known(&federation));
    // Nor is it known by that at another address.
    let (other, elsewhere) = noting(vec![tagged(&good, "one")]);
    begin(&other).refresh_due(now()).await;
    let head = elsewhere.lock().unwrap()[0].clone();
    assert!(!head.contains("if-none-match"), "{head}");
}

#[tokio::test]
async fn unchanged_is_no_answer_once_what_was_there_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let ours = key(1);
    let good = service("https://a.example", &ours, now() + TimeDelta::minutes(5));
    let (url, _) = noting(vec![tagged(&good, "one"), UNCHANGED.to_owned()]);
    let federation = Federation::open(
        vec![far(&url, &ours)],
        folder.path().to_path_buf(),
        true,
        now(),
    );
    federation.refresh_due(now()).await;
    let late = now() + TimeDelta::minutes(6);
    let told = federation.refresh_due(late).await.pop().unwrap();
    assert!(told.failure.unwrap().contains("EDU-5003"));
    assert_eq!(federation.snapshot().at_hand().count(), 0);
}

#[tokio::test]
async fn nobody_waits_for_an_address_that_is_slow_and_it_is_asked_once() {
    let folder = tempfile::tempdir().unwrap();
    let ours = key(1);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/all", listener.local_addr().unwrap());
    let near = folder.path().join("near.xml");
    std::fs::write(&near, service("https://near.example", &ours, week())).unwrap();
    let sources = vec![
        far(&url, &ours),
        source("near", Location::File(near), &[&ours]),
    ];
    let federation = Federation::open(Vec::new(), folder.path().join("cache"), true, now());
    let federation = Arc::new(federation);
    federation.replace(sources);
    let waiting = Arc::clone(&federation);
    let waiting = tokio::spawn(async move { waiting.refresh_due(now()).await });
    // Somebody has connected, and waits for an answer.
    let (mut stream, _) = tokio::task::spawn_blocking(move || listener.accept().unwrap())
        .await
        .unwrap();
    assert!(
        federation.refresh_due(now()).await.is_empty(),
        "it is being asked"
    );
    let snapshot = federation.refresh_near(now()).await;
    assert!(snapshot.entity(&id("https://near.example")).is_some());
    let late = service("https://late.example", &ours, week());
    stream.write_all(ok(&late).as_bytes()).unwrap();
    assert_eq!(waiting.await.unwrap().len(), 1);
    assert!(
        federation
            .snapshot()
            .entity(&id("https://late.example"))
            .is_some()
    );
}

#[tokio::test]
async fn what_each_refresh_changed_is_noted_once_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, other) = (key(1), key(2));
    let cache = folder.path().join("cache");
    let path = folder.path().join("all.xml");
    let all = |entities: &[(&str, &SigningKey)]| {
        let entities = entities.iter().map(|(host, key)| {
            let alone = service(&format!("https://{host}"), key, week());
            let from = alone.find("<md:EntityDescriptor").unwrap();
            alone[from..].to_owned()
        });
        let entities: String = entities.collect();
        let group = "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\"";
        let until = week().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let text = format!("{group} validUntil=\"{until}\">{entities}</md:EntitiesDescriptor>");
        std::fs::write(&path, text).unwrap();
    };
    let sources = || vec![source("file", Location::File(path.clone()), &[])];
    all(&[("a.example", &ours), ("b.example", &ours)]);
    let federation = Federation::open(sources(), cache.clone(), false, now());
    federation.refresh(now()).await;
    assert!(history(&cache, None).unwrap().is_empty(), "nothing changed");
    all(&[("a.example", &other), ("c.example", &ours)]);
    federation.refresh(now()).await;
    federation.refresh(now()).await;
    // Another process sees the same.
    let told = history(&cache, None).unwrap();
    let [change] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(change.added, ["https://c.example"]);
    assert_eq!(change.removed, ["https://b.example"]);
    assert_eq!(change.keys_changed, ["https://a.example"]);
    changes::keep(&Cache::at(cache.clone()), change).unwrap();
    for (about, times) in [("file", 1), ("c.example", 1), ("d.example", 0), ("fil", 0)] {
        assert_eq!(
            history(&cache, Some(about)).unwrap().len(),
            times,
            "{about}"
        );
    }
}

#[tokio::test]
async fn a_source_brings_whom_it_may_bring() {
    let folder = tempfile::tempdir().unwrap();
    let ours = key(1);
    let path = folder.path().join("a.xml");
    std::fs::write(&path, service("https://a.example", &ours, week())).unwrap();
    let filtered = async |filter: Filter| {
        let mut source = source("file", Location::File(path.clone()), &[&ours]);
        source.terms.filter = filter;
        let cache = folder.path().join("cache");
        let federation = Federation::open(vec![source], cache, false, now());
        let snapshot = federation.refresh(now()).await;
        let report = &snapshot.reports[0];
        (report.entities, report.set_aside, report.failure.is_some())
    };
    let one = |text: &str| vec![text.to_owned()];
    assert_eq!(filtered(Filter::default()).await, (1, 0, false));
    for filter in [
        Filter {
            categories: one("https://refeds.org/x"),
            ..Filter::default()
        },
        Filter {
            registrars: one("https://registrar.example"),
            ..Filter::default()
        },
        Filter {
            without: vec![id("https://a.example")],
            ..Filter::default()
        },
    ] {
        assert_eq!(filtered(filter).await, (0, 1, false));
    }
    let others = Filter {
        without_categories: one("https://refeds.org/x"),
        without: vec![id("https://b.example")],
        ..Filter::default()
    };
    assert_eq!(filtered(others).await, (1, 0, false));
}
