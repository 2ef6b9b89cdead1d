//! What every shelf must do. Each back end runs this suite; a new one runs it first.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::{Away, Drawer, LARGEST_VALUE, LONGEST_KEY, Shelf};

const LONG: Duration = Duration::from_secs(600);
/// Short enough to wait for on a real server, long enough for a machine that is busy.
const SHORT: Duration = Duration::from_millis(1_500);
const MOST_OF_SHORT: Duration = Duration::from_millis(900);

/// Runs everything. `pass` lets the given time go by: by hand on the embedded shelf's clock, by
/// waiting on a real server.
pub(crate) async fn all<F, W>(shelf: Arc<dyn Shelf>, pass: F)
where
    F: Fn(Duration) -> W,
    W: Future<Output = ()>,
{
    keeps_and_replaces(&shelf).await;
    rooms_are_apart(&shelf).await;
    any_bytes_under_any_key(&shelf).await;
    one_of_many_puts_once(&shelf).await;
    one_of_many_takes(&shelf).await;
    every_count_counts(&shelf).await;
    counters_read_as_text(&shelf).await;
    limits_are_kept(&shelf).await;
    drawers_hold_types(&shelf).await;
    what_ended_is_gone(&shelf, &pass).await;
    the_shortest_time_is_no_error(&shelf, &pass).await;
    shelf.ready().await.unwrap();
}

async fn what_ended_is_gone<F, W>(shelf: &Arc<dyn Shelf>, pass: &F)
where
    F: Fn(Duration) -> W,
    W: Future<Output = ()>,
{
    shelf.put("expiry", "a", vec![1], SHORT).await.unwrap();
    shelf.put("expiry", "taken", vec![1], SHORT).await.unwrap();
    assert!(shelf.put_once("expiry", "b", vec![2], SHORT).await.unwrap());
    assert_eq!(shelf.count("expiry", "c", SHORT).await.unwrap(), 1);
    shelf.put("expiry", "longer", vec![1], SHORT).await.unwrap();
    shelf.put("expiry", "longer", vec![2], LONG).await.unwrap();
    shelf.put("expiry", "shorter", vec![1], LONG).await.unwrap();
    shelf
        .put("expiry", "shorter", vec![2], SHORT)
        .await
        .unwrap();
    pass(MOST_OF_SHORT).await;
    assert_eq!(shelf.get("expiry", "a").await.unwrap(), Some(vec![1]));
    assert!(!shelf.put_once("expiry", "b", vec![3], LONG).await.unwrap());
    assert_eq!(shelf.count("expiry", "c", SHORT).await.unwrap(), 2);
    pass(MOST_OF_SHORT).await;
    assert_eq!(shelf.get("expiry", "a").await.unwrap(), None);
    assert_eq!(shelf.take("expiry", "taken").await.unwrap(), None);
    assert!(
        shelf.put_once("expiry", "b", vec![3], LONG).await.unwrap(),
        "what ended is free, and a refused put_once did not prolong it"
    );
    assert_eq!(shelf.get("expiry", "b").await.unwrap(), Some(vec![3]));
    assert_eq!(
        shelf.count("expiry", "c", LONG).await.unwrap(),
        1,
        "a counter ends after its first count, however often it counted since"
    );
    assert_eq!(shelf.get("expiry", "longer").await.unwrap(), Some(vec![2]));
    assert_eq!(shelf.get("expiry", "shorter").await.unwrap(), None);
}

async fn the_shortest_time_is_no_error<F, W>(shelf: &Arc<dyn Shelf>, pass: &F)
where
    F: Fn(Duration) -> W,
    W: Future<Output = ()>,
{
    for keep in [Duration::ZERO, Duration::from_nanos(1)] {
        shelf.put("blink", "p", vec![1], keep).await.unwrap();
        shelf.put_once("blink", "o", vec![1], keep).await.unwrap();
        shelf.count("blink", "c", keep).await.unwrap();
        pass(Duration::from_millis(20)).await;
        assert_eq!(shelf.get("blink", "p").await.unwrap(), None);
        assert_eq!(shelf.get("blink", "o").await.unwrap(), None);
        assert_eq!(shelf.count("blink", "c", keep).await.unwrap(), 1);
        pass(Duration::from_millis(20)).await;
    }
    let for_ever = Duration::from_secs(u64::MAX);
    shelf.put("blink", "ever", vec![1], for_ever).await.unwrap();
    assert_eq!(shelf.take("blink", "ever").await.unwrap(), Some(vec![1]));
}

async fn keeps_and_replaces(shelf: &Arc<dyn Shelf>) {
    assert_eq!(shelf.get("room", "k").await.unwrap(), None);
    shelf
        .put("room", "k", vec![0, 255, 10], LONG)
        .await
        .unwrap();
    assert_eq!(
        shelf.get("room", "k").await.unwrap(),
        Some(vec![0, 255, 10])
    );
    shelf.put("room", "k", vec![], LONG).await.unwrap();
    assert_eq!(shelf.get("room", "k").await.unwrap(), Some(vec![]));
    assert!(!shelf.put_once("room", "k", vec![7], LONG).await.unwrap());
    assert_eq!(shelf.take("room", "k").await.unwrap(), Some(vec![]));
    assert_eq!(shelf.take("room", "k").await.unwrap(), None);
}

async fn rooms_are_apart(shelf: &Arc<dyn Shelf>) {
    shelf.put("one", "k", vec![1], LONG).await.unwrap();
    shelf.put("two", "k", vec![2], LONG).await.unwrap();
    assert_eq!(shelf.take("one", "k").await.unwrap(), Some(vec![1]));
    assert_eq!(shelf.get("two", "k").await.unwrap(), Some(vec![2]));
}

async fn any_bytes_under_any_key(shelf: &Arc<dyn Shelf>) {
    let every_byte: Vec<u8> = (0..=255).collect();
    let keys = [
        "",
        " ",
        "a b",
        "é",
        "*",
        "a:b",
        "\r\nDEL x",
        "\0",
        "eduline:bytes:é",
    ];
    for (n, key) in (0u8..).zip(keys) {
        let value = [every_byte.as_slice(), &[n]].concat();
        shelf.put("bytes", key, value, LONG).await.unwrap();
    }
    for (n, key) in (0u8..).zip(keys) {
        let value = [every_byte.as_slice(), &[n]].concat();
        assert_eq!(
            shelf.get("bytes", key).await.unwrap(),
            Some(value),
            "{key:?}"
        );
    }
}

async fn one_of_many_puts_once(shelf: &Arc<dyn Shelf>) {
    for round in 0..5 {
        let callers: Vec<_> = (0..64u8)
            .map(|n| {
                let (shelf, key) = (Arc::clone(shelf), format!("once{round}"));
                tokio::spawn(async move {
                    let kept = shelf.put_once("race", &key, vec![n], LONG).await;
                    kept.unwrap().then_some(n)
                })
            })
            .collect();
        let mut winners = Vec::new();
        for caller in callers {
            winners.extend(caller.await.unwrap());
        }
        assert_eq!(winners.len(), 1, "exactly one wins");
        let kept = shelf.get("race", &format!("once{round}")).await.unwrap();
        assert_eq!(
            kept,
            Some(winners),
            "and it is the winner's value that stays"
        );
    }
}

async fn one_of_many_takes(shelf: &Arc<dyn Shelf>) {
    for round in 0..5 {
        let key = format!("take{round}");
        shelf.put("race", &key, vec![1], LONG).await.unwrap();
        let callers: Vec<_> = (0..64)
            .map(|_| {
                let (shelf, key) = (Arc::clone(shelf), key.clone());
                tokio::spawn(async move { shelf.take("race", &key).await.unwrap().is_some() })
            })
            .collect();
        let mut winners = 0;
        for caller in callers {
            winners += usize::from(caller.await.unwrap());
        }
        assert_eq!(winners, 1, "exactly one gets it");
    }
}

async fn every_count_counts(shelf: &Arc<dyn Shelf>) {
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let shelf = Arc::clone(shelf);
            tokio::spawn(async move { shelf.count("race", "count", LONG).await.unwrap() })
        })
        .collect();
    let mut seen = Vec::new();
    for caller in callers {
        seen.push(caller.await.unwrap());
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..=50).collect::<Vec<u64>>());
}

async fn counters_read_as_text(shelf: &Arc<dyn Shelf>) {
    assert_eq!(shelf.get("counters", "k").await.unwrap(), None);
    for expected in 1..=12 {
        assert_eq!(shelf.count("counters", "k", LONG).await.unwrap(), expected);
    }
    let read = shelf.get("counters", "k").await.unwrap();
    assert_eq!(read, Some(b"12".to_vec()));
    assert_eq!(
        shelf.take("counters", "k").await.unwrap(),
        Some(b"12".to_vec()),
        "a counter is forgotten by taking it"
    );
    assert_eq!(shelf.count("counters", "k", LONG).await.unwrap(), 1);
    shelf.put("counters", "v", vec![255], LONG).await.unwrap();
    assert!(shelf.count("counters", "v", LONG).await.is_err());
    let kept = shelf.get("counters", "v").await.unwrap();
    assert_eq!(kept, Some(vec![255]), "a value is not counted away");
}

async fn limits_are_kept(shelf: &Arc<dyn Shelf>) {
    let longest = "k".repeat(LONGEST_KEY);
    shelf
        .put("limits", &longest, vec![1; LARGEST_VALUE], LONG)
        .await
        .unwrap();
    assert_eq!(
        shelf
            .get("limits", &longest)
            .await
            .unwrap()
            .map(|v| v.len()),
        Some(LARGEST_VALUE)
    );
    shelf.put("limits", "k", vec![7], LONG).await.unwrap();
    let too_long = "k".repeat(LONGEST_KEY + 1);
    let too_large = vec![1; LARGEST_VALUE + 1];
    for told in [
        shelf.put("limits", &too_long, vec![1], LONG).await.err(),
        shelf
            .put_once("limits", &too_long, vec![1], LONG)
            .await
            .err(),
        shelf.get("limits", &too_long).await.err(),
        shelf.take("limits", &too_long).await.err(),
        shelf.count("limits", &too_long, LONG).await.err(),
        shelf
            .put("limits", "k", too_large.clone(), LONG)
            .await
            .err(),
        shelf.put_once("limits", "new", too_large, LONG).await.err(),
    ] {
        assert!(matches!(told, Some(Away::TooLarge { .. })), "{told:?}");
    }
    assert_eq!(shelf.get("limits", "k").await.unwrap(), Some(vec![7]));
    assert_eq!(shelf.get("limits", "new").await.unwrap(), None);
}

async fn drawers_hold_types(shelf: &Arc<dyn Shelf>) {
    let names: Drawer<Vec<String>> = Drawer::new(Arc::clone(shelf), "names");
    let value = vec!["Dupont & fils".to_owned(), "é".to_owned()];
    names.put("a", &value, LONG).await.unwrap();
    assert_eq!(names.get("a").await.unwrap(), Some(value.clone()));
    assert!(!names.put_once("a", &vec![], LONG).await.unwrap());
    let numbers: Drawer<u64> = Drawer::new(Arc::clone(shelf), "names");
    assert!(matches!(
        numbers.get("a").await,
        Err(Away::Unreadable { .. })
    ));
    assert_eq!(names.take("a").await.unwrap(), Some(value));
}
