//! A disk of the test's own: it loses power, it is full, a flush of it hangs.

use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard};

use redb::{DatabaseError, StorageBackend};

use super::*;

/// What was written, what of it was flushed, and what happens to the rest.
#[derive(Debug, Default)]
struct Plate {
    now: Vec<u8>,
    flushed: Vec<u8>,
    since: Vec<(usize, Vec<u8>)>,
}

#[derive(Debug, Default, Clone)]
struct Disk {
    plate: Arc<Mutex<Plate>>,
    full: Arc<AtomicBool>,
    hangs: Arc<AtomicBool>,
}

impl Disk {
    fn plate(&self) -> MutexGuard<'_, Plate> {
        self.plate.lock().unwrap()
    }

    fn of(bytes: Vec<u8>) -> Self {
        let disk = Self::default();
        disk.plate().now = bytes;
        disk
    }

    /// What a cut of the power leaves: what was flushed, and any part of what was not.
    fn after_a_cut(&self, chance: u64) -> Vec<u8> {
        let plate = self.plate();
        let mut left = plate.flushed.clone();
        for (n, (at, data)) in plate.since.iter().enumerate() {
            if (chance >> (n % 61)) & 1 == 0 {
                continue;
            }
            let end = at + data.len();
            if left.len() < end {
                left.resize(end, 0);
            }
            left[*at..end].copy_from_slice(data);
        }
        left
    }

    fn open(&self) -> Result<Database, DatabaseError> {
        file::builder().create_with_backend(self.clone())
    }

    fn shelf(&self) -> Result<Embedded, Away> {
        let disk = self.clone();
        on(
            "disk".to_owned(),
            Box::new(move || disk.open()),
            hand_clock().0,
        )
    }

    fn writable(&self) -> io::Result<()> {
        if self.full.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(u64::try_from(self.plate().now.len()).unwrap())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let at = usize::try_from(offset).unwrap();
        let plate = self.plate();
        let bytes = plate.now.get(at..at + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.writable()?;
        self.plate().now.resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        while self.hangs.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.writable()?;
        let mut plate = self.plate();
        plate.flushed = plate.now.clone();
        plate.since.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.writable()?;
        let at = usize::try_from(offset).unwrap();
        let mut plate = self.plate();
        plate.now[at..at + data.len()].copy_from_slice(data);
        plate.since.push((at, data.to_vec()));
        Ok(())
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_cut_of_the_power() {
    let disk = Disk::default();
    let shelf = disk.shelf().unwrap();
    for n in 0..60u64 {
        let key = n.to_string();
        shelf
            .put("r", &key, key.repeat(200).into_bytes(), LONG)
            .await
            .unwrap();
        assert!(shelf.put_once("once", &key, vec![1], LONG).await.unwrap());
        shelf.count("c", "c", LONG).await.unwrap();
        shelf.put("gone", &key, vec![1], LONG).await.unwrap();
        shelf.take("gone", &key).await.unwrap();
        let left = Disk::of(disk.after_a_cut(n.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
            .shelf()
            .unwrap();
        assert_eq!(
            left.get("r", &key).await.unwrap(),
            Some(key.repeat(200).into_bytes())
        );
        assert!(
            !left.put_once("once", &key, vec![2], LONG).await.unwrap(),
            "a replay"
        );
        assert_eq!(
            left.get("gone", &key).await.unwrap(),
            None,
            "taken is taken"
        );
        assert_eq!(left.count("c", "c", LONG).await.unwrap(), n + 2);
        left.file
            .write(|database| Ok(everything(database)))
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_cut_in_the_middle_of_writing_leaves_nothing_half_written() {
    let disk = Disk::default();
    let shelf = Arc::new(disk.shelf().unwrap());
    let acknowledged = Arc::new(Mutex::new(0u64));
    let (writer, noted) = (Arc::clone(&shelf), Arc::clone(&acknowledged));
    let writing = tokio::spawn(async move {
        for n in 1..=400u64 {
            let value = n.to_string().repeat(300).into_bytes();
            writer.put("r", &n.to_string(), value, LONG).await.unwrap();
            *noted.lock().unwrap() = n;
        }
    });
    let mut chance = 88_172_645_463_325_252u64;
    while !writing.is_finished() {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        let sure = *acknowledged.lock().unwrap();
        let left = Disk::of(disk.after_a_cut(chance)).shelf().unwrap();
        let all = left
            .file
            .write(|database| Ok(everything(database)))
            .unwrap();
        for (key, value) in &all {
            let n = key.trim_start_matches("r\u{1f}");
            assert_eq!(*value, n.repeat(300).into_bytes(), "half written");
        }
        for n in 1..=sure {
            assert!(
                all.contains_key(&full_key("r", &n.to_string())),
                "{n} of {sure}"
            );
        }
    }
    writing.await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_away_and_used_again_once_there_is_room() {
    let disk = Disk::default();
    let shelf = disk.shelf().unwrap();
    shelf.put("r", "k", vec![1], LONG).await.unwrap();
    disk.full.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let told = shelf.put("r", "k", vec![2], LONG).await.unwrap_err();
        assert!(matches!(told, Away::Unreachable(_)), "{told}");
        assert!(shelf.ready().await.is_err(), "no visitor is sent here");
    }
    disk.full.store(false, Ordering::SeqCst);
    shelf.ready().await.unwrap();
    assert_eq!(
        shelf.get("r", "k").await.unwrap(),
        Some(vec![1]),
        "what was acknowledged"
    );
    shelf.put("r", "k", vec![3], LONG).await.unwrap();
    assert_eq!(shelf.get("r", "k").await.unwrap(), Some(vec![3]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_hangs_is_away_and_holds_little_memory() {
    let disk = Disk::default();
    let shelf = Arc::new(disk.shelf().unwrap());
    shelf.put("r", "k", vec![1], LONG).await.unwrap();
    disk.hangs.store(true, Ordering::SeqCst);
    let mut waiting = Vec::new();
    for n in 0..600 {
        let shelf = Arc::clone(&shelf);
        waiting.push(tokio::spawn(async move {
            shelf.put("r", &n.to_string(), vec![1; 60_000], LONG).await
        }));
    }
    let mut turned_away = 0;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(shelf.waiting.load(Ordering::Relaxed) < QUEUE_BYTES + 100_000);
    assert_eq!(
        shelf.get("r", "k").await.unwrap(),
        Some(vec![1]),
        "readers do not wait"
    );
    for caller in waiting {
        let told = caller.await.unwrap().unwrap_err().to_string();
        turned_away += usize::from(told.contains("keep up"));
        assert!(
            told.contains("keep up") || told.contains("does not answer"),
            "{told}"
        );
    }
    assert!(turned_away > 200, "{turned_away}");
    disk.hangs.store(false, Ordering::SeqCst);
    let mut after = shelf.put("r", "after", vec![1], LONG).await;
    for _ in 0..100 {
        if after.is_ok() && shelf.waiting.load(Ordering::Relaxed) == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        after = shelf.put("r", "after", vec![1], LONG).await;
    }
    after.unwrap();
    assert_eq!(shelf.waiting.load(Ordering::Relaxed), 0, "all given back");
}
