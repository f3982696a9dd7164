//! Rows of draw plans (抽查计划).

use super::page::{Before, Page, rows_asked};
use super::within::in_scope;
use crate::db::{DbError, Row, Tx, params};
use crate::plans::PlanRow;
use fieldproof_schema::ids::{OrgId, PlanId, UserId};
use fieldproof_schema::moment::Moment;

/// A row of a plan as it is kept.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Which row.
    pub id: PlanId,
    /// The unit whose entities are drawn.
    pub unit_code: String,
    /// What it says.
    pub row: PlanRow,
    /// Who made it.
    pub created_by: UserId,
    /// When.
    pub created_at: Moment,
}

fn read(r: &Row) -> Result<Plan, DbError> {
    let body: String = r.get(2)?;
    Ok(Plan {
        id: r.get(0)?,
        unit_code: r.get(1)?,
        row: serde_json::from_str(&body).map_err(|error| r.invalid(2, error.to_string()))?,
        created_by: r.get(3)?,
        created_at: r.get(4)?,
    })
}

/// One row.
pub fn find(tx: &mut Tx<'_>, org: OrgId, id: PlanId) -> Result<Option<Plan>, DbError> {
    let row = tx.query_opt(
        "SELECT id, unit_code, body, created_by, created_at FROM plans WHERE org = $1 AND id = $2",
        &params![org, id],
    )?;
    row.map(|r| read(&r)).transpose()
}

/// Rows of the asker's scope, newest first.
pub fn list(tx: &mut Tx<'_>, org: OrgId, asker: UserId, before: &Before) -> Result<Page<Plan>, DbError> {
    let rows = tx.query(
        in_scope!(
            "SELECT id, unit_code, body, created_by, created_at FROM plans
             WHERE org = $1 AND unit_code IN (SELECT code FROM scope) AND (created_at, id) < ($3, $4)
             ORDER BY created_at DESC, id DESC LIMIT $5"
        ),
        &params![org, asker, before.at, &before.id, rows_asked()],
    )?;
    let rows = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(rows, |plan| Before { at: plan.created_at, id: plan.id.to_string() }.to_string()))
}

/// Adds a row; false when year, plan number and task number are taken.
pub fn insert(tx: &mut Tx<'_>, org: OrgId, plan: &Plan) -> Result<bool, DbError> {
    let row = &plan.row;
    let body = serde_json::to_string(row).expect("a plan is plain data with text keys");
    let added = tx.execute(
        "INSERT INTO plans (org, id, plan_no, task_no, name, year, unit_code, body, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (org, year, plan_no, task_no) DO NOTHING",
        &params![
            org,
            plan.id,
            &row.plan_no,
            &row.task_no,
            &row.name,
            i64::from(row.year),
            &plan.unit_code,
            body,
            plan.created_by,
            plan.created_at
        ],
    )?;
    Ok(added > 0)
}
