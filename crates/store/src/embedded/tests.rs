use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::AtomicI64;

use chrono::DateTime;
use redb::{Database, ReadableDatabase, ReadableTable};

use super::*;

mod damage;
mod kill;
mod power;

const LONG: Duration = Duration::from_secs(3600);

/// A clock that goes when it is told to.
fn hand_clock() -> (Clock, Arc<AtomicI64>) {
    let ms = Arc::new(AtomicI64::new(1_790_000_000_000));
    let hand = Arc::clone(&ms);
    let clock: Clock =
        Arc::new(move || DateTime::from_timestamp_millis(hand.load(Ordering::SeqCst)).unwrap());
    (clock, ms)
}

/// Everything in the file, ended or not; the index of ends must say the same.
fn everything(database: &Database) -> BTreeMap<String, Vec<u8>> {
    let read = database.begin_read().unwrap();
    let kept = read.open_table(KEPT).unwrap();
    let ends = read.open_table(ENDS).unwrap();
    let mut all = BTreeMap::new();
    for entry in kept.iter().unwrap() {
        let (key, value) = entry.unwrap();
        let (end, bytes) = value.value();
        assert!(
            ends.get((end, key.value())).unwrap().is_some(),
            "{}",
            key.value()
        );
        all.insert(key.value().to_owned(), bytes.to_vec());
    }
    assert_eq!(ends.iter().unwrap().count(), all.len());
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn conforms() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, hand) = hand_clock();
    let shelf = embedded(&folder.path().join("shelf.redb"), clock).unwrap();
    crate::conformance::all(shelf, |time| {
        hand.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
        std::future::ready(())
    })
    .await;
}

#[tokio::test]
async fn what_is_kept_survives_a_restart_and_ends_on_its_day() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new folder").join("shelf.redb");
    let (clock, hand) = hand_clock();
    let shelf = embedded(&path, Arc::clone(&clock)).unwrap();
    shelf.put("r", "k", vec![1], LONG).await.unwrap();
    shelf.count("r", "c", LONG).await.unwrap();
    drop(shelf);
    hand.fetch_add(3_599_999, Ordering::SeqCst);
    let shelf = embedded(&path, Arc::clone(&clock)).unwrap();
    assert_eq!(shelf.get("r", "k").await.unwrap(), Some(vec![1]));
    assert_eq!(shelf.count("r", "c", LONG).await.unwrap(), 2);
    hand.fetch_add(1, Ordering::SeqCst);
    assert_eq!(
        shelf.get("r", "k").await.unwrap(),
        None,
        "to the millisecond"
    );
    assert_eq!(shelf.take("r", "k").await.unwrap(), None);
    assert_eq!(shelf.count("r", "c", LONG).await.unwrap(), 1);
}

#[tokio::test]
async fn the_sweep_removes_what_ended_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shelf.redb");
    let (clock, hand) = hand_clock();
    let shelf = embedded(&path, Arc::clone(&clock)).unwrap();
    for n in 0..20 {
        let key = format!("short{n}");
        shelf
            .put("r", &key, vec![1], Duration::from_secs(1))
            .await
            .unwrap();
    }
    shelf.put("r", "long", vec![1], LONG).await.unwrap();
    drop(shelf);
    hand.fetch_add(1_000, Ordering::SeqCst);
    let database = file::at(&path).unwrap();
    let swept = |at_most| {
        let write = database.begin_write().unwrap();
        let swept = tables::Tables {
            kept: &mut write.open_table(KEPT).unwrap(),
            ends: &mut write.open_table(ENDS).unwrap(),
            now: now_ms(&clock),
        }
        .sweep(at_most)
        .unwrap();
        write.commit().unwrap();
        swept
    };
    assert_eq!(swept(15), 15, "a little at a time");
    assert_eq!(everything(&database).len(), 6);
    assert!(tables::has_ended(&database, now_ms(&clock)).unwrap());
    assert_eq!(swept(15), 5);
    assert!(!tables::has_ended(&database, now_ms(&clock)).unwrap());
    let left: Vec<String> = everything(&database).into_keys().collect();
    assert_eq!(left, [full_key("r", "long")]);
}

#[tokio::test]
async fn the_writer_sweeps_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shelf.redb");
    let (clock, hand) = hand_clock();
    let opened = on("shelf".to_owned(), Box::new(move || file::at(&path)), clock);
    let shelf = Arc::new(opened.unwrap());
    let puts: Vec<_> = (0..2_100)
        .map(|n| {
            let shelf = Arc::clone(&shelf);
            tokio::spawn(async move {
                let keep = Duration::from_secs(1);
                shelf.put("r", &n.to_string(), vec![1], keep).await.unwrap();
            })
        })
        .collect();
    for put in puts {
        put.await.unwrap();
    }
    shelf.put("r", "long", vec![1], LONG).await.unwrap();
    hand.fetch_add(60_000, Ordering::SeqCst);
    let mut left = usize::MAX;
    for _ in 0..150 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        left = shelf
            .file
            .write(|database| Ok(everything(database).len()))
            .unwrap();
        if left == 1 {
            break;
        }
    }
    assert_eq!(
        left, 1,
        "what ended is gone from the file, more than one sweep of it"
    );
}

#[tokio::test]
async fn a_second_process_is_told_clearly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shelf.redb");
    let (clock, _) = hand_clock();
    let shelf = embedded(&path, Arc::clone(&clock)).unwrap();
    let told = embedded(&path, Arc::clone(&clock))
        .err()
        .unwrap()
        .to_string();
    assert!(
        told.contains("shelf.redb") && told.contains("another process"),
        "{told}"
    );
    shelf.put("r", "k", vec![1], LONG).await.unwrap();
    drop(shelf);
    let again = embedded(&path, clock).unwrap();
    assert_eq!(
        again.get("r", "k").await.unwrap(),
        Some(vec![1]),
        "let go when dropped"
    );
}

#[tokio::test]
async fn only_its_owner_reads_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shelf.redb");
    let (clock, _) = hand_clock();
    let _shelf = embedded(&path, clock).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_path_that_cannot_be_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, _) = hand_clock();
    std::fs::write(folder.path().join("file"), "x").unwrap();
    for path in [folder.path().to_owned(), folder.path().join("file/below")] {
        let told = embedded(&path, Arc::clone(&clock))
            .err()
            .unwrap()
            .to_string();
        assert!(told.contains(path.to_str().unwrap()), "{told}");
    }
}
