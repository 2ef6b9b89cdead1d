//! Accounts in LDAP trees over a database: two real servers, in order.

use visits::slapd::{SERVICE, Slapd};

use super::*;
use crate::identifiers::Numen;
use crate::recovery::Claim;
use crate::{Attributes, Due, Service, Tree};

/// Of a person: their login, and what else stands in their entry.
fn entry(login: &str, place: &str, more: &str) -> String {
    format!(
        "dn: uid={login},ou={place},dc=demo\nobjectClass: inetOrgPerson\nuid: {login}\n\
         givenName: Ève\nsn: D'{login}\ncn: {login}\nmail: {login}@demo.example\n\
         userPassword: Tree-{login}-42\n{more}\n"
    )
    // A value that is not ASCII is written in base64 (RFC 2849).
    .replace("givenName: Ève", "givenName:: w4h2ZQ==")
}

fn first() -> String {
    let aged = "pwdPolicySubentry: cn=aged,dc=demo\npwdChangedTime: 20200101000000Z\n";
    let graceful = "pwdPolicySubentry: cn=graceful,dc=demo\npwdChangedTime: 20200101000000Z\n";
    let work = "departmentNumber: 0590121L$UAJ$ECOLE JULES FERRY\ndepartmentNumber: none\n\
                employeeType: ENS\nemployeeNumber: 09X7777777ABC\ninitials: 19790412\n";
    [
        entry("anne", "people", work),
        entry("carla", "people", ""),
        entry("given", "people", "pwdReset: TRUE\n"),
        entry("aged", "people", aged),
        entry("graceful", "people", graceful),
        entry("locked", "people", "pwdAccountLockedTime: 000001010000Z\n"),
        entry("twice", "people", ""),
        entry("twice", "others", ""),
        entry("un fit", "people", ""),
    ]
    .join("\n")
}

fn tree(server: &Slapd, name: &str) -> Tree {
    Tree {
        name: name.to_owned(),
        realm: Realm::Personnel,
        url: server.url("localhost"),
        starttls: false,
        authorities: Some(server.certificate()),
        service: Some(Service {
            dn: SERVICE.0.to_owned(),
            password: SERVICE.1.to_owned().into(),
        }),
        base: "dc=demo".to_owned(),
        filter: "(&(objectClass=inetOrgPerson)(|(uid={login})(mail={login})))".to_owned(),
        attributes: Attributes {
            id: "entryUUID".to_owned(),
            login: "uid".to_owned(),
            given_name: "givenName".to_owned(),
            surname: "sn".to_owned(),
            title: String::new(),
            mail: "mail".to_owned(),
            groups: String::new(),
            uais: "departmentNumber".to_owned(),
            functions: "employeeType".to_owned(),
            numen: "employeeNumber".to_owned(),
            birth_date: "initials".to_owned(),
        },
        functions: vec![("ENS".to_owned(), "enseignant_1d".to_owned())],
        timeout: Duration::from_secs(4),
        at_once: 4,
    }
}

async fn tried(directory: &Directory, login: &str, password: &str) -> Attempt {
    let passwords = &directory.passwords;
    let tried = passwords.verify(Realm::Personnel, login, password).await;
    tried.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a01_a02_trees_in_order_over_a_database() {
    let mut one = Slapd::start(&first());
    let second = [entry("anne", "others", ""), entry("bruno", "people", "")].join("\n");
    let two = Slapd::start(&second);
    let folder = tempfile::tempdir().unwrap();
    let own = open(&folder.path().join("people.db"), CHEAP).await;
    let trees = vec![tree(&one, "first"), tree(&two, "second")];
    let directory = own.clone().over(trees).unwrap();
    directory.accounts.ready().await.unwrap();
    // Everything that is true of a database stays so over it, hostile logins among it.
    crate::conformance::all(&directory).await;
    finds_people_where_they_are(&directory).await;
    lets_nobody_write_a_filter(&directory).await;
    tells_what_a_server_says_of_a_password(&directory, &one).await;
    sets_passwords_where_they_are(&directory).await;
    keeps_here_what_a_tree_does_not(&directory).await;
    a_login_goes_and_who_had_it_stays(&directory, &one).await;
    a_server_that_is_away_is_away(&directory, &mut one).await;
    refuses_who_is_not_the_server(&own, &one).await;
}

async fn finds_people_where_they_are(directory: &Directory) {
    let Attempt::Welcome(anne) = tried(directory, " ANNE ", "Tree-anne-42").await else {
        panic!("anne is in the first tree");
    };
    assert_eq!((anne.login.as_str(), anne.id.len()), ("anne", 26));
    assert_eq!(
        (anne.given_name.as_str(), anne.surname.as_str()),
        ("Ève", "D'anne")
    );
    assert_eq!(anne.mail.as_deref(), Some("anne@demo.example"));
    let [post] = anne.posts.as_slice() else {
        panic!("{:?}", anne.posts);
    };
    let post = (
        post.function.as_str(),
        post.uai.as_str(),
        post.place.as_str(),
    );
    assert_eq!(post, ("enseignant_1d", "0590121L", "ECOLE JULES FERRY"));
    let accounts = &directory.accounts;
    for login in ["anne", "Anne@demo.example"] {
        let found = accounts.find(Realm::Personnel, login).await.unwrap();
        assert_eq!(found.as_ref(), Some(&*anne), "{login}");
    }
    assert_eq!(
        accounts.person(&anne.id).await.unwrap(),
        Some(*anne.clone())
    );
    assert_eq!(accounts.find(Realm::Eleve, "anne").await.unwrap(), None);
    // In order: the second tree has an anne too, and is not asked; but it knows bruno.
    let bruno = tried(directory, "bruno", "Tree-bruno-42").await;
    assert!(matches!(bruno, Attempt::Welcome(_)), "{bruno:?}");
    // Whoever has an account here is asked for nowhere else.
    let mut carla = account(Realm::Personnel, "carla");
    carla.person.mail = None;
    directory.accounts.keep(carla).await.unwrap();
    assert_eq!(
        tried(directory, "carla", "Tree-carla-42").await,
        Attempt::Refused
    );
    let here = tried(directory, "carla", "Correct-horse-42").await;
    assert!(matches!(here, Attempt::Welcome(_)), "{here:?}");
}

/// RFC 4515 escapes, RFC 4513 5.1.2: an empty password is no password.
async fn lets_nobody_write_a_filter(directory: &Directory) {
    for login in [
        "*",
        "ann*",
        "anne)(uid=*",
        "*)(objectClass=*",
        "anne))(|(uid=*",
        "anne\\2a",
        "\\61nne",
        "anne\0",
        "(anne)",
        "nobody",
        "uid=anne,ou=people,dc=demo",
        "dc=demo",
        "é",
    ] {
        for password in ["Tree-anne-42", "", "*"] {
            let attempt = tried(directory, login, password).await;
            assert_eq!(attempt, Attempt::Refused, "{login} {password}");
        }
        let found = directory.accounts.find(Realm::Personnel, login).await;
        assert_eq!(found.unwrap(), None, "{login}");
    }
    for password in ["", "wrong", "tree-anne-42", &"x".repeat(5000)] {
        assert_eq!(tried(directory, "anne", password).await, Attempt::Refused);
    }
    // Several entries, or one that cannot be an account: a fault for the operator, never a guess.
    for login in ["twice", "un fit"] {
        let passwords = &directory.passwords;
        let password = format!("Tree-{login}-42");
        let told = passwords.verify(Realm::Personnel, login, &password).await;
        assert!(told.is_err(), "{login}: {told:?}");
    }
}

async fn tells_what_a_server_says_of_a_password(directory: &Directory, server: &Slapd) {
    for (login, due) in [("given", Due::Reset), ("aged", Due::Expired)] {
        let attempt = tried(directory, login, &format!("Tree-{login}-42")).await;
        let told =
            matches!(&attempt, Attempt::Due(person, why) if person.login == login && *why == due);
        assert!(told, "{attempt:?}");
        assert_eq!(tried(directory, login, "wrong").await, Attempt::Refused);
    }
    for left in [2, 1] {
        let attempt = tried(directory, "graceful", "Tree-graceful-42").await;
        let told = matches!(&attempt, Attempt::Due(_, why) if *why == Due::Grace(left));
        assert!(told, "{left}: {attempt:?}");
    }
    assert_eq!(
        tried(directory, "locked", "Tree-locked-42").await,
        Attempt::Locked
    );
    server.change(
        "dn: uid=locked,ou=people,dc=demo\nchangetype: modify\ndelete: pwdAccountLockedTime\n",
    );
    let open = tried(directory, "locked", "Tree-locked-42").await;
    assert!(matches!(open, Attempt::Welcome(_)), "{open:?}");
}

async fn sets_passwords_where_they_are(directory: &Directory) {
    let set = async |login: &str, password: &str| {
        let passwords = &directory.passwords;
        passwords.set(Realm::Personnel, login, password).await
    };
    assert!(!set("nobody", "Long-enough-1").await.unwrap());
    for unfit in ["", "short"] {
        let told = set("given", unfit).await;
        assert!(matches!(told, Err(Fault::Unfit { .. })), "{told:?}");
    }
    // Nothing is left to be changed: who chose it is who it is of.
    for login in ["given", "aged", "graceful"] {
        assert!(set(login, "Chosen-by-them-1").await.unwrap());
        let welcome = tried(directory, login, "Chosen-by-them-1").await;
        assert!(
            matches!(welcome, Attempt::Welcome(_)),
            "{login}: {welcome:?}"
        );
        let old = format!("Tree-{login}-42");
        assert_eq!(tried(directory, login, &old).await, Attempt::Refused);
    }
    let again = set("given", "Chosen-by-them-1").await;
    assert!(matches!(again, Err(Fault::Unfit { .. })), "{again:?}");
}

async fn keeps_here_what_a_tree_does_not(directory: &Directory) {
    let found = directory.accounts.find(Realm::Personnel, "anne").await;
    let anne = found.unwrap().unwrap();
    let claim = Claim {
        numen: Numen::parse("09X7777777ABC").unwrap(),
        surname: "d'ANNE".to_owned(),
        birth_date: chrono::NaiveDate::from_ymd_opt(1979, 4, 12).unwrap(),
    };
    let known = directory.recovery.recognise(&claim).await.unwrap();
    assert_eq!(known.map(|person| person.id), Some(anne.id.clone()));
    assert_eq!(
        directory.factors.renew_codes(&anne.id).await.unwrap().len(),
        10
    );
    let disable = directory
        .accounts
        .set_enabled(Realm::Personnel, "Anne", false);
    assert!(disable.await.unwrap());
    assert_eq!(
        tried(directory, "anne", "Tree-anne-42").await,
        Attempt::Disabled
    );
    assert_eq!(tried(directory, "anne", "wrong").await, Attempt::Refused);
    assert_eq!(directory.accounts.person(&anne.id).await.unwrap(), None);
    let enable = directory
        .accounts
        .set_enabled(Realm::Personnel, "anne", true);
    assert!(enable.await.unwrap());
    let back = directory.accounts.person(&anne.id).await.unwrap();
    assert_eq!(back, Some(anne));
}

/// Who gets a login that another had is not that other.
async fn a_login_goes_and_who_had_it_stays(directory: &Directory, server: &Slapd) {
    let find = async || {
        let found = directory.accounts.find(Realm::Personnel, "locked").await;
        found.unwrap().unwrap()
    };
    let before = find().await;
    server.change(
        "dn: uid=locked,ou=people,dc=demo\nchangetype: modrdn\nnewrdn: uid=renamed\n\
         deleteoldrdn: 1\n",
    );
    server.change(&entry("locked", "others", "").replace(
        "objectClass: inetOrgPerson",
        "changetype: add\nobjectClass: inetOrgPerson",
    ));
    let now = directory
        .accounts
        .person(&before.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (now.id.as_str(), now.login.as_str()),
        (before.id.as_str(), "renamed")
    );
    assert_ne!(find().await.id, before.id);
    server.change("dn: uid=renamed,ou=people,dc=demo\nchangetype: delete\n");
    assert_eq!(directory.accounts.person(&before.id).await.unwrap(), None);
}

async fn a_server_that_is_away_is_away(directory: &Directory, server: &mut Slapd) {
    let away = async || {
        let started = Instant::now();
        let passwords = &directory.passwords;
        for login in ["anne", "bruno", "nobody"] {
            let told = passwords
                .verify(Realm::Personnel, login, "Tree-bruno-42")
                .await;
            assert!(matches!(told, Err(Fault::Away(_))), "{login}: {told:?}");
        }
        let told = directory.accounts.ready().await.unwrap_err().to_string();
        assert!(told.contains("LDAP first"), "{told}");
        assert!(started.elapsed() < Duration::from_secs(40));
        // Who is kept here comes in.
        let here = tried(directory, "carla", "Correct-horse-42").await;
        assert!(matches!(here, Attempt::Welcome(_)), "{here:?}");
    };
    let back = async || {
        let welcome = tried(directory, "anne", "Tree-anne-42").await;
        assert!(matches!(welcome, Attempt::Welcome(_)), "{welcome:?}");
        directory.accounts.ready().await.unwrap();
    };
    server.stop();
    away().await;
    server.go();
    back().await;
    server.freeze(true);
    away().await;
    server.freeze(false);
    back().await;
}

async fn refuses_who_is_not_the_server(own: &Directory, server: &Slapd) {
    let other = tempfile::tempdir().unwrap();
    visits::postgres::make_certificate(other.path());
    let mut impostor = tree(server, "impostor");
    impostor.authorities = Some(other.path().join("proxy.crt"));
    let mut stranger = tree(server, "stranger");
    if let Some(service) = &mut stranger.service {
        service.password = "hidden-word".to_owned().into();
    }
    for tree in [impostor, stranger] {
        let directory = own.clone().over(vec![tree]).unwrap();
        let passwords = &directory.passwords;
        let told = passwords
            .verify(Realm::Personnel, "anne", "Tree-anne-42")
            .await;
        let told = told.unwrap_err().to_string();
        assert!(!told.contains("hidden-word"), "{told}");
    }
}
