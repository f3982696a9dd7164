//! Captures that journals declared, and the state of their bytes.

use crate::db::{DbError, Tx, params};
use fieldproof_schema::ids::{DeviceId, InspectionId, OfficerId, OrgId, RecordId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::reference::EvidenceState;
use fieldproof_schema::suite::Digest;

/// Notes a capture; repeated declarations change nothing.
#[allow(
    clippy::too_many_arguments,
    reason = "one parameter per column; a struct would only repeat the table"
)]
pub fn insert(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    record: RecordId,
    digest: &Digest,
    device: DeviceId,
    officer: OfficerId,
    body: &str,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO captures (org, inspection, record, digest, device, officer, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (org, inspection, record) DO NOTHING",
        &params![org, inspection, record, *digest, device, officer, body],
    )?;
    Ok(())
}

/// The captures of an inspection and whether their bytes are held.
pub fn states(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<Vec<EvidenceState>, DbError> {
    let rows = tx.query(
        "SELECT c.record, c.digest, b.held_at FROM captures c
         LEFT JOIN blobs b ON b.org = c.org AND b.digest = c.digest
         WHERE c.org = $1 AND c.inspection = $2 ORDER BY c.record",
        &params![org, inspection],
    )?;
    rows.iter()
        .map(|r| {
            Ok(EvidenceState {
                record: r.get(0)?,
                digest: r.get(1)?,
                held: r.get::<Option<Moment>>(2)?.is_some(),
            })
        })
        .collect()
}

/// The body of the capture that `device` declared, with its inspection.
pub fn declared(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    record: RecordId,
    device: DeviceId,
    digest: &Digest,
) -> Result<Option<String>, DbError> {
    let row = tx.query_opt(
        "SELECT body FROM captures WHERE org = $1 AND inspection = $2 AND record = $3 AND device = $4 AND digest = $5",
        &params![org, inspection, record, device, *digest],
    )?;
    row.map(|r| r.get(0)).transpose()
}

/// The inspections in which a blob was captured, with the officer and device that did.
pub fn of_digest(
    tx: &mut Tx<'_>,
    org: OrgId,
    digest: &Digest,
) -> Result<Vec<(InspectionId, DeviceId)>, DbError> {
    let rows = tx.query(
        "SELECT inspection, device FROM captures WHERE org = $1 AND digest = $2 ORDER BY inspection, record",
        &params![org, *digest],
    )?;
    rows.iter().map(|r| Ok((r.get(0)?, r.get(1)?))).collect()
}

/// Evidence bytes, under way or held.
#[derive(Debug, Clone)]
pub struct Blob {
    /// How long it is or will be.
    pub size_bytes: u64,
    /// What the sender says it is.
    pub media_type: String,
    /// When it was read back with the right hash.
    pub held_at: Option<Moment>,
}

/// One blob.
pub fn blob(tx: &mut Tx<'_>, org: OrgId, digest: &Digest) -> Result<Option<Blob>, DbError> {
    let row = tx.query_opt(
        "SELECT size_bytes, media_type, held_at FROM blobs WHERE org = $1 AND digest = $2",
        &params![org, *digest],
    )?;
    row.map(|r| Ok(Blob { size_bytes: r.get(0)?, media_type: r.get(1)?, held_at: r.get(2)? })).transpose()
}

/// Notes that a blob is on its way; returns false when it was known.
pub fn insert_blob(
    tx: &mut Tx<'_>,
    org: OrgId,
    digest: &Digest,
    size_bytes: u64,
    media_type: &str,
    at: Moment,
) -> Result<bool, DbError> {
    let added = tx.execute(
        "INSERT INTO blobs (org, digest, size_bytes, media_type, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (org, digest) DO NOTHING",
        &params![org, *digest, size_bytes, media_type, at],
    )?;
    // A wrong length that somebody announced before must not stand in the way of the right one.
    tx.execute(
        "UPDATE blobs SET size_bytes = $3 WHERE org = $1 AND digest = $2 AND held_at IS NULL AND size_bytes <> $3",
        &params![org, *digest, size_bytes],
    )?;
    Ok(added > 0)
}

/// Notes that a blob is held.
pub fn hold(tx: &mut Tx<'_>, org: OrgId, digest: &Digest, at: Moment) -> Result<(), DbError> {
    tx.execute(
        "UPDATE blobs SET held_at = $3 WHERE org = $1 AND digest = $2 AND held_at IS NULL",
        &params![org, *digest, at],
    )?;
    Ok(())
}
