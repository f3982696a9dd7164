//! Recordings that have not ended.

use super::columns::{id, signed};
use crate::error::ClientError;
use fieldproof_schema::capture::Place;
use fieldproof_schema::ids::{InspectionId, RecordId};
use fieldproof_schema::suite::Digest;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

/// What is known of a recording when it begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) kind: String,
    pub(crate) media_type: String,
    pub(crate) item: Option<String>,
    pub(crate) caption: String,
    pub(crate) place: Option<Place>,
}

/// A recording that has not ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Open {
    pub(crate) record: RecordId,
    pub(crate) inspection: InspectionId,
    /// What its file is called.
    pub(crate) file: String,
    pub(crate) known: Known,
    /// Hash and length, once it is ending.
    pub(crate) ending: Option<(Digest, u64)>,
    pub(crate) truncated: bool,
}

/// A recording begins.
pub(crate) fn insert(conn: &Connection, open: &Open) -> Result<(), ClientError> {
    let facts = serde_json::to_string(&open.known).expect("facts are plain data with text keys");
    conn.prepare_cached("INSERT INTO recordings (record, inspection, file, facts) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![open.record.as_bytes(), open.inspection.as_bytes(), open.file, facts])?;
    Ok(())
}

/// A recording is ending: its file gets its name.
pub(crate) fn end(
    conn: &Connection,
    record: RecordId,
    (digest, size_bytes): (Digest, u64),
    truncated: bool,
) -> Result<(), ClientError> {
    let sql = "UPDATE recordings SET digest = ?2, size_bytes = ?3, truncated = ?4 WHERE record = ?1";
    let digest = digest.to_bytes();
    conn.prepare_cached(sql)?.execute(params![record.as_bytes(), digest, signed(size_bytes), truncated])?;
    Ok(())
}

/// A recording became a capture, or nothing.
pub(crate) fn remove(conn: &Connection, record: RecordId) -> Result<(), ClientError> {
    conn.prepare_cached("DELETE FROM recordings WHERE record = ?1")?.execute([record.as_bytes()])?;
    Ok(())
}

/// All that have not ended.
pub(crate) fn all(conn: &Connection) -> Result<Vec<RecordId>, ClientError> {
    let mut statement = conn.prepare_cached("SELECT record FROM recordings ORDER BY record")?;
    let rows = statement.query_map([], |row| id(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Those of an inspection.
pub(crate) fn of_inspection(
    conn: &Connection,
    inspection: InspectionId,
) -> Result<Vec<RecordId>, ClientError> {
    let sql = "SELECT record FROM recordings WHERE inspection = ?1 ORDER BY record";
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map([inspection.as_bytes()], |row| id(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What the files are called of those that have not ended.
pub(crate) fn files(conn: &Connection) -> Result<Vec<String>, ClientError> {
    let mut statement = conn.prepare_cached("SELECT file FROM recordings")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One that has not ended.
pub(crate) fn find(conn: &Connection, record: RecordId) -> Result<Option<Open>, ClientError> {
    let damaged = || ClientError::Damaged { what: "a recording" };
    let sql =
        "SELECT inspection, file, facts, digest, size_bytes, truncated FROM recordings WHERE record = ?1";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query([record.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let facts: String = row.get(2)?;
    let known = serde_json::from_str(&facts).map_err(|_| damaged())?;
    let digest: Option<Vec<u8>> = row.get(3)?;
    let digest = digest.map(|bytes| Digest::from_bytes(&bytes)).transpose().map_err(|_| damaged())?;
    let size_bytes: Option<i64> = row.get(4)?;
    let size_bytes = size_bytes.and_then(|bytes| u64::try_from(bytes).ok());
    Ok(Some(Open {
        record,
        inspection: id(row, 0)?,
        file: row.get(1)?,
        known,
        ending: digest.zip(size_bytes),
        truncated: row.get(5)?,
    }))
}
