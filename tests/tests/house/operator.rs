//! The operator's commands: keys, services, accounts, the private listener, starting and stopping.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use visits::process::free_port;
use visits::{House, Partner};

/// A password that somebody chooses for themselves.
const OWN: &str = "Brume-8 ocre, Rz5#";

fn said(output: &std::process::Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn r02_a_registered_service_gets_what_the_operator_added() {
    let house = House::start();
    let partner = Partner::new("sp.partner.example");
    partner.register(&house, &["--attribute", "mail", "--attribute", "rne"]);
    let client = house.client();
    let login = client.open(&partner.address(&house, &partner.request(&house)));
    let answer = client.sign_in(&login, "amartin", visits::PASSWORD);
    assert_eq!(
        answer.action("SAMLResponse").as_deref(),
        Some(partner.acs.as_str()),
        "{}",
        answer.body
    );
    let xml = visits::partner::decoded(&answer.field("SAMLResponse").unwrap());
    assert!(
        xml.contains("anne.martin@ac-demo.example") && xml.contains("\"rne\""),
        "{xml}"
    );
    assert!(!xml.contains("Martin</"), "and nothing else: {xml}");
}

#[test]
fn t02_a_service_is_registered_and_seen_within_two_seconds() {
    let house = House::start();
    let client = house.client();
    let partner = Partner::new("sp.partner.example");
    let id = partner.id.as_str();
    let file = house.data.path().join("partner.xml");
    std::fs::write(&file, partner.metadata()).unwrap();
    let question = format!(
        "/wayf/?entityID={}",
        id.replace(':', "%3A").replace('/', "%2F")
    );
    assert_eq!(
        client.get(&question).code().as_deref(),
        Some("EDU-3002"),
        "unknown"
    );

    let path = file.display().to_string();
    let added = house.run(&["sp", "add", &path, "--attribute", "mail"]);
    assert!(added.status.success(), "{}", said(&added));
    let added = Instant::now();
    // Known now, and refused for another reason: it has no address for an answer.
    while client.get(&question).code().as_deref() != Some("EDU-3004") {
        assert!(
            added.elapsed() < Duration::from_secs(2),
            "not seen within two seconds"
        );
        std::thread::sleep(Duration::from_millis(50));
    }

    assert!(said(&house.run(&["sp", "list"])).contains(id));
    let shown = house.run(&["sp", "show", id, "--json"]);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["acs"][0], "https://sp.partner.example/acs");
    assert_eq!(shown["decided"]["attributes"][0], "mail");
    assert!(house.run(&["sp", "remove", id]).status.success());
    assert_eq!(house.run(&["sp", "show", id]).status.code(), Some(1));
    let removed = Instant::now();
    while client.get(&question).code().as_deref() != Some("EDU-3002") {
        assert!(
            removed.elapsed() < Duration::from_secs(2),
            "not forgotten within two seconds"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_is_no_service_is_not_registered() {
    let house = House::start();
    let file = house.data.path().join("x.xml");
    let good = Partner::new("sp.partner.example").metadata();
    for (what, text) in [
        ("nothing", String::new()),
        ("no XML", "hello".to_owned()),
        ("a doctype", format!("<!DOCTYPE a>{good}")),
        (
            "script",
            good.replace("https://sp.partner.example/acs", "javascript:alert(1)"),
        ),
        (
            "plain http",
            good.replace(
                "https://sp.partner.example/acs",
                "http://sp.partner.example/acs",
            ),
        ),
        (
            "one of ours",
            good.replace("https://sp.partner.example/sp", &house.at("/portail")),
        ),
        (
            "an identity provider",
            house.client().get("/idp/personnel/metadata").body,
        ),
        ("a megabyte", " ".repeat(1 << 20)),
    ] {
        std::fs::write(&file, text).unwrap();
        let output = house.run(&["sp", "add", &file.display().to_string()]);
        assert_eq!(output.status.code(), Some(1), "{what}: {}", said(&output));
        assert!(!said(&output).is_empty(), "{what}");
    }
    let path = file.display().to_string();
    std::fs::write(&file, good).unwrap();
    for arguments in [
        vec!["sp", "add", "/no/such/file.xml"],
        vec!["sp", "add", "http://sp.partner.example/metadata"],
        vec!["sp", "add", "ftp://sp.partner.example/metadata"],
        vec!["sp", "add", &path, "--attribute", "no-such-attribute"],
    ] {
        assert_eq!(
            house.run(&arguments).status.code(),
            Some(1),
            "{arguments:?}"
        );
    }
    assert_eq!(said(&house.run(&["sp", "list"])).trim(), "");
}

#[test]
fn an_account_is_made_listed_disabled_and_enabled() {
    let house = House::start();
    let made = house.run(&[
        "account",
        "add",
        "personnel",
        "znouveau",
        "--given-name",
        "Zoé",
        "--surname",
        "Nouveau",
        "--post",
        "enseignant_1d:9990101F:École Jules-Ferry",
    ]);
    assert!(made.status.success(), "{}", said(&made));
    let text = said(&made);
    let password = visits::client::between(&text, "password: ", " ").expect("told once");
    let signed_in = |client: &visits::Client, password: &str| {
        let login = client.choose(&client.open("/portail/"), "personnel");
        client.sign_in(&login, "znouveau", password)
    };
    let arrive = || signed_in(&house.client(), OWN);
    let client = house.client();
    let page = signed_in(&client, &password);
    let first = crate::lost_password::choose(&client, &page, OWN, OWN);
    assert!(
        first.field("SAMLResponse").is_some(),
        "the new password opens, once they have one of their own"
    );
    let listed = said(&house.run(&["account", "list", "personnel"]));
    assert!(
        listed.contains("znouveau") && !listed.contains("jeanne.b"),
        "{listed}"
    );
    let shown = said(&house.run(&["account", "show", "personnel", "znouveau", "--json"]));
    assert!(
        shown.contains("Nouveau") && !shown.contains(&password),
        "{shown}"
    );

    assert!(
        house
            .run(&["account", "disable", "personnel", "znouveau"])
            .status
            .success()
    );
    assert!(arrive().field("SAMLResponse").is_none(), "disabled");
    assert!(
        house
            .run(&["account", "enable", "personnel", "znouveau"])
            .status
            .success()
    );
    assert!(arrive().field("SAMLResponse").is_some(), "enabled again");

    for arguments in [
        vec!["account", "show", "personnel", "nobody"],
        vec!["account", "disable", "personnel", "nobody"],
        vec!["account", "list", "king"],
        vec!["account", "import", "/no/such/file.csv"],
    ] {
        assert_eq!(
            house.run(&arguments).status.code(),
            Some(1),
            "{arguments:?}"
        );
    }
    assert_eq!(
        house.run(&["account", "add", "personnel"]).status.code(),
        Some(2)
    );
}

#[test]
fn accounts_come_from_a_file_and_each_password_is_told_once() {
    let house = House::start();
    let file = house.data.path().join("people.csv");
    let demo =
        std::fs::read_to_string(visits::house::root().join("config/demo/accounts.csv")).unwrap();
    let text = demo
        .replace("mairie.lille", "mairie.douai")
        .replace("mairie@ac-demo", "autre@ac-demo");
    std::fs::write(&file, &text).unwrap();
    let imported = house.run(&["account", "import", &file.display().to_string()]);
    assert!(imported.status.success(), "{}", said(&imported));
    let told = said(&imported);
    let line = told
        .lines()
        .find(|line| line.contains("mairie.douai"))
        .expect("told");
    let password = line.split_whitespace().last().unwrap();
    let client = house.client();
    let login = client.choose(&client.open("/portail/"), "partenaire");
    let page = client.sign_in(&login, "mairie.douai", password);
    let answer = crate::lost_password::choose(&client, &page, OWN, OWN);
    assert!(answer.field("SAMLResponse").is_some(), "{}", answer.body);

    std::fs::write(&file, text.replace("personnel,amartin", "king,amartin")).unwrap();
    let refused = house.run(&["account", "import", &file.display().to_string()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains("people.csv: line 2"),
        "{}",
        said(&refused)
    );
}

#[test]
fn production_makes_no_keys_by_itself() {
    let house = House::start();
    let folder = tempfile::TempDir::new().unwrap();
    let command = |arguments: &[&str]| {
        let mut command = house.command(arguments);
        command
            .env("EDULINE__SERVER__DEMO", "false")
            .env("EDULINE_LISTEN", "127.0.0.1:0")
            .env("EDULINE_DATA", folder.path());
        command
    };
    for arguments in [["serve", "all"].as_slice(), &["check"], &["keys", "list"]] {
        let output = command(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(
            said(&output).contains("eduline keys generate"),
            "{}",
            said(&output)
        );
    }
    assert!(
        command(&["keys", "generate"])
            .output()
            .unwrap()
            .status
            .success()
    );
    assert!(command(&["check"]).output().unwrap().status.success());
    let listed = command(&["keys", "list", "--json"]).output().unwrap();
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    // Four realms, metadata, and of three services one to sign and one to open with.
    assert_eq!(listed.as_array().unwrap().len(), 4 * 2 + 1 + 3 * 2);
}

#[test]
fn a_server_says_where_it_listens_and_ends_when_asked() {
    use std::io::{BufRead, BufReader};
    let house = House::start();
    let folder = tempfile::TempDir::new().unwrap();
    let admin = free_port();
    let mut server = house
        .command(&["serve", "all"])
        .env("EDULINE_LISTEN", "127.0.0.1:0")
        .env("EDULINE_DATA", folder.path())
        .env("EDULINE__ADMIN__LISTEN", format!("127.0.0.1:{admin}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let ready = lines
        .map(Result::unwrap)
        .find(|line| line.starts_with("ready http://127.0.0.1:"))
        .expect("the line");
    let url = ready.strip_prefix("ready ").unwrap();
    let client = visits::Client::new(url.to_owned());
    assert_eq!(client.get("/health/live").status, 200);
    assert_eq!(
        client.get("/metrics").status,
        404,
        "never on the public listener"
    );

    let private = visits::Client::new(format!("http://127.0.0.1:{admin}"));
    let metrics = private.get("/metrics").body;
    assert!(metrics.contains("eduline_ready 1"), "{metrics}");
    assert!(
        metrics.contains("eduline_metadata_entities{source=\"own.idp-personnel\"} 1"),
        "{metrics}"
    );

    // The private port is taken now: another house opens all the same.
    let other = House::with(&[("EDULINE__ADMIN__LISTEN", &format!("127.0.0.1:{admin}"))]);
    assert_eq!(other.client().get("/health/ready").status, 200);

    let pid = server.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    let asked = Instant::now();
    let ended = loop {
        if let Some(status) = server.try_wait().unwrap() {
            break status;
        }
        assert!(asked.elapsed() < Duration::from_secs(11), "it does not end");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(ended.success(), "{ended}");
}

#[test]
fn a_changed_catalogue_is_seen_and_a_faulty_one_is_not() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("applications.toml");
    let shipped =
        std::fs::read_to_string(visits::house::root().join("config/applications.toml")).unwrap();
    std::fs::write(&file, &shipped).unwrap();
    let house = House::with(&[("EDULINE__PORTAL__CATALOGUE", &file.display().to_string())]);
    let client = house.client();
    client.arrive("personnel", "amartin");
    let page = || client.get("/portail/applications?categorie=formation").body;
    assert!(page().contains("Magistere"));
    let wait_for = |name: &str| {
        let started = Instant::now();
        while !page().contains(name) {
            assert!(
                started.elapsed() < Duration::from_secs(3),
                "{name} is not seen"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    std::fs::write(&file, shipped.replace("\"Magistere\"", "\"Magistere bis\"")).unwrap();
    wait_for("Magistere bis");
    std::fs::write(&file, shipped.replace("\"Magistere\"", "3")).unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    assert!(page().contains("Magistere bis"), "the last good one stands");
    std::fs::write(&file, shipped.replace("\"Magistere\"", "\"Magistere ter\"")).unwrap();
    wait_for("Magistere ter");
}
