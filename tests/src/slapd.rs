//! A real OpenLDAP server on a free loopback port, with TLS and the password policy overlay.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::postgres::make_certificate;
use crate::process::{Running, free_port};

/// As whom the house searches, and its password.
pub const SERVICE: (&str, &str) = ("cn=eduline,dc=demo", "service-word");

/// What every tree begins with: the suffix, the service, and three password policies.
const GROUND: &str = "\
dn: dc=demo
objectClass: dcObject
objectClass: organization
dc: demo
o: demo

dn: cn=eduline,dc=demo
objectClass: applicationProcess
objectClass: simpleSecurityObject
cn: eduline
userPassword: service-word

dn: ou=people,dc=demo
objectClass: organizationalUnit
ou: people

dn: ou=others,dc=demo
objectClass: organizationalUnit
ou: others

dn: cn=default,dc=demo
objectClass: applicationProcess
objectClass: pwdPolicy
cn: default
pwdAttribute: userPassword
pwdMustChange: TRUE
pwdLockout: TRUE
pwdMaxFailure: 3
pwdLockoutDuration: 600
pwdCheckQuality: 2
pwdMinLength: 8
pwdInHistory: 2

dn: cn=aged,dc=demo
objectClass: applicationProcess
objectClass: pwdPolicy
cn: aged
pwdAttribute: userPassword
pwdMaxAge: 3600

dn: cn=graceful,dc=demo
objectClass: applicationProcess
objectClass: pwdPolicy
cn: graceful
pwdAttribute: userPassword
pwdMaxAge: 3600
pwdGraceAuthnLimit: 3
";

/// A running server.
pub struct Slapd {
    /// Where it listens.
    pub port: u16,
    folder: TempDir,
    process: Option<Running>,
}

impl Slapd {
    /// Starts one with these entries (LDIF) below `dc=demo`.
    pub fn start(entries: &str) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        make_certificate(folder.path());
        let at = |name: &str| folder.path().join(name).display().to_string();
        std::fs::create_dir(at("db")).expect("folder");
        let schema = ["core", "cosine", "inetorgperson"];
        let schema = schema.map(|name| format!("include /etc/ldap/schema/{name}.schema\n"));
        let settings = format!(
            "{}pidfile {}\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\nmoduleload ppolicy\n\
             TLSCertificateFile {}\nTLSCertificateKeyFile {}\n\
             database mdb\nmaxsize 33554432\nsuffix \"dc=demo\"\ndirectory {}\n\
             rootdn \"cn=root,dc=demo\"\nrootpw root-word\n\
             access to attrs=userPassword by dn.exact=\"{}\" write by anonymous auth by * none\n\
             access to * by dn.exact=\"{}\" write by * none\n\
             overlay ppolicy\nppolicy_default \"cn=default,dc=demo\"\nppolicy_use_lockout\n",
            schema.concat(),
            at("pid"),
            at("proxy.crt"),
            at("proxy.key"),
            at("db"),
            SERVICE.0,
            SERVICE.0,
        );
        std::fs::write(at("slapd.conf"), settings).expect("settings");
        std::fs::write(at("tree.ldif"), format!("{GROUND}\n{entries}")).expect("entries");
        let mut server = Self {
            port: free_port(),
            folder,
            process: None,
        };
        let added = program("slapadd")
            .args(["-q", "-f"])
            .arg(server.at("slapd.conf"))
            .arg("-l")
            .arg(server.at("tree.ldif"))
            .output()
            .expect("slapadd (Debian's slapd) runs");
        let told = String::from_utf8_lossy(&added.stderr);
        assert!(added.status.success(), "{told}");
        server.go();
        server
    }

    /// Its address, for who calls it by this name (its certificate is for `localhost`).
    pub fn url(&self, host: &str) -> String {
        format!("ldaps://{host}:{}", self.port)
    }

    /// Its certificate, which is its own authority.
    pub fn certificate(&self) -> PathBuf {
        self.at("proxy.crt")
    }

    /// Changes entries (LDIF with `changetype`), as its administrator.
    pub fn change(&self, changes: &str) {
        let file = self.at("changes.ldif");
        std::fs::write(&file, changes).expect("changes");
        let done = Command::new("ldapmodify")
            .args(["-x", "-D", "cn=root,dc=demo", "-w", "root-word", "-H"])
            .arg(self.url("127.0.0.1"))
            .arg("-f")
            .arg(file)
            .env("LDAPTLS_REQCERT", "never")
            .stdout(Stdio::null())
            .output()
            .expect("ldapmodify (Debian's ldap-utils) runs");
        let told = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{told}");
    }

    /// Ends it at once.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Starts it (again).
    pub fn go(&mut self) {
        let mut process = Running::start(
            program("slapd")
                .args(["-d", "0", "-f"])
                .arg(self.at("slapd.conf"))
                .arg("-h")
                .arg(format!("ldaps://127.0.0.1:{}/", self.port)),
        );
        process.wait_for_port(self.port);
        self.process = Some(process);
    }

    /// Lets it listen and say nothing, or speak again.
    pub fn freeze(&self, is_frozen: bool) {
        let signal = if is_frozen { "-STOP" } else { "-CONT" };
        let process = self.process.as_ref().expect("it runs").id();
        let told = Command::new("kill")
            .args([signal, &process.to_string()])
            .status();
        assert!(told.expect("kill runs").success());
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Programs of administrators are not on everybody's path.
fn program(name: &str) -> Command {
    Command::new(PathBuf::from("/usr/sbin").join(name))
}
