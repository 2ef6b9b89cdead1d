//! Accounts on a server, several processes on it and on one Redis; the server goes and comes back.

use visits::postgres::Postgres;
use visits::slapd::{SERVICE, Slapd};
use visits::topology::Topology;
use visits::{Client, House, PASSWORD};

use crate::lost_password::{choose, prove};

const NEW: &str = "Vélo-7 gris, Tn4#";

/// Whether the password opens the portal; the status of what is shown otherwise.
fn try_in(client: &Client, login: &str, password: &str) -> Result<String, u16> {
    let page = client.choose(&client.open("/portail/"), "personnel");
    let page = client.sign_in(&page, login, password);
    if page.field("SAMLResponse").is_none() {
        assert_eq!(page.user(), None);
        return Err(page.status);
    }
    let home = client.follow(client.deliver(&page));
    home.user().ok_or(home.status)
}

#[test]
fn a01_o05_two_processes_on_one_postgresql_that_goes_and_comes_back() {
    let mut server = Postgres::start();
    let mut house = Topology::with(&[
        ("EDULINE__DIRECTORY__KIND", "postgres"),
        ("EDULINE__DIRECTORY__URL", &server.url("localhost")),
        (
            "EDULINE__DIRECTORY__AUTHORITIES",
            &server.certificate().display().to_string(),
        ),
        ("EDULINE__DIRECTORY__CONNECTIONS", "4"),
        ("EDULINE__DIRECTORY__MEMORY_KIB", "8192"),
    ]);
    let stays = house.client();
    assert_eq!(try_in(&stays, "bleroy", PASSWORD).as_deref(), Ok("bleroy"));

    // The account pages are a process, the identity provider is another: what one writes the other reads.
    let client = house.client();
    let page = prove(&client, "amartin", PASSWORD, "192.0.2.1");
    let page = choose(&client, &page, NEW, NEW);
    assert_eq!(page.status, 200, "{}", page.body);
    assert_eq!(
        try_in(&house.client(), "amartin", NEW).as_deref(),
        Ok("amartin")
    );
    assert_eq!(try_in(&house.client(), "amartin", PASSWORD), Err(200));
    let shown = house.run(&["account", "show", "amartin"]);
    let told = String::from_utf8_lossy(&shown.stdout);
    assert!(told.contains("Martin"), "{told}");

    // Away: a page that says so, nobody is let in, nothing dies, what needs no account goes on.
    server.stop();
    for password in [NEW, "wrong"] {
        let client = house.client();
        let page = client.choose(&client.open("/portail/"), "personnel");
        let page = client.sign_in(&page, "amartin", password);
        assert_eq!(page.status, 503, "{}", page.body);
        assert_eq!(page.code().as_deref(), Some("EDU-6002"), "{}", page.body);
        assert!(page.reference().is_some(), "{}", page.body);
    }
    for service in ["idp", "account"] {
        let ready = house.ready(service);
        assert_eq!(ready.status, 503, "{service}");
        assert!(ready.body.contains("directory"), "{}", ready.body);
        assert!(!ready.body.contains("correct-horse"), "{}", ready.body);
    }
    assert_eq!(house.ready("wayf").status, 200);
    assert_eq!(stays.get("/portail/").user().as_deref(), Some("bleroy"));
    let refused = house.run(&["account", "show", "amartin"]);
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(told.contains("directory.url"), "{told}");
    assert!(!told.contains("correct-horse"), "{told}");

    // A process that starts meanwhile waits, and says what for.
    house.kill("idp");
    house.open("idp");
    let told = house.first_word("idp");
    assert_eq!(told.status, 503, "{}", told.body);
    assert!(told.body.contains("directory"), "{}", told.body);
    assert!(!told.body.contains("correct-horse"), "{}", told.body);

    // Back: good again by itself, in the same processes and in one that comes later.
    server.go();
    house.wait_until_ready();
    assert_eq!(
        try_in(&house.client(), "amartin", NEW).as_deref(),
        Ok("amartin")
    );
    house.kill("idp");
    house.open("idp");
    house.wait_until_ready();
    assert_eq!(
        try_in(&house.client(), "amartin", NEW).as_deref(),
        Ok("amartin")
    );
    assert_eq!(stays.get("/portail/").user().as_deref(), Some("bleroy"));
}

/// What is wrong with the address of a server of accounts is told before anything starts, and the address
/// is not: it may hold a password.
#[test]
fn a01_check_tells_what_a_server_of_accounts_lacks() {
    let folder = tempfile::TempDir::new().unwrap();
    let config = visits::house::root().join("config/eduline.toml");
    let check = |settings: &[(&str, &str)]| {
        let mut command = std::process::Command::new(visits::house::binary());
        command
            .args(["check", "--config"])
            .arg(&config)
            .env("EDULINE_DATA", folder.path())
            .env("EDULINE__SERVER__DEMO", "true")
            .env("EDULINE__DIRECTORY__KIND", "postgres");
        for (name, value) in settings {
            command.env(format!("EDULINE__DIRECTORY__{name}"), value);
        }
        let told = command.output().unwrap();
        let words = [told.stdout, told.stderr].concat();
        (told.status.code(), String::from_utf8(words).unwrap())
    };
    let good = "postgres://eduline:hidden-word@localhost:5432/eduline";
    for (settings, said) in [
        (vec![], "directory.url"),
        (vec![("URL", "hidden-word")], "directory.url"),
        (vec![("URL", "mysql://u:hidden-word@h/d")], "directory.url"),
        (vec![("URL_FILE", "/none")], "url_file"),
        (
            vec![("URL", good), ("AUTHORITIES", "/none.pem")],
            "authorities",
        ),
        (vec![("URL", good), ("CONNECTIONS", "0")], "connections"),
        (vec![("URL", good), ("TLS", "maybe")], "directory.tls"),
    ] {
        let (code, words) = check(&settings);
        assert_eq!(code, Some(1), "{settings:?}: {words}");
        assert!(words.contains(said), "{settings:?}: {words}");
        assert!(!words.contains("hidden-word"), "{words}");
    }
    let (code, words) = check(&[("URL", good)]);
    assert_eq!(
        (code, words.contains("warning")),
        (Some(0), false),
        "{words}"
    );
    // In clear to another machine: said aloud.
    let far = "postgres://eduline:hidden-word@db.ac-demo.example/eduline";
    let (code, words) = check(&[("URL", far), ("TLS", "false")]);
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("warning: directory.tls"), "{words}");
    assert!(!words.contains("hidden-word"), "{words}");
}

/// A person of a tree: their login and password, and what else stands in their entry.
fn entry(login: &str, password: &str, more: &str) -> String {
    format!(
        "dn: uid={login},ou=people,dc=demo\nobjectClass: inetOrgPerson\nuid: {login}\n\
         givenName: Zoe\nsn: Dupont\ncn: {login}\nmail: {login}@demo.example\n\
         departmentNumber: 0590121L$ECOLE\nemployeeType: ENS\nuserPassword: {password}\n{more}\n"
    )
}

/// The settings that ship, with a tree more; the file.
fn with_tree(folder: &std::path::Path, server: &Slapd, change: (&str, &str)) -> String {
    let from = visits::house::root().join("config");
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .arg(from)
        .arg(folder)
        .status();
    assert!(copied.unwrap().success());
    std::fs::write(folder.join("ldap-password"), SERVICE.1).unwrap();
    let tree = format!(
        "\n[[directory.ldap]]\nname = \"agents\"\nrealm = \"personnel\"\nurl = \"{}\"\n\
         authorities = \"{}\"\nbind_dn = \"{}\"\npassword_file = \"{}\"\nbase = \"dc=demo\"\n\
         filter = \"(|(uid={{login}})(mail={{login}}))\"\ntimeout_s = 4\n\
         functions = [\"ENS=enseignant_1d\"]\n[directory.ldap.attributes]\n\
         uais = \"departmentNumber\"\nfunction = \"employeeType\"\n",
        server.url("localhost"),
        server.certificate().display(),
        SERVICE.0,
        folder.join("ldap-password").display(),
    );
    let file = folder.join("config/eduline.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text + &tree.replace(change.0, change.1)).unwrap();
    file.display().to_string()
}

#[test]
fn a01_ldap_trees_through_the_front_door() {
    let given = "Azert-9876-wxc";
    let people = [
        entry("zoe", "Tree-zoe-4242", ""),
        entry("given", given, "pwdReset: TRUE\n"),
        entry(
            "locked",
            "Tree-locked-42",
            "pwdAccountLockedTime: 000001010000Z\n",
        ),
    ];
    let mut server = Slapd::start(&people.join("\n"));
    let folder = tempfile::TempDir::new().unwrap();
    let config = with_tree(folder.path(), &server, ("", ""));
    let house = House::with(&[
        ("EDULINE_CONFIG", &config),
        ("EDULINE__DIRECTORY__MEMORY_KIB", "8192"),
        ("EDULINE__SERVER__PROXIES", "127.0.0.1"),
    ]);
    let stays = house.client();
    assert_eq!(
        try_in(&stays, "zoe@demo.example", "Tree-zoe-4242").as_deref(),
        Ok("zoe")
    );
    assert_eq!(
        try_in(&house.client(), "amartin", PASSWORD).as_deref(),
        Ok("amartin")
    );

    // A password that somebody else gave opens nothing but the way to another one.
    let client = house.client();
    let page = client.choose(&client.open("/portail/"), "personnel");
    let page = client.sign_in(&page, "given", given);
    assert_eq!((page.status, page.field("SAMLResponse")), (200, None));
    assert!(page.body.contains("attribué par quelqu"), "{}", page.body);
    let body = visits::client::unescape(&page.body);
    assert!(
        body.contains("/compte/mot-de-passe?profil=personnel"),
        "{body}"
    );
    let client = house.client();
    let page = prove(&client, "given", given, "192.0.2.1");
    // The tree remembers the present one: it may not be the next.
    let page = choose(&client, &page, given, given);
    assert_eq!(page.status, 400, "{}", page.body);
    assert!(
        page.body.contains("refuse ce mot de passe"),
        "{}",
        page.body
    );
    let page = choose(&client, &page, NEW, NEW);
    assert_eq!(page.status, 200, "{}", page.body);
    assert_eq!(
        try_in(&house.client(), "given", NEW).as_deref(),
        Ok("given")
    );

    // Who is locked there, who is wrong and who is nobody are told alike.
    let refused = |login: &str, password: &str| {
        let client = house.client();
        let page = client.choose(&client.open("/portail/"), "personnel");
        let page = client.sign_in(&page, login, password);
        assert_eq!(page.field("SAMLResponse"), None);
        let said = visits::client::between(&page.body, "id=\"refused\">", "</div>");
        (page.status, said.expect("a refusal"))
    };
    let alike = refused("nobody", "Tree-zoe-4242");
    for (login, password) in [
        ("locked", "Tree-locked-42"),
        ("zoe", "wrong"),
        ("z*", "Tree-zoe-4242"),
    ] {
        assert_eq!(refused(login, password), alike, "{login}");
    }
    let journal = house.journal();
    let has = |event: &str, key: &str, value: &str| {
        journal.iter().any(|line| {
            let line = line.to_string();
            line.contains(event) && line.contains(&format!("\"{key}\":\"{value}\""))
        })
    };
    assert!(has("idp.login.due", "why", "reset"));
    assert!(has("idp.login.refused", "locked", "true"));
    assert!(has(
        "account.change.unfit",
        "reason",
        "it is one of those of before"
    ));

    // Away: those of the tree wait, those who are kept here do not.
    server.stop();
    let client = house.client();
    let page = client.choose(&client.open("/portail/"), "personnel");
    let page = client.sign_in(&page, "zoe", "Tree-zoe-4242");
    assert_eq!(
        (page.status, page.code().as_deref()),
        (503, Some("EDU-6002")),
        "{}",
        page.body
    );
    let ready = house.client().get("/health/ready");
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains("directory"), "{}", ready.body);
    assert_eq!(
        try_in(&house.client(), "bleroy", PASSWORD).as_deref(),
        Ok("bleroy")
    );
    server.go();
    house.wait_until_ready();
    assert_eq!(
        try_in(&house.client(), "zoe", "Tree-zoe-4242").as_deref(),
        Ok("zoe")
    );
}

#[test]
fn a01_check_tells_what_a_tree_lacks() {
    let server = Slapd::start("");
    for (from, to, said) in [
        ("", "", "no fault"),
        ("ldaps://", "ldap://far.", "in clear"),
        ("ldaps://", "http://", "directory.ldap.url"),
        ("personnel", "nobody", "expected one of"),
        ("name = \"agents\"\n", "", "directory.ldap.name"),
        ("{login}", "login", "filter"),
        ("(|(uid", "(uid", "filter"),
        ("=enseignant_1d", "", "CODE=function"),
        ("=enseignant_1d", "=king", "king"),
        ("ldap-password", "none", "password_file"),
        ("bind_dn", "bind_no", "bind_no"),
        ("proxy.crt", "none.crt", "no such file"),
        ("timeout_s = 4", "timeout_s = 0", "timeout_s"),
        (
            "uais = \"departmentNumber\"",
            "uais = \"a)(b\"",
            "attribute",
        ),
    ] {
        let folder = tempfile::TempDir::new().unwrap();
        let config = with_tree(folder.path(), &server, (from, to));
        let told = std::process::Command::new(visits::house::binary())
            .args(["check", "--config", &config])
            .env("EDULINE_DATA", folder.path().join("data"))
            .env("EDULINE__SERVER__DEMO", "true")
            .output()
            .unwrap();
        let words = [told.stdout, told.stderr].concat();
        let words = String::from_utf8(words).unwrap();
        let code = i32::from(said != "no fault");
        assert_eq!(told.status.code(), Some(code), "{from} {to}: {words}");
        assert!(words.contains(said), "{from} {to}: {words}");
        assert!(!words.contains(SERVICE.1), "{words}");
    }
}
