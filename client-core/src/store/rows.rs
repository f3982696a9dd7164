//! What the server said about the world: reference rows as they came, and how far the feeds were read.

use super::columns::{count, id, signed};
use crate::error::ClientError;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::wire::row::RowKind;
use fieldproof_schema::wire::sync::Cursor;
use rusqlite::{Connection, OptionalExtension, params};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Keeps a row in place of what stood under the same kind and subject.
pub(crate) fn put(tx: &Connection, kind: &str, subject: &str, body: &[u8]) -> Result<(), ClientError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO rows (kind, subject, inspection, body) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (kind, subject) DO UPDATE SET inspection = excluded.inspection, body = excluded.body",
    )?;
    let inspection = about(kind, body).map(|i| *i.as_bytes());
    statement.execute(params![kind, subject, inspection, body])?;
    super::entities::note(tx, kind, body)
}

/// Removes a row; returns the inspection that it was about.
pub(crate) fn remove(
    tx: &Connection,
    kind: &str,
    subject: &str,
) -> Result<Option<InspectionId>, ClientError> {
    let mut statement =
        tx.prepare_cached("DELETE FROM rows WHERE kind = ?1 AND subject = ?2 RETURNING inspection")?;
    let found = statement.query_row([kind, subject], |row| super::columns::id_or_none(row, 0)).optional()?;
    super::entities::forget(tx, kind, subject)?;
    Ok(found.flatten())
}

/// The inspection that a row is about, for kinds that are about one.
pub(crate) fn about(kind: &str, body: &[u8]) -> Option<InspectionId> {
    let field = match RowKind::find(kind)? {
        RowKind::Task => "inspection",
        RowKind::Inspection => "id",
        RowKind::Officer
        | RowKind::Entity
        | RowKind::Template
        | RowKind::Laws
        | RowKind::Released
        | RowKind::Change
        | RowKind::Document
        | RowKind::Verdict
        | RowKind::Numbers => return None,
    };
    let value: Value = serde_json::from_slice(body).ok()?;
    value.get(field)?.as_str()?.parse().ok()
}

fn parse<T: DeserializeOwned>(kind: &str, body: &[u8]) -> Option<T> {
    let parsed = serde_json::from_slice(body);
    if let Err(error) = &parsed {
        tracing::warn!(row.kind = kind, error = %error, "a row is kept but cannot be read by this version");
    }
    parsed.ok()
}

/// The row of this kind and subject; `None` when it is missing or of a form that this version cannot read.
pub(crate) fn get<T: DeserializeOwned>(
    conn: &Connection,
    kind: RowKind,
    subject: &str,
) -> Result<Option<T>, ClientError> {
    let mut statement = conn.prepare_cached("SELECT body FROM rows WHERE kind = ?1 AND subject = ?2")?;
    let body: Option<Vec<u8>> = statement.query_row([kind.as_str(), subject], |row| row.get(0)).optional()?;
    Ok(body.and_then(|body| parse(kind.as_str(), &body)))
}

/// The row of this kind and subject as it came; `None` when it is missing.
pub(crate) fn text(conn: &Connection, kind: RowKind, subject: &str) -> Result<Option<String>, ClientError> {
    let mut statement = conn.prepare_cached("SELECT body FROM rows WHERE kind = ?1 AND subject = ?2")?;
    let body: Option<Vec<u8>> = statement.query_row([kind.as_str(), subject], |row| row.get(0)).optional()?;
    Ok(body.and_then(|body| String::from_utf8(body).ok()))
}

/// The row of this kind about an inspection; the last by subject where there are several.
pub(crate) fn about_inspection<T: DeserializeOwned>(
    conn: &Connection,
    kind: RowKind,
    inspection: InspectionId,
) -> Result<Option<T>, ClientError> {
    let mut statement = conn.prepare_cached(
        // The sign keeps the order from deciding: in that of subjects, every row of the kind would be walked through.
        "SELECT body FROM rows WHERE inspection = ?1 AND kind = ?2 ORDER BY +subject DESC LIMIT 1",
    )?;
    let body: Option<Vec<u8>> =
        statement.query_row(params![inspection.as_bytes(), kind.as_str()], |row| row.get(0)).optional()?;
    Ok(body.and_then(|body| parse(kind.as_str(), &body)))
}

/// All bodies of a kind, by subject.
pub(crate) fn bodies(conn: &Connection, kind: RowKind) -> Result<Vec<String>, ClientError> {
    let mut statement = conn.prepare_cached("SELECT body FROM rows WHERE kind = ?1 ORDER BY subject")?;
    let rows = statement.query_map([kind.as_str()], |row| row.get::<_, Vec<u8>>(0))?;
    let bodies: Vec<Vec<u8>> = rows.collect::<Result<_, _>>()?;
    Ok(bodies.into_iter().filter_map(|body| String::from_utf8(body).ok()).collect())
}

/// Every inspection that a row is about.
pub(crate) fn inspections(conn: &Connection) -> Result<Vec<InspectionId>, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT DISTINCT inspection FROM rows WHERE inspection IS NOT NULL ORDER BY inspection",
    )?;
    let rows = statement.query_map([], |row| id(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How far each feed was read.
pub(crate) fn cursors(conn: &Connection) -> Result<Vec<Cursor>, ClientError> {
    let mut statement = conn.prepare_cached("SELECT feed, seq, since FROM cursors ORDER BY feed")?;
    let rows = statement.query_map([], |row| {
        let since: Option<i64> = row.get(2)?;
        let since = since.and_then(|since| u64::try_from(since).ok());
        Ok(Cursor { feed: row.get(0)?, seq: count(row, 1)?, since })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Remembers how far a feed was read.
pub(crate) fn put_cursor(tx: &Connection, cursor: &Cursor) -> Result<(), ClientError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO cursors (feed, seq, since) VALUES (?1, ?2, ?3)
         ON CONFLICT (feed) DO UPDATE SET seq = excluded.seq, since = excluded.since",
    )?;
    let bound = |seq: u64| signed(seq.min(i64::MAX as u64));
    statement.execute(params![cursor.feed, bound(cursor.seq), cursor.since.map(bound)])?;
    Ok(())
}

/// Forgets all cursors: the server began a new epoch.
pub(crate) fn drop_cursors(tx: &Connection) -> Result<(), ClientError> {
    tx.execute("DELETE FROM cursors", [])?;
    Ok(())
}
