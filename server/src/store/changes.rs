//! The record of inspections: accepted changes, and snapshots that can be thrown away.

use crate::db::{DbError, Tx, params};
use fieldproof_schema::document::{Actor, ChangeId};
use fieldproof_schema::ids::{DeviceId, InspectionId, OfficerId, OrgId};
use fieldproof_schema::moment::{Interval, Moment};
use fieldproof_schema::reference::Progress;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::row::Origin;
use minicbor::{Decode, Encode};

/// One accepted change.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Change {
    /// Its name.
    #[n(0)]
    pub id: ChangeId,
    /// Its writer.
    #[n(1)]
    pub actor: Actor,
    /// The writer's own count; none in changes of earlier versions.
    #[n(2)]
    pub seq: Option<u64>,
    /// The device that wrote it; none for the server's own.
    #[n(3)]
    pub device: Option<DeviceId>,
    /// The officer; none for the server's own.
    #[n(4)]
    pub officer: Option<OfficerId>,
    /// The journal entry that covers it; none for the server's own.
    #[n(5)]
    pub entry: Option<Digest>,
    /// As it was written.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
    /// When, as far as the server can vouch for it.
    #[n(7)]
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
                at,
                c.seq
            ]
        })
        .collect();
    tx.execute_many(
        "INSERT INTO changes (org, inspection, change_id, position, actor, device, officer, entry, bytes,
         written_earliest, written_latest, accepted_at, seq)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        &rows,
    )?;
    Ok(())
}

/// All changes of an inspection, each after its predecessors.
pub fn list(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<Vec<Change>, DbError> {
    let rows = tx.query(
        "SELECT change_id, actor, device, officer, entry, bytes, written_earliest, written_latest, seq FROM changes
         WHERE org = $1 AND inspection = $2 ORDER BY position",
        &params![org, inspection],
    )?;
    rows.iter().map(read).collect()
}

/// The changes of an inspection behind a position, each after its predecessors.
pub fn after(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    position: i64,
) -> Result<Vec<Change>, DbError> {
    let rows = tx.query(
        "SELECT change_id, actor, device, officer, entry, bytes, written_earliest, written_latest, seq FROM changes
         WHERE org = $1 AND inspection = $2 AND position > $3 ORDER BY position",
        &params![org, inspection, position],
    )?;
    rows.iter().map(read).collect()
}

/// Where the changes of an inspection behind a position come from.
pub fn origins(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    position: i64,
) -> Result<Vec<Origin>, DbError> {
    let rows = tx.query(
        "SELECT actor, seq, device, officer, entry, written_earliest, written_latest FROM changes
         WHERE org = $1 AND inspection = $2 AND position > $3 AND seq IS NOT NULL ORDER BY position",
        &params![org, inspection, position],
    )?;
    let mut origins: Vec<Origin> = Vec::new();
    for r in &rows {
        let seq: u64 = r.get(1)?;
        let origin = Origin {
            actor: r.get(0)?,
            first: seq,
            last: seq,
            device: r.get(2)?,
            officer: r.get(3)?,
            entry: r.get(4)?,
            written: Interval { earliest: r.get(5)?, latest: r.get(6)? },
        };
        let next = |known: &Origin| Origin { first: known.last + 1, last: known.last + 1, ..known.clone() };
        match origins.iter_mut().find(|known| next(known) == origin) {
            Some(known) => known.last = seq,
            None => origins.push(origin),
        }
    }
    Ok(origins)
}

/// One change.
pub fn find(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    id: ChangeId,
) -> Result<Option<Change>, DbError> {
    let row = tx.query_opt(
        "SELECT change_id, actor, device, officer, entry, bytes, written_earliest, written_latest, seq FROM changes
         WHERE org = $1 AND inspection = $2 AND change_id = $3",
        &params![org, inspection, id],
    )?;
    row.map(|r| read(&r)).transpose()
}

/// One change of a history, without its bytes.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its place.
    pub position: i64,
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
    /// When, as far as the server can vouch for it.
    pub written: Interval,
    /// How long it is.
    pub size_bytes: i64,
}

/// The last `limit` changes of an inspection before a place, the last first.
pub fn history(
    tx: &mut Tx<'_>,
    org: OrgId,
    inspection: InspectionId,
    before: i64,
    limit: i64,
) -> Result<Vec<Line>, DbError> {
    let rows = tx.query(
        "SELECT position, change_id, actor, device, officer, entry, written_earliest, written_latest,
           CAST(LENGTH(bytes) AS BIGINT) FROM changes
         WHERE org = $1 AND inspection = $2 AND position < $3 ORDER BY position DESC LIMIT $4",
        &params![org, inspection, before, limit],
    )?;
    rows.iter()
        .map(|r| {
            Ok(Line {
                position: r.get(0)?,
                id: r.get(1)?,
                actor: r.get(2)?,
                device: r.get(3)?,
                officer: r.get(4)?,
                entry: r.get(5)?,
                written: Interval { earliest: r.get(6)?, latest: r.get(7)? },
                size_bytes: r.get(8)?,
            })
        })
        .collect()
}

/// Whether a change is part of an inspection.
pub fn has(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId, id: ChangeId) -> Result<bool, DbError> {
    let row = tx.query_opt(
        "SELECT position FROM changes WHERE org = $1 AND inspection = $2 AND change_id = $3",
        &params![org, inspection, id],
    )?;
    Ok(row.is_some())
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
        seq: r.get(8)?,
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
pub fn put_snapshot(
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
