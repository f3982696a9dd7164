//! The visits of an officer that are under way: what a fresh terminal is given first.

use crate::db::{DbError, Row, Tx, params};
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

/// Those of an officer of which the last word in `feed` stands behind `after` and not behind `until`: the first of them, in
/// that order, at most `limit`.
pub fn told(
    tx: &mut Tx<'_>,
    org: OrgId,
    officer: OfficerId,
    feed: &str,
    (after, until): (u64, u64),
    limit: i64,
) -> Result<Vec<Open>, DbError> {
    // The feed first, whatever a planner without statistics thinks of it: a page costs what the page has.
    let rows = tx.query(
        "SELECT i.id, i.task, i.entity, i.template_id, i.template_revision, f.seq
         FROM feed_rows f CROSS JOIN inspections i CROSS JOIN inspection_officers o
         WHERE f.org = $1 AND f.feed = $3 AND f.seq > $4 AND f.seq <= $5 AND f.kind = 'inspection'
           AND i.org = f.org AND i.id = f.subject AND i.state IN ('dispatched', 'in_progress', 'returned')
           AND o.org = f.org AND o.inspection = f.subject AND o.officer = $2 AND o.left_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM feed_rows l WHERE l.org = f.org AND l.feed = f.feed AND l.kind = f.kind
             AND l.subject = f.subject AND l.seq > f.seq)
         ORDER BY f.seq LIMIT $6",
        &params![org, officer, feed, after, until, limit],
    )?;
    let open = |r: &Row| {
        Ok(Open {
            id: r.get(0)?,
            task: r.get(1)?,
            entity: r.get(2)?,
            template_id: r.get(3)?,
            template_revision: r.get(4)?,
            told: r.get(5)?,
        })
    };
    rows.iter().map(open).collect()
}

/// Whether a visit is one of those: under way, with the officer on its team, and the last word about it not behind `until`.
pub fn is_told(
    tx: &mut Tx<'_>,
    org: OrgId,
    officer: OfficerId,
    feed: &str,
    until: u64,
    inspection: InspectionId,
) -> Result<bool, DbError> {
    let rows = tx.query(
        "SELECT i.id FROM inspection_officers o JOIN inspections i ON i.org = o.org AND i.id = o.inspection
         WHERE o.org = $1 AND o.inspection = $2 AND o.officer = $3 AND o.left_at IS NULL
           AND i.state IN ('dispatched', 'in_progress', 'returned')
           AND NOT EXISTS (SELECT 1 FROM feed_rows l WHERE l.org = $1 AND l.feed = $4 AND l.kind = 'inspection'
             AND l.subject = $2 AND l.seq > $5)",
        &params![org, inspection, officer, feed, until],
    )?;
    Ok(!rows.is_empty())
}
