use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::account;
use crate::identifiers::Numen;
use crate::recovery::{AT_ONCE, Claim, HANDED_OVER, SENT};
use crate::{Directory, Fault, Realm};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn claim(numen: &str, surname: &str, born: &str) -> Claim {
    Claim {
        numen: Numen::parse(numen).unwrap(),
        surname: surname.to_owned(),
        birth_date: day(born),
    }
}

pub(super) async fn all(directory: &Directory) {
    recognises_who_says_all_three(directory).await;
    reaches_people_where_they_said(directory).await;
    takes_a_code_once_from_whom_it_was_given(directory).await;
    keeps_a_few_codes(directory).await;
    knows_the_passwords_of_before(directory).await;
    knows_whose_password_was_given(directory).await;
    knows_a_birth_date_when_it_sees_it(directory).await;
}

async fn recognises_who_says_all_three(directory: &Directory) {
    let mut known = account(Realm::Personnel, "lost");
    known.person.surname = "Dé Lérue-Œil".to_owned();
    known.numen = Some("09X0000001AAA".to_owned());
    known.birth_date = Some(day("1964-01-10"));
    let mut without = account(Realm::Personnel, "undated");
    without.numen = Some("09X0000002AAA".to_owned());
    let known = directory.accounts.keep(known).await.unwrap();
    let undated = directory.accounts.keep(without).await.unwrap();
    let recovery = &directory.recovery;
    for name in [
        "Dé Lérue-Œil",
        "DE LERUE OEIL",
        " de-lerue-oeil ",
        "delerueoeil",
    ] {
        let claim = claim("09X0000001AAA", name, "1964-01-10");
        let found = recovery.recognise(&claim).await.unwrap();
        assert_eq!(found.as_ref(), Some(&known), "{name}");
    }
    for (numen, name, born) in [
        ("09X0000001AAB", "Dé Lérue-Œil", "1964-01-10"),
        ("09X0000001AAA", "Dé Lérue", "1964-01-10"),
        ("09X0000001AAA", "", "1964-01-10"),
        ("09X0000001AAA", "Dé Lérue-Œil", "1964-10-01"),
        ("09X0000001AAA", "nobody", "1964-01-10"),
        ("09X0000009AAA", "nobody", "1964-01-10"),
        ("09X0000002AAA", undated.surname.as_str(), "1964-01-10"),
    ] {
        let found = recovery.recognise(&claim(numen, name, born)).await;
        assert_eq!(found.unwrap(), None, "{numen} {name} {born}");
    }
    let accounts = &directory.accounts;
    let shut = accounts.set_enabled(Realm::Personnel, "lost", false);
    assert!(shut.await.unwrap());
    let whole = claim("09X0000001AAA", "Dé Lérue-Œil", "1964-01-10");
    assert_eq!(recovery.recognise(&whole).await.unwrap(), None, "disabled");
    let open = accounts.set_enabled(Realm::Personnel, "lost", true);
    assert!(open.await.unwrap());
}

async fn reaches_people_where_they_said(directory: &Directory) {
    let recovery = &directory.recovery;
    let mut account = account(Realm::Parent, "reached");
    let kept = directory.accounts.keep(account.clone()).await.unwrap();
    assert_eq!(recovery.contact(&kept.id).await.unwrap(), None);
    account.recovery = Some(" Reached@Perso.example ".to_owned());
    directory.accounts.keep(account.clone()).await.unwrap();
    let reached = Some("reached@perso.example".to_owned());
    assert_eq!(recovery.contact(&kept.id).await.unwrap(), reached);
    // A file that says nothing of it takes nothing away.
    account.recovery = None;
    directory.accounts.keep(account).await.unwrap();
    assert_eq!(recovery.contact(&kept.id).await.unwrap(), reached);
    for bad in ["", "x", "a@b@c", "a b@c", "a@b\r\nBcc: c@d", "<a@b>"] {
        let told = recovery.set_contact(&kept.id, Some(bad)).await;
        assert!(matches!(told, Err(Fault::Unfit { .. })), "{bad}");
    }
    assert_eq!(recovery.contact(&kept.id).await.unwrap(), reached);
    let moved = recovery.set_contact(&kept.id, Some("New@perso.example"));
    moved.await.unwrap();
    let contact = recovery.contact(&kept.id).await.unwrap();
    assert_eq!(contact.as_deref(), Some("new@perso.example"));
    recovery.set_contact(&kept.id, None).await.unwrap();
    assert_eq!(recovery.contact(&kept.id).await.unwrap(), None);
    assert_eq!(recovery.contact("nobody").await.unwrap(), None);
}

async fn takes_a_code_once_from_whom_it_was_given(directory: &Directory) {
    let recovery = &directory.recovery;
    let code = recovery.give_code("r1", SENT, at(0)).await.unwrap();
    assert_eq!(code.len(), 11, "{code}");
    let take = |person: &'static str, typed: String, now| async move {
        recovery.take_code(person, &typed, now).await.unwrap()
    };
    for typed in ["", "AAAAA-AAAAA", &code[..10], "%", "' OR 1=1 --"] {
        assert!(!take("r1", typed.to_owned(), at(1)).await, "{typed}");
    }
    assert!(!take("r2", code.clone(), at(1)).await, "another's");
    assert!(!take("", code.clone(), at(1)).await, "nobody's");
    let end = SENT.num_seconds();
    assert!(!take("r1", code.clone(), at(end)).await, "too late");
    let lower = code.to_lowercase().replace('-', " ");
    assert!(take("r1", lower, at(end - 1)).await);
    assert!(!take("r1", code, at(2)).await, "once");
    // Of two at once, one takes it.
    let desk = recovery.give_code("r1", HANDED_OVER, at(0)).await.unwrap();
    let day = HANDED_OVER.num_seconds() - 1;
    let (one, two) = tokio::join!(
        take("r1", desk.clone(), at(day)),
        take("r1", desk.clone(), at(day)),
    );
    assert!(one ^ two);
    let forgotten = recovery.give_code("r1", SENT, at(0)).await.unwrap();
    recovery.forget_codes("r1").await.unwrap();
    assert!(!take("r1", forgotten, at(1)).await);
}

async fn keeps_a_few_codes(directory: &Directory) {
    let recovery = &directory.recovery;
    let mut codes = Vec::new();
    for second in 0..5 {
        let worth = if second == 4 {
            TimeDelta::minutes(1)
        } else {
            SENT
        };
        codes.push(recovery.give_code("r3", worth, at(second)).await.unwrap());
    }
    let mut taken = Vec::new();
    for code in &codes {
        taken.push(recovery.take_code("r3", code, at(9)).await.unwrap());
    }
    assert_eq!(taken, [false, false, true, true, true]);
    assert_eq!(taken.iter().filter(|is| **is).count(), AT_ONCE);
}

async fn knows_the_passwords_of_before(directory: &Directory) {
    let passwords = &directory.passwords;
    let kept = directory.accounts.keep(account(Realm::Parent, "changes"));
    let id = kept.await.unwrap().id;
    assert_eq!(passwords.last_changed(&id).await.unwrap(), None);
    let first = "Correct-horse-42";
    assert!(passwords.is_past(&id, first, 1).await.unwrap());
    assert!(!passwords.is_past(&id, first, 0).await.unwrap());
    assert!(!passwords.is_past("nobody", first, 3).await.unwrap());
    for (second, new) in [(1, "b"), (2, "c"), (3, "d")] {
        passwords.remember(&id, 3, at(second)).await.unwrap();
        assert!(passwords.set(Realm::Parent, "changes", new).await.unwrap());
        assert_eq!(passwords.last_changed(&id).await.unwrap(), Some(at(second)));
    }
    let mut past = Vec::new();
    for password in [first, "b", "c", "d"] {
        past.push(passwords.is_past(&id, password, 3).await.unwrap());
    }
    assert_eq!(past, [false, true, true, true]);
    assert!(!passwords.is_past(&id, "c", 1).await.unwrap());
}

async fn knows_whose_password_was_given(directory: &Directory) {
    let (passwords, realm) = (&directory.passwords, Realm::Parent);
    let kept = directory.accounts.keep(account(realm, "given"));
    let id = kept.await.unwrap().id;
    let must = async || passwords.must_change(&id).await.unwrap();
    assert!(!must().await && !passwords.must_change("nobody").await.unwrap());
    assert!(passwords.give(realm, "given", "one").await.unwrap());
    assert!(must().await);
    let attempt = passwords.verify(realm, "given", "one").await.unwrap();
    assert!(matches!(attempt, crate::Attempt::Welcome(_)));
    assert!(must().await, "proving it changes nothing");
    assert!(passwords.set(realm, "given", "two").await.unwrap());
    assert!(!must().await);
    passwords.ask_for_change(&id).await.unwrap();
    passwords.ask_for_change("nobody").await.unwrap();
    assert!(must().await);
    assert!(passwords.set(realm, "given", "three").await.unwrap());
    assert!(!must().await);
    assert!(passwords.give(realm, "given", "").await.is_err());
    assert!(!passwords.give(realm, "nobody", "x").await.unwrap());
    assert!(!must().await);
}

async fn knows_a_birth_date_when_it_sees_it(directory: &Directory) {
    let mut born = account(Realm::Parent, "born");
    born.birth_date = Some(day("1979-04-12"));
    let born = directory.accounts.keep(born).await.unwrap();
    let recovery = &directory.recovery;
    let is = |person: String, dates: Vec<NaiveDate>| async move {
        recovery.is_born(&person, &dates).await.unwrap()
    };
    let days = vec![day("1979-12-04"), day("1979-04-12")];
    assert!(is(born.id.clone(), days.clone()).await);
    assert!(!is(born.id.clone(), vec![day("1979-12-04")]).await);
    assert!(!is(born.id, Vec::new()).await);
    assert!(!is("nobody".to_owned(), days).await);
    let counted = |text: &str| recovery.counted(&Numen::parse(text).unwrap()).unwrap();
    let (one, other) = (counted("09X0000001AAA"), counted("09X0000001AAB"));
    assert_ne!(one, other);
    assert_eq!(one, counted("09X0000001AAA"));
    assert!(!one.contains("09X"));
}
