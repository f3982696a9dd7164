//! Cases that belong together although the first changes of their visits name two.

use crate::db::{DbError, Tx, params};
use fieldproof_schema::ids::{CaseId, DecisionId, InspectionId, OrgId};
use fieldproof_schema::moment::Moment;

/// Links two cases by a decision.
pub fn insert(
    tx: &mut Tx<'_>,
    org: OrgId,
    case: CaseId,
    linked: CaseId,
    decision: DecisionId,
    at: Moment,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO case_links (org, case_id, linked_case, decision, linked_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (org, case_id, linked_case, decision) DO NOTHING",
        &params![org, case, linked, decision, at],
    )?;
    Ok(())
}

/// Notes that the decision behind a link was taken back.
pub fn end(tx: &mut Tx<'_>, org: OrgId, decision: DecisionId, at: Moment) -> Result<(), DbError> {
    tx.execute(
        "UPDATE case_links SET ended_at = $3 WHERE org = $1 AND decision = $2 AND ended_at IS NULL",
        &params![org, decision, at],
    )?;
    Ok(())
}

/// The visits of the cases that are linked to one, in either direction, by id.
pub fn visits(tx: &mut Tx<'_>, org: OrgId, case: CaseId) -> Result<Vec<InspectionId>, DbError> {
    let rows = tx.query(
        "SELECT i.id FROM inspections i WHERE i.org = $1 AND i.case_id IN (
          SELECT l.linked_case FROM case_links l WHERE l.org = $1 AND l.case_id = $2 AND l.ended_at IS NULL
          UNION SELECT l.case_id FROM case_links l WHERE l.org = $1 AND l.linked_case = $2 AND l.ended_at IS NULL)",
        &params![org, case],
    )?;
    let mut visits: Vec<InspectionId> = rows.iter().map(|r| r.get(0)).collect::<Result<_, _>>()?;
    // Put in order here: asked for an order, the database walks through all visits in it.
    visits.sort_unstable();
    Ok(visits)
}
