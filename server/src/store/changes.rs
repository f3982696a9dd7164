//! The record of inspections: accepted changes, and snapshots that can be thrown away.

use crate::db::{DbError, Tx, params};
use fieldproof_schema::document::{Actor, ChangeId};
use fieldproof_schema::ids::{DeviceId, InspectionId, OfficerId, OrgId};
use fieldproof_schema::moment::{Interval, Moment};
use fieldproof_schema::suite::Digest;

/// One accepted change.
#[derive(Debug, Clone)]
pub struct Change {
    /// Its name.
    pub id: ChangeId,
    /// Its writer.
    pub actor: Actor,
    /// The device that wrote it; none for the server's own.
    pub device: Option<DeviceId>,
    /// The officer; none for the server's own.
    pub officer: Option<OfficerId>,
    /// The journal entry that covers it; none for the server's own.
    pub entry: Option<Digest>,
    /// As it was written.
    pub bytes: Vec<u8>,
    /// When, as far as the server can vouch for it.
    pub written: Interval,
}

/// Appends accepted changes after `position`.
pub fn insert(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    position: i64,
    changes: &[Change],
    at: Moment,
) -> Result<(), DbError> {
    let rows: Vec<_> = changes
        .iter()
        .zip(position + 1..)
        .map(|(c, position)| {
            params![
                org,
                inspection,
                c.id,
                position,
                c.actor,
                c.device,
                c.officer,
                c.entry,
                c.bytes.clone(),
                c.written.earliest,
                c.written.latest,
                at
            ]
        })
        .collect();
    tx.execute_many(
        "INSERT INTO changes (org, inspection, change_id, position, actor, device, officer, entry, bytes,
         written_earliest, written_latest, accepted_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        &rows,
    )?;
    Ok(())
}

/// All changes of an inspection, each after its predecessors.
pub fn list(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<Vec<Change>, DbError> {
    let rows = tx.query(
        "SELECT change_id, actor, device, officer, entry, bytes, written_earliest, written_latest FROM changes
         WHERE org = $1 AND inspection = $2 ORDER BY position",
        &params![org, inspection],
    )?;
    rows.iter().map(read).collect()
}

/// One change.
pub fn find(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    id: ChangeId,
) -> Result<Option<Change>, DbError> {
    let row = tx.query_opt(
        "SELECT change_id, actor, device, officer, entry, bytes, written_earliest, written_latest FROM changes
         WHERE org = $1 AND inspection = $2 AND change_id = $3",
        &params![org, inspection, id],
    )?;
    row.map(|r| read(&r)).transpose()
}

/// Who wrote a change, and when; without its bytes.
#[derive(Debug, Clone)]
pub struct Header {
    /// Its name.
    pub id: ChangeId,
    /// Its writer.
    pub actor: Actor,
    /// When, as far as the server can vouch for it.
    pub written: Interval,
    /// When it became part of the record.
    pub accepted_at: Moment,
}

/// The headers of all changes of an inspection, each after its predecessors.
pub fn headers(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<Vec<Header>, DbError> {
    let rows = tx.query(
        "SELECT change_id, actor, written_earliest, written_latest, accepted_at FROM changes
         WHERE org = $1 AND inspection = $2 ORDER BY position",
        &params![org, inspection],
    )?;
    rows.iter()
        .map(|r| {
            Ok(Header {
                id: r.get(0)?,
                actor: r.get(1)?,
                written: Interval { earliest: r.get(2)?, latest: r.get(3)? },
                accepted_at: r.get(4)?,
            })
        })
        .collect()
}

fn read(r: &crate::db::Row) -> Result<Change, DbError> {
    Ok(Change {
        id: r.get(0)?,
        actor: r.get(1)?,
        device: r.get(2)?,
        officer: r.get(3)?,
        entry: r.get(4)?,
        bytes: r.get(5)?,
        written: Interval { earliest: r.get(6)?, latest: r.get(7)? },
    })
}

/// The snapshot of an inspection, if it is of `version`.
pub fn snapshot(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    version: i64,
) -> Result<Option<Vec<u8>>, DbError> {
    let row = tx.query_opt(
        "SELECT bytes FROM snapshots WHERE org = $1 AND inspection = $2 AND version = $3",
        &params![org, inspection, version],
    )?;
    row.map(|r| r.get(0)).transpose()
}

/// Replaces the snapshot of an inspection.
pub fn put_snapshot(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    version: i64,
    bytes: &[u8],
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO snapshots (org, inspection, version, bytes) VALUES ($1, $2, $3, $4)
         ON CONFLICT (org, inspection) DO UPDATE SET version = excluded.version, bytes = excluded.bytes",
        &params![org, inspection, version, bytes],
    )?;
    Ok(())
}
