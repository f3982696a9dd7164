//! Inspections whose judging failed, and what still has to be judged.

use crate::db::{DbError, Tx, params};
use fieldproof_schema::ids::{DeviceId, InspectionId, OrgId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;

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

/// What is known about judging an inspection that did not succeed at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// How often it failed since it last succeeded.
    pub tries: i64,
    /// True while it is being judged; also when the server ended before that was done.
    pub begun: bool,
    /// The change that is being judged alone.
    pub alone: Option<(Digest, DeviceId)>,
}

/// Where an inspection stands; none when nothing is to be said about it.
pub fn standing(tx: &mut Tx<'_>, org: OrgId, id: InspectionId) -> Result<Option<Standing>, DbError> {
    let row = tx.query_opt(
        "SELECT tries, begun, alone_item, alone_device FROM judging WHERE org = $1 AND inspection = $2",
        &params![org, id],
    )?;
    let Some(r) = row else { return Ok(None) };
    let alone = r.get::<Option<Digest>>(2)?.zip(r.get::<Option<DeviceId>>(3)?);
    Ok(Some(Standing { tries: r.get(0)?, begun: r.get::<i64>(1)? == 1, alone }))
}

/// Notes that judging begins, of all that is pending or of one change alone; nobody else begins before `next_at`.
pub fn begin(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: InspectionId,
    next_at: Moment,
    alone: Option<(Digest, DeviceId)>,
) -> Result<(), DbError> {
    let (item, device) = alone.unzip();
    tx.execute(
        "INSERT INTO judging (org, inspection, tries, next_at, error, begun, alone_item, alone_device)
         VALUES ($1, $2, 0, $3, '', 1, $4, $5)
         ON CONFLICT (org, inspection) DO UPDATE SET next_at = excluded.next_at, begun = 1,
           alone_item = excluded.alone_item, alone_device = excluded.alone_device",
        &params![org, id, next_at, item, device],
    )?;
    Ok(())
}

/// Notes that it failed, how often by now, and when it is tried again.
pub fn failed(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: InspectionId,
    (tries, next_at): (i64, Moment),
    error: &str,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO judging (org, inspection, tries, next_at, error) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (org, inspection) DO UPDATE SET tries = excluded.tries, next_at = excluded.next_at,
           error = excluded.error, begun = 0, alone_item = NULL, alone_device = NULL",
        &params![org, id, tries, next_at, error],
    )?;
    Ok(())
}

/// Inspections with changes that nobody has judged yet.
pub fn left(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<InspectionId>, DbError> {
    let rows = tx.query(
        "SELECT DISTINCT inspection FROM inbox WHERE org = $1 AND state = 'received'",
        &params![org],
    )?;
    rows.iter().map(|r| r.get(0)).collect()
}

/// Notes that it succeeded.
pub fn succeeded(tx: &mut Tx<'_>, org: OrgId, id: InspectionId) -> Result<(), DbError> {
    tx.execute("DELETE FROM judging WHERE org = $1 AND inspection = $2", &params![org, id])?;
    Ok(())
}

/// The inspections of the `limit` changes that wait longest to be judged, in this order; what failed is left out until its
/// time.
pub fn due(tx: &mut Tx<'_>, org: OrgId, now: Moment, limit: i64) -> Result<Vec<InspectionId>, DbError> {
    let rows = tx.query(
        "SELECT i.inspection FROM inbox i WHERE i.org = $1 AND i.state = 'received'
           AND NOT EXISTS (SELECT 1 FROM judging j WHERE j.org = i.org AND j.inspection = i.inspection AND j.next_at > $2)
         ORDER BY i.received_at, i.inspection LIMIT $3",
        &params![org, now, limit],
    )?;
    let mut due: Vec<InspectionId> = Vec::with_capacity(rows.len());
    for r in &rows {
        let id = r.get(0)?;
        if !due.contains(&id) {
            due.push(id);
        }
    }
    Ok(due)
}

/// Counts what waits.
pub fn backlog(tx: &mut Tx<'_>, org: OrgId) -> Result<Backlog, DbError> {
    let waiting = tx.query_opt(
        "SELECT CAST(COUNT(*) AS BIGINT), MIN(received_at) FROM inbox WHERE org = $1 AND state = 'received'",
        &params![org],
    )?;
    let failing = tx.query_opt(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM judging WHERE org = $1 AND tries > 0",
        &params![org],
    )?;
    let mut backlog = Backlog::default();
    if let Some(row) = waiting {
        (backlog.changes, backlog.oldest_at) = (row.get(0)?, row.get(1)?);
    }
    if let Some(row) = failing {
        backlog.failing = row.get(0)?;
    }
    Ok(backlog)
}
