//! A deployment of its own: the built binary on a free port, with a temporary folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::process::{Running, free_port};
use crate::{Browser, Client};

/// A running deployment in demo mode: demo accounts, keys made on first start.
pub struct House {
    /// Keeps the folder until the end.
    pub data: TempDir,
    /// The port it listens on.
    pub port: u16,
    settings: Vec<(String, String)>,
    process: Option<Running>,
}

impl House {
    /// Starts `eduline serve all` on embedded stores and waits until it is ready.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// The same with settings (`EDULINE__SECTION__KEY`).
    pub fn with(settings: &[(&str, &str)]) -> Self {
        let mut house = Self {
            data: TempDir::new().expect("temporary folder"),
            port: free_port(),
            settings: settings
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            process: None,
        };
        house.open();
        house
    }

    /// The public address.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// The address of a path.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url())
    }

    /// A new plain HTTP client.
    pub fn client(&self) -> Client {
        Client::new(self.url())
    }

    /// A new desktop browser.
    pub async fn browser(&self) -> Browser {
        Browser::desktop(&self.url()).await
    }

    /// The server's process number.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().map_or(0, Running::id)
    }

    /// Whether the server still runs.
    pub fn is_alive(&mut self) -> bool {
        self.process.as_mut().is_some_and(Running::is_alive)
    }

    /// Ends the server as `kill -9` does.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.as_mut() {
            process.kill();
        }
        self.process = None;
    }

    /// Ends the server as an operator does, and waits until it has ended.
    pub fn stop(&mut self) {
        let told = Command::new("kill").arg(self.pid().to_string()).status();
        assert!(told.expect("kill runs").success(), "it was told to stop");
        let started = Instant::now();
        while self.is_alive() {
            assert!(started.elapsed() < Duration::from_secs(20), "it never ends");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.process = None;
    }

    /// Starts the server again on the same folder and port.
    pub fn open(&mut self) {
        let mut command = self.command(&["serve", "all"]);
        let mut process = Running::start(&mut command);
        process.wait_for_port(self.port);
        self.process = Some(process);
        self.wait_until_ready();
    }

    /// Waits for `/health/ready`.
    pub fn wait_until_ready(&self) {
        let client = self.client();
        let started = Instant::now();
        let mut last = String::new();
        while started.elapsed() < Duration::from_secs(30) {
            if let Ok(answer) = client.try_get("/health/ready") {
                if answer.status == 200 {
                    return;
                }
                last = answer.body;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the house is not ready: {last}");
    }

    /// The binary with this house's environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .current_dir(root())
            .env("EDULINE_LISTEN", format!("127.0.0.1:{}", self.port))
            .env("EDULINE_PUBLIC_URL", self.url())
            .env("EDULINE_DATA", self.data.path())
            .env("EDULINE__SERVER__DEMO", "true")
            .env("EDULINE__ADMIN__LISTEN", "off");
        for (name, value) in &self.settings {
            command.env(name, value);
        }
        command
    }

    /// Runs a subcommand to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary runs")
    }

    /// Every journal line so far, as JSON.
    pub fn journal(&self) -> Vec<serde_json::Value> {
        // The journal is written by a thread of its own, a batch at a time.
        std::thread::sleep(Duration::from_millis(300));
        let folder = self.data.path().join("journal");
        let mut lines = Vec::new();
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            lines.extend(
                text.lines()
                    .map(|l| serde_json::from_str(l).expect("a JSON line")),
            );
        }
        lines
    }
}

/// The workspace's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("workspace root")
        .to_path_buf()
}

/// The built binary beside the tests, built first when it is missing.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let test = std::env::current_exe().expect("own path");
        let folder = test.parent().expect("target folder");
        // Tests are in `deps`, programs one folder above.
        let profile = if folder.ends_with("deps") {
            folder.parent().expect("target folder")
        } else {
            folder
        };
        let path = profile.join("eduline");
        // Always asked for: cargo answers at once when nothing changed, and a stale binary would
        // make every test below lie. Asked for beside a test of the workspace, it is made of the very
        // dependencies the tests are: another selection has other features, and builds them all again.
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--workspace", "--locked"]);
        build.args(["--bin", "eduline", "--test", "house"]);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        let built = build.current_dir(root()).status().expect("cargo runs");
        assert!(
            built.success() && path.exists(),
            "the binary cannot be built"
        );
        path
    })
}
