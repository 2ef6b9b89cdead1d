//! Identity providers of others, registered by the operator with `eduline idp`.

use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;
use visits::client::{form, unescape};
use visits::{Answer, Client, House, PASSWORD, Partner};

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Waits until the discovery service offers `id` behind `profile`, or no longer does.
fn wait_until(client: &Client, (id, profile): (&str, &str), is_offered: bool) {
    let query = form(&[("q", ""), ("profile", profile)]);
    let started = Instant::now();
    loop {
        let answer = client.get_with(
            &format!("/wayf/search?{query}"),
            &[("accept", "application/json")],
        );
        let found: Value = serde_json::from_str(&answer.body).expect("JSON");
        let results = found["results"].as_array().expect("results");
        if results.iter().any(|one| one["entityID"] == id) == is_offered {
            return;
        }
        assert!(started.elapsed().as_secs() < 5, "{id}: {}", answer.body);
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// On the page of names behind a tile: chooses one.
fn choose_provider(client: &Client, page: &Answer, profile: &str, provider: &str) -> Answer {
    let kept: Vec<(&str, String)> = ["csrf", "entityID", "return", "returnIDParam"]
        .into_iter()
        .filter_map(|name| Some((name, page.field(name)?)))
        .collect();
    let mut fields: Vec<(&str, &str)> = kept.iter().map(|(n, v)| (*n, v.as_str())).collect();
    fields.extend([("profile", profile), ("provider", provider)]);
    client.get(client.post("/wayf/", &fields).location())
}

#[test]
fn d11_an_identity_provider_of_another_house_signs_its_people_on_here() {
    let (ours, theirs) = (House::start(), House::start());
    let id = theirs.at("/idp/personnel");
    let metadata = theirs.at("/idp/personnel/metadata");
    let client = ours.client();

    // They know our portal as any provider knows a service, we know them behind one tile.
    let portal = ours.at("/portail/saml/metadata");
    let known = theirs.run(&["sp", "add", &portal]);
    assert!(known.status.success(), "{}", said(&known));
    let added = ours.run(&["idp", "add", &metadata, "--profile", "personnel"]);
    assert!(added.status.success(), "{}", said(&added));
    wait_until(&client, (&id, "personnel"), true);
    visits::partner::wait_until_known(&theirs, &ours.at("/portail"));

    let page = client.choose(&client.open("/portail/"), "personnel");
    let names = unescape(&page.body);
    assert!(
        names.contains(&id) && names.contains(&ours.at("/idp/personnel")),
        "both are offered by name: {names}"
    );
    let sent = choose_provider(&client, &page, "personnel", &id);
    assert!(
        sent.location().starts_with(&format!("{id}/sso/")),
        "{sent:?}"
    );
    // Another host has cookies of its own.
    let there = theirs.client();
    let login = there.open(sent.location());
    let answer = there.sign_in(&login, "bleroy", PASSWORD);
    let home = client.deliver(&answer);
    assert_eq!(home.user().as_deref(), Some("bleroy"), "{}", home.body);
    let opened = client.open("/portail/applications");
    assert_eq!(opened.user().as_deref(), Some("bleroy"), "{}", opened.body);

    // What is told of it.
    let listed = ours.run(&["idp", "list"]);
    assert!(listed.status.success() && said(&listed).contains(&id));
    let shown = ours.run(&["idp", "show", &id, "--json"]);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["profile"], "personnel");
    assert_eq!(shown["scopes"][0], "ac-demo.example");
    let services = ours.run(&["sp", "list"]);
    assert!(
        services.status.success() && said(&services).trim().is_empty(),
        "it is no service, and no fault among them: {}",
        said(&services)
    );
    assert_eq!(ours.run(&["sp", "show", &id]).status.code(), Some(1));
    assert_eq!(ours.run(&["sp", "remove", &id]).status.code(), Some(1));

    // Forgotten, it signs nobody on, and the tile leads to ours at once again.
    let sent = client.get(&format!("/portail/login?{}", form(&[("entityID", &id)])));
    let late = there.open(sent.location());
    assert!(ours.run(&["idp", "remove", &id]).status.success());
    wait_until(&client, (&id, "personnel"), false);
    let refused = client.deliver(&late);
    assert_eq!(refused.status, 403, "{}", refused.body);
    let visitor = ours.client();
    let login = visitor.choose(&visitor.open("/portail/"), "personnel");
    assert!(
        login.url.starts_with(&ours.at("/idp/personnel")),
        "{}",
        login.url
    );
    assert_eq!(ours.run(&["idp", "show", &id]).status.code(), Some(1));
    what_is_no_provider_is_not_registered(&ours, &metadata);
}

fn what_is_no_provider_is_not_registered(house: &House, metadata: &str) {
    let service = house.data.path().join("service.xml");
    std::fs::write(&service, Partner::new("sp.example").metadata()).unwrap();
    let service = service.display().to_string();
    let own = house.at("/idp/personnel/metadata");
    let nothing = house.at("/idp/nowhere/metadata");
    for (arguments, reason) in [
        (vec!["idp", "add", &service], "no identity provider"),
        (vec!["idp", "add", &own], "one of our own"),
        (vec!["idp", "add", &nothing], "404"),
        (vec!["idp", "add", "file:///etc/passwd"], "https"),
        (vec!["idp", "add", "http://idp.example/metadata"], "https"),
        (
            vec!["idp", "add", metadata, "--profile", "roi"],
            "personnel, eleve, parent, partenaire",
        ),
        (
            vec!["idp", "remove", "https://nobody.example"],
            "not registered",
        ),
    ] {
        let output = house.run(&arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(said(&output).contains(reason), "{}", said(&output));
    }
    assert_eq!(house.run(&["idp", "add"]).status.code(), Some(2));
    assert_eq!(said(&house.run(&["idp", "list"])).trim(), "");
}
