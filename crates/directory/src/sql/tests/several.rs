//! What is true of every database: the whole conformance suite, migrations from each earlier release,
//! several processes at once; and what only a server does: it goes away and comes back.

use visits::postgres::Postgres;

use super::*;
use crate::sql::migrations::{POSTGRES, SQLITE, forward};

fn reached(server: &Postgres) -> Server {
    Server {
        url: server.url("localhost"),
        tls: true,
        authorities: Some(server.certificate()),
        connections: 8,
    }
}

async fn on(server: &Postgres) -> Directory {
    let opened = postgres(&reached(server), false, KEYS, CHEAP, dice()).await;
    opened.unwrap()
}

/// A database of its own on a server that is shared.
fn own(server: &Postgres, name: &str) -> Server {
    server.create(name);
    let mut reached = reached(server);
    let (host, _) = reached.url.rsplit_once('/').unwrap();
    reached.url = format!("{host}/{name}");
    reached
}

#[tokio::test(flavor = "multi_thread")]
async fn a01_o05_postgresql_conforms_and_comes_back() {
    let mut server = Postgres::start();
    // Four that start at once on nothing: one makes it, the others wait.
    let (one, two, _, _) = tokio::join!(on(&server), on(&server), on(&server), on(&server));
    crate::conformance::all(&one).await;
    numbers_are_read_in_order(&one, &two).await;
    one_code_is_taken_once(&one, &two).await;
    no_nul_stops_a_statement(&one).await;
    every_earlier_version_is_brought_forward(&server).await;
    refuses_who_is_not_the_server(&server).await;
    // Gone: told within seconds; back: used at once, by the same pool.
    server.stop();
    let started = Instant::now();
    for _ in 0..2 {
        let told = one.accounts.find(Realm::Personnel, "zdete").await;
        assert!(matches!(told, Err(Fault::Away(_))), "{told:?}");
        assert!(one.accounts.ready().await.is_err());
    }
    assert!(started.elapsed() < Duration::from_secs(30));
    server.go();
    let found = two.accounts.find(Realm::Personnel, "zdete").await.unwrap();
    assert!(found.is_some());
    one.accounts.ready().await.unwrap();
    // A connection that was used and is dead now.
    server.stop();
    server.go();
    one.accounts.ready().await.unwrap();
    let connections = one.accounts.connections();
    assert!((1..=8).contains(&connections.open), "{connections:?}");
    assert!(connections.busy <= connections.open, "{connections:?}");
}

/// Nobody reads a notice before those with lower numbers are there to be read.
async fn numbers_are_read_in_order(one: &Directory, two: &Directory) {
    use crate::notices::{Notice, What};
    let person = account(Realm::Personnel, "noted").person;
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let tellers: Vec<_> = (0..8)
        .map(|n| {
            let directory = if n % 2 == 0 { one.clone() } else { two.clone() };
            let person = person.clone();
            tokio::spawn(async move {
                for _ in 0..20 {
                    let notice = Notice::of(&person, What::Changed, now);
                    directory.notices.tell(&notice).await.unwrap();
                }
            })
        })
        .collect();
    let (mut last, mut read) = (0, 0);
    while read < 160 {
        for (number, notice) in one.notices.since(last, now).await.unwrap() {
            assert!(number > last);
            last = number;
            read += usize::from(notice.what == What::Changed && notice.at == now);
        }
        let over = tellers.iter().all(tokio::task::JoinHandle::is_finished);
        let rest = one.notices.since(last, now).await.unwrap().len();
        assert!(!over || rest + read >= 160, "{read} read, {rest} left");
    }
}

/// Of two processes that are shown the same code, one takes it.
async fn one_code_is_taken_once(one: &Directory, two: &Directory) {
    let person = one.accounts.keep(account(Realm::Personnel, "raced"));
    let person = person.await.unwrap().id;
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let codes = one.factors.renew_codes(&person).await.unwrap();
    let worth = chrono::TimeDelta::minutes(1);
    for code in codes {
        let single = one.recovery.give_code(&person, worth, now).await.unwrap();
        let (first, second, third, fourth) = tokio::join!(
            one.factors.prove(&person, &code, now),
            two.factors.prove(&person, &code, now),
            one.recovery.take_code(&person, &single, now),
            two.recovery.take_code(&person, &single, now),
        );
        let right = [first.unwrap(), second.unwrap()];
        let right = right
            .iter()
            .filter(|proof| matches!(proof, crate::factors::Proof::Right(_)));
        assert_eq!(right.count(), 1);
        assert!(third.unwrap() ^ fourth.unwrap());
        one.factors.excuse(&person).await.unwrap();
    }
}

/// PostgreSQL keeps no NUL: what holds one is unknown, as anywhere.
async fn no_nul_stops_a_statement(directory: &Directory) {
    let accounts = &directory.accounts;
    for text in ["zdete\0", "\0", "\u{fffd}", "';DROP TABLE account;--\0"] {
        assert_eq!(accounts.find(Realm::Personnel, text).await.unwrap(), None);
        assert_eq!(accounts.person(text).await.unwrap(), None);
        let told = directory.releases.told(text, text).await;
        assert_eq!(told.unwrap(), None);
        let left = directory.factors.codes_left(text).await;
        assert_eq!(left.unwrap(), 0);
    }
    assert!(!accounts.list(Realm::Personnel).await.unwrap().is_empty());
}

async fn refuses_who_is_not_the_server(server: &Postgres) {
    let other = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(other.path(), server.other_certificate()).unwrap();
    let mut impostor = reached(server);
    impostor.authorities = Some(other.path().to_owned());
    let mut elsewhere = reached(server);
    elsewhere.url = server.url("127.0.0.2");
    let mut no_password = reached(server);
    no_password.url = no_password.url.replace("correct-horse", "wrong");
    for server in [impostor, elsewhere, no_password] {
        let told = postgres(&server, true, KEYS, CHEAP, dice())
            .await
            .err()
            .unwrap();
        assert!(matches!(told, Fault::Away(_)), "{told}");
        assert!(!told.to_string().contains("correct-horse"), "{told}");
    }
}

#[tokio::test]
async fn o06_sqlite_is_brought_forward_from_every_earlier_version() {
    let folder = tempfile::tempdir().unwrap();
    for version in 0..=SQLITE.len() {
        let path = folder.path().join(format!("{version}.db"));
        let database = super::super::sqlite::open(&path).await.unwrap();
        brought_forward(database, &SQLITE[..version]).await;
    }
}

async fn every_earlier_version_is_brought_forward(server: &Postgres) {
    for version in 0..=POSTGRES.len() {
        let server = own(server, &format!("version{version}"));
        let database = super::super::postgres::open(&server, false).await.unwrap();
        brought_forward(database, &POSTGRES[..version]).await;
    }
}

/// A database of a release that knew `until` of these, with an account in it: brought forward it keeps
/// the account and is as good as a new one; a release before is refused it.
async fn brought_forward(database: Database, until: &[&'static str]) {
    forward(&database, until).await.unwrap();
    if !until.is_empty() {
        let kept = query(
            "INSERT INTO account (id, realm, login, title, given_name, surname, posts, \
             delegations, groups, roles, second_factor, enabled, password) VALUES \
             ('of-before', 'parent', 'of.before', '', 'Ada', 'Before', '[]', '[]', '[]', '[]', \
             'none', 1, 'no hash')",
        );
        kept.execute(&database).await.unwrap();
    }
    let opened = super::super::directory(database.clone(), KEYS, CHEAP, dice()).await;
    let opened = opened.unwrap();
    let found = opened.accounts.find(Realm::Parent, "of.before").await;
    assert_eq!(found.unwrap().is_some(), !until.is_empty());
    if !until.is_empty() {
        let gone = query("DELETE FROM account").execute(&database);
        assert_eq!(gone.await.unwrap(), 1);
    }
    // The suite costs seconds: the oldest and the newest.
    if until.len() <= 1 {
        crate::conformance::all(&opened).await;
    }
    let all = match &database {
        Database::Sqlite(_) => SQLITE,
        Database::Postgres(..) => POSTGRES,
    };
    let before = &all[..all.len() - 1];
    let refused = forward(&database, before).await.unwrap_err();
    assert!(refused.to_string().contains("later release"), "{refused}");
}
