//! Own changes that the server has given no receipt for, as they are looked at to be sent.

use super::columns::{count, digest, id, signed};
use crate::error::ClientError;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::suite::Digest;
use rusqlite::{Connection, OptionalExtension, params};

/// An own change that waits to be sent.
pub(crate) struct Pending {
    pub(crate) ordinal: u64,
    pub(crate) inspection: InspectionId,
    pub(crate) digest: Digest,
    pub(crate) size_bytes: usize,
    /// The place of its entry; `None` when the server holds the entry.
    pub(crate) after_entry: Option<u64>,
}

/// The first own change behind a place that waits to be sent, is signed, and is not of the visit `but`.
pub(crate) fn next(
    conn: &Connection,
    after: u64,
    but: Option<InspectionId>,
) -> Result<Option<Pending>, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT c.ordinal, c.digest, length(c.bytes), CASE WHEN j.receipt IS NULL THEN j.seq END, c.inspection
         FROM changes c JOIN journal j ON j.hash = c.entry
         WHERE c.own = 1 AND c.receipt IS NULL AND c.outcome IS NOT 'refused' AND c.ordinal > ?1
           AND c.inspection IS NOT ?2 ORDER BY c.ordinal LIMIT 1",
    )?;
    let found = statement.query_row(params![signed(after), but.map(|id| *id.as_bytes())], |row| {
        let after: Option<i64> = row.get(3)?;
        Ok(Pending {
            ordinal: count(row, 0)?,
            digest: digest(row, 1)?,
            size_bytes: usize::try_from(count(row, 2)?).unwrap_or(usize::MAX),
            after_entry: after.and_then(|seq| u64::try_from(seq).ok()),
            inspection: id(row, 4)?,
        })
    });
    Ok(found.optional()?)
}

/// What of a visit the server has given no receipt for.
pub(crate) struct Waiting {
    pub(crate) changes: u64,
    /// The last of them.
    pub(crate) through: u64,
    /// The place of the last entry that covers one of them and waits itself.
    pub(crate) after_entry: Option<u64>,
    pub(crate) unsigned: u64,
    pub(crate) refused: u64,
}

/// Counts what of a visit the server has given no receipt for.
pub(crate) fn waiting(conn: &Connection, inspection: InspectionId) -> Result<Waiting, ClientError> {
    let mut statement = conn.prepare_cached(
        // By entry first: few entries cover many changes.
        "SELECT COALESCE(SUM(c.changes), 0), COALESCE(MAX(c.through), 0),
           MAX(CASE WHEN j.receipt IS NULL THEN j.seq END),
           COALESCE(SUM(c.changes) FILTER (WHERE c.entry IS NULL), 0), COALESCE(SUM(c.refused), 0)
         FROM (SELECT entry, COUNT(*) AS changes, MAX(ordinal) AS through, SUM(outcome IS 'refused') AS refused
           FROM changes WHERE inspection = ?1 AND own = 1 AND receipt IS NULL GROUP BY entry) c
         LEFT JOIN journal j ON j.hash = c.entry",
    )?;
    Ok(statement.query_row([inspection.as_bytes()], |row| {
        let after: Option<i64> = row.get(2)?;
        Ok(Waiting {
            changes: count(row, 0)?,
            through: count(row, 1)?,
            after_entry: after.and_then(|seq| u64::try_from(seq).ok()),
            unsigned: count(row, 3)?,
            refused: count(row, 4)?,
        })
    })?)
}
