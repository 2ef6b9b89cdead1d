//! What every directory must do. Each back end runs this suite; a new one runs it first.

mod agreements;
mod factors;
mod history;
mod notices;
mod passkeys;
mod places;
mod recovery;
mod releases;
mod tokens;

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
        recovery: None,
    }
}

pub(crate) async fn all(directory: &Directory) {
    keeps_and_finds(directory).await;
    says_the_same_to_everybody_it_refuses(directory).await;
    tells_who_is_disabled_to_who_knows_the_password(directory).await;
    realms_are_apart(directory).await;
    replaces_without_changing_the_person(directory).await;
    passwords_are_the_bytes_that_were_typed(directory).await;
    who_is_disabled_stays_so(directory).await;
    keeps_what_is_written_in_one_way(directory).await;
    refuses_what_is_unfit(directory).await;
    one_account_has_a_mail_or_a_numen(directory).await;
    lists_by_login(directory).await;
    finds_people_by_parts_of_their_names(directory).await;
    releases::all(directory).await;
    recovery::all(directory).await;
    factors::all(directory).await;
    notices::all(directory).await;
    history::all(directory).await;
    agreements::all(directory).await;
    passkeys::all(directory).await;
    places::all(directory).await;
    tokens::all(directory).await;
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
        ("%", "Correct-horse-42"),
        ("zdet_", "Correct-horse-42"),
        ("zdete@", "Correct-horse-42"),
        ("@ac-demo.example", "Correct-horse-42"),
        ("zdete\0", "Correct-horse-42"),
        (long.as_str(), "Correct-horse-42"),
        ("", ""),
    ] {
        let attempt = directory
            .passwords
            .verify(Realm::Personnel, login, password)
            .await
            .unwrap();
        assert_eq!(attempt, Attempt::Refused, "{login} {password}");
    }
}

async fn tells_who_is_disabled_to_who_knows_the_password(directory: &Directory) {
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

async fn passwords_are_the_bytes_that_were_typed(directory: &Directory) {
    let passwords = &directory.passwords;
    let verify = |password: String| async move {
        let attempt = passwords.verify(Realm::Partenaire, "typed", &password);
        matches!(attempt.await.unwrap(), Attempt::Welcome(_))
    };
    let longest = "é".repeat(512);
    for password in [" space around ", "é\u{0}\t", "🔑", longest.as_str()] {
        let mut typed = account(Realm::Partenaire, "typed");
        password.clone_into(&mut typed.password);
        directory.accounts.keep(typed).await.unwrap();
        assert!(verify(password.to_owned()).await, "{password:?}");
        assert!(!verify(format!("{password}x")).await, "{password:?}");
        let cut = password.chars().skip(1).collect();
        assert!(!verify(cut).await, "{password:?}");
    }
    let set = |password: String| async move {
        passwords.set(Realm::Partenaire, "typed", &password).await
    };
    assert!(set(" a ".to_owned()).await.unwrap());
    assert!(!verify("a".to_owned()).await, "spaces count");
    assert!(set("e\u{301}".to_owned()).await.unwrap());
    assert!(!verify("\u{e9}".to_owned()).await, "no normalisation");
    for unfit in [String::new(), format!("{longest}x")] {
        assert!(matches!(set(unfit).await, Err(Fault::Unfit { .. })));
    }
}

async fn who_is_disabled_stays_so(directory: &Directory) {
    let enabled = |login| directory.accounts.enabled(Realm::Parent, login);
    assert_eq!(enabled("off").await.unwrap(), None);
    let kept = directory
        .accounts
        .keep(account(Realm::Parent, "off"))
        .await
        .unwrap();
    assert_eq!(enabled("OFF@ac-demo.example").await.unwrap(), Some(true));
    let disable = directory
        .accounts
        .set_enabled(Realm::Parent, " Off ", false);
    assert!(disable.await.unwrap());
    directory
        .accounts
        .keep(account(Realm::Parent, "off"))
        .await
        .unwrap();
    assert_eq!(
        enabled("off").await.unwrap(),
        Some(false),
        "an import enables nobody who was disabled"
    );
    assert_eq!(directory.accounts.person(&kept.id).await.unwrap(), None);
    let listed = directory.accounts.list(Realm::Parent).await.unwrap();
    assert_eq!(listed, [kept], "the list holds everybody");
}

async fn keeps_what_is_written_in_one_way(directory: &Directory) {
    let mut loud = account(Realm::Eleve, "loud");
    loud.person.mail = Some(" Loud.Name@AC-Demo.Example ".to_owned());
    loud.person.posts[0].uai = "0590121l".to_owned();
    let kept = directory.accounts.keep(loud).await.unwrap();
    assert_eq!(kept.mail.as_deref(), Some("loud.name@ac-demo.example"));
    assert_eq!(kept.posts[0].uai, "0590121L");
    let by_mail = directory
        .accounts
        .find(Realm::Eleve, "LOUD.NAME@ac-demo.example ");
    assert_eq!(by_mail.await.unwrap(), Some(kept));
    let mut silent = account(Realm::Eleve, "silent");
    silent.person.mail = Some("  ".to_owned());
    silent.person.posts.clear();
    let kept = directory.accounts.keep(silent).await.unwrap();
    assert_eq!(kept.mail, None);
}

async fn one_account_has_a_mail_or_a_numen(directory: &Directory) {
    let mut first = account(Realm::Personnel, "first");
    first.numen = Some("09X7654321ABC".to_owned());
    directory.accounts.keep(first).await.unwrap();
    let mut second = account(Realm::Personnel, "second");
    second.numen = Some(" 09X7654321ABC ".to_owned());
    let told = directory.accounts.keep(second).await.unwrap_err();
    let told = told.to_string();
    assert!(
        told.contains("another account has this mail or NUMEN"),
        "{told}"
    );
    assert!(!told.contains("7654321"), "{told}");
    let mut again = account(Realm::Personnel, "first");
    again.numen = Some("09X7654321ABC".to_owned());
    directory.accounts.keep(again).await.unwrap();
}

async fn lists_by_login(directory: &Directory) {
    for login in ["m", "a", "z9"] {
        let kept = directory.accounts.keep(account(Realm::Partenaire, login));
        kept.await.unwrap();
    }
    let listed = directory.accounts.list(Realm::Partenaire).await.unwrap();
    let logins: Vec<_> = listed.iter().map(|person| person.login.as_str()).collect();
    assert_eq!(logins, ["a", "m", "typed", "z9"]);
}

async fn refuses_what_is_unfit(directory: &Directory) {
    type Change = fn(&mut NewAccount);
    let before = directory.accounts.list(Realm::Personnel).await.unwrap();
    let changes: [(Change, &str); 20] = [
        (|a| a.person.login = "A B".to_owned(), "login"),
        (|a| a.person.login = String::new(), "login"),
        (|a| a.person.login = "a@b".to_owned(), "login"),
        (|a| a.person.login = "x".repeat(65), "login"),
        (|a| a.person.surname = String::new(), "surname"),
        (
            |a| a.person.given_name = "a\u{1}b".to_owned(),
            "not to be seen",
        ),
        (
            |a| a.person.surname = "\u{ffff}".to_owned(),
            "not to be seen",
        ),
        (|a| a.person.surname = "x".repeat(257), "longer than 256"),
        (|a| a.person.mail = Some("a@b@c".to_owned()), "mail"),
        (|a| a.person.mail = Some("a b@c".to_owned()), "mail"),
        (|a| a.person.mail = Some("zdete".to_owned()), "mail"),
        (|a| a.person.posts[0].uai = "0590121A".to_owned(), "UAI"),
        (|a| a.person.posts[0].function = String::new(), "function"),
        (
            |a| a.person.delegations[0].until = chrono::NaiveDate::MIN,
            "ends on",
        ),
        (
            |a| a.person.delegations[0].application = "a b".to_owned(),
            "application",
        ),
        (|a| a.person.roles = vec!["king".to_owned()], "role"),
        (
            |a| a.person.second_factor = "maybe".to_owned(),
            "second factor",
        ),
        (|a| a.numen = Some("bad".to_owned()), "NUMEN"),
        (|a| a.recovery = Some("bad".to_owned()), "recovery"),
        (|a| a.password = String::new(), "password"),
    ];
    for (change, told) in changes {
        let mut candidate = account(Realm::Personnel, "other");
        change(&mut candidate);
        let refused = directory.accounts.keep(candidate).await.unwrap_err();
        assert!(matches!(refused, Fault::Unfit { .. }), "{refused}");
        assert!(refused.to_string().contains(told), "{told}: {refused}");
    }
    let mut all_wrong = account(Realm::Personnel, "other");
    for (change, _) in changes {
        change(&mut all_wrong);
    }
    let refused = directory.accounts.keep(all_wrong).await.unwrap_err();
    assert!(refused.to_string().matches("; ").count() >= 10, "{refused}");
    let mut same_mail = account(Realm::Personnel, "other");
    same_mail.person.mail = Some("ZDETE@ac-demo.example".to_owned());
    let refused = directory.accounts.keep(same_mail).await.unwrap_err();
    assert!(matches!(refused, Fault::Unfit { .. }), "{refused}");
    let after = directory.accounts.list(Realm::Personnel).await.unwrap();
    assert_eq!(after, before, "nothing of it was kept");
}

async fn finds_people_by_parts_of_their_names(directory: &Directory) {
    let mut known = account(Realm::Eleve, "sought.1");
    known.person.given_name = "Hélène".to_owned();
    known.person.surname = "Œuvray-Nuñez".to_owned();
    let mut shut = account(Realm::Parent, "sought.2");
    shut.person.surname = "Œuvray".to_owned();
    shut.person.posts[0].uai = "0590258K".to_owned();
    let known = directory.accounts.keep(known).await.unwrap();
    directory.accounts.keep(shut).await.unwrap();
    let accounts = &directory.accounts;
    let disabled = accounts.set_enabled(Realm::Parent, "sought.2", false);
    assert!(disabled.await.unwrap());
    let here = vec!["0590121L".to_owned()];
    let elsewhere = vec!["0590258K".to_owned(), "0160053W".to_owned()];
    for text in [
        "oeuvray",
        "HELENE nunez",
        " sought.1 ",
        "œuvray hél",
        "sought.1@ac-demo",
    ] {
        let found = accounts.search(text, None, 9).await.unwrap();
        assert_eq!(found, std::slice::from_ref(&known), "{text}");
        assert_eq!(
            accounts.search(text, Some(&here), 9).await.unwrap().len(),
            1
        );
        assert_eq!(
            accounts.search(text, Some(&elsewhere), 9).await.unwrap(),
            []
        );
        assert_eq!(accounts.search(text, Some(&[]), 9).await.unwrap(), []);
    }
    for text in ["", " - ", "helene zzz", "%", "' OR 1=1 --"] {
        assert_eq!(accounts.search(text, None, 9).await.unwrap(), [], "{text}");
    }
    assert_eq!(accounts.search("z", None, 2).await.unwrap().len(), 2);
}
