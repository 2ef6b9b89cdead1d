//! Apache with mod_auth_mellon, as Debian packages them.
//!
//! One location is protected; its page shows every variable the module gives to applications.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::{ASKED, KeyFiles, Known, Peer, Setup, Snippet, Wish};
use crate::client::{between, form, unescape};
use crate::process::{Running, free_port};
use crate::{Answer, Client, House, forge};

/// An Apache of its own.
pub struct Mellon {
    folder: TempDir,
    port: u16,
    process: Running,
}

const PROTECTED: &str = "/secret/who.html";

impl Mellon {
    fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Peer for Mellon {
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
        self.at("/secret/mellon/metadata")
    }

    fn page(&self) -> String {
        self.at(PROTECTED)
    }

    fn door(&self) -> String {
        self.page()
    }

    fn begin(&self, client: &Client, wish: Wish) -> Answer {
        let back = self.page();
        let login = |passive: &str| {
            let query = form(&[("ReturnTo", &back), ("IsPassive", passive)]);
            client.get(&self.at(&format!("/secret/mellon/login?{query}")))
        };
        match wish {
            Wish::Plain => login("false"),
            Wish::Passive => login("true"),
            Wish::Forced => {
                // The module has no setting for it: what it sends is changed on the way, and the
                // answer comes back to the module all the same.
                let mut sent = login("false");
                let forced = forced(sent.location());
                for (name, value) in &mut sent.headers {
                    if name == "location" {
                        value.clone_from(&forced);
                    }
                }
                sent
            }
        }
    }

    fn log_out(&self, client: &Client) -> Answer {
        let back = form(&[("ReturnTo", &self.page())]);
        client.get(&self.at(&format!("/secret/mellon/logout?{back}")))
    }

    fn reread(&mut self, house: &House) {
        let provider = house.client().get("/idp/personnel/metadata").body;
        std::fs::write(self.folder.path().join("idp.xml"), provider).expect("written");
        self.process.kill();
        self.process = serve(self.folder.path(), self.port);
    }

    fn stop(&mut self) {
        self.process.kill();
    }

    fn known(&self, client: &Client) -> Option<Known> {
        let page = client.get(&self.page());
        let mut known = Known {
            name_id: between(&page.body, "MELLON_NAME_ID=", "\n").map(|text| unescape(&text))?,
            attributes: std::collections::BTreeMap::new(),
        };
        for line in page.body.lines() {
            // Every value is there as `MELLON_<name>_<number>`.
            let Some((variable, value)) = line.split_once('=') else {
                continue;
            };
            let name = variable.strip_prefix("MELLON_");
            if let Some((name, number)) = name.and_then(|name| name.rsplit_once('_'))
                && number.parse::<u8>().is_ok()
            {
                let values = known.attributes.entry(name.to_owned()).or_default();
                // Escaped by the page, and given to it as it stands in the document.
                values.push(unescape(&unescape(value)));
            }
        }
        Some(known)
    }

    fn complaints(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default()
    }
}

/// Starts Apache on what was laid out.
fn serve(folder: &Path, port: u16) -> Running {
    // One process, which ends with its handle; nothing of the machine's own Apache is read.
    let mut command = Command::new("/usr/sbin/apache2");
    command.arg("-X").arg("-f").arg(folder.join("apache.conf"));
    let mut process = Running::start(&mut command);
    process.wait_for_port(port);
    process
}

/// The same unsigned request with `ForceAuthn`.
fn forced(location: &str) -> String {
    assert!(
        !location.contains("&Signature="),
        "a signed request stays as it is"
    );
    let request = forge::request_in(location);
    let changed = request.replacen("ForceAuthn=\"false\"", "ForceAuthn=\"true\"", 1);
    assert_ne!(request, changed, "{request}");
    let was = between(&format!("{location}&"), "SAMLRequest=", "&").expect("a request");
    let is = form(&[("", &forge::deflate(changed.as_bytes()))]);
    location.replacen(&was, is.trim_start_matches('='), 1)
}

fn lay_out(folder: &Path, port: u16, house: &House, setup: Setup) {
    let write = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).unwrap_or_else(|why| panic!("{name}: {why}"));
    };
    let key = KeyFiles::make(folder, "sp");
    let mut provider = house.client().get("/idp/personnel/metadata").body;
    if setup.by_post {
        // It sends by POST to a provider that takes nothing else.
        let end = "</md:SingleSignOnService>";
        let redirect = between(&provider, "<md:SingleSignOnService", end).expect("an address");
        assert!(redirect.contains("HTTP-Redirect"), "{redirect}");
        let element = format!("<md:SingleSignOnService{redirect}{end}");
        provider = provider.replacen(&element, "", 1);
    }
    write("idp.xml", &provider);
    write("sp.xml", &metadata(port, &key, setup));
    std::fs::create_dir_all(folder.join("pages/secret")).expect("a folder");
    write("pages/secret/who.html", "<!--#printenv -->\n");
    let base = format!("http://127.0.0.1:{port}");
    let snippet = Snippet::of(house, "mod_auth_mellon", &base);
    let protected = snippet.file("/etc/apache2/conf-available/eduline.conf");
    write(
        "apache.conf",
        &configuration(folder, port, protected, setup),
    );
    open_to_apache(folder);
}

/// Started as root, Apache serves as another user, who must be able to read all this.
pub(super) fn open_to_apache(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::Permissions::from_mode;
    std::fs::set_permissions(folder, mode(0o755)).expect("permissions");
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        if entry.path().is_file() {
            std::fs::set_permissions(entry.path(), mode(0o644)).expect("permissions");
        }
    }
}

fn configuration(folder: &Path, port: u16, protected: &str, setup: Setup) -> String {
    let folder = folder.display().to_string();
    let modules: String = [
        "mpm_event",
        "authn_core",
        "authz_core",
        "authz_user",
        "include",
        "setenvif",
        "auth_mellon",
    ]
    .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
    .concat();
    let context = setup.context.map_or_else(String::new, |class| {
        format!("MellonAuthnContextClassRef \"{class}\"")
    });
    // Several of them on one host have a cookie each.
    let apart = format!("  MellonVariable mellon{port}\n  {context}\n</Location>");
    let protected =
        protected
            .replace("/etc/apache2/mellon", &folder)
            .replacen("</Location>", &apart, 1);
    format!(
        r#"ServerRoot "{folder}"
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile "{folder}/apache.pid"
ErrorLog "{folder}/error.log"
DefaultRuntimeDir "{folder}"
DocumentRoot "{folder}/pages"
{modules}
User www-data
Group www-data
<Directory "{folder}/pages">
  Options +Includes
  SetOutputFilter INCLUDES
  ForceType "text/html; charset=utf-8"
  Require all granted
</Directory>
# Over plain http no browser keeps a cookie that says SameSite=None.
SetEnvIf Request_URI . MELLON_DISABLE_SAMESITE=1
MellonLockFile "{folder}/mellon.lock"
{protected}
"#
    )
}

/// As `mellon_create_metadata` writes it, with what it has no words for.
fn metadata(port: u16, key: &KeyFiles, setup: Setup) -> String {
    let at = format!("http://127.0.0.1:{port}/secret/mellon");
    let signs = setup.signs;
    let certificate = &key.base64;
    let described = |r#use: &str| {
        format!(
            r#"<KeyDescriptor use="{use}"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>"#
        )
    };
    let mut keys = described("signing");
    if setup.decrypts {
        keys.push_str(&described("encryption"));
    }
    let format = setup.name_id_format.map_or_else(String::new, |format| {
        format!("<NameIDFormat>{format}</NameIDFormat>")
    });
    let asked: String = ASKED
        .map(|wire| {
            let (name, kind) = (wire.name, wire.format);
            format!(r#"<RequestedAttribute Name="{name}" NameFormat="{kind}"/>"#)
        })
        .concat();
    let consumer = |index: u8, binding: saml::Binding, path: &str| {
        let (binding, first) = (binding.uri(), index == 0);
        format!(
            r#"<AssertionConsumerService index="{index}" isDefault="{first}" Binding="{binding}" Location="{at}/{path}"/>"#
        )
    };
    let mut acs = if setup.artifact {
        consumer(0, saml::Binding::Artifact, "artifactResponse")
    } else {
        consumer(0, saml::Binding::Post, "postResponse")
    };
    if setup.paos {
        acs.push_str(&consumer(1, saml::Binding::Paos, "paosResponse"));
    }
    format!(
        r#"<EntityDescriptor entityID="{at}/metadata" xmlns="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#">
<SPSSODescriptor AuthnRequestsSigned="{signs}" WantAssertionsSigned="true" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
{keys}
<SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:SOAP" Location="{at}/logout"/>
<SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{at}/logout"/>
{format}
{acs}
<AttributeConsumingService index="0"><ServiceName xml:lang="fr">Page protégée</ServiceName>{asked}</AttributeConsumingService>
</SPSSODescriptor>
</EntityDescriptor>
"#
    )
}
