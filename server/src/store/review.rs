//! Inspections as reviewers see them: lists of a scope, and steps of the state that people decide.

use super::inspections::{self, Inspection};
use super::page::{Before, Page, rows_asked};
use super::within::in_scope;
use crate::db::{DbError, Tx, params};
use fieldproof_schema::ids::{InspectionId, OrgId, UserId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::reference::InspectionState;

/// Visits of the asker's scope in a state (or in any), last changed first.
pub fn list(
    tx: &mut Tx<'_>,
    org: OrgId,
    asker: UserId,
    state: Option<InspectionState>,
    before: &Before,
) -> Result<Page<Inspection>, DbError> {
    let rows = tx.query(
        in_scope!(
            "SELECT id FROM inspections WHERE org = $1 AND unit_code IN (SELECT code FROM scope)
             AND (CAST($3 AS TEXT) IS NULL OR state = $3) AND (updated_at, id) < ($4, $5)
             ORDER BY updated_at DESC, id DESC LIMIT $6"
        ),
        &params![org, asker, state.map(InspectionState::as_str), before.at, &before.id, rows_asked()],
    )?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        found.extend(inspections::find(tx, org, row.get(0)?)?);
    }
    Ok(Page::cut(found, |i| Before { at: i.updated_at, id: i.id.to_string() }.to_string()))
}

/// Moves a visit from one state to the next; false when it is in another.
///
/// The version steps too, so that a merge made against what stood before is made again.
pub fn set_state(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: InspectionId,
    from: InspectionState,
    to: InspectionState,
    at: Moment,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE inspections SET state = $4, updated_at = $5, version = version + 1
         WHERE org = $1 AND id = $2 AND state = $3",
        &params![org, id, from.as_str(), to.as_str(), at],
    )?;
    // The document is the same one; its snapshot keeps counting.
    tx.execute(
        "UPDATE snapshots SET version = version + 1 WHERE org = $1 AND inspection = $2
         AND version + 1 = (SELECT i.version FROM inspections i WHERE i.org = $1 AND i.id = $2)",
        &params![org, id],
    )?;
    Ok(changed > 0)
}
