//! An application in Rust that is not ours: the example of `sp`, as `eduline sp snippet rust` writes it.

use std::process::Command;

use visits::house::root;
use visits::process::{Running, free_port};
use visits::{Answer, Client, House, PASSWORD};

/// The example, built as the other programs of the workspace are.
fn built() -> std::path::PathBuf {
    let mut build = Command::new(env!("CARGO"));
    build.args([
        "build",
        "--quiet",
        "--workspace",
        "--example",
        "relying_party",
    ]);
    assert!(build.current_dir(root()).status().unwrap().success());
    let beside = visits::house::binary().parent().unwrap();
    beside.join("examples/relying_party")
}

#[test]
fn x05_an_application_in_rust_signs_people_on() {
    let house = House::start();
    let folder = tempfile::TempDir::new().unwrap();
    let port = free_port();
    let at = format!("http://localhost:{port}");
    let provider = folder.path().join("idp.xml");
    std::fs::write(
        &provider,
        house.client().get("/idp/personnel/metadata").body,
    )
    .unwrap();
    let start = || {
        let mut command = Command::new(built());
        command
            .args([&at, &provider.display().to_string(), &house.at("/wayf/")])
            .arg(folder.path().join("notes"));
        let mut application = Running::start(&mut command);
        application.wait_for_port(port);
        application
    };
    let mut application = start();
    let snippet = house.run(&["sp", "snippet", "rust", "--at", &at]);
    let snippet = String::from_utf8(snippet.stdout).unwrap();
    let example = root().join("crates/sp/examples/relying_party.rs");
    assert!(snippet.contains(&std::fs::read_to_string(example).unwrap()));

    let metadata = format!("{at}/notes/saml/metadata");
    let published = house.client().get(&metadata).body;
    let added = house.run(&["sp", "add", &metadata]);
    let why = String::from_utf8_lossy(&added.stderr);
    assert!(added.status.success(), "{why}");
    visits::partner::wait_until_known(&house, &format!("{at}/notes"));

    let client = house.client();
    let profiles = follow(&client, &at, client.get(&format!("{at}/notes/?page=2")));
    let login = client.choose(&profiles, "personnel");
    let answer = client.sign_in(&login, "amartin", PASSWORD);
    let response = answer.field("SAMLResponse").expect("an answer");
    let fields = [("SAMLResponse", response.as_str())];
    let acs = format!("{at}/notes/saml/acs");
    let notes = follow(&client, &at, client.post(&acs, &fields));
    assert!(notes.body.contains("Bonjour Anne Martin"), "{}", notes.body);
    assert!(notes.url.ends_with("/notes/?page=2"), "{}", notes.url);
    // The same answer again, by another browser or by the same one, opens nothing.
    for who in [&house.client(), &client] {
        let again = who.post(&acs, &fields);
        assert_eq!(again.status, 403, "{}", again.body);
        assert!(again.code().is_some());
    }
    // Its keys and its sessions outlive it.
    application.kill();
    let _again = start();
    assert_eq!(key(&house.client().get(&metadata).body), key(&published));
    assert!(client.get(&format!("{at}/notes/")).body.contains("Bonjour"));
}

/// To a page: an address without a host is one of the application's.
fn follow(client: &Client, at: &str, mut answer: Answer) -> Answer {
    while matches!(answer.status, 302 | 303) {
        let to = answer.location();
        let to = if to.starts_with('/') && answer.url.starts_with(at) {
            format!("{at}{to}")
        } else {
            to.to_owned()
        };
        answer = client.get(&to);
    }
    answer
}

fn key(metadata: &str) -> String {
    visits::client::between(metadata, "X509Certificate>", "<").expect("a certificate")
}
