use std::sync::Mutex;

use super::*;
use crate::conformance::account;

const CHEAP: Hashing = Hashing {
    memory_kib: 64,
    passes: 1,
    at_once: 2,
};

fn dice() -> Dice {
    let seed = Mutex::new(0u8);
    Arc::new(move |bytes: &mut [u8]| {
        let mut seed = seed.lock().unwrap();
        for byte in bytes {
            *seed = seed.wrapping_mul(167).wrapping_add(13);
            *byte = *seed ^ 0x5a;
        }
        *seed = seed.wrapping_add(1);
    })
}

async fn open(path: &Path, hashing: Hashing) -> Directory {
    sqlite(path, DirectoryKeys { numen: [7; 32] }, hashing, dice())
        .await
        .unwrap()
}

#[tokio::test]
async fn conforms() {
    let folder = tempfile::tempdir().unwrap();
    crate::conformance::all(&open(&folder.path().join("people.db"), CHEAP).await).await;
}

#[tokio::test]
async fn two_processes_share_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.db");
    let (one, two) = tokio::join!(open(&path, CHEAP), open(&path, CHEAP));
    one.accounts
        .keep(account(Realm::Personnel, "a"))
        .await
        .unwrap();
    assert!(
        two.accounts
            .find(Realm::Personnel, "a")
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn secrets_are_not_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.db");
    let directory = open(&path, CHEAP).await;
    let mut secret = account(Realm::Personnel, "a");
    secret.numen = Some("09X1234567XYZ".to_owned());
    secret.birth_date = chrono::NaiveDate::from_ymd_opt(1971, 3, 2);
    directory.accounts.keep(secret).await.unwrap();
    drop(directory);
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder.path()).unwrap().flatten() {
        bytes.extend(std::fs::read(entry.path()).unwrap());
    }
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("ac-demo.example"), "the file was read");
    for secret in ["09X1234567XYZ", "1971", "Correct-horse-42"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_login_renews_a_hash_of_other_parameters() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.db");
    let before = open(&path, CHEAP).await;
    before
        .accounts
        .keep(account(Realm::Personnel, "a"))
        .await
        .unwrap();
    let after = open(
        &path,
        Hashing {
            memory_kib: 128,
            passes: 2,
            at_once: 1,
        },
    )
    .await;
    for _ in 0..2 {
        let attempt = after
            .passwords
            .verify(Realm::Personnel, "a", "Correct-horse-42")
            .await;
        assert!(matches!(attempt.unwrap(), Attempt::Welcome(_)));
    }
    let database = SqlitePool::connect_with(SqliteConnectOptions::new().filename(&path))
        .await
        .unwrap();
    let row = sqlx::query("SELECT password FROM account")
        .fetch_one(&database)
        .await
        .unwrap();
    let phc: String = row.get(0);
    assert!(phc.contains("m=128,t=2"), "{phc}");
}

#[tokio::test]
async fn a_flood_is_told_to_come_back_later() {
    let folder = tempfile::tempdir().unwrap();
    let slow = Hashing {
        memory_kib: 16 * 1024,
        passes: 2,
        at_once: 1,
    };
    let directory = open(&folder.path().join("people.db"), slow).await;
    let tries: Vec<_> = (0..150)
        .map(|_| {
            let directory = directory.clone();
            tokio::spawn(
                async move { directory.passwords.verify(Realm::Personnel, "x", "y").await },
            )
        })
        .collect();
    let (mut refused, mut away) = (0, 0);
    for attempt in tries {
        match attempt.await.unwrap() {
            Ok(Attempt::Refused) => refused += 1,
            Err(Fault::Away(_)) => away += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(
        refused >= 60 && away > 0,
        "{refused} answered, {away} turned away"
    );
}

#[tokio::test]
async fn a_database_of_a_later_release_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.db");
    drop(open(&path, CHEAP).await);
    let database = SqlitePool::connect_with(SqliteConnectOptions::new().filename(&path))
        .await
        .unwrap();
    sqlx::raw_sql("PRAGMA user_version = 99")
        .execute(&database)
        .await
        .unwrap();
    let refused = sqlite(&path, DirectoryKeys { numen: [7; 32] }, CHEAP, dice()).await;
    assert!(refused.err().unwrap().to_string().contains("later release"));
}

#[test]
fn a_person_prints_as_a_login_only() {
    let mut person = account(Realm::Personnel, "zdete").person;
    person.id = "secret".to_owned();
    assert_eq!(format!("{person:?}"), "Person(personnel/zdete)");
}
