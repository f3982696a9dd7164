//! Checklists.

use super::{Json, Listed, reason};
use crate::app::App;
use crate::auth::UserActor;
use crate::error::ApiError;
use crate::policy::Act;
use crate::store::templates;
use crate::withdrawal;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use fieldproof_schema::moment::Moment;
use fieldproof_schema::suite::Digest;
use fieldproof_schema::wire::error::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/templates", get(list))
        .route("/api/v1/templates/{id}/{revision}", get(show))
        .route("/api/v1/templates/{id}/{revision}/withdraw", post(withdraw))
}

/// A revision of a checklist.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TemplateListed {
    id: String,
    revision: String,
    #[schema(value_type = String)]
    hash: Digest,
    title: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    withdrawn_at: Option<Moment>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Moment,
}

impl From<templates::Listed> for TemplateListed {
    fn from(listed: templates::Listed) -> Self {
        let templates::Listed { id, revision, hash, title, withdrawn_at, created_at } = listed;
        Self { id, revision, hash, title, withdrawn_at, created_at }
    }
}

#[utoipa::path(get, path = "/api/v1/templates", tag = "templates", responses(
    (status = 200, description = "Every revision of every checklist", body = Listed<TemplateListed>)))]
pub(crate) async fn list(
    State(app): State<App>,
    actor: UserActor,
) -> Result<axum::Json<Listed<TemplateListed>>, ApiError> {
    actor.user.may(Act::ReadDirectory)?;
    let org = actor.org;
    let found = app.db.read(move |tx| templates::list(tx, org)).await?;
    Ok(axum::Json(Listed { rows: found.into_iter().map(TemplateListed::from).collect(), next: None }))
}

#[utoipa::path(get, path = "/api/v1/templates/{id}/{revision}", tag = "templates",
    params(("id" = String, Path), ("revision" = String, Path)), responses(
    (status = 200, description = "The checklist, in its canonical text", body = serde_json::Value),
    (status = 404, description = "not_found")))]
pub(crate) async fn show(
    State(app): State<App>,
    actor: UserActor,
    Path((id, revision)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    actor.user.may(Act::ReadDirectory)?;
    let org = actor.org;
    let body = app.db.read(move |tx| templates::body(tx, org, &id, &revision)).await?;
    let body = body.ok_or(ErrorCode::NotFound)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// Why a revision is withdrawn.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WithdrawBody {
    #[serde(default)]
    reason: String,
}

#[utoipa::path(post, path = "/api/v1/templates/{id}/{revision}/withdraw", tag = "templates",
    params(("id" = String, Path), ("revision" = String, Path)), request_body = serde_json::Value, responses(
    (status = 200, description = "`visits`: how many visits that are not sealed use it; each is asked about as a conflict"),
    (status = 404, description = "not_found"), (status = 409, description = "already_decided"),
    (status = 422, description = "reason_missing")))]
pub(crate) async fn withdraw(
    State(app): State<App>,
    actor: UserActor,
    Path((id, revision)): Path<(String, String)>,
    Json(body): Json<WithdrawBody>,
) -> Result<axum::Json<Value>, ApiError> {
    actor.user.may(Act::ChangeDirectory)?;
    let why = reason(&body.reason)?;
    let visits = withdrawal::withdraw(&app, actor.org, &actor.user, id, revision, why).await?;
    Ok(axum::Json(json!({"visits": visits})))
}
