//! What anybody was told is saved, and where it must still be.

use fieldproof_schema::document::ChangeId;
use fieldproof_schema::ids::{DecisionId, DeviceId, InspectionId, RecordId};
use fieldproof_schema::suite::Digest;
use std::collections::{BTreeMap, BTreeSet};

/// Something that was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// A change of a visit.
    Change(InspectionId, ChangeId),
    /// A capture, by the hash of its bytes.
    Capture(InspectionId, Digest),
    /// A decision of a supervisor or an administrator. Terminals do not bring it back.
    Decision(DecisionId),
}

impl Deed {
    /// The visit that it belongs to.
    pub fn visit(&self) -> Option<InspectionId> {
        match self {
            Self::Change(visit, _) | Self::Capture(visit, _) => Some(*visit),
            Self::Decision(_) => None,
        }
    }
}

/// What people decided about something that is held apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ruling {
    /// Whether it counts from then on, or stays apart.
    pub let_in: bool,
    /// False where nobody was told what became of the decision.
    pub is_sure: bool,
    /// Whether no entry vouched for it then: one may have come since.
    pub uncovered: bool,
}

/// What became of it.
#[derive(Debug, Clone, Copy)]
struct Fate {
    /// On whose terminal it was done; none for what the server said itself.
    hand: Option<usize>,
    /// Whether that terminal still has it, as far as anybody may expect.
    here: bool,
    /// True once the last machine that had it was put back to before it, or lost: nobody can have it.
    gone: bool,
}

/// Decisions about what is held apart: about which visit, from which terminal, the digest of its bytes.
pub type Rulings = BTreeMap<(InspectionId, DeviceId, Digest), Ruling>;

/// What the world knows without looking into it.
#[derive(Debug, Default)]
pub struct Model {
    deeds: BTreeMap<Deed, Fate>,
    /// What seals say that they seal, by their names.
    pub seals: BTreeMap<Digest, Digest>,
    /// Epochs that were.
    pub epochs: BTreeSet<Digest>,
    /// Numbers that terminals gave, of one form: unit, year and serial number, and the record that bears it.
    pub numbers: BTreeMap<(String, u32, u32), RecordId>,
    /// What nobody had the right to write.
    pub forged: BTreeSet<ChangeId>,
    /// What people decided last about what is held apart.
    pub rulings: Rulings,
}

impl Model {
    /// Somebody was told that something is saved on a terminal.
    pub fn done(&mut self, hand: usize, deed: Deed) {
        let fate = self.deeds.entry(deed).or_insert(Fate { hand: Some(hand), here: true, gone: false });
        fate.here = true;
    }

    /// The server said that something is so.
    pub fn said(&mut self, deed: Deed) {
        self.deeds.entry(deed).or_insert(Fate { hand: None, here: false, gone: false });
    }

    /// How many deeds there are.
    pub fn count(&self) -> usize {
        self.deeds.len()
    }

    /// Whether anything was captured of a visit.
    pub fn captured(&self, visit: InspectionId) -> bool {
        self.deeds.keys().any(|deed| matches!(deed, Deed::Capture(of, _) if *of == visit))
    }

    /// How much a terminal said is saved.
    pub fn by(&self, hand: usize) -> usize {
        self.deeds.values().filter(|fate| fate.hand == Some(hand)).count()
    }

    /// What a terminal must have.
    pub fn on(&self, hand: usize) -> impl Iterator<Item = Deed> {
        self.deeds.iter().filter(move |(_, fate)| fate.hand == Some(hand) && fate.here).map(|(deed, _)| *deed)
    }

    /// What must be on the server in the end.
    pub fn expected(&self) -> impl Iterator<Item = Deed> {
        self.deeds.iter().filter(|(_, fate)| !fate.gone).map(|(deed, _)| *deed)
    }

    /// What a terminal has no more, and need not have.
    pub fn dropped(&mut self, hand: usize, is_dropped: impl Fn(&Deed) -> bool) {
        for (_, fate) in
            self.deeds.iter_mut().filter(|(deed, fate)| fate.hand == Some(hand) && is_dropped(deed))
        {
            fate.here = false;
        }
    }

    /// A machine was put back or lost: what no terminal must have, and somebody had `before` and nobody has `after`, is gone.
    pub fn lost(&mut self, before: &BTreeSet<Deed>, after: &BTreeSet<Deed>) {
        for (deed, fate) in &mut self.deeds {
            fate.gone |= !fate.here && before.contains(deed) && !after.contains(deed);
        }
    }
}
