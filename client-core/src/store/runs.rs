//! How far own changes got, said once for all that one journal entry covers.
//!
//! All changes of a run got equally far. What is said of some of them alone divides it.

use super::columns::{id, signed};
use crate::error::ClientError;
use fieldproof_schema::document::Actor;
use fieldproof_schema::ids::{InspectionId, ReceiptId};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::sync::Outcome;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Params, params};

/// What is known of a run, as it stands in columns.
#[derive(Debug, Clone, PartialEq)]
struct Status {
    receipt: Value,
    outcome: Value,
    code: Value,
}

/// A run, and which of its changes something is said about.
struct Part {
    id: i64,
    inspection: [u8; 16],
    entry: Vec<u8>,
    /// How many changes the run has.
    changes: i64,
    status: Status,
    ordinals: Vec<i64>,
}

/// An entry covers own changes of a visit from now on; returns the run that these are to name.
pub(crate) fn begin(
    tx: &Connection,
    inspection: InspectionId,
    entry: Digest,
    changes: u64,
) -> Result<i64, ClientError> {
    tx.prepare_cached("INSERT INTO runs (inspection, entry, changes) VALUES (?1, ?2, ?3)")?
        .execute(params![inspection.as_bytes(), entry.to_bytes(), signed(changes)])?;
    Ok(tx.last_insert_rowid())
}

/// A change that was folded stands by itself again: accepted when a receipt names it, else to be offered.
pub(crate) fn rejoin(
    tx: &Connection,
    inspection: InspectionId,
    (ordinal, entry): (i64, Digest),
    receipt: Option<ReceiptId>,
) -> Result<(), ClientError> {
    let status = Status {
        receipt: receipt.map_or(Value::Null, |receipt| Value::Blob(receipt.as_bytes().to_vec())),
        outcome: receipt.map_or(Value::Null, |_| Value::Text(Outcome::Accepted.as_str().to_owned())),
        code: Value::Null,
    };
    let run = like(tx, (inspection.as_bytes(), &entry.to_bytes()), &status)?;
    name(tx, ordinal, run)?;
    grow(tx, run, 1)
}

/// The run of an entry with this status; a new one where there is none.
fn like(tx: &Connection, (inspection, entry): (&[u8], &[u8]), status: &Status) -> Result<i64, ClientError> {
    let mut statement = tx.prepare_cached(
        "SELECT id FROM runs WHERE entry = ?2 AND inspection = ?1 AND receipt IS ?3 AND outcome IS ?4 AND code IS ?5
         ORDER BY id LIMIT 1",
    )?;
    let values = params![inspection, entry, status.receipt, status.outcome, status.code];
    let found = statement.query_row(values, |row| row.get(0)).optional()?;
    if let Some(id) = found {
        return Ok(id);
    }
    tx.prepare_cached(
        "INSERT INTO runs (inspection, entry, changes, receipt, outcome, code) VALUES (?1, ?2, 0, ?3, ?4, ?5)",
    )?
    .execute(values)?;
    Ok(tx.last_insert_rowid())
}

fn name(tx: &Connection, ordinal: i64, run: i64) -> Result<(), ClientError> {
    tx.prepare_cached("UPDATE changes SET run = ?2 WHERE ordinal = ?1")?.execute([ordinal, run])?;
    Ok(())
}

fn grow(tx: &Connection, run: i64, by: i64) -> Result<(), ClientError> {
    tx.prepare_cached("UPDATE runs SET changes = changes + ?2 WHERE id = ?1")?.execute([run, by])?;
    Ok(())
}

/// The runs of some changes, which a condition on `c` and `r` names.
fn parts(tx: &Connection, condition: &str, values: impl Params) -> Result<Vec<Part>, ClientError> {
    let mut statement = tx.prepare_cached(&format!(
        "SELECT r.id, r.inspection, r.entry, r.changes, r.receipt, r.outcome, r.code, c.ordinal
         FROM changes c JOIN runs r ON r.id = c.run WHERE {condition} ORDER BY c.ordinal"
    ))?;
    let mut rows = statement.query(values)?;
    let mut parts: Vec<Part> = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, ordinal) = (row.get(0)?, row.get(7)?);
        if let Some(part) = parts.iter_mut().find(|part| part.id == id) {
            part.ordinals.push(ordinal);
            continue;
        }
        let status = Status { receipt: row.get(4)?, outcome: row.get(5)?, code: row.get(6)? };
        let (inspection, entry, changes) = (row.get(1)?, row.get(2)?, row.get(3)?);
        parts.push(Part { id, inspection, entry, changes, status, ordinals: vec![ordinal] });
    }
    Ok(parts)
}

/// Something else is known of these changes than before. Within a transaction: the count follows the changes.
fn put(tx: &Connection, part: &Part, status: &Status) -> Result<(), ClientError> {
    debug_assert!(!tx.is_autocommit(), "a run is divided as a whole or not at all");
    if *status == part.status {
        return Ok(());
    }
    let moved = signed(part.ordinals.len() as u64);
    if moved == part.changes {
        tx.prepare_cached("UPDATE runs SET receipt = ?2, outcome = ?3, code = ?4 WHERE id = ?1")?
            .execute(params![part.id, status.receipt, status.outcome, status.code])?;
        return Ok(());
    }
    let other = like(tx, (&part.inspection, &part.entry), status)?;
    for ordinal in &part.ordinals {
        name(tx, *ordinal, other)?;
    }
    grow(tx, part.id, -moved)?;
    grow(tx, other, moved)
}

/// A receipt names a change that was offered by itself; returns whether it is an own one that had none.
pub(crate) fn mark(tx: &Connection, receipt: ReceiptId, change: Digest) -> Result<bool, ClientError> {
    let found = parts(tx, "c.digest = ?1 AND r.receipt IS NULL", [change.to_bytes()])?;
    for part in &found {
        let receipt = Value::Blob(receipt.as_bytes().to_vec());
        put(tx, part, &Status { receipt, ..part.status.clone() })?;
    }
    Ok(!found.is_empty())
}

/// What became of one change.
pub(crate) fn decide(
    tx: &Connection,
    change: Digest,
    (outcome, code): (Outcome, Option<&str>),
    receipted_only: bool,
) -> Result<(), ClientError> {
    let condition = "c.digest = ?1 AND (?2 = 0 OR r.receipt IS NOT NULL)";
    for part in parts(tx, condition, params![change.to_bytes(), receipted_only])? {
        let outcome = Value::Text(outcome.as_str().to_owned());
        let code = code.map_or(Value::Null, |code| Value::Text(code.to_owned()));
        put(tx, &part, &Status { outcome, code, ..part.status.clone() })?;
    }
    Ok(())
}

/// Changes of one writer, told by its counts, are part of the record: those with a receipt were accepted.
pub(crate) fn confirm(
    tx: &Connection,
    inspection: InspectionId,
    actor: Actor,
    (first, last): (i64, i64),
) -> Result<(), ClientError> {
    let condition = "c.inspection = ?1 AND c.actor = ?2 AND c.seq BETWEEN ?3 AND ?4 AND r.receipt IS NOT NULL
           AND r.outcome IS NOT 'accepted'";
    for part in parts(tx, condition, params![inspection.as_bytes(), actor.0, first, last])? {
        let outcome = Value::Text(Outcome::Accepted.as_str().to_owned());
        put(tx, &part, &Status { outcome, code: Value::Null, ..part.status.clone() })?;
    }
    Ok(())
}

/// Another entry covers the changes now.
pub(crate) fn covered_by(tx: &Connection, was: Digest, now: Digest) -> Result<(), ClientError> {
    tx.prepare_cached("UPDATE runs SET entry = ?2 WHERE entry = ?1")?
        .execute(params![was.to_bytes(), now.to_bytes()])?;
    Ok(())
}

/// Visits of which a run counts other changes than are of it, or a change names a run that is not there.
pub(crate) fn miscounted(conn: &Connection) -> Result<Vec<InspectionId>, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT r.inspection FROM runs r WHERE r.changes <> (SELECT COUNT(*) FROM changes c WHERE c.run = r.id)
         UNION SELECT c.inspection FROM changes c
           WHERE c.run IS NOT NULL AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.id = c.run)
         ORDER BY 1",
    )?;
    let rows = statement.query_map([], |row| id(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The last run of a visit in the order in which they are offered; 0 without any.
pub(crate) fn last(conn: &Connection, inspection: InspectionId) -> Result<i64, ClientError> {
    let sql = "SELECT COALESCE(MAX(id), 0) FROM runs WHERE inspection = ?1";
    Ok(conn.prepare_cached(sql)?.query_row([inspection.as_bytes()], |row| row.get(0))?)
}

/// Moves the runs of a visit up to one behind all others, in their order.
pub(crate) fn move_behind(
    tx: &Connection,
    inspection: InspectionId,
    through: i64,
) -> Result<(), ClientError> {
    let end: i64 = tx.query_row("SELECT COALESCE(MAX(id), 0) FROM runs", [], |row| row.get(0))?;
    let first = "SELECT COALESCE(MIN(id), 1) FROM runs WHERE inspection = ?1";
    let first: i64 = tx.prepare_cached(first)?.query_row([inspection.as_bytes()], |row| row.get(0))?;
    let values = params![inspection.as_bytes(), through, end + 1 - first];
    tx.prepare_cached("UPDATE changes SET run = run + ?3 WHERE inspection = ?1 AND run <= ?2")?
        .execute(values)?;
    tx.prepare_cached("UPDATE runs SET id = id + ?3 WHERE inspection = ?1 AND id <= ?2")?.execute(values)?;
    Ok(())
}
