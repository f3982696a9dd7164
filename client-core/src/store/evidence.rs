//! The captures of this device: what was taken, and whether the server holds it.

use super::columns::{count, digest, id, signed};
use crate::error::ClientError;
use fieldproof_schema::ids::{InspectionId, RecordId};
use fieldproof_schema::limits::EVIDENCE_LARGE_BYTES;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use rusqlite::{Connection, OptionalExtension, Row, params};

/// A capture of this device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) record: RecordId,
    pub(crate) inspection: InspectionId,
    pub(crate) digest: Digest,
    pub(crate) size_bytes: u64,
    pub(crate) kind: String,
    pub(crate) media_type: String,
    pub(crate) item: Option<String>,
    pub(crate) entry: Digest,
    pub(crate) captured_at: Moment,
    pub(crate) received: bool,
    pub(crate) code: Option<String>,
    pub(crate) entry_received: bool,
}

const HELD: &str =
    "SELECT e.record, e.inspection, e.digest, e.size_bytes, e.kind, e.media_type, e.item, e.entry,
    e.captured_at, e.receipt IS NOT NULL, e.code,
    EXISTS (SELECT 1 FROM journal j WHERE j.hash = e.entry AND j.receipt IS NOT NULL) FROM evidence e";

fn held(row: &Row<'_>) -> rusqlite::Result<Held> {
    Ok(Held {
        record: id(row, 0)?,
        inspection: id(row, 1)?,
        digest: digest(row, 2)?,
        size_bytes: count(row, 3)?,
        kind: row.get(4)?,
        media_type: row.get(5)?,
        item: row.get(6)?,
        entry: digest(row, 7)?,
        captured_at: Moment::from_micros(row.get(8)?),
        received: row.get(9)?,
        code: row.get(10)?,
        entry_received: row.get(11)?,
    })
}

/// Keeps a capture whose bytes are in their file.
pub(crate) fn insert(tx: &Connection, new: &Held) -> Result<(), ClientError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO evidence (record, inspection, digest, size_bytes, kind, media_type, item, entry, captured_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    statement.execute(params![
        new.record.as_bytes(),
        new.inspection.as_bytes(),
        new.digest.to_bytes(),
        signed(new.size_bytes),
        new.kind,
        new.media_type,
        new.item,
        new.entry.to_bytes(),
        new.captured_at.as_micros(),
    ])?;
    Ok(())
}

/// One capture.
pub(crate) fn find(conn: &Connection, record: RecordId) -> Result<Option<Held>, ClientError> {
    let mut statement = conn.prepare_cached(&format!("{HELD} WHERE e.record = ?1"))?;
    Ok(statement.query_row([record.as_bytes()], held).optional()?)
}

/// The captures of an inspection, by record.
pub(crate) fn of_inspection(conn: &Connection, inspection: InspectionId) -> Result<Vec<Held>, ClientError> {
    let mut statement = conn.prepare_cached(&format!("{HELD} WHERE e.inspection = ?1 ORDER BY e.record"))?;
    let rows = statement.query_map([inspection.as_bytes()], held)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Every capture, by record.
pub(crate) fn all(conn: &Connection) -> Result<Vec<Held>, ClientError> {
    let mut statement = conn.prepare_cached(&format!("{HELD} ORDER BY e.record"))?;
    let rows = statement.query_map([], held)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// An original that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Original {
    pub(crate) record: RecordId,
    pub(crate) inspection: InspectionId,
    pub(crate) digest: Digest,
    pub(crate) size_bytes: u64,
    pub(crate) media_type: String,
    /// Whether this device took it; a package brought the others.
    pub(crate) own: bool,
}

fn original(row: &Row<'_>) -> rusqlite::Result<Original> {
    Ok(Original {
        record: id(row, 0)?,
        inspection: id(row, 1)?,
        digest: digest(row, 2)?,
        size_bytes: count(row, 3)?,
        media_type: row.get(4)?,
        own: row.get(5)?,
    })
}

/// Orders captures `e` as they are sent, `newest` telling of each visit when the last of those that wait was taken: large ones
/// after all others, and then those of the visit where somebody captured last, small before large. What comes `between` is
/// ordered by before visits are.
pub(super) fn order(between: &str) -> String {
    format!(
        "e.size_bytes > {EVIDENCE_LARGE_BYTES}, {between} newest.at DESC, e.inspection, e.size_bytes, e.record"
    )
}

/// For each visit of which captures wait when the last of them was taken.
pub(super) const NEWEST: &str = "newest AS (
    SELECT inspection, MAX(captured_at) AS at FROM evidence WHERE receipt IS NULL GROUP BY inspection)";

/// Originals that the server does not hold, in the order in which they are sent: own ones whose entry it holds, and behind
/// own ones of their size those that packages brought.
pub(crate) fn pending(conn: &Connection) -> Result<Vec<Original>, ClientError> {
    let mut statement = conn.prepare_cached(&format!(
        "WITH {NEWEST}, e AS (
           SELECT own.record, own.inspection, own.digest, own.size_bytes, own.media_type, 1 AS own FROM evidence own
             WHERE own.receipt IS NULL AND own.code IS NULL
               AND EXISTS (SELECT 1 FROM journal j WHERE j.hash = own.entry AND j.receipt IS NOT NULL)
           UNION ALL SELECT record, inspection, digest, size_bytes, media_type, 0 FROM brought WHERE receipt IS NULL)
         SELECT e.record, e.inspection, e.digest, e.size_bytes, e.media_type, e.own
         FROM e LEFT JOIN newest ON newest.inspection = e.inspection
         ORDER BY {}",
        order("e.own DESC,")
    ))?;
    let rows = statement.query_map([], original)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Own captures that can be sent and that the server does not hold, with their lengths.
pub(crate) fn lengths_waiting(conn: &Connection) -> Result<Vec<(RecordId, u64)>, ClientError> {
    let mut statement = conn
        .prepare_cached("SELECT record, size_bytes FROM evidence WHERE receipt IS NULL AND code IS NULL")?;
    let rows = statement.query_map([], |row| Ok((id(row, 0)?, count(row, 1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A package brought an original, which lies in its file. An own one goes to the server by itself.
pub(crate) fn bring(tx: &Connection, new: &Original) -> Result<(), ClientError> {
    tx.prepare_cached(
        "INSERT INTO brought (digest, inspection, record, size_bytes, media_type) SELECT ?1, ?2, ?3, ?4, ?5
         WHERE NOT EXISTS (SELECT 1 FROM evidence WHERE digest = ?1) ON CONFLICT (digest) DO NOTHING",
    )?
    .execute(params![
        new.digest.to_bytes(),
        new.inspection.as_bytes(),
        new.record.as_bytes(),
        signed(new.size_bytes),
        new.media_type,
    ])?;
    Ok(())
}

/// What a package brought is not what it was any more: it is of no use to anybody.
pub(crate) fn forget_brought(tx: &Connection, original: Digest) -> Result<(), ClientError> {
    tx.prepare_cached("DELETE FROM brought WHERE digest = ?1")?.execute([original.to_bytes()])?;
    Ok(())
}

/// Another entry covers the capture now.
pub(crate) fn covered_by(tx: &Connection, was: Digest, now: Digest) -> Result<(), ClientError> {
    tx.prepare_cached("UPDATE evidence SET entry = ?2 WHERE entry = ?1")?
        .execute(params![was.to_bytes(), now.to_bytes()])?;
    Ok(())
}

/// The original of a capture has no receipt any more; false where it had none.
pub(crate) fn offer_again(tx: &Connection, record: RecordId) -> Result<bool, ClientError> {
    let mut concerned = 0;
    for sql in [
        "UPDATE evidence SET receipt = NULL WHERE record = ?1 AND receipt IS NOT NULL",
        "UPDATE brought SET receipt = NULL WHERE record = ?1 AND receipt IS NOT NULL",
    ] {
        concerned += tx.prepare_cached(sql)?.execute([record.as_bytes()])?;
    }
    Ok(concerned > 0)
}

/// Forgets the captures of a visit, those that packages brought too, and notes their originals, which can be removed.
pub(crate) fn free(tx: &Connection, inspection: InspectionId) -> Result<(), ClientError> {
    for table in ["evidence", "brought"] {
        for sql in [
            format!(
                "INSERT INTO freed (digest) SELECT DISTINCT digest FROM {table} WHERE inspection = ?1
                 ON CONFLICT (digest) DO NOTHING"
            ),
            format!("DELETE FROM {table} WHERE inspection = ?1"),
        ] {
            tx.prepare_cached(&sql)?.execute([inspection.as_bytes()])?;
        }
    }
    Ok(())
}

/// Originals that can be removed.
pub(crate) fn freed(conn: &Connection) -> Result<Vec<Digest>, ClientError> {
    let mut statement = conn.prepare_cached("SELECT digest FROM freed ORDER BY digest")?;
    let rows = statement.query_map([], |row| digest(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The original is removed, or named again.
pub(crate) fn forget_freed(tx: &Connection, original: Digest) -> Result<(), ClientError> {
    tx.prepare_cached("DELETE FROM freed WHERE digest = ?1")?.execute([original.to_bytes()])?;
    Ok(())
}

/// Whether a capture names an original, an own one or one that a package brought.
pub(crate) fn names(conn: &Connection, original: Digest) -> Result<bool, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM evidence WHERE digest = ?1)
           OR EXISTS (SELECT 1 FROM brought WHERE digest = ?1)",
    )?;
    Ok(statement.query_row([original.to_bytes()], |row| row.get(0))?)
}

/// The capture cannot be sent, and why.
pub(crate) fn set_problem(tx: &Connection, record: RecordId, code: &str) -> Result<(), ClientError> {
    tx.prepare_cached("UPDATE evidence SET code = ?2 WHERE record = ?1")?
        .execute(params![record.as_bytes(), code])?;
    Ok(())
}
