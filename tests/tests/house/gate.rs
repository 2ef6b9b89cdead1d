//! An application without SAML behind nginx and the gate: who comes to it is told in headers that nobody
//! else can write.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use tempfile::TempDir;
use visits::house::root;
use visits::process::{Running, free_port};
use visits::{Answer, Client, House, Phone, nginx};

use crate::portal::house_of;
use crate::second_factors::{SEED, half_way, typed};

/// The house, a proxy, and behind it an application that says what it was sent.
struct Scene {
    house: House,
    port: u16,
    _proxy: Running,
    _folder: TempDir,
}

impl Scene {
    fn start() -> Self {
        Self::of("carnet", "none", "enseignant_1d")
    }

    fn of(id: &str, otp: &str, function: &str) -> Self {
        let (port, backend) = (free_port(), application());
        let more = format!(
            "\n[[application]]\nid = \"{id}\"\nnom = \"Carnet\"\ncategorie = \"scolarite-1d\"\n\
             rubrique = \"Carnets\"\nrubrique_en = \"Records\"\ndescription = \"Carnet.\"\n\
             description_en = \"Records.\"\nprofils = [\"personnel\"]\nfonctions = [\"{function}\"]\n\
             delegable = false\notp = \"{otp}\"\nurl = \"https://localhost:{port}/\"\nporte = true\n"
        );
        let (folder, house) = house_of(&[], &more);
        let made = std::process::Command::new("sh")
            .arg(root().join("config/docker/make-certificate"))
            .env("TLS_FOLDER", folder.path())
            .status();
        assert!(made.unwrap().success());
        let at = folder.path().display();
        let mut http = std::fs::read_to_string(root().join("deploy/nginx/gate.conf")).unwrap();
        let connexion = house.url();
        let connexion = connexion.trim_start_matches("http://");
        for (from, to) in [
            ("443 ssl", format!("127.0.0.1:{port} ssl")),
            ("/etc/nginx/carnet.crt", format!("{at}/proxy.crt")),
            ("/etc/nginx/carnet.key", format!("{at}/proxy.key")),
            (
                "127.0.0.1:8080",
                connexion.replace("localhost", "127.0.0.1"),
            ),
            ("127.0.0.1:9000", format!("127.0.0.1:{backend}")),
            ("porte/carnet/", format!("porte/{id}/")),
            ("connexion.ac-demo.example", connexion.to_owned()),
        ] {
            assert!(http.contains(from), "{from}");
            http = http.replace(from, &to);
        }
        Self {
            house,
            port,
            _proxy: nginx::start(&folder.path().join("nginx"), port, &http),
            _folder: folder,
        }
    }

    /// A browser: what it is at the portal, and what it is at the application (two hosts, two jars).
    fn browser(&self) -> (Client, Client) {
        let there = Client::new(format!("https://localhost:{}", self.port));
        (self.house.client(), there)
    }

    /// Follows what a browser is told on both hosts, until there is a page.
    fn walk(&self, (portal, there): (&Client, &Client), mut answer: Answer) -> Answer {
        let application = format!("https://localhost:{}/", self.port);
        for _ in 0..12 {
            if !matches!(answer.status, 302 | 303) {
                return answer;
            }
            let to = answer.location().to_owned();
            answer = if to.starts_with(&application) {
                there.get(&to)
            } else {
                portal.get(&to)
            };
        }
        panic!("too many redirects at {}", answer.url);
    }
}

/// What the application was sent: its page is the head of the request.
fn application() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut head = Vec::new();
            let mut chunk = [0; 4096];
            while !head.windows(4).any(|four| four == b"\r\n\r\n") {
                match stream.read(&mut chunk) {
                    Ok(0) | Err(_) => break,
                    Ok(read) => head.extend_from_slice(&chunk[..read]),
                }
            }
            let length = head.len();
            let line = format!(
                "HTTP/1.0 200 OK\r\nContent-Length: {length}\r\nSet-Cookie: panier=3; Path=/\r\n\r\n"
            );
            stream.write_all(line.as_bytes()).ok();
            stream.write_all(&head).ok();
        }
    });
    port
}

/// Every value of a header in what the application was sent.
fn sent<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let lines = answer.body.lines();
    let pairs = lines.filter_map(|line| line.split_once(": "));
    let like = |found: &str| found.replace('_', "-").eq_ignore_ascii_case(name);
    pairs
        .filter(|(found, _)| like(found))
        .map(|(_, value)| value)
        .collect()
}

#[test]
fn x05_an_application_without_saml_is_told_who_comes() {
    let scene = Scene::start();
    let (portal, there) = scene.browser();
    // A deep link, by somebody who is not signed in anywhere.
    let wayf = scene.walk(
        (&portal, &there),
        there.get("/eleve/12?onglet=notes&x=%C3%A9"),
    );
    let login = portal.choose(&wayf, "personnel");
    let answer = portal.sign_in(&login, "amartin", visits::PASSWORD);
    let response = answer.field("SAMLResponse").unwrap();
    let action = answer.action("SAMLResponse").unwrap();
    let landed = portal.post(&action, &[("SAMLResponse", &response)]);
    let page = scene.walk((&portal, &there), landed);
    assert!(
        page.body
            .starts_with("GET /eleve/12?onglet=notes&x=%C3%A9 HTTP"),
        "{}",
        page.body
    );
    assert_eq!(sent(&page, "x-eduline-user"), ["amartin"]);
    assert_eq!(sent(&page, "x-eduline-name"), ["Anne Martin"]);
    assert_eq!(sent(&page, "x-eduline-profile"), ["personnel"]);
    assert_eq!(sent(&page, "x-eduline-functions"), ["enseignant_1d"]);
    let provider = scene.house.at("/idp/personnel");
    assert_eq!(sent(&page, "x-eduline-provider"), [provider.as_str()]);

    // The key an operator gives the application proves it.
    let key = scene.house.run(&["keys", "gate", "carnet"]);
    let key = String::from_utf8(key.stdout).unwrap();
    let token = sent(&page, "x-eduline-token")[0];
    let (said, proof) = token.rsplit_once('.').unwrap();
    let pkey = PKey::hmac(key.trim().as_bytes()).unwrap();
    let mut signer = Signer::new(MessageDigest::sha256(), &pkey).unwrap();
    let made = signer.sign_oneshot_to_vec(said.as_bytes()).unwrap();
    assert_eq!(URL_SAFE_NO_PAD.encode(made), proof);
    let part = |n: usize| -> serde_json::Value {
        let part = said.split('.').nth(n).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert_eq!(part(0)["alg"], "HS256");
    let claims = part(1);
    assert_eq!(claims["sub"], "amartin");
    assert_eq!(claims["aud"], "carnet");
    assert_eq!(claims["iss"], scene.house.at(""));
    let (from, until) = (
        claims["iat"].as_i64().unwrap(),
        claims["exp"].as_i64().unwrap(),
    );
    assert_eq!(until - from, 60);
    assert!((chrono::Utc::now().timestamp() - from).abs() < 30);

    // What opens the gate is not shown to the application; what is the application's own is.
    there.set_cookie("avant", "1");
    there.set_cookie("zebre", "2");
    let again = there.get("/");
    let cookies = sent(&again, "cookie").join("; ");
    for kept in ["avant=1", "panier=3", "zebre=2"] {
        assert!(cookies.split("; ").any(|one| one == kept), "{cookies}");
    }
    assert!(there.cookies().keys().any(|name| name.ends_with("porte")));
    assert!(
        !cookies.contains("porte=") && !cookies.contains("depart="),
        "{cookies}"
    );
    let metrics = scene.house.journal();
    let opened = metrics
        .iter()
        .filter(|line| line["event"] == "portal.gate.opened");
    assert_eq!(opened.count(), 1);
}

/// Signs `login` in at the portal and opens the application.
fn opened(scene: &Scene, login: &str) -> (Client, Client, Answer) {
    let (portal, there) = scene.browser();
    portal.arrive("personnel", login);
    let page = scene.walk((&portal, &there), there.get("/"));
    (portal, there, page)
}

#[test]
fn x05_what_a_visitor_claims_in_headers_never_reaches_the_application() {
    let scene = Scene::start();
    let (_, there, page) = opened(&scene, "amartin");
    assert_eq!(sent(&page, "x-eduline-user"), ["amartin"]);
    let claims = [
        ("X-Eduline-User", "bleroy"),
        ("x_eduline_user", "bleroy"),
        ("X-Eduline_User", "bleroy"),
        ("X-Eduline-Functions", "dasen"),
        ("X-Eduline-Token", "a.b.c"),
        ("X-Original-URI", "//evil.example/"),
    ];
    let answer = there.get_with("/", &claims);
    assert_eq!(sent(&answer, "x-eduline-user"), ["amartin"]);
    assert_eq!(sent(&answer, "x-eduline-functions"), ["enseignant_1d"]);
    assert!(
        !answer.body.contains("bleroy") && !answer.body.contains("a.b.c"),
        "{}",
        answer.body
    );
    // Nor is anybody somebody by claiming it.
    let (_, stranger) = scene.browser();
    let answer = stranger.get_with("/", &claims);
    assert_eq!(answer.status, 303, "{}", answer.body);
    let to = answer.location();
    assert!(
        to.starts_with(&scene.house.at("/portail/porte/carnet?depart=")),
        "{to}"
    );
    assert!(to.ends_with("&vers=%2F"), "{to}");
}

#[test]
fn x05_the_gate_opens_to_whom_the_portals_rule_opens_it() {
    let scene = Scene::of("bilan", "none", "directeur_ecole");
    let (_, there, page) = opened(&scene, "amartin");
    assert_eq!(page.status, 403, "{}", page.body);
    assert_eq!(page.code().as_deref(), Some("EDU-7431"));
    assert!(!there.cookies().keys().any(|name| name.ends_with("porte")));
    let (_, _, page) = opened(&scene, "bleroy");
    assert!(
        sent(&page, "x-eduline-functions")
            .join(",")
            .contains("directeur_ecole")
    );
    // The keys of what is not behind the gate are nobody's.
    let refused = scene.house.run(&["keys", "gate", "magistere"]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("bilan"));
}

#[test]
fn x05_a_ticket_serves_once_in_the_browser_that_set_out() {
    let scene = Scene::start();
    let (portal, there) = scene.browser();
    portal.arrive("personnel", "amartin");
    let gone = there.get("/a");
    let ticket = portal.get(gone.location()).location().to_owned();
    // Somebody else's browser, with a departure of its own, gets nothing for it, and it is spent.
    let (_, other) = scene.browser();
    other.get("/b");
    let refused = other.get(&ticket);
    assert_eq!(
        (refused.status, refused.code().as_deref()),
        (403, Some("EDU-7432"))
    );
    assert_eq!(there.get(&ticket).status, 403);
    assert_eq!(other.get("/b").status, 303);
    // Anew, it serves once.
    let ticket = portal.get(there.get("/a").location()).location().to_owned();
    assert_eq!(there.get(&ticket).status, 303);
    assert_eq!(sent(&there.get("/a"), "x-eduline-user"), ["amartin"]);
    assert_eq!(there.get(&ticket).status, 403);
    // A link of somebody else's to the portal's side leads to the application, not past it.
    for departure in ["", "?depart=x", "?vers=https%3A%2F%2Fevil.example"] {
        let answer = portal.get(&format!("/portail/porte/carnet{departure}"));
        assert_eq!(
            answer.location(),
            format!("https://localhost:{}/", scene.port)
        );
    }
    let departure = "0".repeat(64);
    for elsewhere in [
        "%2F%2Fevil.example",
        "https%3A%2F%2Fevil.example",
        "%40evil.example",
        "%2F%5Cevil.example",
    ] {
        let answer = portal.get(&format!(
            "/portail/porte/carnet?depart={departure}&vers={elsewhere}"
        ));
        assert!(answer.location().starts_with(&format!(
            "https://localhost:{}/_eduline/entrer?billet=",
            scene.port
        )));
    }
    // What is not behind the gate has none.
    for path in [
        "/portail/porte/magistere",
        "/portail/porte/x/verifier",
        "/portail/porte/%00/aller",
    ] {
        assert!(matches!(portal.get(path).status, 400 | 404), "{path}");
    }
}

#[test]
fn x05_the_gate_shuts_with_the_portals_session_and_loses_no_form_quietly() {
    let mut scene = Scene::start();
    let (portal, there, page) = opened(&scene, "amartin");
    assert_eq!(page.status, 200);
    let form = there.post("/saisie", &[("note", "12")]);
    assert!(form.body.starts_with("POST /saisie"), "{}", form.body);
    let csrf = portal.get("/portail/logout").field("csrf").unwrap();
    portal.post("/portail/logout", &[("csrf", &csrf)]);
    assert_eq!(there.get("/").status, 303);
    let late = there.post("/saisie", &[("note", "12")]);
    assert_eq!(
        (late.status, late.code().as_deref()),
        (401, Some("EDU-7433"))
    );
    // By the application's own way out, its pass is void at once.
    let (_, there, page) = opened(&scene, "amartin");
    assert_eq!(page.status, 200);
    let kept = there.cookies();
    let out = there.get("/_eduline/sortir");
    assert_eq!(out.location(), scene.house.at("/portail/logout"));
    for (name, value) in kept {
        there.set_cookie(&name, &value);
    }
    assert_eq!(there.get("/").status, 303);
    // When nobody can say who it is, nobody comes in, and a page says why.
    scene.house.kill();
    let away = there.get("/");
    assert_eq!(away.status, 503, "{}", away.body);
    assert!(away.body.contains("ne répond pas"), "{}", away.body);
}

#[test]
fn x05_the_gate_asks_for_a_second_factor_where_the_catalogue_does() {
    let scene = Scene::of("carnet", "always", "*");
    let (portal, there) = scene.browser();
    portal.arrive("personnel", "amartin");
    let asked = portal.get(there.get("/").location());
    let to = asked.location();
    assert!(
        to.contains("/idp/personnel/") && to.contains("SAMLRequest="),
        "{to}"
    );
    assert!(!there.cookies().keys().any(|name| name.ends_with("porte")));
    // Who proved one at sign-on is asked for nothing more.
    let (portal, code) = half_way(&scene.house);
    let answer = typed(&portal, &code, &Phone::with(SEED).code());
    portal.deliver(&answer);
    let (_, there) = scene.browser();
    let page = scene.walk((&portal, &there), there.get("/"));
    assert_eq!(sent(&page, "x-eduline-user"), ["epetit"]);
}
