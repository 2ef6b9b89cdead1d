//! The file: opened, checked, and opened anew after a fault; every fault told in words.

use std::fmt::Display;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use redb::backends::FileBackend;
use redb::{Database, DatabaseError, Error, ReadOnlyTable, ReadableDatabase};

use super::{ENDS, KEPT};
use crate::Away;

/// redb's page cache: what is hot on a shelf is small.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

const DAMAGED: &str = "the file is damaged, or holds something else: move it away, and an empty one \
                       is made; sessions and logins under way are lost, accounts are elsewhere";
const TAKEN: &str = "another process has it open, and the embedded store is for one process: stop \
                     that one, or keep sessions in Redis";
const CLOSED: &str = "it was closed after a fault and could not be opened again";

/// Opens the database, for the first time or after a fault.
pub(super) type Open = Box<dyn Fn() -> Result<Database, DatabaseError> + Send + Sync>;

/// Opens the file at `path`, made when absent: it holds sessions, so only its owner may read it.
pub(super) fn at(path: &Path) -> Result<Database, DatabaseError> {
    let folder = path.parent().filter(|folder| folder.as_os_str() != "");
    if let Some(folder) = folder {
        std::fs::create_dir_all(folder)?;
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    let database = builder().create_with_backend(FileBackend::new(file)?)?;
    // A new file is not lost to a power cut once its folder is on the disk too.
    std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(database)
}

pub(super) fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    // Every page against its checksum: 0.1 s for a file of 100 MB, and what was altered is refused
    // instead of trusted.
    builder
        .set_cache_size(CACHE_BYTES)
        .set_check_integrity_on_open(true);
    builder
}

/// The table of values as of one commit.
type View = ReadOnlyTable<&'static str, (i64, &'static [u8])>;

/// The database of a shelf. Readers look at the last commit without a lock that the writer holds:
/// a flush that takes its time makes no reader wait.
pub(super) struct File {
    name: String,
    open: Open,
    /// The writer's. None after a fault that opening anew did not cure.
    database: Mutex<Option<Database>>,
    view: RwLock<Option<Arc<View>>>,
    /// The last commit failed.
    failing: AtomicBool,
}

impl File {
    pub(super) fn open(name: String, open: Open) -> Result<Self, Away> {
        let file = Self {
            name,
            open,
            database: Mutex::new(None),
            view: RwLock::new(None),
            failing: AtomicBool::new(false),
        };
        file.reopen().map_err(|why| file.away(&why))?;
        Ok(file)
    }

    /// After an I/O error redb answers nothing more until it is opened again.
    pub(super) fn reopen(&self) -> Result<(), String> {
        let mut place = self.database();
        self.publish(None);
        // The old handle holds the lock of the file.
        caught(|| {
            drop(place.take());
            Ok(())
        })
        .ok();
        let (database, view) = caught(|| {
            let database = (self.open)()?;
            let write = database.begin_write()?;
            write.open_table(KEPT)?;
            write.open_table(ENDS)?;
            write.commit()?;
            let view = database.begin_read()?.open_table(KEPT)?;
            Ok((database, view))
        })?;
        *place = Some(database);
        self.publish(Some(view));
        Ok(())
    }

    /// Runs `work` on the database, in the writer's thread; what it committed is seen by readers
    /// when this returns. A fault comes back as its story.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, Error>,
    ) -> Result<T, String> {
        let place = self.database();
        let database = place.as_ref().ok_or_else(|| CLOSED.to_owned())?;
        let (done, view) = caught(|| {
            let done = work(database)?;
            Ok((done, database.begin_read()?.open_table(KEPT)?))
        })?;
        self.publish(Some(view));
        Ok(done)
    }

    /// Runs `work` on the last commit.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&View) -> Result<T, Error>,
    ) -> Result<T, String> {
        let view = self
            .view
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let view = view.ok_or_else(|| CLOSED.to_owned())?;
        caught(|| work(&view))
    }

    fn publish(&self, view: Option<View>) {
        let mut place = self.view.write().unwrap_or_else(PoisonError::into_inner);
        *place = view.map(Arc::new);
    }

    fn database(&self) -> MutexGuard<'_, Option<Database>> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_open(&self) -> bool {
        self.database().is_some()
    }

    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    pub(super) fn set_failing(&self, failing: bool) {
        self.failing.store(failing, Ordering::Relaxed);
    }

    pub(super) fn away(&self, why: &dyn Display) -> Away {
        Away::Unreachable(format!("{}: {why}", self.name))
    }
}

/// redb trusts a file that was checked: one that is altered under it may end in a panic, which is
/// stopped here and told as damage.
fn caught<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|why| story(&why)),
        Err(_) => Err(DAMAGED.to_owned()),
    }
}

fn story(why: &Error) -> String {
    match why {
        Error::DatabaseAlreadyOpen | Error::LockProtocolMismatch => TAKEN.to_owned(),
        Error::Io(io) if io.kind() == std::io::ErrorKind::InvalidData => {
            format!("{DAMAGED} ({io})")
        }
        Error::Corrupted(_)
        | Error::RepairAborted
        | Error::UpgradeRequired(_)
        | Error::TableTypeMismatch { .. } => format!("{DAMAGED} ({why})"),
        _ => why.to_string(),
    }
}
