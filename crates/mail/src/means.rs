//! How letters leave: by a server (SMTP), or into a folder for whoever tries things out.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls as Wire, TlsParameters};
use lettre::{Message, SmtpTransport, Transport};
use zeroize::Zeroizing;

use crate::{Fault, Letter};

/// How long a server may take for each of its answers.
const PATIENCE: Duration = Duration::from_secs(20);

/// How letters leave.
pub enum Means {
    /// By this server.
    Smtp(Smtp),
    /// As files `*.eml` in this folder, readable by their owner only.
    Folder(PathBuf),
}

/// A mail server.
pub struct Smtp {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// User and password, when it wants them.
    pub login: Option<(String, Zeroizing<String>)>,
}

impl Smtp {
    /// A server written as `smtp://[user:password@]host[:port]`, or `smtps://` for TLS from the first byte
    /// (RFC 8314); `tls` says of the first kind how it is protected: `required`, `offered`, `never`. What is
    /// wrong is told without the password.
    pub fn parse(text: &str, tls: &str) -> Result<Self, String> {
        let url = url::Url::parse(text).map_err(|why| why.to_string())?;
        let (tls, usual) = match (url.scheme(), tls) {
            ("smtps", _) => (Tls::Whole, 465),
            ("smtp", "required") => (Tls::Required, 587),
            ("smtp", "offered") => (Tls::Offered, 25),
            ("smtp", "never") => (Tls::Never, 25),
            ("smtp", _) => return Err("tls is required, offered or never".to_owned()),
            _ => return Err("expected smtp://host:port or smtps://host:port".to_owned()),
        };
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or("a host is missing")?.trim_matches(['[', ']']);
        let decoded = |part: &str| -> String {
            let part = part.replace('+', "%2B");
            let pair = format!("x={part}");
            let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
            pairs
                .next()
                .map(|(_, text)| text.into_owned())
                .unwrap_or_default()
        };
        let login = url
            .password()
            .map(|password| (decoded(url.username()), Zeroizing::new(decoded(password))));
        let is_near = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        if login.is_some() && !is_near && matches!(tls, Tls::Never | Tls::Offered) {
            return Err("a password is sent under TLS only: tls = \"required\"".to_owned());
        }
        Ok(Self {
            host: host.to_owned(),
            port: url.port().unwrap_or(usual),
            tls,
            login,
        })
    }
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// TLS from the first byte (RFC 8314).
    Whole,
    /// STARTTLS, or nothing is sent (RFC 3207).
    Required,
    /// STARTTLS where the server offers it.
    Offered,
    /// None.
    Never,
}

/// A way out, ready.
pub(crate) struct Way {
    from: Mailbox,
    means: Ready,
}

enum Ready {
    Smtp(Box<SmtpTransport>),
    Folder(PathBuf),
}

/// Why a letter did not leave.
pub(crate) struct NotSent {
    pub(crate) why: String,
    /// The same letter will never leave.
    pub(crate) is_final: bool,
}

/// RFC 3834 5: nobody's absence notice answers these.
#[derive(Clone)]
struct AutoSubmitted(String);

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}

impl Way {
    pub(crate) fn of(means: &Means, from: &str) -> Result<Self, Fault> {
        let fault = |why: &dyn std::fmt::Display| Fault::Means(why.to_string());
        let from: Mailbox = from.parse().map_err(|why| fault(&why))?;
        let means = match means {
            Means::Folder(folder) => Ready::Folder(folder.clone()),
            Means::Smtp(smtp) => {
                let parameters = || TlsParameters::new(smtp.host.clone());
                let wire = match smtp.tls {
                    Tls::Never => Wire::None,
                    Tls::Offered => Wire::Opportunistic(parameters().map_err(|why| fault(&why))?),
                    Tls::Required => Wire::Required(parameters().map_err(|why| fault(&why))?),
                    Tls::Whole => Wire::Wrapper(parameters().map_err(|why| fault(&why))?),
                };
                let mut transport = SmtpTransport::builder_dangerous(smtp.host.as_str())
                    .port(smtp.port)
                    .tls(wire)
                    .timeout(Some(PATIENCE));
                if let Some((user, password)) = &smtp.login {
                    let login = Credentials::new(user.clone(), password.to_string());
                    transport = transport.credentials(login);
                }
                Ready::Smtp(Box::new(transport.build()))
            }
        };
        Ok(Self { from, means })
    }

    /// Sends a letter. What is said of a failure names neither its reader nor its text.
    pub(crate) fn send(
        &self,
        number: &str,
        letter: &Letter,
        now: DateTime<Utc>,
    ) -> Result<(), NotSent> {
        let message = self.message(number, letter, now)?;
        match &self.means {
            Ready::Folder(folder) => {
                let name = format!("{}-{number}.eml", now.format("%Y%m%dT%H%M%S"));
                write(folder, &name, &message.formatted()).map_err(|why| NotSent {
                    why: why.to_string(),
                    is_final: false,
                })
            }
            Ready::Smtp(transport) => transport.send(&message).map(drop).map_err(|why| NotSent {
                is_final: why.is_permanent(),
                why: match why.status() {
                    // A server may repeat the address in its sentence: its number is enough.
                    Some(code) => format!("the server answered {code}"),
                    None if why.is_timeout() => "the server did not answer in time".to_owned(),
                    None if why.is_tls() => "no TLS with the server".to_owned(),
                    None => "the server cannot be reached, or is none".to_owned(),
                },
            }),
        }
    }

    fn message(
        &self,
        number: &str,
        letter: &Letter,
        now: DateTime<Utc>,
    ) -> Result<Message, NotSent> {
        let unfit = |why: &dyn std::fmt::Display| NotSent {
            why: format!("not a letter: {why}"),
            is_final: true,
        };
        let to = letter.to.parse().map_err(|_| unfit(&"no address"))?;
        let host = self.from.email.domain();
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject.replace(['\r', '\n'], " "))
            .date(SystemTime::from(now))
            .message_id(Some(format!("<{number}@{host}>")))
            .header(AutoSubmitted("auto-generated".to_owned()))
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.clone())
            .map_err(|why| unfit(&why))
    }
}

fn write(folder: &std::path::Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(folder.join(name))?;
    file.write_all(bytes)
}
