//! A small application on python3-saml (`tests/peers/python3_saml.py`), from PyPI, on the settings that
//! `eduline sp snippet python3-saml` writes.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::pysaml::{interpreter, told};
use super::{KeyFiles, Known, Peer, Setup, Snippet, Wish};
use crate::client::form;
use crate::house::root;
use crate::process::{Running, free_port};
use crate::{Answer, Client, House};

/// The application, on an interpreter of its own.
pub struct Onelogin {
    folder: TempDir,
    port: u16,
    process: Running,
}

impl Onelogin {
    fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Peer for Onelogin {
    fn start(house: &House, setup: Setup) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        let port = free_port();
        lay_out(folder.path(), port, house, setup);
        let process = serve(folder.path(), port);
        Self {
            folder,
            port,
            process,
        }
    }

    fn entity_id(&self) -> String {
        self.at("/metadata")
    }

    /// Its metadata asks for nothing.
    fn says_what_it_needs(&self) -> bool {
        false
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

    fn reread(&mut self, _: &House) {
        self.process.kill();
        self.process = serve(self.folder.path(), self.port);
    }

    fn stop(&mut self) {
        self.process.kill();
    }

    fn known(&self, client: &Client) -> Option<Known> {
        told(&client.get(&self.page()))
    }

    fn complaints(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default()
    }
}

fn serve(folder: &Path, port: u16) -> Running {
    let complaints = std::fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("error.log"));
    let mut command = Command::new(interpreter());
    command
        .arg(root().join("tests/peers/python3_saml.py"))
        .arg(folder.join("application.json"));
    let mut process = Running::start_with(&mut command, complaints.expect("a file"));
    process.wait_for_port(port);
    process
}

fn lay_out(folder: &Path, port: u16, house: &House, setup: Setup) {
    let base = format!("http://127.0.0.1:{port}");
    let snippet = Snippet::of(house, "python3-saml", &base);
    let mut settings: Value =
        serde_json::from_str(snippet.file("saml/settings.json")).expect("JSON");
    let mut more: Value =
        serde_json::from_str(snippet.file("saml/advanced_settings.json")).expect("JSON");
    more["security"]["authnRequestsSigned"] = json!(setup.signs);
    more["security"]["wantAssertionsEncrypted"] = json!(setup.decrypts);
    if let Some(format) = setup.name_id_format {
        settings["sp"]["NameIDFormat"] = json!(format);
    }
    if let Some(context) = setup.context {
        more["security"]["requestedAuthnContext"] = json!([context]);
    }
    let certs = folder.join("saml/certs");
    std::fs::create_dir_all(&certs).expect("a folder");
    KeyFiles::make(&certs, "sp");
    let write = |name: &str, value: &Value| {
        std::fs::write(folder.join(name), value.to_string()).expect("written");
    };
    write("saml/settings.json", &settings);
    write("saml/advanced_settings.json", &more);
    write(
        "application.json",
        &json!({"base": base, "folder": folder.join("saml"), "unsolicited": setup.unsolicited}),
    );
}
