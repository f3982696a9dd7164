//! What lies on a disk: what is safe, what was written since, and what a power cut leaves of the two.
//!
//! Files are kept in memory as they were at their last sync, with every edit since; names as the folder was at its last
//! sync, with every change since. What programs read is not here but in the real files, which have all edits at once.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};

/// What a disk writes as a whole, when it promises no more.
pub(super) const SECTOR: usize = 4096;
/// What it may write of a piece without the rest.
const PIECE: usize = 512;

/// Files by their names on a disk.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Which of the edits that were not safe a power cut leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// None.
    Nothing,
    /// All.
    Everything,
    /// The earliest, the last of which may be cut.
    Prefix,
    /// Some pieces of 512 bytes.
    Pieces,
    /// Some pieces, and one sector that was being written is rubbish.
    Garbage,
    /// Some edits, while earlier ones are lost.
    Reorder,
    /// All edits, but files that were made have no name and files that were deleted are back.
    LostNames,
    /// All edits, but not the index of the write-ahead log.
    ShmLost,
}

impl Pattern {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Nothing,
        Self::Everything,
        Self::Prefix,
        Self::Pieces,
        Self::Garbage,
        Self::Reorder,
        Self::LostNames,
        Self::ShmLost,
    ];

    /// A name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Everything => "everything",
            Self::Prefix => "prefix",
            Self::Pieces => "pieces",
            Self::Garbage => "garbage",
            Self::Reorder => "reorder",
            Self::LostNames => "lost-names",
            Self::ShmLost => "shm-lost",
        }
    }
}

/// A pattern, with the seed of whatever it leaves to chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tear {
    /// The pattern.
    pub pattern: Pattern,
    /// The seed.
    pub seed: u64,
}

/// What a write that is cut may spoil.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoils {
    /// Only what it writes.
    Written,
    /// The sectors that it touches.
    Sector,
}

#[derive(Debug, Clone)]
enum Edit {
    Write { at: usize, bytes: Vec<u8> },
    Truncate { length: usize },
}

impl Edit {
    fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => write(file, *at, bytes),
            Self::Truncate { length } => file.resize(*length, 0),
        }
    }
}

fn write(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[at..end].copy_from_slice(bytes);
}

#[derive(Debug, Default)]
struct Content {
    safe: Vec<u8>,
    /// With the moment of each.
    since: Vec<(u64, Edit)>,
    /// What a failed sync should have kept: programs read it, and it is never safe, but where something is written into the
    /// same sector again.
    given_up: Vec<(usize, Vec<u8>)>,
}

/// One change of the folder: a name stands for this content, or for none.
#[derive(Debug)]
struct Renamed {
    moment: u64,
    name: String,
    content: Option<usize>,
}

#[derive(Debug, Default)]
pub(super) struct Medium {
    contents: Vec<Content>,
    names: BTreeMap<String, usize>,
    safe_names: BTreeMap<String, usize>,
    /// The changes between the two.
    renamed: Vec<Renamed>,
    moment: u64,
}

impl Medium {
    /// One on which these files are safe.
    pub(super) fn holding(files: Files) -> Self {
        let mut medium = Self::default();
        for (name, bytes) in files {
            medium.found(&name, bytes);
        }
        medium
    }

    /// Every name that stands or stood for a file.
    pub(super) fn names(&self) -> BTreeSet<String> {
        let renamed = self.renamed.iter().map(|change| &change.name);
        self.names.keys().chain(self.safe_names.keys()).chain(renamed).cloned().collect()
    }

    /// The content that a name stands for.
    pub(super) fn content(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// Whether the file has these bytes, as far as this medium knows.
    pub(super) fn reads(&self, content: usize, bytes: &[u8]) -> bool {
        let content = &self.contents[content];
        if content.since.is_empty() && content.given_up.is_empty() {
            return content.safe == bytes;
        }
        let mut live = content.safe.clone();
        content.given_up.iter().for_each(|(at, bytes)| write(&mut live, *at, bytes));
        content.since.iter().for_each(|(_, edit)| edit.apply(&mut live));
        live == bytes
    }

    /// A file with these bytes was put there by other means, for good.
    pub(super) fn found(&mut self, name: &str, bytes: Vec<u8>) -> usize {
        self.contents.push(Content { safe: bytes, ..Content::default() });
        let content = self.contents.len() - 1;
        self.forget(name);
        self.names.insert(name.to_owned(), content);
        self.safe_names.insert(name.to_owned(), content);
        content
    }

    /// There is no such file: if one should be there, it was taken away by other means, for good.
    pub(super) fn missing(&mut self, name: &str) {
        if self.names.contains_key(name) {
            self.forget(name);
        }
    }

    fn forget(&mut self, name: &str) {
        self.names.remove(name);
        self.safe_names.remove(name);
        self.renamed.retain(|change| change.name != name);
    }

    /// A file is made.
    pub(super) fn create(&mut self, name: &str) -> usize {
        self.contents.push(Content::default());
        let content = self.contents.len() - 1;
        self.names.insert(name.to_owned(), content);
        self.rename(name, Some(content));
        content
    }

    /// A file is deleted.
    pub(super) fn delete(&mut self, name: &str) {
        if self.names.remove(name).is_some() {
            self.rename(name, None);
        }
    }

    fn rename(&mut self, name: &str, content: Option<usize>) {
        let moment = self.tick();
        self.renamed.push(Renamed { moment, name: name.to_owned(), content });
    }

    /// The folder is safe as it is.
    pub(super) fn sync_names(&mut self) {
        self.safe_names.clone_from(&self.names);
        self.renamed.clear();
        // What no name stands for any more is gone.
        let named: BTreeSet<usize> = self.names.values().copied().collect();
        for (place, content) in self.contents.iter_mut().enumerate() {
            if !named.contains(&place) {
                *content = Content::default();
            }
        }
    }

    pub(super) fn write(&mut self, content: usize, at: usize, bytes: &[u8]) {
        let (from, until) = (at - at % SECTOR, (at + bytes.len()).next_multiple_of(SECTOR));
        let mut again = Vec::new();
        let given_up = std::mem::take(&mut self.contents[content].given_up);
        for (at, bytes) in given_up {
            let end = at + bytes.len();
            // What lies before, in and behind these sectors.
            let cut = |first: usize, last: usize| {
                let (first, last) = (first.max(at), last.min(end));
                (first < last).then(|| (first, bytes[first - at..last - at].to_vec()))
            };
            again.extend(cut(from, until));
            self.contents[content].given_up.extend([cut(0, from), cut(until, end)].into_iter().flatten());
        }
        for (at, bytes) in again {
            self.edit(content, Edit::Write { at, bytes });
        }
        self.edit(content, Edit::Write { at, bytes: bytes.to_vec() });
    }

    pub(super) fn truncate(&mut self, content: usize, length: usize) {
        self.edit(content, Edit::Truncate { length });
    }

    fn edit(&mut self, content: usize, edit: Edit) {
        let moment = self.tick();
        self.contents[content].since.push((moment, edit));
    }

    fn tick(&mut self) -> u64 {
        self.moment += 1;
        self.moment
    }

    /// The file is safe as it is.
    pub(super) fn sync(&mut self, content: usize) {
        let Content { safe, since, .. } = &mut self.contents[content];
        for (_, edit) in since.drain(..) {
            edit.apply(safe);
        }
    }

    /// What was written since the last sync will not be safe, though it can be read until the power fails. A system keeps
    /// whole sectors in memory: what is written into one later is written with all of it.
    pub(super) fn give_up(&mut self, content: usize) {
        let Content { since, given_up, .. } = &mut self.contents[content];
        for (_, edit) in since.drain(..) {
            match edit {
                Edit::Write { at, bytes } => given_up.push((at, bytes)),
                Edit::Truncate { length } => given_up.retain(|(at, bytes)| at + bytes.len() <= length),
            }
        }
    }

    /// What is safe.
    pub(super) fn safe(&self) -> Files {
        let names = self.safe_names.iter();
        names.map(|(name, content)| (name.clone(), self.contents[*content].safe.clone())).collect()
    }

    /// The files that a power cut leaves.
    pub(super) fn torn(&self, tear: Tear, spoils: Spoils) -> Files {
        let mut dice = Dice(ChaCha8Rng::seed_from_u64(tear.seed));
        let last = self.last_kept(tear.pattern, &mut dice);
        let names = self.torn_names(tear.pattern, last, &mut dice);
        // One write of all that were cut is the one that turned to rubbish.
        let writes: usize = names.values().map(|content| self.contents[*content].since.len()).sum();
        let mut rubbish = dice.below(writes.max(1));
        let mut left = Files::new();
        for (name, content) in names {
            let Content { safe, since, .. } = &self.contents[content];
            let mut file = safe.clone();
            for (moment, edit) in since {
                tear_edit(&mut file, (*moment, edit), (tear.pattern, last), &mut dice);
            }
            if tear.pattern == Pattern::Garbage {
                if let Some((_, Edit::Write { at, bytes })) = since.get(rubbish) {
                    spoil(&mut file, *at, bytes.len(), spoils, &mut dice);
                }
                rubbish = rubbish.checked_sub(since.len()).unwrap_or(usize::MAX);
            }
            left.insert(name, file);
        }
        left
    }

    /// The moment after which a prefix keeps nothing.
    fn last_kept(&self, pattern: Pattern, dice: &mut Dice) -> u64 {
        if pattern != Pattern::Prefix {
            return u64::MAX;
        }
        let mut moments: Vec<u64> = self.renamed.iter().map(|change| change.moment).collect();
        let edits = self.contents.iter().flat_map(|content| &content.since);
        moments.extend(edits.map(|(moment, _)| *moment));
        moments.sort_unstable();
        // One more than there are: nothing may be kept, and everything.
        dice.below(moments.len() + 1).checked_sub(1).map_or(0, |place| moments[place])
    }

    fn torn_names(&self, pattern: Pattern, last: u64, dice: &mut Dice) -> BTreeMap<String, usize> {
        let mut names = self.safe_names.clone();
        for change in &self.renamed {
            let kept = match pattern {
                Pattern::Nothing | Pattern::LostNames => false,
                Pattern::Everything | Pattern::ShmLost => true,
                Pattern::Prefix => change.moment <= last,
                Pattern::Pieces | Pattern::Garbage | Pattern::Reorder => dice.coin(),
            };
            match change.content {
                _ if !kept => {}
                Some(content) => drop(names.insert(change.name.clone(), content)),
                None => drop(names.remove(&change.name)),
            }
        }
        names
    }
}

/// Applies what a power cut leaves of an edit.
fn tear_edit(
    file: &mut Vec<u8>,
    (moment, edit): (u64, &Edit),
    (pattern, last): (Pattern, u64),
    dice: &mut Dice,
) {
    match pattern {
        Pattern::Nothing => {}
        Pattern::Everything | Pattern::LostNames | Pattern::ShmLost => edit.apply(file),
        Pattern::Reorder => {
            if dice.coin() {
                edit.apply(file);
            }
        }
        Pattern::Prefix if moment <= last => match edit {
            // The last one may have been on its way.
            Edit::Write { at, bytes } if moment == last => {
                let pieces = dice.below(bytes.len().div_ceil(PIECE)) + 1;
                write(file, *at, &bytes[..bytes.len().min(pieces * PIECE)]);
            }
            edit => edit.apply(file),
        },
        Pattern::Prefix => {}
        Pattern::Pieces | Pattern::Garbage => match edit {
            Edit::Write { at, bytes } => {
                for (place, piece) in bytes.chunks(PIECE).enumerate() {
                    if dice.coin() {
                        write(file, at + place * PIECE, piece);
                    }
                }
            }
            Edit::Truncate { .. } => {
                if dice.coin() {
                    edit.apply(file);
                }
            }
        },
    }
}

/// Fills a sector of what a write was writing with rubbish. A file does not become longer by it than the write makes it.
fn spoil(file: &mut Vec<u8>, at: usize, length: usize, spoils: Spoils, dice: &mut Dice) {
    let end = at + length;
    let first = at - at % SECTOR;
    let from = first + SECTOR * dice.below((end - first).div_ceil(SECTOR));
    let (from, until) = match spoils {
        Spoils::Written => (from.max(at), (from + SECTOR).min(end)),
        Spoils::Sector => (from, (from + SECTOR).min(file.len().max(end))),
    };
    if file.len() < until {
        file.resize(until, 0);
    }
    dice.0.fill_bytes(&mut file[from..until]);
}

struct Dice(ChaCha8Rng);

impl Dice {
    fn coin(&mut self) -> bool {
        self.0.next_u32() & 1 == 1
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.0.next_u64() % bound.max(1) as u64) as usize
    }
}
