//! The example file is complete; every fault is found at once, with its line.

use std::path::{Path, PathBuf};

use super::{Listen, Settings, SourcePlace, StoreSettings, load};

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/eduline.toml")
}

/// The example with `from` replaced by `to`, in a folder of its own.
fn changed(changes: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    let mut text = std::fs::read_to_string(example()).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    read(&text, &[])
}

fn read(text: &str, environment: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("eduline.toml");
    std::fs::write(&file, text).unwrap();
    load(&file, owned(environment)).map_err(|faults| {
        let short =
            |fault: &super::Fault| fault.to_string().replace(&file.display().to_string(), "f");
        faults.iter().map(short).collect()
    })
}

fn owned(environment: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
    let pairs: Vec<_> = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    pairs.into_iter()
}

fn faults(result: Result<Settings, Vec<String>>) -> Vec<String> {
    result.map(|_| ()).expect_err("faults")
}

#[test]
fn the_example_is_read_without_a_fault() {
    let settings = load(&example(), std::iter::empty()).unwrap();
    assert_eq!(settings.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.server.public_url.origin(), "http://localhost:8080");
    assert_eq!(settings.idp.realms.len(), 4);
    assert_eq!(
        settings.wayf.default_service.as_str(),
        "http://localhost:8080/portail"
    );
    let ids: Vec<&str> = settings
        .wayf
        .profiles
        .iter()
        .map(|one| one.id.as_str())
        .collect();
    assert_eq!(ids, ["personnel", "eleve", "parent", "partenaire"]);
    assert!(settings.wayf.profiles.iter().all(|profile| !profile.soon));
    assert!(!settings.server.demo);
    assert!(settings.server.data.is_absolute());
    assert!(settings.journal.folder.ends_with("var/journal"));
}

#[test]
fn clocks_and_forbidden_algorithms_are_bounded_and_known() {
    let list = "forbidden_algorithms = []";
    let good = r#"forbidden_algorithms = ["http://www.w3.org/2001/04/xmlenc#rsa-1_5"]"#;
    let settings = changed(&[(list, good), ("clock_skew_s = 180", "clock_skew_s = 300")]).unwrap();
    assert!(
        settings
            .rules
            .forbids("http://www.w3.org/2001/04/xmlenc#rsa-1_5")
    );
    let told = faults(changed(&[
        (list, r#"forbidden_algorithms = ["rsa-1_5"]"#),
        ("clock_skew_s = 180", "clock_skew_s = 301"),
    ]));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told.iter()
            .any(|one| one.contains("a whole number from 0 to 300")),
        "{told:?}"
    );
    assert!(
        told.iter().any(|one| one.contains("\"rsa-1_5\"")),
        "{told:?}"
    );
}

#[test]
fn the_way_of_2014_is_refused_on_a_public_name() {
    let on = ("compat_2014 = false", "compat_2014 = true");
    assert!(changed(&[on]).unwrap().account.compat_2014);
    let public = (
        "public_url = \"http://localhost:8080\"",
        "public_url = \"https://e.example\"",
    );
    let told = faults(changed(&[public, on]));
    assert!(
        told.iter().any(|fault| fault.contains("compat_2014")),
        "{told:?}"
    );
    changed(&[public]).unwrap();
}

#[test]
fn what_is_wrong_with_letters_and_passwords_is_told_without_the_secret() {
    for (from, to, said) in [
        (
            "smtp = \"\"",
            "smtp = \"http://a:hidden@mail.example\"",
            "expected smtp://",
        ),
        ("tls = \"required\"", "tls = \"maybe\"", "mail.tls"),
        (
            "from = \"Académie",
            "from = \"a@b, c@d, Académie",
            "mail.from",
        ),
        (
            "policy = \"academie-2026\"",
            "policy = \"none\"",
            "account.policy",
        ),
        (
            "breached = \"\"",
            "breached = \"nowhere.txt\"",
            "account.password.breached",
        ),
        (
            "dictionary = \"\"",
            "dictionary = \"nowhere.txt\"",
            "account.password.dictionary",
        ),
        (
            "help_mail = \"\"",
            "help_mail = \"nobody\"",
            "account.help_mail",
        ),
        ("# length = 12", "length = 4", "account.password.length"),
    ] {
        let told = faults(changed(&[(from, to)]));
        let about = told.iter().find(|fault| fault.contains(said));
        assert!(about.is_some(), "{said}: {told:?}");
        assert!(
            !told.iter().any(|fault| fault.contains("hidden")),
            "{told:?}"
        );
    }
}

#[test]
fn the_example_holds_every_key_there_is() {
    // A key of the code that the example does not show would be read nowhere else.
    let text = std::fs::read_to_string(example()).unwrap();
    let code = [
        include_str!("checked.rs"),
        include_str!("discovery.rs"),
        include_str!("organization.rs"),
        include_str!("rooms.rs"),
    ]
    .concat();
    let calls = [
        "text", "path_in", "number", "boolean", "texts", "needed", "parsed", "tables", "table",
    ];
    let mut seen = 0;
    for call in calls {
        for part in code.split(&format!(".{call}(\"")).skip(1) {
            let key = part.split('"').next().unwrap();
            assert!(text.contains(key), "{key} is not in config/eduline.toml");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn the_environment_overrides() {
    let text = std::fs::read_to_string(example()).unwrap();
    let settings = read(
        &text,
        &[
            ("EDULINE_LISTEN", "127.0.0.1:1"),
            ("EDULINE_PUBLIC_URL", "https://eduline.example"),
            ("EDULINE_DATA", "/srv/eduline"),
            ("EDULINE_CONFIG", "ignored here"),
            ("EDULINE__ADMIN__LISTEN", "off"),
            ("EDULINE__WAYF__SOON", "eleve, parent"),
            ("EDULINE__SERVER__WORKERS", "3"),
            ("EDULINE__STORE__KIND", "redis"),
            ("EDULINE__STORE__URL", "redis://:secret@127.0.0.1/0"),
            (
                "EDULINE__STORE__SENTINELS",
                "redis://s1:26379, redis://s2:26379",
            ),
            ("EDULINE__STORE__REPLICAS", "1"),
            ("HOME", "/root"),
        ],
    )
    .unwrap();
    assert_eq!(settings.server.listen.port(), 1);
    assert_eq!(settings.admin, Listen::Off);
    assert_eq!(settings.server.workers, 3);
    assert_eq!(settings.journal.folder, Path::new("/srv/eduline/journal"));
    assert_eq!(
        settings.wayf.default_service.as_str(),
        "https://eduline.example/portail"
    );
    let soon: Vec<bool> = settings.wayf.profiles.iter().map(|one| one.soon).collect();
    assert_eq!(soon, [false, true, true, false]);
    let StoreSettings::Redis(at) = &settings.store else {
        panic!("not redis");
    };
    assert_eq!(at.url, "redis://:secret@127.0.0.1/0");
    assert_eq!(at.sentinels, ["redis://s1:26379", "redis://s2:26379"]);
    assert_eq!(at.replicas, 1);
    assert!(!format!("{settings:?}").contains("secret"));
}

#[test]
fn every_fault_is_found_at_once_with_its_line() {
    let told = faults(read(
        "[server]\nlisten = \"nonsense\"\npublic_url = \"http://eduline.example\"\ndata = \"var\"\nlisen = 1\n\
         [store]\nkind = \"paper\"\n[wayf]\ndefault_service = \"{public_url}/portail\"\nsoon = [\"nobody\"]\n\
         [[wayf.profiles]]\nid = \"Personnel\"\n[idp]\ncodaca = \"9\"\nchoose_post = [\"king\", \"eleve\"]\n[[idp.realms]]\nrealm = \"king\"\n\
         scope = \"AC.example\"\nname = { fr = \"x\" }\n[no_such_table]\nx = 1\n",
        &[("EDULINE__JOURNAL__KEEP_DAYS", "0"), ("EDULINE__ODD", "1")],
    ));
    for expected in [
        "f:2: server.listen",
        "f:3: server.public_url",
        "f:5: unknown key server.lisen; did you mean listen?",
        "f:7: store.kind",
        "f:10: wayf.soon",
        "f:12: wayf.profiles.id",
        "f:14: idp.codaca",
        "f:15: idp.choose_post: expected one of",
        "f:15: idp.choose_post: eleve is none",
        "f:17: idp.realms.realm",
        "f:18: idp.realms.scope",
        "f:20: unknown key no_such_table",
        "environment EDULINE__JOURNAL__KEEP_DAYS: journal.keep_days",
        "environment EDULINE__ODD",
    ] {
        assert!(
            told.iter().any(|fault| fault.starts_with(expected)),
            "{expected} is not in {told:#?}"
        );
    }
}

#[test]
fn what_is_not_toml_is_a_fault_with_its_line() {
    let told = faults(changed(&[("[admin]", "[admin\nx = = 1")]));
    assert!(
        told.iter().any(|fault| fault.starts_with("f:2")),
        "{told:?}"
    );
}

#[test]
fn a_missing_file_is_one_fault() {
    let told = load(Path::new("/no/such/file.toml"), std::iter::empty()).unwrap_err();
    assert_eq!(told.len(), 1);
    assert!(
        told[0]
            .to_string()
            .starts_with("/no/such/file.toml: cannot be read")
    );
}

#[test]
fn demo_is_refused_for_others_to_see() {
    for url in ["https://eduline.example", "https://localhost.example:8443"] {
        let told = faults(changed(&[
            ("demo = false", "demo = true"),
            ("http://localhost:8080", url),
        ]));
        assert!(
            told.iter().any(|fault| fault.contains("server.demo")),
            "{told:?}"
        );
    }
    for url in [
        "https://localhost:8443",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
    ] {
        let settings = changed(&[
            ("demo = false", "demo = true"),
            ("http://localhost:8080", url),
        ]);
        assert!(settings.unwrap().server.demo, "{url}");
    }
}

#[test]
fn every_value_has_its_bounds() {
    for (from, to) in [
        ("proxies = []", "proxies = [\"nowhere\"]"),
        ("proxies = []", "proxies = [\"10.0.0.0/33\"]"),
        ("workers = 0", "workers = 257"),
        ("workers = 0", "workers = -1"),
        ("workers = 0", "workers = 1.5"),
        ("workers = 0", "workers = \"two\""),
        ("demo = false", "demo = 1"),
        ("memory_kib = 19456", "memory_kib = 1024"),
        ("passes = 2", "passes = 0"),
        ("kind = \"sqlite\"", "kind = \"ldap\""),
        ("kind = \"embedded\"", "kind = \"redis\""),
        (
            "kind = \"embedded\"",
            "kind = \"redis\"\nurl = \"http://x\"",
        ),
        (
            "kind = \"embedded\"",
            "kind = \"redis\"\nurl = \"redis://house\"\nsentinels = [\"s1:26379\"]",
        ),
        ("kind = \"embedded\"", "kind = \"embedded\"\nreplicas = 9"),
        ("kind = \"rsa-2048\"", "kind = \"rsa-1024\""),
        ("soon = []", "soon = [1]"),
        ("soon = []", "soon = \"eleve\""),
        ("own_base = \"\"", "own_base = \"ftp://x\""),
        ("own_base = \"\"", "own_base = 3"),
        ("refresh_s = 3600", "refresh_s = 0"),
        ("id = \"eleve\"", "id = \"personnel\""),
        (
            "providers = [\"{public_url}/idp/personnel\"]",
            "providers = []",
        ),
        (
            "providers = [\"{public_url}/idp/personnel\"]",
            "providers = [\"no uri\"]",
        ),
        ("realm = \"eleve\"", "realm = \"personnel\""),
        ("codaca = \"009\"", "codaca = \"109\""),
        ("scope = \"ac-demo.example\"", "scope = \"localhost\""),
        ("[portal]", "[portal]\ncatalog = \"x\""),
        ("[viewer]", "viewer = 1\n[viewer2]"),
    ] {
        let told = faults(changed(&[(from, to)]));
        assert!(!told.is_empty(), "{to}");
        assert!(told.iter().all(|fault| fault.starts_with("f:")), "{told:?}");
    }
}

#[test]
fn an_address_is_trusted_with_a_key_only() {
    let source = |lines: &str| {
        let mut text = std::fs::read_to_string(example()).unwrap();
        text.push_str("\n[[federation.sources]]\nname = \"other\"\n");
        text.push_str(lines);
        read(&text, &[])
    };
    let settings = source("folder = \"metadata\"\nhorizon_days = 5\n").unwrap();
    let read = settings.federation.sources.first().unwrap();
    assert!(matches!(&read.place, SourcePlace::Folder(path) if path.ends_with("metadata")));
    assert_eq!((read.horizon_days, read.pinned.len()), (Some(5), 0));
    for lines in [
        "",
        "url = \"https://federation.example/all.xml\"\n",
        "url = \"https://federation.example/all.xml\"\nkey = \"none.pem\"\n",
        "file = \"a.xml\"\nfolder = \"b\"\n",
    ] {
        assert!(!faults(source(lines)).is_empty(), "{lines}");
    }
}

#[test]
fn what_we_say_of_ourselves_is_looked_at() {
    let contact = "contact = \"federation@ac-demo.example\"";
    for (from, to, said) in [
        (contact, "contact = \"nobody\"", "an address of mail"),
        (
            contact,
            "contact = \"mailto:a@b.example\"",
            "an address of mail",
        ),
        (
            "support = \"\"",
            "support = \"a b@c.example\"",
            "an address of mail",
        ),
        (
            "privacy = \"\"",
            "privacy = \"javascript:x\"",
            "expected an address",
        ),
        (
            "registrar = \"\"",
            "registrar = \"us\"",
            "expected an address",
        ),
        (
            "categories = []",
            "categories = [\"hidden\"]",
            "expected a URI",
        ),
    ] {
        let faults = faults(changed(&[(from, to)]));
        assert!(
            faults.iter().any(|fault| fault.contains(said)),
            "{faults:?}"
        );
    }
    let sirtfi = (
        "assurance = []",
        "assurance = [\"https://refeds.org/sirtfi\"]",
    );
    assert!(changed(&[sirtfi]).is_ok());
    let told = faults(changed(&[sirtfi, (contact, "contact = \"\"")]));
    assert!(
        told.iter().any(|fault| fault.contains("security contact")),
        "{told:?}"
    );
    let settings = changed(&[]).unwrap().organization;
    assert_eq!(settings.security, settings.contact);
    let settings = changed(&[("support = \"\"", "support = \"aide@ac-demo.example\"")]).unwrap();
    let support = settings.organization.support;
    assert_eq!(support.as_deref(), Some("aide@ac-demo.example"));
}

#[test]
fn the_common_domain_is_looked_at() {
    let public = ("EDULINE_PUBLIC_URL", "https://sso.ac-demo.example");
    let text = std::fs::read_to_string(example()).unwrap();
    let ours = text.replacen(
        "common_domain = \"\"",
        "common_domain = \".ac-demo.example\"",
        1,
    );
    let settings = read(&ours, &[public]).unwrap();
    assert_eq!(
        settings.wayf.common_domain.as_deref(),
        Some("ac-demo.example")
    );
    for bad in [
        "demo.example",
        "o.example",
        "evil.example",
        "sso.ac-demo.example.evil.example",
    ] {
        let text = text.replacen(
            "common_domain = \"\"",
            &format!("common_domain = \"{bad}\""),
            1,
        );
        let told = faults(read(&text, &[public]));
        assert!(told[0].contains("a domain that"), "{told:?}");
    }
    assert!(changed(&[]).unwrap().wayf.common_domain.is_none());
}

#[test]
fn suggestions_are_looked_at() {
    let text = std::fs::read_to_string(example()).unwrap();
    let hint = |hint: &str| {
        let text = text.replacen("[idp]\n", &format!("[[wayf.hints]]\n{hint}\n\n[idp]\n"), 1);
        read(&text, &[])
    };
    let settings =
        hint("networks = [\"10.0.0.0/8\"]\nproviders = [\"{public_url}/idp/eleve\"]").unwrap();
    assert_eq!(settings.wayf.hints.len(), 1);
    for fine in [
        "name = \"lycee-pasteur\"",
        "machines = [\"lycee-pasteur.example\", \".ac-lille.fr\"]",
        "services = [\"{public_url}/magistere\"]",
    ] {
        let settings = hint(&format!("{fine}\nproviders = [\"urn:x\"]")).unwrap();
        assert_eq!(settings.wayf.hints.len(), 1, "{fine}");
    }
    for (bad, said) in [
        (
            "networks = [\"10.0.0.0/33\"]\nproviders = [\"urn:x\"]",
            "between 0 and 32",
        ),
        (
            "networks = []\nproviders = [\"urn:x\"]",
            "say which visitors",
        ),
        ("networks = [\"10.0.0.1\"]", "say which visitors"),
        (
            "networks = [\"10.0.0.1\"]\nproviders = [\"no uri\"]",
            "no uri",
        ),
        (
            "networks = [\"10.0.0.1\"]\nproviders = [\"urn:x\"]\ncolour = 1",
            "unknown key",
        ),
        (
            "name = \"Lycée/../x\"\nproviders = [\"urn:x\"]",
            "lower-case letters",
        ),
        ("services = [\"no uri\"]\nproviders = [\"urn:x\"]", "no uri"),
        (
            "machines = [\"a..b\"]\nproviders = [\"urn:x\"]",
            "the name of a domain",
        ),
        (
            "machines = [\"10.0.0.1\"]\nproviders = [\"urn:x\"]",
            "the name of a domain",
        ),
    ] {
        let told = faults(hint(bad));
        assert!(
            told.iter().any(|fault| fault.contains(said)),
            "{bad}: {told:?}"
        );
    }
}
