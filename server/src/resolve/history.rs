//! Every decision about a conflict, kept: what was chosen, why, by whom, and what it takes back.

use crate::db::{DbError, Tx};
use crate::store::conflict_decisions::{self, Kept};
use crate::store::conflicts::{self, Known};
use fieldproof_schema::conflict::{ChoiceKind, Conflict, Resolution};
use fieldproof_schema::ids::{DecisionId, OrgId};
use fieldproof_schema::moment::Moment;

/// Ends a conflict that stands no longer: the team settled it, or merging ended it without anybody's decision.
pub(crate) fn end(
    tx: &mut Tx<'_>,
    org: OrgId,
    conflict: &Conflict,
    now: Moment,
    resolution: Option<&Resolution>,
) -> Result<(), DbError> {
    let register = resolution.map(Resolution::to_register);
    if !conflicts::close(tx, org, conflict, now, register.as_deref())? {
        return Ok(());
    }
    let Some(resolution) = resolution else { return Ok(()) };
    // The change that settled it has come once, and so has this.
    let kept = of_resolution(conflict, resolution, now);
    conflict_decisions::insert(tx, org, &conflict.id, &kept)
}

/// The decisions about a conflict, oldest first. Those that were made before decisions were kept apart left only the last.
pub(crate) fn of(tx: &mut Tx<'_>, org: OrgId, known: &Known) -> Result<Vec<Kept>, DbError> {
    let kept = conflict_decisions::of_conflict(tx, org, &known.conflict.id)?;
    let Some(closed_at) = known.closed_at.filter(|_| kept.is_empty()) else { return Ok(kept) };
    let resolution = known.resolution.as_deref().and_then(Resolution::from_register);
    Ok(resolution.iter().map(|resolution| of_resolution(&known.conflict, resolution, closed_at)).collect())
}

/// A decision that has no name of its own is named by the conflict and the moment it was kept.
fn of_resolution(conflict: &Conflict, resolution: &Resolution, kept_at: Moment) -> Kept {
    let mut random = [0; 10];
    random.copy_from_slice(&conflict.id.value[..10]);
    Kept {
        id: DecisionId::new(kept_at, random),
        at: resolution.at,
        user: None,
        by: resolution.by.clone(),
        capacity: resolution.capacity.clone(),
        choice: choice_of(conflict, resolution),
        value: resolution.value.clone(),
        reason: resolution.reason.clone(),
        undoes: None,
    }
}

/// What was chosen, where the resolution does not say.
fn choice_of(conflict: &Conflict, resolution: &Resolution) -> String {
    let known = ChoiceKind::find(&resolution.choice);
    let is_side = conflict.sides.iter().any(|side| side.value == resolution.value);
    let choice = known.unwrap_or(match resolution.value.is_empty() {
        true => ChoiceKind::Beside,
        false if is_side => ChoiceKind::Side,
        false => ChoiceKind::Value,
    });
    choice.as_str().to_owned()
}
