//! Documents as they are kept for whoever opens or asks for them: made from the changes, and can be thrown away.

use crate::db::{DbError, Row, Tx, params};
use fieldproof_schema::document::ChangeId;
use fieldproof_schema::ids::{InspectionId, OrgId};
use fieldproof_schema::reference::Progress;

/// The snapshot of an inspection, if it is of `version`.
pub fn get(
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

/// A document as it is kept for whoever opens or asks for it.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The saved document.
    pub bytes: Vec<u8>,
    /// The changes that no other builds upon.
    pub heads: Vec<ChangeId>,
    /// How far it has come; the time only where a terminal wrote just now.
    pub progress: Progress,
}

/// Replaces the snapshot of an inspection.
pub fn put(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    version: i64,
    snapshot: &Snapshot,
) -> Result<(), DbError> {
    let heads: Vec<u8> = snapshot.heads.iter().flat_map(|head| head.0).collect();
    let Progress { answered, applicable, written_at } = snapshot.progress;
    tx.execute(
        "INSERT INTO snapshots (org, inspection, version, bytes, heads, answered, applicable, written_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (org, inspection) DO UPDATE SET version = excluded.version, bytes = excluded.bytes,
           heads = excluded.heads, answered = excluded.answered, applicable = excluded.applicable,
           written_at = COALESCE(excluded.written_at, snapshots.written_at)",
        &params![
            org,
            inspection,
            version,
            snapshot.bytes.as_slice(),
            heads,
            i64::from(answered),
            i64::from(applicable),
            written_at
        ],
    )?;
    Ok(())
}

/// The heads of an inspection as of its snapshot; empty when none is known.
pub fn heads(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    version: i64,
) -> Result<Vec<ChangeId>, DbError> {
    let row = tx.query_opt(
        "SELECT heads FROM snapshots WHERE org = $1 AND inspection = $2 AND version = $3",
        &params![org, inspection, version],
    )?;
    read_heads(row)
}

/// The same of whatever version it is: each is part of the record.
pub fn heads_of_any(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<Vec<ChangeId>, DbError> {
    let sql = "SELECT heads FROM snapshots WHERE org = $1 AND inspection = $2";
    read_heads(tx.query_opt(sql, &params![org, inspection])?)
}

fn read_heads(row: Option<Row>) -> Result<Vec<ChangeId>, DbError> {
    let heads: Option<Vec<u8>> = row.map(|r| r.get(0)).transpose()?.flatten();
    let heads = heads.unwrap_or_default();
    Ok(heads.as_chunks::<32>().0.iter().map(|head| ChangeId(*head)).collect())
}

/// How far an inspection has come.
pub fn progress(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<Option<Progress>, DbError> {
    let row = tx.query_opt(
        "SELECT answered, applicable, written_at FROM snapshots WHERE org = $1 AND inspection = $2",
        &params![org, inspection],
    )?;
    let Some(r) = row else { return Ok(None) };
    let count = |n: Option<i64>| n.and_then(|n| u32::try_from(n).ok());
    let (answered, applicable) = (count(r.get(0)?), count(r.get(1)?));
    let written_at = r.get(2)?;
    Ok(answered.zip(applicable).map(|(answered, applicable)| Progress { answered, applicable, written_at }))
}
