//! Numbers of documents: who may give which, what is given next, and where a number was used twice or outside its lease.
//!
//! A **series** is a unit, a form and a year; its numbers count from 1. A server leases consecutive numbers, a **block** (号段),
//! to a terminal, which gives them without a link. All of it is decided here, on device and server alike; nothing is stored.

mod ledger;
mod paper;

pub use ledger::{Ledger, Place, Stand, ledger};
pub use paper::{Ended, Former, Issued, Paper, Registered, standing};

use crate::conflict::{Conflict, ConflictKind, ConflictSide, NO_VISIT, Origin};
use crate::form::FormRegister;
use crate::ids::{BlockId, DeviceId, InspectionId, RecordId};
use crate::limits::{NEXT_YEAR_DAYS, SERIAL_MAX};
use crate::moment::Moment;
use crate::suite::Digest;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What counts its own numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Series {
    /// The code of the unit in whose name the documents go out.
    pub unit: String,
    /// The code of the form.
    pub form: String,
    /// The year.
    pub year: u32,
}

/// One number: what one document may have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Number {
    /// Of which series.
    #[serde(flatten)]
    pub series: Series,
    /// From 1.
    pub serial: u32,
}

impl Number {
    /// Where conflicts about it stand.
    pub fn place(&self) -> String {
        let Series { unit, form, year } = &self.series;
        format!("number/{unit}/{form}/{year}/{}", self.serial)
    }

    /// The number that a conflict is about.
    pub fn placed(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix("number/")?.rsplitn(4, '/');
        let serial = parts.next()?.parse().ok()?;
        let year = parts.next()?.parse().ok()?;
        let (form, unit) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        Some(Self { series: Series { unit, form, year }, serial })
    }
}

/// Consecutive numbers that were leased (号段).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Its name.
    pub id: BlockId,
    /// Of which series.
    #[serde(flatten)]
    pub series: Series,
    /// The first number.
    pub first: u32,
    /// The last number.
    pub last: u32,
    /// How long the terminal's journal was, as the server held it, when it was leased.
    pub at_entry: u64,
}

impl Block {
    /// Names a block by its numbers: they are given out once.
    pub fn new(series: Series, (first, last): (u32, u32), at_entry: u64) -> Self {
        let mut hash = Digest::stream();
        hash.update(b"fieldproof/1/number-block\0");
        for part in [&series.unit, &series.form] {
            hash.update(part.as_bytes());
            hash.update(b"\0");
        }
        hash.update(&series.year.to_be_bytes());
        hash.update(&first.to_be_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&hash.finish().value[..16]);
        Self { id: BlockId::from_bytes(id), series, first, last, at_entry }
    }

    /// Its numbers.
    pub fn serials(&self) -> std::ops::RangeInclusive<u32> {
        self.first..=self.last
    }

    /// Whether a number is one of its own.
    pub fn has(&self, number: &Number) -> bool {
        self.series == number.series && self.serials().contains(&number.serial)
    }

    /// Whether a terminal may give numbers of it that lost sight of what it gave when its journal ended at `since`: it leaves
    /// alone what was leased to it until then.
    pub fn is_trusted(&self, since: Option<u64>) -> bool {
        since.is_none_or(|since| self.at_entry > since)
    }
}

/// What a terminal may give numbers of: the body of the row of kind `numbers`, whose subject is the terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumbersRow {
    /// The server's epoch when it was said: a server that came back from a backup may have forgotten what it leased.
    pub epoch: Digest,
    /// The unit in whose name its officer's documents go out.
    pub unit: String,
    /// The word that starts the unit's numbers.
    pub prefix: String,
    /// Its blocks.
    pub blocks: Vec<Block>,
}

/// Whether a use stands. What does not stays used, and disputes with nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UseState {
    /// The document has the number.
    Standing,
    /// The document was made void.
    Void,
    /// The document has another number now.
    Corrected,
}

impl UseState {
    /// Every state.
    pub const ALL: &[UseState] = &[Self::Standing, Self::Void, Self::Corrected];

    /// The name in JSON and SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standing => "standing",
            Self::Void => "void",
            Self::Corrected => "corrected",
        }
    }

    /// Finds a state by its name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == name)
    }
}

/// One use of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// In which visit.
    pub inspection: InspectionId,
    /// Under which id.
    pub record: RecordId,
    /// Which number.
    pub number: Number,
    /// As it was spelled.
    pub text: String,
    /// Out of which block; absent for one that was typed.
    pub block: Option<BlockId>,
    /// Whether it stands.
    pub state: UseState,
    /// Who used it, where and when, as far as it is known.
    pub origin: Origin,
}

impl Use {
    fn side(&self) -> ConflictSide {
        let Series { unit, form, year } = &self.number.series;
        let subject = [
            unit.as_bytes(),
            b"\0",
            form.as_bytes(),
            b"\0",
            &year.to_be_bytes(),
            &self.number.serial.to_be_bytes(),
            self.inspection.as_bytes(),
            self.record.as_bytes(),
        ];
        let origin =
            Origin { inspection: Some(self.inspection), record: Some(self.record), ..self.origin.clone() };
        ConflictSide::subject(self.text.clone(), &subject.concat(), origin)
    }
}

/// What is free next in a series: the lowest number of the blocks that nobody has used, lower blocks first.
pub fn next_free<'a>(
    blocks: impl IntoIterator<Item = &'a Block>,
    series: &Series,
    used: &BTreeSet<u32>,
) -> Option<(BlockId, u32)> {
    let mut ours: Vec<&Block> = blocks.into_iter().filter(|block| block.series == *series).collect();
    ours.sort_by_key(|block| (block.first, block.id));
    ours.into_iter().find_map(|block| {
        let free = block.serials().find(|serial| !used.contains(serial))?;
        Some((block.id, free))
    })
}

/// How many numbers of a series are free.
pub fn free_count<'a>(
    blocks: impl IntoIterator<Item = &'a Block>,
    series: &Series,
    used: &BTreeSet<u32>,
) -> usize {
    let ours = blocks.into_iter().filter(|block| block.series == *series);
    ours.flat_map(Block::serials).filter(|serial| !used.contains(serial)).count()
}

/// The next numbers of a series that were given as far as `last`: at most `size`, none of them `used` outside every lease.
/// `None` when the series is at its end.
pub fn cut(last: u32, size: u32, used: &BTreeSet<u32>) -> Option<(u32, u32)> {
    let mut first = last.checked_add(1)?;
    while used.contains(&first) {
        first = first.checked_add(1)?;
    }
    let end = first.saturating_add(size.max(1) - 1).min(SERIAL_MAX);
    let end = used.range(first..).next().map_or(end, |next| end.min(next - 1));
    (first <= end).then_some((first, end))
}

/// The years of which a terminal carries numbers: the present one, and the next one when it is near.
pub fn years_carried(now: Moment) -> Vec<u32> {
    let today = now.date_in_china();
    let soon = now.plus_seconds(NEXT_YEAR_DAYS * 24 * 3600).date_in_china();
    let year = |date: jiff::civil::Date| u32::try_from(date.year()).unwrap_or(0);
    let mut years = vec![year(today), year(soon)];
    years.dedup();
    years
}

/// The year in which a document is numbered that is made now.
pub fn year_of(now: Moment) -> u32 {
    u32::try_from(now.date_in_china().year()).unwrap_or(0)
}

/// Finds the conflicts about numbers among `uses`: one number that stands twice, or one that stands outside its lease.
/// Whether a use is within its lease is what the caller knows; a device knows less than the server.
pub fn number_conflicts(uses: &[Use], is_leased: impl Fn(&Use) -> bool) -> Vec<Conflict> {
    let mut standing: BTreeMap<&Number, BTreeMap<(InspectionId, RecordId), &Use>> = BTreeMap::new();
    for one in uses.iter().filter(|one| one.state == UseState::Standing) {
        standing.entry(&one.number).or_default().entry((one.inspection, one.record)).or_insert(one);
    }
    let mut found = Vec::new();
    for (number, uses) in standing {
        if uses.len() > 1 || uses.values().any(|one| !is_leased(one)) {
            let sides = uses.values().map(|one| one.side()).collect();
            found.push(Conflict::new(ConflictKind::Number, NO_VISIT, number.place(), sides));
        }
    }
    found
}

/// The use that a side of a conflict about a number is: its visit and its record.
pub fn used_at(side: &ConflictSide) -> Option<(InspectionId, RecordId)> {
    let origin = side.origin.as_ref()?;
    Some((origin.inspection?, origin.record?))
}

/// What a terminal carries when it is to have numbers: each series that is made in the field, and how many of it. Forms whose
/// number begins with a prefix are left out where the unit has none.
pub fn carried_by(register: &FormRegister, unit: &str, prefix: &str, now: Moment) -> Vec<(Series, u32)> {
    let mut carried = Vec::new();
    for year in years_carried(now) {
        for form in register.offline() {
            let Some(pattern) = form.numbering.pattern() else { continue };
            let Some(size) = pattern.block.filter(|_| !pattern.asks_prefix() || !prefix.is_empty()) else {
                continue;
            };
            carried.push((Series { unit: unit.to_owned(), form: form.code.clone(), year }, size));
        }
    }
    carried
}

/// A block as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    /// The numbers.
    pub block: Block,
    /// To which terminal; none for what the server gave or passed over itself.
    pub device: Option<DeviceId>,
    /// Since when no number of it may be given any more.
    pub closed_at: Option<Moment>,
}

impl Leased {
    /// Whether a use by `device`, known since `known_at`, is within this lease.
    pub fn covers(&self, number: &Number, device: Option<DeviceId>, known_at: Moment) -> bool {
        let is_theirs = self.device.is_none() || self.device == device;
        let in_time = self.closed_at.is_none_or(|closed_at| known_at <= closed_at);
        self.block.has(number) && is_theirs && in_time
    }
}

#[cfg(test)]
mod tests;
