//! A small application on pysaml2 (`tests/peers/service.py`), from PyPI, on the configuration that
//! `eduline sp snippet pysaml2` writes.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{KeyFiles, Known, Peer, Setup, Snippet, Wish, metadata_certificate};
use crate::client::form;
use crate::house::root;
use crate::process::{Running, free_port};
use crate::{Answer, Client, House};

/// The application, on an interpreter of its own.
pub struct Pysaml {
    folder: TempDir,
    port: u16,
    process: Running,
}

impl Pysaml {
    fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Peer for Pysaml {
    fn start(house: &House, setup: Setup) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        let port = free_port();
        let settings = settings(folder.path(), port, house, setup);
        let file = folder.path().join("settings.json");
        std::fs::write(&file, settings.to_string()).expect("written");
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

/// What such an application says of who is signed on.
pub(super) fn told(page: &Answer) -> Option<Known> {
    if page.status != 200 {
        return None;
    }
    let told: Value = serde_json::from_str(&page.body).expect("JSON");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let attributes = told["attributes"].as_object().expect("attributes");
    let attributes = attributes.iter().map(|(name, values)| {
        let values = values.as_array().expect("values");
        (name.clone(), values.iter().map(text).collect())
    });
    Some(Known {
        name_id: text(&told["name_id"]),
        attributes: attributes.collect(),
    })
}

/// Has the enhanced client of pysaml2 carry the request in `envelope` to the staff's identity
/// provider: the envelope that comes back, or what it says when it does not like it.
pub fn carry(house: &House, envelope: &str, login: &str, password: &str) -> Result<String, String> {
    let folder = TempDir::new().expect("temporary folder");
    let metadata = folder.path().join("idp.xml");
    let published = house.client().get("/idp/personnel/metadata").body;
    std::fs::write(&metadata, published).expect("written");
    let mut client = Command::new(interpreter())
        .arg(root().join("tests/peers/client.py"))
        .arg(house.at("/idp/personnel"))
        .arg(&metadata)
        .args([login, password])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut given = client.stdin.take().expect("an input");
    given.write_all(envelope.as_bytes()).expect("written");
    drop(given);
    let ended = client.wait_with_output().expect("it ends");
    if ended.status.success() {
        Ok(String::from_utf8_lossy(&ended.stdout).trim_end().to_owned())
    } else {
        Err(String::from_utf8_lossy(&ended.stderr).into_owned())
    }
}

/// Has the Metadata Query client of pysaml2 ask our server for `names`, `by-digest` or `by-name`, and
/// believe it by the key our metadata is signed with: the entities it got, or what it says.
pub fn query(house: &House, by: &str, names: &[String]) -> Result<Vec<String>, String> {
    let folder = TempDir::new().expect("temporary folder");
    let output = Command::new(interpreter())
        .arg(root().join("tests/peers/mdq.py"))
        .arg(house.at("/mdq"))
        .arg(metadata_certificate(house, folder.path()))
        .arg(by)
        .args(names)
        .output()
        .expect("it runs");
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).expect("JSON"))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Starts the application on its settings; it reads metadata before it listens.
fn serve(folder: &Path, port: u16) -> Running {
    let complaints = std::fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("error.log"));
    let mut command = Command::new(interpreter());
    command
        .arg(root().join("tests/peers/service.py"))
        .arg(folder.join("settings.json"))
        .current_dir(folder);
    let mut process = Running::start_with(&mut command, complaints.expect("a file"));
    process.wait_for_port(port);
    process
}

/// The files of the snippet, and what this test wants otherwise.
fn settings(folder: &Path, port: u16, house: &House, setup: Setup) -> Value {
    let base = format!("http://127.0.0.1:{port}");
    let snippet = Snippet::of(house, "pysaml2", &base);
    for name in ["eduline.py", "eduline-metadata.pem"] {
        std::fs::write(folder.join(name), snippet.file(name)).expect("written");
    }
    KeyFiles::make(folder, "sp");
    json!({
        "base": base,
        "snippet": folder.join("eduline.py"),
        "signs": setup.signs,
        "by_post": setup.by_post,
        "decrypts": setup.decrypts,
        "name_id_format": setup.name_id_format,
        "context": setup.context,
        "unsolicited": setup.unsolicited,
    })
}

/// Where `scripts/install-tools` puts pysaml2, or what `PEER_PYTHON` names.
pub(super) fn interpreter() -> PathBuf {
    let given = std::env::var_os("PEER_PYTHON").map(PathBuf::from);
    let python = given.unwrap_or_else(|| root().join("var/test-tools/peers/bin/python"));
    assert!(
        python.exists(),
        "{}: run scripts/install-tools",
        python.display()
    );
    python
}
