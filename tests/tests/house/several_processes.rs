//! The story on the contract's topology: proxy with TLS, a process per service, Redis; from the
//! files that containers use.

use std::net::TcpStream;

use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode, SslVersion};
use visits::PASSWORD;
use visits::topology::Topology;

#[test]
fn o01_o05_the_story_on_several_processes_behind_tls() {
    let mut house = Topology::start();
    let client = house.client();
    let home = client.arrive("personnel", "amartin");
    assert_eq!(home.user().as_deref(), Some("amartin"), "{}", home.body);
    assert_eq!(home.url, house.at("/portail/"));
    for name in client.cookies().keys() {
        assert!(name.starts_with("__Host-"), "{name}");
    }
    let idp = house.at("/idp/personnel");
    let login = visits::client::form(&[("entityID", &idp)]);
    let answer = client.open(&format!("/magistere/login?{login}"));
    let viewer = client.deliver(&answer);
    assert_eq!(viewer.user().as_deref(), Some("amartin"), "{}", viewer.body);
    assert_eq!(viewer.url, house.at("/magistere/"));

    // Sessions are in Redis: a service that dies and comes back knows its people.
    house.kill("portal");
    house.open("portal");
    house.wait_until_ready();
    assert_eq!(client.get("/portail/").user().as_deref(), Some("amartin"));

    // Plain http is nowhere, and what is inside stays inside.
    let page = client.get("/portail/");
    assert!(page.header("strict-transport-security").is_some());
    assert_eq!(house.client().get("/metrics").status, 404);

    // IIP-ALG07: of what TLS once was, only what RFC 7457 says nothing against.
    let speaks = |version: SslVersion, suites: &str| {
        let mut way = SslConnector::builder(SslMethod::tls()).unwrap();
        way.set_verify(SslVerifyMode::NONE);
        way.set_min_proto_version(None).unwrap();
        way.set_max_proto_version(Some(version)).unwrap();
        way.set_cipher_list(&format!("{suites}:@SECLEVEL=0"))
            .unwrap();
        let stream = TcpStream::connect(("127.0.0.1", house.port)).unwrap();
        way.build().connect("localhost", stream).is_ok()
    };
    assert!(speaks(SslVersion::TLS1_2, "ECDHE+AESGCM"));
    for weak in ["ECDHE+AES+SHA1", "ECDHE+AES+SHA256"] {
        assert!(!speaks(SslVersion::TLS1_2, weak), "{weak}");
    }
    assert!(!speaks(SslVersion::TLS1_1, "ALL"));
}

/// S10 with a process for each service, two of the identity provider, and Redis.
#[test]
fn s10_an_ending_is_heard_by_every_process_and_acted_on_by_one() {
    let mut house = Topology::start();
    house.open_twin("idp");
    let client = house.client();
    client.arrive("personnel", "amartin");
    let idp = visits::client::form(&[("entityID", &house.at("/idp/personnel"))]);
    client.deliver(&client.open(&format!("/magistere/login?{idp}")));
    let user = |path: &str| client.get(path).user();
    assert_eq!(user("/magistere/").as_deref(), Some("amartin"));
    let done = house.run(&["account", "disable", "amartin"]);
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let started = std::time::Instant::now();
    while user("/portail/").is_some() || user("/magistere/").is_some() {
        assert!(started.elapsed().as_secs() < 20, "still in");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let logout = client.get("/idp/personnel/logout");
    assert_eq!(logout.field("csrf"), None, "{}", logout.body);
    // Once the other process has had its turn, too.
    std::thread::sleep(std::time::Duration::from_millis(2500));
    let folder = house.data.path().join("eduline/journal");
    let mut lines = String::new();
    for file in std::fs::read_dir(folder).unwrap().flatten() {
        lines.push_str(&std::fs::read_to_string(file.path()).unwrap());
    }
    let ended = lines.matches("\"idp.sessions.ended\"").count();
    assert_eq!(ended, 1, "{lines}");
    let told: Vec<&str> = lines
        .lines()
        .filter(|line| line.contains("\"idp.logout.service\""))
        .collect();
    assert_eq!(told.len(), 2);
    assert!(
        told.iter().all(|line| line.contains("\"done\"")),
        "{told:?}"
    );
}

#[tokio::test]
async fn o01_the_story_in_a_browser_behind_tls() {
    let house = Topology::start();
    let browser = house.browser().await;
    browser.goto("/portail/").await;
    browser.click("button[name=profile][value=personnel]").await;
    browser.sign_in("bleroy", PASSWORD).await;
    browser.hand_over(true).await;
    browser.find("body[data-user]").await;
    assert_eq!(browser.path().await, "/portail/");
    browser.click_link("Applications").await;
    browser.click_link("Formation à distance").await;
    browser.click_link("Magistere").await;
    browser.wait_for_path("/magistere/").await;
    assert_eq!(browser.user().await.as_deref(), Some("bleroy"));
    browser.close().await;
}
