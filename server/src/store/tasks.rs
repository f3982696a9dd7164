//! Tasks (抽查任务): an entity to be inspected by a team. The body of a row is what devices receive: a [`TaskRow`].

use crate::db::{DbError, Tx, params};
use fieldproof_schema::document::TeamMember;
use fieldproof_schema::ids::{DrawId, InspectionId, OrgId, PlanId, TaskId};
use fieldproof_schema::reference::TaskRow;

/// Adds a task.
pub fn insert(
    tx: &mut Tx<'_>,
    org: OrgId,
    draw: DrawId,
    plan: PlanId,
    unit_code: &str,
    task: &TaskRow,
) -> Result<(), DbError> {
    let body = serde_json::to_string(task).expect("rows are plain data with text keys");
    tx.execute(
        "INSERT INTO tasks (org, id, draw, plan, entity, inspection, unit_code, due, body, dispatched_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &params![
            org,
            task.id,
            draw,
            plan,
            task.entity,
            task.inspection,
            unit_code,
            task.due.clone(),
            body,
            task.dispatched_at
        ],
    )?;
    Ok(())
}

/// The visit that fulfils a task, by the task's name as rows have it.
pub fn inspection(tx: &mut Tx<'_>, org: OrgId, task: &str) -> Result<Option<InspectionId>, DbError> {
    let row = tx.query_opt("SELECT inspection FROM tasks WHERE org = $1 AND id = $2", &params![org, task])?;
    row.map(|r| r.get(0)).transpose()
}

/// One task.
pub fn find(tx: &mut Tx<'_>, org: OrgId, id: TaskId) -> Result<Option<TaskRow>, DbError> {
    let row = tx.query_opt("SELECT body FROM tasks WHERE org = $1 AND id = $2", &params![org, id])?;
    let Some(row) = row else { return Ok(None) };
    let body: String = row.get(0)?;
    serde_json::from_str(&body).map(Some).map_err(|error| row.invalid(0, error.to_string()))
}

/// The tasks of a draw by id.
pub fn of_draw(tx: &mut Tx<'_>, org: OrgId, draw: DrawId) -> Result<Vec<TaskRow>, DbError> {
    let rows =
        tx.query("SELECT body FROM tasks WHERE org = $1 AND draw = $2 ORDER BY id", &params![org, draw])?;
    rows.iter()
        .map(|r| {
            let body: String = r.get(0)?;
            serde_json::from_str(&body).map_err(|error| r.invalid(0, error.to_string()))
        })
        .collect()
}

/// Changes whom a task is for.
pub fn change_team(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: TaskId,
    change: impl FnOnce(&mut Vec<TeamMember>),
) -> Result<(), DbError> {
    let Some(mut task) = find(tx, org, id)? else { return Ok(()) };
    change(&mut task.team);
    let body = serde_json::to_string(&task).expect("rows are plain data with text keys");
    tx.execute("UPDATE tasks SET body = $3 WHERE org = $1 AND id = $2", &params![org, id, body])?;
    Ok(())
}
