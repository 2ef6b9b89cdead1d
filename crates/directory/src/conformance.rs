//! What every directory must do. Each back end runs this suite; a new one runs it first.

use crate::{Attempt, Delegation, Directory, Fault, NewAccount, Person, Post, Realm};

pub(crate) fn account(realm: Realm, login: &str) -> NewAccount {
    NewAccount {
        person: Person {
            id: String::new(),
            realm,
            login: login.to_owned(),
            title: "Mme".to_owned(),
            given_name: "Zoé".to_owned(),
            surname: "D'Été & fils".to_owned(),
            mail: Some(format!("{login}@ac-demo.example")),
            posts: vec![Post {
                function: "enseignant_1d".to_owned(),
                uai: "0590121L".to_owned(),
                place: "École".to_owned(),
            }],
            delegations: vec![Delegation {
                application: "onde".to_owned(),
                from: chrono::NaiveDate::from_ymd_opt(2026, 9, 1).unwrap(),
                until: chrono::NaiveDate::from_ymd_opt(2027, 8, 31).unwrap(),
            }],
            groups: vec!["G".to_owned()],
            roles: vec![],
            second_factor: "none".to_owned(),
        },
        password: "Correct-horse-42".to_owned(),
        numen: None,
        birth_date: None,
    }
}

pub(crate) async fn all(directory: &Directory) {
    keeps_and_finds(directory).await;
    says_the_same_to_everybody_it_refuses(directory).await;
    realms_are_apart(directory).await;
    replaces_without_changing_the_person(directory).await;
    refuses_what_is_unfit(directory).await;
    directory.accounts.ready().await.unwrap();
}

async fn keeps_and_finds(directory: &Directory) {
    let kept = directory
        .accounts
        .keep(account(Realm::Personnel, "zdete"))
        .await
        .unwrap();
    assert_eq!(kept.id.len(), 26);
    for login in [
        "zdete",
        " ZDETE ",
        "zdete@ac-demo.example",
        "ZDete@AC-demo.example",
    ] {
        let found = directory
            .accounts
            .find(Realm::Personnel, login)
            .await
            .unwrap();
        assert_eq!(found.as_ref(), Some(&kept), "{login}");
        let attempt = directory
            .passwords
            .verify(Realm::Personnel, login, "Correct-horse-42")
            .await;
        assert_eq!(
            attempt.unwrap(),
            Attempt::Welcome(Box::new(kept.clone())),
            "{login}"
        );
    }
    assert_eq!(
        directory.accounts.person(&kept.id).await.unwrap(),
        Some(kept.clone())
    );
    assert_eq!(directory.accounts.person("nobody").await.unwrap(), None);
    assert_eq!(
        directory.accounts.list(Realm::Personnel).await.unwrap(),
        [kept]
    );
}

async fn says_the_same_to_everybody_it_refuses(directory: &Directory) {
    let long = "x".repeat(5000);
    for (login, password) in [
        ("zdete", "wrong"),
        ("zdete", ""),
        ("zdete", "correct-horse-42"),
        ("zdete", "Correct-horse-42 "),
        ("zdete", long.as_str()),
        ("nobody", "Correct-horse-42"),
        ("nobody", "nobody knows this one"),
        ("' OR 1=1 --", "x"),
        ("", ""),
    ] {
        let attempt = directory
            .passwords
            .verify(Realm::Personnel, login, password)
            .await
            .unwrap();
        assert_eq!(attempt, Attempt::Refused, "{login} {password}");
    }
    assert!(
        directory
            .accounts
            .set_enabled(Realm::Personnel, "zdete", false)
            .await
            .unwrap()
    );
    let verify = |password| {
        directory
            .passwords
            .verify(Realm::Personnel, "zdete", password)
    };
    assert_eq!(verify("Correct-horse-42").await.unwrap(), Attempt::Disabled);
    assert_eq!(verify("wrong").await.unwrap(), Attempt::Refused);
    assert_eq!(
        directory
            .accounts
            .find(Realm::Personnel, "zdete")
            .await
            .unwrap(),
        None
    );
    assert!(
        directory
            .accounts
            .set_enabled(Realm::Personnel, "zdete", true)
            .await
            .unwrap()
    );
    assert!(
        !directory
            .accounts
            .set_enabled(Realm::Personnel, "nobody", true)
            .await
            .unwrap()
    );
}

async fn realms_are_apart(directory: &Directory) {
    let attempt = directory
        .passwords
        .verify(Realm::Eleve, "zdete", "Correct-horse-42")
        .await
        .unwrap();
    assert_eq!(attempt, Attempt::Refused);
    let mut pupil = account(Realm::Eleve, "zdete");
    pupil.password = "Another-one-77".to_owned();
    directory.accounts.keep(pupil).await.unwrap();
    for (realm, password) in [
        (Realm::Personnel, "Correct-horse-42"),
        (Realm::Eleve, "Another-one-77"),
    ] {
        let attempt = directory
            .passwords
            .verify(realm, "zdete", password)
            .await
            .unwrap();
        assert!(matches!(attempt, Attempt::Welcome(person) if person.realm == realm));
    }
}

async fn replaces_without_changing_the_person(directory: &Directory) {
    let before = directory
        .accounts
        .find(Realm::Personnel, "zdete")
        .await
        .unwrap()
        .unwrap();
    let mut next = account(Realm::Personnel, "zdete");
    next.person.surname = "Autre".to_owned();
    next.password = "New-password-8".to_owned();
    let after = directory.accounts.keep(next).await.unwrap();
    assert_eq!(after.id, before.id, "who a person is outlives an import");
    assert_eq!(after.surname, "Autre");
    assert!(
        directory
            .passwords
            .set(Realm::Personnel, "zdete", "Third-password-9")
            .await
            .unwrap()
    );
    assert!(
        !directory
            .passwords
            .set(Realm::Personnel, "nobody", "x")
            .await
            .unwrap()
    );
    let verify = |password| {
        directory
            .passwords
            .verify(Realm::Personnel, "zdete", password)
    };
    assert_eq!(verify("New-password-8").await.unwrap(), Attempt::Refused);
    assert!(matches!(
        verify("Third-password-9").await.unwrap(),
        Attempt::Welcome(_)
    ));
}

async fn refuses_what_is_unfit(directory: &Directory) {
    let unfit = |change: fn(&mut NewAccount)| {
        let mut candidate = account(Realm::Personnel, "other");
        change(&mut candidate);
        directory.accounts.keep(candidate)
    };
    for refused in [
        unfit(|a| a.person.login = "A B".to_owned()).await,
        unfit(|a| a.person.login = String::new()).await,
        unfit(|a| a.person.posts[0].uai = "0590121A".to_owned()).await,
        unfit(|a| a.numen = Some("bad".to_owned())).await,
        unfit(|a| a.person.second_factor = "maybe".to_owned()).await,
        unfit(|a| a.password = String::new()).await,
        unfit(|a| a.person.mail = Some("zdete@ac-demo.example".to_owned())).await,
    ] {
        assert!(matches!(refused, Err(Fault::Unfit { .. })), "{refused:?}");
    }
}
