//! What one push carries: a pure decision over sizes and places.
//!
//! Entries go in the order of the chain. A change goes with or after the entry that covers it. A push is never empty while
//! something waits, however large the first item is: its own bound was checked when it was written.

use fieldproof_schema::limits::PUSH_ENTRIES_MAX;

/// A journal entry that waits, in the order of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) size_bytes: usize,
}

/// A change that waits, in the order in which it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) size_bytes: usize,
    /// The place of the entry that covers it; `None` when the server holds that entry.
    pub(crate) after_entry: Option<u64>,
}

/// What to send.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Plan {
    /// The first so many entries.
    pub(crate) entries: usize,
    /// These changes, by index, ascending.
    pub(crate) changes: Vec<usize>,
}

/// Plans a push of at most about `budget` bytes and [`PUSH_ENTRIES_MAX`] entries and as many changes.
pub(crate) fn plan(entries: &[Entry], changes: &[Change], budget: usize) -> Plan {
    let mut plan = Plan::default();
    let mut left = budget;
    let mut take = |size: usize, first: bool| {
        let fits = first || size <= left;
        if fits {
            left = left.saturating_sub(size);
        }
        fits
    };
    // Entries are small and everything else waits for them, yet a change should not wait for all of them: so both go
    // forward together, each change right after its entry.
    let mut next_change = changes.iter().enumerate().peekable();
    for place in 0..=entries.len() {
        let covered = |change: &Change| match change.after_entry {
            None => true,
            Some(seq) => place.checked_sub(1).is_some_and(|last| seq <= entries[last].seq),
        };
        while let Some((index, change)) = next_change.next_if(|(_, change)| covered(change)) {
            let first = plan.entries == 0 && plan.changes.is_empty();
            if plan.changes.len() >= PUSH_ENTRIES_MAX || !take(change.size_bytes, first) {
                return plan;
            }
            plan.changes.push(index);
        }
        let Some(entry) = entries.get(place) else { break };
        let first = plan.entries == 0 && plan.changes.is_empty();
        if plan.entries >= PUSH_ENTRIES_MAX || !take(entry.size_bytes, first) {
            break;
        }
        plan.entries += 1;
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entries(sizes: &[usize]) -> Vec<Entry> {
        (1..).zip(sizes).map(|(seq, size_bytes)| Entry { seq, size_bytes: *size_bytes }).collect()
    }

    fn change(size_bytes: usize, after_entry: Option<u64>) -> Change {
        Change { size_bytes, after_entry }
    }

    #[test]
    fn pushes_are_planned_like_this() {
        let two = [change(10, Some(1)), change(10, Some(3))];
        for (name, sizes, changes, budget, expected) in [
            ("nothing waits", &[][..], &[][..], 100, (0, vec![])),
            ("all fits", &[10, 10, 10], &two, 100, (3, vec![0, 1])),
            ("a change waits for its entry", &[10, 10, 10], &two, 30, (2, vec![0])),
            ("the first entry goes however large it is", &[500, 10], &[], 100, (1, vec![])),
            (
                "the first change goes however large it is",
                &[],
                &[change(500, None), change(1, None)],
                100,
                (0, vec![0]),
            ),
            (
                "a change of a held entry goes first",
                &[10],
                &[change(10, None), change(10, Some(1))],
                20,
                (1, vec![0]),
            ),
            (
                "a large change ends the push",
                &[10, 10],
                &[change(500, Some(1)), change(1, Some(2))],
                100,
                (1, vec![]),
            ),
        ] {
            let plan = plan(&entries(sizes), changes, budget);
            assert_eq!((plan.entries, plan.changes), expected, "{name}");
        }
    }

    #[test]
    fn a_push_has_a_bounded_number_of_entries() {
        let plan = plan(&entries(&vec![1; PUSH_ENTRIES_MAX + 1]), &[], usize::MAX);
        assert_eq!(plan.entries, PUSH_ENTRIES_MAX);
    }

    proptest! {
        #[test]
        fn every_backlog_is_sent_in_order_and_each_change_after_its_entry(
            sizes in prop::collection::vec((1_usize..200, prop::option::of(1_usize..300)), 0..40),
            budget in 1_usize..400,
        ) {
            let mut left: Vec<Entry> = entries(&sizes.iter().map(|(size, _)| *size).collect::<Vec<_>>());
            let mut waiting: Vec<Change> = left
                .iter()
                .zip(&sizes)
                .filter_map(|(entry, (_, size))| Some(change((*size)?, Some(entry.seq))))
                .collect();
            let mut sent_entries = 0_u64;
            let mut pushes = 0;
            while !left.is_empty() || !waiting.is_empty() {
                let plan = plan(&left, &waiting, budget);
                prop_assert!(plan.entries + plan.changes.len() > 0);
                sent_entries += plan.entries as u64;
                left.drain(..plan.entries);
                prop_assert!(plan.changes.iter().enumerate().all(|(place, index)| place == *index));
                for sent in waiting.drain(..plan.changes.len()) {
                    prop_assert!(sent.after_entry.is_none_or(|seq| seq <= sent_entries));
                }
                for change in &mut waiting {
                    if change.after_entry.is_some_and(|seq| seq <= sent_entries) {
                        change.after_entry = None;
                    }
                }
                pushes += 1;
                prop_assert!(pushes <= 100);
            }
        }
    }
}
