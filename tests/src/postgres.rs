//! A real PostgreSQL server on a free loopback port, with a password and TLS.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::house::root;
use crate::process::{Running, free_port};

/// A running server; its database is called `eduline`, and so is its user.
pub struct Postgres {
    /// Where it listens.
    pub port: u16,
    folder: TempDir,
    process: Option<Running>,
}

impl Postgres {
    /// Makes a server and starts it.
    pub fn start() -> Self {
        let folder = TempDir::new().expect("temporary folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("password"), "correct-horse").expect("the password");
        make_certificate(folder.path());
        make_certificate(&at("other"));
        hand_over(folder.path());
        let mut made = program("initdb");
        made.args(["-U", "eduline", "-A", "scram-sha-256", "-E", "UTF8"])
            .args(["--locale", "C.UTF-8", "--no-sync", "--pwfile"])
            .arg(at("password"))
            .arg("-D")
            .arg(at("data"));
        let made = made.output().expect("initdb (Debian's postgresql) runs");
        let told = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{told}");
        let mut server = Self {
            port: free_port(),
            folder,
            process: None,
        };
        server.go();
        server.create("eduline");
        server
    }

    /// Its address, for who calls it by this name (its certificate is for `localhost`).
    pub fn url(&self, host: &str) -> String {
        let port = self.port;
        format!("postgres://eduline:correct-horse@{host}:{port}/eduline")
    }

    /// Its certificate, which is its own authority.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("proxy.crt")
    }

    /// The certificate of somebody else.
    pub fn other_certificate(&self) -> String {
        let file = self.folder.path().join("other/proxy.crt");
        std::fs::read_to_string(file).expect("a certificate")
    }

    /// Makes an empty database.
    pub fn create(&self, name: &str) {
        let made = program("createdb")
            .args(["-h", "127.0.0.1", "-U", "eduline", "-p"])
            .arg(self.port.to_string())
            .args(["--maintenance-db", "postgres", name])
            .env("PGPASSWORD", "correct-horse")
            .output()
            .expect("createdb runs");
        let told = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{told}");
    }

    /// Ends it at once, as a machine that is switched off does.
    pub fn stop(&mut self) {
        self.process = None;
        // Its children leave when they see that it is gone.
        std::thread::sleep(Duration::from_millis(300));
    }

    /// Starts it (again).
    pub fn go(&mut self) {
        let at = |name: &str| self.folder.path().join(name);
        let mut process = Running::start(
            program("postgres")
                .arg("-D")
                .arg(at("data"))
                .args(["-p", &self.port.to_string()])
                .args([
                    "-c",
                    "listen_addresses=127.0.0.1,127.0.0.2",
                    "-c",
                    "fsync=off",
                ])
                .args(["-c", "unix_socket_directories=", "-c", "ssl=on"])
                .arg("-c")
                .arg(format!("ssl_cert_file={}", at("proxy.crt").display()))
                .arg("-c")
                .arg(format!("ssl_key_file={}", at("proxy.key").display())),
        );
        process.wait_for_port(self.port);
        self.process = Some(process);
        self.wait_until_it_answers();
    }

    /// It listens before it has recovered.
    fn wait_until_it_answers(&self) {
        for _ in 0..200 {
            let asked = program("pg_isready")
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status();
            if asked.expect("pg_isready runs").success() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("PostgreSQL does not answer");
    }
}

/// A key and a certificate for `localhost`.
pub fn make_certificate(folder: &Path) {
    std::fs::create_dir_all(folder).expect("folder");
    let made = Command::new(root().join("config/docker/make-certificate"))
        .env("TLS_FOLDER", folder)
        .status()
        .expect("the script runs");
    assert!(made.success(), "a certificate");
    let key = folder.join("proxy.key");
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600)).expect("mode");
}

/// PostgreSQL does not run as root: whoever is root lends it to the user that Debian made for it.
fn program(name: &str) -> Command {
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .expect("Debian's postgresql is needed")
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect();
    folders.sort();
    let mut command = Command::new(folders.pop().expect("a version of it").join(name));
    command.current_dir("/");
    if let Some(user) = lent() {
        command.uid(user).gid(user);
    }
    command
}

fn hand_over(folder: &Path) {
    if let Some(user) = lent() {
        let done = Command::new("chown")
            .args(["-R", &format!("{user}:{user}")])
            .arg(folder)
            .status();
        assert!(done.expect("chown runs").success());
    }
}

fn lent() -> Option<u32> {
    let id = |arguments: &[&str]| -> Option<u32> {
        let told = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8_lossy(&told.stdout).trim().parse().ok()
    };
    (id(&["-u"]) == Some(0)).then(|| id(&["-u", "postgres"]).expect("the user postgres"))
}
