use chrono::{DateTime, TimeDelta, Utc};

use crate::Directory;
use crate::releases::{KEPT, SERVICES, Told};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
}

fn told(mark: &str, declined: &[&str]) -> Told {
    Told {
        mark: mark.to_owned(),
        declined: declined.iter().map(|name| (*name).to_owned()).collect(),
    }
}

pub(super) async fn all(directory: &Directory) {
    counts_and_keeps_the_last(directory).await;
    remembers_and_forgets(directory).await;
    has_limits(directory).await;
}

async fn counts_and_keeps_the_last(directory: &Directory) {
    let past = &directory.releases;
    assert_eq!(past.list("p1").await.unwrap(), []);
    past.note("p1", "https://a", &["mail", "sn"], at(1));
    past.note("p1", "https://b", &[], at(3));
    past.note("p1", "https://a", &["mail"], at(2));
    past.note("p2", "https://a", &["uid"], at(9));
    let listed = past.list("p1").await.unwrap();
    let shown: Vec<_> = listed
        .iter()
        .map(|one| (one.service.as_str(), one.names.join(","), one.times))
        .collect();
    assert_eq!(
        shown,
        [
            ("https://b", String::new(), 1),
            ("https://a", "mail".to_owned(), 2)
        ]
    );
    assert_eq!((listed[1].last, &listed[1].told), (at(2), &None));
    // What comes late does not take the place of what is later.
    past.note("p1", "https://a", &["title"], at(0));
    past.settle().await.unwrap();
    let again = past.list("p1").await.unwrap();
    assert_eq!(
        (again[1].names.join(","), again[1].last, again[1].times),
        ("mail".to_owned(), at(2), 3)
    );
}

async fn remembers_and_forgets(directory: &Directory) {
    let past = &directory.releases;
    assert_eq!(past.told("p3", "https://a").await.unwrap(), None);
    assert!(!past.forget("p3", "https://a").await.unwrap());
    for (mark, declined) in [("one", &["mail", "sn"][..]), ("two", &["mail"])] {
        let what = told(mark, declined);
        let kept = past.remember("p3", "https://a", &what, at(0));
        kept.await.unwrap();
        let found = past.told("p3", "https://a").await.unwrap();
        assert_eq!(found, Some(what));
    }
    assert_eq!(past.told("p3", "https://b").await.unwrap(), None);
    assert_eq!(past.told("p4", "https://a").await.unwrap(), None);
    assert_eq!(past.list("p3").await.unwrap()[0].times, 0);
    past.note("p3", "https://a", &["mail"], at(5));
    let listed = past.list("p3").await.unwrap();
    assert_eq!(
        (listed[0].told.as_deref(), listed[0].times),
        (Some("two"), 1)
    );
    assert_eq!(listed[0].declined, ["mail"]);
    assert!(past.forget("p3", "https://a").await.unwrap());
    assert!(!past.forget("p3", "https://a").await.unwrap());
    assert_eq!(past.told("p3", "https://a").await.unwrap(), None);
    let left = past.list("p3").await.unwrap();
    assert_eq!(left.len(), 1, "the release stays");
    assert_eq!(left[0].declined, [""; 0]);
}

async fn has_limits(directory: &Directory) {
    let past = &directory.releases;
    let oldest = told("x", &[]);
    let kept = past.remember("p5", "https://oldest", &oldest, at(-1));
    kept.await.unwrap();
    for number in 0..SERVICES {
        let seconds = i64::try_from(number).unwrap();
        past.note("p5", &format!("https://{number}"), &[], at(seconds));
    }
    let listed = past.list("p5").await.unwrap();
    assert_eq!(listed.len(), SERVICES);
    assert_eq!(past.told("p5", "https://oldest").await.unwrap(), None);
    past.note("p6", "https://a", &[], at(0) + KEPT + TimeDelta::seconds(3));
    past.settle().await.unwrap();
    let kept = past.list("p1").await.unwrap();
    assert_eq!(kept.len(), 1, "a year later: {kept:?}");
}
