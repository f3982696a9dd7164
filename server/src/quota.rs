//! How much one device may bring: whoever sends without end fills its own share only.
//!
//! What goes beyond is not taken: it is in no receipt, so the device keeps it and offers it again. What is part of the record
//! is bounded by the day only, and journal entries, without which nothing of a device counts, by the device's life.

use crate::store::usage::{Amount, Day, Usage};
use fieldproof_schema::limits::{
    DEVICE_APART_EVIDENCE_BYTES_MAX, DEVICE_BACKLOG_BYTES_MAX, DEVICE_BACKLOG_ITEMS_MAX,
    DEVICE_BACKLOG_NEAR_PERCENT, DEVICE_DAY_BYTES_MAX, DEVICE_DAY_EVIDENCE_BYTES_MAX, DEVICE_DAY_ITEMS_MAX,
    DEVICE_ENTRIES_BYTES_MAX, DEVICE_ENTRIES_MAX, PACKAGE_BYTES_MAX,
};
use std::sync::{PoisonError, RwLock};

/// What a device may bring at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Changes that are not part of the record.
    pub backlog: Amount,
    /// Journal entries in all.
    pub entries: Amount,
    /// Journal entries on one day; and as many changes.
    pub day: Amount,
    /// Bytes of originals on one day.
    pub day_evidence: u64,
    /// Bytes of originals that are held apart.
    pub apart_evidence: u64,
    /// Bytes of a package that somebody hands in.
    pub package: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            backlog: Amount { items: DEVICE_BACKLOG_ITEMS_MAX, bytes: DEVICE_BACKLOG_BYTES_MAX },
            entries: Amount { items: DEVICE_ENTRIES_MAX, bytes: DEVICE_ENTRIES_BYTES_MAX },
            day: Amount { items: DEVICE_DAY_ITEMS_MAX, bytes: DEVICE_DAY_BYTES_MAX },
            day_evidence: DEVICE_DAY_EVIDENCE_BYTES_MAX,
            apart_evidence: DEVICE_APART_EVIDENCE_BYTES_MAX,
            package: PACKAGE_BYTES_MAX,
        }
    }
}

/// The bounds of a server, which tests and operators set.
#[derive(Debug, Default)]
pub struct Quota(RwLock<Bounds>);

/// Something of which a device has a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Changes that are not part of the record.
    Backlog,
    /// Journal entries.
    Entries,
    /// Entries and changes of today.
    Today,
    /// Originals of today.
    EvidenceToday,
    /// Originals that are held apart.
    EvidenceApart,
}

/// How full one share is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filled {
    /// Of what.
    pub kind: Kind,
    /// How much; originals have bytes only.
    pub amount: Amount,
    /// In percent of whichever bound is nearer.
    pub percent: u64,
}

impl Filled {
    /// Whether people are told about it.
    pub fn is_near(&self) -> bool {
        self.percent >= DEVICE_BACKLOG_NEAR_PERCENT
    }
}

impl Quota {
    /// What holds now.
    pub fn bounds(&self) -> Bounds {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets other bounds.
    pub fn set(&self, bounds: Bounds) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = bounds;
    }

    /// How full each share of a device is.
    pub fn filled(&self, usage: &Usage) -> [Filled; 5] {
        let most = self.bounds();
        let Day { entries, changes, evidence_bytes } = usage.today;
        let bytes = |bytes| Amount { items: 0, bytes };
        let filled = |kind, amount, percent| Filled { kind, amount, percent };
        let today = Amount {
            items: entries.items.saturating_add(changes.items),
            bytes: entries.bytes.saturating_add(changes.bytes),
        };
        [
            filled(Kind::Backlog, usage.backlog, percent(usage.backlog, most.backlog)),
            filled(Kind::Entries, usage.entries, percent(usage.entries, most.entries)),
            filled(Kind::Today, today, percent(entries, most.day).max(percent(changes, most.day))),
            filled(
                Kind::EvidenceToday,
                bytes(evidence_bytes),
                percent(bytes(evidence_bytes), bytes(most.day_evidence)),
            ),
            filled(
                Kind::EvidenceApart,
                bytes(usage.apart_bytes),
                percent(bytes(usage.apart_bytes), bytes(most.apart_evidence)),
            ),
        ]
    }
}

impl Bounds {
    /// Whether a device's share has room for one more original, where `staged` bytes of others are on their way.
    pub fn has_room_for_original(&self, usage: &Usage, is_apart: bool, staged: u64, length: u64) -> bool {
        let coming = staged.saturating_add(length);
        let fits = |held: u64, most: u64| held.saturating_add(coming) <= most;
        fits(usage.today.evidence_bytes, self.day_evidence)
            && (!is_apart || fits(usage.apart_bytes, self.apart_evidence))
    }
}

/// Whether there is room for one more item of so many bytes.
pub fn has_room(held: Amount, bytes: u64, most: Amount) -> bool {
    held.items < most.items && held.bytes.saturating_add(bytes) <= most.bytes
}

/// What one request brings, measured by what its device has brought already.
#[derive(Debug, Clone)]
pub struct Meter {
    bounds: Bounds,
    entries: Amount,
    today: Day,
    /// What was taken of this request.
    pub taken: Day,
}

impl Meter {
    /// For a device of which so much was taken.
    pub fn new(bounds: Bounds, (entries, today): (Amount, Day)) -> Self {
        Self { bounds, entries, today, taken: Day::default() }
    }

    /// Counts a journal entry in, where there is room for it.
    pub fn takes_entry(&mut self, bytes: usize) -> bool {
        let bytes = bytes as u64;
        let fits = has_room(self.entries, bytes, self.bounds.entries)
            && has_room(self.today.entries, bytes, self.bounds.day);
        if fits {
            for amount in [&mut self.entries, &mut self.today.entries, &mut self.taken.entries] {
                amount.add(bytes);
            }
        }
        fits
    }

    /// The same for a change.
    pub fn takes_change(&mut self, bytes: usize) -> bool {
        let bytes = bytes as u64;
        let fits = has_room(self.today.changes, bytes, self.bounds.day);
        if fits {
            self.today.changes.add(bytes);
            self.taken.changes.add(bytes);
        }
        fits
    }
}

fn percent(held: Amount, most: Amount) -> u64 {
    let of = |held: u64, most: u64| if held == 0 { 0 } else { held.saturating_mul(100) / most.max(1) };
    of(held.items, most.items).max(of(held.bytes, most.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(items: u64, bytes: u64) -> Amount {
        Amount { items, bytes }
    }

    #[test]
    fn a_share_is_full_by_items_or_by_bytes() {
        let most = amount(10, 1000);
        assert!(has_room(amount(9, 900), 100, most) && !has_room(amount(9, 901), 100, most));
        assert!(!has_room(amount(10, 0), 0, most) && !has_room(amount(0, 1), u64::MAX, most));
        assert_eq!((percent(amount(5, 900), most), percent(amount(8, 100), most)), (90, 80));
        let quota = Quota::default();
        quota.set(Bounds { backlog: most, apart_evidence: 100, ..Bounds::default() });
        let usage = Usage { backlog: amount(8, 0), apart_bytes: 79, ..Usage::default() };
        let near: Vec<Kind> = quota.filled(&usage).iter().filter(|f| f.is_near()).map(|f| f.kind).collect();
        assert_eq!(near, [Kind::Backlog]);
    }

    #[test]
    fn entries_are_bounded_by_the_day_and_in_all() {
        let bounds = Bounds { entries: amount(5, 1000), day: amount(3, 1000), ..Bounds::default() };
        let today = Day { entries: amount(1, 10), ..Day::default() };
        let mut meter = Meter::new(bounds, (amount(3, 30), today));
        assert!(meter.takes_entry(10) && meter.takes_entry(10) && !meter.takes_entry(10));
        assert_eq!(meter.taken.entries, amount(2, 20));
        // Another day has room again, but not for more than there may be in all.
        let mut meter = Meter::new(bounds, (amount(5, 50), Day::default()));
        assert!(!meter.takes_entry(10) && meter.takes_change(990) && !meter.takes_change(11));
        assert_eq!(meter.taken, Day { changes: amount(1, 990), ..Day::default() });
    }

    #[test]
    fn an_original_has_to_fit_with_what_is_on_its_way() {
        let bounds = Bounds { day_evidence: 100, apart_evidence: 50, ..Bounds::default() };
        let usage = Usage {
            today: Day { evidence_bytes: 20, ..Day::default() },
            apart_bytes: 20,
            ..Usage::default()
        };
        assert!(bounds.has_room_for_original(&usage, false, 30, 50));
        assert!(!bounds.has_room_for_original(&usage, false, 31, 50));
        assert!(bounds.has_room_for_original(&usage, true, 0, 30));
        assert!(!bounds.has_room_for_original(&usage, true, 1, 30));
    }
}
