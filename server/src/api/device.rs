//! Enrolment of terminals and their sessions.

use super::Json;
use crate::app::App;
use crate::enrol;
use crate::error::ApiError;
use crate::store::devices;
use crate::sync::carry;
use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::routing::post;
use fieldproof_schema::certificate::SignedCertificate;
use fieldproof_schema::limits::{CHALLENGE_SECONDS, DEVICE_SESSION_SECONDS};
use fieldproof_schema::suite::Purpose;
use fieldproof_schema::wire::device::{
    Challenge, ChallengeRequest, EnrolRequest, Enrolled, Session, SessionRequest,
};
use fieldproof_schema::wire::error::ErrorCode;
use std::net::SocketAddr;

/// The routes of this resource.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/enrolment", post(enrol))
        .route("/api/v1/device/challenge", post(challenge))
        .route("/api/v1/device/session", post(session))
        .route("/api/v1/device/readmission", post(readmission))
}

/// Where a request comes from, for counting failures: the address without its port.
pub fn peer(info: Option<&ConnectInfo<SocketAddr>>) -> String {
    info.map_or_else(|| "peer:unknown".to_owned(), |ConnectInfo(address)| format!("peer:{}", address.ip()))
}

#[utoipa::path(post, path = "/api/v1/enrolment", tag = "device", request_body = serde_json::Value, responses(
    (status = 200, description = "Enrolled; repeating the request with the same device gives the same answer"),
    (status = 403, description = "enrolment_code_unknown"), (status = 409, description = "enrolment_code_used"),
    (status = 410, description = "enrolment_code_expired"), (status = 422, description = "enrolment_proof_invalid"),
    (status = 429, description = "too_many_tries")))]
pub(crate) async fn enrol(
    State(app): State<App>,
    info: Option<axum::Extension<ConnectInfo<SocketAddr>>>,
    Json(request): Json<EnrolRequest>,
) -> Result<axum::Json<Enrolled>, ApiError> {
    let peer = peer(info.as_ref().map(|axum::Extension(info)| info));
    Ok(axum::Json(enrol::enrol(&app, request, peer).await?))
}

#[utoipa::path(post, path = "/api/v1/device/challenge", tag = "device", request_body = serde_json::Value, responses(
    (status = 200, description = "A text to sign"), (status = 401, description = "device_unknown")))]
pub(crate) async fn challenge(
    State(app): State<App>,
    Json(request): Json<ChallengeRequest>,
) -> Result<axum::Json<Challenge>, ApiError> {
    let (org, now) = (app.org().await?, app.now());
    let challenge = hex::encode(app.random::<32>());
    let text = challenge.clone();
    app.db
        .write(move |tx| {
            devices::find(tx, org, request.device)?.ok_or(ErrorCode::DeviceUnknown)?;
            devices::insert_challenge(tx, org, request.device, &text, now.plus_seconds(CHALLENGE_SECONDS))?;
            Ok::<_, ApiError>(())
        })
        .await?;
    Ok(axum::Json(Challenge { challenge }))
}

#[utoipa::path(post, path = "/api/v1/device/session", tag = "device", request_body = serde_json::Value, responses(
    (status = 200, description = "A session token"), (status = 401, description = "challenge_invalid")))]
pub(crate) async fn session(
    State(app): State<App>,
    Json(request): Json<SessionRequest>,
) -> Result<axum::Json<Session>, ApiError> {
    let (org, now) = (app.org().await?, app.now());
    let (token, hash) = app.token("d");
    let expires_at = now.plus_seconds(DEVICE_SESSION_SECONDS);
    let certificate = app
        .db
        .write(move |tx| {
            let device = devices::find(tx, org, request.device)?.ok_or(ErrorCode::DeviceUnknown)?;
            // One that was revoked gets a session, too: what it holds can still be handed over.
            let fresh = devices::take_challenge(tx, org, request.device, &request.challenge, now)?;
            let message = request.challenge.as_bytes();
            if !fresh || device.key.verify(Purpose::Session, message, &request.signature).is_err() {
                return Err(ErrorCode::ChallengeInvalid.into());
            }
            devices::insert_session(tx, org, request.device, &hash, now, expires_at)?;
            // Colleagues would take its work by it.
            let known = if device.revoked_at.is_none() { carry::certify(tx, org, device.id)? } else { None };
            Ok::<_, ApiError>(known)
        })
        .await?
        .map(|known| known.sign(app.key.as_ref()));
    Ok(axum::Json(Session { token, expires_at, certificate }))
}

#[utoipa::path(post, path = "/api/v1/device/readmission", tag = "device", request_body = serde_json::Value, responses(
    (status = 204, description = "A server that was restored knows the terminal again by its own word"),
    (status = 401, description = "device_unknown: its officer is not in the directory"),
    (status = 422, description = "certificate_invalid: not this server's word")))]
pub(crate) async fn readmission(
    State(app): State<App>,
    Json(certificate): Json<SignedCertificate>,
) -> Result<StatusCode, ApiError> {
    enrol::readmit(&app, &certificate).await?;
    Ok(StatusCode::NO_CONTENT)
}
