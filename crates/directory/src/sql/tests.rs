use std::hash::{BuildHasher, RandomState};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::*;
use crate::conformance::account;

mod several;
mod trees;

const CHEAP: Hashing = Hashing {
    memory_kib: 64,
    passes: 1,
    at_once: 2,
};

/// As the edge's: never twice the same, in no process.
fn dice() -> Dice {
    Arc::new(|bytes: &mut [u8]| {
        for byte in bytes {
            let hash = RandomState::new().hash_one(std::process::id());
            *byte = hash.to_le_bytes()[0];
        }
    })
}

const KEYS: DirectoryKeys = DirectoryKeys {
    numen: [7; 32],
    factors: [9; 32],
};

async fn open(path: &Path, hashing: Hashing) -> Directory {
    sqlite(path, KEYS, hashing, dice()).await.unwrap()
}

#[tokio::test]
async fn conforms() {
    let folder = tempfile::tempdir().unwrap();
    crate::conformance::all(&open(&folder.path().join("people.db"), CHEAP).await).await;
}

#[tokio::test]
async fn opening_again_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new folder/people.db");
    let first = open(&path, CHEAP).await;
    let kept = first
        .accounts
        .keep(account(Realm::Personnel, "a"))
        .await
        .unwrap();
    for _ in 0..3 {
        let again = open(&path, CHEAP).await;
        let found = again.accounts.find(Realm::Personnel, "a").await.unwrap();
        assert_eq!(found.as_ref(), Some(&kept));
    }
}

#[tokio::test]
async fn only_its_owner_reads_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.db");
    let directory = open(&path, CHEAP).await;
    let kept = directory.accounts.keep(account(Realm::Personnel, "a"));
    kept.await.unwrap();
    let mut files = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap().flatten() {
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.path());
        files += 1;
    }
    assert!(files >= 2, "the journal too");
}

#[tokio::test]
async fn what_is_no_directory_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.db");
    std::fs::write(&path, vec![7; 5_000]).unwrap();
    let told = sqlite(&path, KEYS, CHEAP, dice()).await.err().unwrap();
    assert!(matches!(told, Fault::Away(_)), "{told}");
    assert_eq!(std::fs::read(&path).unwrap(), vec![7; 5_000]);
    let told = sqlite(folder.path(), KEYS, CHEAP, dice()).await.err();
    assert!(matches!(told, Some(Fault::Away(_))), "a folder");
}

#[tokio::test]
async fn two_pools_that_keep_the_same_account_agree_on_who_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.db");
    let (one, two) = tokio::join!(open(&path, CHEAP), open(&path, CHEAP));
    for n in 0..10 {
        let login = format!("a{n}");
        let (first, second) = tokio::join!(
            one.accounts.keep(account(Realm::Personnel, &login)),
            two.accounts.keep(account(Realm::Personnel, &login)),
        );
        let found = one.accounts.find(Realm::Personnel, &login).await.unwrap();
        assert_eq!(first.unwrap().id, second.unwrap().id);
        assert_eq!(
            found,
            two.accounts.find(Realm::Personnel, &login).await.unwrap()
        );
    }
}

/// Run by the test below in processes of their own.
#[tokio::test]
#[ignore = "the child of `several_processes_share_one_file`"]
async fn child_that_keeps_accounts() {
    let Some(path) = std::env::var_os("DIRECTORY_CHILD") else {
        return;
    };
    let directory = open(Path::new(&path), CHEAP).await;
    let own = format!("p{}", std::process::id());
    for n in 0..10 {
        for login in [format!("shared{n}"), format!("{own}.{n}")] {
            let kept = directory.accounts.keep(account(Realm::Personnel, &login));
            kept.await.unwrap();
        }
    }
}

#[tokio::test]
async fn several_processes_share_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.db");
    // All at once on a file that is not there yet: one of them makes it.
    let children: Vec<_> = (0..4)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--ignored", "--exact"])
                .arg("sql::tests::child_that_keeps_accounts")
                .env("DIRECTORY_CHILD", &path)
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let directory = open(&path, CHEAP).await;
    let people = directory.accounts.list(Realm::Personnel).await.unwrap();
    assert_eq!(people.len(), 50);
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
    // Whole, however it is written: four digits of chance are in any file now and then.
    for secret in [
        "09X1234567XYZ",
        "1971-03-02",
        "19710302",
        "Correct-horse-42",
    ] {
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
    let database = super::sqlite::open(&path).await.unwrap();
    let row = query("SELECT password FROM account").fetch_one(&database);
    let phc: String = row.await.unwrap().try_get(0).unwrap();
    assert!(phc.contains("m=128,t=2"), "{phc}");
}

#[tokio::test]
async fn a_password_that_changed_meanwhile_is_not_undone_by_a_renewal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.db");
    let database = super::sqlite::open(&path).await.unwrap();
    let directory = prepare(database, KEYS, CHEAP, dice()).await.unwrap();
    let kept = directory.keep(account(Realm::Personnel, "a"));
    kept.await.unwrap();
    let before = directory.by_login(Realm::Personnel, "a").await.unwrap();
    assert!(
        directory
            .set(Realm::Personnel, "a", "New-one-99")
            .await
            .unwrap()
    );
    directory.renew(&before.unwrap(), "Correct-horse-42").await;
    let verify = |password| directory.verify(Realm::Personnel, "a", password);
    assert_eq!(verify("Correct-horse-42").await.unwrap(), Attempt::Refused);
    assert!(matches!(
        verify("New-one-99").await.unwrap(),
        Attempt::Welcome(_)
    ));
}

#[tokio::test]
async fn nobody_is_told_by_the_clock() {
    let folder = tempfile::tempdir().unwrap();
    let hashing = Hashing {
        memory_kib: 4 * 1024,
        passes: 1,
        at_once: 1,
    };
    let directory = open(&folder.path().join("people.db"), hashing).await;
    let kept = directory.accounts.keep(account(Realm::Personnel, "a"));
    kept.await.unwrap();
    let long = "x".repeat(100_000);
    let cases = [
        ("a", "wrong"),
        ("nobody", "wrong"),
        ("a", long.as_str()),
        ("a", ""),
        (long.as_str(), "wrong"),
        ("nobody@ac-demo.example", ""),
    ];
    let mut fastest = [Duration::MAX; 6];
    for _ in 0..15 {
        for ((login, password), fastest) in cases.iter().zip(&mut fastest) {
            let started = Instant::now();
            let attempt = directory
                .passwords
                .verify(Realm::Personnel, login, password);
            assert_eq!(attempt.await.unwrap(), Attempt::Refused);
            *fastest = started.elapsed().min(*fastest);
        }
    }
    for other in &fastest[1..] {
        let ratio = other.as_secs_f64() / fastest[0].as_secs_f64();
        assert!((0.6..1.6).contains(&ratio), "{fastest:?}");
    }
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

#[test]
fn a_person_prints_as_a_login_only() {
    let mut person = account(Realm::Personnel, "zdete").person;
    person.id = "secret".to_owned();
    assert_eq!(format!("{person:?}"), "Person(personnel/zdete)");
}
