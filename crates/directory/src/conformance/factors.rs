use chrono::{DateTime, TimeDelta, Utc};

use crate::factors::{By, CODES, Device, FREE, Factors, Kind, Proof};
use crate::otp::{Generator, Hash};
use crate::{Directory, Fault};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_010 + seconds, 0).unwrap()
}

fn code(seed: &[u8], now: DateTime<Utc>) -> String {
    let generator = Generator {
        seed: seed.to_vec(),
        hash: Hash::Sha1,
        digits: 6,
        period_s: 30,
    };
    format!("{:06}", generator.code(now.timestamp() / 30).unwrap())
}

fn wrong(seed: &[u8], now: DateTime<Utc>) -> String {
    let near: Vec<_> = (-2..=2)
        .map(|off| code(seed, now + TimeDelta::seconds(30 * off)))
        .collect();
    let mut codes = ["000000", "111111", "222222", "333333", "444444", "555555"].iter();
    (*codes
        .find(|code| !near.contains(&(**code).to_owned()))
        .unwrap())
    .to_owned()
}

pub(super) async fn all(directory: &Directory) {
    let factors = &*directory.factors;
    is_active_once_it_has_shown_a_code(factors).await;
    belongs_to_the_session_that_began(factors).await;
    takes_a_code_once(factors).await;
    slows_down_who_guesses(factors).await;
    recovers(factors).await;
    remembers_when_it_was_first_asked(factors).await;
}

async fn is_active_once_it_has_shown_a_code(factors: &dyn Factors) {
    assert_eq!(factors.list("p1").await.unwrap(), []);
    let seed = factors.begin("p1", "s", at(0)).await.unwrap();
    assert_eq!(seed.len(), 20);
    assert_eq!(factors.begin("p1", "s", at(9)).await.unwrap(), seed);
    assert_eq!(factors.list("p1").await.unwrap(), [], "not yet");
    let early = factors.prove("p1", &code(&seed, at(9)), at(9)).await;
    assert_eq!(early.unwrap(), Proof::Wrong);
    let bad = wrong(&seed, at(9));
    let told = factors.confirm(("p1", "s"), ("Phone", &bad), at(9)).await;
    assert_eq!(told.unwrap(), Proof::Wrong);
    let shown = code(&seed, at(9));
    let told = factors.confirm(("p1", "s"), ("Phone", &shown), at(9)).await;
    assert!(matches!(told.unwrap(), Proof::Right(By::Factor(_))));
    let list = factors.list("p1").await.unwrap();
    let first = (list[0].kind, list[0].name.as_str(), list[0].created);
    assert_eq!(
        (list.len(), first),
        (1, (Kind::Application, "Phone", at(9)))
    );
    let again = factors.prove("p1", &shown, at(10)).await.unwrap();
    assert!(
        matches!(again, Proof::Used(_)),
        "the code of the activation"
    );
    let next = factors.begin("p1", "s", at(20)).await.unwrap();
    assert_ne!(next, seed, "another device, another seed");
}

async fn belongs_to_the_session_that_began(factors: &dyn Factors) {
    let seed = factors.begin("p2", "mine", at(0)).await.unwrap();
    let shown = code(&seed, at(0));
    for (person, session, now) in [
        ("p2", "another", at(0)),
        ("p3", "mine", at(0)),
        ("p2", "mine", at(3600)),
    ] {
        let shown = if now == at(0) {
            shown.clone()
        } else {
            code(&seed, now)
        };
        let told = factors.confirm((person, session), ("x", &shown), now).await;
        assert_eq!(told.unwrap(), Proof::Wrong, "{person} {session} {now}");
        assert_eq!(factors.list(person).await.unwrap(), []);
    }
    let other = factors.begin("p2", "another", at(0)).await.unwrap();
    assert_ne!(other, seed);
    let told = factors.confirm(("p2", "mine"), ("x", &shown), at(1)).await;
    assert!(matches!(told.unwrap(), Proof::Right(_)), "undisturbed");
}

fn device(seed: &[u8]) -> Device {
    Device {
        kind: Kind::Token,
        name: "0012345".to_owned(),
        seed: seed.to_vec(),
        hash: Hash::Sha1,
        digits: 6,
        period_s: 30,
    }
}

async fn takes_a_code_once(factors: &dyn Factors) {
    let seed = b"abcdefghijklmnopqrst";
    factors.give("p4", device(seed), at(0)).await.unwrap();
    let short = factors.give("p4", device(b"short"), at(0)).await;
    assert!(matches!(short, Err(Fault::Unfit { .. })));
    let shown = code(seed, at(60));
    let spaced = format!(" {} {}\u{202f}", &shown[..3], &shown[3..]);
    let (one, two) = tokio::join!(
        factors.prove("p4", &spaced, at(60)),
        factors.prove("p4", &shown, at(60))
    );
    let both = [one.unwrap(), two.unwrap()];
    let right = both.iter().filter(|one| matches!(one, Proof::Right(_)));
    let used = both.iter().filter(|one| matches!(one, Proof::Used(1..=30)));
    assert_eq!((right.count(), used.count()), (1, 1), "{both:?}");
    assert_eq!(factors.list("p4").await.unwrap()[0].last_used, Some(at(60)));
    let foreign = factors.prove("p1", &code(seed, at(120)), at(120)).await;
    assert_eq!(foreign.unwrap(), Proof::Wrong, "another person's");
    let id = factors.list("p4").await.unwrap()[0].id.clone();
    assert!(
        !factors.remove("p1", &id).await.unwrap(),
        "another person's"
    );
    assert!(factors.remove("p4", &id).await.unwrap());
    assert!(!factors.remove("p4", &id).await.unwrap());
    let gone = factors.prove("p4", &code(seed, at(180)), at(180)).await;
    assert_eq!(gone.unwrap(), Proof::Wrong);
}

async fn slows_down_who_guesses(factors: &dyn Factors) {
    let seed = b"abcdefghijklmnopqrsu";
    factors.give("p5", device(seed), at(0)).await.unwrap();
    let bad = wrong(seed, at(0));
    for _ in 0..FREE {
        assert_eq!(
            factors.prove("p5", &bad, at(0)).await.unwrap(),
            Proof::Wrong
        );
    }
    let held = factors
        .prove("p5", &code(seed, at(0)), at(0))
        .await
        .unwrap();
    assert_eq!(held, Proof::Wait(1), "the right one is not looked at");
    assert_eq!(
        factors.prove("p5", &bad, at(1)).await.unwrap(),
        Proof::Wrong
    );
    assert_eq!(
        factors.prove("p5", &bad, at(1)).await.unwrap(),
        Proof::Wait(2)
    );
    factors.excuse("p5").await.unwrap();
    factors.excuse("nobody").await.unwrap();
    for _ in 0..FREE {
        let told = factors.prove("p5", &bad, at(1)).await.unwrap();
        assert_eq!(told, Proof::Wrong, "who is excused starts afresh");
    }
    let right = factors
        .prove("p5", &code(seed, at(4)), at(4))
        .await
        .unwrap();
    assert!(matches!(right, Proof::Right(_)), "{right:?}");
    let bad = wrong(seed, at(90));
    assert_eq!(
        factors.prove("p5", &bad, at(90)).await.unwrap(),
        Proof::Wrong
    );
    let right = factors
        .prove("p5", &code(seed, at(90)), at(90))
        .await
        .unwrap();
    assert!(matches!(right, Proof::Right(_)), "afresh: {right:?}");
}

async fn recovers(factors: &dyn Factors) {
    factors
        .give("p6", device(b"abcdefghijklmnopqrsv"), at(0))
        .await
        .unwrap();
    let old = factors.renew_codes("p6").await.unwrap();
    let codes = factors.renew_codes("p6").await.unwrap();
    assert_eq!((codes.len(), codes[0].len()), (CODES, 10));
    let told = factors.prove("p6", &old[0], at(0)).await.unwrap();
    assert_eq!(told, Proof::Wrong, "an old sheet");
    let typed = format!("{} {}", &codes[3][..5], &codes[3][5..]);
    let told = factors.prove("p6", &typed, at(0)).await.unwrap();
    assert_eq!(told, Proof::Right(By::RecoveryCode(CODES - 1)));
    let told = factors.prove("p6", &codes[3], at(0)).await.unwrap();
    assert_eq!(told, Proof::Wrong, "once");
    let told = factors.prove("p5", &codes[4], at(200)).await.unwrap();
    assert_eq!(told, Proof::Wrong, "another person");
    assert_eq!(factors.codes_left("p6").await.unwrap(), CODES - 1);
    let id = factors.list("p6").await.unwrap()[0].id.clone();
    factors.remove("p6", &id).await.unwrap();
    assert_eq!(
        factors.codes_left("p6").await.unwrap(),
        0,
        "with the last factor"
    );
}

async fn remembers_when_it_was_first_asked(factors: &dyn Factors) {
    assert_eq!(factors.first_asked("p7", at(0)).await.unwrap(), at(0));
    assert_eq!(factors.first_asked("p7", at(99)).await.unwrap(), at(0));
    // Wrong codes came first here.
    assert_eq!(factors.first_asked("p1", at(5)).await.unwrap(), at(5));
}
