//! Terminals as administrators manage them: enrolment codes, the list, revocation.

use super::{Args, Json, Listed, PageBefore, before, parse, reason};
use crate::app::App;
use crate::auth::UserActor;
use crate::codes::Issued;
use crate::devices;
use crate::error::ApiError;
use crate::policy::Act;
use crate::store::devices as terminals;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use fieldproof_schema::ids::{DeviceId, OfficerId};
use fieldproof_schema::moment::Moment;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/officers/{id}/enrolment-codes", post(issue))
        .route("/api/v1/devices", get(list))
        .route("/api/v1/devices/{id}/revoke", post(revoke))
}

/// A code that enrols one terminal, once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CodeIssued {
    /// To be typed on the terminal; the server keeps its hash only.
    #[schema(example = "K7M2-9QXD")]
    code: String,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Moment,
}

#[utoipa::path(post, path = "/api/v1/officers/{id}/enrolment-codes", tag = "devices", params(("id" = String, Path)),
    responses((status = 201, description = "A one-time code", body = CodeIssued),
    (status = 404, description = "not_found"), (status = 409, description = "state_wrong: not in service")))]
pub(crate) async fn issue(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
) -> Result<(StatusCode, axum::Json<CodeIssued>), ApiError> {
    actor.user.may(Act::ManageDevices)?;
    let id: OfficerId = parse("id", &id)?;
    let (_, Issued { code, expires_at }) = devices::invite(&app, actor.org, &actor.user, id).await?;
    Ok((StatusCode::CREATED, axum::Json(CodeIssued { code, expires_at })))
}

/// A terminal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeviceListed {
    #[schema(value_type = String)]
    id: DeviceId,
    name: String,
    #[schema(value_type = String)]
    officer: OfficerId,
    officer_name: String,
    unit: String,
    #[schema(value_type = String, format = DateTime)]
    enrolled_at: Moment,
    #[schema(value_type = Option<String>, format = DateTime)]
    seen_at: Option<Moment>,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Moment>,
    /// What it had not sent when it was last seen, as it said itself: changes, captures, bytes of captures.
    #[serde(skip_serializing_if = "Option::is_none")]
    unsent_changes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unsent_evidence: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unsent_bytes: Option<u64>,
}

impl From<terminals::Listed> for DeviceListed {
    fn from(listed: terminals::Listed) -> Self {
        let device = listed.device;
        Self {
            id: device.id,
            name: device.name,
            officer: device.officer,
            officer_name: listed.officer_name,
            unit: listed.unit_code,
            enrolled_at: device.enrolled_at,
            seen_at: device.seen_at,
            revoked_at: device.revoked_at,
            unsent_changes: device.unsent.map(|said| said.changes),
            unsent_evidence: device.unsent.map(|said| said.evidence),
            unsent_bytes: device.unsent.map(|said| said.evidence_bytes),
        }
    }
}

#[utoipa::path(get, path = "/api/v1/devices", tag = "devices", params(PageBefore), responses(
    (status = 200, description = "Terminals of the scope's officers, newest first", body = Listed<DeviceListed>)))]
pub(crate) async fn list(
    State(app): State<App>,
    actor: UserActor,
    Args(args): Args<PageBefore>,
) -> Result<axum::Json<Listed<DeviceListed>>, ApiError> {
    actor.user.may(Act::ManageDevices)?;
    let before = before(args.before.as_deref())?;
    let (org, asker) = (actor.org, actor.user.id);
    let page = app.db.read(move |tx| terminals::list(tx, org, asker, &before)).await?;
    Ok(Listed::of(page, DeviceListed::from))
}

/// A revocation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revoke {
    reason: String,
}

#[utoipa::path(post, path = "/api/v1/devices/{id}/revoke", tag = "devices", params(("id" = String, Path)),
    request_body = Revoke, responses(
    (status = 204, description = "Its sessions have ended and it opens no more; what it sent stays"),
    (status = 404, description = "not_found"), (status = 409, description = "already_decided"),
    (status = 422, description = "reason_missing")))]
pub(crate) async fn revoke(
    State(app): State<App>,
    actor: UserActor,
    Path(id): Path<String>,
    Json(body): Json<Revoke>,
) -> Result<StatusCode, ApiError> {
    actor.user.may(Act::ManageDevices)?;
    let id: DeviceId = parse("id", &id)?;
    let reason = reason(&body.reason)?;
    devices::revoke(&app, actor.org, &actor.user, id, reason).await?;
    Ok(StatusCode::NO_CONTENT)
}
