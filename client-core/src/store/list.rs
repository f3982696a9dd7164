//! The list of inspections: a view that can be made again from changes and rows.

use super::columns::{id, moment_or_none};
use crate::error::ClientError;
use fieldproof_schema::ids::InspectionId;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::reference::InspectionState;
use rusqlite::{Connection, OptionalExtension, Row, params};

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) inspection: InspectionId,
    pub(crate) scoped: bool,
    pub(crate) entity_name: String,
    pub(crate) task_no: String,
    pub(crate) plan_name: String,
    pub(crate) due: Option<String>,
    pub(crate) state: InspectionState,
    pub(crate) answered: Option<u32>,
    pub(crate) applicable: Option<u32>,
    pub(crate) conflicts: u32,
    pub(crate) quarantined: u32,
    pub(crate) last_edit_at: Option<Moment>,
}

const LINE: &str =
    "SELECT inspection, scoped, entity_name, task_no, plan_name, due, state, answered, applicable,
    conflicts, quarantined, last_edit_at FROM inspections";

fn line(row: &Row<'_>) -> rusqlite::Result<Line> {
    let state: String = row.get(6)?;
    let state = InspectionState::find(&state).ok_or(rusqlite::Error::InvalidQuery)?;
    Ok(Line {
        inspection: id(row, 0)?,
        scoped: row.get(1)?,
        entity_name: row.get(2)?,
        task_no: row.get(3)?,
        plan_name: row.get(4)?,
        due: row.get(5)?,
        state,
        answered: row.get(7)?,
        applicable: row.get(8)?,
        conflicts: row.get(9)?,
        quarantined: row.get(10)?,
        last_edit_at: moment_or_none(row, 11)?,
    })
}

/// Replaces the line of an inspection.
pub(crate) fn put(tx: &Connection, line: &Line) -> Result<(), ClientError> {
    let mut statement = tx.prepare_cached(
        "INSERT OR REPLACE INTO inspections (inspection, scoped, entity_name, task_no, plan_name, due, state,
           answered, applicable, conflicts, quarantined, last_edit_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    statement.execute(params![
        line.inspection.as_bytes(),
        line.scoped,
        line.entity_name,
        line.task_no,
        line.plan_name,
        line.due,
        line.state.as_str(),
        line.answered,
        line.applicable,
        line.conflicts,
        line.quarantined,
        line.last_edit_at.map(Moment::as_micros),
    ])?;
    Ok(())
}

/// All lines: what is due first, then by name.
pub(crate) fn all(conn: &Connection) -> Result<Vec<Line>, ClientError> {
    let mut statement =
        conn.prepare_cached(&format!("{LINE} ORDER BY due NULLS LAST, entity_name, inspection"))?;
    let rows = statement.query_map([], line)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The line of an inspection.
pub(crate) fn find(conn: &Connection, inspection: InspectionId) -> Result<Option<Line>, ClientError> {
    let mut statement = conn.prepare_cached(&format!("{LINE} WHERE inspection = ?1"))?;
    Ok(statement.query_row([inspection.as_bytes()], line).optional()?)
}

/// Inspections whose progress could not be counted: the checklist or the document was missing.
pub(crate) fn without_progress(conn: &Connection) -> Result<Vec<InspectionId>, ClientError> {
    let mut statement = conn.prepare_cached("SELECT inspection FROM inspections WHERE applicable IS NULL")?;
    let rows = statement.query_map([], |row| id(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Empties the view.
pub(crate) fn clear(tx: &Connection) -> Result<(), ClientError> {
    tx.execute("DELETE FROM inspections", [])?;
    Ok(())
}
