//! Accounts on a server, several processes on it and on one Redis; the server goes and comes back.

use visits::postgres::Postgres;
use visits::topology::Topology;
use visits::{Client, PASSWORD};

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
