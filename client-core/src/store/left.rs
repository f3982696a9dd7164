//! Visits that this terminal's officer left: what of them is not safe elsewhere, and taking the rest away.

use crate::error::ClientError;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::moment::Moment;
use rusqlite::{Connection, params};

/// Whether anything of a visit that stands by itself was not with the server at a moment, by its receipts and its word: own
/// changes and entries, which must count, too; captures, and recordings that are none yet; and what colleagues wrote.
pub(crate) fn any_unsafe(
    conn: &Connection,
    inspection: InspectionId,
    safe: Moment,
) -> Result<bool, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM changes c LEFT JOIN runs u ON u.id = c.run
             LEFT JOIN receipts r ON r.id = u.receipt WHERE c.inspection = ?1
             AND CASE WHEN c.own = 1 THEN u.outcome IS NOT 'accepted' OR r.at IS NULL OR r.at > ?2
                   ELSE c.device IS NOT NULL AND (c.latest IS NULL OR c.latest > ?2) END)
           OR EXISTS (SELECT 1 FROM journal j LEFT JOIN receipts r ON r.id = j.receipt WHERE j.inspection = ?1
             AND (COALESCE(j.outcome, 'accepted') <> 'accepted' OR r.at IS NULL OR r.at > ?2))
           OR EXISTS (SELECT 1 FROM evidence e LEFT JOIN receipts r ON r.id = e.receipt WHERE e.inspection = ?1
             AND (r.at IS NULL OR r.at > ?2))
           OR EXISTS (SELECT 1 FROM recordings WHERE inspection = ?1)
           OR EXISTS (SELECT 1 FROM brought b LEFT JOIN receipts r ON r.id = b.receipt WHERE b.inspection = ?1
             AND (r.at IS NULL OR r.at > ?2))",
    )?;
    Ok(statement.query_row(params![inspection.as_bytes(), safe.as_micros()], |row| row.get(0))?)
}

/// Takes away what is known about a visit besides its changes, captures and journal entries.
pub(crate) fn remove(tx: &Connection, inspection: InspectionId) -> Result<(), ClientError> {
    for table in ["carried", "parcels", "rows", "inspections"] {
        tx.execute(&format!("DELETE FROM {table} WHERE inspection = ?1"), [inspection.as_bytes()])?;
    }
    Ok(())
}
