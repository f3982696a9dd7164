//! Disks that lose power, fill up, fail and lie, under SQLite.
//!
//! A [`Disk`] is a folder. Whatever SQLite keeps in it goes through a file system layer of our own ([`vfs`]), which knows
//! what of it would survive if the power failed now ([`medium`]), and which fails when its plan says so ([`plan`]). Every
//! folder has its own plan; folders that are no disk are served by the system's layer as if ours were not there. The layer is
//! SQLite's default from the first disk on, so that the product opens its stores on one without knowing of it; what was
//! opened before goes on as it was.
//!
//! A program that is only killed loses nothing that it wrote: that is [`Disk::cut`], and [`Pattern::Everything`] left.
//!
//! Files beside the databases (originals, keys) are not SQLite's and not looked at: they are written for good at once.
//!
//! ```text
//! let disk = Disk::under(folder)?;
//! disk.plan(Plan::cut(17));          // the 17th operation that changes something is the last
//! …                                  // open, work: acts fail from there on; drop whatever is open
//! disk.recover(Tear { pattern, seed })?;  // what the power cut left is now on the disk
//! …                                  // open again, and look
//! ```

mod medium;
mod plan;
mod state;
mod vfs;

pub use medium::{Files, Pattern, Tear};
pub use plan::{Counts, Fault, Operation, Plan};

use medium::Medium;
use plan::Schedule;
use state::State;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;
use std::{fs, io};

/// The disks of this process by their folders. It is how the layer finds a file's disk, and holds nothing else.
static DISKS: RwLock<BTreeMap<PathBuf, Weak<Inner>>> = RwLock::new(BTreeMap::new());

/// A folder whose databases are under our control, until it is dropped; files that are open then stay so.
#[derive(Debug)]
pub struct Disk {
    inner: Arc<Inner>,
}

/// What a disk shares with the files that are open on it.
#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    state: Mutex<State>,
    /// Told when the last open file is closed.
    closed: Condvar,
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file's name on this disk: its path below the folder.
    fn name(&self, path: &Path) -> Option<String> {
        Some(path.strip_prefix(&self.folder).ok()?.to_str()?.to_owned())
    }
}

/// The disk that a file is on: the innermost folder counts.
fn disk_of(path: &Path) -> Option<Arc<Inner>> {
    let disks = DISKS.read().unwrap_or_else(PoisonError::into_inner);
    if disks.is_empty() {
        return None;
    }
    path.ancestors().skip(1).find_map(|folder| disks.get(folder)?.upgrade())
}

impl Disk {
    /// Makes a disk of a folder, which must be there. What it holds already is safe on it. Stores are opened afterwards.
    ///
    /// # Errors
    /// When the folder cannot be found, or is a disk already.
    pub fn under(folder: &Path) -> io::Result<Self> {
        vfs::install();
        // SQLite resolves links before it opens a file.
        let folder = fs::canonicalize(folder)?;
        let inner = Arc::new(Inner {
            folder: folder.clone(),
            state: Mutex::new(State::new()),
            closed: Condvar::new(),
        });
        let mut disks = DISKS.write().unwrap_or_else(PoisonError::into_inner);
        if disks.get(&folder).is_some_and(|known| known.strong_count() > 0) {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the folder is a disk already"));
        }
        disks.insert(folder, Arc::downgrade(&inner));
        Ok(Self { inner })
    }

    /// The folder, as SQLite knows it.
    pub fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// What is to go wrong from now on, in place of what was planned before. Operations are counted from here.
    pub fn plan(&self, plan: Plan) {
        self.inner.state().schedule = Schedule::of(Some(plan));
    }

    /// Nothing is to go wrong any more, and operations are counted from here. A disk without power stays without.
    pub fn calm(&self) {
        self.inner.state().schedule = Schedule::default();
    }

    /// What was done since the last [`Disk::plan`], [`Disk::calm`] or [`Disk::recover`].
    pub fn counts(&self) -> Counts {
        self.inner.state().schedule.counts
    }

    /// Whether what was planned has happened.
    pub fn struck(&self) -> bool {
        self.inner.state().schedule.struck
    }

    /// Whether syncs keep what they say. A disk that lies says yes and keeps nothing.
    pub fn honest(&self, honest: bool) {
        self.inner.state().honest = honest;
    }

    /// Whether stores that are opened from now on have `synchronous = NORMAL`, whatever they ask for: what a test must find.
    pub fn careless(&self, careless: bool) {
        self.inner.state().careless = careless;
    }

    /// Whether a write that the power cut meets spoils no more than what it writes, as SQLite takes for granted of a disk
    /// where nobody says otherwise; it then packs its log more densely. At first a disk does not promise that, and such a
    /// write may spoil its whole sector. To be said while no file is open.
    pub fn powersafe(&self, powersafe: bool) {
        self.inner.state().powersafe = powersafe;
    }

    /// From now on keeps what is safe after each sync, until [`Disk::witnessed`] asks for it.
    pub fn witness(&self) {
        self.inner.state().witnessed = Some(Vec::new());
    }

    /// How often something became safe since [`Disk::witness`].
    pub fn syncs_witnessed(&self) -> usize {
        self.inner.state().witnessed.as_ref().map_or(0, Vec::len)
    }

    /// What was safe after each sync since [`Disk::witness`], in order.
    pub fn witnessed(&self) -> Vec<Files> {
        self.inner.state().witnessed.take().unwrap_or_default()
    }

    /// Cuts the power now.
    pub fn cut(&self) {
        self.inner.state().dead = true;
    }

    /// Whether the power is off.
    pub fn is_dead(&self) -> bool {
        self.inner.state().dead
    }

    /// How many files are open.
    pub fn open_files(&self) -> usize {
        self.inner.state().open
    }

    /// Waits until no file is open: threads of what was dropped may be about to close theirs.
    ///
    /// # Errors
    /// When somebody does not let go.
    pub fn wait_until_closed(&self) -> io::Result<()> {
        let state = self.inner.state();
        let waited = self.inner.closed.wait_timeout_while(state, PATIENCE, |state| state.open > 0);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        in_use(&state)
    }

    /// Writes what a power cut now, or the one that happened, leaves of the databases; the power is on again and nothing
    /// planned. Everything that was open must be closed: whoever held it is dead.
    ///
    /// # Errors
    /// When a file is open, or the folder cannot be written.
    pub fn recover(&self, tear: Tear) -> io::Result<()> {
        let mut state = self.inner.state();
        in_use(&state)?;
        let spoils = if state.powersafe { medium::Spoils::Written } else { medium::Spoils::Sector };
        let left = state.medium.torn(tear, spoils);
        let mut gone: BTreeSet<String> = state.medium.names();
        for (name, bytes) in &left {
            fs::write(self.inner.folder.join(name), bytes)?;
            gone.remove(name);
        }
        for name in gone {
            remove(&self.inner.folder.join(name))?;
        }
        if tear.pattern == Pattern::ShmLost {
            for name in left.keys() {
                remove(&self.inner.folder.join(format!("{name}-shm")))?;
            }
        }
        state.medium = Medium::holding(left);
        state.schedule = Schedule::default();
        state.dead = false;
        Ok(())
    }

    /// Forgets what is known of the files: what lies in the folder now is what is safe. Everything must be closed.
    ///
    /// # Errors
    /// When a file is open.
    pub fn replaced(&self) -> io::Result<()> {
        let mut state = self.inner.state();
        in_use(&state)?;
        state.medium = Medium::default();
        state.schedule = Schedule::default();
        state.dead = false;
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let mut disks = DISKS.write().unwrap_or_else(PoisonError::into_inner);
        disks.remove(&self.inner.folder);
    }
}

/// Nobody takes as long as this to close a file: a test that waits for so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

fn in_use(state: &State) -> io::Result<()> {
    match state.open {
        0 => Ok(()),
        open => Err(io::Error::other(format!("{open} files are open"))),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
