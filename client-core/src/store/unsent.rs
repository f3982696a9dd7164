//! What the server does not hold yet, counted from missing receipts and nothing else.

use super::columns::{count, id};
use crate::error::ClientError;
use fieldproof_schema::ids::InspectionId;
use rusqlite::{Connection, Row};
use serde::Serialize;
use std::collections::BTreeMap;

/// What the server has given no receipt for, and has not refused for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Unsent {
    /// Journal entries.
    pub entries: u64,
    /// Changes of inspections.
    pub changes: u64,
    /// Captures, and recordings that are none yet.
    pub evidence: u64,
    /// The captures' bytes.
    pub evidence_bytes: u64,
}

impl Unsent {
    /// True when the server holds everything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Counts for the whole store.
pub(crate) fn total(conn: &Connection) -> Result<Unsent, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT
           (SELECT COUNT(*) FROM journal WHERE receipt IS NULL AND outcome IS NOT 'refused'),
           (SELECT COALESCE(SUM(changes), 0) FROM runs WHERE receipt IS NULL AND outcome IS NOT 'refused')
             + (SELECT COUNT(*) FROM changes WHERE own = 1 AND run IS NULL)
             + (SELECT COALESCE(SUM(own), 0) FROM folded WHERE own > 0 AND held = 0),
           (SELECT COUNT(*) FROM evidence WHERE receipt IS NULL) + (SELECT COUNT(*) FROM recordings),
           (SELECT COALESCE(SUM(size_bytes), 0) FROM evidence WHERE receipt IS NULL)",
    )?;
    Ok(statement.query_row([], unsent)?)
}

/// Whether any journal entry or change waits: asked in every round, so nothing is counted.
pub(crate) fn any_to_push(conn: &Connection) -> Result<bool, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM journal WHERE receipt IS NULL AND outcome IS NOT 'refused')
           OR EXISTS (SELECT 1 FROM runs WHERE receipt IS NULL AND outcome IS NOT 'refused')
           OR EXISTS (SELECT 1 FROM changes WHERE own = 1 AND run IS NULL)",
    )?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Counts by inspection; inspections that the server holds as a whole are absent.
pub(crate) fn by_inspection(conn: &Connection) -> Result<BTreeMap<InspectionId, Unsent>, ClientError> {
    let mut found: BTreeMap<InspectionId, Unsent> = BTreeMap::new();
    let mut statement = conn.prepare_cached(
        "SELECT inspection, COUNT(*) FROM journal
         WHERE receipt IS NULL AND outcome IS NOT 'refused' AND inspection IS NOT NULL GROUP BY inspection",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        found.entry(id(row, 0)?).or_default().entries = count(row, 1)?;
    }
    let mut statement = conn.prepare_cached(
        "SELECT inspection, changes FROM runs WHERE receipt IS NULL AND outcome IS NOT 'refused'
         UNION ALL SELECT inspection, 1 FROM changes WHERE own = 1 AND run IS NULL
         UNION ALL SELECT inspection, own FROM folded WHERE own > 0 AND held = 0",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        found.entry(id(row, 0)?).or_default().changes += count(row, 1)?;
    }
    let mut statement = conn.prepare_cached(
        "SELECT inspection, 1, size_bytes FROM evidence WHERE receipt IS NULL
         UNION ALL SELECT inspection, 1, 0 FROM recordings",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let unsent = found.entry(id(row, 0)?).or_default();
        unsent.evidence += count(row, 1)?;
        unsent.evidence_bytes += count(row, 2)?;
    }
    Ok(found)
}

/// Counts for one inspection.
pub(crate) fn of_inspection(conn: &Connection, inspection: InspectionId) -> Result<Unsent, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT
           (SELECT COUNT(*) FROM journal WHERE inspection = ?1 AND receipt IS NULL AND outcome IS NOT 'refused'),
           (SELECT COALESCE(SUM(changes), 0) FROM runs
            WHERE inspection = ?1 AND receipt IS NULL AND outcome IS NOT 'refused')
             + (SELECT COUNT(*) FROM changes WHERE inspection = ?1 AND own = 1 AND run IS NULL)
             + (SELECT COALESCE(SUM(own), 0) FROM folded WHERE inspection = ?1 AND own > 0 AND held = 0),
           (SELECT COUNT(*) FROM evidence WHERE inspection = ?1 AND receipt IS NULL)
             + (SELECT COUNT(*) FROM recordings WHERE inspection = ?1),
           (SELECT COALESCE(SUM(size_bytes), 0) FROM evidence WHERE inspection = ?1 AND receipt IS NULL)",
    )?;
    Ok(statement.query_row([inspection.as_bytes()], unsent)?)
}

fn unsent(row: &Row<'_>) -> rusqlite::Result<Unsent> {
    Ok(Unsent {
        entries: count(row, 0)?,
        changes: count(row, 1)?,
        evidence: count(row, 2)?,
        evidence_bytes: count(row, 3)?,
    })
}

/// How many own items the server holds apart, has refused, and holds until their predecessors arrive.
pub(crate) fn verdicts(conn: &Connection) -> Result<(u64, u64, u64), ClientError> {
    let count_of = |outcome: &str| -> Result<u64, ClientError> {
        let mut statement = conn.prepare_cached(
            // The lists of outcomes let the small indexes serve.
            "SELECT (SELECT COUNT(*) FROM journal
                     WHERE outcome IN ('waiting', 'quarantined', 'refused') AND outcome = ?1)
                  + (SELECT COALESCE(SUM(changes), 0) FROM runs
                     WHERE outcome IN ('waiting', 'quarantined', 'refused') AND outcome = ?1)",
        )?;
        Ok(statement.query_row([outcome], |row| count(row, 0))?)
    };
    Ok((count_of("quarantined")?, count_of("refused")?, count_of("waiting")?))
}
