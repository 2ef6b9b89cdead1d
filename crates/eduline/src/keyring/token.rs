//! Keys in a PKCS#11 token: they sign there and never leave it.
//!
//! A few threads have a session each and sign what they are handed. Whoever hands them something
//! waits a moment and no longer: a token that is away, or hangs, costs visitors a refusal (503) and
//! never the process.

mod seat;

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use saml::KeyKind;
use saml::keys::{Algorithm, Holder, KeyFault, PublicHalf};

use seat::Door;

/// How long a signature may take. Tokens that are slow need some tens of milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long nobody waits for a token that has just let somebody wait in vain.
const REST: Duration = Duration::from_secs(5);
/// Signatures that may wait for a session; more would not be made in time.
const WAITING: usize = 64;

/// Which token, and how it is opened.
#[derive(Debug, Clone)]
pub(crate) struct TokenSettings {
    /// The library that its maker brings.
    pub(crate) module: PathBuf,
    /// What the token is called.
    pub(crate) token: String,
    /// The file with the user's PIN.
    pub(crate) pin_file: PathBuf,
    /// Sessions: signatures made at once.
    pub(crate) sessions: u32,
}

/// A token. Nothing is opened before the first signature.
pub(crate) struct Token {
    door: Arc<Door>,
    sessions: u32,
    /// Where work is handed in, once somebody sits there.
    desk: Mutex<Option<SyncSender<Job>>>,
    /// Until when nobody waits.
    resting: Mutex<Option<Instant>>,
}

/// One signature to make.
struct Job {
    label: String,
    algorithm: Algorithm,
    bytes: Vec<u8>,
    answer: SyncSender<Result<Vec<u8>, String>>,
}

/// One key of a token.
pub(crate) struct HeldKey {
    token: Arc<Token>,
    label: String,
}

impl Token {
    /// The token these settings name.
    pub(crate) fn of(settings: &TokenSettings) -> Arc<Self> {
        Arc::new(Self {
            door: Arc::new(Door::of(settings.clone())),
            sessions: settings.sessions,
            desk: Mutex::default(),
            resting: Mutex::default(),
        })
    }

    /// The key of that label.
    pub(crate) fn key(self: &Arc<Self>, label: &str) -> Arc<HeldKey> {
        Arc::new(HeldKey {
            token: Arc::clone(self),
            label: label.to_owned(),
        })
    }

    /// The public half of the key pair of that label, which is made when there is none. For
    /// commands: it waits as long as the token takes.
    pub(crate) fn find_or_make(&self, label: &str, kind: KeyKind) -> Result<PublicHalf, String> {
        let mut seat = None;
        self.door
            .work(&mut seat, |seat| seat.find_or_make(label, kind))
    }

    fn sign(
        &self,
        job: Job,
        answered: &Receiver<Result<Vec<u8>, String>>,
    ) -> Result<Vec<u8>, String> {
        let mut resting = lock(&self.resting);
        if resting.is_some_and(|until| until > Instant::now()) {
            return Err("it let somebody wait in vain a moment ago".to_owned());
        }
        *resting = None;
        drop(resting);
        let desk = self.desk()?;
        desk.try_send(job).map_err(|full| match full {
            TrySendError::Full(_) => format!("{WAITING} signatures wait already"),
            TrySendError::Disconnected(_) => "nobody works with it any more".to_owned(),
        })?;
        answered.recv_timeout(PATIENCE).unwrap_or_else(|why| {
            *lock(&self.resting) = Some(Instant::now() + REST);
            Err(match why {
                RecvTimeoutError::Timeout => format!("no answer within {} s", PATIENCE.as_secs()),
                RecvTimeoutError::Disconnected => "no answer".to_owned(),
            })
        })
    }

    /// Where work is handed in; the threads behind it start with the first piece.
    fn desk(&self) -> Result<SyncSender<Job>, String> {
        let mut desk = lock(&self.desk);
        if let Some(desk) = desk.as_ref() {
            return Ok(desk.clone());
        }
        let (hand_in, jobs) = sync_channel(WAITING);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..self.sessions {
            let (door, jobs) = (Arc::clone(&self.door), Arc::clone(&jobs));
            std::thread::Builder::new()
                .name("token".to_owned())
                .spawn(move || work(door, &jobs))
                .map_err(|why| why.to_string())?;
        }
        *desk = Some(hand_in.clone());
        Ok(hand_in)
    }
}

impl Holder for HeldKey {
    fn sign(&self, algorithm: Algorithm, bytes: &[u8]) -> Result<Vec<u8>, KeyFault> {
        let (answer, answered) = sync_channel(1);
        let job = Job {
            label: self.label.clone(),
            algorithm,
            bytes: bytes.to_vec(),
            answer,
        };
        self.token
            .sign(job, &answered)
            .map_err(|why| KeyFault::Away(format!("{}: {why}", self.label)))
    }
}

/// Signs until nobody hands anything in any more.
fn work(door: Arc<Door>, jobs: &Mutex<Receiver<Job>>) {
    let mut seat = None;
    loop {
        let Ok(job) = lock(jobs).recv() else { break };
        let signed = door.work(&mut seat, |seat| {
            seat.sign(&job.label, job.algorithm, &job.bytes)
        });
        if let Err(why) = &signed {
            tracing::warn!(key = job.label, why, "a token did not sign");
        }
        // Who waited may have gone.
        job.answer.send(signed).ok();
    }
    // The process ends, and the library with it; its threads are not to be there then.
    std::mem::forget(door);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
