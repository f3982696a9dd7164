//! The visits of an officer that are under way: what a fresh terminal is given first.

use crate::db::{DbError, Tx, params};
use fieldproof_schema::ids::{EntityId, InspectionId, OfficerId, OrgId, TaskId};

/// A visit that is dispatched, under way or returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Which visit.
    pub id: InspectionId,
    /// Its task.
    pub task: Option<TaskId>,
    /// Of which entity.
    pub entity: EntityId,
    /// The pinned checklist.
    pub template_id: String,
    /// Its revision.
    pub template_revision: String,
    /// The place of the newest reference to its row in the officer's feed.
    pub told: u64,
}

/// All of an officer who reads `feed`; those of which it says nothing are left out.
pub fn of(tx: &mut Tx<'_>, org: OrgId, officer: OfficerId, feed: &str) -> Result<Vec<Open>, DbError> {
    let rows = tx.query(
        "SELECT i.id, i.task, i.entity, i.template_id, i.template_revision,
           (SELECT MAX(f.seq) FROM feed_rows f
            WHERE f.org = i.org AND f.feed = $3 AND f.kind = 'inspection' AND f.subject = i.id)
         FROM inspection_officers o JOIN inspections i ON i.org = o.org AND i.id = o.inspection
         WHERE o.org = $1 AND o.officer = $2 AND o.left_at IS NULL
           AND i.state IN ('dispatched', 'in_progress', 'returned')",
        &params![org, officer, feed],
    )?;
    let mut open = Vec::with_capacity(rows.len());
    for r in &rows {
        let Some(told) = r.get(5)? else { continue };
        open.push(Open {
            id: r.get(0)?,
            task: r.get(1)?,
            entity: r.get(2)?,
            template_id: r.get(3)?,
            template_revision: r.get(4)?,
            told,
        });
    }
    Ok(open)
}
