//! Who goes: administrators change the team of a visit after the dispatch.

use super::{Json, parse, reason};
use crate::app::App;
use crate::auth::UserActor;
use crate::error::ApiError;
use crate::policy::Act;
use crate::reassign::{self, Change, Step};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::post;
use fieldproof_schema::ids::OfficerId;
use fieldproof_schema::reference::Decision;
use serde::Deserialize;
use utoipa::ToSchema;

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new().route("/api/v1/inspections/{id}/team", post(change))
}

/// One change of a team.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Whose.
    #[schema(value_type = String)]
    officer: OfficerId,
    /// Joins or leaves.
    change: Step,
    /// Why.
    reason: String,
}

#[utoipa::path(post, path = "/api/v1/inspections/{id}/team", tag = "inspections", params(("id" = String, Path)),
    request_body = Wanted, responses(
    (status = 200, description = "The decision, as the terminals are told", body = serde_json::Value),
    (status = 404, description = "not_found"), (status = 409, description = "already_decided, state_wrong, team_size"),
    (status = 422, description = "reason_missing")))]
pub(crate) async fn change(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
    Json(wanted): Json<Wanted>,
) -> Result<axum::Json<Decision>, ApiError> {
    actor.user.may(Act::Reassign)?;
    let Wanted { officer, change: step, reason: why } = wanted;
    let change = Change { officer, step, reason: reason(&why)? };
    let decision = reassign::change(&app, actor.org, &actor.user, parse("id", &id)?, change).await?;
    Ok(axum::Json(decision))
}
