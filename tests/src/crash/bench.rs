//! One piece of work on its own disk.

use super::{Failure, Point, Side, Work, state};
use crate::faults::{Counts, Disk, Fault, Files};
use fieldproof_schema::suite::Digest;
use std::fmt;
use std::path::Path;
use std::{fs, io};
use tempfile::TempDir;

/// Where files are memory, if this machine has such a place: nothing here waits for a real disk.
const MEMORY: &str = "/dev/shm";

/// A piece of work, done once undisturbed.
pub struct Bench {
    work: Box<dyn Work>,
    disk: Disk,
    folder: TempDir,
    scratch: TempDir,
    /// What it does when nothing goes wrong, on a disk that promises little and on one that promises more.
    counts: [Counts; 2],
    /// What the database said after each sync, without repetitions.
    states: Vec<Digest>,
    /// Which of these stood when each step was said to be done; what stood before the first is first.
    said: Vec<usize>,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Something that was said to be done is not there.
    Lost,
    /// The database cannot be read, is in a state that it never had, or the product finds faults in it.
    Corrupt,
}

/// A point at which something was lost or spoiled.
#[derive(Debug, Clone)]
pub struct Finding {
    /// On which store.
    pub side: Side,
    /// Which piece of work.
    pub work: String,
    /// Where.
    pub point: Point,
    /// What is wrong.
    pub what: What,
    /// In words.
    pub why: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { side, work, point, what, why } = self;
        let side = side.name();
        writeln!(f, "{side} {work}, {point}: {what:?}: {why}")?;
        write!(f, "  cargo sim crash {} --side {side} --work {work} {}", point.command(), point.options())
    }
}

pub(super) fn temporary() -> io::Result<TempDir> {
    let memory = Path::new(MEMORY);
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }
}

impl Bench {
    /// Does the work undisturbed.
    ///
    /// # Errors
    /// When it fails.
    pub fn new(work: Box<dyn Work>) -> Result<Self, Failure> {
        let (folder, scratch) = (temporary()?, temporary()?);
        let disk = Disk::under(folder.path())?;
        let mut bench = Self {
            work,
            disk,
            folder,
            scratch,
            counts: [Counts::default(); 2],
            states: vec![],
            said: vec![],
        };
        bench.lay_out()?;
        let before = bench.digest(&files_of(bench.folder.path(), bench.work.side().database())?)?;
        bench.disk.witness();
        let mut ends = Vec::new();
        bench
            .work
            .run(bench.folder.path(), &mut || ends.push(bench.disk.syncs_witnessed()))
            .map_err(|why| format!("{}: {why}", bench.name()))?;
        bench.disk.wait_until_closed()?;
        bench.counts[0] = bench.disk.counts();
        let (mut states, mut place) = (vec![before], vec![0]);
        for files in bench.disk.witnessed() {
            let state = bench.digest(&files)?;
            if states.last() != Some(&state) {
                states.push(state);
            }
            place.push(states.len() - 1);
        }
        bench.said = [0].into_iter().chain(ends.into_iter().map(|syncs| place[syncs])).collect();
        bench.states = states;
        bench.disk.powersafe(true);
        bench.lay_out()?;
        bench.work.run(bench.folder.path(), &mut || {})?;
        bench.disk.wait_until_closed()?;
        bench.counts[1] = bench.disk.counts();
        bench.disk.powersafe(false);
        bench.work.check(bench.folder.path()).map_err(|why| format!("{}: {why}", bench.name()))?;
        bench.disk.wait_until_closed()?;
        Ok(bench)
    }

    /// What the work is called.
    pub fn name(&self) -> &str {
        self.work.name()
    }

    /// How many operations of the work a fault can meet, on a disk that is powersafe or not.
    pub fn operations(&self, fault: Fault, powersafe: bool) -> u64 {
        self.counts[usize::from(powersafe)].met_by(fault)
    }

    /// How many states its database had.
    pub fn states(&self) -> usize {
        self.states.len()
    }

    /// How many steps it has.
    pub fn steps(&self) -> usize {
        self.said.len() - 1
    }

    fn lay_out(&self) -> io::Result<()> {
        self.work.before().lay_out(self.folder.path())?;
        self.disk.replaced()
    }

    fn digest(&self, files: &Files) -> Result<Digest, String> {
        state::digest(files, self.work.side().database(), self.scratch.path())
    }

    /// Has something go wrong at a point; what is found.
    ///
    /// # Errors
    /// When the machine fails, not the product.
    pub fn strike(&self, point: Point) -> Result<Option<Finding>, Failure> {
        self.lay_out()?;
        self.disk.powersafe(point.powersafe);
        self.disk.honest(!point.lying);
        self.disk.careless(point.careless);
        self.disk.plan(point.plan());
        let mut done = 0;
        let ended = self.work.run(self.folder.path(), &mut || done += 1);
        self.disk.wait_until_closed()?;
        let struck = self.disk.struck();
        self.disk.honest(true);
        self.disk.careless(false);
        if let Some(tear) = point.tear() {
            self.disk.cut();
            self.disk.recover(tear)?;
        } else {
            self.disk.calm();
        }
        let found = self.look(point, done, &ended, struck)?;
        Ok(found.map(|(what, why)| Finding {
            side: self.work.side(),
            work: self.name().to_owned(),
            point,
            what,
            why,
        }))
    }

    fn look(
        &self,
        point: Point,
        done: usize,
        ended: &Result<(), String>,
        struck: bool,
    ) -> Result<Option<(What, String)>, Failure> {
        if ended.is_ok() && done < self.steps() {
            return Ok(Some((What::Corrupt, "the work ended early without a word".to_owned())));
        }
        let state = match self.digest(&files_of(self.folder.path(), self.work.side().database())?) {
            Ok(state) => state,
            Err(why) => return Ok(Some((What::Corrupt, why))),
        };
        let said = self.said[done];
        let place = self.states.iter().rposition(|known| *known == state);
        // Where an error was got over without a word, what came after it had another clock and other chance.
        let got_over = ended.is_ok() || !self.work.is_all_steps();
        let went_on = struck && point.fault != Fault::PowerCut && got_over;
        match place {
            Some(place) if place < said => {
                let why = format!(
                    "step {done} of {} was said to be done, which left state {said}; there is state {place} of {}{}",
                    self.steps(),
                    self.states.len() - 1,
                    told(ended)
                );
                return Ok(Some((What::Lost, why)));
            }
            None if !went_on => {
                let why = format!("a state that never was, after step {done}{}", told(ended));
                return Ok(Some((What::Corrupt, why)));
            }
            _ => {}
        }
        let checked = self.work.check(self.folder.path());
        self.disk.wait_until_closed()?;
        Ok(checked.err().map(|why| (What::Corrupt, format!("{why}, after step {done}{}", told(ended)))))
    }
}

fn told(ended: &Result<(), String>) -> String {
    ended.as_ref().err().map(|why| format!(" (then: {why})")).unwrap_or_default()
}

/// The database's files as they lie in a folder.
fn files_of(folder: &Path, database: &str) -> io::Result<Files> {
    let mut files = Files::new();
    for end in ["", "-wal", "-journal"] {
        let name = format!("{database}{end}");
        match fs::read(folder.join(&name)) {
            Ok(bytes) => drop(files.insert(name, bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(files)
}
