//! What anybody was told is saved, and where it must still be.

use fieldproof_schema::document::ChangeId;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::suite::Digest;
use std::collections::{BTreeMap, BTreeSet};

/// Something that was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// A change of a visit.
    Change(InspectionId, ChangeId),
    /// A capture, by the hash of its bytes.
    Capture(InspectionId, Digest),
}

/// What became of it.
#[derive(Debug, Clone, Copy)]
struct Fate {
    /// On whose terminal it was done.
    hand: usize,
    /// Whether that terminal still has it, as far as anybody may expect.
    here: bool,
    /// True once a machine on which it was alone was put back to before it: nobody can have it.
    gone: bool,
}

/// What the world knows without looking into it.
#[derive(Debug, Default)]
pub struct Model {
    deeds: BTreeMap<Deed, Fate>,
    /// What seals say that they seal, by their names.
    pub seals: BTreeMap<Digest, Digest>,
}

impl Model {
    /// Somebody was told that something is saved on a terminal.
    pub fn done(&mut self, hand: usize, deed: Deed) {
        self.deeds.entry(deed).or_insert(Fate { hand, here: true, gone: false }).here |= true;
    }

    /// How many deeds there are.
    pub fn count(&self) -> usize {
        self.deeds.len()
    }

    /// How much a terminal said is saved.
    pub fn by(&self, hand: usize) -> usize {
        self.deeds.values().filter(|fate| fate.hand == hand).count()
    }

    /// What a terminal must have.
    pub fn on(&self, hand: usize) -> impl Iterator<Item = Deed> {
        self.deeds.iter().filter(move |(_, fate)| fate.hand == hand && fate.here).map(|(deed, _)| *deed)
    }

    /// What must be on the server in the end.
    pub fn expected(&self) -> impl Iterator<Item = Deed> {
        self.deeds.iter().filter(|(_, fate)| !fate.gone).map(|(deed, _)| *deed)
    }

    /// A terminal came back as it was when it had `then`; what only it had since is gone, unless it is in `elsewhere`.
    pub fn rolled_back(&mut self, hand: usize, then: &BTreeSet<Deed>, elsewhere: &BTreeSet<Deed>) {
        for (deed, fate) in self.deeds.iter_mut().filter(|(_, fate)| fate.hand == hand && fate.here) {
            if !then.contains(deed) {
                fate.here = false;
                fate.gone |= !elsewhere.contains(deed);
            }
        }
    }

    /// The server came back with `then`; what no terminal has any more and was not there yet is gone, unless it is in
    /// `elsewhere`.
    pub fn restored(&mut self, then: &BTreeSet<Deed>, elsewhere: &BTreeSet<Deed>) {
        for (deed, fate) in &mut self.deeds {
            fate.gone |= !fate.here && !then.contains(deed) && !elsewhere.contains(deed);
        }
    }
}
