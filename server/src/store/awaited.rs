//! Captures whose bytes are waited for: since when, and which are past their deadline.

use crate::db::{DbError, Row, Tx, params};
use fieldproof_schema::ids::{DeviceId, InspectionId, OrgId, RecordId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;

/// A capture without its bytes.
#[derive(Debug, Clone)]
pub struct Missing {
    /// Of which visit.
    pub inspection: InspectionId,
    /// Which one.
    pub record: RecordId,
    /// Since when its bytes are waited for; none for what was declared before that was noted.
    pub asked_at: Option<Moment>,
    /// Who took it, as printed.
    pub officer_name: String,
    /// On which terminal.
    pub device_name: String,
}

fn read(r: &Row) -> Result<Missing, DbError> {
    Ok(Missing {
        inspection: r.get(0)?,
        record: r.get(1)?,
        asked_at: r.get(2)?,
        officer_name: r.get(3)?,
        device_name: r.get(4)?,
    })
}

/// Captures that are waited for since before `before` and about which nobody was asked since, longest first.
pub fn overdue(tx: &mut Tx<'_>, org: OrgId, before: Moment, limit: i64) -> Result<Vec<Missing>, DbError> {
    let rows = tx.query(
        "SELECT c.inspection, c.record, c.asked_at, o.name, d.name FROM captures c
         JOIN inspections i ON i.org = c.org AND i.id = c.inspection
         JOIN officers o ON o.org = c.org AND o.id = c.officer JOIN devices d ON d.org = c.org AND d.id = c.device
         WHERE c.org = $1 AND c.held_at IS NULL AND c.asked_at < $2 AND NOT EXISTS (
          SELECT 1 FROM conflicts k WHERE k.org = c.org AND k.inspection = c.inspection AND k.kind = 'evidence'
           AND k.path = 'evidence/' || c.record AND (k.closed_at IS NULL OR k.found_at >= c.asked_at))
         ORDER BY c.asked_at, c.inspection, c.record LIMIT $3",
        &params![org, before, limit],
    )?;
    rows.iter().map(read).collect()
}

/// The captures with these bytes that `device` declared and whose bytes are not held.
pub fn waited_for(
    tx: &mut Tx<'_>,
    org: OrgId,
    digest: &Digest,
    device: DeviceId,
) -> Result<Vec<Missing>, DbError> {
    let rows = tx.query(
        "SELECT c.inspection, c.record, c.asked_at, o.name, d.name FROM captures c
         JOIN officers o ON o.org = c.org AND o.id = c.officer JOIN devices d ON d.org = c.org AND d.id = c.device
         WHERE c.org = $1 AND c.digest = $2 AND c.device = $3 AND c.held_at IS NULL",
        &params![org, *digest, device],
    )?;
    let mut missing: Vec<Missing> = rows.iter().map(read).collect::<Result<_, _>>()?;
    // Put in order here: asked for an order, the database walks through all captures in it.
    missing.sort_by_key(|missing| (missing.inspection, missing.record));
    Ok(missing)
}

/// Begins the wait for the bytes of a capture anew.
pub fn ask_again(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    record: RecordId,
    at: Moment,
) -> Result<(), DbError> {
    tx.execute(
        "UPDATE captures SET asked_at = $4 WHERE org = $1 AND inspection = $2 AND record = $3",
        &params![org, inspection, record, at],
    )?;
    Ok(())
}
