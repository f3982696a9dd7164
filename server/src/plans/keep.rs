//! Rows of plans are added and copied.

use super::{PlanRow, to_year};
use crate::app::App;
use crate::drawing;
use crate::error::ApiError;
use crate::policy::{Act, User};
use crate::store::audit::{self, Record};
use crate::store::plans::{self, Plan};
use fieldproof_schema::ids::{DecisionId, OrgId, PlanId};
use fieldproof_schema::wire::error::ErrorCode;
use serde_json::json;

/// Adds a row for the entities of a unit. `copy_of` is the row that it was made of.
///
/// # Errors
/// [`ErrorCode::FieldInvalid`], [`ErrorCode::PlanInvalid`]; [`ErrorCode::StateWrong`] when year, plan number and task
/// number are taken.
pub async fn keep(
    app: &App,
    org: OrgId,
    user: &User,
    unit_code: String,
    row: PlanRow,
    copy_of: Option<PlanId>,
) -> Result<Plan, ApiError> {
    user.may(Act::Draw)?;
    if !user.scope.contains(&unit_code) {
        return Err(ApiError::field("unit", "no such unit in your scope"));
    }
    row.check()?;
    let now = app.now();
    drawing::check_plan(&row, now)?;
    let id = PlanId::new(now, app.random());
    let plan = Plan { id, unit_code, row, created_by: user.id, created_at: now };
    let record = Record {
        id: DecisionId::new(now, app.random()),
        at: now,
        actor: format!("user:{}", user.id),
        act: "plan.added".to_owned(),
        subject: format!("plan:{id}"),
        details: json!({"unit": plan.unit_code, "year": plan.row.year, "copy_of": copy_of}),
    };
    let kept = plan.clone();
    app.db
        .write(move |tx| {
            if !plans::insert(tx, org, &kept)? {
                let row = &kept.row;
                let taken = json!({"year": row.year, "planNo": row.plan_no, "taskNo": row.task_no});
                return Err(ApiError::new(ErrorCode::StateWrong).with(json!({"taken": taken})));
            }
            audit::insert(tx, org, &record)?;
            Ok(())
        })
        .await?;
    Ok(plan)
}

/// Copies a row to a year: every date inside moves by whole years.
///
/// # Errors
/// Those of [`keep`], and [`ErrorCode::NotFound`].
pub async fn copy(app: &App, org: OrgId, user: &User, id: PlanId, year: i16) -> Result<Plan, ApiError> {
    user.may(Act::Draw)?;
    let plan = find(app, org, user, Act::Draw, id).await?;
    let row = to_year(&plan.row, year);
    keep(app, org, user, plan.unit_code, row, Some(id)).await
}

/// A row of the asker's scope, for an act.
///
/// # Errors
/// [`ErrorCode::NotFound`], [`ErrorCode::NotAllowed`].
pub async fn find(app: &App, org: OrgId, user: &User, act: Act, id: PlanId) -> Result<Plan, ApiError> {
    let plan = app.db.read(move |tx| plans::find(tx, org, id)).await?.ok_or(ErrorCode::NotFound)?;
    user.may_on(act, &plan.unit_code)?;
    Ok(plan)
}
