//! Rows of draw plans.

use super::{Args, Json, Listed, PageBefore, before, parse};
use crate::app::App;
use crate::auth::UserActor;
use crate::error::ApiError;
use crate::plans::{self as rows, PlanRow};
use crate::policy::Act;
use crate::store::plans::{self, Plan};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use fieldproof_schema::ids::PlanId;
use fieldproof_schema::moment::Moment;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new().route("/api/v1/plans", get(list).post(add)).route("/api/v1/plans/{id}/copy", post(copy))
}

/// A row of a plan as it is kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlanListed {
    #[schema(value_type = String)]
    id: PlanId,
    /// The unit whose entities are drawn.
    unit: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
    /// What it says.
    #[schema(value_type = Object)]
    plan: PlanRow,
}

impl From<Plan> for PlanListed {
    fn from(plan: Plan) -> Self {
        Self { id: plan.id, unit: plan.unit_code, created_at: plan.created_at, plan: plan.row }
    }
}

#[utoipa::path(get, path = "/api/v1/plans", tag = "plans", params(PageBefore), responses(
    (status = 200, description = "Rows of the asker's scope, newest first", body = Listed<PlanListed>)))]
pub(crate) async fn list(
    State(app): State<App>,
    actor: UserActor,
    Args(args): Args<PageBefore>,
) -> Result<axum::Json<Listed<PlanListed>>, ApiError> {
    actor.user.may(Act::ReadPlans)?;
    let before = before(args.before.as_deref())?;
    let (org, asker) = (actor.org, actor.user.id);
    let page = app.db.read(move |tx| plans::list(tx, org, asker, &before)).await?;
    Ok(Listed::of(page, PlanListed::from))
}

/// A row of a plan as it is posted.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AddPlan {
    /// The code of the unit whose entities are drawn, with everything below it.
    unit: String,
    /// The row, in the form of published plans; `population.choice` says which of two rules counts.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    plan: PlanRow,
}

#[utoipa::path(post, path = "/api/v1/plans", tag = "plans", request_body = AddPlan, responses(
    (status = 201, description = "The row", body = PlanListed),
    (status = 409, description = "state_wrong: year, plan number and task number are taken"),
    (status = 422, description = "field_invalid, plan_invalid")))]
pub(crate) async fn add(
    State(app): State<App>,
    actor: UserActor,
    Json(body): Json<AddPlan>,
) -> Result<(StatusCode, axum::Json<PlanListed>), ApiError> {
    let AddPlan { unit, plan } = body;
    let plan = rows::keep(&app, actor.org, &actor.user, unit, plan, None).await?;
    Ok((StatusCode::CREATED, axum::Json(plan.into())))
}

/// Where a copy goes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CopyPlan {
    year: i16,
}

#[utoipa::path(post, path = "/api/v1/plans/{id}/copy", tag = "plans", params(("id" = String, Path)),
    request_body = CopyPlan, responses(
    (status = 201, description = "The copy, with every date inside moved by whole years", body = PlanListed),
    (status = 404, description = "not_found"), (status = 409, description = "state_wrong: that year has the row"),
    (status = 422, description = "field_invalid")))]
pub(crate) async fn copy(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
    Json(body): Json<CopyPlan>,
) -> Result<(StatusCode, axum::Json<PlanListed>), ApiError> {
    let plan = rows::copy(&app, actor.org, &actor.user, parse("id", &id)?, body.year).await?;
    Ok((StatusCode::CREATED, axum::Json(plan.into())))
}
