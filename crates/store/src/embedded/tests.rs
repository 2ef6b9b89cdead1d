use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::DateTime;

use super::*;

fn hand_clock() -> (Clock, Arc<AtomicI64>) {
    let ms = Arc::new(AtomicI64::new(1_790_000_000_000));
    let hand = Arc::clone(&ms);
    let clock: Clock =
        Arc::new(move || DateTime::from_timestamp_millis(hand.load(Ordering::SeqCst)).unwrap());
    (clock, ms)
}

#[tokio::test]
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
async fn the_sweep_removes_what_ended_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, hand) = hand_clock();
    let path = folder.path().join("shelf.redb");
    let shelf = embedded(&path, clock).unwrap();
    for n in 0..20 {
        shelf
            .put("r", &format!("short{n}"), vec![1], Duration::from_secs(1))
            .await
            .unwrap();
    }
    shelf
        .put("r", "long", vec![1], Duration::from_secs(100))
        .await
        .unwrap();
    drop(shelf);
    hand.fetch_add(2_000, Ordering::SeqCst);
    let database = wait_for(&path);
    let write = database.begin_write().unwrap();
    {
        let mut kept = write.open_table(KEPT).unwrap();
        let mut ends = write.open_table(ENDS).unwrap();
        let now = hand.load(Ordering::SeqCst);
        Tables {
            kept: &mut kept,
            ends: &mut ends,
            now,
        }
        .sweep()
        .unwrap();
        assert_eq!(kept.range::<&str>(..).unwrap().count(), 1);
        assert_eq!(ends.range::<(i64, &str)>(..).unwrap().count(), 1);
    }
    write.commit().unwrap();
}

/// The writer of a dropped shelf ends in its own time.
fn wait_for(path: &Path) -> Database {
    for _ in 0..200 {
        if let Ok(database) = Database::create(path) {
            return database;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the file is not let go");
}

#[tokio::test]
async fn a_second_process_and_a_damaged_file_are_told_clearly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shelf.redb");
    let (clock, _) = hand_clock();
    let shelf = embedded(&path, Arc::clone(&clock)).unwrap();
    assert!(matches!(
        embedded(&path, Arc::clone(&clock)),
        Err(Away::Unreachable(_))
    ));
    drop(shelf);
    let damaged = folder.path().join("damaged.redb");
    std::fs::write(&damaged, vec![7; 10_000]).unwrap();
    let told = embedded(&damaged, clock).err().unwrap().to_string();
    assert!(told.contains("damaged.redb"), "{told}");
}

/// Run by the test below in a process of its own: writes, and says so once it is acknowledged.
#[tokio::test]
#[ignore = "the child of `what_was_acknowledged_survives_kill_9`"]
async fn child_that_writes_until_killed() {
    let Some(path) = std::env::var_os("SHELF_CHILD") else {
        return;
    };
    let (clock, _) = hand_clock();
    let shelf = embedded(Path::new(&path), clock).unwrap();
    let start: u64 = std::env::var("SHELF_START").unwrap().parse().unwrap();
    for n in start.. {
        let value = format!("{n}").repeat(20).into_bytes();
        shelf
            .put("kill", &n.to_string(), value, Duration::from_secs(3600))
            .await
            .unwrap();
        println!("kept {n}");
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shelf.redb");
    let mut acknowledged = Vec::new();
    for round in 0..20u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--ignored",
                "--exact",
                "--nocapture",
                "embedded::tests::child_that_writes_until_killed",
            ])
            .env("SHELF_CHILD", &path)
            .env("SHELF_START", (round * 1_000_000).to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Another number of writes each round, so that the kill falls at another moment.
        let enough = usize::try_from(3 + (round * 7) % 40).unwrap();
        let mut seen = 0;
        for line in lines.map_while(Result::ok) {
            // The harness may print its own line before ours, without a line break.
            if let Some((_, n)) = line.rsplit_once("kept ") {
                acknowledged.push(n.parse::<u64>().unwrap());
                seen += 1;
            }
            if seen == enough {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
    }
    assert!(acknowledged.len() > 200, "{}", acknowledged.len());
    let (clock, _) = hand_clock();
    let shelf = embedded(&path, clock).unwrap();
    for n in acknowledged {
        let value = shelf.get("kill", &n.to_string()).await.unwrap();
        assert_eq!(value, Some(format!("{n}").repeat(20).into_bytes()), "{n}");
    }
}
