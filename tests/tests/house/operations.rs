//! What operators are owed: a house that says when it must not be asked, that takes other settings
//! without losing a visit, that ends politely, and that tells what it does.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use visits::house::root;
use visits::process::{Running, free_port};
use visits::{House, Partner};

/// A copy of the shipped configuration, to be changed.
fn configuration(folder: &Path) -> PathBuf {
    let copied = Command::new("cp")
        .arg("-r")
        .args([root().join("config"), folder.join("config")])
        .status();
    assert!(copied.unwrap().success());
    folder.join("config/eduline.toml")
}

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(40), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// One request on a connection of its own; the status, or what went wrong.
fn visit(port: u16, path: &str) -> Result<u16, String> {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().map_err(|why| why.to_string())?;
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    status.ok_or_else(|| format!("no answer to {path}: {answer:?}"))
}

/// Visitors who come one after the other until told to go; everything that was not as it should be.
fn visitors(port: u16, until: &Arc<AtomicBool>) -> std::thread::JoinHandle<(u32, Vec<String>)> {
    let until = Arc::clone(until);
    std::thread::spawn(move || {
        let (mut count, mut lost) = (0, Vec::new());
        while !until.load(Ordering::Relaxed) {
            for path in ["/wayf/", "/health/live", "/idp/personnel/metadata"] {
                match visit(port, path) {
                    Ok(200) => count += 1,
                    other => lost.push(format!("{path}: {other:?}")),
                }
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        (count, lost)
    })
}

#[test]
fn o04_b07_settings_are_taken_or_refused_and_no_visit_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let file = configuration(folder.path());
    let words = folder.path().join("config/theme/words");
    std::fs::create_dir_all(&words).unwrap();
    let name = |academie: &str| {
        let text = format!("[site]\nacademie = \"{academie}\"\n");
        std::fs::write(words.join("fr.toml"), text).unwrap();
    };
    name("Académie de Lille");
    let shipped = std::fs::read_to_string(&file).unwrap();
    let shipped = shipped.replace("folder = \"\"", "folder = \"theme\"");
    std::fs::write(&file, &shipped).unwrap();
    let admin = format!("127.0.0.1:{}", free_port());
    let house = House::with(&[
        ("EDULINE_CONFIG", file.to_str().unwrap()),
        ("EDULINE__ADMIN__LISTEN", &admin),
    ]);
    let client = house.client();
    client.arrive("personnel", "amartin");
    let metrics = || client.get(&format!("http://{admin}/metrics")).body;
    let says = |text: &str| metrics().lines().any(|line| line == text);
    let page = || house.client().get("/wayf/").body;
    assert!(page().contains("Académie de Lille"));
    let gone = Arc::new(AtomicBool::new(false));
    let crowd = [(); 2].map(|()| visitors(house.port, &gone));

    // Words, then settings.
    name("Académie de Créteil");
    wait_until("other words", || page().contains("Académie de Créteil"));
    let offered = "value=\"eleve\">";
    assert!(page().contains(offered));
    let soon = shipped.replace("\nsoon = []", "\nsoon = [\"eleve\"]");
    assert_ne!(soon, shipped);
    std::fs::write(&file, &soon).unwrap();
    wait_until("a tile that comes later", || !page().contains(offered));
    assert!(says("eduline_settings_refused 0"), "{}", metrics());

    // What has faults is refused, and what stands goes on: words, a key nobody knows, what only a
    // restart can change.
    std::fs::write(words.join("fr.toml"), "[site\n").unwrap();
    wait_until("a refusal", || says("eduline_settings_refused 1"));
    assert!(page().contains("Académie de Créteil"));
    name("Académie de Nantes");
    wait_until("good words again", || says("eduline_settings_refused 0"));
    for wrong in ["\nsun = []", "\nsoon = [\"sun\"]"] {
        std::fs::write(&file, shipped.replace("\nsoon = []", wrong)).unwrap();
        wait_until("a refusal", || says("eduline_settings_refused 1"));
        assert!(!page().contains(offered), "the last good ones stand");
        std::fs::write(&file, &soon).unwrap();
        wait_until("good settings again", || says("eduline_settings_refused 0"));
    }
    let moved = soon.replace("folder = \"journal\"", "folder = \"elsewhere\"");
    std::fs::write(&file, &moved).unwrap();
    wait_until("a refusal", || says("eduline_settings_refused 1"));
    assert!(!house.data.path().join("elsewhere").exists());
    let told = house.journal();
    let faults = |text: &str| {
        told.iter().any(|line| {
            line["event"] == "settings.refused" && line["faults"].as_str().unwrap().contains(text)
        })
    };
    assert!(faults("unknown key wayf.sun"));
    assert!(faults("words/fr.toml"));
    assert!(faults("journal changes with a restart only"));

    // Metadata that ends: nobody is to be sent here while it is needed, and whoever comes is served.
    let metadata = folder.path().join("partner.xml");
    let partner = Partner::new("sp.partner.example").metadata();
    let until = visits::client::between(&partner, "validUntil=\"", "\"").unwrap();
    let ends = visits::forge::now() + chrono::Duration::seconds(4);
    let ends = ends.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    std::fs::write(&metadata, partner.replace(&until, &ends)).unwrap();
    let source = format!(
        "\n[[federation.sources]]\nname = \"partenaires\"\nfile = {:?}\n",
        metadata.to_str().unwrap()
    );
    std::fs::write(&file, format!("{soon}{source}")).unwrap();
    let ready = || house.client().get("/health/ready");
    wait_until("metadata that ended", || ready().status == 503);
    let why = ready().body;
    assert!(why.contains("partenaires: metadata ended at"), "{why}");
    assert!(says("eduline_ready 0") && says("eduline_away{dependency=\"federation\"} 1"));
    std::fs::write(&file, format!("{soon}{source}needed = false\n")).unwrap();
    wait_until("that nobody needs", || ready().status == 200);

    gone.store(true, Ordering::Relaxed);
    for visitors in crowd {
        let (count, lost) = visitors.join().unwrap();
        assert!(lost.is_empty(), "{lost:?} after {count} visits");
        assert!(count > 50, "{count}");
    }
    assert_eq!(
        client.get("/portail/").user().as_deref(),
        Some("amartin"),
        "a session"
    );
    assert_eq!(client.get("/nowhere").status, 404);
    everything_is_told(&metrics(), &house, &admin);
}

/// Whatever alerts and dashboards ask for is told, and the page for people stands beside it (B04, B10).
fn everything_is_told(metrics: &str, house: &House, admin: &str) {
    let asked = ["prometheus/alerts.yml", "grafana/eduline.json"];
    let asked =
        asked.map(|file| std::fs::read_to_string(root().join("deploy").join(file)).unwrap());
    let asked = asked.join("\n");
    let words = asked.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let names = words.filter(|word| word.starts_with("eduline_") || word.starts_with("process_"));
    // Told only while there is something to tell.
    let rare = ["eduline_away", "eduline_peer_certificate_days_left"];
    for name in names.filter(|name| !rare.contains(name)) {
        let starts = |line: &str| {
            line.starts_with(&format!("{name}{{")) || line.starts_with(&format!("{name} "))
        };
        assert!(metrics.lines().any(starts), "{name}: {metrics}");
    }
    for line in [
        "eduline_logins_total{realm=\"personnel\",result=\"accepted\",factor=\"password\",sp=\"",
        "eduline_answer_seconds_bucket{route=\"/wayf/\",le=\"",
        "eduline_certificate_days_left{key=\"idp-personnel\",state=\"current\"} 36",
        "eduline_queue{queue=\"passwords\"} 0",
        "eduline_directory_connections{state=\"busy\"} ",
        "eduline_metadata_age_seconds{source=\"own.idp-personnel\"} ",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    let status = house.client().get(&format!("http://{admin}/etat"));
    assert_eq!((status.status, status.header("refresh")), (200, Some("30")));
    assert!(status.body.contains("Tout répond"), "{}", status.body);
    let still = house
        .client()
        .get(&format!("http://{admin}/etat?fixe=true&lang=en"));
    assert_eq!(still.header("refresh"), None);
    assert!(still.body.contains("Everything answers"), "{}", still.body);
    assert_eq!(
        house.client().get("/etat").status,
        404,
        "never on the public listener"
    );
}

#[test]
fn b07_a_store_that_is_away_is_told_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let start = || {
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
        ]);
        let mut redis = Running::start(command.arg("--dir").arg(folder.path()));
        redis.wait_for_port(port);
        redis
    };
    let redis = start();
    let url = format!("redis://127.0.0.1:{port}/0");
    let house = House::with(&[
        ("EDULINE__STORE__KIND", "redis"),
        ("EDULINE__STORE__URL", &url),
    ]);
    let ready = || house.client().get("/health/ready");
    drop(redis);
    wait_until("a store that is away", || ready().status == 503);
    let why = ready().body;
    assert!(why.contains("\"name\":\"store\""), "{why}");
    assert_eq!(house.client().get("/health/live").status, 200);
    let _redis = start();
    wait_until("a store that is back", || ready().status == 200);
}

#[test]
fn b07_a_stop_is_told_and_visits_under_way_end() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("notify");
    let heard = UnixDatagram::bind(&socket).unwrap();
    heard
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let mut house = House::with(&[
        ("NOTIFY_SOCKET", socket.to_str().unwrap()),
        ("EDULINE__SERVER__LEAVE_S", "6"),
    ]);
    let hear = |wanted: &str| {
        let mut said = [0; 200];
        loop {
            let length = heard.recv(&mut said).expect(wanted);
            if &said[..length] == wanted.as_bytes() {
                return;
            }
        }
    };
    hear("READY=1");
    // Somebody is in the middle of sending a form.
    let mut visit = TcpStream::connect(("127.0.0.1", house.port)).unwrap();
    visit
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let head = format!(
        "POST /wayf/ HTTP/1.1\r\nhost: localhost:{}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 17\r\n\r\nprofile=",
        house.port
    );
    visit.write_all(head.as_bytes()).unwrap();
    let told = Command::new("kill").arg(house.pid().to_string()).status();
    assert!(told.unwrap().success());
    hear("STOPPING=1");
    let answer = house.client().get("/health/ready");
    assert_eq!(
        answer.status, 503,
        "no balancer sends anybody here: {}",
        answer.body
    );
    assert!(answer.body.contains("told to stop"), "{}", answer.body);
    assert_eq!(
        house.client().get("/wayf/").status,
        200,
        "and whoever comes is served"
    );
    wait_until("a door that closes", || {
        TcpStream::connect(("127.0.0.1", house.port)).is_err()
    });
    visit.write_all(b"personnel").unwrap();
    let mut answer = String::new();
    visit.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 4"), "a whole answer: {answer}");
    assert!(answer.contains("EDU-"), "{answer}");
    wait_until("an end", || !house.is_alive());
}

/// What comes of it when a tool is not there is the same as when it finds a fault.
fn passes(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|why| panic!("{command:?}: {why}"));
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&said)
    );
}

#[test]
fn b08_each_alert_fires_and_keeps_quiet() {
    let promtool = root().join("var/test-tools/promtool");
    let rules = root().join("deploy/prometheus");
    passes(
        Command::new(&promtool)
            .args(["check", "rules", "alerts.yml"])
            .current_dir(&rules),
    );
    passes(
        Command::new(&promtool)
            .args(["test", "rules", "alerts.test.yml"])
            .current_dir(&rules),
    );
    let alerts = std::fs::read_to_string(rules.join("alerts.yml")).unwrap();
    let tests = std::fs::read_to_string(rules.join("alerts.test.yml")).unwrap();
    let runbooks = std::fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let headings: Vec<String> = runbooks
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .map(|title| title.to_lowercase().replace(' ', "-"))
        .collect();
    let mut count = 0;
    for line in alerts.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("- alert: ") {
            count += 1;
            assert!(tests.contains(&format!("name: {name} fires")), "{name}");
            assert!(
                tests.contains(&format!("name: {name} keeps quiet")),
                "{name}"
            );
        }
        if let Some(runbook) = line.strip_prefix("runbook: docs/operations.md#") {
            assert!(
                headings.iter().any(|heading| heading == runbook),
                "{runbook}"
            );
        }
    }
    assert!(count >= 10, "{count}");
}

#[test]
fn o06_what_is_deployed_is_well_formed() {
    let folder = tempfile::tempdir().unwrap();
    let unit = std::fs::read_to_string(root().join("deploy/systemd/eduline.service")).unwrap();
    for line in [
        "Type=notify",
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
    ] {
        assert!(unit.lines().any(|found| found == line), "{line}");
    }
    if Path::new("/usr/bin/systemd-analyze").exists() {
        let program = visits::house::binary().display().to_string();
        let unit = unit.replace("/usr/local/bin/eduline", &program);
        let path = folder.path().join("eduline.service");
        std::fs::write(&path, unit).unwrap();
        passes(Command::new("systemd-analyze").arg("verify").arg(&path));
    }
    let validate = root().join("var/test-tools/deploy/bin/kubernetes-validate");
    let manifests = root().join("deploy/kubernetes/eduline.yaml");
    passes(Command::new(validate).arg("--strict").arg(&manifests));
    let manifests = std::fs::read_to_string(manifests).unwrap();
    for kind in [
        "Deployment",
        "PodDisruptionBudget",
        "HorizontalPodAutoscaler",
        "NetworkPolicy",
    ] {
        assert!(manifests.contains(&format!("kind: {kind}\n")), "{kind}");
    }
    let compose = std::fs::read_to_string(root().join("docker-compose.yml")).unwrap();
    assert_eq!(
        compose.matches("read_only: true").count(),
        3,
        "services, redis, proxy"
    );
    assert_eq!(compose.matches("no-new-privileges:true").count(), 3);
    assert_eq!(compose.matches("mem_limit: ").count(), 3);
    for line in [
        "readOnlyRootFilesystem: true",
        "runAsNonRoot: true",
        "path: /health/ready",
    ] {
        assert!(manifests.contains(line), "{line}");
    }
}

#[test]
fn o08_a_copy_comes_back_into_an_empty_place() {
    use std::os::unix::fs::PermissionsExt;
    let mut house = House::start();
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let partner = Partner::new("sp.partner.example");
    partner.register(&house, &["--attribute", "mail"]);
    let ran = |house: &House, arguments: &[&str]| {
        let mut command = house.command(arguments);
        let output = command.env("EDULINE_CONFIG", &config).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    };
    let done = |house: &House, arguments: &[&str]| {
        let (succeeded, said) = ran(house, arguments);
        assert!(succeeded, "{arguments:?}: {said}");
        said
    };
    done(&house, &["account", "disable", "personnel", "cdupont"]);
    house.client().arrive("personnel", "amartin");
    let file = folder.path().join("eduline.backup");
    let path = file.to_str().unwrap();
    let said = done(&house, &["backup", path]);
    assert!(said.contains("files"), "{said}");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (again, said) = ran(&house, &["backup", path]);
    assert!(
        !again && said.contains("exists"),
        "never written over: {said}"
    );
    // What is alike is copied alike, one moment after the other.
    let twin = folder.path().join("twin");
    done(&house, &["backup", twin.to_str().unwrap()]);
    let accounts = done(&house, &["account", "list"]);
    let keys = done(&house, &["keys", "list", "--json"]);
    let services = done(&house, &["sp", "list", "--json"]);

    let (over, said) = ran(&house, &["restore", path]);
    assert!(!over && said.contains("is there already"), "{said}");
    house.stop();
    for entry in std::fs::read_dir(house.data.path()).unwrap() {
        let path = entry.unwrap().path();
        let removed = if path.is_dir() {
            std::fs::remove_dir_all(path)
        } else {
            std::fs::remove_file(path)
        };
        removed.unwrap();
    }
    std::fs::remove_dir_all(folder.path().join("config")).unwrap();
    // Cut off, and changed by one octet: nothing is laid down.
    let whole = std::fs::read(&file).unwrap();
    let bad = folder.path().join("bad");
    let mut changed = whole.clone();
    changed[2000] ^= 1;
    for bytes in [&whole[..whole.len() / 2], &changed, b"no copy"] {
        std::fs::write(&bad, bytes).unwrap();
        let (taken, said) = ran(&house, &["restore", bad.to_str().unwrap()]);
        assert!(!taken && said.contains("bad: "), "{said}");
        assert!(!config.exists());
        assert_eq!(std::fs::read_dir(house.data.path()).unwrap().count(), 0);
    }
    done(&house, &["restore", path]);
    assert!(config.exists(), "the settings come with it");
    assert_eq!(done(&house, &["check"]).trim(), "no fault");
    assert_eq!(done(&house, &["account", "list"]), accounts);
    assert_eq!(done(&house, &["keys", "list", "--json"]), keys);
    assert_eq!(done(&house, &["sp", "list", "--json"]), services);
    house.open();
    let home = house.client().arrive("personnel", "amartin");
    assert_eq!(home.user().as_deref(), Some("amartin"));
    let client = house.client();
    let login = client.open(&partner.address(&house, &partner.request(&house)));
    let refused = client.sign_in(&login, "cdupont", visits::PASSWORD);
    assert_eq!(
        refused.field("SAMLResponse"),
        None,
        "disabled before, disabled after"
    );
}

#[test]
fn b06_a_line_for_each_answer_and_nobody_by_name() {
    let house = House::start();
    for login in ["amartin", "bleroy"] {
        house.client().arrive("personnel", login);
    }
    std::thread::sleep(Duration::from_millis(500));
    let ran = house.run(&["fticks", "--federation", "DEMO"]);
    let said = String::from_utf8(ran.stdout).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    let pseudonym = |line: &str| visits::client::between(line, "#PN=", "#").unwrap();
    for line in &lines {
        assert!(line.starts_with("F-TICKS/DEMO/1.0#TS="), "{line}");
        assert!(
            line.contains(&format!("#RP={}#", house.at("/portail"))),
            "{line}"
        );
        assert!(
            line.contains(&format!("#AP={}#", house.at("/idp/personnel"))),
            "{line}"
        );
        assert!(
            line.contains("#AM=urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport#"),
            "{line}"
        );
        assert!(
            line.ends_with("#RESULT=OK#") && pseudonym(line).len() == 64,
            "{line}"
        );
    }
    assert_ne!(pseudonym(lines[0]), pseudonym(lines[1]));
    for (wrong, code) in [
        (&["--federation", "a#b"][..], 1),
        (&["--federation", "X", "--day", "2020-01-01"], 1),
        (&[], 2),
    ] {
        let ran = house.run(&[&["fticks"], wrong].concat());
        assert_eq!(ran.status.code(), Some(code), "{wrong:?}");
    }
}

/// Somebody who asks for this and that, and has a sign-on half made, until nobody answers.
fn passer_by(url: String) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let client = visits::Client::new(url.clone());
        let provider = format!("{url}/idp/personnel");
        let asked = visits::client::form(&[("entityID", &provider)]);
        let asked = format!("/portail/login?{asked}");
        while client.try_get("/wayf/").is_ok() && client.try_get(&asked).is_ok() {}
    })
}

#[test]
fn o07_nothing_acknowledged_is_lost_by_kills_in_the_middle_of_work() {
    let kills = std::env::var("EDULINE_KILLS")
        .ok()
        .and_then(|text| text.parse().ok());
    let kills: u32 = kills.unwrap_or(8);
    let mut house = House::start();
    let mut known: Vec<visits::Client> = Vec::new();
    // Marsaglia's xorshift: the same moments in every run.
    let mut chance = 0x2545_f491_4f6c_dd1d_u64;
    for kill in 0..kills {
        let client = house.client();
        let home = client.arrive("personnel", "amartin");
        assert_eq!(
            home.user().as_deref(),
            Some("amartin"),
            "before kill {kill}"
        );
        known.push(client);
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        let busy = [(); 2].map(|()| passer_by(house.url()));
        std::thread::sleep(Duration::from_millis(chance % 120));
        house.kill();
        for one in busy {
            one.join().unwrap();
        }
        house.open();
        for (number, client) in known.iter().enumerate() {
            let user = client.get("/portail/").user();
            assert_eq!(
                user.as_deref(),
                Some("amartin"),
                "session {number} after kill {kill}"
            );
        }
    }
}

#[test]
fn h12_the_bill_of_materials_names_every_crate() {
    let written = Command::new(root().join("scripts/sbom")).output().unwrap();
    assert!(
        written.status.success(),
        "{}",
        String::from_utf8_lossy(&written.stderr)
    );
    let bill: serde_json::Value = serde_json::from_slice(&written.stdout).unwrap();
    assert_eq!(
        (&bill["bomFormat"], &bill["specVersion"]),
        (&"CycloneDX".into(), &"1.5".into())
    );
    let components = bill["components"].as_array().unwrap();
    let named = |name: &str| components.iter().find(|one| one["name"] == name);
    for name in [
        "openssl",
        "samael",
        "actix-web",
        "redb",
        "saml",
        "directory",
    ] {
        assert!(named(name).is_some(), "{name}");
    }
    // What only tests or builds use is not in the binary.
    for name in ["fantoccini", "proptest", "visits", "bindgen"] {
        assert!(named(name).is_none(), "{name}");
    }
    let foreign = components.iter().filter(|one| one["hashes"].is_array());
    assert!(foreign.clone().count() > 100);
    for one in foreign {
        assert!(one["licenses"][0]["expression"].is_string(), "{one}");
    }
}
