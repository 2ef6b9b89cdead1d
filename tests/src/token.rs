//! A PKCS#11 token in software: SoftHSM, as Debian packages it.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A token of its own, called `eduline`.
pub struct Token {
    folder: TempDir,
}

const MODULES: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
];
const PIN: &str = "2468";

impl Token {
    /// Makes one.
    pub fn make() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let token = Self {
            folder: TempDir::new().expect("temporary folder"),
        };
        std::fs::create_dir(token.store()).expect("a folder");
        let store = token.store();
        let store = store.display();
        let text = format!(
            "directories.tokendir = {store}\nobjectstore.backend = file\nlog.level = ERROR\n"
        );
        std::fs::write(token.path("softhsm2.conf"), text).expect("written");
        std::fs::write(token.path("pin"), PIN).expect("written");
        let owner_only = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(token.path("pin"), owner_only).expect("permissions");
        let made = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", "eduline"])
            .args(["--pin", PIN, "--so-pin", "13579135"])
            .env("SOFTHSM2_CONF", token.path("softhsm2.conf"))
            .output()
            .expect("softhsm2-util runs: scripts/install-packages test");
        let why = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{why}");
        token
    }

    /// What a house needs to know of it.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let module = MODULES.iter().find(|path| Path::new(path).exists());
        let module = module.expect("the library of softhsm2: scripts/install-packages test");
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        vec![
            ("SOFTHSM2_CONF", text(self.path("softhsm2.conf"))),
            ("EDULINE__PKCS11__MODULE", (*module).to_owned()),
            ("EDULINE__PKCS11__TOKEN", "eduline".to_owned()),
            ("EDULINE__PKCS11__PIN_FILE", text(self.path("pin"))),
        ]
    }

    /// Takes it away, as if it were unplugged.
    pub fn unplug(&self) {
        std::fs::rename(self.store(), self.path("away")).expect("renamed");
    }

    /// Brings it back.
    pub fn plug(&self) {
        std::fs::rename(self.path("away"), self.store()).expect("renamed");
    }

    fn store(&self) -> PathBuf {
        self.path("tokens")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
