//! Own changes that the server has given no receipt for, as they are looked at to be sent.

use super::columns::{count, digest, id, signed};
use crate::error::ClientError;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::suite::Digest;
use rusqlite::{Connection, OptionalExtension, params};

/// A run that waits to be sent.
pub(crate) struct Run {
    pub(crate) id: u64,
    pub(crate) inspection: InspectionId,
    /// The place of its entry; `None` when the server holds the entry.
    pub(crate) after_entry: Option<u64>,
}

/// The first run behind one that waits to be sent and is not of the visit `but`.
pub(crate) fn next(
    conn: &Connection,
    after: u64,
    but: Option<InspectionId>,
) -> Result<Option<Run>, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT r.id, r.inspection, CASE WHEN j.receipt IS NULL THEN j.seq END
         FROM runs r JOIN journal j ON j.hash = r.entry
         WHERE r.receipt IS NULL AND r.outcome IS NOT 'refused' AND r.id > ?1 AND r.inspection IS NOT ?2
         ORDER BY r.id LIMIT 1",
    )?;
    let found = statement.query_row(params![signed(after), but.map(|id| *id.as_bytes())], |row| {
        Ok(Run { id: count(row, 0)?, inspection: id(row, 1)?, after_entry: place(row.get(2)?) })
    });
    Ok(found.optional()?)
}

fn place(seq: Option<i64>) -> Option<u64> {
    seq.and_then(|seq| u64::try_from(seq).ok())
}

/// A change that is sent by itself.
pub(crate) struct Pending {
    pub(crate) ordinal: u64,
    pub(crate) digest: Digest,
    pub(crate) size_bytes: usize,
}

/// The changes of a run, in the order in which they were made.
pub(crate) fn changes_of(conn: &Connection, run: &Run) -> Result<Vec<Pending>, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT ordinal, digest, length(bytes) FROM changes WHERE run = ?1 ORDER BY ordinal",
    )?;
    let rows = statement.query_map([signed(run.id)], |row| {
        let size_bytes = usize::try_from(count(row, 2)?).unwrap_or(usize::MAX);
        Ok(Pending { ordinal: count(row, 0)?, digest: digest(row, 1)?, size_bytes })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What of a visit the server has given no receipt for.
pub(crate) struct Waiting {
    pub(crate) changes: u64,
    /// The last of their runs.
    pub(crate) through: u64,
    /// The place of the last entry that covers one of them and waits itself.
    pub(crate) after_entry: Option<u64>,
    pub(crate) unsigned: u64,
    pub(crate) refused: u64,
}

/// Counts what of a visit the server has given no receipt for.
pub(crate) fn waiting(conn: &Connection, inspection: InspectionId) -> Result<Waiting, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT COALESCE(SUM(r.changes), 0), COALESCE(MAX(r.id), 0), MAX(CASE WHEN j.receipt IS NULL THEN j.seq END),
           COALESCE(SUM(r.changes) FILTER (WHERE r.outcome IS 'refused'), 0),
           (SELECT COUNT(*) FROM changes WHERE inspection = ?1 AND own = 1 AND run IS NULL)
         FROM runs r LEFT JOIN journal j ON j.hash = r.entry WHERE r.inspection = ?1 AND r.receipt IS NULL",
    )?;
    Ok(statement.query_row([inspection.as_bytes()], |row| {
        let unsigned = count(row, 4)?;
        Ok(Waiting {
            changes: count(row, 0)?,
            through: count(row, 1)?,
            after_entry: place(row.get(2)?),
            refused: count(row, 3)?,
            unsigned,
        })
    })?)
}
