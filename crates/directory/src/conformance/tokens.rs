use chrono::{DateTime, TimeDelta, Utc};

use crate::factors::{By, FREE, Proof};
use crate::otp::{Generator, Hash};
use crate::tokens::{Claim, NewToken};
use crate::{Directory, Fault};

const SEED: &[u8] = b"a hardware token's 1";

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_010 + seconds, 0).unwrap()
}

fn token(serial: &str, seed: &[u8], period_s: u32) -> NewToken {
    NewToken {
        serial: serial.to_owned(),
        seed: seed.to_vec(),
        hash: Hash::Sha1,
        digits: 6,
        period_s,
        counter: 0,
    }
}

fn code(seed: &[u8], step: i64) -> String {
    let generator = Generator {
        seed: seed.to_vec(),
        hash: Hash::Sha1,
        digits: 6,
        period_s: 60,
    };
    format!("{:06}", generator.code(step).unwrap())
}

fn shown(now: DateTime<Utc>) -> String {
    code(SEED, now.timestamp() / 60)
}

pub(super) async fn all(directory: &Directory) {
    is_whose_who_shows_its_code(directory).await;
    wants_its_pin_before_its_code(directory).await;
    goes_back_to_the_drawer(directory).await;
    is_for_the_one_it_was_handed_to(directory).await;
    counts_presses(directory).await;
}

async fn claim(
    directory: &Directory,
    person: &str,
    (serial, code): (&str, &str),
    now: i64,
) -> Proof {
    let claim = Claim {
        serial,
        code,
        pin: "2580",
    };
    let proof = directory.tokens.claim(person, &claim, at(now)).await;
    proof.unwrap()
}

async fn is_whose_who_shows_its_code(directory: &Directory) {
    let (tokens, factors) = (&directory.tokens, &directory.factors);
    let other = token("T-2", b"a hardware token's 2", 60);
    tokens
        .stock(&[token("T-1", SEED, 60), other])
        .await
        .unwrap();
    // All or none.
    let more = [
        token("T3", b"a hardware token's 3", 60),
        token("t1", SEED, 60),
    ];
    let there = tokens.stock(&more).await.unwrap_err();
    assert!(
        matches!(&there, Fault::Unfit { login, .. } if login == "t1"),
        "{there}"
    );
    assert_eq!(tokens.list().await.unwrap().len(), 2);
    // Neither another's code, nor an unknown number; and guessing gets slow.
    let foreign = claim(directory, "t1", ("T2", &shown(at(0))), 0).await;
    assert_eq!(foreign, Proof::Wrong);
    for _ in 1..FREE {
        let unknown = claim(directory, "t1", ("none", "000000"), 0).await;
        assert_eq!(unknown, Proof::Wrong);
    }
    let held = claim(directory, "t1", ("T1", &shown(at(0))), 0).await;
    assert_eq!(held, Proof::Wait(1));
    let right = claim(directory, "t1", (" t 1", &shown(at(9))), 9).await;
    let Proof::Right(By::Factor(id)) = right else {
        panic!("{right:?}");
    };
    let listed = factors.list("t1").await.unwrap();
    let first = (listed[0].name.as_str(), listed[0].id.as_str());
    assert_eq!(first, ("T1", id.as_str()));
    let taken = claim(directory, "t2", ("T1", &shown(at(99))), 99).await;
    assert_eq!(taken, Proof::Wrong);
    assert!(!tokens.bind("T1", Some("t2")).await.unwrap(), "taken");
}

/// The PIN goes before the code, which counts once; two in a row bring its clock back.
async fn wants_its_pin_before_its_code(directory: &Directory) {
    let prove = async |typed: &str, now| {
        let proof = directory.factors.prove("t1", typed, at(now)).await;
        proof.unwrap()
    };
    let code = shown(at(120));
    let after = format!("{code}2580");
    for typed in [&code, &format!("2581{code}"), &after, "2580"] {
        assert_eq!(prove(typed, 120).await, Proof::Wrong, "{typed}");
    }
    let whole = format!("2580 {code}");
    assert!(matches!(prove(&whole, 120).await, Proof::Right(_)));
    assert!(matches!(prove(&whole, 120).await, Proof::Used(_)));
    let ahead = at(300) + TimeDelta::minutes(20);
    let next = shown(ahead + TimeDelta::minutes(1));
    let two = format!("2580{}{next}", shown(ahead));
    assert!(matches!(prove(&two, 300).await, Proof::Right(_)));
}

/// It goes back to the drawer, and codes that were taken stay so.
async fn goes_back_to_the_drawer(directory: &Directory) {
    let (tokens, factors) = (&directory.tokens, &directory.factors);
    let id = factors.list("t1").await.unwrap()[0].id.clone();
    assert!(factors.remove("t1", &id).await.unwrap());
    let back = tokens.list().await.unwrap();
    assert_eq!(
        (back[0].person.as_deref(), back[0].is_active),
        (None, false)
    );
    let ahead = at(300) + TimeDelta::minutes(20);
    let old = claim(directory, "t2", ("T1", &shown(ahead)), 301).await;
    assert!(matches!(old, Proof::Used(_)), "{old:?}");
    let late = shown(ahead + TimeDelta::minutes(2));
    let right = claim(directory, "t2", ("T1", &late), 360).await;
    assert!(
        matches!(right, Proof::Right(_)),
        "its clock is known: {right:?}"
    );
    // Taken back, it proves nobody.
    assert!(tokens.bind("T1", None).await.unwrap());
    assert_eq!(factors.list("t2").await.unwrap(), []);
    assert!(tokens.discard("T1").await.unwrap());
    assert!(!tokens.discard("T1").await.unwrap());
    assert!(!tokens.bind("T1", None).await.unwrap());
}

async fn is_for_the_one_it_was_handed_to(directory: &Directory) {
    let tokens = &directory.tokens;
    tokens.stock(&[token("H1", SEED, 60)]).await.unwrap();
    assert!(tokens.bind("h-1", Some("t3")).await.unwrap());
    let claim = async |person: &str| {
        let code = shown(at(0));
        let claim = Claim {
            serial: "H1",
            code: &code,
            pin: "2580",
        };
        tokens.claim(person, &claim, at(0)).await.unwrap()
    };
    assert_eq!(claim("t4").await, Proof::Wrong);
    assert!(matches!(claim("t3").await, Proof::Right(_)));
    assert!(tokens.discard("H1").await.unwrap());
    assert_eq!(directory.factors.list("t3").await.unwrap(), [], "lost");
}

async fn counts_presses(directory: &Directory) {
    let (tokens, factors) = (&directory.tokens, &directory.factors);
    let press = NewToken {
        counter: 3,
        ..token("P1", SEED, 0)
    };
    tokens.stock(&[press]).await.unwrap();
    let claim = async |step| {
        let code = code(SEED, step);
        let claim = Claim {
            serial: "P1",
            code: &code,
            pin: "90210",
        };
        tokens.claim("t5", &claim, at(0)).await.unwrap()
    };
    assert_eq!(claim(1).await, Proof::Wrong, "before it was counted");
    assert!(matches!(claim(5).await, Proof::Right(_)));
    let prove = async |step| {
        let typed = format!("90210{}", code(SEED, step));
        factors.prove("t5", &typed, at(1)).await.unwrap()
    };
    assert!(matches!(prove(9).await, Proof::Right(_)), "pressed in vain");
    assert!(matches!(prove(9).await, Proof::Used(_)));
    assert_eq!(prove(40).await, Proof::Wrong);
}
