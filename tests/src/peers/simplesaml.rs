//! A small application on SimpleSAMLphp (`tests/peers/simplesamlphp.php`), from Debian, on the sources that
//! `eduline sp snippet simplesamlphp` writes. Moodle's plug-in auth_saml2 carries the same library.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::pysaml::told;
use super::{KeyFiles, Known, Peer, Setup, Snippet, Wish};
use crate::client::form;
use crate::house::root;
use crate::process::{Running, free_port};
use crate::{Answer, Client, House};

/// Where Debian puts it.
const WWW: &str = "/usr/share/simplesamlphp/www";

/// The application, on PHP's own server.
pub struct SimpleSaml {
    folder: TempDir,
    port: u16,
    setup: Setup,
    process: Running,
}

impl SimpleSaml {
    fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Peer for SimpleSaml {
    fn start(house: &House, setup: Setup) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        let port = free_port();
        lay_out(folder.path(), port);
        write_sources(folder.path(), port, house, setup);
        let process = serve(folder.path(), port);
        Self {
            folder,
            port,
            setup,
            process,
        }
    }

    fn entity_id(&self) -> String {
        self.at("/simplesaml/module.php/saml/sp/metadata/eduline")
    }

    /// Where release 1.19 publishes it; from release 2 on, at its entityID.
    fn metadata(&self) -> String {
        self.at("/simplesaml/module.php/saml/sp/metadata.php/eduline")
    }

    fn page(&self) -> String {
        self.at("/")
    }

    fn door(&self) -> String {
        self.at("/login?wish=plain")
    }

    fn begin(&self, client: &Client, wish: Wish) -> Answer {
        client.get(&self.at(&format!("/login?{}", form(&[("wish", wish.word())]))))
    }

    fn log_out(&self, client: &Client) -> Answer {
        client.get(&self.at("/logout"))
    }

    fn reread(&mut self, house: &House) {
        write_sources(self.folder.path(), self.port, house, self.setup);
    }

    fn stop(&mut self) {
        self.process.kill();
    }

    fn known(&self, client: &Client) -> Option<Known> {
        told(&client.get(&self.page()))
    }

    fn complaints(&self) -> String {
        let read = |name| std::fs::read_to_string(self.folder.path().join(name));
        let parts = ["error.log", "log/simplesamlphp.log"].map(read);
        parts.into_iter().flatten().collect()
    }
}

fn serve(folder: &Path, port: u16) -> Running {
    let complaints = std::fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("error.log"));
    let mut command = Command::new("php");
    command
        .args(["-d", "log_errors=1", "-d", "display_errors=0"])
        .args(["-S", &format!("127.0.0.1:{port}"), "-t"])
        .arg(folder.join("www"))
        .arg(root().join("tests/peers/simplesamlphp.php"))
        .env("SIMPLESAMLPHP_CONFIG_DIR", folder.join("config"))
        .env("BASE", format!("http://127.0.0.1:{port}"));
    let mut process = Running::start_with(&mut command, complaints.expect("a file"));
    process.wait_for_port(port);
    process
}

/// What an operator writes, whoever signs people on.
fn lay_out(folder: &Path, port: u16) {
    for name in [
        "config", "cert", "log", "data", "sessions", "metadata", "www",
    ] {
        std::fs::create_dir(folder.join(name)).expect("a folder");
    }
    std::os::unix::fs::symlink(WWW, folder.join("www/simplesaml")).expect("SimpleSAMLphp");
    KeyFiles::make(&folder.join("cert"), "sp");
    let at = |name: &str| folder.join(name).display().to_string();
    let config = format!(
        "<?php\n$config = [\n\
         'baseurlpath' => 'http://127.0.0.1:{port}/simplesaml/',\n\
         'certdir' => '{}', 'loggingdir' => '{}', 'datadir' => '{}', 'tempdir' => '{}',\n\
         'metadata.sources' => [['type' => 'flatfile', 'directory' => '{}']],\n\
         'session.phpsession.savepath' => '{}', 'session.cookie.secure' => false,\n\
         'session.cookie.samesite' => null,\n\
         'secretsalt' => 'of this test alone', 'auth.adminpassword' => 'nobody signs on with it',\n\
         'logging.handler' => 'file', 'logging.level' => 7, 'store.type' => 'phpsession',\n\
         'enable.saml20-idp' => false,\n];\n",
        at("cert"),
        at("log"),
        at("data"),
        at("data"),
        at("metadata"),
        at("sessions"),
    );
    std::fs::write(folder.join("config/config.php"), config).expect("written");
}

/// The two files of the snippet.
fn write_sources(folder: &Path, port: u16, house: &House, setup: Setup) {
    let snippet = Snippet::of(house, "simplesamlphp", &format!("http://127.0.0.1:{port}"));
    let mut sources = snippet.file("config/authsources.php").to_owned();
    if !setup.signs {
        let signed = "'sign.authnrequest' => true";
        assert!(sources.contains(signed), "{sources}");
        sources = sources.replace(signed, "'sign.authnrequest' => false");
    }
    std::fs::write(folder.join("config/authsources.php"), sources).expect("written");
    let remote = "metadata/saml20-idp-remote.php";
    std::fs::write(folder.join(remote), snippet.file(remote)).expect("written");
}
