//! Keys appear whole, once, for their owner only.

use std::os::unix::fs::PermissionsExt;

use saml::KeyKind;

use super::{KeyRing, Making, Secret};

fn make(ring: &KeyRing, start: u8) -> Vec<String> {
    let count = std::sync::atomic::AtomicU8::new(start);
    let dice = move |bytes: &mut [u8]| {
        for byte in bytes {
            *byte = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    };
    ring.make_missing(&Making {
        kind: KeyKind::P256,
        days: 10,
        host: "localhost",
        now: chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        dice: &dice,
    })
    .unwrap()
}

#[test]
fn what_is_missing_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::at(&folder.path().join("keys"));
    assert!(
        ring.key("portail")
            .unwrap_err()
            .what
            .contains("keys generate")
    );
    assert_eq!(make(&ring, 1).len(), 7 + 3);
    let before = ring.key("portail").unwrap().certificate().to_owned();
    let secret = ring.secret(Secret::Csrf).unwrap();
    assert_eq!(make(&ring, 99), Vec::<String>::new());
    assert_eq!(ring.key("portail").unwrap().certificate(), before);
    assert_eq!(ring.secret(Secret::Csrf).unwrap(), secret);
    assert_ne!(secret, ring.secret(Secret::Numen).unwrap());
}

#[test]
fn processes_that_start_at_once_end_up_with_the_same_keys() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::at(folder.path());
    let made: Vec<usize> = std::thread::scope(|scope| {
        let starts = [10, 60, 110, 160].map(|start| {
            scope.spawn({
                let ring = ring.clone();
                move || make(&ring, start).len()
            })
        });
        starts.map(|thread| thread.join().unwrap()).to_vec()
    });
    assert_eq!(
        made.iter().sum::<usize>(),
        10,
        "each key was made by one: {made:?}"
    );
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter(|name| name.starts_with('.'))
        .collect();
    assert!(left.is_empty(), "drafts are left: {left:?}");
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::at(folder.path());
    make(&ring, 1);
    let path = ring.key_file("metadata");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(ring.key("metadata").unwrap_err().what.contains("chmod 600"));
}

#[test]
fn a_file_that_is_no_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::at(folder.path());
    make(&ring, 1);
    std::fs::write(ring.key_file("metadata"), "-----BEGIN CERTIFICATE-----\n").unwrap();
    assert!(ring.key("metadata").is_err());
    for content in ["", "zz", &"a".repeat(63), &"a".repeat(66), &"é".repeat(64)] {
        std::fs::write(folder.path().join("csrf.secret"), content).unwrap();
        assert!(ring.secret(Secret::Csrf).is_err(), "{content:?}");
    }
}
