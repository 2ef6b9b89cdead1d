//! Keys appear whole, once, for their owner only.

use std::os::unix::fs::PermissionsExt;

use saml::KeyKind;

use super::{KeyRing, Making, Secret, State, Wait};

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

/// How many files a deployment has: its keys and its secrets.
fn everything() -> usize {
    KeyRing::names().len() + Secret::ALL.len()
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
    assert_eq!(make(&ring, 1).len(), everything());
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
        everything(),
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

/// A moment of these tests.
fn at(seconds: i64) -> saml::Moment {
    chrono::DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn next(ring: &KeyRing, name: &str, serial: u8) -> Result<(), super::Fault> {
    let dice = move |bytes: &mut [u8]| bytes.fill(serial);
    ring.make_next(
        name,
        &Making {
            kind: KeyKind::P256,
            days: 10,
            host: "localhost",
            now: at(0),
            dice: &dice,
        },
    )
}

fn fingerprints(ring: &KeyRing, name: &str) -> Vec<(State, String)> {
    let bunch = ring.bunch(name).unwrap();
    let keys = bunch.keys().iter();
    keys.map(|one| (one.state, one.verifying().fingerprint().to_owned()))
        .collect()
}

#[test]
fn a_key_rolls_step_by_step_and_none_is_lost_on_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::at(folder.path());
    assert!(next(&ring, "portail", 7).is_err(), "nothing to follow");
    make(&ring, 1);
    let first = fingerprints(&ring, "portail");
    assert!(ring.promote("portail", at(5)).is_err(), "no next key");
    assert_eq!(fingerprints(&ring, "portail"), first);
    next(&ring, "portail", 7).unwrap();
    assert!(next(&ring, "portail", 8).is_err(), "there is one already");
    let both = fingerprints(&ring, "portail");
    assert_eq!(
        (both[0].clone(), both[1].0),
        (first[0].clone(), State::Next)
    );
    ring.promote("portail", at(5)).unwrap();
    let turned = fingerprints(&ring, "portail");
    let retired = (State::Retired(at(5)), first[0].1.clone());
    assert_eq!(
        turned,
        [(State::Current, both[1].1.clone()), retired.clone()]
    );
    next(&ring, "portail", 9).unwrap();
    ring.promote("portail", at(9)).unwrap();
    let twice = fingerprints(&ring, "portail");
    let states: Vec<State> = twice.iter().map(|(state, _)| *state).collect();
    let newest_first = [State::Retired(at(9)), State::Retired(at(5))];
    assert_eq!(states[1..], newest_first);
    assert!(ring.remove_retired("portail", at(4)).unwrap().is_empty());
    assert_eq!(ring.remove_retired("portail", at(5)).unwrap().len(), 1);
    assert_eq!(fingerprints(&ring, "portail").len(), 2);
    assert_eq!(fingerprints(&ring, "idp-eleve").len(), 1);
}

#[test]
fn two_promotions_at_one_moment_retire_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::at(folder.path());
    make(&ring, 1);
    next(&ring, "portail", 7).unwrap();
    let done = std::thread::scope(|scope| {
        let two = [at(1), at(2)].map(|now| {
            let ring = &ring;
            scope.spawn(move || ring.promote("portail", now).is_ok())
        });
        two.map(|thread| thread.join().unwrap())
    });
    assert_eq!(done.iter().filter(|done| **done).count(), 1);
    assert_eq!(ring.bunch("portail").unwrap().retired().count(), 1);
}

#[test]
fn a_folder_that_changes_while_it_is_read_is_read_as_it_stood_at_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::at(folder.path());
    make(&ring, 1);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..40_u8 {
                next(&ring, "portail", 50 + round).unwrap();
                ring.promote("portail", at(round.into())).unwrap();
            }
            stop.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        let mut seen: Vec<String> = Vec::new();
        while !stop.load(std::sync::atomic::Ordering::SeqCst) {
            // Changing all the time is told; nothing that stands is ever found to be missing.
            let bunch = match ring.bunch("portail") {
                Ok(bunch) => bunch,
                Err(fault) => {
                    assert!(fault.what.contains("changes all the time"), "{fault}");
                    continue;
                }
            };
            let keys = bunch.own_keys().certificates().join(" ");
            let is_published = |key: &String| keys.contains(key.as_str());
            assert!(seen.iter().all(is_published), "a key is no longer there");
            let current = bunch.current().certificate().to_owned();
            if seen.last() != Some(&current) {
                seen.push(current);
            }
        }
        assert!(seen.len() > 1, "nothing changed");
    });
}

#[test]
fn a_next_key_waits_until_others_have_read_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::at(folder.path());
    make(&ring, 1);
    let hour = std::time::Duration::from_secs(3600);
    let wait = |name, now| ring.bunch(name).unwrap().wait(hour, now);
    assert_eq!(wait("portail", at(0)), Wait::NoNext);
    next(&ring, "portail", 7).unwrap();
    next(&ring, "metadata", 8).unwrap();
    let since = ring.bunch("portail").unwrap().next().unwrap().since;
    let until = since + hour;
    assert_eq!(wait("portail", since), Wait::Until(until));
    let second = chrono::TimeDelta::seconds(1);
    assert_eq!(wait("portail", until - second), Wait::Until(until));
    assert_eq!(wait("portail", until), Wait::Over);
    assert_eq!(wait("metadata", until), Wait::ForThosePinning);
}

#[test]
fn files_that_are_no_state_of_a_key_are_not_taken_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::at(folder.path());
    make(&ring, 1);
    let key = std::fs::read(ring.key_file("portail")).unwrap();
    for name in [
        "portail.old.pem",
        "portail.next.pem.bak",
        "portail.retired-yesterday.pem",
        "portail2.next.pem",
        "xportail.next.pem",
    ] {
        std::fs::write(folder.path().join(name), &key).unwrap();
    }
    assert_eq!(fingerprints(&ring, "portail").len(), 1);
    // A state that is one and holds no key is a fault, not silence.
    std::fs::write(folder.path().join("portail.next.pem"), "").unwrap();
    assert!(ring.bunch("portail").is_err());
}
