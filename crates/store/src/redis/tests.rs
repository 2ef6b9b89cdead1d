use std::io;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

mod sentinels;
mod tls;

const KEEP: Duration = Duration::from_secs(60);
/// What a caller waits for at most, and a busy machine's pause.
const SOON: Duration = Duration::from_millis(2_800);

/// A real Redis on a free port, ended when dropped.
struct Server {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        // Another test may take the port between the choice and the start.
        (0..5)
            .find_map(|_| Self::on(free_port(), &[]))
            .expect("redis-server (Debian's package) is needed")
    }

    fn on(port: u16, more: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--dir"])
            .arg(folder.path())
            .args(more)
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        let started = Instant::now();
        // With TLS the plain port is 0, and the other one is asked.
        let tls = more.iter().position(|option| *option == "--tls-port");
        let asked = tls.map_or(port, |at| more[at + 1].parse().unwrap());
        let listens = || TcpStream::connect(("127.0.0.1", asked)).is_ok();
        while !listens() {
            let ended = child.try_wait().unwrap().is_some();
            if ended || started.elapsed() > Duration::from_secs(20) {
                child.kill().ok();
                child.wait().ok();
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self {
            child,
            port,
            folder,
        })
    }

    fn url(&self) -> String {
        assert!(self.folder.path().exists());
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Stops (`STOP`) or wakes (`CONT`) the process.
    fn signal(&self, name: &str) {
        let done = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(done.unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The shelf of one server.
async fn straight(url: &str) -> Result<Arc<dyn Shelf>, Away> {
    let url = url.to_owned();
    redis(&RedisAt {
        url,
        ..RedisAt::default()
    })
    .await
}

fn free_port() -> u16 {
    let any = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    any.local_addr().unwrap().port()
}

/// Asks until it answers; how long it took.
async fn until_it_answers(shelf: &Arc<dyn Shelf>) -> Duration {
    let started = Instant::now();
    while shelf.put("r", "back", vec![1], KEEP).await.is_err() {
        assert!(
            started.elapsed() < Duration::from_secs(15),
            "not used again"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    started.elapsed()
}

async fn is_away_soon(shelf: &Arc<dyn Shelf>) {
    let started = Instant::now();
    let told = shelf.get("r", "k").await.unwrap_err();
    assert!(matches!(told, Away::Unreachable(_)), "{told}");
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn conforms() {
    let server = Server::start();
    let shelf = straight(&server.url()).await.unwrap();
    crate::conformance::all(shelf, tokio::time::sleep).await;
}

#[tokio::test]
async fn two_processes_share_one_shelf() {
    let server = Server::start();
    let one = straight(&server.url()).await.unwrap();
    let two = straight(&server.url()).await.unwrap();
    assert!(one.put_once("r", "k", vec![1], KEEP).await.unwrap());
    assert!(!two.put_once("r", "k", vec![2], KEEP).await.unwrap());
    assert_eq!(two.take("r", "k").await.unwrap(), Some(vec![1]));
    assert_eq!(one.get("r", "k").await.unwrap(), None);
    assert_eq!(one.count("r", "c", KEEP).await.unwrap(), 1);
    assert_eq!(two.count("r", "c", KEEP).await.unwrap(), 2);
}

#[tokio::test]
async fn nothing_is_kept_without_an_end() {
    let server = Server::start();
    let shelf = straight(&server.url()).await.unwrap();
    shelf.put("r", "p", vec![1], KEEP).await.unwrap();
    shelf.put_once("r", "o", vec![1], KEEP).await.unwrap();
    shelf.count("r", "c", KEEP).await.unwrap();
    shelf.count("r", "c", KEEP).await.unwrap();
    let client = Client::open(server.url()).unwrap();
    let mut direct = client.get_multiplexed_async_connection().await.unwrap();
    let mut keys: Vec<String> = redis::cmd("KEYS")
        .arg("*")
        .query_async(&mut direct)
        .await
        .unwrap();
    keys.sort();
    assert_eq!(keys, ["eduline:r:c", "eduline:r:o", "eduline:r:p"]);
    for key in keys {
        let left: i64 = redis::cmd("PTTL")
            .arg(&key)
            .query_async(&mut direct)
            .await
            .unwrap();
        assert!((50_000..=60_000).contains(&left), "{key}: {left}");
    }
}

#[tokio::test]
async fn a_server_that_is_away_at_start_is_used_once_it_is_there() {
    let port = free_port();
    let shelf = straight(&format!("redis://127.0.0.1:{port}"))
        .await
        .unwrap();
    is_away_soon(&shelf).await;
    assert!(shelf.ready().await.is_err());
    let _server = Server::on(port, &[]).unwrap();
    until_it_answers(&shelf).await;
    shelf.ready().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_killed_is_told_soon_and_used_again_when_it_is_back() {
    let server = Server::start();
    let port = server.port;
    let shelf = straight(&server.url()).await.unwrap();
    shelf.put("r", "k", vec![1], KEEP).await.unwrap();
    drop(server);
    for _ in 0..3 {
        is_away_soon(&shelf).await;
    }
    let _server = Server::on(port, &[]).unwrap();
    assert!(until_it_answers(&shelf).await < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_makes_nobody_wait_behind_another() {
    let server = Server::start();
    let shelf = straight(&server.url()).await.unwrap();
    shelf.put("r", "k", vec![1], KEEP).await.unwrap();
    server.signal("STOP");
    let started = Instant::now();
    let callers: Vec<_> = (0..200)
        .map(|_| {
            let shelf = Arc::clone(&shelf);
            tokio::spawn(async move { shelf.get("r", "k").await })
        })
        .collect();
    for caller in callers {
        assert!(matches!(caller.await.unwrap(), Err(Away::Unreachable(_))));
    }
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    is_away_soon(&shelf).await;
    server.signal("CONT");
    until_it_answers(&shelf).await;
    assert_eq!(shelf.get("r", "k").await.unwrap(), Some(vec![1]));
}

#[tokio::test]
async fn a_connection_closed_by_the_server_costs_no_visitor_a_page() {
    let server = Server::start();
    let shelf = straight(&server.url()).await.unwrap();
    shelf.put("r", "k", vec![1], KEEP).await.unwrap();
    let client = Client::open(server.url()).unwrap();
    let mut direct = client.get_multiplexed_async_connection().await.unwrap();
    for _ in 0..3 {
        let mut kill = redis::cmd("CLIENT");
        kill.arg("KILL")
            .arg("TYPE")
            .arg("normal")
            .arg("SKIPME")
            .arg("yes");
        let killed: i64 = kill.query_async(&mut direct).await.unwrap();
        assert_eq!(killed, 1);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(shelf.get("r", "k").await.unwrap(), Some(vec![1]));
    }
}

/// Passes bytes on until it is told to swallow them: a machine that vanished behind its switch.
async fn a_wire(to: u16, dead: Arc<AtomicBool>) -> io::Result<u16> {
    let door = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = door.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((near, _)) = door.accept().await {
            let Ok(far) = tokio::net::TcpStream::connect(("127.0.0.1", to)).await else {
                continue;
            };
            let (near_in, near_out) = near.into_split();
            let (far_in, far_out) = far.into_split();
            // What was connected before the wire died stays dead; what is connected later works.
            let born_dead = Arc::new(AtomicBool::new(false));
            for (mut from, mut to) in [(near_in, far_out), (far_in, near_out)] {
                let (dead, cut) = (Arc::clone(&dead), Arc::clone(&born_dead));
                tokio::spawn(async move {
                    let mut bytes = [0; 4096];
                    while let Ok(n @ 1..) = from.read(&mut bytes).await {
                        cut.fetch_or(dead.load(Ordering::SeqCst), Ordering::SeqCst);
                        if !cut.load(Ordering::SeqCst) && to.write_all(&bytes[..n]).await.is_err() {
                            return;
                        }
                    }
                });
            }
        }
    });
    Ok(port)
}

#[tokio::test]
async fn a_machine_that_vanished_is_dialled_again() {
    let server = Server::start();
    let dead = Arc::new(AtomicBool::new(false));
    let port = a_wire(server.port, Arc::clone(&dead)).await.unwrap();
    let shelf = straight(&format!("redis://127.0.0.1:{port}"))
        .await
        .unwrap();
    shelf.put("r", "k", vec![1], KEEP).await.unwrap();
    dead.store(true, Ordering::SeqCst);
    is_away_soon(&shelf).await;
    is_away_soon(&shelf).await;
    dead.store(false, Ordering::SeqCst);
    assert!(until_it_answers(&shelf).await < Duration::from_secs(5));
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_without_its_password() {
    for url in [
        "paper://nowhere",
        "",
        "redis://",
        "redis://:s3cret@[",
        "redis://:s3cret@host:port/x",
    ] {
        if let Err(told) = straight(url).await {
            assert!(!told.to_string().contains("s3cret"), "{told}");
        }
    }
    assert!(straight("paper://nowhere").await.is_err());
    let port = free_port();
    let shelf = straight(&format!("redis://:s3cret@127.0.0.1:{port}"))
        .await
        .unwrap();
    let told = shelf.ready().await.unwrap_err().to_string();
    assert!(!told.contains("s3cret"), "{told}");
}

#[tokio::test]
async fn a_wrong_password_is_away_and_the_right_one_is_not() {
    let port = free_port();
    let _server = Server::on(port, &["--requirepass", "s3cret"]).unwrap();
    for (url, right) in [
        (format!("redis://127.0.0.1:{port}"), false),
        (format!("redis://:wrong@127.0.0.1:{port}"), false),
        (format!("redis://:s3cret@127.0.0.1:{port}"), true),
    ] {
        let told = straight(&url).await.unwrap().ready().await;
        assert_eq!(told.is_ok(), right, "{url}: {told:?}");
    }
}
