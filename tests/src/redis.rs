//! Redis as it runs for several machines: one server, or a primary with its replicas and Sentinels.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::process::{Running, free_port};

/// Starts one server, which keeps nothing on disk; `more`: its other options.
pub fn start(folder: &Path, port: u16, more: &[&str]) -> Running {
    let mut redis = Running::start(
        Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(folder)
            .args(more),
    );
    redis.wait_for_port(port);
    redis
}

/// One primary, two replicas, and three Sentinels that promote a replica when the primary dies.
pub struct Watched {
    /// The addresses of the Sentinels.
    pub sentinels: Vec<String>,
    servers: Vec<(u16, Running)>,
    watchers: Vec<Running>,
    folder: TempDir,
}

impl Watched {
    /// Starts all six and waits until each knows of the others.
    pub fn start() -> Self {
        let folder = TempDir::new().expect("temporary folder");
        let first = free_port();
        let of = format!("127.0.0.1 {first}");
        let server = |more: &[&str]| {
            let port = if more.is_empty() { first } else { free_port() };
            (port, start(folder.path(), port, more))
        };
        let replica = ["--replicaof", &of, "--repl-diskless-sync-delay", "0"];
        let servers = vec![server(&[]), server(&replica), server(&replica)];
        let mut watched = Self {
            sentinels: Vec::new(),
            servers,
            watchers: Vec::new(),
            folder,
        };
        for number in 0..3 {
            watched.watch(number, first);
        }
        watched.settle();
        watched
    }

    /// The name by which Sentinels know the primary, as an address.
    pub fn url(&self) -> String {
        "redis://house/0".to_owned()
    }

    /// Ends the primary at once; which port it had.
    pub fn kill_primary(&mut self) -> u16 {
        let told = cli(
            &self.watchers_port(0),
            &["sentinel", "get-master-addr-by-name", "house"],
        );
        let port = told
            .lines()
            .nth(1)
            .and_then(|port| port.trim().parse().ok());
        let port: u16 = port.unwrap_or_else(|| panic!("no primary: {told}"));
        self.servers.retain(|(at, _)| *at != port);
        port
    }

    fn watchers_port(&self, number: usize) -> String {
        let address = &self.sentinels[number];
        address.rsplit(':').next().expect("a port").to_owned()
    }

    fn watch(&mut self, number: usize, primary: u16) {
        let port = free_port();
        let file = self.folder.path().join(format!("sentinel-{number}.conf"));
        let folder = self.folder.path().display();
        let text = format!(
            "port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor house 127.0.0.1 {primary} 2\n\
             sentinel down-after-milliseconds house 800\nsentinel failover-timeout house 3000\n"
        );
        std::fs::write(&file, text).expect("its settings");
        let mut sentinel = Command::new("redis-sentinel");
        self.watchers.push(Running::start(sentinel.arg(&file)));
        self.sentinels.push(format!("redis://127.0.0.1:{port}"));
    }

    fn settle(&self) {
        let started = Instant::now();
        let primary = self.servers[0].0.to_string();
        while cli(&primary, &["info", "replication"])
            .matches("state=online")
            .count()
            < 2
        {
            assert!(started.elapsed() < Duration::from_secs(30), "no replicas");
            std::thread::sleep(Duration::from_millis(100));
        }
        for number in 0..3 {
            let port = self.watchers_port(number);
            while !cli(&port, &["info", "sentinel"]).contains("slaves=2,sentinels=3") {
                assert!(started.elapsed() < Duration::from_secs(30), "{port}");
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

fn cli(port: &str, words: &[&str]) -> String {
    let mut cli = Command::new("redis-cli");
    cli.args(["-p", port]).args(words).stderr(Stdio::null());
    let told = cli.output().expect("redis-cli runs");
    String::from_utf8_lossy(&told.stdout).into_owned()
}
