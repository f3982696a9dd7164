//! The terminal itself: whether it listens, whose it is, enrolling, syncing, checking.

use super::{Json, shape};
use crate::app::App;
use crate::error::ApiError;
use crate::guard::HEALTH;
use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use fieldproof_client_core::{Client, Status};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(HEALTH, get(async || axum::Json(json!({"ok": true}))))
        .route("/api/v1/status", get(status))
        .route("/api/v1/enrol", post(enrol))
        .route("/api/v1/unlock", post(unlock))
        .route("/api/v1/sync", post(sync))
        .route("/api/v1/verify", get(verify))
}

async fn status(State(app): State<App>) -> Result<axum::Json<Status>, ApiError> {
    app.read(Client::status).await.map(axum::Json)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnrolBody {
    code: String,
    device_name: String,
    passphrase: String,
}

async fn enrol(State(app): State<App>, Json(body): Json<EnrolBody>) -> Result<axum::Json<Status>, ApiError> {
    app.enrol(body.code, body.device_name, body.passphrase).await.map(axum::Json)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnlockBody {
    passphrase: String,
}

async fn unlock(
    State(app): State<App>,
    Json(body): Json<UnlockBody>,
) -> Result<axum::Json<Status>, ApiError> {
    app.unlock(body.passphrase).await?;
    status(State(app)).await
}

async fn sync(State(app): State<App>) -> Result<axum::Json<Value>, ApiError> {
    let report = app.sync().await?;
    Ok(axum::Json(shape::sync_report(&report)))
}

async fn verify(State(app): State<App>) -> Result<axum::Json<Value>, ApiError> {
    let found = app.read(Client::verify).await?;
    Ok(axum::Json(shape::verification(&found)))
}
