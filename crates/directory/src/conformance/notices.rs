use chrono::{DateTime, TimeDelta, Utc};

use super::account;
use crate::notices::{KEPT, Notice, What};
use crate::{Directory, Fault, Post, Realm};

fn at(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_790_000_000_000 + millis).unwrap()
}

pub(super) async fn all(directory: &Directory) {
    tells_in_order_and_forgets(directory).await;
    places_without_touching_the_rest(directory).await;
}

async fn tells_in_order_and_forgets(directory: &Directory) {
    let kept = directory.accounts.keep(account(Realm::Eleve, "told"));
    let person = kept.await.unwrap();
    let notices = &directory.notices;
    let since = async |number| {
        let found = notices.since(number, at(0) - KEPT).await.unwrap();
        found.into_iter().unzip::<_, _, Vec<i64>, Vec<Notice>>()
    };
    let before = since(0).await.0.last().copied().unwrap_or_default();
    let whats = [
        What::Disabled,
        What::Password,
        What::Left,
        What::Unlocked,
        What::Changed,
    ];
    let mut told = Vec::new();
    for (number, what) in (0..).zip(whats) {
        let spared = (what == What::Password).then(|| "_index".to_owned());
        // A clock that goes back reorders nothing.
        let mut notice = Notice::of(&person, what, at(7 - number)).sparing(spared);
        if what == What::Left {
            notice = notice.only("_index".to_owned());
        }
        notices.tell(&notice).await.unwrap();
        told.push(notice);
    }
    let (numbers, found) = since(before).await;
    assert_eq!(found, told);
    assert_eq!(since(numbers[2]).await.1, told[3..]);
    assert_eq!(since(numbers[4]).await.1, []);
    assert_eq!(notices.since(before, at(7)).await.unwrap().len(), 1);
    // What no session can be concerned by any more goes.
    let late = Notice::of(&person, What::Changed, at(6) + KEPT);
    notices.tell(&late).await.unwrap();
    assert_eq!(
        since(before).await.1,
        [told[0].clone(), told[1].clone(), late.clone()]
    );
    let last = Notice::of(&person, What::Changed, late.at + TimeDelta::hours(1));
    notices.tell(&last).await.unwrap();
    let (again, found) = since(before).await;
    assert_eq!(found, [late, last]);
    assert!(again[0] > numbers[4], "a number is never given twice");
}

async fn places_without_touching_the_rest(directory: &Directory) {
    let kept = directory.accounts.keep(account(Realm::Personnel, "placed"));
    let mut person = kept.await.unwrap();
    let accounts = &directory.accounts;
    person.posts = vec![Post {
        function: "directeur_ecole".to_owned(),
        uai: "0590258K".to_owned(),
        place: "École Pasteur".to_owned(),
    }];
    person.roles = vec!["assistance".to_owned()];
    assert!(accounts.place(&person).await.unwrap());
    let found = accounts.person(&person.id).await.unwrap();
    assert_eq!(found.as_ref(), Some(&person));
    let attempt = directory
        .passwords
        .verify(Realm::Personnel, "placed", "Correct-horse-42");
    assert!(
        matches!(attempt.await.unwrap(), crate::Attempt::Welcome(_)),
        "the password is what it was"
    );
    for unfit in [
        |person: &mut crate::Person| person.roles.push("king".to_owned()),
        |person: &mut crate::Person| person.posts[0].uai.push('x'),
        |person: &mut crate::Person| person.posts[0].function.clear(),
    ] {
        let mut changed = person.clone();
        unfit(&mut changed);
        let told = accounts.place(&changed).await.unwrap_err();
        assert!(matches!(told, Fault::Unfit { .. }), "{told}");
    }
    person.id = "nobody".to_owned();
    assert!(!accounts.place(&person).await.unwrap());
}
