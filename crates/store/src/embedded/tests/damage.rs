//! A file that something else wrote to: a refusal in words, or what was kept; never a panic, and
//! never a value that was not kept.

use super::*;

fn value(n: usize) -> Vec<u8> {
    format!("value {n} ").repeat(1 + n % 40).into_bytes()
}

/// A whole file, as a clean end leaves it.
async fn whole(path: &Path) -> Vec<u8> {
    let (clock, _) = hand_clock();
    let shelf = embedded(path, clock).unwrap();
    for n in 0..120 {
        shelf
            .put("r", &n.to_string(), value(n), LONG)
            .await
            .unwrap();
    }
    drop(shelf);
    std::fs::read(path).unwrap()
}

/// Opens a file of these bytes; what comes out of it must be right or nothing. Says whether it
/// opened.
async fn walk(path: &Path, bytes: &[u8], what: &str) -> bool {
    std::fs::write(path, bytes).unwrap();
    let (clock, _) = hand_clock();
    let shelf = match embedded(path, clock) {
        Ok(shelf) => shelf,
        Err(away) => {
            let told = away.to_string();
            assert!(told.contains(path.to_str().unwrap()), "{what}: {told}");
            return false;
        }
    };
    for n in 0..120 {
        if let Ok(Some(found)) = shelf.get("r", &n.to_string()).await {
            assert_eq!(found, value(n), "{what}");
        }
    }
    if shelf.put("r", "new", vec![1], LONG).await.is_ok() {
        assert_eq!(
            shelf.get("r", "new").await.unwrap(),
            Some(vec![1]),
            "{what}"
        );
    }
    true
}

#[tokio::test]
async fn a_damaged_file_is_told_clearly_and_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let good = whole(&folder.path().join("good.redb")).await;
    let path = folder.path().join("damaged.redb");
    assert!(walk(&path, &good, "whole").await);
    let mut refused = 0;
    // Odd steps, so that headers, roots, leaves and free pages are all met.
    for at in (0..good.len()).step_by(good.len() / 97) {
        for (what, length, byte) in [
            ("one bit", 1, 0x10),
            ("a page", 4096, 0xff),
            ("half", usize::MAX, 0x55),
        ] {
            let mut bytes = good.clone();
            bytes
                .iter_mut()
                .skip(at)
                .take(length)
                .for_each(|b| *b ^= byte);
            refused += usize::from(!walk(&path, &bytes, &format!("{what} at {at}")).await);
        }
        refused += usize::from(!walk(&path, &good[..at], &format!("cut at {at}")).await);
    }
    assert!(refused > 100, "{refused}");
}

#[tokio::test]
async fn what_is_no_shelf_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.redb");
    let (clock, _) = hand_clock();
    for bytes in [
        vec![7; 10_000],
        b"SQLite format 3\0".repeat(300),
        vec![0; 4096],
        vec![1],
    ] {
        std::fs::write(&path, &bytes).unwrap();
        let told = embedded(&path, Arc::clone(&clock))
            .err()
            .unwrap()
            .to_string();
        assert!(
            told.contains("other.redb") && told.contains("move it away"),
            "{told}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "left as it was found");
    }
    let database = Database::create(folder.path().join("redb")).unwrap();
    let write = database.begin_write().unwrap();
    let another: redb::TableDefinition<'_, u64, u64> = redb::TableDefinition::new("kept");
    write.open_table(another).unwrap();
    write.commit().unwrap();
    drop(database);
    let told = embedded(&folder.path().join("redb"), clock)
        .err()
        .unwrap()
        .to_string();
    assert!(told.contains("move it away"), "{told}");
}
