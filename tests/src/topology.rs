//! The contract's topology as plain processes: proxy with TLS, one process per service, Redis.
//! Everything comes from the files that containers use: the proxy's template, and the environment
//! written in `docker-compose.yml`, with loopback ports in place of container names.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::house::{binary, root};
use crate::process::{Running, free_port};
use crate::{Answer, Browser, Client};

/// The services, as `docker-compose.yml` calls them.
pub const SERVICES: [&str; 5] = ["wayf", "idp", "account", "portal", "viewer"];

/// A running deployment on several processes.
pub struct Topology {
    /// Everything it writes.
    pub data: TempDir,
    /// The proxy's public port.
    pub port: u16,
    ports: BTreeMap<&'static str, u16>,
    settings: Vec<(String, String)>,
    services: BTreeMap<&'static str, Running>,
    twins: Vec<Running>,
    _proxy: Running,
    _redis: Running,
}

impl Topology {
    /// Starts everything and waits until every service is ready.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// The same with settings (`EDULINE__SECTION__KEY`).
    pub fn with(more: &[(&str, &str)]) -> Self {
        let data = TempDir::new().expect("temporary folder");
        let compose = std::fs::read_to_string(root().join("docker-compose.yml")).expect("compose");
        let (port, inner, redis) = (free_port(), free_port(), free_port());
        let ports: BTreeMap<_, _> = SERVICES.map(|name| (name, free_port())).into();
        let more = more.iter();
        let more = more.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings = environment(&compose, "x-service:")
            .into_iter()
            .chain(more)
            .map(|(name, value)| {
                let value = value
                    .replace("localhost:8443", &format!("localhost:{port}"))
                    .replace("redis:6379", &format!("127.0.0.1:{redis}"))
                    .replace("proxy:8081", &format!("127.0.0.1:{inner}"));
                (name, value)
            })
            .collect();
        let store = crate::redis::start(data.path(), redis, &[]);
        let proxy = start_proxy(&compose, data.path(), port, inner, &ports);
        let mut topology = Self {
            data,
            port,
            ports,
            settings,
            services: BTreeMap::new(),
            twins: Vec::new(),
            _proxy: proxy,
            _redis: store,
        };
        for name in SERVICES {
            assert!(
                compose.contains(&format!("command: [\"serve\", \"{name}\"]")),
                "docker-compose.yml serves {name}"
            );
            topology.open(name);
        }
        topology.wait_until_ready();
        topology
    }

    /// The public address.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// The address of a path.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url())
    }

    /// A new plain client; it takes the proxy's own certificate.
    pub fn client(&self) -> Client {
        Client::new(self.url())
    }

    /// A new desktop browser.
    pub async fn browser(&self) -> Browser {
        Browser::desktop(&self.url()).await
    }

    /// Starts one service.
    pub fn open(&mut self, name: &'static str) {
        let mut command = self.command(&["serve", name], self.ports[name]);
        self.services.insert(name, Running::start(&mut command));
    }

    /// Starts one service a second time, beside the proxy; where it listens.
    pub fn open_twin(&mut self, name: &'static str) -> u16 {
        let port = free_port();
        let mut twin = Running::start(&mut self.command(&["serve", name], port));
        twin.wait_for_port(port);
        self.twins.push(twin);
        port
    }

    /// Runs a subcommand to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments, 0);
        command.output().expect("the binary runs")
    }

    /// The binary with this deployment's environment. Processes call each other through the proxy, whose
    /// certificate stands for one that everybody trusts.
    fn command(&self, arguments: &[&str], port: u16) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .current_dir(root())
            .env("SSL_CERT_FILE", self.data.path().join("proxy/proxy.crt"))
            .env("EDULINE_LISTEN", format!("127.0.0.1:{port}"))
            .env("EDULINE_DATA", self.data.path().join("eduline"));
        for (name, value) in &self.settings {
            command.env(name, value);
        }
        command
    }

    /// Ends one service as `kill -9` does.
    pub fn kill(&mut self, name: &str) {
        self.services.remove(name);
    }

    /// What a service's own `/health/ready` says.
    pub fn ready(&self, name: &str) -> Answer {
        Client::new(format!("http://127.0.0.1:{}", self.ports[name])).get("/health/ready")
    }

    /// The same of one that starts, once it answers at all.
    pub fn first_word(&self, name: &str) -> Answer {
        let client = Client::new(format!("http://127.0.0.1:{}", self.ports[name]));
        let started = Instant::now();
        loop {
            match client.try_get("/health/ready") {
                Ok(answer) => return answer,
                Err(why) => assert!(started.elapsed() < Duration::from_secs(30), "{name}: {why}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for every service's own `/health/ready`.
    pub fn wait_until_ready(&self) {
        let started = Instant::now();
        for (name, port) in &self.ports {
            let client = Client::new(format!("http://127.0.0.1:{port}"));
            loop {
                let answer = client.try_get("/health/ready");
                if answer.as_ref().is_ok_and(|answer| answer.status == 200) {
                    break;
                }
                assert!(
                    started.elapsed() < Duration::from_secs(60),
                    "{name} is not ready: {answer:?}"
                );
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

/// The `environment:` lines under a heading of `docker-compose.yml`, up to the next key.
fn environment(compose: &str, heading: &str) -> Vec<(String, String)> {
    let section = compose.split(heading).nth(1).expect("the heading");
    let lines = section
        .split("environment:")
        .nth(1)
        .expect("an environment")
        .lines()
        .skip(1);
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut pairs = Vec::new();
    let mut depth = None;
    for line in lines {
        if line.trim_start().starts_with('#') {
            continue;
        }
        if indent(line) < *depth.get_or_insert(indent(line)) {
            break;
        }
        let (name, value) = line.trim().split_once(": ").expect("a pair");
        pairs.push((name.to_owned(), value.trim_matches('"').to_owned()));
    }
    pairs
}

/// The proxy, on the template that containers use. Every name the template asks for is one that
/// `docker-compose.yml` sets.
fn start_proxy(
    compose: &str,
    folder: &Path,
    port: u16,
    inner: u16,
    ports: &BTreeMap<&'static str, u16>,
) -> Running {
    let run = folder.join("proxy");
    std::fs::create_dir_all(&run).expect("folder");
    let made = Command::new(root().join("config/docker/make-certificate"))
        .env("TLS_FOLDER", &run)
        .status()
        .expect("the script runs");
    assert!(made.success(), "the proxy's certificate");
    let template = std::fs::read_to_string(root().join("config/docker/nginx.conf.template"))
        .expect("the template");
    let mut text = template;
    for (name, _) in environment(compose, "\n  proxy:") {
        let value = match name.as_str() {
            "TLS_LISTEN" => format!("127.0.0.1:{port} ssl"),
            "INNER_LISTEN" => format!("127.0.0.1:{inner}"),
            "TLS_FOLDER" | "RUN_FOLDER" => run.display().to_string(),
            name if name.starts_with("NGINX_") => continue,
            service => format!("127.0.0.1:{}", ports[service.to_lowercase().as_str()]),
        };
        text = text.replace(&format!("${{{name}}}"), &value);
    }
    assert!(!text.contains("${"), "a name nobody set: {text}");
    let conf = run.join("nginx.conf");
    std::fs::write(&conf, text).expect("the configuration");
    let mut proxy = Running::start(
        Command::new("nginx")
            .arg("-c")
            .arg(&conf)
            .arg("-p")
            .arg(&run)
            // Its workers would be left behind when it is ended at once.
            .args(["-g", "master_process off;"]),
    );
    proxy.wait_for_port(port);
    proxy
}
