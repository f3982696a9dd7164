//! Which originals go next: a pure decision over what waits, what is under way, and what the rules allow.

use super::UploadRules;
use super::original::Progress;
use crate::store::evidence::Original;
use fieldproof_schema::ids::{InspectionId, RecordId};
use fieldproof_schema::limits::{EVIDENCE_LARGE_BYTES, UPLOADS_AT_ONCE_MAX};
use fieldproof_schema::suite::Digest;
use std::collections::{BTreeMap, BTreeSet};

/// What a run of uploads remembers.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// The bytes that a request is about now: two captures of the same bytes do not go at the same time.
    under_way: BTreeMap<Digest, Under>,
    /// How far those got of which a part was sent.
    begun: BTreeMap<RecordId, Progress>,
    /// Those that are done with in this run, however that ended.
    over: BTreeSet<RecordId>,
    /// Visits of which the server took something.
    open: BTreeSet<InspectionId>,
    /// Visits for which the server has no room.
    full: BTreeSet<InspectionId>,
}

#[derive(Debug, Clone, Copy)]
struct Under {
    inspection: InspectionId,
    is_large: bool,
}

fn is_large(original: &Original) -> bool {
    original.size_bytes > EVIDENCE_LARGE_BYTES
}

impl Run {
    /// Whether another request may set out.
    pub(super) fn has_room(&self) -> bool {
        self.under_way.len() < UPLOADS_AT_ONCE_MAX
    }

    /// Takes up what goes now, of what `waits` in the order in which it is to be sent.
    ///
    /// Of large ones only one goes at a time: it fills a link by itself, and two at once would both come late. So there is
    /// always room for what is captured while a film is sent.
    pub(super) fn begin(&mut self, waits: Vec<Original>, rules: &UploadRules) -> Vec<(Original, Progress)> {
        let (first, rest): (Vec<_>, Vec<_>) =
            waits.into_iter().partition(|original| rules.regardless.contains(&original.record));
        let mut begun = Vec::new();
        for original in first.into_iter().chain(rest) {
            if !self.has_room() {
                break;
            }
            if self.may_go(&original, rules) {
                let under = Under { inspection: original.inspection, is_large: is_large(&original) };
                self.under_way.insert(original.digest, under);
                let progress = self.begun.get(&original.record).copied().unwrap_or_default();
                begun.push((original, progress));
            }
        }
        begun
    }

    fn may_go(&self, original: &Original, rules: &UploadRules) -> bool {
        let is_held = self.over.contains(&original.record)
            || self.under_way.contains_key(&original.digest)
            || !self.begun.contains_key(&original.record) && !self.may_begin(original.inspection)
            || is_large(original) && self.under_way.values().any(|under| under.is_large);
        !is_held && rules.let_go(original.record, original.size_bytes)
    }

    /// Whether another original of a visit may be begun. Where the server has no room for one, what is larger has none
    /// either, and is not asked about: so the first one finds out alone. Another visit's may not be held apart, and have some.
    fn may_begin(&self, inspection: InspectionId) -> bool {
        let is_asked = || self.under_way.values().any(|under| under.inspection == inspection);
        !self.full.contains(&inspection) && (self.open.contains(&inspection) || !is_asked())
    }

    /// A part was sent, and others follow.
    pub(super) fn goes_on(&mut self, original: &Original, progress: Progress) {
        self.under_way.remove(&original.digest);
        self.begun.insert(original.record, progress);
        self.open.insert(original.inspection);
    }

    /// The server has all of it.
    pub(super) fn done(&mut self, original: &Original) {
        self.over(original);
        self.open.insert(original.inspection);
    }

    /// Nothing more is sent of it in this run.
    pub(super) fn over(&mut self, original: &Original) {
        self.under_way.remove(&original.digest);
        self.begun.remove(&original.record);
        self.over.insert(original.record);
    }

    /// The server has no room for more of a visit.
    pub(super) fn full(&mut self, inspection: InspectionId) {
        self.full.insert(inspection);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn original(n: u8, size_bytes: u64) -> Original {
        Original {
            record: RecordId::from_bytes([n; 16]),
            inspection: InspectionId::from_bytes([n / 10; 16]),
            digest: Digest::of(&[n]),
            size_bytes,
            media_type: "image/jpeg".to_owned(),
            own: true,
        }
    }

    fn names(begun: &[(Original, Progress)]) -> Vec<u8> {
        begun.iter().map(|(original, _)| original.record.as_bytes()[0]).collect()
    }

    const FILM: u64 = EVIDENCE_LARGE_BYTES + 1;

    fn open_run() -> Run {
        let open = (0..3).map(|n| InspectionId::from_bytes([n; 16])).collect();
        Run { open, ..Run::default() }
    }

    #[test]
    fn a_few_go_at_a_time_in_order_and_of_large_ones_one() {
        let waits = vec![original(1, 5), original(2, FILM), original(3, FILM), original(4, FILM)];
        let mut run = open_run();
        assert_eq!(names(&run.begin(waits.clone(), &UploadRules::default())), [1, 2]);
        assert!(run.has_room(), "for what is captured now");
        let many = (10..20).map(|n| original(n, 1)).chain(waits).collect::<Vec<_>>();
        assert_eq!(names(&run.begin(many.clone(), &UploadRules::default())), [10]);
        assert!(!run.has_room());
        // The film has come to the end of a part: what is before it in the queue goes first.
        run.goes_on(&many[11], Progress { offset: Some(7), ..Progress::default() });
        assert_eq!(names(&run.begin(many.clone(), &UploadRules::default())), [11]);
        for done in [&many[0], &many[1], &many[10]] {
            run.over(done);
        }
        let rest = vec![many[11].clone()];
        let begun = run.begin(rest, &UploadRules::default());
        assert_eq!((names(&begun), begun[0].1.offset), (vec![2], Some(7)), "it goes on where it was");
    }

    #[test]
    fn what_is_over_full_the_same_or_held_back_does_not_go() {
        let mut run = open_run();
        let same = Original { digest: Digest::of(&[1]), ..original(2, 5) };
        let waits = vec![original(1, 5), same, original(11, 6), original(12, 7), original(21, 8)];
        run.full(InspectionId::from_bytes([1; 16]));
        run.over(&original(21, 8));
        assert_eq!(names(&run.begin(waits.clone(), &UploadRules::default())), [1]);
        run.over(&waits[0]);
        let paused = UploadRules { paused: true, ..UploadRules::default() };
        assert_eq!(names(&run.begin(waits.clone(), &paused)), [0; 0]);
        let record = waits[1].record;
        let named = UploadRules { regardless: BTreeSet::from([record]), ..paused };
        assert_eq!(names(&run.begin(waits, &named)), [2]);
    }

    #[test]
    fn what_is_named_goes_before_all_others() {
        let waits: Vec<_> = (1..=5).map(|n| original(n, 5)).collect();
        let regardless = BTreeSet::from([waits[4].record]);
        let rules = UploadRules { regardless, ..UploadRules::default() };
        assert_eq!(names(&open_run().begin(waits, &rules)), [5, 1, 2]);
    }

    #[test]
    fn the_first_of_a_visit_finds_out_alone_whether_there_is_room() {
        let waits: Vec<_> = [1, 2, 11, 12, 13].map(|n| original(n, 5)).to_vec();
        let begin = |run: &mut Run| names(&run.begin(waits.clone(), &UploadRules::default()));
        let mut run = Run::default();
        assert_eq!(begin(&mut run), [1, 11]);
        run.over(&waits[0]);
        run.full(waits[0].inspection);
        run.done(&waits[2]);
        assert_eq!(begin(&mut run), [12, 13], "the other of the first visit is not asked about");
    }
}
