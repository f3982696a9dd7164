//! Visits that a question is about: others of the same entity, and those on a revision of a checklist.

use crate::db::{DbError, Tx, params};
use fieldproof_schema::ids::{InspectionId, OrgId};
use fieldproof_schema::moment::Moment;

/// Another visit of the same entity.
#[derive(Debug, Clone, Copy)]
pub struct Twin {
    /// Which visit.
    pub id: InspectionId,
    /// When it was dispatched: its case was opened then.
    pub opened_at: Moment,
}

/// The newest other visit of the same entity that is not finished, when it is of the same plan, or was dispatched after
/// `since` with the same checklist.
pub fn twin(tx: &mut Tx<'_>, org: OrgId, id: InspectionId, since: Moment) -> Result<Option<Twin>, DbError> {
    let rows = tx.query(
        // CROSS JOIN: the visit first, then those of its entity; in another order SQLite walks through all visits.
        "SELECT i.id, c.opened_at FROM inspections n CROSS JOIN inspections i
         LEFT JOIN tasks m ON m.org = n.org AND m.id = n.task
         JOIN cases c ON c.org = i.org AND c.id = i.case_id
         LEFT JOIN tasks t ON t.org = i.org AND t.id = i.task
         WHERE n.org = $1 AND n.id = $2 AND i.org = n.org AND i.entity = n.entity AND i.id <> n.id
         AND i.state IN ('dispatched', 'in_progress', 'sealed', 'returned')
         AND (t.plan = m.plan OR (i.template_id = n.template_id AND c.opened_at >= $3))
         ORDER BY c.opened_at DESC, i.id DESC LIMIT 1",
        &params![org, id, since],
    )?;
    rows.first().map(|r| Ok(Twin { id: r.get(0)?, opened_at: r.get(1)? })).transpose()
}

/// The visits on a revision of a checklist that are not sealed, with their units, by id.
pub fn unsealed_on(
    tx: &mut Tx<'_>,
    org: OrgId,
    template: &str,
    revision: &str,
) -> Result<Vec<(InspectionId, String)>, DbError> {
    let rows = tx.query(
        "SELECT id, unit_code FROM inspections WHERE org = $1 AND template_id = $2 AND template_revision = $3
         AND state IN ('dispatched', 'in_progress', 'returned') ORDER BY id",
        &params![org, template, revision],
    )?;
    rows.iter().map(|r| Ok((r.get(0)?, r.get(1)?))).collect()
}
