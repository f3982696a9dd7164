//! Which journal entry covers an own change, and what none covers yet.

use super::changes::checked;
use super::columns::{count, digest, id, id_or_none, moment_or_none};
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
         WHERE own = 1 AND entry IS NULL ORDER BY ordinal",
    )?;
    let mut rows = statement.query([])?;
    let mut runs: Vec<Unsigned> = Vec::new();
    while let Some(row) = rows.next()? {
        let (inspection, actor, seq) = (id(row, 0)?, Actor(row.get(1)?), count(row, 2)?);
        let (content, officer, at) = (digest(row, 3)?, id_or_none(row, 4)?, moment_or_none(row, 5)?);
        let same =
            |run: &&mut Unsigned| (run.inspection, run.actor, run.officer) == (inspection, actor, officer);
        match runs.iter_mut().find(same) {
            Some(run) => (run.last, run.content) = (seq, content),
            None => runs.push(Unsigned {
                inspection,
                actor,
                first: seq,
                last: seq,
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
        conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM changes WHERE own = 1 AND entry IS NULL)")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// An entry covers a run now.
pub(crate) fn sign(tx: &Connection, run: &Unsigned, entry: Digest) -> Result<(), ClientError> {
    tx.prepare_cached(
        "UPDATE changes SET entry = ?1 WHERE own = 1 AND entry IS NULL AND inspection = ?2 AND actor = ?3
           AND officer IS ?4",
    )?
    .execute(params![
        entry.to_bytes(),
        run.inspection.as_bytes(),
        run.actor.0,
        run.officer.map(|o| *o.as_bytes())
    ])?;
    Ok(())
}

/// The own changes of an inspection that entries cover, with the entry's hash; in the order in which they were made.
pub(crate) fn covered(
    conn: &Connection,
    inspection: InspectionId,
) -> Result<Vec<(RawChange, Digest)>, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT bytes, digest, entry FROM changes
         WHERE inspection = ?1 AND own = 1 AND entry IS NOT NULL ORDER BY ordinal",
    )?;
    let mut rows = statement.query([inspection.as_bytes()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((checked(row.get(0)?, digest(row, 1)?)?, digest(row, 2)?));
    }
    Ok(found)
}

/// Another entry covers the change now.
pub(crate) fn covered_by(tx: &Connection, was: Digest, now: Digest) -> Result<(), ClientError> {
    tx.prepare_cached("UPDATE changes SET entry = ?2 WHERE entry = ?1")?
        .execute(params![was.to_bytes(), now.to_bytes()])?;
    Ok(())
}
