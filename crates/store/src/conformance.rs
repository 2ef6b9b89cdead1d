//! What every shelf must do. Each back end runs this suite; a new one runs it first.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::{Away, Drawer, LARGEST_VALUE, LONGEST_KEY, Shelf};

const LONG: Duration = Duration::from_secs(600);
/// Short enough to wait for on a real server.
const SHORT: Duration = Duration::from_millis(120);

/// Runs everything. `pass` lets the given time go by: by hand on the embedded shelf's clock, by
/// waiting on a real server.
pub(crate) async fn all<F, W>(shelf: Arc<dyn Shelf>, pass: F)
where
    F: Fn(Duration) -> W,
    W: Future<Output = ()>,
{
    keeps_and_replaces(&shelf).await;
    rooms_are_apart(&shelf).await;
    one_of_many_puts_once(&shelf).await;
    one_of_many_takes(&shelf).await;
    every_count_counts(&shelf).await;
    limits_are_kept(&shelf).await;
    drawers_hold_types(&shelf).await;
    shelf.put("expiry", "a", vec![1], SHORT).await.unwrap();
    assert!(shelf.put_once("expiry", "b", vec![2], SHORT).await.unwrap());
    assert_eq!(shelf.count("expiry", "c", SHORT).await.unwrap(), 1);
    shelf.put("expiry", "longer", vec![1], SHORT).await.unwrap();
    shelf.put("expiry", "longer", vec![2], LONG).await.unwrap();
    assert_eq!(shelf.get("expiry", "a").await.unwrap(), Some(vec![1]));
    pass(SHORT + Duration::from_millis(60)).await;
    assert_eq!(shelf.get("expiry", "a").await.unwrap(), None);
    assert_eq!(shelf.take("expiry", "a").await.unwrap(), None);
    assert!(
        shelf.put_once("expiry", "b", vec![3], LONG).await.unwrap(),
        "what ended is free"
    );
    assert_eq!(
        shelf.count("expiry", "c", LONG).await.unwrap(),
        1,
        "an ended counter starts anew"
    );
    assert_eq!(
        shelf.get("expiry", "longer").await.unwrap(),
        Some(vec![2]),
        "a new end replaces"
    );
    shelf.ready().await.unwrap();
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

async fn one_of_many_puts_once(shelf: &Arc<dyn Shelf>) {
    let callers: Vec<_> = (0..64u8)
        .map(|n| {
            let shelf = Arc::clone(shelf);
            tokio::spawn(
                async move { shelf.put_once("race", "once", vec![n], LONG).await.unwrap() },
            )
        })
        .collect();
    let mut winners = 0;
    for caller in callers {
        winners += usize::from(caller.await.unwrap());
    }
    assert_eq!(winners, 1);
}

async fn one_of_many_takes(shelf: &Arc<dyn Shelf>) {
    shelf.put("race", "take", vec![1], LONG).await.unwrap();
    let callers: Vec<_> = (0..64)
        .map(|_| {
            let shelf = Arc::clone(shelf);
            tokio::spawn(async move { shelf.take("race", "take").await.unwrap().is_some() })
        })
        .collect();
    let mut winners = 0;
    for caller in callers {
        winners += usize::from(caller.await.unwrap());
    }
    assert_eq!(winners, 1);
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
    let too_long = "k".repeat(LONGEST_KEY + 1);
    assert!(matches!(
        shelf.get("limits", &too_long).await,
        Err(Away::TooLarge { .. })
    ));
    let too_large = vec![1; LARGEST_VALUE + 1];
    let refused = shelf.put("limits", "k", too_large, LONG).await;
    assert!(matches!(refused, Err(Away::TooLarge { .. })));
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
