//! What a disk knows and does about operations; the layer asks it.

use super::medium::{Files, Medium};
use super::plan::{Fault, Operation, Schedule};
use std::fs;
use std::path::Path;

#[derive(Debug)]
pub(super) struct State {
    pub(super) medium: Medium,
    pub(super) schedule: Schedule,
    /// Files that are open.
    pub(super) open: usize,
    /// The power is off.
    pub(super) dead: bool,
    /// Syncs keep something.
    pub(super) honest: bool,
    /// Whoever asks SQLite to sync every commit is made to sync only what it needs to stay readable.
    pub(super) careless: bool,
    /// What a write that is cut may spoil is only what it writes.
    pub(super) powersafe: bool,
    /// What was safe after each sync, when somebody wants to know.
    pub(super) witnessed: Option<Vec<Files>>,
}

/// What becomes of an operation.
pub(super) enum Fate {
    Done,
    /// It fails with this fault.
    Struck(Fault),
    /// The power failed before.
    Dead,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            medium: Medium::default(),
            schedule: Schedule::default(),
            open: 0,
            dead: false,
            honest: true,
            careless: false,
            powersafe: false,
            witnessed: None,
        }
    }

    /// Counts an operation and says what becomes of it.
    pub(super) fn fate(&mut self, operation: Operation) -> Fate {
        if self.dead {
            return Fate::Dead;
        }
        match self.schedule.next(operation) {
            None => Fate::Done,
            Some(Fault::PowerCut) => {
                self.dead = true;
                Fate::Struck(Fault::PowerCut)
            }
            Some(fault) => Fate::Struck(fault),
        }
    }

    /// Takes note of what was done to a file by other means than SQLite's, while nobody had one open.
    pub(super) fn reconcile(&mut self, folder: &Path, name: &str) {
        let known = self.medium.content(name);
        if self.open > 0 && known.is_some() {
            return;
        }
        match fs::read(folder.join(name)) {
            Ok(bytes) if known.is_some_and(|content| self.medium.reads(content, &bytes)) => {}
            Ok(bytes) => drop(self.medium.found(name, bytes)),
            // One that is not there, or that the system's layer will say more about.
            Err(_) => self.medium.missing(name),
        }
    }

    /// Something became safe.
    pub(super) fn witness(&mut self) {
        if let Some(witnessed) = &mut self.witnessed {
            witnessed.push(self.medium.safe());
        }
    }
}
