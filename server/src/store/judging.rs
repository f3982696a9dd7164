//! Inspections whose judging failed, and what still has to be judged.

use crate::db::{DbError, Tx, params};
use fieldproof_schema::ids::{InspectionId, OrgId};
use fieldproof_schema::moment::Moment;

/// How much waits to be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Changes that are durable and not judged yet.
    pub changes: i64,
    /// When the oldest of them came.
    pub oldest_at: Option<Moment>,
    /// Inspections whose judging failed and is tried again.
    pub failing: i64,
}

/// How often judging an inspection failed since it last succeeded.
pub fn tries(tx: &mut Tx<'_>, org: OrgId, id: InspectionId) -> Result<i64, DbError> {
    let row =
        tx.query_opt("SELECT tries FROM judging WHERE org = $1 AND inspection = $2", &params![org, id])?;
    row.map_or(Ok(0), |r| r.get(0))
}

/// Notes that it failed once more, and when it is tried again.
pub fn failed(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: InspectionId,
    next_at: Moment,
    error: &str,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO judging (org, inspection, tries, next_at, error) VALUES ($1, $2, 1, $3, $4)
         ON CONFLICT (org, inspection) DO UPDATE SET tries = judging.tries + 1, next_at = excluded.next_at,
           error = excluded.error",
        &params![org, id, next_at, error],
    )?;
    Ok(())
}

/// Notes that it succeeded.
pub fn succeeded(tx: &mut Tx<'_>, org: OrgId, id: InspectionId) -> Result<(), DbError> {
    tx.execute("DELETE FROM judging WHERE org = $1 AND inspection = $2", &params![org, id])?;
    Ok(())
}

/// Inspections with changes to judge, those first that wait longest; what failed is left out until its time.
pub fn due(tx: &mut Tx<'_>, org: OrgId, now: Moment, limit: i64) -> Result<Vec<InspectionId>, DbError> {
    let rows = tx.query(
        "SELECT i.inspection FROM inbox i WHERE i.org = $1 AND i.state = 'received'
           AND NOT EXISTS (SELECT 1 FROM judging j WHERE j.org = i.org AND j.inspection = i.inspection AND j.next_at > $2)
         GROUP BY i.inspection ORDER BY MIN(i.received_at), i.inspection LIMIT $3",
        &params![org, now, limit],
    )?;
    rows.iter().map(|r| r.get(0)).collect()
}

/// Counts what waits.
pub fn backlog(tx: &mut Tx<'_>, org: OrgId) -> Result<Backlog, DbError> {
    let waiting = tx.query_opt(
        "SELECT CAST(COUNT(*) AS BIGINT), MIN(received_at) FROM inbox WHERE org = $1 AND state = 'received'",
        &params![org],
    )?;
    let failing =
        tx.query_opt("SELECT CAST(COUNT(*) AS BIGINT) FROM judging WHERE org = $1", &params![org])?;
    let mut backlog = Backlog::default();
    if let Some(row) = waiting {
        (backlog.changes, backlog.oldest_at) = (row.get(0)?, row.get(1)?);
    }
    if let Some(row) = failing {
        backlog.failing = row.get(0)?;
    }
    Ok(backlog)
}
