//! Which journal entry covers an own change, and what none covers yet.

use super::changes::checked;
use super::columns::{count, digest, id, id_or_none, moment_or_none};
use super::runs;
use crate::error::ClientError;
use fieldproof_schema::document::{Actor, RawChange};
use fieldproof_schema::ids::{InspectionId, OfficerId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use rusqlite::{Connection, params};

/// Own changes of one writer that no entry covers yet: the last ones it made.
pub(crate) struct Unsigned {
    pub(crate) inspection: InspectionId,
    pub(crate) actor: Actor,
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// How many there are.
    pub(crate) changes: u64,
    /// The digest of the last one.
    pub(crate) content: Digest,
    pub(crate) officer: Option<OfficerId>,
    /// When the first one was made, by this device's clock.
    pub(crate) since: Moment,
}

/// What no entry covers yet, in the order in which it was begun.
pub(crate) fn list(conn: &Connection) -> Result<Vec<Unsigned>, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT inspection, actor, seq, digest, officer, device_at FROM changes
         WHERE own = 1 AND run IS NULL ORDER BY ordinal",
    )?;
    let mut rows = statement.query([])?;
    let mut runs: Vec<Unsigned> = Vec::new();
    while let Some(row) = rows.next()? {
        let (inspection, actor, seq) = (id(row, 0)?, Actor(row.get(1)?), count(row, 2)?);
        let (content, officer, at) = (digest(row, 3)?, id_or_none(row, 4)?, moment_or_none(row, 5)?);
        let same =
            |run: &&mut Unsigned| (run.inspection, run.actor, run.officer) == (inspection, actor, officer);
        match runs.iter_mut().find(same) {
            Some(run) => (run.last, run.changes, run.content) = (seq, run.changes + 1, content),
            None => runs.push(Unsigned {
                inspection,
                actor,
                first: seq,
                last: seq,
                changes: 1,
                content,
                officer,
                since: at.unwrap_or(Moment::from_micros(0)),
            }),
        }
    }
    Ok(runs)
}

/// Whether anything is not covered yet.
pub(crate) fn any(conn: &Connection) -> Result<bool, ClientError> {
    let mut statement =
        conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM changes WHERE own = 1 AND run IS NULL)")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// An entry covers a run now.
pub(crate) fn sign(tx: &Connection, run: &Unsigned, entry: Digest) -> Result<(), ClientError> {
    let id = runs::begin(tx, run.inspection, entry, run.changes)?;
    tx.prepare_cached(
        "UPDATE changes SET run = ?1 WHERE own = 1 AND run IS NULL AND inspection = ?2 AND actor = ?3
           AND officer IS ?4",
    )?
    .execute(params![id, run.inspection.as_bytes(), run.actor.0, run.officer.map(|o| *o.as_bytes())])?;
    Ok(())
}

/// The own changes of an inspection that entries cover, with the entry's hash; in the order in which they were made.
pub(crate) fn covered(
    conn: &Connection,
    inspection: InspectionId,
) -> Result<Vec<(RawChange, Digest)>, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT c.bytes, c.digest, r.entry FROM changes c JOIN runs r ON r.id = c.run
         WHERE c.inspection = ?1 AND c.own = 1 ORDER BY c.ordinal",
    )?;
    let mut rows = statement.query([inspection.as_bytes()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((checked(row.get(0)?, digest(row, 1)?)?, digest(row, 2)?));
    }
    Ok(found)
}
