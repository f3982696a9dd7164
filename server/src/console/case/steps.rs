//! Where a case stands, as the steps that it took and those before it.

use crate::dossier::Around;
use fieldproof_presentation::page::Page;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::reference::{DecisionKind, InspectionState};

/// One step.
pub(crate) struct Step {
    pub(crate) word: String,
    /// When; empty for what is still to come.
    pub(crate) when: String,
    pub(crate) current: bool,
}

/// The steps of an inspection, in order.
pub(crate) fn steps(p: &Page, around: &Around) -> Vec<Step> {
    let begun = around.task.as_ref().map(|task| task.dispatched_at);
    let begun = begun.or(around.changes.first().map(|change| change.accepted_at));
    let written = around.changes.get(1).map(|change| change.accepted_at);
    let mut taken: Vec<(Moment, String)> = Vec::new();
    taken.extend(begun.map(|at| (at, p.state_word(&InspectionState::Dispatched))));
    taken.extend(written.map(|at| (at, p.state_word(&InspectionState::InProgress))));
    let sealed = around.seals.iter().filter_map(|seal| Some((seal.completed_at?, seal.version)));
    taken.extend(sealed.map(|(at, version)| (at, p.t1("console.case.step.sealed", "n", version))));
    for decision in &around.decisions {
        let state = match decision.kind {
            DecisionKind::Returned => InspectionState::Returned,
            DecisionKind::Accepted => InspectionState::Accepted,
            DecisionKind::Disclosed => InspectionState::Disclosed,
            DecisionKind::Resolved => continue,
        };
        taken.push((decision.at, p.state_word(&state)));
    }
    taken.sort_by_key(|(at, _)| *at);
    let last = taken.len();
    let taken = taken.into_iter().enumerate().map(|(n, (at, word))| Step {
        word,
        when: p.moment(&at),
        current: n + 1 == last,
    });
    let ahead = ahead(around.info.state).iter().map(|state| Step {
        word: p.state_word(state),
        when: String::new(),
        current: false,
    });
    taken.chain(ahead).collect()
}

fn ahead(state: InspectionState) -> &'static [InspectionState] {
    use InspectionState::*;
    match state {
        Dispatched => &[InProgress, Sealed, Accepted, Disclosed],
        InProgress | Returned => &[Sealed, Accepted, Disclosed],
        Sealed => &[Accepted, Disclosed],
        Accepted => &[Disclosed],
        Disclosed => &[],
    }
}
