//! `eduline sp snippet`: what a service of one make is configured with.

use serde_json::Value;
use visits::{House, Partner};

const MAKES: [&str; 13] = [
    "shibboleth",
    "mod_auth_mellon",
    "simplesamlphp",
    "moodle-auth-saml2",
    "moodle-auth-shibboleth",
    "sogo",
    "nextcloud",
    "gitlab",
    "spring",
    "keycloak",
    "pysaml2",
    "python3-saml",
    "rust",
];

#[test]
fn x05_every_make_is_written_with_the_values_of_this_deployment() {
    let house = House::start();
    let text = |arguments: &[&str]| {
        let said = house.run(&[&["sp", "snippet"], arguments].concat());
        let why = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.status.success(), "{arguments:?}: {why}");
        String::from_utf8(said.stdout).unwrap()
    };
    let metadata = house.client().get("/idp/personnel/metadata").body;
    for make in MAKES {
        let written = text(&[make, "--at", "https://notes.example"]);
        assert!(!written.contains("{{"), "{make}: {written}");
        assert!(
            written.contains("eduline sp add https://notes.example"),
            "{make}"
        );
        if make != "moodle-auth-shibboleth" {
            let provider = house.at("/idp/personnel");
            assert!(written.contains(&provider), "{make}: {written}");
        }
        let page = format!("docs/integrating/{make}.md");
        let page = std::fs::read_to_string(visits::house::root().join(&page)).expect(&page);
        assert!(
            page.contains(&format!("eduline sp snippet {make}")),
            "{make}"
        );
    }
    // Which key signs is what metadata says, whatever else is in there.
    let keycloak = text(&["keycloak", "--json"]);
    let file: Value = serde_json::from_str(&keycloak).unwrap();
    let file: Value = serde_json::from_str(file["files"][0]["content"].as_str().unwrap()).unwrap();
    let certificate = file["config"]["signingCertificate"].as_str().unwrap();
    assert!(
        metadata.contains(certificate),
        "{certificate} is not in {metadata}"
    );
    // Another realm has another provider and another key.
    let other = text(&["keycloak", "--realm", "eleve"]);
    assert!(other.contains("/idp/eleve/sso/redirect") && !other.contains(certificate));
}

#[test]
fn x05_a_service_that_is_known_gets_what_it_receives_and_bad_wishes_are_refused() {
    let house = House::start();
    Partner::new("notes.example")
        .asking("sn", true)
        .register(&house, &["--attribute", "uid"]);
    let id = "https://notes.example/sp";
    let said = house.run(&["sp", "snippet", "python3-saml", id, "--json"]);
    let why = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{why}");
    let told: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(told["entityID"], id);
    assert_eq!(told["attributes"], serde_json::json!(["sn", "uid"]));
    let file = told["files"][0]["content"].as_str().unwrap();
    assert!(
        file.contains("https://notes.example/acs"),
        "where its answers go: {file}"
    );
    let commands = told["commands"].to_string();
    assert!(!commands.contains("sp add"), "known already: {commands}");
    for (arguments, code) in [
        (&["no-such-make"][..], 2),
        (&["sogo", "https://nobody.example"], 1),
        (&["sogo", "--realm", "nobody"], 1),
        (&["sogo", "--attribute", "shoe"], 1),
        (&["sogo", "--at", "ftp://x.example"], 1),
        (&["sogo", "--at", "https://x.example\"; rm"], 1),
        (&["sogo", "--at", "https://x.example/$(id)"], 1),
    ] {
        let said = house.run(&[&["sp", "snippet"], arguments].concat());
        assert_eq!(said.status.code(), Some(code), "{arguments:?}");
        assert!(said.stdout.is_empty(), "{arguments:?}");
    }
}
