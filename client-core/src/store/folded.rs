//! Inspections that came whole and were not opened yet, and those of which something is missing here.

use super::columns::id;
use crate::error::ClientError;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::wire::row::Origin;
use rusqlite::{Connection, OptionalExtension};

/// Notes that all changes of an inspection are in its snapshot, and where they come from.
pub(crate) fn put(tx: &Connection, inspection: InspectionId, origins: &[Origin]) -> Result<(), ClientError> {
    let bytes = minicbor::to_vec(origins).expect("writing to memory cannot fail");
    tx.prepare_cached(
        "INSERT INTO folded (inspection, origins) VALUES (?1, ?2)
         ON CONFLICT (inspection) DO UPDATE SET origins = excluded.origins",
    )?
    .execute((inspection.as_bytes(), bytes))?;
    Ok(())
}

/// Where the changes of an inspection come from that is folded; `None` for one that is not.
pub(crate) fn get(conn: &Connection, inspection: InspectionId) -> Result<Option<Vec<Origin>>, ClientError> {
    let mut statement = conn.prepare_cached("SELECT origins FROM folded WHERE inspection = ?1")?;
    let bytes: Option<Vec<u8>> = statement.query_row([inspection.as_bytes()], |row| row.get(0)).optional()?;
    bytes
        .map(|bytes| minicbor::decode(&bytes).map_err(|_| ClientError::Damaged { what: "an origin" }))
        .transpose()
}

/// Whether an inspection is folded.
pub(crate) fn is(conn: &Connection, inspection: InspectionId) -> Result<bool, ClientError> {
    let mut statement = conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM folded WHERE inspection = ?1)")?;
    Ok(statement.query_row([inspection.as_bytes()], |row| row.get(0))?)
}

/// Notes that an inspection is not folded any more.
pub(crate) fn remove(tx: &Connection, inspection: InspectionId) -> Result<(), ClientError> {
    tx.prepare_cached("DELETE FROM folded WHERE inspection = ?1")?.execute([inspection.as_bytes()])?;
    Ok(())
}

/// Every inspection that is folded.
pub(crate) fn all(conn: &Connection) -> Result<Vec<InspectionId>, ClientError> {
    let mut statement = conn.prepare_cached("SELECT inspection FROM folded ORDER BY inspection")?;
    let rows = statement.query_map([], |row| id(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Asks for an inspection with the next sync, or stops asking.
pub(crate) fn want(tx: &Connection, inspection: InspectionId, wanted: bool) -> Result<(), ClientError> {
    let sql = if wanted {
        "INSERT INTO wanted (inspection) VALUES (?1) ON CONFLICT (inspection) DO NOTHING"
    } else {
        "DELETE FROM wanted WHERE inspection = ?1"
    };
    tx.prepare_cached(sql)?.execute([inspection.as_bytes()])?;
    Ok(())
}

/// Every inspection that is asked for.
pub(crate) fn wanted(conn: &Connection) -> Result<Vec<InspectionId>, ClientError> {
    let mut statement = conn.prepare_cached("SELECT inspection FROM wanted ORDER BY inspection")?;
    let rows = statement.query_map([], |row| id(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
