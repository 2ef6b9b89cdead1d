//! Keys and secrets: what each service needs, where it is, and how the missing ones are made.
//!
//! A key file holds a private key and its certificate, PEM, readable by its owner only. Files appear
//! whole and are never overwritten: any number of processes may make the same folder's keys at once,
//! and all of them end up with the same ones. What a file is called says what its key is for:
//! `idp-personnel.pem` signs, `idp-personnel.next.pem` will, `idp-personnel.retired-….pem` did
//! ([`bunch`], [`roll`]). Where the private half is in a token, its address is in the file instead
//! ([`token`]).

mod bunch;
mod roll;
mod token;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use directory::Realm;
use saml::{KeyKind, Moment, SigningKey};
use zeroize::Zeroizing;

use crate::settings::{Fault, Settings};

pub(crate) use bunch::{Bunch, OneKey, State};
pub(crate) use roll::Wait;
pub(crate) use token::{Token, TokenSettings};

/// The key that signs metadata.
pub(crate) const METADATA: &str = "metadata";
/// The portal's key.
pub(crate) const PORTAL: &str = "portail";
/// The key of the account pages.
pub(crate) const ACCOUNT: &str = "compte";
/// The viewer's key.
pub(crate) const VIEWER: &str = "magistere";

/// The key of a realm.
pub(crate) fn of_realm(realm: Realm) -> String {
    format!("idp-{}", realm.as_str())
}

/// The key that opens what is encrypted for an entity of ours. It is RSA, in a file, and rolls by itself,
/// whatever the service signs with.
pub(crate) fn opening(service: &str) -> String {
    format!("{service}{OPENING}")
}

/// Whether a key of that name is one to open with.
pub(crate) fn opens(name: &str) -> bool {
    name.ends_with(OPENING)
}

const OPENING: &str = "-encryption";

/// Thirty-two bytes shared by the processes of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secret {
    /// Keys the tokens of forms.
    Csrf,
    /// Keys the hashes of NUMENs.
    Numen,
    /// Encrypts the seeds of second factors.
    Factors,
    /// Makes the keys of the applications behind the gate.
    Gate,
    /// Seals the letters that wait.
    Letters,
    /// Keys identifiers that differ for each service.
    Pairwise,
}

impl Secret {
    /// All of them.
    pub(crate) const ALL: [Self; 6] = [
        Self::Csrf,
        Self::Numen,
        Self::Factors,
        Self::Gate,
        Self::Letters,
        Self::Pairwise,
    ];

    /// Its file.
    fn name(self) -> &'static str {
        match self {
            Self::Csrf => "csrf.secret",
            Self::Numen => "numen.secret",
            Self::Factors => "factors.secret",
            Self::Gate => "gate.secret",
            Self::Letters => "letters.secret",
            Self::Pairwise => "pairwise.secret",
        }
    }
}

/// The folder of keys, and the token that holds some of them.
#[derive(Clone)]
pub(crate) struct KeyRing {
    folder: PathBuf,
    token: Option<Arc<Token>>,
}

/// Before the name of a key in a token, in the file that stands for it (RFC 7512).
const IN_TOKEN: &str = "pkcs11:object=";

/// How a missing key is made.
pub(crate) struct Making<'a> {
    /// Its kind.
    pub(crate) kind: KeyKind,
    /// Days its certificate says it is valid.
    pub(crate) days: u32,
    /// What its certificate is called after: the host of the public address.
    pub(crate) host: &'a str,
    /// The moment.
    pub(crate) now: Moment,
    /// Chance.
    pub(crate) dice: &'a (dyn Fn(&mut [u8]) + Send + Sync),
}

impl KeyRing {
    /// The keys in `folder`.
    pub(crate) fn at(folder: &Path) -> Self {
        Self {
            folder: folder.to_path_buf(),
            token: None,
        }
    }

    /// The keys of a deployment, those in its token too.
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            folder: settings.keys.folder.clone(),
            token: settings.keys.token.as_ref().map(Token::of),
        }
    }

    /// The name of every key of a deployment.
    pub(crate) fn names() -> Vec<String> {
        let realms = Realm::ALL.into_iter().map(of_realm);
        let services = [PORTAL, VIEWER, ACCOUNT].map(str::to_owned).into_iter();
        let entities = services.chain(realms);
        let entities = entities.flat_map(|name| [opening(&name), name].into_iter().rev());
        let metadata = std::iter::once(METADATA.to_owned());
        metadata.chain(entities).collect()
    }

    /// Reads a key.
    pub(crate) fn key(&self, name: &str) -> Result<Arc<SigningKey>, Fault> {
        self.decode(&self.key_file(name))
    }

    /// Reads the key in a file, or the one that it stands for.
    fn decode(&self, path: &Path) -> Result<Arc<SigningKey>, Fault> {
        let pem = read(path)?;
        let (key, certificate) =
            halves(&pem).ok_or_else(|| Fault::of_file(path, "holds no key and certificate"))?;
        let key = match (key.trim().strip_prefix(IN_TOKEN), &self.token) {
            (None, _) => SigningKey::from_pem(key, certificate),
            (Some(label), Some(token)) => SigningKey::held(certificate, token.key(label)),
            (Some(_), None) => {
                return Err(Fault::of_file(
                    path,
                    "its key is in a token: [pkcs11] says which",
                ));
            }
        };
        key.map(Arc::new)
            .map_err(|why| Fault::of_file(path, why.to_string()))
    }

    /// Reads a secret.
    pub(crate) fn secret(&self, secret: Secret) -> Result<[u8; 32], Fault> {
        let path = self.secret_file(secret);
        let text = read(&path)?;
        bytes_of(text.trim()).ok_or_else(|| Fault::of_file(&path, "must be 64 hexadecimal digits"))
    }

    /// Makes every key and secret that is missing; says which.
    pub(crate) fn make_missing(&self, making: &Making<'_>) -> Result<Vec<String>, Fault> {
        self.prepare()?;
        let mut made = Vec::new();
        for name in Self::names() {
            let path = self.key_file(&name);
            if path.exists() {
                continue;
            }
            if self.make(&name, &path, making)? {
                made.push(name);
            }
        }
        for secret in Secret::ALL {
            let path = self.secret_file(secret);
            if path.exists() {
                continue;
            }
            let mut bytes = Zeroizing::new([0; 32]);
            (making.dice)(bytes.as_mut());
            let text = Zeroizing::new(format!("{}\n", hexadecimal(bytes.as_ref())));
            if self.publish(&path, text.as_bytes(), making.dice)? {
                made.push(secret.name().to_owned());
            }
        }
        Ok(made)
    }

    /// Makes the current key of one name when it is missing; says whether it was.
    pub(crate) fn make_one(&self, name: &str, making: &Making<'_>) -> Result<bool, Fault> {
        self.prepare()?;
        self.make(name, &self.key_file(name), making)
    }

    /// Makes the key called `name` in the file at `path`; `false`: one is there.
    fn make(&self, name: &str, path: &Path, making: &Making<'_>) -> Result<bool, Fault> {
        let mut serial = [0; 16];
        (making.dice)(&mut serial);
        let common_name = format!("{name} {}", making.host);
        let kind = match making.kind {
            KeyKind::P256 if opens(name) => KeyKind::Rsa2048,
            kind => kind,
        };
        let pair = saml::keys::generate(kind, &common_name, serial, making.now, making.days)
            .map_err(|why| Fault::of_file(path, why.to_string()))?;
        let pem = Zeroizing::new(format!("{}{}", pair.key_pem, pair.cert_pem));
        self.publish(path, pem.as_bytes(), making.dice)
    }

    /// Where a key is.
    pub(crate) fn key_file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.pem"))
    }

    /// Where a secret is.
    pub(crate) fn secret_file(&self, secret: Secret) -> PathBuf {
        self.folder.join(secret.name())
    }

    /// Makes the folder, for its owner only.
    fn prepare(&self) -> Result<(), Fault> {
        let fault = |why: std::io::Error| Fault::of_file(&self.folder, why.to_string());
        if self.folder.is_dir() {
            return Ok(());
        }
        std::fs::create_dir_all(&self.folder).map_err(fault)?;
        std::fs::set_permissions(&self.folder, std::fs::Permissions::from_mode(0o700))
            .map_err(fault)
    }

    /// Lets a file appear whole under its name, unless one is there: a link is made once only.
    fn publish(
        &self,
        path: &Path,
        content: &[u8],
        dice: &(dyn Fn(&mut [u8]) + Send + Sync),
    ) -> Result<bool, Fault> {
        let fault = |why: std::io::Error| Fault::of_file(path, why.to_string());
        let mut chance = [0; 8];
        dice(&mut chance);
        let draft = self.folder.join(format!(".{}", hexadecimal(&chance)));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)
            .map_err(fault)?;
        let written = file.write_all(content).and_then(|()| file.sync_all());
        let linked = written.and_then(|()| std::fs::hard_link(&draft, path));
        std::fs::remove_file(&draft).map_err(fault)?;
        match linked {
            Ok(()) => Ok(true),
            Err(why) if why.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(why) => Err(fault(why)),
        }
    }
}

/// Reads a file with a secret in it; refuses one that others may read.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<String>, Fault> {
    let text = std::fs::read_to_string(path).map_err(|why| match why.kind() {
        ErrorKind::NotFound => Fault::of_file(path, "is missing: `eduline keys generate` makes it"),
        _ => Fault::of_file(path, format!("cannot be read: {why}")),
    })?;
    let mode = std::fs::metadata(path)
        .map(|metadata| metadata.permissions().mode())
        .map_err(|why| Fault::of_file(path, why.to_string()))?;
    if mode & 0o077 != 0 {
        return Err(Fault::of_file(
            path,
            format!("may be read by others (mode {:o}): chmod 600", mode & 0o777),
        ));
    }
    Ok(Zeroizing::new(text))
}

/// The key and the certificate of a file, each from its own BEGIN on.
fn halves(pem: &str) -> Option<(&str, &str)> {
    let certificate = pem.find("-----BEGIN CERTIFICATE-----")?;
    let (before, after) = pem.split_at_checked(certificate)?;
    Some((before, after))
}

/// Lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    let mut text = String::with_capacity(bytes.len() * 2);
    text.extend(
        bytes
            .iter()
            .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]),
    );
    text
}

fn bytes_of(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits
        .chunks_exact(2)
        .filter_map(|pair| Some((pair.first()? << 4) | pair.last()?))
        .collect();
    (digits.len() == 64)
        .then(|| bytes.try_into().ok())
        .flatten()
}

#[cfg(test)]
mod tests;
