//! Recovery of terminals whose passphrase is forgotten: who keeps the shares of their keys, who helps, new keys of officers. And how
//! custodians are named.

use super::{Json, parse, reason};
use crate::app::App;
use crate::auth::{DeviceActor, UserActor};
use crate::custodians;
use crate::enrol;
use crate::error::ApiError;
use crate::policy::Act;
use crate::store::custodians as stored;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use fieldproof_schema::certificate::SignedCertificate;
use fieldproof_schema::ids::OfficerId;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::recovery::SignedCustodians;
use fieldproof_schema::wire::device::{CustodyRequest, HelpRequest, OfficerKeyRequest};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/device/custody", post(custody))
        .route("/api/v1/device/help", post(help))
        .route("/api/v1/device/officer-key", post(officer_key))
        .route("/api/v1/custodians", get(list).post(propose))
        .route("/api/v1/custodians/{officer}/confirm", post(confirm))
        .route("/api/v1/custodians/{officer}/end", post(end))
}

#[utoipa::path(post, path = "/api/v1/device/custody", tag = "device", request_body = serde_json::Value, responses(
    (status = 200, description = "Who keeps the shares of the device's key, signed by the server")))]
pub(crate) async fn custody(
    State(app): State<App>,
    actor: DeviceActor,
    Json(request): Json<CustodyRequest>,
) -> Result<axum::Json<SignedCustodians>, ApiError> {
    let named = custodians::exchange(&app, &actor, request.key).await?;
    Ok(axum::Json(named.sign(app.key.as_ref())))
}

#[utoipa::path(post, path = "/api/v1/device/help", tag = "device", request_body = serde_json::Value, responses(
    (status = 204, description = "It is written down that this device's officer helps to open another device"),
    (status = 403, description = "recovery_not_custodian, or device_revoked: the other one was"),
    (status = 422, description = "reason_missing, or recovery_text_invalid: the device is another officer's")))]
pub(crate) async fn help(
    State(app): State<App>,
    actor: DeviceActor,
    Json(request): Json<HelpRequest>,
) -> Result<StatusCode, ApiError> {
    custodians::help(&app, &actor, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/api/v1/device/officer-key", tag = "device", request_body = serde_json::Value, responses(
    (status = 200, description = "The officer's new key is registered: the device's certificate with it; can be repeated"),
    (status = 403, description = "enrolment_code_unknown, or another officer's"), (status = 409, description = "enrolment_code_used"),
    (status = 410, description = "enrolment_code_expired"), (status = 422, description = "enrolment_proof_invalid"),
    (status = 429, description = "too_many_tries")))]
pub(crate) async fn officer_key(
    State(app): State<App>,
    actor: DeviceActor,
    Json(request): Json<OfficerKeyRequest>,
) -> Result<axum::Json<SignedCertificate>, ApiError> {
    let certificate = enrol::register_officer_key(&app, &actor, request).await?;
    Ok(axum::Json(certificate.sign(app.key.as_ref())))
}

/// Somebody who keeps shares of terminals' keys.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CustodianListed {
    #[schema(value_type = String)]
    officer: OfficerId,
    name: String,
    /// For the terminals of this unit and of everything below it.
    unit: String,
    #[schema(value_type = String, format = DateTime)]
    proposed_at: Moment,
    proposed_by: String,
    /// None until another administrator confirmed her.
    #[schema(value_type = Option<String>, format = DateTime)]
    confirmed_at: Option<Moment>,
    confirmed_by: Option<String>,
    /// How many terminals of hers can open shares.
    terminals: i64,
}

impl From<stored::Listed> for CustodianListed {
    fn from(listed: stored::Listed) -> Self {
        let known = listed.custodian;
        Self {
            officer: known.officer,
            name: listed.name,
            unit: known.unit,
            proposed_at: known.proposed_at,
            proposed_by: listed.proposed_by,
            confirmed_at: known.confirmed_at,
            confirmed_by: listed.confirmed_by,
            terminals: listed.terminals,
        }
    }
}

#[utoipa::path(get, path = "/api/v1/custodians", tag = "devices", responses(
    (status = 200, description = "Custodians of the scope's units", body = Vec<CustodianListed>)))]
pub(crate) async fn list(
    State(app): State<App>,
    actor: UserActor,
) -> Result<axum::Json<Vec<CustodianListed>>, ApiError> {
    actor.user.may(Act::NameCustodians)?;
    let (org, asker) = (actor.org, actor.user.id);
    let listed = app.db.read(move |tx| stored::list(tx, org, asker)).await?;
    Ok(axum::Json(listed.into_iter().map(CustodianListed::from).collect()))
}

/// Who is proposed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Propose {
    officer: String,
    /// For the terminals of this unit and of everything below it; by default the officer's own.
    unit: Option<String>,
}

#[utoipa::path(post, path = "/api/v1/custodians", tag = "devices", request_body = Propose, responses(
    (status = 204, description = "Proposed; another administrator has to confirm it"), (status = 404, description = "not_found"),
    (status = 409, description = "already_decided, or state_wrong: not in service")))]
pub(crate) async fn propose(
    State(app): State<App>,
    actor: UserActor,
    Json(body): Json<Propose>,
) -> Result<StatusCode, ApiError> {
    actor.user.may(Act::NameCustodians)?;
    let officer = parse("officer", &body.officer)?;
    custodians::propose(&app, actor.org, &actor.user, officer, body.unit).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/api/v1/custodians/{officer}/confirm", tag = "devices", params(("officer" = String, Path)), responses(
    (status = 204, description = "Confirmed: terminals make shares for her"), (status = 404, description = "not_found"),
    (status = 403, description = "not_allowed: nobody confirms an own proposal"), (status = 409, description = "already_decided")))]
pub(crate) async fn confirm(
    State(app): State<App>,
    actor: UserActor,
    Path(officer): Path<String>,
) -> Result<StatusCode, ApiError> {
    actor.user.may(Act::NameCustodians)?;
    custodians::confirm(&app, actor.org, &actor.user, parse("officer", &officer)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Why somebody keeps no shares any more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct End {
    reason: String,
}

#[utoipa::path(post, path = "/api/v1/custodians/{officer}/end", tag = "devices", params(("officer" = String, Path)),
    request_body = End, responses(
    (status = 204, description = "Ended: terminals make their shares anew without her"), (status = 404, description = "not_found"),
    (status = 422, description = "reason_missing")))]
pub(crate) async fn end(
    State(app): State<App>,
    actor: UserActor,
    Path(officer): Path<String>,
    Json(body): Json<End>,
) -> Result<StatusCode, ApiError> {
    actor.user.may(Act::NameCustodians)?;
    let reason = reason(&body.reason)?;
    custodians::end(&app, actor.org, &actor.user, parse("officer", &officer)?, reason).await?;
    Ok(StatusCode::NO_CONTENT)
}
