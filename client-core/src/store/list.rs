//! The list of inspections: a view that can be made again from changes and rows.

use super::columns::{count, id, id_or_none, moment_or_none, signed};
use super::entities::contains;
use crate::error::ClientError;
use fieldproof_schema::ids::{EntityId, InspectionId};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::reference::InspectionState;
use rusqlite::{Connection, OptionalExtension, Row, params};

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) inspection: InspectionId,
    pub(crate) scoped: bool,
    /// Whose visit it is; none while neither task nor document say.
    pub(crate) entity: Option<EntityId>,
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
    conflicts, quarantined, last_edit_at, entity FROM inspections";

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
        entity: id_or_none(row, 12)?,
    })
}

/// Replaces the line of an inspection.
pub(crate) fn put(tx: &Connection, line: &Line) -> Result<(), ClientError> {
    let mut statement = tx.prepare_cached(
        "INSERT OR REPLACE INTO inspections (inspection, scoped, entity_name, task_no, plan_name, due, state,
           answered, applicable, conflicts, quarantined, last_edit_at, entity)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
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
        line.entity.map(|entity| *entity.as_bytes()),
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

/// Which of the tasks, by what an officer has to do about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskGroup {
    /// To be done by today, or overdue.
    Today,
    /// To be done later, or at no set day.
    Later,
    /// Returned by a supervisor: to be supplemented.
    Returned,
    /// Sealed, accepted or disclosed.
    Done,
}

impl TaskGroup {
    /// Every group, in the order in which they matter.
    pub const ALL: &[TaskGroup] = &[Self::Today, Self::Later, Self::Returned, Self::Done];

    /// The name in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Today => "today",
            Self::Later => "later",
            Self::Returned => "returned",
            Self::Done => "done",
        }
    }

    /// Finds a group by its name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|group| group.as_str() == name)
    }
}

/// Which group a line is in on a day (`?1`).
const GROUP: &str = "CASE
    WHEN i.state = 'returned' THEN 'returned'
    WHEN i.state IN ('sealed', 'accepted', 'disclosed') THEN 'done'
    WHEN i.due <= ?1 THEN 'today'
    ELSE 'later' END";
/// What a terminal may show: what is in its scope, and whatever it has something unsent of.
const VISIBLE: &str = "(i.scoped = 1
    OR EXISTS (SELECT 1 FROM journal j WHERE j.inspection = i.inspection AND j.receipt IS NULL
         AND j.outcome IS NOT 'refused')
    OR i.inspection IN (SELECT r.inspection FROM runs r WHERE r.receipt IS NULL AND r.outcome IS NOT 'refused')
    OR i.inspection IN (SELECT c.inspection FROM changes c WHERE c.own = 1 AND c.run IS NULL)
    OR EXISTS (SELECT 1 FROM folded f WHERE f.inspection = i.inspection AND f.own > 0 AND f.held = 0)
    OR EXISTS (SELECT 1 FROM evidence e WHERE e.inspection = i.inspection AND e.receipt IS NULL))";
/// Whose name or task number has some words in it (`?2`).
const NAMED: &str = "(i.entity_name LIKE ?2 ESCAPE '\\' OR i.task_no LIKE ?2 ESCAPE '\\')";

/// How many lines each group has on a day.
pub(crate) fn groups(conn: &Connection, today: &str, words: &str) -> Result<Vec<(String, u64)>, ClientError> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {GROUP} AS place, COUNT(*) FROM inspections i WHERE {NAMED} AND {VISIBLE} GROUP BY place
         ORDER BY place"
    ))?;
    let rows =
        statement.query_map(params![today, contains(words)], |row| Ok((row.get(0)?, count(row, 1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A page of one group: what is due first, and of what is done the latest.
pub(crate) fn page(
    conn: &Connection,
    (group, today, words): (TaskGroup, &str, &str),
    from: u64,
    limit: u64,
) -> Result<Vec<Line>, ClientError> {
    let order = match group {
        TaskGroup::Done => "i.last_edit_at DESC NULLS LAST, i.inspection",
        TaskGroup::Today | TaskGroup::Later | TaskGroup::Returned => {
            "i.due NULLS LAST, i.entity_name, i.inspection"
        }
    };
    let mut statement = conn.prepare_cached(&format!(
        "{LINE} i WHERE {GROUP} = ?3 AND {NAMED} AND {VISIBLE} ORDER BY {order} LIMIT ?4 OFFSET ?5"
    ))?;
    let rows = statement
        .query_map(params![today, contains(words), group.as_str(), signed(limit), signed(from)], line)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The visits to an entity, the latest first.
pub(crate) fn of_entity(
    conn: &Connection,
    entity: EntityId,
    from: u64,
    limit: u64,
) -> Result<Vec<Line>, ClientError> {
    let mut statement = conn.prepare_cached(&format!(
        "{LINE} i WHERE i.entity = ?1 AND {VISIBLE}
         ORDER BY i.last_edit_at DESC NULLS LAST, i.inspection DESC LIMIT ?2 OFFSET ?3"
    ))?;
    let rows = statement.query_map(params![entity.as_bytes(), signed(limit), signed(from)], line)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Inspections of which the view does not say whose they are.
pub(crate) fn without_entity(conn: &Connection) -> Result<Vec<InspectionId>, ClientError> {
    let mut statement = conn.prepare_cached("SELECT inspection FROM inspections WHERE entity IS NULL")?;
    let rows = statement.query_map([], |row| id(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Notes whose visit an inspection is.
pub(crate) fn set_entity(
    tx: &Connection,
    inspection: InspectionId,
    entity: EntityId,
) -> Result<(), ClientError> {
    tx.prepare_cached("UPDATE inspections SET entity = ?2 WHERE inspection = ?1")?
        .execute(params![inspection.as_bytes(), entity.as_bytes()])?;
    Ok(())
}

/// Visits that this terminal is not given any more, behind one, in the order of their ids.
pub(crate) fn left_after(
    conn: &Connection,
    after: Option<InspectionId>,
    limit: usize,
) -> Result<Vec<InspectionId>, ClientError> {
    let mut statement = conn.prepare_cached(
        "SELECT inspection FROM inspections WHERE scoped = 0 AND (?1 IS NULL OR inspection > ?1)
         ORDER BY inspection LIMIT ?2",
    )?;
    let rows = statement
        .query_map(params![after.map(|id| *id.as_bytes()), signed(limit as u64)], |row| id(row, 0))?;
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
