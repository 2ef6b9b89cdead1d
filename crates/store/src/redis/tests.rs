use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::*;

/// A real Redis on a free port, ended when dropped.
struct Server {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Server {
    fn start(port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let child = Command::new("redis-server")
            .args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--dir",
            ])
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server (Debian's package) is needed");
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                started.elapsed() < Duration::from_secs(10),
                "Redis does not start"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Self {
            child,
            port,
            folder,
        }
    }

    fn url(&self) -> String {
        assert!(self.folder.path().exists());
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

#[tokio::test]
async fn conforms() {
    let server = Server::start(free_port());
    let shelf = redis(&server.url()).await.unwrap();
    crate::conformance::all(shelf, tokio::time::sleep).await;
}

#[tokio::test]
async fn two_processes_share_one_shelf() {
    let server = Server::start(free_port());
    let one = redis(&server.url()).await.unwrap();
    let two = redis(&server.url()).await.unwrap();
    let keep = Duration::from_secs(60);
    assert!(one.put_once("r", "k", vec![1], keep).await.unwrap());
    assert!(!two.put_once("r", "k", vec![2], keep).await.unwrap());
    assert_eq!(two.take("r", "k").await.unwrap(), Some(vec![1]));
    assert_eq!(one.get("r", "k").await.unwrap(), None);
}

#[tokio::test]
async fn a_server_that_is_away_is_told_soon_and_used_again_when_it_is_back() {
    let port = free_port();
    let shelf = redis(&format!("redis://127.0.0.1:{port}")).await.unwrap();
    let started = Instant::now();
    assert!(
        matches!(shelf.get("r", "k").await, Err(Away::Unreachable(_))),
        "away at start"
    );
    assert!(started.elapsed() < Duration::from_secs(5));
    let server = Server::start(port);
    shelf
        .put("r", "k", vec![1], Duration::from_secs(60))
        .await
        .unwrap();
    drop(server);
    let started = Instant::now();
    assert!(
        matches!(shelf.get("r", "k").await, Err(Away::Unreachable(_))),
        "away in the middle"
    );
    assert!(started.elapsed() < Duration::from_secs(5));
    let _server = Server::start(port);
    let mut back = false;
    for _ in 0..50 {
        back = back
            || shelf
                .put("r", "k", vec![2], Duration::from_secs(60))
                .await
                .is_ok();
        tokio::time::sleep(Duration::from_millis(if back { 0 } else { 100 })).await;
    }
    assert!(back, "a server that is back is used again");
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    assert!(redis("paper://nowhere").await.is_err());
}
