//! Several machines: processes alike behind a balancer, each with a folder of its own, on one PostgreSQL and
//! on a Redis that Sentinels watch. The balancer is the one that ships, on loopback ports.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Client;
use crate::house::{binary, root};
use crate::nginx;
use crate::postgres::Postgres;
use crate::process::{Running, free_port};
use crate::redis::Watched;

/// How many machines.
pub const MACHINES: usize = 3;

/// A deployment on several machines.
pub struct Fleet {
    /// The balancer's port.
    pub port: u16,
    /// Where the sessions are.
    pub redis: Watched,
    /// Where the accounts are.
    pub accounts: Postgres,
    machines: Vec<(u16, Option<Running>)>,
    data: TempDir,
    _balancer: Running,
}

impl Fleet {
    /// Starts all of it and waits until every machine is ready.
    pub fn start() -> Self {
        let data = TempDir::new().expect("temporary folder");
        let machines: Vec<(u16, Option<Running>)> =
            (0..MACHINES).map(|_| (free_port(), None)).collect();
        let port = free_port();
        let ports: Vec<u16> = machines.iter().map(|(port, _)| *port).collect();
        let mut fleet = Self {
            port,
            redis: Watched::start(),
            accounts: Postgres::start(),
            _balancer: balance(&data, port, &ports),
            machines,
            data,
        };
        for number in 0..MACHINES {
            fleet.open(number);
            // The first one makes the keys, which the others are given.
            fleet.wait_for(number);
        }
        fleet
    }

    /// A new plain client, sent to whichever machine.
    pub fn client(&self) -> Client {
        Client::new(format!("http://localhost:{}", self.port))
    }

    /// Ends a machine at once.
    pub fn kill(&mut self, number: usize) {
        self.machines[number].1 = None;
    }

    /// Ends a machine as an operator does, and waits until it has ended.
    pub fn stop(&mut self, number: usize) {
        let Some(process) = &mut self.machines[number].1 else {
            return;
        };
        let told = Command::new("kill").arg(process.id().to_string()).status();
        assert!(told.expect("kill runs").success());
        let started = Instant::now();
        while process.is_alive() {
            assert!(started.elapsed() < Duration::from_secs(30), "it never ends");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts a machine (again). The clock of the last one is two minutes ahead.
    pub fn open(&mut self, number: usize) {
        let port = self.machines[number].0;
        let mut command = Command::new(binary());
        if number + 1 == MACHINES {
            // As the command `faketime` does, which would stand between us and the machine when it is ended.
            command.env("LD_PRELOAD", "/usr/$LIB/faketime/libfaketime.so.1");
            command.env("FAKETIME", "+2m");
            // What measures how long something takes is no clock.
            command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        let public = format!("http://localhost:{}", self.port);
        command
            .args(["serve", "all", "--first-start"])
            .current_dir(root())
            .env("EDULINE_LISTEN", format!("127.0.0.1:{port}"))
            .env("EDULINE_PUBLIC_URL", public)
            .env("EDULINE_DATA", self.data.path().join(number.to_string()))
            .env("EDULINE__SERVER__DEMO", "true")
            .env("EDULINE__SERVER__LEAVE_S", "1")
            .env("EDULINE__SERVER__WORKERS", "1")
            .env("EDULINE__SERVER__PROXIES", "127.0.0.1")
            .env("EDULINE__ADMIN__LISTEN", "off")
            .env("EDULINE__KEYS__FOLDER", self.data.path().join("keys"))
            .env("EDULINE__STORE__KIND", "redis")
            .env("EDULINE__STORE__URL", self.redis.url())
            .env("EDULINE__STORE__SENTINELS", self.redis.sentinels.join(","))
            .env("EDULINE__STORE__REPLICAS", "1")
            .env("EDULINE__DIRECTORY__KIND", "postgres")
            .env("EDULINE__DIRECTORY__URL", self.accounts.url("localhost"))
            .env(
                "EDULINE__DIRECTORY__AUTHORITIES",
                self.accounts.certificate(),
            )
            .env("EDULINE__DIRECTORY__CONNECTIONS", "4")
            .env("EDULINE__DIRECTORY__MEMORY_KIB", "8192");
        self.machines[number].1 = Some(Running::start(&mut command));
    }

    /// Waits until a machine says that it is ready.
    pub fn wait_for(&self, number: usize) {
        let client = Client::new(format!("http://127.0.0.1:{}", self.machines[number].0));
        let started = Instant::now();
        loop {
            let answer = client.try_get("/health/ready");
            if answer.as_ref().is_ok_and(|answer| answer.status == 200) {
                return;
            }
            let waited = started.elapsed();
            assert!(waited < Duration::from_secs(60), "{number}: {answer:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until every machine says so.
    pub fn wait_until_ready(&self) {
        for number in 0..MACHINES {
            self.wait_for(number);
        }
    }

    /// Every line of every journal.
    pub fn journals(&self) -> String {
        let folders = (0..MACHINES).map(|n| self.data.path().join(n.to_string()).join("journal"));
        let files = folders.flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten());
        let read = |path: PathBuf| std::fs::read_to_string(path).unwrap_or_default();
        files.flatten().map(|entry| read(entry.path())).collect()
    }
}

/// The balancer that ships, without TLS.
fn balance(data: &TempDir, port: u16, machines: &[u16]) -> Running {
    let text = std::fs::read_to_string(root().join("deploy/nginx/eduline.conf")).expect("it");
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let name = line.trim();
        if name.starts_with("ssl_") {
            continue;
        }
        lines.push(line.replace("443 ssl", &format!("127.0.0.1:{port}")));
    }
    let mut text = lines.join("\n");
    for (number, machine) in machines.iter().enumerate() {
        let shipped = format!("10.0.0.1{}:8080", number + 1);
        assert!(text.contains(&shipped), "{shipped}");
        text = text.replace(&shipped, &format!("127.0.0.1:{machine}"));
    }
    nginx::start(&data.path().join("balancer"), port, &text)
}
