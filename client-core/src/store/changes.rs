//! The changes of inspections, own and others', as they were written; and the snapshots that save replaying them.

use super::columns::{change, count, digest, id, id_or_none, moment_or_none, signed};
use super::runs;
use crate::error::ClientError;
use fieldproof_schema::document::{Actor, ChangeId, RawChange};
use fieldproof_schema::ids::{DeviceId, InspectionId, OfficerId};
use fieldproof_schema::moment::{Interval, Moment};
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::row::Origin as Told;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeSet;

/// A change that is to be kept.
pub(crate) struct NewChange<'a> {
    pub(crate) inspection: InspectionId,
    pub(crate) change: ChangeId,
    pub(crate) raw: &'a RawChange,
    pub(crate) own: bool,
    /// Its writer and the writer's own count.
    pub(crate) place: (Actor, u64),
    /// What covers it, where others wrote it.
    pub(crate) entry: Option<Digest>,
    pub(crate) device: Option<DeviceId>,
    pub(crate) officer: Option<OfficerId>,
    pub(crate) device_at: Option<Moment>,
    pub(crate) written: Interval,
    pub(crate) waiting: bool,
}

/// Where a change comes from and how far it got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) change: ChangeId,
    pub(crate) own: bool,
    pub(crate) device: Option<DeviceId>,
    pub(crate) officer: Option<OfficerId>,
    pub(crate) device_at: Option<Moment>,
    pub(crate) written: Interval,
    pub(crate) received: bool,
    pub(crate) entry_received: bool,
}

/// Keeps a change and returns its place; `None` when it was here already.
pub(crate) fn insert(tx: &Connection, new: &NewChange<'_>) -> Result<Option<i64>, ClientError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO changes
         (inspection, change, digest, bytes, own, entry, device, officer, device_at, earliest, latest, waiting, actor, seq)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT DO NOTHING",
    )?;
    let inserted = statement.execute(params![
        new.inspection.as_bytes(),
        new.change.0,
        Digest::of(&new.raw.0).to_bytes(),
        new.raw.0,
        new.own,
        new.entry.map(Digest::to_bytes),
        new.device.map(|d| *d.as_bytes()),
        new.officer.map(|o| *o.as_bytes()),
        new.device_at.map(Moment::as_micros),
        new.written.earliest.map(Moment::as_micros),
        new.written.latest.map(Moment::as_micros),
        new.waiting,
        new.place.0.0,
        signed(new.place.1),
    ])?;
    Ok((inserted > 0).then(|| tx.last_insert_rowid()))
}

/// What the server says about changes of one writer that are here already, told by its counts: when they were written, and
/// that they are part of the record.
pub(crate) fn confirm(tx: &Connection, inspection: InspectionId, origin: &Told) -> Result<(), ClientError> {
    let bound = |seq: u64| signed(seq.min(i64::MAX as u64));
    let (first, last) = (bound(origin.first), bound(origin.last));
    let mut statement = tx.prepare_cached(
        "UPDATE changes SET earliest = ?5, latest = ?6 WHERE inspection = ?1 AND actor = ?2 AND seq BETWEEN ?3 AND ?4
           AND (earliest IS NOT ?5 OR latest IS NOT ?6)",
    )?;
    statement.execute(params![
        inspection.as_bytes(),
        origin.actor.0,
        first,
        last,
        origin.written.earliest.map(Moment::as_micros),
        origin.written.latest.map(Moment::as_micros),
    ])?;
    runs::confirm(tx, inspection, origin.actor, (first, last))
}

/// Whether any change of an inspection is here by itself.
pub(crate) fn any(conn: &Connection, inspection: InspectionId) -> Result<bool, ClientError> {
    let mut statement = conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM changes WHERE inspection = ?1)")?;
    Ok(statement.query_row([inspection.as_bytes()], |row| row.get(0))?)
}

/// Whether a change is here by itself.
pub(crate) fn has(
    conn: &Connection,
    inspection: InspectionId,
    change: ChangeId,
) -> Result<bool, ClientError> {
    let mut statement =
        conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM changes WHERE inspection = ?1 AND change = ?2)")?;
    Ok(statement.query_row(params![inspection.as_bytes(), change.0], |row| row.get(0))?)
}

/// Changes whose writer was not noted when they were kept, by an earlier version.
pub(crate) fn without_place(conn: &Connection) -> Result<Vec<(u64, RawChange)>, ClientError> {
    let mut statement = conn.prepare("SELECT ordinal, bytes FROM changes WHERE actor IS NULL")?;
    let rows = statement.query_map([], |row| Ok((count(row, 0)?, RawChange(row.get(1)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Notes who wrote a change, and as which of its own.
pub(crate) fn set_place(
    tx: &Connection,
    ordinal: u64,
    (actor, seq): (Actor, u64),
) -> Result<(), ClientError> {
    tx.prepare_cached("UPDATE changes SET actor = ?2, seq = ?3 WHERE ordinal = ?1")?.execute(params![
        signed(ordinal),
        actor.0,
        signed(seq.min(i64::MAX as u64))
    ])?;
    Ok(())
}

pub(super) fn checked(bytes: Vec<u8>, expected: Digest) -> Result<RawChange, ClientError> {
    if Digest::of(&bytes) != expected {
        return Err(ClientError::Damaged { what: "a change" });
    }
    Ok(RawChange(bytes))
}

/// Changes of an inspection behind a place, in the order of arrival: those of the document, or those that wait.
pub(crate) fn list(
    conn: &Connection,
    inspection: InspectionId,
    after: i64,
    waiting: bool,
) -> Result<Vec<(i64, ChangeId, RawChange)>, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT ordinal, change, bytes, digest FROM changes
         WHERE inspection = ?1 AND ordinal > ?2 AND waiting = ?3 ORDER BY ordinal",
    )?;
    let mut rows = statement.query(params![inspection.as_bytes(), after, waiting])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((row.get(0)?, change(row, 1)?, checked(row.get(2)?, digest(row, 3)?)?));
    }
    Ok(found)
}

/// Every change of an inspection with the terminal that wrote it and whether this store did, in the order of arrival; own
/// ones are those of `me`, and the server's are of none.
pub(crate) fn by_author(
    conn: &Connection,
    inspection: InspectionId,
    me: DeviceId,
) -> Result<Vec<(Option<DeviceId>, bool, RawChange)>, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT own, device, bytes, digest FROM changes WHERE inspection = ?1 ORDER BY ordinal",
    )?;
    let mut rows = statement.query([inspection.as_bytes()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let own = row.get(0)?;
        let author = if own { Some(me) } else { id_or_none(row, 1)? };
        found.push((author, own, checked(row.get(2)?, digest(row, 3)?)?));
    }
    Ok(found)
}

/// A change stopped waiting.
pub(crate) fn joined(tx: &Connection, ordinal: i64) -> Result<(), ClientError> {
    tx.prepare_cached("UPDATE changes SET waiting = 0 WHERE ordinal = ?1")?.execute([ordinal])?;
    Ok(())
}

/// The changes of an inspection wait for what they build upon, which was lost.
pub(crate) fn wait(tx: &Connection, inspection: InspectionId) -> Result<(), ClientError> {
    tx.prepare_cached("UPDATE changes SET waiting = 1 WHERE inspection = ?1 AND waiting = 0")?
        .execute([inspection.as_bytes()])?;
    Ok(())
}

/// The last place of an inspection's changes in the order of arrival; 0 without any.
pub(crate) fn last(conn: &Connection, inspection: InspectionId) -> Result<i64, ClientError> {
    let sql = "SELECT COALESCE(MAX(ordinal), 0) FROM changes WHERE inspection = ?1";
    Ok(conn.prepare_cached(sql)?.query_row([inspection.as_bytes()], |row| row.get(0))?)
}

/// Moves the changes of an inspection up to a place behind everything that is here, in their order.
pub(crate) fn move_behind(
    tx: &Connection,
    inspection: InspectionId,
    through: i64,
) -> Result<(), ClientError> {
    let end: i64 = tx.query_row("SELECT COALESCE(MAX(ordinal), 0) FROM changes", [], |row| row.get(0))?;
    let first = "SELECT COALESCE(MIN(ordinal), 1) FROM changes WHERE inspection = ?1";
    let first: i64 = tx.prepare_cached(first)?.query_row([inspection.as_bytes()], |row| row.get(0))?;
    tx.prepare_cached("UPDATE changes SET ordinal = ordinal + ?3 WHERE inspection = ?1 AND ordinal <= ?2")?
        .execute(params![inspection.as_bytes(), through, end + 1 - first])?;
    Ok(())
}

/// Takes every change of an inspection away, with its snapshot: they are folded, or not this terminal's any more.
pub(crate) fn remove_all(tx: &Connection, inspection: InspectionId) -> Result<(), ClientError> {
    for table in ["changes", "runs"] {
        let sql = format!("DELETE FROM {table} WHERE inspection = ?1");
        tx.prepare_cached(&sql)?.execute([inspection.as_bytes()])?;
    }
    drop_snapshot(tx, inspection)
}

/// All changes of an inspection start waiting again: the first step of building its document anew.
pub(crate) fn wait_all(tx: &Connection) -> Result<(), ClientError> {
    tx.execute("UPDATE changes SET waiting = 1 WHERE waiting = 0", [])?;
    tx.execute("DELETE FROM documents", [])?;
    Ok(())
}

/// The snapshot of a document and the last change in it.
pub(crate) fn snapshot(
    conn: &Connection,
    inspection: InspectionId,
) -> Result<Option<(Vec<u8>, i64)>, ClientError> {
    let mut statement =
        conn.prepare_cached("SELECT snapshot, through FROM documents WHERE inspection = ?1")?;
    Ok(statement.query_row([inspection.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// The snapshot of a document when it holds every change that stands by itself.
pub(crate) fn whole_snapshot(
    conn: &Connection,
    inspection: InspectionId,
) -> Result<Option<Vec<u8>>, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT snapshot FROM documents WHERE inspection = ?1
           AND through >= (SELECT MAX(ordinal) FROM changes WHERE inspection = ?1)",
    )?;
    Ok(statement.query_row([inspection.as_bytes()], |row| row.get(0)).optional()?)
}

/// Keeps a snapshot that holds every change that does not wait.
pub(crate) fn put_snapshot(
    tx: &Connection,
    inspection: InspectionId,
    snapshot: &[u8],
) -> Result<(), ClientError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO documents (inspection, snapshot, through)
         SELECT ?1, ?2, COALESCE(MAX(ordinal), 0) FROM changes WHERE inspection = ?1 AND waiting = 0
         ON CONFLICT (inspection) DO UPDATE SET snapshot = excluded.snapshot, through = excluded.through",
    )?;
    statement.execute(params![inspection.as_bytes(), snapshot])?;
    Ok(())
}

/// Throws a snapshot away.
pub(crate) fn drop_snapshot(tx: &Connection, inspection: InspectionId) -> Result<(), ClientError> {
    tx.prepare_cached("DELETE FROM documents WHERE inspection = ?1")?.execute([inspection.as_bytes()])?;
    Ok(())
}

/// How many changes a load would have to replay.
pub(crate) fn behind_snapshot(conn: &Connection, inspection: InspectionId) -> Result<u64, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT COUNT(*) FROM changes WHERE inspection = ?1 AND ordinal >
           COALESCE((SELECT through FROM documents WHERE inspection = ?1), 0)",
    )?;
    Ok(statement.query_row([inspection.as_bytes()], |row| count(row, 0))?)
}

/// One change's inspection and bytes.
pub(crate) fn get(conn: &Connection, ordinal: u64) -> Result<(InspectionId, RawChange), ClientError> {
    let mut statement =
        conn.prepare_cached("SELECT inspection, bytes, digest FROM changes WHERE ordinal = ?1")?;
    let (inspection, bytes, expected) =
        statement.query_row([signed(ordinal)], |row| Ok((id(row, 0)?, row.get(1)?, digest(row, 2)?)))?;
    Ok((inspection, checked(bytes, expected)?))
}

/// The journal is asked only about what has no receipt of its own.
const ORIGIN: &str =
    "SELECT c.change, c.own, c.device, c.officer, c.device_at, c.earliest, c.latest, r.receipt IS NOT NULL,
       r.receipt IS NULL AND EXISTS (SELECT 1 FROM journal j WHERE j.hash = r.entry AND j.receipt IS NOT NULL)
     FROM changes c LEFT JOIN runs r ON r.id = c.run WHERE c.inspection = ?1";

fn origin(row: &Row<'_>) -> rusqlite::Result<Origin> {
    Ok(Origin {
        change: change(row, 0)?,
        own: row.get(1)?,
        device: id_or_none(row, 2)?,
        officer: id_or_none(row, 3)?,
        device_at: moment_or_none(row, 4)?,
        written: Interval { earliest: moment_or_none(row, 5)?, latest: moment_or_none(row, 6)? },
        received: row.get(7)?,
        entry_received: row.get(8)?,
    })
}

/// Where every change of an inspection comes from, in the order of arrival.
pub(crate) fn origins(conn: &Connection, inspection: InspectionId) -> Result<Vec<Origin>, ClientError> {
    let mut statement = conn.prepare_cached(&format!("{ORIGIN} ORDER BY c.ordinal"))?;
    let rows = statement.query_map([inspection.as_bytes()], origin)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Where some changes of an inspection come from; those that are not here are left out.
pub(crate) fn origins_of(
    conn: &Connection,
    inspection: InspectionId,
    wanted: &BTreeSet<ChangeId>,
) -> Result<Vec<Origin>, ClientError> {
    let mut statement = conn.prepare_cached(&format!("{ORIGIN} AND c.change = ?2"))?;
    let mut found = Vec::with_capacity(wanted.len());
    for change in wanted {
        found.extend(statement.query_row(params![inspection.as_bytes(), change.0], origin).optional()?);
    }
    Ok(found)
}

/// Visits with changes that stand by themselves behind one, in the order of their ids, with how many those are.
pub(crate) fn counted_after(
    conn: &Connection,
    after: Option<InspectionId>,
    limit: usize,
) -> Result<Vec<(InspectionId, u64)>, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT inspection, COUNT(*) FROM changes WHERE inspection > COALESCE(?1, x'')
         GROUP BY inspection ORDER BY inspection LIMIT ?2",
    )?;
    let rows = statement.query_map(params![after.map(|id| *id.as_bytes()), signed(limit as u64)], |row| {
        Ok((id(row, 0)?, count(row, 1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Every inspection that has changes by themselves.
pub(crate) fn inspections(conn: &Connection) -> Result<Vec<InspectionId>, ClientError> {
    let mut statement = conn.prepare_cached("SELECT DISTINCT inspection FROM changes ORDER BY inspection")?;
    let rows = statement.query_map([], |row| id(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many changes of an inspection wait for their predecessors.
pub(crate) fn waiting(conn: &Connection, inspection: InspectionId) -> Result<u64, ClientError> {
    let mut statement =
        conn.prepare_cached("SELECT COUNT(*) FROM changes WHERE inspection = ?1 AND waiting = 1")?;
    Ok(statement.query_row([inspection.as_bytes()], |row| count(row, 0))?)
}

/// When an inspection was last written to, as far as is known.
pub(crate) fn last_edit_at(
    conn: &Connection,
    inspection: InspectionId,
) -> Result<Option<Moment>, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT MAX(COALESCE(device_at, latest, earliest)) FROM changes
         WHERE inspection = ?1 AND (own = 1 OR device IS NOT NULL)",
    )?;
    Ok(statement.query_row([inspection.as_bytes()], |row| moment_or_none(row, 0))?)
}
