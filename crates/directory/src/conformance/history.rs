use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::account;
use crate::history::{AT_MOST, KEPT, SignIn, What, Whose};
use crate::{Directory, Realm};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
}

fn line(seconds: i64, what: What) -> SignIn {
    SignIn {
        at: at(seconds),
        what,
        address: "203.0.113.7".to_owned(),
        device: "Firefox, Linux".to_owned(),
        service: (seconds % 2 == 0).then(|| "https://sp.example".to_owned()),
    }
}

/// The lines of a person once they are as wanted.
async fn written(
    directory: &Directory,
    person: &str,
    holds: impl Fn(&[SignIn]) -> bool,
) -> Vec<SignIn> {
    let mut lines = Vec::new();
    for _ in 0..1000 {
        lines = directory.history.list(person, at(0)).await.unwrap();
        if holds(&lines) {
            return lines;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never written: {} lines", lines.len());
}

pub(super) async fn all(directory: &Directory) {
    let kept = directory.accounts.keep(account(Realm::Eleve, "watched"));
    let person = kept.await.unwrap().id;
    let other = directory.accounts.keep(account(Realm::Parent, "watched"));
    let other = other.await.unwrap().id;
    let history = &directory.history;
    // What was noted is there soon, in order of time, and nobody else's.
    history.note(Whose::Person(person.clone()), line(1, What::Password));
    for login in [" WATCHED ", "watched@ac-demo.example"] {
        let whose = Whose::Login(Realm::Eleve, login.to_owned());
        history.note(whose, line(2, What::Refused));
    }
    for login in ["nobody", "", "%"] {
        let whose = Whose::Login(Realm::Eleve, login.to_owned());
        history.note(whose, line(3, What::Refused));
    }
    history.note(Whose::Person(person.clone()), line(0, What::Second));
    let refused = line(2, What::Refused);
    let expected = [
        refused.clone(),
        refused,
        line(1, What::Password),
        line(0, What::Second),
    ];
    let lines = written(directory, &person, |lines| lines.len() == 4).await;
    assert_eq!(lines, expected);
    assert!(history.list(&other, at(0)).await.unwrap().is_empty());
    // Whoever guesses all night drives no sign-in out.
    let most = i64::from(AT_MOST);
    for number in 0..most + 20 {
        let whose = Whose::Login(Realm::Eleve, "watched".to_owned());
        history.note(whose, line(10 + number, What::SecondRefused));
    }
    let last = at(10 + most + 19);
    let is_done = |lines: &[SignIn]| lines.first().is_some_and(|line| line.at == last);
    let lines = written(directory, &person, is_done).await;
    let many = usize::try_from(most).unwrap();
    assert_eq!(lines.len(), many + 2);
    assert_eq!(lines[many..], expected[2..]);
    // After a year it is not shown, and soon not there.
    let late = at(1) + KEPT;
    assert_eq!(history.list(&person, late).await.unwrap().len(), many + 1);
    let now = late + TimeDelta::days(1);
    assert!(history.list(&person, now).await.unwrap().is_empty());
    let line = SignIn {
        at: now,
        ..line(0, What::Password)
    };
    history.note(Whose::Person(other), line);
    written(directory, &person, <[SignIn]>::is_empty).await;
}
