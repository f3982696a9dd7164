//! Captures that journals declared, and the state of their bytes.

use super::originals::Fault;
use crate::db::{DbError, Row, Tx, params};
use fieldproof_schema::ids::{DeviceId, InspectionId, OfficerId, OrgId, RecordId};
use fieldproof_schema::journal::body::{self, Captured};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::reference::EvidenceState;
use fieldproof_schema::suite::Digest;
use serde::Serialize;

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
    now: Moment,
) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO captures (org, inspection, record, digest, device, officer, body, asked_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (org, inspection, record) DO NOTHING",
        &params![org, inspection, record, *digest, device, officer, body, now],
    )?;
    Ok(())
}

/// The captures of an inspection and whether their bytes are held.
pub fn states(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<Vec<EvidenceState>, DbError> {
    let rows = tx.query(
        "SELECT record, digest, held_at FROM captures WHERE org = $1 AND inspection = $2 ORDER BY record",
        &params![org, inspection],
    )?;
    rows.iter()
        .map(|r| {
            let held = r.get::<Option<Moment>>(2)?.is_some();
            Ok(EvidenceState { record: r.get(0)?, digest: r.get(1)?, held })
        })
        .collect()
}

/// A capture as people look at it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The hash of its bytes.
    pub digest: Digest,
    /// What the journal said.
    pub facts: Captured,
    /// Who took it, as printed.
    pub officer_name: String,
    /// On which terminal.
    pub device_name: String,
    /// When its bytes were held.
    pub held_at: Option<Moment>,
    /// What was the matter with them when they were looked at last.
    pub fault: Option<Fault>,
}

/// The captures of an inspection with who took them and where.
pub fn list(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<Vec<Listed>, DbError> {
    let rows = tx.query(
        "SELECT c.digest, c.body, o.name, d.name, c.held_at, x.fault FROM captures c
         JOIN officers o ON o.org = c.org AND o.id = c.officer JOIN devices d ON d.org = c.org AND d.id = c.device
         LEFT JOIN originals x ON x.org = c.org AND x.digest = c.digest
         WHERE c.org = $1 AND c.inspection = $2 ORDER BY c.record",
        &params![org, inspection],
    )?;
    rows.iter()
        .map(|r| {
            let facts = body::read(&r.get::<String>(1)?).map_err(|e| r.invalid(1, e.to_string()))?;
            Ok(Listed {
                digest: r.get(0)?,
                facts,
                officer_name: r.get(2)?,
                device_name: r.get(3)?,
                held_at: r.get(4)?,
                fault: Fault::read(r, 5)?,
            })
        })
        .collect()
}

/// A capture as its journal named it: what an original is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The hash of its bytes.
    pub digest: Digest,
    /// How many they are.
    pub size_bytes: u64,
    /// As what it was captured.
    pub media_type: String,
    /// By which device.
    pub device: DeviceId,
    /// Whether the bytes are here.
    pub held: bool,
    /// Whether it is held apart.
    pub is_apart: bool,
}

impl Named {
    /// Reads the hash, the device, the body and when the bytes were held.
    pub(super) fn read(r: &Row, is_apart: bool) -> Result<Self, DbError> {
        let facts: Captured = body::read(&r.get::<String>(2)?).map_err(|e| r.invalid(2, e.to_string()))?;
        Ok(Self {
            digest: r.get(0)?,
            size_bytes: facts.size_bytes,
            media_type: facts.media_type,
            device: r.get(1)?,
            held: r.get::<Option<Moment>>(3)?.is_some(),
            is_apart,
        })
    }
}

/// The captures of an inspection as journals named them.
pub fn named(tx: &mut Tx<'_>, org: OrgId, inspection: InspectionId) -> Result<Vec<Named>, DbError> {
    let rows = tx.query(
        "SELECT digest, device, body, held_at FROM captures WHERE org = $1 AND inspection = $2 ORDER BY record",
        &params![org, inspection],
    )?;
    rows.iter().map(|r| Named::read(r, false)).collect()
}

/// A capture that a device declared.
#[derive(Debug, Clone)]
pub struct Declared {
    /// What the journal said.
    pub facts: Captured,
    /// When its bytes were held.
    pub held_at: Option<Moment>,
    /// By which device.
    pub device: DeviceId,
    /// Whether it is held apart.
    pub is_apart: bool,
}

/// The capture with these bytes that `device` declared; one that is not held yet comes first.
pub fn declared(
    tx: &mut Tx<'_>,
    org: OrgId,
    digest: &Digest,
    device: DeviceId,
) -> Result<Option<Declared>, DbError> {
    let rows = tx.query(
        "SELECT body, held_at, device FROM captures WHERE org = $1 AND digest = $2 AND device = $3
         ORDER BY held_at NULLS FIRST, inspection, record LIMIT 1",
        &params![org, *digest, device],
    )?;
    rows.first().map(Declared::read).transpose()
}

/// The capture with these bytes in a visit on whose team `officer` is or was, whoever declared it; one that is not held yet
/// comes first.
pub fn declared_to(
    tx: &mut Tx<'_>,
    org: OrgId,
    digest: &Digest,
    officer: OfficerId,
) -> Result<Option<Declared>, DbError> {
    let rows = tx.query(
        "SELECT c.body, c.held_at, c.device FROM captures c
         JOIN inspection_officers t ON t.org = c.org AND t.inspection = c.inspection
         WHERE c.org = $1 AND c.digest = $2 AND t.officer = $3
         ORDER BY c.held_at NULLS FIRST, c.inspection, c.record LIMIT 1",
        &params![org, *digest, officer],
    )?;
    rows.first().map(Declared::read).transpose()
}

impl Declared {
    /// Reads the body, when the bytes were held, and the device.
    pub(super) fn read(r: &Row) -> Result<Self, DbError> {
        let body: String = r.get(0)?;
        let facts = body::read(&body).map_err(|e| r.invalid(0, e.to_string()))?;
        Ok(Self { facts, held_at: r.get(1)?, device: r.get(2)?, is_apart: false })
    }
}

/// Notes that a device's bytes are held, and returns the inspections in which it captured them.
pub fn hold(
    tx: &mut Tx<'_>,
    org: OrgId,
    digest: &Digest,
    device: DeviceId,
    at: Moment,
) -> Result<Vec<InspectionId>, DbError> {
    let rows = tx.query(
        "UPDATE captures SET held_at = $4 WHERE org = $1 AND digest = $2 AND device = $3 AND held_at IS NULL
         RETURNING inspection",
        &params![org, *digest, device, at],
    )?;
    rows.iter().map(|r| r.get(0)).collect()
}

/// Hashes of which some capture says that its bytes are held, after `after`, in their order, at most `limit`.
pub fn said_to_be_held(
    tx: &mut Tx<'_>,
    org: OrgId,
    after: Option<Digest>,
    limit: i64,
) -> Result<Vec<Digest>, DbError> {
    let rows = tx.query(
        "SELECT digest FROM (
           SELECT digest FROM captures WHERE org = $1 AND held_at IS NOT NULL
           UNION SELECT digest FROM captures_apart WHERE org = $1 AND held_at IS NOT NULL) held
         WHERE CAST($2 AS BYTEA) IS NULL OR digest > $2 ORDER BY digest LIMIT $3",
        &params![org, after, limit],
    )?;
    rows.iter().map(|r| r.get(0)).collect()
}

/// A capture, with who took it and on which terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Whose {
    /// In which visit.
    pub inspection: InspectionId,
    /// The capture.
    pub record: RecordId,
    /// The officer's name as printed.
    pub officer: String,
    /// The terminal.
    pub device: DeviceId,
    /// What people call it.
    pub device_name: String,
}

/// The captures with these bytes, by visit, at most a hundred: where to look for them.
pub fn whose(tx: &mut Tx<'_>, org: OrgId, digest: &Digest) -> Result<Vec<Whose>, DbError> {
    let rows = tx.query(
        "SELECT c.inspection, c.record, o.name, d.id, d.name FROM captures c
         JOIN officers o ON o.org = c.org AND o.id = c.officer JOIN devices d ON d.org = c.org AND d.id = c.device
         WHERE c.org = $1 AND c.digest = $2 LIMIT 100",
        &params![org, *digest],
    )?;
    let read = |r: &Row| {
        let (inspection, record) = (r.get(0)?, r.get(1)?);
        Ok::<_, DbError>(Whose {
            inspection,
            record,
            officer: r.get(2)?,
            device: r.get(3)?,
            device_name: r.get(4)?,
        })
    };
    let mut whose = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    whose.sort_by_key(|capture| (capture.inspection, capture.record));
    Ok(whose)
}

/// Notes that bytes which were held are not there any more, and are asked for from now on; returns the inspections that are poorer
/// by them.
pub fn lose(tx: &mut Tx<'_>, org: OrgId, digest: &Digest, now: Moment) -> Result<Vec<InspectionId>, DbError> {
    let rows = tx.query(
        "UPDATE captures SET held_at = NULL, asked_at = $3 WHERE org = $1 AND digest = $2 AND held_at IS NOT NULL
         RETURNING inspection",
        &params![org, *digest, now],
    )?;
    rows.iter().map(|r| r.get(0)).collect()
}

/// The inspections in which bytes with this hash were captured and are held, with what the journal said.
pub fn held(tx: &mut Tx<'_>, org: OrgId, digest: &Digest) -> Result<Vec<(InspectionId, Captured)>, DbError> {
    let rows = tx.query(
        "SELECT inspection, body FROM captures WHERE org = $1 AND digest = $2 AND held_at IS NOT NULL",
        &params![org, *digest],
    )?;
    let mut held = Vec::with_capacity(rows.len());
    for r in &rows {
        let facts: Captured = body::read(&r.get::<String>(1)?).map_err(|e| r.invalid(1, e.to_string()))?;
        held.push((r.get(0)?, facts));
    }
    // Put in order here: asked for an order, the database walks through all captures in it.
    held.sort_by_key(|(inspection, facts): &(InspectionId, Captured)| (*inspection, facts.record));
    Ok(held)
}
