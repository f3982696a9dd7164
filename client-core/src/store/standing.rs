//! How far the own records got, counted from receipts alone.
//!
//! A record is what an officer would miss: a change, a capture, a signature. Entries of the journal that only accompany
//! one are not counted.

use super::columns::{count, digest, id, signed};
use super::evidence::{NEWEST, order};
use crate::error::ClientError;
use fieldproof_schema::ids::{InspectionId, RecordId};
use fieldproof_schema::suite::Digest;
use rusqlite::{Connection, Row, params};
use serde::Serialize;

/// Own records by how far they got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Standing {
    /// On this terminal only; what the server refused is among them.
    pub here: u64,
    /// The server has given a receipt for the journal entry, not for the content.
    pub sent: u64,
    /// The server has given a receipt for the content.
    pub held: u64,
}

impl Standing {
    /// True when there is nothing that the server does not hold.
    pub fn is_held(&self) -> bool {
        self.here + self.sent == 0
    }
}

/// The counts of own changes that no entry covers yet, of those that runs count, and of those that are folded; of captures,
/// and of signatures; and the column that says of which inspection they are.
pub(crate) const COUNTS: [(&str, &str); 5] = [
    ("SELECT COUNT(*) AS here, 0 AS sent, 0 AS held FROM changes WHERE own = 1 AND run IS NULL", "inspection"),
    (
        "SELECT COALESCE(SUM(r.changes) FILTER (WHERE r.receipt IS NULL AND j.receipt IS NULL), 0),
           COALESCE(SUM(r.changes) FILTER (WHERE r.receipt IS NULL AND j.receipt IS NOT NULL), 0),
           COALESCE(SUM(r.changes) FILTER (WHERE r.receipt IS NOT NULL), 0)
         FROM runs r LEFT JOIN journal j ON j.hash = r.entry AND r.receipt IS NULL WHERE TRUE",
        "r.inspection",
    ),
    (
        "SELECT COALESCE(SUM(CASE held WHEN 0 THEN own END), 0), 0, COALESCE(SUM(CASE held WHEN 1 THEN own END), 0)
         FROM folded WHERE own > 0",
        "inspection",
    ),
    (
        "SELECT COALESCE(SUM(e.receipt IS NULL AND j.receipt IS NULL), 0),
           COALESCE(SUM(e.receipt IS NULL AND j.receipt IS NOT NULL), 0), COUNT(e.receipt)
         FROM evidence e LEFT JOIN journal j ON j.hash = e.entry WHERE TRUE",
        "e.inspection",
    ),
    ("SELECT COUNT(*) - COUNT(receipt), 0, COUNT(receipt) FROM journal WHERE kind = 'sealed'", "inspection"),
];

fn standing(row: &Row<'_>, first: usize) -> rusqlite::Result<Standing> {
    Ok(Standing { here: count(row, first)?, sent: count(row, first + 1)?, held: count(row, first + 2)? })
}

/// All counts together, each narrowed down by a condition on its column.
fn sum(narrow: impl Fn(&str) -> String) -> String {
    let parts = COUNTS.map(|(sql, column)| sql.to_owned() + &narrow(column));
    format!("SELECT SUM(here), SUM(sent), SUM(held) FROM ({})", parts.join(" UNION ALL "))
}

/// Counts for the whole store.
pub(crate) fn total(conn: &Connection) -> Result<Standing, ClientError> {
    let mut statement = conn.prepare_cached(&sum(|_| String::new()))?;
    Ok(statement.query_row([], |row| standing(row, 0))?)
}

/// Counts for one inspection.
pub(crate) fn of(conn: &Connection, inspection: InspectionId) -> Result<Standing, ClientError> {
    let mut statement = conn.prepare_cached(&sum(|column| format!(" AND {column} = ?1")))?;
    Ok(statement.query_row([inspection.as_bytes()], |row| standing(row, 0))?)
}

/// Inspections with own records, those first of which the server does not hold everything; then by name. Of
/// a visit that was deleted only signatures are left, in the journal: it is not among them.
pub(crate) fn by_inspection(
    conn: &Connection,
    from: u64,
    limit: u64,
) -> Result<Vec<(InspectionId, String, Standing)>, ClientError> {
    let mut statement = conn.prepare_cached(
        "WITH parts (inspection, here, sent, held) AS (
           SELECT inspection, COUNT(*), 0, 0 FROM changes WHERE own = 1 AND run IS NULL GROUP BY inspection
           UNION ALL SELECT r.inspection,
             COALESCE(SUM(r.changes) FILTER (WHERE r.receipt IS NULL AND j.receipt IS NULL), 0),
             COALESCE(SUM(r.changes) FILTER (WHERE r.receipt IS NULL AND j.receipt IS NOT NULL), 0),
             COALESCE(SUM(r.changes) FILTER (WHERE r.receipt IS NOT NULL), 0)
             FROM runs r LEFT JOIN journal j ON j.hash = r.entry AND r.receipt IS NULL GROUP BY r.inspection
           UNION ALL SELECT inspection, own * (1 - held), 0, own * held FROM folded WHERE own > 0
           UNION ALL SELECT e.inspection, SUM(e.receipt IS NULL AND j.receipt IS NULL),
             SUM(e.receipt IS NULL AND j.receipt IS NOT NULL), COUNT(e.receipt)
             FROM evidence e LEFT JOIN journal j ON j.hash = e.entry GROUP BY e.inspection
           UNION ALL SELECT inspection, COUNT(*) - COUNT(receipt), 0, COUNT(receipt) FROM journal
             WHERE kind = 'sealed' GROUP BY inspection)
         SELECT p.inspection, COALESCE(MAX(i.entity_name), ''), SUM(p.here), SUM(p.sent), SUM(p.held)
         FROM parts p LEFT JOIN inspections i ON i.inspection = p.inspection
         WHERE p.inspection IS NOT NULL GROUP BY p.inspection
         HAVING SUM(p.here) + SUM(p.sent) > 0 OR COUNT(i.inspection) > 0
         ORDER BY SUM(p.here) + SUM(p.sent) = 0, MAX(i.entity_name), p.inspection LIMIT ?1 OFFSET ?2",
    )?;
    let rows = statement.query_map(params![signed(limit), signed(from)], |row| {
        Ok((id(row, 0)?, row.get(1)?, standing(row, 2)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A capture whose bytes the server does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) record: RecordId,
    pub(crate) inspection: InspectionId,
    pub(crate) entity_name: String,
    pub(crate) kind: String,
    pub(crate) item: Option<String>,
    pub(crate) size_bytes: u64,
    pub(crate) sent: bool,
    pub(crate) code: Option<String>,
}

/// Captures whose bytes the server does not hold: what cannot be sent first, then in the order in which they are sent.
pub(crate) fn waiting_captures(
    conn: &Connection,
    from: u64,
    limit: u64,
) -> Result<Vec<Waiting>, ClientError> {
    let mut statement = conn.prepare_cached(&format!(
        "WITH {NEWEST} SELECT e.record, e.inspection, COALESCE(i.entity_name, ''), e.kind, e.item, e.size_bytes,
           j.receipt IS NOT NULL, e.code
         FROM evidence e LEFT JOIN journal j ON j.hash = e.entry
         LEFT JOIN inspections i ON i.inspection = e.inspection
         LEFT JOIN newest ON newest.inspection = e.inspection
         WHERE e.receipt IS NULL ORDER BY e.code IS NULL, {} LIMIT ?1 OFFSET ?2",
        order("")
    ))?;
    let rows = statement.query_map(params![signed(limit), signed(from)], |row| {
        Ok(Waiting {
            record: id(row, 0)?,
            inspection: id(row, 1)?,
            entity_name: row.get(2)?,
            kind: row.get(3)?,
            item: row.get(4)?,
            size_bytes: count(row, 5)?,
            sent: row.get(6)?,
            code: row.get(7)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// An own item that the server did not simply accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Apart {
    pub(crate) item: Digest,
    pub(crate) inspection: Option<InspectionId>,
    pub(crate) entity_name: String,
    /// The kind of a journal entry; none for a change.
    pub(crate) kind: Option<String>,
    pub(crate) outcome: String,
    pub(crate) code: String,
}

/// Items that were refused, held apart, or wait for others, in this order.
pub(crate) fn apart(conn: &Connection, limit: u64) -> Result<Vec<Apart>, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT a.item, a.inspection, COALESCE(i.entity_name, ''), a.kind, a.outcome, COALESCE(a.code, '') FROM (
           SELECT hash AS item, inspection, kind, outcome, code FROM journal
             WHERE outcome IN ('waiting', 'quarantined', 'refused')
           UNION ALL SELECT c.digest, r.inspection, NULL, r.outcome, r.code FROM runs r JOIN changes c ON c.run = r.id
             WHERE r.outcome IN ('waiting', 'quarantined', 'refused')) a
         LEFT JOIN inspections i ON i.inspection = a.inspection
         ORDER BY a.outcome <> 'refused', a.outcome <> 'quarantined', i.entity_name, a.item LIMIT ?1",
    )?;
    let rows = statement.query_map([signed(limit)], |row| {
        Ok(Apart {
            item: digest(row, 0)?,
            inspection: super::columns::id_or_none(row, 1)?,
            entity_name: row.get(2)?,
            kind: row.get(3)?,
            outcome: row.get(4)?,
            code: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
