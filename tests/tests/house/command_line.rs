//! The binary's own words: `check`, `trace`, exit codes.

use std::process::{Command, Stdio};

use visits::{House, PASSWORD};

use crate::sources::{DAY, aggregate, key, provider, said, signed};

#[test]
fn b02_b03_a_reference_on_an_error_page_finds_its_story() {
    let house = House::start();
    let client = house.client();
    let page = client.post("/portail/saml/acs", &[("SAMLResponse", "AAAA")]);
    let reference = page.reference().expect("a reference");
    assert!(
        page.body.matches(reference.as_str()).count() >= 2,
        "shown to the visitor too"
    );
    let told = house.run(&["trace", &reference]);
    let story = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.status.success(), "{story}");
    assert!(story.contains(&page.code().unwrap()), "{story}");
    // Read aloud and typed in lower case, without the dash.
    let typed = reference.to_lowercase().replace('-', " ");
    assert!(house.run(&["trace", &typed]).status.success());
    assert_eq!(
        house.run(&["trace", "AAAA-AAAA"]).status.code(),
        Some(1),
        "unknown: exit 1"
    );
    assert_eq!(
        house.run(&["trace"]).status.code(),
        Some(2),
        "wrong usage: exit 2"
    );
}

#[test]
fn b03_the_trace_tells_the_whole_login_across_services() {
    let house = House::start();
    let client = house.client();
    let login = client.choose(&client.open("/portail/"), "personnel");
    let answer = client.sign_in(&login, "amartin", PASSWORD);
    let response = answer.field("SAMLResponse").unwrap();
    client.deliver(&answer);
    // Posting the same answer again is refused; its reference tells where it came from.
    let refused = client.post("/portail/saml/acs", &[("SAMLResponse", &response)]);
    let told = house.run(&["trace", &refused.reference().unwrap(), "--json"]);
    let story = String::from_utf8_lossy(&told.stdout).into_owned();
    for event in [
        "sp.request.sent",
        "idp.request",
        "idp.login.accepted",
        "idp.response.sent",
        "sp.response.accepted",
    ] {
        assert!(story.contains(event), "{event} is not in {story}");
    }
}

#[test]
fn o03_check_finds_every_fault_at_once() {
    let house = House::start();
    let good = house.run(&["check"]);
    assert!(good.status.success(), "{}", both(&good));

    let folder = tempfile::TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    };
    write(
        "theme/pages/wayf-choose.html",
        "{% extends 'layout.html' %}\n{{ page.no_such_thing }}",
    );
    write("theme/pages/portal-favourites.html", "{% if page %}\n");
    write("theme/words/fr.toml", "[wayf]\nnobody_says_this = \"x\"\n");
    let catalogue = write(
        "applications.toml",
        "schema_version = 1\n[[application]]\nid = \"x\"\ncategorie = \"none-such\"\nunknown_key = 1\n",
    );
    write("data/keys/portail.pem", "this is no key");
    // What others depend on is wrong as well: the rest is looked at all the same.
    let real = std::fs::read_to_string(visits::house::root().join("config/eduline.toml")).unwrap();
    let text = real.replace("[server]", "[server]\nnonsense = true\n");
    assert_ne!(text, real);
    let config = write("eduline.toml", &format!("{text}\n[no_such_table]\nx = 1\n"));
    let mut command = house.command(&["check", "--config", &config.to_string_lossy()]);
    command
        .env("EDULINE_LISTEN", "nowhere")
        .env("EDULINE_PUBLIC_URL", "http://eduline.example")
        .env("EDULINE_DATA", folder.path().join("data"))
        .env("EDULINE__STORE__KIND", "paper")
        .env("EDULINE__IDP__CODACA", "Lille")
        .env("EDULINE__WAYF__DEFAULT_SERVICE", "no address")
        .env("EDULINE__THEME__FOLDER", folder.path().join("theme"))
        .env("EDULINE__PORTAL__CATALOGUE", &catalogue)
        .env(
            "EDULINE__IDP__SERVICES",
            visits::house::root().join("config/services.toml"),
        );
    let bad = command.output().unwrap();
    let said = both(&bad);
    assert_eq!(bad.status.code(), Some(1), "{said}");
    for (place, fault) in [
        ("eduline.toml:", "nonsense"),
        ("eduline.toml:", "no_such_table"),
        ("environment EDULINE_LISTEN", "nowhere"),
        ("environment EDULINE_PUBLIC_URL", "loopback"),
        ("environment EDULINE__STORE__KIND", "paper"),
        ("environment EDULINE__IDP__CODACA", "Lille"),
        ("environment EDULINE__WAYF__DEFAULT_SERVICE", "no address"),
        ("wayf-choose.html:2", "no_such_thing"),
        ("portal-favourites.html:", "end of block"),
        ("fr.toml:2", "nobody_says_this"),
        ("applications.toml:", "unknown_key"),
        ("portail.pem", "chmod 600"),
        ("fonctions.toml", "No such file"),
    ] {
        let told = |line: &&str| line.contains(place) && line.contains(fault);
        assert!(
            said.lines().any(|line| told(&line)),
            "{place} {fault}: not in\n{said}"
        );
    }
}

/// What a command wrote, on either stream.
fn both(output: &std::process::Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn a_fault_in_the_catalogue_or_a_template_is_found_with_its_place() {
    let house = House::start();
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::create_dir_all(folder.path().join("theme/pages")).unwrap();
    std::fs::write(
        folder.path().join("theme/layout.html"),
        "{% block content %}{% endblock %}{{ no_such_thing }}",
    )
    .unwrap();
    std::fs::create_dir_all(folder.path().join("theme/words")).unwrap();
    std::fs::write(folder.path().join("applications.toml"), "schema_version = 1\n[[application]]\nid = \"x\"\ncategorie = \"none-such\"\nunknown_key = 1\n").unwrap();
    let mut command = house.command(&["check"]);
    command
        .env("EDULINE__THEME__FOLDER", folder.path().join("theme"))
        .env(
            "EDULINE__PORTAL__CATALOGUE",
            folder.path().join("applications.toml"),
        );
    let bad = command.output().unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&bad.stdout),
        String::from_utf8_lossy(&bad.stderr)
    );
    assert_eq!(bad.status.code(), Some(1), "{said}");
    assert!(said.contains("layout.html"), "{said}");
    assert!(said.contains("applications.toml:"), "{said}");
}

#[test]
fn settings_are_refused_at_start_not_later() {
    let house = House::start();
    for (name, value) in [
        ("EDULINE_PUBLIC_URL", "http://eduline.example"),
        ("EDULINE_PUBLIC_URL", "ftp://localhost"),
        ("EDULINE_LISTEN", "nonsense"),
        ("EDULINE__SERVER__NO_SUCH_KEY", "1"),
        ("EDULINE__STORE__KIND", "paper"),
    ] {
        let mut command = house.command(&["check"]);
        command.env(name, value);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}={value}");
    }
    assert_eq!(house.run(&["no-such-command"]).status.code(), Some(2));
    assert!(house.run(&["--help"]).status.success());
}

/// A command on a terminal of its own: what is seen there.
fn on_a_terminal(house: &House, arguments: &[&str]) -> String {
    let command = house.command(arguments);
    let mut terminal = Command::new("script");
    let line = std::iter::once(command.get_program()).chain(command.get_args());
    let line: Vec<_> = line.map(|word| word.to_string_lossy()).collect();
    terminal
        .args(["-qec", &line.join(" "), "/dev/null"])
        .current_dir(visits::house::root())
        .stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        terminal.env(name, value.unwrap_or_default());
    }
    let output = terminal.output().expect("script runs");
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

#[test]
fn m02_a_refresh_says_on_a_terminal_how_far_it_has_come() {
    let house = House::start();
    let folder = tempfile::tempdir().unwrap();
    let theirs = key(folder.path(), "theirs");
    let pem = theirs.certificate.display().to_string();
    for name in ["one", "two"] {
        let file = folder.path().join(format!("{name}.xml"));
        let entity = provider(&format!("{name}.example"), &theirs);
        std::fs::write(&file, signed(&aggregate(&entity, Some(DAY)), &theirs)).unwrap();
        let file = file.display().to_string();
        let add = [
            "metadata", "source", "add", &file, "--key", &pem, "--name", name,
        ];
        let added = house.run(&add);
        assert!(added.status.success(), "{}", said(&added));
    }
    let refresh = ["metadata", "refresh"];
    let seen = on_a_terminal(&house, &refresh);
    let steps: Vec<_> = seen.matches("/2 ").collect();
    assert!(
        steps.len() == 2 && seen.contains("1/2 one") && seen.contains("2/2 two"),
        "{seen:?}"
    );
    // In a file or a pipe there is nobody to be shown it.
    let piped = said(&house.run(&refresh));
    assert!(!piped.contains("1/2"), "{piped:?}");
}
