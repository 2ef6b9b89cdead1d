//! Shibboleth's service provider with Apache, as Debian packages them, on the files that
//! `eduline sp snippet shibboleth` writes.
//!
//! One location is protected; its page shows every variable the module gives to applications.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::mellon::open_to_apache;
use super::{KeyFiles, Known, Peer, Setup, Snippet, Wish};
use crate::client::{between, form, unescape};
use crate::process::{Running, free_port};
use crate::{Answer, Client, House};

/// An Apache and a shibd of their own.
pub struct Shibboleth {
    folder: TempDir,
    port: u16,
    apache: Running,
    daemon: Running,
}

const PROTECTED: &str = "/secret/who.html";

impl Shibboleth {
    fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Peer for Shibboleth {
    fn start(house: &House, setup: Setup) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        let port = free_port();
        lay_out(folder.path(), port, house, setup);
        let (daemon, apache) = serve(folder.path(), port);
        Self {
            folder,
            port,
            apache,
            daemon,
        }
    }

    fn entity_id(&self) -> String {
        self.at("/shibboleth")
    }

    fn metadata(&self) -> String {
        self.at("/Shibboleth.sso/Metadata")
    }

    /// Its metadata asks for nothing.
    fn says_what_it_needs(&self) -> bool {
        false
    }

    fn page(&self) -> String {
        self.at(PROTECTED)
    }

    fn door(&self) -> String {
        self.page()
    }

    fn begin(&self, client: &Client, wish: Wish) -> Answer {
        let back = self.page();
        let mut asked = vec![("target", back.as_str())];
        match wish {
            Wish::Plain => {}
            Wish::Forced => asked.push(("forceAuthn", "true")),
            Wish::Passive => asked.push(("isPassive", "true")),
        }
        client.get(&self.at(&format!("/Shibboleth.sso/Login?{}", form(&asked))))
    }

    fn log_out(&self, client: &Client) -> Answer {
        client.get(&self.at("/Shibboleth.sso/Logout"))
    }

    fn reread(&mut self, _: &House) {
        self.stop();
        (self.daemon, self.apache) = serve(self.folder.path(), self.port);
    }

    fn stop(&mut self) {
        self.apache.kill();
        self.daemon.kill();
    }

    fn known(&self, client: &Client) -> Option<Known> {
        let page = client.get(&self.page());
        between(&page.body, "Shib-Session-ID=", "\n")?;
        let mut known = Known {
            name_id: String::new(),
            attributes: std::collections::BTreeMap::new(),
        };
        for line in page.body.lines() {
            let Some((variable, value)) = line.split_once('=') else {
                continue;
            };
            let value = unescape(value);
            if variable == "persistent-id" || variable == "transient-id" {
                known.name_id = value;
            } else {
                // Several values stand one after the other, a semicolon within one behind a stroke.
                let values = value.replace("\\;", "\u{0}");
                let values = values.split(';').map(|one| one.replace('\u{0}', ";"));
                known
                    .attributes
                    .insert(variable.to_owned(), values.collect());
            }
        }
        Some(known)
    }

    fn complaints(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("shibd.log")).unwrap_or_default()
    }
}

/// Starts the daemon, then Apache on what was laid out.
fn serve(folder: &Path, port: u16) -> (Running, Running) {
    let said = std::fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("shibd.err"));
    let mut command = Command::new("/usr/sbin/shibd");
    command
        .args(["-f", "-F", "-c"])
        .arg(folder.join("shibboleth2.xml"))
        .arg("-p")
        .arg(folder.join("shibd.pid"));
    let mut daemon = Running::start_with(&mut command, said.expect("a file"));
    let socket = folder.join("shibd.sock");
    let started = std::time::Instant::now();
    while std::os::unix::net::UnixStream::connect(&socket).is_err() {
        let log = || std::fs::read_to_string(folder.join("shibd.log")).unwrap_or_default();
        assert!(daemon.is_alive(), "shibd ended: {}", log());
        assert!(started.elapsed().as_secs() < 60, "shibd: {}", log());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let mut command = Command::new("/usr/sbin/apache2");
    command.arg("-X").arg("-f").arg(folder.join("apache.conf"));
    let mut apache = Running::start(&mut command);
    apache.wait_for_port(port);
    (daemon, apache)
}

fn lay_out(folder: &Path, port: u16, house: &House, setup: Setup) {
    let here = folder.display().to_string();
    let snippet = Snippet::of(house, "shibboleth", &format!("http://127.0.0.1:{port}"));
    let moved = |path: &str| {
        let text = snippet.file(path).replace("/etc/shibboleth", &here);
        text.replace("/var/cache/shibboleth", &here)
    };
    let write = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).unwrap_or_else(|why| panic!("{name}: {why}"));
    };
    let mut asked = String::new();
    if let Some(format) = setup.name_id_format {
        asked.push_str(&format!(" NameIDFormat=\"{format}\""));
    }
    if let Some(context) = setup.context {
        asked.push_str(&format!(" authnContextClassRef=\"{context}\""));
    }
    // A daemon of its own, which speaks where the test listens.
    let apart = format!(
        r#"clockSkew="180">
  <OutOfProcess logger="{here}/shibd.logger"/>
  <UnixListener address="{here}/shibd.sock"/>"#
    );
    let main = moved("/etc/shibboleth/shibboleth2.xml")
        .replacen("clockSkew=\"180\">", &apart, 1)
        .replacen("<SSO ", &format!("<SSO{asked} "), 1);
    let main = if setup.discovers {
        // As the comment beside it says.
        let (asks, discovery) = (house.at("/idp/personnel"), house.at("/wayf/"));
        let written = format!("entityID=\"{asks}\"");
        assert!(main.contains(&written), "{main}");
        let instead = format!("discoveryProtocol=\"SAMLDS\" discoveryURL=\"{discovery}\"");
        main.replacen(&written, &instead, 1)
    } else {
        main
    };
    write("shibboleth2.xml", &main);
    write(
        "attribute-map.xml",
        &moved("/etc/shibboleth/attribute-map.xml"),
    );
    write(
        "eduline-metadata.pem",
        &moved("/etc/shibboleth/eduline-metadata.pem"),
    );
    write(
        "shibd.logger",
        &format!(
            "log4j.rootCategory=INFO, all\nlog4j.appender.all=org.apache.log4j.FileAppender\n\
             log4j.appender.all.fileName={here}/shibd.log\n\
             log4j.appender.all.layout=org.apache.log4j.BasicLayout\n"
        ),
    );
    for name in ["sp-signing", "sp-encrypt"] {
        let key = KeyFiles::make(folder, name);
        std::fs::rename(&key.key, folder.join(format!("{name}-key.pem"))).expect("moved");
        std::fs::rename(&key.certificate, folder.join(format!("{name}-cert.pem"))).expect("moved");
    }
    std::fs::create_dir_all(folder.join("pages/secret")).expect("a folder");
    write("pages/secret/who.html", "<!--#printenv -->\n");
    let protected = moved("/etc/apache2/conf-available/eduline.conf");
    write("apache.conf", &configuration(&here, port, &protected));
    open_to_apache(folder);
}

fn configuration(here: &str, port: u16, protected: &str) -> String {
    let modules: String = [
        "mpm_event",
        "authn_core",
        "authz_core",
        "authz_user",
        "include",
        "shib",
    ]
    .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
    .concat()
    .replace("shib_module", "mod_shib");
    format!(
        r#"ServerRoot "{here}"
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile "{here}/apache.pid"
ErrorLog "{here}/error.log"
DefaultRuntimeDir "{here}"
DocumentRoot "{here}/pages"
{modules}
User www-data
Group www-data
ShibConfig "{here}/shibboleth2.xml"
<Location /Shibboleth.sso>
  Require all granted
</Location>
<Directory "{here}/pages">
  Options +Includes
  SetOutputFilter INCLUDES
  ForceType "text/html; charset=utf-8"
  Require all granted
</Directory>
{protected}
"#
    )
}
