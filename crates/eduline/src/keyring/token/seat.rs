//! One session with a token.

use std::collections::HashMap;
use std::mem::ManuallyDrop;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use saml::KeyKind;
use saml::keys::{Algorithm, PublicHalf};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::TokenSettings;
use crate::keyring;

/// The name of P-256 in DER (RFC 5480 2.1.1.1).
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// An uncompressed point of P-256 in an OCTET STRING, as PKCS #11 hands it out: 4, its length, the
/// point.
const POINT: usize = 65;

/// How long a library is left alone after it was started anew.
const PAUSE: Duration = Duration::from_secs(1);

/// Where sessions begin.
pub(super) struct Door {
    settings: TokenSettings,
    /// Whoever uses the library reads; who starts it anew writes, so that nobody is inside then.
    library: RwLock<Library>,
}

/// The library that speaks with the token.
#[derive(Default)]
struct Library {
    module: Option<Pkcs11>,
    /// How often it was started. The sessions of an earlier start are gone.
    start: u64,
    started: Option<Instant>,
}

/// A session that is signed in.
pub(super) struct Seat {
    session: ManuallyDrop<Session>,
    found: HashMap<String, ObjectHandle>,
    start: u64,
}

impl Door {
    pub(super) fn of(settings: TokenSettings) -> Self {
        Self {
            settings,
            library: RwLock::default(),
        }
    }

    /// Runs `work` in this seat, if its session can still be there, and else, or when it fails, in a
    /// fresh one, which is left in its place.
    pub(super) fn work<T>(
        &self,
        seat: &mut Option<Seat>,
        work: impl Fn(&mut Seat) -> Result<T, String>,
    ) -> Result<T, String> {
        {
            let library = self.library();
            if let Some(old) = seat.take().filter(|old| old.start == library.start) {
                let old = seat.insert(old);
                if let Ok(done) = work(old) {
                    return Ok(done);
                }
            }
            if let Some(old) = seat.take() {
                old.leave();
            }
        }
        let fresh = match self.enter() {
            Ok(fresh) => fresh,
            // Libraries look for tokens when they start, and some at no other time: one that was
            // away is found by the next start.
            Err(why) if !self.start_anew() => return Err(why),
            Err(_) => self.enter()?,
        };
        let library = self.library();
        if fresh.start != library.start {
            return Err("the library was started anew meanwhile".to_owned());
        }
        work(seat.insert(fresh))
    }

    /// Opens a session that may also make keys.
    fn enter(&self) -> Result<Seat, String> {
        self.begin()?;
        let library = self.library();
        let module = library.module.as_ref().ok_or("the library is closed")?;
        let slot = self.slot(module)?;
        let told = |why: Error| format!("token {:?}: {}", self.settings.token, brief(&why));
        let session = module.open_rw_session(slot).map_err(told)?;
        let pin = keyring::read(&self.settings.pin_file).map_err(|fault| fault.to_string())?;
        let pin = AuthPin::from(pin.trim().to_owned());
        match session.login(UserType::User, Some(&pin)) {
            // Sessions of one process are signed in together.
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(why) => return Err(told(why)),
        }
        Ok(Seat {
            session: ManuallyDrop::new(session),
            found: HashMap::new(),
            start: library.start,
        })
    }

    /// Starts the library, unless it runs.
    fn begin(&self) -> Result<(), String> {
        if self.library().module.is_some() {
            return Ok(());
        }
        let mut library = self.library.write().unwrap_or_else(PoisonError::into_inner);
        if library.module.is_some() {
            return Ok(());
        }
        let told = |why: Error| format!("{}: {}", self.settings.module.display(), brief(&why));
        let module = Pkcs11::new(&self.settings.module).map_err(told)?;
        initialize(&module).map_err(told)?;
        library.module = Some(module);
        library.started = Some(Instant::now());
        Ok(())
    }

    /// Ends the library and starts it again, unless that was done a moment ago; says whether it was.
    fn start_anew(&self) -> bool {
        let mut library = self.library.write().unwrap_or_else(PoisonError::into_inner);
        let is_recent = library.started.is_some_and(|at| at.elapsed() < PAUSE);
        let Some(module) = library.module.clone().filter(|_| !is_recent) else {
            return false;
        };
        library.start += 1;
        library.started = Some(Instant::now());
        let ended = module.clone().finalize();
        let begun = ended.and_then(|()| initialize(&module));
        if let Err(why) = &begun {
            tracing::warn!(
                why = brief(why),
                "the library of a token does not start anew"
            );
        }
        begun.is_ok()
    }

    fn library(&self) -> RwLockReadGuard<'_, Library> {
        self.library.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, module: &Pkcs11) -> Result<Slot, String> {
        let wanted = &self.settings.token;
        let slots = module.get_slots_with_token().map_err(|why| brief(&why))?;
        slots
            .into_iter()
            .find(|slot| {
                let token = module.get_token_info(*slot);
                token.is_ok_and(|token| token.label().trim_end() == wanted)
            })
            .ok_or_else(|| format!("no token is called {wanted:?}"))
    }
}

impl Seat {
    /// Ends the session. One that is only dropped is left to the library: of an earlier start, its
    /// number may be another's by now, and closing one while the process ends is a race that
    /// some libraries lose.
    fn leave(self) {
        drop(ManuallyDrop::into_inner(self.session));
    }

    /// A signature; ECDSA as r ‖ s, which is how tokens give it.
    pub(super) fn sign(
        &mut self,
        label: &str,
        algorithm: Algorithm,
        bytes: &[u8],
    ) -> Result<Vec<u8>, String> {
        let key = self.private(label)?;
        let signed = match algorithm {
            Algorithm::RsaSha256 => self.session.sign(&Mechanism::Sha256RsaPkcs, key, bytes),
            Algorithm::RsaSha384 => self.session.sign(&Mechanism::Sha384RsaPkcs, key, bytes),
            Algorithm::RsaSha512 => self.session.sign(&Mechanism::Sha512RsaPkcs, key, bytes),
            // Of a digest longer than the curve its beginning is signed (FIPS 186-5, 6.4.1).
            Algorithm::EcdsaSha256 => self.ecdsa(key, &Sha256::digest(bytes)),
            Algorithm::EcdsaSha384 => self.ecdsa(key, &Sha384::digest(bytes)),
            Algorithm::EcdsaSha512 => self.ecdsa(key, &Sha512::digest(bytes)),
        };
        signed.map_err(|why| brief(&why))
    }

    fn ecdsa(&self, key: ObjectHandle, digest: &[u8]) -> Result<Vec<u8>, Error> {
        self.session.sign(&Mechanism::Ecdsa, key, digest)
    }

    /// The public half of the key pair of that label, made when there is none.
    pub(super) fn find_or_make(
        &mut self,
        label: &str,
        kind: KeyKind,
    ) -> Result<PublicHalf, String> {
        let public = match self.one(label, ObjectClass::PUBLIC_KEY)? {
            Some(public) => public,
            None if self.one(label, ObjectClass::PRIVATE_KEY)?.is_some() => {
                return Err(format!("{label}: the public half is not in the token"));
            }
            None => self.make(label, kind).map_err(|why| brief(&why))?,
        };
        self.private(label)?;
        self.public(public)
            .map_err(|why| brief(&why))?
            .ok_or_else(|| format!("{label}: keys in a token are RSA or P-256"))
    }

    fn private(&mut self, label: &str) -> Result<ObjectHandle, String> {
        if let Some(key) = self.found.get(label) {
            return Ok(*key);
        }
        let key = self
            .one(label, ObjectClass::PRIVATE_KEY)?
            .ok_or_else(|| format!("no private key is called {label:?}"))?;
        self.found.insert(label.to_owned(), key);
        Ok(key)
    }

    fn one(&self, label: &str, class: ObjectClass) -> Result<Option<ObjectHandle>, String> {
        let wanted = [
            Attribute::Class(class),
            Attribute::Label(label.as_bytes().to_vec()),
        ];
        let found = self
            .session
            .find_objects(&wanted)
            .map_err(|why| brief(&why))?;
        match found.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(*one)),
            _ => Err(format!("several keys are called {label:?}")),
        }
    }

    /// A key pair whose private half never leaves the token.
    fn make(&self, label: &str, kind: KeyKind) -> Result<ObjectHandle, Error> {
        let name = || Attribute::Label(label.as_bytes().to_vec());
        let mut public = vec![Attribute::Token(true), Attribute::Verify(true), name()];
        let mechanism = if kind == KeyKind::P256 {
            public.push(Attribute::EcParams(P256.to_vec()));
            Mechanism::EccKeyPairGen
        } else {
            let bits: u64 = if kind == KeyKind::Rsa3072 { 3072 } else { 2048 };
            public.push(Attribute::ModulusBits(bits.into()));
            public.push(Attribute::PublicExponent(vec![1, 0, 1]));
            Mechanism::RsaPkcsKeyPairGen
        };
        let private = [
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
            name(),
        ];
        let (public, _) = self
            .session
            .generate_key_pair(&mechanism, &public, &private)?;
        Ok(public)
    }

    fn public(&self, key: ObjectHandle) -> Result<Option<PublicHalf>, Error> {
        let kind = self
            .session
            .get_attributes(key, &[AttributeType::KeyType])?;
        let wanted = match kind.as_slice() {
            [Attribute::KeyType(KeyType::RSA)] => {
                vec![AttributeType::Modulus, AttributeType::PublicExponent]
            }
            [Attribute::KeyType(KeyType::EC)] => {
                vec![AttributeType::EcParams, AttributeType::EcPoint]
            }
            _ => return Ok(None),
        };
        let parts = self.session.get_attributes(key, &wanted)?;
        Ok(match parts.as_slice() {
            [
                Attribute::Modulus(modulus),
                Attribute::PublicExponent(exponent),
            ] => Some(PublicHalf::Rsa {
                modulus: modulus.clone(),
                exponent: exponent.clone(),
            }),
            [Attribute::EcParams(curve), Attribute::EcPoint(point)] if *curve == P256 => {
                // Some tokens hand out the point without its OCTET STRING.
                let start = point.len().saturating_sub(POINT);
                point
                    .get(start..)
                    .map(|point| PublicHalf::P256(point.to_vec()))
            }
            _ => None,
        })
    }
}

fn initialize(module: &Pkcs11) -> Result<(), Error> {
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        Err(why) => Err(why),
    }
}

/// What went wrong, without the paragraph of the standard that the library adds.
fn brief(why: &Error) -> String {
    match why {
        Error::Pkcs11(code, function) => format!("{function} said {code:?}"),
        other => other.to_string(),
    }
}
