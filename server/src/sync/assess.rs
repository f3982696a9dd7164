//! Step two, after the gate: what a document now amounts to. Pure.
//!
//! Conflicts are found and those that merging ended are closed; seals whose history is here are completed; the figures
//! that lists show are counted.

use crate::error::ApiError;
use crate::judging::judged;
use crate::laws::Laws;
use crate::store::conflicts::Known as KnownConflict;
use crate::store::inspections::{Figures, Inspection};
use crate::store::journal::Writer;
use crate::store::seals::Known as KnownSeal;
use fieldproof_schema::checklist::{Answer, Template, Verdict};
use fieldproof_schema::conflict::{Conflict, ConflictKind, Resolution, answer_conflicts, late_changes};
use fieldproof_schema::document::{Actor, ChangeId, Document, Side, View};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::numbering::{self, Registered};
use fieldproof_schema::proposal::{self, Proposed};
use fieldproof_schema::reference::InspectionState;
use fieldproof_schema::seal::Statement;
use fieldproof_schema::suite::Digest;
use std::collections::BTreeSet;

/// What is known about an inspection besides its document.
#[derive(Clone)]
pub struct Surroundings {
    /// The view that lists read, as it was.
    pub info: Inspection,
    /// All conflicts, open and closed.
    pub conflicts: Vec<KnownConflict>,
    /// Who declared to write into it.
    pub writers: Vec<Writer>,
    /// The writers under which the server wrote into it, as far as what is judged says it.
    pub own: BTreeSet<Actor>,
    /// All seals, complete or not.
    pub seals: Vec<KnownSeal>,
    /// The register of laws, if one was imported.
    pub laws: Option<Laws>,
}

/// What has to be written down.
#[derive(Debug, Clone)]
pub struct Assessment {
    /// Conflicts that were not known.
    pub found: Vec<Conflict>,
    /// Open conflicts that stand no longer, with the resolution that the document holds, if any.
    pub ended: Vec<(Conflict, Option<Resolution>)>,
    /// Seals that are complete now.
    pub completed: Vec<Digest>,
    /// The new figures.
    pub figures: Figures,
    /// The correction proposals that stand; none where the document never had any. Registers are replaced, never taken out.
    pub proposals: Option<Vec<Proposed>>,
    /// The paper forms that are registered; none where the document never had any.
    pub papers: Option<Vec<Registered>>,
}

/// Assesses a document.
pub fn assess(
    document: &Document,
    around: &Surroundings,
    template: &Template,
    now: Moment,
) -> Result<Assessment, ApiError> {
    let view = document.view().map_err(ApiError::internal)?;
    let changes = document.change_count();
    let mut state = around.info.state;
    if state == InspectionState::Dispatched && changes > 1 {
        state = InspectionState::InProgress;
    }
    let (completed, sealed, state) = complete(document, &around.seals, state);

    let standing = match sealed {
        // What counts is the sealed content, with the conflicts that were signed over; whatever came later is a late change.
        Some(sealed) if state != InspectionState::Returned => {
            let outside = document.changes_outside(&sealed.heads);
            let mut standing = late_changes(around.info.id, &writers(document, &outside));
            standing.extend(signed_over(document, &sealed)?);
            standing
        }
        // While an inspection is returned, officers write on purpose beyond the seal.
        _ => answer_conflicts(&view),
    };
    let open: Vec<_> = around.conflicts.iter().filter(|k| k.closed_at.is_none()).collect();
    // One that ended by itself and stands again is found again; what people decided stays decided.
    let settled = |c: &Conflict, k: &KnownConflict| {
        k.conflict.id == c.id && (k.closed_at.is_none() || k.resolution.is_some())
    };
    let found: Vec<_> =
        standing.iter().filter(|c| !around.conflicts.iter().any(|k| settled(c, k))).cloned().collect();
    let ended: Vec<_> = open
        .iter()
        .filter(|k| matches!(k.conflict.kind, ConflictKind::Answer | ConflictKind::LateChange))
        .filter(|k| standing.iter().all(|c| c.id != k.conflict.id))
        .map(|k| {
            let register = view.resolutions.get(&k.conflict.id.to_string());
            (k.conflict.clone(), register.and_then(|r| resolution(&r.standing, around)))
        })
        .collect();
    Ok(Assessment {
        figures: Figures {
            changes: count(changes),
            answered: count(view.answers.len()),
            failed: count(failed(&view, template, around, now)),
            open_conflicts: count(open.len() + found.len() - ended.len()),
            state,
        },
        found,
        ended,
        completed,
        proposals: (!view.proposals.is_empty()).then(|| proposal::standing(&view)),
        papers: (!view.documents.is_empty()).then(|| numbering::standing(&view)),
    })
}

/// The conflicts over which a statement was signed: they wait for a decision beside the seal.
fn signed_over(document: &Document, sealed: &Statement) -> Result<Vec<Conflict>, ApiError> {
    let Some(unsettled) = &sealed.unsettled else { return Ok(Vec::new()) };
    let view = document.view_at(&sealed.heads).map_err(ApiError::internal)?;
    let open = answer_conflicts(&view).into_iter();
    Ok(open.filter(|conflict| unsettled.conflicts.contains(&conflict.id)).collect())
}

/// Completes seals, version by version: signed by the whole team, following the one before, over content that is here
/// and holds no open conflict but those that it names.
fn complete(
    document: &Document,
    seals: &[KnownSeal],
    mut state: InspectionState,
) -> (Vec<Digest>, Option<Statement>, InspectionState) {
    let mut completed = Vec::new();
    let mut last = seals.iter().rev().find(|s| s.completed_at.is_some());
    for seal in seals.iter().filter(|s| s.completed_at.is_none()) {
        let Ok(statement) = Statement::from_text(&seal.seal.statement) else { continue };
        let follows = match last {
            None => statement.version == 1 && statement.supplements.is_none(),
            Some(before) => {
                state == InspectionState::Returned
                    && statement.version == before.version + 1
                    && statement.supplements == Some(before.digest)
            }
        };
        let content = document.view_at(&statement.heads).ok();
        let holds = content
            .is_some_and(|v| v.digest() == statement.content && statement.admits(&answer_conflicts(&v)));
        if follows && holds && seal.seal.check() == Ok(true) {
            completed.push(seal.digest);
            state = InspectionState::Sealed;
            last = Some(seal);
        }
    }
    let sealed = last.and_then(|s| Statement::from_text(&s.seal.statement).ok());
    (completed, sealed, state)
}

fn writers(document: &Document, changes: &[ChangeId]) -> Vec<(ChangeId, Actor)> {
    changes.iter().filter_map(|id| Some((*id, document.place_of(*id)?.0))).collect()
}

/// The decision that the document holds: the team's own as its terminals wrote it, where the journal says whose it is and
/// not the register; or one that this server wrote and lost, which is an administrator's.
fn resolution(side: &Side, around: &Surroundings) -> Option<Resolution> {
    let written = Resolution::from_register(&side.value)?;
    if around.own.contains(&side.stamp.actor) {
        // One that was taken back decides nothing: whatever ended the conflict came after it.
        return Some(written).filter(|written| written.undone.is_none());
    }
    let writer = around.writers.iter().find(|w| w.actor == side.stamp.actor)?;
    Some(Resolution { by: writer.officer_name.clone(), capacity: "team".into(), ..written })
}

fn failed(view: &View, template: &Template, around: &Surroundings, now: Moment) -> usize {
    let on = now.date_in_china();
    let failed = view.answers.iter().filter(|(id, register)| {
        template.item(id).is_some_and(|item| {
            let answer = Answer::from_register(&register.standing.value);
            judged(item, &answer, around.laws.as_ref(), on).verdict == Verdict::Fail
        })
    });
    failed.count()
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
