//! The ledger of a series: what became of every number that was given out, so that no gap is without a reason.

use super::{Leased, Use, UseState};
use std::collections::BTreeMap;

/// What became of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stand {
    /// In a terminal's block, not used as far as the server knows.
    Free,
    /// A document has it.
    Used,
    /// More than one document has it.
    Twice,
    /// Its document was made void.
    Void,
    /// Its document has another number now.
    Corrected,
    /// In a block that was closed, and nobody has used it: it is not given again.
    Returned,
    /// Nothing explains it.
    Unexplained,
}

impl Stand {
    /// Every stand.
    pub const ALL: &[Stand] = &[
        Self::Free,
        Self::Used,
        Self::Twice,
        Self::Void,
        Self::Corrected,
        Self::Returned,
        Self::Unexplained,
    ];

    /// The name in JSON and in catalogues.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Used => "used",
            Self::Twice => "twice",
            Self::Void => "void",
            Self::Corrected => "corrected",
            Self::Returned => "returned",
            Self::Unexplained => "unexplained",
        }
    }
}

/// One number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which.
    pub serial: u32,
    /// What became of it.
    pub stand: Stand,
}

/// A series, number by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Every number up to the last that was leased, and those beyond that somebody used, in order.
    pub places: Vec<Place>,
}

impl Ledger {
    /// How many stand so.
    pub fn count(&self, stand: Stand) -> usize {
        self.places.iter().filter(|place| place.stand == stand).count()
    }
}

/// The ledger of a series whose numbers were leased as far as `last`.
pub fn ledger(last: u32, blocks: &[Leased], uses: &[Use]) -> Ledger {
    let mut by_serial: BTreeMap<u32, Vec<UseState>> = BTreeMap::new();
    for one in uses {
        by_serial.entry(one.number.serial).or_default().push(one.state);
    }
    let stand = |serial: u32| {
        let here = by_serial.get(&serial).map(Vec::as_slice).unwrap_or_default();
        match here.iter().filter(|state| **state == UseState::Standing).count() {
            0 if here.contains(&UseState::Void) => Stand::Void,
            0 if !here.is_empty() => Stand::Corrected,
            0 => match blocks.iter().find(|leased| leased.block.serials().contains(&serial)) {
                Some(leased) if leased.closed_at.is_none() && leased.device.is_some() => Stand::Free,
                Some(_) => Stand::Returned,
                None => Stand::Unexplained,
            },
            1 => Stand::Used,
            _ => Stand::Twice,
        }
    };
    let beyond = by_serial.keys().copied().filter(|serial| *serial > last);
    let serials = (1..=last).chain(beyond);
    Ledger { places: serials.map(|serial| Place { serial, stand: stand(serial) }).collect() }
}
