//! Which originals may go: what an officer or the platform said about the network, as plain values.

use fieldproof_schema::ids::RecordId;
use std::collections::BTreeSet;

/// What may go now. The default lets everything go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UploadRules {
    /// Nothing goes.
    pub paused: bool,
    /// What has more bytes stays here; without a bound everything goes.
    pub size_bytes_max: Option<u64>,
    /// These go whatever else is said, and before all others.
    pub regardless: BTreeSet<RecordId>,
}

impl UploadRules {
    /// Whether an original of this length may go.
    pub fn let_go(&self, record: RecordId, size_bytes: u64) -> bool {
        let fits = self.size_bytes_max.is_none_or(|max| size_bytes <= max);
        self.regardless.contains(&record) || !self.paused && fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_hold_back_what_is_paused_or_too_large_but_not_what_is_named() {
        let record = |n: u8| RecordId::from_bytes([n; 16]);
        let rules = |paused, size_bytes_max| UploadRules {
            paused,
            size_bytes_max,
            regardless: BTreeSet::from([record(9)]),
        };
        for (paused, max, size_bytes, goes) in [
            (false, None, u64::MAX, true),
            (false, Some(10), 10, true),
            (false, Some(10), 11, false),
            (false, Some(0), 1, false),
            (true, None, 1, false),
        ] {
            let rules = rules(paused, max);
            assert_eq!(rules.let_go(record(1), size_bytes), goes, "{rules:?} {size_bytes}");
            assert!(rules.let_go(record(9), size_bytes));
        }
    }
}
