//! What things cost, each beside its limit measured in the same run (`make bench`).
//!
//! CPU time is the server process's own, all threads, in nanoseconds of the scheduler; the limits
//! are the bare cryptography that the work cannot do without, in this process.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use saml::{AuthnRequest, EntityId};
use visits::process::{cpu_exactly, memory_kb};
use visits::{Client, House, PASSWORD, forge};

/// Sign-ons with a live session that one row is the mean of.
const SIGN_ONS: u32 = 600;
/// Password logins.
const LOGINS: u32 = 30;
/// Signatures in an answer: Response and Assertion.
const SIGNATURES: u32 = 2;

/// One row: what, what it took, its limit, how much it may be, and whether it is.
struct Row {
    what: String,
    took: String,
    limit: String,
    aim: String,
    reached: bool,
}

fn main() {
    let mut rows = Vec::new();
    for kind in ["rsa-2048", "p-256"] {
        rows.push(sign_on(kind));
    }
    rows.push(login());
    rows.extend(start_and_memory());
    println!("| what | took | its limit, same run | to reach | reached |");
    println!("|---|---|---|---|---|");
    for row in &rows {
        let reached = if row.reached { "yes" } else { "no" };
        println!(
            "| {} | {} | {} | {} | {reached} |",
            row.what, row.took, row.limit, row.aim
        );
    }
}

/// One sign-on with a live session: `AuthnRequest` in, signed Response out.
fn sign_on(kind: &str) -> Row {
    let house = House::with(&[("EDULINE__KEYS__KIND", kind)]);
    let client = house.client();
    client.arrive("personnel", "amartin");
    let key = forge::key(&house, "portail");
    let to = house.at("/idp/personnel/sso/redirect");
    let addresses: Vec<String> = (0..SIGN_ONS + 50)
        .map(|_| saml::redirect::compose(&request(&house, &to), &to, None, &key).expect("composes"))
        .collect();
    let (warm, measured) = addresses.split_at(50);
    let ask = |address: &String| {
        let answer = client.get(address);
        assert!(answer.body.contains("SAMLResponse"), "{}", answer.body);
    };
    warm.iter().for_each(ask);
    let before = cpu_exactly(house.pid());
    measured.iter().for_each(ask);
    let each = (cpu_exactly(house.pid()) - before) / SIGN_ONS;
    let bare = bare_signature(&house) * SIGNATURES;
    let (aim, reached) = if kind == "rsa-2048" {
        let ratio = each.as_secs_f64() / bare.as_secs_f64();
        (format!("at most 1.5 × (is {ratio:.2} ×)"), ratio <= 1.5)
    } else {
        ("under 250 µs".to_owned(), each < Duration::from_micros(250))
    };
    Row {
        what: format!("sign-on with a live session, {kind}, CPU"),
        took: micros(each),
        limit: format!("{} for its two signatures", micros(bare)),
        aim,
        reached,
    }
}

fn request(house: &House, to: &str) -> AuthnRequest {
    AuthnRequest {
        id: forge::random_id(),
        issue_instant: forge::now(),
        issuer: EntityId::parse(&house.at("/portail")).expect("an entityID"),
        destination: Some(to.to_owned()),
        acs: saml::request::AcsChoice::Url(house.at("/portail/saml/acs")),
        protocol_binding: Some(saml::Binding::Post),
        force_authn: false,
        is_passive: false,
        name_id_policy: None,
        requested_context: None,
    }
}

/// One SHA-256 signature with the realm's own key, by OpenSSL alone.
fn bare_signature(house: &House) -> Duration {
    let path = house.data.path().join("keys/idp-personnel.pem");
    let pem = std::fs::read(path).expect("the key");
    let key = PKey::private_key_from_pem(&pem).expect("a key");
    let text = [7; 1500];
    let times = 1000;
    let sign = || {
        let mut signer = Signer::new(MessageDigest::sha256(), &key).expect("a signer");
        signer.sign_oneshot_to_vec(&text).expect("a signature")
    };
    for _ in 0..50 {
        sign();
    }
    let before = cpu_exactly(std::process::id());
    for _ in 0..times {
        std::hint::black_box(sign());
    }
    (cpu_exactly(std::process::id()) - before) / times
}

/// A login with a password: the POST alone.
fn login() -> Row {
    let house = House::start();
    let mut spent = Duration::ZERO;
    for _ in 0..LOGINS {
        let client = house.client();
        let page = client.choose(&client.open("/portail/"), "personnel");
        let (csrf, flow) = (
            page.field("csrf").expect("csrf"),
            page.field("flow").expect("flow"),
        );
        let action = page.action("name=\"password\"").expect("a form");
        let before = cpu_exactly(house.pid());
        let answer = client.post(
            &action,
            &[
                ("csrf", &csrf),
                ("flow", &flow),
                ("username", "amartin"),
                ("password", PASSWORD),
            ],
        );
        spent += cpu_exactly(house.pid()) - before;
        assert!(answer.status < 400, "{}", answer.body);
    }
    let each = spent / LOGINS;
    let bare = bare_hash();
    let ratio = each.as_secs_f64() / bare.as_secs_f64();
    Row {
        what: "password login, CPU".to_owned(),
        took: micros(each),
        limit: format!("{} for Argon2id, 19 MiB, 2 passes", micros(bare)),
        aim: format!("at most 1.5 × (is {ratio:.2} ×)"),
        reached: ratio <= 1.5,
    }
}

/// One Argon2id hash with the settings' default cost.
fn bare_hash() -> Duration {
    let params = Params::new(19456, 2, 1, None).expect("parameters");
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let times = 20;
    let hash = || {
        let mut out = [0; 32];
        argon
            .hash_password_into(PASSWORD.as_bytes(), b"sixteen bytes...", &mut out)
            .expect("a hash");
        out
    };
    hash();
    let before = cpu_exactly(std::process::id());
    for _ in 0..times {
        std::hint::black_box(hash());
    }
    (cpu_exactly(std::process::id()) - before) / times
}

/// From exec to the first answer, and memory at rest, on keys and accounts that are there.
fn start_and_memory() -> Vec<Row> {
    let mut house = House::start();
    house.kill();
    let mut starts: Vec<Duration> = (0..7).map(|_| first_answer(&house)).collect();
    starts.sort();
    let start = starts[starts.len() / 2];
    let bare = {
        let started = Instant::now();
        let mut child = house
            .command(&["--version"])
            .stdout(Stdio::null())
            .spawn()
            .expect("the binary runs");
        child.wait().expect("it ends");
        started.elapsed()
    };
    house.open();
    std::thread::sleep(Duration::from_secs(3));
    let (resident, _) = memory_kb(house.pid());
    let mut sleeper = Command::new("sleep").arg("60").spawn().expect("sleep");
    std::thread::sleep(Duration::from_millis(100));
    let (least, _) = memory_kb(sleeper.id());
    sleeper.kill().ok();
    sleeper.wait().ok();
    vec![
        Row {
            what: "from exec to the first answer, ready".to_owned(),
            took: format!("{} ms", start.as_millis()),
            limit: format!("{} ms to exec and end", bare.as_millis()),
            aim: "under 300 ms".to_owned(),
            reached: start < Duration::from_millis(300),
        },
        Row {
            what: "memory of `serve all` at rest".to_owned(),
            took: format!("{:.1} MB", megabytes(resident)),
            limit: format!("{:.1} MB for a process that sleeps", megabytes(least)),
            aim: "under 60 MB".to_owned(),
            reached: megabytes(resident) < 60.0,
        },
    ]
}

fn first_answer(house: &House) -> Duration {
    let client = Client::new(house.url());
    let started = Instant::now();
    let mut server = house
        .command(&["serve", "all"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs");
    while !client
        .try_get("/health/ready")
        .is_ok_and(|answer| answer.status == 200)
    {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "it does not start"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    let took = started.elapsed();
    server.kill().expect("it ends");
    server.wait().expect("it ends");
    took
}

fn micros(duration: Duration) -> String {
    format!("{} µs", duration.as_micros())
}

fn megabytes(kilobytes: u64) -> f64 {
    f64::from(u32::try_from(kilobytes).unwrap_or(u32::MAX)) * 1024.0 / 1e6
}
