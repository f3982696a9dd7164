//! Captures that a terminal declared when it could not add to the visit, and whether their bytes are held.

use super::captures::{Declared, Named};
use crate::db::{DbError, Tx, params};
use fieldproof_schema::ids::{DeviceId, InspectionId, OrgId, RecordId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;

/// Notes a capture; repeated declarations change nothing.
pub fn insert(
    tx: &mut Tx<'_>,
    org: OrgId,
    (inspection, record): (InspectionId, RecordId),
    digest: &Digest,
    device: DeviceId,
    (body, size_bytes): (&str, u64),
    at: Moment,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO captures_apart (org, inspection, record, digest, device, body, declared_at, size_bytes)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (org, device, inspection, record) DO NOTHING",
        &params![
            org,
            inspection,
            record,
            *digest,
            device,
            body,
            at,
            i64::try_from(size_bytes).unwrap_or(i64::MAX)
        ],
    )?;
    Ok(())
}

/// The capture with these bytes that `device` declared; one that is not held yet comes first.
pub fn declared(
    tx: &mut Tx<'_>,
    org: OrgId,
    digest: &Digest,
    device: DeviceId,
) -> Result<Option<Declared>, DbError> {
    let rows = tx.query(
        "SELECT body, held_at, device FROM captures_apart WHERE org = $1 AND digest = $2 AND device = $3
         ORDER BY held_at NULLS FIRST, inspection, record LIMIT 1",
        &params![org, *digest, device],
    )?;
    let declared = rows.first().map(Declared::read).transpose()?;
    Ok(declared.map(|declared| Declared { is_apart: true, ..declared }))
}

/// What a device captured for an inspection and is held apart, as its journal named it.
pub fn named(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    device: DeviceId,
) -> Result<Vec<Named>, DbError> {
    let rows = tx.query(
        "SELECT digest, device, body, held_at FROM captures_apart
         WHERE org = $1 AND device = $2 AND inspection = $3 ORDER BY record",
        &params![org, device, inspection],
    )?;
    rows.iter().map(|r| Named::read(r, true)).collect()
}

/// Notes that a device's bytes are held.
pub fn hold(
    tx: &mut Tx<'_>,
    org: OrgId,
    digest: &Digest,
    device: DeviceId,
    at: Moment,
) -> Result<(), DbError> {
    tx.execute(
        "UPDATE captures_apart SET held_at = $4 WHERE org = $1 AND digest = $2 AND device = $3 AND held_at IS NULL",
        &params![org, *digest, device, at],
    )?;
    Ok(())
}

/// Takes a capture out, since it belongs to its visit now; since when its bytes are held, if they are.
pub fn take(
    tx: &mut Tx<'_>,
    org: OrgId,
    (inspection, record): (InspectionId, RecordId),
    digest: &Digest,
    device: DeviceId,
) -> Result<Option<Moment>, DbError> {
    let rows = tx.query(
        "DELETE FROM captures_apart WHERE org = $1 AND device = $2 AND inspection = $3 AND record = $4 AND digest = $5
         RETURNING held_at",
        &params![org, device, inspection, record, *digest],
    )?;
    rows.first().map_or(Ok(None), |r| r.get(0))
}

/// Notes that bytes which were held are not there any more.
pub fn lose(tx: &mut Tx<'_>, org: OrgId, digest: &Digest) -> Result<(), DbError> {
    tx.execute(
        "UPDATE captures_apart SET held_at = NULL WHERE org = $1 AND digest = $2 AND held_at IS NOT NULL",
        &params![org, *digest],
    )?;
    Ok(())
}
