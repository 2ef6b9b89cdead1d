//! Registering a service: what is said before anything is saved (X01).

use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::Value;
use visits::{House, Partner};

use crate::sources::{Origin, said};

/// A service of a school library, as its metadata says it.
fn library() -> Partner {
    Partner::new("library.example")
        .asking("mail", true)
        .asking("sn", false)
        .with(
            "http://macedir.org/entity-category",
            "https://refeds.org/category/code-of-conduct/v2",
        )
}

fn written(house: &House, metadata: &str) -> String {
    let file = house.data.path().join("to-register.xml");
    std::fs::write(&file, metadata).unwrap();
    file.display().to_string()
}

/// Runs the command with `text` pasted into it.
fn pasted(house: &House, text: &str, options: &[&str]) -> Output {
    let mut command = house.command(&[&["sp", "add", "-"], options].concat());
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = piped.stderr(Stdio::piped()).spawn().unwrap();
    let mut input = running.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    running.wait_with_output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {}", said(output)))
}

fn registered(house: &House) -> String {
    said(&house.run(&["sp", "list"])).trim().to_owned()
}

#[test]
fn x01_what_was_understood_is_said_before_anything_is_saved() {
    let house = House::start();
    let partner = library();
    let file = written(&house, &partner.metadata());
    let dry = house.run(&["sp", "add", &file, "--dry-run", "--withhold", "sn"]);
    let told = said(&dry);
    assert_eq!(dry.status.code(), Some(0), "{told}");
    let fingerprint = partner.key.verifying().fingerprint().to_owned();
    for words in [
        partner.id.as_str(),
        partner.acs.as_str(),
        "HTTP-POST, index 0, par défaut",
        &fingerprint,
        "attribut demandé  mail  indispensable",
        "code-of-conduct/v2",
        "avertissement",
        "pas de mdui:DisplayName",
        "[MDUI 2.1.2]",
        "not registered",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    // Each kind of person: a pupil's mail stays at home, a head's is a made-up one.
    for words in [
        "Directeur d'école",
        "personne.fictive@essai.invalid",
        "jamais pour un élève",
        "l'opérateur le retient",
    ] {
        let told = told.replace('’', "'");
        assert!(told.contains(words), "{words}: {told}");
    }
    assert_eq!(registered(&house), "");

    // The same of people who are there, for a program.
    let people = ["--as", "amartin", "--as", "eleve/jeanne.b"];
    let dry = house.run(&[&["sp", "add", &file, "--dry-run", "--json"], &people[..]].concat());
    let told = json(&dry);
    assert_eq!(told["saved"], false);
    assert_eq!(told["understood"]["keys"][0]["fingerprint"], fingerprint);
    assert!(told["understood"]["keys"][0]["not_after"].is_string());
    assert_eq!(told["preview"][0]["who"][0], "amartin");
    assert!(
        told["preview"]
            .to_string()
            .contains("anne.martin@ac-demo.example")
    );
    assert!(!told["preview"].to_string().contains("essai"));
    let nobody = house.run(&["sp", "add", &file, "--as", "nobody"]);
    assert_eq!(nobody.status.code(), Some(1), "{}", said(&nobody));
    assert_eq!(registered(&house), "");
}

#[test]
fn x01_a_fault_is_told_with_its_line_its_reason_and_its_rule() {
    let house = House::start();
    let metadata = library().metadata();
    let broken = metadata.replace("https://library.example/acs", "http://library.example/acs");
    let file = written(&house, &format!("\n\n{broken}"));
    let refused = house.run(&["sp", "add", &file]);
    let told = said(&refused);
    assert_eq!(refused.status.code(), Some(1), "{told}");
    for words in [":3: erreur", "EDU-2711", "(SECURITY 25)"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let refused = house.run(&["sp", "add", &file, "--json"]);
    let found = &json(&refused)["findings"][0];
    assert_eq!(
        (&found["line"], &found["level"]),
        (&3.into(), &"error".into())
    );
    assert_eq!(refused.status.code(), Some(1));

    // What is taken and will not work as its owner hopes is said, and taken.
    let odd = metadata.replace("urn:oid:0.9.2342.19200300.100.1.3", "urn:oid:1.2.3.4");
    assert_ne!(odd, metadata);
    let taken = house.run(&["sp", "add", &written(&house, &odd)]);
    assert!(taken.status.success(), "{}", said(&taken));
    assert!(
        said(&taken).contains("un attribut inconnu ici"),
        "{}",
        said(&taken)
    );
}

#[test]
fn x01_a_service_comes_from_an_address_a_file_or_standard_input_and_never_twice() {
    let house = House::start();
    let client = house.client();
    let partner = library();
    let id = partner.id.as_str();
    let origin = Origin::start();
    origin.gives("/metadata", &partner.metadata());
    let address = format!("{}/metadata", origin.base);
    let added = house.run(&["sp", "add", &address, "--yes", "--json"]);
    assert!(added.status.success(), "{}", said(&added));
    assert_eq!(json(&added)["saved"], true);
    visits::partner::wait_until_known(&house, id);
    partner.sign_on(&house, &client, "amartin");

    // Again: refused however it comes, and what stands is untouched.
    let file = written(&house, &partner.metadata());
    let again = house.run(&["sp", "add", &file, "--attribute", "rne"]);
    assert_eq!(again.status.code(), Some(1), "{}", said(&again));
    assert!(said(&again).contains("--replace"), "{}", said(&again));
    let again = pasted(&house, &partner.metadata(), &[]);
    assert_eq!(again.status.code(), Some(1), "{}", said(&again));
    let shown = said(&house.run(&["sp", "show", id]));
    assert!(!shown.contains("rne"), "{shown}");
    let replaced = pasted(
        &house,
        &partner.metadata(),
        &["--replace", "--attribute", "rne"],
    );
    assert!(replaced.status.success(), "{}", said(&replaced));
    assert!(said(&house.run(&["sp", "show", id])).contains("rne"));

    let journal = house.journal();
    let told: Vec<_> = journal
        .iter()
        .filter(|line| line["event"] == "sp.registered")
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told.iter()
            .all(|line| line["sp"] == id && line["keys"].is_string())
    );
    assert_eq!(told[1]["replaces"], "true");
}
